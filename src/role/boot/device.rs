//! Devices by any of their names, and what is on them, mounted.

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno as KernelErrno;
use rustix::mount::{MountFlags, mount};

use super::fstab::TOO_LONG;
use super::modules;
use crate::facts::block_devices::{find_device, for_each_device};
use crate::facts::files::read_start;
use crate::input::device_name::DeviceName;
use crate::input::superblock::identify;
use crate::sys::descriptor::{OpenFlags, open};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::parts::{Parts, parts};

/// Bytes of /proc/filesystems that are read: some hundred names.
const FILESYSTEMS_BYTES: usize = 4096;

/// The path of the device that fstab's source names; a source that names none stays as it is.
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

/// Mounts a device as the first of `kinds` (`ext4,xfs`) that the kernel takes it for. Where these are `auto` or empty:
/// as what its first blocks say, else as the first of all disk filesystems that the kernel has now.
///
/// # Errors
/// That of the last attempt; that of reading proc_filesystems(5).
pub fn mount_kinds(
    source: &CStr,
    target: &CStr,
    kinds: &CStr,
    bits: u32,
    data: &CStr,
) -> Result<(), CallError> {
    let attempt = &mut |kind: &[u8]| mount_kind(source, target, kind, bits, data);
    let kinds = kinds.to_bytes();
    if !kinds.is_empty() && kinds != b"auto" {
        return until_mounted(parts(kinds, b','), b"", attempt);
    }
    if let Ok(device) = open(CWD, source, OpenFlags::READ) {
        let read_at = &mut |at, buffer: &mut [u8]| {
            rustix::io::pread(&device, &mut *buffer, at).is_ok_and(|length| length == buffer.len())
        };
        if let Some(found) = identify(read_at) {
            return attempt(found.kind.as_bytes());
        }
    }
    let mut known = [0; FILESYSTEMS_BYTES];
    let known = read_start(CWD, c"/proc/filesystems", &mut known)?;
    // Those without a device have `nodev` before the tab.
    until_mounted(parts(known, b'\n'), b"\t", attempt)
}

/// Attempts each kind of a list behind `prefix`, until one succeeds; others are passed over.
///
/// # Errors
/// That of the last attempt; EINVAL where there was none.
#[inline(never)]
fn until_mounted(
    list: Parts<'_>,
    prefix: &[u8],
    attempt: &mut dyn FnMut(&[u8]) -> Result<(), CallError>,
) -> Result<(), CallError> {
    let mut last = Err(CallError { call: Call::Mount, errno: Errno::INVAL });
    for kind in list.filter_map(|row| row.strip_prefix(prefix)) {
        last = attempt(kind);
        if last.is_ok() {
            break;
        }
    }
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
    let kind = Arena::new(&mut buffer).join(&[kind]).map_err(|_| TOO_LONG)?;
    let flags = MountFlags::from_bits_retain(bits);
    let attempt = || mount(source, target, kind, flags, Some(data));
    match attempt() {
        Err(KernelErrno::NODEV) if modules::load_filesystem(kind.to_bytes()) => attempt(),
        answer => answer,
    }
    .map_err(Call::Mount.failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filesystems_are_tried_until_one_is_mounted() {
        let known = b"nodev\tsysfs\n\text3\n\tvfat\nnodev\ttmpfs\n\tf2fs\n";
        let answers = [("vfat", "ext3 vfat", true), ("none", "ext3 vfat f2fs", false)];
        for (on_disk, expected, is_mounted) in answers {
            let mut tried = Vec::new();
            let done = until_mounted(parts(known, b'\n'), b"\t", &mut |kind| {
                tried.push(String::from_utf8(kind.to_vec()).unwrap());
                let error = CallError { call: Call::Mount, errno: Errno::INVAL };
                if kind == on_disk.as_bytes() { Ok(()) } else { Err(error) }
            });
            assert_eq!((tried.join(" ").as_str(), done.is_ok()), (expected, is_mounted));
        }
        assert!(until_mounted(parts(b"", b'\n'), b"\t", &mut |_| Ok(())).is_err());
    }
}
