//! What a root directory is: in memory, a mount point, with an init.

use core::ffi::CStr;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, StatxAttributes, StatxFlags, fstat, statat, statfs, statx,
};

use super::files::read_start;
use crate::input::interpreter::{self, HEAD_BYTES};
use crate::input::mount_info::root_has_no_parent;
use crate::input::refusal::Reason;
use crate::sys::descriptor::{Descriptor, OpenFlags, open, open_below};
use crate::sys::filesystem::{RAMFS, TMPFS, is_one_of};
use crate::text::arena::Arena;
use crate::text::errno::Errno;

/// Whether the filesystem at `path` is a ramfs or tmpfs, as an initramfs is.
fn is_in_memory(path: &CStr) -> bool {
    statfs(path).is_ok_and(|found| is_one_of(&found, &[RAMFS, TMPFS]))
}

/// Whether `/` is the kernel's initramfs: in memory, and mounted on nothing.
#[must_use]
pub fn is_initramfs() -> bool {
    let mut text = [0; 256];
    let text = read_start(CWD, c"/proc/self/mountinfo", &mut text).unwrap_or_default();
    is_in_memory(c"/") && root_has_no_parent(text)
}

/// Whether a filesystem is mounted on this directory.
#[must_use]
pub fn is_mount_point(path: &CStr) -> bool {
    open(CWD, path, OpenFlags::PATH_DIRECTORY).is_ok_and(|directory| is_mounted(&directory))
}

#[inline(never)]
fn is_mounted(directory: &Descriptor) -> bool {
    const MOUNT_ROOT: StatxAttributes = StatxAttributes::MOUNT_ROOT;
    if let Ok(found) = statx(directory, c"", AtFlags::EMPTY_PATH, StatxFlags::empty())
        && found.stx_attributes_mask.contains(MOUNT_ROOT)
    {
        return found.stx_attributes.contains(MOUNT_ROOT);
    }
    // Linux before 5.8 does not say. One that has another device than its parent is most probably one.
    let device = |path| statat(directory, path, AtFlags::EMPTY_PATH).map(|status| status.st_dev);
    device(c"") != device(c"..")
}

/// Whether `new_root` can take the place of an initramfs as `/`.
///
/// # Errors
/// Why not.
pub fn check_new_root(new_root: &CStr) -> Result<Descriptor, Reason> {
    let directory =
        open(CWD, new_root, OpenFlags::PATH_DIRECTORY).map_err(|_| Reason::NoDirectory)?;
    if !is_mounted(&directory) {
        return Err(Reason::NoMountPoint);
    }
    let device = |found, path| statat(found, path, AtFlags::EMPTY_PATH).map(|found| found.st_dev);
    if device(directory.as_fd(), c"") == device(CWD, c"/") {
        return Err(Reason::SameFilesystem);
    }
    if !is_in_memory(c"/") {
        return Err(Reason::RootNotInMemory);
    }
    Ok(directory)
}

/// Whether `init` is a file in the new root that can be executed, and what it needs for that is there too. Links are
/// followed as they will be inside.
#[must_use]
#[inline(never)]
pub fn has_init(new_root: &Descriptor, init: &CStr) -> bool {
    let file = match open_below(new_root.as_fd(), init, OpenFlags::READ) {
        Ok(file) => file,
        // Linux before 5.6. A link with an absolute target would be looked for in the old root, so it is believed.
        Err(errno) => return errno == Errno::NOSYS,
    };
    let can_be_executed = fstat(&file).is_ok_and(|found| {
        let mode = Mode::from_raw_mode(found.st_mode);
        FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
            && mode.intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH)
    });
    let mut head = [0; HEAD_BYTES];
    let _ = rustix::io::read(&file, &mut head);
    let mut buffer = [0; HEAD_BYTES + 1];
    can_be_executed
        && interpreter::needed(&head).is_none_or(|needed| {
            let needed = Arena::new(&mut buffer).join(&[needed]).unwrap_or_default();
            open_below(new_root.as_fd(), needed, OpenFlags::PATH).is_ok()
        })
}
