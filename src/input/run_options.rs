//! The command line of `rootlet run`, checked as far as text can be.

use core::ffi::CStr;

use heapless::Vec;

use super::arguments::{Arguments, Found};
use super::capability::CapabilitySet;
use super::mount_options::{Propagation, Tmpfs, Volume, parse_tmpfs, parse_volume};
use super::refusal::{Reason, Refusal, Subject};
use super::run_manual::{IDS, Id, MANUAL};
use crate::text::arena::Arena;

/// `--volume` options on one command line.
pub const VOLUMES: usize = 64;
/// `--tmpfs` options on one command line.
pub const TMPFS_MOUNTS: usize = 32;
/// `--env` options on one command line.
pub const VARIABLES: usize = 512;
/// `--env-file` options on one command line.
pub const VARIABLE_FILES: usize = 8;
/// Bytes of a host or domain name. Source: `__NEW_UTS_LEN`, linux/utsname.h.
pub const NAME_BYTES: usize = 64;

/// Kinds of namespaces, as a set. The bits are clone(2)'s `CLONE_NEW*`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Namespaces(pub u64);

impl Namespaces {
    /// Mounts.
    pub const MOUNT: Self = Self(0x0002_0000);
    /// The cgroup root.
    pub const CGROUP: Self = Self(0x0200_0000);
    /// Host and domain name.
    pub const UTS: Self = Self(0x0400_0000);
    /// System V IPC and POSIX message queues.
    pub const IPC: Self = Self(0x0800_0000);
    /// Process ids.
    pub const PID: Self = Self(0x2000_0000);
    /// Network.
    pub const NETWORK: Self = Self(0x4000_0000);
    /// What a container gets unless told otherwise.
    pub const DEFAULT: Self = Self(
        Self::MOUNT.0 | Self::CGROUP.0 | Self::UTS.0 | Self::IPC.0 | Self::PID.0 | Self::NETWORK.0,
    );

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn with(self, other: Self, new: bool) -> Self {
        if new { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }
}

/// The list that the next mount is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// `RunOptions::volumes`
    Volume,
    /// `RunOptions::tmpfs`
    Tmpfs,
}

/// What to do with the plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Carry it out.
    Run,
    /// Carry it out and print each step with the time it took.
    Trace,
    /// Print it.
    Explain,
}

/// All that `rootlet run` was told.
pub struct RunOptions<'a> {
    /// The directory that becomes the root.
    pub rootfs: &'a CStr,
    /// The root cannot be written.
    pub read_only: bool,
    /// Binds of the host's files, in the order given.
    pub volumes: Vec<Volume<'a>, VOLUMES>,
    /// Memory filesystems, in the order given.
    pub tmpfs: Vec<Tmpfs<'a>, TMPFS_MOUNTS>,
    /// In which order volumes and memory filesystems were named; `mounts` walks them.
    pub mount_order: Vec<MountKind, { VOLUMES + TMPFS_MOUNTS }>,
    /// Host name inside.
    pub hostname: Option<&'a CStr>,
    /// NIS domain name inside.
    pub domainname: Option<&'a CStr>,
    /// Working directory of the program.
    pub workdir: &'a CStr,
    /// `USER[:GROUP]`, unresolved.
    pub user: Option<&'a CStr>,
    /// `--env`, in the order given.
    pub variables: Vec<&'a CStr, VARIABLES>,
    /// `--env-file`, in the order given.
    pub variable_files: Vec<&'a CStr, VARIABLE_FILES>,
    /// Namespaces to make.
    pub namespaces: Namespaces,
    /// Between the host's mounts and the container's.
    pub propagation: Propagation,
    /// `pivot_root`, or moving the root mount and chroot.
    pub pivot: bool,
    /// A terminal of the container's own.
    pub terminal: bool,
    /// rootlet is PID 1 and the program its child.
    pub init: bool,
    /// Where the container's pid is written.
    pub pid_file: Option<&'a CStr>,
    /// Capabilities of the program.
    pub capabilities: CapabilitySet,
    /// Whether `--cap-add` was given.
    pub capabilities_added: bool,
    /// Run, trace or explain.
    pub mode: Mode,
}

/// A mount that the user named.
#[derive(Clone, Copy)]
pub enum UserMount<'o, 'a> {
    /// A volume and its index among the volumes.
    Volume(u8, &'o Volume<'a>),
    /// A memory filesystem.
    Tmpfs(&'o Tmpfs<'a>),
}

impl<'a> UserMount<'_, 'a> {
    /// Where it goes.
    #[must_use]
    pub const fn target(&self) -> &'a CStr {
        match self {
            Self::Volume(_, volume) => volume.target,
            Self::Tmpfs(tmpfs) => tmpfs.target,
        }
    }
}

impl<'a> RunOptions<'a> {
    /// Volumes and memory filesystems in the order in which they were named: a later one lies over an earlier one.
    pub fn mounts(&self) -> impl Iterator<Item = UserMount<'_, 'a>> {
        let mut volumes = (0..).zip(&self.volumes);
        let mut tmpfs = self.tmpfs.iter();
        self.mount_order.iter().filter_map(move |kind| match kind {
            MountKind::Volume => {
                volumes.next().map(|(index, volume)| UserMount::Volume(index, volume))
            }
            MountKind::Tmpfs => tmpfs.next().map(UserMount::Tmpfs),
        })
    }
}

impl RunOptions<'_> {
    /// What a command line without options means; the root is still to be named.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rootfs: c"",
            read_only: false,
            volumes: Vec::new(),
            tmpfs: Vec::new(),
            mount_order: Vec::new(),
            hostname: None,
            domainname: None,
            workdir: c"/",
            user: None,
            variables: Vec::new(),
            variable_files: Vec::new(),
            namespaces: Namespaces::DEFAULT,
            propagation: Propagation::Slave,
            pivot: true,
            terminal: false,
            init: true,
            pid_file: None,
            capabilities: CapabilitySet::DEFAULT,
            capabilities_added: false,
            mode: Mode::Run,
        }
    }
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a command line asks for.
pub enum RunRequest<Words> {
    /// `--help`.
    Help,
    /// Run this program; the options are in the place that was given.
    Run(Words),
}

/// Capabilities asked for while reading.
struct CapabilityChanges {
    added: CapabilitySet,
    dropped: CapabilitySet,
}

/// Reads the command line behind `run` into `options`; its first string is number `position` of the argument
/// vector.
///
/// # Errors
/// Anything that is wrong with the text: unknown options, bad values, a full list, no root, no program.
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    words: Words,
    position: u32,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
) -> Result<RunRequest<Words>, Refusal> {
    let mut arguments = Arguments::new(words, position);
    let mut changes =
        CapabilityChanges { added: CapabilitySet::NONE, dropped: CapabilitySet::NONE };
    while arguments.take(MANUAL).map_err(|reason| arguments.refusal(reason))? {
        let Found { index, value, .. } = arguments.found;
        let id = IDS.get(index).copied().unwrap_or(Id::Help);
        let applied = match id {
            Id::Help => return Ok(RunRequest::Help),
            Id::Volume | Id::Tmpfs | Id::Variable | Id::VariableFile => {
                add_to_list(id, value, arena, options)
            }
            Id::CapabilityAdd | Id::CapabilityDrop => change_capabilities(id, value, &mut changes),
            Id::Rootfs | Id::Hostname | Id::Domainname | Id::Workdir | Id::User | Id::PidFile => {
                set_text(id, value, options)
            }
            Id::Network => set_namespace(Namespaces::NETWORK, value, options),
            Id::Pid => set_namespace(Namespaces::PID, value, options),
            Id::Ipc => set_namespace(Namespaces::IPC, value, options),
            Id::Uts => set_namespace(Namespaces::UTS, value, options),
            Id::Cgroup => set_namespace(Namespaces::CGROUP, value, options),
            Id::Propagation => set_propagation(value, options),
            _ => set_switch(id, options),
        };
        applied.map_err(|reason| arguments.refusal(reason))?;
    }
    options.capabilities_added = changes.added != CapabilitySet::NONE;
    options.capabilities = options.capabilities.changed(changes.added, changes.dropped);
    check(options)?;
    if arguments.operands().next().is_none() {
        return Err(Refusal::new(Subject::Command, Reason::NoProgram));
    }
    Ok(RunRequest::Run(arguments.operands()))
}

/// What one option needs of the others.
const fn check(options: &RunOptions<'_>) -> Result<(), Refusal> {
    if options.rootfs.is_empty() {
        return Err(Refusal::new(Subject::Command, Reason::NoRoot));
    }
    let renames = options.hostname.is_some() || options.domainname.is_some();
    if renames && !options.namespaces.has(Namespaces::UTS) {
        return Err(Refusal::new(Subject::Command, Reason::RenamesHost));
    }
    Ok(())
}

fn add_to_list<'a>(
    id: Id,
    value: &'a CStr,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
) -> Result<(), Reason> {
    let bytes = value.to_bytes();
    match id {
        Id::Volume => {
            let volume = parse_volume(bytes, arena)?;
            options.volumes.push(volume).map_err(|_| Reason::TooManyVolumes)?;
            // As many places as both lists have: there is room.
            let _ = options.mount_order.push(MountKind::Volume);
            Ok(())
        }
        Id::Tmpfs => {
            let tmpfs = parse_tmpfs(bytes, arena)?;
            options.tmpfs.push(tmpfs).map_err(|_| Reason::TooManyTmpfs)?;
            let _ = options.mount_order.push(MountKind::Tmpfs);
            Ok(())
        }
        Id::Variable => {
            super::environment::parse(bytes).ok_or(Reason::NoVariable)?;
            options.variables.push(value).map_err(|_| Reason::TooManyVariables)
        }
        _ => options.variable_files.push(value).map_err(|_| Reason::TooManyVariableFiles),
    }
}

fn change_capabilities(
    id: Id,
    value: &CStr,
    changes: &mut CapabilityChanges,
) -> Result<(), Reason> {
    let set = CapabilitySet::named(value.to_bytes()).ok_or(Reason::NoCapability)?;
    let place = if id == Id::CapabilityAdd { &mut changes.added } else { &mut changes.dropped };
    place.0 |= set.0;
    Ok(())
}

fn set_text<'a>(id: Id, value: &'a CStr, options: &mut RunOptions<'a>) -> Result<(), Reason> {
    if value.is_empty() {
        return Err(Reason::Empty);
    }
    let name = matches!(id, Id::Hostname | Id::Domainname);
    if name && value.to_bytes().len() > NAME_BYTES {
        return Err(Reason::NameTooLong);
    }
    if id == Id::Workdir && value.to_bytes().first() != Some(&b'/') {
        return Err(Reason::RelativePath);
    }
    match id {
        Id::Rootfs => options.rootfs = value,
        Id::Hostname => options.hostname = Some(value),
        Id::Domainname => options.domainname = Some(value),
        Id::Workdir => options.workdir = value,
        Id::User => options.user = Some(value),
        _ => options.pid_file = Some(value),
    }
    Ok(())
}

fn set_namespace(
    kind: Namespaces,
    value: &CStr,
    options: &mut RunOptions<'_>,
) -> Result<(), Reason> {
    let new = match value.to_bytes() {
        b"new" => true,
        b"host" => false,
        _ => return Err(Reason::NeitherHostNorNew),
    };
    options.namespaces = options.namespaces.with(kind, new);
    Ok(())
}

fn set_propagation(value: &CStr, options: &mut RunOptions<'_>) -> Result<(), Reason> {
    options.propagation = Propagation::named(value.to_bytes()).ok_or(Reason::NoPropagation)?;
    Ok(())
}

const fn set_switch(id: Id, options: &mut RunOptions<'_>) -> Result<(), Reason> {
    match id {
        Id::ReadOnly => options.read_only = true,
        Id::NoPivot => options.pivot = false,
        Id::Terminal => options.terminal = true,
        Id::NoInit => options.init = false,
        Id::Privileged => options.capabilities = CapabilitySet::ALL,
        Id::Explain => options.mode = Mode::Explain,
        Id::Trace => options.mode = Mode::Trace,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::arguments::declared_names;
    use crate::input::refusal::Cause;

    /// Reads a command line; gives the options and the number of operands, or why not; `None` is help.
    fn read(line: &'static str) -> Result<(RunOptions<'static>, usize), Option<Cause>> {
        let words: Vec<&CStr, 2048> = line
            .split_whitespace()
            .map(|word| &*Box::leak(std::ffi::CString::new(word).unwrap().into_boxed_c_str()))
            .collect();
        let words = Box::leak(Box::new(words));
        let mut arena = Arena::new(Box::leak(Box::new([0; 65536])));
        let mut options = RunOptions::new();
        match parse(words.iter().copied(), 0, &mut arena, &mut options) {
            Ok(RunRequest::Run(operands)) => Ok((options, operands.count())),
            Ok(RunRequest::Help) => Err(None),
            Err(refusal) => Err(Some(refusal.cause)),
        }
    }

    fn refused(line: &'static str, reason: Reason) {
        assert_eq!(read(line).err(), Some(Some(Cause::Reason(reason))), "{line}");
    }

    #[test]
    fn the_defaults_are_the_secure_ones() {
        let (options, operands) = read("--rootfs / sh -c x").ok().unwrap();
        assert_eq!(operands, 3);
        assert_eq!(options.namespaces, Namespaces::DEFAULT);
        assert_eq!(options.propagation, Propagation::Slave);
        assert_eq!(options.capabilities, CapabilitySet::DEFAULT);
        assert!(options.init && options.pivot && !options.terminal);
    }

    #[test]
    fn the_manual_declares_the_options_in_the_order_of_their_ids() {
        let names = [
            "rootfs",
            "read-only",
            "volume",
            "tmpfs",
            "hostname",
            "domainname",
            "workdir",
            "user",
            "env",
            "env-file",
            "network",
            "pid",
            "ipc",
            "uts",
            "cgroupns",
            "propagation",
            "no-pivot",
            "tty",
            "interactive",
            "no-init",
            "pid-file",
            "cap-add",
            "cap-drop",
            "privileged",
            "explain",
            "trace",
            "help",
        ];
        assert_eq!(declared_names(MANUAL), names);
        assert_eq!(names.len(), IDS.len());
    }

    #[test]
    fn each_namespace_can_be_the_hosts() {
        for (name, kind) in [
            ("network", Namespaces::NETWORK),
            ("pid", Namespaces::PID),
            ("ipc", Namespaces::IPC),
            ("uts", Namespaces::UTS),
            ("cgroupns", Namespaces::CGROUP),
        ] {
            let line = Box::leak(format!("--rootfs / --{name} host x").into_boxed_str());
            let (options, _) = read(line).ok().unwrap();
            assert_eq!(options.namespaces.0, Namespaces::DEFAULT.0 & !kind.0, "{name}");
        }
    }

    #[test]
    fn bad_command_lines_are_named() {
        refused("", Reason::NoRoot);
        refused("sh", Reason::NoRoot);
        refused("--rootfs /", Reason::NoProgram);
        refused("--rootfs / --", Reason::NoProgram);
        refused("--rootfs", Reason::NoValue);
        refused("--rootfs= x", Reason::Empty);
        refused("--rootfs / --pid=other x", Reason::NeitherHostNorNew);
        refused("--rootfs / --cap-add NOPE x", Reason::NoCapability);
        refused("--rootfs / --propagation both x", Reason::NoPropagation);
        refused("--rootfs / --uts=host --hostname h x", Reason::RenamesHost);
        refused("--rootfs / -w rel x", Reason::RelativePath);
        refused("--rootfs / -e =x x", Reason::NoVariable);
        let long = format!("--rootfs / --hostname {} x", "h".repeat(65));
        refused(Box::leak(long.into_boxed_str()), Reason::NameTooLong);
        assert_eq!(read("--rootfs / --help").err(), Some(None));
    }

    #[test]
    fn every_list_has_a_bound_and_says_it() {
        for (option, value, bound, reason) in [
            ("--volume", "/a:/b", VOLUMES, Reason::TooManyVolumes),
            ("--tmpfs", "/b", TMPFS_MOUNTS, Reason::TooManyTmpfs),
            ("--env", "A=1", VARIABLES, Reason::TooManyVariables),
            ("--env-file", "f", VARIABLE_FILES, Reason::TooManyVariableFiles),
        ] {
            let fits = format!("--rootfs / {} x", format!("{option} {value} ").repeat(bound));
            assert!(read(Box::leak(fits.into_boxed_str())).is_ok(), "{option}");
            let over = format!("--rootfs / {} x", format!("{option} {value} ").repeat(bound + 1));
            refused(Box::leak(over.into_boxed_str()), reason);
            let words = reason.words().to_string();
            assert!(words.ends_with(&format!("at most {bound}")), "{words}");
        }
    }

    #[test]
    fn privileged_and_named_capabilities_combine() {
        let (options, _) = read("--rootfs / --privileged --cap-drop SYS_PTRACE x").ok().unwrap();
        assert_eq!(options.capabilities.0, CapabilitySet::ALL.0 & !(1 << 19));
        assert!(!options.capabilities_added);
    }
}
