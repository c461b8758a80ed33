//! `echo` and `printf`.

use crate::arithmetic::{Reading, number};
use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell};

/// How `printf` writes an argument.
#[derive(Clone, Copy, Default)]
struct Form {
    left: bool,
    zero: bool,
    plus: bool,
    blank: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// The widest field; memory bounds it anyway.
const MOST_WIDTH: usize = 1 << 20;

impl<H: Host> Shell<'_, H> {
    /// As dash has it: escapes always mean something, and `-n` is the one option.
    pub(super) fn echo(&mut self) -> Run<i32> {
        let mark = self.memory.top;
        let mut newline = true;
        if self.accept_word(b"-n") {
            newline = false;
        }
        while let mut at @ 1.. = self.take_word() {
            while self.memory.byte(at) != 0 {
                if !self.push_escape(&mut at, true) {
                    return self.output(mark);
                }
            }
            if self.words.count > 0 {
                self.memory.push(b' ');
            }
        }
        if newline {
            self.memory.push(b'\n');
        }
        self.output(mark)
    }

    /// Appends the next byte or what an escape stands for; false for `\c`. In `%b` and `echo` octal numbers begin
    /// with 0, in a format they do not.
    fn push_escape(&mut self, at: &mut At, with_zero: bool) -> bool {
        let byte = self.memory.byte(*at);
        *at += 1;
        if byte != b'\\' {
            self.memory.push(byte);
            return true;
        }
        let byte = self.memory.byte(*at);
        *at += 1;
        let meant = match byte {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' => b'\\',
            b'c' if with_zero => return false,
            b'0'..=b'7' if byte == b'0' || !with_zero => {
                let mut digits = if with_zero { 3 } else { 2 };
                let mut value = byte - b'0';
                while let digit @ b'0'..=b'7' = self.memory.byte(*at)
                    && digits > 0
                {
                    value = value.wrapping_mul(8).wrapping_add(digit - b'0');
                    *at += 1;
                    digits -= 1;
                }
                value
            }
            _ => {
                self.memory.push(b'\\');
                // The end of the text stays where it is.
                *at -= 1;
                return true;
            }
        };
        self.memory.push(meant);
        true
    }

    pub(super) fn printf(&mut self) -> Run<i32> {
        self.last_option(b"")?;
        let format = self.take_word();
        if format == 0 {
            return self.fail(0, b"printf needs a format");
        }
        let mark = self.memory.top;
        let mut status = 0;
        loop {
            let before = self.words.count;
            if !self.format_once(format, &mut status)? {
                break;
            }
            if self.words.count == 0 || self.words.count == before || self.memory.full {
                break;
            }
        }
        Ok(self.output(mark)?.max(status))
    }

    /// Writes the format once; false when `\c` ends all.
    fn format_once(&mut self, format: At, status: &mut i32) -> Run<bool> {
        let mut at = format;
        loop {
            match self.memory.byte(at) {
                0 => return Ok(true),
                b'%' if self.memory.byte(at + 1) == b'%' => {
                    self.memory.push(b'%');
                    at += 2;
                }
                b'%' => {
                    at += 1;
                    let form = self.form(&mut at);
                    let kind = self.memory.byte(at);
                    at += 1;
                    if !self.convert(&form, kind, at - 1, status)? {
                        return Ok(false);
                    }
                }
                _ => {
                    self.push_escape(&mut at, false);
                }
            }
        }
    }

    fn form(&mut self, at: &mut At) -> Form {
        let mut form = Form::default();
        loop {
            match self.memory.byte(*at) {
                b'-' => form.left = true,
                b'0' => form.zero = true,
                b'+' => form.plus = true,
                b' ' => form.blank = true,
                b'#' => form.sharp = true,
                _ => break,
            }
            *at += 1;
        }
        let width = self.form_number(at);
        form.left |= width < 0;
        form.width = (width.unsigned_abs() as usize).min(MOST_WIDTH);
        if self.memory.byte(*at) == b'.' {
            *at += 1;
            let precision = self.form_number(at);
            form.precision = usize::try_from(precision).ok().map(|wide| wide.min(MOST_WIDTH));
        }
        while matches!(self.memory.byte(*at), b'l' | b'h' | b'j' | b'z' | b't' | b'q' | b'L') {
            *at += 1;
        }
        form
    }

    fn form_number(&mut self, at: &mut At) -> i64 {
        if self.memory.byte(*at) == b'*' {
            *at += 1;
            let word = self.take_word();
            return if word == 0 {
                0
            } else {
                number(self.memory.string(word), Reading::Signed).unwrap_or(0)
            };
        }
        let mut value = 0_i64;
        while let digit @ b'0'..=b'9' = self.memory.byte(*at) {
            value = value.saturating_mul(10).saturating_add((digit - b'0').into());
            *at += 1;
        }
        value
    }

    #[inline(never)]
    fn convert(&mut self, form: &Form, kind: u8, at: At, status: &mut i32) -> Run<bool> {
        let word = self.take_word();
        let start = self.memory.top;
        match kind {
            b's' | b'c' | b'b' => {
                let mut goes_on = true;
                if kind == b'b' {
                    let mut at = word;
                    while at != 0 && self.memory.byte(at) != 0 && goes_on {
                        goes_on = self.push_escape(&mut at, true);
                    }
                } else if word != 0 {
                    let length = if kind == b'c' { 1 } else { usize::MAX };
                    self.memory.push_copy(word, self.memory.length(word).min(length));
                }
                if let Some(precision) = form.precision {
                    self.memory.top = self.memory.top.min(start + precision);
                }
                self.pad(start, start, form, false);
                Ok(goes_on)
            }
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => {
                let reading =
                    if matches!(kind, b'd' | b'i') { Reading::Signed } else { Reading::Unsigned };
                let value = self.printf_number(word, reading, status);
                self.push_integer(form, kind, value);
                Ok(true)
            }
            _ => self.fail(at, b"bad directive"),
        }
    }

    /// The number that an argument is: a constant, or `'c` for the value of a byte.
    fn printf_number(&mut self, word: At, reading: Reading, status: &mut i32) -> i64 {
        if word == 0 {
            return 0;
        }
        let text = self.memory.string(word);
        if let [b'\'' | b'"', rest @ ..] = text {
            return rest.first().copied().unwrap_or(0).into();
        }
        if let Some(value) = number(text, reading)
            && !text.is_empty()
        {
            return value;
        }
        // What begins with a number counts as that.
        let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
        let digits = text.get(sign..).unwrap_or_default();
        let length = sign + digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = number(text.get(..length).unwrap_or_default(), reading).unwrap_or(0);
        *status = 1;
        self.say(word, b"is no number", 0);
        value
    }

    #[inline(never)]
    fn push_integer(&mut self, form: &Form, kind: u8, value: i64) {
        let start = self.memory.top;
        let is_signed = matches!(kind, b'd' | b'i');
        if is_signed && value < 0 {
            self.memory.push(b'-');
        } else if is_signed && form.plus {
            self.memory.push(b'+');
        } else if is_signed && form.blank {
            self.memory.push(b' ');
        }
        let mut rest = if is_signed { value.unsigned_abs() } else { value as u64 };
        let (shift, alphabet): (u32, &[u8; 16]) = match kind {
            b'o' => (3, b"0123456789abcdef"),
            b'x' => (4, b"0123456789abcdef"),
            b'X' => (4, b"0123456789ABCDEF"),
            _ => (0, b"0123456789abcdef"),
        };
        if form.sharp && rest != 0 && shift != 0 {
            self.memory.push(b'0');
            if shift == 4 {
                self.memory.push(kind);
            }
        }
        let digits_at = self.memory.top;
        let mut digits = [0_u8; 24];
        let mut count = 0;
        for place in &mut digits {
            if rest == 0 && (count > 0 || form.precision == Some(0)) {
                break;
            }
            let digit = if shift == 0 { rest % 10 } else { rest & ((1 << shift) - 1) };
            *place = alphabet.get(digit as usize & 15).copied().unwrap_or(0);
            rest = if shift == 0 { rest / 10 } else { rest >> shift };
            count += 1;
        }
        for _ in count..form.precision.unwrap_or(0) {
            self.memory.push(b'0');
        }
        for digit in digits.iter().take(count).rev() {
            self.memory.push(*digit);
        }
        let zero = form.zero && form.precision.is_none();
        self.pad(start, if zero { digits_at } else { start }, form, zero);
    }

    /// Widens what was written since `start`; zeros go in at `inner`.
    fn pad(&mut self, start: At, inner: At, form: &Form, zero: bool) {
        let missing = form.width.saturating_sub(self.memory.top - start);
        if form.left {
            for _ in 0..missing {
                self.memory.push(b' ');
            }
        } else if missing > 0 {
            let end = self.memory.top;
            let length = end - inner;
            if self.memory.room(missing).is_some() {
                for place in (0..length).rev() {
                    self.memory.set_byte(inner + missing + place, self.memory.byte(inner + place));
                }
                for place in 0..missing {
                    self.memory.set_byte(inner + place, if zero { b'0' } else { b' ' });
                }
                self.memory.top = end + missing;
            }
        }
    }
}
