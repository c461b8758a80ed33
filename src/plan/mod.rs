//! What will be done, as data: steps and their tables. Nothing acts here.

#[cfg(feature = "run")]
pub mod step;

#[cfg(feature = "boot")]
pub mod boot;
#[cfg(feature = "run")]
pub mod cgroups;
#[cfg(feature = "run")]
pub mod container;
#[cfg(feature = "run")]
pub mod describe;
#[cfg(feature = "run")]
pub mod device_rules;
#[cfg(feature = "run")]
pub mod environment;
#[cfg(feature = "run")]
pub mod filesystems;
#[cfg(feature = "run")]
pub mod filter;
#[cfg(feature = "run")]
pub mod names;
#[cfg(feature = "run")]
pub mod network;
#[cfg(feature = "run")]
pub mod undo;
#[cfg(feature = "run")]
pub mod user_namespace;
