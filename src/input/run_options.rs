//! The command line of `rootlet run`, checked as far as text can be.

use core::ffi::CStr;

use heapless::Vec;

use self::connection::set_network;
use self::contradictions::check;
use self::mounts::UserMount;
use super::arguments::{Arguments, Found};
use super::capability::CapabilitySet;
use super::enter_options::EnterOptions;
use super::id_map::{self, IdMap};
use super::init_options;
use super::landlock::{self, FILE_RULES, FileRule};
use super::limits::{self, KINDS, Limit};
use super::mount_options::{Propagation, Tmpfs, Volume, parse_device, parse_tmpfs, parse_volume};
use super::namespaces::{Joins, Namespaces};
use super::network::{Names, Network, PORTS, Port};
use super::persist::{self, PERSISTENT, Persist};
use super::record::is_name;
use super::refusal::{Reason, Refusal, Subject};
use super::resources::Resources;
use super::root_options::RootOptions;
use super::run_manual::{IDS, Id, MANUAL};
use super::security_options::Security;
use super::time_offsets::{self, TimeOffsets};
use crate::text::arena::Arena;
use crate::text::number::parse_u64;
use crate::text::parts::line_of;

pub mod mounts;

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

/// Which user namespace a container has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UserNamespace {
    /// The host's for root, a new one for everybody else.
    Default,
    /// The host's.
    Host,
    /// A new one.
    New,
    /// A new one with all ids that /etc/subuid and /etc/subgid grant.
    Auto,
    /// One that exists: it is among `RunOptions::joins`.
    Join,
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

/// The long lists. Whoever reads options has them in zeroed memory of their own (`.bss`), of which a list that stays
/// empty touches no page; inside `RunOptions` each would.
pub struct Lists<'a> {
    /// Binds of the host's files, in the order given.
    pub volumes: Vec<Volume<'a>, VOLUMES>,
    /// Memory filesystems, in the order given.
    pub tmpfs: Vec<Tmpfs<'a>, TMPFS_MOUNTS>,
    /// `--env`, in the order given.
    pub variables: Vec<&'a CStr, VARIABLES>,
}

impl Lists<'_> {
    /// Nothing in them; all bytes are zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { volumes: Vec::new(), tmpfs: Vec::new(), variables: Vec::new() }
    }
}

impl Default for Lists<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// All that `rootlet run` was told.
pub struct RunOptions<'a> {
    /// Its long lists.
    pub lists: &'a mut Lists<'a>,
    /// What the root is made of.
    pub root: RootOptions<'a>,
    /// The directory of the host that becomes the root, or the first of its layers.
    pub rootfs: &'a CStr,
    /// The root cannot be written.
    pub read_only: bool,
    /// The owners of its files are mapped as the container's user namespace maps ids.
    pub rootfs_mapped: bool,
    /// The container's name.
    pub name: Option<&'a CStr>,
    /// Host name inside.
    pub hostname: Option<&'a CStr>,
    /// NIS domain name inside.
    pub domainname: Option<&'a CStr>,
    /// Working directory of the program.
    pub workdir: &'a CStr,
    /// `USER[:GROUP]`, unresolved.
    pub user: Option<&'a CStr>,
    /// Namespaces to make.
    pub namespaces: Namespaces,
    /// The network.
    pub network: Network<'a>,
    /// The user namespace.
    pub users: UserNamespace,
    /// Namespaces to join; the user namespace may be among them.
    pub joins: Joins<'a>,
    /// `--uidmap`
    pub uid_map: IdMap,
    /// `--gidmap`
    pub gid_map: IdMap,
    /// No further user namespaces can be made inside.
    pub no_more_users: bool,
    /// By how much clocks are shifted.
    pub time_offsets: Option<TimeOffsets<'a>>,
    /// Namespaces that are kept.
    pub persist: Vec<Persist<'a>, PERSISTENT>,
    /// How mounts reach from the host to the container, or back.
    pub propagation: Propagation,
    /// `pivot_root`, or moving the root mount and chroot.
    pub pivot: bool,
    /// A terminal of the container's own.
    pub terminal: bool,
    /// rootlet is PID 1 and the program its child.
    pub init: bool,
    /// Where the container's pid is written.
    pub pid_file: Option<&'a CStr>,
    /// It runs in the background.
    pub detach: bool,
    /// Where its output goes then.
    pub log: Option<&'a CStr>,
    /// `--rm`: its record is removed at its end, as it always is in the foreground.
    pub remove: bool,
    /// Capabilities of the program.
    pub capabilities: CapabilitySet,
    /// Those of `--cap-add`.
    pub capabilities_added: CapabilitySet,
    /// `--ulimit`, one of each kind.
    pub limits: Vec<Limit, KINDS>,
    /// How many of the caller's descriptors CMD has beside the standard ones, from 3 on.
    pub preserved: u8,
    /// What it may use at most.
    pub resources: Resources<'a>,
    /// How soon the kernel ends it for want of memory.
    pub oom_score_adj: Option<&'a CStr>,
    /// Nothing of the kernel's is hidden, and no system call filtered unless asked for.
    pub privileged: bool,
    /// `--security-opt`
    pub security: Security<'a>,
    /// Run, trace or explain.
    pub mode: Mode,
    /// What `exec` and nsenter enter.
    pub enter: EnterOptions<'a>,
    /// `--publish`
    pub ports: Vec<Port<'a>, PORTS>,
    /// `--dns`, `--dns-search`, `--add-host`
    pub names: Names<'a>,
    /// `--env-file`, in the order given.
    pub variable_files: Vec<&'a CStr, VARIABLE_FILES>,
    /// The only places where files can be used; empty for everywhere.
    pub file_rules: Vec<FileRule<'a>, FILE_RULES>,
    /// Volumes and memory filesystems in the order in which they were named: a later one lies over an earlier one.
    pub mounts: Vec<UserMount, { VOLUMES + TMPFS_MOUNTS }>,
}

impl<'a> RunOptions<'a> {
    /// Whether the container shares the host's namespace of this kind.
    #[must_use]
    pub fn shares_hosts(&self, kind: Namespaces) -> bool {
        !self.namespaces.has(kind) && !self.joins.kinds().has(kind)
    }

    /// What a command line without options means; the root is still to be named.
    #[must_use]
    pub const fn new(lists: &'a mut Lists<'a>) -> Self {
        Self {
            lists,
            root: RootOptions::new(),
            rootfs: c"",
            read_only: false,
            rootfs_mapped: false,
            mounts: Vec::new(),
            name: None,
            hostname: None,
            domainname: None,
            workdir: c"/",
            user: None,
            variable_files: Vec::new(),
            namespaces: Namespaces::DEFAULT,
            network: Network::Apart,
            ports: Vec::new(),
            names: Names::new(),
            users: UserNamespace::Default,
            joins: Joins::new(),
            uid_map: IdMap::new(),
            gid_map: IdMap::new(),
            no_more_users: false,
            time_offsets: None,
            persist: Vec::new(),
            propagation: Propagation::Slave,
            pivot: true,
            terminal: false,
            init: true,
            pid_file: None,
            detach: false,
            log: None,
            remove: false,
            capabilities: CapabilitySet::DEFAULT,
            capabilities_added: CapabilitySet::NONE,
            limits: Vec::new(),
            file_rules: Vec::new(),
            preserved: 0,
            resources: Resources::new(),
            oom_score_adj: None,
            privileged: false,
            security: Security::new(),
            mode: Mode::Run,
            enter: EnterOptions::new(),
        }
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
pub struct CapabilityChanges {
    /// `--cap-add`
    pub added: CapabilitySet,
    /// `--cap-drop`
    pub dropped: CapabilitySet,
}

impl CapabilityChanges {
    /// None.
    pub const NONE: Self = Self { added: CapabilitySet::NONE, dropped: CapabilitySet::NONE };
}

/// Reads the command line behind `run` into `options`; its first string is number `position` of the argument
/// vector.
///
/// # Errors
/// Anything that is wrong with the text: unknown options, bad values, a full list, no root, no program.
#[inline(never)]
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    words: Words,
    position: u32,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
) -> Result<RunRequest<Words>, Refusal> {
    let mut arguments = Arguments::new(words, position);
    let mut changes = CapabilityChanges::NONE;
    while arguments.take(MANUAL).map_err(|reason| arguments.refusal(reason))? {
        let Found { index, value, .. } = arguments.found;
        let id = IDS.get(index).copied().unwrap_or(Id::Help);
        if id == Id::Help {
            return Ok(RunRequest::Help);
        }
        let applied = apply(id, value, arena, options, &mut changes);
        applied.map_err(|reason| arguments.refusal(reason))?;
    }
    options.capabilities_added = changes.added;
    options.capabilities = options.capabilities.changed(changes.added, changes.dropped);
    options.root.finish();
    options.rootfs = options.root.directory();
    check(options)?;
    if arguments.operands().next().is_none() {
        return Err(Refusal::new(Subject::Command, Reason::NoProgram));
    }
    Ok(RunRequest::Run(arguments.operands()))
}

/// Does what one option asks for.
///
/// # Errors
/// A value that it cannot have.
#[inline(never)]
pub fn apply<'a>(
    id: Id,
    value: &'a CStr,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
    changes: &mut CapabilityChanges,
) -> Result<(), Reason> {
    match id {
        Id::Limit => limits::add_limit(value.to_bytes(), &mut options.limits),
        Id::Landlock => landlock::add_rules(value.to_bytes(), arena, &mut options.file_rules),
        Id::PreserveFds => set_preserved(value, options),
        Id::OomScoreAdj => {
            options.oom_score_adj = Some(value);
            init_options::check_oom_score(value.to_bytes())
        }
        limit if limit.is_of_cgroups() => options.resources.set(limit, value),
        Id::Volume | Id::Device | Id::Tmpfs | Id::Variable | Id::VariableFile => {
            add_to_list(id, value, arena, options)
        }
        Id::CapabilityAdd | Id::CapabilityDrop => change_capabilities(id, value, changes),
        Id::Rootfs | Id::Upper | Id::Work | Id::Into => options.root.set(id, value),
        Id::Storage => options.root.set_storage(value.to_bytes(), arena),
        Id::Name
        | Id::Hostname
        | Id::Domainname
        | Id::Workdir
        | Id::User
        | Id::PidFile
        | Id::Log => set_text(id, value, options),
        Id::Network | Id::Publish | Id::Server | Id::Search | Id::AddHost => {
            set_network(id, value, arena, options)
        }
        Id::Pid => set_namespace(Namespaces::PID, value, options),
        Id::Ipc => set_namespace(Namespaces::IPC, value, options),
        Id::Uts => set_namespace(Namespaces::UTS, value, options),
        Id::Cgroup => set_namespace(Namespaces::CGROUP, value, options),
        Id::Users => set_users(value, options),
        Id::UidMap => id_map::add_range(value.to_bytes(), &mut options.uid_map),
        Id::GidMap => id_map::add_range(value.to_bytes(), &mut options.gid_map),
        Id::TimeOffset => {
            time_offsets::parse(value, arena).map(|offsets| options.time_offsets = Some(offsets))
        }
        Id::Persist => persist::add(value, &mut options.persist),
        Id::Propagation => set_propagation(value, options),
        Id::SecurityOption => options.security.set(value.to_bytes(), arena),
        _ => set_switch(id, options),
    }
}

#[inline(never)]
fn add_to_list<'a>(
    id: Id,
    value: &'a CStr,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
) -> Result<(), Reason> {
    let bytes = value.to_bytes();
    match id {
        Id::Volume | Id::Device => {
            let parse = if id == Id::Device { parse_device } else { parse_volume };
            let volume = parse(bytes, arena)?;
            let volumes = &mut options.lists.volumes;
            // As many places as both lists have: there is room.
            let _ = options.mounts.push(UserMount::Volume(volumes.len() as u8));
            volumes.push(volume).map_err(|_| Reason::TooManyVolumes)
        }
        Id::Tmpfs => {
            let tmpfs = parse_tmpfs(bytes, arena)?;
            let mounts = &mut options.lists.tmpfs;
            let _ = options.mounts.push(UserMount::Tmpfs(mounts.len() as u8));
            mounts.push(tmpfs).map_err(|_| Reason::TooManyTmpfs)
        }
        Id::Variable => {
            super::environment::parse(bytes).ok_or(Reason::NoVariable)?;
            options.lists.variables.push(value).map_err(|_| Reason::TooManyVariables)
        }
        _ => options.variable_files.push(value).map_err(|_| Reason::TooManyVariableFiles),
    }
}

#[inline(never)]
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
    if id == Id::Name && !is_name(value.to_bytes()) {
        return Err(Reason::NoName);
    }
    if id == Id::Workdir && value.to_bytes().first() != Some(&b'/') {
        return Err(Reason::RelativePath);
    }
    match id {
        Id::Name => options.name = Some(value),
        Id::Hostname => options.hostname = Some(value),
        Id::Domainname => options.domainname = Some(value),
        Id::Workdir => options.workdir = value,
        Id::User => options.user = Some(value),
        Id::PidFile => options.pid_file = Some(value),
        _ => options.log = Some(value),
    }
    Ok(())
}

fn set_namespace<'a>(
    kind: Namespaces,
    value: &'a CStr,
    options: &mut RunOptions<'a>,
) -> Result<(), Reason> {
    let named = line_of(b"new\nprivate\nnone\nhost", value.to_bytes());
    let is_network = kind == Namespaces::NETWORK;
    let new = match named {
        Some(0 | 1) => true,
        Some(2) if is_network => true,
        Some(3) => false,
        _ => {
            let otherwise = if is_network { Reason::NoNetwork } else { Reason::NeitherHostNorNew };
            options.joins.set(kind, value, otherwise)?;
            options.namespaces = options.namespaces.with(kind, false);
            return Ok(());
        }
    };
    options.joins.remove(kind);
    options.namespaces = options.namespaces.with(kind, new);
    Ok(())
}

fn set_propagation(value: &CStr, options: &mut RunOptions<'_>) -> Result<(), Reason> {
    options.propagation = Propagation::named(value.to_bytes()).ok_or(Reason::NoPropagation)?;
    Ok(())
}

#[inline(never)]
fn set_preserved(value: &CStr, options: &mut RunOptions<'_>) -> Result<(), Reason> {
    let count = parse_u64(value.to_bytes()).filter(|count| *count <= 64);
    options.preserved = count.ok_or(Reason::NoCount)? as u8;
    Ok(())
}

fn set_users<'a>(value: &'a CStr, options: &mut RunOptions<'a>) -> Result<(), Reason> {
    options.joins.remove(Namespaces::USER);
    options.users = match line_of(b"host\nnew\nauto", value.to_bytes()) {
        Some(0) => UserNamespace::Host,
        Some(1) => UserNamespace::New,
        Some(_) => UserNamespace::Auto,
        None => {
            options.joins.set(Namespaces::USER, value, Reason::NoUserNamespace)?;
            UserNamespace::Join
        }
    };
    Ok(())
}

const fn set_switch(id: Id, options: &mut RunOptions<'_>) -> Result<(), Reason> {
    match id {
        Id::ReadOnly => options.read_only = true,
        Id::Overlay => options.root.overlay = true,
        Id::RootfsMapped => options.rootfs_mapped = true,
        Id::NoPivot => options.pivot = false,
        Id::NoMoreUsers => options.no_more_users = true,
        Id::Terminal => options.terminal = true,
        Id::NoInit => options.init = false,
        Id::Detach => options.detach = true,
        Id::Remove => options.remove = true,
        Id::Privileged => {
            options.capabilities = CapabilitySet::ALL;
            options.privileged = true;
        }
        Id::Explain => options.mode = Mode::Explain,
        Id::Trace => options.mode = Mode::Trace,
        _ => {}
    }
    Ok(())
}

mod connection;
mod contradictions;

#[cfg(test)]
mod tests;
