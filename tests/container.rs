//! What a default container looks like from inside.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use support::{Case, Host, Mounts, case, host};

/// The nodes of /dev with their device numbers in hexadecimal, as `stat` prints them.
const NODES: &[(&str, &str)] = &[
    ("null", "1:3"),
    ("zero", "1:5"),
    ("full", "1:7"),
    ("random", "1:8"),
    ("urandom", "1:9"),
    ("tty", "5:0"),
];

fn mounts(t: &Case, options: &[&str]) -> Mounts {
    Mounts::parse(&t.inside(options, "cat /proc/self/mountinfo"))
}

#[test]
fn mounts_have_their_type_and_flags() {
    let t = case!("run-container");
    let table = mounts(&t, &[]);
    let rows: &[(&str, &str, &[&str])] = &[
        ("/proc", "proc", &["rw", "nosuid", "nodev", "noexec"]),
        ("/sys", "sysfs", &["ro", "nosuid", "nodev", "noexec"]),
        ("/sys/fs/cgroup", "cgroup2", &["ro", "nosuid", "nodev", "noexec"]),
        ("/dev", "tmpfs", &["rw", "nosuid", "nodev"]),
        ("/dev/pts", "devpts", &["rw", "nosuid", "noexec"]),
        ("/dev/shm", "tmpfs", &["rw", "nosuid", "nodev", "noexec"]),
        ("/dev/mqueue", "mqueue", &["rw", "nosuid", "nodev", "noexec"]),
    ];
    for (point, kind, flags) in rows {
        let mount = table.at(point);
        assert_eq!(mount.kind, *kind, "{mount:?}");
        assert!(mount.has(flags), "{mount:?} lacks one of {flags:?}");
    }
    let pts = table.at("/dev/pts");
    assert!(pts.options.contains("gid=5") && pts.options.contains("mode=620"), "{pts:?}");
    let shm = table.at("/dev/shm");
    assert!(shm.options.contains("size=65536k"), "{shm:?}");
}

/// What of the kernel's is hidden, and what is read-only.
const HIDDEN_DIRECTORIES: [&str; 5] =
    ["/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/devices/virtual/powercap", "/sys/firmware"];
const HIDDEN_FILES: [&str; 5] =
    ["/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"];
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Those that this kernel has: the same as on the host.
fn covered() -> impl Iterator<Item = &'static str> {
    let all = HIDDEN_DIRECTORIES.into_iter().chain(HIDDEN_FILES).chain(READ_ONLY);
    all.filter(|path| Path::new(path).exists())
}

#[test]
fn what_the_kernel_shows_of_the_host_is_hidden_or_read_only() {
    let t = case!("run-container");
    // A check that has nothing to look at proves nothing: these are on every kernel.
    let there: Vec<&str> = covered().collect();
    for path in ["/sys/firmware", "/proc/timer_list", "/proc/sys"] {
        assert!(there.contains(&path), "{path}");
    }
    let table = mounts(&t, &[]);
    for path in there {
        if HIDDEN_DIRECTORIES.contains(&path) {
            assert_eq!(t.inside(&[], &format!("ls -a {path} | wc -l")), "2\n", "{path}");
            assert!(table.at(path).has(&["ro", "nodev", "noexec", "nosuid"]), "{path}");
        } else if HIDDEN_FILES.contains(&path) {
            assert_eq!(t.inside(&[], &format!("stat -c %t:%T {path}; cat {path}")), "1:3\n");
        } else {
            assert!(table.at(path).has(&["ro", "nodev", "noexec", "nosuid"]), "{path}");
        }
    }
    let write = "for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity
        do test -e $file || continue; (: >> $file) 2>/dev/null && echo $file; done; true";
    assert_eq!(t.inside(&[], write), "");
    // They cannot be taken away without CAP_SYS_ADMIN, and not be remounted.
    let undo = "umount /proc/keys; umount -l /proc/sys; mount -o remount,rw,bind /proc/sys; mount -o remount,rw /sys";
    let script = format!("({undo}) 2>/dev/null; echo x > /proc/sys/kernel/domainname");
    let run = t.run().sh(&script).output();
    assert!(run.code() != 0 && run.stderr.contains("Read-only"), "{run:?}");
    // A privileged container sees and writes it all.
    let privileged = mounts(&t, &["--privileged"]);
    assert!(privileged.points().iter().all(|point| !covered().any(|path| path == *point)));
    t.inside(&["--privileged"], "echo inner > /proc/sys/kernel/domainname");
}

#[test]
fn nothing_else_is_mounted() {
    let t = case!("run-container");
    let table = mounts(&t, &[]);
    let mut expected: BTreeSet<String> =
        ["/", "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]
            .map(Into::into)
            .into();
    expected.extend(NODES.iter().map(|(name, _)| format!("/dev/{name}")));
    expected.extend(covered().map(Into::into));
    let found: BTreeSet<String> = table.points().into_iter().map(Into::into).collect();
    assert_eq!(found, expected);
    assert_eq!(table.0.len(), expected.len(), "something is mounted twice: {:?}", table.points());
}

#[test]
fn every_mount_but_the_nodes_and_pts_is_nodev() {
    let t = case!("run-container");
    let data = t.folder("data");
    let volume = format!("{}:/data", data.display());
    for mount in mounts(&t, &["--volume", &volume, "--tmpfs", "/scratch"]).0 {
        let node = NODES.iter().any(|(name, _)| mount.point == format!("/dev/{name}"));
        // /dev/null over a file is still /dev/null.
        let hidden = HIDDEN_FILES.contains(&mount.point.as_str());
        let nodev = mount.has(&["nodev"]);
        assert!(nodev != (node || hidden || mount.point == "/dev/pts"), "{mount:?}");
    }
}

#[test]
fn devices_are_the_hosts_and_work() {
    let t = case!("run-container");
    for (name, number) in NODES {
        let script = format!("stat -c '%F %t:%T' /dev/{name}");
        assert_eq!(t.inside(&[], &script), format!("character special file {number}\n"));
    }
    let rows = [
        ("echo gone > /dev/null; wc -c < /dev/null", "0\n"),
        ("head -c 3 /dev/zero | od -An -tx1", " 00 00 00\n"),
        ("head -c 5 /dev/random | wc -c; head -c 5 /dev/urandom | wc -c", "5\n5\n"),
        ("head -c 2 /dev/full | od -An -tx1", " 00 00\n"),
    ];
    for (script, expected) in rows {
        assert_eq!(t.inside(&[], script), expected, "{script}");
    }
    let full = t.run().sh("echo x > /dev/full").output();
    assert!(full.code() != 0 && full.stderr.contains("No space left"), "{full:?}");
    // Without -t there is no controlling terminal, and the node says so: it is the real one.
    let tty = t.run().sh(": < /dev/tty").under(["setsid", "--wait"]).output();
    assert!(tty.stderr.contains("No such device or address"), "{tty:?}");
}

#[test]
fn dev_holds_exactly_what_it_should() {
    let t = case!("run-container");
    let names = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero";
    let listed = t.inside(&[], "ls /dev");
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>().join(" "), names);
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        assert_eq!(t.inside(&[], &format!("readlink /dev/{name}")), format!("{target}\n"));
    }
    assert_eq!(t.inside(&[], "stat -c '%a' /dev /dev/shm /dev/mqueue"), "755\n1777\n1777\n");
    assert_eq!(t.inside(&[], "echo through > /dev/stdout"), "through\n");
}

#[test]
fn a_device_made_inside_cannot_be_opened() {
    let t = case!("run-container");
    let data = t.folder("data");
    let volume = format!("{}:/data", data.display());
    let script = "for dir in / /tmp /dev /dev/shm /data /scratch /proc/../root; do
        mknod $dir/node c 1 3 || echo no mknod in $dir
        if (: < $dir/node) 2> /tmp/why; then echo opened in $dir; fi
        grep -q 'Permission denied' /tmp/why || cat /tmp/why
        rm $dir/node; done; echo done";
    for privileged in [&[][..], &["--privileged"]] {
        let options = [&["--volume", &volume, "--tmpfs", "/scratch"], privileged].concat();
        assert_eq!(t.inside(&options, script), "done\n");
    }
}

#[test]
fn pts_is_the_containers_own() {
    let t = case!("run-container");
    // A pseudo-terminal opened inside is the first one there, whatever the host has.
    let script =
        "ls /dev/pts; exec 3<> /dev/ptmx; ls /dev/pts; stat -c '%a %g %u' /dev/pts/0 /dev/pts/ptmx";
    assert_eq!(t.inside(&[], script), "ptmx\n0\nptmx\n620 5 0\n666 0 0\n");
}

#[test]
fn shm_can_be_written_and_sys_cannot() {
    let t = case!("run-container");
    assert_eq!(t.inside(&[], "echo kept > /dev/shm/file; cat /dev/shm/file"), "kept\n");
    let shm = t
        .run()
        .sh("dd if=/dev/zero of=/dev/shm/big bs=1M count=65 2>&1 | grep -c 'No space'")
        .output();
    assert_eq!(shm.stdout, "1\n", "shm holds 64 MiB: {shm:?}");
    for path in ["/sys/kernel/uevent_seqnum", "/sys/fs/cgroup/cgroup.procs"] {
        let run = t.run().sh(&format!("echo 0 > {path}")).output();
        assert!(run.code() != 0 && run.stderr.contains("Read-only file system"), "{path}: {run:?}");
    }
    let made = t.run().sh("mkdir /sys/fs/cgroup/child").output();
    assert!(made.code() != 0 && made.stderr.contains("Read-only file system"), "{made:?}");
}

#[test]
fn mount_flags_cannot_be_taken_back_without_capability() {
    let t = case!("run-container");
    for command in [
        "mount -o remount,bind,rw /sys",
        "mount -o remount,rw /sys/fs/cgroup",
        "umount /dev",
        "umount -l /",
    ] {
        let run = t.run().sh(command).output();
        let refused = ["Operation not permitted", "permission denied"];
        let said = refused.iter().any(|words| run.stderr.contains(words));
        assert!(run.code() != 0 && said, "{command}: {run:?}");
    }
}

#[test]
fn nothing_of_the_host_is_reachable() {
    let t = case!("run-container");
    let secret = t.file("secret", "secret");
    // The path itself, the ways that once led out, and everything a descriptor of PID 1 could lead to.
    let path = secret.display();
    let script = format!(
        "for way in '' /.. /../.. /proc/1/root /proc/self/root /proc/1/cwd /proc/self/cwd /proc/thread-self/root; do
           cat $way{path} 2> /dev/null && echo reached by $way; done
         for fd in /proc/1/fd/* /proc/self/fd/*; do cat $fd/{path} $fd/../{path} 2> /dev/null && echo by $fd; done
         echo done"
    );
    assert_eq!(t.inside(&[], &script), "done\n");
    assert_eq!(t.inside(&["--no-pivot"], &script), "done\n");
    assert_eq!(t.inside(&["--privileged"], &script), "done\n");
}

#[test]
fn no_descriptor_of_the_caller_or_of_rootlet_gets_in() {
    let t = case!("run-container", "bash");
    let leak = t.file("leak", "");
    // Descriptors 7 and 1000 are the caller's; `ls` has its own at 3.
    let script = "exec 7< \"$LEAK\" 1000< \"$LEAK\"; exec \"$0\" \"$@\"";
    for init in [&[][..], &["--no-init"]] {
        let run = t.run().opts(init).cmd(["ls", "/proc/self/fd"]).env("LEAK", &leak);
        assert_eq!(run.under(["bash", "-c", script]).output().ok(), "0\n1\n2\n3\n");
    }
}

#[test]
fn standard_streams_are_the_callers() {
    let t = case!("-");
    let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| b'a' + (n % 23) as u8).collect();
    for init in [&[][..], &["--no-init"], &["-i"]] {
        let run = t.run().opts(init).cmd(["cat"]).stdin(bytes.clone()).output();
        assert!(
            run.ok().as_bytes() == bytes,
            "what went in did not come out: {} bytes",
            run.stdout.len()
        );
    }
    let run = t.run().sh("echo to stdout; echo to stderr >&2").output();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("to stdout\n", "to stderr\n"));
}

#[test]
fn processes_of_the_host_are_not_seen() {
    let t = case!("run-container");
    let listed = t.inside(&[], "ls /proc | grep '^[0-9]' | sort -n");
    let pids: Vec<u32> = listed.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(pids[..2], [1, 2], "PID 1 and the command: {pids:?}");
    assert!(pids.len() <= 6, "the command is a shell with three children at most: {pids:?}");
    assert_eq!(t.inside(&["--no-init"], "echo $$"), "1\n");
    assert_eq!(t.inside(&[], "echo $$ $PPID"), "2 1\n");
}

#[test]
fn the_network_has_only_its_loopback() {
    let t = case!("run-container", "unshare");
    let names = "sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev | sort";
    // Kernels with tunnel modules make fall-back devices in every network namespace, so a new one is what to compare with.
    let new = host("unshare", &["--net", "sh", "-c", names]);
    assert!(new.lines().any(|name| name == "lo"), "{new}");
    assert_eq!(t.inside(&[], names), new);
    assert_eq!(t.inside(&[], "ls /sys/class/net | sort"), new);
    let run = t.run().sh("ip addr show lo").output();
    assert!(run.ok().contains("127.0.0.1/8") && run.ok().contains("LOOPBACK,UP"), "{run:?}");
}

#[test]
fn links_in_place_of_proc_sys_and_dev_are_refused() {
    let t = case!("-");
    let before = Host::now();
    let outside = t.folder("outside");
    for name in ["proc", "sys", "dev"] {
        let point = t.rootfs().join(name);
        fs::remove_dir(&point).unwrap();
        for target in [outside.to_str().unwrap(), "tmp", "../../../../../../../..", "nowhere"] {
            symlink(target, &point).unwrap();
            let run = t.run().cmd(["true"]).output();
            run.refused(125, &[&format!("{name} is a link")]);
            assert_eq!(
                fs::read_dir(&outside).unwrap().count(),
                0,
                "made outside of the root: {name} -> {target}"
            );
            fs::remove_file(&point).unwrap();
        }
        fs::create_dir(&point).unwrap();
    }
    before.unchanged(&t, "links for mount points");
}

#[test]
fn mount_points_that_are_files_are_refused() {
    let t = case!("-");
    for name in ["proc", "sys", "dev"] {
        let point = t.rootfs().join(name);
        fs::remove_dir(&point).unwrap();
        fs::write(&point, "").unwrap();
        t.run().cmd(["true"]).output().refused(125, &[&format!("{name} is not a directory")]);
        fs::remove_file(&point).unwrap();
        fs::create_dir(&point).unwrap();
    }
}

#[test]
fn missing_mount_points_are_made_unless_the_root_is_read_only() {
    let t = case!("-");
    let before = Host::now();
    for name in ["proc", "sys", "dev"] {
        fs::remove_dir(t.rootfs().join(name)).unwrap();
        let read_only = t.run().opt("--read-only").cmd(["true"]).output();
        read_only.refused(125, &[&format!("/{name} is missing in the root, which is read-only")]);
        t.run().cmd(["true"]).output().ok();
        assert_eq!(
            fs::read_dir(t.rootfs().join(name)).unwrap().count(),
            0,
            "only a mount point is left"
        );
    }
    before.unchanged(&t, "missing mount points");
}

#[test]
fn the_root_may_be_named_by_any_path() {
    let t = case!("-");
    symlink(t.rootfs(), t.path("link")).unwrap();
    symlink("rootfs", t.path("relative-link")).unwrap();
    let bin = t.rootfs().join("bin");
    for (path, from) in [
        ("rootfs", t.dir()),
        ("./rootfs/", t.dir()),
        ("rootfs/bin/..", t.dir()),
        ("link", t.dir()),
        ("relative-link", t.dir()),
        ("..", bin.as_path()),
        (".", t.rootfs()),
    ] {
        let run = t
            .rootlet()
            .opts(["run", "--rootfs", path])
            .sh("ls /bin/busybox; cat /etc/passwd | head -1");
        assert_eq!(
            run.in_dir(from).output().ok(),
            "/bin/busybox\nroot:x:0:0:root:/root:/bin/sh\n",
            "{path}"
        );
    }
}

#[test]
fn the_hosts_own_root_can_be_one_read_only() {
    let t = case!("-");
    let before = Host::now();
    let run = |script: &str| {
        let run = t.rootlet().opts(["run", "--rootfs", "/", "--read-only"]);
        run.sh(script).env("PATH", "/usr/bin:/bin").output()
    };
    let outside = t.file("seen", "seen\n");
    let read = run(&format!("cat {}; echo $$; cat /proc/sys/kernel/hostname", outside.display()));
    assert_eq!(read.ok(), "seen\n2\nrootlet\n");
    // Submounts of the host come along, and are read-only as well.
    for dir in [t.dir().to_str().unwrap(), "/", "/etc", "/root"] {
        let write = run(&format!("echo x > {dir}/rootlet-was-here"));
        assert!(
            write.code() != 0 && write.stderr.contains("Read-only file system"),
            "{dir}: {write:?}"
        );
    }
    let table = Mounts::parse(run("cat /proc/self/mountinfo").ok());
    for mount in &table.0 {
        let own = ["/proc", "/dev"]
            .iter()
            .any(|p| mount.point == *p || mount.point.starts_with(&format!("{p}/")));
        assert!(own || mount.has(&["ro", "nodev"]), "{mount:?}");
    }
    before.unchanged(&t, "the host's root");
}
