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
