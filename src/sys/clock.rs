//! The monotonic clock.

use linux_raw_sys::general as kernel;

use super::raw::syscall;

/// Nanoseconds since some fixed moment. clock_gettime(2), CLOCK_MONOTONIC, which cannot fail.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let mut time = [0_i64; 2];
    let pointer = time.as_mut_ptr().expose_provenance();
    let arguments = [kernel::CLOCK_MONOTONIC as usize, pointer, 0, 0, 0];
    // SAFETY: the kernel writes a timespec, two 64-bit numbers on every machine that we build for.
    let _ = unsafe { syscall(kernel::__NR_clock_gettime, arguments) };
    let [seconds, nanoseconds] = time;
    seconds.unsigned_abs().wrapping_mul(1_000_000_000).wrapping_add(nanoseconds.unsigned_abs())
}

/// Milliseconds since some fixed moment.
#[must_use]
pub fn monotonic_ms() -> u64 {
    monotonic_ns() / 1_000_000
}
