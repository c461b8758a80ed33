//! System calls that rustix lacks. The only `unsafe` of the library.

#![allow(unsafe_code, reason = "system calls; every other module forbids it")]

mod raw;

pub mod clock;
pub mod descriptor;
pub mod directory;
pub mod process;
pub mod signal;
pub mod standard;
pub mod terminal;
pub mod vectors;

#[cfg(feature = "run")]
pub mod mount;
#[cfg(feature = "run")]
pub mod network;
#[cfg(feature = "run")]
pub mod poll;
#[cfg(feature = "run")]
pub mod signal_file;
#[cfg(feature = "run")]
pub mod socket;

use crate::text::errno::Errno;

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.raw_os_error())
    }
}
