//! Texts packed at compile time with byte-pair encoding.
//!
//! Texts are ASCII, so the bytes 0x7f..=0xff and 0x00..=0x1f are free to be codes. Each stands for two bytes, which may
//! be codes again; `pairs` says which. A newline is never part of a pair: lines are found without unpacking.

use super::line::Line;
use super::pairs::PAIRS;
use super::parts::{Parts, parts};

/// Row 0 of `PAIRS` is this code; the codes of the other rows follow, and 0x00 follows 0xff.
const FIRST_CODE: u8 = 0x7f;
/// The row whose code would be a newline. No text is packed with it; it makes blanks, so that unpacking ends even
/// where somebody unpacks more than a line.
const NEWLINE_ROW: usize = b'\n'.wrapping_sub(FIRST_CODE) as usize;
/// The last code is 0x1f, below the blank.
const MOST_ROWS: usize = b' '.wrapping_sub(FIRST_CODE) as usize;
/// How deep pairs may stand in pairs: the depth of `Line::packed`'s recursion.
const MOST_DEPTH: u8 = 8;
/// The longest text, before it is packed.
const TEXT_BYTES: usize = 12288;

static ROWS: [[u8; 2]; PAIRS.len()] = PAIRS;

/// A packed text of ours, or some lines of it.
#[derive(Clone, Copy)]
pub struct Packed(&'static [u8]);

impl Packed {
    /// What `packed!` made.
    #[must_use]
    pub const fn new(encoded: &'static [u8]) -> Self {
        Self(encoded)
    }

    /// The text's lines.
    #[must_use]
    pub const fn lines(self) -> Lines {
        Lines(parts(self.0, b'\n'))
    }

    /// Line `number` from 0 on; empty behind the last.
    #[must_use]
    pub fn line(self, number: usize) -> Self {
        Self(parts(self.0, b'\n').skip_to(number))
    }

    /// The text itself, as far as a line has room; `line` is emptied for it.
    pub fn unpack(self, line: &mut Line) -> &[u8] {
        line.clear();
        line.packed(self).bytes()
    }

    /// Bytes and codes.
    pub(super) const fn encoded(self) -> &'static [u8] {
        self.0
    }
}

/// For tests, which compare texts as they are.
#[cfg(test)]
impl std::fmt::Display for Packed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.unpack(&mut Line::new())))
    }
}

/// The two bytes or codes that `code` stands for, if it is one.
pub(super) fn pair(code: u8) -> Option<Packed> {
    ROWS.get(usize::from(code.wrapping_sub(FIRST_CODE))).map(|pair| Packed(pair))
}

/// Lines of a packed text.
#[derive(Clone, Copy)]
pub struct Lines(Parts<'static>);

impl Iterator for Lines {
    type Item = Packed;

    fn next(&mut self) -> Option<Packed> {
        self.0.next().map(Packed)
    }
}

/// Packs a text, which is a constant, while this is compiled; `cargo xtask pairs` finds it by this name.
macro_rules! packed {
    ($text:expr) => {{
        const ENCODED: $crate::text::packed::Encoded = $crate::text::packed::encode($text);
        const BYTES: [u8; ENCODED.length] = ENCODED.cut();
        $crate::text::packed::Packed::new(&BYTES)
    }};
}
pub(crate) use packed;

/// An encoded text in a buffer that has room for the longest; used at compile time only.
pub struct Encoded {
    bytes: [u8; TEXT_BYTES],
    /// How much of the buffer it takes.
    pub length: usize,
}

/// Encodes a text by merging the pairs in the order of `PAIRS`. A text that is too long or has other bytes than
/// printable ASCII and newlines does not compile.
#[must_use]
pub const fn encode(text: &str) -> Encoded {
    let text = text.as_bytes();
    assert!(text.len() <= TEXT_BYTES, "a packed text has at most 12288 bytes");
    let mut encoded = Encoded { bytes: [0; TEXT_BYTES], length: text.len() };
    let mut at = 0;
    while at < text.len() {
        assert!(matches!(text[at], b' '..=b'~' | b'\n'), "a packed text is printable ASCII");
        encoded.bytes[at] = text[at];
        at += 1;
    }
    let mut row = 0;
    while row < PAIRS.len() {
        if row != NEWLINE_ROW {
            encoded.merge(row);
        }
        row += 1;
    }
    encoded
}

impl Encoded {
    /// Puts the row's code wherever its pair stands.
    const fn merge(&mut self, row: usize) {
        let pair = PAIRS[row];
        let (mut from, mut to) = (0, 0);
        while from < self.length {
            let first = self.bytes[from];
            from += 1;
            if first == pair[0] && from < self.length && self.bytes[from] == pair[1] {
                self.bytes[to] = FIRST_CODE.wrapping_add(row as u8);
                from += 1;
            } else {
                self.bytes[to] = first;
            }
            to += 1;
        }
        self.length = to;
    }

    /// The encoded text alone; `LENGTH` is its length.
    #[must_use]
    pub const fn cut<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let mut at = 0;
        while at < LENGTH {
            bytes[at] = self.bytes[at];
            at += 1;
        }
        bytes
    }
}

/// A row uses only codes of rows before it, so that unpacking ends; no row hides a newline.
const _: () = {
    assert!(PAIRS.len() <= MOST_ROWS);
    let mut depths = [0; PAIRS.len()];
    let mut row = 0;
    while row < PAIRS.len() {
        let mut half = 0;
        while half < 2 {
            let byte = PAIRS[row][half];
            assert!(byte != b'\n', "a newline is in a pair");
            let code = byte.wrapping_sub(FIRST_CODE) as usize;
            if code < MOST_ROWS {
                assert!(code < row, "a pair stands before a part of it");
                if depths[row] < depths[code] + 1 {
                    depths[row] = depths[code] + 1;
                }
            }
            half += 1;
        }
        assert!(depths[row] < MOST_DEPTH, "pairs stand too deep in pairs");
        row += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "mount proc on /proc (rw,nosuid,nodev,noexec)\n\n\nneeds the program $p|!~ \n";

    fn unpacked(text: Packed) -> Vec<String> {
        text.lines().map(|line| line.to_string()).collect()
    }

    #[test]
    fn unpacking_gives_the_text_back() {
        let expected: Vec<&str> = TEXT.split('\n').collect();
        assert_eq!(unpacked(packed!(TEXT)), expected);
        assert!(packed!(TEXT).encoded().len() < TEXT.len());
        assert_eq!(unpacked(packed!("")), [""]);
    }

    #[test]
    fn every_printable_character_is_packed_and_unpacked() {
        const ALL: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`\
            abcdefghijklmnopqrstuvwxyz{|}~";
        assert_eq!(ALL.len(), 95);
        assert_eq!(unpacked(packed!(ALL)), [ALL]);
    }

    #[test]
    fn a_line_is_found_by_its_number() {
        let text = packed!("mount\n\nof mounts");
        for (number, expected) in [(0, "mount"), (1, ""), (2, "of mounts"), (3, "")] {
            assert_eq!(text.line(number).to_string(), expected);
        }
    }

    #[test]
    fn lines_that_are_unpacked_at_once_stand_between_blanks() {
        assert_eq!(packed!("mount\nof").to_string(), "mount  of");
    }

    #[test]
    fn a_line_that_is_full_takes_no_more() {
        let mut line = Line::new();
        for _ in 0..300 {
            line.packed(packed!("mount the mounts of the mount"));
        }
        assert_eq!(line.newline().bytes().len(), super::super::line::LINE_BYTES);
    }
}
