//! What a machine needs before its first service, in order.

use core::ffi::CStr;

use rustix::fs::{Access, AtFlags, CWD, accessat, symlinkat};

use super::device::make_nodes;
use super::fstab::{self, Checked};
use super::{Start, modules, seed};
use crate::facts::files::read_file;
use crate::input::settings::{Setting, first_line, setting_path, settings};
use crate::plan::boot::{
    BootMount, DEVICE_LINKS, DEVICE_NODES, FIRST_MOUNTS, MEMORY_DEV, MORE_MOUNTS, TEMPORARY,
};
use crate::report;
use crate::run::files::write_file;
use crate::run::machine;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::directory::for_each_name;
use crate::sys::network::loopback_up;
use crate::sys::socket;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Bytes of one file of settings, or of an fstab.
pub const FILE_BYTES: usize = 64 * 1024;

/// A file that is being read.
pub struct Memory {
    text: [u8; FILE_BYTES],
}

impl Memory {
    /// An empty table.
    pub const fn new() -> Self {
        Self { text: [0; FILE_BYTES] }
    }
}

/// What every boot needs. From here on nothing ends this process: what fails is said and passed over.
pub fn mount_first() {
    for row in &FIRST_MOUNTS {
        match machine::mount_at_boot(row) {
            Err(CallError { errno: Errno::NODEV, .. }) if row.filesystem == c"devtmpfs" => {
                make_dev()
            }
            Err(error) => say_of_mount(row, error),
            Ok(()) => {}
        }
    }
}

/// A /dev for a kernel that fills none.
fn make_dev() {
    mount(&MEMORY_DEV);
    for node in &DEVICE_NODES {
        if let Err(error) = machine::make_node(node) {
            report::failed_at_boot(error, node.path.to_bytes());
        }
    }
}

fn mount(row: &BootMount) {
    if let Err(error) = machine::mount_at_boot(row) {
        say_of_mount(row, error);
    }
}

fn say_of_mount(row: &BootMount, error: CallError) {
    if !row.is_optional {
        report::failed_at_boot(error, row.target.to_bytes());
    }
}

/// Everything else, each phase on its own. Gives what a check of the root has ended with.
#[inline(never)]
pub fn set_up(start: &Start, memory: &mut Memory) -> Checked {
    MORE_MOUNTS.iter().for_each(mount);
    make_links();
    bring_loopback_up();
    let text = &mut memory.text;
    modules::load_all();
    make_nodes();
    let checked = fstab::prepare_root(start, text);
    if checked != Checked::Fine {
        return checked;
    }
    fstab::mount_all(start, text);
    set_host_name(text);
    set_kernel(text);
    seed::load();
    if accessat(CWD, TEMPORARY.target, Access::WRITE_OK, AtFlags::empty()).is_err() {
        mount(&TEMPORARY);
    }
    checked
}

fn make_links() {
    for (path, to) in &DEVICE_LINKS {
        // devtmpfs has a ptmx of its own, and what is there may be better.
        let _ = symlinkat(*to, CWD, *path);
    }
}

fn bring_loopback_up() {
    let socket = socket::any().map_err(Call::Socket.failed());
    let up = socket.and_then(|socket| loopback_up(socket.as_fd()).map_err(Call::Ioctl.failed()));
    match up {
        // A kernel without a network has no `lo`.
        Ok(()) | Err(CallError { call: Call::Socket, .. }) => {}
        Err(error) => report::failed_at_boot(error, b"lo"),
    }
}

fn set_host_name(text: &mut [u8]) {
    const FILE: &CStr = c"/etc/hostname";
    let named = read_optional(FILE, text).map(first_line);
    let Some(name) = named.filter(|name| !name.is_empty()) else { return };
    if let Err(errno) = rustix::system::sethostname(name) {
        report::failed_at_boot(Call::Sethostname.failed()(errno), FILE.to_bytes());
    }
}

/// /etc/sysctl.d in no order that is promised, then /etc/sysctl.conf, which has the last word.
fn set_kernel(text: &mut [u8]) {
    if let Ok(folder) = open(CWD, c"/etc/sysctl.d", OpenFlags::READ) {
        for_each_name(&folder, &mut |name| {
            if name.to_bytes().ends_with(b".conf") {
                let mut path = Line::new();
                set_from(path.path(&[b"/etc/sysctl.d/", name.to_bytes()]), text);
            }
            true
        });
    }
    set_from(c"/etc/sysctl.conf", text);
}

fn set_from(file: &CStr, text: &mut [u8]) {
    for found in settings(read_optional(file, text).unwrap_or_default()) {
        match found {
            Ok(setting) => set(&setting),
            Err(misread) => report::misread_at_boot(file.to_bytes(), misread),
        }
    }
}

fn set(Setting { key, value, is_optional }: &Setting<'_>) {
    let mut buffer = [0; 512];
    let mut bytes = b"/proc/sys/".iter().copied().chain(setting_path(key));
    let Ok(path) = Arena::new(&mut buffer).collect(&mut || bytes.next()) else { return };
    let result = write_file(path, value);
    if !is_optional && let Err(error) = result {
        report::failed_at_boot(error, path.to_bytes());
    }
}

/// A file that need not be there; one that is there and cannot be read is said.
pub fn read_optional<'t>(path: &CStr, text: &'t mut [u8]) -> Option<&'t [u8]> {
    match read_file(CWD, path, text) {
        Ok(text) => Some(text),
        Err(CallError { errno: Errno::NOENT | Errno::NOTDIR, .. }) => None,
        Err(error) => {
            report::failed_at_boot(error, path.to_bytes());
            None
        }
    }
}
