//! Going into what others have made: namespaces, a root, tools laid over it.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, fchmod, fstatfs, mkdirat, sendfile, symlinkat};

use super::files::write_file;
use super::hands::Hands;
use super::identity;
use super::mounts::{
    attach_at, attach_root, detach_old_root, make_filesystem, pivot_root, propagate, without_umask,
};
use crate::facts::target::{File, Target};
use crate::input::limits::KINDS;
use crate::input::mount_options::{Parameter, Propagation};
use crate::input::namespaces::Namespaces;
use crate::input::process_rights;
use crate::plan::step::{Filesystem, Slot};
use crate::sys::descriptor::{Descriptor, Held, OpenFlags, open, open_below};
use crate::sys::mount::{Depth, clone_tree, set_tree_attributes};
use crate::sys::process::{Pid, join_namespaces, limit, unshare};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

type Outcome = Result<(), CallError>;

/// Goes into the namespaces of a target, then to its root and directory.
///
/// # Errors
/// The call that failed; ESRCH of setns: the target has ended.
#[inline(never)]
pub fn enter(target: &Target<'_>, hands: &mut Hands) -> Outcome {
    // From its user namespace on we are one of those whom its root may look into.
    identity::undumpable()?;
    if let Some(label) = &target.label {
        // Here /proc is still the host's.
        write_file(label.file, label.text.to_bytes())?;
    }
    if !target.text(File::Score).is_empty() {
        take_limits(target)?;
    }
    if target.leaves_groups {
        identity::set_groups(&[])?;
    }
    let kinds = hold_tools(target, hands)?;
    join_all(target, kinds)?;
    // A change of credentials may have undone it.
    identity::undumpable()?;
    let go = |to: &Descriptor| rustix::process::fchdir(to).map_err(Call::Fchdir.failed());
    if let Some(root) = &target.root {
        let here = match target.stays {
            true => {
                Some(open(CWD, c".", OpenFlags::PATH_DIRECTORY).map_err(Call::Openat.failed())?)
            }
            false => None,
        };
        go(root)?;
        rustix::process::chroot(c".").map_err(Call::Chroot.failed())?;
        here.as_ref().map_or(Ok(()), go)?;
    }
    target.directory.as_ref().map_or(Ok(()), go)
}

/// Takes over the target's resource limits and its `oom_score_adj`. Who may not raise a hard limit keeps his own, and so
/// does who may not lower the score.
#[inline(never)]
fn take_limits(target: &Target<'_>) -> Outcome {
    for kind in 0..KINDS as u8 {
        if let Some(theirs) = process_rights::limit(target.text(File::Limits), kind) {
            take_limit(kind, theirs).map_err(Call::Prlimit.failed())?;
        }
    }
    match write_file(c"/proc/self/oom_score_adj", target.text(File::Score)) {
        Err(CallError { errno: Errno::ACCES, .. }) => Ok(()),
        answer => answer,
    }
}

#[inline(never)]
fn take_limit(kind: u8, theirs: (u64, u64)) -> Result<(), Errno> {
    let own = Pid(0);
    let ours = limit(own, kind, None)?;
    if ours == theirs || limit(own, kind, Some(theirs)).is_ok() {
        return Ok(());
    }
    let ((soft, hard), (_, highest)) = (theirs, ours);
    limit(own, kind, Some((soft.min(highest), hard.min(highest)))).map(drop)
}

/// Joins namespaces of the process in one call, and those of files. A user namespace may give the right to the others,
/// or take it: so the others are tried before it and, where that failed, behind it. As nsenter(1) does it.
#[inline(never)]
fn join_all(target: &Target<'_>, kinds: Namespaces) -> Outcome {
    // Number 0 is the process, the others are files.
    let nth = |number: usize| match number.checked_sub(1) {
        None => Some((kinds, target.process.as_ref()?.as_fd())),
        Some(index) => target.files.get(index).map(|(kind, file)| (*kind, file.as_fd())),
    };
    let mut joined = 0_u32;
    for pass in 0..3 {
        for number in 0..=target.files.len() {
            let Some((kinds, file)) = nth(number) else { continue };
            let is_now = kinds.has(Namespaces::USER) == (pass == 1);
            if kinds == Namespaces::NONE || !is_now || joined >> number & 1 != 0 {
                continue;
            }
            match join_namespaces(file, kinds.0) {
                Ok(()) => joined |= 1 << number,
                Err(_) if pass == 0 => {}
                answer => answer.map_err(Call::Setns.failed())?,
            }
        }
    }
    Ok(())
}

/// Opens a copy of the tools' mounts, before what they are of is out of reach; gives the kinds of namespaces that are
/// still to be entered then. A user has the right to copy mounts only in a namespace of mounts that his container's
/// users own.
#[inline(never)]
fn hold_tools(target: &Target<'_>, hands: &mut Hands) -> Result<Namespaces, CallError> {
    let mut kinds = target.kinds;
    let Some(tools) = target.tools.as_ref().filter(|_| !target.own_tools) else {
        return Ok(kinds);
    };
    let tree = match (clone_tree(tools.as_fd(), c"", Depth::All), &target.process) {
        (Err(Errno::PERM), Some(process)) if kinds.has(Namespaces::USER) => {
            let users = Namespaces::USER;
            join_namespaces(process.as_fd(), users.0).map_err(Call::Setns.failed())?;
            kinds = kinds.with(users, false);
            unshare(Namespaces::MOUNT.0).map_err(Call::Unshare.failed())?;
            clone_tree(CWD, target.tools_path, Depth::All)
        }
        (answer, _) => answer,
    };
    let tree = tree.map_err(Call::OpenTree.failed())?.hold();
    set_tree_attributes(tree.as_fd(), c"", 0, Propagation::Private.bits())
        .map_err(Call::MountSetattr.failed())?;
    hands.keep(Slot::ROOT, tree);
    Ok(kinds)
}

/// What of the container is shown in the tools' root, and under which name.
static SHOWN: [(&CStr, &CStr); 4] =
    [(c"/proc", c"proc"), (c"/sys", c"sys"), (c"/dev", c"dev"), (c"/", c"target")];
/// Where the container's root is found in tools that have no `/target` and cannot be given one.
const OTHERWISE: &CStr = c"mnt";

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// Lays the tools over `/`, in a mount namespace that nobody else has: what the container sees is as it was.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn lay_tools(target: &Target<'_>, hands: &mut Hands) -> Outcome {
    unshare(Namespaces::MOUNT.0).map_err(Call::Unshare.failed())?;
    propagate(Propagation::Private)?;
    if let Some(own) = target.tools.as_ref().filter(|_| target.own_tools) {
        let root = without_umask(|| make_own_tools(own))?;
        hands.keep(Slot::ROOT, root.hold());
    }
    let mut trees = [const { None }; SHOWN.len()];
    for (tree, (source, _)) in trees.iter_mut().zip(&SHOWN) {
        *tree = shown(source);
    }
    attach_root(hands)?;
    let root = hands.tree(Slot::ROOT, Call::Openat2)?;
    for (tree, (_, name)) in trees.iter_mut().zip(&SHOWN) {
        if let Some(tree) = tree.take() {
            show(tree, root, name)?;
        }
    }
    pivot_root()?;
    detach_old_root()
}

/// Attaches a tree below the tools' root, if there is a place for it.
#[inline(never)]
fn show(tree: Descriptor, root: Held, name: &CStr) -> Outcome {
    // A directory of tools may be one that cannot be written, or that has something else there.
    let _ = mkdirat(root, name, DIRECTORY_MODE);
    let open = |name| open_below(root.as_fd(), name, OpenFlags::PATH_DIRECTORY);
    let place = open(name).or_else(|errno| match name == c"target" {
        true => open(OTHERWISE),
        false => Err(errno),
    });
    place.map_or(Ok(()), |place| attach_at(tree.hold(), place.hold()))
}

/// A copy of the container's mounts at a path; `None` without it, or where its /proc is no procfs.
#[inline(never)]
fn shown(source: &CStr) -> Option<Descriptor> {
    const PROC: u32 = 0x9fa0;
    let tree = clone_tree(CWD, source, Depth::All).ok()?;
    let is_proc = || fstatfs(&tree).is_ok_and(|found| found.f_type as u32 == PROC);
    if source == c"/proc" && !is_proc() { None } else { Some(tree) }
}

/// A tmpfs with rootlet alone, which is its shell.
#[inline(never)]
fn make_own_tools(own: &Descriptor) -> Result<Descriptor, CallError> {
    let mode = [Parameter { key: c"mode", value: c"0755" }];
    let root = make_filesystem(&Filesystem::of_root(&mode))?;
    mkdirat(&root, c"bin", DIRECTORY_MODE).map_err(Call::Mkdirat.failed())?;
    let copy = open(root.as_fd(), c"bin/rootlet", OpenFlags::CREATE);
    let copy = copy.map_err(Call::Openat.failed())?;
    while sendfile(&copy, own, None, 1 << 30).map_err(Call::Sendfile.failed())? > 0 {}
    fchmod(&copy, DIRECTORY_MODE).map_err(Call::Fchmod.failed())?;
    for name in [c"bin/sh", c"bin/initsh"] {
        symlinkat(c"rootlet", &root, name).map_err(Call::Symlinkat.failed())?;
    }
    Ok(root)
}
