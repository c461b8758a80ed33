//! From the supervisor to the container's first process and back.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::{cgroups, link};
use crate::input::namespaces::Namespaces;
use crate::plan::cgroups::Cgroup;
use crate::plan::step::Step;
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
    /// The supervisor's end of the link.
    pub link: Descriptor,
}

/// Performs a step of the supervisor that comes before the container's first process is there.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn prepare(step: &Step<'_>) -> Result<(), CallError> {
    match step {
        Step::MakeCgroup(cgroup) => cgroups::make(cgroup),
        Step::SetLimit(setting) => cgroups::set(setting),
        Step::RestrictDevices(devices) => cgroups::restrict_devices(devices),
        _ => Ok(()),
    }
}

/// Makes the link, then the first process in `namespaces` and in a cgroup of v2 where there is one.
///
/// # Errors
/// The call that failed; nothing is left then.
#[inline(never)]
pub fn start(namespaces: Namespaces, cgroup: Option<&Cgroup<'_>>) -> Result<Started, CallError> {
    let (outer, inner) = link::pair()?;
    let cgroup = match cgroup {
        Some(cgroup) => {
            Some(open(CWD, cgroup.path, OpenFlags::PATH_DIRECTORY).map_err(Call::Openat.failed())?)
        }
        None => None,
    };
    let side = clone_into_namespaces(namespaces.0, cgroup.as_ref().map(Descriptor::as_fd))
        .map_err(Call::Clone3.failed())?;
    match side {
        Side::Parent(pid) => Ok(Started::Supervisor(Container { pid, link: outer })),
        Side::Child => {
            // The container's copy of our end is closed by its first step.
            outer.leave_open();
            Ok(Started::Inside(inner))
        }
    }
}

/// Writes the container's pid to a new file. What has the name already is left alone,
/// as docker leaves its --cidfile: it may be another container's, or no file at all.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn write_pid_file(path: &CStr, container: &Container) -> Result<(), CallError> {
    let file = open(CWD, path, OpenFlags::CREATE).map_err(Call::Openat.failed())?;
    let mut line = Line::new();
    line.number(container.pid.0.unsigned_abs().into()).newline();
    rustix::io::write(&file, line.bytes()).map_err(Call::Write.failed())?;
    Ok(())
}
