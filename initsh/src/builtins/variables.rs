//! `export readonly local unset set shift`, and how values are quoted.

use crate::builtins::builtin;
use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell, Words};
use crate::symbols::{EXPORTED, READ_ONLY, entry};

impl<H: Host> Shell<'_, H> {
    /// `export` and `readonly`.
    pub(super) fn declare(&mut self) -> Run<i32> {
        let exports = self.builtin == builtin::EXPORT;
        self.last_option(b"p")?;
        let flag = if exports { EXPORTED } else { READ_ONLY };
        if self.words.count == 0 {
            let word: &[u8] = if exports { b"export " } else { b"readonly " };
            return self.show_variables(word, flag);
        }
        while let word @ 1.. = self.take_word() {
            let (symbol, value) = self.declared(word)?;
            if value != 0 {
                self.assign(symbol, value)?;
            }
            self.set_flags(symbol, self.flags(symbol) | flag);
        }
        Ok(0)
    }

    pub(super) fn local(&mut self) -> Run<i32> {
        if self.functions == 0 {
            return self.fail(0, b"local: not in a function");
        }
        while let word @ 1.. = self.take_word() {
            let (symbol, value) = self.declared(word)?;
            self.save_local(symbol)?;
            if value != 0 {
                self.assign(symbol, value)?;
            }
        }
        Ok(0)
    }

    pub(super) fn unset(&mut self) -> Run<i32> {
        let of_functions = self.last_option(b"vf")? == b'f';
        while let word @ 1.. = self.take_word() {
            let symbol = self.known_symbol(word);
            if of_functions {
                if symbol != 0 {
                    self.remove_function(symbol);
                }
                continue;
            }
            if !self.memory.is_name(word) {
                return self.fail(word, b"bad variable name");
            }
            if symbol != 0 {
                self.assign(symbol, 0)?;
                self.set_flags(symbol, 0);
            }
        }
        Ok(0)
    }

    pub(super) fn set_builtin(&mut self) -> Run<i32> {
        if self.words.count == 0 {
            return self.show_variables(b"", 0);
        }
        let mut sets = false;
        while self.words.count > 0 && matches!(self.memory.byte(self.words.at), b'-' | b'+') {
            let option = self.take_word();
            match self.memory.string(option) {
                b"--" => {
                    sets = true;
                    break;
                }
                b"-" => {
                    self.options &= !(crate::options::XTRACE | crate::options::VERBOSE);
                    sets = self.words.count > 0;
                    break;
                }
                b"+" => break,
                _ => {}
            }
            let operand = self.first_word();
            if self.option_word(option, operand)? == 2 {
                self.take_word();
            }
        }
        self.control_jobs();
        if sets || self.words.count > 0 {
            self.set_parameters()?;
        }
        Ok(0)
    }

    /// Gives `$@` other words.
    fn set_parameters(&mut self) -> Run {
        let mut rest = self.words;
        while rest.count > 0 {
            self.next_word(&mut rest);
        }
        let length = rest.at - self.words.at;
        let block = self.memory.allocate(length.max(1));
        if block == 0 {
            return self.out_of_memory();
        }
        self.memory.copy(self.words.at, block, length);
        self.memory.release(self.parameters_block);
        self.parameters_block = block;
        self.parameters = Words { at: block, count: self.words.count };
        self.option_place = 0;
        Ok(())
    }

    pub(super) fn shift(&mut self) -> Run<i32> {
        let count = if self.words.count == 0 { 1 } else { self.number_of(self.words.at)? };
        if count as usize > self.parameters.count {
            return self.fail(0, b"shift: there are not so many");
        }
        let mut parameters = self.parameters;
        for _ in 0..count {
            self.next_word(&mut parameters);
        }
        self.parameters = parameters;
        self.option_place = 0;
        Ok(0)
    }

    /// Variables with this flag, in the order of their names; with no flag those that have a value.
    fn show_variables(&mut self, prefix: &[u8], flag: usize) -> Run<i32> {
        let mark = self.memory.top;
        let mut before = 0;
        loop {
            let symbol = self.symbol_behind(before, flag);
            if symbol == 0 {
                return self.output(mark);
            }
            before = symbol;
            let name = symbol + entry::NAME;
            self.memory.push_bytes(prefix);
            self.memory.push_string(name);
            let value = self.value(symbol);
            if value != 0 {
                self.memory.push(b'=');
                self.push_single_quoted(value);
            }
            self.memory.push(b'\n');
        }
    }

    /// The one whose name follows that of `before`.
    fn symbol_behind(&self, before: At, flag: usize) -> At {
        let (mut symbol, mut bucket, mut best) = (0, 0, 0);
        loop {
            symbol = self.next_symbol(symbol, &mut bucket);
            if symbol == 0 {
                return best;
            }
            let shown = match flag {
                0 => self.memory.word(symbol + entry::VALUE) != 0,
                flag => self.flags(symbol) & flag != 0,
            };
            let name = |symbol: At| self.memory.string(symbol + entry::NAME);
            if shown
                && (before == 0 || name(symbol) > name(before))
                && (best == 0 || name(symbol) < name(best))
            {
                best = symbol;
            }
        }
    }

    /// Appends a string in single quotes; 0 is an empty one.
    pub(crate) fn push_single_quoted(&mut self, at: At) {
        self.memory.push(b'\'');
        let length = if at == 0 { 0 } else { self.memory.length(at) };
        for place in at..at + length {
            match self.memory.byte(place) {
                b'\'' => self.memory.push_bytes(b"'\"'\"'"),
                byte => self.memory.push(byte),
            }
        }
        self.memory.push(b'\'');
    }

    /// The same, in quotes only where it needs some.
    pub(crate) fn push_quoted(&mut self, at: At) {
        let text = self.memory.string(at);
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_^".contains(byte);
        if !text.is_empty() && text.iter().all(is_plain) {
            self.memory.push_string(at);
        } else {
            self.push_single_quoted(at);
        }
    }
}
