//! Runs a program or a machine with a time limit and keeps what it writes.

use std::io::{PipeReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use super::console::Console;
use super::steps::{Step, Steps};
use super::verdict::{Ending, Line};
use crate::program;
use crate::qemu::monitor::{Closer, Message, Monitor, Socket};

/// How a watched program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Exited(ExitStatus),
    /// It was killed for not having ended in time.
    TimeLimit,
    /// It was killed for writing without end.
    TooMuchOutput,
    /// The machine ended, in one of the ways of `Ending` or as QEMU calls it.
    Shutdown(String),
    /// QEMU would not do what a step asked for.
    Machine(String),
}

/// Everything that was seen of a program.
pub struct Seen {
    pub lines: Vec<String>,
    /// When each line ended, since the start.
    pub times: Vec<Duration>,
    pub end: End,
    pub took: Duration,
    /// What the first step that was not done had been waiting for.
    pub waited_for: Option<Line>,
}

/// What is done to a machine from outside, and by which means.
pub struct Operator<'a> {
    pub socket: Socket,
    pub steps: &'a [Step],
    /// For each disk the arguments that plug it in.
    pub devices: Vec<Value>,
}

/// Runs a guest in a process group of its own, so that killing it leaves nothing behind;
/// `setpriv` makes the kernel kill it too when xtask itself dies.
pub fn watch(machine: &Command, limit: Duration) -> Result<Seen> {
    Watch::start(bound_to_us(machine).process_group(0), true, None, |_| ())?.run(limit)
}

/// The same for a machine whose monitor tells how it ended.
pub fn watch_machine(machine: &Command, limit: Duration, operator: Operator<'_>) -> Result<Seen> {
    let mut command = bound_to_us(machine);
    command.process_group(0).stdin(Stdio::piped());
    Watch::start(&mut command, true, Some(operator), |_| ())?.run(limit)
}

/// Runs a program in our own process group, so that Ctrl-C reaches it and its children, and
/// hands each line to `on_line` as it comes.
pub fn stream(command: &mut Command, limit: Duration, on_line: fn(&str)) -> Result<Seen> {
    Watch::start(command.stdin(Stdio::null()), false, None, on_line)?.run(limit)
}

fn bound_to_us(machine: &Command) -> Command {
    let mut command = match program::find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(machine.get_program());
            command
        }
        None => Command::new(machine.get_program()),
    };
    command.args(machine.get_args()).stdin(Stdio::null());
    command
}

/// What can happen while we wait.
enum Event {
    Output(Vec<u8>),
    /// Nothing more will be written.
    Closed,
    Monitor(Message),
}

/// The kernel's last line when it halts; QEMU does not notice.
const HALTED: &str = "reboot: System halted";

/// How long QEMU gets to tell of another end after that line.
const HALT_QUIET: Duration = Duration::from_millis(500);

/// How long QEMU may take to end when it is told to.
const QUIT_LIMIT: Duration = Duration::from_secs(10);

/// A running program.
struct Watch<'a> {
    child: Child,
    own_group: bool,
    start: Instant,
    events: Receiver<Event>,
    console: Console,
    on_line: fn(&str),
    steps: Steps<'a>,
    devices: Vec<Value>,
    input: Option<ChildStdin>,
    monitor: Option<Monitor>,
    /// How and when the machine ended, as soon as that is known.
    end: Option<(End, Duration)>,
    halted: Option<Instant>,
    /// Ends the monitor's thread where QEMU has never connected.
    _closer: Option<Closer>,
}

impl<'a> Watch<'a> {
    fn start(
        command: &mut Command,
        own_group: bool,
        operator: Option<Operator<'a>>,
        on_line: fn(&str),
    ) -> Result<Watch<'a>> {
        let start = Instant::now();
        let (reader, writer) = std::io::pipe().context("pipe")?;
        // One pipe for both, or the order of the lines would be lost.
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn().with_context(|| program::line(command))?;
        // The command still holds the pipe's writing end: without this, reading would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, events) = mpsc::sync_channel(1024);
        let (mut steps, mut devices, mut closer): (&[Step], _, _) = (&[], Vec::new(), None);
        if let Some(operator) = operator {
            (steps, devices) = (operator.steps, operator.devices);
            let sender = sender.clone();
            let on_message = move |message| sender.send(Event::Monitor(message)).is_ok();
            closer = Some(operator.socket.listen(on_message));
        }
        read(reader, sender);
        Ok(Watch {
            input: child.stdin.take(),
            child,
            own_group,
            start,
            events,
            console: Console::new(start),
            on_line,
            steps: Steps::new(steps),
            devices,
            monitor: None,
            end: None,
            halted: None,
            _closer: closer,
        })
    }

    fn run(mut self, limit: Duration) -> Result<Seen> {
        let deadline = self.start + limit;
        let forced = self.follow(deadline);
        self.console.close(self.on_line);
        let exited = match &forced {
            Some(_) => {
                self.kill();
                self.child.wait().context("wait")?;
                None
            }
            None => self.wait(deadline)?,
        };
        let end = match (forced, exited) {
            (Some(end), _) => (end, self.start.elapsed()),
            (None, None) => (End::TimeLimit, self.start.elapsed()),
            // QEMU's own end says more only where it is not a good one.
            (None, Some(status)) => match self.end.filter(|_| status.success()) {
                Some(end) => end,
                None => (End::Exited(status), self.start.elapsed()),
            },
        };
        Ok(Seen {
            lines: self.console.lines,
            times: self.console.times,
            end: end.0,
            took: end.1,
            waited_for: self.steps.waited_for(),
        })
    }

    /// Handles events until the output ends; or until the program must be killed, and returns why.
    fn follow(&mut self, mut deadline: Instant) -> Option<End> {
        loop {
            let now = Instant::now();
            if let Err(error) = self.perform(now) {
                return Some(End::Machine(format!("{error:#}")));
            }
            let quiet = self.halted.map(|since| since + HALT_QUIET);
            if let Some(since) = self.halted.filter(|_| quiet.is_some_and(|quiet| now >= quiet)) {
                deadline = deadline.min(self.finish(Ending::Halt.name(), since));
                continue;
            }
            if now >= deadline {
                return Some(End::TimeLimit);
            }
            let until =
                [self.steps.due(), quiet].into_iter().flatten().fold(deadline, Instant::min);
            match self.events.recv_timeout(until.saturating_duration_since(now)) {
                Ok(Event::Output(bytes)) => {
                    if self.read(&bytes).is_err() {
                        return Some(End::TooMuchOutput);
                    }
                }
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => return None,
                Ok(Event::Monitor(Message::Ready(monitor))) => {
                    self.monitor = Some(monitor);
                    self.steps.start(Instant::now());
                }
                Ok(Event::Monitor(Message::Refused(what))) => return Some(End::Machine(what)),
                Ok(Event::Monitor(Message::Shutdown(reason))) => {
                    deadline = deadline.min(self.finish(ending(&reason), Instant::now()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), super::console::TooMuch> {
        let (steps, on_line, halted) = (&mut self.steps, self.on_line, &mut self.halted);
        let monitored = self.monitor.is_some();
        let on_text = |text: &str| steps.see(text, Instant::now());
        self.console.add(bytes, on_text, |line| {
            on_line(line);
            if monitored && line.contains(HALTED) {
                *halted = Some(Instant::now());
            }
        })
    }

    /// Notes how the machine ended, and tells QEMU to end. What the machine has written may not have
    /// been read yet, so reading goes on, until the returned time at most.
    fn finish(&mut self, how: &str, at: Instant) -> Instant {
        self.halted = None;
        if self.end.is_none() {
            self.end = Some((End::Shutdown(how.to_owned()), at - self.start));
        }
        if let Some(mut monitor) = self.monitor.take() {
            // Where it cannot be told, it is killed at the limit.
            let _gone = monitor.quit();
        }
        Instant::now() + QUIT_LIMIT
    }

    /// Does the step that is due.
    fn perform(&mut self, now: Instant) -> Result<()> {
        let Some(step) = self.steps.take(now) else { return Ok(()) };
        if let (Some(text), Some(input)) = (&step.typed, &mut self.input) {
            input.write_all(text.as_bytes()).context("the serial line")?;
        }
        let Some(monitor) = &mut self.monitor else { return Ok(()) };
        if let Some(keys) = &step.press {
            monitor.press(keys.split('-'))?;
        }
        if let Some(device) = step.plug.and_then(|index| self.devices.get(index)) {
            monitor.plug(device)?;
        }
        Ok(())
    }

    /// Waits for the end: a program may close its output and go on. None when it had to be killed.
    fn wait(&mut self, deadline: Instant) -> Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait().context("wait")? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                self.kill();
                self.child.wait().context("wait")?;
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills the program. It has not been waited for, so its id is still its own; it may have died by
    /// itself, which is fine.
    fn kill(&self) {
        let Ok(Some(pid)) = i32::try_from(self.child.id()).map(Pid::from_raw) else { return };
        let _already_dead = match self.own_group {
            true => kill_process_group(pid, Signal::KILL),
            false => kill_process(pid, Signal::KILL),
        };
    }
}

/// Reads in a thread, because reading cannot be given a limit. The thread ends with the pipe, or
/// when nobody listens any more.
fn read(mut pipe: PipeReader, sender: SyncSender<Event>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send(Event::Output(buffer[..count].to_vec())).is_err() {
                return;
            }
        }
        // Nobody listens: then nobody has to know.
        let _ignored = sender.send(Event::Closed);
    });
}

/// How a machine ended, by QEMU's reason; what is no `Ending` stays as QEMU calls it.
fn ending(reason: &str) -> &str {
    match reason {
        "guest-shutdown" => Ending::Poweroff.name(),
        "guest-reset" => Ending::Reboot.name(),
        other => other,
    }
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
        let seen = watch(&shell("echo a; echo b >&2; printf 'c\\r\\nd'; exit 3"), LONG).unwrap();
        assert_eq!(seen.lines, ["a", "b", "c", "d"]);
        assert!(matches!(seen.end, End::Exited(s) if s.code() == Some(3)), "{:?}", seen.end);
    }

    #[test]
    fn a_hang_ends_at_the_limit_with_all_its_processes() {
        let script = "sleep 1000 & echo $!; wait";
        let seen = watch(&shell(script), Duration::from_millis(500)).unwrap();
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
        let seen = watch(&shell(script), Duration::from_millis(500)).unwrap();
        assert_eq!(seen.end, End::TimeLimit);
    }

    #[test]
    fn output_without_end_is_cut_off() {
        let seen = watch(&shell("yes"), LONG).unwrap();
        assert_eq!(seen.end, End::TooMuchOutput);
    }
}
