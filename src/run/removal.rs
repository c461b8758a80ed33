//! Directories with all that is in them, removed by descriptor.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, FileType, statat, unlinkat};

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_name;
use crate::text::errno::Errno;

/// How deep directories are removed; a path has at most 4096 bytes.
const DEPTH: usize = 2048;

/// Removes everything below a directory that is on the same filesystem; what cannot be removed stays.
///
/// # Errors
/// Why the first that stays does.
pub fn remove_below(directory: &Descriptor) -> Result<(), Errno> {
    let found = statat(directory, c"", AtFlags::EMPTY_PATH)?;
    remove(directory, found.st_dev, DEPTH)
}

fn remove(directory: &Descriptor, device: u64, depth: usize) -> Result<(), Errno> {
    let mut outcome = Ok(());
    for_each_name(directory, &mut |name| {
        outcome = outcome.and(remove_one(directory, name, device, depth));
        true
    });
    outcome
}

#[inline(never)]
fn remove_one(parent: &Descriptor, name: &CStr, device: u64, depth: usize) -> Result<(), Errno> {
    let found = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Ok(unlinkat(parent, name, AtFlags::empty())?);
    }
    // What lies under a mount cannot be removed, and need not be.
    let mut below = Err(Errno::BUSY);
    if found.st_dev == device && depth > 0 {
        below = open(parent.as_fd(), name, OpenFlags::READ_DIRECTORY)
            .and_then(|directory| remove(&directory, device, depth - 1));
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR).or_else(|errno| below.and(Err(errno.into())))
}

/// Removes what has this name, a directory with all that is in it.
///
/// # Errors
/// Those of unlinkat(2), or why the first in it that stays does.
pub fn remove_all(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(rustix::io::Errno::ISDIR) => {}
        answer => return Ok(answer?),
    }
    let below = open(parent, name, OpenFlags::READ_DIRECTORY)
        .and_then(|directory| remove_below(&directory));
    unlinkat(parent, name, AtFlags::REMOVEDIR).or_else(|errno| below.and(Err(errno.into())))
}
