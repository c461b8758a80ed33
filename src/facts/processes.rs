//! All processes that /proc shows, each by a directory that is open on it.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::files::read_start;
use crate::input::process_status::Stat;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_number;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Room for a line of /proc/PID/stat: 52 numbers of at most 20 digits, and a name.
pub const STAT_BYTES: usize = 1280;
/// A buffer of that size.
pub type StatBuffer = [u8; STAT_BYTES];

/// A process. The directory is that of this process for good: once it has ended everything in it is gone (ESRCH),
/// whoever has its number by then.
pub struct Process {
    /// Its directory below /proc.
    pub directory: Descriptor,
    /// Its number.
    pub pid: i32,
}

impl Process {
    /// Holds the process of this number.
    ///
    /// # Errors
    /// ENOENT: there is none; EMFILE and the like.
    #[inline(never)]
    pub fn open(pid: i32) -> Result<Self, Errno> {
        let mut path = Line::new();
        path.text("/proc/").number(pid.unsigned_abs().into()).text("\0");
        let path = CStr::from_bytes_with_nul(path.bytes()).unwrap_or_default();
        let directory = open(CWD, path, OpenFlags::PATH_DIRECTORY)?;
        Ok(Self { directory, pid })
    }

    /// Reads the start of one of its files, as much as there is room for; nothing once the process has ended, or where
    /// the caller may not read it.
    #[inline(never)]
    pub fn read<'b>(&self, name: &CStr, room: &'b mut [u8]) -> Option<&'b [u8]> {
        read_start(self.directory.as_fd(), name, room).ok()
    }

    /// What /proc/PID/stat says of it.
    pub fn stat<'b>(&self, room: &'b mut StatBuffer) -> Option<Stat<'b>> {
        Stat::read(self.read(c"stat", room)?)
    }
}

/// Calls `act` for each process, by ascending numbers. Those that end meanwhile are left out.
///
/// # Errors
/// openat: there is no /proc.
#[inline(never)]
pub fn for_each_process(act: &mut dyn FnMut(&Process)) -> Result<(), CallError> {
    let all = open(CWD, c"/proc", OpenFlags::READ).map_err(Call::Openat.failed())?;
    for_each_number(&all, &mut |pid| {
        if let Ok(process) = Process::open(pid) {
            act(&process);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_among_the_processes_and_what_has_ended_stays_gone() {
        let own = std::process::id() as i32;
        let mut seen = Vec::new();
        for_each_process(&mut |process| seen.push(process.pid)).unwrap();
        assert!(seen.contains(&own) && seen.is_sorted());
        let mut room = [0; STAT_BYTES];
        let process = Process::open(own).unwrap();
        let stat = process.stat(&mut room).unwrap();
        assert_eq!(stat.parent, std::os::unix::process::parent_id() as i32);
        assert!(stat.resident_pages > 0 && stat.threads > 0);
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let held = Process::open(child.id() as i32).unwrap();
        assert!(held.stat(&mut [0; STAT_BYTES]).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(held.stat(&mut [0; STAT_BYTES]).is_none());
        assert!(Process::open(0).is_err());
    }
}
