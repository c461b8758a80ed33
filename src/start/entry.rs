//! `_start` of each machine: hands the initial stack to Rust. execve(2)

use core::arch::naked_asm;
use core::ffi::c_char;

use rootlet::role::{self, Memory};

/// All bounded tables of all roles, in `.bss`: pages that no role touches cost nothing.
static mut MEMORY: Memory = Memory::new();

#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",   // the outermost frame
        "mov rdi, rsp",   // argc, argv, NULL, envp, NULL lie here
        "and rsp, -16",   // the ABI wants 16-byte alignment before a call
        "call {main}",
        "ud2",
        main = sym main,
    )
}

#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "mov x29, #0",    // the outermost frame
        "mov x30, #0",
        "mov x0, sp",     // argc, argv, NULL, envp, NULL lie here; sp is aligned by the kernel
        "b {main}",
        main = sym main,
    )
}

/// # Safety
/// `stack` is the initial stack pointer as the kernel leaves it for a new program.
unsafe extern "C" fn main(stack: *const usize) -> ! {
    // SAFETY: the kernel puts argc at the stack pointer.
    let argc = unsafe { stack.read() };
    // SAFETY: argv follows argc on the same stack: argc pointers and a null.
    let argv = unsafe { stack.add(1) }.cast::<*const c_char>();
    // SAFETY: the environment follows argv's null.
    let envp = unsafe { argv.add(argc + 1) };
    // SAFETY: both arrays end in a null, the auxiliary vector follows, and all of it lives as long as the process; only
    // `Vectors` changes it.
    let vectors = unsafe { rootlet::sys::vectors::Vectors::new(argv, envp) };
    // Hidden, so that it is reached through a register instead of by its long address at each place.
    let memory = core::hint::black_box(&raw mut MEMORY);
    // SAFETY: main runs once, on the only thread; nothing else names MEMORY.
    let memory = unsafe { &mut *memory };
    let status = role::dispatch(vectors, memory);
    rootlet::sys::process::exit(status)
}
