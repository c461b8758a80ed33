//! What brings a machine to rest: swap, loop devices, mounts.

use core::ffi::CStr;

use rustix::fs::CWD;
use rustix::io::Errno as KernelErrno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::input::mount_flags::{READ_ONLY, REMOUNT};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::machine::detach_loop;
use crate::text::call::{Call, CallError};

/// Unmounts what is mounted at `path`; on Linux links are not followed, for a mount point is none.
///
/// # Errors
/// EBUSY while something uses it.
pub fn unmount_at(path: &CStr) -> Result<(), CallError> {
    match unmount(path, UnmountFlags::NOFOLLOW) {
        // Somebody has been here before.
        Ok(()) | Err(KernelErrno::INVAL | KernelErrno::NOENT) => Ok(()),
        Err(errno) => Err(Call::Umount2.failed()(errno)),
    }
}

/// Lets nothing be written to the filesystem at `path` any more, wherever else it is mounted.
///
/// # Errors
/// EBUSY while a file is open for writing.
pub fn make_read_only(path: &CStr) -> Result<(), CallError> {
    let flags = MountFlags::from_bits_retain(REMOUNT | READ_ONLY);
    mount(c"", path, c"", flags, None).map_err(Call::Mount.failed())
}

/// Takes the file from a loop device, and whether it had one.
#[must_use]
pub fn detach(path: &CStr) -> bool {
    let device = open(CWD, path, OpenFlags::READ);
    device.is_ok_and(|device| detach_loop(device.as_fd()).is_ok())
}
