//! All records of containers, and what each says of its container.

use core::ffi::CStr;

use rustix::fs::{SeekFrom, fstat, seek};

use super::record::{for_each_entry, open_file, runner_of};
use crate::facts::processes::Process;
use crate::input::record::Entry;
use crate::sys::descriptor::Descriptor;
use crate::sys::directory::for_each_name;

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
    let file = open_file(list, name).ok()?;
    let runner = runner_of(&file).ok()?.unwrap_or(0);
    let changed_s = fstat(&file).map_or(0, |status| status.st_mtime as u64);
    let mut container =
        Container { name, runner, first: None, is_started: false, status: None, changed_s };
    let mut pid = None;
    let _ = for_each_entry(&file, &mut |entry| match entry {
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
