//! Command lines of `ps`, `ns`, `mounts`, `inspect` and `stats`.

use core::ffi::CStr;

use super::arguments::{Arguments, Manual};
use super::refusal::Reason;
use crate::text::packed::packed;

/// What `ps --help` prints, and the table of its options. The others below are the same for theirs.
pub const PS: Manual = Manual(packed!(
    "\
rootlet ps [options] [NAME|PID]
Containers of the caller; or the processes of one, by name, or by the pid of
its first process, whoever has made it.

  -a, --all    containers that have ended as well
  -J, --json   an array of objects: name pid status age_s memory cpu_ms pids
               command; of processes: pid inner_pid uid state memory cpu_ms command
  -h, --help   print this help"
));

/// `ns --help`
pub const NS: Manual = Manual(packed!(
    "\
rootlet ns [options] [NAME|PID]
Namespaces of the machine, those of pids and users below their parents; or
those of one process. Without a process: the bind-mounted ones of this mount
namespace, and parents and owners of others.

  -J, --json   an array of objects: ns type processes pid owner owner_uid
               parent with path command
  -h, --help   print this help"
));

/// `mounts --help`
pub const MOUNTS: Manual = Manual(packed!(
    "\
rootlet mounts [options] [NAME|PID]
The mounts that a process sees, as a tree; without one, our own.

  -d, --diff NAME|PID  only what that one has more (+) and less (-); numbers
               and propagation are not compared
  -m, --mountinfo  read /proc/PID/mountinfo where there is statmount(2) too
  -J, --json   an array of objects: change target source subdir fstype flags
               options idmapped propagation id parent device
  -h, --help   print this help"
));

/// `inspect --help`
pub const INSPECT: Manual = Manual(packed!(
    "\
rootlet inspect [options] NAME|PID
What a process may and what holds it, and what makes it weaker than what
rootlet run starts by default.

  -J, --json   one object
  -h, --help   print this help"
));

/// `stats --help`
pub const STATS: Manual = Manual(packed!(
    "\
rootlet stats [options] [NAME|PID...]
What containers use; once a second, unless there is no terminal.

  -o, --once   only once
      --no-stream  the same
  -J, --json   an array of objects: name pid cpu_percent memory memory_limit
               pids pids_limit read written pressure_cpu pressure_memory
               pressure_io
  -h, --help   print this help"
));

/// What was asked for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct SeeOptions<'a> {
    /// JSON instead of a table.
    pub json: bool,
    /// Ended containers as well.
    pub all: bool,
    /// Look only once.
    pub once: bool,
    /// Read /proc/PID/mountinfo, not statmount(2).
    pub mount_info: bool,
    /// The container or process to compare with.
    pub other: Option<&'a CStr>,
}

/// Reads the options; false when help is asked for. At most so many operands may follow.
///
/// # Errors
/// An unknown option, a missing value; `TooManyWords` where more than `most` operands follow.
#[inline(never)]
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    manual: Manual,
    most: usize,
    arguments: &mut Arguments<'a, Words>,
    options: &mut SeeOptions<'a>,
) -> Result<bool, Reason> {
    while arguments.take(manual)? {
        match arguments.found.letter {
            b'a' => options.all = true,
            b'J' => options.json = true,
            b'd' => options.other = Some(arguments.found.value),
            b'm' => options.mount_info = true,
            b'h' => return Ok(false),
            // `once` and `no-stream`
            _ => options.once = true,
        }
    }
    if arguments.operands().nth(most).is_some() { Err(Reason::TooManyWords) } else { Ok(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        manual: Manual,
        words: &'static [&'static CStr],
    ) -> Result<Option<SeeOptions<'static>>, Reason> {
        let mut options = SeeOptions::default();
        let mut arguments = Arguments::new(words.iter().copied(), 0);
        parse(manual, 1, &mut arguments, &mut options).map(|is_told| is_told.then_some(options))
    }

    #[test]
    fn every_option_in_both_spellings() {
        let none = SeeOptions::default();
        for (manual, words, options) in [
            (PS, &[c"-a"] as &[_], SeeOptions { all: true, ..none }),
            (PS, &[c"--all", c"-J", c"x"], SeeOptions { all: true, json: true, ..none }),
            (NS, &[c"--json"], SeeOptions { json: true, ..none }),
            (MOUNTS, &[c"-d", c"7"], SeeOptions { other: Some(c"7"), ..none }),
            (MOUNTS, &[c"--diff=web"], SeeOptions { other: Some(c"web"), ..none }),
            (MOUNTS, &[c"-mJ"], SeeOptions { mount_info: true, json: true, ..none }),
            (STATS, &[c"-o"], SeeOptions { once: true, ..none }),
            (STATS, &[c"--once"], SeeOptions { once: true, ..none }),
            (STATS, &[c"--no-stream"], SeeOptions { once: true, ..none }),
            (INSPECT, &[], none),
        ] {
            assert_eq!(read(manual, words), Ok(Some(options)), "{words:?}");
        }
        assert_eq!(read(PS, &[c"--help"]), Ok(None));
        assert_eq!(read(PS, &[c"a", c"b"]), Err(Reason::TooManyWords));
        assert_eq!(read(NS, &[c"-a"]), Err(Reason::UnknownOption));
        assert_eq!(read(MOUNTS, &[c"-d"]), Err(Reason::NoValue));
    }
}
