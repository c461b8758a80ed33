//! Jobs: commands in the background or stopped, their terminal. XCU 2.11.

use crate::host::{Host, Identity, Keys, Open, SignalAction, Wait};
use crate::memory::At;
use crate::options::{INTERACTIVE, MONITOR};
use crate::process::{EINTR, SIGINT, exit_status};
use crate::shell::{Run, Shell};
use crate::signals::{SIGTSTP, SIGTTOU};

const SIGTTIN: u8 = 21;

/// How often we ask to be in the foreground.
const TRIES: u8 = 16;

/// What `wait` says of a process that somebody else took: it ended with 127.
const TAKEN: i32 = 127 << 8;

/// A command that is not waited for.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// Its last process, the one that its status is of; 0: the place is free.
    pub pid: i32,
    /// Its process group; 0 where it has none of its own.
    pub group: i32,
    /// The wait status of its last process, or of a stop.
    pub status: i32,
    /// What it does, in words of the script; a block of the heap, or 0.
    pub text: u32,
    /// Later ones have a higher number.
    pub number: u32,
    pub is_done: bool,
    pub is_stopped: bool,
    /// Its last change has not been told yet.
    pub is_news: bool,
}

impl Job {
    pub const NONE: Self = Self {
        pid: 0,
        group: 0,
        status: TAKEN,
        text: 0,
        number: 0,
        is_done: false,
        is_stopped: false,
        is_news: false,
    };

    /// The highest is the current job: the one that stopped last, else the one that began last. 0 is none.
    pub fn rank(&self) -> u64 {
        match self.pid {
            0 => 0,
            _ => u64::from(self.is_stopped) << 32 | u64::from(self.number),
        }
    }

    pub const fn runs(&self) -> bool {
        self.pid != 0 && !self.is_done && !self.is_stopped
    }

    /// What wait(2) takes for all of its processes.
    pub const fn target(&self) -> i32 {
        if self.group == 0 { self.pid } else { -self.group }
    }
}

impl<H: Host> Shell<'_, H> {
    /// Begins or ends job control, as the option has it.
    pub(crate) fn control_jobs(&mut self) {
        let wanted = self.is_set(MONITOR);
        if wanted == (self.terminal >= 0) || self.is_child {
            return;
        }
        if !wanted {
            self.put_in_front(self.first_group);
            let _ = self.host.set_group(0, self.first_group);
            self.host.close(self.terminal);
            self.terminal = -1;
            // What came before would stop us now.
            self.host.signal(SIGTSTP, SignalAction::Ignore);
        } else if !self.take_terminal() {
            self.options &= !MONITOR;
            self.say(0, b"can't access tty; job control turned off", 0);
        }
        self.own_signals();
    }

    /// Becomes a group of our own in the foreground of our terminal, once we are asked to be there at all.
    fn take_terminal(&mut self) -> bool {
        let opened = self.host.open(c"/dev/tty", Open::Both);
        let number = opened.unwrap_or(2);
        let saved = self.host.save(number);
        if opened.is_ok() {
            self.host.close(number);
        }
        let Ok(terminal) = saved else { return false };
        self.first_group = self.host.identity(Identity::ProcessGroup) as i32;
        for tries in 0.. {
            match self.host.foreground(terminal) {
                Ok(group) if group == self.first_group => break,
                // This stops us, unless the signal is ignored or nobody is left who could let us go on.
                Ok(_) if tries < TRIES => {
                    let _ = self.host.kill(0, SIGTTIN);
                }
                _ => {
                    self.host.close(terminal);
                    return false;
                }
            }
        }
        self.terminal = terminal;
        // Or it would stop us when we take the terminal.
        self.host.signal(SIGTTOU, SignalAction::Ignore);
        let _ = self.host.set_group(0, self.process as i32);
        self.put_in_front(self.process as i32);
        true
    }

    pub(crate) fn put_in_front(&mut self, group: i32) {
        let _ = self.host.set_foreground(self.terminal, group);
    }

    /// A new process for a job whose first process is `first`, or 0 if it is this one. 0 in the child.
    pub(crate) fn fork_job(&mut self, first: i32, in_front: bool) -> Run<i32> {
        if self.terminal >= 0 && self.free_job().is_none() {
            return self.fail(0, b"too many background commands; sh -o limits tells the bound");
        }
        let pid = self.fork()?;
        if self.terminal >= 0 {
            // Both do it: whoever comes first, it is done before either goes on.
            let group = match (first, pid) {
                (0, 0) => self.host.identity(Identity::Process) as i32,
                (0, pid) => pid,
                (first, _) => first,
            };
            let _ = self.host.set_group(pid, group);
            if pid == 0 && in_front {
                self.put_in_front(group);
            }
        }
        if pid == 0 {
            self.become_child();
        }
        Ok(pid)
    }

    /// Waits for the processes of a command, whose pids become their statuses. Where jobs are controlled it may be
    /// stopped instead; `node` is its tree.
    pub(crate) fn in_front(&mut self, pids: At, count: usize, node: At) {
        let last = pids + 4 * (count - 1);
        if self.terminal < 0 {
            let mut at = pids;
            while at <= last {
                self.status = self.wait_for(self.memory.word(at) as i32);
                self.memory.set_word(at, self.status as usize);
                at += 4;
            }
            return;
        }
        let (group, pid) = (self.memory.word(pids) as i32, self.memory.word(last) as i32);
        let place = self.add_job(pid, group, 0);
        self.hand_over(group);
        self.wait_in_front(place, pids, last);
        if !self.job(place).is_done {
            self.job(place).text = self.text_of(node);
        }
        self.settle(place);
    }

    /// Gives the terminal to a job that takes it as well, and a Ctrl-C that came to us before either did.
    fn hand_over(&mut self, group: i32) {
        self.put_in_front(group);
        match self.host.caught() {
            0 => {}
            SIGINT => {
                let _ = self.host.kill(-group, SIGINT);
            }
            // Ours: it arrives again.
            signal => {
                let _ = self.host.kill(self.process as i32, signal);
            }
        }
    }

    /// Keeps the status of a job that was in front, and forgets it if it has ended.
    #[inline(never)]
    pub(crate) fn settle(&mut self, place: usize) {
        self.status = exit_status(self.job(place).status);
        if self.job(place).is_done {
            self.remove_job(place);
        }
    }

    /// Waits until a job ends or stops, then takes the terminal back. Statuses take the place of pids from `at` to `last`.
    #[inline(never)]
    pub(crate) fn wait_in_front(&mut self, place: usize, first: At, last: At) {
        // Bit N: one of the processes ended by signal N; bit 0: one did so by itself.
        let mut ends = 0_u64;
        loop {
            let target = self.job(place).target();
            match self.host.wait(target, Wait::End) {
                Ok(Some((pid, status))) => {
                    self.note_change(place, pid, status);
                    if self.job(place).is_stopped {
                        break;
                    }
                    let signal = status & 0x7f;
                    self.tell_signal(signal);
                    ends |= 1 << (signal & 63);
                    let mut at = first;
                    while at <= last {
                        if self.memory.word(at) as i32 == pid {
                            self.memory.set_word(at, exit_status(status) as usize);
                        }
                        at += 4;
                    }
                }
                Ok(None) | Err(EINTR) => {}
                Err(_) => {
                    self.job(place).is_done = true;
                    break;
                }
            }
        }
        self.put_in_front(self.process as i32);
        let is_stopped = self.job(place).is_stopped;
        if self.is_set(INTERACTIVE) {
            if is_stopped || ends > 1 {
                // It may have left the terminal in any state.
                self.host.set_keys(self.terminal, Keys::Programs);
            }
            if is_stopped {
                // The line that tells it begins at the left.
                let _ = self.host.write(2, b"\n");
            }
        }
        if ends & 1 << SIGINT != 0 {
            // The terminal has told the job, and not us.
            let _ = self.host.kill(self.process as i32, SIGINT);
        }
    }

    /// The words of a command in the heap, where jobs are controlled.
    pub(crate) fn text_of(&mut self, node: At) -> u32 {
        if self.terminal < 0 {
            return 0;
        }
        let mark = self.memory.top;
        self.spell(node);
        self.memory.push(0);
        let text = self.memory.keep(mark);
        self.memory.top = mark;
        text as u32
    }

    /// The job at a place. One that is nowhere is none.
    #[inline(never)]
    pub(crate) fn job(&mut self, place: usize) -> &mut Job {
        match self.jobs.get_mut(place) {
            Some(job) => job,
            None => &mut self.no_job,
        }
    }

    /// Puts a running command into the table.
    #[inline(never)]
    pub(crate) fn add_job(&mut self, pid: i32, group: i32, text: u32) -> usize {
        let place = self.free_job().unwrap_or(usize::MAX);
        self.begun += 1;
        *self.job(place) = Job { pid, group, text, number: self.begun, ..Job::NONE };
        place
    }

    /// A free place; where there is none, that of a command that has ended and that nobody asked for.
    pub(crate) fn free_job(&mut self) -> Option<usize> {
        if let Some(place) = self.jobs.iter().position(|job| job.pid == 0) {
            return Some(place);
        }
        self.look_at_jobs();
        let place = self.jobs.iter().position(|job| job.is_done)?;
        self.remove_job(place);
        Some(place)
    }

    #[inline(never)]
    pub(crate) fn remove_job(&mut self, place: usize) {
        let text = self.job(place).text;
        self.memory.release(text as usize);
        *self.job(place) = Job::NONE;
    }

    /// Takes the news of all jobs.
    pub(crate) fn look_at_jobs(&mut self) {
        for place in 0..self.jobs.len() {
            while self.job(place).pid != 0 && !self.job(place).is_done {
                let target = self.job(place).target();
                match self.host.wait(target, Wait::Not) {
                    Ok(Some((pid, status))) => self.note_change(place, pid, status),
                    Ok(None) => break,
                    Err(_) => {
                        let job = self.job(place);
                        (job.is_done, job.is_stopped, job.is_news) = (true, false, true);
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn note_change(&mut self, place: usize, pid: i32, status: i32) {
        let number = self.begun + 1;
        let job = self.job(place);
        if status & 0x7f == 0x7f {
            // Where it has no group of its own nobody controls it.
            job.is_stopped = status & 0xff00 != 0xff00 && job.group != 0;
            if job.is_stopped {
                (job.status, job.is_news, job.number) = (status, true, number);
                self.begun = number;
            }
        } else if pid == job.pid {
            job.status = status;
        }
    }

    /// Keeps what any wait has told.
    pub(crate) fn note_end(&mut self, pid: i32, status: i32) {
        if let Some(place) = self.jobs.iter().position(|job| job.pid == pid) {
            self.note_change(place, pid, status);
        }
    }

    /// The place of the job below this rank.
    pub(crate) fn next_job(&self, rank: u64) -> Option<usize> {
        let mut best = (0, None);
        for (place, job) in self.jobs.iter().enumerate() {
            let own = job.rank();
            if own > best.0 && own < rank {
                best = (own, Some(place));
            }
        }
        best.1
    }

    /// The job that a word names: `%N`, `%%`, `%+`, `%-`, `%` and how its text begins, or nothing for the current one.
    pub(crate) fn job_of(&self, word: At) -> Option<usize> {
        let current = self.next_job(u64::MAX);
        let text = if word == 0 { b"%".as_slice() } else { self.memory.string(word) };
        match text.strip_prefix(b"%")? {
            b"" | b"%" | b"+" => current,
            b"-" => self.next_job(self.jobs.get(current?)?.rank()),
            name => match crate::builtins::decimal(name) {
                Some(number) => {
                    let place = (number as usize).checked_sub(1)?;
                    (self.jobs.get(place)?.pid != 0).then_some(place)
                }
                None => self.jobs.iter().position(|job| {
                    job.pid != 0 && self.memory.string(job.text as usize).starts_with(name)
                }),
            },
        }
    }

    /// Tells a person, or standard error, what has changed.
    pub(crate) fn tell_jobs(&mut self) {
        if self.terminal >= 0 {
            self.look_at_jobs();
            let mark = self.memory.top;
            self.push_jobs(0, true);
            let _ = self.write(2, mark);
        }
    }

    /// Whether there are stopped jobs that nobody has been warned of.
    pub(crate) fn warns_of_stopped_jobs(&mut self) -> bool {
        self.look_at_jobs();
        let warns = self.warned == 0 && self.jobs.iter().any(|job| job.is_stopped);
        if warns {
            self.warned = 2;
            let _ = self.host.write(2, b"You have stopped jobs.\n");
        }
        warns
    }
}
