//! The three standard descriptors, which are never ours to close.

use rustix::fd::BorrowedFd;

use super::descriptor::borrow;

/// The first number behind theirs.
#[cfg(feature = "run")]
pub const FIRST_OTHER: u8 = 3;

/// Standard input.
#[must_use]
pub fn input() -> BorrowedFd<'static> {
    borrow(0)
}

/// Standard output.
#[must_use]
pub fn output() -> BorrowedFd<'static> {
    borrow(1)
}

/// Standard error.
#[must_use]
pub fn error() -> BorrowedFd<'static> {
    borrow(2)
}
