//! `--explain` says what is done and does nothing; `--trace` does both.

mod support;

use std::collections::BTreeSet;

use support::{Case, Host, Trace, case};

/// Calls that change something for the container; all of them must be explained.
const ACTING: &[&str] = &[
    "clone3",
    "setns",
    "unshare",
    "open_tree",
    "open_tree_attr",
    "fsopen",
    "fsmount",
    "move_mount",
    "mount_setattr",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "mkdirat",
    "mkdir",
    "mknodat",
    "symlinkat",
    "symlink",
    "linkat",
    "sethostname",
    "setdomainname",
    "setgroups",
    "setresgid",
    "setresuid",
    "setuid",
    "setgid",
    "capset",
    "keyctl",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "prlimit64",
    "seccomp",
    "setsid",
    "execve",
    "execveat",
];

/// One line of an explanation.
#[derive(Debug)]
struct Line {
    stage: String,
    what: String,
    calls: Vec<String>,
    /// Those in parentheses are made together, where there is something to be made; the number is the line's.
    optional: Vec<Option<usize>>,
    shell: String,
}

fn explained(t: &Case, options: &[&str]) -> Vec<Line> {
    let run = t.run().opts(options).opt("--explain").cmd(["/bin/true"]).output();
    // A remark at the end is no step.
    run.ok().lines().filter(|text| !text.starts_with("note: ")).map(line).collect()
}

/// `STAGE N  what is done  | system calls in order  | nearest shell command`
fn line(text: &str) -> Line {
    let columns: Vec<&str> = text.split('|').map(str::trim).collect();
    let &[head, calls, shell] = &columns[..] else { panic!("not three columns: {text}") };
    let (stage, rest) = head.split_once(' ').unwrap_or_else(|| panic!("no stage: {text}"));
    let (number, what) =
        rest.trim_start().split_once(' ').unwrap_or_else(|| panic!("no number: {text}"));
    assert!(number.parse::<u32>().is_ok(), "no number: {text}");
    let mut line = Line {
        stage: stage.into(),
        what: what.trim().into(),
        calls: Vec::new(),
        optional: Vec::new(),
        shell: shell.into(),
    };
    let mut depth = 0;
    for word in calls.split_whitespace() {
        depth += word.matches('(').count();
        line.calls.push(word.trim_matches(['(', ')']).to_owned());
        line.optional.push((depth > 0).then(|| number.parse().unwrap()));
        depth -= word.matches(')').count();
    }
    line
}

/// Whether the calls of the lines are those that were made, which may lack whole groups of optional ones.
fn is_what_was_done(said: &[(&str, Option<usize>)], done: &[String]) -> bool {
    let Some((_, group)) = said.first() else { return done.is_empty() };
    // A call that must be made is a group of its own.
    let length = group.map_or(1, |_| said.iter().take_while(|(_, other)| other == group).count());
    let (names, rest) = said.split_at(length);
    let made = names.iter().map(|(name, _)| *name).eq(done.iter().take(length).map(String::as_str));
    made && is_what_was_done(rest, &done[length..])
        || group.is_some() && is_what_was_done(rest, done)
}

#[test]
fn lines_are_readable_and_in_stages() {
    let t = case!("-");
    let lines = explained(&t, &[]);
    let mut stages: Vec<&str> = lines.iter().map(|line| line.stage.as_str()).collect();
    stages.dedup();
    assert_eq!(stages, ["supervisor", "init", "program"]);
    for line in &lines {
        assert!(!line.what.is_empty() && !line.calls.is_empty(), "{line:?}");
    }
    let pivot =
        lines.iter().find(|line| line.calls.iter().any(|call| call == "pivot_root")).unwrap();
    assert!(pivot.shell.contains("pivot_root . ."), "{pivot:?}");
    let with_shell = lines.iter().filter(|line| line.shell.len() > 1).count();
    assert!(with_shell * 2 > lines.len(), "a shell command for most of {lines:#?}");
}

#[test]
fn the_explained_calls_are_the_executed_ones_in_order() {
    let t = case!("-", "strace");
    let data = t.folder("data");
    let volume = format!("{}:/data:ro", data.display());
    // Where the hierarchies are those of v1; a virtual machine has the other.
    let is_v1 = std::path::Path::new("/sys/fs/cgroup/memory").exists();
    let limits = ["--memory", "64m", "--cpuset-cpus", "0", "--pids-limit", "99"];
    let [upper, work, layer] =
        ["upper", "work", "layer"].map(|name| t.folder(name).to_str().unwrap().to_owned());
    let rows: &[&[&str]] = &[
        &[],
        if is_v1 { &limits } else { &[] },
        &["--read-only", "--hostname", "box", "--domainname", "example"],
        &["--volume", &volume, "--tmpfs", "/scratch:size=1m,ro"],
        &["--user", "1000:1000", "--workdir", "/etc"],
        &["--network", "host", "--ipc", "host", "--uts", "host"],
        &["--no-pivot"],
        &["--overlay", "--read-only", "--storage-opt", "size=8m"],
        &["--overlay", "--userns", "new"],
        &["--upper", &upper, "--work", &work, "--rootfs", &layer],
        &["--propagation", "private"],
        &["--cap-drop", "ALL"],
        &["--privileged"],
        &["--user", "1000", "--cap-add", "NET_ADMIN"],
        &["--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges=false"],
        &["--security-opt", "no-new-privileges=false"],
        &["--userns", "new", "--rootfs-idmap", "--ulimit", "nofile=64", "--oom-score-adj", "1"],
        &[
            "--device",
            "/dev/full:/dev/other",
            "--landlock",
            "ro:/",
            "--disable-userns",
            "--userns",
            "new",
        ],
        &["--no-init"],
    ];
    for (number, options) in rows.iter().enumerate() {
        // Before the run: a mount point that is still missing is part of what is explained.
        let lines = explained(&t, options);
        let run = t.run().opts(*options).cmd(["/bin/true"]);
        let (outcome, trace) = Trace::of(run, t.path(&format!("log{number}")), &[]);
        outcome.ok();
        let processes = trace.processes();
        let stages = if options.contains(&"--no-init") {
            &["supervisor", "init"][..]
        } else {
            &["supervisor", "init", "program"]
        };
        assert!(processes.len() >= stages.len(), "{options:?}: {processes:?}");
        for (stage, &pid) in stages.iter().zip(&processes) {
            let own = trace.own(pid);
            let names = own.iter().map(|call| call.name.clone());
            let done: Vec<String> = names.filter(|name| ACTING.contains(&name.as_str())).collect();
            let said = lines.iter().filter(|line| {
                line.stage == *stage
                    || (stages.len() == 2 && *stage == "init" && line.stage == "program")
            });
            let said: Vec<(&str, Option<usize>)> = said
                .flat_map(|line| line.calls.iter().zip(&line.optional))
                .map(|(name, optional)| (name.as_str(), *optional))
                .filter(|(name, _)| ACTING.contains(name))
                .collect();
            assert!(is_what_was_done(&said, &done), "{stage} with {options:?}: {said:?} {done:?}");
        }
    }
}

#[test]
fn every_explained_call_is_made() {
    let t = case!("-", "strace");
    let lines = explained(&t, &[]);
    let (outcome, trace) = Trace::of(t.run().cmd(["/bin/true"]), t.path("log"), &[]);
    outcome.ok();
    let processes = trace.processes();
    assert!(processes.len() >= 3, "{processes:?}");
    for (stage, pid) in ["supervisor", "init", "program"].iter().zip(processes) {
        let own = trace.own(pid);
        let mut done = own.iter().map(|call| call.name.as_str());
        for line in lines.iter().filter(|line| line.stage == *stage) {
            let made = line.calls.iter().zip(&line.optional).filter(|(_, group)| group.is_none());
            for (call, _) in made {
                // Each is looked for behind the one before: the order is part of it.
                assert!(done.any(|name| name == call), "{call} of {line:?} is not made there");
            }
        }
    }
}

#[test]
fn explaining_does_nothing() {
    let t = case!("-", "strace");
    let before = Host::now();
    let data = t.folder("data");
    let volume = format!("{}:/missing/point", data.display());
    let pid_file = t.path("pid");
    let run = t
        .run()
        .opts(["--explain", "-v", &volume, "--tmpfs", "/also/missing", "--pid-file"])
        .opt(&pid_file);
    let (outcome, trace) = Trace::of(run.cmd(["/bin/sh", "-c", "touch /ran"]), t.path("log"), &[]);
    assert!(outcome.ok().contains("/missing/point"), "{outcome:?}");
    assert_eq!(trace.processes().len(), 1);
    for call in &trace.own(trace.processes()[0]) {
        assert!(!ACTING.contains(&call.name.as_str()), "{}", call.text);
        assert!(!call.text.contains("O_CREAT") && !call.text.contains("O_WRONLY"), "{}", call.text);
    }
    for made in ["missing", "also", "ran"] {
        assert!(!t.rootfs().join(made).exists(), "{made}");
    }
    assert!(!pid_file.exists());
    before.unchanged(&t, "an explanation");
}

#[test]
fn explaining_checks_as_running_does() {
    let t = case!("-");
    t.run()
        .opts(["--explain", "--user", "nosuchuser"])
        .cmd(["true"])
        .output()
        .refused(125, &["nosuchuser"]);
    t.run()
        .opts(["--explain", "-v", "/no/such/source:/mnt"])
        .cmd(["true"])
        .output()
        .refused(125, &["/no/such/source"]);
}

#[test]
fn explaining_says_when_there_is_nothing_to_follow() {
    let t = case!("-", "unshare");
    // The test's rootfs lies on whatever the host has; in a namespace of its own both cases are made.
    let script = "mount --bind $ROOT $ROOT; mount --make-private $ROOT; $BIN run --rootfs $ROOT --explain true
        echo ----; mount --make-shared $ROOT; $BIN run --rootfs $ROOT --explain true";
    let both = t.host_script(script);
    let (unshared, shared) = both.ok().split_once("----\n").unwrap();
    assert_ne!(unshared, shared, "nothing is said");
    assert!(unshared.contains("nothing to follow"), "{unshared}");
    assert!(!shared.contains("nothing to follow"), "{shared}");
}

#[test]
fn tracing_runs_and_gives_each_step_its_time() {
    let t = case!("-");
    let run = t.run().opts(["--trace", "--name", "NAME"]).sh("echo ran; exit 3").output();
    assert_eq!((run.code(), run.stdout.as_str()), (3, "ran\n"), "{run:?}");
    // `MICROSECONDS us  STAGE  what is done`
    let timed = run.stderr.lines().map(|line| -> (String, String) {
        let (time, rest) = line.split_once("us  ").unwrap_or_else(|| panic!("no time: {line}"));
        assert!(time.trim().parse::<u64>().is_ok(), "no time: {line}");
        let (stage, what) = rest.split_once(' ').unwrap_or_else(|| panic!("no stage: {line}"));
        (stage.to_owned(), what.trim().to_owned())
    });
    let timed: BTreeSet<(String, String)> = timed.collect();
    let explained = t.run().opts(["--explain", "--name", "NAME"]).sh("echo ran; exit 3").output();
    let lines = explained.ok().lines().filter(|text| !text.starts_with("note: "));
    // The last step of init lasts as long as the program.
    let steps = lines.map(line).filter(|line| !line.calls.iter().any(|call| call == "wait4"));
    let steps: BTreeSet<(String, String)> = steps.map(|line| (line.stage, line.what)).collect();
    assert_eq!(timed, steps);
}

#[test]
fn tracing_shows_the_step_that_fails() {
    let t = case!("-");
    let run =
        t.run().opts(["--trace", "--read-only", "--tmpfs", "/nowhere"]).cmd(["true"]).output();
    assert_eq!(run.code(), 125);
    let last = run.stderr.lines().last().unwrap();
    assert!(last.starts_with("rootlet: ") && last.contains("/nowhere"), "{run:?}");
}
