//! Undoes what a container leaves on the host; what is gone is no failure.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, CWD, statat, unlinkat};

use super::cgroups;
use super::mounts::{PATH_BYTES, parent_and_name};
use super::network::remove_link;
use super::persist;
use super::removal::remove_below;
use crate::input::record::Undo;
use crate::plan::step::Kind;
use crate::sys::descriptor::{OpenFlags, open, open_below};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::number::parse_u64;
use crate::text::path::parent_end;

/// A container that has left something.
pub struct Left<'a> {
    /// Where relative paths begin.
    pub directory: BorrowedFd<'a>,
    /// The container's root.
    pub root: &'a CStr,
    /// The container's name.
    pub name: &'a CStr,
    /// The pid of its first process, if there was one.
    pub pid: Option<u32>,
    /// CMD has been executed.
    pub started: bool,
}

impl Left<'_> {
    /// Undoes one thing, if it is still what was made.
    ///
    /// # Errors
    /// The call that failed, where something stays that nobody else will remove.
    // Out of line: its buffers would lie in the frame of who waits.
    #[inline(never)]
    pub fn undo(&self, undo: Undo<'_>) -> Result<(), CallError> {
        match undo {
            // Without a first process nobody has been in a cgroup of ours, and what is in one of that name is not ours.
            Undo::Cgroup(path) => return cgroups::remove(path, self.pid.is_some()),
            Undo::Leaf(path) => return cgroups::step_back(path),
            Undo::PidFile(path) => return self.remove_pid_file(path),
            Undo::Pin(_) | Undo::PointOfFile(..) | Undo::PointOfDirectory(..) if self.started => {}
            Undo::Link(link) => remove_link(link, self.name),
            Undo::Pin(path) => persist::remove(self.directory, path),
            Undo::PointOfFile(path, existing) => self.unmake(path, existing, Kind::File),
            Undo::PointOfDirectory(path, existing) => self.unmake(path, existing, Kind::Directory),
        }
        Ok(())
    }

    /// A file that has another pid in it is another's; an empty one is ours, whose pid was to be written.
    fn remove_pid_file(&self, path: &CStr) -> Result<(), CallError> {
        let file = match open(self.directory, path, OpenFlags::READ) {
            Err(Errno::NOENT) => return Ok(()),
            file => file.map_err(Call::Openat.failed())?,
        };
        let mut text = [0; 16];
        let length = rustix::io::read(&file, &mut text).unwrap_or(0);
        let number = text.get(..length).unwrap_or_default().trim_ascii_end();
        let is_ours = self.pid.is_some_and(|pid| parse_u64(number) == Some(pid.into()));
        if is_ours || length == 0 {
            unlinkat(self.directory, path, AtFlags::empty()).map_err(Call::Unlinkat.failed())?;
        }
        Ok(())
    }

    /// Removes what was made of a mount point.
    fn unmake(&self, path: &CStr, existing: usize, mut kind: Kind) {
        let Ok(root) = open(self.directory, self.root, OpenFlags::PATH_DIRECTORY) else { return };
        let path = path.to_bytes();
        let mut end = path.len();
        while end > existing {
            let start = parent_end(path, end);
            let mut buffer = [0; PATH_BYTES];
            let Ok((above, name)) = parent_and_name(path, start, end, &mut buffer) else { return };
            if let Ok(parent) = open_below(root.as_fd(), above, OpenFlags::PATH) {
                remove_made(parent.as_fd(), name, kind);
            }
            (end, kind) = (start, Kind::Directory);
        }
    }
}

/// Removes what was unpacked into a directory that was empty. Only who has seen that it was does so, not who reads a
/// record later: by then it may hold somebody's files.
pub fn empty(path: &CStr) {
    if let Ok(directory) = open(CWD, path, OpenFlags::NAMED_DIRECTORY) {
        let _ = remove_below(&directory);
    }
}

/// Only an empty directory or file goes; whatever else is there now is not ours.
pub fn remove_made(parent: BorrowedFd<'_>, name: &CStr, kind: Kind) {
    let is_empty = |file: rustix::fs::Stat| file.st_size == 0;
    let _ = match kind {
        Kind::Directory => unlinkat(parent, name, AtFlags::REMOVEDIR),
        Kind::File if statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(is_empty) => {
            unlinkat(parent, name, AtFlags::empty())
        }
        Kind::File => Ok(()),
    };
}
