//! Extended headers of pax: "pax Extended Header" of POSIX.

use super::Moment;
use super::header::id;
use crate::input::refusal::Reason;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of};

/// What extended headers say.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    /// The name.
    pub path: Option<&'a [u8]>,
    /// Where a link leads.
    pub link: Option<&'a [u8]>,
    /// Bytes of content.
    pub size: Option<u64>,
    /// The owner.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
    /// When it was changed.
    pub changed: Option<Moment>,
}

/// The keys that are used, in the order of `set`. Names of users, comments and attributes of files are not.
const KEYS: &[u8] = b"path\nlinkpath\nsize\nuid\ngid\nmtime";

impl<'a> Attributes<'a> {
    /// Nothing said.
    pub const NONE: Attributes<'static> =
        Attributes { path: None, link: None, size: None, uid: None, gid: None, changed: None };

    /// Reads the extended header of one member.
    #[inline(never)]
    pub fn read(&mut self, text: &'a [u8]) -> Result<(), Reason> {
        let mut rest = text;
        while !rest.is_empty() {
            let (key, value, behind) = record(rest).ok_or(Reason::BadExtended)?;
            self.set(key, value)?;
            rest = behind;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &'a [u8]) -> Result<(), Reason> {
        // An empty value takes back what was said before, a global header's word too: the member's own header counts.
        let text = Some(value).filter(|value| !value.is_empty());
        let place = line_of(KEYS, key);
        if place.is_none() && key.starts_with(b"GNU.sparse.") {
            return Err(Reason::SparseMember);
        }
        match place {
            Some(0) => self.path = text,
            Some(1) => self.link = text,
            Some(2) => self.size = text.map(integer).transpose()?.map(i64::unsigned_abs),
            Some(3) => self.uid = text.map(|text| id(integer(text)?)).transpose()?,
            Some(4) => self.gid = text.map(|text| id(integer(text)?)).transpose()?,
            Some(_) => {
                let moment = |text| moment(text).ok_or(Reason::BadMemberNumber);
                self.changed = text.map(moment).transpose()?;
            }
            None => {}
        }
        Ok(())
    }
}

impl Attributes<'static> {
    /// Reads a header that stands for all members from here on. They cannot all have one name or size.
    pub fn read_global(&mut self, text: &[u8]) -> Result<(), Reason> {
        let mut said: Attributes<'_> = *self;
        said.read(text)?;
        if said.path.is_some() || said.link.is_some() || said.size.is_some() {
            return Err(Reason::BadExtended);
        }
        (self.uid, self.gid, self.changed) = (said.uid, said.gid, said.changed);
        Ok(())
    }
}

/// The first record, `LENGTH KEY=VALUE` and a newline, where the length is that of all of it; and what follows.
fn record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (digits, _) = halves(text, b' ');
    let length = usize::try_from(parse_u64(digits)?).ok()?;
    let (record, rest) = text.split_at_checked(length)?;
    let record = record.get(digits.len() + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((record.get(..equals)?, record.get(equals + 1..)?, rest))
}

/// A number without sign, below 2 to the 63.
#[inline(never)]
fn integer(text: &[u8]) -> Result<i64, Reason> {
    let number = parse_u64(text).and_then(|number| i64::try_from(number).ok());
    number.ok_or(Reason::BadMemberNumber)
}

/// Seconds with or without a fraction, before 1970 with a minus.
fn moment(value: &[u8]) -> Option<Moment> {
    let (is_negative, value) = match value.strip_prefix(b"-") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let (whole, fraction) = halves(value, b'.');
    let seconds = i64::try_from(parse_u64(whole)?).ok()?;
    let mut nanoseconds = 0;
    let digits = fraction.iter().chain([b'0'; 9].iter()).take(9);
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        nanoseconds = nanoseconds * 10 + u32::from(digit).min(9);
    }
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(match (is_negative, nanoseconds) {
        (false, nanoseconds) => Moment { seconds, nanoseconds },
        (true, 0) => Moment { seconds: -seconds, nanoseconds: 0 },
        (true, nanoseconds) => {
            Moment { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Reason> {
        let mut read = Attributes::NONE;
        read.read(text.as_bytes()).map(|()| {
            let text = |text: Option<&[u8]>| {
                text.map_or("-".into(), |t| String::from_utf8_lossy(t).into_owned())
            };
            let changed = read.changed.map(|at| (at.seconds, at.nanoseconds));
            format!(
                "{} {} {:?} {:?} {changed:?}",
                text(read.path),
                text(read.link),
                read.size,
                read.uid
            )
        })
    }

    #[test]
    fn records_are_read_by_their_length() {
        assert_eq!(read("").unwrap(), "- - None None None");
        assert_eq!(read("12 path=a\nb\n").unwrap(), "a\nb - None None None");
        assert_eq!(read("16 path=a=b c.d\n").unwrap(), "a=b c.d - None None None");
        assert_eq!(
            read("10 size=7\n8 uid=5\n14 linkpath=l\n").unwrap(),
            "- l Some(7) Some(5) None"
        );
        assert_eq!(read("11 comment\n"), Err(Reason::BadExtended));
        for bad in
            ["x", "5 a=b", "6 a=bc", "0 a=b\n", "99 a=b\n", " 6 a=b\n", "-6 a=b\n", "6 a=b\n\n"]
        {
            assert_eq!(read(bad), Err(Reason::BadExtended), "{bad:?}");
        }
        assert_eq!(read("14 uid=429496\n").unwrap(), "- - None Some(429496) None");
        assert_eq!(read("18 uid=4294967295\n"), Err(Reason::BadMemberNumber));
        assert_eq!(read("22 GNU.sparse.major=1\n"), Err(Reason::SparseMember));
        assert_eq!(read("10 path=a\n8 path=\n").unwrap(), "- - None None None");
        let taken_back = "10 size=7\n8 uid=5\n11 mtime=3\n8 size=\n7 uid=\n9 mtime=\n";
        assert_eq!(read(taken_back).unwrap(), "- - None None None");
    }

    #[test]
    fn moments_have_fractions_and_signs() {
        for (text, expected) in [
            ("0", Some((0, 0))),
            ("12.5", Some((12, 500_000_000))),
            ("12.000000001999", Some((12, 1))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-3", Some((-3, 0))),
            ("", None),
            ("1.x", None),
            ("--1", None),
            ("9223372036854775808", None),
        ] {
            let found = moment(text.as_bytes()).map(|at| (at.seconds, at.nanoseconds));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_global_header_names_no_file() {
        let mut global = Attributes::NONE;
        assert_eq!(global.read_global(b"8 uid=5\n"), Ok(()));
        assert_eq!(global.uid, Some(5));
        let mut own = global;
        assert_eq!(own.read(b"8 uid=6\n"), Ok(()));
        assert_eq!(own.uid, Some(6));
        assert_eq!(global.read_global(b"10 path=a\n"), Err(Reason::BadExtended));
    }
}
