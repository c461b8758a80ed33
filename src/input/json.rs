//! JSON, read in one pass and kept nowhere. Source: RFC 8259.

use super::place::Misread;
use super::refusal::Reason;

/// How deep values may lie in values that are skipped.
const DEPTH: u8 = 64;

/// A reader in a text.
pub struct Json<'a> {
    text: &'a [u8],
    at: usize,
}

/// What is done with each member or element, which it must read to its end.
type Take<'t, 'a, Key> = &'t mut dyn FnMut(&mut Json<'a>, Key) -> Result<(), Reason>;

impl<'a> Json<'a> {
    /// A reader that stands at the start of `text`.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Line and column at which reading has ended, and why it has.
    #[must_use]
    pub fn misread(&self, reason: Reason) -> Misread {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Misread::at(lines, before.get(start..).unwrap_or_default(), b"", reason)
    }

    /// The next byte that is no blank, which is not taken; 0 at the end.
    #[inline(never)]
    fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => return next.copied().unwrap_or(0),
            }
        }
    }

    /// Takes this byte, if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        if is_next {
            self.at += 1;
        }
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Reason> {
        if self.takes(byte) { Ok(()) } else { Err(Reason::NoJson) }
    }

    /// Checks that nothing but blanks follows.
    ///
    /// # Errors
    /// `NoJson`: something does.
    pub fn end(&mut self) -> Result<(), Reason> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(Reason::NoJson) }
    }

    /// Reads an object and gives each member's key to `take`, which reads its value.
    ///
    /// # Errors
    /// `NoJson`, and those of `take`.
    pub fn members(&mut self, take: Take<'_, 'a, &'a [u8]>) -> Result<(), Reason> {
        self.list(b'{', b'}', &mut |json, ()| {
            let key = json.string()?;
            json.expect(b':')?;
            take(json, key)
        })
    }

    /// Reads an array; `take` reads each element. `null` is an empty one, as Go writes it.
    ///
    /// # Errors
    /// `NoJson`, and those of `take`.
    pub fn elements(&mut self, take: Take<'_, 'a, ()>) -> Result<(), Reason> {
        if self.peek() != b'n' {
            return self.list(b'[', b']', take);
        }
        if self.word()? == b"null" { Ok(()) } else { Err(Reason::NoJson) }
    }

    fn list(&mut self, open: u8, close: u8, take: Take<'_, 'a, ()>) -> Result<(), Reason> {
        self.expect(open)?;
        if self.takes(close) {
            return Ok(());
        }
        loop {
            take(self, ())?;
            if self.takes(close) {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads a string. What is escaped in it stays so: no name that we know has anything to escape.
    ///
    /// # Errors
    /// `NoJson`
    #[inline(never)]
    pub fn string(&mut self) -> Result<&'a [u8], Reason> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(b' '..) => self.at += 1,
                _ => return Err(Reason::NoJson),
            }
        }
        self.at += 1;
        Ok(self.text.get(start..self.at - 1).unwrap_or_default())
    }

    /// Reads a number from 0 to the greatest of 64 bits, without fraction or exponent.
    ///
    /// # Errors
    /// `NoJson`, `NoFilterNumber`
    pub fn number(&mut self) -> Result<u64, Reason> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len());
        let number = crate::text::number::parse_u64(rest.get(..end).unwrap_or_default());
        let number = number.ok_or(Reason::NoFilterNumber)?;
        self.at += end;
        Ok(number)
    }

    /// Reads a number, `true`, `false` or `null`. Other words of such bytes are not told from these.
    fn word(&mut self) -> Result<&'a [u8], Reason> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| is_of_word(*byte)) {
            self.at += 1;
        }
        if self.at == start {
            Err(Reason::NoJson)
        } else {
            Ok(self.text.get(start..self.at).unwrap_or_default())
        }
    }

    /// Reads any value.
    ///
    /// # Errors
    /// `NoJson`, also for what lies deeper than 64 values.
    pub fn skip(&mut self) -> Result<(), Reason> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u8) -> Result<(), Reason> {
        if depth == DEPTH {
            return Err(Reason::NoJson);
        }
        match self.peek() {
            b'"' => self.string().map(drop),
            b'{' => self.members(&mut |json, _| json.skip_at(depth + 1)),
            b'[' => self.elements(&mut |json, ()| json.skip_at(depth + 1)),
            _ => self.word().map(drop),
        }
    }
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> Result<(), Reason> {
        let mut json = Json::new(text.as_bytes());
        json.skip()?;
        json.end()
    }

    #[test]
    fn values_are_read_whole() {
        for good in
            ["{}", " [ ] ", "null", "-1.5e3", r#"{"a":[1,{"b":"\"]"}],"c":null}"#, "[[],[1,2]]"]
        {
            assert_eq!(skipped(good), Ok(()), "{good}");
        }
        for bad in [
            "", "{", "[1,]", "{,}", r#"{"a"}"#, r#""a"#, "\"\n\"", "1 2", "[1 2]", "{1:2}", r#""\"#,
        ] {
            assert_eq!(skipped(bad), Err(Reason::NoJson), "{bad}");
        }
    }

    #[test]
    fn null_is_an_empty_array_and_nothing_else_is() {
        for (text, expected) in
            [("null", Ok(())), ("nul", Err(Reason::NoJson)), ("none", Err(Reason::NoJson))]
        {
            let mut json = Json::new(text.as_bytes());
            assert_eq!(json.elements(&mut |_, ()| unreachable!()), expected, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| skipped(&("[".repeat(depth) + &"]".repeat(depth)));
        assert_eq!(nested(64), Ok(()));
        assert_eq!(nested(65), Err(Reason::NoJson));
        assert_eq!(nested(200_000), Err(Reason::NoJson));
    }

    #[test]
    fn numbers_are_whole_and_bounded() {
        let number = |text: &'static str| Json::new(text.as_bytes()).number();
        assert_eq!(number(" 18446744073709551615,"), Ok(u64::MAX));
        for bad in ["18446744073709551616", "-1", "1.0", "1e3", "\"1\"", ""] {
            assert_eq!(number(bad), Err(Reason::NoFilterNumber), "{bad}");
        }
    }

    #[test]
    fn a_place_is_line_and_column() {
        let mut json = Json::new(b"{\n  \"a\": x1, }");
        assert!(json.members(&mut |json, _| json.skip()).is_err());
        let place = json.misread(Reason::NoJson);
        assert_eq!((place.line, place.column), (2, 12));
    }
}
