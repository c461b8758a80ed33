//! Many at once: names, records, cgroups, ends that meet.

mod support;

use std::time::{Duration, Instant};

use support::{Host, Running, Secluded, case};

/// How many containers are started at once.
const MANY: usize = 200;

#[test]
fn two_hundred_with_different_names_all_run_and_leave_nothing() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let start = |number: usize| {
        let run = s.run().opts(["--name", &format!("n{number}")]);
        run.opts(["--pid-file", &format!("pid-{number}")])
            .sh(&format!("echo {number}; exit 3"))
            .spawn()
    };
    let began = Instant::now();
    let runs: Vec<Running> = (0..MANY).map(start).collect();
    for (number, run) in runs.into_iter().enumerate() {
        let outcome = run.finish();
        assert_eq!(outcome.ends(3).stdout, format!("{number}\n"));
    }
    println!("measured: {MANY} containers at once in {:?}", began.elapsed());
    assert_eq!(s.names(), Vec::<String>::new());
    let files = std::fs::read_dir(t.dir()).unwrap().flatten();
    assert_eq!(
        files.filter(|file| file.file_name().to_string_lossy().starts_with("pid-")).count(),
        0
    );
    drop(s);
    before.unchanged(&t, "many at once");
}

#[test]
fn of_two_hundred_with_the_same_name_some_run_and_each_other_is_told() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let start = |_| {
        s.run()
            .opts([
                "--name",
                "same",
                "--cgroup-parent",
                &format!("/{}", t.label()),
                "--pids-limit",
                "20",
            ])
            .sh("sleep 0.02; exit 3")
            .spawn()
    };
    let runs: Vec<Running> = (0..MANY).map(start).collect();
    let mut ran = 0;
    for run in runs {
        let outcome = run.finish();
        match outcome.code() {
            3 => ran += 1,
            _ => drop(outcome.refused(125, &["same", "EEXIST"])),
        }
    }
    println!("measured: {ran} of {MANY} had the name, one after the other");
    assert!(ran > 0);
    assert_eq!(s.names(), Vec::<String>::new());
    assert_eq!(support::cgroups_named(&t.label()), "");
    drop(s);
    before.unchanged(&t, "many of one name");
}

#[test]
fn rm_and_exec_and_pause_and_stop_at_once_leave_nothing() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let one = t.unique("one");
    let (mut entered, mut paused) = (0, 0);
    for round in 0..15_u64 {
        s.detach(&one).cmd(["sleep", "100"]).output().ok();
        let execs: Vec<Running> =
            (0..4).map(|_| s.rootlet(["exec", &one, "sh", "-c", "exit 7"]).spawn()).collect();
        std::thread::sleep(Duration::from_millis(round));
        let rm = s.rootlet(["rm", "--force", &one]).spawn();
        for run in execs {
            // It went in and ended, was killed with the container, or came too late.
            let outcome = run.finish();
            match outcome.code() {
                7 => entered += 1,
                125 => drop(outcome.complains(&[])),
                code => assert_eq!(code, 137, "round {round}: {outcome:?}"),
            }
        }
        rm.finish().ok();
        assert!(s.names().is_empty(), "round {round}: {:?}", s.names());
        // A container that stands still is stopped all the same.
        s.detach(&one).cmd(["sleep", "100"]).output().ok();
        let pause = s.rootlet(["pause", &one]).spawn();
        let stop = s.rootlet(["stop", "-t", "1", &one]).spawn();
        let pause = pause.finish();
        match pause.code() {
            0 => paused += 1,
            _ => drop(pause.refused(1, &[&one])),
        }
        let stop = stop.finish();
        stop.ok();
        assert!(stop.elapsed < Duration::from_secs(8), "round {round}: {stop:?}");
        s.rootlet(["rm", "--force", &one]).output().ok();
        assert!(s.names().is_empty(), "round {round}: {:?}", s.names());
    }
    println!("measured: {entered} of 60 entered before rm, {paused} of 15 paused before a stop");
    drop(s);
    before.unchanged(&t, "verbs against each other");
}
