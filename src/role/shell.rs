//! `initsh`, `sh`, `rootlet sh`: the shell.

use core::ffi::CStr;

use initsh::Shell;
use initsh::limits::MEMORY_BYTES;

#[cfg(feature = "boot")]
use super::applets::BUILTINS;
use crate::input::arguments::Manual;
use crate::report;
use crate::run::shell_host::ShellHost;
use crate::sys::memory::Memory;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::call::{Call, CallError};
use crate::text::packed::packed;

/// Without the role that mounts and loads modules there is little that a host could do.
#[cfg(not(feature = "boot"))]
const BUILTINS: crate::run::shell_host::Builtins =
    crate::run::shell_host::Builtins { names: b"", perform: |_, _| 0 };

const MANUAL: Manual = Manual(packed!(
    "\
usage: rootlet sh [options] [SCRIPT | -c COMMANDS [NAME]] [ARG...]

A POSIX shell. Without SCRIPT and -c it reads commands from standard input; its
command help names what it does itself.

  -c COMMANDS  these are the script, NAME is $0
  -e           a command that fails ends it
  -i           it talks with a person, as ever on a terminal
  -n           it only reads the script
  -o NAME      an option of set by its name; -o alone tells all of them
  -s           standard input is the script, all words are its arguments
  -u           what has no value is an error
  -x           each command is told before it is run
      --help   print this help"
));

/// Runs a script, or the commands of standard input.
#[inline(never)]
pub fn shell(name: &'static CStr, vectors: Vectors, arguments: Strings<'static>) -> i32 {
    let mut words = arguments;
    if words.next() == Some(c"--help") {
        return report::help(MANUAL.0);
    }
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
