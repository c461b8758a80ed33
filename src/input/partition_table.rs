//! GPT and MBR: what a partition is called.
//!
//! Source: UEFI specification 5.3, blkid(8).

use heapless::Vec;

use super::superblock::{ReadAt, UUID_BYTES, push_hex, write_uuid};

/// Bytes of a partition's name as text: 36 characters of UTF-16, three bytes each at the most.
pub const NAME_BYTES: usize = 108;

/// What a table says of one partition.
pub struct Partition {
    /// Its PARTUUID.
    pub uuid: Vec<u8, UUID_BYTES>,
    /// Its PARTLABEL; empty on an MBR.
    pub name: Vec<u8, NAME_BYTES>,
}

/// Entries of a table that count. Source: `DISK_MAX_PARTS`, linux/blkdev.h.
const ENTRIES: u32 = 256;
/// Bytes of an entry that are read. Source: UEFI specification, 5.3.3; a table may have longer ones.
const ENTRY_BYTES: usize = 128;

/// Reads what the table of a disk says of partition `number`, from 1 on; `sector` is the size of a block in bytes.
/// Checksums are not looked at, nor a GPT's second table: where the first is damaged the answer may be wrong.
#[must_use]
#[inline(never)]
pub fn partition(read_at: ReadAt<'_>, sector: u64, number: u32) -> Option<Partition> {
    let mut mbr = [0; 512];
    if !read_at(0, &mut mbr) || !mbr.ends_with(b"\x55\xaa") {
        return None;
    }
    let mut header = [0; 92];
    let (entries, _) = mbr.get(446..510)?.as_chunks();
    if entries.iter().any(protects_gpt)
        && read_at(sector, &mut header)
        && header.starts_with(b"EFI PART")
    {
        return gpt_partition(read_at, &header, sector, number);
    }
    let mut uuid = Vec::new();
    let signature = mbr.get(440..444)?;
    signature.iter().rev().for_each(|byte| push_hex(*byte, b'a', &mut uuid));
    let _ = uuid.push(b'-');
    push_hex(u8::try_from(number).ok()?, b'a', &mut uuid);
    Some(Partition { uuid, name: Vec::new() })
}

/// Whether an entry of an MBR says that the disk has a GPT: of type 0xee, from block 1 on. Where none does, a GPT was
/// left by an earlier table. Source: `is_pmbr_valid`, block/partitions/efi.c.
fn protects_gpt(entry: &[u8; 16]) -> bool {
    entry[4] == 0xee && entry[8..12] == [1, 0, 0, 0]
}

fn gpt_partition(
    read_at: ReadAt<'_>,
    header: &[u8],
    sector: u64,
    number: u32,
) -> Option<Partition> {
    let first = u64::from_le_bytes(*header.get(72..)?.first_chunk()?);
    let count = u32::from_le_bytes(*header.get(80..)?.first_chunk()?);
    let size = u32::from_le_bytes(*header.get(84..)?.first_chunk()?);
    let index = number.checked_sub(1)?;
    if index >= count.min(ENTRIES) || (size as usize) < ENTRY_BYTES {
        return None;
    }
    let table = first.checked_mul(sector)?;
    let at = table.checked_add(u64::from(index) * u64::from(size))?;
    let mut entry = [0; ENTRY_BYTES];
    if !read_at(at, &mut entry) {
        return None;
    }
    let mut id: [u8; 16] = *entry.get(16..)?.first_chunk()?;
    // The first three groups are numbers, the last byte first.
    let [a, b, c, d, e, f, g, h, ..] = &mut id;
    (*a, *b, *c, *d, *e, *f, *g, *h) = (*d, *c, *b, *a, *f, *e, *h, *g);
    let mut uuid = Vec::new();
    write_uuid(&id, &mut uuid);
    let mut name = Vec::new();
    for unit in entry.get(56..)?.as_chunks::<2>().0 {
        let unit = u16::from_le_bytes(*unit);
        if unit == 0 {
            break;
        }
        push_utf8(unit, &mut name);
    }
    Some(Partition { uuid, name })
}

/// Appends a character of the basic plane as UTF-8. Others are two units of UTF-16, each of which becomes three bytes
/// that are no UTF-8, and so in no label that somebody asks for.
fn push_utf8(unit: u16, name: &mut Vec<u8, NAME_BYTES>) {
    let tail = |shift: u32| 0x80 | (unit >> shift & 0x3f) as u8;
    let bytes = [0xe0 | (unit >> 12) as u8, 0xc0 | (unit >> 6) as u8, tail(6), tail(0)];
    let [three, two, middle, last] = bytes;
    for byte in match unit {
        0..0x80 => [0, 0, unit as u8],
        0x80..0x800 => [0, two, last],
        _ => [three, middle, last],
    } {
        if byte != 0 {
            let _ = name.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], sector: u64, number: u32) -> Option<(String, String)> {
        let read_at = &mut |at: u64, buffer: &mut [u8]| {
            let at = usize::try_from(at).unwrap();
            let Some(found) = bytes.get(at..at + buffer.len()) else { return false };
            buffer.copy_from_slice(found);
            true
        };
        let found = partition(read_at, sector, number)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Some((text(&found.uuid), text(&found.name)))
    }

    fn gpt(sector: usize, size: u32) -> std::vec::Vec<u8> {
        let mut disk = vec![0; sector * 4];
        disk[450..458].copy_from_slice(b"\xee\0\0\0\x01\0\0\0");
        disk[510..512].copy_from_slice(b"\x55\xaa");
        disk[sector..sector + 8].copy_from_slice(b"EFI PART");
        disk[sector + 72] = 2;
        disk[sector + 80] = 4;
        disk[sector + 84..sector + 88].copy_from_slice(&size.to_le_bytes());
        let entry = sector * 2 + size as usize;
        for (place, byte) in (0..16).zip(1..) {
            disk[entry + 16 + place] = byte;
        }
        for (place, unit) in "r\u{20ac}\u{f6}t".encode_utf16().enumerate() {
            disk[entry + 56 + place * 2..][..2].copy_from_slice(&unit.to_le_bytes());
        }
        disk
    }

    #[test]
    fn partitions_of_a_gpt() {
        let expected =
            ("04030201-0605-0807-090a-0b0c0d0e0f10".to_string(), "r\u{20ac}\u{f6}t".to_string());
        assert_eq!(read(&gpt(512, 128), 512, 2), Some(expected.clone()));
        assert_eq!(read(&gpt(4096, 128), 4096, 2), Some(expected));
        let mut divided_anew = gpt(512, 128);
        divided_anew[440..444].copy_from_slice(b"\x78\x56\x34\x12");
        divided_anew[450] = 0x83;
        let of_mbr = Some(("12345678-02".to_string(), String::new()));
        assert_eq!(read(&divided_anew, 512, 2), of_mbr, "what is left of a GPT is none");
        assert_eq!(read(&gpt(512, 128), 512, 5), None, "behind the table");
        assert_eq!(read(&gpt(512, 128), 512, 0), None);
        assert_eq!(read(&gpt(512, 64), 512, 1), None, "entries that are too small");
        assert_eq!(read(&gpt(512, 128)[..1100], 512, 2), None, "a disk that is too small");
    }

    #[test]
    fn partitions_of_an_mbr() {
        let mut disk = vec![0; 512];
        disk[440..444].copy_from_slice(b"\x78\x56\x34\x12");
        assert_eq!(read(&disk, 512, 1), None);
        disk[510..].copy_from_slice(b"\x55\xaa");
        assert_eq!(read(&disk, 512, 5), Some(("12345678-05".to_string(), String::new())));
    }
}
