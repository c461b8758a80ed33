//! A whole text file read into an arena.

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, fstat};
use rustix::io::read;

use crate::input::refusal::{Cause, Reason};
use crate::sys::descriptor::{Descriptor, OpenFlags, open, open_below};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Reads a regular file: one that the caller named, or one below `root`, whose links are foreign and never
/// lead out of it. `None` when it does not exist.
///
/// # Errors
/// The call that failed, a file that is not regular, or one that the arena cannot hold.
pub fn read_text<'a>(
    root: Option<&Descriptor>,
    path: &CStr,
    arena: &mut Arena<'a>,
) -> Result<Option<&'a [u8]>, Cause> {
    let failed = |call: Call| move |errno| Cause::Call(CallError { call, errno });
    let (named, call) = match root {
        None => (open(CWD, path, OpenFlags::PATH), Call::Openat),
        Some(root) => (open_below(root.as_fd(), path, OpenFlags::PATH), Call::Openat2),
    };
    let named = match named {
        Err(Errno::NOENT) => return Ok(None),
        answer => answer.map_err(failed(call))?,
    };
    // A container may have left a device where its next one looks for users: to open one is to use it.
    let status = fstat(&named).map_err(Errno::from).map_err(failed(Call::Fstat))?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Cause::Reason(Reason::NotRegular));
    }
    let mut path = Line::new();
    named.append_path(&mut path);
    let file = open(CWD, path.as_path(), OpenFlags::READ);
    let file = file.map_err(failed(Call::Openat))?;
    let text = arena.fill(|room| read(&file, room));
    let text = text.map_err(Errno::from).map_err(failed(Call::Read))?;
    text.map(Some).ok_or(Cause::Reason(Reason::TextFull))
}
