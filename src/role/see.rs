//! `ps`, `ns`, `mounts`, `inspect`, `stats`: what there is, read and told.

use core::ffi::CStr;
use core::mem::ManuallyDrop;

use self::sheet::Sheet;
use super::records::open_records;
use crate::facts::mount_table::{MountMemory, read_whole};
use crate::facts::namespaces::{self, KINDS};
use crate::facts::process_table::ProcessTable;
use crate::facts::processes::Process;
use crate::input::arguments::Arguments;
use crate::input::process_status::Status;
use crate::input::refusal::{Cause, Reason};
use crate::input::see_options::{self, INSPECT, MOUNTS, NS, PS, STATS, SeeOptions};
use crate::report;
use crate::run::descendants::for_each_child_of;
use crate::run::record_list::look_at;
use crate::sys::descriptor::{Descriptor, write_all};
use crate::sys::memory::List;
use crate::sys::process::own_pid;
use crate::sys::standard;
use crate::sys::terminal::window;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::number::parse_u64;

mod inspect;
mod mounts;
mod namespace_tree;
mod order;
mod processes;
mod sheet;
mod statistics;
mod verdict;

/// Lists of these roles, which grow with what there is to tell. Nothing of them is given back before our end.
pub struct Memory {
    sheet: Sheet,
    table: ProcessTable,
    mounts: MountMemory,
    found: namespace_tree::Found,
    watched: [List<statistics::Watched>; 2],
    /// First processes of containers.
    firsts: List<i32>,
    /// Numbers of mounts.
    numbers: List<u64>,
    order: List<usize>,
    /// What `inspect` says in the end, each with a NUL behind it.
    verdicts: List<u8>,
    /// Names of containers, each with a NUL behind it.
    names: List<u8>,
    /// A file of a process, and another one that is needed at the same time.
    text: List<u8>,
    other: List<u8>,
}

impl Memory {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            sheet: Sheet::new(),
            table: ProcessTable::new(),
            mounts: MountMemory::new(),
            found: namespace_tree::Found::new(),
            watched: [const { List::new() }; 2],
            firsts: List::new(),
            numbers: List::new(),
            order: List::new(),
            verdicts: List::new(),
            names: List::new(),
            text: List::new(),
            other: List::new(),
        }
    }
}

impl Memory {
    /// Whether something could not be held: what is told then would lack something.
    fn has_failed(&self) -> bool {
        let [watched, before] = &self.watched;
        self.sheet.has_failed()
            | self.table.has_failed()
            | self.mounts.has_failed()
            | self.found.has_failed()
            | (watched.has_failed() | before.has_failed())
            | self.firsts.has_failed()
            | self.numbers.has_failed()
            | self.order.has_failed()
            | self.verdicts.has_failed()
            | self.names.has_failed()
            | self.text.has_failed()
            | self.other.has_failed()
    }

    /// Writes what was told, all at once or nothing.
    #[inline(never)]
    fn end(&mut self) -> Result<(), Said> {
        if self.has_failed() {
            return Err(said(CallError { call: Call::Mmap, errno: Errno::NOMEM }));
        }
        let out = &mut self.sheet.out;
        let written = write_all(standard::output(), out.items());
        let written = written.map_err(Call::Write.failed()).map_err(said);
        out.truncate(0);
        written
    }
}

/// Why nothing is told: it has been said.
#[derive(Clone, Copy)]
pub struct Said;

/// What was asked for. Nothing of it is closed before our end.
struct See {
    options: SeeOptions<'static>,
    operands: Strings<'static>,
    /// The caller's records, if there are any.
    list: ManuallyDrop<Option<Descriptor>>,
    /// Our own process and its namespaces.
    own: ManuallyDrop<Process>,
    namespaces: [u64; KINDS],
}

/// A process that was named.
struct Target {
    process: Process,
    /// The name of a container, whose first process it is; empty where a pid was given.
    name: &'static CStr,
    /// The pid of its runner; 0 for none.
    runner: i32,
}

/// What is looked at. The values are the letters of the table of commands, so that one is the other in the binary too.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u8)]
pub enum View {
    /// `ps`: containers, or the processes of one.
    Processes = b'c',
    /// `ns`.
    Namespaces = b'y',
    /// `mounts`.
    Mounts = b'm',
    /// `inspect`: one process.
    Inspect = b'i',
    /// `stats`.
    Statistics = b't',
}

/// Plays the role; gives the exit status.
#[inline(never)]
pub fn see(
    view: View,
    vectors: Vectors,
    words: Strings<'static>,
    memory: &'static mut Memory,
) -> i32 {
    let (manual, most) = match view {
        View::Processes => (PS, 1),
        View::Namespaces => (NS, 1),
        View::Mounts => (MOUNTS, 1),
        View::Inspect => (INSPECT, 1),
        View::Statistics => (STATS, usize::MAX),
    };
    let mut arguments = Arguments::new(words, 0);
    let mut options = SeeOptions::default();
    let told = match see_options::parse(manual, most, &mut arguments, &mut options) {
        Ok(true) => tell(view, options, arguments.operands(), vectors, memory),
        Ok(false) => return report::help(manual.0),
        Err(reason) => {
            Err(refuse(arguments.operands().nth(most).unwrap_or(arguments.found.word), reason))
        }
    };
    if told.is_ok() { 0 } else { report::OWN_FAILURE }
}

/// Tells what was asked for.
#[inline(never)]
fn tell(
    view: View,
    options: SeeOptions<'static>,
    operands: Strings<'static>,
    vectors: Vectors,
    memory: &'static mut Memory,
) -> Result<(), Said> {
    let list = ManuallyDrop::new(open_records(vectors.environment).map_err(|_| Said)?);
    let own = Process::open(own_pid()).map_err(Call::Openat.failed()).map_err(said)?;
    let namespaces = namespaces::of(&own);
    memory.sheet.json = options.json;
    memory.sheet.width = window(standard::output()).map_or(0, |(_, columns)| columns.into());
    let see = See { options, operands, list, own: ManuallyDrop::new(own), namespaces };
    match view {
        View::Processes => processes::tell(&see, memory),
        View::Namespaces => namespace_tree::tell(&see, memory),
        View::Mounts => mounts::tell(&see, memory),
        View::Inspect => inspect::tell(&see, memory),
        View::Statistics => statistics::tell(&see, memory),
    }?;
    memory.end()
}

/// Says what is wrong with a word.
#[inline(never)]
fn refuse(word: &CStr, reason: Reason) -> Said {
    let mut line = report::line();
    line.operand(word.to_bytes());
    let _ = report::refused(line, Cause::Reason(reason));
    Said
}

/// For `map_err`: says which call failed.
#[inline(never)]
fn said(error: CallError) -> Said {
    let _ = report::failed_call(error, b"");
    Said
}

impl See {
    /// The process that a word names: the first of a container of the caller, or that of a pid.
    #[inline(never)]
    fn target(&self, word: &'static CStr) -> Result<Target, Said> {
        let container = self.list.as_ref().and_then(|list| look_at(list, word));
        if let Some(container) = container {
            let process = container.first.ok_or_else(|| refuse(word, Reason::HasEnded))?;
            return Ok(Target { process, name: word, runner: container.runner });
        }
        let Some(pid) = parse_u64(word.to_bytes()) else {
            return Err(refuse(word, Reason::NoSuchContainer));
        };
        // A number that is too large would be another one's; there is no process 0.
        let pid = i32::try_from(pid).unwrap_or(0);
        let process = Process::open(pid).map_err(|_| refuse(word, Reason::NoSuchProcess))?;
        Ok(Target { process, name: c"", runner: 0 })
    }

    /// The first operand's; none without one.
    fn first_target(&self) -> Result<Option<Target>, Said> {
        let mut operands = self.operands;
        operands.next().map(|word| self.target(word)).transpose()
    }
}

/// The process that runs CMD, of a container's first: a child of rootlet's own, which has the name of its runner.
#[inline(never)]
fn command_of(first: &Process, runner: i32) -> Option<Process> {
    if !is_rootlets(first, runner)? {
        return None;
    }
    let mut child = 0;
    for_each_child_of(first.pid, &mut |pid| child = if child == 0 { pid } else { child });
    Process::open(child).ok()
}

/// Whether the first process is still rootlet's own, as its runner is.
#[inline(never)]
fn is_rootlets(first: &Process, runner: i32) -> Option<bool> {
    let (mut room, mut other) = ([0; 1280], [0; 1280]);
    let runner = Process::open(runner).ok()?;
    Some(first.stat(&mut room)?.name == runner.stat(&mut other)?.name)
}

/// A cell of the command line of a process, arguments apart by blanks; of one without, its name in brackets.
#[inline(never)]
fn add_command(process: &Process, sheet: &mut Sheet, text: &mut List<u8>) {
    let is_read = read_whole(process, c"cmdline", text).is_ok();
    let used = text.items().iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    text.truncate(used);
    for byte in text.items_mut() {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    if used > 0 {
        return sheet.text(text.items());
    }
    let mut room = [0; 1280];
    match process.stat(&mut room).filter(|_| is_read) {
        Some(stat) => {
            sheet.open();
            sheet.add(b"[");
            sheet.add(stat.name);
            sheet.add(b"]");
            sheet.close();
        }
        None => sheet.unknown(),
    }
}

/// /proc/PID/status, which may be long: it has all groups of a process before the most of it.
#[inline(never)]
fn read_status<'t>(process: &Process, text: &'t mut List<u8>) -> Option<Status<'t>> {
    read_whole(process, c"status", text).ok().map(Status)
}
