//! One line of output in a fixed buffer, written with one `write(2)`.

#[cfg(any(feature = "run", feature = "boot"))]
use core::ffi::CStr;

use heapless::Vec;

use super::packed::{self, Packed};

/// Room for two paths of a usual length and a sentence.
pub const LINE_BYTES: usize = 1024;
/// What an operand may take of a line, as it is shown, before it is visibly shortened.
const OPERAND_BYTES: usize = 300;
/// Stands where an operand was shortened.
const ELLIPSIS: &str = "...";

/// A line under construction. A long operand ends in `...`, so that there is room for the words around two or three of
/// them; bytes beyond `LINE_BYTES` are left out.
pub struct Line {
    bytes: Vec<u8, LINE_BYTES>,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// An empty line.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// The bytes so far, without a newline unless one was appended.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Empties the line for reuse.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Appends words of ours, as they are.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.raw(text.as_bytes())
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        // The last byte stays free, so that a full line still ends in a newline.
        for byte in bytes {
            if self.bytes.len() + 1 < LINE_BYTES {
                let _ = self.bytes.push(*byte);
            }
        }
        self
    }

    /// Appends a packed text. A code is two bytes or codes: this calls itself, as deep as `packed` allows.
    pub fn packed(&mut self, text: Packed) -> &mut Self {
        for byte in text.encoded() {
            match packed::pair(*byte) {
                Some(pair) => self.packed(pair),
                None => self.raw(core::slice::from_ref(byte)),
            };
        }
        self
    }

    /// Appends a string from outside on one printable line: control bytes as `\xNN`, long ones cut with `...`.
    pub fn operand(&mut self, operand: &[u8]) -> &mut Self {
        let end = self.bytes.len() + OPERAND_BYTES;
        for byte in operand {
            if self.bytes.len() >= end {
                return self.text(ELLIPSIS);
            }
            match byte {
                b' '..=b'~' | 0x80..=0xff => self.raw(core::slice::from_ref(byte)),
                _ => self.text("\\x").hex_digit(byte >> 4).hex_digit(byte & 15),
            };
        }
        self
    }

    /// Appends an operand, in single quotes where a shell would need them.
    pub fn shell_word(&mut self, operand: &[u8]) -> &mut Self {
        let plain = |byte: &u8| {
            byte.is_ascii_alphanumeric() || b"%+,-./:=@_".iter().any(|plain| plain == byte)
        };
        if !operand.is_empty() && operand.iter().all(plain) {
            return self.operand(operand);
        }
        self.text("'").operand(operand).text("'")
    }

    /// Appends a decimal number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let start = super::number::decimal(number, &mut digits);
        self.raw(digits.get(start..).unwrap_or(&[]))
    }

    /// Appends a number in octal with a leading 0, as modes are written.
    pub fn octal(&mut self, number: u32) -> &mut Self {
        self.text("0");
        let mut started = false;
        for shift in (0..11).rev() {
            let digit = (number >> (shift * 3)) & 7;
            started |= digit != 0;
            if started {
                self.hex_digit((digit & 7) as u8);
            }
        }
        self
    }

    /// Fills with blanks up to `column`, at least one.
    pub fn pad_to(&mut self, column: usize) -> &mut Self {
        self.text(" ");
        while self.bytes.len() < column && self.bytes.len() + 1 < LINE_BYTES {
            self.text(" ");
        }
        self
    }

    /// Makes the line a path of these parts, for a system call; empty where they do not fit.
    #[cfg(feature = "boot")]
    #[inline(never)]
    pub fn path(&mut self, parts: &[&[u8]]) -> &CStr {
        self.clear();
        for part in parts {
            self.raw(part);
        }
        self.as_path()
    }

    /// What was appended as a path for a system call; empty where it does not fit.
    #[cfg(any(feature = "run", feature = "boot"))]
    pub fn as_path(&mut self) -> &CStr {
        self.whole().unwrap_or_default()
    }

    /// What was appended, for a system call that must not get a part of it; none where it does not fit.
    #[cfg(any(feature = "run", feature = "boot"))]
    #[inline(never)]
    pub fn whole(&mut self) -> Option<&CStr> {
        CStr::from_bytes_with_nul(self.text("\0").bytes()).ok()
    }

    /// Ends the line.
    pub fn newline(&mut self) -> &mut Self {
        let _ = self.bytes.push(b'\n');
        self
    }

    /// Appends a number below 16.
    pub fn hex_digit(&mut self, digit: u8) -> &mut Self {
        let byte = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        self.raw(core::slice::from_ref(&byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_stay_on_one_printable_line() {
        let mut line = Line::new();
        line.operand(b"a\nb\x1b[0m").newline();
        assert_eq!(line.bytes(), b"a\\x0ab\\x1b[0m\n");
    }

    #[test]
    fn a_long_operand_is_cut_visibly() {
        let mut line = Line::new();
        line.operand(&[b'x'; 4096]).text(": ENOENT");
        assert!(line.bytes().ends_with(b"x...: ENOENT"));
    }

    #[test]
    fn an_operand_of_control_bytes_leaves_room_for_what_follows() {
        let mut line = Line::new();
        line.operand(&[1; 4096]).text(": ENOENT");
        assert!(line.bytes().ends_with(b"\\x01...: ENOENT"));
        line.clear();
        line.operand(&[b'x'; 300]).text(" ").operand(&[b'x'; 301]);
        let path = "x".repeat(300);
        assert_eq!(line.bytes(), format!("{path} {path}...").as_bytes());
    }

    #[test]
    fn a_full_line_still_ends_in_a_newline() {
        let mut line = Line::new();
        for _ in 0..10 {
            line.operand(&[b'x'; 300]);
        }
        line.newline();
        assert_eq!(line.bytes().len(), LINE_BYTES);
        assert_eq!(line.bytes().last(), Some(&b'\n'));
    }

    #[test]
    fn numbers_in_decimal_and_octal() {
        let mut line = Line::new();
        line.number(0).text(" ").number(u64::MAX).text(" ").octal(0o1777);
        assert_eq!(line.bytes(), b"0 18446744073709551615 01777");
    }

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        let mut line = Line::new();
        line.shell_word(b"/srv/root").text(" ").shell_word(b"a b").text(" ").shell_word(b"");
        assert_eq!(line.bytes(), b"/srv/root 'a b' ''");
    }
}
