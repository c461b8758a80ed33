//! Joining namespaces that exist.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::descendants::{for_each_child_of, open_child};
use super::record;
use crate::input::namespaces::{Namespaces, Owner};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::process::join_namespaces;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Joins namespaces of these kinds; a pid namespace is joined by our children alone. Records of containers lie in the
/// directory `records`.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn join(owner: Owner<'_>, kinds: Namespaces, records: &CStr) -> Result<(), CallError> {
    match owner {
        Owner::File(path) => {
            let file = open(CWD, path, OpenFlags::READ).map_err(Call::Openat.failed())?;
            join_namespaces(file.as_fd(), kinds.0).map_err(Call::Setns.failed())
        }
        Owner::Container(name) => join_container(name, kinds, records),
    }
}

/// By its first process, or by one of the children of that: rootlet's own may be looked into by root alone.
fn join_container(name: &CStr, kinds: Namespaces, records: &CStr) -> Result<(), CallError> {
    let (pid, runner) = record::find(records, name)?;
    let first = open_child(pid, runner)?;
    let mut joined = join_namespaces(first.as_fd(), kinds.0);
    if joined == Err(Errno::PERM) {
        for_each_child_of(pid, &mut |number| {
            if joined == Err(Errno::PERM)
                && let Ok(process) = open_child(number, pid)
            {
                joined = join_namespaces(process.as_fd(), kinds.0);
            }
        });
    }
    joined.map_err(Call::Setns.failed())
}
