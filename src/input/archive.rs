//! Archives as they stream by: tar, plain or in gzip, in constant memory.
//!
//! Source: pax(1) of POSIX, tar(5), "Basic Tar Format" of GNU tar, RFC 1951, RFC 1952.

mod extended;
mod gzip;
mod header;
mod inflate;
mod place;
mod source;
mod stream;

pub use header::Kind;
pub use place::{PATH_BYTES, Place, Whiteout, place};
pub use source::Source;
pub use stream::{MEMORY_BYTES, Stream, Texts, carve};

use self::extended::Attributes;
use self::header::{BLOCK_BYTES, Header};
use crate::input::refusal::Reason;

/// A file, link or directory of an archive, as its header has it.
pub struct Member<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name, in two parts with a slash between them; the first may be empty.
    pub name: [&'a [u8]; 2],
    /// Where a link leads; for others of no meaning.
    pub link: &'a [u8],
    /// Permissions, set-id and sticky bits.
    pub mode: u16,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When it was changed.
    pub changed: Moment,
    /// Major and minor number of a device, as many bits as Linux has for them; 0 for others.
    pub device: (u32, u32),
}

/// A moment since 1970.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Moment {
    /// Whole seconds, rounded down: negative before 1970.
    pub seconds: i64,
    /// Nanoseconds after them.
    pub nanoseconds: u32,
}

/// The content of a member.
pub struct Data<'d, 'm> {
    stream: &'d mut Stream<'m>,
    left: &'d mut u64,
}

impl Data<'_, '_> {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// The archive ends before that, or what it is packed in is damaged.
    pub fn take(&mut self) -> Result<&[u8], Reason> {
        take_of(self.stream, self.left)
    }

    /// The byte of the archive that an error is about: where its bytes end too early, else the member's header.
    #[must_use]
    pub const fn at(&self) -> u64 {
        self.stream.at
    }
}

/// Takes bytes of which `left` are still to come, and counts them; none when there are no more to come.
fn take_of<'s>(stream: &'s mut Stream<'_>, left: &mut u64) -> Result<&'s [u8], Reason> {
    if *left == 0 {
        return Ok(&[]);
    }
    let taken = stream.take(usize::try_from(*left).unwrap_or(usize::MAX))?;
    *left -= taken.len() as u64;
    if taken.is_empty() { Err(Reason::ArchiveCut) } else { Ok(taken) }
}

/// The first `length` bytes; nothing where that is none.
fn start_of(text: &[u8], length: usize) -> Option<&[u8]> {
    text.get(..length).filter(|text| !text.is_empty())
}

/// An archive that is read from its beginning to its end.
pub struct Archive<'m> {
    stream: Stream<'m>,
    texts: Texts<'m>,
    /// What global extended headers say of all members that do not say otherwise.
    global: Attributes<'static>,
    /// Bytes of the last member that were not read yet.
    left: u64,
    /// Bytes behind those, up to the next header.
    padding: u64,
}

/// How many bytes of each of the `Texts` belong to the next member.
#[derive(Clone, Copy)]
struct Lengths {
    name: usize,
    link: usize,
    extended: usize,
}

impl<'m> Archive<'m> {
    /// An archive in a stream, with the rest of its memory.
    #[must_use]
    pub const fn new(stream: Stream<'m>, texts: Texts<'m>) -> Self {
        Self { stream, texts, global: Attributes::NONE, left: 0, padding: 0 }
    }

    /// The byte of the archive that the last error is about.
    #[must_use]
    pub const fn at(&self) -> u64 {
        self.stream.at
    }

    /// The next member and its content; `None` at the end. Content that is not taken is passed over by the next call.
    ///
    /// # Errors
    /// What is not a sound archive, or cannot be unpacked here; `at` says where.
    #[inline(never)]
    pub fn next_member(&mut self) -> Result<Option<(Member<'_>, Data<'_, 'm>)>, Reason> {
        let mut lengths = Lengths { name: 0, link: 0, extended: 0 };
        let kind = loop {
            self.pass_over()?;
            if !self.read_header()? {
                return Ok(None);
            }
            let kind = Header(&self.texts.block).kind()?;
            match kind {
                Kind::LongName => lengths.name = self.read_text(kind, 0)?,
                Kind::LongLink => lengths.link = self.read_text(kind, 0)?,
                Kind::Extended => lengths.extended = self.read_text(kind, 0)?,
                Kind::Global => {
                    // It may stand behind the next member's own, which is still to be read.
                    let start = lengths.extended;
                    let length = self.read_text(kind, start)?;
                    let text = self.texts.extended.get(start..start + length).unwrap_or_default();
                    self.global.read_global(text)?;
                }
                // The name of a volume is no file.
                Kind::Label => {}
                kind => break kind,
            }
        };
        let Texts { block, name, link, extended } = &self.texts;
        let mut said: Attributes<'_> = self.global;
        said.read(extended.get(..lengths.extended).unwrap_or_default())?;
        // Links, directories and devices have no content, whatever is said of their size.
        self.left = if kind == Kind::File { said.size.unwrap_or(self.left) } else { 0 };
        self.padding = self.left.wrapping_neg() % BLOCK_BYTES as u64;
        let name = said.path.or_else(|| start_of(name, lengths.name));
        let link = said.link.or_else(|| start_of(link, lengths.link));
        let member = Header(block).member(kind, name, link, said)?;
        Ok(Some((member, Data { stream: &mut self.stream, left: &mut self.left })))
    }

    /// Passes over what is left of a member.
    fn pass_over(&mut self) -> Result<(), Reason> {
        for left in [&mut self.left, &mut self.padding] {
            while !take_of(&mut self.stream, left)?.is_empty() {}
        }
        Ok(())
    }

    /// Reads the next header and the length of its content; false at the end, which only zeros may follow.
    fn read_header(&mut self) -> Result<bool, Reason> {
        let at = self.stream.offset();
        let length = self.stream.read(&mut self.texts.block)?;
        self.stream.at = at;
        let header = Header(&self.texts.block);
        let is_whole = length == BLOCK_BYTES;
        if is_whole && header.check().is_ok() {
            self.left = header.size()?;
            self.padding = self.left.wrapping_neg() % BLOCK_BYTES as u64;
            return Ok(true);
        }
        if is_whole && self.texts.block.iter().all(|byte| *byte == 0) {
            return self.stream.expect_zeros().map(|()| false);
        }
        Err(match at {
            0 if header.is_packed() => Reason::OtherPacking,
            0 => Reason::NoArchive,
            // Whoever writes an archive to its end writes blocks of zeros behind it.
            _ if !is_whole => Reason::ArchiveCut,
            _ => Reason::BadHeader,
        })
    }

    /// Reads a text that belongs to the headers behind it, to a place in the room of its kind; gives its length.
    #[inline(never)]
    fn read_text(&mut self, kind: Kind, start: usize) -> Result<usize, Reason> {
        let Texts { name, link, extended, .. } = &mut self.texts;
        let (room, reason) = match kind {
            Kind::LongName => (&mut **name, Reason::LongMemberName),
            Kind::LongLink => (&mut **link, Reason::LongMemberName),
            _ => (&mut **extended, Reason::LongExtended),
        };
        let length = usize::try_from(self.left).unwrap_or(usize::MAX);
        let room = room.get_mut(start..).and_then(|room| room.get_mut(..length)).ok_or(reason)?;
        if self.stream.read(room)? < length {
            return Err(Reason::ArchiveCut);
        }
        self.left = 0;
        // GNU's long names end in a NUL byte.
        let is_name = matches!(kind, Kind::LongName | Kind::LongLink);
        let end = room.iter().position(|byte| is_name && *byte == 0);
        Ok(end.unwrap_or(length))
    }
}

#[cfg(test)]
mod tests;
