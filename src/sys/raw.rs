//! The system call instruction of each machine.

#[cfg(not(miri))]
use core::arch::asm;

use crate::text::errno::Errno;

/// Up to five arguments of a call; unused ones are zero. No call of ours has six.
pub type Arguments = [usize; 5];

/// Makes system call `number`.
///
/// # Errors
/// The errno that the kernel answered.
///
/// # Safety
/// Pointers among the arguments are valid for what the call reads and writes, and were exposed; what the call
/// does to the process keeps Rust's rules (no other thread, no memory unmapped under a reference).
#[inline(always)]
pub unsafe fn syscall(number: u32, arguments: Arguments) -> Result<usize, Errno> {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the caller's promise is this function's. The split keeps the arguments in registers: an array
    // handed to a function that is not inlined would be built in memory at each of forty places.
    let answer = unsafe { instruction(number, a, b, c, d, e) };
    decode(answer)
}

/// The kernel answers errors as -4095..=-1. The sign tells: nothing that a call of ours counts is that large, and the one
/// address, mremap(2)'s, is in the lower half, where all memory of processes is.
fn decode(answer: usize) -> Result<usize, Errno> {
    if answer.cast_signed() < 0 {
        return Err(Errno(answer.wrapping_neg() as i32));
    }
    Ok(answer)
}

/// Miri has no system calls, but knows libc's mremap(2).
///
/// # Safety
/// See `syscall`.
#[cfg(miri)]
unsafe fn instruction(number: u32, a: usize, b: usize, c: usize, d: usize, _: usize) -> usize {
    unsafe extern "C" {
        fn mremap(old: *mut u8, bytes: usize, wanted: usize, flags: i32, ...) -> *mut u8;
    }
    assert_eq!(number, linux_raw_sys::general::__NR_mremap, "Miri has no such call");
    // SAFETY: the caller's promise.
    unsafe { mremap(core::ptr::with_exposed_provenance_mut(a), b, c, d as i32) }.expose_provenance()
}

/// # Safety
/// See `syscall`.
#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe fn instruction(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> usize {
    let answer: usize;
    // SAFETY: the convention of syscall(2); the instruction overwrites rcx and r11 and keeps all other registers. Flags
    // and memory count as changed, since no option denies it; the red zone stays as it is.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => answer,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    answer
}

/// # Safety
/// See `syscall`.
#[cfg(all(target_arch = "aarch64", not(miri)))]
unsafe fn instruction(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> usize {
    let answer: usize;
    // SAFETY: the convention of syscall(2); the kernel keeps all registers but x0. Flags and memory count as changed,
    // since no option denies it.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number as usize,
            inlateout("x0") a => answer,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e,
            options(nostack),
        );
    }
    answer
}
