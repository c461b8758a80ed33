//! A process that is to be entered: what it is, and what it may do.
//!
//! All of it is read from the caller's own /proc, by a directory that stays the process's own when its number is
//! another's; nothing that a container has at its /proc is believed.

use core::ffi::CStr;

use heapless::Vec;
use rustix::fs::{AtFlags, CWD, statat};
use rustix::io::read;

use super::cgroups::unified_place;
use super::files::number_at;
use crate::input::enter_options::{EnterOptions, OWN_TOOLS, Place, Style};
use crate::input::namespaces::{self, KINDS, Namespaces};
use crate::input::process_rights::{Rights, label_of};
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::security_options::Label;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::open_process;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// A file of /proc/PID.
#[derive(Clone, Copy)]
pub enum File {
    /// What it may do, and who it is.
    Status,
    /// The cgroups that it is in.
    Cgroups,
    /// The same of ours.
    OwnCgroups,
    /// Its score for want of memory.
    Score,
    /// What it may use.
    Limits,
    /// Who users are in its user namespace, where that is entered.
    UserMap,
    /// The same of groups.
    GroupMap,
}

/// Names of `File`, in its order.
static FILES: [&CStr; 7] =
    [c"status", c"cgroup", c"cgroup", c"oom_score_adj", c"limits", c"uid_map", c"gid_map"];

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
    /// Texts by the number of their `File`, as far as they are of interest.
    pub texts: [Option<&'a [u8]>; FILES.len()],
    /// How a security module confines it.
    pub label: Option<Label<'a>>,
    /// Where v2 is mounted.
    pub unified: &'static CStr,
}

impl<'a> Target<'a> {
    /// What was read of a file; empty where nothing was.
    #[must_use]
    pub fn text(&self, file: File) -> &'a [u8] {
        self.texts.get(file as usize).copied().flatten().unwrap_or_default()
    }

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
            rights: Rights::NONE,
            texts: [None; FILES.len()],
            label: None,
            unified: c"",
        }
    }
}

impl Default for Target<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// A process that is held twice; neither handle leads to another process that gets its number.
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
    // Whatever can still be read by the directory afterwards is of the process that the pidfd holds.
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
        theirs.is_ok_and(|theirs| {
            ours.is_ok_and(|ours| theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev)
        })
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
        hold_host(&mut target.root, path, 0)?;
    }
    match (enter.directory, enter.style) {
        (Place::Host(path), _) => hold_host(&mut target.directory, path, 1)?,
        (Place::AsIs, Style::Nsenter) => target.stays = true,
        (Place::AsIs, Style::Exec) if target.root.is_none() => {
            hold_host(&mut target.directory, c"/", 1)?;
        }
        _ => {}
    }
    target.tools_path = enter.tools;
    target.own_tools = enter.tools == OWN_TOOLS;
    if target.own_tools {
        let own = open(CWD, c"/proc/self/exe", OpenFlags::READ);
        hold_opened(&mut target.tools, own, Subject::OwnFile)?;
    } else if !enter.tools.is_empty() {
        hold_host(&mut target.tools, enter.tools, 2)?;
    }
    let is_root = rustix::process::geteuid().is_root();
    target.leaves_groups = is_root && target.kinds.has(Namespaces::USER) && !enter.preserve;
    Ok(())
}

/// Holds one of the host's directories.
#[inline(never)]
fn hold_host(place: &mut Option<Descriptor>, path: &CStr, which: u8) -> Outcome {
    let opened = open(CWD, path, OpenFlags::PATH_DIRECTORY);
    hold_opened(place, opened, Subject::Directory(which))
}

// Out of line: what a place held before would be closed wherever it gets something.
#[inline(never)]
fn hold_opened(
    place: &mut Option<Descriptor>,
    opened: Result<Descriptor, Errno>,
    subject: Subject,
) -> Outcome {
    *place = Some(opened.map_err(Refusal::of_call(Call::Openat, subject))?);
    Ok(())
}

#[inline(never)]
fn look_at_process<'a>(
    enter: &EnterOptions<'a>,
    directory: &Descriptor,
    arena: &mut Arena<'a>,
    target: &mut Target<'a>,
) -> Outcome {
    let own = open(CWD, c"/proc/self", OpenFlags::PATH_DIRECTORY);
    let own = &own.map_err(Refusal::of_call(Call::Openat, Subject::Machine))?;
    find_kinds(enter, directory, own, target)?;
    // Those of exec stand behind the status, those of a user namespace behind all others.
    let last = match enter.style {
        Style::Exec if target.kinds.has(Namespaces::USER) => File::GroupMap,
        Style::Exec => File::Limits,
        _ => File::Status,
    };
    for (number, name) in FILES.iter().enumerate().take(last as usize + 1) {
        let is_ours = number == File::OwnCgroups as usize;
        if !enter.cgroups && (is_ours || number == File::Cgroups as usize) {
            continue;
        }
        let text = read_of(if is_ours { own } else { directory }, name, arena)?;
        if let Some(place) = target.texts.get_mut(number) {
            *place = Some(text);
        }
    }
    target.rights = Rights::read(target.text(File::Status));
    if enter.style == Style::Exec {
        label(directory, own, arena, &mut target.label)?;
    }
    if enter.cgroups {
        target.unified = unified_place().map_err(Refusal::of_error(Subject::Machine))?;
    }
    let hold = |place: &mut Option<Descriptor>, name| {
        hold_opened(place, open(directory.as_fd(), name, OpenFlags::PATH), Subject::Target)
    };
    // Without its mounts its root would be a way around them.
    let takes_root = enter.style == Style::Nsenter || enter.kinds.has(Namespaces::MOUNT);
    if enter.root == Place::Target && takes_root {
        hold(&mut target.root, c"root")?;
    }
    if enter.directory == Place::Target {
        hold(&mut target.directory, c"cwd")?;
    }
    Ok(())
}

/// Which of its namespaces are to be entered.
#[inline(never)]
fn find_kinds(
    enter: &EnterOptions<'_>,
    directory: &Descriptor,
    own: &Descriptor,
    target: &mut Target<'_>,
) -> Outcome {
    target.kinds = enter.kinds;
    if !enter.others_only {
        return Ok(());
    }
    for &(kind, name) in &namespaces::FILES {
        if !enter.kinds.has(kind) {
            continue;
        }
        // Who has shifted the clocks of his children has not shifted his own.
        let is_time = kind == Namespaces::TIME;
        let theirs_name = if is_time { c"ns/time_for_children" } else { name };
        let theirs = match number_at(directory.as_fd(), theirs_name) {
            // The kernel has no such kind.
            Err(Errno::NOENT) => 0,
            found => found.map_err(Refusal::of_call(Call::Newfstatat, Subject::Target))?,
        };
        let ours = number_at(own.as_fd(), name).unwrap_or(0);
        let differs = theirs != ours && !enter.has_file(kind);
        target.kinds = target.kinds.with(kind, differs && !is_time);
        if differs && is_time {
            let file = open(directory.as_fd(), theirs_name, OpenFlags::READ);
            let file = file.map_err(Refusal::of_call(Call::Openat, Subject::Target))?;
            // No file was named for this kind: there is room.
            let _ = target.files.push((kind, file));
        }
    }
    Ok(())
}

/// Reads one of a process's files.
#[inline(never)]
fn read_of<'a>(
    directory: &Descriptor,
    name: &CStr,
    arena: &mut Arena<'a>,
) -> Result<&'a [u8], Refusal> {
    let file = open(directory.as_fd(), name, OpenFlags::READ);
    let file = file.map_err(Refusal::of_call(Call::Openat, Subject::Target))?;
    let text = arena.fill(|room| read(&file, room));
    let text = text.map_err(Refusal::of_call(Call::Read, Subject::Target))?;
    text.ok_or(Refusal::new(Subject::Target, Reason::TextFull))
}

/// Where security modules tell a process's label, and where one for programs is asked for. Source: proc_pid_attr(5).
static LABELS: [(&CStr, &CStr, &[u8]); 2] = [
    (c"attr/apparmor/current", c"/proc/self/attr/apparmor/exec", b"exec "),
    (c"attr/current", c"/proc/self/attr/exec", b""),
];

/// The label that its programs have, where that is another than ours.
#[inline(never)]
fn label<'a>(
    directory: &Descriptor,
    own: &Descriptor,
    arena: &mut Arena<'a>,
    place: &mut Option<Label<'a>>,
) -> Outcome {
    for &(name, file, before) in &LABELS {
        let theirs = match read_of(directory, name, arena) {
            // There is no such module.
            Err(refusal) if refusal.is_of(&[Errno::NOENT, Errno::INVAL]) => continue,
            answer => answer?,
        };
        if theirs == read_of(own, name, arena)? || theirs.is_empty() {
            return Ok(());
        }
        let text = label_of(theirs);
        // `PROFILE (enforce)`
        let end = text.iter().rposition(|byte| *byte == b'(').filter(|_| text.ends_with(b")"));
        let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim_ascii_end();
        let full = |_| Refusal::new(Subject::Target, Reason::TextFull);
        let text = arena.join(&[before, text]).map_err(full)?;
        *place = Some(Label { file, text });
        return Ok(());
    }
    Ok(())
}
