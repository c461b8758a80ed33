//! What users complain about when a program is started, there and here.
//!
//! The table stands in wishes.rs.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use support::inits::{below, compare, pause, pid_1, words};
use support::{Rootlet, Terminal, Trace, case, copy_program, kill, on_path, status_field};

#[test]
fn masks_and_ignored_signals_are_kept() {
    let t = case!("-", "dumb-init", "catatonit", "env");
    let given = ["env", "--default-signal", "--block-signal=USR1", "--ignore-signal=HUP"];
    let probe = |line: &str| {
        let run = pid_1(&t, line).cmd(["cat", "/proc/self/status"]).under(given).output();
        let set = |name| u64::from_str_radix(status_field(&run.stdout, name), 16).unwrap();
        // The C library's posix_spawn, which has started the caller, leaves 32 and 33 ignored.
        (set("SigBlk"), set("SigIgn") & !(1 << 31 | 1 << 32))
    };
    let ours = ["@ tini", "@ dumb-init", "@ catatonit", "@ init", "@ init --session"];
    compare(probe, &["dumb-init"], (0, 0), &ours, (1 << 9, 1));
    let stops = 1 << 19 | 1 << 20 | 1 << 21;
    compare(probe, &["catatonit"], (1 << 9 | stops, 1), &ours, (1 << 9, 1));
}

/// Leads a session whose terminal another group has in front, and becomes a program.
const BEHIND: &str = "use POSIX; my $p = fork // die; if (!$p) { setpgid(0, 0); sleep 30; exit }
    setpgid($p, $p); tcsetpgrp(0, $p) or die; exec @ARGV";

#[test]
fn a_hang_up_is_lost_to_no_hand_over() {
    let t = case!("-", "dumb-init", "perl", "strace");
    let script = "trap 'echo got HUP' HUP; trap 'echo got CONT' CONT; trap 'exit 0' USR1
        (trap '' HUP; exec sleep 30) & echo up; while :; do wait; done";
    let behind = |line: &str| {
        let run = below(&t, line).sh(script).under(["perl", "-e", BEHIND]);
        let mut terminal = Terminal::start(run, 24, 80);
        terminal.expect("up\r\n");
        assert!(kill(terminal.pid(), 1));
        let end = Instant::now() + Duration::from_secs(1);
        let got = || terminal.screen().matches("got").count();
        while got() == 0 && Instant::now() < end {
            pause(10);
        }
        let got = got();
        assert!(kill(terminal.pid(), 10));
        terminal.finish();
        got
    };
    compare(behind, &["dumb-init"], 0, &["@ init", "@ init --session"], 1);
    // In front, giving the terminal up sends HUP and CONT to oneself: old dumb-inits passed them on. Whoever takes
    // its signals late finds a program that has its traps by then.
    let late = ["-DDD", "-f", "-e", "trace=rt_sigtimedwait", "-e"];
    let late = [&late[..], &["inject=rt_sigtimedwait:delay_enter=100000"]].concat();
    for line in ["dumb-init", "@ dumb-init", "@ init --session", "@ init"] {
        let run = below(&t, line).sh(script).under(Trace::prefix(&t.path("log"), &late));
        let mut terminal = Terminal::start(run, 24, 80);
        terminal.expect("up\r\n");
        pause(350);
        assert!(!terminal.screen().contains("got"), "{line}");
        assert!(kill(terminal.pid(), 10));
        terminal.finish();
    }
}

#[test]
fn standard_input_needs_not_work() {
    let t = case!("-", "tini", "catatonit", "strace");
    let log = t.path("log");
    let broken = ["-f", "-e", "trace=ioctl", "-e", "inject=ioctl:error=EIO"];
    let broken = |line: &str| {
        let run = below(&t, line).cmd(["true"]).under(Trace::prefix(&log, &broken));
        Terminal::start(run, 24, 80).finish().code()
    };
    compare(broken, &["tini -s", "catatonit"], Some(1), &["@ init", "@ init --session"], Some(0));
    let closed = |line: &str| {
        below(&t, line).cmd(["true"]).under(["sh", "-c", "exec \"$@\" <&-", "sh"]).output().code()
    };
    compare(closed, &["tini -s"], 1, &["@ init", "@ init --session"], 0);
}

#[test]
fn exec_failures_have_the_engines_codes() {
    let t = case!("-", "tini", "dumb-init", "catatonit");
    t.file("plain", "");
    for (program, tini, others, ours) in [
        ("./nosuch", 127, [2, 1], 127),
        ("./plain", 126, [2, 1], 126),
        ("./plain/x", 1, [2, 1], 126),
    ] {
        let code = |line: &str| pid_1(&t, line).cmd([program]).output().code();
        assert_eq!(["tini", "dumb-init", "catatonit"].map(code), [tini, others[0], others[1]]);
        assert_eq!(code("@ init"), ours, "{program}");
    }
}

#[test]
fn no_mount_is_kept_busy() {
    let t = case!("-", "tini", "catatonit", "unshare");
    let probe = |line: &str| {
        let script = format!(
            "cd $DIR; mkdir -p m; mkfifo f; mount -t tmpfs none m; cd m
            {} -- sh -c 'cd /; echo > '$DIR/f'; exec sleep 60' & P=$!
            read x < $DIR/f; cd /; umount $DIR/m 2> /dev/null && echo free || echo busy
            kill $P; rm $DIR/f; wait $P || true",
            words(line).join(" ")
        );
        t.host_script(&script).stdout
    };
    let ours = ["@ tini -s", "@ dumb-init", "@ catatonit", "@ init"];
    compare(probe, &["tini -s", "catatonit"], "busy\n", &ours, "free\n");
}

#[test]
fn the_root_from_the_start() {
    let t = case!("-", "dumb-init", "strace");
    let probe = |line: &str| {
        // A slow chdir(2) makes the race one that is always lost.
        let slow = ["-f", "-e", "trace=chdir", "-e", "inject=chdir:delay_enter=100000"];
        let run = pid_1(&t, line).sh("readlink /proc/1/cwd /proc/self/cwd; sleep 0.1");
        let shown = run.under(Trace::prefix(&t.path("log"), &slow)).output().stdout;
        let dir = t.dir().canonicalize().unwrap();
        assert_eq!(shown.lines().nth(1), dir.to_str(), "{line}");
        shown.starts_with("/\n")
    };
    compare(
        probe,
        &["dumb-init"],
        false,
        &["@ tini", "@ dumb-init", "@ catatonit", "@ init"],
        true,
    );
}

#[test]
fn descriptors_are_the_programs_alone() {
    let t = case!("-", "tini", "dumb-init", "bash");
    t.file("leak", "");
    let probe = |line: &str| {
        let script = "test -e /proc/self/fd/7 && ls /proc/1/fd | grep -c '^[0127]$'";
        let open = ["bash", "-c", "exec 7< leak; exec \"$@\"", "bash"];
        pid_1(&t, line).sh(script).under(open).output().stdout
    };
    let ours = ["@ tini", "@ dumb-init", "@ catatonit", "@ init"];
    compare(probe, &["tini", "dumb-init"], "4\n", &ours, "3\n");
}

#[test]
fn listen_pid_is_the_programs() {
    let t = case!("-", "tini", "dumb-init");
    let probe = |line: &str| {
        let script = "test $LISTEN_PID = $$ && echo own || echo $LISTEN_PID";
        pid_1(&t, line).sh(script).env("LISTEN_PID", "1").output().stdout
    };
    compare(probe, &["tini", "dumb-init"], "1\n", &["@ catatonit", "@ init"], "own\n");
}

#[test]
fn one_file_under_every_name_in_an_empty_root() {
    let t = case!("-", "tini", "dumb-init", "chroot");
    let root = t.folder("root");
    let version = |name: &str, option: &str| {
        let run = Rootlet::new(Path::new("chroot"), t.dir())
            .opt(&root)
            .opts([&format!("/{name}"), option]);
        run.output()
    };
    for name in ["tini", "dumb-init"] {
        copy_program(&on_path(name).unwrap(), &root.join(name));
        // Its loader is not there.
        assert_eq!(version(name, "--version").code(), 127, "{name} has no such defect");
    }
    fs::remove_file(root.join("tini")).unwrap();
    fs::remove_file(root.join("dumb-init")).unwrap();
    for bin in [support::bin(), support::init_bin()] {
        copy_program(&bin, &root.join("rootlet"));
        for (name, said) in [
            ("tini", "tini version 0.19.0"),
            ("docker-init", "tini version 0.19.0 - git."),
            ("dumb-init", "dumb-init v1.2.5"),
            ("catatonit", "tini version 0.1.7_catatonit"),
            ("podman-init", "tini version 0.1.7_catatonit"),
        ] {
            symlink("rootlet", root.join(name)).unwrap();
            let outcome = version(name, "--version");
            let all = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(outcome.code() == 0 && all.starts_with(said), "{name} {outcome:?}");
            fs::remove_file(root.join(name)).unwrap();
        }
    }
}
