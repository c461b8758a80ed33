//! Names in a directory, path of the working directory. getdents64(2)

#[cfg(any(feature = "run", feature = "boot", feature = "shell"))]
use core::ffi::CStr;

use linux_raw_sys::general as kernel;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Room for the entries of one call; they are of 24 bytes or more.
const BUFFER_BYTES: usize = 1024;

/// Bytes of an entry before its name: inode, offset, length, type. Source: getdents64(2).
const HEAD_BYTES: usize = 19;
/// Where among them the entry's length stands.
const LENGTH_AT: usize = 16;

/// Writes the path of the working directory and its NUL; gives their length in bytes. getcwd(2).
///
/// # Errors
/// ENOENT: it has been removed; ERANGE: it does not fit.
#[cfg(any(feature = "run", feature = "shell"))]
pub fn write_current(room: &mut [u8]) -> Result<usize, Errno> {
    let arguments = [room.as_mut_ptr().expose_provenance(), room.len(), 0, 0, 0];
    // SAFETY: the kernel writes at most that many bytes.
    unsafe { syscall(kernel::__NR_getcwd, arguments) }
}

/// Calls `act` for each name in an open directory but `.` and `..`, as long as it answers true. Whether the listing
/// was left in between: false when it ended or cannot be read.
#[cfg(any(feature = "run", feature = "boot"))]
pub fn for_each_name(directory: &Descriptor, act: &mut dyn FnMut(&CStr) -> bool) -> bool {
    each_name(directory, act).unwrap_or(false)
}

/// The same for callers that must know whether everything could be read.
///
/// # Errors
/// Those of getdents64(2).
#[cfg(any(feature = "run", feature = "boot"))]
pub fn each_name(
    directory: &Descriptor,
    act: &mut dyn FnMut(&CStr) -> bool,
) -> Result<bool, Errno> {
    for_each_entry(directory, &mut |entry| {
        let name = CStr::from_bytes_until_nul(entry).unwrap_or_default();
        matches!(name.to_bytes(), b"." | b"..") || act(name)
    })
}

/// Calls `act` for each name in an open directory that is a number: processes and descriptors in /proc, whose numbers
/// fit. What cannot be read is left out.
pub fn for_each_number(directory: &Descriptor, act: &mut dyn FnMut(i32)) {
    let _ = for_each_entry(directory, &mut |entry| {
        if let Some(number) = parse_u64(parts(entry, 0).skip_to(0)) {
            act(number as i32);
        }
        true
    });
}

/// Calls `act` for each entry from its name on; NULs stand behind that.
#[cfg_attr(any(feature = "run", feature = "boot"), inline(never))]
fn for_each_entry(
    directory: &Descriptor,
    act: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, Errno> {
    let mut buffer = [0_u8; BUFFER_BYTES];
    loop {
        let pointer = buffer.as_mut_ptr().expose_provenance();
        let arguments = [number(directory.as_fd()), pointer, BUFFER_BYTES, 0, 0];
        // SAFETY: the kernel writes at most that many bytes.
        let length = unsafe { syscall(kernel::__NR_getdents64, arguments) }?;
        let mut entries = buffer.get(..length).unwrap_or(&[]);
        if entries.is_empty() {
            return Ok(false);
        }
        while let Some((entry, rest)) = first(entries) {
            if !act(entry) {
                return Ok(true);
            }
            entries = rest;
        }
    }
}

/// The first entry from its name on, and the entries behind it.
fn first(entries: &[u8]) -> Option<(&[u8], &[u8])> {
    let [low, high] = *entries.get(LENGTH_AT..)?.first_chunk()?;
    let (entry, rest) = entries.split_at_checked(u16::from_ne_bytes([low, high]).into())?;
    Some((entry.get(HEAD_BYTES..)?, rest))
}

/// Writes the next names of an open directory, each with its NUL; gives the number of bytes: 0 at the end, or where it
/// cannot be read. All fit into a room of `BUFFER_BYTES`.
#[cfg(feature = "shell")]
pub fn read_names(directory: i32, room: &mut [u8]) -> usize {
    let mut buffer = [0_u8; BUFFER_BYTES];
    let pointer = buffer.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes at most that many bytes.
    let length = unsafe {
        syscall(kernel::__NR_getdents64, [directory as usize, pointer, BUFFER_BYTES, 0, 0])
    };
    let mut entries = buffer.get(..length.unwrap_or(0)).unwrap_or_default();
    let (mut places, mut written) = (room.iter_mut(), 0);
    // The name comes first in `zip`: the first of two iterators loses an element when the second has ended.
    while let Some((entry, rest)) = first(entries) {
        let name = CStr::from_bytes_until_nul(entry).unwrap_or_default();
        for (byte, place) in name.to_bytes_with_nul().iter().zip(places.by_ref()) {
            *place = *byte;
            written += 1;
        }
        entries = rest;
    }
    written
}
