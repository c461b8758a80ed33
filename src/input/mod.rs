//! From text and bytes to plain data: no system calls, no decisions.

pub mod arguments;
pub mod refusal;

#[cfg(any(feature = "run", all(feature = "boot", feature = "shell")))]
pub mod address;
#[cfg(all(feature = "boot", feature = "shell"))]
pub mod applet_options;
#[cfg(feature = "run")]
pub mod archive;
#[cfg(feature = "run")]
pub mod capability;
#[cfg(feature = "run")]
pub mod cgroup_files;
#[cfg(feature = "run")]
pub mod enter_manuals;
#[cfg(feature = "run")]
pub mod enter_options;
pub mod environment;
#[cfg(feature = "run")]
pub mod filter;
#[cfg(feature = "run")]
pub mod filter_default;
#[cfg(feature = "run")]
pub mod filter_file;
#[cfg(feature = "run")]
pub mod id_map;
#[cfg(all(feature = "boot", feature = "shell"))]
pub mod ip_command;
#[cfg(feature = "run")]
pub mod json;
#[cfg(feature = "run")]
pub mod kernel_release;
#[cfg(feature = "run")]
pub mod landlock;
#[cfg(feature = "run")]
pub mod limits;
#[cfg(feature = "enter")]
pub mod manage_options;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod mount_info;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod mount_options;
#[cfg(feature = "see")]
pub mod mount_status;
#[cfg(feature = "run")]
pub mod namespaces;
#[cfg(any(feature = "run", all(feature = "boot", feature = "shell")))]
pub mod netlink;
#[cfg(feature = "run")]
pub mod network;
#[cfg(feature = "run")]
pub mod persist;
#[cfg(feature = "run")]
pub mod process_rights;
#[cfg(any(feature = "run", feature = "shell"))]
pub mod process_status;
#[cfg(feature = "run")]
pub mod record;
#[cfg(feature = "run")]
pub mod resolver;
#[cfg(feature = "run")]
pub mod resources;
#[cfg(feature = "run")]
pub mod root_options;
#[cfg(feature = "run")]
pub mod run_manual;
#[cfg(feature = "run")]
pub mod run_options;
#[cfg(feature = "run")]
pub mod security_options;
#[cfg(feature = "see")]
pub mod see_options;
#[cfg(feature = "run")]
pub mod system_calls;
#[cfg(feature = "run")]
pub mod time_offsets;
#[cfg(feature = "run")]
pub mod users;

#[cfg(feature = "boot")]
pub mod boot_parameters;
#[cfg(feature = "boot")]
pub mod device_name;
#[cfg(feature = "boot")]
pub mod fstab;
#[cfg(feature = "boot")]
pub mod inittab;
#[cfg(feature = "boot")]
pub mod kernel_command_line;
#[cfg(feature = "boot")]
pub mod module_index;
#[cfg(feature = "boot")]
pub mod mount_flags;
#[cfg(feature = "boot")]
pub mod partition_table;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod place;
#[cfg(feature = "boot")]
pub mod power_options;
#[cfg(all(feature = "boot", feature = "shell"))]
pub mod seconds;
#[cfg(feature = "boot")]
pub mod settings;
#[cfg(feature = "boot")]
pub mod superblock;

pub mod init_manuals;
pub mod init_options;
pub mod interpreter;
pub mod signal_names;
pub mod supervision;
