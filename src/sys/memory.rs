//! Memory for a while. mmap(2), munmap(2).

use core::ptr::null_mut;

use linux_raw_sys::general as kernel;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::raw::syscall;
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

    /// The same, only to be read.
    #[cfg(feature = "shell")]
    #[must_use]
    pub const fn view(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts(self.start, self.length) }
    }

    /// Makes it twice as long as it is, until it has that many bytes at least; it may move. mremap(2).
    ///
    /// # Errors
    /// ENOMEM; it stays as it is then.
    #[cfg(feature = "shell")]
    #[inline(never)]
    pub fn reach(&mut self, length: usize) -> Result<(), Errno> {
        let mut longer = self.length;
        while longer < length {
            longer = longer.saturating_mul(2);
        }
        if longer > self.length {
            let may_move = kernel::MREMAP_MAYMOVE as usize;
            let arguments = [self.start.expose_provenance(), self.length, longer, may_move, 0];
            // SAFETY: the whole of what was mapped, which nothing borrows while this can be changed.
            let moved = unsafe { syscall(kernel::__NR_mremap, arguments) }?;
            self.start = core::ptr::with_exposed_provenance_mut(moved);
            self.length = longer;
        }
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing borrows it any more.
        let _ = unsafe { munmap(self.start.cast(), self.length) };
    }
}

/// Below what is in use of the stack: the red zone of an interrupted function, and what this one takes itself.
const IN_USE_BYTES: usize = 512;
/// As deep as the stack may have been before.
const STACK_BYTES: usize = 512 * 1024;

/// Gives pages of the stack back that nobody uses any more: whoever waits for long has been deeper before. madvise(2)
#[inline(never)]
pub fn release_stack() {
    let here = 0_u8;
    let end = ((&raw const here).expose_provenance() - IN_USE_BYTES) & !(PAGE_BYTES - 1);
    let arguments = [end - STACK_BYTES, STACK_BYTES, kernel::MADV_DONTNEED as usize, 0, 0];
    // SAFETY: below the stack pointer and its red zone nothing is in use; a stack has one such side, and we have one
    // stack. Where it is not as deep nothing is mapped, which the kernel passes over.
    let _ = unsafe { syscall(kernel::__NR_madvise, arguments) };
}

/// Of the smallest pages that there are; a stretch that is not whole pages would be refused, and nothing released.
const PAGE_BYTES: usize = 4096;
