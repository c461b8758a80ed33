//! What read-only system calls find out before anything is planned.

#[cfg(feature = "boot")]
pub mod block_devices;
#[cfg(feature = "run")]
pub mod cgroups;
#[cfg(any(feature = "run", feature = "boot", feature = "shell"))]
pub mod files;
#[cfg(feature = "run")]
pub mod layers;
#[cfg(feature = "run")]
pub mod links;
#[cfg(feature = "see")]
pub mod mount_table;
#[cfg(feature = "run")]
pub mod names;
#[cfg(feature = "see")]
pub mod namespaces;
#[cfg(feature = "run")]
pub mod naming;
#[cfg(feature = "run")]
pub mod prepared;
#[cfg(feature = "see")]
pub mod process_table;
#[cfg(any(feature = "see", feature = "shell"))]
pub mod processes;
#[cfg(feature = "boot")]
pub mod roots;
#[cfg(feature = "run")]
pub mod run_facts;
#[cfg(feature = "run")]
pub mod target;
#[cfg(feature = "run")]
pub mod text_file;
#[cfg(feature = "see")]
pub mod usage;
