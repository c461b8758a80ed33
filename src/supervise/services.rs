//! What init does about what happens: a pure state machine over its tasks.

use heapless::Vec;

use super::tasks::{TASKS, Tasks};
use crate::input::boot_parameters::{BootParameters, End};
use crate::input::inittab::When;
use crate::input::place::Misread;
use crate::sys::process::Status;
use crate::sys::signal::{FOR_EVER, Signal};

/// How init ends.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Outcome {
    /// The machine or the container ends.
    End(End),
    /// The first restart entry takes our place.
    Restart,
    /// Nothing is left to run, where that is the end; the status of what ended last.
    Idle(i32),
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Step {
    /// Start this task.
    Start(usize),
    /// Wait for a signal, at most that many milliseconds.
    Wait(u32),
    /// Read the inittab again.
    Reload,
    /// A shutdown entry has had its time: kill it and what it has started.
    GiveUp(usize),
    /// Send this to a process whose line is gone from the inittab.
    Send(i32, Signal),
    /// Ask every process to end.
    EndAll,
    /// Kill every process.
    KillAll,
    /// A machine without anything to run: a shell must do.
    Rescue,
    /// All are gone.
    Finish(Outcome),
}

/// What to say about the end of a task.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Notice {
    /// This task has ended too soon too often, and is left alone for a while.
    Respawns(usize),
}

/// A task that ends within this time has not worked.
pub const QUICK_MS: u64 = 5000;
/// How long the first such task waits until it is started again; the next time twice as long, and so on.
pub const RESPAWN_MS: u64 = 100;
/// So many quick ends in a row are one too many.
pub const QUICK_ENDS: u8 = 8;
/// How long the task is left alone then.
pub const PAUSE_MS: u64 = 300_000;
/// How long the process of a line that is gone may take to end.
pub const STALE_MS: u64 = 5000;
/// At what intervals everything is killed again, for processes that were made meanwhile, and how many times.
const KILL_AGAIN_MS: u64 = 100;
const KILLS: u8 = 20;

/// Entries of one kind, one after the other.
#[derive(Clone, Copy)]
struct Sequence {
    when: When,
    next: usize,
    /// The one that is waited for.
    pid: i32,
}

impl Sequence {
    const fn new(when: When) -> Self {
        Self { when, next: 0, pid: 0 }
    }
}

/// How far we are. The first is 0, as all of a table that takes no room in the file must be.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// The first entries are being started.
    Starting,
    /// Services run.
    Running,
    /// Shutdown entries run.
    ShuttingDown(Outcome),
    /// Everybody was asked to end.
    Ending(Outcome),
    /// Everybody was killed so many times.
    Killing(Outcome, u8),
}

/// A process whose line is gone.
#[derive(Clone, Copy)]
struct Stale {
    /// 0: it has ended.
    pid: i32,
    due_ms: u64,
    /// What it gets then.
    signal: Signal,
}

/// Init at work. All zero at first, but for what `begin` sets.
pub struct Services {
    /// The inittab.
    pub tasks: Tasks,
    stale: Vec<Stale, TASKS>,
    /// The first entries, or the shutdown entries.
    sequence: Sequence,
    /// The ctrlaltdel entries.
    keys: Sequence,
    /// The keys were pressed, and not all of their entries have ended.
    are_pressed: bool,
    stage: Stage,
    /// When the stage's patience ends.
    due_ms: u64,
    grace_ms: u32,
    shutdown_limit_ms: u32,
    is_machine: bool,
    /// That nothing is left to run is the end.
    ends_idle: bool,
    is_paused: bool,
    must_reload: bool,
    /// No process is left but us.
    is_alone: bool,
    /// Of what ended last.
    status: i32,
}

impl Services {
    /// Nothing has been read or started.
    pub const fn new() -> Self {
        Self {
            tasks: Tasks::new(),
            stale: Vec::new(),
            sequence: Sequence::new(When::Sysinit),
            keys: Sequence::new(When::Sysinit),
            are_pressed: false,
            stage: Stage::Starting,
            due_ms: 0,
            grace_ms: 0,
            shutdown_limit_ms: 0,
            is_machine: false,
            ends_idle: false,
            is_paused: false,
            must_reload: false,
            is_alone: false,
            status: 0,
        }
    }

    /// Begins with the first entries, also where they were started before. `parameters` say what was asked for; with
    /// `ends_idle` it is the end when nothing is left to run.
    pub const fn begin(
        &mut self,
        parameters: &BootParameters<'_>,
        is_machine: bool,
        ends_idle: bool,
    ) {
        self.stage = Stage::Starting;
        self.sequence = Sequence::new(When::Sysinit);
        self.is_alone = false;
        self.grace_ms = parameters.grace_ms;
        self.shutdown_limit_ms = parameters.shutdown_limit_ms;
        self.is_machine = is_machine;
        self.ends_idle = ends_idle;
    }

    /// Instead of the first entries: those that are read now are services.
    pub const fn skip_start(&mut self) {
        self.stage = Stage::Running;
    }

    /// Takes the first `length` bytes of the tasks' next text as the inittab. Processes whose lines are gone are asked
    /// to end, and are killed later.
    pub fn take(&mut self, length: usize, now_ms: u64, complain: &mut dyn FnMut(Misread)) {
        let Self { tasks, stale, .. } = self;
        tasks.take(length, complain, &mut |pid| {
            let new = Stale { pid, due_ms: now_ms, signal: Signal::TERM };
            match stale.iter_mut().find(|place| place.pid == 0) {
                Some(place) => *place = new,
                // As many as there can be tasks; one more lives on.
                None => drop(stale.push(new)),
            }
        });
    }

    /// What to do now.
    pub fn next(&mut self, now_ms: u64) -> Step {
        match self.stage {
            Stage::Starting => self.start_first(now_ms),
            Stage::Running => self.run(now_ms),
            Stage::ShuttingDown(outcome) => self.shut_down(outcome, now_ms),
            Stage::Ending(_) | Stage::Killing(..) if !self.is_alone && now_ms < self.due_ms => {
                wait(self.due_ms, now_ms)
            }
            Stage::Ending(outcome) => self.kill(outcome, 0, now_ms),
            Stage::Killing(outcome, times) => self.kill(outcome, times, now_ms),
        }
    }

    fn start_first(&mut self, now_ms: u64) -> Step {
        loop {
            if self.sequence.pid != 0 {
                return self.wait_for_stale(now_ms, u64::MAX);
            }
            if let Some(index) = self.tasks.next(&mut self.sequence) {
                return Step::Start(index);
            }
            self.sequence = Sequence::new(match self.sequence.when {
                When::Sysinit => When::Wait,
                When::Wait => When::Once,
                _ => break,
            });
        }
        self.stage = Stage::Running;
        self.run(now_ms)
    }

    fn run(&mut self, now_ms: u64) -> Step {
        if self.must_reload {
            self.must_reload = false;
            return Step::Reload;
        }
        if self.are_pressed && self.keys.pid == 0 {
            if let Some(index) = self.tasks.next(&mut self.keys) {
                return Step::Start(index);
            }
            self.are_pressed = false;
        }
        let (index, due_ms) = self.next_service();
        if due_ms <= now_ms {
            return Step::Start(index);
        }
        let is_waiting = due_ms < now_ms.saturating_add(PAUSE_MS / 2) || self.is_paused;
        if self.is_alone && !is_waiting && !self.are_pressed {
            return match self.ends_idle {
                false => Step::Rescue,
                true => Step::Finish(Outcome::Idle(self.status)),
            };
        }
        self.wait_for_stale(now_ms, due_ms)
    }

    /// The service that is to be started next, and when.
    fn next_service(&self) -> (usize, u64) {
        let mut first = (0, u64::MAX);
        if self.is_paused {
            return first;
        }
        for (index, task) in self.tasks.list().iter().enumerate() {
            let is_service = matches!(task.when, When::Respawn | When::AskFirst);
            if is_service && task.pid == 0 && !task.is_off && task.due_ms < first.1 {
                first = (index, task.due_ms);
            }
        }
        first
    }

    /// Waits until then, or until a process whose line is gone has had its time.
    fn wait_for_stale(&mut self, now_ms: u64, mut due_ms: u64) -> Step {
        for stale in self.stale.iter_mut().filter(|stale| stale.pid != 0) {
            if stale.due_ms <= now_ms {
                let signal = core::mem::replace(&mut stale.signal, Signal::KILL);
                stale.due_ms = now_ms.saturating_add(STALE_MS);
                return Step::Send(stale.pid, signal);
            }
            due_ms = due_ms.min(stale.due_ms);
        }
        wait(due_ms, now_ms)
    }

    fn shut_down(&mut self, outcome: Outcome, now_ms: u64) -> Step {
        if self.sequence.pid != 0 {
            if now_ms < self.due_ms {
                return wait(self.due_ms, now_ms);
            }
            let pid = core::mem::take(&mut self.sequence.pid);
            let late = self.tasks.list().iter().position(|task| task.pid == pid);
            return Step::GiveUp(late.unwrap_or(TASKS));
        }
        if let Some(index) = self.tasks.next(&mut self.sequence) {
            self.due_ms = now_ms.saturating_add(self.shutdown_limit_ms.into());
            return Step::Start(index);
        }
        if self.grace_ms == 0 {
            return self.kill(outcome, 0, now_ms);
        }
        self.stage = Stage::Ending(outcome);
        self.due_ms = now_ms.saturating_add(self.grace_ms.into());
        Step::EndAll
    }

    fn kill(&mut self, outcome: Outcome, times: u8, now_ms: u64) -> Step {
        if self.is_alone || times == KILLS {
            return Step::Finish(outcome);
        }
        self.stage = Stage::Killing(outcome, times + 1);
        self.due_ms = now_ms.saturating_add(KILL_AGAIN_MS);
        Step::KillAll
    }

    /// A task was started.
    pub fn on_started(&mut self, index: usize, pid: i32, now_ms: u64) {
        self.is_alone = false;
        let is_shutdown = matches!(self.stage, Stage::ShuttingDown(_));
        let Some(task) = self.tasks.list_mut().get_mut(index) else { return };
        (task.pid, task.started_ms) = (pid, now_ms);
        match task.when {
            When::CtrlAltDel => self.keys.pid = pid,
            When::Sysinit | When::Wait => self.sequence.pid = pid,
            When::Shutdown if is_shutdown => self.sequence.pid = pid,
            _ => {}
        }
    }

    /// A task cannot be started: no process can be made now, or, with `for_good`, its terminal is missing.
    pub fn on_refused(&mut self, index: usize, for_good: bool, now_ms: u64) {
        if let Some(task) = self.tasks.list_mut().get_mut(index) {
            task.is_off = for_good;
            task.due_ms = now_ms.saturating_add(QUICK_MS);
        }
    }

    /// A process has ended.
    pub fn on_end(&mut self, pid: i32, status: Status, now_ms: u64) -> Option<Notice> {
        if self.sequence.pid == pid {
            self.sequence.pid = 0;
        }
        if self.keys.pid == pid {
            self.keys.pid = 0;
        }
        self.stale.iter_mut().filter(|stale| stale.pid == pid).for_each(|stale| stale.pid = 0);
        let (index, task) =
            self.tasks.list_mut().iter_mut().enumerate().find(|(_, task)| task.pid == pid)?;
        task.pid = 0;
        self.status = status.exit_status();
        if !matches!(task.when, When::Respawn | When::AskFirst) {
            return None;
        }
        task.quick_ends = match now_ms.saturating_sub(task.started_ms) {
            ..QUICK_MS => task.quick_ends.saturating_add(1),
            _ => 0,
        };
        let delay_ms = match task.quick_ends {
            0 => 0,
            QUICK_ENDS.. => PAUSE_MS,
            times => RESPAWN_MS << (times - 1),
        };
        task.due_ms = now_ms.saturating_add(delay_ms);
        if task.quick_ends < QUICK_ENDS {
            return None;
        }
        task.quick_ends = 0;
        Some(Notice::Respawns(index))
    }

    /// No process is left but us.
    pub const fn on_no_child(&mut self) {
        self.is_alone = true;
    }

    /// The entry that takes our place.
    #[must_use]
    pub fn first_restart(&self) -> Option<usize> {
        self.tasks.next(&mut Sequence::new(When::Restart))
    }

    /// A signal has arrived.
    pub fn on_signal(&mut self, signal: Signal) {
        match asked_by(signal, self.is_machine) {
            Asked::Nothing => {}
            Asked::Reload => self.must_reload = true,
            Asked::Pause(pause) => self.is_paused = pause,
            Asked::Keys => self.press_keys(),
            Asked::End(end) => self.end(Outcome::End(end)),
            Asked::Restart => {
                if self.first_restart().is_some() {
                    self.end(Outcome::Restart);
                }
            }
        }
    }

    /// Where a container has no entries for it, it is a request to stop.
    fn press_keys(&mut self) {
        let mut keys = Sequence::new(When::CtrlAltDel);
        if self.tasks.next(&mut keys).is_none() {
            if !self.is_machine {
                self.end(Outcome::End(End::PowerOff));
            }
        } else if !self.are_pressed {
            self.are_pressed = true;
            self.keys = Sequence::new(When::CtrlAltDel);
        }
    }

    /// Begins to end. Once it has begun nothing changes its course.
    const fn end(&mut self, outcome: Outcome) {
        if matches!(self.stage, Stage::Starting | Stage::Running) {
            self.stage = Stage::ShuttingDown(outcome);
            self.sequence = Sequence::new(When::Shutdown);
            self.are_pressed = false;
        }
    }
}

impl Default for Services {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// The next entry of a sequence that is not off.
    fn next(&self, sequence: &mut Sequence) -> Option<usize> {
        let mut rest = self.list().iter().enumerate().skip(sequence.next);
        let (index, _) = rest.find(|(_, task)| task.when == sequence.when && !task.is_off)?;
        sequence.next = index + 1;
        Some(index)
    }
}

/// Waits until then.
fn wait(due_ms: u64, now_ms: u64) -> Step {
    let wait_ms = due_ms.saturating_sub(now_ms);
    Step::Wait(u32::try_from(wait_ms).unwrap_or(FOR_EVER))
}

/// What a signal asks of init.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    End(End),
    Restart,
    Reload,
    Keys,
    Pause(bool),
}

/// Signals of busybox's init, and those that container engines send: RTMIN+3 to RTMIN+6 (C libraries' RTMIN is 34)
/// and PWR. In a container there is nothing to halt, so TERM and both halts are requests to stop.
const fn asked_by(signal: Signal, is_machine: bool) -> Asked {
    match signal.0 {
        1 => Asked::Reload,
        2 => Asked::Keys,
        3 => Asked::Restart,
        10 | 37 if is_machine => Asked::End(End::Halt),
        15 if is_machine => Asked::End(End::Reboot),
        10 | 12 | 15 | 30 | 37 | 38 => Asked::End(End::PowerOff),
        39 => Asked::End(End::Reboot),
        40 => Asked::End(End::Kexec),
        18 => Asked::Pause(false),
        20 => Asked::Pause(true),
        _ => Asked::Nothing,
    }
}

/// How a machine is to end that has not begun to start anything, if a signal asks for that.
#[must_use]
pub const fn end_asked_by(signal: Signal) -> Option<End> {
    match asked_by(signal, true) {
        Asked::End(end) => Some(end),
        Asked::Keys => Some(End::Reboot),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
