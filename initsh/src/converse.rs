//! Talking with a person: prompts, and going on after errors.

use core::mem;

use crate::host::Host;
use crate::lexer::Until;
use crate::memory::At;
use crate::reader::Reader;
use crate::shell::{Run, Shell, Skip};
use crate::tree::List;

impl<H: Host> Shell<'_, H> {
    /// Reads and evaluates until the input ends or `exit` is called; an error leads back to the prompt.
    pub(crate) fn converse(&mut self) -> Run {
        self.own_signals(true);
        let (mark, frame) = (self.memory.top, self.frame());
        loop {
            let done = self.script(false);
            // What could not become a program is no shell: it ends.
            let ends = self.ends || self.is_child;
            if done.is_err() && ends || done.is_ok() && self.skip == Skip::Nothing {
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
            self.reader.waiting = false;
            self.reader.pending = List::default();
            self.reader.functions = 0;
        }
    }

    /// Shows PS1, or PS2 where a command goes on.
    pub(crate) fn prompt(&mut self) {
        let goes_on = mem::replace(&mut self.reader.goes_on, true);
        let symbol = self.own_symbol(if goes_on { b"PS2" } else { b"PS1" });
        let text = self.value(symbol);
        let mark = self.memory.top;
        if text != 0 {
            let _ = self.expand_prompt(text);
        }
        self.memory.top = mark;
    }

    fn expand_prompt(&mut self, text: At) -> Run {
        let inner = Reader::string(text, self.memory.length(text), 0);
        let word = self.read_within(inner, |shell| {
            shell.reader.word = shell.memory.top;
            shell.text(Until::Source, true)?;
            shell.memory.push(0);
            Ok(shell.reader.word)
        })?;
        let start = self.single(word)?;
        self.memory.top = start + self.memory.length(start);
        let _ = self.write(2, start);
        Ok(())
    }
}
