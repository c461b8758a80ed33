//! Being told that a file has changed. inotify(7).

use core::ffi::CStr;

use linux_raw_sys::general as kernel;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;

/// `IN_MODIFY`: it was written to, or cut. Source: inotify(7).
const MODIFIED: usize = 2;

/// A descriptor that is readable once the file at `path` has been written to; reading it never waits.
///
/// # Errors
/// EMFILE, ENOSPC (too many watches), or those of the path.
pub fn watch(path: &CStr) -> Result<Descriptor, Errno> {
    let flags = kernel::O_CLOEXEC | kernel::O_NONBLOCK;
    // SAFETY: no pointers.
    let made = unsafe { syscall(kernel::__NR_inotify_init1, [flags as usize, 0, 0, 0, 0]) }?;
    let events = Descriptor::from_answer(made)?;
    let pointer = path.as_ptr().expose_provenance();
    let arguments = [number(events.as_fd()), pointer, MODIFIED, 0, 0];
    // SAFETY: the path is NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_inotify_add_watch, arguments) }?;
    Ok(events)
}
