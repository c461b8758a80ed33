//! What a PID 1 costs: rootlet's beside tini, dumb-init and catatonit.
//!
//! All run in the same rounds, in an order that alternates. Of each figure the medians and the minima are
//! compared with the best peer's, and the better of the two ratios counts: on a machine that is busy with
//! something else the minima are the better measure. How far two builds of one peer lie apart says how busy.

mod support;

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::symlink;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use support::{
    Call, Case, Rootlet, Running, Trace, case, compile, find_child, on_path, status_field,
};

/// How much worse than the best peer a figure may look for the noise in it.
const NOISE: f64 = 1.1;
/// The same for the slowest of a hundred.
const NOISE_OF_P99: f64 = 2.0;
/// Of the best peer's time on the processor, where 4000 processes live that are not to be reaped.
const MOST_WITH_SLEEPERS: f64 = 0.5;
/// On the program's way: rootlet's own up to the one that makes a process, then that one's up to execve.
const MOST_CALLS: usize = 12;
const MOST_ANON_KB: u32 = 32;
const MOST_BYTES: u64 = 20 * 1024;

/// Which of the peers need no libraries.
const STATIC: [&str; 2] = ["tini-static", "catatonit"];

/// After that long no further rounds begin; a run of the harness may take not much longer.
const FURTHER_ROUNDS: Duration = Duration::from_secs(12);

/// Nobody is blamed for fewer rounds: a busy machine may have had its worst moment in one.
const ROUNDS_TO_BLAME: usize = 3;

/// A peer's name and its options. Those of tini make it adopt orphans where it is not PID 1, as ours does.
const PEERS: [(&str, &[&str]); 4] = [
    ("tini", &["-s", "--"]),
    ("tini-static", &["-s", "--"]),
    ("dumb-init", &["--"]),
    ("catatonit", &["--"]),
];

/// A PID 1 that takes part.
struct Entrant {
    label: String,
    bin: PathBuf,
    options: Vec<&'static str>,
    ours: bool,
}

impl Entrant {
    /// The words that start a program below it.
    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.bin.to_str().unwrap()];
        words.extend(&self.options);
        words
    }
}

/// Which of rootlet's forms take part.
#[derive(PartialEq, PartialOrd)]
enum Ours {
    /// `rootlet init` of the init binary.
    OwnName,
    /// The same, and the peers' names.
    AllNames,
    /// The same, and `rootlet init` of the full binary.
    BothBinaries,
}

fn entrants(t: &Case, ours: Ours) -> Vec<Entrant> {
    let mut all: Vec<Entrant> = Vec::new();
    let mut add = |label: String, bin: PathBuf, options: &[&'static str], ours: bool| {
        all.push(Entrant { label, bin, options: options.to_vec(), ours });
    };
    for (name, options) in PEERS {
        add(name.to_owned(), on_path(name).unwrap(), options, false);
    }
    add("rootlet init".to_owned(), support::init_bin(), &["init", "--"], true);
    if ours >= Ours::AllNames {
        for (name, options) in PEERS.iter().filter(|(name, _)| *name != "tini-static") {
            let link = t.path(name);
            symlink(support::init_bin(), &link).unwrap();
            add(format!("rootlet as {name}"), link, options, true);
        }
    }
    if ours == Ours::BothBinaries {
        add("full rootlet init".to_owned(), support::bin(), &["init", "--"], true);
    }
    all
}

/// Those of the tests of reaping, with all programs in the session of their PID 1: the scheduler may take sessions
/// for groups that share the processors (autogroup), and what is in two of them wakes each other less often.
fn entrants_in_one_session(t: &Case) -> Vec<Entrant> {
    let mut all = entrants(t, Ours::OwnName);
    let dumb_init = all.iter_mut().find(|entrant| entrant.label == "dumb-init").unwrap();
    dumb_init.options.insert(0, "--single-child");
    all
}

/// Keeps other measurements away: each test holds it from its first line to its last.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has done no harm to the next one.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The C programs around and below an entrant.
struct Stage {
    stage: PathBuf,
    workload: PathBuf,
}

impl Stage {
    fn build(t: &Case) -> Stage {
        let [stage, workload] = ["stage", "workload"].map(|name| {
            let target = t.path(name);
            compile(name, &["-O2", "-static"], &target);
            target
        });
        Stage { stage, workload }
    }

    fn run(&self, t: &Case) -> Rootlet {
        // The loader of some peers would look for its libraries where cargo's are.
        Rootlet::new(&self.stage, t.dir()).clear_env()
    }

    /// An entrant as PID 1 of a pid namespace, with the workload as its program.
    fn below(&self, t: &Case, entrant: &Entrant, workload: &[&str]) -> Rootlet {
        let run = self.run(t).opt("--namespace").opts(entrant.words());
        run.opt(&self.workload).opts(workload)
    }

    /// Compares entrants that each have one run of a workload, which does `count` things in every round.
    fn compare(
        &self,
        t: &Case,
        all: &[Entrant],
        rounds: RangeInclusive<usize>,
        figures: [Figure; 2],
        (workload, count): (&[&str], &str),
    ) {
        let start = |entrant| self.below(t, entrant, workload).open_stdin().spawn();
        let mut runs: BTreeMap<&str, Running> =
            all.iter().map(|entrant| (entrant.label.as_str(), start(entrant))).collect();
        compare(all, rounds, figures, |entrant, round| {
            let run = runs.get_mut(entrant.label.as_str()).unwrap();
            run.say(count);
            numbers(run.expect(&format!("round {round} ")).so_far().as_str())
        });
        runs.into_values().for_each(|run| assert_eq!(run.finish().code(), 0));
    }
}

/// The two numbers that a line ends with.
fn numbers(line: &str) -> [f64; 2] {
    let mut words = line.split_whitespace().rev().map(|word| word.parse().unwrap());
    let (second, first) = (words.next().unwrap(), words.next().unwrap());
    [first, second]
}

/// What is measured in every round.
#[derive(Clone, Copy)]
struct Figure {
    name: &'static str,
    /// How many times the best peer's ours may be.
    limit: f64,
    /// Whether tini and tini-static do the same here. How far apart they lie is then what noise does in this run,
    /// and by so much the limit is wider.
    twins: bool,
}

impl Figure {
    fn of_twins(name: &'static str, limit: f64) -> Figure {
        Figure { name, limit, twins: true }
    }
}

/// Measures all entrants in rounds whose order alternates, prints each figure and demands its limit.
///
/// Noise only ever adds, so further rounds follow for a while, as long as a figure is above its limit.
fn compare<const N: usize>(
    all: &[Entrant],
    rounds: RangeInclusive<usize>,
    figures: [Figure; N],
    mut measure: impl FnMut(&Entrant, usize) -> [f64; N],
) {
    let mut measured: Vec<Vec<[f64; N]>> = all.iter().map(|_| Vec::new()).collect();
    let end = Instant::now() + FURTHER_ROUNDS;
    for round in 1..=*rounds.end() {
        for place in 0..all.len() {
            let who = if round % 2 == 0 { place } else { all.len() - 1 - place };
            measured[who].push(measure(&all[who], round));
        }
        if round < *rounds.start() {
            continue;
        }
        let columns: [_; N] = std::array::from_fn(|index| Column::of(&measured, index));
        let judged =
            columns.iter().zip(&figures).map(|(column, &figure)| column.judge(all, figure));
        let judged: Vec<(String, Vec<&str>)> = judged.collect();
        let good = judged.iter().all(|(_, worse)| worse.is_empty());
        let is_late = round >= ROUNDS_TO_BLAME && Instant::now() > end;
        if good || round == *rounds.end() || is_late {
            judged.iter().for_each(|(line, _)| println!("measured: {line}"));
            assert!(good, "after {round} rounds ours is above its limit: {judged:#?}");
            return;
        }
    }
}

/// One figure of all entrants.
struct Column(Vec<Summary>);

impl Column {
    fn of<const N: usize>(measured: &[Vec<[f64; N]>], index: usize) -> Column {
        let values = |rounds: &Vec<[f64; N]>| rounds.iter().map(|figures| figures[index]).collect();
        Column(measured.iter().map(|rounds| Summary::of(values(rounds))).collect())
    }

    /// A line that shows the figure, and those of ours that are above its limit.
    fn judge<'a>(&self, all: &'a [Entrant], figure: Figure) -> (String, Vec<&'a str>) {
        let peers = || all.iter().zip(&self.0).filter(|(entrant, _)| !entrant.ours);
        let best = |value: fn(&Summary) -> f64| {
            peers().map(|(_, sum)| value(sum)).fold(f64::INFINITY, f64::min)
        };
        let noise = |value: fn(&Summary) -> f64| {
            let of = |label: &str| all.iter().position(|entrant| entrant.label == label);
            let twins = of("tini").zip(of("tini-static")).filter(|_| figure.twins);
            twins.map_or(1.0, |(one, other)| {
                let ratio = value(&self.0[one]) / value(&self.0[other]);
                ratio.max(ratio.recip())
            })
        };
        let most = |value| best(value) * noise(value);
        let (most_median, most_least) = (most(|sum| sum.median), most(|sum| sum.least));
        let (mut shown, mut worse) = (Vec::new(), Vec::new());
        for (Entrant { label, ours, .. }, sum) in all.iter().zip(&self.0) {
            let mut entry = format!("{label} {:.2} {:.2}", sum.median, sum.least);
            if *ours {
                let ratio = sum.median / best(|sum| sum.median);
                let beyond_noise = (sum.median / most_median).min(sum.least / most_least);
                write!(entry, " (ratio {ratio:.2}, beyond noise {beyond_noise:.2})").unwrap();
                worse.extend((beyond_noise > figure.limit).then_some(label.as_str()));
            }
            shown.push(entry);
        }
        (format!("{}, median and minimum: {}", figure.name, shown.join(", ")), worse)
    }
}

/// Both in the figure's unit.
struct Summary {
    least: f64,
    median: f64,
}

impl Summary {
    fn of(mut values: Vec<f64>) -> Summary {
        values.sort_unstable_by(f64::total_cmp);
        Summary { least: values[0], median: values[values.len() / 2] }
    }
}

/// What was counted of each entrant.
fn shown(all: &[Entrant], counts: &[impl Display]) -> String {
    let each = all.iter().zip(counts).map(|(entrant, count)| format!("{} {count}", entrant.label));
    each.collect::<Vec<_>>().join(", ")
}

fn best_peer<T: Ord + Copy>(all: &[Entrant], counts: &[T]) -> T {
    let peers = all.iter().zip(counts).filter(|(entrant, _)| !entrant.ours);
    peers.map(|(_, count)| *count).min().unwrap()
}

/// Measures on one processor, which all that is started shares.
///
/// Where the scheduler puts a process on another one, waking that up costs more than all that is compared.
fn on_one_processor<T: Send>(measure: impl FnOnce() -> T + Send) -> T {
    let pinned = || {
        let allowed = sched_getaffinity(None).unwrap();
        // The last one, as the first often has the interrupts.
        let last = (0..CpuSet::MAX_CPU).rfind(|&cpu| allowed.is_set(cpu)).unwrap();
        let mut only = CpuSet::new();
        only.set(last);
        sched_setaffinity(None, &only).unwrap();
        measure()
    };
    // In a thread of its own, for the setting cannot be lost there.
    thread::scope(|scope| scope.spawn(pinned).join().unwrap_or_else(|panic| resume_unwind(panic)))
}

#[test]
fn orphans_are_reaped_as_fast_as_by_the_best_peer() {
    let _alone = alone();
    let t = case!("-", "cc", "tini", "tini-static", "dumb-init", "catatonit");
    let stage = Stage::build(&t);
    let figures = ["2500 orphans, ms until all are reaped", "2500 orphans, PID 1's own ms"];
    let figures = figures.map(|name| Figure::of_twins(name, NOISE));
    // At least eight times 2500: short rounds are those that noise may leave alone.
    let workload = (&["orphans", "0", "15"][..], "2500");
    stage.compare(&t, &entrants_in_one_session(&t), 8..=20, figures, workload);
}

#[test]
fn a_pid_1_that_leaves_zombies_is_noticed() {
    let _alone = alone();
    let t = case!("-", "cc");
    let stage = Stage::build(&t);
    // The workload itself as PID 1 reaps nothing that it did not start.
    let run = stage.run(&t).opt("--namespace").opt(&stage.workload);
    let outcome = run.opts(["orphans", "0", "0.2"]).stdin("20").output();
    assert_eq!(
        (outcome.code(), outcome.stderr.as_str()),
        (99, "workload: zombies are left\n"),
        "{outcome:?}"
    );
}

#[test]
fn processes_that_are_not_to_be_reaped_cost_next_to_nothing() {
    let _alone = alone();
    let t = case!("-", "cc", "tini", "tini-static", "dumb-init", "catatonit");
    let stage = Stage::build(&t);
    let figures = [
        Figure::of_twins("5000 orphans while 4000 others live, ms until all are reaped", NOISE),
        Figure::of_twins("5000 orphans while 4000 others live, PID 1's own ms", MOST_WITH_SLEEPERS),
    ];
    let mut all = entrants_in_one_session(&t);
    // The same as tini here, and peers take seconds.
    all.retain(|entrant| entrant.label != "tini-static");
    // One round is enough: the difference is far greater than the noise.
    compare(&all, 1..=3, figures, |entrant, _| {
        let run = stage.below(&t, entrant, &["orphans", "4000", "15"]).stdin("5000").output();
        numbers(run.ok())
    });
}

#[test]
fn a_signal_is_passed_on_as_fast_as_by_the_best_peer() {
    let _alone = alone();
    let t = case!("-", "cc", "tini", "tini-static", "dumb-init", "catatonit");
    let stage = Stage::build(&t);
    let figures = [
        Figure::of_twins("from kill to receipt, p50 in microseconds", NOISE),
        Figure::of_twins("from kill to receipt, p99 in microseconds", NOISE_OF_P99),
    ];
    let workload = (&["echo"][..], "400");
    // dumb-init gives the program a session, which the scheduler wakes in another way: that is compared by itself.
    let of_dumb_init = |entrant: &Entrant| entrant.label.ends_with("dumb-init");
    let (two_sessions, one): (Vec<_>, Vec<_>) =
        entrants(&t, Ours::AllNames).into_iter().partition(of_dumb_init);
    on_one_processor(|| {
        for all in [one, two_sessions] {
            stage.compare(&t, &all, 8..=30, figures, workload);
        }
    });
}

#[test]
fn it_waits_without_a_wake_up_and_in_no_more_memory_than_the_best_peer() {
    let _alone = alone();
    let t = case!("-", "cc", "tini", "tini-static", "dumb-init", "catatonit");
    let (stage, all) = (Stage::build(&t), entrants(&t, Ours::BothBinaries));
    let runs: Vec<Running> =
        all.iter().map(|entrant| stage.below(&t, entrant, &["sleep"]).spawn()).collect();
    let pids: Vec<u32> = runs.iter().map(|run| find_child(run.expect("up").pid())).collect();
    let switches = || -> Vec<u32> { pids.iter().map(|&pid| context_switches(pid)).collect() };
    thread::sleep(Duration::from_millis(100));
    let before = switches();
    thread::sleep(Duration::from_millis(1200));
    let woken: Vec<u32> = switches().iter().zip(before).map(|(now, then)| now - then).collect();
    let anon: Vec<u32> = pids.iter().map(|&pid| pss_anon_kb(pid)).collect();
    let best_anon = best_peer(&all, &anon);
    println!("measured: wake-ups in 1.2 s of idleness: {}", shown(&all, &woken));
    println!("measured: Pss_Anon, kB, best peer {best_anon}: {}", shown(&all, &anon));
    for ((entrant, &woken), &anon) in all.iter().zip(&woken).zip(&anon) {
        if entrant.ours {
            assert_eq!(woken, 0, "{} wakes up while idle", entrant.label);
            assert!(anon <= MOST_ANON_KB.min(best_anon), "{}: {anon} kB", entrant.label);
        }
    }
    // It looks every second whether something has happened; else the count would count nothing.
    assert!(woken[0] >= 1, "tini does not wake up");
}

fn context_switches(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let names = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"];
    names.map(|name| status_field(&status, name).parse::<u32>().unwrap()).iter().sum()
}

fn pss_anon_kb(pid: u32) -> u32 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    status_field(&rollup, "Pss_Anon").trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn no_more_calls_come_before_the_program_than_with_the_best_peer() {
    let _alone = alone();
    let t = case!("-", "cc", "strace", "tini", "tini-static", "dumb-init", "catatonit");
    let (stage, all) = (Stage::build(&t), entrants(&t, Ours::BothBinaries));
    let mut too_many = Vec::new();
    for (place, options) in [("PID 1's", &["--namespace"][..]), ("a subreaper's", &[])] {
        let count = |entrant| calls_before_the_program(&t, &stage, options, entrant);
        let counts: Vec<usize> = all.iter().map(count).collect();
        let (shown, best) = (shown(&all, &counts), best_peer(&all, &counts));
        println!("measured: {place} system calls before the program, best peer {best}: {shown}");
        let above = all.iter().zip(counts).filter(|(_, calls)| *calls > MOST_CALLS.min(best));
        let ours = above.filter(|(entrant, _)| entrant.ours);
        too_many.extend(ours.map(|(entrant, calls)| format!("{place} {}: {calls}", entrant.label)));
    }
    assert!(too_many.is_empty(), "more than {MOST_CALLS} calls or than a peer: {too_many:?}");
}

/// The entrant's calls up to the one that makes its child, and the child's up to the one by which it becomes the
/// program. What the entrant does meanwhile delays nobody.
fn calls_before_the_program(t: &Case, stage: &Stage, options: &[&str], entrant: &Entrant) -> usize {
    let program = t.rootfs().join("bin/busybox");
    let run = stage.run(t).opts(options).opts(entrant.words());
    let (outcome, trace) = Trace::of(run.opt(&program).opt("true"), t.path("log"), &[]);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let becomes = |path: &Path| {
        let start = format!("execve(\"{}\"", path.display());
        let found = trace.calls.iter().position(|c| c.text.starts_with(&start) && c.worked());
        found.unwrap_or_else(|| panic!("no {start}: {trace:#?}"))
    };
    let (first, last) = (becomes(&entrant.bin), becomes(&program));
    let (entrant, child) = (trace.calls[first].pid, trace.calls[last].pid);
    assert_ne!(entrant, child, "no process is made: {trace:#?}");
    let of = |pid| trace.calls[first + 1..=last].iter().filter(move |call| call.pid == pid);
    let makes_process = |c: &Call| ["clone", "clone3", "fork", "vfork"].contains(&&*c.name);
    let before_the_child = of(entrant).take_while(|call| !makes_process(call)).count();
    before_the_child + 1 + of(child).count()
}

#[test]
fn a_start_and_its_end_take_no_longer_than_with_the_best_peer() {
    let _alone = alone();
    let t = case!("-", "tini", "tini-static", "dumb-init", "catatonit");
    let all = entrants(&t, Ours::AllNames);
    let program = t.rootfs().join("bin/busybox");
    let run = |entrant: &Entrant, _| {
        let words = entrant.words();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(&program).arg("true").env_clear().stdin(Stdio::null());
        let started = Instant::now();
        let status = command.status().unwrap();
        let elapsed = started.elapsed();
        assert!(status.success(), "{command:?}");
        [elapsed.as_secs_f64() * 1e3]
    };
    // Only one of the tinis has libraries to load.
    let figure = Figure { name: "start to exit of busybox true, ms", limit: NOISE, twins: false };
    on_one_processor(|| compare(&all, 100..=300, [figure], run));
}

#[test]
fn the_file_is_smaller_than_those_of_the_static_peers() {
    let _alone = alone();
    let t = case!("-", "tini", "tini-static", "dumb-init", "catatonit");
    let all = entrants(&t, Ours::OwnName);
    let bytes: Vec<u64> =
        all.iter().map(|entrant| fs::metadata(&entrant.bin).unwrap().len()).collect();
    println!("measured: bytes of the file: {}", shown(&all, &bytes));
    let ours = *bytes.last().unwrap();
    // Of the peers' files those that need no libraries: dumb-init's 18 kB are nothing without 2 MB of libc.
    let statics =
        all.iter().zip(&bytes).filter(|(entrant, _)| STATIC.contains(&entrant.label.as_str()));
    let least = statics.map(|(_, bytes)| *bytes).min().unwrap();
    assert!(ours <= MOST_BYTES && ours < least, "{ours} bytes");
}
