//! Programs of extended BPF for the devices of a cgroup.

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;

/// Commands, the type of a program, where it is attached, and that it holds beside those of the cgroups above.
/// Source: linux/bpf.h.
const PROG_LOAD: usize = 5;
const PROG_ATTACH: usize = 8;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// The first fields of `union bpf_attr` for BPF_PROG_LOAD.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log: [u64; 2],
    version_and_flags: u64,
}

/// Its fields for BPF_PROG_ATTACH.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

/// Has the kernel check a program: instructions of extended BPF, eight bytes each. bpf(2), BPF_PROG_LOAD.
///
/// # Errors
/// EPERM without CAP_BPF, EINVAL for a bad program, ENOSYS where the kernel has none.
pub fn load_device_program(instructions: &[u8]) -> Result<Descriptor, Errno> {
    let arguments = Load {
        kind: PROG_TYPE_CGROUP_DEVICE,
        count: (instructions.len() / 8) as u32,
        instructions: instructions.as_ptr().expose_provenance() as u64,
        // It calls nothing of the kernel's, so its licence does not matter.
        license: c"MIT".as_ptr().expose_provenance() as u64,
        log: [0; 2],
        version_and_flags: 0,
    };
    let pointer = (&raw const arguments).expose_provenance();
    // SAFETY: a structure of the stated size, with pointers to that many instructions and to a string, all only read.
    let answer =
        unsafe { syscall(kernel::__NR_bpf, [PROG_LOAD, pointer, size_of::<Load>(), 0, 0]) };
    Descriptor::from_answer(answer?)
}

/// Has it asked for every device that a process of the cgroup opens or makes. bpf(2), BPF_PROG_ATTACH.
///
/// # Errors
/// EPERM where a cgroup above allows no further programs, EINVAL, ENOMEM.
pub fn attach_device_program(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    let arguments = Attach {
        target: number(cgroup) as u32,
        program: number(program) as u32,
        kind: CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    let pointer = (&raw const arguments).expose_provenance();
    // SAFETY: a structure of the stated size, only read.
    unsafe { syscall(kernel::__NR_bpf, [PROG_ATTACH, pointer, size_of::<Attach>(), 0, 0]) }
        .map(drop)
}
