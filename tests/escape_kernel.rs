//! Ways out of a container by calls and files of the kernel: each fails.
//!
//! As in tests/escape.rs each is first shown to work where what stops it is lacking.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use support::escapes::{
    Bystander, Holds, KILL_GROUP, all_failed, all_worked, beside_it, build_escapes, chrooted,
    settings, typed,
};
use support::{Host, Rootlet, await_true, case};

/// Mounts that are changed, taken away, or made anew without their flags. If it worked, /sys, the root or a volume
/// could be written, or devices could be opened.
#[test]
fn escape_by_changing_mounts() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let volume = format!("{}:/data:ro", t.folder("data").display());
    let options = ["--read-only", "-v", &volume, "--tmpfs", "/tmp"];
    fs::create_dir(t.rootfs().join("data")).unwrap();
    let commands = [
        "mount -o remount,bind,rw / && echo > /etc/new",
        "mount -o remount,bind,rw /data && echo > /data/new",
        "mount -o remount,bind,rw /sys && echo change > /sys/class/net/lo/uevent",
        "mount -o remount,bind,rw /sys/fs/cgroup && [ -w /sys/fs/cgroup/cgroup.procs ]",
        "mount -o remount,bind,dev /tmp && mknod /tmp/null c 1 3 && : < /tmp/null",
        "mount -o remount,bind,exec /proc",
        "umount -l /proc",
        "umount /sys/fs/cgroup && umount /sys",
        "umount -l /dev && ls /dev",
        "mount -t proc proc /mnt",
        "mount -t sysfs sysfs /mnt && : > /mnt/class/net/lo/uevent",
        "mount -t cgroup2 cgroup2 /mnt",
        "mount -t tmpfs tmpfs /mnt && mknod /mnt/null c 1 3 && : < /mnt/null",
        "mount --bind /etc /mnt",
        "mount --make-rshared /",
        "unshare --mount true",
    ];
    for command in commands {
        let with_all = t.run().opt("--privileged").opts(options).sh(command).output();
        assert_eq!(with_all.code(), 0, "it never works: {with_all:?}");
        for setting in settings(Holds::WithoutPrivileges) {
            let run = setting.run(&t).opts(options).sh(command).output();
            let refused = ["Operation not permitted", "permission denied"];
            let said = refused.iter().any(|word| run.stderr.contains(word));
            assert!(run.code() != 0 && said, "{setting:?} {command}: {run:?}");
        }
    }
}

/// Nodes of disks and of the memory, made wherever the container can write. If it worked, the host's disk or memory
/// could be read. That a node can be made is no harm.
#[test]
fn escape_by_a_node_of_the_disk() {
    let t = case!("run-container", "cc", "unshare");
    build_escapes(&t);
    let volume = format!("{}:/data", t.folder("data").display());
    // Type and numbers: SCSI and virtio disks, a loop device, /dev/mem, /dev/kmsg.
    let nodes = ["b 8 0", "b 254 0", "b 7 0", "c 1 1", "c 1 11"];
    let script = |dirs: &str| {
        let nodes = nodes.map(|node| node.replace(' ', ":")).join(" ");
        format!(
            "for dir in {dirs}; do for node in {nodes}; do
               mknod $dir/node ${{node//:/ }} 2>/dev/null && escapes open r $dir/node || echo no EPERM
               mknod $dir/node.w ${{node//:/ }} 2>/dev/null && escapes open w $dir/node.w || echo no EPERM
               rm -f $dir/node $dir/node.w; done; done"
        )
    };
    // On the host some are there and some are not; none is forbidden by its mount.
    let bare = format!("mount -t tmpfs bare $ROOT/mnt; chroot $ROOT sh -c '{}'", script("/mnt"));
    let bare = t.host_script(&bare);
    assert_eq!(bare.ok().lines().count(), 2 * nodes.len());
    assert!(!bare.ok().contains("EACCES") && !bare.ok().contains("no EPERM"), "{bare:?}");
    let dirs = "/ /tmp /dev /dev/shm /data /scratch";
    for setting in settings(Holds::Always) {
        let run = setting.run(&t).opts(["-v", &volume, "--tmpfs", "/scratch"]);
        let run = run.sh(&script(dirs)).output();
        let lines: Vec<&str> = run.ok().lines().collect();
        assert_eq!(lines.len(), 2 * nodes.len() * dirs.split(' ').count(), "{run:?}");
        // In a user namespace there is no making of nodes at all.
        let refused = |line: &&str| line.ends_with(" EACCES") || *line == "no EPERM";
        assert!(lines.iter().all(refused), "{setting:?}: {run:?}");
        // Of terminals' own file system, the only one that is not nodev.
        let pts = setting.run(&t).sh("mknod /dev/pts/node c 1 1").output();
        assert!(pts.code() != 0 && pts.stderr.contains("Operation not permitted"), "{pts:?}");
    }
}

/// A file by its handle, whatever is mounted ("shocker"). If it worked, each file of the filesystem that the rootfs lies
/// on could be read. Who has every capability can.
#[test]
fn escape_by_the_handle_of_a_file() {
    let t = case!("-", "cc");
    let escapes = build_escapes(&t);
    let secret = t.file("secret", "secret");
    let handle = Rootlet::new(&escapes, t.dir()).opt("handle-of").opt(&secret).output();
    let handle = handle.ok().trim();
    if handle.ends_with("EOPNOTSUPP") {
        return t.skip("this filesystem has no handles", "-");
    }
    let words = ["/bin/escapes", "handle", handle];
    all_worked(&t.run().opt("--privileged").cmd(words).output());
    for setting in settings(Holds::WithoutPrivileges) {
        all_failed(&setting.run(&t).cmd(words).output(), setting);
    }
}

/// Devices of the host by their usual names. If it worked, its memory, its disks or its log could be opened.
#[test]
fn escape_by_devices_of_the_host() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let names = "mem kmem port kmsg sda vda nvme0n1 loop0 loop-control fuse kvm net/tun console tty0 tty1 \
                 snapshot cpu/0/msr uinput mapper/control vfio/vfio vhost-net";
    let paths: Vec<String> = names.split(' ').map(|name| format!("/dev/{name}")).collect();
    let words =
        || ["/bin/escapes", "open", "r"].into_iter().chain(paths.iter().map(|p| p.as_str()));
    let on_host = Rootlet::new(&t.rootfs().join("bin/escapes"), t.dir()).opts(words().skip(1));
    assert!(on_host.output().ok().contains("/dev/kmsg works"));
    for setting in settings(Holds::Always) {
        let run = setting.run(&t).cmd(words()).output();
        let lines: Vec<&str> = run.ok().lines().collect();
        assert_eq!(lines.len(), paths.len());
        assert!(lines.iter().all(|line| line.ends_with(" ENOENT")), "{setting:?}: {run:?}");
    }
}

/// Memory, descriptors, environment and root of PID 1. If it worked, CMD could make rootlet do what it likes. Who has
/// every capability can.
#[test]
fn escape_into_pid_1() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let words = ["/bin/escapes", "process", "1"];
    all_worked(&t.run().opt("--privileged").cmd(words).output());
    for setting in settings(Holds::WithoutPrivileges) {
        all_failed(&setting.run(&t).cmd(words).output(), setting);
    }
}

/// Processes of the host, by their numbers there. If it worked, one could be read, traced or killed.
#[test]
fn escape_into_a_process_of_the_host() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    let mut bystander = Bystander::new();
    let pid = bystander.pid().to_string();
    all_worked(&Rootlet::new(&escapes, t.dir()).opts(["process", &pid]).output());
    for setting in settings(Holds::Always) {
        for attempt in ["process", "kill"] {
            let run = setting.run(&t).cmd(["/bin/escapes", attempt, &pid]).output();
            all_failed(&run, setting);
        }
        // Only where it is one of the first processes: nobody shall be hit if it is not.
        let all = setting.run(&t).sh("[ $$ -lt 10 ] && kill -9 -1; echo $$").output();
        assert!(all.stdout == "1\n" || all.stdout == "2\n", "{setting:?}: {all:?}");
        assert!(bystander.alive(), "{setting:?}");
    }
    all_worked(&chrooted(&t).opts(["/bin/escapes", "kill", &pid]).output());
    assert!(await_true(|| !bystander.alive()));
}

/// The caller's process group. If it worked, what the caller's shell has started beside rootlet would be killed. CMD is in
/// that group only without `-t` at a terminal, as a job of the shell there.
#[test]
fn escape_by_killing_the_own_group() {
    let t = case!("-", "setsid", "bash");
    let bare = Rootlet::new(Path::new("bash"), t.dir()).opts(["-c", KILL_GROUP]);
    assert_eq!(beside_it(&t, bare), "");
    for setting in settings(Holds::Always) {
        for terminal in [&[][..], &["-t"], &["--no-init"]] {
            let run = setting.run(&t).opts(terminal).sh(KILL_GROUP);
            assert_eq!(beside_it(&t, run), "alive\n", "{setting:?} {terminal:?}");
        }
    }
}

/// Keys pushed into the caller's terminal, with `-t`: it is not CMD's. If it worked, the caller's shell would execute
/// them when rootlet has ended.
#[test]
fn escape_by_typing_into_the_callers_terminal_with_t() {
    let t = case!("-", "cc", "bash");
    let escapes = build_escapes(&t);
    let attempt = ["tiocsti", "typed\n"];
    let bare = Rootlet::new(&escapes, t.dir()).opts(attempt);
    assert_eq!(typed(&t, bare), ["tiocsti works", "got typed"]);
    for setting in settings(Holds::Always) {
        let run = setting.run(&t).opt("-t").cmd(["/bin/escapes"]).cmd(attempt);
        // Into its own terminal it may type, where no filter forbids it.
        assert_eq!(typed(&t, run).last().unwrap(), "got", "{setting:?}");
    }
}

/// A rootfs that brings a /proc of its own, whose files are links to one of the host. If it worked, what rootlet writes
/// there would be in that file, or CMD would take it for the kernel's.
#[test]
fn escape_by_a_proc_in_the_rootfs() {
    let t = case!("run-container");
    let fake = t.rootfs().join("proc");
    let victim = t.file("victim", "as it was\n");
    let files = "sys/kernel/hostname sys/kernel/domainname sys/kernel/core_pattern self/oom_score_adj \
                 self/attr/exec self/uid_map self/gid_map self/setgroups thread-self/attr/current \
                 1/oom_score_adj sysrq-trigger";
    for file in files.split(' ') {
        let place = fake.join(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(&victim, &place).unwrap();
    }
    // Who takes it for the kernel's writes to the host.
    let times = || fs::metadata(&victim).map(|meta| (meta.mtime(), meta.mtime_nsec())).unwrap();
    let before = times();
    fs::write(fake.join("self/oom_score_adj"), "as it was\n").unwrap();
    assert_ne!(times(), before);
    let before = times();
    let over = format!("{}:/proc", fake.display());
    let rows: [&[&str]; 6] = [
        &[],
        &["--hostname", "name", "--domainname", "name"],
        &["-t"],
        &["--user", "1000"],
        &["-v", &over, "--hostname", "name"],
        &["--no-init", "-v", &over],
    ];
    for setting in settings(Holds::Always) {
        let possible = |row: &&[&str]| setting.has_other_users() || !row.contains(&"--user");
        for row in rows.into_iter().filter(possible) {
            let run = setting.run(&t).opts(row).sh("stat -f -c %T /proc").output();
            let kernels = !row.contains(&over.as_str());
            assert_eq!(run.ok().trim() == "proc", kernels, "{setting:?} {row:?}");
            assert_eq!(times(), before, "{setting:?} {row:?}");
        }
    }
}

/// Servers of the host on an abstract unix socket and on the loopback device. If it worked, CMD could talk to them.
#[test]
fn escape_to_sockets_of_the_host() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let name = format!("rootlet-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _socket = UnixListener::bind_addr(&address).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for words in [["/bin/escapes", "abstract", &name], ["/bin/escapes", "port", &port]] {
        all_worked(&t.run().opts(["--network", "host"]).cmd(words).output());
        for setting in settings(Holds::Always) {
            let run = setting.run(&t).cmd(words).output();
            assert!(run.ok().ends_with(" ECONNREFUSED\n"), "{setting:?}: {run:?}");
        }
    }
}

/// Devices and addresses of the host's network. If it worked, they would be seen from inside, or a route would lead
/// there.
#[test]
fn escape_to_network_devices_of_the_host() {
    let t = case!("run-container", "unshare", "ip", "bash");
    // A host with an address that nobody else has.
    let look = "cat /proc/net/fib_trie /proc/net/dev; ls /sys/class/net; ip address";
    let host = "ip link set lo up; ip address add 192.0.2.77/32 dev lo; exec \"$0\" \"$@\"";
    let host = ["unshare", "--net", "bash", "-c", host];
    let run = t.run().opts(["--network", "host"]).sh(look).under(host).output();
    assert!(run.ok().contains("192.0.2.77"), "{run:?}");
    let reach = "ping -c 1 -w 1 192.0.2.77 > /dev/null 2>&1 && echo reached";
    let run = t.run().opts(["--network", "host"]).sh(reach).under(host).output();
    assert_eq!(run.ok(), "reached\n");
    for setting in settings(Holds::Always) {
        let run = setting.run(&t).sh(look).under(host).output();
        assert!(run.ok().contains("127.0.0.1") && !run.ok().contains("192.0.2.77"), "{run:?}");
        let run = setting.run(&t).sh(reach).under(host).output();
        assert_eq!((run.code(), &*run.stdout), (1, ""), "{setting:?}");
    }
}

/// Mounts made inside, below a root that the host shares, also after the container has made its mounts shared. If it
/// worked, the host would have them.
#[test]
fn escape_by_mounts_that_reach_the_host() {
    let t = case!("-", "unshare", "bash");
    let inside = "mount --make-rshared / && mount -t tmpfs inner /mnt && : > /mnt/mark &&
        mount --bind /etc /srv && mount --bind /mnt /proc/sys && umount -l /tmp; grep -c \" /mnt \" /proc/self/mountinfo";
    let script = |options: &str| {
        format!(
            "mount --bind $ROOT $ROOT; mkdir -p $ROOT/srv; mount -t tmpfs upper $ROOT/tmp
             $BIN run --rootfs $ROOT --privileged {options} -- sh -c '{inside}'
             for dir in mnt srv tmp; do
               grep -q \" $ROOT/$dir \" /proc/self/mountinfo && echo host has $dir; done; ls $ROOT/mnt"
        )
    };
    // With `shared` they do, as asked for.
    let shared = t.host_script(&script("--propagation shared"));
    assert_eq!(shared.ok(), "1\nhost has mnt\nhost has srv\nmark\n");
    for options in ["", "--propagation slave", "--propagation private", "--no-pivot", "--no-init"] {
        assert_eq!(t.host_script(&script(options)).ok(), "1\nhost has tmp\n", "{options}");
    }
}

/// Numbers of users and groups that wrap round, that mean "no change" to the kernel, or that are none. If it worked,
/// CMD would be root.
#[test]
fn escape_by_an_id_that_wraps() {
    let t = case!("-");
    let before = Host::now();
    let junk = [
        "4294967295",
        "4294967296",
        "4294967297",
        "-1",
        "-0",
        "+0",
        "18446744073709551616",
        "0x0",
        "00x",
        "1e3",
        " 0",
        "0 ",
        "",
        "\u{660}",
        "0,0",
        "1-2",
        "2.0",
    ];
    // Its neighbours are taken, so it is the number that is refused.
    assert_eq!(
        t.inside(&["--user", "4294967294:4294967294"], "id -u; id -g"),
        "4294967294\n4294967294\n"
    );
    for setting in settings(Holds::Always) {
        for id in junk {
            for user in [id.to_owned(), format!("{id}:0"), format!("0:{id}"), format!("user:{id}")]
            {
                let run = setting.run(&t).opts(["--user", &user]).cmd(["id", "-u"]).output();
                run.refused(125, &[]);
            }
            let mount = format!("/scratch:uid={id}");
            setting.run(&t).opts(["--tmpfs", &mount]).cmd(["true"]).output().refused(125, &[]);
        }
    }
    // The same in the rootfs's own tables.
    for id in junk {
        let passwd = format!("wrapped:x:{id}:{id}::/:/bin/sh\ngrouped:x:1000:{id}::/:/bin/sh\n");
        fs::write(t.rootfs().join("etc/passwd"), passwd).unwrap();
        fs::write(t.rootfs().join("etc/group"), format!("wrapped:x:{id}:\n")).unwrap();
        for user in ["wrapped", "grouped", "1000:wrapped"] {
            t.run().opts(["--user", user]).cmd(["id", "-u"]).output().refused(125, &[]);
        }
    }
    before.unchanged(&t, "ids that are none");
}
