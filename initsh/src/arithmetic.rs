//! Arithmetic with 64 bits that wrap. XCU 2.6.4, C's operators and precedences.

use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell};

/// Binary operators, longer ones before their beginnings, with their precedence.
const OPERATORS: [(&[u8], u8); 18] = [
    (b"||", 1),
    (b"&&", 2),
    (b"==", 6),
    (b"!=", 6),
    (b"<<", 8),
    (b">>", 8),
    (b"<=", 7),
    (b">=", 7),
    (b"|", 3),
    (b"^", 4),
    (b"&", 5),
    (b"<", 7),
    (b">", 7),
    (b"+", 9),
    (b"-", 9),
    (b"*", 10),
    (b"/", 10),
    (b"%", 10),
];

/// The places of `/` and `%` there.
const DIVIDE: usize = 16;
const REMAINDER: usize = 17;

impl<H: Host> Shell<'_, H> {
    /// The value of an expression.
    pub(crate) fn arithmetic(&mut self, text: At) -> Run<i64> {
        let (cursor, dry, depth) = (self.cursor, self.dry, self.depth);
        self.cursor = text;
        self.dry = false;
        let value = if self.after_blanks() == 0 { Ok(0) } else { self.assignment() };
        let value = match value {
            Ok(_) if self.after_blanks() != 0 => self.bad_expression(b"end expected"),
            value => value,
        };
        (self.cursor, self.dry, self.depth) = (cursor, dry, depth);
        value
    }

    fn bad_expression<T>(&mut self, words: &[u8]) -> Run<T> {
        self.exiting = true;
        let at = self.cursor;
        self.fail(at, words)
    }

    /// The next byte that is no blank.
    fn after_blanks(&mut self) -> u8 {
        loop {
            match self.memory.byte(self.cursor) {
                b' ' | b'\t' | b'\n' => self.cursor += 1,
                byte => return byte,
            }
        }
    }

    fn assignment(&mut self) -> Run<i64> {
        self.depth += 1;
        if self.depth > crate::limits::DEPTH {
            return self.bad_expression(b"too many parentheses; sh -o limits tells the bound");
        }
        self.after_blanks();
        let name = self.cursor;
        let length = self.memory.name_length(name);
        if length > 0 {
            self.cursor += length;
            self.after_blanks();
            let text = self.memory.rest(self.cursor);
            let operator: &[u8] = match text {
                [b'=', next, ..] if *next != b'=' => b"",
                [b'<', b'<', b'=', ..] => b"<<",
                [b'>', b'>', b'=', ..] => b">>",
                [b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'^' | b'|', b'=', ..] => {
                    text.get(..1).unwrap_or_default()
                }
                _ => {
                    self.cursor = name;
                    return self.conditional();
                }
            };
            let place = OPERATORS.iter().position(|(known, _)| *known == operator);
            self.cursor += operator.len() + 1;
            let right = self.assignment()?;
            let mut value = right;
            if let Some(place) = place {
                let left = self.variable(name, length)?;
                value = self.apply(place, left, right)?;
            }
            if !self.dry {
                let symbol = self.symbol(name, length);
                self.assign_number(symbol, value)?;
            }
            self.depth -= 1;
            return Ok(value);
        }
        self.conditional()
    }

    fn conditional(&mut self) -> Run<i64> {
        let condition = self.binary(1)?;
        if self.after_blanks() != b'?' {
            self.depth -= 1;
            return Ok(condition);
        }
        self.cursor += 1;
        let dry = self.dry;
        self.dry = dry || condition == 0;
        let first = self.assignment()?;
        if self.after_blanks() != b':' {
            return self.bad_expression(b"':' expected");
        }
        self.cursor += 1;
        self.dry = dry || condition != 0;
        let second = self.assignment()?;
        self.dry = dry;
        self.depth -= 1;
        Ok(if condition != 0 { first } else { second })
    }

    /// The binary operator that comes next: its place in `OPERATORS`, its precedence, its length.
    fn next_operator(&mut self) -> Option<(usize, u8, usize)> {
        if !b"|&=!<>^+-*/%".contains(&self.after_blanks()) {
            return None;
        }
        let text = self.memory.rest(self.cursor);
        let place = OPERATORS.iter().position(|(known, _)| text.starts_with(known))?;
        let (known, precedence) = OPERATORS.get(place)?;
        // An assignment is none of them.
        let is_assignment =
            text.get(known.len()) == Some(&b'=') && !matches!(precedence, 1 | 2 | 6 | 7);
        (!is_assignment).then_some((place, *precedence, known.len()))
    }

    /// Operands and their operators, as far as these have at least this precedence.
    fn binary(&mut self, least: u8) -> Run<i64> {
        let mut left = self.unary()?;
        while let Some((place, precedence, length)) = self.next_operator() {
            if precedence < least {
                break;
            }
            self.cursor += length;
            let dry = self.dry;
            // What `||` and `&&` do not need is read, and not done.
            let is_known = precedence == 1 && left != 0 || precedence == 2 && left == 0;
            self.dry = dry || is_known;
            let right = self.binary(precedence + 1);
            let value = right.and_then(|right| self.apply(place, left, right));
            self.dry = dry;
            left = value?;
        }
        Ok(left)
    }

    /// What the operator at a place of `OPERATORS` makes of two numbers.
    fn apply(&mut self, place: usize, left: i64, right: i64) -> Run<i64> {
        let divides = matches!(place, DIVIDE | REMAINDER);
        if divides && right == 0 {
            if self.dry {
                return Ok(0);
            }
            return self.bad_expression(b"division by zero");
        }
        Ok(match place {
            0 => i64::from(left != 0 || right != 0),
            1 => i64::from(left != 0 && right != 0),
            2 => i64::from(left == right),
            3 => i64::from(left != right),
            4 => left.wrapping_shl(right as u32),
            5 => left.wrapping_shr(right as u32),
            6 => i64::from(left <= right),
            7 => i64::from(left >= right),
            8 => left | right,
            9 => left ^ right,
            10 => left & right,
            11 => i64::from(left < right),
            12 => i64::from(left > right),
            13 => left.wrapping_add(right),
            14 => left.wrapping_sub(right),
            15 => left.wrapping_mul(right),
            DIVIDE => left.checked_div(right).unwrap_or(i64::MIN),
            _ => left.checked_rem(right).unwrap_or(0),
        })
    }

    fn unary(&mut self) -> Run<i64> {
        let mut operators = [0_u8; 16];
        let mut count = 0;
        while let byte @ (b'!' | b'~' | b'-' | b'+') = self.after_blanks() {
            let Some(place) = operators.get_mut(count) else {
                return self.bad_expression(b"too many signs");
            };
            *place = byte;
            count += 1;
            self.cursor += 1;
        }
        let mut value = self.primary()?;
        for operator in operators.iter().take(count).rev() {
            value = match operator {
                b'!' => i64::from(value == 0),
                b'~' => !value,
                b'-' => value.wrapping_neg(),
                _ => value,
            };
        }
        Ok(value)
    }

    fn primary(&mut self) -> Run<i64> {
        let byte = self.after_blanks();
        if byte == b'(' {
            self.cursor += 1;
            let value = self.assignment()?;
            if self.after_blanks() != b')' {
                return self.bad_expression(b"')' expected");
            }
            self.cursor += 1;
            return Ok(value);
        }
        let start = self.cursor;
        let length = self.memory.name_bytes(start);
        self.cursor += length;
        if byte.is_ascii_digit() {
            return match number(self.memory.slice(start, length), Reading::Signed) {
                Some(value) => Ok(value),
                None => self.bad_expression(b"bad number"),
            };
        }
        if length == 0 {
            return self.bad_expression(b"number expected");
        }
        self.variable(start, length)
    }

    /// The number that a variable holds; 0 where it is not set.
    fn variable(&mut self, name: At, length: usize) -> Run<i64> {
        let symbol = self.known_symbol_of(name, length);
        let value = if symbol == 0 { 0 } else { self.value(symbol) };
        if value == 0 {
            return Ok(0);
        }
        match number(self.memory.string(value), Reading::Signed) {
            Some(number) => Ok(number),
            None if self.dry => Ok(0),
            None => {
                self.exiting = true;
                self.fail(value, b"bad number")
            }
        }
    }
}

/// What a number's text is read for. Numbers beyond these bounds are the nearest one within, as strtoll(3) and
/// strtoull(3) have it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// From -2^63 to 2^63-1.
    Signed,
    /// Up to 2^64-1, whose bits are given.
    Unsigned,
}

/// A constant with a sign and blanks around it: decimal, octal with 0, hexadecimal with 0x. Blanks alone are 0.
#[inline(never)]
pub(crate) fn number(text: &[u8], reading: Reading) -> Option<i64> {
    let (sign, digits) = signed(text);
    let (digits, radix) = match digits {
        [] if sign != 0 => return None,
        [b'0', b'x' | b'X', digits @ ..] if !digits.is_empty() => (digits, 16),
        [b'0', digits @ ..] => (digits, 8),
        digits => (digits, 10),
    };
    let mut magnitude = 0_u64;
    for byte in digits {
        let digit = char::from(*byte).to_digit(radix)?;
        magnitude = magnitude.saturating_mul(radix.into()).saturating_add(digit.into());
    }
    let most = match reading {
        Reading::Signed => i64::MAX as u64 + u64::from(sign == b'-'),
        Reading::Unsigned => u64::MAX,
    };
    let bits = magnitude.min(most) as i64;
    Some(if sign == b'-' { bits.wrapping_neg() } else { bits })
}

/// The sign of a number's text, or 0, and its digits without blanks around them.
#[inline(never)]
pub(crate) fn signed(text: &[u8]) -> (u8, &[u8]) {
    match text.trim_ascii() {
        [sign @ (b'-' | b'+'), digits @ ..] => (*sign, digits),
        digits => (0, digits),
    }
}
