//! The freestanding binary: `start` is all there is, the rest is the library.
#![no_std]
#![no_main]

mod start;
