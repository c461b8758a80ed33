//! Traps. XCU 2.14, trap.

use core::mem;

use crate::host::{Host, SignalAction};
use crate::memory::At;
use crate::process::SIGINT;
use crate::reader::Reader;
use crate::shell::{Fail, Run, Shell, Skip};

/// EXIT, and the signals 1 to 64.
pub(crate) const TRAPS: usize = 65;

/// The action that does nothing; others are blocks of the heap, and 0 is the default.
const IGNORED: u32 = 1;

const SIGQUIT: u8 = 3;
const SIGTERM: u8 = 15;
pub(crate) const SIGTSTP: u8 = 20;
pub(crate) const SIGTTOU: u8 = 22;

impl<H: Host> Shell<'_, H> {
    /// What a signal does without an action. XCU 2.11. What must not end or stop us is caught and dropped, not ignored:
    /// a child may be sent it before it has made its own settings, and must not inherit that it is ignored.
    fn own_action(&self, signal: u8) -> SignalAction {
        let is_ours = match signal {
            SIGINT | SIGQUIT | SIGTERM => self.is_interactive(),
            SIGTSTP | SIGTTOU => self.terminal >= 0,
            _ => false,
        };
        if is_ours { SignalAction::Catch } else { SignalAction::Default }
    }

    /// Gives the signals of a person's shell, and of job control, what they do now.
    pub(crate) fn own_signals(&mut self) {
        for signal in [SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU] {
            if self.traps.get(usize::from(signal)) == Some(&0) {
                self.host.signal(signal, self.own_action(signal));
            }
        }
    }

    /// Reads and evaluates a string, which stays where it is meanwhile.
    pub(crate) fn eval_string(&mut self, text: At, last: bool) -> Run {
        let inner = Reader::string(text, self.memory.length(text), self.line as u32);
        self.read_within(inner, |shell| {
            shell.reader.mark_token();
            shell.script(last)
        })
    }

    /// Runs the actions of what arrived.
    pub(crate) fn run_traps(&mut self) -> Run {
        loop {
            let signal = self.host.caught();
            if signal == 0 {
                return Ok(());
            }
            self.run_trap(signal)?;
        }
    }

    /// Runs the action of a signal; gives whether it has one.
    pub(crate) fn run_trap(&mut self, signal: u8) -> Run<bool> {
        let action = self.traps.get(usize::from(signal)).map_or(0, |action| *action as usize);
        if action > 1 {
            return self.run_action(action).map(|()| true);
        }
        if signal == SIGINT && action == 0 {
            // Only an interactive shell catches it by itself: back to the prompt.
            let _ = self.host.write(2, b"\n");
            self.status = 130;
            // Whatever is under way.
            self.exiting = true;
            return Err(Fail);
        }
        Ok(false)
    }

    fn run_action(&mut self, action: At) -> Run {
        let mark = self.memory.top;
        let status = self.status;
        // The built-in that waits has words of its own.
        let words = self.words;
        self.memory.push_whole(action);
        // Loops of the action count down for themselves.
        let (skip, skip_count) = (mem::take(&mut self.skip), self.skip_count);
        let before = self.before_action.replace(status);
        let done = self.eval_string(mark, false);
        self.before_action = before;
        self.words = words;
        if done.is_ok() {
            self.memory.top = mark;
            if self.skip == Skip::Nothing {
                (self.skip, self.skip_count) = (skip, skip_count);
                self.status = status;
            }
        }
        done
    }

    /// At the end of the shell.
    pub(crate) fn exit_trap(&mut self) -> Run {
        let action = self.traps.first_mut().map_or(0, |action| mem::replace(action, 0));
        if action > 1 {
            self.tested = 0;
            return self.run_action(action as usize);
        }
        Ok(())
    }

    /// A subshell has no actions; what is ignored stays so.
    pub(crate) fn reset_traps(&mut self) {
        if !self.has_traps && self.traps.first() == Some(&0) {
            return;
        }
        for signal in 0..TRAPS {
            if self.traps.get(signal).is_some_and(|action| *action > IGNORED) {
                self.set_trap(signal, 0);
            }
        }
    }

    fn set_trap(&mut self, signal: usize, action: u32) {
        let Some(place) = self.traps.get_mut(signal) else { return };
        let old = mem::replace(place, action);
        if old > IGNORED {
            self.memory.release(old as usize);
        }
        if signal != 0 {
            self.has_traps |= action > IGNORED;
            let kind = match action {
                0 => self.own_action(signal as u8),
                IGNORED => SignalAction::Ignore,
                _ => SignalAction::Catch,
            };
            let was_ignored = self.host.signal(signal as u8, kind);
            // What was ignored when the shell began stays so, unless there was an action of ours.
            if was_ignored && old == 0 && action != IGNORED && !self.is_interactive() {
                self.host.signal(signal as u8, SignalAction::Ignore);
            }
        }
    }

    const fn is_interactive(&self) -> bool {
        self.is_set(crate::options::INTERACTIVE)
    }

    /// The number of a signal by its name; EXIT is 0.
    pub(crate) fn signal_of(&self, word: At) -> Option<usize> {
        match self.memory.string(word) {
            b"EXIT" | b"0" => Some(0),
            name => self.host.signal_number(name).map(usize::from),
        }
    }

    pub(crate) fn trap_builtin(&mut self) -> Run<i32> {
        self.accept_word(b"--");
        if self.words.count == 0 {
            return self.show_traps();
        }
        // What has arrived has the action that it found.
        self.run_traps()?;
        let action = self.words.at;
        // A number alone, or a signal alone, gives it its default back.
        let is_reset = crate::builtins::decimal(self.memory.string(action)).is_some()
            || self.words.count == 1 && self.signal_of(action).is_some();
        if !is_reset {
            self.take_word();
        }
        let mut status = 0;
        while let word @ 1.. = self.take_word() {
            let Some(signal) = self.signal_of(word) else {
                self.say(word, b"bad trap", 0);
                status = 1;
                continue;
            };
            let kept = match self.memory.string(action) {
                _ if is_reset => 0,
                b"-" => 0,
                b"" => IGNORED,
                _ => self.memory.keep(action) as u32,
            };
            if self.memory.full {
                return self.out_of_memory();
            }
            self.set_trap(signal, kept);
        }
        Ok(status)
    }

    fn show_traps(&mut self) -> Run<i32> {
        let mark = self.memory.top;
        for signal in 0..TRAPS {
            let action = self.traps.get(signal).map_or(0, |action| *action);
            if action == 0 {
                continue;
            }
            self.memory.push_bytes(b"trap -- ");
            let text = if action == IGNORED { 0 } else { action as usize };
            self.push_single_quoted(text);
            self.memory.push(b' ');
            match (signal, self.host.signal_name(signal as u8)) {
                (0, _) => self.memory.push_bytes(b"EXIT"),
                (_, b"") => self.memory.push_number(signal as i64),
                (_, name) => self.memory.push_bytes(name),
            }
            self.memory.push(b'\n');
        }
        self.output(mark)
    }
}
