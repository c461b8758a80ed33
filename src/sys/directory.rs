//! The numbers in a directory: of processes, of descriptors. getdents64(2).

use linux_raw_sys::general as kernel;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Room for the entries of one call; they are of 24 bytes or more.
const BUFFER_BYTES: usize = 1024;

/// Bytes of an entry before its name: inode, offset, length, type. Source: getdents64(2).
const HEAD_BYTES: usize = 19;
/// Where among them the entry's length stands.
const LENGTH_AT: usize = 16;

/// Calls `act` for each name in an open directory that is a number.
pub fn for_each_number(directory: &Descriptor, act: &mut dyn FnMut(i32)) {
    let mut buffer = [0_u8; BUFFER_BYTES];
    loop {
        let pointer = buffer.as_mut_ptr().expose_provenance();
        let arguments = [number(directory.as_fd()), pointer, BUFFER_BYTES, 0, 0];
        // SAFETY: the kernel writes at most that many bytes.
        let length = unsafe { syscall(kernel::__NR_getdents64, arguments) }.unwrap_or(0);
        let mut entries = buffer.get(..length).unwrap_or(&[]);
        if entries.is_empty() {
            return;
        }
        while let Some((entry, rest)) = first(entries) {
            if let Some(number) = parse_u64(entry) {
                act(number as i32);
            }
            entries = rest;
        }
    }
}

/// The name of the first entry, and the entries behind it.
fn first(entries: &[u8]) -> Option<(&[u8], &[u8])> {
    let [low, high] = *entries.get(LENGTH_AT..)?.first_chunk()?;
    let (entry, rest) = entries.split_at_checked(u16::from_ne_bytes([low, high]).into())?;
    Some((parts(entry.get(HEAD_BYTES..)?, 0).skip_to(0), rest))
}
