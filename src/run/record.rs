//! The record of a container: who has it locked lives; what must be undone.
//!
//! The kernel takes the lock from who dies, whatever has killed him, so no number is ever taken for a process that had
//! it before. The list of records has a lock of its own, under which one is made and the dead are cleaned up after.

use core::ffi::CStr;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, fcntl_lock, flock, fstat, mkdirat, unlinkat};
use rustix::io::{IoSlice, pread};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::undo::Left;
use crate::input::record::{ENTRY_BYTES, Entry, NAME_BYTES, Undo};
use crate::sys::clock::monotonic_ns;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::{for_each_name, write_current};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::number::decimal;

/// The record of our own container, which we have locked.
pub struct Record {
    /// The directory of all records.
    list: Descriptor,
    name: &'static CStr,
    /// Open as long as this process lives: closing any descriptor of the file once would drop the lock.
    file: Descriptor,
}

/// Room for `NAME/record`.
pub(super) const PATH_BYTES: usize = NAME_BYTES + 8;

impl Record {
    /// Removes what the dead have left, then makes the record `name` in the directory `list`, which is made as well.
    ///
    /// `uid` is the caller's.
    ///
    /// # Errors
    /// The call that failed; EEXIST of mkdirat: a container of that name is running. Nothing of it is left then.
    #[inline(never)]
    pub fn make(list: &CStr, name: &'static CStr, uid: u32) -> Result<Self, CallError> {
        let list = make_list(list)?;
        flock(&list, FlockOperation::LockExclusive).map_err(Call::Flock.failed())?;
        let records = count_of_records(&list, uid)?;
        if records > 0 {
            clean_up(&list, records, name);
        }
        let mut made = make_in(&list, name);
        // Whoever has just removed one of that name took the new directory for his own.
        if matches!(made, Err(CallError { call: Call::Openat, errno: Errno::NOENT })) {
            made = make_in(&list, name);
        }
        match made {
            Ok(file) => {
                // The container's process has the descriptor as well, for a moment.
                flock(&list, FlockOperation::Unlock).map_err(Call::Flock.failed())?;
                Ok(Self { list, name, file })
            }
            Err(error) => {
                if error.call != Call::Mkdirat {
                    remove(&list, name);
                }
                Err(error)
            }
        }
    }

    /// Appends where relative paths begin. Without a directory nothing relative can be found either.
    ///
    /// # Errors
    /// As `add`.
    #[inline(never)]
    pub fn add_directory(&self) -> Result<(), CallError> {
        let mut buffer = [0; ENTRY_BYTES];
        let length = write_current(&mut buffer).unwrap_or(0);
        let path = buffer.get(..length).unwrap_or_default();
        self.add(&Entry::Directory(CStr::from_bytes_with_nul(path).unwrap_or_default()))
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// write: ENOSPC and the like.
    pub fn add(&self, entry: &Entry<'_>) -> Result<(), CallError> {
        add(&self.file, entry)
    }

    /// Undoes what it says, wherever we are. `tell` hears what could not be undone, `None` where the record cannot be
    /// read; whether that is nothing.
    pub fn undo(&self, tell: &mut dyn FnMut(Option<Undo<'_>>, CallError)) -> bool {
        let mut is_all = true;
        undo_all(&self.file, self.name, &mut |undo, error| {
            is_all = false;
            tell(undo, error);
        });
        is_all
    }

    /// Removes the record, once all that it says has been undone; whether it is gone.
    pub fn remove(&self) -> bool {
        remove(&self.list, self.name)
    }

    /// Keeps the files open: this process ends next, and the kernel closes them.
    pub fn leave_open(self) {
        self.list.leave_open();
        self.file.leave_open();
    }
}

const PRIVATE: Mode = Mode::from_raw_mode(0o700);

/// Opens the directory of records, which is made where it is missing.
pub(super) fn make_list(path: &CStr) -> Result<Descriptor, CallError> {
    let list = match open(CWD, path, OpenFlags::READ_DIRECTORY) {
        Err(Errno::NOENT) => {
            match mkdirat(CWD, path, PRIVATE) {
                // Two at once.
                Err(rustix::io::Errno::EXIST) => {}
                made => made.map_err(Call::Mkdirat.failed())?,
            }
            open(CWD, path, OpenFlags::READ_DIRECTORY)
        }
        opened => opened,
    }
    .map_err(Call::Openat.failed())?;
    Ok(list)
}

/// How many directories are in it, each of which is a link to it; 1 on filesystems where they are none. It must be the
/// caller's alone: what is read there is done.
pub(super) fn count_of_records(list: &Descriptor, uid: u32) -> Result<u64, CallError> {
    const LINKS_OF_EMPTY: u64 = 2;
    let status = fstat(list).map_err(Call::Fstat.failed())?;
    if status.st_uid != uid || status.st_mode & 0o022 != 0 {
        return Err(CallError { call: Call::Openat, errno: Errno::ACCES });
    }
    // The number has another size on each machine.
    Ok((status.st_nlink as u64).abs_diff(LINKS_OF_EMPTY))
}

fn make_in(list: &Descriptor, name: &CStr) -> Result<Descriptor, CallError> {
    mkdirat(list, name, PRIVATE).map_err(Call::Mkdirat.failed())?;
    make_file(list, name)
}

/// Makes the file and locks it. A lock of fcntl(2) is the process's, not the descriptor's: no child has it.
fn make_file(list: &Descriptor, name: &CStr) -> Result<Descriptor, CallError> {
    let mut buffer = [0; PATH_BYTES];
    let file = open(list.as_fd(), file_of(name, &mut buffer), OpenFlags::CREATE_LOG)
        .map_err(Call::Openat.failed())?;
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(Call::Fcntl.failed())?;
    Ok(file)
}

pub(super) fn file_of<'b>(name: &CStr, buffer: &'b mut [u8; PATH_BYTES]) -> &'b CStr {
    // A longer name is no record's, and leads nowhere.
    Arena::new(buffer).join(&[name.to_bytes(), b"/record"]).unwrap_or(c"")
}

fn remove(list: &Descriptor, name: &CStr) -> bool {
    let mut buffer = [0; PATH_BYTES];
    let _ = unlinkat(list, file_of(name, &mut buffer), AtFlags::empty());
    unlinkat(list, name, AtFlags::REMOVEDIR).is_ok()
}

fn add(file: &Descriptor, entry: &Entry<'_>) -> Result<(), CallError> {
    let (word, number, path) = entry.parts();
    let mut digits = [0; 20];
    let start = number.map_or(digits.len(), |number| decimal(number as u64, &mut digits));
    let digits = digits.get(start..).unwrap_or_default();
    let blank: &[u8] = if number.is_some() && !path.is_empty() { b" " } else { b"" };
    // One that a killed runner has written in part has no NUL, and is none.
    let parts = [word, digits, blank, path.to_bytes_with_nul()];
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length > ENTRY_BYTES {
        // It could not be read back, nor could what stands behind it.
        return Err(CallError { call: Call::Writev, errno: Errno::NAMETOOLONG });
    }
    match rustix::io::writev(file, &parts.map(IoSlice::new)).map_err(Call::Writev.failed())? {
        written if written == length => Ok(()),
        // A disk that is full by now.
        _ => Err(CallError { call: Call::Writev, errno: Errno::NOSPC }),
    }
}

/// The pid of the first process of the running container `name`, and of its runner, which is the parent.
///
/// # Errors
/// The call that failed; ENOENT or ESRCH: there is no such container.
#[inline(never)]
pub fn find(list: &CStr, name: &CStr) -> Result<(i32, i32), CallError> {
    let list = open(CWD, list, OpenFlags::READ_DIRECTORY).map_err(Call::Openat.failed())?;
    let file = open_file(&list, name)?;
    let runner = runner_of(&file)?;
    let mut pid = None;
    for_each_entry(&file, &mut |entry| {
        if let Entry::Pid(number) = entry {
            pid = Some(number as i32);
        }
    })?;
    let none = CallError { call: Call::Fcntl, errno: Errno::SRCH };
    pid.zip(runner).ok_or(none)
}

/// Opens the directory of records as it is, if it is the caller's alone.
///
/// # Errors
/// The call that failed; EACCES of openat where others may write there.
#[cfg(any(feature = "enter", feature = "see"))]
pub fn open_list(path: &CStr, uid: u32) -> Result<Option<Descriptor>, CallError> {
    match open(CWD, path, OpenFlags::READ_DIRECTORY) {
        Err(Errno::NOENT) => Ok(None),
        Ok(list) => count_of_records(&list, uid).map(|_| Some(list)),
        Err(errno) => Err(Call::Openat.failed()(errno)),
    }
}

/// Opens a record to read.
///
/// # Errors
/// openat: ENOENT, there is none.
pub fn open_file(list: &Descriptor, name: &CStr) -> Result<Descriptor, CallError> {
    let mut buffer = [0; PATH_BYTES];
    open(list.as_fd(), file_of(name, &mut buffer), OpenFlags::READ).map_err(Call::Openat.failed())
}

/// The pid of the process that has a record locked.
///
/// # Errors
/// fcntl(2).
pub fn runner_of(file: &Descriptor) -> Result<Option<i32>, CallError> {
    let lock = fcntl_getlk(file, &Flock::from(FlockType::WriteLock));
    let lock = lock.map_err(Call::Fcntl.failed())?;
    Ok(lock.and_then(|lock| lock.pid).map(rustix::process::Pid::as_raw_pid))
}

/// Whether CMD of the container `name` has been executed, and the file of the filter that it was given, where it was not
/// ours.
///
/// # Errors
/// The call that failed, or ENAMETOOLONG where `arena` has no room for the path: the filter may let less through than
/// ours, so that it must not be left out.
#[inline(never)]
pub fn look_up<'a>(
    list: &CStr,
    name: &CStr,
    arena: &mut Arena<'a>,
) -> Result<(bool, Option<&'a CStr>), CallError> {
    let list = open(CWD, list, OpenFlags::READ_DIRECTORY).map_err(Call::Openat.failed())?;
    let file = open_file(&list, name)?;
    let (mut directory, mut filter, mut started) = (c"", None, false);
    for_each_entry(&file, &mut |entry| match entry {
        // An arena that is full takes nothing more: then the filter finds no room either.
        Entry::Directory(path) => {
            directory = arena.join(&[path.to_bytes(), b"/"]).unwrap_or_default();
        }
        Entry::Filter(path) => {
            let is_whole = path.to_bytes().starts_with(b"/");
            let above = if is_whole { c"" } else { directory };
            filter = Some(arena.join(&[above.to_bytes(), path.to_bytes()]));
        }
        Entry::Started => started = true,
        _ => {}
    })?;
    let no_room = CallError { call: Call::Pread64, errno: Errno::NAMETOOLONG };
    Ok((started, filter.transpose().map_err(|_| no_room)?))
}

/// Of how many records one start finds out whether their runners live.
const LOOKED_AT: u64 = 64;

/// Undoes what containers have left whose runner is dead. Where there are many records each start looks at some, by
/// chance, or a thousand containers would cost each new one three thousand calls; and at the one whose name it wants.
#[inline(never)]
fn clean_up(list: &Descriptor, records: u64, name: &CStr) {
    let turns = records / LOOKED_AT + 1;
    let mut until = 0;
    if turns > 1 {
        let _ = clean_up_after(list, name, Ended::Stay);
        until = monotonic_ns() % turns;
    }
    for_each_name(list, &mut |name| {
        if until == 0 {
            let _ = clean_up_after(list, name, Ended::Stay);
            until = turns;
        }
        until -= 1;
        true
    });
}

/// What becomes of the records of containers that have ended and left nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Stay,
    Go,
}

/// Cleans up after a container whose runner is dead; false where it lives, and nothing is done.
#[inline(never)]
fn clean_up_after(list: &Descriptor, name: &CStr, ended: Ended) -> bool {
    let mut buffer = [0; PATH_BYTES];
    match open(list.as_fd(), file_of(name, &mut buffer), OpenFlags::UPDATE) {
        // Somebody was killed between the directory and its file, while making or removing a record.
        Err(Errno::NOENT) => drop(remove(list, name)),
        Ok(file) if is_locked(&file) => return false,
        Ok(file) => {
            let has_ended = has_status(&file);
            if !has_ended {
                // Whoever cleans up does so beside his own work.
                undo_all(&file, name, &mut |_, _| {});
            }
            if !has_ended || ended == Ended::Go {
                remove(list, name);
            }
        }
        Err(_) => {}
    }
    true
}

/// Removes the record of a container that nobody runs, and what it has left; false where somebody does.
///
/// # Errors
/// flock(2).
#[cfg(feature = "enter")]
pub fn forget(list: &Descriptor, name: &CStr) -> Result<bool, CallError> {
    flock(list, FlockOperation::LockExclusive).map_err(Call::Flock.failed())?;
    let is_gone = clean_up_after(list, name, Ended::Go);
    flock(list, FlockOperation::Unlock).map_err(Call::Flock.failed())?;
    Ok(is_gone)
}

fn is_locked(file: &Descriptor) -> bool {
    // Where it cannot be told nothing is done.
    fcntl_getlk(file, &Flock::from(FlockType::WriteLock)).map_or(true, |lock| lock.is_some())
}

/// Undoes what a record says, from its first entry on: it was written in reverse. `failed` hears what stays.
#[inline(never)]
fn undo_all(file: &Descriptor, name: &CStr, failed: &mut dyn FnMut(Option<Undo<'_>>, CallError)) {
    let mut directory = Err(Errno::NOENT);
    let mut root = [0; ENTRY_BYTES];
    let mut room = Arena::new(&mut root);
    let mut left = Left { directory: CWD, root: c"", name, pid: None, started: false };
    // What can be read is undone, whatever stands behind it.
    let _ = for_each_entry(file, &mut |entry| match entry {
        Entry::Directory(path) => directory = open(CWD, path, OpenFlags::PATH_DIRECTORY),
        Entry::Root(path) => left.root = room.join(&[path.to_bytes()]).unwrap_or(c""),
        Entry::Pid(pid) => left.pid = Some(pid),
        Entry::Started => left.started = true,
        Entry::Status(_) | Entry::Log(_) | Entry::NoInit | Entry::Filter(_) | Entry::Undo(_) => {}
    });
    let found = directory.as_ref().map(Descriptor::as_fd).map_err(|errno| *errno);
    left.directory = found.unwrap_or(CWD);
    let read = for_each_entry(file, &mut |entry| {
        let Entry::Undo(undo) = entry else { return };
        // What is relative to a directory that is gone cannot be found.
        let undone = match found {
            Err(errno) if !matches!(undo, Undo::Cgroup(_) | Undo::Leaf(_)) => {
                Err(Call::Openat.failed()(errno))
            }
            _ => left.undo(undo),
        };
        if let Err(error) = undone {
            failed(Some(undo), error);
        }
    });
    if let Err(error) = read {
        failed(None, error);
    }
}

/// Whether a container has ended and nothing of it is left to undo.
fn has_status(file: &Descriptor) -> bool {
    let mut found = false;
    let _ = for_each_entry(file, &mut |entry| found |= matches!(entry, Entry::Status(_)));
    found
}

/// Calls `act` for each entry of a record, from the first on.
///
/// # Errors
/// pread(2).
pub fn for_each_entry(file: &Descriptor, act: &mut dyn FnMut(Entry<'_>)) -> Result<(), CallError> {
    let mut buffer = [0; ENTRY_BYTES];
    let mut offset = 0;
    loop {
        let length = pread(file, &mut buffer, offset).map_err(Call::Pread64.failed())?;
        let read = buffer.get(..length).unwrap_or_default();
        let Ok(string) = CStr::from_bytes_until_nul(read) else { return Ok(()) };
        offset += string.to_bytes_with_nul().len() as u64;
        if let Some(entry) = Entry::read(string) {
            act(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::path::Path;

    fn c_path(path: &Path) -> CString {
        CString::new(path.to_str().unwrap()).unwrap()
    }

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn an_entry_that_could_not_be_read_back_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let list = c_path(&folder.path().join("list"));
        let record = Record::make(&list, c"long", own_uid()).unwrap();
        let path = CString::new(vec![b'x'; ENTRY_BYTES]).unwrap();
        let error = record.add(&Entry::Undo(Undo::PidFile(&path))).unwrap_err();
        assert_eq!((error.call, error.errno), (Call::Writev, Errno::NAMETOOLONG));
        // Else nothing behind it would be found.
        record.add(&Entry::Undo(Undo::Cgroup(c"/cg"))).unwrap();
        let mut found = 0;
        let mut look = |entry: Entry<'_>| {
            found += usize::from(entry == Entry::Undo(Undo::Cgroup(c"/cg")));
        };
        for_each_entry(&record.file, &mut look).unwrap();
        assert_eq!(found, 1);
        assert!(record.remove());
    }

    #[test]
    fn a_filter_whose_path_finds_no_room_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let list = c_path(&folder.path().join("list"));
        let record = Record::make(&list, c"filtered", own_uid()).unwrap();
        record.add(&Entry::Directory(c"/srv/containers")).unwrap();
        record.add(&Entry::Filter(c"strict.json")).unwrap();
        let look = |room: usize| {
            let mut room = vec![0; room];
            let found = look_up(&list, c"filtered", &mut Arena::new(&mut room));
            found.map(|(started, filter)| (started, filter.map(CStr::to_owned)))
        };
        let path = c"/srv/containers/strict.json".to_owned();
        assert_eq!(look(200), Ok((false, Some(path))));
        // Else CMD would get the default, which may let more through.
        for room in [1, 20, 40] {
            assert_eq!(look(room).unwrap_err().errno, Errno::NAMETOOLONG, "{room}");
        }
        assert!(record.remove());
    }
}
