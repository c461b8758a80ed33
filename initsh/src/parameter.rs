//! `$x` and `${x…}`. XCU 2.5, 2.6.2.

use crate::host::Host;
use crate::memory::At;
use crate::options::NOUNSET;
use crate::shell::{Fail, Run, Shell};
use crate::tree::{code, operator};

/// What a parameter is.
#[derive(Clone, Copy)]
enum Value {
    Unset,
    /// Where its text stands.
    Text(At),
    /// `$@`, or `$*` if true.
    All(bool),
}

impl<H: Host> Shell<'_, H> {
    /// Expands what stands behind the code; gives the place behind it.
    #[inline(never)]
    pub(crate) fn parameter(&mut self, at: At, quoted: bool) -> Run<At> {
        let flags = self.memory.byte(at) & 0x7f;
        let name = at + 1;
        let length = self.memory.length_to(name, code::NAME_END);
        let word = name + length + 1;
        let kind = flags & operator::MASK;
        if kind == operator::BAD {
            return self.bad_parameter(name, length, b"bad substitution");
        }
        let mark = self.memory.top;
        let mut value = self.parameter_value(name, length);
        let has_word = kind >= operator::DEFAULT;
        let end = if has_word { self.skip_word(word) + 1 } else { word };
        let is_missing = match value {
            Value::Unset => true,
            Value::Text(at) => flags & operator::COLON != 0 && self.memory.byte(at) == 0,
            Value::All(_) => flags & operator::COLON != 0 && self.joined_length() == 0,
        };
        match kind {
            operator::DEFAULT | operator::OTHER if is_missing == (kind == operator::DEFAULT) => {
                self.memory.top = mark;
                self.walk(word, quoted, !quoted)?;
                return Ok(end);
            }
            operator::OTHER => {
                self.memory.top = mark;
                return Ok(end);
            }
            operator::ASSIGN if is_missing => {
                value = self.assign_default(name, length, word)?;
            }
            operator::ERROR if is_missing => return self.missing(name, length, word),
            _ => {}
        }
        if matches!(value, Value::Unset)
            && self.is_set(NOUNSET)
            && !matches!(kind, operator::DEFAULT..=operator::OTHER)
        {
            return self.bad_parameter(name, length, b"parameter not set");
        }
        match kind {
            operator::LENGTH => {
                let length = match value {
                    Value::Unset => 0,
                    Value::Text(at) => self.memory.length(at),
                    Value::All(_) => self.joined_length(),
                };
                self.memory.top = mark;
                let digits = self.memory.number(length as i64);
                self.emit_result(digits, self.memory.length(digits), quoted);
            }
            operator::PREFIX.. => {
                // A text at the top is not part of the field; it is copied before anything else comes there.
                self.memory.top = mark;
                self.emit_trimmed(value, kind, word, quoted)?;
            }
            _ => self.emit_value(value, quoted, mark)?,
        }
        Ok(end)
    }

    fn bad_parameter<T>(&mut self, name: At, length: usize, words: &[u8]) -> Run<T> {
        let copy = self.memory.top;
        self.memory.push_copy(name, length);
        self.memory.push(0);
        self.exiting = true;
        self.fail(copy, words)
    }

    /// `${x?word}`
    fn missing(&mut self, name: At, length: usize, word: At) -> Run<At> {
        let text = self.single(word)?;
        let copy = self.memory.top;
        self.memory.push_copy(name, length);
        self.memory.push(0);
        self.exiting = true;
        if self.memory.byte(text) == 0 {
            return self.fail(copy, b"parameter not set");
        }
        let mark = self.memory.top;
        self.begin_error();
        self.memory.push_copy(copy, length);
        self.memory.push_bytes(b": ");
        self.memory.push_string(text);
        self.end_error(mark, 0);
        self.status = 2;
        Err(Fail)
    }

    /// `${x=word}`
    fn assign_default(&mut self, name: At, length: usize, word: At) -> Run<Value> {
        if self.memory.name_length(name) != length {
            return self.bad_parameter(name, length, b"bad variable name");
        }
        let mark = self.memory.top;
        let text = self.single(word)?;
        let symbol = self.symbol(name, length);
        if self.assign(symbol, text).is_err() {
            self.exiting = true;
            return Err(Fail);
        }
        self.memory.top = mark;
        Ok(Value::Text(self.value(symbol)))
    }

    /// Finds a parameter's value. That of some special ones is put on the stack, or where `number` writes.
    #[inline(never)]
    fn parameter_value(&mut self, name: At, length: usize) -> Value {
        let first = self.memory.byte(name);
        let number = match first {
            b'@' | b'*' => return Value::All(first == b'*'),
            b'#' => self.parameters.count as i64,
            b'?' => self.status.into(),
            b'$' => self.process.into(),
            b'!' if self.last_background == 0 => return Value::Unset,
            b'!' => self.last_background.into(),
            b'-' => {
                let at = self.memory.top;
                self.push_letters();
                self.memory.push(0);
                return Value::Text(at);
            }
            b'0'..=b'9' => {
                let digits = self.memory.slice(name, length);
                let place = crate::builtins::decimal(digits).unwrap_or(i64::MAX) as usize;
                if place == 0 {
                    return Value::Text(self.name);
                }
                if place > self.parameters.count {
                    return Value::Unset;
                }
                return Value::Text(self.nth_word(self.parameters, place));
            }
            _ => {
                let symbol = self.known_symbol_of(name, length);
                return match if symbol == 0 { 0 } else { self.value(symbol) } {
                    0 => Value::Unset,
                    value => Value::Text(value),
                };
            }
        };
        Value::Text(self.memory.number(number))
    }

    fn emit_value(&mut self, value: Value, quoted: bool, mark: At) -> Run {
        match value {
            Value::Unset => {}
            // What stands at the top is a part of the field where it is.
            Value::Text(at) if at == mark => {
                self.memory.top = self.memory.top.saturating_sub(1).max(mark);
                self.emit_moved(mark, quoted);
            }
            Value::Text(at) => self.emit_result(at, self.memory.length(at), quoted),
            Value::All(is_star) => return self.emit_all(is_star, quoted, None),
        }
        Ok(())
    }

    /// The length of `"$*"`.
    fn joined_length(&self) -> usize {
        let mut words = self.parameters;
        while words.count > 0 {
            self.next_word(&mut words);
        }
        let bytes = words.at - self.parameters.at;
        let without_separators = self.separator() == 0;
        bytes.saturating_sub(if without_separators { self.parameters.count } else { 1 })
    }

    /// What stands between the words of `"$*"`: the first byte of IFS, 0 for nothing.
    fn separator(&self) -> u8 {
        match self.memory.word(self.symbols.ifs + crate::symbols::entry::VALUE) {
            0 => b' ',
            at => self.memory.byte(at),
        }
    }

    /// `$@` and `$*`: fields, or one string where there are no fields.
    fn emit_all(&mut self, is_star: bool, quoted: bool, trim: Option<(u8, At)>) -> Run {
        let mut words = self.parameters;
        let separator = self.separator();
        if words.count == 0 && !is_star && quoted {
            self.field.no_parameters = true;
        }
        let mut is_first = true;
        while words.count > 0 {
            if !is_first {
                if self.field.splits && (!is_star || !quoted) {
                    if quoted || self.field.started {
                        self.end_field();
                    }
                } else if separator != 0 {
                    self.emit(separator, true, false);
                }
            }
            is_first = false;
            let word = self.next_word(&mut words);
            let length = self.memory.length(word);
            match trim {
                Some((kind, pattern)) => self.emit_trimmed_text(word, kind, pattern, quoted)?,
                None => self.emit_result(word, length, quoted),
            }
            if quoted {
                self.field.started = true;
            }
        }
        Ok(())
    }

    fn emit_trimmed(&mut self, value: Value, kind: u8, word: At, quoted: bool) -> Run {
        match value {
            Value::Unset => Ok(()),
            Value::Text(at) => self.emit_trimmed_text(at, kind, word, quoted),
            Value::All(is_star) => self.emit_all(is_star, quoted, Some((kind, word))),
        }
    }

    /// `${x#pattern}` and its like.
    fn emit_trimmed_text(&mut self, at: At, kind: u8, word: At, quoted: bool) -> Run {
        // Where numbers are written, the pattern may write too; and the stack above the field is the pattern's.
        let block = self.memory.keep(at);
        let mark = self.memory.top;
        let pattern = self.pattern(word)?;
        let length = self.memory.length(block);
        let (from, to) = self.trimmed(block, length, kind, pattern);
        self.memory.top = mark;
        self.emit_result(block + from, to - from, quoted);
        self.memory.release(block);
        Ok(())
    }

    /// What is left when the shortest or longest part that matches is taken off one end.
    fn trimmed(&mut self, at: At, length: usize, kind: u8, pattern: At) -> (usize, usize) {
        let is_prefix = matches!(kind, operator::PREFIX | operator::LONG_PREFIX);
        let is_long = matches!(kind, operator::LONG_PREFIX | operator::LONG_SUFFIX);
        let text = self.memory.string(at);
        let pattern = self.memory.string(pattern);
        for step in 0..=length {
            let taken = if is_long { length - step } else { step };
            let part = if is_prefix { text.get(..taken) } else { text.get(length - taken..) };
            if crate::pattern::matches(pattern, part.unwrap_or_default()) {
                return if is_prefix { (taken, length) } else { (0, length - taken) };
            }
        }
        (0, length)
    }
}
