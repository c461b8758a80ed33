//! Talking with a person: prompts, typed lines, going on after errors.

use core::mem;

use crate::editor::Step;
use crate::host::{Host, Keys, Wake};
use crate::lexer::Until;
use crate::limits::LINE_BYTES;
use crate::memory::At;
use crate::options::{INTERACTIVE, MONITOR};
use crate::process::{EINTR, SIGINT};
use crate::reader::{Ahead, Reader};
use crate::shell::{Fail, Run, Shell, Skip};
use crate::tree::List;

/// Where a person types, and where prompts go.
const KEYBOARD: i32 = 0;
const SCREEN: i32 = 2;

impl<H: Host> Shell<'_, H> {
    /// Reads and evaluates until the input ends or `exit` is called; an error leads back to the prompt.
    #[inline(never)]
    pub(crate) fn converse(&mut self) -> Run {
        self.own_signals();
        self.options |= MONITOR;
        self.control_jobs();
        self.prepare_editor();
        let (mark, frame) = (self.memory.top, self.frame());
        loop {
            let done = self.script(false);
            // What could not become a program is no shell: it ends.
            let ends = self.ends || self.is_child;
            let is_over = done.is_ok() && self.skip == Skip::Nothing;
            if done.is_err() && ends || is_over && !self.warns_of_stopped_jobs() {
                if is_over {
                    let _ = self.host.write(SCREEN, b"\n");
                }
                return done;
            }
            self.unwind(&frame);
            self.memory.top = mark;
            self.memory.full = false;
            self.skip = Skip::Nothing;
            (self.exiting, self.depth) = (false, 0);
            if done.is_err() && !self.reader.is_at_line_start() {
                // What is left of the line belongs to what failed.
                while !matches!(self.look(0), 0 | b'\n') {
                    self.bump();
                }
                self.bump();
            }
            self.is_given_up = false;
            if self.reader.has_ended() {
                self.reader.forget();
            }
            self.reader.waiting = false;
            self.reader.pending = List::default();
            self.reader.functions = 0;
        }
    }

    /// Lines are edited where both keys and prompts are those of a terminal, and it can do more than print.
    fn prepare_editor(&mut self) {
        let symbol = self.own_symbol(b"TERM");
        let kind = self.value(symbol);
        self.is_typed = self.reader.descriptor == KEYBOARD && self.host.is_terminal(KEYBOARD);
        if self.is_typed && self.host.is_terminal(SCREEN) && self.memory.string(kind) != b"dumb" {
            self.editor.prepare(&mut self.memory);
        }
        if self.editor.line != 0 {
            self.reader = Reader::file(KEYBOARD, self.editor.line, Ahead::Byte);
        }
    }

    /// Appends PS1, or PS2 where a command goes on, and gives its place.
    #[inline(never)]
    fn prompt(&mut self) -> At {
        let goes_on = mem::replace(&mut self.reader.goes_on, true);
        if !goes_on {
            self.tell_jobs();
        }
        let symbol = self.own_symbol(if goes_on { b"PS2" } else { b"PS1" });
        let text = self.value(symbol);
        let mark = self.memory.top;
        if text != 0
            && let Ok(prompt) = self.expand_prompt(text)
            && !self.memory.full
        {
            return prompt;
        }
        (self.memory.top, self.memory.full) = (mark, false);
        self.memory.push(0);
        mark
    }

    fn expand_prompt(&mut self, text: At) -> Run<At> {
        let inner = Reader::string(text, self.memory.length(text), 0);
        let word = self.read_within(inner, |shell| {
            shell.reader.word = shell.memory.top;
            shell.text(Until::Source, true)?;
            shell.memory.push(0);
            Ok(shell.reader.word)
        })?;
        let start = self.single(word)?;
        self.memory.top = start + self.memory.length(start) + 1;
        Ok(start)
    }

    /// Shows a prompt and waits for a line. False where none comes; one that is edited is in the reader then.
    #[inline(never)]
    pub(crate) fn await_line(&mut self) -> bool {
        let mark = self.memory.top;
        let prompt = self.prompt();
        let is_edited = self.editor.line != 0;
        let comes = if is_edited {
            self.editor.begin(&self.memory, prompt);
            self.host.set_keys(KEYBOARD, Keys::Each);
            self.edit()
        } else {
            let output = self.memory.top;
            self.memory.push_string(prompt);
            let _ = self.write(SCREEN, output);
            !self.is_typed || self.await_plain_line()
        };
        self.host.set_keys(KEYBOARD, Keys::Programs);
        self.memory.top = mark;
        comes
    }

    /// Waits for a line that the terminal lets one edit.
    fn await_plain_line(&mut self) -> bool {
        let mut wake = Wake::Nothing;
        let mut goes_on = true;
        while wake != Wake::Input && goes_on {
            self.host.set_keys(KEYBOARD, Keys::Lines);
            wake = self.host.await_keys(KEYBOARD, true);
            self.host.set_keys(KEYBOARD, Keys::Programs);
            goes_on = wake == Wake::Input || self.run_traps_at_prompt().is_ok();
        }
        goes_on
    }

    /// Where `read` asks a person: waits for a line, or for Ctrl-C.
    pub(crate) fn await_answer(&mut self) -> Run {
        if self.is_set(INTERACTIVE) && self.host.is_terminal(KEYBOARD) && !self.await_plain_line() {
            return Err(Fail);
        }
        Ok(())
    }

    /// Runs the actions of signals, with the terminal as programs want it. Gives whether there were some; a failure is
    /// that the line is given up.
    fn run_traps_at_prompt(&mut self) -> Run<bool> {
        self.host.set_keys(KEYBOARD, Keys::Programs);
        let mut found = false;
        loop {
            let signal = self.host.caught();
            if signal == 0 {
                return Ok(found);
            }
            // Its words begin at the left, as those behind Ctrl-C do anyway.
            if self.traps.get(usize::from(signal)) != Some(&0) && signal != SIGINT {
                let _ = self.host.write(SCREEN, b"\n");
            }
            let done = self.run_trap(signal);
            self.is_given_up |= done.is_err();
            found |= done?;
        }
    }

    /// Lets a person edit a line until it is ready.
    #[inline(never)]
    fn edit(&mut self) -> bool {
        self.draw(true);
        loop {
            // What is pasted is drawn when all of it is there.
            let mut wake = self.host.await_keys(KEYBOARD, false);
            if wake != Wake::Input {
                self.draw(false);
                wake = self.host.await_keys(KEYBOARD, true);
            }
            if wake != Wake::Input {
                let Ok(found) = self.run_traps_at_prompt() else { return false };
                self.host.set_keys(KEYBOARD, Keys::Each);
                self.editor.forget_screen();
                self.draw(found);
                continue;
            }
            let mut byte = [0];
            let step = match self.host.read(KEYBOARD, &mut byte) {
                Ok(1..) => {
                    let [byte] = byte;
                    let before = self.editor.is_second;
                    let step = self.editor.take(&mut self.memory, byte);
                    if step == Step::Complete {
                        self.complete(before);
                    }
                    step
                }
                Err(EINTR) => Step::Nothing,
                _ => Step::End,
            };
            match step {
                Step::Nothing | Step::Complete => {}
                Step::Clear => {
                    let _ = self.host.write(SCREEN, b"\x1b[H\x1b[2J");
                    self.draw(true);
                }
                Step::End => return false,
                Step::Line => return self.take_line(),
                Step::Interrupt => {
                    let _ = self.host.write(SCREEN, b"^C\n");
                    self.status = 128 + i32::from(SIGINT);
                    // As if the terminal had sent the signal: there may be an action.
                    if self.traps.get(usize::from(SIGINT)) != Some(&0) {
                        let _ = self.host.kill(self.process as i32, SIGINT);
                        let _ = self.run_traps_at_prompt();
                    }
                    self.is_given_up = true;
                    return false;
                }
            }
        }
    }

    /// Shows the line, if asked for with its prompt.
    pub(crate) fn draw(&mut self, with_prompt: bool) {
        let mark = self.memory.top;
        if with_prompt {
            self.editor.draw_prompt(&mut self.memory);
        }
        let columns = self.host.columns(SCREEN);
        self.editor.draw(&mut self.memory, columns);
        let _ = self.write(SCREEN, mark);
    }

    /// A line is ready: the reader gets it.
    #[inline(never)]
    fn take_line(&mut self) -> bool {
        self.draw(false);
        let _ = self.host.write(SCREEN, b"\n");
        if self.editor.full {
            self.say(0, b"line is too long; sh -o limits tells the bound", 0);
            self.status = 2;
            self.is_given_up = true;
            return false;
        }
        self.editor.remember(&mut self.memory);
        self.memory.set_byte(self.editor.left, b'\n');
        self.reader.at = self.editor.line;
        self.reader.end = self.editor.left + 1;
        debug_assert!(self.reader.end <= self.editor.line + LINE_BYTES);
        true
    }
}
