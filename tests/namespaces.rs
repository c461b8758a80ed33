//! Every mix of namespaces, and mount propagation.

mod support;

use std::collections::BTreeMap;

use support::{Host, Mounts, case, kill, links};

const CHOICES: [(&str, &str); 5] = [
    ("--network", "net"),
    ("--pid", "pid"),
    ("--ipc", "ipc"),
    ("--uts", "uts"),
    ("--cgroupns", "cgroup"),
];

#[test]
fn each_namespace_is_new_or_the_hosts_in_every_mix() {
    let t = case!("run-container");
    let before = Host::now();
    let host = links("/proc/self/ns");
    for mix in 0..32 {
        let new = |index: usize| mix >> index & 1 == 1;
        let mut options = Vec::new();
        for (index, (option, _)) in CHOICES.iter().enumerate() {
            options.extend([*option, if new(index) { "new" } else { "host" }]);
        }
        let script = "cd /proc/self/ns; for n in net pid ipc uts cgroup mnt user; do echo $n $(readlink $n); done";
        let text = t.inside(&options, script);
        let found: BTreeMap<&str, &str> =
            text.lines().filter_map(|line| line.split_once(' ')).collect();
        for (index, (_, name)) in CHOICES.iter().enumerate() {
            assert_eq!(found[name] != host[*name], new(index), "{name} of {options:?}: {found:?}");
        }
        assert_ne!(found["mnt"], host["mnt"], "{options:?}");
        assert_eq!(found["user"], host["user"], "{options:?}");
    }
    before.unchanged(&t, "mixes of namespaces");
}

#[test]
fn each_namespace_is_new_by_default() {
    let t = case!("run-container");
    let script = "cd /proc/self/ns; for n in net pid ipc uts cgroup mnt; do readlink $n; done";
    let host = links("/proc/self/ns");
    let inside = t.inside(&[], script);
    assert_eq!(inside.lines().count(), 6, "{inside}");
    for link in inside.lines() {
        assert!(!host.values().any(|of_host| of_host == link), "{link} is the host's");
    }
}

#[test]
fn exit_codes_and_orphans_work_in_the_hosts_pid_namespace() {
    let t = case!("-");
    let before = Host::now();
    t.run().opts(["--pid", "host"]).sh("exit 9").output().ends(9);
    t.run().opts(["--pid", "host"]).sh("kill -9 $$").output().ends(137);
    // /proc shows the host's processes then, the test's own among them.
    let pid = std::process::id();
    let seen = t.inside(&["--pid", "host"], &format!("test -d /proc/{pid} && echo seen"));
    assert_eq!(seen, "seen\n");
    // Without a pid namespace to end, what the command leaves behind is rootlet's to end.
    let orphan = t
        .run()
        .opts(["--pid", "host"])
        .sh("sleep 300 > /dev/null 2>&1 < /dev/null & exit 3")
        .output();
    orphan.ends(3);
    before.unchanged(&t, "the host's pid namespace");
}

#[test]
fn a_killed_supervisor_ends_a_container_in_the_hosts_pid_namespace() {
    let t = case!("-");
    let before = Host::now();
    for init in [&[][..], &["--no-init"]] {
        let run = t.run().opts(["--pid", "host"]).opts(init).sh("echo up; exec sleep 300").spawn();
        run.expect("up");
        assert!(kill(run.pid(), 9));
        drop(run);
        before.unchanged(&t, &format!("a killed supervisor, {init:?}"));
    }
}

#[test]
fn the_hosts_network_is_the_hosts() {
    let t = case!("-");
    let before = Host::now();
    let host = std::fs::read_to_string("/proc/net/dev").unwrap();
    let inside = t.inside(&["--network", "host"], "cat /proc/net/dev");
    let names = |text: &str| {
        text.lines()
            .skip(2)
            .map(|l| l.split(':').next().unwrap().trim().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&inside), names(&host));
    before.unchanged(&t, "the host's network");
}

/// A host on which the rootfs is a shared mount; `play` makes a mount there below the root of a running
/// container, then the container makes one. It prints what the container saw and how many of the container's
/// mounts the host sees.
const PLAY: &str = r#"
    mount --bind $ROOT $ROOT; mount --make-shared $ROOT; mkdir -p $ROOT/late $ROOT/inner
    mkfifo $DIR/go $DIR/up; exec 4<> $DIR/go 5<> $DIR/up
    play() {
        $BIN run --rootfs $ROOT --privileged "$@" -- sh -c \
            'echo up; read x; ls /late; mount -t tmpfs inner /inner; echo end; read x' < $DIR/go > $DIR/up &
        read -u 5 up; mount -t tmpfs late $ROOT/late; touch $ROOT/late/mark; echo >&4
        seen=; while read -u 5 line && [ $line != end ]; do seen=$seen$line; done
        echo "seen inside: $seen, outside: $(grep -c $ROOT/inner /proc/self/mountinfo || true)"
        echo >&4; wait; umount $ROOT/late; }
"#;

#[test]
fn later_mounts_of_the_host_follow_as_propagation_says() {
    let t = case!("-", "unshare", "bash");
    let script =
        "play; for kind in slave private unbindable shared; do play --propagation $kind; done";
    let outcome = t.host_script(&format!("{PLAY} {script}"));
    let expected = "seen inside: mark, outside: 0\n\
                    seen inside: mark, outside: 0\n\
                    seen inside: , outside: 0\n\
                    seen inside: , outside: 0\n\
                    seen inside: mark, outside: 1\n";
    assert_eq!(outcome.ok(), expected);
}

#[test]
fn propagation_inside_is_shared_again_unless_named() {
    let t = case!("run-container");
    let root = |options: &[&str]| {
        let table = Mounts::parse(&t.inside(options, "cat /proc/self/mountinfo"));
        table.at("/").propagation().iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        root(&[]),
        ["shared"],
        "nothing to follow on an unshared host, shared for its own children"
    );
    assert_eq!(root(&["--propagation", "private"]), <[&str; 0]>::default());
    assert_eq!(root(&["--propagation", "unbindable"]), ["unbindable"]);
}

#[test]
fn a_volume_has_the_propagation_it_asks_for() {
    let t = case!("-", "unshare");
    let script = "mkdir $DIR/data; mount -t tmpfs data $DIR/data
        awk -v path=$DIR/data '$5 == path {print $7}' /proc/self/mountinfo
        for kind in rprivate rslave rshared; do
            $BIN run --rootfs $ROOT -v $DIR/data:/data:$kind -- awk '$5 == \"/data\" {print $7, $8}' /proc/self/mountinfo
        done";
    let outcome = t.host_script(script);
    let lines: Vec<&str> = outcome.ok().lines().collect();
    let [host, private, slave, shared] = lines[..] else { panic!("four lines: {outcome:?}") };
    let group = host.strip_prefix("shared:").expect("the host's mount is shared");
    // Inside all mounts are shared again, each with a group of its own unless it is the host's.
    assert_ne!(private.split(' ').next(), Some(host), "{outcome:?}");
    assert!(!private.contains("master:"), "{outcome:?}");
    assert!(slave.ends_with(&format!("master:{group}")), "{outcome:?}");
    assert_eq!(shared.split(' ').next(), Some(host), "{outcome:?}");
}
