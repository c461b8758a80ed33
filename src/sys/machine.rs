//! Swap, loop devices, modules, the kernel's log.

use core::ffi::CStr;

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::number;
use super::raw::syscall;
use crate::text::errno::Errno;

/// Begins to swap to a device or file, with `SWAP_FLAG_*` bits. swapon(2).
///
/// # Errors
/// EINVAL when it is no swap space, EBUSY when it is used already, EPERM.
pub fn swap_on(path: &CStr, flags: u32) -> Result<(), Errno> {
    let arguments = [path.as_ptr().expose_provenance(), flags as usize, 0, 0, 0];
    // SAFETY: the path is NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_swapon, arguments) }.map(drop)
}

/// Ends it. swapoff(2).
///
/// # Errors
/// EINVAL, EPERM, ENOMEM.
pub fn swap_off(path: &CStr) -> Result<(), Errno> {
    let arguments = [path.as_ptr().expose_provenance(), 0, 0, 0, 0];
    // SAFETY: the path is NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_swapoff, arguments) }.map(drop)
}

/// Takes the file from a loop device. loop(4), LOOP_CLR_FD.
///
/// # Errors
/// ENXIO when it has none.
pub fn detach_loop(device: BorrowedFd<'_>) -> Result<(), Errno> {
    const CLEAR: usize = 0x4c01;
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_ioctl, [number(device), CLEAR, 0, 0, 0]) }.map(drop)
}

/// Loads the module in a file; a compressed one is unpacked by the kernel. finit_module(2).
///
/// # Errors
/// EEXIST: it is loaded already. ENOENT: it needs a symbol that is not there. ENOEXEC: it is no module of this kernel.
/// EOPNOTSUPP or EINVAL: the kernel does not unpack. ENODEV: its device is not there. EPERM, ENOKEY.
pub fn load_module(
    file: BorrowedFd<'_>,
    parameters: &CStr,
    is_compressed: bool,
) -> Result<(), Errno> {
    /// `MODULE_INIT_COMPRESSED_FILE`. Source: linux/module.h.
    const COMPRESSED: usize = 4;
    let flags = if is_compressed { COMPRESSED } else { 0 };
    let arguments = [number(file), parameters.as_ptr().expose_provenance(), flags, 0, 0];
    // SAFETY: the parameters are NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_finit_module, arguments) }.map(drop)
}

/// Removes a module that nothing uses. delete_module(2), O_NONBLOCK.
///
/// # Errors
/// ENOENT: it is not there; EWOULDBLOCK: something uses it or needs it; EBUSY, EPERM.
#[cfg(feature = "shell")]
pub fn remove_module(name: &CStr) -> Result<(), Errno> {
    let flags = kernel::O_NONBLOCK as usize;
    let arguments = [name.as_ptr().expose_provenance(), flags, 0, 0, 0];
    // SAFETY: the name is NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_delete_module, arguments) }.map(drop)
}

/// What is asked of the kernel's log. Source: syslog(2).
#[cfg(feature = "shell")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LogAction {
    /// Its last bytes.
    Read = 3,
    /// The same, which are forgotten then.
    ReadAndClear = 4,
    /// How many bytes it may have.
    Size = 10,
}

/// Reads the kernel's log; gives a number of bytes. syslog(2).
///
/// # Errors
/// EPERM.
#[cfg(feature = "shell")]
pub fn read_log(action: LogAction, room: &mut [u8]) -> Result<usize, Errno> {
    let pointer = room.as_mut_ptr().expose_provenance();
    let length = room.len().min(i32::MAX as usize);
    // SAFETY: the kernel writes at most that many bytes.
    unsafe { syscall(kernel::__NR_syslog, [action as usize, pointer, length, 0, 0]) }
}

/// What is less urgent than this, 1 to 8, does not go to the console. syslog(2), SYSLOG_ACTION_CONSOLE_LEVEL.
///
/// # Errors
/// EPERM, EINVAL.
#[cfg(feature = "shell")]
pub fn set_console_level(level: u8) -> Result<(), Errno> {
    const CONSOLE_LEVEL: usize = 8;
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_syslog, [CONSOLE_LEVEL, 0, level.into(), 0, 0]) }.map(drop)
}
