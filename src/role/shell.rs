//! `initsh`, `sh`, `rootlet sh`: the shell.

use core::ffi::CStr;

use initsh::Shell;
use initsh::limits::MEMORY_BYTES;

use crate::report;
use crate::run::shell_host::ShellHost;
use crate::sys::memory::Memory;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::call::{Call, CallError};

/// Runs a script, or the commands of standard input.
#[inline(never)]
pub fn shell(name: &'static CStr, vectors: Vectors, arguments: Strings<'static>) -> i32 {
    let mut memory = match Memory::new(MEMORY_BYTES) {
        Ok(memory) => memory,
        Err(errno) => return report::failed_call(CallError { call: Call::Mmap, errno }, b"sh"),
    };
    let mut host = ShellHost::new(name, arguments, vectors.environment);
    Shell::new(&mut host, memory.bytes()).run()
}
