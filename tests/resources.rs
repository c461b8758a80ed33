//! Limits of a container: what is written for each option, and what it does.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::{
    Case, Host, Running, await_true, case, cgroups_named, compile_own, descendants, stat_field,
};

/// Where the host has a controller: its directory, and whether that is v2's.
fn hierarchy(controller: &str) -> Option<(PathBuf, bool)> {
    let top = Path::new("/sys/fs/cgroup");
    let v1 = top.join(controller);
    if v1.join("cgroup.procs").exists() {
        return Some((v1, false));
    }
    let has = |root: &PathBuf| {
        let list = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
        list.split_whitespace().any(|name| name == controller)
    };
    [top.to_owned(), top.join("unified")].into_iter().find(has).map(|root| (root, true))
}

/// What a file of a container's cgroup says: of two names the one that its hierarchy has.
fn value(controller: &str, place: &str, names: [&str; 2]) -> String {
    let (root, unified) = hierarchy(controller).unwrap();
    let path = root.join(place).join(names[usize::from(unified)]);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.trim().to_owned()
}

/// Whether the host has these controllers; else the test is skipped.
fn has(t: &Case, controllers: &[&str]) -> bool {
    let missing = controllers.iter().find(|controller| hierarchy(controller).is_none());
    if let Some(controller) = missing {
        t.skip(&format!("no {controller} controller of cgroups"), "run-limits");
    }
    missing.is_none()
}

/// A container that waits for its standard input to end.
fn waiting(t: &Case, name: &str, options: &[&str]) -> Running {
    let run = t.run().opts(["--name", name]).opts(options).sh("echo ready; read line");
    let run = run.open_stdin().spawn();
    run.expect("ready");
    run
}

/// A program that takes memory, a megabyte at a time, and says how many it has.
fn build_hog(t: &Case) {
    let code = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n
         int main(int n, char **words) {
             for (int have = 1; have <= atoi(words[1]); have++) {
                 char *more = malloc(1 << 20);
                 if (!more) return 3;
                 memset(more, have, 1 << 20);
                 printf(\"%d\\n\", have);
                 fflush(stdout);
             }
             return 0;
         }\n";
    compile_own(t, code, &t.rootfs().join("bin/hog"));
}

#[test]
fn each_limit_is_in_its_file() {
    let t = case!("run-limits");
    if !has(&t, &["memory", "cpu", "cpuset", "pids"]) {
        return;
    }
    let name = t.label();
    let options = [
        "--memory=64m",
        "--memory-swap=96m",
        "--memory-reservation=32m",
        "--cpus=1.5",
        "--cpu-shares=512",
        "--cpuset-cpus=0",
        "--cpuset-mems=0",
        "--pids-limit=30",
    ];
    let run = waiting(&t, &name, &options);
    let place = format!("rootlet/{name}");
    let on_v2 = |controller: &str| hierarchy(controller).unwrap().1;
    let read = |controller, names| value(controller, &place, names);
    assert_eq!(read("memory", ["memory.limit_in_bytes", "memory.max"]), "67108864");
    let swap = if on_v2("memory") { "33554432" } else { "100663296" };
    assert_eq!(read("memory", ["memory.memsw.limit_in_bytes", "memory.swap.max"]), swap);
    assert_eq!(read("memory", ["memory.soft_limit_in_bytes", "memory.low"]), "33554432");
    let (quota, shares) = if on_v2("cpu") { ("150000 100000", "59") } else { ("150000", "512") };
    assert_eq!(read("cpu", ["cpu.cfs_quota_us", "cpu.max"]), quota);
    assert_eq!(read("cpu", ["cpu.shares", "cpu.weight"]), shares);
    assert_eq!(read("cpuset", ["cpuset.cpus"; 2]), "0");
    assert_eq!(read("cpuset", ["cpuset.mems"; 2]), "0");
    assert_eq!(read("pids", ["pids.max"; 2]), "30");
    // Everything of it is in there, rootlet's own process inside too, and rootlet outside is not.
    let procs = read("pids", ["cgroup.procs"; 2]);
    let mut inside: Vec<u32> = procs.lines().map(|pid| pid.parse().unwrap()).collect();
    let mut below = descendants(run.pid());
    inside.sort_unstable();
    below.sort_unstable();
    assert_eq!(inside, below);
    run.finish().ends(1);
    assert_eq!(cgroups_named(&name), "");
}

#[test]
fn no_limit_and_the_default_of_swap_are_written_too() {
    let t = case!("run-limits");
    if !has(&t, &["memory", "pids"]) {
        return;
    }
    let name = t.label();
    let place = format!("rootlet/{name}");
    let swap = || value("memory", &place, ["memory.memsw.limit_in_bytes", "memory.swap.max"]);
    let on_v2 = hierarchy("memory").unwrap().1;
    let run = waiting(&t, &name, &["-m", "64m", "--memory-swap", "-1", "--pids-limit", "-1"]);
    assert_eq!(value("pids", &place, ["pids.max"; 2]), "max");
    // The largest number of pages that v1 counts.
    assert_eq!(swap(), if on_v2 { "max" } else { "9223372036854771712" });
    run.finish().ends(1);
    // docker's default: as much swap as memory.
    let run = waiting(&t, &name, &["-m", "64m"]);
    assert_eq!(swap(), if on_v2 { "67108864" } else { "134217728" });
    run.finish().ends(1);
}

#[test]
fn without_limits_there_is_no_cgroup() {
    let t = case!("-");
    let name = t.label();
    let run = waiting(&t, &name, &["--device", "/dev/full:/dev/other:rw"]);
    assert_eq!(cgroups_named(&name), "");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let child = descendants(run.pid())[0];
    assert_eq!(fs::read_to_string(format!("/proc/{child}/cgroup")).unwrap(), own);
    run.finish().ends(1);
}

#[test]
fn memory_ends_at_its_limit_and_not_before() {
    let t = case!("run-limits", "cc");
    if !has(&t, &["memory"]) {
        return;
    }
    build_hog(&t);
    let limit = ["--memory", "64m", "--memory-swap", "64m"];
    let most = |text: &str| text.lines().last().unwrap().parse::<u32>().unwrap();
    assert_eq!(most(t.run().opts(limit).cmd(["hog", "48"]).output().ok()), 48);
    let run = t.run().opts(limit).cmd(["hog", "500"]).output();
    assert_eq!(run.code(), 137);
    run.complains(&["ran out of memory (limit 64 MiB)"]);
    assert!((48..=64).contains(&most(&run.stdout)), "{run:?}");
    let run = t.run().opts(["-m", "67109000", "--no-init"]).cmd(["hog", "500"]).output();
    assert_eq!(run.code(), 137);
    run.complains(&["(limit 67109000 bytes)"]);
    // It is said of any program of the container, whatever CMD makes of it.
    let run = t.run().opts(limit).sh("hog 500 > /dev/null; echo $?; exit 5").output();
    assert_eq!((run.code(), run.stdout.as_str()), (5, "137\n"));
    assert!(run.stderr.contains("rootlet: the container ran out of memory (limit 64 MiB)\n"));
    // Killed by somebody else it has not.
    t.run().opts(limit).sh("kill -9 $$").output().ends(137);
}

#[test]
fn a_fork_bomb_meets_its_limit_and_others_go_on() {
    let t = case!("run-limits");
    if !has(&t, &["pids"]) {
        return;
    }
    let name = t.label();
    let bomb = "bomb() { bomb | bomb & }; bomb 2> /dev/null; bomb 2> /dev/null; while :; do sleep 1 || :; done";
    let run = t.run().opts(["--name", &name, "--pids-limit", "24"]).sh(bomb).spawn();
    let place = format!("rootlet/{name}");
    let events = || {
        let (root, _) = hierarchy("pids").unwrap();
        fs::read_to_string(root.join(&place).join("pids.events")).unwrap_or_default()
    };
    let met = || events().split_whitespace().nth(1).is_some_and(|count| count != "0");
    assert!(await_true(met), "{}", events());
    let current: u32 = value("pids", &place, ["pids.current"; 2]).parse().unwrap();
    assert!(current <= 24, "{current}");
    // A neighbour, with and without a limit of its own.
    assert_eq!(t.inside(&[], "echo alive | cat"), "alive\n");
    assert_eq!(t.inside(&["--pids-limit", "24"], "echo alive | cat"), "alive\n");
    support::kill(run.pid(), 15);
    run.finish();
    assert_eq!(cgroups_named(&name), "");
}

#[test]
fn one_container_out_of_memory_does_not_end_another() {
    let t = case!("run-limits", "cc");
    if !has(&t, &["memory"]) {
        return;
    }
    build_hog(&t);
    let limit = ["--memory", "64m", "--memory-swap", "64m"];
    let patient = t.run().opts(limit).sh("hog 40 > /dev/null; echo ready; read x; echo fine");
    let mut patient = patient.open_stdin().spawn();
    patient.expect("ready");
    t.run().opts(limit).cmd(["hog", "500"]).output().complains(&["ran out of memory"]);
    patient.say("go");
    assert_eq!(patient.finish().ok(), "ready\nfine\n");
}

#[test]
fn time_of_processors_is_measured_out() {
    let t = case!("run-limits");
    if !has(&t, &["cpu"]) {
        return;
    }
    let run = t.run().opts(["--cpus", "0.2"]).sh("echo ready; while :; do :; done").spawn();
    run.expect("ready");
    let busy = *descendants(run.pid()).last().unwrap();
    // Hundredths of a second, in user and in system mode.
    let used = || -> u64 {
        [11, 12].iter().map(|&field| stat_field(busy, field).unwrap().parse::<u64>().unwrap()).sum()
    };
    let (before, start) = (used(), Instant::now());
    std::thread::sleep(Duration::from_millis(2500));
    let part = (used() - before) as f64 / 100.0 / start.elapsed().as_secs_f64();
    support::kill(run.pid(), 15);
    support::kill(busy, 9);
    run.finish();
    assert!((0.08..0.3).contains(&part), "{part}");
}

#[test]
fn processors_are_those_of_the_list() {
    let t = case!("run-limits");
    if !has(&t, &["cpuset"]) {
        return;
    }
    let look = "nproc; sed -n 's/Cpus_allowed_list:\\t//p' /proc/self/status";
    assert_eq!(t.inside(&["--cpuset-cpus", "0"], look), "1\n0\n");
    let run = t.run().opts(["--cpuset-cpus", "8191"]).cmd(["true"]).output();
    run.refused(125, &["cpuset.cpus", "8191", "have all of these"]);
}

#[test]
fn what_cannot_be_a_limit_is_refused() {
    let t = case!("-");
    let before = Host::now();
    let rows: &[(&str, &[&str], &str)] = &[
        ("--memory", &["", "5m", "64mb", "-1", "0", "1.5g", "x", "64 m"], "bytes"),
        ("--memory-swap", &["", "-2", "0", "x"], "neither -1"),
        ("--memory-reservation", &["", "0", "-1", "x"], "bytes"),
        ("--cpus", &["", "0", "0.001", "-1", "1.", "x", "9999"], "processors"),
        ("--cpu-shares", &["", "0", "1", "262145", "x"], "2 to 262144"),
        ("--cpuset-cpus", &["", "a", "3-1", "0,", "0-1-2"], "no list"),
        ("--cpuset-mems", &["", "a", "-1"], "no list"),
        ("--pids-limit", &["", "0", "-2", "x", "4194305"], "neither -1"),
        ("--cgroup-parent", &["", "x", "/", "/../x", "/x/", "/x//y", "/./x"], "absolute path"),
    ];
    for (option, values, words) in rows {
        for value in *values {
            let run = t.run().opts([option, value]).cmd(["true"]).output();
            run.refused(125, &[option, words]);
        }
    }
    for (options, words) in [
        (&["--memory-swap", "64m"][..], "needs --memory"),
        (&["--memory", "64m", "--memory-swap", "63m"], "--memory-swap"),
        (&["--memory", "64m", "--memory-reservation", "65m"], "--memory-reservation"),
        (&["--cgroup-parent", "/x"], "needs a limit"),
    ] {
        t.run().opts(options).cmd(["true"]).output().refused(125, &[words]);
    }
    before.unchanged(&t, "limits that are none");
}
