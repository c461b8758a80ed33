//! `test` and `[`.

use crate::arithmetic::signed;
use crate::builtins::builtin;
use crate::host::{FileStatus, Host, Identity, Look};
use crate::memory::At;
use crate::shell::{Run, Shell, Words};

/// Operators between two operands. Their places here are their numbers in `compare`.
const BINARY: [&[u8]; 14] = [
    b"=", b"!=", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot", b"-ef", b"==",
    b"<", b">",
];

fn is_unary(text: &[u8]) -> bool {
    matches!(text, [b'-', letter] if b"bcdefghLkprsStuwxznO_G".contains(letter))
}

impl<H: Host> Shell<'_, H> {
    pub(super) fn test(&mut self) -> Run<i32> {
        if self.builtin == builtin::BRACKET {
            let end = self.nth_word(self.words, self.words.count);
            if end == 0 || self.memory.string(end) != b"]" {
                return self.fail(0, b"[: missing ]");
            }
            self.words.count -= 1;
        }
        if self.words.count == 0 {
            return Ok(1);
        }
        let result = self.test_counted()?;
        if self.words.count > 0 {
            return self.fail(self.words.at, b"test: unexpected operator");
        }
        Ok(i32::from(!result))
    }

    /// POSIX says what up to four words mean, whatever they look like.
    fn test_counted(&mut self) -> Run<bool> {
        let first = self.words.at;
        let second = self.nth_word(self.words, 2);
        match self.words.count {
            3 if self.binary_operator(second).is_some() => self.test_primary(),
            3 if self.is_word(first, b"(") && self.is_word(self.nth_word(self.words, 3), b")") => {
                self.words = Words { at: second, count: 1 };
                self.test_counted()
            }
            2 | 4 if self.is_word(first, b"!") => {
                self.take_word();
                Ok(!self.test_counted()?)
            }
            1 => {
                let word = self.take_word();
                Ok(self.memory.byte(word) != 0)
            }
            _ => self.test_or(),
        }
    }

    fn is_word(&self, at: At, text: &[u8]) -> bool {
        self.memory.string(at) == text
    }

    fn test_or(&mut self) -> Run<bool> {
        let mut result = self.test_and()?;
        while self.accept_word(b"-o") {
            result |= self.test_and()?;
        }
        Ok(result)
    }

    fn test_and(&mut self) -> Run<bool> {
        let mut result = self.test_not()?;
        while self.accept_word(b"-a") {
            result &= self.test_not()?;
        }
        Ok(result)
    }

    fn test_not(&mut self) -> Run<bool> {
        let mut negated = false;
        while self.words.count > 1 && self.accept_word(b"!") {
            negated = !negated;
        }
        Ok(self.test_primary()? != negated)
    }

    fn binary_operator(&self, at: At) -> Option<usize> {
        if at == 0 {
            return None;
        }
        let text = self.memory.string(at);
        BINARY.iter().position(|known| *known == text)
    }

    fn test_primary(&mut self) -> Run<bool> {
        let first = self.take_word();
        if first == 0 {
            return self.fail(0, b"test: argument expected");
        }
        if self.words.count >= 2
            && let Some(operator) = self.binary_operator(self.words.at)
        {
            self.take_word();
            let second = self.take_word();
            return self.compare(first, operator, second);
        }
        if self.is_word(first, b"(") && self.words.count > 1 {
            self.depth += 1;
            if self.depth > crate::limits::DEPTH {
                return self.fail(0, b"test: too many parentheses");
            }
            let result = self.test_or()?;
            self.depth -= 1;
            if !self.accept_word(b")") {
                return self.fail(0, b"test: closing paren expected");
            }
            return Ok(result);
        }
        if self.words.count > 0 && is_unary(self.memory.string(first)) {
            let operand = self.take_word();
            return self.test_unary(self.memory.byte(first + 1), operand);
        }
        Ok(self.memory.byte(first) != 0)
    }

    fn compare(&mut self, first: At, operator: usize, second: At) -> Run<bool> {
        let (left, right) = (self.memory.string(first), self.memory.string(second));
        match operator {
            // = ==, !=, <, > of strings.
            0 | 11 => return Ok(left == right),
            1 => return Ok(left != right),
            12 => return Ok(left < right),
            13 => return Ok(left > right),
            // -nt -ot -ef
            8..=10 => {
                let left = self.host.status(self.memory.c_string(first), Look::Through);
                let right = self.host.status(self.memory.c_string(second), Look::Through);
                // One that is not there is older than all.
                let time = |file: Result<FileStatus, i32>| file.ok().map(|status| status.modified);
                return Ok(match operator {
                    8 => time(left) > time(right),
                    9 => time(left) < time(right),
                    _ => matches!((left, right), (Ok(a), Ok(b)) if a.identity == b.identity),
                });
            }
            _ => {}
        }
        let (left, right) = (self.test_number(first)?, self.test_number(second)?);
        // From -eq on.
        Ok(match operator {
            2 => left == right,
            3 => left != right,
            4 => left < right,
            5 => left <= right,
            6 => left > right,
            _ => left >= right,
        })
    }

    fn test_number(&mut self, word: At) -> Run<i64> {
        let (sign, digits) = signed(self.memory.string(word));
        let number = digits.iter().try_fold(0_i64, |sum, byte| {
            let digit = i64::from(byte.wrapping_sub(b'0'));
            (digit < 10).then_some(())?;
            sum.checked_mul(10)?.checked_add(if sign == b'-' { -digit } else { digit })
        });
        match number {
            Some(number) if !digits.is_empty() => Ok(number),
            _ => self.fail(word, b"test: bad number"),
        }
    }

    fn test_unary(&mut self, letter: u8, operand: At) -> Run<bool> {
        match letter {
            b'n' => return Ok(self.memory.byte(operand) != 0),
            b'z' => return Ok(self.memory.byte(operand) == 0),
            b't' => {
                let descriptor = self.test_number(operand)?;
                return Ok(self.host.is_terminal(descriptor.try_into().unwrap_or(-1)));
            }
            b'r' => return Ok(self.host.access(self.memory.c_string(operand), 4)),
            b'w' => return Ok(self.host.access(self.memory.c_string(operand), 2)),
            b'x' => return Ok(self.host.access(self.memory.c_string(operand), 1)),
            _ => {}
        }
        let look = if matches!(letter, b'h' | b'L') { Look::At } else { Look::Through };
        let Ok(status) = self.host.status(self.memory.c_string(operand), look) else {
            return Ok(false);
        };
        let kind = status.mode >> 12;
        Ok(match letter {
            b'e' => true,
            b'f' => kind == 0o10,
            b'd' => kind == 0o4,
            b'b' => kind == 0o6,
            b'c' => kind == 0o2,
            b'p' => kind == 0o1,
            b'S' => kind == 0o14,
            b'h' | b'L' => kind == 0o12,
            b's' => status.bytes > 0,
            b'u' => status.mode & 0o4000 != 0,
            b'g' => status.mode & 0o2000 != 0,
            b'k' => status.mode & 0o1000 != 0,
            b'O' => status.user == self.host.identity(Identity::User),
            b'G' => status.group == self.host.identity(Identity::Group),
            _ => false,
        })
    }
}
