//! `rootlet exec`: a command in what runs, with no more rights than that has.

mod support;

use std::fs;
use std::time::Duration;

use support::entering::{command_of, exec, waiting};
use support::user::{AS_USER, open_to_user, run_as_user, runtime_directory};
use support::{
    Host, Rootlet, Terminal, await_true, bin, case, copy_program, descendants, find_child, kill,
    links, state,
};

#[test]
fn by_name_and_by_pid_it_is_in_every_namespace_of_the_container() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let first = waiting(t.run().opts(["--hostname", "box"]), &name);
    let command = command_of(&first);
    let theirs = links(&format!("/proc/{command}/ns"));
    let pids = [name.clone(), command.to_string(), find_child(first.pid()).to_string()];
    for target in pids {
        // A process of its own, whose number is one of the container's.
        let script = "for f in /proc/self/ns/*; do echo ${f##*/} $(readlink $f); done; hostname
            [ $(readlink /proc/self) -gt 2 ] && pwd";
        let run = exec(&t).opt(&target).sh(script).output();
        let mut lines: Vec<&str> = run.ok().lines().collect();
        assert_eq!(lines.split_off(lines.len() - 2), ["box", "/"]);
        assert_eq!(lines.len(), theirs.len());
        for line in lines {
            let (kind, link) = line.split_once(' ').unwrap();
            assert_eq!(link, theirs[kind], "{target}");
        }
    }
    first.finish().ok();
    before.unchanged(&t, "exec");
}

#[test]
fn statuses_are_those_of_run() {
    let t = case!("-");
    let name = t.label();
    let mut first = waiting(t.run(), &name);
    fs::write(t.rootfs().join("noexec"), "").unwrap();
    for (script, status) in [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)] {
        exec(&t).opt(&name).sh(script).output().ends(status);
    }
    // `--` may stand before CMD or not, and what stands behind CMD is CMD's.
    let run = exec(&t).opts([&name, "echo", "-u", "--", "x"]).output();
    assert_eq!(run.ok(), "-u -- x\n");
    for (words, status, said) in [
        (&["nope"][..], 127, &["execute nope: execve: ENOENT", "not in the root"][..]),
        (&["/noexec"], 126, &["execute /noexec: execve: EACCES"]),
    ] {
        exec(&t).opt(&name).cmd(words).output().refused(status, said);
    }
    let long = "x".repeat(70);
    for (words, said) in [
        (&["exec"][..], &["exec needs NAME or PID"][..]),
        (&["exec", &name], &["exec needs a program"]),
        (&["exec", &name, "--"], &["exec needs a program"]),
        (&["exec", "--nope", &name, "true"], &["--nope is not an option"]),
        (&["exec", "--ns", "mount", &name, "true"], &["--ns mount is none of mnt, pid"]),
        (&["exec", "--root", "x", &name, "true"], &["--root x is none of ns, host, /DIR"]),
        (&["exec", "--tools", "/no", &name, "true"], &["/no: openat: ENOENT"]),
        (&["exec", "--root", "/no", &name, "true"], &["/no: openat: ENOENT"]),
        (&["exec", "--tools", "/", "--root", "/", &name, "true"], &["--root with --tools"]),
        (&["exec", "-w", "x", &name, "true"], &["-w x is not an absolute path"]),
        (&["exec", "-u", "nosuch", &name, "true"], &["--user nosuch is not in /etc/passwd"]),
        (&["exec", "nosuch", "true"], &["nosuch is neither a container that runs nor a process"]),
        (&["exec", &long, "true"], &["is neither"]),
        (&["exec", "../x", "true"], &["../x is neither"]),
        (&["exec", "a\nb", "true"], &["a\\x0ab is neither"]),
        (&["exec", "0", "true"], &["0 is neither"]),
        (&["exec", "4194305", "true"], &["4194305 is neither"]),
        (&["exec", "4194303", "true"], &["4194303 is neither"]),
        (&["exec", "99999999999999999999", "true"], &["is neither"]),
    ] {
        t.rootlet().opts(words).output().refused(125, said);
    }
    exec(&t).opt("--help").output().ok();
    first.say("");
    first.finish().ok();
    // It is over.
    exec(&t).opts([&name, "true"]).output().refused(125, &["is neither a container that runs"]);
}

#[test]
fn user_directory_and_environment_are_runs_or_those_asked_for() {
    let t = case!("-");
    let name = t.label();
    let first = waiting(t.run().opts(["-e", "OF_CMD=1"]), &name);
    let file = t.file("variables", "A=file\nB=2\n");
    let show = "echo $(id -u):$(id -g) $(id -G) $HOME $(pwd) $A $B $LANG $SECRET $OF_CMD $TERM";
    for (options, expected) in [
        (&[][..], "0:0 0 /root /"),
        (&["-u", "user"], "1000:1000 1000 50 63 /home/user /"),
        (&["-u", "1000"], "1000:1000 1000 50 63 /home/user /"),
        (&["-u", "user:tty"], "1000:5 5 /home/user /"),
        (&["-u", "7777"], "7777:0 0 / /"),
        (&["-w", "/tmp"], "0:0 0 /root /tmp"),
        (&["-e", "A=1", "-e", "LANG"], "0:0 0 /root / 1 C.x"),
        (&["--env-file", file.to_str().unwrap(), "-e", "A=1"], "0:0 0 /root / 1 2"),
        (&["-i", "-e", "HOME=/h"], "0:0 0 /h /"),
    ] {
        let run = exec(&t).opts(options).opt(&name).sh(show);
        let run = run.env("LANG", "C.x").env("SECRET", "s").output();
        assert_eq!(run.ok().trim_end(), expected, "{options:?}");
    }
    let run = exec(&t).opts(["-w", "/nope", &name, "true"]).output();
    run.refused(125, &["go to /nope: chdir: ENOENT"]);
    let run = exec(&t).opts([&name, "cat"]).stdin("typed").output();
    assert_eq!(run.ok(), "typed");
    first.finish().ok();
}

#[test]
fn only_the_namespaces_and_the_root_that_were_named_are_entered() {
    let t = case!("-");
    let name = t.label();
    fs::write(t.rootfs().join("mark"), "").unwrap();
    let tools = t.folder("other/bin");
    copy_program(&t.rootfs().join("bin/busybox"), &tools.join("busybox"));
    let first = waiting(t.run().opts(["--hostname", "box"]), &name);
    let theirs = links(&format!("/proc/{}/ns", command_of(&first)));
    let ours = links("/proc/self/ns");
    for (value, kinds) in [
        ("net", &["net"][..]),
        ("uts,ipc", &["uts", "ipc"]),
        ("pid", &["pid", "pid_for_children"]),
        ("mnt,pid", &["mnt", "pid", "pid_for_children"]),
        ("cgroup,user,time", &["cgroup"]),
    ] {
        // Below a /proc that is not of its pid namespace there is no self.
        let mut inside = exec(&t)
            .opts(["--ns", value, &name, "sh", "-c", "echo in; read line"])
            .open_stdin()
            .spawn();
        inside.expect("in");
        let mut pid = find_child(inside.pid());
        if kinds.contains(&"pid") {
            pid = find_child(pid);
        }
        for (kind, link) in links(&format!("/proc/{pid}/ns")) {
            let wanted = if kinds.contains(&kind.as_str()) { &theirs } else { &ours };
            assert_eq!(link, wanted[&kind], "--ns {value}: {kind}");
        }
        inside.say("");
        inside.finish();
    }
    let script = "ls /mark 2> /dev/null; hostname; pwd";
    let run = exec(&t).opts(["--root", "ns", &name]).sh(script).output();
    assert_eq!(run.ok(), "/mark\nbox\n/\n");
    let run = exec(&t).opts(["--root", "host", "--ns", "uts,net", &name]).sh(script).output();
    assert_eq!(run.ok(), "box\n/\n");
    let run = exec(&t).opt("--root").opt(t.path("other")).opts(["--ns", "uts", &name]);
    let run = run.cmd(["/bin/busybox", "sh", "-c", "echo /*; /bin/busybox hostname; pwd"]).output();
    assert_eq!(run.ok(), "/bin\nbox\n/\n");
    first.finish().ok();
}

#[test]
fn signals_go_on_to_the_command_and_it_ends_with_exec() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let first = waiting(t.run(), &name);
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("USR1", 10)] {
        let script =
            format!("trap 'echo got; exit 9' {signal}; echo in; while :; do sleep 0.02; done");
        let inside = exec(&t).opt(&name).sh(&script).spawn();
        inside.expect("in");
        kill(inside.pid(), number);
        let inside = inside.finish();
        assert_eq!((inside.code(), inside.stdout.as_str()), (9, "in\ngot\n"), "{signal}");
    }
    // Whatever has killed it, what it has started ends.
    let inside = exec(&t).opts([&name, "sh", "-c", "echo in; exec sleep 300"]).spawn();
    inside.expect("in");
    let command = find_child(find_child(inside.pid()));
    kill(inside.pid(), 9);
    assert!(await_true(|| matches!(state(command), None | Some('Z'))), "it runs on");
    drop(inside);
    // What CMD leaves behind is the container's.
    exec(&t).opt(&name).sh("sleep 300 < /dev/null > /dev/null 2>&1 & true").output().ok();
    let listed = exec(&t).opts([&name, "ps", "-o", "ppid,args"]).output();
    assert!(listed.ok().contains("1 sleep 300"), "{listed:?}");
    first.finish().ok();
    before.unchanged(&t, "signals of exec");
}

#[test]
fn with_t_it_has_a_terminal_of_the_containers_own() {
    let t = case!("-");
    let name = t.label();
    let first = waiting(t.run(), &name);
    let script = "tty; stty size; id -u; echo $TERM; trap 'echo interrupted; exit 3' INT; echo up; while :; do sleep 0.02; done";
    let command = exec(&t).opts(["-it", &name]).sh(script);
    let mut terminal = Terminal::start(command, 31, 97);
    terminal.expect("/dev/pts/0\r\n31 97\r\n0\r\nxterm\r\nup\r\n");
    terminal.keys("\x03");
    terminal.expect("interrupted\r\n");
    assert_eq!(terminal.finish().code(), Some(3));
    // CMD's user owns it.
    let command = exec(&t).opts(["-t", "-u", "user", &name]).sh("stat -c %u:%g $(tty)");
    let mut terminal = Terminal::start(command, 31, 97);
    terminal.expect("1000:5\r\n");
    assert!(terminal.finish().success());
    first.finish().ok();
    // What is no devpts is not used.
    let first = waiting(t.run().opts(["--tmpfs", "/dev/pts"]), &name);
    let command = exec(&t).opts(["-t", &name, "true"]);
    command.output().refused(125, &["openat: ENODEV", "no terminals of its own"]);
    first.finish().ok();
}

#[test]
fn tools_come_along_without_a_change_of_the_container() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    // No shell, nothing but one program.
    let bare = t.folder("bare");
    for name in ["proc", "sys", "dev", "bin", "tmp"] {
        fs::create_dir(bare.join(name)).unwrap();
    }
    copy_program(&bin(), &bare.join("bin/rootlet"));
    for userns in
        [&[][..], &["--userns", "new", "--uidmap", "0:100000:9", "--gidmap", "0:100000:9"]]
    {
        let run = t.rootlet().opts(["run", "--rootfs"]).opt(&bare).opts(userns);
        let first = run.opts(["--name", &name]).cmd(["/bin/rootlet", "init", "--pause"]).spawn();
        let named =
            || exec(&t).opts([&name, "/bin/rootlet", "--version"]).output().status.success();
        assert!(await_true(named));
        let command = command_of(&first);
        let table = || fs::read_to_string(format!("/proc/{command}/mountinfo")).unwrap();
        let old = table();
        exec(&t).opts([&name, "sh"]).output().refused(127, &["ENOENT"]);
        let script = "echo /* /target/*; echo x > /target/tmp/made; kill -0 1 && echo reached
            while read line; do case $line in *eth0*|*lo:*) echo $line; esac; done < /proc/net/dev | while read name rest; do echo $name; done";
        let run = exec(&t).opts(["--tools", "rootlet", &name, "sh", "-c", script]).output();
        let seen = "/bin /dev /proc /sys /target /target/bin /target/dev /target/proc /target/sys /target/tmp";
        assert!(run.stdout.starts_with(&format!("{seen}\n")), "{run:?}");
        assert!(run.stdout.ends_with("reached\nlo:\n"), "{run:?}");
        // A directory of the host: where nobody inside may make one in it, the container is at /mnt.
        let run = exec(&t).opt("--tools").opt(t.rootfs()).opts([&name, "sh", "-c"]);
        let run = run.opt("ls /target 2> /dev/null || ls /mnt; ps | grep -c '[p]ause'").output();
        assert_eq!(run.ok(), "bin\ndev\nproc\nsys\ntmp\n1\n");
        assert_eq!(table(), old, "the container's mounts changed");
        kill(first.pid(), 15);
        first.finish();
    }
    before.unchanged(&t, "tools");
}

#[test]
fn a_user_enters_his_own_containers_and_no_others() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let bin = open_to_user(&t);
    let his = || {
        let run = Rootlet::new(&bin, t.dir()).opt("exec").under(AS_USER);
        run.env("XDG_RUNTIME_DIR", runtime_directory(&t))
    };
    for options in [&[][..], &["--no-init"]] {
        let first = waiting(run_as_user(&t).opts(["--hostname", "his"]).opts(options), &name);
        let run = his().opt(&name).sh("id -u; hostname; kill -0 1 && echo reached").output();
        assert_eq!(run.ok(), "0\nhis\nreached\n");
        let mut terminal = Terminal::start(his().opts(["-t", &name, "tty"]), 31, 97);
        terminal.expect("/dev/pts/0\r\n");
        assert!(terminal.finish().success());
        let run =
            his().opts(["--tools", "rootlet", &name, "sh", "-c", "echo /target/etc/p*"]).output();
        assert_eq!(run.ok(), "/target/etc/passwd\n");
        // Root enters it as well, and is one of its users then.
        let pid = find_child(first.pid());
        let run = exec(&t).opt(pid.to_string()).sh("id -u; cat /proc/self/uid_map").output();
        assert!(run.ok().starts_with("0\n"), "{run:?}");
        first.finish().ok();
    }
    let roots = format!("{name}-root");
    let first = waiting(t.run(), &roots);
    his().opts([&roots, "true"]).output().refused(125, &["is neither"]);
    let pid = command_of(&first).to_string();
    his().opts([&pid, "true"]).output().refused(125, &[&pid, "by root alone"]);
    first.finish().ok();
    before.unchanged(&t, "a user's exec");
}

#[test]
fn who_has_joined_the_pids_of_another_is_entered_too() {
    let t = case!("-");
    let (name, other) = (t.label(), t.unique("2"));
    let first = waiting(t.run().opts(["--hostname", "one"]), &name);
    let of = format!("container:{name}");
    let second = waiting(t.run().opts(["--hostname", "two", "--pid", &of]), &other);
    let run = exec(&t).opt(&other).sh("hostname; ps | grep -c '[e]cho up'; kill -0 1 && echo 1");
    assert_eq!(run.output().ok(), "two\n2\n1\n");
    second.finish().ok();
    first.finish().ok();
}

#[test]
fn a_container_that_ends_meanwhile_is_one_clear_line() {
    let t = case!("-", "strace");
    let name = t.label();
    let before = Host::now();
    // Held at the call that enters, until the container is gone.
    let first = waiting(t.run(), &name);
    let log = t.path("log");
    let delay = "inject=setns:delay_enter=1000000";
    let log = log.to_str().unwrap();
    let strace = ["strace", "-q", "-f", "-e", "trace=setns", "-e", delay, "-o", log];
    let inside = exec(&t).opts([&name, "true"]).under(strace).spawn();
    assert!(await_true(|| descendants(inside.pid()).len() >= 2));
    std::thread::sleep(Duration::from_millis(100));
    first.finish().ok();
    inside.finish().refused(125, &[&name, "setns: ESRCH", "it has ended"]);
    // Killed at any moment: a status, and at most one line.
    for delay_ms in [0, 2, 4, 6, 8, 10] {
        let first = waiting(t.run(), &name);
        let inside = exec(&t).opts([&name, "sleep", "300"]).spawn();
        std::thread::sleep(Duration::from_millis(delay_ms));
        kill(find_child(first.pid()), 9);
        let run = inside.finish();
        assert!([125, 126, 137].contains(&run.code()), "{run:?}");
        assert!(run.stderr.lines().count() <= 1, "{run:?}");
        first.finish();
    }
    before.unchanged(&t, "ends while something enters");
}

#[test]
fn closed_descriptors_are_not_filled_with_the_hosts() {
    let t = case!("-", "bash");
    let name = t.label();
    let first = waiting(t.run(), &name);
    let bash = ["bash", "-c", "exec 0<&- 2>&-; exec \"$@\"", "bash"];
    let run = exec(&t).opts([&name, "ls", "/proc/self/fd"]).under(bash).output();
    // The first is that of the directory itself.
    assert_eq!(run.ok(), "0\n1\n");
    let run = exec(&t).opts([&name, "sh", "-c", "echo in; exec sleep 20"]).under(bash).spawn();
    run.expect("in\n");
    let held = links(&format!("/proc/{}/fd", find_child(run.pid())));
    assert_eq!((held["0"].as_str(), held["2"].as_str()), ("/dev/null", "/dev/null"));
    assert!(held.len() == 4 && held["3"].starts_with("socket:"), "{held:?}");
    kill(run.pid(), 15);
    run.finish();
    first.finish().ok();
}

#[test]
fn d4_the_same_processes_from_outside_as_inside() {
    let t = case!("-", "nsenter");
    let name = t.label();
    let script = "sleep 77 & until ps -o args | grep -q '^sleep 77'; do :; done; ps -o pid,args; echo ready; read line; kill $!";
    let first = t.run().opts(["--name", &name]).sh(script).open_stdin().spawn();
    first.expect("ready\n");
    let listed = |text: &str| -> Vec<String> {
        let ours = |line: &&str| {
            !line.contains("{ps}") && (line.contains("rootlet") || line.contains("sleep 77"))
        };
        text.lines().filter(ours).map(|line| line.trim().to_owned()).collect()
    };
    let inside = listed(&first.so_far());
    assert!(inside.len() >= 2, "{inside:?}");
    // By hand the /proc of the container is needed as well.
    let pid = command_of(&first).to_string();
    let by_hand = support::host("nsenter", &["-t", &pid, "-p", "-m", "ps", "-o", "pid,args"]);
    assert_eq!(listed(&by_hand), inside);
    let run = exec(&t).opts([&name, "ps", "-o", "pid,args"]).output();
    assert_eq!(listed(run.ok()), inside);
    first.finish();
}

#[test]
fn the_plan_is_printed_and_nothing_is_done() {
    let t = case!("-");
    let name = t.label();
    let first = waiting(t.run().opts(["-m", "64m"]), &name);
    let run = exec(&t).opts(["--explain", &name, "touch", "/made"]).output();
    for words in ["go into namespaces of", "setns", "put it into the cgroup", "execute touch"] {
        assert!(run.ok().contains(words), "{words}: {run:?}");
    }
    assert!(!t.rootfs().join("made").exists());
    let run = exec(&t).opts(["--trace", &name, "true"]).output();
    assert!(run.stderr.contains("us  init") && run.code() == 0, "{run:?}");
    first.finish().ok();
}
