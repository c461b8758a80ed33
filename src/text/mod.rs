//! Bounded text: lines, numbers, strings, names of errno and calls.

pub mod arena;
pub mod call;
pub mod errno;
pub mod line;
pub mod number;
pub mod parts;
