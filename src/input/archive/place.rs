//! Where a member goes: names below the root, and whiteouts.

use core::ffi::CStr;

use crate::input::refusal::Reason;
use crate::text::parts::parts;

/// The longest name. Source: `PATH_MAX`, linux/limits.h.
pub const PATH_BYTES: usize = 4096;

/// A place below the root.
#[derive(Clone, Copy)]
pub struct Place<'b> {
    /// The directory, relative to the root; `.` for the root.
    pub parent: &'b CStr,
    /// The name in it; empty for the root itself.
    pub name: &'b CStr,
}

/// What a name says of what lower layers have. Source: OCI image specification, "Whiteouts".
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Whiteout<'b> {
    /// Nothing: it is a file's.
    No,
    /// This name is not there.
    Of(&'b CStr),
    /// Nothing is there in this directory.
    Opaque,
    /// It is for aufs alone.
    Other,
}

/// Makes a place of a name in two parts. A leading slash goes, as with docker and every tar; `..` is refused, though it
/// could stay inside: no honest archive has it.
///
/// # Errors
/// `LeadsOut` for `..`, `NulByte`, and `LongMemberName` where `buffer` is too small for the name and two NULs.
#[inline(never)]
pub fn place<'b>(name: [&[u8]; 2], buffer: &'b mut [u8]) -> Result<Place<'b>, Reason> {
    let (mut length, mut last) = (0, 0);
    let mut add = |byte: u8| {
        let place = buffer.get_mut(length).ok_or(Reason::LongMemberName)?;
        *place = byte;
        length += 1;
        Ok(length)
    };
    for part in name.into_iter().flat_map(|name| parts(name, b'/')) {
        match part {
            b"" | b"." => continue,
            b".." => return Err(Reason::LeadsOut),
            _ => {}
        }
        // In the buffer a NUL stands before the first name, and a slash before each other one. `split` makes the last
        // slash the NUL that ends the parent.
        last = add(if last == 0 { 0 } else { b'/' })?;
        for byte in part {
            if *byte == 0 {
                return Err(Reason::NulByte);
            }
            add(*byte)?;
        }
    }
    add(0)?;
    split(buffer, last).ok_or(Reason::LongMemberName)
}

/// The parent and the name, which begins at `last`.
fn split(buffer: &mut [u8], last: usize) -> Option<Place<'_>> {
    if last <= 1 {
        let name = CStr::from_bytes_until_nul(buffer.get(last..)?).ok()?;
        return Some(Place { parent: c".", name });
    }
    let (parent, name) = buffer.split_at_mut_checked(last)?;
    *parent.last_mut()? = 0;
    let parent = CStr::from_bytes_with_nul(parent.get(1..)?).ok()?;
    Some(Place { parent, name: CStr::from_bytes_until_nul(name).ok()? })
}

impl<'b> Place<'b> {
    /// What the name says of lower layers.
    ///
    /// # Errors
    /// A whiteout of nothing, or of `.` or `..`.
    pub fn whiteout(&self) -> Result<Whiteout<'b>, Reason> {
        let Some(behind) = self.name.to_bytes_with_nul().strip_prefix(b".wh.") else {
            return Ok(Whiteout::No);
        };
        match behind {
            b".wh..opq\0" => Ok(Whiteout::Opaque),
            [b'.', b'w', b'h', b'.', ..] => Ok(Whiteout::Other),
            b"\0" | b".\0" | b"..\0" => Err(Reason::LeadsOut),
            name => Ok(Whiteout::Of(CStr::from_bytes_with_nul(name).unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_below_the_root() {
        for (first, second, expected) in [
            ("", "a", Ok(". a")),
            ("", "a/b", Ok("a b")),
            ("x/y", "a/b/", Ok("x/y/a b")),
            ("", "/etc/passwd", Ok("etc passwd")),
            ("", "./a//./b", Ok("a b")),
            ("", "./", Ok(". ")),
            ("", "", Ok(". ")),
            ("", "...", Ok(". ...")),
            ("", "a/..", Err(Reason::LeadsOut)),
            ("..", "x", Err(Reason::LeadsOut)),
            ("", "a\0b", Err(Reason::NulByte)),
        ] {
            let mut buffer = [0xff; 64];
            let found = place([first.as_bytes(), second.as_bytes()], &mut buffer);
            let found = found.map(|place| {
                [place.parent, place.name].map(|text| text.to_str().unwrap().to_owned()).join(" ")
            });
            assert_eq!(found.as_deref(), expected.as_ref().map(|text| *text), "{first} {second}");
        }
        for (length, fits) in [(62, true), (63, false), (64, false), (65, false)] {
            assert_eq!(place([b"", &vec![b'a'; length]], &mut [0; 64]).is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn whiteouts_are_known_by_their_names() {
        for (name, expected) in [
            (c"a", Ok(Whiteout::No)),
            (c".wh", Ok(Whiteout::No)),
            (c".wh.a", Ok(Whiteout::Of(c"a"))),
            (c".wh..a", Ok(Whiteout::Of(c".a"))),
            (c".wh..wh..opq", Ok(Whiteout::Opaque)),
            (c".wh..wh.plnk", Ok(Whiteout::Other)),
            (c".wh.", Err(Reason::LeadsOut)),
            (c".wh..", Err(Reason::LeadsOut)),
            (c".wh...", Err(Reason::LeadsOut)),
        ] {
            assert_eq!(Place { parent: c".", name }.whiteout(), expected, "{name:?}");
        }
    }
}
