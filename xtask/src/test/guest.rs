//! Runs a program with a wall-clock limit and keeps the lines that it writes.

use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::program;

/// How a watched program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(ExitStatus),
    /// It was killed for not having ended in time.
    TimeLimit,
    /// It was killed for writing without end.
    TooMuchOutput,
}

/// Everything that was seen of a program.
pub struct Seen {
    pub lines: Vec<String>,
    pub end: End,
    pub took: Duration,
}

/// More lines than any scenario or test binary writes: a loop that prints is not kept in memory.
const MOST_LINES: usize = 200_000;

/// Runs a guest in a process group of its own, so that killing it leaves nothing behind;
/// `setpriv` makes the kernel kill it too when xtask itself dies.
pub fn watch(machine: Command, limit: Duration) -> Result<Seen> {
    let mut command = match program::find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]);
            command.arg(machine.get_program()).args(machine.get_args());
            command
        }
        None => machine,
    };
    watch_lines(command.process_group(0), limit, true, |_| ())
}

/// Runs a program in our own process group, so that Ctrl-C reaches it and its children, and
/// hands each line to `on_line` as it comes.
pub fn stream(command: &mut Command, limit: Duration, on_line: fn(&str)) -> Result<Seen> {
    watch_lines(command, limit, false, on_line)
}

fn watch_lines(
    command: &mut Command,
    limit: Duration,
    own_group: bool,
    on_line: fn(&str),
) -> Result<Seen> {
    let start = Instant::now();
    let (reader, writer) = std::io::pipe().context("pipe")?;
    // One pipe for both, or the order of the lines would be lost.
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| program::line(command))?;
    // The command holds the pipe's writing end; without this the reader never sees its end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let lines = read_lines(reader);
    let (kept, ended) = collect(&lines, start + limit, on_line);
    let end = match ended {
        Some(end) => {
            kill(&child, own_group);
            child.wait().context("wait")?;
            end
        }
        None => wait(&mut child, start + limit, own_group)?,
    };
    Ok(Seen { lines: kept, end, took: start.elapsed() })
}

/// A thread, because reading cannot be given a limit. It ends with the pipe, or when nobody
/// listens any more.
fn read_lines(pipe: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1024);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes);
            if sender.send(line.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    receiver
}

/// The lines until the pipe's end; or until a limit, then which one.
fn collect(
    lines: &Receiver<String>,
    deadline: Instant,
    on_line: fn(&str),
) -> (Vec<String>, Option<End>) {
    let mut kept = Vec::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(_) if kept.len() == MOST_LINES => return (kept, Some(End::TooMuchOutput)),
            Ok(line) => {
                on_line(&line);
                kept.push(line);
            }
            Err(RecvTimeoutError::Timeout) => return (kept, Some(End::TimeLimit)),
            Err(RecvTimeoutError::Disconnected) => return (kept, None),
        }
    }
}

/// A program may close its output and still not end.
fn wait(child: &mut Child, deadline: Instant, own_group: bool) -> Result<End> {
    loop {
        if let Some(status) = child.try_wait().context("wait")? {
            return Ok(End::Exited(status));
        }
        if Instant::now() >= deadline {
            kill(child, own_group);
            child.wait().context("wait")?;
            return Ok(End::TimeLimit);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The child has not been waited for, so its id is still its own. It may have died by itself,
/// which is what is wanted.
fn kill(child: &Child, own_group: bool) {
    let Ok(Some(pid)) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
    let _already_dead = match own_group {
        true => kill_process_group(pid, Signal::KILL),
        false => kill_process(pid, Signal::KILL),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_of_both_outputs_keep_their_order() {
        let seen = watch(shell("echo a; echo b >&2; printf 'c\\r\\nd'; exit 3"), LONG).unwrap();
        assert_eq!(seen.lines, ["a", "b", "c", "d"]);
        assert!(matches!(seen.end, End::Exited(s) if s.code() == Some(3)), "{:?}", seen.end);
    }

    #[test]
    fn a_hang_ends_at_the_limit_with_all_its_processes() {
        let script = "sleep 1000 & echo $!; wait";
        let seen = watch(shell(script), Duration::from_millis(500)).unwrap();
        assert_eq!(seen.end, End::TimeLimit);
        assert!(seen.took < Duration::from_secs(30));
        let sleeper = format!("/proc/{}/stat", seen.lines[0]);
        let gone = (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            std::fs::read_to_string(&sleeper).map_or(true, |s| s.contains(") Z "))
        });
        assert!(gone, "the background process lives on");
    }

    #[test]
    fn closed_output_does_not_count_as_an_end() {
        let script = "exec >&- 2>&-; sleep 1000";
        let seen = watch(shell(script), Duration::from_millis(500)).unwrap();
        assert_eq!(seen.end, End::TimeLimit);
    }

    #[test]
    fn output_without_end_is_cut_off() {
        let seen = watch(shell("yes"), LONG).unwrap();
        assert_eq!(seen.end, End::TooMuchOutput);
    }
}
