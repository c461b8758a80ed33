//! gzip: members, each with its checksum and length. RFC 1952.

use super::inflate::{Inflate, WINDOW_BYTES};
use super::source::Source;
use crate::input::refusal::Reason;

/// The first bytes of a member: two that say gzip, and the only method there is.
pub const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Bytes of the table of checksums: four for each byte there is.
pub const TABLE_BYTES: usize = 1024;

/// Flags of a member's header that announce more of it; the upper three are reserved.
const HEADER_CHECK: u8 = 2;
const EXTRA: u8 = 4;
const TEXTS: [u8; 2] = [8, 16];
const RESERVED: u8 = 0xe0;

/// A file of gzip on its way.
pub struct Gzip<'m> {
    inflate: Inflate<'m>,
    sums: &'m mut [[u8; 4]],
    /// The checksum of the member so far, inverted.
    sum: u32,
    /// The length of the member so far, modulo 2 to the 32.
    length: u32,
    /// Between two members, or before the first.
    between: bool,
}

impl<'m> Gzip<'m> {
    /// Before the first byte. `sums` has `TABLE_BYTES`, `literals` and `distances` have as many as `inflate` says.
    pub fn new(
        window: &'m mut [u8; WINDOW_BYTES],
        literals: &'m mut [u8],
        distances: &'m mut [u8],
        sums: &'m mut [u8],
    ) -> Self {
        let (sums, _) = sums.as_chunks_mut();
        fill_table(sums);
        let inflate = Inflate::new(window, literals, distances);
        Self { inflate, sums, sum: !0, length: 0, between: true }
    }

    /// The next bytes of what was packed, at most `most`, which is at least 1; none at the end.
    ///
    /// # Errors
    /// This is no gzip, or it was damaged or cut.
    #[inline(never)]
    pub fn take(&mut self, source: &mut Source<'_>, most: usize) -> Result<&[u8], Reason> {
        while !self.inflate.has_unread() {
            if self.between {
                if !start_member(source)? {
                    return Ok(&[]);
                }
                self.between = false;
                self.inflate.restart();
                (self.sum, self.length) = (!0, 0);
            }
            if self.inflate.is_done() {
                self.check(source)?;
                self.between = true;
            } else {
                self.inflate.inflate(source)?;
                self.count();
            }
        }
        Ok(self.inflate.take(most))
    }

    /// Adds what was just made to checksum and length.
    fn count(&mut self) {
        let made = self.inflate.unread();
        self.length = self.length.wrapping_add(made.len() as u32);
        for byte in made {
            let index = usize::from(self.sum as u8 ^ byte);
            let entry = self.sums.get(index).copied().unwrap_or_default();
            self.sum = u32::from_ne_bytes(entry) ^ self.sum >> 8;
        }
    }

    /// Reads the end of a member, checksum and length, and compares.
    fn check(&mut self, source: &mut Source<'_>) -> Result<(), Reason> {
        let mut wanted = [0; 8];
        for place in &mut wanted {
            *place = self.inflate.byte_behind(source).ok_or(Reason::ArchiveCut)?;
        }
        let made = u64::from(self.length) << 32 | u64::from(!self.sum);
        if u64::from_le_bytes(wanted) == made { Ok(()) } else { Err(Reason::BadSum) }
    }
}

/// Reads the head of the next member; false at the end of the file. Zeros may stand before either, as on tapes.
fn start_member(source: &mut Source<'_>) -> Result<bool, Reason> {
    if source.offset() > 0 {
        // Behind the first member.
        loop {
            match source.byte() {
                None => return Ok(false),
                Some(0) => {}
                Some(first) if first == MAGIC[0] => break,
                Some(_) => return Err(Reason::BehindEnd),
            }
        }
    } else {
        // That byte made `carve` take this for gzip.
        source.byte();
    }
    let mut byte = || source.byte().ok_or(Reason::ArchiveCut);
    for wanted in MAGIC.iter().skip(1) {
        if byte()? != *wanted {
            return Err(Reason::BehindEnd);
        }
    }
    let flags = byte()?;
    if flags & RESERVED != 0 {
        return Err(Reason::BadPacking);
    }
    // Time, and what packed it where.
    for _ in 0..6 {
        byte()?;
    }
    if flags & EXTRA != 0 {
        let length = u16::from_le_bytes([byte()?, byte()?]);
        for _ in 0..length {
            byte()?;
        }
    }
    for text in TEXTS {
        while flags & text != 0 && byte()? != 0 {}
    }
    if flags & HEADER_CHECK != 0 {
        byte()?;
        byte()?;
    }
    Ok(true)
}

/// Fills in the checksum of each byte. RFC 1952, "Sample CRC Code".
fn fill_table(sums: &mut [[u8; 4]]) {
    for (sum, place) in (0_u32..).zip(sums) {
        let mut sum = sum;
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
        *place = sum.to_ne_bytes();
    }
}
