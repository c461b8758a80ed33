//! All records of containers, and what each says of its container.

use core::ffi::CStr;

use rustix::fs::{CWD, SeekFrom, fstat, seek};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::record::{PATH_BYTES, file_of, for_each_entry, may_have_records};
use crate::facts::processes::Process;
use crate::input::record::Entry;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_name;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// What a record says.
pub struct Container<'a> {
    /// The container's name.
    pub name: &'a CStr,
    /// The pid of its runner, which lives; 0 when it has ended.
    pub runner: i32,
    /// Its first process, which is the runner's child.
    pub first: Option<Process>,
    /// CMD has been executed.
    pub is_started: bool,
    /// How it has ended.
    pub status: Option<u32>,
    /// When the record was written last, in seconds since 1970.
    pub changed_s: u64,
}

/// The directory of the caller's records; none where there is none.
///
/// # Errors
/// The call that failed; EACCES where it is somebody else's.
#[inline(never)]
pub fn open_list(path: &CStr, uid: u32) -> Result<Option<Descriptor>, CallError> {
    match open(CWD, path, OpenFlags::READ_DIRECTORY) {
        Err(Errno::NOENT) => Ok(None),
        Ok(list) => may_have_records(&list, uid).map(|_| Some(list)),
        Err(errno) => Err(CallError { call: Call::Openat, errno }),
    }
}

/// Calls `act` for each container of a list.
pub fn for_each_container(list: &Descriptor, act: &mut dyn FnMut(Container<'_>)) {
    // It may have been read before.
    let _ = seek(list, SeekFrom::Start(0));
    for_each_name(list, &mut |name| {
        if let Some(container) = look_at(list, name) {
            act(container);
        }
        true
    });
}

/// What the record of this name says; none where there is no such record.
#[must_use]
#[inline(never)]
pub fn look_at<'a>(list: &Descriptor, name: &'a CStr) -> Option<Container<'a>> {
    let mut buffer = [0; PATH_BYTES];
    let path = file_of(name, &mut buffer);
    let file = open(list.as_fd(), path, OpenFlags::READ).ok()?;
    let lock = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()?;
    let runner = lock.and_then(|lock| lock.pid).map_or(0, rustix::process::Pid::as_raw_pid);
    let changed_s = fstat(&file).map_or(0, |status| status.st_mtime as u64);
    let mut container =
        Container { name, runner, first: None, is_started: false, status: None, changed_s };
    let mut pid = None;
    for_each_entry(&file, &mut |entry| match entry {
        Entry::Pid(number) => pid = Some(number as i32),
        Entry::Started => container.is_started = true,
        Entry::Status(status) => container.status = Some(status),
        _ => {}
    });
    // A number in a record may be another's by now: it is held first, and then its parent must be the runner.
    let first = pid.and_then(|pid| Process::open(pid).ok());
    let parent = |process: &Process| process.stat(&mut [0; 1280]).map_or(0, |stat| stat.parent);
    container.first = first.filter(|process| runner > 0 && parent(process) == runner);
    Some(container)
}
