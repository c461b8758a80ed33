//! Which processors a process may run on. CPU_SET(3)

use linux_raw_sys::general as kernel;

use super::raw::syscall;
use crate::text::errno::Errno;

/// In words of 64: 1024 processors, as the C library has it. A supervisor keeps room for one such set while it waits.
const WORDS: usize = 16;
/// The same in processors.
pub const MOST: usize = WORDS * 64;

/// A set of processors.
#[derive(Default)]
pub struct Processors([u64; WORDS]);

impl Processors {
    /// One alone; none where `processor` is `MOST` or more.
    #[must_use]
    pub fn only(processor: usize) -> Self {
        let bit = 1 << (processor % 64);
        Self(core::array::from_fn(|word| if word == processor / 64 { bit } else { 0 }))
    }

    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; WORDS])
    }

    /// Becomes the set of those that this process may run on. sched_getaffinity(2)
    ///
    /// # Errors
    /// EINVAL: the kernel has room for more than `MOST`.
    pub fn read_own(&mut self) -> Result<(), Errno> {
        let pointer = self.0.as_mut_ptr().expose_provenance();
        let arguments = [0, size_of::<Self>(), pointer, 0, 0];
        // SAFETY: the kernel writes at most that many bytes.
        unsafe { syscall(kernel::__NR_sched_getaffinity, arguments) }.map(drop)
    }

    /// Lets a process run on these alone; 0 is this process. sched_setaffinity(2)
    ///
    /// # Errors
    /// EINVAL: none of them is there, or may be used; ESRCH.
    pub fn restrict(&self, pid: i32) -> Result<(), Errno> {
        let pointer = self.0.as_ptr().expose_provenance();
        let arguments = [pid as usize, size_of::<Self>(), pointer, 0, 0];
        // SAFETY: the kernel reads at most that many bytes.
        unsafe { syscall(kernel::__NR_sched_setaffinity, arguments) }.map(drop)
    }
}
