//! Becoming a program: the search along PATH, and what a failure means.

use core::ffi::CStr;

use rustix::fs::CWD;

use crate::input::environment::DEFAULT_PATH;
use crate::input::interpreter::{self, HEAD_BYTES};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::process::execute;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::arena::Arena;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;
use crate::text::parts::parts;

/// Longest path of a program. Source: `PATH_MAX`, linux/limits.h.
pub const PATH_BYTES: usize = 4096;

/// A program to become.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    /// As it was named.
    pub name: &'a CStr,
    /// Its arguments, its name first.
    pub arguments: Strings<'a>,
    /// Its environment.
    pub environment: Strings<'a>,
}

/// What to do with each place where a program may be.
pub enum Attempt<'l> {
    /// Execute it.
    Execute,
    /// The same for one whose arguments are the last of these; a file that is no program is given to /bin/sh, as
    /// execvp(3) does, and its path is kept in the buffer.
    OrByShell(Vectors, &'static mut [u8]),
    /// Append to a line which other file it lacks.
    Explain(&'l mut Line),
}

impl Program<'_> {
    /// Becomes the program, found along PATH of its environment when it has no slash. Returns only when that failed:
    /// with EACCES rather than ENOENT when a directory on the way had the name but not the right. execvp(3).
    pub fn search(&self, mut attempt: Attempt<'_>) -> Errno {
        let name = self.name.to_bytes();
        let mut steps = parts(name, b'/');
        if steps.skip_to(0).is_empty() || steps.rest().is_some() {
            return self.attempt(self.name, &mut attempt);
        }
        let mut environment = self.environment;
        let path = environment.find_map(|string| string.to_bytes().strip_prefix(b"PATH="));
        let mut best = Errno::NOENT;
        for directory in parts(path.unwrap_or(DEFAULT_PATH), b':') {
            let mut buffer = [0; PATH_BYTES];
            // An empty entry of PATH is the working directory.
            let directory = if directory.is_empty() { b".".as_slice() } else { directory };
            let errno = match Arena::new(&mut buffer).join(&[directory, b"/", name]) {
                Ok(path) => self.attempt(path, &mut attempt),
                Err(_) => Errno::NAMETOOLONG,
            };
            match errno {
                Errno::NOENT | Errno::NOTDIR => {}
                Errno::ACCES => best = errno,
                _ => return errno,
            }
        }
        best
    }

    #[inline(never)]
    fn attempt(&self, path: &CStr, attempt: &mut Attempt<'_>) -> Errno {
        if let Attempt::Explain(line) = attempt {
            return explain(path, line);
        }
        let errno = execute(path, self.arguments, self.environment);
        if errno == Errno::NOEXEC
            && let Attempt::OrByShell(vectors, script) = attempt
            && let Ok(path) = Arena::new(core::mem::take(script)).join(&[path.to_bytes()])
            && let Some(arguments) = vectors.by_shell(self.arguments, path)
        {
            // Without a shell it is still no program.
            execute(c"/bin/sh", arguments, self.environment);
        }
        errno
    }
}

/// Says which interpreter a program needs. The first file that is there is the one that was meant.
fn explain(path: &CStr, line: &mut Line) -> Errno {
    let Ok(file) = open(CWD, path, OpenFlags::READ) else { return Errno::NOENT };
    let mut head = [0; HEAD_BYTES];
    let _ = rustix::io::read(&file, &mut head);
    if let Some(needed) = interpreter::needed(&head) {
        line.packed(packed!("; it needs the interpreter ")).operand(needed);
    }
    Errno(0)
}

/// Exit status for a program that could not be executed: 127 when there is none, 126 when it cannot be.
#[must_use]
pub const fn status_of_failure(errno: Errno) -> i32 {
    match errno {
        Errno::NOENT => 127,
        _ => 126,
    }
}
