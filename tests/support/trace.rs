//! What strace saw: the calls of each process, rootlet's own told apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::command::{Outcome, Rootlet};

/// One system call, with both halves put together where another process came between them.
#[derive(Clone, Debug)]
pub struct Call {
    /// The caller, in the tracer's pid namespace.
    pub pid: u32,
    /// The call's name.
    pub name: String,
    /// The line, from the name to the result.
    pub text: String,
}

impl Call {
    /// Whether the call returned without an error.
    pub fn worked(&self) -> bool {
        self.text.rsplit_once(" = ").is_some_and(|(_, result)| !result.starts_with(['-', '?']))
    }
}

/// A whole log.
#[derive(Debug)]
pub struct Trace {
    /// All calls, in the order in which they began.
    pub calls: Vec<Call>,
    /// Signal deliveries: the process and what strace says of the signal.
    pub signals: Vec<(u32, String)>,
}

/// The words that give a command a /run of its own, where no other test's containers have their records.
pub const ALONE: [&str; 7] =
    ["unshare", "--mount", "--", "sh", "-c", "mount -t tmpfs run /run && exec \"$@\"", "sh"];

impl Trace {
    /// The words that make strace start a command and write to `log`, with further options.
    pub fn prefix(log: &Path, options: &[&str]) -> Vec<String> {
        let mut words =
            vec!["strace".to_owned(), "-q".into(), "-o".into(), log.to_str().unwrap().into()];
        words.extend(options.iter().map(|&option| option.to_owned()));
        words.push("--".into());
        words
    }

    /// Runs a command under `strace -f`, as if it were the only one.
    pub fn of(command: Rootlet, log: PathBuf, options: &[&str]) -> (Outcome, Trace) {
        let options = [&["-f", "-s", "200"], options].concat();
        let outcome = command.under(Trace::prefix(&log, &options)).under(ALONE).output();
        (outcome, Trace::read(&log))
    }

    /// Reads a log that `strace -f -o` wrote.
    pub fn read(log: &Path) -> Trace {
        let mut trace = Trace { calls: Vec::new(), signals: Vec::new() };
        // Which call of a process is still waiting for its second half.
        let mut open: BTreeMap<u32, usize> = BTreeMap::new();
        let bytes = fs::read(log).unwrap();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let Some((pid, rest)) = line.split_once(' ') else { continue };
            let Ok(pid) = pid.parse() else { continue };
            let rest = rest.trim_start();
            if let Some(signal) = rest.strip_prefix("--- ") {
                trace.signals.push((pid, signal.to_owned()));
            } else if rest.starts_with("<... ") {
                let half = rest.split_once('>').map_or("", |(_, half)| half);
                if let Some(index) = open.remove(&pid) {
                    trace.calls[index].text.push_str(half);
                }
            } else if let Some((name, _)) = rest.split_once('(') {
                let first = rest.strip_suffix(" <unfinished ...>");
                if first.is_some() {
                    open.insert(pid, trace.calls.len());
                }
                let text = first.unwrap_or(rest).to_owned();
                trace.calls.push(Call { pid, name: name.to_owned(), text });
            }
        }
        trace
    }

    /// The processes, in order of their first call: supervisor, init, program of a default run.
    pub fn processes(&self) -> Vec<u32> {
        let mut pids = Vec::new();
        for call in &self.calls {
            if !pids.contains(&call.pid) {
                pids.push(call.pid);
            }
        }
        pids
    }

    /// Rootlet's own calls in one process: after the execve that started it, up to one that starts a command.
    pub fn own(&self, pid: u32) -> Vec<Call> {
        let mut calls: Vec<Call> =
            self.calls.iter().filter(|call| call.pid == pid).cloned().collect();
        if self.processes().first() == Some(&pid) {
            calls.remove(0);
        }
        // By execveat it executes itself.
        let command = calls.iter().position(|call| call.name == "execve" && call.worked());
        calls.truncate(command.map_or(calls.len(), |index| index + 1));
        calls
    }

    /// Rootlet's own calls of all processes that it made itself, its command's children left out.
    pub fn all_own(&self) -> Vec<Call> {
        let mut own = Vec::new();
        let mut rootlets = vec![self.processes()[0]];
        let mut next = 0;
        while next < rootlets.len() {
            let calls = self.own(rootlets[next]);
            let made = calls.iter().filter(|call| makes_process(&call.name)).filter_map(|call| {
                call.text.rsplit_once(" = ")?.1.split(' ').next()?.parse::<u32>().ok()
            });
            rootlets.extend(made.filter(|&pid| pid != 0));
            own.extend(calls);
            next += 1;
        }
        own
    }
}

fn makes_process(name: &str) -> bool {
    matches!(name, "clone" | "clone3" | "fork" | "vfork")
}
