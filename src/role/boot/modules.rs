//! Modules: those that are asked for, and those of the devices that are there.
//!
//! All of it is done by a process of its own: the tables that it reads are not kept by PID 1.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::COMMAND_LINE_BYTES;
use crate::facts::files::{for_each_line, read_start};
use crate::input::kernel_command_line::parameters;
use crate::input::module_index::{
    aliased, dependencies, for_each_wanted, is_listed, is_same, module_and_parameters, module_of,
};
use crate::input::refusal::Reason;
use crate::report;
use crate::run::modules::insert;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_name;
#[cfg(feature = "shell")]
use crate::sys::process::duplicate_to;
use crate::sys::process::{Side, Until, exit, fork, wait_for};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;
use crate::text::parts::{halves, parts};

/// Bytes of a list of names, one on each line.
const LIST_BYTES: usize = 32 * 1024;
/// Bytes of the lines of modules.dep that are wanted.
const CHOSEN_BYTES: usize = 64 * 1024;
/// Bytes of a line of the lists, and of what is read of them at once.
const LINE_BYTES: usize = 64 * 1024;
/// Bytes of an alias: a file of /sys has no more. That of a processor names all that it can do.
const ALIAS_BYTES: usize = 4096;
/// How deep /sys/devices is: more than any bus of buses.
const DEPTH: usize = 24;
/// A bus that has got its driver has new devices, which may be buses.
const ROUNDS: usize = 6;
/// A module that is wanted before another may want others.
const SOFT_DEPTH: usize = 4;

/// The path of this kernel's modules, `/lib/modules/VERSION/` with a NUL, where they are there.
fn folder() -> Option<Line> {
    let mut line = Line::new();
    let release = rustix::system::uname();
    let path = line.path(&[b"/lib/modules/", release.release().to_bytes(), b"/"]);
    open(CWD, path, OpenFlags::PATH_DIRECTORY).ok()?;
    Some(line)
}

/// Does `work` in a process of its own, on `subject`: its answer. False too where there are no modules or no process.
#[inline(never)]
fn apart(work: fn(&mut Tables<'_>) -> bool, subject: &[u8]) -> bool {
    let Some(folder) = folder() else { return false };
    match fork(Until::Made) {
        Ok(Side::Child) => {
            let mut command_line = [0; COMMAND_LINE_BYTES];
            let command_line = read_start(CWD, c"/proc/cmdline", &mut command_line);
            let command_line = command_line.unwrap_or_default();
            let mut tables = Tables {
                folder,
                command_line,
                subject: List::new(),
                done: List::new(),
                failed: false,
            };
            tables.subject.add(subject);
            exit(i32::from(!work(&mut tables)))
        }
        Ok(Side::Parent(pid)) => wait_for(pid).exit_status() == 0,
        Err(_) => false,
    }
}

/// Loads what makes the kernel know a filesystem; whether anything was loaded.
pub fn load_filesystem(kind: &[u8]) -> bool {
    apart(
        |tables| {
            let mut names = List::new();
            let kind = parts(tables.subject.text(), b'\n').skip_to(0);
            let mut alias = Line::new();
            names.add(alias.text("fs-").raw(kind).bytes());
            names.add(kind);
            tables.load(&names, Blame::Nobody);
            !tables.done.text().is_empty()
        },
        kind,
    )
}

/// What became of a module that somebody asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg(feature = "shell")]
pub enum Named {
    /// It is there.
    Loaded,
    /// It, or what it needs, is not; why has been said.
    Failed,
    /// There are no modules for this kernel.
    NoModules,
}

/// Loads a module by its name or an alias, with parameters: `NAME PARAMETER=VALUE …`, as a line of /etc/modules. That it
/// is there already is no failure.
#[cfg(feature = "shell")]
pub fn load_named(line: &[u8]) -> Named {
    if folder().is_none() {
        return Named::NoModules;
    }
    if apart(|tables| tables.load_subject(), line) { Named::Loaded } else { Named::Failed }
}

/// Nothing that this process says is seen from here on.
#[cfg(feature = "shell")]
pub fn be_quiet() {
    if let Ok(null) = open(CWD, c"/dev/null", OpenFlags::WRITE) {
        let _ = duplicate_to(null.as_fd(), 2, false);
    }
}

/// Loads what `rootlet.module=` and the files of `/etc` ask for, then what the devices need.
pub fn load_all() {
    apart(
        |tables| {
            tables.load_asked();
            tables.load_for_devices();
            true
        },
        b"",
    );
}

/// Loads what devices need that have arrived by now.
pub fn load_for_devices() {
    apart(
        |tables| {
            tables.load_for_devices();
            true
        },
        b"",
    );
}

/// Names, one on each line.
struct List {
    bytes: [u8; LIST_BYTES],
    length: usize,
    /// Some had no room.
    is_full: bool,
}

impl List {
    const fn new() -> Self {
        Self { bytes: [0; LIST_BYTES], length: 0, is_full: false }
    }

    fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds a name; false where it was there already, or there is none.
    fn add(&mut self, name: &[u8]) -> bool {
        if name.is_empty() || is_listed(self.text(), name) {
            return false;
        }
        self.is_full |= !append(&mut self.bytes, &mut self.length, name);
        true
    }
}

/// Appends a line to the first `length` bytes of a buffer, where it has room; whether it had.
#[inline(never)]
fn append(buffer: &mut [u8], length: &mut usize, line: &[u8]) -> bool {
    let end = *length + line.len();
    let Some(place) = buffer.get_mut(*length..=end) else { return false };
    for (place, byte) in place.iter_mut().zip(line.iter().chain(b"\n")) {
        *place = *byte;
    }
    *length = end + 1;
    true
}

/// Whose wish it is that a module be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// Somebody's: what fails is said.
    Somebody,
    /// A device's or a filesystem's: that there is no module for it, or no such device, is not worth a word.
    Nobody,
}

/// What a process that loads modules works on.
struct Tables<'a> {
    /// `/lib/modules/VERSION/`, with a NUL.
    folder: Line,
    /// The kernel's.
    command_line: &'a [u8],
    /// What the work is about; in the end also the lines of the files of `/etc`, for their parameters.
    subject: List,
    /// Files that were loaded, or that the kernel refused.
    done: List,
    /// Something that somebody wanted could not be loaded.
    failed: bool,
}

impl Tables<'_> {
    /// `/lib/modules/VERSION/`.
    fn folder(&self) -> &[u8] {
        self.folder.bytes().strip_suffix(b"\0").unwrap_or_default()
    }

    fn for_each_line(&self, file: &str, act: &mut dyn FnMut(&[u8])) {
        let mut path = Line::new();
        read_lines(path.path(&[self.folder(), file.as_bytes()]), act);
    }

    /// Loads the one that the subject is about; whether it is there then.
    #[cfg(feature = "shell")]
    fn load_subject(&mut self) -> bool {
        let mut names = List::new();
        if let Some((name, _)) = module_and_parameters(parts(self.subject.text(), b'\n').skip_to(0))
        {
            names.add(name);
        }
        self.load(&names, Blame::Somebody);
        !self.failed
    }

    /// Loads modules by their names or aliases, and before them what they want to be there.
    fn load(&mut self, names: &List, blame: Blame) {
        self.load_deep(names, blame, SOFT_DEPTH);
    }

    // Out of line, for its tables are large and it calls itself.
    #[inline(never)]
    fn load_deep(&mut self, names: &List, blame: Blame, depth: usize) {
        let mut wanted = List::new();
        for name in parts(names.text(), b'\n') {
            wanted.add(name);
        }
        self.for_each_line("modules.alias", &mut |line| {
            if let Some(module) = aliased(line, names.text()) {
                wanted.add(module);
            }
        });
        let mut before = List::new();
        self.for_each_line("modules.softdep", &mut |line| {
            for_each_wanted(line, wanted.text(), &mut |name| {
                before.add(name);
            });
        });
        if names.is_full | wanted.is_full | before.is_full | self.subject.is_full {
            say_full();
        }
        if depth > 0 && !before.text().is_empty() {
            self.load_deep(&before, Blame::Nobody, depth - 1);
        }
        self.load_chosen(&wanted, names, blame);
    }

    #[inline(never)]
    fn load_chosen(&mut self, wanted: &List, asked: &List, blame: Blame) {
        let mut chosen = [0; CHOSEN_BYTES];
        let (mut length, mut is_full) = (0, false);
        self.for_each_line("modules.dep", &mut |line| {
            if is_listed(wanted.text(), module_of(dependencies(line).0)) {
                is_full |= !append(&mut chosen, &mut length, line);
            }
        });
        if is_full {
            say_full();
        }
        let chosen = chosen.get(..length).unwrap_or_default();
        // In the order in which they were asked for: buses before what is on them.
        for name in parts(wanted.text(), b'\n').filter(|name| !name.is_empty()) {
            let same = |line: &&[u8]| is_same(module_of(dependencies(line).0), name);
            match parts(chosen, b'\n').find(same) {
                Some(line) => self.load_line(line, blame),
                None if blame == Blame::Somebody && is_listed(asked.text(), name) => {
                    self.explain_missing(name, wanted);
                }
                None => {}
            }
        }
    }

    /// What is built in, or an alias of something, is not missing.
    fn explain_missing(&mut self, name: &[u8], wanted: &List) {
        let mut is_there = false;
        self.for_each_line("modules.builtin", &mut |line| {
            is_there |= is_same(module_of(line), name)
        });
        self.for_each_line("modules.alias", &mut |line| {
            is_there |= aliased(line, name).is_some_and(|module| is_listed(wanted.text(), module));
        });
        if !is_there {
            self.failed = true;
            report::reason_at_boot(name, Reason::NoModule);
        }
    }

    /// Loads a module and before it all that it needs.
    fn load_line(&mut self, line: &[u8], blame: Blame) {
        let (file, needs) = dependencies(line);
        let mut rest = needs;
        while let Some(start) = rest.iter().rposition(|byte| *byte == b' ') {
            let (before, last) = rest.split_at_checked(start).unwrap_or_default();
            self.load_file(last.trim_ascii(), blame);
            rest = before;
        }
        self.load_file(rest, blame);
        self.load_file(file, blame);
    }

    fn load_file(&mut self, file: &[u8], blame: Blame) {
        if !self.done.add(file) {
            return;
        }
        let name = module_of(file);
        if is_blacklisted(self.command_line, name) && blame == Blame::Nobody {
            return;
        }
        let mut text = Line::new();
        let too_long = CallError { call: Call::FinitModule, errno: Errno::NAMETOOLONG };
        let asked = self.asked_parameters(name, &mut text).ok_or(too_long);
        let mut path = Line::new();
        let folder = if file.starts_with(b"/") { b"" } else { self.folder() };
        let path = path.path(&[folder, file]);
        if let Err(error) = asked.and_then(|asked| insert(path, asked)) {
            self.failed |= blame == Blame::Somebody;
            say_of_module(name, error, blame);
        }
    }

    /// `NAME=VALUE …` of the line of /etc/modules, and of `MODULE.NAME=VALUE` on the kernel command line; none where they do
    /// not fit.
    fn asked_parameters<'b>(&self, name: &[u8], text: &'b mut Line) -> Option<&'b CStr> {
        for line in parts(self.subject.text(), b'\n') {
            if let Some((_, asked)) = module_and_parameters(line).filter(|row| is_same(row.0, name))
            {
                text.text(" ").raw(asked);
            }
        }
        for parameter in parameters(self.command_line) {
            let (module, key) = halves(parameter.name, b'.');
            if !key.is_empty() && is_same(module, name) {
                text.text(" ").raw(key).text("=").raw(parameter.value.unwrap_or_default());
            }
        }
        // The kernel passes over the first blank.
        text.whole()
    }

    /// What was asked for by name: on the kernel command line, in /etc/modules, in /etc/modules-load.d.
    fn load_asked(&mut self) {
        let mut names = List::new();
        for parameter in parameters(self.command_line).filter(|one| one.name == b"rootlet.module") {
            for name in parts(parameter.value.unwrap_or_default(), b',') {
                names.add(name);
            }
        }
        self.read_wishes(c"/etc/modules", &mut names);
        if let Ok(folder) = open(CWD, c"/etc/modules-load.d", OpenFlags::READ) {
            for_each_name(&folder, &mut |name| {
                let mut path = Line::new();
                if name.to_bytes().ends_with(b".conf") {
                    let path = path.path(&[b"/etc/modules-load.d/", name.to_bytes()]);
                    self.read_wishes(path, &mut names);
                }
                true
            });
        }
        if !names.text().is_empty() {
            self.load(&names, Blame::Somebody);
        }
    }

    /// Keeps the lines for their parameters, and adds the names.
    fn read_wishes(&mut self, path: &CStr, names: &mut List) {
        let subject = &mut self.subject;
        read_lines(path, &mut |line| {
            if let Some((name, _)) = module_and_parameters(line) {
                subject.add(line);
                names.add(name);
            }
        });
    }

    /// What the devices below /sys/devices need, until no new ones appear.
    #[inline(never)]
    fn load_for_devices(&mut self) {
        let mut known = List::new();
        for _ in 0..ROUNDS {
            let mut found = List::new();
            if let Ok(devices) = open(CWD, c"/sys/devices", OpenFlags::READ) {
                collect(&devices, DEPTH, &mut |alias| {
                    if known.add(alias) {
                        found.add(alias);
                    }
                });
            }
            if found.text().is_empty() {
                return;
            }
            self.load(&found, Blame::Nobody);
        }
    }
}

/// Hands on the lines of a file that need not be there; one that cannot be read is told.
#[inline(never)]
fn read_lines(path: &CStr, act: &mut dyn FnMut(&[u8])) {
    let mut buffer = [0; LINE_BYTES];
    match for_each_line(path, &mut buffer, act) {
        Ok(()) | Err(CallError { errno: Errno::NOENT, .. }) => {}
        Err(error) => report::failed_at_boot(error, path.to_bytes()),
    }
}

/// Says that not all of what was wanted is looked for.
fn say_full() {
    report::reason_at_boot(b"modules", Reason::ManyModules);
}

/// Hands on the aliases of all devices below a directory. Links lead to other devices and are not followed.
fn collect(directory: &Descriptor, depth: usize, act: &mut dyn FnMut(&[u8])) {
    for_each_name(directory, &mut |name| {
        if name == c"modalias" {
            let mut alias = [0; ALIAS_BYTES];
            if let Ok(alias) = read_start(directory.as_fd(), name, &mut alias) {
                act(alias.trim_ascii());
            }
        } else if depth > 0
            && let Ok(below) = open(directory.as_fd(), name, OpenFlags::READ_DIRECTORY)
        {
            collect(&below, depth - 1, act);
        }
        true
    });
}

/// `modprobe.blacklist=a,b` keeps devices from getting a module; who asks for it by name gets it.
fn is_blacklisted(command_line: &[u8], name: &[u8]) -> bool {
    parameters(command_line)
        .filter(|parameter| parameter.name == b"modprobe.blacklist")
        .filter_map(|parameter| parameter.value)
        .any(|list| parts(list, b',').any(|listed| is_same(listed, name)))
}

/// Says that a module could not be loaded, and what the errno means where its own words mislead.
fn say_of_module(name: &[u8], error: CallError, blame: Blame) {
    let hint = match error.errno {
        Errno::NODEV if blame == Blame::Nobody => return,
        Errno::NOENT => packed!("; an unknown symbol or parameter, see dmesg"),
        Errno::NOEXEC => packed!("; it is made for another kernel"),
        Errno::INVAL | Errno::OPNOTSUPP => {
            packed!("; a compressed one is the kernel's to unpack (MODULE_DECOMPRESS)")
        }
        _ => packed!(""),
    };
    let mut line = report::line();
    line.text("module ").operand(name).text(": ");
    report::describe_call(&mut line, error);
    line.packed(hint);
    report::say_of_boot(line);
}
