//! Joining namespaces that exist.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::{descendants, record};
use crate::input::namespaces::{Namespaces, Owner};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::{join_namespaces, open_process};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Joins namespaces; of pids only our children do. `records` is where those of containers lie.
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
    let first = child(pid, runner)?;
    let mut joined = join_namespaces(first.as_fd(), kinds.0);
    if joined == Err(Errno::PERM) {
        descendants::for_each_child_of(pid, &mut |number| {
            if joined == Err(Errno::PERM)
                && let Ok(process) = child(number, pid)
            {
                joined = join_namespaces(process.as_fd(), kinds.0);
            }
        });
    }
    joined.map_err(Call::Setns.failed())
}

/// Holds a process, if it is a child of that parent: its number may be another's by now.
fn child(pid: i32, parent: i32) -> Result<Descriptor, CallError> {
    let process = open_process(pid).map_err(Call::PidfdOpen.failed())?;
    if descendants::relations(pid).0 == parent {
        Ok(process)
    } else {
        Err(CallError { call: Call::PidfdOpen, errno: Errno::SRCH })
    }
}
