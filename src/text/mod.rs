//! Bounded text: lines, numbers, strings, names of errno and calls.

pub mod arena;
pub mod call;
#[cfg(feature = "see")]
pub mod character;
#[cfg(feature = "boot")]
pub mod date;
pub mod errno;
#[cfg(any(feature = "boot", feature = "see"))]
pub mod escape;
pub mod line;
pub mod number;
#[cfg(any(feature = "see", all(feature = "shell", feature = "boot")))]
pub mod order;
pub mod packed;
pub mod pairs;
pub mod parts;
pub mod path;
#[cfg(feature = "boot")]
pub mod pattern;
