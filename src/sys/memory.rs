//! Memory from the kernel: for a while, or a list that grows. mmap(2)

use core::ptr::null_mut;

use linux_raw_sys::general as kernel;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::raw::syscall;
use crate::text::errno::Errno;

/// Bytes of our own, all zero at first; the kernel gets them back when this is dropped. munmap(2)
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
        // SAFETY: that many bytes were mapped there, zeroed, and are nobody else's; they live as long as this does.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing borrows it any more.
        let _ = unsafe { munmap(self.start.cast(), self.length) };
    }
}

/// A list that grows: it asks the kernel for memory as it needs it, and keeps that until the process ends. Offsets in it
/// stay right when it grows; addresses do not. One that cannot grow takes nothing more; `has_failed` tells.
#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
pub struct List<T> {
    pages: Pages,
    length: usize,
    of: core::marker::PhantomData<T>,
}

/// The memory of a list.
#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
struct Pages {
    /// `LEAST` bytes before the first item; null until something is appended.
    before: *mut u8,
    bytes: usize,
    has_failed: bool,
}

/// An empty slice too must have an address that is not null and is aligned for its items. Lists are all zero at first, so
/// they keep their address less this number: nobody who looks at one has to ask whether it has pages.
#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
const LEAST: usize = 8;

#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
impl<T> List<T> {
    /// An empty list, all zero.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(align_of::<T>() <= LEAST, "items of a list are aligned to eight bytes at most") };
        let pages = Pages { before: null_mut(), bytes: 0, has_failed: false };
        Self { pages, length: 0, of: core::marker::PhantomData }
    }

    /// Makes room for so many items in all; whether there is.
    pub fn reserve(&mut self, count: usize) -> bool {
        self.pages.reach(count.saturating_mul(size_of::<T>()))
    }

    /// Whether something could not be appended, ever.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.pages.has_failed
    }

    /// Forgets the items behind the first `length`.
    pub const fn truncate(&mut self, length: usize) {
        if length < self.length {
            self.length = length;
        }
    }
}

#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
impl<T: Copy> List<T> {
    /// Appends an item.
    #[inline(never)]
    pub fn push(&mut self, item: T) {
        if self.reserve(self.length + 1) {
            let items = self.pages.start().cast::<T>();
            // SAFETY: `reserve` has mapped one item more than `length`.
            let place = unsafe { items.add(self.length) };
            // SAFETY: the place is ours alone, and aligned: items lie one behind the other from the start of a page.
            unsafe { place.write(item) };
            self.length += 1;
        }
    }

    /// What was appended.
    #[must_use]
    pub const fn items(&self) -> &[T] {
        // SAFETY: so many items were written there, if any, in one mapping; only a list that is borrowed to be changed
        // moves them.
        unsafe { core::slice::from_raw_parts(self.pages.start().cast(), self.length) }
    }

    /// The same, to be changed.
    pub const fn items_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and nobody else borrows them.
        unsafe { core::slice::from_raw_parts_mut(self.pages.start().cast(), self.length) }
    }

    /// The item at `index`; `None` behind the last.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<T> {
        if index >= self.length {
            return None;
        }
        // SAFETY: one of the items that were written there.
        let place = unsafe { self.pages.start().cast::<T>().add(index) };
        // SAFETY: as above, and aligned.
        Some(unsafe { place.read() })
    }

    /// The same, to be changed.
    #[must_use]
    pub fn at_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.length {
            return None;
        }
        // SAFETY: one of the items that were written there.
        let place = unsafe { self.pages.start().cast::<T>().add(index) };
        // SAFETY: as above, aligned, and nobody else borrows it.
        Some(unsafe { &mut *place })
    }
}

#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
impl List<u8> {
    /// Room for at least so many bytes behind the list, if there is any; `take` says how many of them were written.
    #[inline(never)]
    pub fn spare(&mut self, bytes: usize) -> &mut [u8] {
        if !self.pages.reach(self.length.saturating_add(bytes)) {
            return &mut [];
        }
        // SAFETY: so much is mapped, nobody else borrows it, and bytes there were zero at first.
        let all = unsafe { core::slice::from_raw_parts_mut(self.pages.start(), self.pages.bytes) };
        all.get_mut(self.length..).unwrap_or_default()
    }

    /// Appends so many bytes, which were written into the spare room.
    pub const fn take(&mut self, bytes: usize) {
        if bytes <= self.pages.bytes - self.length {
            self.length += bytes;
        }
    }

    /// Appends bytes.
    #[inline(never)]
    pub fn extend(&mut self, bytes: &[u8]) {
        let room = self.spare(bytes.len());
        if room.len() >= bytes.len() {
            for (place, byte) in room.iter_mut().zip(bytes) {
                *place = *byte;
            }
            self.take(bytes.len());
        }
    }
}

#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
impl Pages {
    /// Where the items are.
    const fn start(&self) -> *mut u8 {
        self.before.wrapping_add(LEAST)
    }

    /// Has so many bytes at least, if there are. Whether it has.
    #[inline(never)]
    fn reach(&mut self, bytes: usize) -> bool {
        if bytes <= self.bytes {
            return true;
        }
        // Twice as much where it may move: it shall do so seldom.
        let factor = if self.bytes == 0 { 1 } else { 2 };
        let wanted = bytes.saturating_mul(factor).saturating_add(PAGE_BYTES) & !(PAGE_BYTES - 1);
        let grown = self.map(wanted);
        if let Ok(start) = grown {
            (self.before, self.bytes) = (start.wrapping_sub(LEAST), wanted);
        }
        self.has_failed |= grown.is_err();
        grown.is_ok()
    }

    /// mmap(2), mremap(2)
    fn map(&mut self, bytes: usize) -> Result<*mut u8, Errno> {
        if self.bytes == 0 {
            return Ok(core::mem::ManuallyDrop::new(Memory::new(bytes)?).start);
        }
        let may_move = kernel::MREMAP_MAYMOVE as usize;
        let arguments = [self.start().expose_provenance(), self.bytes, bytes, may_move, 0];
        // SAFETY: the whole of what a list has mapped. Nobody looks at it while it may move, as it is borrowed to be changed.
        let moved = unsafe { syscall(kernel::__NR_mremap, arguments) }?;
        Ok(core::ptr::with_exposed_provenance_mut(moved))
    }
}

/// Below what is in use of the stack: the red zone of an interrupted function, and what this one takes itself.
const IN_USE_BYTES: usize = 512;
/// As deep as the stack may have been before.
const STACK_BYTES: usize = 512 * 1024;

/// Gives back the pages of the stack below what is in use now: who waits for long has been deeper before. madvise(2)
#[inline(never)]
pub fn release_stack() {
    let here = 0_u8;
    let end = ((&raw const here).expose_provenance() - IN_USE_BYTES) & !(PAGE_BYTES - 1);
    let arguments = [end - STACK_BYTES, STACK_BYTES, kernel::MADV_DONTNEED as usize, 0, 0];
    // SAFETY: below the stack pointer and its red zone nothing is in use. Where the stack is not as deep nothing is mapped,
    // which the kernel passes over: it puts mappings at least 128 MiB below the stack (`mmap_base`), and none of ours is
    // asked for at an address.
    let _ = unsafe { syscall(kernel::__NR_madvise, arguments) };
}

/// The smallest pages that there are. Where pages are larger, mappings are rounded up by the kernel, and a stretch of the
/// stack that is not whole pages is refused, so that nothing is released.
const PAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_items_when_it_moves() {
        let mut list = List::new();
        assert_eq!(list.items(), [] as [[u64; 2]; 0]);
        // Miri takes a second for a thousand.
        for item in 0..if cfg!(miri) { 3000 } else { 100_000 } {
            list.push([item, !item]);
        }
        assert!((0..).zip(list.items()).all(|(item, kept)| *kept == [item, !item]));
        list.truncate(3);
        assert_eq!((list.items().len(), list.at(2), list.at(3)), (3, Some([2, !2]), None));
        let mut text = List::new();
        for _ in 0..10_000 {
            text.extend(b"abc");
        }
        text.spare(5000)[..2].copy_from_slice(b"xy");
        text.take(2);
        assert!(text.items().ends_with(b"abcxy") && text.items().len() == 30_002);
        assert!(!text.has_failed());
    }

    /// Miri itself would run out of memory.
    #[cfg(not(miri))]
    #[test]
    fn a_list_that_cannot_grow_says_so() {
        let mut list = List::new();
        list.extend(b"abc");
        assert!(list.spare(usize::MAX / 4).is_empty() && !list.reserve(usize::MAX));
        assert_eq!((list.items(), list.has_failed()), (&b"abc"[..], true));
        let mut list: List<u64> = List::new();
        assert!(!list.reserve(usize::MAX / 16) && list.has_failed());
    }
}
