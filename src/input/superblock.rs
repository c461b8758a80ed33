//! What a filesystem says of itself: type, UUID, label.
//!
//! Source: the kernel's headers of each filesystem; the forms are those of blkid(8).

use heapless::Vec;

use crate::text::line::Line;

/// Bytes of a UUID as text.
pub const UUID_BYTES: usize = 36;
/// Bytes of the longest label, which is btrfs's.
pub const LABEL_BYTES: usize = 256;

/// What was found.
pub struct Identity {
    /// The filesystem's name, for mount(2).
    pub kind: &'static str,
    /// Its UUID as text; empty where it has none.
    pub uuid: Vec<u8, UUID_BYTES>,
    /// Its label; empty where it has none.
    pub label: Vec<u8, LABEL_BYTES>,
}

/// How a UUID is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// There is none.
    None,
    /// 16 bytes in their order.
    Uuid,
    /// 4 bytes, the last one first, in capitals.
    Serial,
    /// 16 digits of a time.
    Time,
}

/// Where a filesystem keeps what we ask for; offsets in bytes from the start of the device.
struct Row {
    kind: &'static str,
    magic_at: u32,
    magic: &'static [u8],
    uuid_at: u32,
    form: Form,
    label_at: u32,
    label_bytes: u16,
}

const fn row(
    kind: &'static str,
    (magic_at, magic): (u32, &'static [u8]),
    (uuid_at, form): (u32, Form),
    (label_at, label_bytes): (u32, u16),
) -> Row {
    Row { kind, magic_at, magic, uuid_at, form, label_at, label_bytes }
}

/// The first row whose magic is there counts. A magic in the first block is tried first: the two bytes of ext4's may be
/// anything in the data of another filesystem. Those further in come last: they may be left over from an earlier
/// filesystem. The driver of ext4 is that of ext2 and ext3 too.
const ROWS: [Row; 9] = [
    row("xfs", (0, b"XFSB"), (32, Form::Uuid), (108, 12)),
    row("vfat", (82, b"FAT32"), (67, Form::Serial), (71, 11)),
    row("vfat", (54, b"FAT1"), (39, Form::Serial), (43, 11)),
    row("squashfs", (0, b"hsqs"), (0, Form::None), (0, 0)),
    row("erofs", (1024, b"\xe2\xe1\xf5\xe0"), (1072, Form::Uuid), (1088, 16)),
    row("ext4", (0x438, b"\x53\xef"), (0x468, Form::Uuid), (0x478, 16)),
    row("btrfs", (0x1_0040, b"_BHRfS_M"), (0x1_0020, Form::Uuid), (0x1_012b, 256)),
    row("iso9660", (0x8001, b"CD001"), (0x833e, Form::Time), (0x8028, 32)),
    row("swap", (4086, b"SWAPSPACE2"), (1036, Form::Uuid), (1052, 16)),
];

/// Reads bytes at an offset of a device, in bytes; false when they cannot all be read.
pub type ReadAt<'r> = &'r mut dyn FnMut(u64, &mut [u8]) -> bool;

/// Says which filesystem is on a device; nothing where none of ours is. A UUID or label behind the device's end is
/// zeros, or empty.
#[must_use]
#[inline(never)]
pub fn identify(read_at: ReadAt<'_>) -> Option<Identity> {
    let row = ROWS.iter().find(|row| {
        let mut magic = [0; 10];
        let magic = magic.get_mut(..row.magic.len()).unwrap_or_default();
        read_at(row.magic_at.into(), magic) && *magic == *row.magic
    })?;
    let mut id = [0; 16];
    let _ = read_at(row.uuid_at.into(), &mut id);
    let mut uuid = Vec::new();
    write_id(&id, row.form, &mut uuid);
    let mut bytes = [0; LABEL_BYTES];
    let bytes = bytes.get_mut(..row.label_bytes.into()).unwrap_or_default();
    let _ = read_at(row.label_at.into(), bytes);
    // Padded with NULs or blanks.
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let label = Vec::from_slice(bytes.get(..end).unwrap_or_default().trim_ascii_end());
    Some(Identity { kind: row.kind, uuid, label: label.unwrap_or_default() })
}

/// Writes a UUID in its form. None is longer than 36 bytes, so all pushes find room.
fn write_id(id: &[u8; 16], form: Form, text: &mut Vec<u8, UUID_BYTES>) {
    match form {
        Form::None => {}
        Form::Uuid => write_uuid(id, text),
        Form::Serial => {
            for (place, byte) in id.iter().take(4).rev().enumerate() {
                if place == 2 {
                    let _ = text.push(b'-');
                }
                push_hex(*byte, b'A', text);
            }
        }
        Form::Time => {
            for (place, digit) in id.iter().enumerate() {
                if place >= 4 && place % 2 == 0 {
                    let _ = text.push(b'-');
                }
                let _ = text.push(*digit);
            }
        }
    }
}

/// Writes 16 bytes with dashes between, as RFC 9562 groups them.
pub fn write_uuid(id: &[u8; 16], text: &mut Vec<u8, UUID_BYTES>) {
    for (place, byte) in id.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            let _ = text.push(b'-');
        }
        push_hex(*byte, b'a', text);
    }
}

/// Appends a byte as two hexadecimal digits, where `ten` is the digit for ten: `a` or `A`.
pub fn push_hex(byte: u8, ten: u8, text: &mut Vec<u8, UUID_BYTES>) {
    for digit in [byte >> 4, byte & 15] {
        let _ = text.push(if digit < 10 { b'0' + digit } else { ten + digit - 10 });
    }
}

impl Identity {
    /// Appends ` TYPE UUID=… LABEL=…`.
    pub fn describe(&self, line: &mut Line) {
        line.text(" ").text(self.kind);
        if !self.uuid.is_empty() {
            line.text(" UUID=").operand(&self.uuid);
        }
        if !self.label.is_empty() {
            line.text(" LABEL=").operand(&self.label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(parts: &[(usize, &[u8])]) -> std::vec::Vec<u8> {
        let mut bytes = vec![0; 0x1_1000];
        for (at, part) in parts {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<String> {
        let identity = identify(&mut |at, buffer| {
            let at = usize::try_from(at).unwrap();
            let Some(found) = bytes.get(at..at + buffer.len()) else { return false };
            buffer.copy_from_slice(found);
            true
        })?;
        let mut line = Line::new();
        identity.describe(&mut line);
        Some(String::from_utf8(line.bytes().to_vec()).unwrap())
    }

    const ID: &[u8] = b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77";
    const UUID: &str = "UUID=01234567-89ab-cdef-0011-223344556677";

    #[test]
    fn filesystems_are_known_by_their_magic() {
        let serial: &[u8] = b"\x78\x56\x34\xab";
        for (parts, expected) in [
            (
                vec![(0x438, b"\x53\xef".as_slice()), (0x468, ID), (0x478, b"root")],
                format!(" ext4 {UUID} LABEL=root"),
            ),
            (
                vec![(0, b"XFSB"), (32, ID), (108, b"twelve bytes")],
                format!(" xfs {UUID} LABEL=twelve bytes"),
            ),
            (vec![(0x1_0040, b"_BHRfS_M"), (0x1_0020, ID)], format!(" btrfs {UUID}")),
            (
                vec![(82, b"FAT32   "), (67, serial), (71, b"BOOT       ")],
                " vfat UUID=AB34-5678 LABEL=BOOT".into(),
            ),
            (vec![(54, b"FAT16   "), (39, serial)], " vfat UUID=AB34-5678".into()),
            (vec![(0, b"hsqs"), (0x438, b"\x53\xef")], " squashfs".into()),
            (
                vec![
                    (0x438, b"\x53\xef"),
                    (0x468, ID),
                    (0x8001, b"CD001"),
                    (0x1_0040, b"_BHRfS_M"),
                ],
                format!(" ext4 {UUID}"),
            ),
            (
                vec![(1024, b"\xe2\xe1\xf5\xe0"), (1072, ID), (1088, b"e")],
                format!(" erofs {UUID} LABEL=e"),
            ),
            (
                vec![(0x8001, b"CD001"), (0x833e, b"2026112715283099"), (0x8028, b"CD   ")],
                " iso9660 UUID=2026-11-27-15-28-30-99 LABEL=CD".into(),
            ),
            (
                vec![(4086, b"SWAPSPACE2"), (1036, ID), (1052, b"s")],
                format!(" swap {UUID} LABEL=s"),
            ),
        ] {
            assert_eq!(read(&device(&parts)), Some(expected));
        }
    }

    #[test]
    fn what_is_short_or_unknown_is_nothing() {
        assert_eq!(read(&device(&[])), None);
        assert_eq!(read(b"XFS"), None);
        assert_eq!(read(b"XFSB"), Some(" xfs UUID=00000000-0000-0000-0000-000000000000".into()));
    }
}
