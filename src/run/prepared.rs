//! A namespace of mounts without the host's, to build containers in copies of.
//!
//! A container's mounts begin as a copy of all of the host's, and pivot_root(2) looks at each process of the machine: both
//! take the longer the more there are. A copy of one empty filesystem takes no time, and what is attached over it needs
//! no pivot_root: nothing of the host lies below it.

use rustix::fs::{CWD, FlockOperation, flock, statfs};
use rustix::mount::{MoveMountFlags, move_mount};

use super::link::{self, Message, StepFailed};
use super::{mounts, persist, record};
use crate::facts::prepared::{PREPARED, RECORDS, is_prepared};
use crate::input::mount_options::Propagation;
use crate::input::namespaces::Namespaces;
use crate::input::persist::Persist;
use crate::plan::filesystems::EMPTY;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::filesystem::{TMPFS, is_one_of, is_read_only};
use crate::sys::process::{
    Side, clone_into_namespaces, join_namespaces, own_pid, unshare, wait_for,
};
use crate::sys::processors::Processors;
use crate::sys::signal::{Signal, kill};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Makes the namespace and pins it at `PREPARED`, unless it is there.
///
/// # Errors
/// The call that failed; EINVAL of pivot_root: the host's root is an initramfs. Nothing is left then.
#[inline(never)]
pub fn prepare() -> Result<(), CallError> {
    let list = record::make_list(RECORDS)?;
    // One after the other: who fails removes what another one may have made.
    flock(&list, FlockOperation::LockExclusive).map_err(Call::Flock.failed())?;
    if is_prepared() {
        return Ok(());
    }
    // The file is still there when somebody has unmounted the namespace.
    remove();
    let mut callers = Processors::new();
    persist::choose_processor(&mut callers)?;
    let kept = make_and_keep();
    let _ = callers.restrict(0);
    kept.inspect_err(|_| remove())
}

/// Removes the pin, and so the namespace. Containers that run have copies of their own.
pub fn remove() {
    persist::remove(CWD, PREPARED);
}

fn make_and_keep() -> Result<(), CallError> {
    let own = own_pid();
    let (outer, inner) = link::pair()?;
    let side = clone_into_namespaces(Namespaces::MOUNT.0, None).map_err(Call::Clone3.failed())?;
    let Side::Parent(pid) = side else {
        let _ = match leave_host() {
            Ok(()) => link::send_started(&inner),
            Err(error) => {
                link::send_failure(&inner, StepFailed { step: 0, error });
                Ok(())
            }
        };
        persist::wait_to_be_killed(own)
    };
    drop(inner);
    let kept = match link::receive(&outer) {
        Ok(Message::Started) => {
            let namespace = Persist { kind: Namespaces::MOUNT, name: b"mnt", file: PREPARED };
            persist::keep(&namespace, pid)
        }
        Ok(Message::Failed(failed)) => Err(failed.error),
        Ok(_) => Err(CallError { call: Call::Recvmsg, errno: Errno::SRCH }),
        Err(error) => Err(error),
    };
    let _ = kill(pid.0, Signal::KILL);
    let _ = wait_for(pid);
    kept
}

/// Replaces all mounts of our namespace by one empty filesystem that nobody can write.
fn leave_host() -> Result<(), CallError> {
    mounts::propagate(Propagation::Private)?;
    let empty = mounts::make_filesystem(&EMPTY)?;
    move_mount(&empty, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())?;
    rustix::process::fchdir(&empty).map_err(Call::Fchdir.failed())?;
    mounts::pivot_root()?;
    mounts::detach_old_root()
}

/// Goes into a copy of the namespace.
///
/// # Errors
/// The call that failed; EINVAL of statfs: the namespace is not what we have made.
pub fn enter() -> Result<(), CallError> {
    let file = open(CWD, PREPARED, OpenFlags::READ).map_err(Call::Openat.failed())?;
    join_namespaces(file.as_fd(), Namespaces::MOUNT.0).map_err(Call::Setns.failed())?;
    file.leave_open();
    unshare(Namespaces::MOUNT.0).map_err(Call::Unshare.failed())?;
    let root = statfs(c"/").map_err(Call::Statfs.failed())?;
    if is_one_of(&root, &[TMPFS]) && is_read_only(&root) {
        Ok(())
    } else {
        Err(CallError { call: Call::Statfs, errno: Errno::INVAL })
    }
}
