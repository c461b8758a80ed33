//! The mount steps: trees, filesystems, devices, the change of root.

use core::ffi::CStr;

use rustix::fd::AsFd;
use rustix::fs::{CWD, FileType, Mode, mkdirat, mknodat, symlinkat};
use rustix::mount::{
    MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, move_mount, unmount,
};

use super::hands::Hands;
use crate::input::mount_options::{Attributes, Propagation};
use crate::plan::container::is_dev;
use crate::plan::step::{Filesystem, Kind, Place, Slot};
use crate::sys::descriptor::{Descriptor, OpenFlags, open_below};
use crate::sys::mount::{self as sys, Depth, set_tree_attributes};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::parts::parts;

type Outcome = Result<(), CallError>;

/// Room for the longest path (`PATH_MAX`, linux/limits.h) and one name of it.
const PATH_BYTES: usize = 4096 + 256;

/// Opens a copy of the mounts at and below `source` and gives all of them `attributes` and `propagation`.
pub fn clone_tree(
    hands: &mut Hands,
    slot: Slot,
    source: &CStr,
    attributes: Attributes,
    propagation: Option<Propagation>,
) -> Outcome {
    // Mounts below a peer would be unmounted on the host together with it.
    let depth = if slot == Slot::PEER { Depth::One } else { Depth::All };
    let tree = sys::clone_tree(CWD, source, depth).map_err(Call::OpenTree.failed())?;
    let bits = propagation.map_or(0, Propagation::bits);
    set_tree_attributes(&tree, c"", attributes.0, bits).map_err(Call::MountSetattr.failed())?;
    hands.keep(slot, tree);
    Ok(())
}

/// Sets the propagation of every mount below the current root.
pub fn propagate(propagation: Propagation) -> Outcome {
    set_tree_attributes(CWD, c"/", 0, propagation.bits()).map_err(Call::MountSetattr.failed())
}

/// Attaches the root's tree over `/`, where it is seen only through its descriptor, and goes into it.
pub fn attach_root(hands: &Hands) -> Outcome {
    let root = hands.tree(Slot::ROOT, Call::MoveMount)?;
    move_mount(root, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())?;
    rustix::process::fchdir(root).map_err(Call::Fchdir.failed())
}

/// Makes a directory below the root or /dev.
pub fn directory(hands: &Hands, place: Place, name: &CStr) -> Outcome {
    let parent = match place {
        Place::Root => hands.tree(Slot::ROOT, Call::Mkdirat)?,
        Place::Dev => hands.dev(Call::Mkdirat)?,
    };
    make_name(parent, name, Kind::Directory)
}

/// Makes a filesystem, detached, and attaches it.
pub fn filesystem(hands: &mut Hands, filesystem: &Filesystem<'_>) -> Outcome {
    let context = match sys::open_filesystem(filesystem.name) {
        Err(Errno::NODEV) if filesystem.optional => return Ok(()),
        answer => answer.map_err(Call::Fsopen.failed())?,
    };
    for parameter in filesystem.parameters {
        fsconfig_set_string(&context, parameter.key, parameter.value)
            .map_err(Call::Fsconfig.failed())?;
    }
    fsconfig_create(&context).map_err(Call::Fsconfig.failed())?;
    let mount = sys::mount_filesystem(&context, filesystem.attributes.0);
    let mount = mount.map_err(Call::Fsmount.failed())?;
    attach(hands, &mount, filesystem.place, filesystem.target, Kind::Directory)?;
    context.leave_open();
    if is_dev(filesystem) {
        hands.dev = Some(mount);
    } else {
        mount.leave_open();
    }
    Ok(())
}

/// Attaches a tree that was cloned before.
pub fn attach_tree(hands: &Hands, slot: Slot, place: Place, target: &CStr, kind: Kind) -> Outcome {
    let tree = hands.tree(slot, Call::MoveMount)?;
    attach(hands, tree, place, target, kind)
}

fn attach(hands: &Hands, mount: impl AsFd, place: Place, target: &CStr, kind: Kind) -> Outcome {
    let from = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    match place {
        Place::Dev => move_mount(mount, c"", hands.dev(Call::MoveMount)?, target, from),
        Place::Root => {
            let point = mount_point(hands, target, kind)?;
            let flags = from | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
            let answer = move_mount(mount, c"", &point, c"", flags);
            point.leave_open();
            answer
        }
    }
    .map_err(Call::MoveMount.failed())
}

/// The place `target` below the root, made when missing. No link in it leads out.
fn mount_point(hands: &Hands, target: &CStr, kind: Kind) -> Result<Descriptor, CallError> {
    match resolve(hands, target) {
        Err(Errno::NOENT) => {
            // Directories on the way are 0755 whatever the caller's umask is.
            let mask = rustix::process::umask(Mode::empty());
            let made = make_path(hands, target, kind);
            rustix::process::umask(mask);
            made?;
            resolve(hands, target)
        }
        answer => answer,
    }
    .map_err(Call::Openat2.failed())
}

fn resolve(hands: &Hands, path: &CStr) -> Result<Descriptor, Errno> {
    let root = hands.tree(Slot::ROOT, Call::Openat2).map_err(|error| error.errno)?;
    open_below(root, path, OpenFlags::PATH)
}

/// Makes every missing directory of `path`, and its last part as `kind`.
fn make_path(hands: &Hands, path: &CStr, kind: Kind) -> Outcome {
    let bytes = path.to_bytes();
    let mut names = parts(bytes, b'/');
    let mut parent = resolve(hands, c"/").map_err(Call::Openat2.failed())?;
    while let Some(name) = names.next() {
        let after = names.rest().unwrap_or_default();
        let end = bytes.len() - names.rest().map_or(0, |rest| rest.len() + 1);
        let mut buffer = [0; PATH_BYTES];
        let mut arena = Arena::new(&mut buffer);
        let too_long = |_| CallError { call: Call::Openat2, errno: Errno::NAMETOOLONG };
        let name = arena.join(&[name]).map_err(too_long)?;
        let prefix = arena.join(&[bytes.get(..end).unwrap_or(bytes)]).map_err(too_long)?;
        if name.is_empty() {
            continue;
        }
        let here = match resolve(hands, prefix) {
            Err(Errno::NOENT) => {
                let is_last = after.iter().all(|byte| *byte == b'/');
                make_name(&parent, name, if is_last { kind } else { Kind::Directory })?;
                resolve(hands, prefix)
            }
            answer => answer,
        };
        // Assigning closes the one before.
        parent = here.map_err(Call::Openat2.failed())?;
    }
    Ok(())
}

fn make_name(parent: &Descriptor, name: &CStr, kind: Kind) -> Outcome {
    match kind {
        Kind::File => make_file(parent, name),
        Kind::Directory => {
            mkdirat(parent, name, Mode::from_raw_mode(0o755)).map_err(Call::Mkdirat.failed())
        }
    }
}

/// Makes an empty file to mount on, in one call and without a descriptor.
pub fn make_file(parent: impl AsFd, name: &CStr) -> Outcome {
    mknodat(parent, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)
        .map_err(Call::Mknodat.failed())
}

/// Binds a device of the host onto a new file of its name in /dev.
pub fn device(hands: &Hands, path: &CStr) -> Outcome {
    let tree = sys::clone_tree(CWD, path, Depth::One).map_err(Call::OpenTree.failed())?;
    let dev = hands.dev(Call::Mknodat)?;
    let name = path.to_bytes_with_nul().strip_prefix(b"/dev/").unwrap_or(b"\0");
    let name = CStr::from_bytes_with_nul(name).unwrap_or(c"");
    make_file(dev, name)?;
    attach_in_dev(hands, tree, name)
}

/// Attaches a detached tree onto the file `name` in /dev.
pub fn attach_in_dev(hands: &Hands, tree: Descriptor, name: &CStr) -> Outcome {
    let dev = hands.dev(Call::MoveMount)?;
    move_mount(&tree, c"", dev, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())?;
    tree.leave_open();
    Ok(())
}

/// Makes a symbolic link in /dev.
pub fn link(hands: &Hands, name: &CStr, to: &CStr) -> Outcome {
    symlinkat(to, hands.dev(Call::Symlinkat)?, name).map_err(Call::Symlinkat.failed())
}

/// Makes the working directory the root of this namespace; the old root comes to lie over it.
pub fn pivot_root() -> Outcome {
    rustix::process::pivot_root(c".", c".").map_err(Call::PivotRoot.failed())
}

/// Detaches the old root with all of the host's mounts.
pub fn detach_old_root() -> Outcome {
    unmount(c".", UnmountFlags::DETACH).map_err(Call::Umount2.failed())
}

/// Makes the working directory the root of this process.
pub fn change_root() -> Outcome {
    rustix::process::chroot(c".").map_err(Call::Chroot.failed())
}

/// Puts the root mount into the peer group that its original has on the host. The kernel takes the group from an
/// attached mount only, so the peer is attached over the root for that moment.
pub fn join_peers(hands: &Hands) -> Outcome {
    let peer = hands.tree(Slot::PEER, Call::MoveMount)?;
    let root = hands.tree(Slot::ROOT, Call::MoveMount)?;
    let empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(peer, c"", CWD, c"/", empty).map_err(Call::MoveMount.failed())?;
    let join =
        MoveMountFlags::MOVE_MOUNT_SET_GROUP | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH | empty;
    move_mount(peer, c"", root, c"", join).map_err(Call::MoveMount.failed())?;
    // Unmounting a peer could reach the host.
    set_tree_attributes(peer, c"", 0, Propagation::Private.bits())
        .map_err(Call::MountSetattr.failed())?;
    rustix::process::fchdir(peer).map_err(Call::Fchdir.failed())?;
    unmount(c".", UnmountFlags::DETACH).map_err(Call::Umount2.failed())?;
    rustix::process::chdir(c"/").map_err(Call::Chdir.failed())
}
