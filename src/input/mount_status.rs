//! What statmount(2) writes about a mount. Source: linux/mount.h.

use crate::text::line::Line;
use crate::text::packed::{Packed, packed};

/// What is asked for, all of which a table of mounts has: SB_BASIC, MNT_BASIC, MNT_ROOT, MNT_POINT, FS_TYPE, MNT_OPTS,
/// FS_SUBTYPE, SB_SOURCE.
pub const WANTED: u64 = 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x80 | 0x100 | 0x200;

/// The kernel knows no sources before Linux 6.13.
const SOURCE: u64 = 0x200;
/// Which of it a usual mount has.
const NEEDED: u64 = 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | SOURCE;

/// Bytes before the strings.
const HEAD_BYTES: usize = 512;

/// A `struct statmount` with its strings.
#[derive(Clone, Copy)]
pub struct MountStatus<'a>(&'a [u8]);

/// Strings, by the place that their offset has in the structure.
#[derive(Clone, Copy)]
pub enum Text {
    /// Options of the filesystem, without `rw` and the like.
    Options = 4,
    /// Its type.
    Kind = 36,
    /// Which directory of it is seen.
    Root = 104,
    /// Where.
    Target = 108,
    /// What follows the type behind a dot.
    Subtype = 120,
    /// What is mounted.
    Source = 124,
}

/// `MS_UNBINDABLE`.
const UNBINDABLE: u64 = 1 << 17;

impl<'a> MountStatus<'a> {
    /// What was written; `tells_all` says whether that is enough.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether the kernel tells all that a table of mounts has. A mount without a source has no source to tell, so only
    /// one that has shows it.
    #[must_use]
    pub fn tells_all(self) -> bool {
        self.long(8) & NEEDED == NEEDED
    }

    fn number(self, at: usize) -> u32 {
        let bytes = self.0.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }

    fn long(self, at: usize) -> u64 {
        let bytes = self.0.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    /// The number of the mount that mountinfo has, which another may get later.
    #[must_use]
    pub fn id(self) -> u64 {
        self.number(56).into()
    }

    /// That of its parent.
    #[must_use]
    pub fn parent(self) -> u64 {
        self.number(60).into()
    }

    /// The filesystem's device.
    #[must_use]
    pub fn device(self) -> (u32, u32) {
        (self.number(16), self.number(20))
    }

    /// `shared:N master:N unbindable`: what there is of it.
    pub fn propagation(self, line: &mut Line) {
        let start = line.bytes().len();
        // Its own group, and the one that it follows.
        for (word, at) in [("shared:", 80), ("master:", 88)] {
            let group = self.long(at);
            if group > 0 {
                let blank = if line.bytes().len() > start { " " } else { "" };
                line.text(blank).text(word).number(group);
            }
        }
        // Nobody in a group is that.
        if self.long(72) & UNBINDABLE != 0 {
            line.text("unbindable");
        }
    }

    /// A string; empty where the mount has none.
    #[must_use]
    #[inline(never)]
    pub fn text(self, text: Text) -> &'a [u8] {
        let start = HEAD_BYTES + self.number(text as usize) as usize;
        let bytes = self.0.get(start..).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
        let is_there = self.long(8) & bit_of(text) != 0;
        bytes.get(..end).filter(|_| is_there).unwrap_or_default()
    }

    /// Flags of the mount as mountinfo has them, such as `rw,nosuid,relatime`.
    pub fn flags(self, line: &mut Line) {
        let attributes = self.long(64);
        line.text(if attributes & 1 == 0 { "rw" } else { "ro" });
        // Two bits of three say how times of access are kept.
        let times = attributes >> 4 & 7;
        let known = attributes & !0x71 | if times == 0 { 0x40 } else { times << 4 & 0x10 };
        append_named(line, known, ATTRIBUTES);
    }

    /// `rw` or `ro` of the filesystem and what else the kernel says of it itself; `Text::Options` follow.
    pub fn general_options(self, line: &mut Line) {
        let flags = self.number(32);
        line.text(if flags & 1 == 0 { "rw" } else { "ro" });
        append_named(line, flags.into(), GENERAL);
    }
}

/// Names of bits in the order of mountinfo, each behind a letter: `a` is bit 0.
const ATTRIBUTES: Packed =
    packed!("bnosuid\ncnodev\ndnoexec\nenoatime\nhnodiratime\ngrelatime\nvnosymfollow\nuidmapped");
const GENERAL: Packed = packed!("esync\nhdirsync\nzlazytime");

#[inline(never)]
fn append_named(line: &mut Line, bits: u64, names: Packed) {
    let mut name = Line::new();
    for row in names.lines() {
        if let [letter, name @ ..] = row.unpack(&mut name)
            && bits >> (letter - b'a') & 1 == 1
        {
            line.text(",").raw(name);
        }
    }
}

const fn bit_of(text: Text) -> u64 {
    match text {
        Text::Options => 0x80,
        Text::Kind => 0x20,
        Text::Root => 0x8,
        Text::Target => 0x10,
        Text::Subtype => 0x100,
        Text::Source => SOURCE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(mask: u64, attributes: u64, flags: u32) -> Vec<u8> {
        status_in(mask, attributes, flags, UNBINDABLE, 0, 0)
    }

    fn status_in(
        mask: u64,
        attributes: u64,
        flags: u32,
        propagation: u64,
        shared: u64,
        master: u64,
    ) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_BYTES];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(8, &mask.to_ne_bytes());
        put(32, &flags.to_ne_bytes());
        put(56, &7_u32.to_ne_bytes());
        put(60, &5_u32.to_ne_bytes());
        put(64, &attributes.to_ne_bytes());
        put(72, &propagation.to_ne_bytes());
        put(80, &shared.to_ne_bytes());
        put(88, &master.to_ne_bytes());
        for (text, offset) in [(Text::Kind, 0_u32), (Text::Root, 6), (Text::Source, 8)] {
            put(text as usize, &offset.to_ne_bytes());
        }
        bytes.extend(b"tmpfs\0/\0none\0");
        bytes
    }

    #[test]
    fn what_the_kernel_writes_is_read() {
        let bytes = status(WANTED, 0, 0);
        let status = MountStatus::new(&bytes);
        assert_eq!((status.id(), status.parent()), (7, 5));
        assert_eq!(status.text(Text::Kind), b"tmpfs");
        assert_eq!((status.text(Text::Root), status.text(Text::Source)), (&b"/"[..], &b"none"[..]));
    }

    #[test]
    fn flags_have_mountinfos_words_and_order() {
        for (attributes, expected) in [
            (0, "rw,relatime"),
            (0x1 | 0x2 | 0x4 | 0x8, "ro,nosuid,nodev,noexec,relatime"),
            (0x10 | 0x80, "rw,noatime,nodiratime"),
            (0x20 | 0x20_0000, "rw,nosymfollow"),
            (0x10_0000, "rw,relatime,idmapped"),
        ] {
            let bytes = status(WANTED, attributes, 0);
            let mut line = Line::new();
            MountStatus::new(&bytes).flags(&mut line);
            assert_eq!(str::from_utf8(line.bytes()), Ok(expected));
        }
        let bytes = status(WANTED, 0, 1 | 16 | 128 | 1 << 25);
        let mut line = Line::new();
        MountStatus::new(&bytes).general_options(&mut line);
        assert_eq!(str::from_utf8(line.bytes()), Ok("ro,sync,dirsync,lazytime"));
    }

    #[test]
    fn propagation_has_mountinfos_words() {
        for (propagation, shared, master, expected) in [
            (1 << 18, 0, 0, "x"),
            (1 << 20, 3, 0, "xshared:3"),
            (1 << 19, 0, 7, "xmaster:7"),
            (1 << 20, 3, 7, "xshared:3 master:7"),
            (UNBINDABLE, 0, 0, "xunbindable"),
        ] {
            let bytes = status_in(WANTED, 0, 0, propagation, shared, master);
            let mut line = Line::new();
            line.text("x");
            MountStatus::new(&bytes).propagation(&mut line);
            assert_eq!(str::from_utf8(line.bytes()), Ok(expected));
        }
    }

    #[test]
    fn a_kernel_that_tells_less_is_not_believed() {
        let bytes = status(WANTED & !0x80, 0, 0);
        for missing in [0x1, 0x2, 0x8, 0x10, 0x20, 0x200] {
            assert!(!MountStatus::new(&status(WANTED & !missing, 0, 0)).tells_all(), "{missing:x}");
        }
        assert!(!MountStatus::new(&[]).tells_all() && MountStatus::new(&bytes).tells_all());
        assert_eq!(MountStatus::new(&bytes).text(Text::Options), b"");
    }
}
