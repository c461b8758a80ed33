//! Filesystems of `/etc/fstab`: checked, mounted, swapped to.

use core::ffi::CStr;

use rustix::fs::statfs;
use rustix::mount::{MountFlags as KernelFlags, mount};

use super::Start;
use super::setup::read_optional;
use super::task::run_and_wait;
use crate::facts::roots::is_mount_point;
use crate::input::boot_parameters::Check;
use crate::input::fstab::{Mount, mounts};
use crate::input::mount_flags::{BIND, MountFlags, READ_ONLY, REMOUNT};
use crate::report;
use crate::sys::machine::swap_on;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::escape::unescape;
use crate::text::line::Line;
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Options that do not fit into a line, or paths that do not into `FIELDS_BYTES`.
pub const TOO_LONG: CallError = CallError { call: Call::Mount, errno: Errno::NAMETOOLONG };

/// The table itself.
pub const FILE: &CStr = c"/etc/fstab";
/// Source, target, type and options of a line, without escapes.
const FIELDS_BYTES: usize = 8192;

/// Flags of one mount, not of its filesystem: `MS_RDONLY`, `NOSUID`, `NODEV`, `NOEXEC`, `NOSYMFOLLOW`, `NOATIME`,
/// `NODIRATIME`, `RELATIME`, `STRICTATIME`. Source: mount(2), "Remounting an existing mount".
const OF_MOUNT: u32 = 0x120_0d0f;

/// Checks the root and mounts it as fstab or the kernel command line say; what a check of it has ended with.
pub fn prepare_root(start: &Start, text: &mut [u8]) -> Checked {
    let text = read_optional(FILE, text).unwrap_or_default();
    let root = mounts(text).flatten().find(|mount| mount.target == b"/");
    // What can be written to must not be repaired under the kernel's feet.
    let is_read_only = statfs(c"/").is_ok_and(|found| found.f_flags as u32 & READ_ONLY != 0);
    let checked = match &root {
        Some(root) if is_read_only => check(start, root),
        _ => Checked::Fine,
    };
    if checked != Checked::Fine {
        return checked;
    }
    let mut data = Line::new();
    let flags = root.map(|root| MountFlags::read(root.options, &mut data));
    // Without a line for it the root stays as it is, unless it is to be writable.
    if root.is_some() || start.parameters.root_writable {
        let bits = flags.map_or(0, |flags| flags.bits & !BIND);
        if let Err(error) = change_mount(c"", c"/", bits | REMOUNT, &mut data) {
            report::failed_at_boot(error, b"/");
        }
    }
    checked
}

/// Moves a mount, or mounts it anew with other flags and options: `bits` has `MOVE` or `REMOUNT`.
///
/// # Errors
/// The call that failed; ENAMETOOLONG for options that do not fit.
#[inline(never)]
pub fn change_mount(
    source: &CStr,
    target: &CStr,
    bits: u32,
    data: &mut Line,
) -> Result<(), CallError> {
    let data = data.whole().ok_or(TOO_LONG)?;
    let flags = KernelFlags::from_bits_retain(bits);
    mount(source, target, c"", flags, Some(data)).map_err(Call::Mount.failed())
}

/// Mounts everything else in the order of the file.
pub fn mount_all(start: &Start, text: &mut [u8]) {
    for found in mounts(read_optional(FILE, text).unwrap_or_default()) {
        match found {
            Err(misread) => report::misread_at_boot(FILE.to_bytes(), misread),
            Ok(found) if found.target != b"/" => mount_one(start, &found),
            Ok(_) => {}
        }
    }
}

fn mount_one(start: &Start, found: &Mount<'_>) {
    let mut data = Line::new();
    let flags = MountFlags::read(found.options, &mut data);
    // What needs a network has to be mounted by who brings it up.
    if flags.no_auto || flags.needs_network {
        return;
    }
    let needs_check = found.kind != b"swap" && flags.bits & BIND == 0;
    if needs_check && check(start, found) == Checked::Damaged {
        return;
    }
    if let Err(error) = attach(found, flags, &mut data)
        && !flags.no_fail
    {
        report::failed_at_boot(
            error,
            if found.kind == b"swap" { found.source } else { found.target },
        );
    }
}

/// Mounts what a line of fstab says, unless something is mounted there, or swaps to it.
///
/// # Errors
/// The call that failed.
pub fn attach(found: &Mount<'_>, flags: MountFlags, data: &mut Line) -> Result<(), CallError> {
    let mut buffer = [0; FIELDS_BYTES];
    let mut arena = Arena::new(&mut buffer);
    let mut field = |field| unescape(field, &mut arena).map_err(|_| TOO_LONG);
    let [source, target, kind] = [field(found.source)?, field(found.target)?, field(found.kind)?];
    let mut path = Line::new();
    let source = super::device::device_of(source, &mut path)?;
    if kind == c"swap" {
        return swap_on(source, swap_flags(found.options)).map_err(Call::Swapon.failed());
    }
    if is_mount_point(target) {
        return Ok(());
    }
    mount_source(source, target, kind, flags, data)
}

/// Mounts a device, a directory that is bound, or whatever the filesystem calls its source; `data` are the options that
/// only the filesystem knows.
///
/// # Errors
/// The call that failed; ENAMETOOLONG for options that do not fit.
pub fn mount_source(
    source: &CStr,
    target: &CStr,
    kind: &CStr,
    flags: MountFlags,
    data: &mut Line,
) -> Result<(), CallError> {
    let options = data.whole().ok_or(TOO_LONG)?;
    let bits = KernelFlags::from_bits_retain(flags.bits);
    if flags.bits & BIND != 0 {
        mount(source, target, c"", bits, None).map_err(Call::Mount.failed())?;
        if flags.bits & OF_MOUNT == 0 {
            return Ok(());
        }
        // A bind takes its other flags only when it is changed.
        let bits = KernelFlags::from_bits_retain(flags.bits | REMOUNT);
        return mount(source, target, c"", bits, None).map_err(Call::Mount.failed());
    }
    super::device::mount_kinds(source, target, kind, flags.bits, options)
}

/// `pri=N` and `discard` as `SWAP_FLAG_*`. Source: linux/swap.h.
fn swap_flags(options: &[u8]) -> u32 {
    const PREFER: u32 = 0x8000;
    const DISCARD: u32 = 0x1_0000;
    let mut flags = 0;
    for option in parts(options, b',') {
        if option == b"discard" {
            flags |= DISCARD;
        } else if let Some(priority) = option.strip_prefix(b"pri=").and_then(parse_u64) {
            flags |= PREFER | (priority as u32 & 0x7fff);
        }
    }
    flags
}

/// What a check has ended with. fsck(8).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It may be mounted.
    Fine,
    /// The root was repaired under the kernel's feet: the machine must start again.
    Repaired,
    /// It must not be mounted.
    Damaged,
}

/// Has a filesystem checked where its line and the machine ask for it and the rootfs has a program for it.
fn check(start: &Start, found: &Mount<'_>) -> Checked {
    if found.pass == 0 || start.parameters.check == Check::Skip {
        return Checked::Fine;
    }
    let mut buffer = [0; FIELDS_BYTES];
    let mut arena = Arena::new(&mut buffer);
    let mut path = Line::new();
    let (Ok(source), Ok(name)) =
        (unescape(found.source, &mut arena), arena.join(&[b"fsck.", found.kind]))
    else {
        return Checked::Fine;
    };
    let Ok(device) = super::device::device_of(source, &mut path) else { return Checked::Fine };
    let force = if start.parameters.check == Check::Force { c"-f" } else { c"-a" };
    let status = run_and_wait(start, &[name, c"-a", force, device]);
    let checked = match status {
        2 | 3 if found.pass == 1 => Checked::Repaired,
        // 126 and 127: there is no such program here.
        4..126 => Checked::Damaged,
        _ => return Checked::Fine,
    };
    let mut line = report::line();
    line.operand(name.to_bytes()).text(" ").operand(device.to_bytes()).text(": status ");
    line.number(status.unsigned_abs().into());
    report::say_of_boot(line);
    checked
}
