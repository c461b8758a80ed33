//! Mounts of a namespace, by their numbers. listmount(2), statmount(2).

use linux_raw_sys::general as kernel;

use super::raw::syscall;
use crate::text::errno::Errno;

/// Stands for the root of a namespace. Source: linux/mount.h, `LSMT_ROOT`.
pub const ROOT: u64 = u64::MAX;

/// `struct mnt_id_req`, version 1 (Linux 6.11).
#[repr(C)]
struct Request {
    size: u32,
    spare: u32,
    mount: u64,
    /// What is wanted; for listmount the number after which to go on.
    parameter: u64,
    namespace: u64,
}

impl Request {
    const fn new(mount: u64, parameter: u64, namespace: u64) -> Self {
        Self { size: size_of::<Self>() as u32, spare: 0, mount, parameter, namespace }
    }
}

/// Writes the numbers of the mounts of a namespace (its `NS_GET_MNTNS_ID`) that are greater than `after`, in
/// ascending order; gives how many fit.
///
/// # Errors
/// ENOSYS before Linux 6.8, EINVAL before 6.11, EPERM, ENOENT.
pub fn list(namespace: u64, after: u64, numbers: &mut [u64]) -> Result<usize, Errno> {
    let request = Request::new(ROOT, after, namespace);
    let pointer = (&raw const request).expose_provenance();
    let room = numbers.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel reads a structure of the stated size and writes at most so many numbers.
    unsafe { syscall(kernel::__NR_listmount, [pointer, room, numbers.len(), 0, 0]) }
}

/// Writes a `struct statmount` about one mount, with what `mask` asks for.
///
/// # Errors
/// EOVERFLOW: there is no room for it; ENOENT: it is gone; those of `list`.
pub fn describe(namespace: u64, mount: u64, mask: u64, room: &mut [u8]) -> Result<(), Errno> {
    let request = Request::new(mount, mask, namespace);
    let pointer = (&raw const request).expose_provenance();
    let place = room.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel reads a structure of the stated size and writes at most so many bytes.
    unsafe { syscall(kernel::__NR_statmount, [pointer, place, room.len(), 0, 0]) }.map(drop)
}
