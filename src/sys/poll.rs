//! Waiting for several descriptors at once. ppoll(2).

use linux_raw_sys::general as kernel;
use rustix::fd::AsFd;

use super::descriptor::number;
use super::raw::syscall;

/// One descriptor and what is waited for. `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    descriptor: i32,
    wanted: i16,
    found: i16,
}

/// It can be read.
pub const IN: i16 = 1;
/// It can be written.
pub const OUT: i16 = 4;

impl Entry {
    /// Waits for `wanted`; for 0 the descriptor is left out altogether, its hang-up too.
    pub fn new(descriptor: impl AsFd, wanted: i16) -> Self {
        let descriptor = if wanted == 0 { -1 } else { number(descriptor) as i32 };
        Self { descriptor, wanted, found: 0 }
    }

    /// What was waited for is there, or never will be: the next call on the descriptor does not wait.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        self.found != 0
    }
}

/// Waits until an entry is ready, or not at all. An interrupted wait ends with nothing ready.
pub fn wait(entries: &mut [Entry], block: bool) {
    let now = [0_i64; 2];
    let limit = if block { 0 } else { now.as_ptr().expose_provenance() };
    let pointer = entries.as_mut_ptr().expose_provenance();
    let arguments = [pointer, entries.len(), limit, 0, 0];
    // SAFETY: the kernel reads and writes that many entries, and reads one timespec.
    let _ = unsafe { syscall(kernel::__NR_ppoll, arguments) };
}
