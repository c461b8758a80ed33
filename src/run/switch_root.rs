//! From an initramfs to the real root.
//!
//! Source: switch_root(8), pivot_root(2), ramfs-rootfs-initramfs.txt of the kernel.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{chroot, fchdir, pivot_root};

use crate::facts::roots::is_mount_point;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};

/// Mounts that go along, without their slash.
pub const KERNELS: [&CStr; 4] = [c"/dev", c"/proc", c"/sys", c"/run"];

/// `MS_MOVE`. Source: mount(2).
const MOVE: u32 = 8192;

/// Moves one of the kernel's mounts below the new root, made there where it is missing and can be. One that cannot be
/// moved is detached, so that the old root does not live on for its sake.
///
/// # Errors
/// The call that failed; the mount is detached then.
pub fn move_mount(path: &CStr, new_root: &CStr) -> Result<(), CallError> {
    if !is_mount_point(path) {
        return Ok(());
    }
    let mut buffer = [0; 4352];
    let mut arena = Arena::new(&mut buffer);
    let target = arena.join(&[new_root.to_bytes(), path.to_bytes()]).unwrap_or_default();
    let _ = mkdirat(CWD, target, Mode::from_raw_mode(0o755));
    let flags = MountFlags::from_bits_retain(MOVE);
    mount(path, target, c"", flags, None).map_err(|errno| {
        let _ = unmount(path, UnmountFlags::DETACH);
        Call::Mount.failed()(errno)
    })
}

/// Makes a directory the root of this process and of all that come. Gives the old root, of which everything may be
/// removed, unless it could be unmounted: only since Linux 7.0 can a process leave an initramfs by pivot_root(2).
///
/// # Errors
/// The call that failed; the root is the old one then.
pub fn switch(new_root: &Descriptor) -> Result<Option<Descriptor>, CallError> {
    let old = open(CWD, c"/", OpenFlags::READ).map_err(Call::Openat.failed())?;
    fchdir(new_root).map_err(Call::Fchdir.failed())?;
    if pivot_root(c".", c".").is_ok() {
        // The old root lies on top of the new one.
        let _ = unmount(c".", UnmountFlags::DETACH);
        let _ = rustix::process::chdir(c"/");
        return Ok(None);
    }
    let flags = MountFlags::from_bits_retain(MOVE);
    mount(c".", c"/", c"", flags, None).map_err(Call::Mount.failed())?;
    chroot(c".").map_err(Call::Chroot.failed())?;
    rustix::process::chdir(c"/").map_err(Call::Chdir.failed())?;
    Ok(Some(old))
}
