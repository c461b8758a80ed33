//! Signals, exit statuses and spans of time, as command lines spell them.

use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// The highest signal number.
pub const SIGNALS: u8 = 64;

/// `SIGRTMIN` and `SIGRTMAX` as C libraries and container engines count; the kernel's own first is 32.
const RTMIN: u64 = 34;
const RTMAX: u64 = SIGNALS as u64;

/// Line N is signal N. Source: signal(7), x86 and ARM.
const NAMES: &[u8] =
    b"\nHUP\nINT\nQUIT\nILL\nTRAP\nABRT\nBUS\nFPE\nKILL\nUSR1\nSEGV\nUSR2\nPIPE\nALRM\nTERM\n\
    STKFLT\nCHLD\nCONT\nSTOP\nTSTP\nTTIN\nTTOU\nURG\nXCPU\nXFSZ\nVTALRM\nPROF\nWINCH\nIO\nPWR\nSYS";

/// The signal's name without `SIG`; empty for one that has a number only.
#[must_use]
pub fn name(signal: u8) -> &'static [u8] {
    parts(NAMES, b'\n').skip_to(signal.into())
}

/// Reads `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `RTMAX-1`, in either case.
#[must_use]
pub fn parse_signal(text: &[u8]) -> Option<u8> {
    let name = strip(text, b"SIG").unwrap_or(text);
    let number = if let Some(more) = strip(name, b"RTMIN") {
        RTMIN.checked_add(offset(more, b'+')?)?
    } else if let Some(less) = strip(name, b"RTMAX") {
        RTMAX.checked_sub(offset(less, b'-')?).filter(|number| *number >= RTMIN)?
    } else {
        let known = parts(NAMES, b'\n').position(|known| strip(name, known) == Some(&[]));
        // An empty name is line 0, which is no signal.
        match known {
            Some(known) => known as u64,
            None => parse_u64(text)?,
        }
    };
    u8::try_from(number).ok().filter(|number| (1..=SIGNALS).contains(number))
}

/// What follows `prefix`, which is in capitals.
fn strip<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    let same = |(byte, capital): (&u8, &u8)| byte.to_ascii_uppercase() == *capital;
    head.iter().zip(prefix).all(same).then_some(tail)
}

/// `+3` or nothing.
fn offset(text: &[u8], sign: u8) -> Option<u64> {
    match text {
        [] => Some(0),
        [first, number @ ..] if *first == sign => parse_u64(number),
        _ => None,
    }
}

/// Reads an exit status, 0 to 255.
#[must_use]
pub fn parse_status(text: &[u8]) -> Option<u8> {
    u8::try_from(parse_u64(text)?).ok()
}

/// Reads a span of time in milliseconds: `1500ms`, `5s`, `2m`, `1h`; seconds without a unit.
#[must_use]
pub fn parse_time_ms(text: &[u8]) -> Option<u32> {
    let (number, factor) = match text {
        [number @ .., b'm', b's'] => (number, 1),
        [number @ .., b's'] => (number, 1000),
        [number @ .., b'm'] => (number, 60_000),
        [number @ .., b'h'] => (number, 3_600_000),
        number => (number, 1000),
    };
    let milliseconds = u32::try_from(parse_u64(number)?.checked_mul(factor)?).ok()?;
    // The last number means "for ever" to a wait.
    (milliseconds != u32::MAX).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, signal) in [
            ("TERM", Some(15)),
            ("SIGTERM", Some(15)),
            ("sigterm", Some(15)),
            ("Hup", Some(1)),
            ("SYS", Some(31)),
            ("15", Some(15)),
            ("64", Some(64)),
            ("RTMIN", Some(34)),
            ("SIGRTMIN+3", Some(37)),
            ("rtmin+30", Some(64)),
            ("RTMAX", Some(64)),
            ("RTMAX-30", Some(34)),
            ("RTMIN+31", None),
            ("RTMAX-31", None),
            ("RTMIN-1", None),
            ("RTMIN+", None),
            ("RTMIN+18446744073709551615", None),
            ("0", None),
            ("65", None),
            ("-1", None),
            ("", None),
            ("SIG", None),
            ("SIG15", None),
            ("TERMX", None),
        ] {
            assert_eq!(parse_signal(text.as_bytes()), signal, "{text:?}");
        }
        assert_eq!([15, 31, 40].map(name), [b"TERM".as_slice(), b"SYS", b""]);
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [
            ("5", Some(5000)),
            ("5s", Some(5000)),
            ("0", Some(0)),
            ("250ms", Some(250)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1193h", Some(4_294_800_000)),
            ("1194h", None),
            ("4294967294ms", Some(4_294_967_294)),
            ("4294967295ms", None),
            ("s", None),
            ("", None),
            ("5 s", None),
            ("1.5s", None),
            ("-1", None),
            ("5d", None),
        ] {
            assert_eq!(parse_time_ms(text.as_bytes()), milliseconds, "{text:?}");
        }
    }
}
