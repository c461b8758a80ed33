//! The mounts that a process sees: by statmount(2), else by mountinfo.

use core::ffi::CStr;

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
use rustix::io::read;

use super::namespaces::{MOUNT, open_of};
use super::processes::Process;
use crate::input::mount_info::{MountRow, read_line};
use crate::input::mount_status::{MountStatus, Text, WANTED};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::memory::List;
use crate::sys::mount::namespace_number;
use crate::sys::mount_table::{describe, list};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::escape::take_unescaped;
use crate::text::line::Line;
use crate::text::parts::parts;

/// Numbers of mounts that are asked for at once.
const NUMBERS: usize = 256;
/// Room for one mount at first: paths and options are longer than this seldom.
const STATUS_BYTES: usize = 4096;
/// What is read of a file at once.
const READ_BYTES: usize = 16 * 1024;

/// Reads the whole of a process's file into a list, in the place of what that has. The list may not hold it: it says so
/// when it is asked.
///
/// # Errors
/// openat, read.
#[inline(never)]
pub fn read_whole<'t>(
    process: &Process,
    name: &CStr,
    text: &'t mut List<u8>,
) -> Result<&'t [u8], CallError> {
    text.truncate(0);
    let file = open(process.directory.as_fd(), name, OpenFlags::READ);
    let file = file.map_err(Call::Openat.failed())?;
    loop {
        let room = text.spare(READ_BYTES);
        match read(&file, room).map_err(Call::Read.failed())? {
            0 => break,
            count => text.take(count),
        }
    }
    Ok(text.items())
}

/// What tables of mounts are read into.
pub struct MountMemory {
    /// The table, or what the kernel says of one mount.
    text: List<u8>,
    /// The strings of one mount.
    row: List<u8>,
}

impl Default for MountMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl MountMemory {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: List::new(), row: List::new() }
    }

    /// Whether something could not be held.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.text.has_failed() | self.row.has_failed()
    }
}

/// Calls `act` for each mount, in the order of mountinfo. What `memory` cannot hold is not told.
///
/// # Errors
/// openat, read: the process has ended, or there is no /proc.
#[inline(never)]
pub fn for_each_mount(
    process: &Process,
    by_mount_info: bool,
    memory: &mut MountMemory,
    act: &mut dyn FnMut(MountRow<'_>),
) -> Result<(), CallError> {
    if !by_mount_info && let Some(namespace) = whole_namespace(process, &mut memory.text) {
        return by_numbers(namespace, memory, act);
    }
    let MountMemory { text, row } = memory;
    for line in parts(read_whole(process, c"mountinfo", text)?, b'\n') {
        row.truncate(0);
        if let Some((id, parent)) = read_line(line, &mut |byte| row.push(byte)) {
            act(MountRow { id, parent, texts: row.items() });
        }
    }
    Ok(())
}

/// The number of a process's mount namespace for statmount(2), when that can tell what mountinfo does: when the process
/// has the namespace's own root, and the caller may ask.
#[inline(never)]
fn whole_namespace(process: &Process, text: &mut List<u8>) -> Option<u64> {
    /// Linux 6.8.
    const UNIQUE_NUMBER: StatxFlags = StatxFlags::from_bits_retain(0x4000);
    let file = open_of(process, MOUNT)?;
    let namespace = namespace_number(file.as_fd()).ok()?;
    let root = statx(&process.directory, c"root", AtFlags::empty(), UNIQUE_NUMBER).ok()?;
    if !root.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return None;
    }
    // Where the kernel does not know that number it has given another one, which statmount does not know.
    let status = MountStatus::new(describe_whole(namespace, root.stx_mnt_id, text).ok()?)?;
    (status.tells_all() && status.text(Text::Target) == b"/").then_some(namespace)
}

#[inline(never)]
fn by_numbers(
    namespace: u64,
    memory: &mut MountMemory,
    act: &mut dyn FnMut(MountRow<'_>),
) -> Result<(), CallError> {
    let mut numbers = [0; NUMBERS];
    let mut after = 0;
    loop {
        let count = list(namespace, after, &mut numbers).map_err(Call::Listmount.failed())?;
        for number in numbers.iter().take(count) {
            after = *number;
            match describe_whole(namespace, *number, &mut memory.text) {
                Ok(status) => tell(status, &mut memory.row, act),
                // It has gone meanwhile.
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(Call::Statmount.failed()(errno)),
            }
        }
        if count < NUMBERS {
            return Ok(());
        }
    }
}

/// Makes as much room as it takes.
fn describe_whole(namespace: u64, number: u64, text: &mut List<u8>) -> Result<&[u8], Errno> {
    text.truncate(0);
    let mut wanted = STATUS_BYTES;
    loop {
        match describe(namespace, number, WANTED, text.spare(wanted)) {
            Err(Errno::OVERFLOW) if !text.has_failed() => wanted *= 2,
            answer => return answer.map(|()| &*text.spare(wanted)),
        }
    }
}

/// Makes the strings that a line of mountinfo has.
#[inline(never)]
fn tell(status: &[u8], row: &mut List<u8>, act: &mut dyn FnMut(MountRow<'_>)) {
    let Some(status) = MountStatus::new(status) else { return };
    row.truncate(0);
    let mut line = Line::new();
    let (major, minor) = status.device();
    line.number(major.into()).text(":").number(minor.into()).text("\0");
    row.extend(line.bytes());
    add_text(&status, Text::Root, row);
    add_text(&status, Text::Target, row);
    line.clear();
    status.flags(&mut line);
    line.text("\0");
    status.propagation(&mut line);
    row.extend(line.text("\0").bytes());
    row.extend(status.text(Text::Kind));
    let subtype = status.text(Text::Subtype);
    if !subtype.is_empty() {
        row.push(b'.');
        row.extend(subtype);
    }
    row.push(0);
    add_text(&status, Text::Source, row);
    line.clear();
    status.general_options(&mut line);
    let mut options = status.text(Text::Options);
    row.extend(line.text(if options.is_empty() { "" } else { "," }).bytes());
    while let Some(byte) = take_unescaped(&mut options) {
        row.push(byte);
    }
    row.push(0);
    act(MountRow { id: status.id(), parent: status.parent(), texts: row.items() });
}

#[inline(never)]
fn add_text(status: &MountStatus<'_>, text: Text, row: &mut List<u8>) {
    row.extend(status.text(text));
    row.push(0);
}
