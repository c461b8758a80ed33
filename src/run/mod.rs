//! Performs plans. The only module that changes anything outside this process.

pub mod descendants;
pub mod descriptors;
pub mod program;

#[cfg(feature = "run")]
pub mod hands;
#[cfg(feature = "run")]
pub mod identity;
#[cfg(feature = "run")]
pub mod link;
#[cfg(feature = "boot")]
pub mod machine;
#[cfg(feature = "run")]
pub mod mounts;
#[cfg(feature = "run")]
pub mod perform;
#[cfg(feature = "run")]
pub mod start;
#[cfg(feature = "run")]
pub mod terminal;
