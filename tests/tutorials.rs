//! One test for each claim of the tutorials on building a container by hand.
//!
//! Letters and numbers are those of the README's table "by hand -> rootlet". Where a claim says what the
//! hand-made way lacks, that way is tried as well: an attack that never works proves nothing.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use support::escapes::{Bystander, build_escapes, chrooted};
use support::user::run_as_user;
use support::{Host, Mounts, case, copy_program, find_child, host, links};

#[test]
fn a1_pivot_root_hides_the_host() {
    let t = case!("run-container");
    let mark = t.file("mark", "");
    let table = Mounts::parse(&t.inside(&[], "cat /proc/self/mountinfo"));
    let root = table.at("/");
    assert!(root.root.ends_with(t.rootfs().file_name().unwrap().to_str().unwrap()), "{root:?}");
    // Only the container's mounts: each is the root, or something of /proc, /sys and /dev.
    for mount in table.0.iter().filter(|mount| mount.point != "/") {
        assert!(
            ["/proc", "/sys", "/dev"].iter().any(|top| mount.point.starts_with(top)),
            "{mount:?}"
        );
    }
    let run = t.run().cmd(["ls", mark.to_str().unwrap()]).output();
    assert!(run.code() != 0 && run.stderr.contains("No such file"), "{run:?}");
}

#[test]
fn a2_the_command_is_in_the_new_pid_namespace_and_can_fork() {
    let t = case!("run-container", "unshare");
    // By hand and without a fork the second child fails: the namespace died with its first.
    let by_hand = t.host_script("unshare --pid sh -c '/bin/true; /bin/true' 2>&1 || true");
    assert!(
        by_hand.stdout.contains("Cannot fork") || by_hand.stdout.contains("Cannot allocate"),
        "{by_hand:?}"
    );
    for init in [&[][..], &["--no-init"]] {
        let script = "for i in 1 2 3 4 5; do /bin/true || exit; done
            [ $(readlink /proc/self/ns/pid) = $(readlink /proc/self/ns/pid_for_children) ] && echo forked";
        assert_eq!(t.inside(init, script), "forked\n");
    }
}

#[test]
fn a3_an_own_proc_shows_only_the_containers_processes() {
    let t = case!("run-container");
    let bystander = Bystander::new();
    let pid = bystander.pid();
    let by_hand = t.host_script(&format!("unshare --pid --fork ls -d /proc/{pid}"));
    assert_eq!(
        by_hand.ok(),
        format!("/proc/{pid}\n"),
        "without an own /proc the host's processes are seen"
    );
    let listed = t.run().opt("--no-init").cmd(["ps", "-o", "pid,args"]).output().ok().to_owned();
    let lines: Vec<&str> = listed.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines, ["1 ps -o pid,args"], "the command is PID 1 and alone");
    assert!(!t.inside(&[], "ps -o args").contains("sleep 300"));
}

#[test]
fn a4_host_processes_cannot_be_killed_from_inside() {
    let t = case!("run-container");
    let mut bystander = Bystander::new();
    let pid = bystander.pid();
    let script = format!("kill -9 {pid} 2>&1 | grep -o 'No such process'; kill -9 -1; true");
    let run = t.run().opt("--privileged").sh(&script).output();
    assert_eq!(run.stdout, "No such process\n", "{run:?}");
    assert!(bystander.alive());
}

#[test]
fn a5_a_new_network_namespace_shows_no_interface_of_the_host() {
    let t = case!("run-container");
    let hosts = |dir: &str| -> BTreeSet<String> {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    // Loopback and the kernel's fall-back tunnels are in every network namespace; addresses tell them apart.
    let addresses = "for f in /sys/class/net/*; do echo $(cat $f/address) $(cat $f/ifindex); done";
    let inside = t.inside(&[], addresses);
    for name in hosts("/sys/class/net") {
        let address =
            fs::read_to_string(format!("/sys/class/net/{name}/address")).unwrap_or_default();
        let unique =
            address.trim().split(':').any(|byte| byte != "00") && address.trim().contains(':');
        assert!(
            !unique || !inside.contains(address.trim()),
            "{name} of the host is inside: {inside}"
        );
    }
    assert!(t.inside(&[], "ls /sys/class/net").starts_with("lo\n"));
    assert_eq!(t.inside(&[], "wc -l < /proc/net/route"), "1\n", "no route but the table's heading");
}

#[test]
fn a6_namespaces_mix_freely() {
    let t = case!("run-container");
    let host = links("/proc/self/ns");
    let all = [
        ("--network", "net"),
        ("--pid", "pid"),
        ("--ipc", "ipc"),
        ("--uts", "uts"),
        ("--cgroupns", "cgroup"),
    ];
    // Each alone here; tests/namespaces.rs goes through all 32 mixes.
    for (only, name) in all {
        let options: Vec<&str> =
            all.iter().flat_map(|(o, _)| [*o, if *o == only { "new" } else { "host" }]).collect();
        let inside = t.inside(
            &options,
            "for n in net pid ipc uts cgroup; do readlink /proc/self/ns/$n; done",
        );
        let new: Vec<&str> =
            inside.lines().filter(|link| !host.values().any(|of_host| of_host == link)).collect();
        assert!(new.len() == 1 && new[0].starts_with(&format!("{name}:")), "{only}: {inside}");
    }
}

#[test]
fn b1_the_pid_file_names_a_process_in_another_mount_namespace() {
    let t = case!("-");
    let file = t.path("pid");
    let run = t.run().opt("--pid-file").opt(&file).open_stdin().sh("echo up; read x").spawn();
    run.expect("up");
    let init = find_child(run.pid());
    let pid: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert_eq!(pid, init);
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap();
    assert_ne!(namespace(init), namespace(run.pid()));
    assert_eq!(namespace(run.pid()), namespace(std::process::id()), "the agent stays on the host");
    run.finish();
}

/// A host whose mount of the rootfs is shared, a container on it, and a line of conversation with it.
const TALK: &str = "mount --bind $ROOT $ROOT; mount --make-shared $ROOT; mkdir -p $ROOT/late $ROOT/inner
    mkfifo $DIR/go $DIR/up; exec 4<> $DIR/go 5<> $DIR/up
    open() { $BIN run --rootfs $ROOT --privileged -- sh -c \"echo up; read x; $1; echo end; read x\" \
        < $DIR/go > $DIR/up & read -u 5 up; }
    tell() { echo >&4; while read -u 5 line && [ $line != end ]; do echo $line; done; }
    close() { echo >&4; wait; }";

#[test]
fn b2_later_mounts_of_the_host_appear_inside() {
    let t = case!("-", "unshare", "bash");
    let script =
        "open 'ls /late'; mount -t tmpfs late $ROOT/late; touch $ROOT/late/mark; tell; close";
    assert_eq!(t.host_script(&format!("{TALK}; {script}")).ok(), "mark\n");
}

#[test]
fn b3_mounts_made_inside_never_appear_on_the_host() {
    let t = case!("-", "unshare", "bash");
    let script = "open 'mount -t tmpfs inner /inner; grep -c /inner /proc/self/mountinfo'; tell
        grep -c $ROOT/inner /proc/self/mountinfo || true; ls $ROOT/inner; close";
    assert_eq!(t.host_script(&format!("{TALK}; {script}")).ok(), "1\n0\n");
}

#[test]
fn b4_children_of_the_container_receive_its_mounts() {
    let t = case!("run-container");
    let script = "mkfifo /tmp/go; exec 4<> /tmp/go
        unshare --mount --propagation slave sh -c 'echo up > /tmp/ready; read x; ls /mnt' < /tmp/go &
        while [ ! -e /tmp/ready ]; do sleep 0.01; done
        mount -t tmpfs later /mnt; touch /mnt/mark; echo >&4; wait";
    assert_eq!(t.inside(&["--privileged"], script), "mark\n");
    fs::remove_file(t.rootfs().join("tmp/ready")).unwrap();
    fs::remove_file(t.rootfs().join("tmp/go")).unwrap();
    // Told to be private, nothing is passed on.
    assert_eq!(t.inside(&["--privileged", "--propagation", "private"], script), "");
}

#[test]
fn b5_ms_move_and_chroot_do_the_same() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let secret = t.file("secret", "");
    let script = "cat /proc/self/mountinfo";
    let points = |options: &[&str]| {
        let table = Mounts::parse(&t.inside(options, script));
        table.0.iter().map(|mount| (mount.point.clone(), mount.flags.clone())).collect::<Vec<_>>()
    };
    assert_eq!(points(&["--no-pivot"]), points(&[]));
    let escape = format!("escapes chroot {}", secret.display());
    assert_eq!(t.inside(&["--no-pivot"], &escape), "chroot ENOENT\n");
    assert_eq!(t.inside(&["--no-pivot"], "ls -d /.. /../etc"), "/..\n/../etc\n");
}

#[test]
fn b6_an_unbindable_mount_cannot_be_a_bind_source() {
    let t = case!("run-container");
    let bind = "mount --bind /etc /mnt && ls /mnt/passwd";
    for kind in ["slave", "private"] {
        let run = t.inside(&["--privileged", "--propagation", kind], bind);
        assert_eq!(run, "/mnt/passwd\n", "{kind}");
    }
    let run = t.run().opts(["--privileged", "--propagation", "unbindable"]).sh(bind).output();
    assert!(run.code() != 0 && run.stderr.contains("Invalid argument"), "{run:?}");
}

#[test]
fn b7_proc_is_nosuid_noexec_nodev() {
    let t = case!("run-container");
    let table = Mounts::parse(&t.inside(&[], "cat /proc/self/mountinfo"));
    assert!(table.at("/proc").has(&["nosuid", "noexec", "nodev"]), "{:?}", table.at("/proc"));
}

#[test]
fn c1_isolation_limits_users_filter_root_and_capabilities_in_one_runner() {
    let t = case!("-");
    let options = ["--uidmap", "0:100000:1000", "--ulimit", "nofile=64", "--cap-drop", "CHOWN"];
    let script = "ulimit -n; id -u; grep -E '^(CapEff|Seccomp|NSpid)' /proc/self/status; cat /proc/self/uid_map
        ls /proc | grep -c '^[0-9]'; chown 5 /tmp 2>/dev/null || echo refused";
    let text = t.inside(&options, script);
    assert!(text.starts_with("64\n0\n"), "{text}");
    // CHOWN, the first of docker's fourteen, is gone; there is a filter; root is somebody else outside.
    for part in ["CapEff:\t00000000a80425fa", "Seccomp:\t2", "100000"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.ends_with("refused\n"), "{text}");
}

#[test]
fn c2_an_ordinary_user_is_root_of_his_own_container() {
    let t = case!("-", "setpriv");
    // unshare -Urfpm --mount-proc: uid 0 inside is the caller, the pids are one's own, mounts are slaves.
    let script = "id -u; cat /proc/self/uid_map; echo $$; cat /proc/self/mountinfo";
    let run = run_as_user(&t).sh(script).output();
    let lines: Vec<&str> = run.ok().lines().collect();
    assert_eq!(lines[0], "0");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["0", "4242", "1"]);
    assert_eq!(lines[2], "2");
    let table = Mounts::parse(&lines[3..].join("\n"));
    let root = table.at("/");
    // A mount that is shared on the host is a slave here; one that is private has no master.
    let host = Mounts::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap());
    let shared = host.0.iter().rev().find(|mount| t.rootfs().starts_with(&mount.point)).unwrap();
    let is_shared = shared.tags.iter().any(|tag| tag.starts_with("shared:"));
    let is_slave = root.tags.iter().any(|tag| tag.starts_with("master:"));
    assert_eq!(is_slave, is_shared, "{root:?} {shared:?}");
}

#[test]
fn c4_the_mount_table_is_dockers() {
    let t = case!("run-container");
    let table = Mounts::parse(&t.inside(&[], "cat /proc/self/mountinfo"));
    for point in ["bus", "fs", "irq", "sys", "sysrq-trigger"].map(|name| format!("/proc/{name}")) {
        if Path::new(&point).exists() {
            assert!(table.at(&point).has(&["ro"]), "{point}");
        }
    }
    for point in ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"] {
        if Path::new(point).exists() {
            assert!(["tmpfs", "devtmpfs"].contains(&table.at(point).kind.as_str()), "{point}");
        }
    }
    for (point, kind) in [
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/mqueue", "mqueue"),
        ("/dev/shm", "tmpfs"),
    ] {
        assert_eq!(table.at(point).kind, kind);
    }
    assert!(table.at("/dev/shm").options.contains("size=65536k"));
    assert!(table.at("/sys").has(&["ro"]) && table.at("/sys/fs/cgroup").has(&["ro"]));
}

#[test]
fn c7_a_raw_socket_needs_one_capability() {
    let t = case!("run-container");
    let ping = "ping -c 1 -W 1 127.0.0.1 > /dev/null 2>&1 && echo reached || echo refused";
    assert_eq!(t.inside(&[], ping), "reached\n");
    assert_eq!(t.inside(&["--cap-drop", "NET_RAW"], ping), "refused\n");
    assert_eq!(t.inside(&["--cap-drop", "ALL", "--cap-add", "NET_RAW"], ping), "reached\n");
}

#[test]
fn c9_a_filter_denies_unshare() {
    let t = case!("run-container");
    // A user namespace needs no capability: only a filter can deny it.
    let unshare = "unshare -U true 2>&1 && echo made";
    let denied = t.run().sh(unshare).output();
    assert!(denied.stdout.contains("Operation not permitted"), "{denied:?}");
    assert_eq!(t.inside(&["--security-opt", "seccomp=unconfined"], unshare), "made\n");
    let file = t.file(
        "filter.json",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}"#,
    );
    let option = format!("seccomp={}", file.display());
    let own = t.run().opts(["--security-opt", &option]).sh(unshare).output();
    assert!(own.stdout.contains("not supported"), "{own:?}");
}

#[test]
fn d7_a_low_port_and_a_change_of_owner_need_their_capabilities() {
    let t = case!("run-container");
    let listen =
        "timeout 1 nc -l -p 80 127.0.0.1; test $? -ge 124 && echo listened || echo refused";
    let as_user = |options: &[&str]| {
        // Where this is set, everybody may.
        let run = t.run().opts(["--user", "1000:1000"]).opts(options).sh(listen).output();
        run.stdout.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(as_user(&["--cap-add", "NET_BIND_SERVICE"]), "listened");
    assert_eq!(as_user(&[]), "refused");
    let chown = "touch /tmp/file; chown 5 /tmp/file 2>&1 && echo changed";
    assert_eq!(t.inside(&["--tmpfs", "/tmp"], chown), "changed\n");
    let dropped = t.run().opts(["--tmpfs", "/tmp", "--cap-drop", "CHOWN"]).sh(chown).output();
    assert!(dropped.stdout.contains("Operation not permitted"), "{dropped:?}");
}

#[test]
fn e1_a_root_of_one_program_and_its_libraries_works() {
    let t = case!("-", "ldd");
    // A shell of the host's, with what ldd lists and nothing else.
    let root = t.folder("jail");
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let listed = host("ldd", &[shell.to_str().unwrap()]);
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
    for file in libraries.chain([shell.to_str().unwrap()]) {
        let target = root.join(&file[1..]);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        copy_program(Path::new(file), &target);
    }
    let run = t.rootlet().opts(["run", "--rootfs"]).opt(&root).cmd([
        shell.to_str().unwrap(),
        "-c",
        "echo jailed $$",
    ]);
    assert_eq!(run.output().ok(), "jailed 2\n");
}

#[test]
fn e2_the_chroot_escape_fails_in_the_container() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let secret = t.file("secret", "");
    let escape = ["/bin/escapes", "chroot", secret.to_str().unwrap()];
    let bare = chrooted(&t).opts(escape).output();
    assert_eq!(bare.ok(), "chroot works\n", "a bare chroot is no jail");
    for options in [&[][..], &["--privileged"], &["--no-init"]] {
        let run = t.run().opts(options).cmd(escape).output();
        assert_eq!(run.ok(), "chroot ENOENT\n", "{options:?}");
    }
}

#[test]
fn e6_the_hostname_changes_inside_only() {
    let t = case!("run-container");
    let before = Host::now();
    let script = "hostname; hostname changed && hostname";
    assert_eq!(t.inside(&["--hostname", "given", "--privileged"], script), "given\nchanged\n");
    before.unchanged(&t, "a changed hostname");
}

#[test]
fn e7_no_old_root_is_left() {
    let t = case!("run-container");
    let tree = || host("find", &[t.rootfs().to_str().unwrap(), "-printf", "%P %y %m %s\n"]);
    let before = tree();
    // The test's directory may have any letters in its name.
    let inside = t.inside(&[], "ls -a /; cat /proc/self/mountinfo").replace(&t.label(), "");
    assert!(!inside.contains("old") && !inside.contains("put"), "{inside}");
    let table = Mounts::parse(&t.inside(&["--privileged"], "cat /proc/1/mountinfo"));
    assert_eq!(table.points().iter().filter(|&&point| point == "/").count(), 1, "{table:?}");
    assert_eq!(tree(), before, "the rootfs is as it was");
}

#[test]
fn d1_the_image_is_a_tarball() {
    let t = case!("-", "tar");
    let image = t.path("image.tar.gz");
    // 1: a file was given another name meanwhile, as the roots of other tests share the large ones.
    t.host_script("tar -C $ROOT -czf $DIR/image.tar.gz . 2> $DIR/log || [ $? = 1 ]").ok();
    let by_hand =
        "mkdir $DIR/by-hand; tar -xzf $DIR/image.tar.gz -C $DIR/by-hand; chroot $DIR/by-hand ls /";
    let before = Host::now();
    let run = t.rootlet().opts(["run", "--rootfs"]).opt(&image).cmd(["ls", "/"]).output();
    assert_eq!(run.ok(), t.host_script(by_hand).ok());
    before.unchanged(&t, "a root out of a tarball");
}

#[test]
fn d2_chroot_alone_leaves_host_processes_killable() {
    let t = case!("run-container");
    let mut bystander = Bystander::new();
    let kill = format!("kill -9 {}", bystander.pid());
    let run = t.run().opt("--privileged").sh(&kill).output();
    assert!(run.code() != 0 && bystander.alive(), "{run:?}");
    // By hand: the same command, only chrooted, kills it.
    chrooted(&t).opts(["/bin/sh", "-c", &kill]).output().ok();
    assert!(support::await_true(|| !bystander.alive()));
}

#[test]
fn d3_a_pod_shares_the_network_and_isolates_pids() {
    let t = case!("-");
    let host = links("/proc/self/ns");
    let script = "readlink /proc/self/ns/net; readlink /proc/self/ns/pid; echo $$";
    let inside = t.inside(&["--network", "host"], script);
    let lines: Vec<&str> = inside.lines().collect();
    assert_eq!((lines[0], lines[2]), (host["net"].as_str(), "2"));
    assert_ne!(lines[1], host["pid"]);
}

#[test]
fn d5_a_host_directory_is_mounted_read_only() {
    let t = case!("-");
    let data = t.folder("data");
    fs::write(data.join("file"), "read\n").unwrap();
    let volume = format!("{}:/data:ro", data.display());
    let run = t
        .run()
        .opts(["--privileged", "-v", &volume])
        .sh("cat /data/file; echo x > /data/file")
        .output();
    assert!(run.stdout == "read\n" && run.stderr.contains("Read-only file system"), "{run:?}");
    assert_eq!(fs::read_to_string(data.join("file")).unwrap(), "read\n");
}

#[test]
fn c8_pid_1_gets_no_default_action_and_its_end_kills_all() {
    let t = case!("run-container");
    let before = Host::now();
    // The command being PID 1, TERM and even KILL from inside do nothing to it.
    assert_eq!(t.inside(&["--no-init"], "sh -c 'kill -15 1; kill -9 1'; echo alive"), "alive\n");
    // Orphans become children of PID 1, here of rootlet, and are reaped by it: their folder in /proc is gone.
    let script = "orphan='until [ $(cut -d\" \" -f4 /proc/$$/stat) = 1 ]; do sleep 0.01; done'
        pid=$( (sh -c \"$orphan\" > /dev/null & echo $!) ); while [ -d /proc/$pid ]; do sleep 0.01; done; echo reaped";
    assert_eq!(t.inside(&[], script), "reaped\n");
    // When the command ends, so does the rest, whatever it ignores.
    for init in [&[][..], &["--no-init"]] {
        let run = t.run().opts(init).sh("(trap '' 1 2 15; setsid sleep 300 &); exit 3").output();
        run.ends(3);
        before.unchanged(&t, "the end of PID 1");
    }
}
