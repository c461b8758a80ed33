//! Jobs: commands in the background or stopped, their terminal. XCU 2.11.

use crate::host::{Host, Identity, Keys, Open, SignalAction, Wait};
use crate::memory::At;
use crate::options::{INTERACTIVE, MONITOR};
use crate::process::{EINTR, SIGINT, exit_status};
use crate::shell::{Run, Shell};
use crate::signals::{SIGTSTP, SIGTTOU};

const SIGTTIN: u8 = 21;

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
    /// It was not told yet.
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

/// Whether a wait status tells a stop, or that a process goes on.
const fn is_stop(status: i32) -> bool {
    status & 0xff == 0x7f
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
        // Its descriptors are ours alone.
        let number = opened
            .unwrap_or_else(|_| (0..3).rev().find(|n| self.host.is_terminal(*n)).unwrap_or(-1));
        let saved = self.host.save(number);
        if opened.is_ok() {
            self.host.close(number);
        }
        let Ok(terminal) = saved else { return false };
        self.first_group = self.host.identity(Identity::ProcessGroup) as i32;
        loop {
            match self.host.foreground(terminal) {
                Ok(group) if group == self.first_group => break,
                Ok(_) => {
                    let _ = self.host.kill(0, SIGTTIN);
                }
                Err(_) => {
                    self.host.close(terminal);
                    return false;
                }
            }
        }
        self.terminal = terminal;
        // Or it would stop us.
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
        let pid_at = |place: usize| pids + 4 * place;
        let last = self.memory.word(pid_at(count - 1)) as i32;
        if self.terminal < 0 {
            for place in 0..count {
                self.status = self.wait_for(self.memory.word(pid_at(place)) as i32);
                self.memory.set_word(pid_at(place), self.status as usize);
            }
            return;
        }
        let group = self.memory.word(pids) as i32;
        let mut job = Job { pid: last, group, is_news: true, ..Job::NONE };
        self.wait_in_front(&mut job, |shell, pid, status| {
            for place in 0..count {
                if shell.memory.word(pid_at(place)) as i32 == pid {
                    shell.memory.set_word(pid_at(place), exit_status(status) as usize);
                }
            }
        });
        self.status = exit_status(job.status);
        if !job.is_done {
            job.text = self.text_of(node);
            self.keep_job(job);
        }
    }

    /// Waits until a job ends or stops, then takes the terminal back.
    pub(crate) fn wait_in_front(
        &mut self,
        job: &mut Job,
        mut on_end: impl FnMut(&mut Self, i32, i32),
    ) {
        let (mut interrupted, mut disturbed) = (false, false);
        loop {
            match self.host.wait(job.target(), Wait::End) {
                Ok(Some((_, status))) if is_stop(status) => {
                    (job.status, job.is_stopped) = (status, true);
                    break;
                }
                Ok(Some((pid, status))) if status & 0x7f != 0x7f => {
                    if pid == job.pid {
                        job.status = status;
                    }
                    self.tell_signal(status & 0x7f);
                    interrupted |= status & 0x7f == i32::from(SIGINT);
                    disturbed |= status & 0x7f != 0;
                    on_end(self, pid, status);
                }
                Ok(_) | Err(EINTR) => {}
                Err(_) => {
                    job.is_done = true;
                    break;
                }
            }
        }
        self.put_in_front(self.process as i32);
        if self.is_set(INTERACTIVE) && (disturbed || job.is_stopped) {
            // It may have left the terminal in any state.
            self.host.set_keys(self.terminal, Keys::Programs);
        }
        if self.is_set(INTERACTIVE) && job.is_stopped {
            // The line that tells it begins at the left.
            let _ = self.host.write(2, b"\n");
        }
        if interrupted {
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

    /// Puts a command into the table that runs in the background.
    pub(crate) fn add_job(&mut self, pid: i32, group: i32, text: u32) {
        self.keep_job(Job { pid, group, text, ..Job::NONE });
    }

    fn keep_job(&mut self, mut job: Job) {
        self.begun += 1;
        job.number = self.begun;
        if let Some(place) = self.free_job()
            && let Some(free) = self.jobs.get_mut(place)
        {
            *free = job;
        }
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

    pub(crate) fn remove_job(&mut self, place: usize) {
        if let Some(job) = self.jobs.get_mut(place) {
            self.memory.release(job.text as usize);
            *job = Job::NONE;
        }
    }

    /// Takes the news of all jobs.
    pub(crate) fn look_at_jobs(&mut self) {
        for place in 0..self.jobs.len() {
            while let Some(job) = self.jobs.get(place)
                && job.pid != 0
                && !job.is_done
            {
                match self.host.wait(job.target(), Wait::Not) {
                    Ok(Some((pid, status))) => self.note_change(place, pid, status),
                    Ok(None) => break,
                    Err(_) => {
                        if let Some(job) = self.jobs.get_mut(place) {
                            (job.is_done, job.is_stopped, job.is_news) = (true, false, true);
                        }
                    }
                }
            }
        }
    }

    fn note_change(&mut self, place: usize, pid: i32, status: i32) {
        let Some(job) = self.jobs.get_mut(place) else { return };
        if job.group == 0 && status & 0x7f == 0x7f {
            // Nobody controls it.
        } else if is_stop(status) {
            self.begun += 1;
            job.number = self.begun;
            (job.status, job.is_stopped, job.is_news) = (status, true, true);
        } else if status & 0x7f == 0x7f {
            job.is_stopped = false;
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
