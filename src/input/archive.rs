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

/// What is wrong with an archive, and where.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Damage {
    /// What.
    pub reason: Reason,
    /// At which byte of the archive; of the packed one where that is what is damaged.
    pub at: u64,
}

/// A file, link or directory of an archive, as its header has it.
pub struct Member<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name, in two parts with a slash between them; the first may be empty.
    pub name: [&'a [u8]; 2],
    /// Where a link leads.
    pub link: &'a [u8],
    /// Permissions and set-id bits.
    pub mode: u16,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When it was changed.
    pub changed: Moment,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// At which byte of the archive its header stands.
    pub at: u64,
}

/// A moment since 1970.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Moment {
    /// Whole seconds, rounded down.
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
    pub fn take(&mut self) -> Result<&[u8], Damage> {
        take_of(self.stream, self.left)
    }
}

/// The next of the `left` bytes that are to come.
fn take_of<'s>(stream: &'s mut Stream<'_>, left: &mut u64) -> Result<&'s [u8], Damage> {
    let at = stream.offset();
    if *left == 0 {
        return Ok(&[]);
    }
    let taken = stream.take(usize::try_from(*left).unwrap_or(usize::MAX))?;
    if taken.is_empty() {
        return Err(Damage { reason: Reason::ArchiveCut, at });
    }
    *left -= taken.len() as u64;
    Ok(taken)
}

/// The text of that length, if it has one.
fn start_of(text: &[u8], length: usize) -> Option<&[u8]> {
    text.get(..length).filter(|text| !text.is_empty())
}

/// An archive that is read from its beginning to its end.
pub struct Archive<'m> {
    stream: Stream<'m>,
    texts: Texts<'m>,
    /// What members have that do not say otherwise.
    global: Attributes<'static>,
    /// Bytes of the last member that were not read yet.
    left: u64,
    /// Bytes behind those, up to the next header.
    padding: u64,
}

/// How many bytes of the texts before a header belong to it.
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

    /// The next member and its content, of which what is not taken is passed over; `None` at the end.
    ///
    /// # Errors
    /// Whatever is no sound archive that can be unpacked here.
    #[inline(never)]
    pub fn next_member(&mut self) -> Result<Option<(Member<'_>, Data<'_, 'm>)>, Damage> {
        let mut lengths = Lengths { name: 0, link: 0, extended: 0 };
        loop {
            self.pass_over()?;
            let at = self.stream.offset();
            if !self.read_header(at)? {
                return Ok(None);
            }
            let refused = |reason| Damage { reason, at };
            let header = Header(&self.texts.block);
            self.left = header.size().map_err(refused)?;
            self.padding = self.left.wrapping_neg() % BLOCK_BYTES as u64;
            let kind = header.kind().map_err(refused)?;
            match kind {
                Kind::LongName => lengths.name = self.read_text(kind, at)?,
                Kind::LongLink => lengths.link = self.read_text(kind, at)?,
                Kind::Extended => lengths.extended = self.read_text(kind, at)?,
                Kind::Global => {
                    let length = self.read_text(kind, at)?;
                    let text = self.texts.extended.get(..length).unwrap_or_default();
                    self.global = self.global.with_global(text).map_err(refused)?;
                }
                // The name of a volume is no file.
                Kind::Label => {}
                kind => return self.member(kind, lengths, at).map(Some),
            }
        }
    }

    /// Joins the header with what stood before it.
    #[inline(never)]
    fn member(
        &mut self,
        kind: Kind,
        lengths: Lengths,
        at: u64,
    ) -> Result<(Member<'_>, Data<'_, 'm>), Damage> {
        let refused = |reason| Damage { reason, at };
        let Texts { block, name, link, extended } = &self.texts;
        let header = Header(block);
        let extended = extended.get(..lengths.extended).unwrap_or_default();
        let Attributes { path, link: linked, size, uid, gid, changed } =
            self.global.with(extended).map_err(refused)?;
        // Links, directories and devices have no content, whatever is said of their size.
        self.left = if kind == Kind::File { size.unwrap_or(self.left) } else { 0 };
        self.padding = self.left.wrapping_neg() % BLOCK_BYTES as u64;
        let name = path.or_else(|| start_of(name, lengths.name));
        let link = linked.or_else(|| start_of(link, lengths.link));
        let name = name.map_or_else(|| header.name(), |name| [&[], name]);
        // An archive older than POSIX tells a directory by the slash behind its name.
        let [_, end] = name;
        let kind = if kind == Kind::File && end.ends_with(b"/") { Kind::Directory } else { kind };
        let member = Member {
            kind,
            name,
            link: link.unwrap_or_else(|| header.link()),
            mode: header.mode().map_err(refused)?,
            uid: uid.map_or_else(|| header.uid(), Ok).map_err(refused)?,
            gid: gid.map_or_else(|| header.gid(), Ok).map_err(refused)?,
            changed: changed.map_or_else(|| header.changed(), Ok).map_err(refused)?,
            device: header.device().map_err(refused)?,
            at,
        };
        Ok((member, Data { stream: &mut self.stream, left: &mut self.left }))
    }

    /// Passes over what is left of a member.
    fn pass_over(&mut self) -> Result<(), Damage> {
        for left in [&mut self.left, &mut self.padding] {
            while !take_of(&mut self.stream, left)?.is_empty() {}
        }
        Ok(())
    }

    /// Reads the next header; false at the end, behind which nothing but zeros may come.
    fn read_header(&mut self, at: u64) -> Result<bool, Damage> {
        let length = self.stream.read(&mut self.texts.block)?;
        let reason = match Header(&self.texts.block).check() {
            Ok(()) if length == BLOCK_BYTES => return Ok(true),
            _ if length == BLOCK_BYTES && self.texts.block == [0; BLOCK_BYTES] => {
                return self.stream.expect_zeros().map(|()| false);
            }
            _ if at == 0 && header::is_packed(&self.texts.block) => Reason::OtherPacking,
            _ if at == 0 => Reason::NoArchive,
            // Whoever writes an archive to its end writes blocks of zeros behind it.
            _ if length < BLOCK_BYTES => Reason::ArchiveCut,
            _ => Reason::BadHeader,
        };
        Err(Damage { reason, at })
    }

    /// Reads a text that belongs to the next header; gives its length.
    fn read_text(&mut self, kind: Kind, at: u64) -> Result<usize, Damage> {
        let Texts { name, link, extended, .. } = &mut self.texts;
        let (room, reason) = match kind {
            Kind::LongName => (&mut **name, Reason::LongMemberName),
            Kind::LongLink => (&mut **link, Reason::LongMemberName),
            _ => (&mut **extended, Reason::LongExtended),
        };
        let length = usize::try_from(self.left).unwrap_or(usize::MAX);
        let room = room.get_mut(..length).ok_or(Damage { reason, at })?;
        if self.stream.read(room)? < length {
            return Err(Damage { reason: Reason::ArchiveCut, at: self.stream.offset() });
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
