//! Init at work: reads the inittab, starts, reaps, ends everything.

use core::ffi::CStr;

use rustix::fs::{AtFlags, CWD, statat};

use super::Start;
use super::task;
use crate::facts::files::read_file;
use crate::input::boot_parameters::Rescue;
use crate::input::inittab::{DEFAULT, RESCUE, SINGLE};
use crate::report;
use crate::supervise::reaper::{Parent, Reaper};
use crate::supervise::services::{Notice, Outcome, Services, Step};
use crate::sys::clock::monotonic_ms;
use crate::sys::process::{Look, Side, Until, exit, fork};
use crate::sys::signal::{self, Signal, kill};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};

const INITTAB: &CStr = c"/etc/inittab";
/// Every process but us.
const EVERYBODY: i32 = -1;

/// The tables of init.
pub struct Memory {
    services: Services,
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self { services: Services::new() }
    }
}

/// Which entries there are at first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Those of the inittab.
    Inittab,
    /// A shell on the console.
    Single,
    /// A shell on the console, until it ends.
    Rescue,
}

/// Plays init until there is a reason to end. A restart entry takes our place; where that fails everything is started
/// anew.
#[inline(never)]
pub fn serve(start: &Start, table: Table, memory: &mut Memory) -> Outcome {
    let services = &mut memory.services;
    let mut init = Init { start, services, reaper: Reaper::NEW, is_default: false };
    loop {
        let ends_idle = !start.is_machine || table == Table::Rescue;
        init.services.begin(&start.parameters, start.is_machine, ends_idle);
        match table {
            Table::Inittab => init.read_inittab(true),
            Table::Single => init.take(SINGLE),
            Table::Rescue => init.take(RESCUE),
        }
        match init.work() {
            Outcome::Restart => init.restart(),
            outcome => return outcome,
        }
    }
}

struct Init<'a> {
    start: &'a Start,
    services: &'a mut Services,
    reaper: Reaper,
    /// Our own inittab holds: that a terminal or a program of it is missing is not worth a word.
    is_default: bool,
}

impl Parent for Init<'_> {
    fn reaper(&mut self) -> &mut Reaper {
        &mut self.reaper
    }

    fn is_over(&self) -> bool {
        false
    }

    fn changed(&mut self, Look { pid, status }: Look) {
        if status.is_stop() {
            return;
        }
        if let Some(Notice::Respawns(index)) = self.services.on_end(pid, status, monotonic_ms()) {
            let words = packed!(" ended 8 times within 5 s of its start; left alone for 5 minutes");
            self.say_of_task(index, words);
        }
    }

    fn no_child(&mut self) {
        self.services.on_no_child();
    }
}

impl Init<'_> {
    #[inline(never)]
    fn work(&mut self) -> Outcome {
        // Whoever is our child already is none of the inittab's.
        self.look_at_all();
        loop {
            match self.services.next(monotonic_ms()) {
                Step::Start(index) => self.start_task(index),
                Step::Wait(limit_ms) => self.await_signal(limit_ms),
                Step::Reload => self.read_inittab(false),
                Step::GiveUp(index) => self.give_up(index),
                Step::Send(pid, signal) => kill_group(pid, signal),
                Step::EndAll => self.end_all(),
                Step::KillAll => {
                    let _ = kill(EVERYBODY, Signal::KILL);
                    self.look_at_all();
                }
                Step::Rescue => {
                    if let Some(outcome) = self.rescue() {
                        return outcome;
                    }
                }
                Step::Finish(outcome) => return outcome,
            }
        }
    }

    fn await_signal(&mut self, limit_ms: u32) {
        match signal::wait(limit_ms.min(self.reaper.quiet_ms)) {
            None => self.on_quiet(),
            Some(arrived) => {
                match arrived.signal {
                    Signal::CHLD => self.reap(arrived.pid),
                    signal => self.services.on_signal(signal),
                }
                self.look_now_and_then();
            }
        }
    }

    /// Reads the inittab; our own where there is none. Where it cannot be read the one read before still holds; at `first`
    /// our own does.
    fn read_inittab(&mut self, first: bool) {
        match read_file(CWD, INITTAB, self.services.tasks.next_text()) {
            Ok(text) => {
                let length = text.len();
                self.is_default = false;
                return self.take_text(length);
            }
            Err(CallError { errno: Errno::NOENT, .. }) => {}
            Err(error) => {
                report::failed_at_boot(error, INITTAB.to_bytes());
                if !first {
                    return;
                }
            }
        }
        self.is_default = true;
        self.take(DEFAULT);
    }

    /// Takes a text of ours as the inittab.
    fn take(&mut self, text: &[u8]) {
        for (place, byte) in self.services.tasks.next_text().iter_mut().zip(text) {
            *place = *byte;
        }
        self.take_text(text.len());
    }

    fn take_text(&mut self, length: usize) {
        let now_ms = monotonic_ms();
        let say = &mut |misread| report::misread_at_boot(INITTAB.to_bytes(), misread);
        self.services.take(length, now_ms, say);
    }

    fn start_task(&mut self, index: usize) {
        let Some(entry) = self.services.tasks.entry(index) else { return };
        if !entry.terminal.is_empty() {
            let mut path = Line::new();
            let path = path.path(&[b"/dev/", entry.terminal]);
            if let Err(errno) = statat(CWD, path, AtFlags::empty()) {
                self.services.on_refused(index, true, 0);
                if !self.is_default {
                    let error = CallError { call: Call::Newfstatat, errno: errno.into() };
                    report::failed_at_boot(error, path.to_bytes());
                }
                return;
            }
        } else if self.is_default && task::is_missing(entry.command) {
            return self.services.on_refused(index, true, 0);
        }
        match fork(Until::Made) {
            Ok(Side::Child) => exit(task::become_task(self.start, &entry)),
            Ok(Side::Parent(pid)) => self.services.on_started(index, pid.0, monotonic_ms()),
            Err(errno) => {
                let error = CallError { call: Call::Clone, errno };
                report::failed_at_boot(error, entry.command);
                self.services.on_refused(index, false, monotonic_ms());
            }
        }
    }

    /// A shutdown entry takes too long.
    fn give_up(&mut self, index: usize) {
        let words = packed!(" takes too long and is killed (rootlet.shutdown_limit)");
        self.say_of_task(index, words);
        if let Some(task) = self.services.tasks.list().get(index) {
            kill_group(task.pid, Signal::KILL);
        }
    }

    /// A stopped process takes TERM when it goes on.
    fn end_all(&mut self) {
        let _ = kill(EVERYBODY, Signal::TERM);
        let _ = kill(EVERYBODY, Signal::CONT);
        self.look_at_all();
    }

    /// Nothing is left to run: a shell, or the end, as was asked for.
    fn rescue(&mut self) -> Option<Outcome> {
        let mut line = report::line();
        line.packed(packed!("nothing is left to run"));
        match self.start.parameters.rescue {
            Rescue::Shell => {
                line.packed(packed!("; a shell on the console (HUP reads /etc/inittab again)"));
                report::say_of_boot(line);
                self.take(SINGLE);
                self.services.skip_start();
                None
            }
            Rescue::End(end, wait_ms) => {
                report::say_of_boot(line);
                wait_for(wait_ms);
                Some(Outcome::End(end))
            }
        }
    }

    /// Becomes the first restart entry. Returns when that failed.
    fn restart(&mut self) {
        if let Some(index) = self.services.first_restart()
            && let Some(entry) = self.services.tasks.entry(index)
        {
            let _ = task::become_task(self.start, &entry);
        }
        // As it was before the attempt.
        let _ = signal::Inherited::take_over();
    }

    fn say_of_task(&self, index: usize, words: Packed) {
        let mut line = report::line();
        if let Some(entry) = self.services.tasks.entry(index) {
            line.operand(entry.command);
        }
        line.packed(words);
        report::say_of_boot(line);
    }
}

/// A shell on the console, because the machine cannot be started; or the end, as was asked for. After the shell it is
/// to be tried again.
pub fn rescue(start: &Start, memory: &mut Memory) -> Option<Outcome> {
    /// Without a shell the next try would follow at once, and so for ever.
    const AGAIN_MS: u32 = 10_000;
    const NOT_EXECUTED: i32 = 126;
    match start.parameters.rescue {
        Rescue::Shell => match serve(start, Table::Rescue, memory) {
            Outcome::Idle(NOT_EXECUTED..) => {
                wait_for(AGAIN_MS);
                None
            }
            Outcome::Idle(_) => None,
            outcome => Some(outcome),
        },
        Rescue::End(end, wait_ms) => {
            wait_for(wait_ms);
            Some(Outcome::End(end))
        }
    }
}

/// Waits without reaping: where this is called no process is left, or whoever is left may stay as it ends.
fn wait_for(limit_ms: u32) {
    let due_ms = monotonic_ms().saturating_add(limit_ms.into());
    loop {
        let left_ms = due_ms.saturating_sub(monotonic_ms());
        if left_ms == 0 {
            return;
        }
        let _ = signal::wait(u32::try_from(left_ms).unwrap_or(u32::MAX));
    }
}

/// A task leads a session, so its group has what it started in the foreground.
fn kill_group(pid: i32, signal: Signal) {
    if pid > 1 && kill(pid.wrapping_neg(), signal).is_err() {
        let _ = kill(pid, signal);
    }
}
