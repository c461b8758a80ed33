//! The mount steps: trees, filesystems, devices, the change of root.

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, Mode, mkdirat, mknodat, symlinkat};
use rustix::mount::{
    MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, move_mount, unmount,
};

use super::hands::Hands;
use crate::input::mount_options::{Attributes, Propagation};
use crate::plan::filesystems::{NAMES, is_dev, is_mask};
use crate::plan::names::EtcFile;
use crate::plan::step::{Filesystem, Kind, Mask, MissingPath, Place, Slot, TreeCopy};
use crate::sys::descriptor::{Descriptor, Held, OpenFlags, open, open_below};
use crate::sys::mount::{self as sys, Depth, set_tree_attributes};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::path::{name_between, next_end};

type Outcome = Result<(), CallError>;

/// Room for the longest path (`PATH_MAX`, linux/limits.h) and one name of it.
pub const PATH_BYTES: usize = 4096 + 256;

/// Opens a copy of mounts and gives all of them its attributes and propagation.
pub fn clone_tree(hands: &mut Hands, copy: &TreeCopy<'_>) -> Outcome {
    // Mounts below a peer would be unmounted on the host together with it.
    let depth = if copy.slot == Slot::PEER { Depth::One } else { Depth::All };
    let tree = sys::clone_tree(CWD, copy.source, depth).map_err(Call::OpenTree.failed())?.hold();
    let bits = copy.propagation.map_or(0, Propagation::bits);
    set_tree_attributes(tree.as_fd(), c"", copy.attributes.0, bits)
        .map_err(Call::MountSetattr.failed())?;
    hands.keep(copy.slot, tree);
    Ok(())
}

/// The same in the supervisor, which alone has the right to give the files other owners: those of the user namespace
/// `users`.
pub fn map_tree(copy: &TreeCopy<'_>, users: &Descriptor) -> Result<Descriptor, CallError> {
    let tree = sys::clone_tree(CWD, copy.source, Depth::All).map_err(Call::OpenTree.failed())?;
    let bits = copy.propagation.map_or(0, Propagation::bits);
    sys::map_tree(tree.as_fd(), copy.attributes.0, bits, users.as_fd())
        .map_err(Call::MountSetattr.failed())?;
    Ok(tree)
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

/// Makes a directory in /dev.
pub fn directory(hands: &Hands, name: &CStr) -> Outcome {
    mkdirat(hands.dev(Call::Mkdirat)?, name, DIRECTORY_MODE).map_err(Call::Mkdirat.failed())
}

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// Makes a filesystem, detached, and attaches it.
pub fn filesystem(hands: &mut Hands, filesystem: &Filesystem<'_>) -> Outcome {
    let mount = match make_filesystem(filesystem) {
        Err(CallError { call: Call::Fsopen, errno: Errno::NODEV }) if filesystem.optional => {
            return Ok(());
        }
        made => made?.hold(),
    };
    match attach(hands, mount, filesystem.place, filesystem.target) {
        // What lies below another of the kernel's filesystems may not be there.
        Err(CallError { call: Call::Openat2, errno: Errno::NOENT }) if filesystem.optional => {}
        answer => answer?,
    }
    if is_dev(filesystem) {
        hands.dev = Some(mount);
    } else if is_mask(filesystem) {
        hands.mask = Some(mount);
    }
    Ok(())
}

/// Writes files into a filesystem of their own and binds them over those of the root. No link leads out of that, and
/// nothing is written to what a link leads to. The filesystem is attached where /dev/shm comes to lie over it.
// Out of line: few containers have them.
#[inline(never)]
pub fn etc_files(hands: &Hands, files: &[EtcFile<'_>]) -> Outcome {
    let mount = make_filesystem(&NAMES)?.hold();
    attach(hands, mount, NAMES.place, NAMES.target)?;
    without_umask(|| files.iter().try_for_each(|file| etc_file(hands, mount, file)))
}

fn etc_file(hands: &Hands, mount: Held, file: &EtcFile<'_>) -> Outcome {
    let new = open(mount.as_fd(), file.name, OpenFlags::CREATE);
    let new = new.map_err(Call::Openat.failed())?.hold();
    let length = rustix::io::write(new, file.text).map_err(Call::Write.failed())?;
    if length != file.text.len() {
        return Err(CallError { call: Call::Write, errno: Errno::NOSPC });
    }
    let tree = sys::clone_tree(mount.as_fd(), file.name, Depth::One);
    let tree = tree.map_err(Call::OpenTree.failed())?.hold();
    // Of a root that was not there to be looked at, a link may lead nowhere.
    let Some(place) = resolve_if_there(hands, file.place.target)? else { return Ok(()) };
    attach_at(tree, place)
}

/// Makes a filesystem, detached.
pub fn make_filesystem(filesystem: &Filesystem<'_>) -> Result<Descriptor, CallError> {
    let context = sys::open_filesystem(filesystem.name).map_err(Call::Fsopen.failed())?.hold();
    for parameter in filesystem.parameters {
        fsconfig_set_string(context, parameter.key, parameter.value)
            .map_err(Call::Fsconfig.failed())?;
    }
    fsconfig_create(context).map_err(Call::Fsconfig.failed())?;
    sys::mount_filesystem(context.as_fd(), filesystem.attributes.0).map_err(Call::Fsmount.failed())
}

/// Hides a path: a file with /dev/null, which is the host's own, in a /dev that nobody else has touched; a directory
/// with an empty one. What is not there need not be hidden.
pub fn mask(hands: &Hands, mask: &Mask) -> Outcome {
    let Some(point) = resolve_if_there(hands, mask.path)? else { return Ok(()) };
    let (from, name) = match (mask.kind, hands.mask) {
        (Kind::Directory, Some(empty)) => (empty, c""),
        _ => (hands.dev(Call::OpenTree)?, c"null"),
    };
    let tree = sys::clone_tree(from.as_fd(), name, Depth::One).map_err(Call::OpenTree.failed())?;
    attach_at(tree.hold(), point)
}

/// Makes what is at and below a path read-only by a mount of it over itself.
pub fn read_only(hands: &Hands, path: &CStr) -> Outcome {
    let Some(point) = resolve_if_there(hands, path)? else { return Ok(()) };
    let tree = sys::clone_tree(point.as_fd(), c"", Depth::All);
    let tree = tree.map_err(Call::OpenTree.failed())?.hold();
    set_tree_attributes(tree.as_fd(), c"", Attributes::READ_ONLY.0, 0)
        .map_err(Call::MountSetattr.failed())?;
    attach_at(tree, point)
}

/// Writes to a file below the root.
pub fn write_below(hands: &Hands, path: &CStr, text: &[u8]) -> Outcome {
    let root = hands.tree(Slot::ROOT, Call::Openat2)?;
    let file = open_below(root.as_fd(), path, OpenFlags::WRITE).map_err(Call::Openat2.failed())?;
    rustix::io::write(file.hold(), text).map(drop).map_err(Call::Write.failed())
}

fn resolve_if_there(hands: &Hands, path: &CStr) -> Result<Option<Held>, CallError> {
    match resolve(hands, path) {
        Err(CallError { errno: Errno::NOENT, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Attaches a tree that is detached at a place that is held.
#[inline(never)]
pub fn attach_at(tree: Held, point: Held) -> Outcome {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", point, c"", flags).map_err(Call::MoveMount.failed())
}

/// Attaches a tree that was cloned before.
pub fn attach_tree(hands: &Hands, slot: Slot, place: Place, target: &CStr) -> Outcome {
    let tree = hands.tree(slot, Call::MoveMount)?;
    attach(hands, tree, place, target)
}

fn attach(hands: &Hands, mount: Held, place: Place, target: &CStr) -> Outcome {
    match place {
        Place::Dev => attach_in_dev(hands, mount, target),
        Place::Root => attach_at(mount, resolve(hands, target)?),
    }
}

/// The place `path` below the root. No link in it leads out.
fn resolve(hands: &Hands, path: &CStr) -> Result<Held, CallError> {
    let root = hands.tree(Slot::ROOT, Call::Openat2)?;
    let place = open_below(root.as_fd(), path, OpenFlags::PATH).map_err(Call::Openat2.failed())?;
    Ok(place.hold())
}

/// Makes what is missing of a mount point. That somebody else has just made it is no failure.
// Out of line: its buffer would lie in the frame of its caller for as long as the container lives.
#[inline(never)]
pub fn make_path(hands: &Hands, missing: &MissingPath<'_>) -> Outcome {
    without_umask(|| make_parts(hands, missing))
}

/// What is made has the mode that it is made with, whatever the caller's umask is.
pub fn without_umask<T>(make: impl FnOnce() -> T) -> T {
    let mask = rustix::process::umask(Mode::empty());
    let made = make();
    rustix::process::umask(mask);
    made
}

fn make_parts(hands: &Hands, missing: &MissingPath<'_>) -> Outcome {
    let path = missing.target.to_bytes();
    let mut start = missing.existing;
    while let Some(end) = next_end(path, start) {
        let mut buffer = [0; PATH_BYTES];
        let (above, name) = parent_and_name(path, start, end, &mut buffer)?;
        let parent = resolve(hands, above)?;
        let is_file = missing.kind == Kind::File && next_end(path, end).is_none();
        let made = if is_file {
            make_file(parent, name)
        } else {
            mkdirat(parent, name, DIRECTORY_MODE).map_err(Call::Mkdirat.failed())
        };
        match made {
            Err(CallError { errno: Errno::EXIST, .. }) => {}
            made => made?,
        }
        start = end;
    }
    Ok(())
}

/// The first `start` bytes of `path`, and the name between `start` and `end`.
#[inline(never)]
pub fn parent_and_name<'b>(
    path: &[u8],
    start: usize,
    end: usize,
    buffer: &'b mut [u8; PATH_BYTES],
) -> Result<(&'b CStr, &'b CStr), CallError> {
    let mut arena = Arena::new(buffer);
    let too_long = |_| CallError { call: Call::Openat2, errno: Errno::NAMETOOLONG };
    let above = arena.join(&[b"/", path.get(..start).unwrap_or_default()]).map_err(too_long)?;
    let name = arena.join(&[name_between(path, start, end)]).map_err(too_long)?;
    Ok((above, name))
}

/// Makes an empty file to mount on, in one call and without a descriptor.
pub fn make_file(parent: Held, name: &CStr) -> Outcome {
    mknodat(parent, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)
        .map_err(Call::Mknodat.failed())
}

/// Opens a device of the host.
pub fn hold_device(hands: &mut Hands, slot: Slot, path: &CStr) -> Outcome {
    let tree = sys::clone_tree(CWD, path, Depth::One).map_err(Call::OpenTree.failed())?;
    hands.keep(slot, tree.hold());
    Ok(())
}

/// Binds a device of the host onto a new file of its name in /dev.
pub fn device(hands: &Hands, path: &CStr) -> Outcome {
    let tree = sys::clone_tree(CWD, path, Depth::One).map_err(Call::OpenTree.failed())?;
    bind_device(hands, tree.hold(), path)
}

/// The same with one that is held.
pub fn held_device(hands: &Hands, slot: Slot, path: &CStr) -> Outcome {
    bind_device(hands, hands.tree(slot, Call::MoveMount)?, path)
}

fn bind_device(hands: &Hands, tree: Held, path: &CStr) -> Outcome {
    let dev = hands.dev(Call::Mknodat)?;
    let name = path.to_bytes_with_nul().strip_prefix(b"/dev/").unwrap_or(b"\0");
    let name = CStr::from_bytes_with_nul(name).unwrap_or(c"");
    make_file(dev, name)?;
    attach_in_dev(hands, tree, name)
}

/// Attaches a detached tree onto the file `name` in /dev.
pub fn attach_in_dev(hands: &Hands, tree: Held, name: &CStr) -> Outcome {
    let dev = hands.dev(Call::MoveMount)?;
    move_mount(tree, c"", dev, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())
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
#[inline(never)]
pub fn join_peers(hands: &Hands) -> Outcome {
    let peer = hands.tree(Slot::PEER, Call::MoveMount)?;
    let root = hands.tree(Slot::ROOT, Call::MoveMount)?;
    let empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(peer, c"", CWD, c"/", empty).map_err(Call::MoveMount.failed())?;
    let join =
        MoveMountFlags::MOVE_MOUNT_SET_GROUP | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH | empty;
    move_mount(peer, c"", root, c"", join).map_err(Call::MoveMount.failed())?;
    // Unmounting a peer could reach the host.
    set_tree_attributes(peer.as_fd(), c"", 0, Propagation::Private.bits())
        .map_err(Call::MountSetattr.failed())?;
    rustix::process::fchdir(peer).map_err(Call::Fchdir.failed())?;
    unmount(c".", UnmountFlags::DETACH).map_err(Call::Umount2.failed())?;
    rustix::process::chdir(c"/").map_err(Call::Chdir.failed())
}
