//! Superblocks and partition tables on disks that are zero but for pieces.

use std::collections::BTreeMap;

use rootlet::input::partition_table::{self, Partition};
use rootlet::input::superblock::identify;
use rootlet::text::line::Line;

/// The size of a disk.
const DISK_BYTES: u64 = 1 << 24;

/// A disk: the bytes that are not zero by default, by their places.
struct Disk(BTreeMap<u64, u8>);

impl Disk {
    /// Reads pieces: three bytes say where, one says how many bytes, then these follow.
    fn read(mut input: &[u8]) -> Self {
        let mut disk = Self(BTreeMap::new());
        while let [a, b, c, length, rest @ ..] = input {
            let start = u64::from(u32::from_le_bytes([*a, *b, *c, 0]));
            let (piece, behind) = rest.split_at(rest.len().min(usize::from(*length)));
            disk.0.extend((start..).zip(piece.iter().copied()));
            input = behind;
        }
        disk
    }

    fn read_at(&self, at: u64, room: &mut [u8]) -> bool {
        let end = at.checked_add(room.len() as u64).filter(|end| *end <= DISK_BYTES);
        for (place, byte) in (at..).zip(room.iter_mut()) {
            *byte = self.0.get(&place).copied().unwrap_or(0);
        }
        end.is_some()
    }
}

pub fn check_superblocks(input: &[u8]) -> bool {
    let disk = Disk::read(input);
    let Some(identity) = identify(&mut |at, room| disk.read_at(at, room)) else { return false };
    let (uuid, label) = (&identity.uuid, &identity.label);
    let of_hex = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    let is_uuid = match identity.kind {
        "squashfs" => uuid.is_empty(),
        // The sixteen digits of a time with dashes between, whatever they are.
        "iso9660" => uuid.len() == 22,
        "vfat" => uuid.len() == 9 && uuid.iter().all(of_hex),
        _ => uuid.len() == 36 && uuid.iter().all(of_hex),
    };
    assert!(is_uuid, "{}", uuid.escape_ascii());
    assert!(!label.contains(&0) && label.trim_ascii_end() == &label[..]);
    let mut line = Line::new();
    identity.describe(&mut line);
    assert!(!line.bytes().iter().any(u8::is_ascii_control), "{}", line.bytes().escape_ascii());
    true
}

pub fn check_partitions(input: &[u8]) -> bool {
    let [number, input @ ..] = input else { return false };
    let disk = Disk::read(input);
    let mut found = false;
    for sector in [512, 4096] {
        let number = u32::from(*number);
        let read_at = &mut |at, room: &mut [u8]| disk.read_at(at, room);
        let Some(Partition { uuid, name }) = partition_table::partition(read_at, sector, number)
        else {
            continue;
        };
        found = true;
        assert!(number > 0 || name.is_empty());
        assert!(uuid.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-'));
        assert!(matches!(uuid.len(), 11 | 36));
        if uuid.len() == 36 {
            check_name(&name, &disk, sector, number);
        } else {
            assert!(name.is_empty());
        }
    }
    found
}

/// The name is what the standard library makes of its UTF-16, if no character takes two units.
fn check_name(name: &[u8], disk: &Disk, sector: u64, number: u32) {
    let mut header = [0; 92];
    assert!(disk.read_at(sector, &mut header) && header.starts_with(b"EFI PART"));
    let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
    let size = u32::from_le_bytes(header[84..88].try_into().unwrap());
    let entry = long(72) * sector + u64::from(number - 1) * u64::from(size);
    let mut units = [0; 72];
    assert!(disk.read_at(entry + 56, &mut units));
    let units = units.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    if let Ok(text) = String::from_utf16(&units)
        && text.chars().all(|character| character.len_utf16() == 1)
    {
        assert_eq!(name, text.as_bytes());
    }
}
