//! Ways out of a container that its privileges close.
//!
//! That is: its filter, its keyring, what is hidden, and rootlet's file being read-only. As in tests/escape.rs each is
//! first shown to work where what stops it is lacking.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use support::escapes::{
    CONSOLE, End, Holds, Setting, all_failed, all_worked, build_escapes, is_rootlet, overwrite,
    settings, typed,
};
use support::user::copy_of_rootlet;
use support::{Rootlet, Trace, case};

/// Keys pushed into the caller's terminal without `-t`. If it worked, the caller's shell would execute them when rootlet
/// has ended.
#[test]
fn escape_by_typing_into_the_callers_terminal() {
    let t = case!("-", "cc", "bash");
    let escapes = build_escapes(&t);
    let attempt = ["tiocsti", "typed\n"];
    let bare = Rootlet::new(&escapes, t.dir()).opts(attempt);
    assert_eq!(typed(&t, bare), ["tiocsti works", "got typed"]);
    for setting in settings(Holds::WithoutPrivileges) {
        let run = setting.run(&t).cmd(["/bin/escapes"]).cmd(attempt);
        let seen = typed(&t, run);
        assert!(
            seen.last().unwrap() == "got" && seen[0] != "tiocsti works",
            "{setting:?}: {seen:?}"
        );
    }
}

/// The calls of a virtual console: of one that CMD was given as standard input and that is not its session's, and of the
/// one that is. If they worked, CMD could paste a selection, which the shell on that console would execute (since Linux
/// 6.7 only with SYS_ADMIN).
#[test]
fn escape_by_pasting_into_a_console() {
    let t = case!("-", "cc", "bash", "setsid");
    let escapes = build_escapes(&t);
    if !Path::new(CONSOLE).exists() {
        return t.skip("no virtual consoles", "-");
    }
    for session in ["", "setsid --ctty --wait"] {
        let under = format!("exec {session} \"$0\" \"$@\" < $CONSOLE");
        let under = ["bash", "-c", &under];
        let bare = Rootlet::new(&escapes, t.dir()).opt("tioclinux").under(under);
        all_worked(&bare.env("CONSOLE", CONSOLE).output());
        for setting in settings(Holds::WithoutPrivileges) {
            let run = setting.run(&t).cmd(["/bin/escapes", "tioclinux"]).under(under);
            all_failed(&run.env("CONSOLE", CONSOLE).output(), setting);
        }
    }
}

/// System calls by the two other tables of x86_64, where the numbers are others. If it worked, a filter would let pass
/// by one table what it forbids by another.
#[test]
fn escape_by_the_other_tables_of_system_calls() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    let on_host = ["i386", "x32"].map(|table| Rootlet::new(&escapes, t.dir()).opt(table).output());
    // A kernel may lack one of them.
    assert!(on_host.iter().any(|run| run.ok().ends_with(" works\n")), "{on_host:?}");
    for setting in settings(Holds::WithoutPrivileges) {
        for table in ["i386", "x32"] {
            all_failed(&setting.run(&t).cmd(["/bin/escapes", table]).output(), setting);
        }
    }
}

/// A user namespace, by each call that makes one. If it worked, CMD would have every capability over new namespaces, and
/// with them all of the kernel that only root reaches.
#[test]
fn escape_by_a_user_namespace() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    all_worked(&Rootlet::new(&escapes, t.dir()).opt("user-namespace").output());
    for setting in settings(Holds::WithoutPrivileges) {
        let users = if setting.has_other_users() { &["0", "1000:1000"][..] } else { &["0"] };
        for user in users {
            let run =
                setting.run(&t).opts(["--user", user]).cmd(["/bin/escapes", "user-namespace"]);
            all_failed(&run.output(), setting);
        }
    }
}

/// Words that make the caller somebody who has a key, and a run the reader of it.
fn key_of(keyring: &str) -> (String, [String; 4]) {
    let name = format!("rootlet-test-{}-{keyring}", std::process::id());
    let reader = ["/bin/escapes", "key", keyring, &name].map(str::to_owned);
    (name, reader)
}

/// A key on the session keyring of the caller, which processes inherit. If it worked, CMD could read it.
#[test]
fn escape_to_the_callers_session_keyring() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    let (name, reader) = key_of("session");
    let owner = [escapes.to_str().unwrap(), "with-key", "session", &name];
    all_worked(&Rootlet::new(&escapes, t.dir()).opts(&reader[1..]).under(owner).output());
    for setting in settings(Holds::Always) {
        all_failed(&setting.run(&t).cmd(&reader).under(owner).output(), setting);
    }
}

/// A key on the keyring of user 0 of the host, which user 0 of a container shares where there is no user namespace. If it
/// worked, CMD could read it.
#[test]
fn escape_to_the_users_keyring() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    let (name, reader) = key_of("user");
    let owner = [escapes.to_str().unwrap(), "with-key", "user", &name];
    all_worked(&Rootlet::new(&escapes, t.dir()).opts(&reader[1..]).under(owner).output());
    for setting in settings(Holds::WithoutPrivileges) {
        all_failed(&setting.run(&t).cmd(&reader).under(owner).output(), setting);
    }
}

/// Files that make the kernel of the host do something when they are written.
const WRITTEN: &[&str] = &[
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hotplug",
    "/proc/sys/kernel/panic",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/fs/file-max",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/proc/acpi/wakeup",
];

/// Files that tell of the host and of other containers.
const READ: &[&str] = &[
    "/proc/kcore",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/latency_stats",
    "/proc/interrupts",
    "/proc/scsi/scsi",
];

/// Files of /proc that belong to the host, such as core_pattern and sysrq-trigger. If it worked, CMD could have the host
/// execute a program of its own, or could see what others do.
#[test]
fn escape_by_files_of_the_kernel() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    for (mode, paths) in [("w", WRITTEN), ("r", READ)] {
        // Nothing is written: who could open it could write. What this kernel does not have is left out.
        let on_host = Rootlet::new(&escapes, t.dir()).opts(["open", mode]).opts(paths).output();
        let there: Vec<&str> =
            on_host.ok().lines().filter_map(|line| line.strip_suffix(" works")).collect();
        assert!(!there.is_empty(), "{on_host:?}");
        for setting in settings(Holds::WithoutPrivileges) {
            for path in &there {
                let run = setting.run(&t).cmd(["/bin/escapes", "open", mode, path]).output();
                // A masked file may be empty instead of closed.
                let empty =
                    mode == "r" && setting.run(&t).cmd(["cat", path]).output().stdout.is_empty();
                if !empty {
                    all_failed(&run, setting);
                }
            }
        }
    }
}

/// The overwriting of tests/escape.rs when the supervisor is killed: then PID 1 and CMD, which run rootlet, let go of the
/// binary while others are not dead yet. If it worked, the host's binary would be overwritten.
#[test]
fn escape_by_overwriting_rootlet_when_its_supervisor_is_killed() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let copy = copy_of_rootlet(&t, "bin");
    for setting in settings(Holds::Always) {
        for options in [&[][..], &["--no-init"]] {
            // On two processors one of ten succeeds by default, and every other one without an init.
            for round in 0..40 {
                overwrite(&t, setting, &copy, options, End::Supervisor);
                assert!(is_rootlet(&copy), "{setting:?} {options:?} round {round}");
            }
        }
    }
}

/// Owner, mode, times and capabilities of rootlet's binary, by /proc/PID/exe of a rootlet that runs as a command: they
/// can be changed while it runs. If it worked, everybody could write to the host's binary, or would be root by it.
#[test]
fn escape_by_changing_the_mode_of_rootlet() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    let state = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.uid(), meta.gid(), meta.mode(), meta.mtime())
    };
    let victim = copy_of_rootlet(&t, "victim");
    let words = ["init", "sh", "-c", "$0 exe-change $PPID", escapes.to_str().unwrap()];
    let changed = "utimens works\nchown works\nchmod works\nsetxattr works\n";
    assert_eq!(Rootlet::new(&victim, t.dir()).opts(words).output().ok(), changed);
    assert_eq!(state(&victim), (1000, 1000, 0o106_777, 1));
    let bin = copy_of_rootlet(&t, "bin");
    let before = state(&bin);
    let attack = "for pid in $PPID 1; do escapes exe-change $pid; done; echo tried";
    for setting in settings(Holds::Always) {
        let run = setting.run_as(&t, &bin).cmd(["/proc/self/exe", "init", "sh", "-c", attack]);
        let run = run.output();
        assert!(run.ok().ends_with("tried\n"));
        assert_eq!(state(&bin), before, "{setting:?}: {}", run.stdout);
    }
}

/// Nodes of devices in place of the rootfs's /etc/passwd and /etc/group, left there by a container before. If it worked,
/// rootlet would open the device on the host, which is enough to start a watchdog or to wind a tape.
#[test]
fn escape_by_devices_in_place_of_users() {
    let t = case!("-", "strace");
    let tables = ["passwd", "group"];
    let opened = |setting: &Setting, table: &str| {
        let run = setting.run(&t).opts(["--user", "root"]).cmd(["true"]);
        // With the file's name behind the descriptor: it may be opened by another name.
        let (_, trace) = Trace::of(run, t.path("log"), &["-y", "-e", "trace=openat,openat2"]);
        let file = format!("{}/etc/{table}>", t.rootfs().display());
        let calls = trace.calls.iter().filter(|call| call.text.contains(&file));
        calls.filter(|call| call.worked() && !call.text.contains("O_PATH")).count()
    };
    for setting in settings(Holds::Always) {
        for table in tables {
            assert!(opened(setting, table) > 0, "a regular {table} is opened");
        }
        for table in tables {
            let replace = format!("cd /etc; mv {table} kept; mknod {table} c 1 3");
            // Whoever has no user namespace can make it.
            assert_eq!(t.inside(&[], &replace), "");
            assert_eq!(opened(setting, table), 0, "{setting:?} {table}");
            let restore = format!("cd /etc; mv kept {table}");
            assert_eq!(t.inside(&[], &restore), "");
        }
    }
}
