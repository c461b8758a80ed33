//! `initsh`, `sh`, `rootlet sh`: the shell.

use core::ffi::CStr;

use initsh::Shell;
use initsh::limits::MEMORY_BYTES;

#[cfg(feature = "boot")]
use super::applets::BUILTINS;
use crate::report;
use crate::run::shell_host::ShellHost;
use crate::sys::memory::Memory;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::call::{Call, CallError};

/// Without the role that mounts and loads modules there is little that a host could do.
#[cfg(not(feature = "boot"))]
const BUILTINS: crate::run::shell_host::Builtins =
    crate::run::shell_host::Builtins { names: b"", perform: |_, _| 0 };

/// Runs a script, or the commands of standard input.
#[inline(never)]
pub fn shell(name: &'static CStr, vectors: Vectors, arguments: Strings<'static>) -> i32 {
    let mut mapped = Memory::new(MEMORY_BYTES);
    let memory = match &mut mapped {
        Ok(memory) => memory.bytes().first_chunk_mut(),
        Err(errno) => {
            return report::failed_call(CallError { call: Call::Mmap, errno: *errno }, b"sh");
        }
    };
    let mut host = ShellHost::new(name, arguments, vectors.environment, &BUILTINS);
    memory.map_or(1, |memory| Shell::new(&mut host, memory, MEMORY_BYTES).run())
}
