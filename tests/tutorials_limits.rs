//! Claims of the tutorials about limits, as `tutorials.rs` has the others.

mod support;

use std::fs;
use std::path::Path;

use support::escapes::Bystander;
use support::{Case, case, cgroups_named};

/// A program that takes that much memory.
const TAKE: [&str; 5] = ["dd", "if=/dev/zero", "of=/dev/null", "bs=90M", "count=1"];

/// Whether the host has the controllers of these tests on v1; `run-limits` has v2 alone.
fn limits(t: &Case) -> bool {
    let there = Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists();
    (!there).then(|| t.skip("memory is not on cgroup v1", "run-limits"));
    there
}

#[test]
fn d6_memory_ends_at_its_limit_and_the_cgroup_is_removed() {
    let t = case!("run-limits");
    if !limits(&t) {
        return;
    }
    let (limited, other) = (t.unique("limited"), t.unique("enough"));
    let run = t.run().opts(["-m", "64m", "--name", &limited]).cmd(TAKE).output();
    assert_eq!(run.code(), 137);
    run.complains(&["ran out of memory (limit 64 MiB)"]);
    let enough = t.run().opts(["-m", "200m", "--name", &other]).cmd(TAKE).output();
    assert_eq!(enough.code(), 0);
    assert_eq!(cgroups_named(&t.unique("*")), "");
    // By hand a cgroup cannot be removed while a process is in it.
    let place = Path::new("/sys/fs/cgroup/memory").join(t.dir().file_name().unwrap());
    fs::create_dir(&place).unwrap();
    let inside = Bystander::new();
    fs::write(place.join("cgroup.procs"), inside.pid().to_string()).unwrap();
    assert!(fs::remove_dir(&place).is_err());
    drop(inside);
    assert!(support::await_true(|| fs::remove_dir(&place).is_ok()));
}

#[test]
fn e3_one_container_at_its_limit_does_not_starve_another() {
    let t = case!("run-limits");
    if !limits(&t) {
        return;
    }
    let other = t.run().opts(["-m", "64m"]).sh("echo ready; read x; echo on");
    let mut other = other.open_stdin().spawn();
    other.expect("ready");
    assert_eq!(t.run().opts(["-m", "64m"]).cmd(TAKE).output().code(), 137);
    other.say("");
    assert_eq!(other.finish().ok(), "ready\non\n");
}

#[test]
fn e4_each_controller_is_used_where_the_host_has_it() {
    let t = case!("run-limits");
    if !limits(&t) {
        return;
    }
    let all = ["-m", "64m", "--cpus", "1", "--pids-limit", "50", "--cpuset-cpus", "0"];
    assert_eq!(t.inside(&all, "cut -d: -f3 /proc/self/cgroup | sort -u; nproc"), "/\n1\n");
}
