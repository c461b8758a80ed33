//! PID 1: a pure rule for signals, and one loop that waits and reaps.

pub mod rule;
pub mod wait_loop;

#[cfg(feature = "run")]
pub mod relay;
#[cfg(feature = "run")]
pub mod window;
