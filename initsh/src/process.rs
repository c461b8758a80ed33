//! Pipelines, subshells, background commands, waiting. XCU 2.9.2, 2.12.

use crate::host::{Host, Open, SignalAction, Wait};
use crate::memory::At;
use crate::options::{INTERACTIVE, MONITOR, PIPEFAIL};
use crate::shell::{Run, Shell, Words};

/// The call was interrupted.
pub(crate) const EINTR: i32 = 4;

const SIGINT: u8 = 2;
const SIGQUIT: u8 = 3;
const SIGPIPE: i32 = 13;

/// A background command.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// 0: the place is free.
    pub pid: i32,
    /// Its exit status once it has ended.
    pub status: Option<i32>,
}

impl Job {
    pub const NONE: Self = Self { pid: 0, status: None };
}

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
        let was_interactive = self.is_set(INTERACTIVE);
        self.reset_traps();
        if was_interactive {
            self.own_signals(false);
        }
        self.options &= !(INTERACTIVE | MONITOR);
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
                Ok(Some((_, status))) => {
                    self.tell_signal(status & 0x7f);
                    return exit_status(status);
                }
                Err(EINTR) | Ok(None) => {}
                Err(_) => return 127,
            }
        }
    }

    fn tell_signal(&mut self, signal: i32) {
        if matches!(signal, 0 | 0x7f | SIGPIPE) || signal == i32::from(SIGINT) {
            return;
        }
        let name = self.host.signal_name(signal as u8);
        let mark = self.memory.top;
        self.memory.push_bytes(b"ended by SIG");
        self.memory.push_bytes(name);
        self.end_error(mark, 0);
    }

    pub(crate) fn pipeline(&mut self, mut item: At) -> Run {
        let mark = self.memory.top;
        let mut input = -1;
        let mut pids = 0;
        self.give_back();
        while item != 0 {
            let next = self.child(item, 0);
            let (reading, writing) = if next == 0 { (-1, -1) } else { self.pipe()? };
            let pid = self.fork()?;
            if pid == 0 {
                self.become_child();
                if reading >= 0 {
                    self.host.close(reading);
                }
                self.take_as(input, 0);
                self.take_as(writing, 1);
                let command = self.child(item, 1);
                self.child_process(command);
            }
            for descriptor in [input, writing] {
                if descriptor >= 0 {
                    self.host.close(descriptor);
                }
            }
            input = reading;
            self.memory.push_word(pid as usize);
            pids += 1;
            item = next;
        }
        let mut failed = 0;
        for place in 0..pids {
            let pid = self.memory.word(mark + 4 * place) as i32;
            self.status = self.wait_for(pid);
            if self.status != 0 {
                failed = self.status;
            }
        }
        if self.is_set(PIPEFAIL) {
            self.status = failed;
        }
        self.memory.top = mark;
        Ok(())
    }

    fn pipe(&mut self) -> Run<(i32, i32)> {
        self.host.pipe().or_else(|errno| self.fail_errno(0, b"pipe", errno))
    }

    /// In a child: makes `descriptor` the one with number `to`.
    fn take_as(&mut self, descriptor: i32, to: i32) {
        if descriptor >= 0 && descriptor != to {
            let _ = self.host.duplicate(descriptor, to);
            self.host.close(descriptor);
        }
    }

    pub(crate) fn subshell(&mut self, list: At, last: bool) -> Run {
        if last && self.traps.first() == Some(&0) {
            self.become_child();
            return self.eval(list, true);
        }
        self.give_back();
        match self.fork()? {
            0 => {
                self.become_child();
                self.child_process(list)
            }
            pid => {
                self.status = self.wait_for(pid);
                Ok(())
            }
        }
    }

    pub(crate) fn background(&mut self, command: At) -> Run {
        let Some(place) = self.free_job() else {
            return self.fail(0, b"too many background commands; sh -o limits tells the bound");
        };
        self.give_back();
        let pid = self.fork()?;
        if pid == 0 {
            let controls_jobs = self.is_set(MONITOR);
            self.become_child();
            if !controls_jobs {
                self.host.signal(SIGINT, SignalAction::Ignore);
                self.host.signal(SIGQUIT, SignalAction::Ignore);
                if let Ok(null) = self.host.open(c"/dev/null", Open::Read) {
                    self.take_as(null, 0);
                }
            }
            self.child_process(command);
        }
        if let Some(job) = self.jobs.get_mut(place) {
            *job = Job { pid, status: None };
        }
        self.last_background = pid;
        self.status = 0;
        Ok(())
    }

    /// A free place; where there is none, that of a command that has ended and that nobody asked for.
    fn free_job(&mut self) -> Option<usize> {
        if let Some(place) = self.jobs.iter().position(|job| job.pid == 0) {
            return Some(place);
        }
        while let Ok(Some((pid, status))) = self.host.wait(-1, Wait::Not) {
            self.note_end(pid, status);
        }
        self.jobs.iter().position(|job| job.status.is_some())
    }

    /// Keeps the status of a background command.
    fn note_end(&mut self, pid: i32, status: i32) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.pid == pid) {
            job.status = Some(exit_status(status));
        }
    }

    /// `wait`: for one command, or for all.
    pub(crate) fn wait_builtin(&mut self, mut words: Words) -> Run<i32> {
        if words.count == 0 {
            while self.jobs.iter().any(|job| job.pid != 0 && job.status.is_none()) {
                if let Some(status) = self.wait_change(-1)? {
                    return Ok(status);
                }
            }
            return Ok(0);
        }
        let mut status = 0;
        while words.count > 0 {
            let word = self.next_word(&mut words);
            let Some(pid) = self.process_of(word) else {
                return self.fail(word, b"no such process");
            };
            status = self.wait_one(pid)?;
        }
        Ok(status)
    }

    fn wait_one(&mut self, pid: i32) -> Run<i32> {
        loop {
            let Some(place) = self.jobs.iter().position(|job| job.pid == pid && pid != 0) else {
                return Ok(127);
            };
            // Its place is free for another now, but it can be asked again until then.
            if let Some(status) = self.jobs.get(place).and_then(|job| job.status) {
                return Ok(status);
            }
            if let Some(status) = self.wait_change(pid)? {
                return Ok(status);
            }
        }
    }

    /// Waits for a background command to end; gives a status where a trap ends the wait.
    fn wait_change(&mut self, pid: i32) -> Run<Option<i32>> {
        match self.host.wait(pid, Wait::EndOrSignal) {
            Ok(Some((pid, status))) => {
                self.tell_signal(status & 0x7f);
                self.note_end(pid, status);
            }
            Ok(None) => {}
            Err(EINTR) => {
                let signal = self.run_traps_first()?;
                return Ok((signal != 0).then_some(128 + i32::from(signal)));
            }
            // There is none any more: somebody else took them.
            Err(_) => {
                for job in &mut self.jobs {
                    if job.pid != 0 && job.status.is_none() {
                        job.status = Some(127);
                    }
                }
            }
        }
        Ok(None)
    }

    /// The process that a word names: a number, or `%N`.
    pub(crate) fn process_of(&self, word: At) -> Option<i32> {
        match self.memory.string(word) {
            [b'%', place @ ..] => {
                let place = match place {
                    b"%" | b"+" | b"" => {
                        return self.jobs.iter().rev().find(|job| job.pid != 0).map(|job| job.pid);
                    }
                    digits => crate::builtins::decimal(digits)?,
                };
                let job = self.jobs.get((place as usize).checked_sub(1)?)?;
                (job.pid != 0).then_some(job.pid)
            }
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
        let pid = self.fork()?;
        if pid == 0 {
            self.become_child();
            self.host.close(reading);
            self.take_as(writing, 1);
            self.tested = 0;
            self.child_process(tree);
        }
        self.host.close(writing);
        let mark = self.memory.top;
        self.read_all(reading);
        self.host.close(reading);
        self.status = self.wait_for(pid);
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
                    let start = self.memory.top;
                    if !self.memory.slice(start, count).contains(&0) {
                        self.memory.top += count;
                        continue;
                    }
                    for place in start..start + count {
                        match self.memory.byte(place) {
                            0 => {}
                            byte => self.memory.push(byte),
                        }
                    }
                }
                Err(EINTR) => {}
                Err(_) => return,
            }
        }
    }
}
