//! A block device as people name it: `root=`, the first field of fstab.

use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of};

/// Which device is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum DeviceName<'a> {
    /// By its path.
    Path(&'a [u8]),
    /// By its numbers.
    Number(u32, u32),
    /// By its filesystem's UUID, in either case.
    Uuid(&'a [u8]),
    /// By its filesystem's label.
    Label(&'a [u8]),
    /// By the UUID of a partition, in either case, and how many partitions behind that one it is.
    PartUuid(&'a [u8], u32),
    /// By its partition's name.
    PartLabel(&'a [u8]),
}

/// Keywords, and the directories of links that udev makes for the same.
const KEYWORDS: &[u8] =
    b"UUID\nLABEL\nPARTUUID\nPARTLABEL\nby-uuid\nby-label\nby-partuuid\nby-partlabel";

impl<'a> DeviceName<'a> {
    /// Reads a name; nothing for what names no device, such as `proc` or the tag of a 9p share.
    #[must_use]
    #[inline(never)]
    pub fn read(text: &'a [u8]) -> Option<Self> {
        if let Some(link) = text.strip_prefix(b"/dev/disk/") {
            let (directory, name) = halves(link, b'/');
            if let Some(number @ 4..) = line_of(KEYWORDS, directory)
                && !name.is_empty()
            {
                return Self::of_keyword(number - 4, name);
            }
        }
        if text.starts_with(b"/") {
            return Some(Self::Path(text));
        }
        let (keyword, value) = halves(text, b'=');
        if !value.is_empty() {
            let mut buffer = [0; 16];
            let keyword = upper(keyword, &mut buffer)?;
            let value = value
                .strip_prefix(b"\"")
                .map_or(value, |value| value.strip_suffix(b"\"").unwrap_or(value));
            return Self::of_keyword(
                line_of(KEYWORDS, keyword).filter(|number| *number < 4)?,
                value,
            );
        }
        Self::of_number(text)
    }

    /// What the keyword of this number means; nothing without a value, which any device without a label would have.
    fn of_keyword(number: usize, value: &'a [u8]) -> Option<Self> {
        Some(match number {
            _ if value.is_empty() => return None,
            0 => Self::Uuid(value),
            1 => Self::Label(value),
            2 => {
                let (uuid, more) = halves(value, b'/');
                let offset = match more.strip_prefix(b"PARTNROFF=") {
                    Some(offset) => u32::try_from(parse_u64(offset)?).ok()?,
                    None if more.is_empty() => 0,
                    None => return None,
                };
                Self::PartUuid(uuid, offset)
            }
            _ => Self::PartLabel(value),
        })
    }

    /// `MAJ:MIN` in decimal, or both as one number in hexadecimal, as the kernel and boot loaders write it.
    fn of_number(text: &[u8]) -> Option<Self> {
        let (major, minor) = halves(text, b':');
        if let Some(major) = parse_u64(major)
            && let Some(minor) = parse_u64(minor)
        {
            return Some(Self::Number(u32::try_from(major).ok()?, u32::try_from(minor).ok()?));
        }
        let digits = text.strip_prefix(b"0x").unwrap_or(text);
        if digits.len() < 3 || digits.len() > 8 {
            return None;
        }
        let number = digits
            .iter()
            .try_fold(0_u32, |number, byte| Some(number << 4 | char::from(*byte).to_digit(16)?))?;
        // Source: new_decode_dev, linux/kdev_t.h.
        Some(Self::Number(number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xf_ff00))
    }
}

/// The keyword in capitals; nothing for one that is longer than any.
fn upper<'b>(keyword: &[u8], buffer: &'b mut [u8; 16]) -> Option<&'b [u8]> {
    let place = buffer.get_mut(..keyword.len())?;
    for (to, from) in place.iter_mut().zip(keyword) {
        *to = from.to_ascii_uppercase();
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_in_many_ways() {
        use DeviceName::{Label, Number, PartLabel, PartUuid, Path, Uuid};
        for (text, expected) in [
            ("/dev/vda1", Some(Path(b"/dev/vda1"))),
            ("/dev/mapper/x", Some(Path(b"/dev/mapper/x"))),
            ("254:1", Some(Number(254, 1))),
            ("0801", Some(Number(8, 1))),
            ("0x10301", Some(Number(259, 1))),
            ("fe00", Some(Number(254, 0))),
            ("UUID=ab-cd", Some(Uuid(b"ab-cd"))),
            ("uuid=AB", Some(Uuid(b"AB"))),
            ("UUID=\"ab\"", Some(Uuid(b"ab"))),
            ("LABEL=a=b", Some(Label(b"a=b"))),
            ("Label=x", Some(Label(b"x"))),
            ("PARTUUID=12-01", Some(PartUuid(b"12-01", 0))),
            ("PARTUUID=ab/PARTNROFF=2", Some(PartUuid(b"ab", 2))),
            ("PARTUUID=ab/x", None),
            ("PARTLABEL=root", Some(PartLabel(b"root"))),
            ("/dev/disk/by-uuid/ab", Some(Uuid(b"ab"))),
            ("/dev/disk/by-label/x y", Some(Label(b"x y"))),
            ("/dev/disk/by-partuuid/12-01", Some(PartUuid(b"12-01", 0))),
            ("/dev/disk/by-partlabel/r", Some(PartLabel(b"r"))),
            ("/dev/disk/by-id/x", Some(Path(b"/dev/disk/by-id/x"))),
            ("UUID=", None),
            ("UUID=\"\"", None),
            ("LABEL=\"\"", None),
            ("PARTLABEL=\"\"", None),
            ("/dev/disk/by-label/", Some(Path(b"/dev/disk/by-label/"))),
            ("by-uuid=x", None),
            ("proc", None),
            ("tmpfs", None),
            ("none", None),
            ("rootshare", None),
            ("", None),
        ] {
            assert_eq!(DeviceName::read(text.as_bytes()), expected, "{text}");
        }
    }
}
