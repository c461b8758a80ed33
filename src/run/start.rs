//! From the supervisor to the container's first process and back.

use core::ffi::CStr;

use rustix::fs::{AtFlags, CWD, unlinkat};

use super::link;
use crate::input::run_options::Namespaces;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::{Pid, Side, clone_into_namespaces};
use crate::text::call::{Call, CallError};
use crate::text::line::Line;

/// The two sides of a new container.
pub enum Started {
    /// In the supervisor.
    Supervisor(Container),
    /// In the container's first process: its end of the link.
    Inside(Descriptor),
}

/// A running container, seen by its supervisor.
pub struct Container {
    /// Its first process.
    pub pid: Pid,
    /// The same as a descriptor: readable when it has ended.
    pub pidfd: Descriptor,
    /// The supervisor's end of the link.
    pub link: Descriptor,
}

/// Makes the link, then the first process in `namespaces`.
///
/// # Errors
/// The call that failed; nothing is left then.
pub fn start(namespaces: Namespaces) -> Result<Started, CallError> {
    let (outer, inner) = link::pair()?;
    let (side, pidfd) = clone_into_namespaces(namespaces.0).map_err(Call::Clone3.failed())?;
    match (side, pidfd) {
        (Side::Parent(pid), Some(pidfd)) => {
            Ok(Started::Supervisor(Container { pid, pidfd, link: outer }))
        }
        _ => {
            // The container's copy of our end is closed by its first step.
            outer.leave_open();
            Ok(Started::Inside(inner))
        }
    }
}

/// Writes the container's pid, then lets the container go on. A file of that name is replaced, a link is not followed.
///
/// # Errors
/// The call that failed.
pub fn write_pid_file(path: &CStr, container: &Container) -> Result<(), CallError> {
    let file = open(CWD, path, OpenFlags::CREATE).map_err(Call::Openat.failed())?;
    let mut line = Line::new();
    line.number(container.pid.0.unsigned_abs().into()).newline();
    rustix::io::write(&file, line.bytes()).map_err(Call::Write.failed())?;
    link::send_go(&container.link);
    Ok(())
}

/// Removes the pid file at the end. Its name may be gone already.
pub fn remove_pid_file(path: &CStr) {
    let _ = unlinkat(CWD, path, AtFlags::empty());
}

/// Removes the mount points that a container which never ran has left in its root.
pub fn remove_directories<'a>(rootfs: &CStr, names: impl Iterator<Item = &'a CStr>) {
    let Ok(root) = open(CWD, rootfs, OpenFlags::PATH_DIRECTORY) else { return };
    for name in names {
        // Only an empty directory goes; whatever else is there now is not ours.
        let _ = unlinkat(&root, name, AtFlags::REMOVEDIR);
    }
}
