//! What statfs(2) tells of a filesystem.

use rustix::fs::StatFs;

/// Memory that may be written to disk. Source: linux/magic.h.
pub const TMPFS: u32 = 0x0102_1994;
/// Memory that may not.
pub const RAMFS: u32 = 0x8584_58f6;
/// Files of namespaces.
#[cfg(feature = "run")]
pub const NAMESPACES: u32 = 0x6e73_6673;

/// Whether it is one of these kinds.
#[must_use]
pub fn is_one_of(status: &StatFs, kinds: &[u32]) -> bool {
    kinds.contains(&(status.f_type as u32))
}

/// Whether nothing can be written there: `ST_RDONLY`, of the filesystem or of its mount.
#[cfg(feature = "run")]
#[must_use]
pub const fn is_read_only(status: &StatFs) -> bool {
    const READ_ONLY: u64 = 1;
    status.f_flags as u64 & READ_ONLY != 0
}
