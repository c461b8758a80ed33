//! Work with containers by name: wait, kill, stop, pause, resume, rm, logs.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use support::{Case, Host, Outcome, Secluded, await_true, case, kill, state, status_field};

/// A container in the background that runs a script, with a log of its name.
fn start(s: &Secluded<'_>, name: &str, script: &str) {
    start_with(s, name, &[], script);
}

fn start_with(s: &Secluded<'_>, name: &str, options: &[&str], script: &str) {
    let run = s.detach(name).opts(["--log", name]).opts(options).sh(script).output();
    assert_eq!(run.ok(), format!("{name}\n"));
}

fn act(s: &Secluded<'_>, words: &[&str]) -> Outcome {
    s.rootlet(words).output()
}

/// Waits until a log has a text.
fn await_log(t: &Case, name: &str, text: &str) {
    let log = || fs::read_to_string(t.path(name)).unwrap_or_default();
    assert!(await_true(|| log().contains(text)), "no {text:?} in {:?}", log());
}

#[test]
fn waiting_tells_each_status() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|word| t.unique(word));
    start(&s, &a, "exit 7");
    start(&s, &b, "sleep 0.3; kill -9 $$");
    start(&s, &c, "sleep 100");
    let front = s.run().opts(["--name", &d]).sh("echo up; read x; exit 9").open_stdin().spawn();
    front.expect("up");
    let waits = s.rootlet(["wait", &a, &b, &d]).spawn();
    waits.expect("7\n137\n");
    front.finish().ends(9);
    assert_eq!(waits.finish().ok(), "7\n137\n9\n", "also of one in the foreground");
    // Nobody knows the status of one whose runner is killed.
    let waits = s.rootlet(["wait", &c, &a]).spawn();
    assert!(await_true(|| state(waits.pid()) == Some('S')));
    assert!(kill(s.runner(&c), 9));
    let waited = waits.finish();
    assert_eq!((waited.code(), waited.stdout.as_str()), (1, "7\n"));
    waited.complains(&[&c, "nobody knows its status"]);
    act(&s, &["wait", &d]).refused(1, &[&d, "is the name of no container"]);
    act(&s, &["rm", &a, &b, &c]).ok();
    assert_eq!(s.names(), Vec::<String>::new());
}

#[test]
fn a_signal_goes_to_cmd_or_to_all() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let one = t.unique("sig");
    // The shell above counts what it gets; the one below it says so as well.
    let script = "(trap 'echo below' USR1; while :; do sleep 0.05; done) &
        trap 'echo got; n=$n.' USR1; trap 'echo end $n; exit 4' TERM
        echo up; while :; do sleep 0.05; done";
    for options in [&[] as &[&str], &["--no-init"], &["--pid", "host"]] {
        fs::remove_file(t.path(&one)).ok();
        start_with(&s, &one, options, script);
        await_log(&t, &one, "up");
        act(&s, &["kill", "--signal", "SIGUSR1", &one]).ok();
        await_log(&t, &one, "got");
        act(&s, &["kill", "-s", "USR1", "--all", &one]).ok();
        await_log(&t, &one, "below");
        assert!(await_true(|| {
            fs::read_to_string(t.path(&one)).unwrap().matches("got").count() == 2
        }));
        act(&s, &["kill", "-s", "15", &one]).ok();
        assert_eq!(act(&s, &["wait", &one]).ok(), "4\n", "{options:?}");
        let log = fs::read_to_string(t.path(&one)).unwrap();
        assert!(log.ends_with("end ..\n"), "each signal comes once: {options:?} {log:?}");
        assert_eq!(log.matches("below").count(), 1, "{options:?} {log:?}");
        act(&s, &["kill", &one]).refused(1, &[&one, "is not running"]);
        act(&s, &["rm", &one]).ok();
    }
    for options in [&[] as &[&str], &["--no-init"], &["--pid", "host"]] {
        start_with(&s, &one, options, "setsid sleep 100 & trap '' TERM; sleep 100");
        act(&s, &["kill", &one]).ok();
        assert_eq!(act(&s, &["wait", &one]).ok(), "137\n", "{options:?}");
        act(&s, &["rm", &one]).ok();
        before.unchanged(&t, "a container that was killed");
    }
}

#[test]
fn stopping_asks_first_and_kills_what_stays() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let [a, b, c] = ["a", "b", "c"].map(|word| t.unique(word));
    let polite = "trap 'exit 3' TERM; echo up; while :; do sleep 0.02; done";
    let stubborn = "trap '' TERM; echo up; while :; do sleep 0.02; done";
    start(&s, &a, polite);
    start(&s, &b, stubborn);
    start(&s, &c, stubborn);
    for one in [&a, &b, &c] {
        await_log(&t, one, "up");
    }
    let stop = act(&s, &["stop", "--time", "1500ms", &a, &b, &c, &a]);
    stop.ok();
    println!("measured: three stopped in {:?}", stop.elapsed);
    // One behind the other the two stubborn ones would take twice the time.
    let range = Duration::from_millis(1500)..Duration::from_millis(3000);
    assert!(range.contains(&stop.elapsed), "{stop:?}");
    assert_eq!(act(&s, &["wait", &a, &b, &c]).ok(), "3\n137\n137\n");
    act(&s, &["stop", &a]).ok();
    act(&s, &["rm", &a, &b, &c]).ok();
    // A paused one goes on, to end in order.
    start(&s, &a, polite);
    await_log(&t, &a, "up\nup");
    act(&s, &["pause", &a]).ok();
    act(&s, &["stop", &a]).ok();
    assert_eq!(act(&s, &["wait", &a]).ok(), "3\n");
    act(&s, &["rm", &a]).ok();
}

/// How a container can be paused: on v2, and on a machine that has v1 alone.
const HIERARCHIES: [(&str, &str, &str); 2] = [
    ("true", "/cgroup.events", "frozen 1"),
    (
        "{ umount /sys/fs/cgroup/unified || umount -l /sys/fs/cgroup/unified; }",
        "/freezer.state",
        "FROZEN",
    ),
];

#[test]
fn paused_it_stands_still_until_it_goes_on() {
    let t = case!("-", "nsenter");
    let is_hybrid = std::path::Path::new("/sys/fs/cgroup/freezer/tasks").exists();
    for (setup, file, words) in HIERARCHIES {
        if !is_hybrid && setup != "true" {
            t.skip("there is no freezer of v1", "-");
            continue;
        }
        let s = Secluded::new(&t, setup);
        let one = t.unique("still");
        start(&s, &one, "while :; do echo x; sleep 0.01; done");
        await_log(&t, &one, "x\nx");
        let cgroup = s.entry(&one, "cgroup").unwrap();
        act(&s, &["resume", &one]).ok();
        for verb in ["resume", "unpause"] {
            act(&s, &["pause", &one]).ok();
            act(&s, &["pause", &one]).ok();
            let state = fs::read_to_string(format!("{cgroup}{file}")).unwrap();
            assert!(state.contains(words), "{state}");
            let length = || fs::metadata(t.path(&one)).unwrap().len();
            let before = length();
            std::thread::sleep(Duration::from_millis(60));
            assert_eq!(length(), before, "{file}");
            act(&s, &[verb, &one]).ok();
            assert!(await_true(|| length() > before), "{file}");
        }
        // Each way to its end, also from a pause.
        for end in [&["kill"] as &[&str], &["stop", "-t", "0"], &["rm", "-f"]] {
            act(&s, &["pause", &one]).ok();
            act(&s, &[end, &[&one]].concat()).ok();
            if end[0] != "rm" {
                let status = act(&s, &["wait", &one]);
                assert!(["137\n", "143\n"].contains(&status.ok()), "{status:?}");
                act(&s, &["pause", &one]).refused(1, &[&one, "is not running"]);
                act(&s, &["rm", &one]).ok();
                start(&s, &one, "while :; do echo x; sleep 0.01; done");
            }
        }
        assert_eq!(s.names(), Vec::<String>::new());
        assert!(!std::path::Path::new(&cgroup).exists());
    }
    // In the foreground and without limits there is no cgroup.
    let s = Secluded::new(&t, "true");
    let one = t.unique("front");
    let run = s.run().opts(["--name", &one]).sh("echo up; read x; true").open_stdin().spawn();
    run.expect("up");
    act(&s, &["pause", &one]).refused(1, &[&one, "no cgroup of its own"]);
    run.finish().ok();
}

#[test]
fn a_pause_does_not_keep_a_stop_from_its_end() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("race");
    for _ in 0..4 {
        fs::remove_file(t.path(&one)).ok();
        start(&s, &one, "trap '' TERM; echo up; while :; do sleep 0.01; done");
        await_log(&t, &one, "up");
        let script = format!(
            "(while $BIN pause {one} 2>/dev/null; do :; done) & pauser=$!
            $BIN stop -t 50ms {one}; wait $pauser; $BIN wait {one}; $BIN rm {one}"
        );
        assert_eq!(s.script(&script).ok(), "137\n");
    }
}

#[test]
fn only_what_has_ended_is_removed_unless_forced() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let [a, b, c] = ["a", "b", "c"].map(|word| t.unique(word));
    start(&s, &a, "sleep 100");
    start(&s, &b, "exit 1");
    act(&s, &["wait", &b]).ok();
    let rm = act(&s, &["rm", &a, &b, &c]);
    assert_eq!(rm.code(), 1);
    let lines: Vec<&str> = rm.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            format!("rootlet: {a} is running; --force kills it"),
            format!("rootlet: {c} is the name of no container"),
        ]
    );
    assert_eq!(s.names(), [a.as_str()]);
    act(&s, &["rm", "--force", &a]).ok();
    // One whose runner was killed is cleaned up after, here by its removal.
    start_with(&s, &a, &["--pid-file", "pid"], "sleep 100");
    assert!(kill(s.runner(&a), 9));
    assert!(await_true(|| s.rootlet(["rm", &a]).output().code() == 0));
    assert!(!t.path("pid").exists());
    // Several at the same thing: one does it, the others find nothing or what is done.
    start(&s, &a, "sleep 100");
    let all: Vec<_> = (0..8).map(|_| s.rootlet(["rm", "-f", &a]).spawn()).collect();
    let codes: Vec<i32> = all.into_iter().map(|rm| rm.finish().code()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 1].contains(code)), "{codes:?}");
    // One in the foreground goes by itself.
    let front = s.run().opts(["--name", &a]).sh("echo up; sleep 100").spawn();
    front.expect("up");
    act(&s, &["rm", "-f", &a]).ok();
    front.finish().ends(137);
    assert_eq!(s.names(), Vec::<String>::new());
    before.unchanged(&t, "containers that were removed");
}

#[test]
fn logs_are_shown_as_tail_shows_them() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("log");
    let long = "y".repeat(5000);
    for text in ["", "a\nb\nc\n", "a\nb\nc", "\n\n", &format!("{long}\n{long}\nz\n"), &long] {
        fs::remove_file(t.path(&one)).ok();
        t.file("text", text);
        let volume = format!("{}:/text", t.path("text").display());
        start_with(&s, &one, &["-v", &volume], "cat /text");
        act(&s, &["wait", &one]).ok();
        for lines in ["0", "1", "2", "3", "99", "all"] {
            let expected = match lines {
                "all" => text.to_owned(),
                lines => support::host("tail", &["-n", lines, t.path(&one).to_str().unwrap()]),
            };
            let log = act(&s, &["logs", "-n", lines, &one]);
            assert_eq!(log.ok(), expected, "{lines} of {text:?}");
        }
        assert_eq!(act(&s, &["logs", "-f", &one]).ok(), text, "it has ended");
        act(&s, &["rm", &one]).ok();
    }
}

#[test]
fn a_log_is_followed_to_the_end() {
    let t = case!("-", "nsenter", "strace");
    let s = Secluded::new(&t, "true");
    let one = t.unique("tail");
    start(
        &s,
        &one,
        "echo 1; while [ ! -e /go ]; do sleep 0.01; done; echo 2; while [ ! -e /end ]; do sleep 0.01; done; echo 3",
    );
    await_log(&t, &one, "1");
    let (calls, bin) = (t.path("calls"), support::bin());
    let strace = ["strace", "-f", "-o", calls.to_str().unwrap(), "-e", "trace=ppoll"];
    let follow = [bin.to_str().unwrap(), "logs", "--follow", &one];
    let follower = s.command(&[&strace[..], &follow].concat()).spawn();
    follower.expect("1\n");
    // Nothing happens: it must not look.
    std::thread::sleep(Duration::from_millis(150));
    let looks = fs::read_to_string(&calls).unwrap().lines().count();
    assert!(looks <= 3, "{looks} looks while nothing happens");
    fs::write(t.rootfs().join("go"), "").unwrap();
    follower.expect("1\n2\n");
    // Somebody cuts it.
    fs::OpenOptions::new().write(true).open(t.path(&one)).unwrap().set_len(0).unwrap();
    fs::write(t.rootfs().join("end"), "").unwrap();
    assert_eq!(follower.finish().ok(), "1\n2\n3\n");
    act(&s, &["rm", &one]).ok();
    // Who reads no more is not waited for.
    start(&s, &one, "echo a; echo b; sleep 100");
    await_log(&t, &one, "b");
    let begun = Instant::now();
    let script = format!("$BIN logs -f {one} | head -n 1");
    assert_eq!(s.script(&script).ok(), "3\n");
    assert!(begun.elapsed() < Duration::from_secs(5));
    act(&s, &["rm", "-f", &one]).ok();
}

#[test]
fn a_log_that_is_none_is_not_read() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("none");
    s.detach(&one).cmd(["true"]).output().ok();
    act(&s, &["logs", &one]).refused(1, &[&one, "has no log: it was started without --log"]);
    act(&s, &["wait", &one]).ok();
    act(&s, &["rm", &one]).ok();
    start(&s, &one, "true");
    act(&s, &["wait", &one]).ok();
    let log = t.path(&one);
    fs::remove_file(&log).unwrap();
    act(&s, &["logs", &one]).refused(1, &[&one, "openat: ENOENT"]);
    symlink("/etc/passwd", &log).unwrap();
    act(&s, &["logs", &one]).refused(1, &[&one, "openat: ELOOP"]);
    fs::remove_file(&log).unwrap();
    support::host("mkfifo", &[log.to_str().unwrap()]);
    act(&s, &["logs", &one]).refused(1, &[&one, "openat: EINVAL"]);
    act(&s, &["rm", &one]).ok();
}

#[test]
fn what_is_asked_wrongly_is_refused_before_anything_is_done() {
    let t = case!("-", "nsenter");
    let s = Secluded::new(&t, "true");
    let one = t.unique("stays");
    start(&s, &one, "sleep 100");
    let rows: &[(&[&str], &[&str])] = &[
        (&["wait"], &["rootlet: wait needs the name of a container"]),
        (&["kill", "-s", "NOPE", &one], &["rootlet: kill -s NOPE names no signal"]),
        (&["kill", &one, "../x"], &["../x is no name"]),
        (&["stop", "-t", "soon", &one], &["stop -t soon needs a time"]),
        (&["rm", "-x", &one], &["rm -x is not an option here"]),
        (&["logs", &one, &one], &["is one too many"]),
        (&["logs", "-n", "x", &one], &["logs -n x is neither a number of lines nor all"]),
    ];
    for (words, said) in rows {
        act(&s, words).refused(125, said);
    }
    for verb in ["wait", "kill", "stop", "pause", "resume", "rm", "logs"] {
        let help = act(&s, &[verb, "--help"]);
        assert!(help.ok().starts_with(&format!("rootlet {verb} ")), "{help:?}");
        act(&s, &[verb, "nobody"]).refused(1, &["nobody is the name of no container"]);
    }
    assert!(matches!(state(s.runner(&one)), Some('S')));
    act(&s, &["rm", "-f", &one]).ok();
    // Without any record there is no directory of them.
    let s = Secluded::new(&t, "true");
    act(&s, &["rm", "nobody"]).refused(1, &["nobody is the name of no container"]);
}

/// Containers of the test below.
const MANY: usize = 500;

#[test]
fn five_hundred_are_started_listed_stopped_and_removed() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let label = t.label();
    let timed = |what: &str, script: &str| {
        let begun = Instant::now();
        let outcome = s.script(&format!("names=$(seq -f {label}-%g {MANY}); {script}"));
        println!("measured: {MANY} {what} in {:?}", begun.elapsed());
        outcome
    };
    let start = timed(
        "started",
        "for half in 0 1; do for name in $names; do
            [ $((${name##*-} % 2)) = $half ] || continue
            $BIN run -d --name $name --rootfs $ROOT -- /bin/sleep 1000
        done & done; wait",
    );
    assert_eq!(start.ok().lines().count(), MANY, "{start:?}");
    assert_eq!(s.names().len(), MANY);
    let own = |pid: u32| -> u64 {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        status_field(&text, "Pss").trim_end_matches(" kB").parse().unwrap()
    };
    let some: Vec<String> = s.names().into_iter().step_by(25).collect();
    let sum: u64 = some.iter().map(|name| own(s.runner(name)) + own(s.first(name))).sum();
    println!("measured: Pss of runner and PID 1 {} kB a container", sum / some.len() as u64);
    timed("paused", "$BIN pause $names").ok();
    timed("resumed", "$BIN resume $names").ok();
    timed("stopped", "$BIN stop $names").ok();
    let waited = timed("waited for", "$BIN wait $names");
    assert_eq!(waited.ok(), "143\n".repeat(MANY));
    timed("removed", "$BIN rm $names").ok();
    assert_eq!(s.names(), Vec::<String>::new());
    before.unchanged(&t, "many containers");
}
