//! One block: the header of a member. Source: ustar of POSIX, tar(5).

use super::extended::Attributes;
use super::{Member, Moment};
use crate::input::refusal::Reason;
use crate::text::number::parse_radix;
use crate::text::parts::parts;

/// Bytes of a block. Content is filled up to whole blocks.
pub const BLOCK_BYTES: usize = 512;

/// Where fields stand, and how long they are, in bytes.
const NAME: (usize, usize) = (0, 100);
const MODE: (usize, usize) = (100, 8);
const UID: (usize, usize) = (108, 8);
const GID: (usize, usize) = (116, 8);
const SIZE: (usize, usize) = (124, 12);
const CHANGED: (usize, usize) = (136, 12);
const SUM: (usize, usize) = (148, 8);
const KIND: usize = 156;
const LINK: (usize, usize) = (157, 100);
const MAGIC: (usize, usize) = (257, 6);
const MAJOR: (usize, usize) = (329, 8);
const MINOR: (usize, usize) = (337, 8);
/// The beginning of a long name, in a header of POSIX. GNU's headers, whose magic is another, have other things there.
const PREFIX: (usize, usize) = (345, 155);

/// What a member is.
#[allow(missing_docs, reason = "each is what its name says")]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Kind {
    File,
    /// Another name of a file that the archive had before.
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
    /// pax: attributes of the next member.
    Extended,
    /// pax: attributes of all members from here on.
    Global,
    /// GNU: the name of the next member.
    LongName,
    /// GNU: where the next member leads.
    LongLink,
    /// GNU: the name of the volume.
    Label,
}

/// A header.
pub struct Header<'a>(pub &'a [u8; BLOCK_BYTES]);

impl<'a> Header<'a> {
    fn field(&self, (start, length): (usize, usize)) -> &'a [u8] {
        self.0.get(start..start + length).unwrap_or_default()
    }

    /// The field up to its first NUL byte.
    fn text(&self, place: (usize, usize)) -> &'a [u8] {
        parts(self.field(place), 0).skip_to(0)
    }

    /// Checks the checksum: the sum of all bytes, with blanks in its own place. Old programs summed signed bytes.
    pub fn check(&self) -> Result<(), Reason> {
        let (mut unsigned, mut signed) = (0_i64, 0_i64);
        for (place, byte) in (0..).zip(self.0) {
            let byte = if (SUM.0..SUM.0 + SUM.1).contains(&place) { b' ' } else { *byte };
            unsigned += i64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        let sum = number(self.field(SUM))?;
        if sum == unsigned || sum == signed { Ok(()) } else { Err(Reason::BadHeader) }
    }

    /// What the member is.
    pub fn kind(&self) -> Result<Kind, Reason> {
        Ok(match self.0.get(KIND) {
            Some(0 | b'0' | b'7') => Kind::File,
            Some(b'1') => Kind::HardLink,
            Some(b'2') => Kind::SymbolicLink,
            Some(b'3') => Kind::CharacterDevice,
            Some(b'4') => Kind::BlockDevice,
            Some(b'5') => Kind::Directory,
            Some(b'6') => Kind::Fifo,
            Some(b'x') => Kind::Extended,
            Some(b'g') => Kind::Global,
            Some(b'L') => Kind::LongName,
            Some(b'K') => Kind::LongLink,
            Some(b'V') => Kind::Label,
            Some(b'S') => return Err(Reason::SparseMember),
            _ => return Err(Reason::NoMemberKind),
        })
    }

    /// Bytes of content.
    pub fn size(&self) -> Result<u64, Reason> {
        u64::try_from(number(self.field(SIZE))?).map_err(|_| Reason::BadMemberNumber)
    }

    /// The member. What headers before this one said of it, `name`, `link` and `said`, counts more.
    pub fn member(
        &self,
        kind: Kind,
        name: Option<&'a [u8]>,
        link: Option<&'a [u8]>,
        said: Attributes<'a>,
    ) -> Result<Member<'a>, Reason> {
        let is_posix = self.field(MAGIC) == b"ustar\0";
        let prefix = if is_posix { self.text(PREFIX) } else { &[] };
        let name = name.map_or([prefix, self.text(NAME)], |name| [&[], name]);
        // An archive older than POSIX tells a directory by the slash behind its name.
        let [_, end] = name;
        let is_old = kind == Kind::File && end.ends_with(b"/");
        // Members that are no devices may have anything there.
        let is_device = matches!(kind, Kind::CharacterDevice | Kind::BlockDevice);
        let id_of = |said: Option<u32>, place| match said {
            Some(id) => Ok(id),
            None => number(self.field(place)).and_then(id),
        };
        // A system call takes the lower bits alone: it would make another device.
        let part_of_device = |place, bits: u32| {
            number(self.field(place)).and_then(id).ok().filter(|number| number >> bits == 0)
        };
        let device = match is_device {
            true => part_of_device(MAJOR, 12).zip(part_of_device(MINOR, 20)),
            false => Some((0, 0)),
        };
        Ok(Member {
            kind: if is_old { Kind::Directory } else { kind },
            name,
            link: link.unwrap_or_else(|| self.text(LINK)),
            // Some writers have the type of the file above these bits.
            mode: number(self.field(MODE))? as u16 & 0o7777,
            uid: id_of(said.uid, UID)?,
            gid: id_of(said.gid, GID)?,
            changed: match said.changed {
                Some(moment) => moment,
                None => Moment { seconds: number(self.field(CHANGED))?, nanoseconds: 0 },
            },
            device: device.ok_or(Reason::BadMemberNumber)?,
        })
    }

    /// Whether what begins so was made by another packer: zstd, xz, bzip2 or lz4.
    pub fn is_packed(&self) -> bool {
        const MAGICS: [&[u8]; 4] = [b"\x28\xb5\x2f\xfd", b"\xfd7zX", b"\x04\x22\x4d\x18", b"BZh"];
        MAGICS.iter().any(|magic| self.0.starts_with(magic))
    }
}

/// A user or group id, which the last number of 32 bits is not: it means "no change" to the kernel.
pub fn id(number: i64) -> Result<u32, Reason> {
    u32::try_from(number).ok().filter(|id| *id != u32::MAX).ok_or(Reason::BadMemberNumber)
}

/// A number: octal digits with blanks or NULs around, or, with the first bit set, as GNU writes large and negative
/// ones: two's complement in the other bits. An empty field is 0.
#[inline(never)]
fn number(field: &[u8]) -> Result<i64, Reason> {
    let found = match field {
        [first, rest @ ..] if first & 0x80 != 0 => {
            let first = i64::from((first << 1).cast_signed() >> 1);
            rest.iter().try_fold(first, |number, byte| {
                number.checked_mul(256)?.checked_add(i64::from(*byte))
            })
        }
        digits => {
            let is_blank = |byte: &u8| matches!(byte, 0 | b' ');
            let start = digits.iter().position(|byte| !is_blank(byte)).unwrap_or(digits.len());
            let digits = digits.get(start..).unwrap_or_default();
            let end = digits.iter().position(is_blank).unwrap_or(digits.len());
            let (digits, rest) = digits.split_at_checked(end).unwrap_or_default();
            let number = if digits.is_empty() { Some(0) } else { parse_radix(digits, 8) };
            number
                .filter(|_| rest.iter().all(is_blank))
                .and_then(|number| i64::try_from(number).ok())
        }
    };
    found.ok_or(Reason::BadMemberNumber)
}
