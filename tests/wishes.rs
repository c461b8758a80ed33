//! What users of tini, dumb-init and catatonit complain about, there and here.
//!
//! Each test shows a defect in the installed original first, and then that rootlet has none: under the original's
//! name where its command line allows that, else as `rootlet init`. The numbers are those of the projects' issues.
//! What is about the start of a program stands in wishes_start.rs.
//!
//! | complaint or wish | test |
//! |---|---|
//! | tini#180, dumb-init#212: ends while others live | `the_rest_may_finish`, `the_rest_is_asked_and_has_time` |
//! | tini#95, dumb-init#53, #191: no signal for adopted processes | `signals_reach_adopted_processes` |
//! | podman#18095: TSTP is swallowed, and stays blocked | `tstp_arrives`, `masks_and_ignored_signals_are_kept` |
//! | podman#18095, x11docker#457: Ctrl-Z hangs the terminal | `ctrl_z_gives_the_shell_back` |
//! | canvas-lms#1257: a refused kill(2) ends the container | `a_refused_kill_does_not_end_the_container` |
//! | tini#120, #141, linuxkit#2056: zombies when not PID 1 | `orphans_are_adopted_below_another_pid_1` |
//! | dumb-init#173, #285: delay a signal | `a_signal_can_wait` |
//! | dumb-init#83, #87, lxc#1085: rewrite by name, RTMIN+3 | `signals_have_names` |
//! | tini#104: signals that are silently not forwarded | `every_signal_is_forwarded` |
//! | dumb-init#51, #78, #136, #174, tini#19: tty hand-over | `a_hang_up_is_lost_to_no_hand_over` |
//! | a closed or broken terminal as standard input | `standard_input_needs_not_work` |
//! | dumb-init#32, #81, moby#6734: statuses 126 and 127 | `exec_failures_have_the_engines_codes` |
//! | catatonit#28, #33: the working directory pins a mount | `no_mount_is_kept_busy`, `the_root_from_the_start` |
//! | catatonit#12, #14: descriptors stay open | `descriptors_are_the_programs_alone` |
//! | catatonit#13, #15: LISTEN_PID | `listen_pid_is_the_programs` |
//! | podman#4159, bgutil#237: helper missing | `one_file_under_every_name_in_an_empty_root` |
//! | kubernetes#80089, kubexit#19: 143 is a failure | `asked_to_stop_is_a_success` |
//! | nestri#319: a score for the OOM killer | `its_oom_score_is_its_own` |
//! | table 1a: TERM, time, KILL; no program; siginfo; idle wake-ups | the last four |
//!
//! Not here: tini#130, #138, #164 (naming the parent of a zombie) and tini#28, #71, #186, #187 (restart, hooks) are
//! out of scope; tini#239 (riscv64) is no machine of ours; the complaints about s6-overlay, LXC's and busybox's init,
//! booster and microVMs are about a machine's init, not about a container's PID 1.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::inits::{UNSHARE, below, compare, pause, pid_1, up, words};
use support::{
    Case, Rootlet, Terminal, Trace, await_true, case, children, find_child, kill, state,
    status_field,
};

#[test]
fn a_refused_kill_does_not_end_the_container() {
    let t = case!("-", "tini", "setpriv");
    let unable = ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill"];
    let nobody =
        ["setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", "echo up; read x; exit 6"];
    let probe = |line: &str| {
        let run = below(&t, line).cmd(nobody).under(unable).under(UNSHARE).open_stdin().spawn();
        run.expect("up\n");
        assert!(kill(find_child(run.pid()), 10));
        pause(150);
        run.finish().code()
    };
    compare(probe, &["tini"], 1, &["@ tini", "@ init", "@ init -g", "@ init -a"], 6);
}

#[test]
fn the_rest_may_finish() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    let script = "(sleep 0.2; echo finished) & exit 4";
    let probe = |line: &str| {
        let outcome = pid_1(&t, line).sh(script).output();
        (outcome.code(), outcome.stdout.contains("finished"))
    };
    let originals = ["tini", "dumb-init", "catatonit"];
    compare(probe, &originals, (4, false), &["@ init --wait-all"], (4, true));
}

#[test]
fn the_rest_is_asked_and_has_time() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    let rest = "trap 'sleep 0.1; echo cleaned; exit' TERM; echo > f; while :; do sleep 0.02; done";
    let script = format!("mkfifo f; ({rest}) & read x < f; rm f; exit 4");
    let probe = |line: &str| {
        let outcome = pid_1(&t, line).sh(&script).output();
        (outcome.code(), outcome.stdout.contains("cleaned"))
    };
    compare(probe, &["tini", "dumb-init", "catatonit"], (4, false), &["@ init"], (4, true));
}

#[test]
fn signals_reach_adopted_processes() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    let orphan = "trap 'echo reached' USR1; echo > f; while :; do sleep 0.02; done";
    let script =
        "mkfifo f; (setsid sh -c \"$ORPHAN\" &); trap 'sleep 0.2; exit' USR1; read x < f; rm f
        echo up; while :; do sleep 0.02; done";
    let probe = |line: &str| {
        let run = pid_1(&t, line).sh(script).env("ORPHAN", orphan).spawn();
        run.expect("up\n");
        assert!(kill(find_child(run.pid()), 10));
        run.finish().stdout
    };
    let originals = ["tini -g", "dumb-init", "catatonit -g"];
    compare(probe, &originals, "up\n", &["@ init --all"], "up\nreached\n");
}

#[test]
fn tstp_arrives() {
    let t = case!("-", "catatonit");
    let script = "trap 'echo got' TSTP; trap 'exit 0' USR1; echo up; while :; do sleep 0.02; done";
    let probe = |line: &str| {
        let (run, pid) = up(&t, line, script);
        assert!(kill(pid, 20));
        pause(150);
        assert!(kill(pid, 10));
        run.finish().stdout
    };
    compare(
        probe,
        &["catatonit"],
        "up\n",
        &["@ catatonit", "@ podman-init", "@ init"],
        "up\ngot\n",
    );
}

/// Types Ctrl-Z to a job of an interactive shell; the shell when it has come back within that time.
fn stopped_job(t: &Case, line: &str, limit: Duration) -> Option<Terminal> {
    let bash = Rootlet::new(Path::new("bash"), t.dir()).opts(["--norc", "--noprofile", "-i"]);
    let bash = bash.env("PS1", "").env("TERM", "dumb").env("HISTFILE", "");
    let mut terminal = Terminal::start(bash, 24, 80);
    terminal.keys("stty -echo; echo rea''dy\r");
    terminal.expect("ready\r\n");
    let cat = "sh -c 'echo u''p; exec cat'";
    terminal.keys(&format!("{} {cat}\r", words(line).join(" ")));
    terminal.expect("up\r\n");
    terminal.keys("one\r");
    terminal.expect("one\r\n");
    terminal.keys("\x1a");
    pause(100);
    terminal.keys("echo sh''ell\r");
    let end = Instant::now() + limit;
    while !terminal.screen().contains("shell\r\n") {
        if Instant::now() > end {
            return None;
        }
        pause(5);
    }
    Some(terminal)
}

#[test]
fn ctrl_z_gives_the_shell_back() {
    let t = case!("-", "tini", "catatonit", "bash");
    for line in ["tini -s --", "catatonit --"] {
        assert!(
            stopped_job(&t, line, Duration::from_millis(500)).is_none(),
            "{line} has no such defect"
        );
    }
    for line in
        ["@ tini -s --", "@ catatonit --", "@ dumb-init --", "@ init --", "@ init --session --"]
    {
        let mut terminal = stopped_job(&t, line, Duration::from_secs(10))
            .unwrap_or_else(|| panic!("{line} hangs"));
        terminal.keys("fg; echo status $?\r");
        let running = |pid: u32| state(pid).is_some_and(|state| state != 'T');
        let all = || support::descendants(terminal.pid()).into_iter().all(running);
        assert!(await_true(all), "{line}: fg wakes all");
        terminal.keys("two\r\x04");
        terminal.expect("two\r\n");
        terminal.expect("status 0\r\n");
    }
}

#[test]
fn orphans_are_adopted_below_another_pid_1() {
    let t = case!("-", "tini", "dumb-init");
    let script = "echo $PPID; (sh -c 'sleep 0.1; cut -d\" \" -f4 /proc/$$/stat' &); sleep 0.3";
    let probe = |line: &str| {
        let outcome = below(&t, line).sh(script).output();
        let parents: Vec<_> = outcome.stdout.lines().collect();
        (parents[0] == parents[1], outcome.stderr.contains("zombie reaping won't work"))
    };
    compare(probe, &["tini"], (false, true), &["@ init"], (true, false));
    compare(probe, &["dumb-init"], (false, false), &["@ init"], (true, false));
}

#[test]
fn a_signal_can_wait() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    let script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done";
    let probe = |line: &str| {
        let (run, pid) = up(&t, line, script);
        let sent = Instant::now();
        assert!(kill(pid, 15));
        assert_eq!(run.finish().code(), 0);
        sent.elapsed() >= Duration::from_millis(700)
    };
    let originals = ["tini", "dumb-init", "catatonit"];
    compare(probe, &originals, false, &["@ init --delay TERM=700ms"], true);
    // The next best of theirs is no option, either.
    for line in originals {
        let delay = pid_1(&t, line).opt("--delay=TERM=700ms").sh("echo started").output();
        assert_eq!((delay.code(), delay.stdout.contains("started")), (1, false), "{delay:?}");
    }
}

#[test]
fn signals_have_names() {
    let t = case!("-", "dumb-init");
    for line in ["dumb-init -r TERM:USR1", "dumb-init -r 37:10"] {
        let refused = pid_1(&t, line).sh("echo started").output();
        assert_eq!((refused.code(), refused.stdout.as_str()), (1, ""), "{line} has no such defect");
    }
    let script = "trap 'echo got; exit 0' USR1; echo up; while :; do sleep 0.02; done";
    // 37 is what systemd, podman and LXC send to stop a container.
    for (line, signo) in [
        ("@ init -r TERM:USR1", 15),
        ("@ init -r 37:10", 37),
        ("@ init -r RTMIN+3:sigusr1", 37),
        ("@ init -r PWR:USR1", 30),
    ] {
        let (run, pid) = up(&t, line, script);
        assert!(kill(pid, signo));
        assert_eq!(run.finish().ok(), "up\ngot\n", "{line}");
    }
}

#[test]
fn every_signal_is_forwarded() {
    let t = case!("-", "tini", "catatonit");
    let signals = [4, 5, 6, 7, 8, 11, 31];
    let script =
        "for s in 4 5 6 7 8 11 31; do trap \"echo got $s\" $s; done; trap 'exit 0' TERM; echo up
        while :; do sleep 0.02; done";
    let probe = |line: &str| {
        let (run, pid) = up(&t, line, script);
        signals.iter().for_each(|&signo| assert!(kill(pid, signo)));
        pause(150);
        assert!(kill(pid, 15));
        run.finish().stdout.matches("got").count()
    };
    let ours = ["@ tini", "@ dumb-init", "@ catatonit", "@ init", "@ init --session", "@ init -a"];
    compare(probe, &["tini", "catatonit"], 0, &ours, signals.len());
}

#[test]
fn signals_that_the_c_library_hides_are_forwarded() {
    let t = case!("-", "tini", "dumb-init", "catatonit", "strace");
    let probe = |line: &str| {
        let log = t.path("log");
        // A tracer sees what its tracee ignores.
        let strace = Trace::prefix(&log, &["-f", "-e", "trace=none"]);
        let mut run = pid_1(&t, line).cmd(["cat"]).under(strace).open_stdin().spawn();
        run.say("up");
        run.expect("up\n");
        let pid = find_child(find_child(run.pid()));
        let program = find_child(pid);
        for signo in [32, 33] {
            assert!(kill(pid, signo));
            pause(50);
        }
        run.finish();
        let hidden = |(to, signal): &&(u32, String)| *to == program && signal.starts_with("SIGRT");
        Trace::read(&log).signals.iter().filter(hidden).count()
    };
    let ours = ["@ tini", "@ dumb-init", "@ catatonit", "@ init"];
    compare(probe, &["tini", "dumb-init", "catatonit"], 0, &ours, 2);
}

#[test]
fn asked_to_stop_is_a_success() {
    let t = case!("-", "tini");
    let probe = |line: &str| {
        let (run, pid) = up(&t, line, "echo up; while :; do sleep 0.02; done");
        assert!(kill(pid, 15));
        (run.finish().code(), pid_1(&t, line).sh("kill -TERM $$").output().code())
    };
    compare(probe, &["tini"], (143, 143), &["@ init --stop-ok"], (0, 143));
    // Its answer takes every such death for a success.
    compare(probe, &["tini -e 143"], (0, 0), &["@ tini -e 143", "@ init --exit-map 143:0"], (0, 0));
}

#[test]
fn its_oom_score_is_its_own() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    let probe = |line: &str| {
        let run = pid_1(&t, line).sh("cat /proc/self/oom_score_adj /proc/1/oom_score_adj").output();
        let scores: Vec<_> = run.ok().lines().map(str::to_owned).collect();
        scores[1] == "777" && scores[0] != "777"
    };
    let originals = ["tini", "dumb-init", "catatonit"];
    compare(probe, &originals, false, &["@ init --oom-score-adj 777"], true);
}

#[test]
fn what_ignores_term_is_killed() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    let probe = |line: &str| {
        let (run, pid) = up(&t, line, "trap '' TERM; echo up; while :; do sleep 0.02; done");
        assert!(kill(pid, 15));
        pause(400);
        let alive = children(run.pid()) == [pid] && state(pid) != Some('Z');
        if alive {
            kill(pid, 9);
        }
        (alive, run.finish().code())
    };
    let originals = ["tini", "dumb-init", "catatonit"];
    compare(probe, &originals, (true, 1), &["@ init --kill-after 200ms"], (false, 137));
}

#[test]
fn a_container_without_a_program() {
    let t = case!("-", "tini", "dumb-init");
    let probe = |line: &str| {
        let run = pid_1(&t, line).spawn();
        pause(200);
        let init = children(run.pid());
        init.iter().for_each(|&pid| assert!(kill(pid, 15)));
        (init.len(), run.finish().code())
    };
    compare(probe, &["tini", "dumb-init"], (0, 1), &["@ init --pause", "@ catatonit -P"], (1, 0));
}

#[test]
fn the_sender_is_known() {
    let t = case!("-", "tini", "dumb-init", "catatonit", "strace", "kill");
    let script = "trap 'echo got' USR1; trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done";
    // Whether the sender is known, and what it has sent along.
    let probe = |line: &str| {
        let log = t.path("log");
        let strace = Trace::prefix(&log, &["-f", "-e", "trace=none"]);
        let run = below(&t, line).sh(script).under(strace).spawn();
        run.expect("up\n");
        let pid = find_child(run.pid());
        let mut senders = Vec::new();
        for words in [&["-USR1"][..], &["-USR1", "-q", "77"]] {
            let mut sender =
                Command::new("/bin/kill").args(words).arg(pid.to_string()).spawn().unwrap();
            senders.push(format!("si_pid={},", sender.id()));
            assert!(sender.wait().unwrap().success());
            let count = senders.len();
            assert!(await_true(|| run.so_far().matches("got").count() == count));
        }
        assert!(kill(pid, 15));
        run.finish();
        let signals = Trace::read(&log).signals;
        let mut got = signals.iter().filter(|(_, signal)| signal.starts_with("SIGUSR1"));
        let mut next = || &got.next().unwrap().1;
        let (first, second) = (next(), next());
        (first.contains(&senders[0]), second.contains(&senders[1]), second.contains("si_int=77,"))
    };
    let originals = ["tini -s", "dumb-init", "catatonit"];
    compare(probe, &originals, (false, false, false), &["@ init"], (true, true, true));
    // The kernel lets nobody pass a kill(2) on as one of another.
    compare(
        probe,
        &[],
        (false, false, false),
        &["@ tini -s", "@ dumb-init -c", "@ catatonit"],
        (false, true, true),
    );
}

#[test]
fn idle_is_asleep() {
    let t = case!("-", "tini");
    let lines =
        ["tini", "@ tini", "@ dumb-init", "@ catatonit", "@ init", "@ init --kill-after 1s -a"];
    let runs = lines.map(|line| up(&t, line, "echo up; exec sleep 60"));
    pause(100);
    let switches = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status_field(&status, "voluntary_ctxt_switches").parse::<u64>().unwrap()
    };
    let before = runs.each_ref().map(|(_, pid)| switches(*pid));
    pause(1200);
    for ((line, (run, pid)), before) in lines.iter().zip(runs).zip(before) {
        let woken = switches(pid) - before;
        assert_eq!(woken != 0, *line == "tini", "{line} woke up {woken} times");
        assert!(kill(pid, 15));
        run.finish();
    }
}
