//! `ps` and `stats`: containers and their processes, as /proc has them.

mod support;

use std::fs;
use std::path::PathBuf;

use support::see::{build_crowd, by_bubblewrap, by_crun, is_table, row, rows, told};
use support::user::{open_to_user, run_as_user, runtime_directory};
use support::{Terminal, case, descendants, find_child, stat_field, status_field};

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    String::from_utf8(words).unwrap().trim_end_matches('\0').replace('\0', " ")
}

#[test]
fn containers_are_listed_with_what_they_use() {
    let t = case!("-");
    let (limited, plain) = (t.unique("limited"), t.unique("plain"));
    let script = "echo up; read line";
    let start = |name: &str, options: &[&str]| {
        t.run().opts(["--name", name]).opts(options).sh(script).open_stdin().spawn()
    };
    let runs = [start(&limited, &["--memory", "64m"]), start(&plain, &["--no-init"])];
    for (run, name) in runs.iter().zip([&limited, &plain]) {
        run.expect("up");
        let all = told(&t, &["ps"]);
        let found = row(&all, "name", name.as_str());
        let first = find_child(run.pid());
        assert_eq!(found["pid"], first);
        assert_eq!(
            (&found["status"], &found["command"]),
            (&"running".into(), &format!("/bin/sh -c {script}").into())
        );
        let memory = found["memory"].as_u64().unwrap();
        assert!((50_000..64 << 20).contains(&memory), "{found}");
        assert!(
            found["age_s"].as_u64().unwrap() < 30 && found["cpu_ms"].as_u64().is_some(),
            "{found}"
        );
        let count = descendants(first).len() + 1;
        assert_eq!(found["pids"], count);
        let table = t.rootlet().opt("ps").output();
        let line = table.ok().lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(line.contains(" running ") && line.ends_with(script), "{line}");
    }
    for run in runs {
        run.finish();
    }
    let all = told(&t, &["ps", "-a"]);
    assert!(rows(&all).iter().all(|row| row["name"] != limited.as_str()), "{all}");
}

#[test]
fn processes_of_a_container_have_both_numbers() {
    let t = case!("-", "bwrap", "crun");
    let name = t.unique("it");
    let script = "sleep 1000 & unshare -p -f sleep 1001 & echo up; read line; kill %1 %2";
    let options = ["--name", &name, "--cap-add", "SYS_ADMIN", "--user", "7"];
    let run = t.run().opts(options).opts(["--security-opt", "seccomp=unconfined"]);
    let run = run.sh(script).open_stdin().spawn();
    run.expect("up");
    let first = find_child(run.pid());
    assert!(support::await_true(|| descendants(first).len() >= 4));
    let (bubblewrap, crun) = (by_bubblewrap(&t, &[]), by_crun(&t));
    // By name, and by the pid of what others have made.
    for (word, first) in [
        (name.clone(), first),
        (bubblewrap.pid.to_string(), bubblewrap.pid),
        (crun.pid.to_string(), crun.pid),
    ] {
        let listed = told(&t, &["ps", &word]);
        let mut expected = descendants(first);
        expected.push(first);
        let level = levels(first);
        for pid in &expected {
            let found = row(&listed, "pid", *pid);
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let inner = status_field(&status, "NSpid").split('\t').nth(level - 1).unwrap();
            assert_eq!(found["inner_pid"].to_string(), inner, "{found}");
            let uid = status_field(&status, "Uid").split('\t').nth(1).unwrap();
            assert_eq!(found["uid"].to_string(), uid);
            assert_eq!(found["state"], &status_field(&status, "State")[..1]);
            assert_eq!(found["command"], command_line(*pid), "{found}");
            let pages: u64 = stat_field(*pid, 21).unwrap().parse().unwrap();
            assert_eq!(found["memory"], pages * 4096);
        }
        assert!(rows(&listed).len() >= expected.len(), "{listed}");
        if first == bubblewrap.pid || first == crun.pid {
            assert!(rows(&listed).iter().any(|row| row["command"] == "/bin/sleep 1000"));
        }
    }
    // PID 1 hides its command line shortly after CMD's start.
    assert!(support::await_true(|| command_line(first) == "rootlet"));
    let listed = told(&t, &["ps", &name]);
    assert_eq!(
        (rows(&listed)[0]["inner_pid"].as_u64(), rows(&listed)[0]["command"].as_str()),
        (Some(1), Some("rootlet"))
    );
    run.finish();
}

/// How many pid namespaces a process has a number in.
fn levels(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status_field(&status, "NSpid").split('\t').count()
}

#[test]
fn ended_containers_are_listed_when_asked_for() {
    let t = case!("-", "unshare");
    let script = r#"mount -t tmpfs -o mode=755 run /run; mkdir -m 700 /run/rootlet /run/rootlet/old /run/rootlet/killed
        printf 'directory /\0root /x\0pid 77\0started\0status 3\0' >/run/rootlet/old/record
        printf 'directory /\0root /x\0pid 1\0started\0' >/run/rootlet/killed/record
        $BIN ps --json; $BIN ps -a --json; $BIN ps -a; $BIN ps old 2>&1 || echo $?"#;
    let run = t.host_script(script);
    let (without, rest) = run.ok().split_once('\n').unwrap();
    assert_eq!(without, "[]");
    let (array, table) = rest.split_once("]\n").unwrap();
    let array: serde_json::Value = serde_json::from_str(&format!("{array}]")).unwrap();
    let old = row(&array, "name", "old");
    assert_eq!(
        (&old["status"], &old["pid"], &old["command"]),
        (&"exited(3)".into(), &().into(), &().into())
    );
    assert!(old["age_s"].as_u64().unwrap() < 30, "{old}");
    // Nobody holds that record, so its number is nobody's.
    assert_eq!(row(&array, "name", "killed")["status"], "dead");
    assert!(
        table.contains("exited(3)") && table.ends_with("rootlet: old has ended\n125\n"),
        "{table}"
    );
}

#[test]
fn a_container_that_is_stopped_by_a_freezer_is_paused() {
    let t = case!("-");
    let name = t.unique("cold");
    let run = t
        .run()
        .opts(["--name", &name, "--pids-limit", "50"])
        .sh("echo up; read line")
        .open_stdin()
        .spawn();
    run.expect("up");
    let first = find_child(run.pid());
    let table = fs::read_to_string(format!("/proc/{first}/cgroup")).unwrap();
    let v1 = std::path::Path::new("/sys/fs/cgroup/freezer");
    let (cgroup, state, [frozen, thawed]) = if v1.is_dir() {
        (v1.join(&name), "freezer.state", ["FROZEN", "THAWED"])
    } else {
        let path = table.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
        (std::path::Path::new("/sys/fs/cgroup").join(path), "cgroup.freeze", ["1", "0"])
    };
    if v1.is_dir() {
        fs::create_dir(&cgroup).unwrap();
        for pid in descendants(first).into_iter().chain([first]) {
            fs::write(cgroup.join("cgroup.procs"), pid.to_string()).unwrap();
        }
    }
    fs::write(cgroup.join(state), frozen).unwrap();
    let thaw = Thaw(cgroup.join(state), thawed, v1.is_dir());
    let is = |status: &str| row(&told(&t, &["ps"]), "name", name.as_str())["status"] == status;
    assert!(support::await_true(|| is("paused")));
    fs::write(cgroup.join(state), thawed).unwrap();
    assert!(support::await_true(|| is("running")));
    run.finish();
    drop(thaw);
}

/// Lets frozen processes go on, also when the test has failed, and removes the cgroup that was made for them.
struct Thaw(PathBuf, &'static str, bool);

impl Drop for Thaw {
    fn drop(&mut self) {
        fs::write(&self.0, self.1).ok();
        let cgroup = self.0.parent().unwrap();
        // There are none but after a failure.
        for pid in fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default().lines() {
            support::kill(pid.parse().unwrap(), 9);
        }
        support::await_true(|| !self.2 || fs::remove_dir(cgroup).is_ok());
    }
}

#[test]
fn names_of_any_bytes_stay_on_one_line() {
    let t = case!("-");
    let name = t.unique("evil");
    let evil = "/tmp/busybox\n\x1b[2J) R 1";
    // What the container says of its processes is of no interest: its /proc is a file system of its own making.
    let script = format!(
        "mkdir -p /tmp; cp /bin/busybox '{evil}'; '{evil}' sleep 1000 '\u{9b}2J\u{2028}' 2>/dev/null & \
         '{evil}' sleep 1000 & mount -t tmpfs none /proc; mkdir /proc/1; echo '1 (fake)' >/proc/1/stat; echo up; read line; kill %1 %2"
    );
    let options = ["--name", &name, "--privileged"];
    let run = t.run().opts(options).sh(&script).open_stdin().spawn();
    run.expect("up");
    let listed = told(&t, &["ps", &name]);
    assert!(
        rows(&listed).iter().any(|row| row["command"] == format!("{evil} sleep 1000")),
        "{listed}"
    );
    for words in [&["ps", name.as_str()] as &[&str], &["ns", &name]] {
        let table = t.rootlet().opts(words).output();
        is_table(table.ok(), rows(&told(&t, words)).len());
    }
    let table = t.rootlet().opts(["ps", &name]).output();
    assert!(table.ok().contains(r"/tmp/busybox\x0a\x1b[2J) R 1 sleep 1000"), "{table:?}");
    let inspected = told(&t, &["inspect", &name]);
    assert_eq!(inspected["command"], format!("/bin/sh -c {script}"));
    run.finish();
}

#[test]
fn five_thousand_processes_meet_no_bound() {
    let t = case!("-", "cc");
    let name = t.unique("crowd");
    build_crowd(&t.rootfs().join("bin/crowd"));
    let run = t
        .run()
        .opts(["--name", &name])
        .cmd(["/bin/crowd", "processes", "5000"])
        .open_stdin()
        .spawn();
    run.expect("up");
    let listed = told(&t, &["ps", &name]);
    let crowd = rows(&listed).iter().filter(|row| row["command"] == "/bin/crowd processes 5000");
    assert_eq!(crowd.count(), 5001);
    let table = t.rootlet().opts(["ps", &name]).output();
    is_table(table.ok(), 5002);
    assert_eq!(row(&told(&t, &["ps"]), "name", name.as_str())["pids"], 5002);
    assert_eq!(rows(&told(&t, &["stats", "--once", &name]))[0]["pids"], 5002);
    run.finish();
}

#[test]
fn what_containers_use_is_told_once_or_again_and_again() {
    let t = case!("-");
    let name = t.unique("busy");
    let options = ["--name", &name, "--memory", "64m", "--pids-limit", "70"];
    let run = t.run().opts(options).sh("echo up; while :; do :; done").open_stdin().spawn();
    run.expect("up");
    for words in
        [&["stats", "--once"] as &[&str], &["stats", "--no-stream", &name], &["stats", &name]]
    {
        let all = told(&t, words);
        let found = row(&all, "name", name.as_str());
        assert_eq!(
            (&found["memory_limit"], &found["pids_limit"]),
            (&(64 << 20).into(), &70.into()),
            "{found}"
        );
        let memory = found["memory"].as_u64().unwrap();
        assert!((4096..64 << 20).contains(&memory) && found["pids"] == 2, "{found}");
        let percent = found["cpu_percent"].as_f64().unwrap();
        assert!((1.0..150.0).contains(&percent), "{found}");
    }
    // A process that somebody else has made, in no cgroup of its own.
    let own = std::process::id();
    let all = told(&t, &["stats", "--once", &own.to_string()]);
    assert_eq!((&all[0]["pid"], &all[0]["name"]), (&own.into(), &().into()));
    let mut terminal = Terminal::start(t.rootlet().opts(["stats", &name]), 24, 60);
    // The last columns are not there: the line is cut where the terminal ends.
    let redrawn =
        |screen: &str| screen.matches("\x1b[H\x1b[J").count() >= 2 && screen.contains('…');
    terminal.expect_that("second table", redrawn);
    for line in terminal.screen().split(['\n', '\r', '\x1b', 'J']) {
        assert!(line.chars().count() <= 60, "{line}");
    }
    terminal.keys("\x03");
    terminal.finish();
    support::kill(find_child(run.pid()), 9);
    run.finish();
}

#[test]
fn what_is_named_wrong_is_one_line() {
    let t = case!("-");
    for command in ["ps", "ns", "mounts", "inspect", "stats"] {
        for (word, line) in [
            ("nobody", "nobody is no running container of the caller, and no pid"),
            ("../x", "../x is no running container of the caller, and no pid"),
            ("", " is no running container of the caller, and no pid"),
            ("-1", "-1 is not an option here; --help lists them"),
            ("0", "0 is no process"),
            ("4194305", "4194305 is no process"),
            (
                "99999999999999999999",
                "99999999999999999999 is no running container of the caller, and no pid",
            ),
            ("4294967297", "4294967297 is no process"),
            ("--nope", "--nope is not an option here; --help lists them"),
        ] {
            let run = t.rootlet().opts([command, word]).output();
            run.refused(125, &[line]);
        }
        let help = t.rootlet().opts([command, "--help"]).output();
        assert!(help.ok().starts_with(&format!("rootlet {command} ")), "{help:?}");
        if command != "stats" {
            t.rootlet()
                .opts([command, "1", "2"])
                .output()
                .refused(125, &["2 is one word too many"]);
        }
    }
    t.rootlet().opts(["inspect"]).output().refused(125, &["inspect needs NAME or PID"]);
    t.rootlet().opts(["mounts", "--diff", "nobody"]).output().refused(125, &["nobody is no"]);
    let full = ["bash", "-c", "exec \"$0\" \"$@\" >/dev/full"];
    let closed = t.rootlet().opt("mounts").under(full).output();
    closed.refused(125, &["write", "ENOSPC"]);
}

#[test]
fn a_user_sees_his_own_and_nothing_wrong_of_others() {
    let t = case!("-");
    let name = t.unique("his");
    let run = run_as_user(&t).opts(["--name", &name]).sh("echo up; read line").open_stdin().spawn();
    run.expect("up");
    open_to_user(&t);
    let as_user = |words: &[&str]| {
        let bin = t.path("rootlet");
        let run =
            support::Rootlet::new(&bin, t.dir()).opt(words[0]).opt("--json").opts(&words[1..]);
        let run = run.under(support::user::AS_USER).env("XDG_RUNTIME_DIR", runtime_directory(&t));
        serde_json::from_str::<serde_json::Value>(run.output().ok()).unwrap()
    };
    let all = as_user(&["ps"]);
    assert_eq!(rows(&all).len(), 1, "{all}");
    assert_eq!((&all[0]["name"], &all[0]["status"]), (&name.as_str().into(), &"running".into()));
    let inspected = as_user(&["inspect", &name]);
    assert_eq!(inspected["weaker"], serde_json::json!([]), "{inspected:#}");
    let spaces = rows(&inspected["namespaces"]);
    assert!(spaces.len() >= 7 && spaces.iter().all(|space| space["ns"].is_u64()), "{spaces:?}");
    // What is root's he may not look into.
    let of_root = as_user(&["inspect", &std::process::id().to_string()]);
    let unknown = |space: &serde_json::Value| space["ns"].is_null() && space["host"].is_null();
    let spaces = rows(&of_root["namespaces"]);
    assert!(spaces.len() >= 7 && spaces.iter().all(unknown), "{spaces:?}");
    // One verdict, on what is not known.
    assert_eq!(of_root["weaker"], serde_json::json!([{"what": null}]), "{of_root:#}");
    let spaces = as_user(&["ns", &std::process::id().to_string()]);
    assert_eq!(rows(&spaces).len(), 0);
    let spaces = as_user(&["ns"]);
    assert!(rows(&spaces).len() >= 7, "{spaces}");
    assert!(rows(&spaces).iter().all(|space| space["processes"].is_u64()), "{spaces}");
    assert!(!rows(&as_user(&["mounts", &std::process::id().to_string()])).is_empty());
    run.finish();
}
