//! What the shell does itself: XCU 2.15, and what every shell has built in.

mod condition;
mod directory;
mod getopts;
mod jobs;
mod lookup;
mod print;
mod read;
mod resources;
mod variables;

use crate::host::Host;
use crate::memory::At;
use crate::options::{INTERACTIVE, MONITOR};
use crate::shell::{Fail, Run, Shell, Skip, Words};
use crate::symbols::entry;

/// The names; numbers begin with 1, special ones come first.
const NAMES: &[u8] = b": . break continue eval exec exit export readonly return set shift times trap unset \
    local cd command echo false getopts hash help kill printf pwd read test [ true type ulimit umask wait jobs fg bg";

/// Some of the numbers of `NAMES`, whose order this is.
pub(crate) mod builtin {
    pub const BREAK: u8 = 3;
    pub const EXEC: u8 = 6;
    pub const EXIT: u8 = 7;
    pub const EXPORT: u8 = 8;
    pub const RETURN: u8 = 10;
    pub const LOCAL: u8 = 16;
    pub const COMMAND: u8 = 18;
    pub const FALSE: u8 = 20;
    pub const BRACKET: u8 = 29;
    pub const TYPE: u8 = 31;
    pub const FG: u8 = 36;
}

fn names() -> impl Iterator<Item = &'static [u8]> {
    NAMES.split(|byte| *byte == b' ')
}

/// Whether an error of it ends the shell, and its assignments stay.
pub(crate) const fn is_special(number: u8) -> bool {
    number <= builtin::LOCAL
}

/// A number without sign, as a built-in takes it.
pub(crate) fn decimal(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        let sum = sum.checked_mul(10)?.checked_add(digit.into())?;
        (sum <= i32::MAX.into()).then_some(sum)
    })
}

impl<H: Host> Shell<'_, H> {
    pub(crate) fn make_builtins(&mut self) {
        for (place, name) in names().enumerate() {
            let symbol = self.own_symbol(name);
            self.memory.set_word(symbol + entry::BUILTIN, place + 1);
        }
    }

    /// What each does, in the order of `NAMES`.
    const ALL: [fn(&mut Self) -> Run<i32>; 37] = [
        Self::succeed,
        Self::dot,
        Self::leave_loops,
        Self::leave_loops,
        Self::eval_builtin,
        Self::exec_builtin,
        Self::exit_builtin,
        Self::declare,
        Self::declare,
        Self::exit_builtin,
        Self::set_builtin,
        Self::shift,
        Self::times,
        Self::trap_builtin,
        Self::unset,
        Self::local,
        Self::cd,
        Self::describe,
        Self::echo,
        Self::succeed,
        Self::getopts,
        Self::hash,
        Self::help,
        Self::kill_builtin,
        Self::printf,
        Self::pwd,
        Self::read_builtin,
        Self::test,
        Self::test,
        Self::succeed,
        Self::describe,
        Self::ulimit,
        Self::umask_builtin,
        Self::wait_builtin,
        Self::jobs_builtin,
        Self::continue_builtin,
        Self::continue_builtin,
    ];

    /// Performs a built-in on these words, of which the first is its name. Gives its status. After the `last` command this
    /// process ends.
    pub(crate) fn builtin(&mut self, number: u8, words: Words, last: bool) -> Run<i32> {
        (self.words, self.builtin, self.is_last) = (words, number, last);
        self.flag = 0;
        self.take_word();
        match Self::ALL.get(usize::from(number) - 1) {
            Some(perform) => perform(self),
            None => Ok(2),
        }
    }

    /// `:`, `true`, and `false`, which does not.
    fn succeed(&mut self) -> Run<i32> {
        Ok(i32::from(self.builtin == builtin::FALSE))
    }

    /// The next of the built-in's words; 0 behind the last.
    #[inline(never)]
    pub(crate) fn take_word(&mut self) -> At {
        let mut words = self.words;
        let word = self.next_word(&mut words);
        self.words = words;
        word
    }

    /// The same, which stays the next one.
    pub(crate) fn first_word(&self) -> At {
        if self.words.count > 0 { self.words.at } else { 0 }
    }

    /// Takes the next word if it is this one.
    #[inline(never)]
    pub(crate) fn accept_word(&mut self, text: &[u8]) -> bool {
        let comes = self.words.count > 0 && self.memory.string(self.words.at) == text;
        if comes {
            self.take_word();
        }
        comes
    }

    /// The next letter among the options at the front of the words; 0 behind the last. One that `known` has with `:`
    /// leaves its argument in `argument`.
    #[inline(never)]
    pub(crate) fn option(&mut self, known: &[u8]) -> Run<u8> {
        if self.flag == 0 || self.memory.byte(self.flag) == 0 {
            self.flag = 0;
            if self.words.count == 0 {
                return Ok(0);
            }
            match self.memory.string(self.words.at) {
                b"--" => {
                    self.take_word();
                    return Ok(0);
                }
                [b'-', _, ..] => self.flag = self.take_word() + 1,
                _ => return Ok(0),
            }
        }
        let letter = self.memory.byte(self.flag);
        let Some(place) = known.iter().position(|known| *known == letter && letter != b':') else {
            let word = self.flag;
            return self.fail(word, b"no such option");
        };
        self.flag += 1;
        if known.get(place + 1) == Some(&b':') {
            let rest = core::mem::replace(&mut self.flag, 0);
            self.argument = if self.memory.byte(rest) != 0 { rest } else { self.take_word() };
            if self.argument == 0 {
                return self.fail(0, b"an option lacks its argument");
            }
        }
        Ok(letter)
    }

    /// Takes all options and gives the last letter, which decides; 0 where there are none.
    #[inline(never)]
    pub(crate) fn last_option(&mut self, known: &[u8]) -> Run<u8> {
        let mut last = 0;
        loop {
            match self.option(known)? {
                0 => return Ok(last),
                letter => last = letter,
            }
        }
    }

    /// The number that a word is.
    #[inline(never)]
    pub(crate) fn number_of(&mut self, word: At) -> Run<i64> {
        match decimal(self.memory.string(word)) {
            Some(number) => Ok(number),
            None => self.fail(word, b"bad number"),
        }
    }

    fn leave_loops(&mut self) -> Run<i32> {
        let count = if self.words.count == 0 { 1 } else { self.number_of(self.words.at)? };
        if count == 0 {
            return self.fail(self.words.at, b"bad number");
        }
        if self.loops > 0 {
            self.skip = if self.builtin == builtin::BREAK { Skip::Break } else { Skip::Continue };
            self.skip_count = (count as u32).min(self.loops);
        }
        Ok(0)
    }

    fn exit_builtin(&mut self) -> Run<i32> {
        let number = self.builtin;
        let before = self.before_action.filter(|_| number == builtin::EXIT);
        let status = match self.words.count {
            0 => before.unwrap_or(self.status),
            _ => self.number_of(self.words.at)? as i32,
        };
        if number == builtin::RETURN && (self.functions > 0 || self.sourced > 0) {
            self.skip = Skip::Return;
            return Ok(status);
        }
        if number == builtin::EXIT && self.warns_of_stopped_jobs() {
            return Ok(0);
        }
        self.status = status;
        self.exiting = true;
        self.ends = true;
        Err(Fail)
    }

    fn eval_builtin(&mut self) -> Run<i32> {
        let text = self.memory.top;
        while let word @ 1.. = self.take_word() {
            self.memory.push_string(word);
            self.memory.push(if self.words.count > 0 { b' ' } else { 0 });
        }
        if self.memory.top == text {
            return Ok(0);
        }
        self.status = 0;
        self.eval_string(text, self.is_last && self.functions == 0)?;
        Ok(self.status)
    }

    fn exec_builtin(&mut self) -> Run<i32> {
        self.accept_word(b"--");
        if self.words.count == 0 {
            return Ok(0);
        }
        self.give_back();
        self.reset_traps();
        self.exiting = true;
        // The program gets what we got.
        let options = self.options;
        let own = options & (INTERACTIVE | MONITOR);
        if own != 0 {
            self.options ^= own;
            self.control_jobs();
            self.own_signals();
        }
        let done = self.execute(self.words);
        if own != 0 {
            self.options = options;
            self.control_jobs();
            self.own_signals();
        }
        done.map(|()| 0)
    }

    fn help(&mut self) -> Run<i32> {
        let mark = self.memory.top;
        for name in names() {
            self.memory.push_bytes(name);
            self.memory.push(b' ');
        }
        // In a line of their own: a program along PATH comes before them.
        self.memory.push(b'\n');
        self.memory.push_bytes(self.host.builtins());
        self.memory.push(b'\n');
        self.output(mark)
    }
}
