//! Memory functions that the compiler calls; without libc they are ours.

use core::arch::asm;
use core::ffi::{c_char, c_int};

/// # Safety
/// As memcpy(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { copy_forward(to, from, length) };
    to
}

/// # Safety
/// As memmove(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if (to.addr()).wrapping_sub(from.addr()) >= length {
        // SAFETY: the caller's promise; `to` is not within the source, so nothing is overwritten before it is read.
        unsafe { copy_forward(to, from, length) };
    } else {
        // SAFETY: the caller's promise; `to` is within the source, so the copy begins at the end.
        unsafe { copy_backward(to, from, length) };
    }
    to
}

/// # Safety
/// `length` bytes at `from` can be read, at `to` be written.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_forward(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's promise; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep movsb", inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags));
    }
}

/// # Safety
/// As `copy_forward`.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_backward(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's promise; the direction flag is set for this one instruction, and clear behind it as the ABI
    // wants it. The addresses are those of the last bytes; where there are none nothing is touched.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rcx") length => _,
            inout("rdi") to.wrapping_add(length).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(length).wrapping_sub(1) => _, options(nostack));
    }
}

/// # Safety
/// As memset(3).
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: c_int, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep stosb", inout("rcx") length => _, inout("rdi") to => _, in("al") byte as u8,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// As `copy_forward`.
#[cfg(target_arch = "aarch64")]
unsafe fn copy_forward(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's promise. Written in assembly, or the compiler would call memcpy.
    unsafe {
        asm!("2: cbz {n}, 3f", "ldrb {b:w}, [{f}], #1", "strb {b:w}, [{t}], #1", "sub {n}, {n}, #1", "b 2b", "3:",
            n = inout(reg) length => _, t = inout(reg) to => _, f = inout(reg) from => _, b = out(reg) _,
            options(nostack, preserves_flags));
    }
}

/// # Safety
/// As `copy_forward`.
#[cfg(target_arch = "aarch64")]
unsafe fn copy_backward(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("2: cbz {n}, 3f", "sub {n}, {n}, #1", "ldrb {b:w}, [{f}, {n}]", "strb {b:w}, [{t}, {n}]", "b 2b", "3:",
            n = inout(reg) length => _, t = in(reg) to, f = in(reg) from, b = out(reg) _,
            options(nostack, preserves_flags));
    }
}

/// # Safety
/// As memset(3).
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: c_int, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise. Written in assembly, or the compiler would call memset.
    unsafe {
        asm!("2: cbz {n}, 3f", "strb {b:w}, [{t}], #1", "sub {n}, {n}, #1", "b 2b", "3:",
            n = inout(reg) length => _, t = inout(reg) to => _, b = in(reg) byte,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// As memcmp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> c_int {
    for at in 0..length {
        let (left, right) = (left.wrapping_add(at), right.wrapping_add(at));
        // SAFETY: the caller's promise, `at` being below `length`.
        let a = unsafe { left.read() };
        // SAFETY: as above.
        let b = unsafe { right.read() };
        if a != b {
            return c_int::from(a) - c_int::from(b);
        }
    }
    0
}

/// # Safety
/// As bcmp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { memcmp(left, right, length) }
}

/// # Safety
/// As strlen(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(string: *const c_char) -> usize {
    let mut length = 0;
    loop {
        let place = string.wrapping_add(length);
        // SAFETY: the caller's promise: a NUL ends the string, and `length` has not passed it. Volatile, or the
        // compiler would call strlen.
        if unsafe { place.read_volatile() } == 0 {
            return length;
        }
        length += 1;
    }
}
