//! `jobs`, `fg`, `bg`, `kill`, and how jobs are shown.

use crate::builtins::builtin;
use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell};

const SIGCONT: u8 = 18;

/// What is said of a command that they stopped or ended, as in strsignal(3); of other signals it is their name.
const SIGNALS: &[u8] =
    b"\x01Hangup\n\x02Interrupt\n\x09Killed\n\x0fTerminated\n\x13Stopped (signal)\n\x14Stopped\n\
    \x15Stopped (tty input)\n\x16Stopped (tty output)";

impl<H: Host> Shell<'_, H> {
    /// `jobs`: all of them, with `-l` their processes, with `-p` these alone.
    pub(crate) fn jobs_builtin(&mut self) -> Run<i32> {
        let kind = self.last_option(b"lp")?;
        self.look_at_jobs();
        let mark = self.memory.top;
        if self.words.count == 0 {
            self.push_jobs(kind, false);
        }
        while let word @ 1.. = self.take_word() {
            let Some(place) = self.job_of(word) else { return self.fail(word, b"no such job") };
            self.push_job(place, kind);
        }
        self.output(mark)
    }

    pub(crate) fn push_jobs(&mut self, kind: u8, only_news: bool) {
        let mut rank = u64::MAX;
        while let Some(place) = self.next_job(rank) {
            rank = self.job(place).rank();
            if self.job(place).is_news || !only_news {
                self.push_job(place, kind);
                if self.job(place).is_done {
                    self.remove_job(place);
                }
            }
        }
    }

    /// Appends the line of a job, as dash has it.
    fn push_job(&mut self, place: usize, kind: u8) {
        let current = self.next_job(u64::MAX);
        let mark = if current == Some(place) {
            b'+'
        } else {
            let rank = self.job(current.unwrap_or(usize::MAX)).rank();
            if self.next_job(rank) == Some(place) { b'-' } else { b' ' }
        };
        let job = self.job(place);
        job.is_news = false;
        let job = *job;
        if kind == b'p' {
            self.memory.push_number(job.target().unsigned_abs().into());
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
        self.memory.push(b' ');
        self.memory.pad(start + 33);
        self.push_text(place);
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
        for words in SIGNALS.split(|byte| *byte == b'\n') {
            if let Some((known, words)) = words.split_first()
                && i32::from(*known) == signal
            {
                return self.memory.push_bytes(words);
            }
        }
        self.memory.push_bytes(b"SIG");
        let name = self.host.signal_name(signal as u8);
        self.memory.push_bytes(name);
    }

    fn push_text(&mut self, place: usize) {
        let text = self.job(place).text as usize;
        self.memory.push_string(text);
        self.memory.push(b'\n');
    }

    /// `fg` and `bg`: lets jobs go on.
    pub(crate) fn continue_builtin(&mut self) -> Run<i32> {
        let in_front = self.builtin == builtin::FG;
        loop {
            let word = self.take_word();
            self.look_at_jobs();
            let Some(place) = self.job_of(word) else {
                return self.fail(word, if word == 0 { b"no current job" } else { b"no such job" });
            };
            if self.job(place).group == 0 || self.terminal < 0 {
                return self.fail(word, b"job was not created under job control");
            }
            self.status = 0;
            self.continue_job(place, in_front);
            if self.words.count == 0 {
                return Ok(self.status);
            }
        }
    }

    fn continue_job(&mut self, place: usize, in_front: bool) {
        let mark = self.memory.top;
        let number = self.begun + 1;
        let job = self.job(place);
        let (group, is_done) = (job.group, job.is_done);
        if !is_done {
            (job.is_stopped, job.is_news, job.number) = (false, false, number);
            self.begun = number;
        }
        if !in_front {
            self.push_place(place);
        } else if !is_done {
            // Whoever has read the line below types for the job.
            self.put_in_front(group);
        }
        self.push_text(place);
        let _ = self.output(mark);
        if !is_done {
            let _ = self.host.kill(-group, SIGCONT);
            if in_front {
                self.wait_in_front(place, 1, 0);
                self.settle(place);
            }
        }
    }

    pub(super) fn kill_builtin(&mut self) -> Run<i32> {
        let mut signal = 15;
        let word = self.first_word();
        match if word == 0 { b"".as_slice() } else { self.memory.string(word) } {
            b"-l" => {
                self.take_word();
                return self.signal_names();
            }
            b"-s" | b"-n" => {
                self.take_word();
                let name = self.take_word();
                signal = self.kill_signal(name)?;
            }
            b"--" => {}
            [b'-', _, ..] => {
                self.take_word();
                signal = self.kill_signal(word + 1)?;
            }
            _ => {}
        }
        self.accept_word(b"--");
        if self.words.count == 0 {
            return self.fail(0, b"kill needs a process");
        }
        let mut status = 0;
        while let word @ 1.. = self.take_word() {
            let Some(pid) = self.process_of(word) else {
                self.say(word, b"no such process", 0);
                status = 1;
                continue;
            };
            if let Err(errno) = self.host.kill(pid, signal) {
                self.say(word, b"kill", errno);
                status = 1;
            }
        }
        Ok(status)
    }

    fn kill_signal(&mut self, name: At) -> Run<u8> {
        let signal = if name == 0 { None } else { self.signal_of(name) };
        match signal {
            Some(signal) => Ok(signal as u8),
            None => self.fail(name, b"no such signal"),
        }
    }

    fn signal_names(&mut self) -> Run<i32> {
        let mark = self.memory.top;
        if self.words.count == 0 {
            for signal in 1..32 {
                let name = self.host.signal_name(signal);
                self.memory.push_bytes(name);
                self.memory.push(b'\n');
            }
        }
        while let word @ 1.. = self.take_word() {
            let number = self.number_of(word)?;
            // What a command ended by a signal gives counts too.
            let signal = if number > 128 { number - 128 } else { number };
            let name = u8::try_from(signal).map_or(b"".as_slice(), |s| self.host.signal_name(s));
            if name.is_empty() {
                return self.fail(word, b"no such signal");
            }
            self.memory.push_bytes(name);
            self.memory.push(b'\n');
        }
        self.output(mark)
    }
}
