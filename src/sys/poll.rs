//! Waiting for several descriptors at once. ppoll(2).

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::number;
use super::raw::syscall;
use super::signal::FOR_EVER;

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
/// Something urgent is there: for a file of a cgroup, that what it says has changed. POLLPRI
#[cfg(feature = "run")]
pub const PRIORITY: i16 = 2;
/// It can be written.
pub const OUT: i16 = 4;

/// The other end is closed; reported whatever is waited for.
const HANG_UP: i16 = 16;

impl Entry {
    /// Waits for nothing, not even for a hang-up.
    pub const NONE: Self = Self { descriptor: -1, wanted: 0, found: 0 };

    /// Waits for `wanted`.
    pub fn new(descriptor: BorrowedFd<'_>, wanted: i16) -> Self {
        Self { descriptor: number(descriptor) as i32, wanted, found: 0 }
    }

    /// Nobody holds the other end any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        self.found & HANG_UP != 0
    }

    /// What was waited for is there, or never will be: the next call on the descriptor does not wait.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        self.found != 0
    }
}

/// Waits until an entry is ready. An interrupted wait leaves entries as they are: new ones are not ready then.
#[cfg(feature = "run")]
pub fn wait(entries: &mut [Entry]) {
    wait_at_most(entries, FOR_EVER);
}

/// The same, at most that many milliseconds.
pub fn wait_at_most(entries: &mut [Entry], limit_ms: u32) {
    let limit = [u64::from(limit_ms / 1000), u64::from(limit_ms % 1000) * 1_000_000];
    let limit = if limit_ms == FOR_EVER { 0 } else { limit.as_ptr().expose_provenance() };
    let pointer = entries.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel reads and writes that many entries and reads a timespec, if there is one; no mask is given.
    let _ = unsafe { syscall(kernel::__NR_ppoll, [pointer, entries.len(), limit, 0, 0]) };
}
