//! rootlet: first process of a machine or container, and container runner.
//!
//! 1. Plan, then act: text becomes options, options and facts become a list of steps, one executor performs them.
//! 2. All checks come before the first call that cannot be undone.
//! 3. Every bound has a name and an error; nothing is cut silently.
//! 4. An error is one line: what was done, the call, the errno.
//! 5. A failure leaves nothing behind.
//! 6. No libc, no heap, no formatting machinery, no panic path; `unsafe` in `sys` and `start` alone.
//!
//! Modules use only what stands above them here.

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

pub mod text;

pub mod input;

pub mod sys;

// Under Miri rustix has the types of libc, and nothing from here on makes sense without a kernel.
#[cfg(not(miri))]
pub mod facts;

#[cfg(not(miri))]
pub mod plan;

#[cfg(not(miri))]
pub mod run;

#[cfg(not(miri))]
pub mod report;

#[cfg(not(miri))]
pub mod supervise;

#[cfg(not(miri))]
pub mod role;
