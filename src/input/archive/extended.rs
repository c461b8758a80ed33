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

impl Attributes<'_> {
    /// Nothing said.
    pub const NONE: Attributes<'static> =
        Attributes { path: None, link: None, size: None, uid: None, gid: None, changed: None };

    /// These, and what the extended header of one member says.
    pub fn with<'b>(&self, text: &'b [u8]) -> Result<Attributes<'b>, Reason> {
        let Self { uid, gid, changed, .. } = *self;
        let mut read = Attributes { path: None, link: None, size: None, uid, gid, changed };
        let mut rest = text;
        while !rest.is_empty() {
            let (key, value, behind) = record(rest).ok_or(Reason::BadExtended)?;
            read.set(key, value)?;
            rest = behind;
        }
        Ok(read)
    }

    /// These, and what a header says that stands for all members. They cannot all have one name or size.
    pub fn with_global(&self, text: &[u8]) -> Result<Attributes<'static>, Reason> {
        let Attributes { path, link, size, uid, gid, changed } = self.with(text)?;
        if path.is_some() || link.is_some() || size.is_some() {
            return Err(Reason::BadExtended);
        }
        Ok(Attributes { uid, gid, changed, ..Attributes::NONE })
    }
}

impl<'a> Attributes<'a> {
    fn set(&mut self, key: &[u8], value: &'a [u8]) -> Result<(), Reason> {
        let number = || parse_u64(value).ok_or(Reason::BadMemberNumber);
        let as_id = || i64::try_from(number()?).map_err(|_| Reason::BadMemberNumber).and_then(id);
        // An empty value says that nothing is said.
        let is_set = !value.is_empty();
        match line_of(KEYS, key) {
            Some(0) => self.path = is_set.then_some(value),
            Some(1) => self.link = is_set.then_some(value),
            Some(2) => self.size = Some(number()?).filter(|size| *size <= i64::MAX as u64),
            Some(3) => self.uid = Some(as_id()?),
            Some(4) => self.gid = Some(as_id()?),
            Some(_) => self.changed = Some(moment(value).ok_or(Reason::BadMemberNumber)?),
            None if key.starts_with(b"GNU.sparse.") => return Err(Reason::SparseMember),
            None => {}
        }
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
        Attributes::NONE.with(text.as_bytes()).map(|read| {
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
        let global = Attributes::NONE.with_global(b"8 uid=5\n").ok().unwrap();
        assert_eq!(global.with(b"").ok().unwrap().uid, Some(5));
        assert_eq!(global.with(b"8 uid=6\n").ok().unwrap().uid, Some(6));
        assert_eq!(global.with_global(b"10 path=a\n").err(), Some(Reason::BadExtended));
    }
}
