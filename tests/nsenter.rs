//! nsenter, beside util-linux's: the same namespaces, output and statuses.

mod support;

use std::fs;
use std::path::Path;

use support::user::USER;
use support::{Case, Outcome, Rootlet, Running, case, find_child, host, kill};

/// A container that waits, and the pid of its CMD.
fn waiting(t: &Case, options: &[&str]) -> (Running, String) {
    let run = t.run().opts(options).opts(["--name", &t.label(), "--hostname", "box"]);
    let run = run.sh("cd /tmp; echo up; read line; true").open_stdin().spawn();
    run.expect("up");
    let command = find_child(find_child(run.pid()));
    (run, command.to_string())
}

/// Runs a command line by ours and by util-linux's.
fn both(t: &Case, words: &[&str]) -> [Outcome; 2] {
    let theirs = Rootlet::new(Path::new("nsenter"), t.dir()).opts(words).output();
    // By its name.
    let link = t.path("nsenter");
    if !link.exists() {
        std::os::unix::fs::symlink(support::bin(), &link).unwrap();
    }
    let ours = Rootlet::new(&link, t.dir()).opts(words).output();
    [ours, theirs]
}

/// What a process sees.
const SEEN: &str = "for f in /proc/self/ns/*; do readlink $f; done; hostname; pwd; id; ls -d /*
    grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status";

#[test]
fn the_same_namespaces_and_output_as_util_linuxs() {
    let t = case!("-", "nsenter");
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
            let [ours, theirs] = both(&t, &words);
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
        let [ours, theirs] = both(&t, words);
        assert_eq!((ours.code(), theirs.code()), (status, status), "{words:?} {ours:?} {theirs:?}");
        if status == 1 {
            ours.refused(1, &[]);
        }
    }
    // Who is killed by a signal: a shell sees the same from both.
    let killed = ["-t", &pid, "-p", "-m", "sh", "-c", "kill -9 $$"];
    let script = "\"$@\"; echo $?";
    for program in [t.path("nsenter").to_str().unwrap(), "nsenter"] {
        let run = Rootlet::new(Path::new("bash"), t.dir()).opts(["-c", script, "bash", program]);
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
    let [_, _] = both(&t, &["true"]);
    for program in [t.path("nsenter"), "nsenter".into()] {
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
    support::user::open_to_user(&t);
    let id = USER.to_string();
    let user =
        ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "--inh-caps=-all", "--"];
    let owner = ["unshare", "-r", "--uts", "--net", "sh", "-c", "hostname his; echo up; read line"];
    let owned = Rootlet::new(Path::new("setpriv"), t.dir()).opts(&user[1..]).opts(owner);
    let owned = owned.open_stdin().spawn();
    owned.expect("up");
    let pid = owned.pid().to_string();
    let program = t.path("nsenter");
    host("cp", &[support::bin().to_str().unwrap(), program.to_str().unwrap()]);
    for program in [program.to_str().unwrap(), "nsenter"] {
        let run = Rootlet::new(Path::new(program), t.dir()).under(user);
        let run = run.opts(["-t", &pid, "-U", "-u", "-n", "--preserve-credentials", "sh", "-c"]);
        let run = run.opt("hostname; id -u; ls /sys/class/net | wc -l > /dev/null").output();
        assert_eq!(run.ok(), "his\n0\n");
        let run = Rootlet::new(Path::new(program), t.dir()).under(user);
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
    // The container has no `ip`, so its mounts are left out; a file made with them is seen through /proc/PID/root.
    for program in ["nsenter", t.path("nsenter").to_str().unwrap()] {
        let [_, _] = both(&t, &["true"]);
        let run = Rootlet::new(Path::new(program), t.dir()).opts(["-t", &pid, "-n", "-p"]);
        let run =
            run.opts(["sh", "-c", "cat /proc/net/dev | grep -c : ; echo $$ > /dev/null"]).output();
        assert!(run.ok().starts_with('1'), "lo alone: {run:?}");
        let run = Rootlet::new(Path::new(program), t.dir()).opts(["-t", &pid, "-m", "-p", "-n"]);
        run.opts(["touch", "/tmp/made"]).output().ok();
        let seen = Path::new("/proc").join(&pid).join("root/tmp/made");
        assert!(seen.exists());
        fs::remove_file(seen).unwrap();
    }
    // The same by name, with the host's tools.
    let run = t.rootlet().opts(["exec", "--root", "host", "--ns", "net,pid", &t.label()]);
    let run = run.opts(["sh", "-c", "grep -c : /proc/net/dev"]).output();
    assert!(run.code() == 0, "{run:?}");
    first.finish().ok();
}
