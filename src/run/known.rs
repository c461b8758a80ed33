//! A container by its name: whether it runs, signals to it, its end.

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, fstat};

use super::cgroups;
use super::descendants::{for_each_child_of, is_below, open_child};
use super::process_files::path_of;
use super::record::{for_each_entry, open_file, runner_of};
use crate::facts::files::number_at;
use crate::input::record::{Entry, Undo};
use crate::sys::clock::monotonic_ms;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_number;
use crate::sys::poll::{self, wait_at_most};
use crate::sys::process::{Pid, open_process, own_pid};
use crate::sys::signal::{FOR_EVER, Signal, signal_process};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// A container that has a record.
pub struct Known<'a> {
    /// Its name.
    pub name: &'a CStr,
    /// Its record, which is there for us though somebody removes it.
    file: Descriptor,
    /// Who runs it, held: no number of it is another's.
    runner: Option<(Descriptor, i32)>,
}

/// What its record says beside what is to be undone.
#[derive(Clone, Copy)]
pub struct State {
    /// The pid of its first process.
    pub pid: Option<i32>,
    /// That process is CMD.
    pub no_init: bool,
    /// CMD has been executed.
    pub started: bool,
    /// It has ended.
    pub status: Option<u32>,
}

impl<'a> Known<'a> {
    /// Finds it among the records of `list`.
    ///
    /// # Errors
    /// The call that failed; ENOENT of openat: there is none.
    #[inline(never)]
    pub fn open(list: &Descriptor, name: &'a CStr) -> Result<Self, CallError> {
        let file = open_file(list, name)?;
        let runner = match runner_of(&file)? {
            Some(pid) => hold_runner(&file, pid)?,
            None => None,
        };
        Ok(Self { name, file, runner })
    }

    /// What its record says now.
    #[must_use]
    #[inline(never)]
    pub fn state(&self) -> State {
        let mut state = State { pid: None, no_init: false, started: false, status: None };
        let _ = for_each_entry(&self.file, &mut |entry| match entry {
            Entry::Pid(pid) => state.pid = Some(pid as i32),
            Entry::NoInit => state.no_init = true,
            Entry::Started => state.started = true,
            Entry::Status(status) => state.status = Some(status),
            _ => {}
        });
        state
    }

    /// Who runs it, as a pidfd; nobody where it has ended.
    #[must_use]
    pub fn runner(&self) -> Option<&Descriptor> {
        self.runner.as_ref().map(|(process, _)| process)
    }

    /// Waits until nobody runs it any more, at most that many milliseconds or `FOR_EVER`; whether that is so.
    #[must_use]
    #[inline(never)]
    pub fn has_ended_within(&self, limit_ms: u32) -> bool {
        let Some((process, _)) = &self.runner else { return true };
        let end_ms = monotonic_ms().saturating_add(limit_ms.into());
        loop {
            let left_ms = end_ms.saturating_sub(monotonic_ms()) as u32;
            let mut entries = [poll::Entry::new(process.as_fd(), poll::IN)];
            wait_at_most(&mut entries, if limit_ms == FOR_EVER { FOR_EVER } else { left_ms });
            if entries.iter().any(|entry| entry.is_ready()) {
                return true;
            }
            if left_ms == 0 {
                return false;
            }
        }
    }

    /// Its first process as a pidfd, and its pid: a child of who runs it, which nobody else can be.
    ///
    /// # Errors
    /// ESRCH: it is not running.
    #[inline(never)]
    pub fn first(&self, state: State) -> Result<(Descriptor, i32), CallError> {
        let gone = CallError { call: Call::PidfdOpen, errno: Errno::SRCH };
        let runner = self.runner.as_ref().map(|(_, pid)| *pid).ok_or(gone)?;
        let pid = state.pid.filter(|_| state.status.is_none()).ok_or(gone)?;
        open_child(pid, runner).map(|process| (process, pid))
    }

    /// Sends a signal: to CMD, by way of the first process where that is not CMD itself, or to all its processes.
    ///
    /// # Errors
    /// ESRCH: it is not running. EPERM.
    #[inline(never)]
    pub fn send(&self, signal: Signal, mut all: bool) -> Result<(), CallError> {
        let state = self.state();
        let (first, pid) = self.first(state)?;
        let inside = namespace_inside(pid);
        let is_apart = inside != 0 && inside != pid_namespace(own_pid());
        if signal == Signal::KILL {
            // Nobody outlives a pid namespace's first process.
            all = !is_apart;
            if all {
                self.for_each_cgroup(&mut |path| {
                    cgroups::kill_at_once(path);
                    true
                });
            }
        }
        if all {
            send_to_others(pid, is_apart.then_some(inside), signal);
        }
        if !all || state.no_init || signal == Signal::KILL {
            match signal_process(first.as_fd(), signal) {
                // With its cgroup it has been killed already.
                Err(Errno::SRCH) if all => {}
                sent => sent.map_err(Call::PidfdSendSignal.failed())?,
            }
        }
        Ok(())
    }

    /// Kills it, also where it stands still.
    pub fn kill(&self) {
        let _ = self.send(Signal::KILL, true);
        let _ = self.freeze(false);
    }

    /// Stops all its processes until they are let go on, or lets them go on. `None`: it has no cgroup that can do that;
    /// else whether it is done.
    ///
    /// # Errors
    /// The call that failed.
    #[inline(never)]
    pub fn freeze(&self, stop: bool) -> Result<Option<bool>, CallError> {
        let mut done = Ok(None);
        self.for_each_cgroup(&mut |path| match cgroups::freeze(path, stop) {
            Err(CallError { call: Call::Openat, errno: Errno::NOENT }) => true,
            answer => {
                done = answer.map(Some);
                false
            }
        });
        done
    }

    /// Calls `act` for each of its cgroups as long as it answers true.
    fn for_each_cgroup(&self, act: &mut dyn FnMut(&CStr) -> bool) {
        let mut goes_on = true;
        let _ = for_each_entry(&self.file, &mut |entry| {
            if let (true, Entry::Undo(Undo::Cgroup(path))) = (goes_on, entry) {
                goes_on = act(path);
            }
        });
    }

    /// Opens its log, which must be a regular file still; `None` where it has none.
    ///
    /// # Errors
    /// The call that failed; ELOOP of openat: it is a link by now; ENOTDIR: its path is relative, and the directory where
    /// the container was started is gone.
    #[inline(never)]
    pub fn open_log(&self) -> Result<Option<Descriptor>, CallError> {
        let mut directory = None;
        let mut log = None;
        let _ = for_each_entry(&self.file, &mut |entry| match entry {
            Entry::Directory(path) => directory = open(CWD, path, OpenFlags::PATH_DIRECTORY).ok(),
            Entry::Log(path) => {
                // The record is no directory: from there a relative path leads nowhere.
                let from = directory.as_ref().unwrap_or(&self.file);
                log = Some(open(from.as_fd(), path, OpenFlags::READ_FILE));
            }
            _ => {}
        });
        let Some(log) = log.transpose().map_err(Call::Openat.failed())? else { return Ok(None) };
        let status = fstat(&log).map_err(Call::Fstat.failed())?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(CallError { call: Call::Openat, errno: Errno::INVAL });
        }
        Ok(Some(log))
    }
}

/// Holds the runner: only a process that has the record locked before and after that is the one with this number.
fn hold_runner(file: &Descriptor, pid: i32) -> Result<Option<(Descriptor, i32)>, CallError> {
    match open_process(pid) {
        Err(Errno::SRCH) => Ok(None),
        Err(errno) => Err(Call::PidfdOpen.failed()(errno)),
        Ok(process) => Ok((runner_of(file)? == Some(pid)).then_some((process, pid))),
    }
}

/// The number of a process's pid namespace; 0 where it cannot be seen.
#[inline(never)]
fn pid_namespace(pid: i32) -> u64 {
    number_at(CWD, path_of(Pid(pid), "ns/pid").as_path()).unwrap_or(0)
}

/// That of a container by its first process. A user may not look into rootlet's own; its children are in the same.
fn namespace_inside(first: i32) -> u64 {
    let mut found = pid_namespace(first);
    for_each_child_of(first, &mut |pid| {
        if found == 0 {
            found = pid_namespace(pid);
        }
    });
    found
}

/// Sends a signal to all who are below `first` or in the pid namespace that it is the first of, but not to itself.
#[inline(never)]
fn send_to_others(first: i32, namespace: Option<u64>, signal: Signal) {
    let Ok(processes) = open(CWD, c"/proc", OpenFlags::READ) else { return };
    let is_meant = |pid| namespace == Some(pid_namespace(pid)) || is_below(pid, first);
    for_each_number(&processes, &mut |pid| {
        if pid != first
            && is_meant(pid)
            && let Ok(process) = open_process(pid)
            // Its number may have been another's.
            && is_meant(pid)
        {
            let _ = signal_process(process.as_fd(), signal);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::Record;
    use std::ffi::CString;
    use std::fs;

    #[test]
    fn a_log_is_looked_for_where_the_container_was_started_alone() {
        let folder = tempfile::tempdir().unwrap();
        let c_path = |name: &str| CString::new(folder.path().join(name).to_str().unwrap()).unwrap();
        let list = c_path("list");
        let record = Record::make(&list, c"logged", rustix::process::geteuid().as_raw()).unwrap();
        let directory = c_path("gone");
        record.add(&Entry::Directory(&directory)).unwrap();
        // A file of this name is in the directory that tests run in.
        record.add(&Entry::Log(c"Cargo.toml")).unwrap();
        let list = open(CWD, &list, OpenFlags::READ_DIRECTORY).unwrap();
        let open_log = || Known::open(&list, c"logged").unwrap().open_log();
        let error = open_log().err().unwrap();
        assert_eq!((error.call, error.errno), (Call::Openat, Errno::NOTDIR));
        fs::create_dir(folder.path().join("gone")).unwrap();
        assert!(open_log().is_err());
        fs::write(folder.path().join("gone/Cargo.toml"), "").unwrap();
        assert!(open_log().unwrap().is_some());
        assert!(record.remove());
    }
}
