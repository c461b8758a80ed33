//! `jobs`, `fg`, `bg`, and how jobs are shown.

use crate::host::Host;
use crate::jobs::Job;
use crate::memory::At;
use crate::process::exit_status;
use crate::shell::{Run, Shell, Words};

const SIGCONT: u8 = 18;

/// What is said of a command that they stopped or ended, as in strsignal(3); of other signals it is their name.
const SIGNALS: &[(u8, &[u8])] = &[
    (1, b"Hangup"),
    (2, b"Interrupt"),
    (9, b"Killed"),
    (15, b"Terminated"),
    (19, b"Stopped (signal)"),
    (20, b"Stopped"),
    (21, b"Stopped (tty input)"),
    (22, b"Stopped (tty output)"),
];

impl<H: Host> Shell<'_, H> {
    /// `jobs`: all of them, with `-l` their processes, with `-p` these alone.
    pub(crate) fn jobs_builtin(&mut self, mut words: Words) -> Run<i32> {
        let mut kind = 0;
        loop {
            match self.option(&mut words, b"lp")? {
                0 => break,
                letter => kind = letter,
            }
        }
        self.look_at_jobs();
        let mark = self.memory.top;
        if words.count == 0 {
            self.push_jobs(kind, false);
        }
        while words.count > 0 {
            let word = self.next_word(&mut words);
            let Some(place) = self.job_of(word) else { return self.fail(word, b"no such job") };
            self.push_job(place, kind);
        }
        Ok(self.output(mark))
    }

    pub(crate) fn push_jobs(&mut self, kind: u8, only_news: bool) {
        let mut rank = u64::MAX;
        while let Some(place) = self.next_job(rank)
            && let Some(job) = self.jobs.get(place).copied()
        {
            rank = job.rank();
            if job.is_news || !only_news {
                self.push_job(place, kind);
                if job.is_done {
                    self.remove_job(place);
                }
            }
        }
    }

    /// Appends the line of a job, as dash has it.
    fn push_job(&mut self, place: usize, kind: u8) {
        let rank = |place: Option<usize>| place.and_then(|p| self.jobs.get(p)).map_or(0, Job::rank);
        let current = self.next_job(u64::MAX);
        let mark = if current == Some(place) {
            b'+'
        } else if self.next_job(rank(current)) == Some(place) {
            b'-'
        } else {
            b' '
        };
        let Some(job) = self.jobs.get_mut(place) else { return };
        job.is_news = false;
        let job = *job;
        if kind == b'p' {
            self.memory.push_number(if job.group == 0 { job.pid } else { job.group }.into());
            self.memory.push(b'\n');
            return;
        }
        let start = self.memory.top;
        self.push_place(place);
        self.memory.push(mark);
        self.memory.push(b' ');
        if kind == b'l' {
            self.memory.push_number(job.pid.into());
            self.memory.push(b' ');
        }
        let (signal, code) = (job.status & 0x7f, job.status >> 8 & 0xff);
        if job.is_stopped {
            self.push_signal(code);
        } else if !job.is_done {
            self.memory.push_bytes(b"Running");
        } else if signal != 0 {
            self.push_signal(signal);
        } else {
            self.memory.push_bytes(b"Done");
            if code != 0 {
                self.memory.push(b'(');
                self.memory.push_number(code.into());
                self.memory.push(b')');
            }
        }
        loop {
            self.memory.push(b' ');
            if self.memory.top >= start + 33 || self.memory.full {
                break;
            }
        }
        self.push_text(job);
    }

    /// `[N] `
    fn push_place(&mut self, place: usize) {
        self.memory.push(b'[');
        self.memory.push_number(place as i64 + 1);
        self.memory.push_bytes(b"] ");
    }

    /// Appends what is said of a signal.
    #[inline(never)]
    pub(crate) fn push_signal(&mut self, signal: i32) {
        if let Some((_, words)) = SIGNALS.iter().find(|(known, _)| i32::from(*known) == signal) {
            return self.memory.push_bytes(words);
        }
        self.memory.push_bytes(b"SIG");
        let name = self.host.signal_name(signal as u8);
        self.memory.push_bytes(name);
    }

    fn push_text(&mut self, job: Job) {
        let text = job.text as usize;
        self.memory.push_copy(text, self.memory.length(text));
        self.memory.push(b'\n');
    }

    /// `fg` and `bg`: lets jobs go on.
    pub(crate) fn continue_builtin(&mut self, in_front: bool, mut words: Words) -> Run<i32> {
        loop {
            let word = self.next_word(&mut words);
            self.look_at_jobs();
            let Some(place) = self.job_of(word) else {
                return self.fail(word, if word == 0 { b"no current job" } else { b"no such job" });
            };
            let status = self.continue_job(place, word, in_front)?;
            if words.count == 0 {
                return Ok(status);
            }
        }
    }

    fn continue_job(&mut self, place: usize, word: At, in_front: bool) -> Run<i32> {
        let Some(mut job) = self.jobs.get(place).copied() else { return Ok(1) };
        if job.group == 0 || self.terminal < 0 {
            return self.fail(word, b"job was not created under job control");
        }
        // Whoever has read the line types for the job.
        if in_front && !job.is_done {
            self.put_in_front(job.group);
        }
        let mark = self.memory.top;
        if !in_front {
            self.push_place(place);
        }
        self.push_text(job);
        self.output(mark);
        if job.is_done {
            return Ok(0);
        }
        let _ = self.host.kill(-job.group, SIGCONT);
        (job.is_stopped, job.is_news) = (false, false);
        if in_front {
            self.wait_in_front(&mut job, |_, _, _| {});
            (job.is_news, job.number) = (job.is_stopped, self.begun + 1);
        } else {
            job.number = self.begun + 1;
        }
        self.begun += 1;
        if let Some(kept) = self.jobs.get_mut(place) {
            *kept = job;
        }
        if job.is_done {
            self.remove_job(place);
        }
        Ok(if in_front { exit_status(job.status) } else { 0 })
    }
}
