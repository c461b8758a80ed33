//! Files of one process, below /proc/PID. proc(5).

use rustix::fs::CWD;

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::Pid;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Writes `text` with one write to a file of /proc/PID.
///
/// # Errors
/// The call that failed.
pub fn write_file(pid: Pid, name: &str, text: &[u8]) -> Result<(), CallError> {
    let file = open_of(pid, name, OpenFlags::WRITE).map_err(Call::Openat.failed())?;
    rustix::io::write(&file, text).map_err(Call::Write.failed())?;
    Ok(())
}

/// Opens a file of /proc/PID.
///
/// # Errors
/// Those of openat(2).
pub fn open_of(pid: Pid, name: &str, flags: OpenFlags) -> Result<Descriptor, Errno> {
    open(CWD, path_of(pid, name).as_path(), flags)
}

/// The path of a file of /proc/PID.
pub fn path_of(pid: Pid, name: &str) -> Line {
    let mut path = Line::new();
    path.text("/proc/").number(pid.0.unsigned_abs().into()).text("/").text(name);
    path
}
