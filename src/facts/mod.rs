//! What read-only system calls find out before anything is planned.

#[cfg(feature = "run")]
pub mod run_facts;
#[cfg(feature = "run")]
pub mod text_file;
