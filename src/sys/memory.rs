//! Memory for a while. mmap(2), munmap(2).

use core::ptr::null_mut;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::text::errno::Errno;

/// Bytes of our own, all zero at first, which the kernel gets back in the end.
pub struct Memory {
    start: *mut u8,
    length: usize,
}

impl Memory {
    /// That many bytes. Pages that are not touched take no memory.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new(length: usize) -> Result<Self, Errno> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the kernel finds the place, so nothing of ours is there.
        let start = unsafe { mmap_anonymous(null_mut(), length, access, flags) }?;
        Ok(Self { start: start.cast(), length })
    }

    /// The bytes.
    pub const fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: that many bytes were mapped there and are nobody else's; they live as long as this does.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing borrows it any more.
        let _ = unsafe { munmap(self.start.cast(), self.length) };
    }
}
