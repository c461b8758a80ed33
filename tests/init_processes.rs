//! Whom `rootlet init` sends signals to, and what becomes of other processes.

mod support;

use std::fs;
use std::path::Path;
use std::thread::sleep;

use support::inits::{
    LOOP, PLACES, Place, Row, TRAPS, init, leaving, millis, orphaning, pid_1, rootlet, started,
    together,
};
use support::{Rootlet, Terminal, await_true, case, children, find_child, kill, state};

#[test]
fn the_rest_has_its_grace() {
    let t = case!("-");
    let obeys =
        &*format!("trap \"echo asked; sleep 0.4; echo over; exit\" TERM; echo > $1; {LOOP}");
    // Processes are killed one by one: a shell could see its child's death before its own.
    let slow = &*leaving(&obeys.replace("sleep 0.4", "exec sleep 9"));
    let deaf = &*format!("trap \"\" TERM; echo > $1; {LOOP}");
    let breeds =
        r#"trap "trap \"\" TERM; setsid sleep 300 & exit" TERM; echo > $1; "#.to_owned() + LOOP;
    let stops = &*format!("trap \"echo woken; exit\" TERM; echo > $1; kill -STOP $$; {LOOP}");
    // It has stopped before its parent ends, or nobody would have to wake it.
    let stopped = "read x < $ROW; until grep -q '^State:.T' /proc/$!/status; do sleep 0.02; done";
    let stops = &*leaving(stops).replace("read x < $ROW", stopped);
    let (orphan, mate) = (&*orphaning(obeys), &*leaving(obeys));
    let (deaf, breeds) = (&*orphaning(deaf), &*orphaning(&breeds));
    let rows: [Row; 9] = [
        (&[], "exit 3", 0, 3, "", 0),
        (&["--grace", "0"], orphan, 0, 3, "", 0),
        (&[], stops, 0, 3, "woken\n", 0),
        (&[], orphan, 0, 3, "asked\nover\n", 400),
        (&[], mate, 0, 3, "asked\nover\n", 400),
        (&["--grace", "700ms"], breeds, 0, 3, "", 700),
        (&["--grace=1"], deaf, 0, 3, "", 1000),
        (&["--grace", "1200ms"], slow, 0, 3, "asked\n", 1200),
        (&[], deaf, 0, 3, "", 5000),
    ];
    together(&t, &rows);
}

#[test]
fn wait_all_waits_for_the_rest_and_then_forwards_to_it() {
    let t = case!("-");
    let ends = "trap \"echo asked\" TERM; echo > $1; sleep 0.6; echo over";
    // The command has been reaped when nobody has its number any more.
    let up = "echo > $1; while kill -0 $2; do sleep 0.02; done; echo up";
    let asked = &*orphaning(&format!("trap \"echo asked; exit\" TERM; {up}; {LOOP}"));
    let deaf = &*orphaning(&format!("trap \"\" TERM; {up}; {LOOP}"));
    let woken = &*orphaning(&format!("trap \"echo woken; exit\" CONT; {up}; {LOOP}"));
    let rows: [Row; 5] = [
        (&["--wait-all"], woken, 18, 3, "up\nwoken\n", 0),
        (&["--wait-all"], asked, 15, 3, "up\nasked\n", 0),
        (&["--wait-all", "--kill-after=300ms"], deaf, 15, 3, "up\n", 300),
        (&["--wait-all"], &orphaning(ends), 0, 3, "over\n", 600),
        (&["--grace=0", "--wait-all"], &leaving(ends), 0, 3, "over\n", 600),
    ];
    together(&t, &rows);
}

fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// A process that lives until the file `go` exists; it is told from others by its last word.
const ORPHAN: &str = "trap 'echo hit' CONT; until test -e $DIR/go; do sleep 0.02; done";

fn is_orphan(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.ends_with(b"\0orphan\0"))
}

#[test]
fn pause_reaps_until_term_or_int() {
    let t = case!("-", "nsenter");
    for (place, signo) in PLACES.into_iter().flat_map(|place| [(place, 15), (place, 2)]) {
        let mut run = init(&t, place, &["--pause"]).env("ORPHAN", ORPHAN).env("DIR", t.dir());
        if place == Place::Below {
            // A child of the shell that it becomes leaves a child of its own, when it is told to.
            let script = "{ sh -c \"$ORPHAN\" orphan & until test -e up; do sleep 0.02; done; } & exec \"$@\"";
            run = run.under(["sh", "-c", script, "sh"]);
        }
        // In a session of its own, as what it sends to its own group must not reach other tests.
        let run = run.under(["setsid"]).spawn();
        assert!(await_true(|| place == Place::Below || children(run.pid()).len() == 1));
        let pid = rootlet(&run, place);
        // In the root directory it is ready for signals.
        let cwd = || fs::read_link(format!("/proc/{pid}/cwd"));
        assert!(await_true(|| cwd().is_ok_and(|cwd| cwd == Path::new("/"))));
        for other in [1, 3, 10, 12, 13, 14, 18, 28, 34, 64] {
            assert!(kill(pid, other));
        }
        t.file("up", "");
        if place == Place::First {
            let target = ["--target", &pid.to_string(), "--pid", "--mount"].map(str::to_owned);
            let enter = Rootlet::new(Path::new("nsenter"), t.dir()).opts(target);
            let script = "sh -c \"$0\" orphan > /dev/null 2>&1 &";
            enter.cmd(["sh", "-c", script, ORPHAN]).env("DIR", t.dir()).output().ok();
        }
        let adopted = || matches!(children(pid)[..], [child] if is_orphan(child));
        assert!(await_true(adopted), "{place:?} adopts");
        t.file("go", "");
        assert!(await_true(|| children(pid).is_empty()), "{place:?} reaps");
        assert!(state(pid).is_some_and(|state| state != 'Z') && kill(pid, signo));
        // The orphan shares the group of who is paused.
        assert_eq!(run.finish().ok(), "", "{place:?}");
        fs::remove_file(t.path("up")).unwrap();
        fs::remove_file(t.path("go")).unwrap();
    }
}

/// Says who it is when it gets SIGURG or SIGCONT, which do nothing to others.
const REPORT: &str = "trap \"echo $0 got\" URG; trap \"echo $0 woken\" CONT; echo $0 up
    while :; do sleep 0.05; done";

/// The command, a process of its group, one of another group of its session, and an orphan with a session of its own.
const FAMILY: &str = "sh -c \"$REPORT\" mate & set -m; sh -c \"$REPORT\" job & set +m
    (setsid sh -c \"$REPORT\" orphan &); trap 'exit 0' TERM; eval \"${REPORT//\\$0/cmd}\"";

#[test]
fn signals_reach_exactly_whom_the_options_say() {
    let t = case!("-", "bash", "nsenter");
    // In the caller's group and session, and nobody's descendant; it must see neither the signal nor the end.
    let caller = "sh -c \"$REPORT\" caller & \"$@\"; code=$?; kill $! || code=99; exit $code";
    let members = ["caller", "mate", "job", "orphan", "cmd"];
    for (options, reached) in [
        (&[][..], &["cmd"][..]),
        (&["-g"], &["cmd", "mate"]),
        (&["--group"], &["cmd", "mate"]),
        (&["--session"], &["cmd", "job", "mate"]),
        (&["-a"], &["cmd", "job", "mate", "orphan"]),
        (&["--all"], &["cmd", "job", "mate", "orphan"]),
    ] {
        let runs = PLACES.map(|place| {
            let run = init(&t, place, options).cmd(["bash", "-c", FAMILY]).env("REPORT", REPORT);
            run.under(["sh", "-c", caller, "sh"]).spawn()
        });
        for (place, run) in PLACES.into_iter().zip(runs) {
            for name in members {
                run.expect(&format!("{name} up\n"));
            }
            let outer = children(run.pid()).into_iter().find(|&child| name(child) != "sh").unwrap();
            let pid = if place == Place::First { find_child(outer) } else { outer };
            assert!(kill(pid, 23));
            for name in reached {
                run.expect(&format!("{name} got\n"));
            }
            // The shell's way of going on, which takes the whole group along.
            assert!(kill(pid, 18));
            for name in reached {
                run.expect(&format!("{name} woken\n"));
            }
            // Whoever got one as well has time to say so.
            sleep(millis(120));
            assert!(kill(pid, 15));
            let outcome = run.finish();
            assert_eq!(outcome.code(), 0, "{outcome:?}");
            let mut got: Vec<_> =
                outcome.stdout.lines().filter_map(|line| line.strip_suffix(" got")).collect();
            got.sort_unstable();
            assert_eq!(got, reached, "{place:?} {options:?}");
        }
    }
}

#[test]
fn all_includes_who_has_joined_the_namespace() {
    let t = case!("-", "nsenter");
    let (run, pid) = started(&t, Place::First, &["--all"], TRAPS);
    let target = ["--target", &pid.to_string(), "--pid", "--mount"].map(str::to_owned);
    let joined = Rootlet::new(Path::new("nsenter"), t.dir()).opts(target);
    let joined = joined.cmd(["setsid", "sh", "-c", REPORT, "joined"]).spawn();
    joined.expect("joined up\n");
    assert!(kill(pid, 23));
    joined.expect("joined got\n");
    run.expect("got 23\n");
    assert!(kill(pid, 62));
    run.finish().ok();
    // PID 1 takes everybody along.
    assert_eq!(joined.finish().stdout, "joined up\njoined got\n");
}

#[test]
fn at_a_callers_terminal_every_target_is_reached() {
    let t = case!("-");
    // As PID 1 in a group of the caller's it cannot hand the terminal over, so the command stays there.
    let script = "trap 'echo got TERM' TERM; trap 'echo got INT; exit 4' INT; echo up; while :; do sleep 0.02; done";
    for place in PLACES {
        for options in [&[][..], &["--group"], &["--session"], &["--all"]] {
            let run = init(&t, place, options).sh(script);
            let mut terminal = Terminal::start(
                run.under(["sh", "-c", "trap : INT; \"$@\"; exit $?", "sh"]),
                24,
                80,
            );
            terminal.expect("up\r\n");
            let outer = find_child(terminal.pid());
            let pid = if place == Place::First { find_child(outer) } else { outer };
            assert!(kill(pid, 15));
            terminal.expect("got TERM\r\n");
            terminal.keys("\x03");
            terminal.expect("got INT\r\n");
            assert_eq!(
                terminal.finish().code(),
                Some(4),
                "{place:?} {options:?} {}",
                terminal.screen()
            );
            assert_eq!(terminal.screen().matches("got INT").count(), 1, "{place:?} {options:?}");
        }
    }
}

#[test]
fn without_proc_it_ends_all_the_same() {
    let t = case!("-", "unshare");
    // Below somebody there is no other way to find the rest.
    let hidden = ["unshare", "--mount", "sh", "-c", "umount -l /proc; exec \"$@\"", "sh"];
    let rest = "trap '' TERM; echo $$ > pid; echo up > f; exec sleep 30 > /dev/null 2>&1";
    let script = format!("mkfifo f; setsid sh -c \"{rest}\" & read x < f; exit 3");
    let run = init(&t, Place::Below, &["--grace", "200ms"]).sh(&script).under(hidden).spawn();
    assert!(await_true(|| t.path("pid").exists()));
    let rest: u32 = {
        let read = || fs::read_to_string(t.path("pid")).unwrap().trim().parse();
        assert!(await_true(|| read().is_ok()));
        read().unwrap()
    };
    let ended = await_true(|| state(run.pid()).is_none_or(|state| state == 'Z'));
    kill(rest, 9);
    assert!(ended, "hangs");
    assert_eq!(run.finish().code(), 3);
}

#[test]
fn an_orphan_that_gets_the_commands_number_does_not_end_for_it() {
    let t = case!("-");
    // In a session of its own, since a group keeps its leader's number in use. The kernel gives the number after
    // this one to the next process.
    let next_is_2 =
        "while test -d /proc/2; do sleep 0.02; done; echo 1 > /proc/sys/kernel/ns_last_pid";
    let orphan = "sh -c 'echo \\$\\$; sleep 0.2; exit 42' &";
    let script = format!("setsid sh -c \"{next_is_2}; {orphan}\" & exit 3");
    let outcome = pid_1(&t, "@ init --wait-all").sh(&script).output();
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (3, "2\n"), "{outcome:?}");
}
