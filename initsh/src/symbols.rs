//! Variables, functions and built-ins: one hash table, one look for all.

use crate::host::Host;
use crate::memory::{At, Memory};
use crate::shell::{Fail, Run, Shell};

/// Buckets of the table, a power of two.
const BUCKETS: usize = 256;

/// Fields of an entry: first the next one of the bucket; its name stands behind them. Entries never move and never go away.
pub(crate) mod entry {
    pub const FLAGS: usize = 4;
    /// The value, a block of the heap; 0 where the variable is not set.
    pub const VALUE: usize = 8;
    /// The function's block, or 0.
    pub const FUNCTION: usize = 12;
    /// The built-in's number, or 0.
    pub const BUILTIN: usize = 16;
    pub const NAME: usize = 20;
}

pub(crate) const EXPORTED: usize = 1;
pub(crate) const READ_ONLY: usize = 2;

/// The table, and the entries that the shell itself looks at.
#[derive(Clone, Copy, Default)]
pub(crate) struct Symbols {
    pub table: At,
    pub ifs: At,
    pub line: At,
    pub path: At,
    pub home: At,
    pub pwd: At,
    pub oldpwd: At,
    pub optind: At,
}

/// Whether this byte may stand in a name; the first one is no digit.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Memory<'_> {
    /// How many bytes from `at` on may stand in a name.
    #[inline(never)]
    pub fn name_bytes(&self, at: At) -> usize {
        let mut length = 0;
        while is_name_byte(self.byte(at + length)) {
            length += 1;
        }
        length
    }

    /// How many bytes from `at` on are a name: it begins with no digit.
    #[inline(never)]
    pub fn name_length(&self, at: At) -> usize {
        if self.byte(at).is_ascii_digit() { 0 } else { self.name_bytes(at) }
    }

    /// Whether all of a string is a name.
    #[inline(never)]
    pub fn is_name(&self, at: At) -> bool {
        let length = self.name_length(at);
        length > 0 && self.byte(at + length) == 0
    }

    /// How many bytes of a string are a name in front of `=`; 0 where there are none.
    #[inline(never)]
    pub fn assigned_name(&self, at: At) -> usize {
        let length = self.name_length(at);
        if self.byte(at + length) == b'=' { length } else { 0 }
    }
}

impl<H: Host> Shell<'_, H> {
    /// The entry of the `length` bytes at `name`, made where there is none.
    #[inline(never)]
    pub(crate) fn symbol(&mut self, name: At, length: usize) -> At {
        match self.find_symbol(name, length) {
            (found, _) if found != 0 => found,
            (_, bucket) => self.add_symbol(bucket, name, length),
        }
    }

    /// The entry of a word, 0 where there is none.
    pub(crate) fn known_symbol(&self, word: At) -> At {
        self.known_symbol_of(word, self.memory.length(word))
    }

    /// The entry of the `length` bytes at `name`, 0 where there is none.
    pub(crate) fn known_symbol_of(&self, name: At, length: usize) -> At {
        self.find_symbol(name, length).0
    }

    fn find_symbol(&self, name: At, length: usize) -> (At, At) {
        let text = self.memory.slice(name, length);
        let hash = text.iter().fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(usize::from(*byte)) & 0xffff_ffff
        });
        let bucket = self.symbols.table + 4 * ((hash ^ hash >> 8) & (BUCKETS - 1));
        let mut at = self.memory.word(bucket);
        while at != 0 {
            let found = self.memory.slice(at + entry::NAME, length + 1);
            if found.split_last() == Some((&0, text)) {
                break;
            }
            at = self.memory.word(at);
        }
        (at, bucket)
    }

    fn add_symbol(&mut self, bucket: At, name: At, length: usize) -> At {
        let at = self.memory.allocate(entry::NAME + length + 1);
        if at != 0 {
            let next = self.memory.word(bucket);
            for (field, value) in [next, 0, 0, 0, 0].into_iter().enumerate() {
                self.memory.set_word(at + 4 * field, value);
            }
            self.memory.copy(name, at + entry::NAME, length);
            self.memory.set_byte(at + entry::NAME + length, 0);
            self.memory.set_word(bucket, at);
        }
        at
    }

    /// The entry of a name of ours.
    #[inline(never)]
    pub(crate) fn own_symbol(&mut self, name: &[u8]) -> At {
        let mark = self.memory.top;
        self.memory.push_bytes(name);
        let symbol = self.symbol(mark, name.len());
        self.memory.top = mark;
        symbol
    }

    pub(crate) fn make_symbols(&mut self) {
        let table = self.memory.allocate(4 * BUCKETS);
        for bucket in 0..BUCKETS {
            self.memory.set_word(table + 4 * bucket, 0);
        }
        self.symbols.table = table;
        self.symbols = Symbols {
            table,
            ifs: self.own_symbol(b"IFS"),
            line: self.own_symbol(b"LINENO"),
            path: self.own_symbol(b"PATH"),
            home: self.own_symbol(b"HOME"),
            pwd: self.own_symbol(b"PWD"),
            oldpwd: self.own_symbol(b"OLDPWD"),
            optind: self.own_symbol(b"OPTIND"),
        };
    }

    /// The entry behind this one, in the order of the table; 0 in front of the first and behind the last.
    pub(crate) fn next_symbol(&self, at: At, bucket: &mut usize) -> At {
        let mut next = if at == 0 { 0 } else { self.memory.word(at) };
        while next == 0 && *bucket < BUCKETS {
            next = self.memory.word(self.symbols.table + 4 * *bucket);
            *bucket += 1;
        }
        next
    }

    pub(crate) fn flags(&self, symbol: At) -> usize {
        self.memory.word(symbol + entry::FLAGS)
    }

    pub(crate) fn set_flags(&mut self, symbol: At, flags: usize) {
        self.memory.set_word(symbol + entry::FLAGS, flags);
    }

    /// Where its value stands; 0 where it has none.
    pub(crate) fn value(&mut self, symbol: At) -> At {
        if symbol == self.symbols.line {
            return self.memory.number(self.line as i64);
        }
        self.memory.word(symbol + entry::VALUE)
    }

    /// Gives a variable the string at `value` as its value; 0 unsets it.
    #[inline(never)]
    pub(crate) fn assign(&mut self, symbol: At, value: At) -> Run {
        if self.flags(symbol) & READ_ONLY != 0 {
            return self.fail(symbol + entry::NAME, b"is read only");
        }
        let old = self.memory.word(symbol + entry::VALUE);
        let needed = if value == 0 { 0 } else { self.memory.length(value) + 1 };
        let capacity = self.memory.capacity(old);
        if value == 0 || needed > capacity || capacity > 64 + 4 * needed {
            let new = if value == 0 { 0 } else { self.memory.keep(value) };
            self.memory.release(old);
            self.memory.set_word(symbol + entry::VALUE, new);
        } else {
            self.memory.copy(value, old, needed);
        }
        if self.is_set(crate::options::ALLEXPORT) && value != 0 {
            self.set_flags(symbol, self.flags(symbol) | EXPORTED);
        }
        self.value_changed(symbol);
        if self.memory.full { self.out_of_memory() } else { Ok(()) }
    }

    /// Gives one a value that is on no stack yet.
    #[inline(never)]
    pub(crate) fn assign_bytes(&mut self, symbol: At, value: &[u8]) -> Run {
        let mark = self.memory.top;
        self.memory.push_bytes(value);
        self.memory.push(0);
        self.assign(symbol, mark)?;
        self.memory.top = mark;
        Ok(())
    }

    #[inline(never)]
    pub(crate) fn assign_number(&mut self, symbol: At, number: i64) -> Run {
        let at = self.memory.number(number);
        self.assign(symbol, at)
    }

    /// What the shell keeps of some variables in another form.
    pub(crate) fn value_changed(&mut self, symbol: At) {
        if symbol == self.symbols.ifs {
            self.ifs = [0; 8];
            let at = self.memory.word(symbol + entry::VALUE);
            let length = if at == 0 { 3 } else { self.memory.length(at) };
            for place in 0..length {
                let byte = match at {
                    0 => b" \t\n".get(place).copied().unwrap_or(0),
                    at => self.memory.byte(at + place),
                };
                if let Some(word) = self.ifs.get_mut(usize::from(byte >> 5)) {
                    *word |= 1 << (byte & 31);
                }
            }
        } else if symbol == self.symbols.optind {
            self.option_place = 0;
        }
    }

    /// The variable whose name a word is.
    #[inline(never)]
    pub(crate) fn named(&mut self, word: At) -> Run<At> {
        if self.memory.is_name(word) {
            Ok(self.symbol(word, self.memory.length(word)))
        } else {
            self.fail(word, b"bad variable name")
        }
    }

    /// The variable that a word names, which must be a name as a whole or up to `=`. Gives the value's place, or 0.
    pub(crate) fn declared(&mut self, word: At) -> Result<(At, At), Fail> {
        let length = self.memory.name_length(word);
        let symbol = match self.memory.byte(word + length) {
            0 | b'=' if length > 0 => self.symbol(word, length),
            _ => return self.fail(word, b"bad variable name"),
        };
        let has_value = self.memory.byte(word + length) == b'=';
        Ok((symbol, if has_value { word + length + 1 } else { 0 }))
    }
}
