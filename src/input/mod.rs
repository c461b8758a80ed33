//! From text to plain data: no system calls, no decisions about the machine.

pub mod arguments;
pub mod refusal;

#[cfg(feature = "run")]
pub mod capability;
pub mod environment;
#[cfg(feature = "run")]
pub mod kernel_release;
#[cfg(feature = "run")]
pub mod mount_info;
#[cfg(any(feature = "run", feature = "boot"))]
pub mod mount_options;
#[cfg(feature = "run")]
pub mod run_manual;
#[cfg(feature = "run")]
pub mod run_options;
#[cfg(feature = "run")]
pub mod users;

#[cfg(feature = "boot")]
pub mod kernel_command_line;

pub mod init_manuals;
pub mod init_options;
pub mod interpreter;
pub mod signal_names;
pub mod supervision;
