//! Mount calls that answer with a descriptor, and mount_setattr(2).

use core::ffi::CStr;

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;

/// What of a tree of mounts is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The mount itself.
    One,
    /// It and all below it.
    All,
}

/// A detached copy of the mounts at `path` below `directory`; for an empty path, of `directory` itself.
/// open_tree(2), Linux 5.2.
///
/// # Errors
/// EINVAL for an unbindable mount or one of another namespace, EPERM, or those of resolving a path.
pub fn clone_tree(
    directory: BorrowedFd<'_>,
    path: &CStr,
    depth: Depth,
) -> Result<Descriptor, Errno> {
    let recursive = if depth == Depth::All { kernel::AT_RECURSIVE } else { 0 };
    let flags =
        kernel::OPEN_TREE_CLONE | kernel::OPEN_TREE_CLOEXEC | kernel::AT_EMPTY_PATH | recursive;
    let pointer = path.as_ptr().expose_provenance();
    let arguments = [number(directory), pointer, flags as usize, 0, 0];
    // SAFETY: the path is NUL-terminated and only read.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_open_tree, arguments) }?)
}

/// A context in which a filesystem of this name is made. fsopen(2), Linux 5.2.
///
/// # Errors
/// ENODEV when the kernel has none of that name, EPERM.
pub fn open_filesystem(name: &CStr) -> Result<Descriptor, Errno> {
    let pointer = name.as_ptr().expose_provenance();
    let arguments = [pointer, kernel::FSOPEN_CLOEXEC as usize, 0, 0, 0];
    // SAFETY: the name is NUL-terminated and only read.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_fsopen, arguments) }?)
}

/// A detached mount of the filesystem that was made in `context`, with attributes `MOUNT_ATTR_*`. fsmount(2).
///
/// # Errors
/// EPERM, ENOSPC.
pub fn mount_filesystem(context: BorrowedFd<'_>, attributes: u8) -> Result<Descriptor, Errno> {
    let flags = kernel::FSMOUNT_CLOEXEC as usize;
    let arguments = [number(context), flags, attributes.into(), 0, 0];
    // SAFETY: a descriptor and flags, no pointers.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_fsmount, arguments) }?)
}

/// `struct mount_attr`. Source: mount_setattr(2).
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Sets the attribute bits `set` (`MOUNT_ATTR_*`) and, unless 0, the propagation (`MS_SHARED`, …) of the
/// mount at `path` below `directory` and of every mount below it. mount_setattr(2), Linux 5.12.
///
/// # Errors
/// EINVAL, EPERM, or those of resolving a path.
pub fn set_tree_attributes(
    directory: BorrowedFd<'_>,
    path: &CStr,
    set: u8,
    propagation: u64,
) -> Result<(), Errno> {
    let plain = MountAttributes { set: set.into(), clear: 0, propagation, user_namespace: 0 };
    set_attributes(directory, path, Depth::All, &plain)
}

/// The same for one mount alone.
///
/// # Errors
/// As above.
pub fn set_mount_attributes(mount: BorrowedFd<'_>, set: u8) -> Result<(), Errno> {
    let plain = MountAttributes { set: set.into(), clear: 0, propagation: 0, user_namespace: 0 };
    set_attributes(mount, c"", Depth::One, &plain)
}

/// The same for a detached tree whose files get other owners: those that the user namespace `users` maps theirs to.
/// MOUNT_ATTR_IDMAP, Linux 5.12.
///
/// # Errors
/// EINVAL where a filesystem of it cannot do that, EPERM where the caller is not root.
pub fn map_tree(
    tree: BorrowedFd<'_>,
    set: u8,
    propagation: u64,
    users: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let set = u64::from(set) | u64::from(kernel::MOUNT_ATTR_IDMAP);
    let user_namespace = number(users) as u64;
    let mapped = MountAttributes { set, clear: 0, propagation, user_namespace };
    set_attributes(tree, c"", Depth::All, &mapped)
}

fn set_attributes(
    directory: BorrowedFd<'_>,
    path: &CStr,
    depth: Depth,
    attributes: &MountAttributes,
) -> Result<(), Errno> {
    let recursive = if depth == Depth::All { kernel::AT_RECURSIVE } else { 0 };
    let arguments = [
        number(directory),
        path.as_ptr().expose_provenance(),
        (kernel::AT_EMPTY_PATH | recursive) as usize,
        core::ptr::from_ref(attributes).expose_provenance(),
        size_of::<MountAttributes>(),
    ];
    // SAFETY: a NUL-terminated path and a structure of the stated size, both only read.
    unsafe { syscall(kernel::__NR_mount_setattr, arguments) }.map(drop)
}

/// The kernel's number of a namespace of mounts. ioctl_nsfs(2), NS_GET_MNTNS_ID, Linux 6.11.
///
/// # Errors
/// ENOTTY: an older kernel, or no such namespace.
pub fn namespace_number(namespace: BorrowedFd<'_>) -> Result<u64, Errno> {
    // _IOR(0xb7, 5, u64), the same on all machines. Source: linux/nsfs.h.
    const NS_GET_MNTNS_ID: usize = 0x8008_b705;
    let mut answer = 0_u64;
    let pointer = (&raw mut answer).expose_provenance();
    let arguments = [number(namespace), NS_GET_MNTNS_ID, pointer, 0, 0];
    // SAFETY: the kernel writes one u64.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }?;
    Ok(answer)
}
