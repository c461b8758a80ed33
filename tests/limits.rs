//! Limits, devices, and what else a container is given by options.

mod support;

use std::fs;

use support::case;

#[test]
fn limits_hold_for_everything_inside_and_not_outside() {
    let t = case!("-");
    let own = fs::read_to_string("/proc/self/limits").unwrap();
    let options = ["--ulimit", "nofile=64:128", "--ulimit", "core=0", "--ulimit", "nofile=65:129"];
    let script = "ulimit -n; ulimit -Hn; ulimit -c; grep 'open files' /proc/1/limits; ulimit -n 129; ulimit -n; ulimit -n 130";
    let run = t.run().opts(options).sh(script).output();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..3], ["65", "129", "0"], "{run:?}");
    assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>()[3..5], ["65", "129"]);
    assert_eq!(lines[4..], ["129"], "{run:?}");
    assert_ne!(run.code(), 0, "the hard limit was raised");
    assert_eq!(fs::read_to_string("/proc/self/limits").unwrap(), own);
    for name in "cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio rttime"
        .split(' ')
    {
        let value = format!("{name}=67108864:134217728");
        // Some of them are lower here, and may not be raised.
        let run = t.run().opts(["--ulimit", &value]).cmd(["true"]).output();
        assert!(run.code() == 0 || run.stderr.contains("prlimit64: EPERM"), "{name}: {run:?}");
    }
    let cpu = t.run().opts(["--ulimit", "cpu=1"]).sh("while :; do :; done").output();
    cpu.ends(128 + 9);
}

#[test]
fn what_cannot_be_a_limit_is_refused() {
    let t = case!("-");
    for bad in
        ["", "nofile", "nofile=", "files=1", "nofile=2:1", "nofile=-2", "nofile=1:2:3", "nofile=x"]
    {
        t.run().opts(["--ulimit", bad]).cmd(["true"]).output().refused(125, &["--ulimit"]);
    }
    for bad in ["", "1001", "-1001", "x", "--1"] {
        t.run()
            .opts(["--oom-score-adj", bad])
            .cmd(["true"])
            .output()
            .refused(125, &["--oom-score-adj"]);
    }
}

#[test]
fn the_score_for_want_of_memory_is_the_containers() {
    let t = case!("-");
    let script = "cat /proc/1/oom_score_adj /proc/self/oom_score_adj";
    assert_eq!(t.inside(&["--oom-score-adj", "321"], script), "321\n321\n");
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    assert_eq!(t.inside(&[], script), own.repeat(2));
}

#[test]
fn a_device_is_usable_where_it_was_asked_for() {
    let t = case!("-");
    let options = ["--device", "/dev/full:/dev/other", "--device", "/dev/zero:/opt/zero:rw"];
    let script = "stat -c '%F %t:%T' /dev/other /opt/zero; head -c 2 /opt/zero | od -An -tx1; echo x > /dev/other";
    let run = t.run().opts(options).sh(script).output();
    let special = "character special file";
    assert_eq!(run.stdout, format!("{special} 1:7\n{special} 1:5\n 00 00\n"), "{run:?}");
    assert!(run.code() != 0 && run.stderr.contains("No space left"), "{run:?}");
    // A volume is no device: it is nodev.
    let volume = t.run().opts(["-v", "/dev/zero:/dev/other"]).sh("head -c 1 /dev/other").output();
    assert!(volume.code() != 0 && volume.stderr.contains("Permission denied"), "{volume:?}");
    let file = t.file("file", "");
    for (device, words) in [
        (file.to_str().unwrap(), "no device"),
        ("/dev/null:x", "needs a device"),
        ("dev/null", "needs a device"),
        ("/dev/nosuch", "ENOENT"),
    ] {
        t.run().opts(["--device", device]).cmd(["true"]).output().refused(125, &[words]);
    }
}

/// What opens descriptors 3, 4 and 5 for what it becomes: files of the test's directory, the last one a pipe that
/// nobody else writes to.
const OPENED: [&str; 3] =
    ["bash", "-c", "exec 3< \"$DIR/three\" 4> \"$DIR/four\" 5< /dev/null; exec \"$0\" \"$@\""];

#[test]
fn descriptors_are_handed_on_as_many_as_were_asked_for() {
    let t = case!("-", "bash");
    t.file("three", "content of three\n");
    let run = |options: &[&str], script: &str| {
        t.run().opts(options).sh(script).under(OPENED).env("DIR", t.dir()).output()
    };
    // ls has one of its own for the directory; PID 1 has the link, and what CMD was given only until CMD runs.
    let list = "ls /proc/self/fd | tr '\\n' ' '; ls /proc/1/fd | tr '\\n' ' '";
    assert_eq!(run(&[], list).ok(), "0 1 2 3 0 1 2 3 ");
    assert_eq!(run(&["--preserve-fds", "2"], list).ok(), "0 1 2 3 4 5 0 1 2 5 ");
    for init in [&[][..], &["--no-init"]] {
        let two = [&["--preserve-fds", "2"], init].concat();
        let script = "cat <&3; echo written >&4; readlink /proc/self/fd/5; true";
        assert_eq!(run(&two, script).ok(), "content of three\n", "{init:?}");
        assert_eq!(fs::read_to_string(t.path("four")).unwrap(), "written\n");
    }
    let three = run(&["--preserve-fds=3"], "test -e /proc/self/fd/5 && echo there");
    assert_eq!(three.ok(), "there\n");
    run(&["--preserve-fds", "4"], "true").refused(125, &["descriptor 6", "not open"]);
    for bad in ["", "-1", "65", "x", "1x"] {
        t.run()
            .opts(["--preserve-fds", bad])
            .cmd(["true"])
            .output()
            .refused(125, &["--preserve-fds"]);
    }
}

#[test]
fn a_descriptor_that_was_handed_on_is_held_by_the_command_alone() {
    let t = case!("-", "bash");
    let script = "mkfifo f; (cat f; echo end) & \"$0\" \"$@\" 3> f; wait";
    let run = t
        .run()
        .opts(["--preserve-fds", "1"])
        .sh("echo said >&3; exec 3>&-; read line; echo late")
        .under(["bash", "-c", script]);
    let mut run = run.open_stdin().spawn();
    // The reader sees the end as soon as CMD has closed its end: the container goes on until it is told.
    run.expect("said\nend\n");
    run.say("");
    assert_eq!(run.finish().ok(), "said\nend\nlate\n");
}

#[test]
fn files_can_be_used_below_the_named_paths_alone() {
    let t = case!("-");
    let rules = ["--landlock", "ro:/bin,ro:/proc", "--landlock=rw:/tmp", "--tmpfs", "/tmp"];
    let script = "echo x > /tmp/file && cat /tmp/file; cat /etc/passwd 2>&1; ls / 2>&1; echo y 2>&1 > /bin/new; true";
    let run = t.run().opts(rules).sh(script).output();
    assert!(run.stdout.starts_with("x\n"), "{run:?}");
    assert_eq!(
        format!("{}{}", run.stdout, run.stderr).matches("Permission denied").count(),
        3,
        "{run:?}"
    );
    // A single file is a path as well.
    let rules = ["--landlock", "ro:/bin,ro:/etc/passwd"];
    let file = t.inside(&rules, "wc -l < /etc/passwd; cat /etc/group 2>&1 | grep -c denied");
    let lines = fs::read_to_string(t.rootfs().join("etc/passwd")).unwrap().lines().count();
    assert_eq!(file, format!("{lines}\n1\n"));
    // CMD itself must be below one of them.
    t.run().opts(["--landlock", "ro:/etc"]).cmd(["true"]).output().refused(126, &["EACCES"]);
    t.run()
        .opts(["--landlock", "ro:/nosuch"])
        .cmd(["true"])
        .output()
        .refused(125, &["openat", "ENOENT"]);
    for bad in ["", "ro", "ro:", "rx:/", "ro:/,"] {
        t.run().opts(["--landlock", bad]).cmd(["true"]).output().refused(125, &["--landlock"]);
    }
}
