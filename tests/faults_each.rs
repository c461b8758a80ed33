//! Every call of a command times every plausible errno, and killed at each.
//!
//! `ROOTLET_FAULTS=all` tries all of them, in three minutes; `ROOTLET_FAULTS=7` another part than usual.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::inject::Injector;
use support::matrix::{Scene, try_faults};
use support::tolerated::Row;
use support::user::open_to_user;
use support::{Case, case, host};

const OF_A_USER: &[Row] =
    &[("fcntl", "", "a file that is not known to be sealed is copied into one that is")];

const OF_FILES: &[Row] =
    &[("openat", "pid.", "what is told of a file that stays changes nothing of CMD's end")];

const OF_LIMITS: &[Row] = &[
    (
        "openat",
        "memory.oom_control",
        "that memory ran out is said besides CMD's status, where it is known",
    ),
    ("statfs access", "/sys/fs/cgroup", "what no limit was asked for is left out"),
    ("getxattr", "/sys/fs/cgroup", "a shared cgroup that cannot be looked at may be another's"),
];

const OF_THE_BACKGROUND: &[Row] = &[
    ("statfs access", "/sys/fs/cgroup", "what no limit was asked for is left out"),
    ("getxattr", "/sys/fs/cgroup", "a shared cgroup that cannot be looked at may be another's"),
    ("chdir", "/", "the runner holds the caller's directory then"),
    ("openat pread64", "", "what is told of the record in the log: the next command undoes it"),
    ("signalfd4", "", "signals are taken after the wait"),
];

/// Of cgroups that containers share.
const OF_SHARED_CGROUPS: &[Row] = &[
    ("getxattr", "", "one that cannot be looked at may be another's"),
    ("unlinkat:EBUSY", "", "one that cannot be removed for that is in use"),
    ("setxattr:KILL", "", "between its making and its mark nobody can tell whose it is"),
];

/// Scenes of `run`.
const RUNS: &[Scene] = &[
    Scene { name: "run", words: "run --rootfs %R --name it -- /bin/sh -c %P", ..Scene::PLAIN },
    Scene {
        name: "run with files",
        carries: "openat2",
        tolerated: OF_FILES,
        words: "run --rootfs %R --name it -v %D/data:/missing-%W/point:ro,rslave --tmpfs /tmp/scratch --domainname d \
            --user 1000:1000 -w /etc --dns 10.0.0.53 --add-host a:10.0.0.1 --pid-file %D/pid.%W --device /dev/full:/dev/other \
            --preserve-fds 0 -- /bin/sh -c %P",
        left: "ls -d %D/pid.%W 2>/dev/null || true; rm -rf %R/missing-%W %D/pid.%W",
        ..Scene::PLAIN
    },
    Scene {
        name: "run with limits",
        tolerated: OF_LIMITS,
        may_leave: OF_SHARED_CGROUPS,
        words_of_refusals: &["has no hierarchy below"],
        words: "run --rootfs %R --name it-%W --memory 64m --pids-limit 50 --cpus 1.5 --cpu-shares 100 --cgroup-parent /%L-%W \
            --ulimit nofile=64 --oom-score-adj 5 --device /dev/full:/dev/other:r -- /bin/sh -c %P",
        left: "for c in $(find /sys/fs/cgroup -maxdepth 2 -name '%L-%W' 2>/dev/null); do echo $c; find $c -depth -type d -exec rmdir {} +; done",
        ..Scene::PLAIN
    },
    Scene {
        name: "run with users",
        words: "run --rootfs %R --name it --userns new --uidmap 0:0:65536 --gidmap 0:0:65536 --disable-userns --user 1000:1000 -- \
            /bin/sh -c %P",
        ..Scene::PLAIN
    },
    Scene {
        name: "run with rights",
        words: "run --rootfs %R --name it --security-opt seccomp=%F --landlock ro:/ --cap-add NET_ADMIN --cap-drop CHOWN \
            --read-only --hostname h --time-offset monotonic=5 -- /bin/sh -c %P",
        ..Scene::PLAIN
    },
    Scene {
        name: "run of layers",
        words: "run --rootfs %D/lower --rootfs %R --overlay --name it -- /bin/sh -c %P",
        ..Scene::PLAIN
    },
    Scene {
        name: "run of an archive",
        tolerated: &[("openat", "", "a directory that cannot be opened is made anew")],
        words: "run --rootfs %D/small.tar.gz --name it -- /rootlet --version",
        ..Scene::PLAIN
    },
    Scene {
        name: "run with a pair of links",
        carries: "openat2",
        under: "nsenter --net=/run/net",
        words: "run --rootfs %R --name it --network veth:v0,10.0.0.2/24,host=10.0.0.1/24,gw=10.0.0.1 -- /bin/sh -c %P",
        setup: "touch /run/net && unshare --net=/run/net true",
        tolerated: &[(
            "socket sendto recvfrom",
            "",
            "the kernel removes the pair with the container's namespace",
        )],
        // In its own time.
        left: "for try in $(seq 60); do nsenter --net=/run/net ip -o link | grep -qv ' lo:' || break; sleep 0.05; done; \
            nsenter --net=/run/net ip -o link | grep -v ' lo:' || true",
        ..Scene::PLAIN
    },
    Scene {
        name: "run with a terminal",
        carries: "write read sendmsg",
        words: "run --rootfs %R --name it -t -- /bin/sh -c %P",
        ..Scene::PLAIN
    },
    Scene {
        name: "run without PID 1",
        words: "run --rootfs %R --name it --no-init --pid host --ipc host --persist net=%D/pin.%W -- /bin/sh -c %P",
        left: "umount %D/pin.%W 2>/dev/null; rm -f %D/pin.%W",
        ..Scene::PLAIN
    },
    Scene {
        name: "run in the background",
        carries: "write read dup3 prctl",
        tolerated: OF_THE_BACKGROUND,
        words: "run --rootfs %R --name it-%L-%W -d --rm --log %D/log-of.%W -- /bin/true",
        // Its end may be to come; what that was made unable to remove is the next command's.
        left: "c() { find /sys/fs/cgroup -maxdepth 3 -name 'it-%L-%W' 2>/dev/null; }; \
            for try in $(seq 40); do [ \"$(c)\" ] || break; sleep 0.05; done; [ -z \"$(c)\" ] || %B run --rootfs %R true; \
            c; rmdir $(c) 2>/dev/null; rmdir /sys/fs/cgroup/*/rootlet 2>/dev/null || true",
        ..Scene::PLAIN
    },
    Scene {
        name: "run by a user",
        tolerated: OF_A_USER,
        words_of_refusals: &["openat: EACCES"],
        under: "setpriv --reuid=4242 --regid=4242 --clear-groups --inh-caps=-all env XDG_RUNTIME_DIR=%D/runtime-%W",
        words: "%D/rootlet run --rootfs %R --name it -- /bin/sh -c %P",
        left: "setpriv --reuid=4242 --regid=4242 --clear-groups env XDG_RUNTIME_DIR=%D/runtime-%W %D/rootlet run --rootfs %R true; ls %D/runtime-%W/rootlet 2>/dev/null || true",
        ..Scene::PLAIN
    },
];

/// Scenes of what goes into a container.
const BOX: &str = "%B run --rootfs %R --name box-%L-%W -d -- sleep 1000 > /dev/null";
const STILL_RUNS: &str = "%B exec box-%L-%W true";
const END_OF_BOX: &str = "%B rm --force box-%L-%W";

const OF_ENTERING: &[Row] = &[
    ("setns", "", "tried again behind the user namespace"),
    ("newfstatat", "ns/", "a namespace that cannot be told is taken to be another"),
    ("openat", "root", "where the first process cannot be looked into, CMD's is"),
    ("openat", "cgroup.events", "what cannot be looked at is taken to run"),
    ("openat", "freezer.state", "what cannot be looked at is taken to run"),
    ("open_tree fstatfs", "", "what tools are shown of the container is less then, not more"),
    ("mkdirat openat2", "", "the same"),
    ("openat", "/proc/self/oom_score_adj", "a user may not lower his score; EACCES alone"),
];

/// What all of them have in common.
const INTO_THE_BOX: Scene = Scene {
    setup: BOX,
    tolerated: OF_ENTERING,
    words_of_refusals: &[
        "can be entered by root alone",
        "pidfd_open: ESRCH",
        "setns: EINVAL",
        "it has no terminals",
    ],
    left: STILL_RUNS,
    teardown: END_OF_BOX,
    ..Scene::PLAIN
};

const ENTERING: &[Scene] = &[
    Scene { name: "exec", words: "exec box-%L-%W -- /bin/sh -c %P", ..INTO_THE_BOX },
    Scene {
        name: "exec with options",
        carries: "write read sendmsg",
        words: "exec -t -u 1000:1000 -w /etc -e A=b --cap-drop CHOWN --landlock ro:/ box-%L-%W -- /bin/sh -c %P",
        ..INTO_THE_BOX
    },
    Scene {
        name: "exec with tools",
        words: "exec --tools rootlet box-%L-%W -- sh -c echo~it~is~there",
        ..INTO_THE_BOX
    },
];

/// What makes a root in memory, in which rootlet is PID 1 of its namespaces; what it says comes on a file.
const PREPARE: &str = "unshare --mount --net --uts --ipc --cgroup -- sh %D/prepare %D %W";

/// PID 1 goes on whatever it lacks, so most of what fails is passed over.
const OF_BOOTING: &[Row] = &[
    ("mount:EBUSY", "", "it is mounted already"),
    ("mount", "mqueue", "a kernel may lack it"),
    ("mount", "cgroup2", "a kernel may lack it"),
    ("mount", "securityfs", "a kernel may lack it"),
    ("mount", "pstore", "a kernel may lack it"),
    ("mount", "efivarfs", "a kernel may lack it"),
    ("mount", "/tmp", "it can be written as it is"),
    ("faccessat", "/tmp", "the same"),
    ("socket bind", "", "a kernel without a network"),
    (
        "openat statx",
        "",
        "what may be a mount point and cannot be looked at is mounted; an optional file is left",
    ),
    ("newfstatat", "", "two filesystems are taken to be two"),
    ("mknodat symlinkat", "", "a node that nobody may want; who does says so"),
    ("readlinkat faccessat access", "/sys/", "a device that nobody may want"),
    ("dup3", "", "without a console there is nobody to tell"),
    ("signalfd4", "", "signals are taken after the wait"),
    ("getdents64 statfs fstat", "", "what cannot be listed is not looked at"),
    ("setsid setpgid", "", "leads none then"),
    ("mkdirat umount2 chdir pivot_root", "", "the mount or the way after it says so"),
];

/// What a boot may say instead of a call: what that call was to find out.
const OF_BOOTING_WORDS: &[&str] = &[
    "fchown: ",
    "write: ",
    "/proc/self/mountinfo: ",
    "cannot be executed",
    "is no directory",
    "cannot follow",
    "/dev: mount: ENOENT",
];

const BOOTS: &[Scene] = &[
    Scene {
        name: "boot of a machine",
        under: PREPARE,
        options: &["-n", "-l3", "-R/run/root"],
        words: "/sbin/init",
        console: "%D/console.%W",
        tolerated: OF_BOOTING,
        words_of_refusals: OF_BOOTING_WORDS,
        goes_on: true,
        ..Scene::PLAIN
    },
    Scene {
        name: "boot of a container",
        under: PREPARE,
        options: &["-l3", "-R/run/root"],
        words: "/sbin/init",
        tolerated: OF_BOOTING,
        words_of_refusals: OF_BOOTING_WORDS,
        goes_on: true,
        ..Scene::PLAIN
    },
    Scene {
        name: "from an initramfs",
        under: PREPARE,
        options: &["-n", "-i", "-l3", "-R/run/root"],
        words: "/sbin/init",
        setup: "mkdir /run/is-initramfs",
        console: "%D/console.%W",
        tolerated: OF_BOOTING,
        words_of_refusals: OF_BOOTING_WORDS,
        goes_on: true,
        ..Scene::PLAIN
    },
    Scene {
        name: "switch_root",
        under: PREPARE,
        options: &["-l3", "-R/run/root"],
        words: "/sbin/switch_root /sysroot /bin/echo switched",
        tolerated: OF_BOOTING,
        words_of_refusals: OF_BOOTING_WORDS,
        goes_on: true,
        ..Scene::PLAIN
    },
];

const OF_INIT: &[Row] = &[
    ("openat", ".", "a directory that cannot be held is not left"),
    ("chdir", "/", "the same"),
    ("close_range", "", "they are closed one by one then"),
    ("setpgid setsid", "", "the group is the caller's then"),
];

const INITS: &[Scene] = &[
    Scene {
        name: "init",
        under: "unshare --pid --",
        tolerated: OF_INIT,
        words_of_refusals: &["/bin/sh: "],
        words: "init -- /bin/sh -c cat~/proc/self/limits;(sleep~0.01~&)",
        ..Scene::PLAIN
    },
    Scene {
        name: "init with options",
        under: "unshare --pid --",
        tolerated: OF_INIT,
        words_of_refusals: &["/bin/sh: "],
        words: "init --all --grace 100ms --kill-after 1s --oom-score-adj 5 --session --delay TERM=1ms -- \
            /bin/sh -c cat~/proc/self/limits;(sleep~0.3~&)",
        ..Scene::PLAIN
    },
];

fn try_all(t: &Case, scenes: &[Scene], at_most: usize) {
    let injector = Injector::new(t);
    let mut failed = Vec::new();
    let only = std::env::var("ROOTLET_SCENE").ok();
    for scene in scenes.iter().filter(|scene| only.as_ref().is_none_or(|only| only == scene.name)) {
        for kill in [false, true] {
            // tests/detach.rs kills those, with the next command after each.
            if kill && scene.name == "run in the background" {
                continue;
            }
            failed.extend(try_faults(t, scene, &injector, kill, at_most));
        }
    }
    assert!(failed.is_empty(), "{} of them:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn faults_of_run() {
    let t = case!("-", "cc", "nsenter", "tar");
    make_ready(&t);
    try_all(&t, RUNS, 16);
}

#[test]
fn faults_of_exec() {
    let t = case!("-", "cc", "nsenter");
    try_all(&t, ENTERING, 20);
}

#[test]
fn faults_of_init() {
    let t = case!("-", "cc", "nsenter");
    try_all(&t, INITS, 20);
}

#[test]
fn faults_of_boot() {
    let t = case!("-", "cc", "nsenter");
    make_tiny_root(&t);
    try_all(&t, BOOTS, 16);
}

/// A root of a few files, and the script that copies it into memory.
fn make_tiny_root(t: &Case) {
    let script = r#"set -e; D=$1 W=$2; shift 2; R=/run/root
mkdir -p $R; mount -t tmpfs -o mode=755 root $R; cp -a $D/tiny/. $R
mount -t tmpfs -o mode=755 dev $R/dev; : > $D/console.$W; touch $R/dev/console; mount --bind $D/console.$W $R/dev/console
mount -t tmpfs -o mode=755 new $R/sysroot; cp -a $D/tiny/bin $R/sysroot
if [ -d /run/is-initramfs ]; then umount $R/sysroot; echo "root=tmpfs init=/bin/true" > $R/kernel-line; fi
exec unshare --pid -- "$@"
"#;
    t.file("prepare", script);
    for folder in ["bin", "sbin", "etc", "dev", "proc", "sys", "run", "tmp", "sysroot"] {
        t.folder(&format!("tiny/{folder}"));
    }
    for name in ["init", "switch_root"] {
        fs::copy(support::bin(), t.path("tiny/sbin").join(name)).unwrap();
    }
    fs::copy(t.rootfs().join("bin/busybox"), t.path("tiny/bin/busybox")).unwrap();
    for name in ["sh", "echo", "kill", "true"] {
        std::os::unix::fs::symlink("busybox", t.path("tiny/bin").join(name)).unwrap();
    }
    let inittab = "::sysinit:/bin/sh -c \"echo it is up\"\n::once:/bin/kill -USR2 1\n";
    t.file("tiny/etc/inittab", inittab);
    t.file("tiny/etc/hostname", "tiny\n");
    t.file("tiny/kernel-line", "quiet\n");
    t.file("tiny/initial-mounts", "1 1 0:2 / / rw - rootfs rootfs rw\n");
}

/// What the scenes of `run` have beside the rootfs.
fn make_ready(t: &Case) {
    open_to_user(t);
    t.folder("data");
    let lower = t.folder("lower");
    fs::write(lower.join("of-lower"), "").unwrap();
    let small = t.folder("small");
    fs::copy(support::bin(), small.join("rootlet")).unwrap();
    for folder in ["proc", "sys", "dev"] {
        fs::create_dir(small.join(folder)).unwrap();
    }
    let archive = t.path("small.tar.gz");
    host("tar", &["-C", small.to_str().unwrap(), "-czf", archive.to_str().unwrap(), "."]);
    for worker in 0..3 {
        let runtime = t.folder(&format!("runtime-{worker}"));
        std::os::unix::fs::chown(&runtime, Some(4242), Some(4242)).unwrap();
    }
    // The user writes the injector's log there.
    fs::set_permissions(t.dir(), fs::Permissions::from_mode(0o777)).unwrap();
}
