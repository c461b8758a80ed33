//! Every catchable signal that reaches rootlet reaches the command.

mod support;

use std::thread::sleep;
use std::time::Duration;

use support::{Case, Rootlet, Running, Trace, case, children, kill};

/// Signals that no process can catch.
const UNCATCHABLE: [i32; 2] = [9, 19];
/// Rootlet's own: it tells of its children, and each process has its own.
const OWN: i32 = 17;
/// The C library keeps these to itself, and its posix_spawn has every child ignore them.
const HIDDEN: [i32; 2] = [32, 33];
/// Without a handler these do not end a process.
const HARMLESS: [i32; 8] = [17, 18, 19, 20, 21, 22, 23, 28];

/// Without a handler these stop one, as a job.
const STOPPING: [i32; 3] = [20, 21, 22];

/// A command that says each signal from 1 to 31 that it gets, and `up` when its traps are set.
const TRAPS: &str =
    "for s in 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 18 20 21 22 23 24 25 26 27 28 29 30 31; do
    trap \"echo got $s\" $s; done; trap 'exit 0' 34; echo up; while :; do sleep 0.02; done";

fn started(command: Rootlet) -> Running {
    let run = command.spawn();
    run.expect("up");
    run
}

/// The ways in which rootlet stands between a sender and a command.
fn ways(t: &Case, script: &str) -> [Rootlet; 3] {
    [
        t.run().sh(script),
        t.run().opt("--no-init").cmd(["/sbin/init", "--", "/bin/sh", "-c", script]),
        t.rootlet().opt("init").cmd(["/bin/sh", "-c", script]),
    ]
}

#[test]
fn signals_with_a_handler_arrive_once_each() {
    let t = case!("-");
    // busybox and dash both take `trap` by number, bash may stand in for dash on the host.
    for way in ways(&t, TRAPS) {
        let run = started(way);
        let mut sent = Vec::new();
        for signo in (1..32).filter(|s| !UNCATCHABLE.contains(s) && *s != OWN) {
            assert!(kill(run.pid(), signo));
            run.expect(&format!("got {signo}\n"));
            sent.push(format!("got {signo}\n"));
            if STOPPING.contains(&signo) {
                // Rootlet stands for its command before the shell: it has stopped as a job does.
                assert!(kill(run.pid(), 18));
                run.expect(&format!("got {signo}\ngot 18\n"));
                sent.push("got 18\n".to_owned());
            }
        }
        assert!(kill(run.pid(), 34));
        let outcome = run.finish();
        assert_eq!(outcome.ok(), format!("up\n{}", sent.concat()));
    }
}

#[test]
fn signals_without_a_handler_have_their_default_effect() {
    let t = case!("-");
    let others = [&UNCATCHABLE[..], &HARMLESS, &HIDDEN].concat();
    for signo in (1..65).filter(|signo| !others.contains(signo)) {
        // No shell: busybox's ignores SIGQUIT.
        let mut run = t.run().open_stdin().cmd(["cat"]).under(["prlimit", "--core=0"]).spawn();
        run.say("up");
        run.expect("up");
        assert!(kill(run.pid(), signo));
        let ended =
            support::await_true(|| support::state(run.pid()).is_none_or(|state| state == 'Z'));
        assert!(ended, "signal {signo} does not end the command");
        let outcome = run.finish();
        assert_eq!((outcome.code(), outcome.stderr.as_str()), (128 + signo, ""), "signal {signo}");
    }
}

#[test]
fn signals_that_the_c_library_hides_are_forwarded_as_well() {
    let t = case!("-", "strace");
    let log = t.path("log");
    // A tracer sees what its tracee ignores.
    let strace = Trace::prefix(&log, &["-f", "-e", "trace=none"]);
    let mut run = t.run().open_stdin().cmd(["cat"]).under(strace).spawn();
    run.say("up");
    run.expect("up");
    let supervisor = support::find_child(run.pid());
    let command = *support::descendants(supervisor).last().unwrap();
    let seen = || -> Vec<String> {
        let all = Trace::read(&log).signals.into_iter();
        let of_command = all.filter(|(pid, signal)| *pid == command && signal.starts_with("SIGRT"));
        of_command.map(|(_, signal)| signal).collect()
    };
    for (before, signo) in HIDDEN.into_iter().enumerate() {
        assert!(kill(supervisor, signo));
        assert!(support::await_true(|| seen().len() == before + 1), "{signo}: {:?}", seen());
    }
    run.finish().ok();
    assert_eq!(seen().len(), HIDDEN.len(), "each once: {:?}", seen());
}

#[test]
fn a_pid_1_command_gets_only_what_it_handles() {
    let t = case!("-");
    let run = started(
        t.run()
            .opt("--no-init")
            .sh("trap 'echo got; exit 3' 10; echo up; while :; do sleep 0.02; done"),
    );
    assert!(kill(run.pid(), 15), "no default action for PID 1");
    assert!(kill(run.pid(), 10));
    let outcome = run.finish();
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (3, "up\ngot\n"), "{outcome:?}");
}

#[test]
fn signals_sent_before_the_command_is_ready_are_not_lost() {
    let t = case!("-");
    for round in 0..20 {
        let run = t.run().sh("sleep 20").spawn();
        // At any point of the start: rootlet itself must not die of it and leave a container behind.
        sleep(Duration::from_micros(round * 300));
        kill(run.pid(), 15);
        let outcome = run.finish();
        let code = outcome.status.code();
        let killed = std::os::unix::process::ExitStatusExt::signal(&outcome.status) == Some(15);
        assert!(killed || code == Some(143), "{outcome:?}");
        assert!(outcome.elapsed < Duration::from_secs(5), "{outcome:?}");
    }
}

#[test]
fn a_stopped_command_goes_on_after_cont() {
    let t = case!("-");
    let mut run = started(t.run().open_stdin().sh("echo up; read x; echo read $x; read x"));
    let init = support::find_child(run.pid());
    let command = children(init)[0];
    let stopped = |pid: u32| support::state(pid) == Some('T');
    kill(command, 19);
    assert!(support::await_true(|| stopped(command)));
    // Nobody may take the stop for an end.
    assert!(!run.so_far().contains("read"));
    kill(run.pid(), 18);
    assert!(support::await_true(|| !stopped(command)), "CONT is forwarded");
    run.say("on");
    run.expect("read on");
    run.say("");
    assert_eq!(run.finish().code(), 0);
}
