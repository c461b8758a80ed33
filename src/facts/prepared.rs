//! The namespace of mounts that `rootlet prepare` makes.

use core::ffi::CStr;

use rustix::fs::statfs;

use crate::sys::filesystem::{NAMESPACES, is_one_of};

/// Root's directory of records.
pub const RECORDS: &CStr = c"/run/rootlet";
/// What keeps it: among root's records, but no name of a container begins so.
pub const PREPARED: &CStr = c"/run/rootlet/.mounts";

/// Whether it is there. Only root can have mounted anything below /run.
#[must_use]
pub fn is_prepared() -> bool {
    statfs(PREPARED).is_ok_and(|status| is_one_of(&status, &[NAMESPACES]))
}
