//! Words become fields: expansion, splitting, pathnames. XCU 2.6.
//!
//! A field is built at the top of the stack. Where pathnames may follow, or a pattern is wanted, quoted bytes
//! stand behind an escape until the field ends.

use core::mem;

use crate::host::Host;
use crate::memory::At;
use crate::options::NOGLOB;
use crate::shell::{Run, Shell, Words};
use crate::tree::{code, operator};

/// The field that is being built.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Field {
    pub start: At,
    /// How many fields have ended.
    pub count: usize,
    /// Results are split, and fields are pathnames.
    pub splits: bool,
    /// Quoted bytes are escaped.
    pub escapes: bool,
    /// `~` follows `:` as well.
    assigns: bool,
    /// There is something, be it empty.
    pub started: bool,
    /// The last field ended with white space of IFS.
    after_blank: bool,
    /// It has `*`, `?`, or both `[` and then `]`: something that means more than itself.
    globs: bool,
    has_bracket: bool,
    /// `"$@"` without parameters: the quotes around make no field.
    pub no_parameters: bool,
}

impl<H: Host> Shell<'_, H> {
    /// The fields of a list of words.
    pub(crate) fn words_of(&mut self, mut list: At) -> Run<Words> {
        let at = self.memory.top;
        let mut count = 0;
        let mut declares = false;
        while list != 0 {
            let word = self.child(list, 1);
            let length = if declares { self.memory.assigned_name(word) } else { 0 };
            if length > 0 {
                self.memory.push_copy(word, length + 1);
                self.assigned(word + length + 1)?;
                count += 1;
            } else {
                if count == 0 {
                    let text = self.memory.string(word);
                    declares = matches!(text, b"export" | b"readonly" | b"local");
                }
                count += self.fields(word)?;
            }
            list = self.child(list, 0);
        }
        if self.memory.full {
            return self.out_of_memory();
        }
        Ok(Words { at, count })
    }

    /// Words that stand elsewhere, copied to the top.
    pub(crate) fn copy_words(&mut self, words: Words) -> Words {
        let at = self.memory.top;
        let mut rest = words;
        while rest.count > 0 {
            self.next_word(&mut rest);
        }
        self.memory.push_copy(words.at, rest.at - words.at);
        Words { at, count: words.count }
    }

    /// Appends the fields of a word; gives their number.
    fn fields(&mut self, word: At) -> Run<usize> {
        let start = self.memory.top;
        let escapes = !self.is_set(NOGLOB);
        let field = Field { start, splits: true, escapes, ..Field::default() };
        let outer = mem::replace(&mut self.field, field);
        let done = self.walk(word, false, false);
        if done.is_ok() && self.field.started {
            self.end_field();
        }
        let count = mem::replace(&mut self.field, outer).count;
        done.map(|_| count)
    }

    fn one(&mut self, word: At, field: Field) -> Run<At> {
        let start = self.memory.top;
        let outer = mem::replace(&mut self.field, Field { start, ..field });
        let done = self.walk(word, false, false);
        self.field = outer;
        let end = done?;
        self.memory.push(0);
        if self.memory.full {
            return self.out_of_memory();
        }
        self.cursor_after_word = end;
        Ok(start)
    }

    /// A word as one string.
    pub(crate) fn single(&mut self, word: At) -> Run<At> {
        self.one(word, Field::default())
    }

    /// The value of an assignment.
    pub(crate) fn assigned(&mut self, word: At) -> Run<At> {
        self.one(word, Field { assigns: true, ..Field::default() })
    }

    /// A word as a pattern: what was quoted in it is escaped.
    pub(crate) fn pattern(&mut self, word: At) -> Run<At> {
        self.one(word, Field { escapes: true, ..Field::default() })
    }

    /// Expands a word up to its end, or that of the word that it is within; gives that place. `splits` says that the
    /// word stands in an expansion whose result is split.
    pub(crate) fn walk(&mut self, begin: At, mut quoted: bool, splits: bool) -> Run<At> {
        let mut at = begin;
        loop {
            let byte = self.memory.byte(at);
            at += 1;
            match byte {
                0 | code::END => return Ok(at - 1),
                code::ESCAPE => {
                    let byte = self.memory.byte(at);
                    at += 1;
                    self.emit(byte, true, false);
                }
                code::QUOTE => {
                    quoted = !quoted;
                    if !quoted && !mem::take(&mut self.field.no_parameters) {
                        self.field.started = true;
                    }
                }
                code::PARAMETER => at = self.parameter(at, quoted)?,
                code::COMMAND => {
                    let tree = match self.memory.address(at) {
                        0 => 0,
                        tree => tree.wrapping_add(self.base) & 0xffff_ffff,
                    };
                    at += 5;
                    self.substitute(tree, quoted)?;
                }
                code::ARITHMETIC => at = self.arithmetic_expansion(at, quoted)?,
                b'~' if !quoted
                    && (at - 1 == begin
                        || self.field.assigns && self.memory.byte(at - 2) == b':') =>
                {
                    at = self.tilde(at);
                }
                _ => self.emit(byte, quoted, splits),
            }
        }
    }

    /// The place behind a word within a word, at its end.
    pub(crate) fn skip_word(&self, mut at: At) -> At {
        let mut depth = 0_usize;
        loop {
            match self.memory.byte(at) {
                0 => return at,
                code::ESCAPE => at += 1,
                code::ARITHMETIC => depth += 1,
                code::PARAMETER => {
                    depth += usize::from(operator::has_word(self.memory.byte(at + 1)));
                }
                code::END if depth == 0 => return at,
                code::END => depth -= 1,
                _ => {}
            }
            at += 1;
        }
    }

    fn is_separator(&self, byte: u8) -> bool {
        self.ifs.get(usize::from(byte >> 5)).is_some_and(|word| word & 1 << (byte & 31) != 0)
    }

    /// Appends a byte to the field, or ends the field with it.
    pub(crate) fn emit(&mut self, byte: u8, quoted: bool, splits: bool) {
        if splits && !quoted && self.field.splits && self.is_separator(byte) {
            if matches!(byte, b' ' | b'\t' | b'\n') {
                if self.field.started {
                    self.end_field();
                    self.field.after_blank = true;
                }
            } else if !mem::take(&mut self.field.after_blank) || self.field.started {
                self.end_field();
            }
            return;
        }
        self.field.started = true;
        self.field.after_blank = false;
        if self.field.escapes {
            if byte == code::ESCAPE || quoted && !byte.is_ascii_alphanumeric() {
                self.memory.push(code::ESCAPE);
            } else if !quoted {
                self.field.globs |=
                    matches!(byte, b'*' | b'?') || byte == b']' && self.field.has_bracket;
                self.field.has_bracket |= byte == b'[';
            }
        }
        self.memory.push(byte);
    }

    /// Appends the bytes of a result.
    pub(crate) fn emit_result(&mut self, at: At, length: usize, quoted: bool) {
        let plain = !self.field.escapes && (quoted || !self.field.splits);
        if plain {
            self.field.started |= length > 0;
            self.memory.push_copy(at, length);
            return;
        }
        for place in at..at + length {
            let byte = self.memory.byte(place);
            self.emit(byte, quoted, true);
        }
    }

    /// Ends the field: it becomes the pathnames that it matches, or itself.
    pub(crate) fn end_field(&mut self) {
        let Field { start, escapes, globs, .. } = self.field;
        let mut found = 0;
        if globs && !self.is_set(NOGLOB) {
            found = self.pathnames(start);
        }
        if found == 0 {
            if escapes {
                self.remove_escapes(start);
            }
            self.memory.push(0);
            found = 1;
        }
        self.field.count += found;
        self.field.start = self.memory.top;
        self.field.started = false;
        self.field.globs = false;
        self.field.has_bracket = false;
    }

    /// Takes the escapes out of what stands from `start` to the top.
    fn remove_escapes(&mut self, start: At) {
        let (mut from, mut to) = (start, start);
        while from < self.memory.top {
            if self.memory.byte(from) == code::ESCAPE {
                from += 1;
            }
            self.memory.set_byte(to, self.memory.byte(from));
            from += 1;
            to += 1;
        }
        self.memory.top = to;
    }

    /// `~` or `~user`, up to a slash or what ends a path in an assignment. As it is where there is no such home.
    #[inline(never)]
    fn tilde(&mut self, at: At) -> At {
        let assigns = self.field.assigns;
        let ends = |byte: &u8| matches!(*byte, b'/' | 0..=7) || assigns && *byte == b':';
        let text = self.memory.string(at);
        let length = text.iter().position(ends).unwrap_or(text.len());
        if self.memory.byte(at + length).wrapping_sub(1) < code::ARITHMETIC {
            // Quotes and expansions make it no name.
            if self.memory.byte(at + length) != code::END {
                self.emit(b'~', false, false);
                return at;
            }
        }
        let mark = self.memory.top;
        let found = if length == 0 {
            let home = self.symbols.home;
            let value = self.value(home);
            if value != 0 {
                self.memory.push_string(value);
            }
            value != 0
        } else {
            let mut user = [0; 32];
            let named = user.get_mut(..length).is_some_and(|place| {
                for (place, byte) in place.iter_mut().zip(self.memory.slice(at, length)) {
                    *place = *byte;
                }
                true
            });
            let room = self.memory.room(256).unwrap_or_default();
            let written = self.host.home(user.get(..length).unwrap_or_default(), room);
            self.memory.top += if named { written } else { 0 };
            named && written > 0
        };
        if !found {
            self.memory.top = mark;
            self.emit(b'~', false, false);
            return at;
        }
        self.field.started = true;
        self.emit_moved(mark, true);
        at + length
    }

    /// What stands from `mark` to the top was put there to be part of the field: emits it.
    pub(crate) fn emit_moved(&mut self, mark: At, quoted: bool) {
        let length = self.memory.top - mark;
        if !self.field.escapes && (quoted || !self.field.splits) {
            self.field.started |= length > 0;
            return;
        }
        // Fields that end meanwhile may become many pathnames: out of their way.
        let block = self.memory.allocate(length);
        if block != 0 {
            self.memory.copy(mark, block, length);
            self.memory.top = mark;
            self.emit_result(block, length, quoted);
            self.memory.release(block);
        }
    }

    fn substitute(&mut self, tree: At, quoted: bool) -> Run {
        let mark = self.memory.top;
        let field = self.field;
        self.output_of(tree)?;
        self.field = field;
        self.emit_moved(mark, quoted);
        Ok(())
    }

    #[inline(never)]
    fn arithmetic_expansion(&mut self, at: At, quoted: bool) -> Run<At> {
        let mark = self.memory.top;
        let text = self.single(at)?;
        let end = self.cursor_after_word;
        let value = self.arithmetic(text)?;
        self.memory.top = mark;
        let digits = self.memory.number(value);
        self.emit_result(digits, self.memory.length(digits), quoted);
        Ok(end + 1)
    }

    /// Number N of a list of words, counted from 1; 0 where there are not so many.
    pub(crate) fn nth_word(&self, mut words: Words, place: usize) -> At {
        for _ in 1..place {
            self.next_word(&mut words);
        }
        if words.count == 0 { 0 } else { words.at }
    }
}
