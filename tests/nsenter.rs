//! nsenter, beside util-linux's: the same namespaces, output and statuses.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::entering::{self, command_of};
use support::user::{AS_USER, copy_of_rootlet, open_to_user};
use support::{Case, Outcome, Rootlet, Running, case, host, kill};

/// A container that waits in /tmp, and the pid of its CMD.
fn waiting(t: &Case, options: &[&str]) -> (Running, String) {
    let run = entering::waiting(
        t.run().opts(options).opts(["--hostname", "box", "-w", "/tmp"]),
        &t.label(),
    );
    let command = command_of(&run).to_string();
    (run, command)
}

/// rootlet under nsenter's name, and util-linux's.
fn programs(t: &Case) -> [PathBuf; 2] {
    let link = t.path("nsenter");
    symlink(support::bin(), &link).unwrap();
    [link, "nsenter".into()]
}

/// Runs a command line by both.
fn both(t: &Case, programs: &[PathBuf; 2], words: &[&str]) -> [Outcome; 2] {
    programs.each_ref().map(|program| Rootlet::new(program, t.dir()).opts(words).output())
}

/// What a process sees.
const SEEN: &str = "for f in /proc/self/ns/*; do readlink $f; done; hostname; pwd; id; ls -d /*
    grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status";

#[test]
fn the_same_namespaces_and_output_as_util_linuxs() {
    let t = case!("-", "nsenter");
    let programs = programs(&t);
    for options in [
        &[][..],
        &["--userns", "new", "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"],
        &["--network", "host", "--ipc", "host"],
    ] {
        let (first, pid) = waiting(&t, options);
        let file = |kind: &str| format!("/proc/{pid}/ns/{kind}");
        let (net, uts, mnt, user) = (file("net"), file("uts"), file("mnt"), file("user"));
        let root = t.rootfs().to_str().unwrap();
        let (net_file, uts_file) = (format!("--net={net}"), format!("-u{uts}"));
        let (root_is, wd_is) = (format!("--root={root}"), format!("--wd={root}"));
        let mut rows = vec![
            vec!["-t", &pid, "-a"],
            vec!["-t", &pid, "--all"],
            vec!["-t", &pid, "-m", "-u", "-i", "-n", "-p", "-C"],
            vec!["--target", &pid, "--mount", "--pid"],
            vec!["-t", &pid, "-n", "-u"],
            vec!["-t", &pid, "-i", "-C", "-T"],
            vec!["-t", &pid, "-m", "-r"],
            vec!["-t", &pid, "-m", "-w"],
            vec!["-t", &pid, "-m", "-r", "-w"],
            vec!["-t", &pid, "-r"],
            vec!["-t", &pid, "-m", "-W", "/etc"],
            vec!["-t", &pid, "-m", "-p", "-F"],
            vec![&net_file],
            vec![&uts_file, &net_file],
            vec!["-t", &pid, "-m", &uts_file],
            vec![&root_is],
            vec![&root_is, &wd_is],
            vec!["-t", &pid, "-m", "-S", "1000", "-G", "50"],
            vec!["-S", "1000"],
            vec!["-G", "5"],
            vec![],
        ];
        let mount_file = format!("-m{mnt}");
        let user_file = format!("-U{user}");
        if options.contains(&"new") {
            rows.push(vec!["-t", &pid, "-U", "-m"]);
            rows.push(vec!["-t", &pid, "-U", "-m", "--preserve-credentials"]);
            rows.push(vec!["-t", &pid, "-a", "-S", "33", "-G", "34"]);
            rows.push(vec!["-t", &pid, "-U", "-n", "-S", "33"]);
            rows.push(vec![&user_file, &mount_file]);
            rows.push(vec![&user_file, &net_file, "--preserve-credentials"]);
        } else {
            rows.push(vec![&mount_file]);
        }
        for row in rows {
            let words = [&row[..], &["--", "/bin/sh", "-c", SEEN]].concat();
            let [ours, theirs] = both(&t, &programs, &words);
            assert_eq!(ours.stdout, theirs.stdout, "{options:?} {row:?} {ours:?}");
            assert_eq!(ours.code(), theirs.code(), "{row:?} {ours:?} {theirs:?}");
        }
        first.finish().ok();
    }
}

#[test]
fn the_same_statuses_as_util_linuxs() {
    let t = case!("-", "nsenter");
    let (first, pid) = waiting(&t, &[]);
    let programs = programs(&t);
    for (words, status) in [
        (&["-t", &pid, "-a", "sh", "-c", "exit 7"][..], 7),
        (&["-t", &pid, "-a", "sh", "-c", "exit 125"], 125),
        (&["-t", &pid, "-m", "nope"], 127),
        (&["-t", &pid, "-m", "/etc/passwd"], 126),
        (&["-t", &pid, "-p", "-m", "nope"], 127),
        (&["-m", "true"], 1),
        (&["-t", "4194303", "-m", "true"], 1),
        (&["-t", "x", "-m", "true"], 1),
        (&["--net=/no/such", "true"], 1),
        (&["--net=/etc/passwd", "true"], 1),
        (&["-t", &pid, "-U", "true"], 1),
        (&["--root=/no/such", "true"], 1),
        (&["-t", &pid, "-m", "-W", "/nope", "true"], 1),
        (&["-S", "x", "true"], 1),
        (&["--nope"], 1),
        (&["-t"], 1),
    ] {
        let [ours, theirs] = both(&t, &programs, words);
        assert_eq!((ours.code(), theirs.code()), (status, status), "{words:?} {ours:?} {theirs:?}");
        if status == 1 {
            ours.refused(1, &[]);
        }
    }
    // Who is killed by a signal: a shell sees the same from both.
    let killed = ["-t", &pid, "-p", "-m", "sh", "-c", "kill -9 $$"];
    let script = "\"$@\"; echo $?";
    for program in programs {
        let run =
            Rootlet::new(Path::new("bash"), t.dir()).opts(["-c", script, "bash"]).opt(program);
        assert!(run.opts(killed).output().stdout.ends_with("137\n"));
    }
    first.finish().ok();
}

#[test]
fn the_environment_and_the_shell_are_the_callers() {
    let t = case!("-", "nsenter");
    let (first, pid) = waiting(&t, &[]);
    let shell = t.rootfs().join("bin/show");
    fs::write(&shell, "#!/bin/sh\necho shell $0 $A $#\n").unwrap();
    host("chmod", &["755", shell.to_str().unwrap()]);
    for program in programs(&t) {
        let run = || Rootlet::new(&program, t.dir()).opts(["-t", &pid, "-m"]).env("A", "1");
        assert_eq!(
            run().opts(["sh", "-c", "echo $A $HOME"]).env("HOME", "/h").output().ok(),
            "1 /h\n"
        );
        let run_shell = run().env("SHELL", "/bin/show").output();
        assert_eq!(run_shell.ok(), "shell /bin/show 1 0\n");
        // Without SHELL it is /bin/sh, which reads its standard input; its name says that it is a login shell.
        let run = run().clear_env().env("PATH", "/bin").stdin("echo $0\n").output();
        assert_eq!(run.ok(), "-sh\n");
    }
    first.finish().ok();
}

#[test]
fn a_user_enters_what_is_his() {
    let t = case!("-", "nsenter", "setpriv", "unshare");
    open_to_user(&t);
    let owner = ["unshare", "-r", "--uts", "--net", "sh", "-c", "hostname his; echo up; read line"];
    let owned = Rootlet::new(Path::new(AS_USER[0]), t.dir()).opts(&AS_USER[1..]).opts(owner);
    let owned = owned.open_stdin().spawn();
    owned.expect("up");
    let pid = owned.pid().to_string();
    for program in [copy_of_rootlet(&t, "nsenter"), "nsenter".into()] {
        let run = Rootlet::new(&program, t.dir()).under(AS_USER);
        let run = run.opts(["-t", &pid, "-U", "-u", "-n", "--preserve-credentials", "sh", "-c"]);
        assert_eq!(run.opt("hostname; id -u").output().ok(), "his\n0\n");
        let run = Rootlet::new(&program, t.dir()).under(AS_USER);
        let run = run.opts(["-t", "1", "-u", "true"]).output();
        assert_eq!((run.code(), run.stdout.as_str()), (1, ""), "{run:?}");
    }
    kill(owned.pid(), 9);
    owned.finish();
}

#[test]
fn c5_tools_of_the_host_in_a_containers_namespaces() {
    let t = case!("-", "nsenter");
    let (first, pid) = waiting(&t, &[]);
    // Tools of the host are those that the container lacks, so its mounts are left out; a file made with them is seen
    // through /proc/PID/root.
    let devices = "grep -o '^ *[^:]*:' /proc/net/dev";
    let theirs = host("grep", &["-o", "^ *[^:]*:", &format!("/proc/{pid}/net/dev")]);
    assert!(theirs.contains("lo:"), "{theirs}");
    for program in programs(&t) {
        let run = Rootlet::new(&program, t.dir()).opts(["-t", &pid, "-n", "-p"]);
        assert_eq!(run.opts(["sh", "-c", devices]).output().ok(), theirs);
        let run = Rootlet::new(&program, t.dir()).opts(["-t", &pid, "-m", "-p", "-n"]);
        run.opts(["touch", "/tmp/made"]).output().ok();
        let seen = Path::new("/proc").join(&pid).join("root/tmp/made");
        assert!(seen.exists());
        fs::remove_file(seen).unwrap();
    }
    // The same by name, with the host's tools.
    let run = t.rootlet().opts(["exec", "--root", "host", "--ns", "net,pid", &t.label()]);
    assert_eq!(run.opts(["sh", "-c", devices]).output().ok(), theirs);
    first.finish().ok();
}
