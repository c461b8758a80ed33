//! Command lines of `poweroff`, `reboot`, `halt` and of `init` beside PID 1.

use core::ffi::CStr;

use super::arguments::{Arguments, Manual};
use super::boot_parameters::End;
use super::refusal::Reason;
use crate::text::number::parse_u64;
use crate::text::packed::packed;

/// What `poweroff --help` prints, and the table of the options. Letters are busybox's.
pub const MANUAL: Manual = Manual(packed!(
    "\
poweroff, reboot, halt [options]
Asks init to end everything in order and then the machine.

  -d, --delay SECONDS  wait before
  -f, --force      do not ask init: end the machine now
  -n, --no-sync    with -f: do not write to disk first
  -p, --poweroff   switch off, also as halt
  -w, --wtmp-only  do nothing: no record is kept here
  -i               accepted, does nothing
  -h, --help       print this help"
));

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Power {
    /// How the machine ends.
    pub end: End,
    /// Seconds to wait before.
    pub delay_s: u64,
    /// Init is not asked.
    pub is_forced: bool,
    /// What is not on disk yet is lost: no sync(2).
    pub no_sync: bool,
    /// Nothing is done.
    pub nothing: bool,
}

/// Reads the options behind a name; `None` when help is asked for.
///
/// # Errors
/// An unknown option, a delay that is no number, an operand.
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    end: End,
    arguments: &mut Arguments<'a, Words>,
) -> Result<Option<Power>, Reason> {
    let mut power = Power { end, delay_s: 0, is_forced: false, no_sync: false, nothing: false };
    while arguments.take(MANUAL)? {
        match LETTERS.get(arguments.found.index).copied().unwrap_or(0) {
            b'd' => {
                let text = arguments.found.value.to_bytes();
                power.delay_s = parse_u64(text).ok_or(Reason::NoTime)?;
            }
            b'f' => power.is_forced = true,
            b'n' => power.no_sync = true,
            b'p' => power.end = End::PowerOff,
            b'w' => power.nothing = true,
            b'h' => return Ok(None),
            _ => {}
        }
    }
    if arguments.operands().next().is_some() { Err(Reason::UnknownOption) } else { Ok(Some(power)) }
}

/// The letters of the options in their order.
const LETTERS: &[u8] = b"dfnpwih";

/// What `init WORD` asks of PID 1, as a signal; 0 where the word means nothing. Source: telinit(8), busybox.
#[must_use]
pub fn signal_for(word: &[u8]) -> i32 {
    const HUP: i32 = 1;
    match word.strip_prefix(b"-").unwrap_or(word) {
        b"q" | b"Q" => HUP,
        b"0" => signal_of(End::PowerOff),
        b"6" => signal_of(End::Reboot),
        _ => 0,
    }
}

/// The signal by which PID 1 is asked for an end: RTMIN+3 to RTMIN+6, which mean the same to systemd and us, in a
/// machine and in a container.
#[must_use]
pub const fn signal_of(end: End) -> i32 {
    match end {
        End::Halt => 37,
        End::PowerOff => 38,
        End::Reboot => 39,
        End::Kexec => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&'static CStr]) -> Result<Option<Power>, Reason> {
        parse(End::Halt, &mut Arguments::new(words.iter().copied(), 1))
    }

    #[test]
    fn options_are_busyboxs() {
        let plain =
            Power { end: End::Halt, delay_s: 0, is_forced: false, no_sync: false, nothing: false };
        assert_eq!(read(&[]), Ok(Some(plain)));
        let forced = Power { is_forced: true, no_sync: true, delay_s: 3, ..plain };
        assert_eq!(read(&[c"-nf", c"-d", c"3"]), Ok(Some(forced)));
        assert_eq!(read(&[c"--force", c"--no-sync", c"--delay=3", c"-i"]), Ok(Some(forced)));
        assert_eq!(read(&[c"-p"]), Ok(Some(Power { end: End::PowerOff, ..plain })));
        assert_eq!(read(&[c"-w"]), Ok(Some(Power { nothing: true, ..plain })));
        assert_eq!(read(&[c"-f", c"--help"]), Ok(None));
        for (words, reason) in [
            (&[c"-x"] as &[&'static CStr], Reason::UnknownOption),
            (&[c"now"], Reason::UnknownOption),
            (&[c"-d"], Reason::NoValue),
            (&[c"-d", c"1s"], Reason::NoTime),
        ] {
            assert_eq!(read(words), Err(reason), "{words:?}");
        }
    }

    #[test]
    fn words_for_init() {
        for (word, signal) in
            [("q", 1), ("-q", 1), ("Q", 1), ("0", 38), ("6", 39), ("5", 0), ("", 0)]
        {
            assert_eq!(signal_for(word.as_bytes()), signal, "{word}");
        }
    }
}
