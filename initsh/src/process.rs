//! Pipelines, subshells, background commands, waiting. XCU 2.9.2, 2.12.

use crate::host::{Host, Open, SignalAction, Wait};
use crate::jobs::Job;
use crate::memory::At;
use crate::options::{INTERACTIVE, MONITOR, PIPEFAIL};
use crate::shell::{Fail, Run, Shell};
use crate::signals::SIGTSTP;

/// The call was interrupted.
pub(crate) const EINTR: i32 = 4;

pub(crate) const SIGINT: u8 = 2;
const SIGQUIT: u8 = 3;
const SIGPIPE: i32 = 13;

/// The exit status that a wait status stands for: 128 and the signal's number where one ended it.
pub(crate) const fn exit_status(status: i32) -> i32 {
    match status & 0x7f {
        0 => status >> 8 & 0xff,
        0x7f => 128 + (status >> 8 & 0xff),
        signal => 128 + signal,
    }
}

impl<H: Host> Shell<'_, H> {
    pub(crate) fn fork(&mut self) -> Run<i32> {
        match self.host.fork() {
            Ok(pid) => Ok(pid),
            Err(errno) => self.fail_errno(0, b"cannot fork", errno),
        }
    }

    /// What a new process must not have of its parent: actions of traps, and its children.
    pub(crate) fn become_child(&mut self) {
        self.is_child = true;
        self.jobs = [Job::NONE; crate::limits::JOBS];
        self.reset_traps();
        let had_signals = self.is_set(INTERACTIVE) || self.terminal >= 0;
        self.options &= !(INTERACTIVE | MONITOR);
        self.terminal = -1;
        if had_signals {
            self.own_signals();
        }
    }

    /// Evaluates a tree in a process of its own and ends that.
    fn child_process(&mut self, node: At) -> ! {
        let _ = self.eval(node, true);
        self.leave()
    }

    pub(crate) fn leave(&mut self) -> ! {
        let status = self.end();
        self.host.exit(status)
    }

    /// Waits for a child in the foreground, and tells by what signal it ended.
    pub(crate) fn wait_for(&mut self, pid: i32) -> i32 {
        loop {
            match self.host.wait(pid, Wait::End) {
                Ok(Some((_, status))) if status & 0x7f != 0x7f => {
                    self.tell_signal(status & 0x7f);
                    return exit_status(status);
                }
                // Stops are nothing to us.
                Err(EINTR) | Ok(_) => {}
                Err(_) => return 127,
            }
        }
    }

    pub(crate) fn tell_signal(&mut self, signal: i32) {
        if matches!(signal, 0 | 0x7f | SIGPIPE) || signal == i32::from(SIGINT) {
            return;
        }
        let mark = self.memory.top;
        self.push_signal(signal);
        self.end_error(mark, 0);
    }

    #[inline(never)]
    pub(crate) fn pipeline(&mut self, node: At, mut item: At) -> Run {
        let mark = self.memory.top;
        let mut input = -1;
        let mut pids = 0;
        self.give_back();
        while item != 0 {
            let next = self.child(item, 0);
            let made = if next == 0 { Ok((-1, -1)) } else { self.pipe() };
            let (reading, writing) = made.unwrap_or((-1, -1));
            let first = if pids == 0 { 0 } else { self.memory.word(mark) as i32 };
            let forked = made.and_then(|_| self.fork_job(first, true));
            if forked == Ok(0) {
                self.close(reading);
                self.take_as(input, 0);
                self.take_as(writing, 1);
                let command = self.child(item, 1);
                self.child_process(command);
            }
            self.close(input);
            self.close(writing);
            let Ok(pid) = forked else {
                self.close(reading);
                // Those that were begun find their pipes closed; the terminal is not theirs any more.
                if self.terminal >= 0 {
                    self.put_in_front(self.process as i32);
                }
                return Err(Fail);
            };
            input = reading;
            self.memory.push_word(pid as usize);
            pids += 1;
            item = next;
        }
        self.in_front(mark, pids, node);
        if self.is_set(PIPEFAIL) && self.status == 0 {
            // The last one that failed.
            let statuses = (0..pids).map(|place| self.memory.word(mark + 4 * place) as i32);
            self.status = statuses.rev().find(|status| *status != 0).unwrap_or(0);
        }
        self.memory.top = mark;
        Ok(())
    }

    fn pipe(&mut self) -> Run<(i32, i32)> {
        self.host.pipe().or_else(|errno| self.fail_errno(0, b"pipe", errno))
    }

    /// Closes a descriptor; a negative number is none.
    #[inline(never)]
    fn close(&mut self, descriptor: i32) {
        if descriptor >= 0 {
            self.host.close(descriptor);
        }
    }

    /// In a child: makes `descriptor` the one with number `to`.
    fn take_as(&mut self, descriptor: i32, to: i32) {
        if descriptor >= 0 && descriptor != to {
            let _ = self.host.duplicate(descriptor, to);
            self.host.close(descriptor);
        }
    }

    pub(crate) fn subshell(&mut self, node: At, list: At, last: bool) -> Run {
        if last && self.traps.first() == Some(&0) {
            self.become_child();
            return self.eval(list, true);
        }
        self.give_back();
        if self.fork_and_wait(node)? {
            self.child_process(list);
        }
        Ok(())
    }

    /// A process for a command of this node, which is waited for; true in that process.
    pub(crate) fn fork_and_wait(&mut self, node: At) -> Run<bool> {
        let pid = self.fork_job(0, true)?;
        if pid == 0 {
            return Ok(true);
        }
        let mark = self.memory.top;
        self.memory.push_word(pid as usize);
        self.in_front(mark, 1, node);
        self.memory.top = mark;
        Ok(false)
    }

    pub(crate) fn background(&mut self, command: At) -> Run {
        if self.free_job().is_none() {
            return self.fail(0, b"too many background commands; sh -o limits tells the bound");
        }
        self.give_back();
        let controls_jobs = self.terminal >= 0;
        let pid = self.fork_job(0, false)?;
        if pid == 0 {
            if !controls_jobs {
                self.host.signal(SIGINT, SignalAction::Ignore);
                self.host.signal(SIGQUIT, SignalAction::Ignore);
                if let Ok(null) = self.host.open(c"/dev/null", Open::Read) {
                    self.take_as(null, 0);
                }
            }
            self.child_process(command);
        }
        let text = self.text_of(command);
        self.add_job(pid, if controls_jobs { pid } else { 0 }, text);
        self.last_background = pid;
        self.status = 0;
        Ok(())
    }

    /// `wait`: for one command, or for all.
    pub(crate) fn wait_builtin(&mut self) -> Run<i32> {
        // What was stopped may go on again.
        self.look_at_jobs();
        if self.words.count == 0 {
            while self.jobs.iter().any(Job::runs) {
                if let Some(status) = self.wait_change(-1)? {
                    return Ok(status);
                }
            }
            return Ok(0);
        }
        let mut status = 0;
        while let word @ 1.. = self.take_word() {
            let pid = if self.memory.byte(word) == b'%' {
                self.job_of(word).and_then(|place| self.jobs.get(place)).map(|job| job.pid)
            } else {
                self.process_of(word)
            };
            let Some(pid) = pid else { return self.fail(word, b"no such process") };
            status = self.wait_one(pid)?;
        }
        Ok(status)
    }

    fn wait_one(&mut self, pid: i32) -> Run<i32> {
        loop {
            let Some(job) = self.jobs.iter().find(|job| job.pid == pid && pid != 0) else {
                return Ok(127);
            };
            // Its place is free for another once it has ended, but it can be asked again until then.
            if !job.runs() {
                return Ok(exit_status(job.status));
            }
            if let Some(status) = self.wait_change(pid)? {
                return Ok(status);
            }
        }
    }

    /// Waits for a background command to change; gives a status where a trap ends the wait.
    fn wait_change(&mut self, pid: i32) -> Run<Option<i32>> {
        match self.host.wait(pid, Wait::EndOrSignal) {
            Ok(Some((pid, status))) => {
                if status & 0x7f != 0x7f {
                    self.tell_signal(status & 0x7f);
                }
                self.note_end(pid, status);
            }
            Err(EINTR) => {
                let signal = self.host.caught();
                return Ok(self.run_trap(signal)?.then_some(128 + i32::from(signal)));
            }
            // Where there is none any more, somebody else took them.
            _ => {}
        }
        self.look_at_jobs();
        Ok(None)
    }

    /// The process, or as a negative number the group, that a word names: a number, or a job.
    pub(crate) fn process_of(&self, word: At) -> Option<i32> {
        match self.memory.string(word) {
            [b'%', ..] => self.job_of(word).and_then(|place| self.jobs.get(place)).map(Job::target),
            [b'-', digits @ ..] => crate::builtins::decimal(digits).map(|pid| -(pid as i32)),
            digits => crate::builtins::decimal(digits).map(|pid| pid as i32),
        }
    }

    /// The output of commands, appended; newlines at its end are taken off.
    pub(crate) fn output_of(&mut self, tree: At) -> Run {
        self.give_back();
        if tree == 0 {
            self.substituted = Some(0);
            return Ok(());
        }
        let (reading, writing) = self.pipe()?;
        let controls_jobs = self.terminal >= 0;
        let forked = self.fork();
        if forked == Ok(0) {
            self.become_child();
            if controls_jobs {
                // It is no job: if it stopped, nobody could let it go on.
                self.host.signal(SIGTSTP, SignalAction::Ignore);
            }
            self.host.close(reading);
            self.take_as(writing, 1);
            self.tested = 0;
            self.child_process(tree);
        }
        self.host.close(writing);
        let mark = self.memory.top;
        if forked.is_ok() {
            self.read_all(reading);
        }
        self.host.close(reading);
        self.status = self.wait_for(forked?);
        self.substituted = Some(self.status);
        while self.memory.top > mark && self.memory.byte(self.memory.top - 1) == b'\n' {
            self.memory.top -= 1;
        }
        Ok(())
    }

    /// Appends all that can be read, but NULs.
    fn read_all(&mut self, descriptor: i32) {
        const CHUNK: usize = 4096;
        loop {
            let Some(room) = self.memory.room(CHUNK) else { return };
            match self.host.read(descriptor, room) {
                Ok(0) => return,
                Ok(count) => {
                    self.memory.top += self.memory.drop_nuls(self.memory.top, count);
                }
                Err(EINTR) => {}
                Err(_) => return,
            }
        }
    }
}
