//! Calls that a shell needs: descriptors by their numbers, times.

use core::ffi::{CStr, c_char};
use core::ptr::null;

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::borrow;
use super::process;
use super::raw::syscall;
use super::vectors::Strings;
use crate::text::errno::Errno;

const TOO_BIG: Errno = Errno(7);

/// read(2)
///
/// # Errors
/// Those of read(2).
pub fn read(number: i32, room: &mut [u8]) -> Result<usize, Errno> {
    let pointer = room.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes at most that many bytes.
    unsafe { syscall(kernel::__NR_read, [number as usize, pointer, room.len(), 0, 0]) }
}

/// write(2)
///
/// # Errors
/// Those of write(2).
pub fn write(number: i32, bytes: &[u8]) -> Result<usize, Errno> {
    let pointer = bytes.as_ptr().expose_provenance();
    // SAFETY: the kernel reads that many bytes.
    unsafe { syscall(kernel::__NR_write, [number as usize, pointer, bytes.len(), 0, 0]) }
}

/// Moves the position by `offset`. lseek(2), SEEK_CUR
///
/// # Errors
/// ESPIPE, EBADF.
pub fn seek(number: i32, offset: i64) -> Result<usize, Errno> {
    let arguments = [number as usize, offset as usize, kernel::SEEK_CUR as usize, 0, 0];
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_lseek, arguments) }
}

/// openat(2) with `O_*` flags; a new file gets mode 0666 without the umask's bits.
///
/// # Errors
/// Those of openat(2).
pub fn open(path: &CStr, flags: u32) -> Result<i32, Errno> {
    let pointer = path.as_ptr().expose_provenance();
    let arguments = [kernel::AT_FDCWD as usize, pointer, flags as usize, 0o666, 0];
    // SAFETY: the path is NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_openat, arguments) }.map(|number| number as i32)
}

/// close(2)
#[inline(never)]
pub fn close(number: i32) {
    // SAFETY: a shell's descriptors are numbers that its script names; nothing owns them.
    let _ = unsafe { syscall(kernel::__NR_close, [number as usize, 0, 0, 0, 0]) };
}

/// Makes `to` another name of `from`, also where they are the same. dup3(2)
///
/// # Errors
/// EBADF.
pub fn duplicate(from: i32, to: i32) -> Result<(), Errno> {
    if from == to {
        // SAFETY: no pointers.
        return unsafe { control(from, kernel::F_GETFD, 0) }.map(drop);
    }
    // SAFETY: as in `close`.
    unsafe { syscall(kernel::__NR_dup3, [from as usize, to as usize, 0, 0, 0]) }.map(drop)
}

/// Another name from `least` on, closed on exec. fcntl(2), F_DUPFD_CLOEXEC
///
/// # Errors
/// EBADF, EMFILE.
pub fn duplicate_from(number: i32, least: i32) -> Result<i32, Errno> {
    // SAFETY: no pointers.
    unsafe { control(number, kernel::F_DUPFD_CLOEXEC, least as usize) }.map(|number| number as i32)
}

/// # Safety
/// `argument` is no pointer.
unsafe fn control(number: i32, command: u32, argument: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's promise.
    unsafe { syscall(kernel::__NR_fcntl, [number as usize, command as usize, argument, 0, 0]) }
}

/// Reading end, writing end. pipe2(2)
///
/// # Errors
/// EMFILE, ENFILE.
pub fn pipe() -> Result<(i32, i32), Errno> {
    let mut ends = [0_i32; 2];
    let pointer = ends.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes two numbers.
    unsafe { syscall(kernel::__NR_pipe2, [pointer, 0, 0, 0, 0]) }?;
    let [reading, writing] = ends;
    Ok((reading, writing))
}

/// A file in memory. memfd_create(2)
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM, ENOSYS.
pub fn memory_file(name: &CStr) -> Result<i32, Errno> {
    let arguments = [name.as_ptr().expose_provenance(), 0, 0, 0, 0];
    // SAFETY: the name is NUL-terminated and only read.
    unsafe { syscall(kernel::__NR_memfd_create, arguments) }.map(|number| number as i32)
}

/// Waits until a child ends, stops or goes on; -1 is any, a smaller number any of that group. With `now` only a change
/// that is there already counts. wait4(2)
///
/// # Errors
/// ECHILD, EINTR.
pub fn wait(pid: i32, now: bool) -> Result<Option<(i32, i32)>, Errno> {
    let mut status = 0_i32;
    let options = kernel::WUNTRACED | kernel::WCONTINUED | if now { kernel::WNOHANG } else { 0 };
    let arguments = [pid as usize, (&raw mut status).expose_provenance(), options as usize, 0, 0];
    // SAFETY: the kernel writes four bytes of status; no usage record is asked for.
    match unsafe { syscall(kernel::__NR_wait4, arguments) }? {
        0 => Ok(None),
        pid => Ok(Some((pid as i32, status))),
    }
}

/// The vectors of arguments and environment of a program. `strings` are NUL-terminated, first that many arguments, then
/// the environment; the vectors are made in `room`. Nothing where that is too small.
#[inline(never)]
pub fn vectors<'s>(
    strings: &'s [u8],
    arguments: usize,
    room: &'s mut [u8],
) -> Option<(Strings<'s>, Strings<'s>)> {
    // SAFETY: any bytes are raw pointers, which are not followed before they are written below, and any pointers are bytes.
    let (_, room, _) = unsafe { room.align_to_mut::<*const c_char>() };
    let (mut rest, mut count, mut length, mut environment) = (strings, 0, 0, 0);
    loop {
        if count == arguments {
            *room.get_mut(length)? = null();
            length += 1;
            environment = length;
        }
        let string = CStr::from_bytes_until_nul(rest).ok();
        *room.get_mut(length)? = string.map_or(null(), CStr::as_ptr);
        let Some(string) = string else { break };
        length += 1;
        count += 1;
        rest = rest.get(string.count_bytes() + 1..).unwrap_or_default();
    }
    let (first, second) = room.get(..=length)?.split_at_checked(environment)?;
    // SAFETY: but for the null, each leads to a string in `strings`, which is borrowed for as long as they are.
    let first = unsafe { Strings::of_vector(first) }?;
    // SAFETY: as above.
    Some((first, unsafe { Strings::of_vector(second) }?))
}

/// Becomes `program`; the rest is that of `vectors`. Returns only when that failed: E2BIG also where the room is too
/// small. execve(2)
pub fn execute(program: &CStr, strings: &[u8], arguments: usize, room: &mut [u8]) -> Errno {
    match vectors(strings, arguments, room) {
        Some((arguments, environment)) => process::execute(program, arguments, environment),
        None => TOO_BIG,
    }
}

/// Hundredths of seconds: user and system, our own and those of children that were waited for. times(2)
#[must_use]
pub fn times() -> [u64; 4] {
    let mut ticks = [0_u64; 4];
    let pointer = ticks.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes four numbers.
    let _ = unsafe { syscall(kernel::__NR_times, [pointer, 0, 0, 0, 0]) };
    ticks
}

/// setpgid(2)
///
/// # Errors
/// EACCES, EPERM, ESRCH.
pub fn set_group(pid: i32, group: i32) -> Result<(), Errno> {
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_setpgid, [pid as usize, group as usize, 0, 0, 0]) }.map(drop)
}

/// Lends a descriptor of the shell's, which nobody owns. A negative number, which `BorrowedFd` cannot have, becomes 0.
#[must_use]
pub fn lend(number: i32) -> BorrowedFd<'static> {
    borrow(number.max(0))
}

/// Whether it is a terminal. isatty(3)
#[must_use]
pub fn is_terminal(number: i32) -> bool {
    number >= 0 && rustix::termios::isatty(borrow(number))
}
