//! Roots that are not just a directory of the host: layers, memory.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::mount::{
    MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    move_mount, unmount,
};

use super::hands::Hands;
use super::mounts::{self, make_filesystem, without_umask};
use crate::input::mount_options::{Attributes, Parameter};
use crate::plan::step::{Filesystem, Kind, MissingPath, Slot};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::mount::{mount_filesystem, open_filesystem, set_mount_attributes};
use crate::sys::process::duplicate_to;
use crate::text::call::{Call, CallError};
use crate::text::line::Line;

type Outcome = Result<(), CallError>;

/// Opens a layer: a directory to lay others over, an archive to read.
pub fn open_layer(hands: &mut Hands, slot: Slot, path: &CStr, kind: Kind) -> Outcome {
    let flags = if kind == Kind::Directory { OpenFlags::PATH_DIRECTORY } else { OpenFlags::READ };
    let layer = open(CWD, path, flags).map_err(Call::Openat.failed())?;
    hands.keep(slot, layer.hold());
    Ok(())
}

/// Makes a tmpfs that becomes the root.
pub fn memory_root(hands: &mut Hands, parameters: &[Parameter<'_>]) -> Outcome {
    let mount = make_filesystem(&Filesystem::of_root(parameters))?;
    hands.keep(Slot::ROOT, mount.hold());
    Ok(())
}

/// Names in the tmpfs of what is written.
const UPPER: &CStr = c"upper";
const WORK: &CStr = c"work";

/// Makes a tmpfs for what is written, with the two directories that an overlay needs. It lies over `/` for that moment,
/// since an overlay takes no directory of a detached mount (before Linux 6.15); paths still begin below it.
pub fn scratch(parameters: &[Parameter<'_>]) -> Outcome {
    let mount = make_filesystem(&Filesystem::of_root(parameters))?.hold();
    move_mount(mount, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Call::MoveMount.failed())?;
    rustix::process::fchdir(mount).map_err(Call::Fchdir.failed())?;
    let mode = Mode::from_raw_mode(0o755);
    let make = || mkdirat(CWD, UPPER, mode).and_then(|()| mkdirat(CWD, WORK, mode));
    without_umask(make).map_err(Call::Mkdirat.failed())
}

/// Lays the layers over each other. They are named by their descriptors: so nothing in a path must be escaped, and none
/// is too long. What `scratch` has made is unmounted: the overlay holds it.
#[inline(never)]
pub fn overlay(hands: &mut Hands, first: Slot, count: u8, kept: bool, of_user: bool) -> Outcome {
    let context = open_filesystem(c"overlay").map_err(Call::Fsopen.failed())?.hold();
    let set = |key: &CStr, value: &CStr| {
        fsconfig_set_string(context, key, value).map_err(Call::Fsconfig.failed())
    };
    let mut lower = Line::new();
    for index in 0..count {
        if index > 0 {
            lower.text(":");
        }
        hands.tree(Slot(first.0 + index), Call::Fsconfig)?.append_path(&mut lower);
    }
    set(c"lowerdir", lower.as_path())?;
    for (key, slot, own) in [(c"upperdir", Slot::UPPER, UPPER), (c"workdir", Slot::WORK, WORK)] {
        if kept {
            let mut path = Line::new();
            hands.tree(slot, Call::Fsconfig)?.append_path(&mut path);
            set(key, path.as_path())?;
        } else {
            set(key, own)?;
        }
    }
    if of_user {
        fsconfig_set_flag(context, c"userxattr").map_err(Call::Fsconfig.failed())?;
    }
    fsconfig_create(context).map_err(Call::Fsconfig.failed())?;
    let mount = mount_filesystem(context.as_fd(), Attributes::NO_DEV.0);
    let mount = mount.map_err(Call::Fsmount.failed())?;
    hands.keep(Slot::ROOT, mount.hold());
    if !kept {
        unmount(c".", UnmountFlags::DETACH).map_err(Call::Umount2.failed())?;
    }
    Ok(())
}

/// Makes a mount point unless it is there, which must be a directory itself: a link would put the mount elsewhere.
pub fn mount_point(hands: &Hands, point: &MissingPath<'_>) -> Outcome {
    mounts::make_path(hands, point)?;
    let root = hands.tree(Slot::ROOT, Call::Openat)?;
    let path = point.target.to_bytes_with_nul().strip_prefix(b"/").unwrap_or_default();
    let path = CStr::from_bytes_with_nul(path).unwrap_or_default();
    let found = open(root.as_fd(), path, OpenFlags::READ_DIRECTORY);
    found.map(Descriptor::leave_open).map_err(Call::Openat.failed())
}

/// Makes the root's own mount read-only.
pub fn close_root(hands: &Hands) -> Outcome {
    let root = hands.tree(Slot::ROOT, Call::MountSetattr)?;
    set_mount_attributes(root.as_fd(), Attributes::READ_ONLY.0).map_err(Call::MountSetattr.failed())
}

/// Makes the container's /dev/null standard input, which was the archive.
pub fn null_input(hands: &Hands) -> Outcome {
    let dev = hands.dev(Call::Openat)?;
    let null = open(dev.as_fd(), c"null", OpenFlags::TERMINAL).map_err(Call::Openat.failed())?;
    duplicate_to(null.hold().as_fd(), 0, false).map_err(Call::Dup3.failed())
}
