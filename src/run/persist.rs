//! Namespaces kept by a mount on a file.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{CWD, fstatfs};
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};

use super::process_files::{open_of, path_of};
use super::undo::remove_made;
use crate::input::namespaces::Namespaces;
use crate::input::persist::Persist;
use crate::plan::step::Kind;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::filesystem::{NAMESPACES, is_one_of};
use crate::sys::mount::{Depth, clone_tree, namespace_number};
use crate::sys::poll;
use crate::sys::process::{
    Pid, Side, clone_into_namespaces, exit, own_pid, parent_pid, set_death_signal, wait_for,
};
use crate::sys::processors::{self, Processors};
use crate::sys::signal::{Signal, kill};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Keeps a namespace of `pid`, by a mount of its file on a new one.
///
/// # Errors
/// The call that failed; EEXIST of openat: the file is there already.
#[inline(never)]
pub fn keep(persist: &Persist<'_>, pid: Pid) -> Result<(), CallError> {
    open(CWD, persist.file, OpenFlags::CREATE).map_err(Call::Openat.failed())?;
    let mut path = path_of(pid, "ns/");
    let tree = clone_tree(CWD, path.raw(persist.name).as_path(), Depth::One)
        .map_err(Call::OpenTree.failed())?;
    move_mount(&tree, c"", CWD, persist.file, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())
}

/// Goes to a processor whose new namespaces of mounts can be kept, and fills in those that the caller may use.
///
/// A namespace of mounts cannot be mounted in one that is not older, or it could come to hold itself. The kernel tells
/// by numbers, which each processor takes from a supply of its own: a newer namespace may have a lower one.
///
/// # Errors
/// The call that failed; EINVAL of clone3: there is no such processor.
#[inline(never)]
pub fn choose_processor(callers: &mut Processors) -> Result<(), CallError> {
    callers.read_own().map_err(Call::SchedGetaffinity.failed())?;
    let own = number_of_mounts(Pid(own_pid()));
    for processor in 0..processors::MOST {
        // Some processors are not there, or not for us.
        if Processors::only(processor).restrict(0).is_ok() && new_number()? >= own {
            return Ok(());
        }
    }
    let _ = callers.restrict(0);
    Err(CallError { call: Call::Clone3, errno: Errno::INVAL })
}

/// The number of a namespace of mounts that is made here, by a process that waits to be killed.
fn new_number() -> Result<u64, CallError> {
    let own = own_pid();
    match clone_into_namespaces(Namespaces::MOUNT.0, None).map_err(Call::Clone3.failed())? {
        Side::Child => wait_to_be_killed(own),
        Side::Parent(pid) => {
            let number = number_of_mounts(pid);
            let _ = kill(pid.0, Signal::KILL);
            let _ = wait_for(pid);
            Ok(number)
        }
    }
}

/// The number of a process's namespace of mounts; 0 where the kernel does not tell: before it had such a call (Linux
/// 6.11) it took all numbers from one supply.
fn number_of_mounts(pid: Pid) -> u64 {
    let file = open_of(pid, "ns/mnt", OpenFlags::READ);
    file.ok().and_then(|file| namespace_number(file.as_fd()).ok()).unwrap_or(0)
}

/// Waits in a process that is made for its namespaces alone.
pub fn wait_to_be_killed(parent: i32) -> ! {
    let dies = set_death_signal(Signal::KILL).is_ok();
    if !dies || parent_pid() != parent {
        exit(0);
    }
    loop {
        poll::wait(&mut []);
    }
}

/// Goes back to all processors of the caller, with the container's process.
///
/// # Errors
/// Those of sched_setaffinity(2).
pub fn leave_processor(callers: &Processors, pid: Pid) -> Result<(), CallError> {
    callers
        .restrict(pid.0)
        .and_then(|()| callers.restrict(0))
        .map_err(Call::SchedSetaffinity.failed())
}

/// Undoes `keep`. Only a namespace's file is unmounted, only an empty file is removed.
pub fn remove(directory: BorrowedFd<'_>, path: &CStr) {
    let Ok(file) = open(directory, path, OpenFlags::PATH) else { return };
    let is_pin = fstatfs(&file).is_ok_and(|status| is_one_of(&status, &[NAMESPACES]));
    if is_pin {
        let mut name = Line::new();
        file.append_path(&mut name);
        let _ = unmount(name.as_path(), UnmountFlags::DETACH);
    }
    remove_made(directory, path, Kind::File);
}
