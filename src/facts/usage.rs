//! What a process's cgroups say: limits, usage, pressure.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::cgroups::unified_place;
use super::files::read_file;
use super::mount_table::read_whole;
use super::processes::Process;
use crate::input::cgroup_files::path_of;
use crate::sys::memory::List;
use crate::text::call::CallError;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::number::parse_u64;
use crate::text::packed::{Packed, packed};
use crate::text::parts::{halves, parts};

/// The longest file of a cgroup that is read; io.stat has a line for each disk.
const FILE_BYTES: usize = 4096;

/// Stands for a number that cannot be known.
pub const UNKNOWN: u64 = u64::MAX;
/// Stands for a number of what there is not, a limit for one.
pub const NONE: u64 = u64::MAX - 1;

/// Numbers of a cgroup, by the line of `FILES`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Memory,
    /// Bytes.
    MemoryLimit,
    /// Processes and threads.
    Pids,
    /// The same.
    PidsLimit,
    /// Microseconds of processors.
    Processors,
    /// Bytes read from disks.
    Read,
    /// Bytes written to disks.
    Written,
    /// Hundredths of a percent of the last ten seconds in which some waited for processors; then memory, then disks.
    Pressure,
    /// 1: its processes are frozen.
    Frozen = 10,
}

/// How many there are.
pub const VALUES: usize = 11;

/// The controller that it is of on v1; the file there, and the word before the number if there is one; those on v2.
const FILES: Packed = packed!(
    "\
memory memory.usage_in_bytes  memory.current
memory memory.limit_in_bytes  memory.max
pids pids.current  pids.current
pids pids.max  pids.max
cpuacct cpuacct.usage  cpu.stat usage_usec
blkio blkio.throttle.io_service_bytes Read io.stat rbytes=
blkio blkio.throttle.io_service_bytes Write io.stat wbytes=
- -  cpu.pressure
- -  memory.pressure
- -  io.pressure
freezer freezer.state FROZEN cgroup.events frozen"
);

/// A limit of v1 that is as good as none: the kernel rounds the greatest number down to whole pages.
const NO_LIMIT: u64 = 1 << 62;

/// The cgroups of a process: lines of /proc/PID/cgroup.
#[derive(Clone, Copy)]
pub struct Cgroups<'t>(pub &'t [u8]);

impl<'t> Cgroups<'t> {
    /// Those of a process; none where it has ended.
    pub fn of(pid: i32, text: &'t mut List<u8>) -> Self {
        let process = Process::open(pid).ok();
        let read = process.and_then(|process| read_whole(&process, c"cgroup", text).ok());
        Self(read.unwrap_or_default())
    }

    /// What a cgroup says in which `above` is not, the cgroups of who has made it; `NONE` where both are in the same.
    #[must_use]
    #[inline(never)]
    pub fn values(self, above: Self) -> [u64; VALUES] {
        let unified = unified_place().unwrap_or_default();
        let mut values = [NONE; VALUES];
        let mut row = Line::new();
        for (place, packed) in values.iter_mut().zip(FILES.lines()) {
            *place = self.value(above, unified, packed.unpack(&mut row));
        }
        values
    }

    /// One of them; `row` is a line of `FILES`.
    #[inline(never)]
    fn value(self, above: Self, unified: &CStr, row: &[u8]) -> u64 {
        let mut words = parts(row, b' ');
        let mut controller = words.skip_to(0);
        let mut found = path_of(self.0, controller);
        if found.is_none() {
            // Behind the two words of v1.
            let _ = words.skip_to(1);
            controller = b"";
            found = path_of(self.0, b"");
        }
        let Some(cgroup) = found else { return NONE };
        // The uppermost one is the machine's.
        if cgroup == b"/" || path_of(above.0, controller) == Some(cgroup) {
            return NONE;
        }
        let mut path = Line::new();
        match controller {
            b"" => path.raw(unified.to_bytes()),
            _ => path.text("/sys/fs/cgroup/").raw(controller),
        };
        path.raw(cgroup).text("/").raw(words.skip_to(0));
        let number = value_of(path.as_path(), words.skip_to(0));
        // Time of processors is in nanoseconds there. What is no number stays as it is.
        if controller == b"cpuacct" && number < NONE { number / 1000 } else { number }
    }
}

/// Reads the value that a file holds; `UNKNOWN` where it is longer than `FILE_BYTES`.
#[inline(never)]
fn value_of(path: &CStr, word: &[u8]) -> u64 {
    let mut room = [0; FILE_BYTES];
    match read_file(CWD, path, &mut room) {
        Ok(text) => read_value(text, word),
        // The sum of some of its lines would be taken for that of all.
        Err(CallError { errno: Errno::FBIG, .. }) => UNKNOWN,
        Err(_) => NONE,
    }
}

/// Reads one number, or lines with words: the sum of all numbers behind the word.
#[inline(never)]
fn read_value(text: &[u8], word: &[u8]) -> u64 {
    if let Some(number) = parse_u64(text.trim_ascii()) {
        return if number < NO_LIMIT { number } else { NONE };
    }
    if let Some(rest) = text.strip_prefix(b"some avg10=") {
        let (whole, hundredths) = halves(halves(rest, b' ').0, b'.');
        let hundredths = parse_u64(hundredths).unwrap_or(0);
        return parse_u64(whole).map_or(NONE, |whole| whole * 100 + hundredths);
    }
    // `max`
    if word.is_empty() {
        return NONE;
    }
    // FROZEN or FREEZING
    let mut sum = u64::from(text.starts_with(b"FR"));
    for line in parts(text, b'\n') {
        let at = line.windows(word.len()).position(|part| part == word);
        let behind = at.and_then(|at| line.get(at + word.len()..)).unwrap_or_default();
        let number = parse_u64(halves(behind.trim_ascii_start(), b' ').0);
        sum = sum.wrapping_add(number.unwrap_or(0));
    }
    if sum < NO_LIMIT { sum } else { NONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_file_is_read() {
        let v2 = b"8:0 rbytes=10 wbytes=3 rios=1 wios=1 dbytes=0 dios=0\n254:0 rbytes=5 wbytes=4\n";
        let v1 = b"8:0 Read 10\n8:0 Write 3\n8:0 Sync 13\n254:0 Read 5\nTotal 18\n";
        for (text, word, value) in [
            (v2.as_slice(), "rbytes=", 15),
            (v2, "wbytes=", 7),
            (v1, "Read", 15),
            (v1, "Write", 3),
            (b"", "wbytes=", 0),
            (b"4096\n", "", 4096),
            (b"max\n", "", NONE),
            (b"9223372036854771712\n", "", NONE),
            (b"usage_usec 77\nuser_usec 8\n", "usage_usec", 77),
            (b"some avg10=12.05 avg60=0.00 total=9\nfull avg10=1.00\n", "", 1205),
            (b"populated 1\nfrozen 1\n", "frozen", 1),
            (b"populated 1\nfrozen 0\n", "frozen", 0),
            (b"FROZEN\n", "FROZEN", 1),
            (b"FREEZING\n", "FROZEN", 1),
            (b"THAWED\n", "FROZEN", 0),
        ] {
            assert_eq!(read_value(text, word.as_bytes()), value, "{word} of {text:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_long_has_no_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("io.stat");
        let file = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        for (disks, value) in [(2, 2), (100, 100), (1000, UNKNOWN)] {
            let lines =
                (0..disks).map(|disk| format!("8:{disk} rbytes=1 wbytes=2 rios=3 wios=4\n"));
            std::fs::write(&path, lines.collect::<String>()).unwrap();
            assert_eq!(value_of(&file, b"rbytes="), value, "{disks} disks");
        }
        assert_eq!(value_of(c"/nope", b"rbytes="), NONE);
    }

    #[test]
    fn a_cgroup_that_has_gone_has_no_value() {
        let gone = Cgroups(b"3:cpuacct:/nope\n2:memory:/nope\n");
        for row in [0, 4].map(|row| FILES.line(row).to_string()) {
            assert_eq!(gone.value(Cgroups(b""), c"", row.as_bytes()), NONE, "{row}");
        }
    }

    #[test]
    fn each_value_has_its_line() {
        let files: Vec<String> = FILES.lines().map(|line| line.to_string()).collect();
        assert_eq!(files.len(), VALUES);
        for (value, word) in [
            (Value::Memory, "memory.current"),
            (Value::MemoryLimit, "memory.max"),
            (Value::Pids, "pids.current"),
            (Value::PidsLimit, "pids.max"),
            (Value::Processors, "usage_usec"),
            (Value::Read, "rbytes"),
            (Value::Written, "wbytes"),
            (Value::Pressure, "cpu.pressure"),
            (Value::Frozen, "frozen"),
        ] {
            assert!(files[value as usize].contains(word), "{word}");
        }
    }
}
