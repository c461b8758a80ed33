//! Processes seen from the host, through its /proc.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Sends signal `signo`; by its number, as the C library hides 32 and 33. False when there is no such process.
pub fn kill(pid: u32, signo: i32) -> bool {
    // dash's built-in takes every number, and a library's `Signal` type does not.
    let line = format!("kill -{signo} {pid}");
    Command::new("/bin/sh").args(["-c", &line]).output().unwrap().status.success()
}

/// No test waits longer for one thing; only what fails waits that long.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits until `check` holds; says whether it does.
pub fn await_true(mut check: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + LIMIT;
    while !check() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(2));
    }
    true
}

/// The direct children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    parents().into_iter().filter(|&(_, parent)| parent == pid).map(|(child, _)| child).collect()
}

/// All processes below a process, parents before their children.
pub fn descendants(pid: u32) -> Vec<u32> {
    let parents = parents();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|&(_, &p)| p == parent).map(|(&child, _)| child));
        next += 1;
    }
    found.remove(0);
    found
}

/// Waits for the only child of a process.
pub fn find_child(pid: u32) -> u32 {
    assert!(
        await_true(|| children(pid).len() == 1),
        "process {pid} has children {:?}",
        children(pid)
    );
    children(pid)[0]
}

fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat_field(pid, 1)?.parse().ok()?)))
        .collect()
}

/// The state letter of a process, `None` once it is gone.
pub fn state(pid: u32) -> Option<char> {
    stat_field(pid, 0)?.chars().next()
}

/// A field of /proc/PID/stat, counted from the state; the name before it may hold blanks.
pub fn stat_field(pid: u32, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split(' ').nth(index)?.trim().to_owned())
}

/// A field of a text like /proc/PID/status or smaps_rollup, without blanks around it.
pub fn status_field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status
        .lines()
        .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')));
    let line = line.unwrap_or_else(|| panic!("no {name} in {status}"));
    line[name.len() + 1..].trim()
}

/// Where the links in a directory such as /proc/PID/fd or /proc/PID/ns point, by name.
pub fn links(dir: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{dir}: {e}")).flatten();
    entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().into_string().ok()?, target.display().to_string()))
        })
        .collect()
}
