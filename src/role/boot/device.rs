//! Devices by any of their names, and what is on them, mounted.

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno as KernelErrno;
use rustix::mount::{MountFlags, mount};

use super::fstab::for_each_disk_filesystem;
use super::modules;
use crate::facts::block_devices::{find_device, for_each_device};
use crate::input::device_name::DeviceName;
use crate::input::superblock::identify;
use crate::sys::descriptor::{OpenFlags, open};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::parts::parts;

/// The path of a source of fstab's; one that is no device stays as it is.
///
/// # Errors
/// ENOENT: no device has this name now.
pub fn device_of<'a>(source: &'a CStr, path: &'a mut Line) -> Result<&'a CStr, CallError> {
    match DeviceName::read(source.to_bytes()) {
        // A tag of 9p may be made of hexadecimal digits.
        None | Some(DeviceName::Path(_) | DeviceName::Number(..)) => Ok(source),
        Some(name) => {
            let missing = CallError { call: Call::Openat, errno: Errno::NOENT };
            let device = find_device(&name).ok_or(missing)?;
            path.raw(device.path().to_bytes_with_nul());
            Ok(CStr::from_bytes_with_nul(path.bytes()).unwrap_or_default())
        }
    }
}

/// Makes the nodes of block devices that have none: those of a kernel without devtmpfs.
#[inline(never)]
pub fn make_nodes() {
    for_each_device(&mut |_, device| {
        let (major, minor) = device.number;
        let (kind, mode) = (FileType::BlockDevice, Mode::from_raw_mode(0o600));
        let _ = mknodat(CWD, device.path(), kind, mode, makedev(major, minor));
        true
    });
}

/// Mounts a device as the first of several filesystems (`ext4,xfs`) that it is; `auto`, or nothing: as what its first
/// blocks say, else as whatever the kernel knows.
///
/// # Errors
/// That of the last attempt.
pub fn mount_kinds(
    source: &CStr,
    target: &CStr,
    kinds: &CStr,
    bits: u32,
    data: &CStr,
) -> Result<(), CallError> {
    let attempt = |kind: &[u8]| mount_kind(source, target, kind, bits, data);
    let kinds = kinds.to_bytes();
    if !kinds.is_empty() && kinds != b"auto" {
        let mut last = Err(CallError { call: Call::Mount, errno: Errno::INVAL });
        for kind in parts(kinds, b',') {
            last = attempt(kind);
            if last.is_ok() {
                break;
            }
        }
        return last;
    }
    if let Ok(device) = open(CWD, source, OpenFlags::READ) {
        let read_at = &mut |at, buffer: &mut [u8]| {
            rustix::io::pread(&device, &mut *buffer, at).is_ok_and(|length| length == buffer.len())
        };
        if let Some(found) = identify(read_at) {
            return attempt(found.kind.as_bytes());
        }
    }
    let mut last = Err(CallError { call: Call::Mount, errno: Errno::INVAL });
    for_each_disk_filesystem(&mut |kind| {
        last = attempt(kind);
        last.is_err()
    });
    last
}

/// Mounts a device as one filesystem, whose module is loaded where the kernel lacks it.
fn mount_kind(
    source: &CStr,
    target: &CStr,
    kind: &[u8],
    bits: u32,
    data: &CStr,
) -> Result<(), CallError> {
    let mut buffer = [0; 64];
    let too_long = CallError { call: Call::Mount, errno: Errno::NAMETOOLONG };
    let kind = Arena::new(&mut buffer).join(&[kind]).map_err(|_| too_long)?;
    let flags = MountFlags::from_bits_retain(bits);
    let attempt = || mount(source, target, kind, flags, Some(data));
    match attempt() {
        Err(KernelErrno::NODEV) if modules::load_filesystem(kind.to_bytes()) => attempt(),
        answer => answer,
    }
    .map_err(Call::Mount.failed())
}
