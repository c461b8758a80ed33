//! Mount options: flags of mount(2), and what is a filesystem's own.

use super::mount_options::Attributes;
use crate::text::line::Line;
use crate::text::parts::{line_of, parts};

/// What a list of mount options asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct MountFlags {
    /// `MS_*` bits of mount(2).
    pub bits: u32,
    /// Not mounted at boot.
    pub no_auto: bool,
    /// A failure to mount it is no failure of the boot.
    pub no_fail: bool,
    /// It needs a network, which is up later.
    pub needs_network: bool,
}

/// Nothing may be written. Source: mount(2).
pub const READ_ONLY: u32 = 1;
/// A directory appears in a second place.
pub const BIND: u32 = 4096;
/// Changes a mount that is there.
pub const REMOUNT: u32 = 32;
/// With all mounts below it.
pub const RECURSIVE: u32 = 16384;
/// What is mounted elsewhere is mounted here instead.
pub const MOVE: u32 = 8192;

/// Options, each twice in a row: what sets its bit, and what takes it back; `-` where there is no such word.
const NAMES: &[u8] = b"ro\nrw\nnosuid\nsuid\nnodev\ndev\nnoexec\nexec\nsync\nasync\nremount\n-\n\
    mand\nnomand\ndirsync\n-\nnosymfollow\nsymfollow\nnoatime\natime\nnodiratime\ndiratime\nbind\n-\n\
    silent\nloud\nrelatime\nnorelatime\niversion\nnoiversion\nstrictatime\nnostrictatime\n\
    lazytime\nnolazytime";
/// The bits of these pairs, as places of bits. Source: sys/mount.h, mount(8).
const PLACES: [u8; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 15, 21, 23, 24, 25];

/// Words for mount(8) and init alone, which no filesystem knows.
const OWN: &[u8] = b"noauto\nnofail\n_netdev\nrbind\nuser\nusers\nowner\ngroup\n\
    defaults\nauto\nfail\nnouser\nnousers";

/// What a mount that somebody else than root may make must not bring along. Source: mount(8), "user", "owner".
const OF_ANYBODY: u32 = Attributes::CLOSED.0 as u32;
const OF_OWNER: u32 = OF_ANYBODY & !(Attributes::NO_EXEC.0 as u32);

impl MountFlags {
    /// Nothing is asked for.
    pub const NONE: Self = Self { bits: 0, no_auto: false, no_fail: false, needs_network: false };

    /// Reads `OPTION,…`; what a filesystem has to understand is appended to `data`.
    #[must_use]
    pub fn read(options: &[u8], data: &mut Line) -> Self {
        let mut flags = Self::NONE;
        flags.add(options, data);
        flags
    }

    /// Reads more of them.
    #[inline(never)]
    pub fn add(&mut self, options: &[u8], data: &mut Line) {
        for option in parts(options, b',').filter(|option| !option.is_empty()) {
            self.take(option, data);
        }
    }

    fn take(&mut self, option: &[u8], data: &mut Line) {
        if let Some(number) = line_of(NAMES, option)
            && let Some(place) = PLACES.get(number / 2)
        {
            let bit = 1 << place;
            self.bits = if number % 2 == 0 { self.bits | bit } else { self.bits & !bit };
            return;
        }
        match line_of(OWN, option) {
            Some(0) => self.no_auto = true,
            Some(1) => self.no_fail = true,
            Some(2) => self.needs_network = true,
            Some(3) => self.bits |= BIND | RECURSIVE,
            Some(4 | 5) => self.bits |= OF_ANYBODY,
            Some(6 | 7) => self.bits |= OF_OWNER,
            Some(_) => {}
            // For systemd, mount(8) and people: the kernel would refuse them.
            None if [&b"x-"[..], b"X-", b"comment="].iter().any(|own| option.starts_with(own)) => {}
            None => {
                if !data.bytes().is_empty() {
                    data.text(",");
                }
                data.raw(option);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_flags_or_the_filesystems() {
        for (options, bits, data) in [
            ("defaults", 0, ""),
            ("", 0, ""),
            ("ro", 1, ""),
            ("ro,rw", 0, ""),
            ("rw,nosuid,nodev,noexec,relatime", 0x20_000e, ""),
            ("noatime,nodiratime,sync,dirsync", 0xc90, ""),
            ("bind,ro", 0x1001, ""),
            ("rbind", 0x5000, ""),
            ("remount,strictatime,lazytime", 0x300_0020, ""),
            ("errors=remount-ro,data=ordered,noatime", 0x400, "errors=remount-ro,data=ordered"),
            ("x-systemd.automount,comment=a,size=5m,user", 14, "size=5m"),
            ("X-mount.mkdir=755,users", 14, ""),
            ("owner", 6, ""),
            ("group,dev", 2, ""),
        ] {
            let mut line = Line::new();
            let read = MountFlags::read(options.as_bytes(), &mut line);
            assert_eq!(
                (read.bits, str::from_utf8(line.bytes()).unwrap()),
                (bits, data),
                "{options}"
            );
        }
        let read = MountFlags::read(b"noauto,nofail,_netdev", &mut Line::new());
        assert!(read.no_auto && read.no_fail && read.needs_network);
        assert_eq!(parts(NAMES, b'\n').count(), 2 * PLACES.len());
    }
}
