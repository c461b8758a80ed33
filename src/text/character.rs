//! Characters in texts of any bytes: what can be shown as it is.

/// The first character of a text and its bytes; nothing where none begins there. Source: RFC 3629.
#[must_use]
pub fn first_character(text: &[u8]) -> Option<(u32, usize)> {
    let (first, rest) = text.split_first()?;
    let (more, bits) = match first {
        0..=0x7f => (0, 0x7f),
        0xc2..=0xdf => (1, 0x1f),
        0xe0..=0xef => (2, 0xf),
        0xf0..=0xf4 => (3, 7),
        _ => return None,
    };
    let mut character = u32::from(first & bits);
    for byte in rest.get(..more)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        character = character << 6 | u32::from(byte & 0x3f);
    }
    // Longer than it must be, half of a pair of UTF-16, beyond the last.
    let is_one = match more {
        2 => character >= 0x800 && !(0xd800..0xe000).contains(&character),
        3 => (0x1_0000..0x11_0000).contains(&character),
        _ => true,
    };
    is_one.then_some((character, more + 1))
}

/// Whether a character takes its place on a line and does nothing else: no control, no end of a line, no direction.
#[must_use]
pub const fn is_plain(character: u32) -> bool {
    !matches!(character, 0..=0x1f | 0x7f..=0x9f | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
}

/// What is done with the first piece of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Piece {
    /// These many bytes stay as they are.
    Plain(usize),
    /// A quote or backslash of JSON gets another backslash before it.
    Quoted,
    /// This number is shown by two digits, instead of so many bytes.
    Escaped(u8, usize),
}

/// The first piece of a text: for a line, plain characters, or one other byte; for a string of JSON (RFC 8259) anything but
/// controls, and what is no character is taken for the one of its byte's number.
#[must_use]
#[inline(never)]
pub fn first_piece(text: &[u8], json: bool) -> Piece {
    let quotes: &[u8] = if json { b"\"\\" } else { b"" };
    let is_plain_byte = |byte: &u8| matches!(byte, b' '..=b'~') && !quotes.contains(byte);
    let plain = text.iter().take_while(|byte| is_plain_byte(byte)).count();
    if plain > 0 {
        return Piece::Plain(plain);
    }
    let byte = text.first().copied().unwrap_or_default();
    if quotes.contains(&byte) {
        return Piece::Quoted;
    }
    match first_character(text) {
        Some((character, length)) if is_plain(character) => Piece::Plain(length),
        Some((character @ 0..=0xff, length)) if json => Piece::Escaped(character as u8, length),
        Some((_, length)) if json => Piece::Plain(length),
        _ => Piece::Escaped(byte, 1),
    }
}

/// How many characters a text shows: bytes that continue one are not counted.
#[must_use]
pub fn width(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], json: bool) -> String {
        let (mut rest, mut shown) = (text, Vec::new());
        while !rest.is_empty() {
            let taken = match first_piece(rest, json) {
                Piece::Plain(count) => {
                    shown.extend(&rest[..count]);
                    count
                }
                Piece::Quoted => {
                    shown.extend([b'\\', rest[0]]);
                    1
                }
                Piece::Escaped(number, count) => {
                    let form = if json { "\\u00" } else { "\\x" };
                    shown.extend(format!("{form}{number:02x}").bytes());
                    count
                }
            };
            rest = &rest[taken..];
        }
        String::from_utf8(shown).unwrap()
    }

    #[test]
    fn characters_are_those_of_the_standard_library() {
        // Under Miri, which takes an hour for all of them, some.
        let (step, step_of_bytes) = if cfg!(miri) { (997, 23) } else { (1, 1) };
        for number in (0..=0x0011_0000_u32).step_by(step) {
            let Some(character) = char::from_u32(number) else { continue };
            let mut room = [0; 4];
            let text = character.encode_utf8(&mut room).as_bytes();
            assert_eq!(first_character(text), Some((number, text.len())));
        }
        for first in (0..=255_u8).step_by(step_of_bytes) {
            for second in (0..=255).step_by(step_of_bytes) {
                for rest in [[0x80, 0x80], [0xbf, 0xbf], [0x41, 0x80]] {
                    let text = [first, second, rest[0], rest[1]];
                    let length = (1..=4).find(|end| str::from_utf8(&text[..*end]).is_ok());
                    assert_eq!(first_character(&text).map(|found| found.1), length, "{text:x?}");
                }
            }
        }
    }

    #[test]
    fn what_is_shown_is_one_line_that_does_nothing() {
        for (text, shown) in [
            (b"a b" as &[u8], "a b"),
            (b"a\nb\x1b[2J\x7f", "a\\x0ab\\x1b[2J\\x7f"),
            ("\u{e9}\u{4e2d}".as_bytes(), "\u{e9}\u{4e2d}"),
            (b"\xff\xc3(\xe2\x80", "\\xff\\xc3(\\xe2\\x80"),
            // An 8-bit escape sequence, an end of a line, the other direction.
            ("\u{9b}2J".as_bytes(), "\\xc2\\x9b2J"),
            ("\u{2028}\u{202e}".as_bytes(), "\\xe2\\x80\\xa8\\xe2\\x80\\xae"),
            ("a\u{61c}b".as_bytes(), "a\\xd8\\x9cb"),
        ] {
            assert_eq!(all(text, false), shown);
        }
        assert_eq!((width("é中a".as_bytes()), width(b"")), (3, 0));
    }

    #[test]
    fn strings_of_json_are_read_back() {
        for (text, expected) in [
            (b"a\"b\\c/" as &[u8], "a\"b\\c/"),
            (b"\0\n\x1b\x7f", "\0\n\u{1b}\u{7f}"),
            ("é\u{9b}\u{2028}😀".as_bytes(), "é\u{9b}\u{2028}😀"),
            (b"\xff\xc3(\x80\xed\xa0\x80", "\u{ff}\u{c3}(\u{80}\u{ed}\u{a0}\u{80}"),
        ] {
            let quoted = format!("\"{}\"", all(text, true));
            assert!(quoted.chars().all(|character| !character.is_control()), "{quoted}");
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), expected, "{quoted}");
        }
    }
}
