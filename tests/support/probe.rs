//! Sends signals to a wrapper and sees which of them reach its program.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::process::{LIMIT, children, stat_field, state, status_field};
use super::{Case, compile};

/// How often /proc is read while no word comes from the program.
const POLL: Duration = Duration::from_millis(1);

/// Sent after every signal under test: what has not arrived before it never will.
///
/// Of several pending signals the kernel gives the one with the lowest number first, so the highest comes
/// last at the wrapper and at the program.
pub const SENTINEL: i32 = 64;

const HUP: i32 = 1;
const CONT: i32 = 18;
const KILL: i32 = 9;

/// The set of signals in the kernel's form.
pub const fn set_of(signals: &[i32]) -> u64 {
    match signals {
        [first, rest @ ..] => 1 << (*first - 1) | set_of(rest),
        [] => 0,
    }
}

/// The signals of a set in the kernel's form.
pub fn signals_of(set: u64) -> Vec<i32> {
    (1..=64).filter(|signal| set & 1 << (signal - 1) != 0).collect()
}

/// Signals as numbers and ranges: `1-8 10`.
pub fn ranges(set: u64) -> String {
    let mut ranges = Vec::<(i32, i32)>::new();
    for signal in signals_of(set) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == signal => *last = signal,
            _ => ranges.push((signal, signal)),
        }
    }
    let words = ranges.iter().map(|&(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A wrapper's place at a controlling terminal; the numbers are those of the enum in probe.c.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Seat {
    NoTerminal = 0,
    /// It leads the session, as PID 1 of a container with a terminal does.
    Leader = 1,
    /// A job of a shell, in front.
    Front = 2,
    /// A job that the shell keeps in the background.
    Back = 3,
}

/// Where a wrapper stands and what it inherits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Situation {
    /// PID 1 of a pid namespace, else a child of that.
    pub pid_1: bool,
    /// Its place at a terminal.
    pub seat: Seat,
    /// Blocked signals.
    pub blocked: u64,
    /// Ignored signals.
    pub ignored: u64,
}

/// All places, nothing blocked or ignored.
pub const SITUATIONS: [Situation; 6] = [
    Situation { pid_1: true, seat: Seat::NoTerminal, blocked: 0, ignored: 0 },
    Situation { pid_1: true, seat: Seat::Leader, blocked: 0, ignored: 0 },
    Situation { pid_1: false, seat: Seat::NoTerminal, blocked: 0, ignored: 0 },
    Situation { pid_1: false, seat: Seat::Leader, blocked: 0, ignored: 0 },
    Situation { pid_1: false, seat: Seat::Front, blocked: 0, ignored: 0 },
    Situation { pid_1: false, seat: Seat::Back, blocked: 0, ignored: 0 },
];

impl Situation {
    /// For the messages of failures.
    pub fn name(&self) -> String {
        let place = if self.pid_1 { "PID 1" } else { "not PID 1" };
        let mut name = format!("{place}, {:?}", self.seat);
        for (what, set) in [("blocked", self.blocked), ("ignored", self.ignored)] {
            if set != 0 {
                write!(name, ", {what} {}", ranges(set)).unwrap();
            }
        }
        name
    }
}

/// What has become of a process.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fate {
    Runs,
    Stopped,
    Exited(i32),
    Killed(i32),
    /// Ended, and its parent has taken its status.
    Gone,
}

/// What one signal did.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub wrapper: Fate,
    pub program: Fate,
    /// Of the other process of the program's group.
    pub member: Fate,
    /// What reached the program, in order.
    pub program_got: Vec<i32>,
    /// What reached the other process.
    pub member_got: Vec<i32>,
    /// What reached both when one of them had stopped and CONT was sent to the wrapper.
    pub on_cont: Option<(Vec<i32>, Vec<i32>)>,
}

/// One signal as the program saw it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    pub signal: i32,
    pub code: i32,
    pub pid: i32,
    pub uid: i32,
    pub value: i32,
}

/// Compiles the program that stands on both sides of a wrapper.
pub fn build_probe(case: &Case) -> PathBuf {
    let target = case.path("probe");
    compile("probe", &["-O1"], &target);
    target
}

/// A wrapper with the probe as its program. Dropping it ends both.
pub struct Wrapped {
    stage: Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Standard error, for the messages of failures.
    errors: Arc<Mutex<String>>,
    /// What the stage has answered to an order.
    answer: Option<String>,
    arrivals: Vec<Arrival>,
    situation: Situation,
    wrapper: u32,
    program: u32,
    member: u32,
    /// What has reached the other process of the group so far.
    member_pending: u64,
    /// The signals that the program found blocked and ignored.
    pub inherited: (u64, u64),
}

impl Wrapped {
    /// Starts a wrapper, whose words are to be followed by the program's; the error says what it did instead.
    pub fn start(probe: &Path, situation: Situation, words: &[&str]) -> Result<Wrapped, String> {
        let given = [
            u8::from(situation.pid_1).to_string(),
            (situation.seat as u8).to_string(),
            format!("{:x}", situation.blocked),
            format!("{:x}", situation.ignored),
        ];
        let mut stage = Command::new(probe);
        stage.arg("stage").args(given).args(words).arg(probe).arg("program");
        stage.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut stage = stage.spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(stage.stdout.take().unwrap());
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        let errors = Arc::<Mutex<String>>::default();
        let (complaints, shared) = (BufReader::new(stage.stderr.take().unwrap()), errors.clone());
        thread::spawn(move || {
            complaints.lines().map_while(Result::ok).for_each(|l| *shared.lock().unwrap() += &l);
        });
        let orders = stage.stdin.take();
        let mut wrapped = Wrapped {
            stage,
            orders,
            lines,
            errors,
            answer: None,
            arrivals: Vec::new(),
            situation,
            wrapper: 0,
            program: 0,
            member: 0,
            member_pending: 0,
            inherited: (0, 0),
        };
        wrapped.wait_until_up()?;
        Ok(wrapped)
    }

    fn wait_until_up(&mut self) -> Result<(), String> {
        let end = Instant::now() + LIMIT;
        let mut first = 0;
        let mut up = None;
        while up.is_none() || first == 0 {
            let ended = first != 0 && !is_alive(self.wrapper_of(first).unwrap_or(first));
            match self.lines.recv_timeout(POLL) {
                Ok(line) => match line.split_once(' ') {
                    Some(("first", pid)) => first = pid.parse().unwrap(),
                    Some(("up", sets)) => up = Some(sets.to_owned()),
                    _ => return Err(format!("prints {line:?}")),
                },
                Err(_) if ended || Instant::now() > end => {
                    self.wrapper = self.wrapper_of(first).unwrap_or(first);
                    return Err(format!("does not start the program: {}", self.describe()));
                }
                Err(_) => {}
            }
        }
        let up = up.unwrap();
        let (blocked, ignored) = up.split_once(' ').unwrap();
        let set = |text| u64::from_str_radix(text, 16).unwrap();
        self.inherited = (set(blocked), set(ignored));
        self.wrapper = self.wrapper_of(first).unwrap();
        self.program = only_child(self.wrapper).ok_or("the wrapper has not one child")?;
        self.member = only_child(self.program).ok_or("the program is not the wrapper's child")?;
        // dumb-init gives the terminal away, and the HUP and CONT that it gets for it are to be taken first.
        self.settle("the start", |w| is_idle(w.wrapper))
    }

    fn wrapper_of(&self, first: u32) -> Option<u32> {
        if self.situation.pid_1 { Some(first) } else { only_child(first) }
    }

    /// Sends from outside of the namespace.
    fn send(&mut self, pid: u32, signal: i32) {
        self.order(&format!("outside {pid} {signal}"));
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
    }

    /// Sends a signal to the wrapper and waits until all that it does is done.
    pub fn observe(&mut self, signal: i32) -> Result<Seen, String> {
        let what = format!("signal {signal}");
        self.arrivals.clear();
        self.send(self.wrapper, signal);
        self.send(self.wrapper, SENTINEL);
        let sentinels = if signal == SENTINEL { 2 } else { 1 };
        let all_told = |w: &Wrapped| w.count(SENTINEL) == sentinels;
        for _ in 0..2 {
            self.flush()?;
            // Again, since a parent is told of a stop only after the stop can be seen.
            self.settle(&what, |w| all_told(w) || w.is_quiet())?;
        }
        let mut seen = Seen {
            wrapper: fate(self.wrapper),
            program: fate(self.program),
            member: fate(self.member),
            program_got: self.take_arrivals(signal),
            member_got: self.take_pending(signal),
            on_cont: None,
        };
        if matches!(seen.wrapper, Fate::Exited(_) | Fate::Killed(_)) {
            // The kernel hangs the terminal up when the session's leader has ended.
            let leader = self.situation.seat == Seat::Leader;
            seen.program_got.retain(|signal| *signal != HUP || !leader);
            seen.member_got.retain(|signal| *signal != HUP || !leader);
        }
        if seen.wrapper == Fate::Stopped || seen.program == Fate::Stopped {
            self.send(self.wrapper, CONT);
            // One more, for the first may have been taken just before the stop.
            self.send(self.wrapper, SENTINEL);
            self.settle("CONT", |w| w.count(SENTINEL) == 2)?;
            let got = self.take_arrivals(CONT);
            seen.on_cont = Some((got, self.take_pending(CONT)));
        }
        Ok(seen)
    }

    fn count(&self, signal: i32) -> usize {
        self.arrivals.iter().filter(|arrival| arrival.signal == signal).count()
    }

    /// What has arrived; sentinels are left, for they are still counted.
    fn take_arrivals(&mut self, signal: i32) -> Vec<i32> {
        let sentinels = self.count(SENTINEL);
        let mut got: Vec<i32> = self.arrivals.iter().map(|arrival| arrival.signal).collect();
        got.retain(|signal| *signal != SENTINEL);
        if signal == SENTINEL {
            got.resize(got.len() + sentinels.saturating_sub(1), SENTINEL);
        }
        self.arrivals.retain(|arrival| arrival.signal == SENTINEL);
        got
    }

    /// What has newly reached the other process of the group.
    fn take_pending(&mut self, signal: i32) -> Vec<i32> {
        let now = pending(self.member).unwrap_or_default();
        let mut new = signals_of(now & !self.member_pending);
        self.member_pending = now;
        // A sentinel is the same signal: where it goes, that one goes, and it is no news there.
        new.retain(|&signal| signal != SENTINEL);
        if signal == SENTINEL && now & set_of(&[SENTINEL]) != 0 {
            new.push(SENTINEL);
        }
        new
    }

    /// Whether no sentinel is to be expected, as the wrapper has ended or one of both has stopped.
    fn is_quiet(&self) -> bool {
        // A signal wakes whom it is for before its sender goes on.
        let rests = |pid| matches!(state(pid), None | Some('S' | 'T' | 'Z'));
        let stuck = match state(self.wrapper) {
            None | Some('Z' | 'T') => true,
            // All it got has gone on to the stopped program, which may have taken some of it before.
            _ => state(self.program) == Some('T') && is_idle(self.wrapper),
        };
        stuck && rests(self.program) && rests(self.member)
    }

    /// Waits until the orders so far are carried out and what was written so far is read.
    fn flush(&mut self) -> Result<(), String> {
        self.answer = None;
        self.order("mark");
        self.settle("the orders", |w| w.answer.is_some())
    }

    /// Waits until `done`; the error says how it stands instead.
    fn settle(&mut self, what: &str, done: impl Fn(&Wrapped) -> bool) -> Result<(), String> {
        let end = Instant::now() + LIMIT;
        while !done(self) {
            match self.lines.recv_timeout(POLL) {
                Ok(line) => self.take_line(line),
                Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() > end {
                return Err(format!("no end of {what}: {}", self.describe()));
            }
        }
        Ok(())
    }

    /// How everything stands, for the message of a failure.
    fn describe(&self) -> String {
        let mut words = format!("got {:?}", self.arrivals);
        for (who, pid) in [
            ("stage", self.stage.id()),
            ("wrapper", self.wrapper),
            ("program", self.program),
            ("member", self.member),
        ] {
            let pending = pending(pid).unwrap_or_default();
            write!(words, ", {who} {:?}, pending {}", fate(pid), ranges(pending)).unwrap();
        }
        words + ", said: " + &self.errors.lock().unwrap()
    }

    fn take_line(&mut self, line: String) {
        let Some(numbers) = line.strip_prefix("got ") else {
            self.answer = Some(line);
            return;
        };
        let numbers: Vec<i32> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
        let [signal, code, pid, uid, value] = numbers[..] else { panic!("{line}") };
        self.arrivals.push(Arrival { signal, code, pid, uid, value });
    }

    /// Sends from a process of the namespace, by kill(2), or by sigqueue(3) with a value that is not 0.
    ///
    /// Returns that process's pid and what reached the program, a sentinel at the end left out.
    pub fn send_inside(&mut self, signal: i32, value: i32) -> Result<(i32, Vec<Arrival>), String> {
        self.arrivals.clear();
        self.answer = None;
        let target = if self.situation.pid_1 { 1 } else { 2 };
        self.order(&format!("inside {target} {signal} {value}"));
        self.order(&format!("outside {} {SENTINEL}", self.wrapper));
        let sentinels = if signal == SENTINEL { 2 } else { 1 };
        self.settle(&format!("signal {signal}"), |w| w.count(SENTINEL) == sentinels)?;
        let sender = self.answer.as_deref().and_then(|line| line.strip_prefix("sender "));
        let sender = sender.ok_or("no sender")?.parse().unwrap();
        self.arrivals.pop();
        Ok((sender, self.arrivals.clone()))
    }

    /// Kills the program; returns what becomes of the wrapper, which runs on if it has not noticed.
    pub fn end_program(&mut self) -> Result<Fate, String> {
        self.send(self.program, KILL);
        self.settle("the program", |w| !is_alive(w.program))?;
        // Who is not told of the end gets something else to wake up for.
        self.send(self.wrapper, SENTINEL);
        self.flush()?;
        let unnoticed = |w: &Wrapped| is_idle(w.wrapper) && state(w.program).is_none();
        self.settle("the wrapper", |w| !is_alive(w.wrapper) || unnoticed(w))?;
        Ok(fate(self.wrapper))
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        // The end of its input ends the stage, which takes the namespace with it.
        self.orders = None;
        self.stage.wait().ok();
    }
}

/// The only child of a process, `None` while there is none.
fn only_child(pid: u32) -> Option<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let found = match list {
        Ok(list) => list.split_whitespace().map(|child| child.parse().unwrap()).collect(),
        // Not every kernel is built with that file.
        Err(_) => children(pid),
    };
    match found[..] {
        [child] => Some(child),
        _ => None,
    }
}

fn is_alive(pid: u32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// The signals that are pending for a process as a whole.
fn pending(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    u64::from_str_radix(status_field(&status, "ShdPnd"), 16).ok()
}

/// Whether a process sleeps and has taken all its signals.
fn is_idle(pid: u32) -> bool {
    // The first process of a namespace sleeps once more while it exits, until all others have ended.
    const EXITING: u32 = 4;
    let flags = stat_field(pid, 6).and_then(|flags| flags.parse::<u32>().ok());
    state(pid) == Some('S') && pending(pid) == Some(0) && flags.is_some_and(|f| f & EXITING == 0)
}

fn fate(pid: u32) -> Fate {
    match state(pid) {
        None => Fate::Gone,
        Some('T') => Fate::Stopped,
        Some('Z' | 'X') => {
            // Field 52 of the whole line, in the form that wait(2) gives.
            let status = stat_field(pid, 49).and_then(|text| text.parse().ok()).unwrap_or(0);
            if status & 0x7f == 0 {
                Fate::Exited(status >> 8 & 0xff)
            } else {
                Fate::Killed(status & 0x7f)
            }
        }
        Some(_) => Fate::Runs,
    }
}
