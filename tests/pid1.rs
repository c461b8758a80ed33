//! The container's PID 1: reaping, exit codes, protection, idleness.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use support::{
    Case, Host, Rootlet, Running, await_true, case, children, find_child, kill, links, state,
    status_field,
};

/// Starts a container whose command prints `up` and waits, and gives its supervisor and its PID 1.
fn idle(t: &Case, options: &[&str]) -> (Running, u32) {
    let run = t.run().opts(options).open_stdin().sh("echo up; read x; exit 0").spawn();
    run.expect("up");
    let init = find_child(run.pid());
    (run, init)
}

#[test]
fn exit_codes_pass_through() {
    let t = case!("boot-status");
    for init in [&[][..], &["--no-init"]] {
        for code in [0, 1, 2, 77, 124, 125, 126, 127, 128, 255] {
            t.run().opts(init).sh(&format!("exit {code}")).output().ends(code);
        }
    }
}

#[test]
fn a_signal_death_is_128_and_its_number() {
    let t = case!("-");
    for signo in [1, 2, 6, 9, 11, 13, 14, 15, 31, 34, 64] {
        t.run().sh(&format!("kill -{signo} $$")).output().ends(128 + signo);
    }
    // As PID 1 the command does not die of a signal that it sends itself.
    let run = t.run().opt("--no-init").sh("kill -15 $$; exit 4").output();
    run.ends(4);
}

#[test]
fn orphans_are_reaped() {
    let t = case!("boot-orphans");
    // Each subshell leaves children that outlive it. A zombie keeps its folder in /proc, so each loop ends only when
    // the child has been reaped.
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 & echo $! >&3; sleep 0.2 & echo $! >&3); done 3> /pids
        for pid in $(cat /pids); do while [ -d /proc/$pid ]; do sleep 0.01; done; done; wc -l < /pids
        grep -l '^State:.Z' /proc/[0-9]*/status; true";
    assert_eq!(t.inside(&[], script), "20\n");
}

#[test]
fn orphans_do_not_hold_up_the_end_and_die_with_it() {
    let t = case!("boot-orphans");
    let before = Host::now();
    let run = t.run().sh("(sleep 300 &); (trap '' 15 1 2; sleep 301 &); exit 5").output();
    run.ends(5);
    assert!(run.elapsed < Duration::from_secs(5), "{run:?}");
    before.unchanged(&t, "a container with orphans");
}

#[test]
fn an_orphans_status_is_not_the_commands() {
    let t = case!("-");
    t.run()
        .sh("(sh -c 'sleep 0.05; exit 9' &); (sh -c 'kill -9 $$' &); sleep 0.2; exit 6")
        .output()
        .ends(6);
}

#[test]
fn a_storm_of_children_is_reaped() {
    let t = case!("-");
    let script = "i=0; while [ $i -lt 300 ]; do (true &); i=$((i+1)); done
        while grep -q '^State:.Z' /proc/[0-9]*/status 2> /dev/null; do sleep 0.01; done; echo none is left";
    assert_eq!(t.inside(&[], script), "none is left\n");
}

#[test]
fn a_killed_supervisor_takes_the_container_with_it() {
    let t = case!("-");
    let before = Host::now();
    for options in
        [&[][..], &["--no-init"], &["--user", "1000:1000"], &["--no-init", "--user", "1000:1000"]]
    {
        // Processes that ignore what can be ignored, and one that has left for a session of its own.
        let script = "trap '' 1 2 15; setsid sleep 300 & echo up; while :; do sleep 100; done";
        let run = t.run().opts(options).sh(script).spawn();
        run.expect("up");
        let init = find_child(run.pid());
        assert!(kill(run.pid(), 9));
        assert!(await_true(|| state(init).is_none_or(|s| s == 'Z')), "{options:?}: PID 1 lives on");
        drop(run);
        before.unchanged(&t, &format!("a killed supervisor, {options:?}"));
    }
}

#[test]
fn a_killed_pid_1_is_reported() {
    let t = case!("-");
    let before = Host::now();
    let (run, init) = idle(&t, &[]);
    assert!(kill(init, 9));
    let outcome = run.finish();
    assert_eq!(outcome.code(), 137, "{outcome:?}");
    before.unchanged(&t, "a killed PID 1");
}

#[test]
fn pid_file_names_pid_1_and_goes_at_the_end() {
    let t = case!("-");
    let file = t.path("pid");
    let (run, init) = idle(&t, &["--pid-file", file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap().trim_end(), init.to_string());
    run.finish().ok();
    assert!(!file.exists(), "the pid file stays");
}

#[test]
fn pid_file_of_another_is_left_alone() {
    let t = case!("-");
    let name = t.file("pid", "7\n");
    let named = name.to_str().unwrap();
    let message = ["write its pid to", "EEXIST (File exists)"];
    t.run().opts(["--pid-file", named]).cmd(["true"]).output().refused(125, &message);
    assert_eq!(fs::read_to_string(&name).unwrap(), "7\n");
    // Neither a device nor a FIFO is opened, which could wait for ever.
    t.run().opts(["--pid-file", "/dev/null"]).cmd(["true"]).output().refused(125, &message);
    assert!(Path::new("/dev/null").exists());
}

#[test]
fn pid_file_does_not_follow_a_link_of_another() {
    let t = case!("-");
    let victim = t.file("victim", "precious");
    symlink(&victim, t.path("pid")).unwrap();
    let run = t.run().opt("--pid-file").opt(t.path("pid")).cmd(["true"]).output();
    run.refused(125, &["write its pid to", "EEXIST (File exists)"]);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn pid_1_cannot_be_read_or_traced_by_the_command() {
    let t = case!("-");
    // The same on PID 2, the shell itself, works: it is PID 1 that refuses, not the container that forbids.
    let script = "for what in exe root cwd; do readlink /proc/$P/$what > /dev/null 2>&1 && echo $what; done
        readlink /proc/$P/fd/0 > /dev/null 2>&1 && echo fd; (: < /proc/$P/mem) 2> /dev/null && echo mem
        cat /proc/$P/environ 2> /dev/null | grep -q . && echo environ; echo done";
    let on = |options: &[&str], pid: u32| t.inside(options, &format!("P={pid}; {script}"));
    for options in [&[][..], &["--user", "1000:1000"]] {
        assert_eq!(on(options, 2), "exe\nroot\ncwd\nfd\nmem\nenviron\ndone\n", "{options:?}");
        assert_eq!(on(options, 1), "done\n", "{options:?}");
    }
}

#[test]
fn pid_1_cannot_be_attached_to() {
    let t = case!("-", "strace");
    // The host's strace, in a container of the host's own root.
    let run = |options: &[&str], script: &str| {
        let run = t.rootlet().opts(["run", "--rootfs", "/", "--read-only"]).opts(options);
        run.sh(script).env("PATH", "/usr/bin:/bin").output()
    };
    for options in [&[][..], &["--user", "65534:65534"]] {
        let control = run(options, "sleep 5 & timeout -s INT 1 strace -o /dev/null -p $!; kill $!");
        assert!(control.stderr.contains("attached"), "attaching works at all: {control:?}");
        let refused = run(options, "timeout -s INT 1 strace -o /dev/null -p 1");
        assert!(refused.stderr.contains("Operation not permitted"), "{options:?}: {refused:?}");
    }
}

#[test]
fn pid_1_holds_nothing_of_the_host() {
    let t = case!("-", "bash");
    let leak = t.file("leak", "");
    let script = "exec 7< \"$LEAK\" 1000< \"$LEAK\"; exec \"$0\" \"$@\"";
    let run = t
        .run()
        .open_stdin()
        .sh("echo up; read x")
        .env("LEAK", &leak)
        .under(["bash", "-c", script])
        .spawn();
    run.expect("up");
    let init = find_child(run.pid());
    let open = links(&format!("/proc/{init}/fd"));
    let named: Vec<_> =
        open.iter().filter(|(_, to)| to.starts_with('/') && *to != "/dev/null").collect();
    assert!(named.is_empty(), "PID 1 holds {named:?}");
    assert!(open.keys().all(|fd| fd.parse::<u32>().unwrap() <= 4), "{open:?}");
    // Seen from the host, the root of a process in another mount namespace is what that one calls `/`.
    assert_eq!(fs::read_link(format!("/proc/{init}/cwd")).unwrap().to_str(), Some("/"));
    run.finish();
}

#[test]
fn a_caller_that_ignores_sigchld_changes_nothing() {
    let t = case!("-", "env");
    for init in [&[][..], &["--no-init"]] {
        let run = t
            .run()
            .opts(init)
            .sh("(exit 3); test $? = 3 && exit 8")
            .under(["env", "--ignore-signal=CHLD"]);
        run.output().ends(8);
    }
}

#[test]
fn the_commands_signal_mask_is_the_callers() {
    let t = case!("-", "env");
    let masks = |init: &[&str], options: &[&str]| {
        let under = [&["env"], options].concat();
        let run = t.run().opts(init).cmd(["cat", "/proc/self/status"]).under(under).output();
        let set = |name| u64::from_str_radix(status_field(run.ok(), name), 16).unwrap();
        // The C library's posix_spawn, which has started the caller, leaves 32 and 33 ignored.
        (set("SigBlk"), set("SigIgn") & !(1 << 31 | 1 << 32))
    };
    for init in [&[][..], &["--no-init"]] {
        assert_eq!(masks(init, &["--default-signal"]), (0, 0));
        let (blocked, _) =
            masks(init, &["--block-signal=USR1", "--block-signal=TERM", "--block-signal=CHLD"]);
        assert_eq!(blocked, 1 << 9 | 1 << 14 | 1 << 16);
        // nohup's way of protecting a command.
        let (_, ignored) = masks(init, &["--default-signal", "--ignore-signal=HUP"]);
        assert_eq!(ignored, 1);
    }
}

#[test]
fn waiting_costs_no_wake_up_and_little_memory() {
    let t = case!("-");
    let (run, init) = idle(&t, &[]);
    let switches = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let count = |name| status_field(&status, name).parse::<u64>().unwrap();
        (count("voluntary_ctxt_switches"), count("nonvoluntary_ctxt_switches"))
    };
    sleep(Duration::from_millis(100));
    let before = (switches(run.pid()), switches(init));
    sleep(Duration::from_secs(1));
    assert_eq!(before, (switches(run.pid()), switches(init)), "woke up while idle");
    for (who, pid) in [("PID 1", init), ("supervisor", run.pid())] {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let value = |name| status_field(&rollup, name).trim_end_matches(" kB").to_owned();
        let (anon, rss) = (value("Pss_Anon"), value("Rss"));
        println!("measured: {who} Pss_Anon {anon} kB, Rss {rss} kB");
        assert!(anon.parse::<u32>().unwrap() <= 32, "{who}: {rollup}");
    }
    run.finish().ok();
}

#[test]
fn init_role_as_pid_1_of_a_container() {
    let t = case!("-");
    let init =
        |words: &[&str]| t.run().opt("--no-init").cmd([&["/sbin/init", "--"], words].concat());
    assert_eq!(
        init(&["sh", "-c", "echo $$ $PPID; tr '\\0' ' ' < /proc/1/cmdline"]).output().ok(),
        "2 1\n/sbin/init -- sh -c echo $$ $PPID; tr '\\0' ' ' < /proc/1/cmdline "
    );
    init(&["sh", "-c", "exit 11"]).output().ends(11);
    init(&["sh", "-c", "kill -11 $$"]).output().ends(139);
    init(&["nosuch"]).output().refused(127, &["nosuch", "ENOENT"]);
    init(&["/etc/passwd"]).output().refused(126, &["/etc/passwd", "EACCES"]);
    let orphan = "pid=$( (sleep 0.1 > /dev/null & echo $!) ); while [ -d /proc/$pid ]; do sleep 0.01; done; echo reaped";
    assert_eq!(init(&["sh", "-c", orphan]).output().ok(), "reaped\n");
    let run =
        init(&["sh", "-c", "trap 'echo got; exit 4' USR1; echo up; while :; do sleep 0.05; done"])
            .spawn();
    run.expect("up");
    kill(run.pid(), 10);
    let outcome = run.finish();
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (4, "up\ngot\n"), "{outcome:?}");
}

#[test]
fn init_role_alone_is_a_subreaper() {
    let t = case!("-");
    for bin in [support::bin(), support::init_bin()] {
        let init = |words: &[&str]| Rootlet::new(&bin, t.dir()).opt("init").cmd(words);
        init(&["sh", "-c", "exit 12"]).output().ends(12);
        init(&["sh", "-c", "kill -9 $$"]).output().ends(137);
        init(&["nosuch"]).output().refused(127, &["nosuch"]);
        // An orphan's new parent is rootlet, which reaps it: its folder in /proc is gone.
        let script = "orphan='until [ $(cut -d\" \" -f4 /proc/$$/stat) = $1 ]; do sleep 0.01; done; echo adopted'
            pid=$( (sh -c \"$orphan\" orphan $PPID >&2 & echo $!) )
            while [ -d /proc/$pid ]; do sleep 0.01; done; echo reaped";
        let outcome = init(&["sh", "-c", script]).output();
        assert_eq!(
            (outcome.code(), &*outcome.stderr, &*outcome.stdout),
            (0, "adopted\n", "reaped\n")
        );
        // The environment and the working directory are the caller's: it is no container.
        let run = init(&["sh", "-c", "pwd -P; echo $GIVEN"]).env("GIVEN", "given").output();
        assert_eq!(run.ok(), format!("{}\ngiven\n", t.dir().canonicalize().unwrap().display()));
    }
}

#[test]
fn init_role_forwards_and_idles() {
    let t = case!("-");
    let run = Rootlet::new(&support::init_bin(), t.dir()).opt("init");
    let run = run
        .cmd(["sh", "-c", "trap 'echo got; exit 4' TERM; echo up; while :; do sleep 0.05; done"])
        .spawn();
    run.expect("up");
    assert_eq!(children(run.pid()).len(), 1);
    kill(run.pid(), 15);
    let outcome = run.finish();
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (4, "up\ngot\n"), "{outcome:?}");
}

#[test]
fn the_command_line_of_pid_1_names_nothing_of_the_host() {
    let t = case!("-");
    // It is hidden shortly after the command's start.
    let script = "while grep -q SECRET /proc/1/cmdline; do sleep 0.01; done; cat /proc/1/cmdline";
    let shown = t.inside(&["-e", "SECRET=word"], script);
    assert_eq!(shown.trim_matches('\0'), "rootlet");
}
