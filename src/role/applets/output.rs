//! What a built-in writes to standard output, in pieces of a page.

use crate::sys::descriptor::write_all;
use crate::sys::standard;
use crate::text::errno::Errno;

/// Bytes that are written at once.
const PIECE_BYTES: usize = 4096;

/// Bytes on their way to standard output.
pub struct Output {
    bytes: [u8; PIECE_BYTES],
    length: usize,
    /// Why something could not be written; nothing more is written then.
    pub failed: Option<Errno>,
}

impl Output {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { bytes: [0; PIECE_BYTES], length: 0, failed: None }
    }

    /// Appends bytes.
    #[inline(never)]
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.length == PIECE_BYTES {
                self.flush();
            }
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = *byte;
                self.length += 1;
            }
        }
    }

    /// Writes what has been appended.
    #[inline(never)]
    pub fn flush(&mut self) {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        if self.failed.is_none() {
            self.failed = write_all(standard::output(), bytes).err();
        }
        self.length = 0;
    }

    /// Writes bytes of which there are many, behind what has been appended.
    pub fn pass(&mut self, bytes: &[u8]) {
        self.flush();
        if self.failed.is_none() {
            self.failed = write_all(standard::output(), bytes).err();
        }
    }
}
