//! Namespaces kept by a mount on a file.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, CWD, fstatfs, unlinkat};
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};

use crate::input::persist::Persist;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::mount::{Depth, clone_tree};
use crate::sys::process::Pid;
use crate::text::call::{Call, CallError};
use crate::text::line::Line;

/// Keeps a namespace of `pid`.
///
/// # Errors
/// The call that failed; EEXIST of openat: the file is there already.
#[inline(never)]
pub fn keep(persist: &Persist<'_>, pid: Pid) -> Result<(), CallError> {
    open(CWD, persist.file, OpenFlags::CREATE).map_err(Call::Openat.failed())?;
    let mut path = Line::new();
    path.text("/proc/").number(pid.0.unsigned_abs().into()).text("/ns/").text(persist.name);
    let tree = clone_tree(CWD, path.as_path(), Depth::One).map_err(Call::OpenTree.failed())?;
    move_mount(&tree, c"", CWD, persist.file, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())
}

/// Source: linux/magic.h.
const NSFS_MAGIC: u32 = 0x6e73_6673;

/// Lets go of it. Only a namespace's file is unmounted, only an empty one is removed.
pub fn remove(directory: BorrowedFd<'_>, path: &CStr) {
    let Ok(file) = open(directory, path, OpenFlags::PATH) else { return };
    let is_pin = fstatfs(&file).is_ok_and(|status| status.f_type as u32 == NSFS_MAGIC);
    if is_pin {
        let mut name = Line::new();
        name.text("/proc/self/fd/").number(file.number().unsigned_abs().into());
        let _ = unmount(name.as_path(), UnmountFlags::DETACH);
    }
    let status = rustix::fs::statat(directory, path, AtFlags::SYMLINK_NOFOLLOW);
    if status.is_ok_and(|status| status.st_size == 0) {
        let _ = unlinkat(directory, path, AtFlags::empty());
    }
}
