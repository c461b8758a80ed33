//! Every signal to tini, dumb-init, catatonit, and to rootlet by their names.
//!
//! Both get the same signals in the same places, and must do the same with them but for what the tables of
//! intended differences say. A row of those holds what both do, so one that is no longer true fails.

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use support::{
    Arrival, Case, Fate, SENTINEL, SITUATIONS, Seen, Situation, Wrapped, build_probe, case,
    on_path, ranges, set_of,
};

const KILL: i32 = 9;
const CHLD: i32 = 17;
const CONT: i32 = 18;
const STOP: i32 = 19;

/// What the kernel says of a signal's origin: kill(2) and sigqueue(3).
const SI_USER: i32 = 0;
const SI_QUEUE: i32 = -1;

/// Wrappers that run at a time: most of their time is spent on waiting for another process.
const WORKERS: usize = 6;

/// One of the wrappers in one of its modes.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    options: &'static [&'static str],
    /// Whether it sends to the program's process group.
    group: bool,
}

const MODES: [Mode; 6] = [
    Mode { name: "tini", options: &[], group: false },
    Mode { name: "tini", options: &["-g"], group: true },
    Mode { name: "dumb-init", options: &[], group: true },
    Mode { name: "dumb-init", options: &["-c"], group: false },
    Mode { name: "catatonit", options: &[], group: false },
    Mode { name: "catatonit", options: &["-g"], group: true },
];

impl Mode {
    fn label(&self) -> String {
        [&[self.name], self.options].concat().join(" ")
    }

    /// Starts the folder's wrapper of this name.
    fn start(&self, bench: &Bench, situation: Situation, folder: &Path) -> Result<Wrapped, String> {
        let wrapper = folder.join(self.name);
        let words = [&[wrapper.to_str().unwrap()], self.options, &["--"]].concat();
        Wrapped::start(&bench.probe, situation, &words)
    }
}

/// What is compared: folders with a wrapper of each name.
struct Bench {
    _case: Case,
    probe: PathBuf,
    originals: PathBuf,
    /// The whole binary, and the one with the init role alone.
    rootlets: [PathBuf; 2],
}

impl Bench {
    fn of(case: Case) -> Bench {
        let names = MODES.map(|mode| mode.name);
        let originals = case.folder("originals");
        for name in names {
            // One of the tests needs no peers.
            if let Some(program) = on_path(name) {
                symlink(program, originals.join(name)).ok();
            }
        }
        let binaries = [("rootlet", support::bin()), ("rootlet-init", support::init_bin())];
        let rootlets = binaries.map(|(folder, binary)| {
            let folder = case.folder(folder);
            for name in names {
                symlink(&binary, folder.join(name)).ok();
            }
            folder
        });
        Bench { probe: build_probe(&case), _case: case, originals, rootlets }
    }
}

/// Does all the work on a few threads; what each piece returns are failures, of which there must be none.
fn demand_all<T: Sync>(pieces: &[T], work: impl Fn(&T) -> Vec<String> + Sync) {
    let queue = Mutex::new(pieces.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(piece) = queue.lock().unwrap().next() else { return };
                    let found = work(piece);
                    failures.lock().unwrap().extend(found);
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures.dedup();
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

/// What was seen of a wrapper, or why that could not be seen.
type Observed = Result<String, String>;

/// What is wrong about two behaviours, where a row may say what each is to be.
fn verdict(original: &Observed, rootlet: &Observed, row: Option<(&str, &str)>) -> Option<String> {
    let (original, rootlet) = match (original, rootlet) {
        (Ok(original), Ok(rootlet)) => (original, rootlet),
        // Not even two that fail alike are good.
        (Err(error), _) => return Some(format!("the original {error}")),
        (_, Err(error)) => return Some(format!("rootlet {error}")),
    };
    match row {
        None if original == rootlet => None,
        None => Some(format!("the original: {original}; rootlet: {rootlet}")),
        Some((theirs, _)) if theirs != original => {
            Some(format!("the row says of the original: {theirs}; it is: {original}"))
        }
        Some((_, ours)) if ours != rootlet => {
            Some(format!("the row says of rootlet: {ours}; it is: {rootlet}"))
        }
        Some(_) => None,
    }
}

/// Where rootlet is meant to differ from the originals.
struct Difference {
    names: &'static [&'static str],
    signals: &'static [i32],
    pid_1: bool,
    original: &'static str,
    rootlet: &'static str,
    reason: &'static str,
}

// What a signal does, as `effect` tells it.
const FORWARDED: &str = "forwarded";
const SWALLOWED: &str = "swallowed";
const FATAL: &str = "swallowed, wrapper killed by it";
/// Of STOP, which is for the wrapper alone: nobody could forward it.
const STOPPED: &str = "swallowed, wrapper stopped, then CONT forwarded";

/// ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS: what the kernel sends for a fault of one's own.
const FAULTS: &[i32] = &[4, 5, 6, 7, 8, 11, 31];
/// The C library's own: sigfillset(3) leaves them out.
const HIDDEN: &[i32] = &[32, 33];
const TSTP: &[i32] = &[20];

const DIFFERENCES: &[Difference] = &[
    Difference {
        names: &["tini", "catatonit"],
        signals: FAULTS,
        pid_1: true,
        original: SWALLOWED,
        rootlet: FORWARDED,
        reason: "a fault that somebody sends is a message to the program (tini#104)",
    },
    Difference {
        names: &["tini", "catatonit"],
        signals: FAULTS,
        pid_1: false,
        original: FATAL,
        rootlet: FORWARDED,
        reason: "the program would be left without its wrapper",
    },
    Difference {
        names: &["tini", "dumb-init", "catatonit"],
        signals: HIDDEN,
        pid_1: true,
        original: SWALLOWED,
        rootlet: FORWARDED,
        reason: "there is no C library in rootlet that could need them",
    },
    Difference {
        names: &["tini", "dumb-init", "catatonit"],
        signals: HIDDEN,
        pid_1: false,
        original: FATAL,
        rootlet: FORWARDED,
        reason: "the program would be left without its wrapper",
    },
    Difference {
        names: &["catatonit"],
        signals: TSTP,
        pid_1: true,
        original: SWALLOWED,
        rootlet: FORWARDED,
        reason: "a program may handle TSTP (podman#18095)",
    },
    Difference {
        names: &["catatonit"],
        signals: TSTP,
        pid_1: false,
        original: SWALLOWED,
        rootlet: FORWARDED,
        reason: "a program may handle TSTP (podman#18095)",
    },
];

/// What one signal did, in words; signals are named by what they are for the mode where that is possible.
fn effect(mode: &Mode, signal: i32, seen: &Seen) -> String {
    let mut words = reach(mode, signal, &seen.program_got, &seen.member_got);
    let ended = matches!(seen.wrapper, Fate::Exited(_) | Fate::Killed(_));
    for (who, fate) in
        [("wrapper", seen.wrapper), ("program", seen.program), ("group", seen.member)]
    {
        match fate {
            Fate::Runs => {}
            Fate::Killed(by) if by == signal => words += &format!(", {who} killed by it"),
            // With the first process of a namespace all others end.
            Fate::Gone if ended => words += &format!(", {who} with it"),
            Fate::Stopped => words += &format!(", {who} stopped"),
            fate => words += &format!(", {who} {fate:?}"),
        }
    }
    if let Some((program, member)) = &seen.on_cont {
        words += &format!(", then CONT {}", reach(mode, CONT, program, member));
    }
    words
}

fn reach(mode: &Mode, signal: i32, program: &[i32], member: &[i32]) -> String {
    let to_group: &[i32] = if mode.group { &[signal] } else { &[] };
    match (program, member) {
        ([], []) => SWALLOWED.to_owned(),
        ([one], rest) if *one == signal && rest == to_group => FORWARDED.to_owned(),
        lists => {
            // Named so that those to which the same happens make one line.
            let name = |s: &i32| if *s == signal { "it".to_owned() } else { s.to_string() };
            let [program, member] = <[_; 2]>::from(lists)
                .map(|list| list.iter().map(name).collect::<Vec<_>>().join(" "));
            format!("[{program}] reach the program, [{member}] its group")
        }
    }
}

/// What every signal but KILL does to a wrapper.
fn sweep(bench: &Bench, mode: &Mode, situation: Situation, folder: &Path) -> Vec<(i32, Observed)> {
    // Those that stop come first: what is pending for the group's other process must be new when CONT follows.
    let others = (1..=SENTINEL).filter(|signal| !(STOP..=22).contains(signal) && *signal != KILL);
    let mut running = None;
    let mut observe = |signal| -> Observed {
        let mut wrapped = match running.take() {
            Some(wrapped) => wrapped,
            None => mode.start(bench, situation, folder)?,
        };
        let seen = wrapped.observe(signal)?;
        // What has stopped or ended makes room for a new one.
        if seen.wrapper == Fate::Runs && seen.on_cont.is_none() {
            running = Some(wrapped);
        }
        Ok(effect(mode, signal, &seen))
    };
    let mut effects = Vec::new();
    for signal in (STOP..=22).chain(others) {
        effects.push((signal, observe(signal)));
        // Each further signal would take as long.
        if effects.last().is_some_and(|(_, effect)| effect.is_err()) {
            break;
        }
    }
    effects
}

#[test]
fn every_signal_has_the_originals_effect() {
    let bench = Bench::of(case!("-", "tini", "dumb-init", "catatonit", "cc"));
    for row in DIFFERENCES {
        assert_ne!(row.original, row.rootlet, "no difference: {}", row.reason);
    }
    let places = MODES.iter().flat_map(|mode| SITUATIONS.map(|situation| (mode, situation)));
    let places: Vec<_> = places.collect();
    demand_all(&places, |&(mode, situation)| {
        let originals = sweep(&bench, mode, situation, &bench.originals);
        let rootlets = bench.rootlets.each_ref().map(|dir| sweep(&bench, mode, situation, dir));
        // By what is wrong, as most mistakes concern many signals.
        let mut wrong = BTreeMap::<String, u64>::new();
        for rootlet in &rootlets {
            for (&(signal, ref theirs), (_, ours)) in originals.iter().zip(rootlet) {
                let mut rows = DIFFERENCES.iter().filter(|row| {
                    row.names.contains(&mode.name)
                        && row.signals.contains(&signal)
                        && row.pid_1 == situation.pid_1
                });
                let row = rows.next().map(|row| (row.original, row.rootlet));
                assert!(rows.next().is_none(), "two rows for {} and {signal}", mode.name);
                let row = row.or((signal == STOP).then_some((STOPPED, STOPPED)));
                if let Some(what) = verdict(theirs, ours, row) {
                    *wrong.entry(what).or_default() |= set_of(&[signal]);
                }
            }
        }
        let place = format!("{}, {}", mode.label(), situation.name());
        let line = |(what, set): (&String, &u64)| format!("{place}, {}: {what}", ranges(*set));
        wrong.iter().map(line).collect()
    });
}

/// What a program is to inherit.
#[derive(Clone, Copy, PartialEq)]
struct Given {
    blocked: u64,
    ignored: u64,
}

const NOTHING: Given = Given { blocked: 0, ignored: 0 };
const USR1_TERM_BLOCKED: Given = Given { blocked: set_of(&[10, 15]), ..NOTHING };
/// As nohup protects a program.
const HUP_INT_IGNORED: Given = Given { ignored: set_of(&[1, 2]), ..NOTHING };
const CHLD_BLOCKED: Given = Given { blocked: set_of(&[CHLD]), ..NOTHING };
/// The kernel reaps the children of whoever ignores CHLD, and tells him nothing.
const CHLD_IGNORED: Given = Given { ignored: set_of(&[CHLD]), ..NOTHING };
const TERMINAL_BLOCKED: Given = Given { blocked: set_of(&[20, 21, 22]), ..NOTHING };
const TERMINAL_IGNORED: Given = Given { ignored: set_of(&[20, 21, 22]), ..NOTHING };
const ALL_BLOCKED: Given = Given { blocked: !set_of(&[KILL, STOP]), ..NOTHING };
const ALL_IGNORED: Given = Given { ignored: !set_of(&[KILL, STOP]), ..NOTHING };

const GIVEN: [Given; 9] = [
    NOTHING,
    USR1_TERM_BLOCKED,
    HUP_INT_IGNORED,
    CHLD_BLOCKED,
    CHLD_IGNORED,
    TERMINAL_BLOCKED,
    TERMINAL_IGNORED,
    ALL_BLOCKED,
    ALL_IGNORED,
];

/// What an original does to what its program is to inherit; rootlet changes nothing.
struct Change {
    name: &'static str,
    given: Given,
    original: &'static str,
    reason: &'static str,
}

const UNCHANGED: &str = "unchanged";
const LOST: &str = "a program under nohup would die of HUP, and one may count on what it blocks";
const ADDED: &str = "Ctrl-Z would have no effect (podman#18095)";
const BLIND: &str = "it would never end";
const LIBRARY: &str = "there is no C library in rootlet that could keep 32 and 33 to itself";

#[rustfmt::skip]
const CHANGES: &[Change] = &[
    Change { name: "tini", given: CHLD_IGNORED, original: "misses the end", reason: BLIND },
    Change { name: "tini", given: ALL_IGNORED, original: "misses the end", reason: BLIND },
    Change { name: "tini", given: ALL_BLOCKED, original: "unblocks 32-33", reason: LIBRARY },
    Change { name: "dumb-init", given: USR1_TERM_BLOCKED, original: "unblocks 10 15", reason: LOST },
    Change { name: "dumb-init", given: HUP_INT_IGNORED, original: "heeds 1-2", reason: LOST },
    Change { name: "dumb-init", given: CHLD_BLOCKED, original: "unblocks 17", reason: LOST },
    Change { name: "dumb-init", given: CHLD_IGNORED, original: "heeds 17", reason: LOST },
    Change { name: "dumb-init", given: TERMINAL_BLOCKED, original: "unblocks 20-22", reason: LOST },
    Change { name: "dumb-init", given: TERMINAL_IGNORED, original: "heeds 20-22", reason: LOST },
    Change { name: "dumb-init", given: ALL_BLOCKED, original: "unblocks 1-8 10-18 20-31 34-64", reason: LOST },
    Change { name: "dumb-init", given: ALL_IGNORED, original: "heeds 1-8 10-18 20-31", reason: LOST },
    Change { name: "catatonit", given: NOTHING, original: "blocks 20-22", reason: ADDED },
    Change { name: "catatonit", given: USR1_TERM_BLOCKED, original: "blocks 20-22", reason: ADDED },
    Change { name: "catatonit", given: HUP_INT_IGNORED, original: "blocks 20-22", reason: ADDED },
    Change { name: "catatonit", given: CHLD_BLOCKED, original: "blocks 20-22", reason: ADDED },
    Change { name: "catatonit", given: CHLD_IGNORED, original: "blocks 20-22, misses the end", reason: BLIND },
    Change { name: "catatonit", given: TERMINAL_IGNORED, original: "blocks 20-22", reason: ADDED },
    Change { name: "catatonit", given: ALL_BLOCKED, original: "unblocks 32-33", reason: LIBRARY },
    Change { name: "catatonit", given: ALL_IGNORED, original: "blocks 20-22, misses the end", reason: BLIND },
];

/// What a wrapper does to what its program inherits, and with signals and the program's end then.
fn inheritance(bench: &Bench, mode: &Mode, situation: Situation, folder: &Path) -> Observed {
    let mut wrapped = mode.start(bench, situation, folder)?;
    let (blocked, ignored) = wrapped.inherited;
    let changes = [
        ("unblocks", situation.blocked & !blocked),
        ("blocks", blocked & !situation.blocked),
        ("heeds", situation.ignored & !ignored),
        ("ignores", ignored & !situation.ignored),
    ];
    let changes = changes.into_iter().filter(|(_, set)| *set != 0);
    let mut words: Vec<_> = changes.map(|(what, set)| format!("{what} {}", ranges(set))).collect();
    // A signal that the wrapper itself got blocked or ignored is the program's all the same.
    for signal in [1, 2, 10, 15, 34] {
        let effect = effect(mode, signal, &wrapped.observe(signal)?);
        if effect != FORWARDED {
            words.push(format!("{signal} {effect}"));
        }
    }
    match wrapped.end_program()? {
        Fate::Exited(137) => {}
        Fate::Runs => words.push("misses the end".to_owned()),
        end => words.push(format!("{end:?}")),
    }
    Ok(if words.is_empty() { UNCHANGED.to_owned() } else { words.join(", ") })
}

#[test]
fn what_the_wrapper_got_blocked_and_ignored_is_the_programs() {
    let bench = Bench::of(case!("-", "tini", "dumb-init", "catatonit", "cc"));
    for row in CHANGES {
        assert_ne!(row.original, UNCHANGED, "no difference: {}", row.reason);
    }
    let mut places = Vec::new();
    for mode in &MODES {
        for Given { blocked, ignored } in GIVEN {
            // Giving the terminal away takes blocked signals, too.
            for place in [SITUATIONS[1], SITUATIONS[4]] {
                places.push((mode, Situation { blocked, ignored, ..place }));
            }
        }
    }
    demand_all(&places, |&(mode, situation)| {
        let given = Given { blocked: situation.blocked, ignored: situation.ignored };
        let row = CHANGES.iter().find(|row| row.name == mode.name && row.given == given);
        let row = row.map(|row| (row.original, UNCHANGED));
        let all = [&bench.originals, &bench.rootlets[0], &bench.rootlets[1]];
        let [theirs, whole, alone] = all.map(|folder| inheritance(&bench, mode, situation, folder));
        let wrong = [whole, alone].into_iter().filter_map(|ours| verdict(&theirs, &ours, row));
        wrong.map(|what| format!("{}, {}: {what}", mode.label(), situation.name())).collect()
    });
}

#[test]
fn a_signal_with_a_value_keeps_its_origin_where_one_process_gets_it() {
    let bench = Bench::of(case!("-", "tini", "dumb-init", "catatonit", "cc"));
    let places = MODES.iter().flat_map(|mode| SITUATIONS.map(|situation| (mode, situation)));
    demand_all(&places.collect::<Vec<_>>(), |&(mode, situation)| {
        let mut wrong = Vec::new();
        let folders = [&bench.originals, &bench.rootlets[0], &bench.rootlets[1]];
        for (index, folder) in folders.into_iter().enumerate() {
            let place = format!("{}, {}, {index}", mode.label(), situation.name());
            // A kill(2) of the wrapper's own, which is all that the originals know.
            let own_pid = if situation.pid_1 { 1 } else { 2 };
            let plain = |signal| Arrival { signal, code: SI_USER, pid: own_pid, uid: 0, value: 0 };
            let mut origins = || {
                let mut wrapped = mode.start(&bench, situation, folder)?;
                for (signal, value) in [(10, 0), (12, 77), (40, 0), (41, -5)] {
                    let (sender, got) = wrapped.send_inside(signal, value)?;
                    let queued = Arrival { signal, code: SI_QUEUE, pid: sender, uid: 0, value };
                    let keeps = index > 0 && value != 0 && !mode.group;
                    let wanted = if keeps { queued } else { plain(signal) };
                    if got != [wanted] {
                        wrong.push(format!("{place}: {got:?} instead of {wanted:?}"));
                    }
                }
                Ok::<_, String>(())
            };
            let end = origins();
            wrong.extend(end.err().map(|error| format!("{place}: {error}")));
        }
        wrong
    });
}

#[test]
fn rootlet_init_passes_on_every_signal_once_with_its_sender() {
    let bench = Bench::of(case!("-", "cc"));
    let binaries = [support::bin(), support::init_bin()];
    let places = binaries.iter().flat_map(|bin| SITUATIONS.map(|situation| (bin, situation)));
    demand_all(&places.collect::<Vec<_>>(), |&(bin, situation)| {
        let mut wrong = Vec::new();
        let mut sweep = || {
            let words = [bin.to_str().unwrap(), "init", "--"];
            let mut wrapped = Wrapped::start(&bench.probe, situation, &words)?;
            for signal in (1..=SENTINEL).filter(|signal| ![KILL, STOP].contains(signal)) {
                for value in [0, 1000 + signal] {
                    let (pid, got) = wrapped.send_inside(signal, value)?;
                    // The kernel lets nobody pretend a kill(2) by another process: the code is sigqueue(3)'s.
                    let whole = Arrival { signal, code: SI_QUEUE, pid, uid: 0, value };
                    let wanted = if signal == CHLD { vec![] } else { vec![whole] };
                    if got != wanted {
                        wrong.push(format!("{got:?} instead of {wanted:?}"));
                    }
                }
            }
            Ok::<_, String>(())
        };
        let end = sweep();
        wrong.extend(end.err());
        let place = format!("{}, {}", bin.display(), situation.name());
        wrong.iter().map(|what| format!("{place}: {what}")).collect()
    });
}
