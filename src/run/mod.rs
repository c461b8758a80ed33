//! Performs plans. The only module that changes anything outside this process.

pub mod descendants;
pub mod descriptors;
pub mod program;

#[cfg(feature = "boot")]
pub mod copy_tree;
#[cfg(feature = "boot")]
pub mod files;
#[cfg(feature = "run")]
pub mod hands;
#[cfg(feature = "run")]
pub mod id_maps;
#[cfg(feature = "run")]
pub mod identity;
#[cfg(feature = "run")]
pub mod landlock;
#[cfg(feature = "run")]
pub mod layers;
#[cfg(feature = "run")]
pub mod link;
#[cfg(feature = "boot")]
pub mod machine;
#[cfg(feature = "boot")]
pub mod modules;
#[cfg(feature = "run")]
pub mod mounts;
#[cfg(feature = "run")]
pub mod own_file;
#[cfg(feature = "run")]
pub mod perform;
#[cfg(feature = "run")]
pub mod record;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod removal;
#[cfg(feature = "boot")]
pub mod settling;
#[cfg(feature = "run")]
pub mod start;
#[cfg(feature = "boot")]
pub mod switch_root;
#[cfg(feature = "run")]
pub mod terminal;
#[cfg(feature = "run")]
pub mod undo;
#[cfg(feature = "run")]
pub mod unpack;
