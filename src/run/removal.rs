//! Directories with all that is in them, removed by descriptor.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, FileType, statat, unlinkat};

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_name;

/// How deep directories are removed; a path has at most 4096 bytes.
const DEPTH: usize = 2048;

/// Removes everything below a directory that is on the same filesystem; what cannot be removed stays.
pub fn remove_below(directory: &Descriptor) {
    if let Ok(found) = statat(directory, c"", AtFlags::EMPTY_PATH) {
        remove(directory, found.st_dev, DEPTH);
    }
}

fn remove(directory: &Descriptor, device: u64, depth: usize) {
    for_each_name(directory, &mut |name| {
        let Ok(found) = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else { return true };
        let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        let mut flags = AtFlags::empty();
        if is_directory {
            flags = AtFlags::REMOVEDIR;
            if found.st_dev == device
                && depth > 0
                && let Ok(below) = open(directory.as_fd(), name, OpenFlags::READ_DIRECTORY)
            {
                remove(&below, device, depth - 1);
            }
        }
        // What lies under a mount cannot be removed, and need not be.
        let _ = unlinkat(directory, name, flags);
        true
    });
}

/// Removes what has this name, a directory with all that is in it.
///
/// # Errors
/// Those of unlinkat(2): what is in it may not have gone.
pub fn remove_all(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), rustix::io::Errno> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(rustix::io::Errno::ISDIR) => {}
        answer => return answer,
    }
    if let Ok(below) = open(parent, name, OpenFlags::READ_DIRECTORY) {
        remove_below(&below);
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}
