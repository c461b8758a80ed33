//! What of a plan can be refused.

use super::Program;
use crate::facts::run_facts::{Found, RunFacts};
use crate::input::kernel_release::KernelRelease;
use crate::input::mount_options::Propagation;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::root_options::RootKind;
use crate::input::run_options::RunOptions;

/// The oldest kernel that `run` works on.
pub const KERNEL_FLOOR: KernelRelease = KernelRelease(5, 14);

/// What the options need of the kernel.
///
/// # Errors
/// It is too old.
pub fn check_kernel(options: &RunOptions<'_>, facts: &RunFacts<'_>) -> Result<(), Refusal> {
    if facts.kernel < KERNEL_FLOOR {
        return Err(Refusal::new(Subject::Command, Reason::KernelTooOld));
    }
    // MOVE_MOUNT_SET_GROUP
    if options.propagation == Propagation::Shared && facts.kernel < KernelRelease(5, 15) {
        return Err(Refusal::new(Subject::Command, Reason::KernelTooOldForPeers));
    }
    Ok(())
}

/// Mount points must be real directories: a link would put the mount elsewhere in the root.
///
/// # Errors
/// One that is something else, or that cannot be made.
pub fn check_root(options: &RunOptions<'_>, facts: &RunFacts<'_>) -> Result<(), Refusal> {
    // Others are looked at when they are made.
    if facts.root != RootKind::Directory {
        return Ok(());
    }
    for (index, found) in (0..).zip(&facts.mount_points) {
        let reason = match found {
            Found::Directory => continue,
            Found::Nothing if !options.read_only => continue,
            Found::Nothing => Reason::MountPointMissing,
            Found::Link => Reason::MountPointLink,
            Found::File | Found::Device => Reason::MountPointFile,
        };
        return Err(Refusal::new(Subject::MountPoint(index), reason));
    }
    Ok(())
}

/// What is kept must be the container's own.
///
/// # Errors
/// A namespace of the host's or of another's.
pub fn check_kept(options: &RunOptions<'_>, program: &Program<'_>) -> Result<(), Refusal> {
    let new = program.namespaces(options);
    for (index, persist) in (0..).zip(&options.persist) {
        if !new.has(persist.kind) {
            return Err(Refusal::new(Subject::Persist(index), Reason::NotNew));
        }
    }
    Ok(())
}
