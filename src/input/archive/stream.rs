//! The bytes of an archive, plain or out of gzip, and all memory of it.

use super::gzip::{self, Gzip};
use super::header::BLOCK_BYTES;
use super::inflate::{TABLE_BYTES, WINDOW_BYTES};
use super::place::PATH_BYTES;
use super::source::Source;
use crate::input::refusal::Reason;

/// Bytes that are read at once.
const INPUT_BYTES: usize = 64 * 1024;
/// The longest extended header, as Go's reader has it: extended attributes of files stand there, which are passed over
/// here but may be long.
const EXTENDED_BYTES: usize = 1024 * 1024;

/// The memory that unpacking takes. What an archive does not need is not touched.
pub const MEMORY_BYTES: usize = INPUT_BYTES
    + WINDOW_BYTES
    + 2 * TABLE_BYTES
    + gzip::TABLE_BYTES
    + 4 * PATH_BYTES
    + EXTENDED_BYTES;

/// The header and the texts that may stand before it.
pub struct Texts<'m> {
    /// The header.
    pub block: [u8; BLOCK_BYTES],
    /// GNU's long name.
    pub name: &'m mut [u8],
    /// GNU's long target of a link.
    pub link: &'m mut [u8],
    /// The extended header of pax.
    pub extended: &'m mut [u8],
}

/// What a stream is packed in.
enum Packing<'m> {
    Plain,
    Gzip(Gzip<'m>),
}

/// The bytes of an archive.
pub struct Stream<'m> {
    source: Source<'m>,
    packing: Packing<'m>,
    /// How many bytes of the archive were taken.
    offset: u64,
    /// The byte that an error is about: of the archive, or of the packed file where its packing is damaged.
    pub at: u64,
}

/// Room for two paths.
pub type Paths<'m> = (&'m mut [u8], &'m mut [u8]);

/// Divides `MEMORY_BYTES` bytes, all zero, into what a stream, the texts of its headers and two paths need; nothing
/// where there are fewer. The first bytes of the stream, which `refill` gives as `Source::new` says, tell what it is
/// packed in.
pub fn carve<'m>(
    memory: &'m mut [u8],
    refill: &'m mut dyn FnMut(&mut [u8]) -> usize,
) -> Option<(Stream<'m>, Texts<'m>, Paths<'m>)> {
    let (input, memory) = memory.split_at_mut_checked(INPUT_BYTES)?;
    let (window, memory) = memory.split_first_chunk_mut()?;
    let (literals, memory) = memory.split_at_mut_checked(TABLE_BYTES)?;
    let (distances, memory) = memory.split_at_mut_checked(TABLE_BYTES)?;
    let (sums, memory) = memory.split_at_mut_checked(gzip::TABLE_BYTES)?;
    let (path, memory) = memory.split_at_mut_checked(PATH_BYTES)?;
    let (target, memory) = memory.split_at_mut_checked(PATH_BYTES)?;
    let (name, memory) = memory.split_at_mut_checked(PATH_BYTES)?;
    let (link, extended) = memory.split_at_mut_checked(PATH_BYTES)?;
    let mut source = Source::new(input, refill);
    let packing = if source.begins_with(&gzip::MAGIC) {
        Packing::Gzip(Gzip::new(window, literals, distances, sums))
    } else {
        Packing::Plain
    };
    let texts = Texts { block: [0; BLOCK_BYTES], name, link, extended };
    Some((Stream { source, packing, offset: 0, at: 0 }, texts, (path, target)))
}

impl Stream<'_> {
    /// How many bytes of the archive were taken.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, at most `most`; none at the end.
    ///
    /// # Errors
    /// What the archive is packed in is damaged.
    pub fn take(&mut self, most: usize) -> Result<&[u8], Reason> {
        let taken = match &mut self.packing {
            Packing::Plain => self.source.take(most),
            Packing::Gzip(gzip) => match gzip.take(&mut self.source, most) {
                Ok(taken) => taken,
                Err(reason) => {
                    self.at = self.source.offset();
                    return Err(reason);
                }
            },
        };
        if taken.is_empty() {
            // A caller that needs more refuses the archive as cut, here.
            self.at = self.offset;
        }
        self.offset += taken.len() as u64;
        Ok(taken)
    }

    /// Fills `room` as far as there are bytes; gives their number.
    ///
    /// # Errors
    /// As `take`.
    pub fn read(&mut self, room: &mut [u8]) -> Result<usize, Reason> {
        let most = room.len();
        let mut places = room.iter_mut();
        loop {
            let left = places.len();
            let taken = if left == 0 { &[] } else { self.take(left)? };
            if taken.is_empty() {
                return Ok(most - left);
            }
            // The bytes first: asked first, `places` would lose a place at the end of each piece.
            for (byte, place) in taken.iter().zip(places.by_ref()) {
                *place = *byte;
            }
        }
    }

    /// Reads to the end, up to which only zeros may come.
    ///
    /// # Errors
    /// Something else comes; as `take`.
    pub fn expect_zeros(&mut self) -> Result<(), Reason> {
        loop {
            let before = self.offset;
            let taken = self.take(INPUT_BYTES)?;
            if taken.is_empty() {
                return Ok(());
            }
            if let Some(place) = taken.iter().position(|byte| *byte != 0) {
                self.at = before + place as u64;
                return Err(Reason::BehindEnd);
            }
        }
    }
}
