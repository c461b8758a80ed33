//! PID 1: a pure rule, one loop that waits and reaps, and what they tell.

pub mod journal;
pub mod reaper;
pub mod rule;
#[cfg(feature = "boot")]
pub mod services;
#[cfg(feature = "boot")]
pub mod tasks;
pub mod wait_loop;

#[cfg(feature = "run")]
pub mod relay;
#[cfg(feature = "run")]
pub mod window;
