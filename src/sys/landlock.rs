//! Landlock, which rustix does not have. landlock(7)

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;

/// Rights on files: `LANDLOCK_ACCESS_FS_*`. Source: linux/landlock.h.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rights(u64);

impl Rights {
    /// EXECUTE, READ_FILE, READ_DIR.
    pub const READ: Self = Self(1 | 1 << 2 | 1 << 3);
    /// What a file can have that is no directory: EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV.
    pub const OF_FILE: Self = Self(1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15);

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// All rights that this kernel knows, of those that we do. landlock_create_ruleset(2), the version.
///
/// # Errors
/// ENOSYS, EOPNOTSUPP where it has no Landlock.
pub fn known_rights() -> Result<Rights, Errno> {
    const VERSION: usize = 1;
    // SAFETY: no pointers: the version is asked for.
    let version = unsafe { syscall(kernel::__NR_landlock_create_ruleset, [0, 0, VERSION, 0, 0]) }?;
    // Version 2 has REFER, 3 TRUNCATE, 5 IOCTL_DEV beside the first thirteen.
    let bits = match version {
        0 | 1 => 13,
        2 => 14,
        3 | 4 => 15,
        _ => 16,
    };
    Ok(Rights((1 << bits) - 1))
}

/// A set of rules that forbids these rights where none allows them.
///
/// # Errors
/// EINVAL, ENOMEM.
pub fn create(rights: Rights) -> Result<Descriptor, Errno> {
    let pointer = (&raw const rights.0).expose_provenance();
    // SAFETY: the first field of `struct landlock_ruleset_attr`, of the stated size, is only read.
    let answer = unsafe {
        syscall(kernel::__NR_landlock_create_ruleset, [pointer, size_of::<u64>(), 0, 0, 0])
    };
    Descriptor::from_answer(answer?)
}

/// `struct landlock_path_beneath_attr`. Source: linux/landlock.h.
#[repr(C, packed)]
struct Beneath {
    rights: u64,
    parent: i32,
}

/// Allows rights at and below a file. landlock_add_rule(2).
///
/// # Errors
/// EINVAL, ENOMEM.
pub fn allow(set: BorrowedFd<'_>, file: BorrowedFd<'_>, rights: Rights) -> Result<(), Errno> {
    const PATH_BENEATH: usize = 1;
    let rule = Beneath { rights: rights.0, parent: number(file) as i32 };
    let pointer = (&raw const rule).expose_provenance();
    let arguments = [number(set), PATH_BENEATH, pointer, 0, 0];
    // SAFETY: the kernel reads one struct landlock_path_beneath_attr, which is packed there too.
    unsafe { syscall(kernel::__NR_landlock_add_rule, arguments) }.map(drop)
}

/// Holds this thread to the rules. landlock_restrict_self(2).
///
/// # Errors
/// EPERM without no_new_privs and CAP_SYS_ADMIN, E2BIG.
pub fn restrict(set: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_landlock_restrict_self, [number(set), 0, 0, 0, 0]) }.map(drop)
}
