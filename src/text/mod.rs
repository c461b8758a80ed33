//! Bounded text: lines, numbers, strings, names of errno and calls.

pub mod arena;
pub mod call;
pub mod errno;
pub mod line;
pub mod number;
pub mod packed;
pub mod pairs;
pub mod parts;
pub mod path;
