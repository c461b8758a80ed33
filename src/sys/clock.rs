//! The clocks of the machine.

use linux_raw_sys::general as kernel;

use super::raw::syscall;

/// Nanoseconds since some fixed moment. clock_gettime(2), CLOCK_MONOTONIC, which cannot fail.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let [seconds, nanoseconds] = read(kernel::CLOCK_MONOTONIC);
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds)
}

/// Milliseconds since some fixed moment.
#[must_use]
pub fn monotonic_ms() -> u64 {
    monotonic_ns() / 1_000_000
}

/// Seconds since the machine was started, those in which it slept too. CLOCK_BOOTTIME
#[cfg(feature = "see")]
#[must_use]
pub fn boot_s() -> u64 {
    let [seconds, _] = read(kernel::CLOCK_BOOTTIME);
    seconds
}

/// Seconds since 1970. CLOCK_REALTIME
#[cfg(feature = "see")]
#[must_use]
pub fn real_s() -> u64 {
    let [seconds, _] = read(kernel::CLOCK_REALTIME);
    seconds
}

/// Seconds and nanoseconds.
fn read(clock: u32) -> [u64; 2] {
    let mut time = [0_i64; 2];
    let pointer = time.as_mut_ptr().expose_provenance();
    let arguments = [clock as usize, pointer, 0, 0, 0];
    // SAFETY: the kernel writes a timespec, two 64-bit numbers on every machine that we build for.
    let _ = unsafe { syscall(kernel::__NR_clock_gettime, arguments) };
    time.map(i64::unsigned_abs)
}
