//! A container's cgroups: made, filled, asked, emptied and removed.

use core::ffi::CStr;

use rustix::fs::{AtFlags, CWD, Mode, XattrFlags, getxattr, mkdirat, setxattr, unlinkat};
use rustix::io::{pread, read, write};

use super::descendants::for_each_pid;
use crate::input::cgroup_files::{named, number_of};
use crate::input::resources::Controllers;
use crate::plan::cgroups::{Cgroup, Devices, Setting};
use crate::plan::describe::words::append_device;
use crate::sys::bpf::{attach_device_program, load_device_program};
use crate::sys::clock::monotonic_ms;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_name;
use crate::sys::poll::{self, Entry, wait_at_most};
use crate::sys::process::{Pid, own_pid};
use crate::sys::signal::{Signal, kill};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::path::{next_end, parent_end};

type Outcome = Result<(), CallError>;

/// How often a parent may be removed by others while a cgroup is being made in it.
const ATTEMPTS: usize = 64;
/// A file of a cgroup that is read is shorter than this.
const FILE_BYTES: usize = 1024;
/// How long the processes of a cgroup may take to be gone once they have been killed.
const PATIENCE_MS: u64 = 2000;

/// How deep cgroups may lie below a container's that are removed with it.
const DEPTH: usize = 16;

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// Makes a cgroup and what is missing above it.
///
/// # Errors
/// The call that failed; EEXIST where there is one of this name.
pub fn make(cgroup: &Cgroup<'_>) -> Outcome {
    let mut made = make_levels(cgroup);
    for _ in 1..ATTEMPTS {
        // The last container below a parent has just removed that parent.
        let is_gone = CallError { errno: Errno::NOENT, call: Call::Mkdirat };
        if made != Err(is_gone) && made != Err(CallError { call: Call::Openat, ..is_gone }) {
            break;
        }
        made = make_levels(cgroup);
    }
    made.inspect_err(|_| {
        let _ = remove_above(cgroup.path.to_bytes());
    })
}

fn make_levels(cgroup: &Cgroup<'_>) -> Outcome {
    let path = cgroup.path.to_bytes();
    let mut end = usize::from(cgroup.start);
    while let Some(next) = next_end(path, end) {
        let above = path.get(..end).unwrap_or_default();
        let level = path.get(..next).unwrap_or_default();
        if cgroup.unified {
            hand_on(above, cgroup.controllers, b"+")?;
        }
        let mut line = Line::new();
        let directory = line.raw(level).as_path();
        let is_shared = next < path.len();
        match mkdirat(CWD, directory, DIRECTORY_MODE) {
            Err(rustix::io::Errno::EXIST) if is_shared => {}
            // One without a mark would be nobody's to remove.
            Ok(()) if is_shared => mark(directory, cgroup.unified).inspect_err(|_| {
                let _ = remove_level(level);
            })?,
            answer => answer.map_err(Call::Mkdirat.failed())?,
        }
        if cgroup.has_empty_sets()
            && let Err(error) = copy_sets(above, level)
        {
            if !is_shared {
                let _ = remove_level(level);
            }
            return Err(error);
        }
        end = next;
    }
    Ok(())
}

/// Gives a cgroup the processors and memory nodes of the one above, where it has none.
fn copy_sets(from: &[u8], to: &[u8]) -> Outcome {
    for file in ["/cpuset.cpus", "/cpuset.mems"] {
        let mut buffer = [0; FILE_BYTES];
        if read_file(to, file, &mut buffer)?.trim_ascii().is_empty() {
            write_file(to, file, read_file(from, file, &mut buffer)?)?;
        }
    }
    Ok(())
}

/// Lets those below a cgroup of v2 have these controllers (`+`), or not any more (`-`).
#[inline(never)]
fn hand_on(path: &[u8], controllers: Controllers, sign: &[u8]) -> Outcome {
    let mut text = Line::new();
    for controller in &Controllers::EACH {
        if controllers.has(*controller) && *controller != Controllers::DEVICES {
            text.raw(sign).raw(controller.name()).text(" ");
        }
    }
    match text.bytes() {
        b"" => Ok(()),
        list => write_file(path, "/cgroup.subtree_control", list),
    }
}

/// Writes one value.
///
/// # Errors
/// The call that failed.
pub fn set(setting: &Setting<'_>) -> Outcome {
    match write_file(setting.path.to_bytes(), "", setting.value.to_bytes()) {
        Err(CallError { call: Call::Openat, errno: Errno::NOENT }) if setting.optional => Ok(()),
        answer => answer,
    }
}

/// Sets which devices can be used.
///
/// # Errors
/// The call that failed, where the rules were asked for.
pub fn restrict_devices(devices: &Devices<'_>) -> Outcome {
    let Some(program) = devices.program else { return list_devices(devices) };
    match attach_program(devices.path, program) {
        Err(_) if devices.optional => Ok(()),
        answer => answer,
    }
}

/// Without rules nothing can be used; each line adds some.
#[inline(never)]
fn list_devices(devices: &Devices<'_>) -> Outcome {
    let path = devices.path.to_bytes();
    write_file(path, "/devices.deny", b"a")?;
    for rule in &devices.rules {
        let mut line = Line::new();
        append_device(rule, &mut line);
        write_file(path, "/devices.allow", line.bytes())?;
    }
    Ok(())
}

fn attach_program(path: &CStr, program: &[u8]) -> Outcome {
    let cgroup = open(CWD, path, OpenFlags::READ).map_err(Call::Openat.failed())?;
    let program = load_device_program(program).map_err(Call::Bpf.failed())?;
    attach_device_program(cgroup.as_fd(), program.as_fd()).map_err(Call::Bpf.failed())
}

/// Puts a process, and so all that it will start, into a cgroup.
///
/// # Errors
/// The call that failed.
pub fn put(pid: Pid, path: &[u8]) -> Outcome {
    let mut line = Line::new();
    line.number(pid.0.unsigned_abs().into());
    write_file(path, "/cgroup.procs", line.bytes())
}

/// Makes a leaf below our own cgroup and goes there, so that the cgroup has no processes of its own; with the process that
/// waits for the start of a container in the background, which is rootlet too.
///
/// # Errors
/// The call that failed; nothing is left then.
pub fn step_aside(leaf: &CStr, caller: Option<Pid>) -> Outcome {
    mkdirat(CWD, leaf, DIRECTORY_MODE).map_err(Call::Mkdirat.failed())?;
    let path = leaf.to_bytes();
    let mut moved = caller.map_or(Ok(()), |caller| put(caller, path));
    if moved.is_ok() {
        moved = put(Pid(own_pid()), path);
    }
    if moved.is_err() {
        let _ = step_back(leaf);
    }
    moved
}

/// Undoes `step_aside`, whether we are in the leaf or not.
///
/// # Errors
/// The call that failed; that it is not there is no failure.
pub fn step_back(leaf: &CStr) -> Outcome {
    let path = leaf.to_bytes();
    let above = path.get(..parent_end(path, path.len())).unwrap_or_default();
    let mut buffer = [0; FILE_BYTES];
    if let Ok(list) = read_file(above, "/cgroup.subtree_control", &mut buffer) {
        // Where others need them they stay.
        let _ = hand_on(above, named(list, b' '), b"-");
    }
    // Nobody but rootlet has ever gone there; 0 is a process of another pid namespace. Whoever cannot go back is why the
    // leaf stays.
    if let Ok(members) = open_file(path, "/cgroup.procs", OpenFlags::READ) {
        for_each_pid(&members, &mut |pid| {
            if pid > 0 {
                let _ = put(Pid(pid), above);
            }
        });
    }
    remove_level(path)
}

/// How often the kernel has killed a process of this cgroup because memory was short.
#[must_use]
pub fn count_of_kills(cgroup: &Cgroup<'_>) -> u64 {
    let file = if cgroup.unified { "/memory.events" } else { "/memory.oom_control" };
    let mut buffer = [0; FILE_BYTES];
    let text = read_file(cgroup.path.to_bytes(), file, &mut buffer);
    text.map_or(0, |text| number_of(text, b"oom_kill"))
}

/// Removes a cgroup, and what was made for it above, if nothing else is in that. Where it was a container's, what is still
/// in it is killed: nobody but its processes has ever been put there.
///
/// # Errors
/// The call that failed; that it is not there is no failure.
#[inline(never)]
pub fn remove(path: &CStr, was_used: bool) -> Outcome {
    let path = path.to_bytes();
    if remove_level(path).is_err() {
        if was_used && let Ok(directory) = open_file(path, "", OpenFlags::READ) {
            empty(&directory, DEPTH);
        }
        remove_level(path)?;
    }
    remove_above(path)
}

/// Removes the shared ones above that nobody else uses.
fn remove_above(path: &[u8]) -> Outcome {
    let mut above = path;
    loop {
        above = above.get(..parent_end(path, above.len())).unwrap_or_default();
        if !is_marked(above) {
            return Ok(());
        }
        match remove_level(above) {
            Err(CallError { errno: Errno::BUSY, .. }) => return Ok(()),
            removed => removed?,
        }
    }
}

/// An attribute of cgroups that containers share and rootlet has made: the last one removes them, whoever made them. A
/// user may set only the other, which v1 has not always had.
const MARKS: [&CStr; 2] = [c"trusted.rootlet", c"user.rootlet"];

fn mark(path: &CStr, unified: bool) -> Outcome {
    let [v1, v2] = MARKS;
    let name = if unified { v2 } else { v1 };
    setxattr(path, name, &[], XattrFlags::empty()).map_err(Call::Setxattr.failed())
}

#[inline(never)]
fn is_marked(path: &[u8]) -> bool {
    let mut line = Line::new();
    let path = line.raw(path).as_path();
    MARKS.iter().any(|name| getxattr(path, *name, &mut [0_u8; 0]).is_ok())
}

fn remove_level(path: &[u8]) -> Outcome {
    let mut line = Line::new();
    match unlinkat(CWD, line.raw(path).as_path(), AtFlags::REMOVEDIR) {
        Err(rustix::io::Errno::NOENT) => Ok(()),
        answer => answer.map_err(Call::Unlinkat.failed()),
    }
}

/// Kills what is in a cgroup, and removes those below it, which a container with every capability can make. By
/// descriptors: names that the container has chosen can make a path longer than a line.
fn empty(directory: &Descriptor, depth: usize) {
    kill_all(directory);
    for_each_name(directory, &mut |name| {
        let remove = || unlinkat(directory, name, AtFlags::REMOVEDIR);
        // A file is no directory: another errno.
        if remove() == Err(rustix::io::Errno::BUSY)
            && depth > 0
            && let Ok(below) = open(directory.as_fd(), name, OpenFlags::READ_DIRECTORY)
        {
            empty(&below, depth - 1);
            let _ = remove();
        }
        true
    });
}

/// Kills what is in a cgroup and waits for its end, but not for ever.
#[inline(never)]
fn kill_all(directory: &Descriptor) {
    let end_ms = monotonic_ms() + PATIENCE_MS;
    let file = |name, flags| open(directory.as_fd(), name, flags);
    let events = file(c"cgroup.events", OpenFlags::READ);
    if let Ok(kill) = file(c"cgroup.kill", OpenFlags::WRITE) {
        let _ = write(&kill, b"1");
    }
    let mut pause_ms = 1;
    loop {
        let left_ms = end_ms.saturating_sub(monotonic_ms());
        let mut is_populated = false;
        if let Ok(events) = &events {
            // One that is gone has nobody.
            is_populated = number_in(events, b"populated").unwrap_or(0) != 0;
        } else if let Ok(members) = file(c"cgroup.procs", OpenFlags::READ) {
            for_each_pid(&members, &mut |pid| {
                is_populated = true;
                // Those of other pid namespaces are 0, which would be all of our own group.
                if pid > 0 && pid != own_pid() {
                    let _ = kill(pid, Signal::KILL);
                }
            });
        }
        if !is_populated || left_ms == 0 {
            return;
        }
        await_change(events.as_ref().ok(), left_ms, &mut pause_ms);
    }
}

/// How long a container may take to stand still.
#[cfg(feature = "enter")]
const FREEZE_MS: u64 = 10_000;
/// How often it is looked whether the cgroup is there.
#[cfg(feature = "enter")]
const GONE_MS: u64 = 100;

/// Stops all processes of a cgroup until they are let go on again, or lets them go on; whether they stand still then, or
/// go on. Source: cgroup-v2, "cgroup.freeze"; cgroup-v1, "freezer-subsystem".
///
/// # Errors
/// ENOENT of openat: this cgroup cannot do it. ENODEV: it has just been removed.
#[cfg(feature = "enter")]
#[inline(never)]
pub fn freeze(path: &CStr, stop: bool) -> Result<bool, CallError> {
    let path = path.to_bytes();
    let end_ms = monotonic_ms() + FREEZE_MS;
    let wanted: &[u8] = if stop { b"FROZEN" } else { b"THAWED" };
    let events = open_file(path, "/cgroup.events", OpenFlags::READ);
    match &events {
        Ok(_) => write_file(path, "/cgroup.freeze", if stop { b"1" } else { b"0" })?,
        Err(_) => write_file(path, "/freezer.state", wanted)?,
    }
    let mut pause_ms = 1;
    loop {
        let left_ms = end_ms.saturating_sub(monotonic_ms());
        let mut buffer = [0; FILE_BYTES];
        let is_done = match &events {
            // Nobody waits for those that go on: somebody else may pause them again.
            _ if !stop => true,
            Ok(events) => number_in(events, b"frozen")? != 0,
            Err(_) => read_file(path, "/freezer.state", &mut buffer)?.trim_ascii() == wanted,
        };
        if is_done || left_ms == 0 {
            return Ok(is_done);
        }
        // The kernel says nothing when the cgroup goes because its container has ended.
        await_change(events.as_ref().ok(), left_ms.min(GONE_MS), &mut pause_ms);
    }
}

/// Waits until the kernel says that something has changed, at most `left_ms`; v1 does not say so, and is asked again after
/// a pause that is doubled each time.
#[inline(never)]
fn await_change(events: Option<&Descriptor>, left_ms: u64, pause_ms: &mut u32) {
    let left_ms = left_ms as u32;
    match events {
        Some(events) => {
            let entry = Entry::new(events.as_fd(), poll::PRIORITY);
            wait_at_most(&mut [entry], left_ms);
        }
        None => {
            let wait_ms = left_ms.min(*pause_ms);
            wait_at_most(&mut [], wait_ms);
            *pause_ms = wait_ms * 2;
        }
    }
}

/// Kills all processes of a cgroup of v2 at once.
#[cfg(feature = "enter")]
pub fn kill_at_once(path: &CStr) {
    let _ = write_file(path.to_bytes(), "/cgroup.kill", b"1");
}

/// The number behind a key of a file that stays open.
#[inline(never)]
fn number_in(events: &Descriptor, key: &[u8]) -> Result<u64, CallError> {
    let mut buffer = [0; FILE_BYTES];
    let length = pread(events, buffer.as_mut_slice(), 0).map_err(Call::Pread64.failed())?;
    Ok(number_of(buffer.get(..length).unwrap_or_default(), key))
}

fn open_file(path: &[u8], name: &str, flags: OpenFlags) -> Result<Descriptor, CallError> {
    let mut line = Line::new();
    open(CWD, line.raw(path).text(name).as_path(), flags).map_err(Call::Openat.failed())
}

#[inline(never)]
fn write_file(path: &[u8], name: &str, text: &[u8]) -> Outcome {
    let file = open_file(path, name, OpenFlags::WRITE)?;
    write(&file, text).map_err(Call::Write.failed())?;
    Ok(())
}

/// Reads a file of a cgroup.
///
/// # Errors
/// The call that failed; EFBIG where it is longer than the buffer: half of a list of processors would be another list.
fn read_file<'b>(
    path: &[u8],
    name: &str,
    buffer: &'b mut [u8; FILE_BYTES],
) -> Result<&'b [u8], CallError> {
    let file = open_file(path, name, OpenFlags::READ)?;
    let length = read(&file, buffer.as_mut_slice()).map_err(Call::Read.failed())?;
    if length == FILE_BYTES {
        return Err(CallError { call: Call::Read, errno: Errno::FBIG });
    }
    Ok(buffer.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs;
    use std::path::Path;

    // Directories stand for cgroups: they lack the kernel's files, so what needs these fails.

    fn c_path(path: &Path) -> CString {
        CString::new(path.to_str().unwrap()).unwrap()
    }

    #[test]
    fn a_level_that_cannot_be_marked_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let path = c_path(&folder.path().join("shared/own"));
        let start = folder.path().to_str().unwrap().len() as u16;
        // Only root may set the attribute that marks a cgroup of v1: EPERM.
        let made = std::thread::spawn(move || {
            let user = rustix::process::Uid::from_raw(65534);
            let _ = rustix::thread::set_thread_res_uid(user, user, user);
            let controllers = Controllers::MEMORY;
            make(&Cgroup { path: &path, start, unified: false, controllers })
        });
        let error = made.join().unwrap().unwrap_err();
        assert_eq!((error.call, error.errno), (Call::Setxattr, Errno::PERM));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn who_cannot_step_aside_leaves_no_leaf() {
        let folder = tempfile::tempdir().unwrap();
        let leaf = c_path(&folder.path().join("supervisor"));
        let error = step_aside(&leaf, None).unwrap_err();
        assert_eq!((error.call, error.errno), (Call::Openat, Errno::NOENT));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // A leaf that was there before is another rootlet's.
        fs::create_dir(folder.path().join("supervisor")).unwrap();
        assert_eq!(step_aside(&leaf, None).unwrap_err().errno, Errno::EXIST);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_list_of_processors_is_copied_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (above, below) = (folder.path().join("above"), folder.path().join("below"));
        let long: String = (0..300).map(|number| format!("{number},")).collect();
        for directory in [&above, &below] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("cpuset.mems"), "0\n").unwrap();
            fs::write(directory.join("cpuset.cpus"), "\n").unwrap();
        }
        let copy = || copy_sets(c_path(&above).to_bytes(), c_path(&below).to_bytes());
        fs::write(above.join("cpuset.cpus"), &long).unwrap();
        let error = copy().unwrap_err();
        assert_eq!((error.call, error.errno), (Call::Read, Errno::FBIG));
        assert_eq!(fs::read_to_string(below.join("cpuset.cpus")).unwrap(), "\n");
        fs::write(above.join("cpuset.cpus"), "0-3").unwrap();
        copy().unwrap();
        assert_eq!(fs::read_to_string(below.join("cpuset.cpus")).unwrap(), "0-3");
    }
}
