//! Each system call of a run made to fail, and rootlet killed at each.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use support::{ALONE, Case, Host, Outcome, Trace, case};

/// Calls whose failure does not end a run, and why.
const TOLERATED: &[(&str, &str)] = &[
    ("kill", "what was to be killed may have ended by itself"),
    ("pidfd_send_signal", "what was to be signalled may have ended by itself"),
    ("unlinkat", "the run is over, the record is only litter then"),
    ("ioctl", "asks for a terminal that need not be there"),
    ("rt_sigtimedwait", "waits again"),
    ("ppoll", "waits again"),
    ("read", "of the signals; what is not taken is there at the next wait"),
    ("recvmsg", "after the start only stops come over the link"),
    ("umask", "cannot fail"),
    ("madvise", "pages of the stack that are not given back stay"),
];

/// Calls whose failure is tolerated at one place.
const TOLERATED_ONCE: &[(&str, usize, &str)] = &[
    ("open_tree", 1, "where its mount cannot be copied, rootlet's file is copied itself"),
    ("capset", 1, "with EPERM it is asked what can be kept, and that is set"),
];

/// Calls whose failure is no step's, known by a part of their text.
const HARMLESS: &[(&str, &str)] = &[
    ("PR_SET_NAME", "the name of a process, for people"),
    ("\"/run/rootlet/.mounts\"", "where it cannot be told, nothing has been prepared"),
    ("\"/dev/tty\"", "where it cannot be told, the caller may have a terminal"),
];

/// Calls that are made once or twice, as the end of the link and of the container come together or apart.
const AS_TIME_WILL_HAVE_IT: [&str; 3] = ["ppoll", "read", "recvmsg"];

/// Calls that cannot be made to fail in a way that means anything.
const UNTOUCHED: &[(&str, &str)] = &[
    (
        "close",
        "strace does not make a call that it lets fail, while the kernel's close always closes",
    ),
    ("wait4", "called with WNOHANG after SIGCHLD: it cannot fail for an own child"),
    ("exit", "does not return"),
    ("exit_group", "does not return"),
    ("write", "the error itself could not be reported"),
    (
        "execve",
        "strace counts the start of rootlet too; tests/cli.rs has commands that cannot be executed",
    ),
    ("geteuid", "cannot fail"),
    ("rt_sigprocmask", "cannot fail with a valid set"),
    ("rt_sigaction", "cannot fail with a valid signal"),
    ("uname", "cannot fail with a valid buffer"),
    ("rt_sigreturn", "returns to where a signal came"),
    ("restart_syscall", "made by the kernel"),
];

/// One fault: the `nth` call of that name in each process.
#[derive(Clone, Debug)]
struct Fault {
    name: String,
    nth: usize,
    text: String,
}

/// A command that does nothing at all: rootlet itself, as nothing else makes so few calls.
fn default_run(t: &Case) -> support::Rootlet {
    t.run().cmd(["/bin/rootlet", "--version"])
}

/// Rootlet's own calls in a default run, each as a fault; those at the same place of two processes are one.
fn faults(t: &Case, keep: impl Fn(&Trace, u32) -> bool) -> Vec<Fault> {
    support::copy_program(&support::bin(), &t.rootfs().join("bin/rootlet"));
    let (outcome, trace) = Trace::of(default_run(t), t.path("clean"), &[]);
    assert_eq!(outcome.ok(), "rootlet 0.1.0\n");
    let mut found: BTreeMap<(String, usize), Fault> = BTreeMap::new();
    for pid in trace.processes().into_iter().filter(|&pid| keep(&trace, pid)) {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for call in trace.own(pid) {
            let nth = count.entry(call.name.clone()).or_default();
            *nth += 1;
            let fault = Fault { name: call.name.clone(), nth: *nth, text: call.text };
            found.entry((call.name, *nth)).or_insert(fault);
        }
    }
    let touched = |fault: &Fault| !UNTOUCHED.iter().any(|(name, _)| *name == fault.name);
    let faults: Vec<Fault> = found.into_values().filter(touched).collect();
    assert!(faults.len() > 5, "a run has more calls than {faults:?}");
    faults
}

/// Does `work` for each item, on three threads: strace mostly waits.
fn in_parallel<T: Send + Clone>(items: Vec<T>, work: impl Fn(T) + Sync) {
    let queue = Mutex::new(items.into_iter());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    match next {
                        Some(item) => work(item),
                        None => return,
                    }
                }
            });
        }
    });
}

fn inject(t: &Case, fault: &Fault, how: &str, follow: &[&str]) -> Outcome {
    let log = t.path(&format!("{}.{}", fault.name, fault.nth));
    let rule = format!("inject={}:{how}:when={}", fault.name, fault.nth);
    let options = [follow, &["-e", &rule]].concat();
    default_run(t).under(Trace::prefix(&log, &options)).under(ALONE).output()
}

/// What is wrong with a run in which one call failed; nothing is the aim.
fn complaint(fault: &Fault, outcome: &Outcome) -> Option<String> {
    let once = |row: &(&str, usize, &str)| row.0 == fault.name && row.1 == fault.nth;
    let tolerated = TOLERATED.iter().any(|(name, _)| *name == fault.name)
        || TOLERATED_ONCE.iter().any(once)
        || HARMLESS.iter().any(|(part, _)| fault.text.contains(part));
    let (code, lines) = (outcome.status.code(), outcome.stderr.lines().count());
    if code == Some(0) {
        // What is tolerated changes nothing for the command.
        let whole = tolerated && outcome.stdout == "rootlet 0.1.0\n";
        return (!whole).then(|| format!("ended with 0 and {:?}", outcome.stdout));
    }
    let worded = outcome.stderr.starts_with("rootlet: ")
        && outcome.stderr.contains("EPERM (Operation not permitted)");
    if lines != 1 || !worded {
        return Some(format!("not one line with the errno: {:?}", outcome.stderr));
    }
    if !outcome.stderr.contains(&fault.name) {
        return Some(format!("the call is not named: {:?}", outcome.stderr));
    }
    (!matches!(code, Some(125 | 126))).then(|| format!("exit code {code:?}"))
}

#[test]
fn every_failing_call_ends_the_run_and_leaves_nothing() {
    let t = case!("-", "strace");
    let before = Host::now();
    let complaints = Mutex::new(Vec::new());
    let faults = faults(&t, |_, _| true);
    println!("measured: {} calls made to fail", faults.len());
    in_parallel(faults, |fault| {
        let outcome = inject(&t, &fault, "error=EPERM", &["-f"]);
        if let Some(what) = complaint(&fault, &outcome) {
            complaints
                .lock()
                .unwrap()
                .push(format!("{} #{}: {what}\n    {}", fault.name, fault.nth, fault.text));
        }
        if outcome.elapsed > Duration::from_secs(5) {
            complaints.lock().unwrap().push(format!("{fault:?}: took {:?}", outcome.elapsed));
        }
    });
    before.unchanged(&t, "after all faults");
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{} of them:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn a_supervisor_killed_at_any_call_leaves_nothing() {
    let t = case!("-", "strace");
    let before = Host::now();
    let faults = faults(&t, |trace, pid| trace.processes()[0] == pid);
    in_parallel(faults, |fault| {
        // Without -f only the supervisor is traced, so the container has to notice by itself.
        let outcome = inject(&t, &fault, "signal=KILL", &[]);
        let killed = std::os::unix::process::ExitStatusExt::signal(&outcome.status) == Some(9);
        let missed =
            AS_TIME_WILL_HAVE_IT.contains(&fault.name.as_str()) && outcome.status.success();
        assert!(killed || missed || outcome.status.code() == Some(137), "{fault:?}: {outcome:?}");
    });
    before.unchanged(&t, "a supervisor killed at each of its calls");
}

#[test]
fn a_container_killed_at_any_call_is_reported() {
    let t = case!("-", "strace");
    let before = Host::now();
    let faults = faults(&t, |trace, pid| trace.processes()[0] != pid);
    // A name that the supervisor calls as often would kill that one instead.
    let supervisors = self::faults(&t, |trace, pid| trace.processes()[0] == pid);
    let only =
        |fault: &Fault| !supervisors.iter().any(|s| s.name == fault.name && s.nth >= fault.nth);
    let faults: Vec<Fault> = faults.into_iter().filter(only).collect();
    assert!(faults.len() > 20, "{faults:?}");
    in_parallel(faults, |fault| {
        let outcome = inject(&t, &fault, "signal=KILL", &["-f"]);
        let code = outcome.status.code();
        assert!(matches!(code, Some(125 | 137)), "{fault:?}: {outcome:?}");
        assert!(outcome.stderr.lines().count() <= 1, "{fault:?}: {outcome:?}");
    });
    before.unchanged(&t, "a container killed at each of its calls");
}

#[test]
fn a_failing_step_with_every_option_leaves_nothing() {
    let t = case!("-", "strace");
    let before = Host::now();
    let data = t.folder("data");
    let volume = format!("{}:/data:ro,rslave", data.display());
    let pid_file = |run: &str| t.path(&format!("pid.{run}"));
    // Steps that a default run does not have, each failing by itself; the call is looked up in a clean run.
    let options = |run: support::Rootlet, name: &str| {
        run.opts([
            "-v",
            &volume,
            "--tmpfs",
            "/tmp/scratch",
            "--domainname",
            "d",
            "--user",
            "1000:1000",
        ])
        .opts(["--workdir", "/etc", "--read-only", "--dns", "10.0.0.53", "--pid-file"])
        .opt(pid_file(name))
        .cmd(["/bin/true"])
    };
    fs::create_dir_all(t.rootfs().join("data")).unwrap();
    fs::create_dir_all(t.rootfs().join("tmp/scratch")).unwrap();
    fs::write(t.rootfs().join("etc/resolv.conf"), "").unwrap();
    let (outcome, trace) = Trace::of(options(t.run(), "clean"), t.path("clean"), &[]);
    outcome.ok();
    let names = [
        "mount_setattr",
        "open_tree",
        "move_mount",
        "fsmount",
        "setdomainname",
        "setresuid",
        "setresgid",
        "setgroups",
        "capset",
        "chdir",
        "fchdir",
    ];
    each_fails(&t, &trace, &names, ("ENOSPC", "No space left on device"), &options);
    for entry in fs::read_dir(t.dir()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_string_lossy().starts_with("pid."), "the pid file {name:?} stays");
    }
    before.unchanged(&t, "after all faults");
}

#[test]
fn a_failing_step_of_users_and_privileges_leaves_nothing() {
    let t = case!("-", "strace");
    let before = Host::now();
    let options = |run: support::Rootlet, _: &str| {
        run.opts(["--userns", "new", "--disable-userns", "--user", "1000:1000"])
            .opts(["--cap-add", "NET_ADMIN", "--ulimit", "nofile=64", "--oom-score-adj", "5"])
            .opts(["--device", "/dev/full:/dev/other", "--landlock", "ro:/"])
            .cmd(["/bin/true"])
    };
    let (outcome, trace) = Trace::of(options(t.run(), "clean"), t.path("clean"), &[]);
    outcome.ok();
    let names = [
        "statfs",
        "openat",
        "prlimit64",
        "setgroups",
        "setresgid",
        "setresuid",
        "keyctl",
        "prctl",
        "capset",
        "seccomp",
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
    ];
    each_fails(&t, &trace, &names, ("ENOMEM", "Cannot allocate memory"), &options);
    before.unchanged(&t, "after all faults");
}

/// Has each call of these names fail by itself, in each process of a run: one line with the call and the errno, 125.
fn each_fails(
    t: &Case,
    clean: &Trace,
    names: &[&str],
    (errno, words): (&str, &str),
    options: &(dyn Fn(support::Rootlet, &str) -> support::Rootlet + Sync),
) {
    let mut rows = Vec::new();
    for &name in names {
        let of = |pid: &u32| clean.own(*pid).iter().filter(|call| call.name == name).count();
        let most = clean.processes().iter().map(of).max().unwrap_or(0);
        assert!(most > 0, "there is no {name}");
        rows.extend((1..=most).map(|nth| (name, nth)));
    }
    in_parallel(rows, |(name, nth)| {
        let rule = format!("inject={name}:error={errno}:when={nth}");
        let log = t.path(&format!("{name}.{nth}"));
        let run = options(t.run(), &format!("{name}.{nth}"))
            .under(Trace::prefix(&log, &["-f", "-e", &rule]))
            .under(ALONE)
            .output();
        let injected = fs::read_to_string(&log).unwrap();
        let mut injected = injected.lines().filter(|line| line.contains("INJECTED"));
        let is_harmless = |line: &str| HARMLESS.iter().any(|(part, _)| line.contains(part));
        let harmless = run.code() == 0 && injected.any(is_harmless);
        if !harmless {
            assert!(run.code() == 125, "{name} {nth}: {run:?}");
            run.complains(&[name, &format!("{errno} ({words})")]);
        }
    });
}

#[test]
fn an_interrupted_wait_goes_on() {
    let t = case!("-", "strace");
    // These end with EINTR when a debugger stops and continues the process, others are begun again by the kernel: the
    // supervisor's and, where strace follows, that of the container's PID 1.
    for (name, follow) in [("ppoll", &[][..]), ("rt_sigtimedwait", &["-f"])] {
        let rule = format!("inject={name}:error=EINTR:when=1");
        let log = t.path(name);
        let options = [follow, &["-e", &rule]].concat();
        let run = t.run().sh("sleep 0.05; exit 7").under(Trace::prefix(&log, &options)).output();
        run.ends(7);
        let calls = fs::read_to_string(&log).unwrap();
        assert!(calls.contains("(INJECTED)"), "{name} is not called: {calls}");
    }
}
