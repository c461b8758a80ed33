//! What a container costs: system calls, and the time beside bubblewrap's.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{ALONE, Rootlet, Trace, case, host};

/// System calls of a whole default run, the command's own not counted.
const MOST_CALLS: usize = 200;
/// Of bubblewrap's time from start to exit.
const MOST_TIME: f64 = 0.6;
const ROUNDS: usize = 120;

#[test]
fn a_default_run_makes_few_system_calls() {
    let t = case!("-", "strace");
    let (outcome, trace) = Trace::of(t.run().cmd(["/bin/true"]), t.path("log"), &[]);
    outcome.ok();
    let own = trace.all_own().len();
    println!(
        "measured: {own} system calls of a whole default run, {} with those of /bin/true",
        trace.calls.len()
    );
    // What is counted is real: a run that made no container would be cheap too.
    for name in ["clone3", "move_mount", "pivot_root", "capset", "execve"] {
        assert!(trace.calls.iter().any(|call| call.name == name && call.worked()), "no {name}");
    }
    assert!(own <= MOST_CALLS, "{own} calls");
}

/// Between rootlet's calls and those of the reference in C that `cargo xtask bench` measures beside it: the
/// directory of records, which rootlet makes where it is missing, and as much again.
const OTHER_CALLS: usize = 6;

#[test]
fn the_reference_makes_the_same_system_calls() {
    let t = case!("-", "strace", "cc");
    let (outcome, ours) = Trace::of(t.run().cmd(["/bin/true"]), t.path("log"), &["-v"]);
    outcome.ok();
    let filter =
        ours.calls.iter().find_map(|call| call.text.split_once("filter=[")?.1.split_once("]}"));
    let header = format!("static const struct sock_filter FILTER[] = {{{}}};", filter.unwrap().0);
    std::fs::write(t.path("filter.h"), header).unwrap();
    let (binary, records) = (t.path("reference"), t.path("records"));
    std::fs::create_dir(&records).unwrap();
    let source = format!("{}/xtask/src/bench/reference.c", env!("CARGO_MANIFEST_DIR"));
    let include = format!("-I{}", t.dir().display());
    let flags =
        ["-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", &include, "-o"];
    host("cc", &[&flags[..], &[binary.to_str().unwrap(), &source]].concat());
    let run = Rootlet::new(&binary, t.dir()).opt(t.rootfs()).opt(&records).opt("/bin/true");
    let (outcome, theirs) = Trace::of(run, t.path("log"), &[]);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (side, trace) in [ours, theirs].iter().enumerate() {
        for call in trace.all_own() {
            counts.entry(call.name).or_default()[side] += 1;
        }
    }
    counts.retain(|_, [ours, theirs]| ours != theirs);
    let others: usize = counts.values().map(|[ours, theirs]| ours.abs_diff(*theirs)).sum();
    println!("measured: {others} calls of rootlet or of the reference alone: {counts:?}");
    assert!(others <= OTHER_CALLS, "rootlet and the reference differ: {counts:?}");
}

/// Of loading the filter, as --trace tells it.
const MOST_FILTER_US: u64 = 200;

#[test]
fn the_filter_is_loaded_in_a_moment() {
    let t = case!("-");
    let time = || {
        let run = t.run().opt("--trace").cmd(["/bin/true"]).output();
        let line = run.stderr.lines().find(|line| line.contains("filter system calls")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    // The least of some: another process may run in between.
    let least = (0..10).map(|_| time()).min().unwrap();
    println!("measured: the filter is loaded in {least} us");
    assert!(least <= MOST_FILTER_US, "{least} us");
}

#[test]
fn a_start_and_its_end_take_less_time_than_bubblewraps() {
    let t = case!("-", "bwrap", "unshare");
    if std::env::var_os(INSIDE).is_none() {
        return in_memory("a_start_and_its_end_take_less_time_than_bubblewraps");
    }
    let root = t.rootfs().to_str().unwrap();
    let words = [
        "--unshare-all",
        "--bind",
        root,
        "/",
        "--proc",
        "/proc",
        "--ro-bind",
        "/sys",
        "/sys",
        "--dev",
        "/dev",
        "--mqueue",
        "/dev/mqueue",
        "--tmpfs",
        "/dev/shm",
        "--hostname",
        "rootlet",
        "--die-with-parent",
        "--",
        "/bin/true",
    ];
    let mut bubblewrap = Rootlet::new(Path::new("bwrap"), t.dir()).opts(words).command();
    let mut rootlet = t.run().cmd(["/bin/true"]).command();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        // Each goes first in every other round, as the one before leaves its network namespace to be torn down.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for who in order {
            times[who].push(start_to_exit(if who == 0 { &mut rootlet } else { &mut bubblewrap }));
        }
    }
    let [ours, theirs] = times.map(Summary::of);
    let (by_median, by_least) = (ours.median / theirs.median, ours.least / theirs.least);
    println!(
        "measured: rootlet {ours:?} ms, bwrap {theirs:?} ms, ratio of medians {by_median:.2}, of minima {by_least:.2}"
    );
    // On a machine that is busy with something else the minima are the better measure.
    assert!(
        by_median.min(by_least) <= MOST_TIME,
        "ratio of medians {by_median:.2}, of minima {by_least:.2}"
    );
}

/// Set where /run is what it is on a machine that was booted: memory.
const INSIDE: &str = "ROOTLET_RUN_IS_MEMORY";

/// Runs this test once more, where the record of a container is made in memory.
fn in_memory(test: &str) {
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new(ALONE[0]);
    command.args(&ALONE[1..]).arg(own).args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A name that no test has would be a success too.
    assert!(text.contains("1 passed"), "{test} is not there");
}

fn start_to_exit(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().unwrap();
    let elapsed = started.elapsed();
    assert!(status.success(), "{command:?}");
    elapsed
}

/// Milliseconds.
#[derive(Debug)]
struct Summary {
    least: f64,
    median: f64,
}

impl Summary {
    fn of(mut times: Vec<Duration>) -> Summary {
        times.sort_unstable();
        let at = |index: usize| (times[index].as_secs_f64() * 1e5).round() / 100.0;
        Summary { least: at(0), median: at(times.len() / 2) }
    }
}
