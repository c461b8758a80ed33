//! Becoming a program: the search along PATH, and what a failure means.

use core::ffi::CStr;

use crate::input::environment::PATH;
use crate::sys::process::execute;
use crate::sys::vectors::Strings;
use crate::text::arena::Arena;
use crate::text::errno::Errno;
use crate::text::parts::parts;

/// Longest path of a program. Source: `PATH_MAX`, linux/limits.h.
const PATH_BYTES: usize = 4096;

/// Becomes `name`, found along PATH of `environment` when it has no slash. Returns only when that failed: with
/// EACCES rather than ENOENT when a directory on the way had the name but not the right. execvp(3).
pub fn become_program(name: &CStr, arguments: Strings<'_>, mut environment: Strings<'_>) -> Errno {
    let all = environment;
    let mut steps = parts(name.to_bytes(), b'/');
    let _ = steps.skip_to(0);
    if steps.rest().is_some() || name.is_empty() {
        return execute(name, arguments, all);
    }
    let mut candidates = environment.by_ref().chain(core::iter::once(PATH));
    let path = candidates.find_map(|string| string.to_bytes().strip_prefix(b"PATH="));
    let mut best = Errno::NOENT;
    for directory in parts(path.unwrap_or_default(), b':') {
        let errno = execute_below(directory, name, arguments, all);
        match errno {
            Errno::NOENT | Errno::NOTDIR => {}
            Errno::ACCES => best = errno,
            _ => return errno,
        }
    }
    best
}

fn execute_below(
    directory: &[u8],
    name: &CStr,
    arguments: Strings<'_>,
    environment: Strings<'_>,
) -> Errno {
    let mut buffer = [0; PATH_BYTES];
    // An empty entry of PATH is the working directory.
    let directory = if directory.is_empty() { b".".as_slice() } else { directory };
    match Arena::new(&mut buffer).join(&[directory, b"/", name.to_bytes()]) {
        Ok(path) => execute(path, arguments, environment),
        Err(_) => Errno::NAMETOOLONG,
    }
}

/// Exit status for a program that could not be executed: 127 when there is none, 126 when it cannot be.
#[must_use]
pub const fn status_of_failure(errno: Errno) -> i32 {
    match errno {
        Errno::NOENT => 127,
        _ => 126,
    }
}
