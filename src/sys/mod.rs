//! System calls that rustix lacks. The only `unsafe` of the library.

#![allow(unsafe_code, reason = "system calls; every other module forbids it")]

mod raw;

pub mod clock;
pub mod descriptor;
pub mod directory;
pub mod process;
#[cfg(feature = "run")]
pub mod processors;
pub mod signal;
pub mod standard;
pub mod terminal;
pub mod vectors;

#[cfg(feature = "run")]
pub mod bpf;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod filesystem;
#[cfg(feature = "run")]
pub mod filter;
#[cfg(feature = "enter")]
pub mod inotify;
#[cfg(feature = "run")]
pub mod landlock;
#[cfg(feature = "boot")]
pub mod machine;
#[cfg(any(feature = "run", feature = "shell"))]
pub mod memory;
#[cfg(feature = "run")]
pub mod mount;
#[cfg(feature = "see")]
pub mod mount_table;
#[cfg(feature = "see")]
pub mod namespace;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod network;
#[cfg(any(feature = "run", feature = "boot", feature = "shell"))]
pub mod poll;
#[cfg(any(feature = "run", feature = "boot", feature = "shell"))]
pub mod signal_file;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod socket;

#[cfg(feature = "shell")]
pub mod shell;

#[cfg(feature = "boot")]
pub mod uevent;

use crate::text::errno::Errno;

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.raw_os_error())
    }
}
