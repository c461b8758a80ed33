//! Reaching many processes: a session, a pid namespace, our descendants.

use core::ffi::CStr;

use rustix::fs::CWD;

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_number;
use crate::sys::process::own_pid;
#[cfg(feature = "run")]
use crate::sys::process::{ANY, look_at, open_process, wait_for_any};
use crate::sys::signal::{Signal, kill};
#[cfg(feature = "run")]
use crate::text::call::{Call, CallError};
#[cfg(feature = "run")]
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Instead of a session: everybody in our pid namespace when we are its PID 1, else every descendant.
pub const ALL: i32 = 0;

/// How far up a process's ancestors are followed. Deeper ones are found once those between have ended.
const GENERATIONS: usize = 256;

/// Sends a signal to all processes of a session, or to `ALL`, but not to us; false when it reached nobody.
pub fn signal_all(session: i32, signal: Signal) -> bool {
    let own = own_pid();
    if own == 1 && session == ALL {
        return kill(-1, signal).is_ok();
    }
    let Ok(processes) = open(CWD, c"/proc", OpenFlags::READ) else { return false };
    if !is_ours(own) {
        return false;
    }
    let mut reached = false;
    for_each_number(&processes, &mut |pid| {
        if is_meant(pid, session, own) {
            reached |= kill(pid, signal).is_ok();
        }
    });
    reached
}

/// Calls `act` for each of our children: one read for all, where wait4(2) walks past all for each that has ended.
pub fn for_each_child(act: &mut dyn FnMut(i32)) {
    for_each_in(c"/proc/thread-self/children", act);
}

/// Calls `act` for each child of a process that has one thread.
#[cfg(feature = "run")]
pub fn for_each_child_of(pid: i32, act: &mut dyn FnMut(i32)) {
    let mut path = Line::new();
    path.text("/proc/").number(pid.unsigned_abs().into()).text("/task/");
    path.number(pid.unsigned_abs().into()).text("/children");
    for_each_in(path.as_path(), act);
}

/// Holds a process, if it is a child of that parent: its number may be another's by now.
///
/// # Errors
/// ESRCH of pidfd_open: it is gone, or somebody else's.
#[cfg(feature = "run")]
#[inline(never)]
pub fn open_child(pid: i32, parent: i32) -> Result<Descriptor, CallError> {
    let process = open_process(pid).map_err(Call::PidfdOpen.failed())?;
    if relations(pid).0 == parent {
        Ok(process)
    } else {
        Err(CallError { call: Call::PidfdOpen, errno: Errno::SRCH })
    }
}

/// proc_tid_children(5). Some may be left out while others are reaped; without the file all are.
fn for_each_in(file: &CStr, act: &mut dyn FnMut(i32)) {
    if let Ok(file) = open(CWD, file, OpenFlags::READ) {
        for_each_pid(&file, act);
    }
}

/// Calls `act` for each number in a file of pids, with one byte behind each.
pub fn for_each_pid(file: &Descriptor, act: &mut dyn FnMut(i32)) {
    let mut pid = 0_i32;
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = rustix::io::read(file, &mut buffer) {
        for byte in buffer.get(..length).unwrap_or_default() {
            if byte.is_ascii_digit() {
                pid = pid.wrapping_mul(10).wrapping_add(i32::from(*byte - b'0'));
            } else {
                act(pid);
                pid = 0;
            }
        }
    }
}

/// Whether /proc has the numbers of our pid namespace, and not of another.
fn is_ours(own: i32) -> bool {
    let mut number = [0; 24];
    if let Ok(file) = open(CWD, c"/proc/self/stat", OpenFlags::READ) {
        let _ = rustix::io::read(&file, &mut number);
    }
    parse_u64(parts(&number, b' ').skip_to(0)) == u64::try_from(own).ok()
}

/// Whether a process has another one among its ancestors.
#[cfg(feature = "enter")]
pub fn is_below(pid: i32, ancestor: i32) -> bool {
    is_meant(pid, ALL, ancestor)
}

fn is_meant(mut pid: i32, session: i32, own: i32) -> bool {
    for _ in 0..GENERATIONS {
        let (parent, in_session) = relations(pid);
        if session != ALL {
            return in_session == session;
        }
        // What has no parent here came from elsewhere.
        if parent == own || parent <= 1 {
            return parent == own;
        }
        pid = parent;
    }
    false
}

/// Parent and session of a process; zeros for one that is gone. proc_pid_stat(5).
pub fn relations(pid: i32) -> (i32, i32) {
    let mut path = Line::new();
    path.text("/proc/").number(pid.unsigned_abs().into()).text("/stat\0");
    // Enough for what comes before the session; a name has at most 64 bytes.
    let mut buffer = [0; 256];
    if let Ok(path) = CStr::from_bytes_with_nul(path.bytes())
        && let Ok(file) = open(CWD, path, OpenFlags::READ)
    {
        let _ = rustix::io::read(&file, &mut buffer);
    }
    parse_relations(&buffer)
}

/// Reads `PID (NAME) STATE PARENT GROUP SESSION`; a name may hold anything, parentheses and blanks too.
fn parse_relations(stat: &[u8]) -> (i32, i32) {
    let end = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    let mut fields = parts(stat.get(end..).unwrap_or_default(), b' ');
    let mut number = |skipped| parse_u64(fields.skip_to(skipped)).unwrap_or(0) as i32;
    (number(2), number(1))
}

/// Kills and reaps our descendants until there are none. As we adopt orphans, those that are made meanwhile become
/// ours and follow. Ends at once where nobody can be reached: where /proc is hidden.
#[cfg(feature = "run")]
pub fn kill_all() {
    while signal_all(ALL, Signal::KILL) && wait_for_any() {
        while look_at(ANY).pid > 0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_stand_behind_the_name() {
        for (stat, relations) in [
            ("7 (sh) S 1 7 5 0 -1", (1, 5)),
            ("7 (a) R 9) S 3 2 1 0", (3, 1)),
            ("7 (sh) S 1 7", (1, 0)),
            ("", (0, 0)),
        ] {
            assert_eq!(parse_relations(stat.as_bytes()), relations, "{stat:?}");
        }
    }
}
