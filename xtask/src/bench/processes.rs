//! What /proc says of processes: children, memory, wake-ups.

use std::fs;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Of one process, in KiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    pub rss_kb: f64,
    pub pss_kb: f64,
    pub private_dirty_kb: f64,
}

/// Those of all its threads (runc has many); none where it is gone.
pub fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let words: Vec<String> = lists.collect();
    words.iter().flat_map(|l| l.split_whitespace()).filter_map(|word| word.parse().ok()).collect()
}

/// All below a process, each after the one above it.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut at = 0;
    while let Some(&next) = found.get(at) {
        found.extend(children(next));
        at += 1;
    }
    found
}

/// KILL to all below a process, the innermost first, so that each of the others sees its child's end.
pub fn kill_below(pid: u32) {
    for pid in descendants(pid).into_iter().rev() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _gone = kill_process(pid, Signal::KILL);
        }
    }
}

/// Its name, as the kernel has it.
pub fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

pub fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    memory_of(&fs::read_to_string(&path).context(path)?)
}

fn memory_of(rollup: &str) -> Result<Memory> {
    let [rss_kb, pss_kb, private_dirty_kb] =
        ["Rss", "Pss", "Private_Dirty"].map(|name| field(rollup, name));
    Ok(Memory { rss_kb: rss_kb?, pss_kb: pss_kb?, private_dirty_kb: private_dirty_kb? })
}

/// How often it has been put on a processor.
pub fn switches(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).context(path)?;
    Ok(field(&status, "voluntary_ctxt_switches")? + field(&status, "nonvoluntary_ctxt_switches")?)
}

/// What the machine has left, in KiB.
pub fn available_kb() -> Result<f64> {
    field(&fs::read_to_string("/proc/meminfo")?, "MemAvailable")
}

/// The number of a line `NAME:   12 kB`.
fn field(text: &str, name: &str) -> Result<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = value.with_context(|| format!("no {name}"))?;
    value.trim().trim_end_matches(" kB").parse().with_context(|| format!("{name}: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_names() {
        let rollup = "00400000-7fff rollup\nRss:     20 kB\nPss_Anon: 1 kB\nPss:   7 kB\nPrivate_Dirty:  4 kB\n";
        let expected = Memory { rss_kb: 20.0, pss_kb: 7.0, private_dirty_kb: 4.0 };
        assert_eq!(memory_of(rollup).unwrap(), expected);
        assert!(memory_of("Rss: 20 kB\n").is_err());
        assert!(field("Rss: x kB\n", "Rss").is_err());
    }

    #[test]
    fn all_below_a_process_are_found_and_ended() {
        let script = "sh -c 'sleep 1000; :' & echo; wait";
        let mut command = std::process::Command::new("sh");
        let mut child =
            command.args(["-c", script]).stdout(std::process::Stdio::null()).spawn().unwrap();
        let deep = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            descendants(child.id()).len() == 2
        });
        kill_below(child.id());
        assert!(deep, "no two processes below it");
        child.wait().unwrap();
    }
}
