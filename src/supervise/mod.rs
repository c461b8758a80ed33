//! PID 1: a pure rule, one loop that waits and reaps, and what they tell.

pub mod journal;
pub mod rule;
pub mod wait_loop;

#[cfg(feature = "run")]
pub mod relay;
#[cfg(feature = "run")]
pub mod window;
