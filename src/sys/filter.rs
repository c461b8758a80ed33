//! Filters of system calls.

use linux_raw_sys::general as kernel;

use super::raw::syscall;
use crate::text::errno::Errno;

/// `struct sock_fprog`: how many instructions, and where. Source: linux/filter.h.
#[repr(C)]
struct Program {
    count: u16,
    instructions: *const u8,
}

/// Has every system call of this process and of all that it starts go through a filter: instructions of classic BPF,
/// eight bytes each. seccomp(2), SECCOMP_SET_MODE_FILTER.
///
/// # Errors
/// EACCES without no_new_privs and CAP_SYS_ADMIN, EINVAL for a bad program, ENOMEM, ENOSYS.
pub fn install(instructions: &[u8]) -> Result<(), Errno> {
    const SET_MODE_FILTER: usize = 1;
    let count = u16::try_from(instructions.len() / 8).map_err(|_| Errno::INVAL)?;
    let program = Program { count, instructions: instructions.as_ptr() };
    let pointer = (&raw const program).expose_provenance();
    program.instructions.expose_provenance();
    // SAFETY: the kernel reads one struct sock_fprog and `count` instructions, which need no alignment: it copies them.
    unsafe { syscall(kernel::__NR_seccomp, [SET_MODE_FILTER, 0, pointer, 0, 0]) }.map(drop)
}
