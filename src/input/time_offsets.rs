//! `--time-offset`: by how much the clocks inside are shifted.

use core::ffi::CStr;

use super::refusal::Reason;
use crate::text::arena::Arena;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of, parts};

/// Offsets of a time namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct TimeOffsets<'a> {
    /// As typed.
    pub asked: &'a CStr,
    /// As the kernel reads them: `CLOCK SECONDS NANOSECONDS`, a line each. Source: time_namespaces(7).
    pub text: &'a CStr,
}

/// Most digits that seconds may have: about 300 years, which is more than the kernel takes.
const DIGITS: usize = 10;

/// Reads `monotonic=SECONDS,boottime=SECONDS`, either or both, seconds with or without a `-`.
///
/// # Errors
/// `NoTimeOffset`; `TextFull`.
pub fn parse<'a>(value: &'a CStr, arena: &mut Arena<'a>) -> Result<TimeOffsets<'a>, Reason> {
    let mut lines: [[&[u8]; 3]; 2] = [[b"", b"", b""]; 2];
    for part in parts(value.to_bytes(), b',') {
        let (clock, seconds) = halves(part, b'=');
        let index = line_of(b"monotonic\nboottime", clock).ok_or(Reason::NoTimeOffset)?;
        let digits = seconds.strip_prefix(b"-").unwrap_or(seconds);
        let place = lines.get_mut(index).filter(|[clock, ..]| clock.is_empty());
        let number = parse_u64(digits).filter(|_| digits.len() <= DIGITS);
        *place.zip(number).ok_or(Reason::NoTimeOffset)?.0 = [clock, seconds, b" 0\n"];
    }
    let [[a, b, c], [d, e, f]] = lines;
    let blank = |clock: &[u8]| if clock.is_empty() { &b""[..] } else { b" " };
    let text = arena.join(&[a, blank(a), b, c, d, blank(d), e, f]);
    Ok(TimeOffsets { asked: value, text: text.map_err(|_| Reason::TextFull)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_strictly() {
        for (value, expected) in [
            (c"monotonic=5", Some(c"monotonic 5 0\n")),
            (c"boottime=-86400,monotonic=0", Some(c"monotonic 0 0\nboottime -86400 0\n")),
            (c"", None),
            (c"monotonic", None),
            (c"monotonic=", None),
            (c"monotonic=-", None),
            (c"monotonic=--1", None),
            (c"monotonic=+1", None),
            (c"monotonic=1.5", None),
            (c"monotonic=1,monotonic=2", None),
            (c"monotonic=1,", None),
            (c"realtime=1", None),
            (c"boottime=99999999999", None),
        ] {
            let mut room = [0; 100];
            let text = parse(value, &mut Arena::new(&mut room)).ok().map(|offsets| offsets.text);
            assert_eq!(text, expected, "{value:?}");
        }
    }
}
