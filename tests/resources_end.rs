//! Cgroups at the end of containers, seen from inside; devices.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::user::run_as_user;
use support::{Case, Host, await_true, case, cgroups_named, children, descendants, kill, state};

/// A directory of the hierarchy that counts processes.
fn pids(place: &str) -> PathBuf {
    let v1 = Path::new("/sys/fs/cgroup/pids");
    let top = if v1.exists() { v1 } else { Path::new("/sys/fs/cgroup") };
    top.join(place.trim_start_matches('/'))
}

/// Whether there is one; else the test is skipped.
fn has_pids(t: &Case) -> bool {
    let there = pids("").join("cgroup.procs").exists();
    if !there {
        t.skip("no pids controller of cgroups", "run-limits");
    }
    there
}

/// Whether devices are restricted on v1.
fn has_devices(t: &Case) -> bool {
    let there = Path::new("/sys/fs/cgroup/devices/devices.list").exists();
    if !there {
        t.skip("no devices controller of cgroups", "run-limits");
    }
    there
}

const LIMITS: [&str; 2] = ["--pids-limit", "64"];

#[test]
fn nothing_is_left_whatever_happens() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let name = t.label();
    let before = Host::now();
    let run = || t.run().opts(LIMITS).opts(["--name", &name]);
    run().sh("exit 3").output().ends(3);
    run().opt("--no-init").sh("exit 3").output().ends(3);
    run().cmd(["nope"]).output().refused(127, &["nope"]);
    run().opts(["--read-only", "--tmpfs", "/nowhere"]).cmd(["true"]).output().refused(125, &[]);
    run().opts(["--cpuset-cpus", "8191"]).cmd(["true"]).output().refused(125, &["8191"]);
    run().opts(["--pid-file", "/dev/null"]).cmd(["true"]).output().refused(125, &["EEXIST"]);
    run().opts(["--userns", "new"]).sh("exit 4").output().ends(4);
    run().sh("setsid sleep 300 & exit 5").output().ends(5);
    assert_eq!(cgroups_named(&name), "");
    before.unchanged(&t, "runs with limits");
}

/// Where no pid namespace ends with rootlet's process inside.
#[test]
fn who_outlives_the_container_is_killed_by_its_cgroup() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let name = t.label();
    let run = t.run().opts(LIMITS).opts(["--name", &name, "--pid", "host"]);
    let run = run.sh("setsid sh -c 'trap \"\" 15; echo ready; sleep 300; true' & wait").spawn();
    run.expect("ready");
    let inner = children(run.pid())[0];
    assert!(await_true(|| descendants(run.pid()).len() >= 4));
    let all = descendants(run.pid());
    // It cannot end the others now; only the supervisor is left.
    kill(inner, 9);
    run.finish().ends(137);
    let gone = |pid: &u32| matches!(state(*pid), None | Some('Z'));
    assert!(await_true(|| all.iter().all(gone)));
    assert_eq!(cgroups_named(&name), "");
}

#[test]
fn cgroups_that_were_made_inside_go_too() {
    let t = case!("-");
    if !Path::new("/sys/fs/cgroup/pids").exists() {
        return t.skip("pids is no hierarchy of v1", "-");
    }
    let name = t.label();
    // The path of the last one has more bytes than a line of ours.
    let script = "mount -t cgroup -o pids none /mnt && mkdir -p /mnt/a/b/c && echo 0 > /mnt/a/b/cgroup.procs &&
        long=$(printf %0240d 0) && mkdir -p /mnt/$long/$long/$long/$long/$long/$long &&
        cat /proc/self/cgroup | grep pids | cut -d: -f3";
    let run = t.run().opts(LIMITS).opts(["--name", &name, "--privileged"]).sh(script).output();
    assert_eq!(run.stdout, "/a/b\n", "{run:?}");
    assert_eq!(cgroups_named(&name), "");
}

#[test]
fn a_parent_is_made_where_it_is_missing_and_goes_where_it_was_made() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let parent = format!("/{}", t.label());
    let deep = format!("{parent}/a/b");
    let run = t.run().opts(LIMITS).opts(["--cgroup-parent", &deep, "--name", "x1"]);
    let run = run.sh("echo ready; read x").open_stdin().spawn();
    run.expect("ready");
    assert_eq!(fs::read_to_string(pids(&deep).join("x1/pids.max")).unwrap(), "64\n");
    run.finish().ends(1);
    assert_eq!(cgroups_named(&t.label()), "");
    // What was there before stays.
    fs::create_dir(pids(&parent)).unwrap();
    t.run().opts(LIMITS).opts(["--cgroup-parent", &deep]).cmd(["true"]).output().ok();
    assert!(pids(&parent).exists() && !pids(&format!("{parent}/a")).exists());
    fs::remove_dir(pids(&parent)).unwrap();
}

#[test]
fn what_a_parent_is_limited_to_stays_so() {
    let t = case!("-");
    let parent = Path::new("/sys/fs/cgroup/cpuset").join(t.label());
    if !Path::new("/sys/fs/cgroup/cpuset").exists() {
        return t.skip("cpuset is no hierarchy of v1", "-");
    }
    fs::create_dir(&parent).unwrap();
    fs::write(parent.join("cpuset.cpus"), "0").unwrap();
    let options = ["--cpuset-mems", "0", "--cgroup-parent", &format!("/{}", t.label())];
    let seen = t.inside(&options, "sed -n 's/Cpus_allowed_list:\t//p' /proc/self/status");
    let cpus = fs::read_to_string(parent.join("cpuset.cpus"));
    fs::remove_dir(&parent).unwrap();
    assert_eq!((seen.as_str(), cpus.unwrap().as_str()), ("0\n", "0\n"));
}

#[test]
fn a_cgroup_of_others_is_neither_taken_nor_emptied_nor_removed() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let parent = format!("/{}", t.label());
    let theirs = pids(&format!("{parent}/web"));
    fs::create_dir_all(&theirs).unwrap();
    let run = || t.run().opts(LIMITS).opts(["--cgroup-parent", &parent, "--name", "web"]);
    for busy in [false, true] {
        let mut process = Command::new("sleep").arg("300").spawn().unwrap();
        if busy {
            fs::write(theirs.join("cgroup.procs"), process.id().to_string()).unwrap();
        }
        let refused = run().cmd(["true"]).output();
        refused.refused(125, &["web", "EEXIST", "not this container's"]);
        let alive = process.try_wait().unwrap().is_none();
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(alive && theirs.exists(), "busy {busy}");
    }
    fs::remove_dir(&theirs).unwrap();
    fs::remove_dir(pids(&parent)).unwrap();
}

#[test]
fn the_next_run_cleans_up_after_a_killed_one() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let name = t.label();
    for options in [&[][..], &["--pid", "host"]] {
        let run = t.run().opts(LIMITS).opts(["--name", &name]).opts(options);
        let run = run.sh("setsid sleep 300 & echo ready; wait").spawn();
        run.expect("ready");
        let below = descendants(run.pid());
        kill(run.pid(), 9);
        drop(run);
        t.run().cmd(["true"]).output().ok();
        assert_eq!(cgroups_named(&name), "", "{options:?}");
        let gone = |pid: &u32| matches!(state(*pid), None | Some('Z'));
        assert!(await_true(|| below.iter().all(gone)), "{options:?}");
    }
}

/// Other containers make and remove the same parent meanwhile.
#[test]
fn many_at_once_do_not_disturb_each_other() {
    let t = case!("-");
    if !has_pids(&t) {
        return;
    }
    let parent = format!("/{}", t.label());
    let start = |_| {
        let run = t.run().opts(LIMITS).opts(["--cpuset-cpus", "0", "--cgroup-parent", &parent]);
        run.cmd(["true"]).spawn()
    };
    for _ in 0..5 {
        let runs: Vec<_> = (0..12).map(start).collect();
        for run in runs {
            run.finish().ok();
        }
    }
    assert_eq!(cgroups_named(&t.label()), "");
}

#[test]
fn an_ordinary_user_is_told_how_to_get_a_cgroup() {
    let t = case!("run-limits", "setpriv");
    let run = run_as_user(&t).opts(["--memory", "64m"]).cmd(["true"]).output();
    run.refused(125, &["systemd-run --user --scope -p Delegate=yes"]);
    let run = run_as_user(&t).opts(["--device", "/dev/full:r"]).cmd(["true"]).output();
    run.refused(125, &["device cgroup"]);
}

/// Its own cgroups are all that is seen, and none can be changed, made or left. If it worked, CMD would lift its limits,
/// or have the kernel start a program of its choice on the host (release_agent, CVE-2022-0492).
#[test]
fn escape_by_cgroups() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let view = "cut -d: -f3 /proc/self/cgroup /proc/1/cgroup | sort -u";
    let tries = "mkdir /sys/fs/cgroup/made; echo 0 > /sys/fs/cgroup/cgroup.procs; \
        for c in memory pids devices cpuset; do mount -t cgroup -o $c none /mnt && echo mounted $c; done; \
        mount -t cgroup2 none /mnt && echo mounted; find / -name release_agent 2> /dev/null; \
        unshare -C true && echo unshared; mount -o remount,rw /sys/fs/cgroup && echo remounted; true";
    let limits = ["-m", "64m", "--pids-limit", "64", "--cpuset-cpus", "0"];
    for options in [
        &[][..],
        &["--userns", "new"],
        &["--userns", "new", "--uidmap", "0:100000:1000"],
        &["--no-init"],
    ] {
        // Where only some hierarchies are ours the others are those of the host, seen from there.
        let own = t.run().opts(limits).opts(options).sh(view).output();
        assert_eq!(own.ok(), "/\n", "{options:?}");
        let run = t.run().opts(limits).opts(options).sh(tries).output();
        assert_eq!((run.code(), run.stdout.as_str()), (0, ""), "{options:?}: {run:?}");
    }
    // Root of the host with every capability can, in its own part: it is the namespace that it does not get out of.
    if Path::new("/sys/fs/cgroup/pids").exists() {
        let mounted =
            "mount -t cgroup -o pids none /mnt && cat /mnt/pids.max; ls /mnt/release_agent";
        let run = t.run().opts(limits).opt("--privileged").sh(mounted).output();
        assert!(run.stdout == "64\n" && run.code() != 0, "{run:?}");
    }
}

#[test]
fn a_device_can_be_used_in_one_direction_alone() {
    let t = case!("run-limits");
    if !has_devices(&t) {
        return;
    }
    let use_it = "head -c 1 /dev/x > /dev/stdout | wc -c; (echo y > /dev/x) 2>&1 | grep -o 'Operation not permitted'";
    let run = t.run().opts(["--device", "/dev/zero:/dev/x:r"]).sh(use_it).output();
    assert_eq!(run.stdout, "1\nOperation not permitted\n", "{run:?}");
    let run = t.run().opts(["--device", "/dev/zero:/dev/x:w"]).sh(use_it).output();
    assert_eq!(run.stdout, "0\n", "{run:?}");
    // It is the device that counts, whatever name it has.
    let write = "(echo y > /dev/null) 2>&1 | grep -o 'not permitted'";
    let run = t.run().opts(["--device", "/dev/null:/dev/x:r"]).sh(write).output();
    assert_eq!(run.stdout, "not permitted\n", "{run:?}");
    // All else is as ever.
    let others =
        "head -c 1 /dev/urandom | wc -c; echo y > /dev/null && echo y > /dev/tty; tty; ls /dev/pts";
    let run = t.run().opts(["--device", "/dev/full:/dev/x:r", "-t"]).sh(others).output();
    assert!(run.code() == 0 && run.stdout.contains("1\r\ny\r\n/dev/pts/0"), "{run:?}");
}

/// A filesystem that the host mounts below the root later is not nodev: a node that is made there can be opened, where no
/// device cgroup stands behind. If it worked, disks and memory could be read.
#[test]
fn escape_by_a_node_where_devices_are_not_forbidden() {
    let t = case!("-", "unshare", "bash");
    if !has_devices(&t) {
        return;
    }
    // No driver has the number: who gets as far as to ask for it is let.
    let inside = "echo ready; while ! [ -e /mnt/there ]; do sleep 0.05; done; mknod /mnt/node c 240 0 && \
        head -c 1 /mnt/node 2>&1";
    let script = |options: &str| {
        format!(
            "rm -f $DIR/out; $BIN run --rootfs $ROOT {options} -- sh -c '{inside}' > $DIR/out 2>&1 &
             while ! grep -q ready $DIR/out 2> /dev/null; do sleep 0.05; done
             mount -t tmpfs late $ROOT/mnt; touch $ROOT/mnt/there; wait; cat $DIR/out"
        )
    };
    let is_let = |options: &str| {
        let run = t.host_script(&script(options));
        assert_eq!(run.stdout.lines().count(), 2, "{options}: {run:?}");
        match run.stdout.lines().last().unwrap().rsplit(": ").next().unwrap() {
            "No such device or address" => true,
            "Operation not permitted" => false,
            _ => panic!("{options}: {run:?}"),
        }
    };
    assert!(is_let(""));
    assert!(!is_let("-m 64m") && !is_let("--pids-limit 9"));
    assert!(!is_let("--device /dev/full:/dev/x:r"));
    // With every capability there are no rules, unless they are asked for.
    assert!(is_let("-m 64m --privileged") && !is_let("--privileged --device /dev/full:/dev/x:r"));
}

#[test]
fn limits_are_explained() {
    let t = case!("run-limits");
    if !has_pids(&t) {
        return;
    }
    let name = t.label();
    let run = t.run().opts(LIMITS).opts(["--name", &name, "--explain"]).cmd(["true"]).output();
    let text = run.ok();
    for words in ["make the cgroup ", "pids.max to 64", "devices of 11 rules", "echo 64 > "] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert_eq!(cgroups_named(&name), "");
}
