//! Questions to a namespace by a descriptor of it. ioctl_nsfs(2).

use linux_raw_sys::{general as kernel, ioctl};
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;

/// # Safety
/// `answer` is the address of what the request writes, or the request writes nothing.
unsafe fn ask(namespace: BorrowedFd<'_>, request: u32, answer: usize) -> Result<usize, Errno> {
    let arguments = [number(namespace), request as usize, answer, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }
}

/// The user namespace that owns it; of a user namespace the parent. NS_GET_USERNS.
///
/// # Errors
/// EPERM: it is no descendant of our own user namespace; ENOTTY before Linux 4.9.
pub fn owner(namespace: BorrowedFd<'_>) -> Result<Descriptor, Errno> {
    // SAFETY: nothing is written.
    Descriptor::from_answer(unsafe { ask(namespace, ioctl::NS_GET_USERNS, 0) }?)
}

/// The parent of a user or pid namespace. NS_GET_PARENT.
///
/// # Errors
/// EPERM: it has none, or none that we may see; EINVAL for other kinds.
pub fn parent(namespace: BorrowedFd<'_>) -> Result<Descriptor, Errno> {
    // SAFETY: nothing is written.
    Descriptor::from_answer(unsafe { ask(namespace, ioctl::NS_GET_PARENT, 0) }?)
}

/// The user who made a user namespace, by his id in our own. NS_GET_OWNER_UID, Linux 4.11.
///
/// # Errors
/// EINVAL for other kinds.
pub fn owner_uid(namespace: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut uid = 0_u32;
    let pointer = (&raw mut uid).expose_provenance();
    // SAFETY: the kernel writes one uid_t, 32 bits.
    unsafe { ask(namespace, ioctl::NS_GET_OWNER_UID, pointer) }?;
    Ok(uid)
}
