//! Containers in the background: start, what is kept of the caller, end.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use support::{
    Host, Running, Secluded, Terminal, Trace, await_true, case, kill, links, stat_field, state,
    status_field,
};

#[test]
fn the_caller_gets_the_name_once_cmd_runs_and_nothing_of_his_is_kept() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let one = t.unique("one");
    // Each of these would be held open by a process that has it; standard streams are pipes.
    let script = format!(
        "exec 7<$ROOT/etc/passwd; name=$($BIN run -d --name {one} --rootfs $ROOT -- \
         sh -c 'readlink /proc/self/fd/0 > /fds; ls -l /proc/self/fd >> /fds; exec sleep 100'); echo $name"
    );
    assert_eq!(s.script(&script).ok(), format!("{one}\n"));
    let runner = s.runner(&one);
    let others = || -> Vec<String> {
        let open = links(&format!("/proc/{runner}/fd"));
        let standard: Vec<&str> =
            (0..3).map(|number: i32| open[&number.to_string()].as_str()).collect();
        assert_eq!(standard, ["/dev/null"; 3], "{open:?}");
        let is_own = |target: &String| {
            ["anon_inode:", "socket:", "/run/rootlet", "/dev/null"]
                .iter()
                .any(|own| target.starts_with(own))
        };
        open.into_values().filter(|target| !is_own(target)).collect()
    };
    // The caller hears of the start before its end of the pipe is closed.
    assert!(await_true(|| others().is_empty()), "{:?}", others());
    let cwd = fs::read_link(format!("/proc/{runner}/cwd")).unwrap();
    assert_eq!(cwd, Path::new("/"));
    let session = stat_field(runner, 3).unwrap();
    assert_eq!(session, runner.to_string(), "it leads a session");
    assert_eq!(stat_field(runner, 4).unwrap(), "0", "it has no terminal");
    assert!(await_true(
        || fs::read_to_string(t.rootfs().join("fds")).is_ok_and(|text| text.lines().count() > 3)
    ));
    let inside = fs::read_to_string(t.rootfs().join("fds")).unwrap();
    assert!(inside.starts_with("/dev/null\n"), "{inside}");
    assert!(!inside.contains("pipe:"), "{inside}");
    s.rootlet(["rm", "-f", &one]).output().ok();
    assert_eq!(s.names(), Vec::<String>::new());
    before.unchanged(&t, "a container in the background");
}

#[test]
fn what_cannot_start_says_why_to_the_caller_and_leaves_nothing() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let link = t.path("link");
    symlink(t.path("target"), &link).unwrap();
    let (link, dir) = (link.to_str().unwrap(), t.dir().to_str().unwrap().to_owned());
    let rows: &[(&[&str], &str, i32, &str)] = &[
        (&["--log", "new"], "nosuch", 127, "ENOENT"),
        (&["--log", "new"], "/etc/passwd", 126, "EACCES"),
        (&["--log", "new", "--read-only", "--tmpfs", "/none"], "true", 125, "EROFS"),
        (&["--log", "no/such/dir"], "true", 125, "ENOENT"),
        (&["--log", &dir], "true", 125, "is not a regular file"),
        (&["--log", link], "true", 125, "is not a regular file"),
        (&["--log", "/dev/null"], "true", 125, "is not a regular file"),
        (&["--tty"], "true", 125, "cannot have --tty with --detach"),
    ];
    for (options, program, code, words) in rows {
        let run = s.detach(&t.unique("x")).opts(*options).cmd([program]).output();
        run.refused(*code, &[words]);
        assert!(!t.path("new").exists(), "{options:?}: a log is left");
    }
    t.run().opts(["--log", "new"]).cmd(["true"]).output().refused(125, &["--detach with --log"]);
    // What was there before stays, though it is empty.
    t.file("new", "");
    s.detach(&t.unique("x")).opts(["--log", "new"]).cmd(["nosuch"]).output().refused(127, &[]);
    assert!(t.path("new").exists());
    assert_eq!(s.names(), Vec::<String>::new());
    before.unchanged(&t, "starts that failed");
}

#[test]
fn a_log_has_all_output_one_run_behind_the_other() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("log");
    for round in 1..=2 {
        let script = format!("echo out {round}; echo err {round} >&2; cat; exit 3");
        let run = s.detach(&one).opts(["--rm", "--log", "log"]).sh(&script);
        assert_eq!(run.output().ok(), format!("{one}\n"));
        assert!(await_true(|| s.names().is_empty()));
    }
    let log = t.path("log");
    assert_eq!(fs::read_to_string(&log).unwrap(), "out 1\nerr 1\nout 2\nerr 2\n");
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o7777, 0o600);
    // What rootlet itself has to say by then stands there too.
    let run = s.detach(&one).opts(["--rm", "--log", "log", "--memory", "8m"]);
    run.sh("x=x; while :; do x=$x$x; done").output().ok();
    assert!(await_true(|| s.names().is_empty()));
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("rootlet: the container ran out of memory (limit 8 MiB)\n"), "{text}");
}

#[test]
fn an_archive_from_the_callers_input_is_taken_and_who_gives_up_ends_it() {
    let t = case!("-", "nsenter", "tar");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let one = t.unique("tar");
    let run = format!(
        "tar -C $ROOT -c . | $BIN run -d --rm --name {one} --rootfs - -- sh -c 'cat; sleep 100'"
    );
    assert_eq!(s.script(&run).ok(), format!("{one}\n"));
    s.rootlet(["stop", "-t", "1", &one]).output().ok();
    // The archive does not come; whoever has asked is killed.
    let words = ["run", "-d", "--name", &one, "--log", "log", "--rootfs", "-"];
    let waits = s.rootlet(words).cmd(["true"]).open_stdin().spawn();
    assert!(await_true(|| s.entry(&one, "pid").is_some()));
    assert!(kill(waits.pid(), 15));
    assert!(await_true(|| s.names().is_empty()), "{:?}", s.entries(&one));
    assert!(!t.path("log").exists());
    before.unchanged(&t, "a caller who has given up");
}

#[test]
fn it_outlives_the_terminal() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("tty");
    let shell = s.command(&["sh", "-c", "\"$@\"; exec sleep 100", "sh"]);
    let run = t.run().opts(["-d", "--name", &one]).cmd(["sleep", "100"]).words();
    let terminal = Terminal::start(shell.opts(run), 24, 80);
    terminal.expect(&one);
    let runner = s.runner(&one);
    let shell = terminal.pid();
    drop(terminal);
    assert!(await_true(|| state(shell).is_none()));
    assert!(matches!(state(runner), Some('S' | 'R')), "{:?}", state(runner));
    s.rootlet(["rm", "--force", &one]).output().ok();
}

#[test]
fn what_has_ended_keeps_its_name_and_status_and_nothing_else() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let (one, data) = (t.unique("kept"), t.folder("data"));
    let volume = format!("{}:/missing/point", data.display());
    let options = ["--pid-file", "pid", "-v", &volume, "--memory", "64m"];
    s.detach(&one).opts(options).sh("read x; sleep 0.1; exit 7").output().ok();
    assert_eq!(fs::read_to_string(t.path("pid")).unwrap().trim(), s.first(&one).to_string());
    assert_eq!(s.rootlet(["wait", &one]).output().ok(), "7\n");
    assert!(!t.path("pid").exists(), "a relative path, whose beginning it has left");
    assert_eq!(s.entry(&one, "status"), Some("7".to_owned()));
    before.unchanged(&t, "a container that has ended");
    let taken = "a container of this name exists; rootlet rm NAME removes it";
    s.detach(&one).cmd(["true"]).output().refused(125, &[&one, taken]);
    s.run().opts(["--name", &one]).cmd(["true"]).output().refused(125, &[&one, taken]);
    // Others that come and go leave it alone.
    s.run().cmd(["true"]).output().ok();
    assert_eq!(s.names(), [one.as_str()]);
    assert_eq!(s.rootlet(["wait", &one]).output().ok(), "7\n");
    s.rootlet(["rm", &one]).output().ok();
    s.detach(&one).opt("--rm").cmd(["true"]).output().ok();
    assert!(await_true(|| s.names().is_empty()));
}

/// The one in the background is killed at each of its calls; of what it has left nothing is there after the next command.
#[test]
fn the_next_command_cleans_up_after_one_that_was_killed_in_the_background() {
    let t = case!("-", "nsenter", "strace");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let one = t.unique("it");
    let run = |log: &Path, options: &[&str]| {
        let words = [&["-f", "-s", "200"], options].concat();
        let run = t.run().opts(["-d", "--rm", "--name", &one, "--pid-file", "pid", "--log", "log"]);
        let words = Trace::prefix(log, &words);
        let run = run.cmd(["/bin/true"]).under(words);
        let words: Vec<String> =
            run.words().iter().map(|word| word.to_str().unwrap().to_owned()).collect();
        s.command(&words.iter().map(String::as_str).collect::<Vec<_>>()).output()
    };
    // Whoever comes first makes the directory of records, by calls that nobody makes after him.
    s.run().cmd(["true"]).output().ok();
    run(&t.path("clean"), &[]).ok();
    let trace = Trace::read(&t.path("clean"));
    let [caller, supervisor] = trace.processes()[..2] else { panic!("no two processes") };
    let count = |pid, name: &str| trace.own(pid).iter().filter(|call| call.name == name).count();
    let mut seen = BTreeMap::<String, usize>::new();
    let mut cases = Vec::new();
    for call in trace.calls.iter().filter(|call| call.pid == supervisor) {
        let nth = seen.entry(call.name.clone()).or_default();
        *nth += 1;
        // A call that the caller makes as often would kill him.
        if count(caller, &call.name) < *nth && !call.name.starts_with("exit") {
            cases.push((call.name.clone(), *nth));
        }
    }
    assert!(cases.len() > 20, "{cases:?}");
    for (call, nth) in &cases {
        fs::remove_file(t.path("log")).ok();
        let inject = format!("inject={call}:signal=KILL:when={nth}");
        let killed = run(&t.path("killed"), &["-e", &inject]);
        let log = fs::read_to_string(t.path("killed")).unwrap();
        // The cgroup that all share is left as it is while another container is in it.
        let may_be_spared = ["getxattr", "unlinkat"].contains(&call.as_str());
        let was_killed = log.contains("killed by SIGKILL");
        assert!(was_killed || may_be_spared, "{call} {nth} is not made: {log}");
        assert!(killed.stderr.lines().count() <= 1, "{call} {nth}: {killed:?}");
        s.run().cmd(["true"]).output().ok();
        assert_eq!(s.names(), Vec::<String>::new(), "killed at {call} {nth}: {killed:?}");
        assert!(!t.path("pid").exists(), "killed at {call} {nth}");
    }
    println!("measured: killed at {} calls", cases.len());
    before.unchanged(&t, "one in the background killed at each of its calls");
}

#[test]
fn of_many_that_want_a_name_one_gets_it() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("same");
    for round in 0..3 {
        let start = |_| s.detach(&one).cmd(["sleep", "100"]).spawn();
        let runs: Vec<Running> = (0..20).map(start).collect();
        let (won, lost): (Vec<_>, Vec<_>) =
            runs.into_iter().map(Running::finish).partition(|run| run.code() == 0);
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        for run in lost {
            run.refused(125, &["EEXIST", "a container of this name exists"]);
        }
        s.rootlet(["rm", "-f", &one]).output().ok();
    }
    // Names come free and are taken again at the same time.
    let script = format!(
        "for i in $(seq 8); do (for j in $(seq 6); do
            $BIN run -d --rm --name {one} --rootfs $ROOT -- true 2>>$DIR/err >>$DIR/out || true
        done) & done; wait; grep -v 'a container of this name exists' $DIR/err || true"
    );
    assert_eq!(s.script(&script).ok(), "");
    assert!(await_true(|| s.names().is_empty()));
}

#[test]
fn an_ordinary_user_has_them_too() {
    let t = case!("-", "setpriv");
    let run = || support::user::run_as_user(&t);
    let one = t.unique("user");
    let log = support::user::runtime_directory(&t).join("log");
    let start = run().opts(["-d", "--name", &one, "--log"]).opt(&log);
    assert_eq!(start.sh("echo up; sleep 100").output().ok(), format!("{one}\n"));
    let bin = support::user::open_to_user(&t);
    let act = |words: &[&str]| {
        let act = support::Rootlet::new(&bin, t.dir()).opts(words).under(support::user::AS_USER);
        act.env("XDG_RUNTIME_DIR", support::user::runtime_directory(&t)).output()
    };
    assert!(await_true(|| fs::read_to_string(&log).is_ok_and(|text| text == "up\n")));
    assert_eq!(act(&["logs", &one]).ok(), "up\n");
    act(&["rm", &one]).refused(1, &[&one, "is running"]);
    act(&["kill", &one]).ok();
    assert_eq!(act(&["wait", &one]).ok(), "137\n");
    // Root's are others.
    t.rootlet().opts(["wait", &one]).output().refused(1, &[&one, "is the name of no container"]);
    act(&["rm", &one]).ok();
    act(&["rm", &one]).refused(1, &[&one, "is the name of no container"]);
    // What others could have written there is not believed.
    let records = support::user::runtime_directory(&t).join("rootlet");
    fs::set_permissions(&records, fs::Permissions::from_mode(0o777)).unwrap();
    act(&["wait", &one]).refused(125, &["/rootlet: ", "EACCES"]);
}

/// kB of memory that is a process's own.
const MOST_OWN_KB: u64 = 40;

#[test]
fn it_takes_little_memory() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("small");
    s.detach(&one).cmd(["sleep", "100"]).output().ok();
    for (what, pid) in [("runner", s.runner(&one)), ("PID 1", s.first(&one))] {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let own = status_field(&text, "Pss_Anon");
        println!("measured: Pss_Anon of the {what} {own}");
        let own: u64 = own.trim_end_matches(" kB").parse().unwrap();
        assert!(own <= MOST_OWN_KB, "{what}: {own} kB");
    }
    s.rootlet(["rm", "-f", &one]).output().ok();
}
