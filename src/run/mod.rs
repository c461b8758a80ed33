//! Performs plans. The only module that changes anything outside this process.

// Steps of a container, and who performs them.
#[cfg(feature = "run")]
pub mod hands;
#[cfg(feature = "run")]
pub mod link;
#[cfg(feature = "run")]
pub mod perform;
#[cfg(feature = "run")]
pub mod start;

// What the steps do inside the container.
#[cfg(feature = "run")]
pub mod enter;
#[cfg(feature = "run")]
pub mod identity;
#[cfg(feature = "run")]
pub mod landlock;
#[cfg(feature = "run")]
pub mod layers;
#[cfg(feature = "run")]
pub mod mounts;
#[cfg(feature = "run")]
pub mod prepared;
pub mod program;
#[cfg(feature = "run")]
pub mod terminal;
#[cfg(feature = "run")]
pub mod unpack;

// What the supervisor does on the host.
#[cfg(feature = "run")]
pub mod background;
#[cfg(feature = "run")]
pub mod cgroups;
#[cfg(feature = "run")]
pub mod id_maps;
#[cfg(feature = "run")]
pub mod join;
#[cfg(feature = "run")]
pub mod network;
#[cfg(feature = "run")]
pub mod own_file;
#[cfg(feature = "run")]
pub mod pasta;
#[cfg(feature = "run")]
pub mod persist;

// What stays on the host meanwhile, and who finds it there.
#[cfg(feature = "enter")]
pub mod known;
#[cfg(feature = "run")]
pub mod record;
#[cfg(feature = "see")]
pub mod record_list;
#[cfg(feature = "run")]
pub mod undo;

// Machines.
#[cfg(feature = "boot")]
pub mod copy_tree;
#[cfg(feature = "boot")]
pub mod machine;
#[cfg(feature = "boot")]
pub mod modules;
#[cfg(feature = "boot")]
pub mod settling;
#[cfg(feature = "boot")]
pub mod switch_root;

// The shell.
#[cfg(feature = "shell")]
pub mod shell_host;

// What several of these need.
pub mod descendants;
pub mod descriptors;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod files;
#[cfg(feature = "run")]
pub mod process_files;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod removal;
