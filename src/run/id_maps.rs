//! Writing the maps of a user namespace, from outside.

use core::ffi::CStr;

use super::process_files::write_file;
use crate::facts::run_facts::{GID_HELPER, UID_HELPER};
use crate::input::id_map::{IdMap, IdRange, RANGES};
use crate::plan::describe::words::append_map;
use crate::plan::user_namespace::{Maps, Writer};
use crate::sys::process::{Pid, Side, Until, execute, exit, fork, wait_for};
use crate::sys::vectors::StringTable;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::number::decimal;

/// Writes both maps for the user namespace of `pid`, which is still nobody there.
///
/// # Errors
/// The call that failed; for a helper, which has said why itself, EPERM.
pub fn write(maps: &Maps, pid: Pid) -> Result<(), CallError> {
    if maps.by == Writer::Helpers {
        helped(UID_HELPER, pid, &maps.uids)?;
        return helped(GID_HELPER, pid, &maps.gids);
    }
    if maps.by == Writer::User {
        // Else a user could leave a group that denies him something.
        write_file(pid, "setgroups", b"deny")?;
    }
    for (name, map) in [("uid_map", &maps.uids), ("gid_map", &maps.gids)] {
        let mut text = Line::new();
        append_map("\n", b" ", map, &mut text);
        // The kernel takes a map in one piece.
        write_file(pid, name, text.newline().bytes().trim_ascii_start())?;
    }
    Ok(())
}

/// Has a set-user-ID program of the host write a map, if the host grants it.
fn helped(helper: &'static CStr, pid: Pid, map: &IdMap) -> Result<(), CallError> {
    match fork(Until::Executed).map_err(Call::Clone.failed())? {
        Side::Child => become_helper(helper, pid, map),
        Side::Parent(child) if wait_for(child).0 == 0 => Ok(()),
        Side::Parent(_) => Err(CallError { call: Call::Newuidmap, errno: Errno::PERM }),
    }
}

/// Arguments of a helper: its name, the pid, three numbers of each range, the null.
const ARGUMENTS: usize = 2 + 3 * RANGES + 1;

/// `newuidmap PID INNER OUTER SIZE ...`
fn become_helper(helper: &'static CStr, pid: Pid, map: &[IdRange]) -> ! {
    // Each number has at most ten digits and a NUL.
    let mut buffer = [0; ARGUMENTS * 11];
    let mut arena = Arena::new(&mut buffer);
    let mut arguments = StringTable::<ARGUMENTS>::new();
    let mut add = |string| {
        let _ = arguments.replace_or_push(string, |_| false);
    };
    add(helper);
    let numbers = map.iter().flat_map(|range| [range.inner, range.outer, range.size]);
    for number in core::iter::once(pid.0.unsigned_abs()).chain(numbers) {
        let mut digits = [0; 20];
        let start = decimal(number.into(), &mut digits);
        if let Ok(string) = arena.join(&[digits.get(start..).unwrap_or_default()]) {
            add(string);
        }
    }
    let environment = StringTable::<1>::new();
    let errno = execute(helper, arguments.strings(), environment.strings());
    exit(errno.0)
}
