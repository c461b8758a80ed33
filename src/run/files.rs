//! Small writes: a text into a file, a directory that may be there.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno as KernelErrno;

use crate::sys::descriptor::{OpenFlags, open};
use crate::text::call::{Call, CallError};

/// Writes `text` with one write into the file at `path`, which is there: a file of /proc or /sys takes one at a time.
///
/// # Errors
/// The call that failed.
pub fn write_file(path: &CStr, text: &[u8]) -> Result<(), CallError> {
    let file = open(CWD, path, OpenFlags::WRITE_WITHOUT_WAITING).map_err(Call::Openat.failed())?;
    rustix::io::write(&file, text).map(drop).map_err(Call::Write.failed())
}

/// Makes a directory unless something has its name; its parent is there.
///
/// # Errors
/// The call that failed.
pub fn make_directory(path: &CStr, mode: u16) -> Result<(), CallError> {
    match mkdirat(CWD, path, Mode::from_raw_mode(mode.into())) {
        Ok(()) | Err(KernelErrno::EXIST) => Ok(()),
        Err(errno) => Err(Call::Mkdirat.failed()(errno)),
    }
}
