//! `inspect`: what holds a process, and what makes it weaker.

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use support::see::{by_bubblewrap, by_crun, row, rows, told};
use support::{Case, Rootlet, case, descendants, find_child, links, status_field};

/// All that is said to make it weaker.
fn weaker(inspected: &Value) -> BTreeSet<String> {
    let all = rows(&inspected["weaker"]).iter();
    all.map(|verdict| verdict["what"].as_str().unwrap().to_owned()).collect()
}

/// What is told of a container with these options while it runs.
fn inspect(t: &Case, run: Rootlet, options: &[&str]) -> (Value, u32) {
    let name = t.unique("x");
    let run =
        run.opts(["--name", &name]).opts(options).sh("echo up; read line").open_stdin().spawn();
    run.expect("up");
    let inspected = told(t, &["inspect", &name]);
    let table = t.rootlet().opts(["inspect", &name]).output();
    assert!(table.ok().starts_with("name "), "{table:?}");
    let command = *descendants(run.pid()).last().unwrap();
    assert_eq!((&inspected["name"], &inspected["pid"]), (&name.into(), &command.into()));
    run.finish();
    (inspected, command)
}

#[test]
fn nothing_makes_a_default_container_weaker() {
    let t = case!("-");
    let (inspected, _) = inspect(&t, t.run(), &[]);
    assert_eq!(weaker(&inspected), BTreeSet::new());
    let (inspected, _) = inspect(&t, t.run(), &["--userns", "new", "--memory", "64m"]);
    assert_eq!(weaker(&inspected), BTreeSet::new());
}

#[test]
fn each_thing_that_makes_it_weaker_is_named() {
    let t = case!("-");
    let socket = t.file("docker.sock", "");
    let volume = format!("{}:/run/docker.sock", socket.display());
    for (options, expected) in [
        (&["--network", "host"] as &[&str], &["shares the host's network"] as &[&str]),
        (&["--ipc", "host"], &["shares the host's IPC"]),
        (&["--uts", "host"], &["shares the host's host name"]),
        (&["--cgroupns", "host"], &["shares the host's cgroup root"]),
        (&["--cap-add", "SYS_ADMIN"], &["CAP_SYS_ADMIN in the bounding set"]),
        (&["--security-opt", "seccomp=unconfined"], &["no seccomp filter"]),
        (&["--security-opt", "no-new-privileges=false"], &["no_new_privs off"]),
        (&["-v", "/:/host"], &["/ of the host mounted at /host"]),
        (&["-v", &volume], &["socket docker.sock mounted at /run/docker.sock"]),
        (
            &["--user", "7", "--cap-add", "KILL"],
            &["CAP_KILL in the inheritable set", "CAP_KILL in the ambient set"],
        ),
    ] {
        let (inspected, _) = inspect(&t, t.run(), options);
        // A socket has the path that it has on its file system.
        let told = weaker(&inspected).into_iter().map(|what| match what.strip_prefix("socket /") {
            Some(rest) => format!("socket {}", &rest[rest.find("docker.sock").unwrap()..]),
            None => what,
        });
        let expected: BTreeSet<String> = expected.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(told.collect::<BTreeSet<_>>(), expected, "{options:?}");
    }
    let (inspected, _) = inspect(&t, t.run(), &["--pid", "host"]);
    assert!(weaker(&inspected).contains("shares the host's processes"));
    let (inspected, _) = inspect(&t, t.run(), &["--privileged"]);
    let told = weaker(&inspected);
    for what in [
        "no seccomp filter",
        "/proc/sys writable",
        "/proc/keys not hidden",
        "CAP_SYS_MODULE in the bounding set",
    ] {
        assert!(told.contains(what), "{what}: {told:?}");
    }
}

#[test]
fn a_descriptor_of_a_directory_outside_is_a_way_out() {
    let t = case!("-", "bash");
    let outside = t.folder("outside");
    let script = format!("exec 3<{}; exec \"$0\" \"$@\"", outside.display());
    let run = t.run().under(["bash", "-c", &script]);
    let (inspected, command) = inspect(&t, run, &["--preserve-fds", "1"]);
    let found = row(&inspected["descriptors"], "fd", 3);
    assert_eq!(
        (&found["kind"], &found["path"]),
        (&"directory".into(), &outside.to_str().unwrap().into())
    );
    let expected =
        format!("{} of the host reachable through fd 3 of pid {command}", outside.display());
    assert_eq!(weaker(&inspected), BTreeSet::from([expected]));
}

#[test]
fn facts_are_those_of_proc() {
    let t = case!("-");
    let name = t.unique("f");
    let options =
        ["--name", &name, "--memory", "64m", "--userns", "new", "--uidmap", "0:100000:1000"];
    let more = ["--gidmap", "0:100000:1000", "--gidmap", "5000:7:1", "--ulimit", "nofile=77:88"];
    let run = t.run().opts(options).opts(more).sh("echo up; read line").open_stdin().spawn();
    run.expect("up");
    let first = find_child(run.pid());
    let peer = format!("{name}-peer");
    let joined = format!("container:{name}");
    let other = t.run().opts(["--name", &peer, "--network", &joined, "--userns", &joined]);
    let other = other.sh("echo up; read line").open_stdin().spawn();
    other.expect("up");
    let inspected = told(&t, &["inspect", &name]);
    let command = inspected["pid"].as_u64().unwrap();
    assert!(descendants(first).contains(&(command as u32)));
    let status = fs::read_to_string(format!("/proc/{command}/status")).unwrap();
    assert_eq!(inspected["uid_map"], json!(["0:100000:1000"]));
    assert_eq!(inspected["gid_map"], json!(["0:100000:1000", "5000:7:1"]));
    assert_eq!((&inspected["uid"], &inspected["gid"]), (&100_000.into(), &100_000.into()));
    for (key, field) in [
        ("cap_inheritable", "CapInh"),
        ("cap_permitted", "CapPrm"),
        ("cap_effective", "CapEff"),
        ("cap_bounding", "CapBnd"),
        ("cap_ambient", "CapAmb"),
    ] {
        let set = u64::from_str_radix(status_field(&status, field), 16).unwrap();
        assert_eq!(rows(&inspected[key]).len(), set.count_ones() as usize, "{key}");
    }
    assert!(rows(&inspected["cap_bounding"]).contains(&"NET_BIND_SERVICE".into()));
    assert_eq!(
        (&inspected["seccomp"], &inspected["no_new_privs"]),
        (&"filter".into(), &true.into())
    );
    assert_eq!(inspected["seccomp_filters"].to_string(), status_field(&status, "Seccomp_filters"));
    assert_eq!(inspected["memory_limit"], 64 << 20);
    let limit = row(&inspected["limits"], "name", "nofile");
    assert_eq!((&limit["soft"], &limit["hard"]), (&77.into(), &88.into()));
    assert!(row(&inspected["limits"], "name", "cpu")["soft"].is_null());
    let memory = rows(&inspected["cgroups"]).iter().find(|cgroup| {
        rows(&cgroup["controllers"]).contains(&"memory".into())
            || rows(&cgroup["controllers"]).is_empty()
    });
    let table = fs::read_to_string(format!("/proc/{command}/cgroup")).unwrap();
    assert!(table.contains(memory.unwrap()["path"].as_str().unwrap()), "{table}");
    for (kind, link) in links(&format!("/proc/{command}/ns")) {
        if kind.ends_with("_for_children") {
            continue;
        }
        let space = row(&inspected["namespaces"], "type", kind.as_str());
        assert_eq!(link, format!("{kind}:[{}]", space["ns"]));
        let is_hosts =
            fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().to_str() == Some(&link);
        assert_eq!(space["host"], is_hosts, "{space}");
        let with = rows(&space["containers"]).contains(&peer.as_str().into());
        assert_eq!(with, ["net", "user"].contains(&kind.as_str()) || kind == "time", "{space}");
    }
    for run in [other, run] {
        run.finish();
    }
}

#[test]
fn containers_of_others_are_judged_as_ours() {
    let t = case!("-", "bwrap", "crun");
    let bubblewrap = by_bubblewrap(&t, &[]);
    let told_of = weaker(&told(&t, &["inspect", &bubblewrap.pid.to_string()]));
    for what in [
        "no seccomp filter",
        "shares the host's network",
        "shares the host's cgroup root",
        "/proc/timer_list not hidden",
    ] {
        assert!(told_of.contains(what), "{what}: {told_of:?}");
    }
    assert!(
        !told_of.contains("shares the host's processes") && !told_of.contains("no_new_privs off"),
        "{told_of:?}"
    );
    let crun = by_crun(&t);
    let told_of = weaker(&told(&t, &["inspect", &crun.pid.to_string()]));
    let expected = [
        "no seccomp filter",
        "CAP_SYS_TIME in the bounding set",
        "shares the host's network",
        "/proc/timer_list not hidden",
        "/proc/irq writable",
        "devices can be opened on /",
    ];
    for what in expected {
        assert!(told_of.contains(what), "{what}: {told_of:?}");
    }
    for what in [
        "/proc/keys not hidden",
        "/proc/sys writable",
        "/sys writable",
        "no_new_privs off",
        "shares the host's mounts",
    ] {
        assert!(!told_of.contains(what), "{what}: {told_of:?}");
    }
}

#[test]
fn a_disk_that_can_be_opened_is_named() {
    let t = case!("-", "unshare");
    // Nodes on a tmpfs that lets devices be opened, and on one that does not.
    let script = r#"for options in dev nodev; do
        unshare -m --propagation private sh -c "mount -t tmpfs -o $options,mode=755 none /dev; mknod /dev/disk b 7 99; mknod /dev/tty9 c 4 9; echo >$DIR/up; exec sleep 1000" & child=$!
        until [ -s $DIR/up ]; do sleep 0.01; done; rm $DIR/up
        $BIN inspect $child; kill $child; wait $child 2>/dev/null || true; done"#;
    let run = t.host_script(script);
    assert_eq!(run.ok().matches("block device /dev/disk can be opened").count(), 1, "{run:?}");
    assert_eq!(run.stdout.matches("/dev/tty9").count(), 0);
}
