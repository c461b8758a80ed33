//! The end of a container that no pid namespace ends: one by one.

use core::ffi::CStr;

use rustix::fs::CWD;

use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::process::wait_for_any;
use crate::sys::signal::{Signal, kill};
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// The pids of our children, blanks between them. Source: proc_tid_children(5).
const CHILDREN: &CStr = c"/proc/thread-self/children";

/// Kills and reaps our children until there are none. As we adopt orphans, the children of those that are killed
/// become ours and follow. Ends at once where /proc has no such file.
pub fn kill_all() {
    loop {
        let mut buffer = [0; 512];
        let children = open(CWD, CHILDREN, OpenFlags::READ);
        let length = children.ok().and_then(|file| rustix::io::read(&file, &mut buffer).ok());
        let text = buffer.get(..length.unwrap_or(0)).unwrap_or(&[]);
        let mut killed = false;
        let mut pids = parts(text, b' ');
        // What follows the last blank is nothing, or a number that is cut off and may be a stranger's.
        while let (Some(pid), Some(_)) = (pids.next(), pids.rest()) {
            let pid = parse_u64(pid).and_then(|pid| i32::try_from(pid).ok());
            killed |= pid.is_some_and(|pid| pid > 1 && kill(pid, Signal::KILL).is_ok());
        }
        if !killed || !wait_for_any() {
            return;
        }
    }
}
