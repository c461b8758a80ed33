//! Files read into a buffer: whole, their start, or line by line.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
#[cfg(feature = "run")]
use rustix::fs::{AtFlags, statat};

use crate::sys::descriptor::{OpenFlags, open};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::parts::parts;

/// Reads the file at `path` below `directory` to its end, and gives what it holds.
///
/// # Errors
/// The call that failed; EFBIG for a file that the buffer cannot hold with one byte to spare.
pub fn read_file<'b>(
    directory: BorrowedFd<'_>,
    path: &CStr,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], CallError> {
    let length = buffer.len();
    let text = read_start(directory, path, buffer)?;
    if text.len() == length {
        return Err(CallError { call: Call::Read, errno: Errno::FBIG });
    }
    Ok(text)
}

/// The same for a file of which the buffer may hold the beginning alone.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn read_start<'b>(
    directory: BorrowedFd<'_>,
    path: &CStr,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], CallError> {
    let file = open(directory, path, OpenFlags::READ).map_err(Call::Openat.failed())?;
    let mut length = 0;
    loop {
        let room = buffer.get_mut(length..).unwrap_or_default();
        // Nothing is read where there is no room.
        match rustix::io::read(&file, room).map_err(Call::Read.failed())? {
            0 => return Ok(buffer.get(..length).unwrap_or_default()),
            count => length += count,
        }
    }
}

/// The number of the file that a path leads to; a namespace's file has the namespace's own.
///
/// # Errors
/// Those of stat(2).
#[cfg(feature = "run")]
#[inline(never)]
pub fn number_at(from: BorrowedFd<'_>, path: &CStr) -> Result<u64, Errno> {
    Ok(statat(from, path, AtFlags::empty())?.st_ino)
}

/// Calls `act` for each line, but for empty ones, of a regular file or one of /proc, of any length. A line that is longer
/// than the buffer comes in pieces.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn for_each_line(
    path: &CStr,
    buffer: &mut [u8],
    act: &mut dyn FnMut(&[u8]),
) -> Result<(), CallError> {
    let file = open(rustix::fs::CWD, path, OpenFlags::READ).map_err(Call::Openat.failed())?;
    let mut kept = 0;
    loop {
        let room = buffer.get_mut(kept..).unwrap_or_default();
        let count = rustix::io::read(&file, room).map_err(Call::Read.failed())?;
        let filled = kept + count;
        let text = buffer.get(..filled).unwrap_or_default();
        let end = match text.iter().rposition(|byte| *byte == b'\n') {
            Some(last) if count > 0 => last + 1,
            // The end of the file, or a line that is too long: these files are never read short within a line.
            _ => filled,
        };
        for line in parts(text.get(..end).unwrap_or_default(), b'\n') {
            if !line.is_empty() {
                act(line);
            }
        }
        if count == 0 {
            return Ok(());
        }
        kept = filled.saturating_sub(end);
        for at in 0..kept {
            let byte = buffer.get(end + at).copied();
            if let (Some(byte), Some(place)) = (byte, buffer.get_mut(at)) {
                *place = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;

    #[test]
    fn lines_are_read_through_a_small_buffer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one\ntwo three\n\nfour\nfive").unwrap();
        let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        for size in [10, 11, 12, 16, 100] {
            let mut lines = Vec::new();
            let mut act = |line: &[u8]| lines.push(String::from_utf8(line.to_vec()).unwrap());
            for_each_line(&path, &mut vec![0; size], &mut act).unwrap();
            assert_eq!(lines, ["one", "two three", "four", "five"], "{size}");
        }
    }

    #[test]
    fn a_file_is_read_whole_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "1234567").unwrap();
        let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(read_file(CWD, &path, &mut buffer), Ok(b"1234567".as_slice()));
        let error = CallError { call: Call::Read, errno: Errno::FBIG };
        assert_eq!(read_file(CWD, &path, &mut [0; 7]), Err(error));
        assert_eq!(read_start(CWD, &path, &mut [0; 7]), Ok(b"1234567".as_slice()));
        assert_eq!(read_start(CWD, &path, &mut [0; 3]), Ok(b"123".as_slice()));
        assert_eq!(read_file(CWD, c"/nope", &mut [0; 7]).unwrap_err().errno, Errno::NOENT);
    }
}
