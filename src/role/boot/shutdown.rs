//! The end of a machine: swap, mounts, disks, power.

use core::ffi::CStr;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{COMMAND_LINE_BYTES, Start, seed};
use crate::facts::files::{read_file, read_start};
use crate::input::boot_parameters::End;
use crate::input::mount_info::place_and_kind;
use crate::report;
use crate::run::machine;
use crate::run::settling::{detach, make_read_only, unmount_at};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::directory::for_each_name;
use crate::sys::machine::swap_off;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::escape::unescape;
use crate::text::line::Line;
use crate::text::parts::{line_of, parts};
use crate::text::path::is_below;

/// What is read of the table of mounts at once; what lies behind it comes when others are gone.
const TABLE_BYTES: usize = 256 * 1024;
/// Bytes of a mount point. Source: `PATH_MAX`.
const PATH_BYTES: usize = 4096;
/// Rounds over the table: each unmounts something, or is the last.
const ROUNDS: u32 = 64;

/// The table of mounts, when it is needed.
pub struct Memory {
    table: [u8; TABLE_BYTES],
}

impl Memory {
    /// An empty table.
    pub const fn new() -> Self {
        Self { table: [0; TABLE_BYTES] }
    }
}

/// Brings the machine to rest and ends it. All processes are gone. Where the kernel refuses every end, PID 1 goes on
/// reaping: its own end would be a kernel panic.
pub fn leave(start: &Start, end: End, memory: &mut Memory) -> ! {
    seed::save();
    leave_disks(&mut memory.table);
    rustix::fs::sync();
    let end = start.parameters.end.unwrap_or(end);
    let mut next = match end {
        End::Reboot if is_kernel_loaded() => Some(End::Kexec),
        end => Some(end),
    };
    while let Some(end) = next {
        report::failed_at_boot(machine::end(end), b"init");
        next = match end {
            End::Kexec => Some(End::Reboot),
            End::PowerOff => Some(End::Halt),
            _ => None,
        };
    }
    super::linger()
}

/// Whether kexec_load(2) has been called.
fn is_kernel_loaded() -> bool {
    let mut text = [0; 8];
    read_file(CWD, c"/sys/kernel/kexec_loaded", &mut text).is_ok_and(|text| text.starts_with(b"1"))
}

/// Swap space on a filesystem keeps it busy. proc_swaps(5). A file that other mounts hide is found when they are gone.
fn leave_swap(table: &mut [u8; TABLE_BYTES], pass: Pass) {
    let Ok(text) = read_start(CWD, c"/proc/swaps", table) else { return };
    for line in parts(text, b'\n').skip(1).filter(|line| !line.is_empty()) {
        let mut buffer = [0; COMMAND_LINE_BYTES];
        let Ok(path) = unescape(parts(line, b' ').skip_to(0), &mut Arena::new(&mut buffer)) else {
            continue;
        };
        if let Err(errno) = swap_off(path)
            && pass == Pass::ReadOnly
        {
            report::failed_at_boot(CallError { call: Call::Swapoff, errno }, path.to_bytes());
        }
    }
}

/// What to do with each mount.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Unmount it; what is busy stays.
    Unmount,
    /// Make it read-only, and say what cannot be.
    ReadOnly,
}

fn leave_disks(table: &mut [u8; TABLE_BYTES]) {
    for _ in 0..ROUNDS {
        leave_swap(table, Pass::Unmount);
        let has_unmounted = go_through(table, Pass::Unmount);
        // A filesystem may lie on one whose mount was just undone.
        if !detach_loops() && !has_unmounted {
            break;
        }
    }
    leave_swap(table, Pass::ReadOnly);
    let _ = go_through(table, Pass::ReadOnly);
}

/// Goes through the mounts, the last one first: what was mounted later may lie on what was mounted before. Whether
/// any was unmounted.
fn go_through(table: &mut [u8; TABLE_BYTES], pass: Pass) -> bool {
    let text = match read_start(CWD, c"/proc/self/mountinfo", table) {
        Ok(text) => text,
        Err(error) => {
            report::failed_at_boot(error, b"/proc/self/mountinfo");
            return false;
        }
    };
    let mut has_unmounted = false;
    for line in text.rsplit(|byte| *byte == b'\n') {
        let Some((place, kind)) = place_and_kind(line) else { continue };
        let mut buffer = [0; PATH_BYTES];
        let Ok(path) = unescape(place, &mut Arena::new(&mut buffer)) else { continue };
        match pass {
            Pass::Unmount if !is_the_kernels(path.to_bytes()) => {
                has_unmounted |= unmount_at(path).is_ok();
            }
            Pass::ReadOnly if !is_the_kernels(path.to_bytes()) || path == c"/" => {
                leave_read_only(path, kind);
            }
            _ => {}
        }
    }
    has_unmounted
}

/// What lies in memory needs no care.
fn leave_read_only(path: &CStr, kind: &[u8]) {
    if line_of(b"tmpfs\nramfs\nrootfs\noverlay", kind).is_some() {
        return;
    }
    if let Err(error) = make_read_only(path) {
        report::failed_at_boot(error, path.to_bytes());
    }
}

/// Mounts that hold no data and that we need to the end.
pub fn is_the_kernels(path: &[u8]) -> bool {
    const KERNELS: &[u8] = b"/proc\n/sys\n/dev";
    path == b"/" || parts(KERNELS, b'\n').any(|own| path == own || is_below(path, own))
}

/// Takes the files from all loop devices that have one; whether there was any.
fn detach_loops() -> bool {
    let Ok(blocks) = open(CWD, c"/sys/block", OpenFlags::READ) else { return false };
    let mut any = false;
    for_each_name(&blocks, &mut |name| {
        if name.to_bytes().starts_with(b"loop") {
            // Most of them have no file, and are not even opened.
            let mut path = Line::new();
            let file = path.path(&[b"/sys/block/", name.to_bytes(), b"/loop/backing_file"]);
            if accessat(CWD, file, Access::EXISTS, AtFlags::empty()).is_ok() {
                any |= detach(path.path(&[b"/dev/", name.to_bytes()]));
            }
        }
        true
    });
    any
}
