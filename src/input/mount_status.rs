//! What statmount(2) writes about a mount. Source: linux/mount.h.

use crate::text::line::Line;
use crate::text::packed::{Packed, packed};
use crate::text::parts::parts;

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
pub struct MountStatus<'a> {
    // Of a known size, so that numbers at fixed places are read without a look at it.
    head: &'a [u8; HEAD_BYTES],
    strings: &'a [u8],
}

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
    /// What statmount(2) has written, from its first byte on; nothing for less than a whole structure. `tells_all` says
    /// whether all fields are in it that a table needs.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.split_first_chunk().map(|(head, strings)| Self { head, strings })
    }

    /// Whether the kernel tells all that a table of mounts has. To be asked of a mount that has a source: of others it
    /// tells none, as if it could not.
    #[must_use]
    pub fn tells_all(&self) -> bool {
        self.long(8) & NEEDED == NEEDED
    }

    fn number(&self, at: usize) -> u32 {
        let bytes = self.head.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }

    fn long(&self, at: usize) -> u64 {
        let bytes = self.head.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    /// The number of the mount that mountinfo shows. Another mount may get it later.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.number(56).into()
    }

    /// The number of the mount that it lies on.
    #[must_use]
    pub fn parent(&self) -> u64 {
        self.number(60).into()
    }

    /// The filesystem's device.
    #[must_use]
    pub fn device(&self) -> (u32, u32) {
        (self.number(16), self.number(20))
    }

    /// Appends `shared:N master:N` or `unbindable`, what there is of it.
    pub fn propagation(&self, line: &mut Line) {
        // Its own group, and the one that it follows.
        let (shared, master) = (self.long(80), self.long(88));
        if shared > 0 {
            line.text("shared:").number(shared);
        }
        if master > 0 {
            line.text(if shared > 0 { " master:" } else { "master:" }).number(master);
        }
        // A mount in a group is never unbindable, so no blank is needed.
        if self.long(72) & UNBINDABLE != 0 {
            line.text("unbindable");
        }
    }

    /// A string; empty where the mount has none.
    #[must_use]
    #[inline(never)]
    pub fn text(&self, text: Text) -> &'a [u8] {
        if self.long(8) & bit_of(text) == 0 {
            return b"";
        }
        let start = self.number(text as usize) as usize;
        parts(self.strings.get(start..).unwrap_or_default(), 0).skip_to(0)
    }

    /// Appends the flags of the mount as mountinfo has them, such as `rw,nosuid,relatime`.
    pub fn flags(&self, line: &mut Line) {
        let attributes = self.long(64);
        // `MOUNT_ATTR__ATIME`, as a number: 0 relatime, 1 noatime, 2 strictatime, for which there is no word.
        let times = attributes >> 4 & 7;
        let known = attributes & !0x70 | if times == 0 { 0x40 } else { times << 4 & 0x10 };
        append_named(line, known, ATTRIBUTES);
    }

    /// Appends `rw` or `ro` of the filesystem and the other options that are the kernel's own; `Text::Options` follow.
    pub fn general_options(&self, line: &mut Line) {
        append_named(line, self.number(32).into(), GENERAL);
    }
}

/// Names of bits in the order of mountinfo, each behind the letter of its bit: `a` would be bit 0, but that is `ro` or
/// `rw` and is said first of all. The source of the order is `show_mnt_opts` and `show_sb_opts`, fs/proc_namespace.c.
const ATTRIBUTES: Packed =
    packed!("bnosuid\ncnodev\ndnoexec\nenoatime\nhnodiratime\ngrelatime\nvnosymfollow\nuidmapped");
const GENERAL: Packed = packed!("esync\nhdirsync\nzlazytime");

#[inline(never)]
fn append_named(line: &mut Line, bits: u64, names: Packed) {
    line.text(if bits & 1 == 0 { "rw" } else { "ro" });
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
        let status = MountStatus::new(&bytes).unwrap();
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
            MountStatus::new(&bytes).unwrap().flags(&mut line);
            assert_eq!(str::from_utf8(line.bytes()), Ok(expected));
        }
        let bytes = status(WANTED, 0, 1 | 16 | 128 | 1 << 25);
        let mut line = Line::new();
        MountStatus::new(&bytes).unwrap().general_options(&mut line);
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
            MountStatus::new(&bytes).unwrap().propagation(&mut line);
            assert_eq!(str::from_utf8(line.bytes()), Ok(expected));
        }
    }

    #[test]
    fn a_kernel_that_tells_less_is_not_believed() {
        let bytes = status(WANTED & !0x80, 0, 0);
        for missing in [0x1, 0x2, 0x8, 0x10, 0x20, 0x200] {
            let bytes = status(WANTED & !missing, 0, 0);
            assert!(!MountStatus::new(&bytes).unwrap().tells_all(), "{missing:x}");
        }
        let status = MountStatus::new(&bytes).unwrap();
        assert!(status.tells_all() && MountStatus::new(&[]).is_none());
        assert_eq!(status.text(Text::Options), b"");
    }
}
