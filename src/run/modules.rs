//! Modules of the kernel, from their files into the kernel. init_module(2).

use core::ffi::CStr;

use rustix::fs::CWD;

use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::machine::load_module;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Loads the module in the file at `path`, with parameters `NAME=VALUE …`. One that is there already is no failure.
/// A compressed file is the kernel's to unpack (Linux 5.17, CONFIG_MODULE_DECOMPRESS).
///
/// # Errors
/// The call that failed.
pub fn insert(path: &CStr, parameters: &CStr) -> Result<(), CallError> {
    let file = open(CWD, path, OpenFlags::READ).map_err(Call::Openat.failed())?;
    let is_compressed = !path.to_bytes().ends_with(b".ko");
    match load_module(file.as_fd(), parameters, is_compressed) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(CallError { call: Call::FinitModule, errno }),
    }
}
