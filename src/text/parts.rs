//! Text split at a byte.
//!
//! One function for all parsers: each `split` with a closure would be code of its own.

/// The parts of a text between occurrences of one byte; as many as there are occurrences, and one.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

/// Splits `text` at every `separator`.
#[must_use]
pub const fn parts(text: &[u8], separator: u8) -> Parts<'_> {
    Parts { rest: Some(text), separator }
}

/// What stands before and behind the first `separator`; nothing behind where there is none.
#[must_use]
pub fn halves(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let mut parts = parts(text, separator);
    (parts.skip_to(0), parts.rest().unwrap_or_default())
}

/// The number of a word in a list with one on each line, from 0. A match of a slice against many constants would
/// compare byte by byte, each in code of its own.
#[must_use]
#[inline(never)]
pub fn line_of(list: &[u8], word: &[u8]) -> Option<usize> {
    parts(list, b'\n').position(|line| line == word)
}

/// Takes the first word off a text, and the blanks before it; empty at the end.
#[cfg(feature = "boot")]
#[inline(never)]
pub fn take_word<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let start = text.trim_ascii_start();
    let end = start.iter().position(u8::is_ascii_whitespace).unwrap_or(start.len());
    let (word, rest) = start.split_at_checked(end).unwrap_or_default();
    *text = rest;
    word
}

/// Whether two texts are the same but for the case of letters.
#[cfg(feature = "boot")]
#[must_use]
#[inline(never)]
pub fn is_same_text(one: &[u8], other: &[u8]) -> bool {
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    one.len() == other.len() && one.iter().map(lower).eq(other.iter().map(lower))
}

impl<'a> Parts<'a> {
    /// What follows the parts taken so far.
    #[must_use]
    pub const fn rest(&self) -> Option<&'a [u8]> {
        self.rest
    }

    /// The part `count` places on, or nothing.
    #[must_use]
    #[inline(never)]
    pub fn skip_to(&mut self, count: usize) -> &'a [u8] {
        self.nth(count).unwrap_or_default()
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let end = text.iter().position(|byte| *byte == self.separator);
        let (part, rest) = match end {
            Some(end) => (text.get(..end)?, text.get(end + 1..)),
            None => (text, None),
        };
        self.rest = rest;
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_by_its_line() {
        let list = b"ro\nrw\nroot";
        let found = [b"ro".as_slice(), b"rw", b"root", b"r", b"roo", b""];
        let numbers = [Some(0), Some(1), Some(2), None, None, None];
        assert_eq!(found.map(|word| line_of(list, word)), numbers);
    }

    #[test]
    fn parts_are_those_of_split() {
        for text in ["", ":", "a", "a:b", ":a::b:"] {
            let expected: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b':').collect();
            assert_eq!(parts(text.as_bytes(), b':').collect::<Vec<_>>(), expected, "{text:?}");
        }
        let mut cursor = parts(b"a:b:c:d", b':');
        assert_eq!(cursor.skip_to(1), b"b");
        assert_eq!(cursor.rest(), Some(b"c:d".as_slice()));
        assert_eq!(cursor.skip_to(5), b"");
        assert_eq!(halves(b"a:b:c", b':'), (b"a".as_slice(), b"b:c".as_slice()));
        assert_eq!(halves(b"a", b':'), (b"a".as_slice(), b"".as_slice()));
    }
}
