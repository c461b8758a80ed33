//! A process that is to be entered: what it is, and what it may do.
//!
//! All of it is read from the caller's own /proc, by a directory that stays the process's own when its number is
//! another's; nothing that a container has at its /proc is believed.

use core::ffi::CStr;

use heapless::Vec;
use rustix::fs::{AtFlags, CWD, Stat, statat};
use rustix::io::read;

use super::cgroups::unified_place;
use crate::input::enter_options::{EnterOptions, KINDS, NAMES, OWN_TOOLS, Place, Style};
use crate::input::namespaces::Namespaces;
use crate::input::process_rights::Rights;
use crate::input::refusal::{Cause, Reason, Refusal, Subject};
use crate::input::security_options::Label;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::open_process;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// What was found; and what is held of it, for who enters.
pub struct Target<'a> {
    /// As it was named.
    pub name: &'a CStr,
    /// The process.
    pub process: Option<Descriptor>,
    /// Kinds of its namespaces that are to be entered.
    pub kinds: Namespaces,
    /// Other namespaces that are.
    pub files: Vec<(Namespaces, Descriptor), KINDS>,
    /// What becomes `/`.
    pub root: Option<Descriptor>,
    /// The working directory.
    pub directory: Option<Descriptor>,
    /// Another root does not change that.
    pub stays: bool,
    /// What is laid over `/`: a directory, or rootlet's own file.
    pub tools: Option<Descriptor>,
    /// The latter.
    pub own_tools: bool,
    /// The path of the former.
    pub tools_path: &'a CStr,
    /// Supplementary groups are given up before a user namespace may forbid it.
    pub leaves_groups: bool,
    /// What it may do.
    pub rights: Rights,
    /// /proc/PID/status
    pub status: &'a [u8],
    /// Its users and groups, where its user namespace is another.
    pub maps: Option<(&'a [u8], &'a [u8])>,
    /// /proc/PID/limits
    pub limits: &'a [u8],
    /// Its score for want of memory.
    pub score: &'a [u8],
    /// How a security module confines it.
    pub label: Option<Label<'a>>,
    /// Its cgroups and ours, as /proc/PID/cgroup has them.
    pub cgroups: (&'a [u8], &'a [u8]),
    /// Where v2 is mounted.
    pub unified: &'static CStr,
}

impl Target<'_> {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: c"",
            process: None,
            kinds: Namespaces::NONE,
            files: Vec::new(),
            root: None,
            directory: None,
            stays: false,
            tools: None,
            own_tools: false,
            tools_path: c"",
            leaves_groups: false,
            rights: Rights::read(b""),
            status: b"",
            maps: None,
            limits: b"",
            score: b"",
            label: None,
            cgroups: (b"", b""),
            unified: c"",
        }
    }
}

impl Default for Target<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// A process that is held: neither leads to another one that gets its number.
pub struct Held {
    /// Its directory of /proc.
    directory: Descriptor,
    /// The process itself.
    process: Descriptor,
}

/// Holds a process.
///
/// # Errors
/// The call that failed; ENOENT or ESRCH: there is none.
#[inline(never)]
pub fn hold(pid: i32) -> Result<Held, CallError> {
    let mut path = Line::new();
    path.text("/proc/").number(pid.unsigned_abs().into());
    let directory = open(CWD, path.as_path(), OpenFlags::PATH_DIRECTORY);
    let directory = directory.map_err(Call::Openat.failed())?;
    // The first one still had its number then, if anything can be read of it afterwards.
    let process = open_process(pid).map_err(Call::PidfdOpen.failed())?;
    Ok(Held { directory, process })
}

impl Held {
    /// Whether its root and its namespaces may be looked at.
    #[must_use]
    pub fn can_be_entered(&self) -> bool {
        open(self.directory.as_fd(), c"root", OpenFlags::PATH).is_ok()
    }

    /// Whether it is known to run something else than rootlet.
    #[must_use]
    pub fn is_other_program(&self) -> bool {
        let theirs = statat(&self.directory, c"exe", AtFlags::empty());
        let ours = statat(CWD, c"/proc/self/exe", AtFlags::empty());
        theirs.is_ok_and(|theirs| ours.is_ok_and(|ours| id(&theirs) != id(&ours)))
    }
}

type Outcome = Result<(), Refusal>;

/// Looks at the target, if there is one, and at what else `enter` names.
///
/// # Errors
/// What cannot be looked at, or is not there.
#[inline(never)]
pub fn look<'a>(
    enter: &EnterOptions<'a>,
    held: Option<Held>,
    arena: &mut Arena<'a>,
    target: &mut Target<'a>,
) -> Outcome {
    target.name = enter.target;
    if let Some(Held { directory, process }) = held {
        look_at_process(enter, &directory, arena, target)?;
        target.process = Some(process);
    }
    for (index, (kind, path)) in (0..).zip(&enter.files) {
        let file = open(CWD, path, OpenFlags::READ);
        let file = file.map_err(Refusal::of_call(Call::Openat, Subject::EnterFile(index)))?;
        // As many as there are options.
        let _ = target.files.push((*kind, file));
    }
    if let Place::Host(path) = enter.root {
        target.root = open_host(path, 0)?;
    }
    match (enter.directory, enter.style) {
        (Place::Host(path), _) => target.directory = open_host(path, 1)?,
        (Place::AsIs, Style::Nsenter) => target.stays = true,
        (Place::AsIs, Style::Exec) if target.root.is_none() => {
            target.directory = open_host(c"/", 1)?;
        }
        _ => {}
    }
    target.tools_path = enter.tools;
    target.own_tools = enter.tools == OWN_TOOLS;
    if target.own_tools {
        let own = open(CWD, c"/proc/self/exe", OpenFlags::READ);
        target.tools = Some(own.map_err(Refusal::of_call(Call::Openat, Subject::OwnFile))?);
    } else if !enter.tools.is_empty() {
        target.tools = open_host(enter.tools, 2)?;
    }
    let is_root = rustix::process::geteuid().is_root();
    target.leaves_groups = is_root && target.kinds.has(Namespaces::USER) && !enter.preserve;
    Ok(())
}

#[inline(never)]
fn open_host(path: &CStr, which: u8) -> Result<Option<Descriptor>, Refusal> {
    let opened = open(CWD, path, OpenFlags::PATH_DIRECTORY);
    opened.map(Some).map_err(Refusal::of_call(Call::Openat, Subject::Directory(which)))
}

#[inline(never)]
fn look_at_process<'a>(
    enter: &EnterOptions<'a>,
    directory: &Descriptor,
    arena: &mut Arena<'a>,
    target: &mut Target<'a>,
) -> Outcome {
    find_kinds(enter, directory, target)?;
    target.status = read_of(directory, c"status", arena)?;
    target.rights = Rights::read(target.status);
    if enter.style == Style::Exec {
        if target.kinds.has(Namespaces::USER) {
            let uids = read_of(directory, c"uid_map", arena)?;
            target.maps = Some((uids, read_of(directory, c"gid_map", arena)?));
        }
        target.label = label(directory, arena)?;
        target.score = read_of(directory, c"oom_score_adj", arena)?;
        target.limits = read_of(directory, c"limits", arena)?;
    }
    if enter.cgroups {
        let theirs = read_of(directory, c"cgroup", arena)?;
        let own = Subject::Machine;
        let ours = open(CWD, c"/proc/self/cgroup", OpenFlags::READ);
        let ours = read_all(&ours.map_err(Refusal::of_call(Call::Openat, own))?, arena)?;
        target.cgroups = (theirs, ours);
        target.unified = unified_place();
    }
    let open_of = |name| {
        let opened = open(directory.as_fd(), name, OpenFlags::PATH);
        opened.map(Some).map_err(Refusal::of_call(Call::Openat, Subject::Target))
    };
    // Without its mounts its root would be a way around them.
    let takes_root = enter.style == Style::Nsenter || enter.kinds.has(Namespaces::MOUNT);
    if enter.root == Place::Target && takes_root {
        target.root = open_of(c"root")?;
    }
    if enter.directory == Place::Target {
        target.directory = open_of(c"cwd")?;
    }
    Ok(())
}

/// Which of its namespaces are to be entered.
#[inline(never)]
fn find_kinds(
    enter: &EnterOptions<'_>,
    directory: &Descriptor,
    target: &mut Target<'_>,
) -> Outcome {
    target.kinds = enter.kinds;
    if !enter.others_only {
        return Ok(());
    }
    for (kind, name) in NAMES {
        if !enter.kinds.has(kind) {
            continue;
        }
        // Who has shifted the clocks of his children has not shifted his own.
        let is_time = kind == Namespaces::TIME;
        let theirs_name = if is_time { c"ns/time_for_children" } else { name };
        let theirs = match statat(directory, theirs_name, AtFlags::empty()) {
            // The kernel has no such kind.
            Err(rustix::io::Errno::NOENT) => None,
            found => Some(found.map_err(Refusal::of_call(Call::Newfstatat, Subject::Target))?),
        };
        let mut path = Line::new();
        path.text("/proc/self/").raw(name.to_bytes());
        let ours = statat(CWD, path.as_path(), AtFlags::empty()).ok();
        let differs = theirs.as_ref().map(id) != ours.as_ref().map(id) && !enter.has_file(kind);
        target.kinds = target.kinds.with(kind, differs && !is_time);
        if differs && is_time {
            let file = open(directory.as_fd(), theirs_name, OpenFlags::READ);
            let file = file.map_err(Refusal::of_call(Call::Openat, Subject::Target))?;
            let _ = target.files.push((kind, file));
        }
    }
    Ok(())
}

const fn id(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

#[inline(never)]
fn read_of<'a>(
    directory: &Descriptor,
    name: &CStr,
    arena: &mut Arena<'a>,
) -> Result<&'a [u8], Refusal> {
    let file = open(directory.as_fd(), name, OpenFlags::READ);
    read_all(&file.map_err(Refusal::of_call(Call::Openat, Subject::Target))?, arena)
}

fn read_all<'a>(file: &Descriptor, arena: &mut Arena<'a>) -> Result<&'a [u8], Refusal> {
    let text = arena.fill(|room| read(file, room));
    let text = text.map_err(Refusal::of_call(Call::Read, Subject::Target))?;
    text.ok_or(Refusal::new(Subject::Target, Reason::TextFull))
}

/// Where security modules tell a process's label, and where one for programs is asked for. Source: proc_pid_attr(5).
const LABELS: [(&CStr, &CStr, &[u8]); 2] = [
    (c"attr/apparmor/current", c"/proc/self/attr/apparmor/exec", b"exec "),
    (c"attr/current", c"/proc/self/attr/exec", b""),
];

/// The label that its programs have, where that is another than ours.
#[inline(never)]
fn label<'a>(directory: &Descriptor, arena: &mut Arena<'a>) -> Result<Option<Label<'a>>, Refusal> {
    let own = open(CWD, c"/proc/self", OpenFlags::PATH_DIRECTORY);
    let own = own.map_err(Refusal::of_call(Call::Openat, Subject::Machine))?;
    for (name, file, before) in LABELS {
        let theirs = match read_of(directory, name, arena) {
            // There is no such module.
            Err(Refusal {
                cause: Cause::Call(CallError { errno: Errno::NOENT | Errno::INVAL, .. }),
                ..
            }) => continue,
            answer => answer?,
        };
        let ours = read_of(&own, name, arena)?;
        if theirs == ours || theirs.is_empty() {
            return Ok(None);
        }
        let end = theirs.iter().position(|byte| matches!(byte, 0 | b'\n'));
        let text = theirs.get(..end.unwrap_or(theirs.len())).unwrap_or_default();
        // `PROFILE (enforce)`
        let end = text.iter().rposition(|byte| *byte == b'(').filter(|_| text.ends_with(b")"));
        let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim_ascii_end();
        let full = |_| Refusal::new(Subject::Target, Reason::TextFull);
        let text = arena.join(&[before, text]).map_err(full)?;
        return Ok(Some(Label { file, text }));
    }
    Ok(None)
}
