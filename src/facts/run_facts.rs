//! What `rootlet run` must know of the machine and of the root before it plans.

use core::ffi::CStr;

use heapless::Vec;
use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, CWD, FileType, Stat, StatxFlags, major, minor, statat, statfs, statx};
use rustix::io::Errno as KernelErrno;

use super::cgroups::{self, CgroupFacts};
use super::layers::{look_at_layers, read_of_root};
use super::links;
use super::names::{self, ETC_FILES};
use super::naming::name_container;
use super::prepared::is_prepared;
use super::text_file::read_text;
use crate::input::id_map::subordinate_range;
use crate::input::kernel_release::KernelRelease;
use crate::input::mount_info;
use crate::input::mount_options::{Access, Attributes, Propagation};
use crate::input::namespaces::Namespaces;
use crate::input::network::Network;
use crate::input::refusal::{Cause, Reason, Refusal, Subject};
use crate::input::root_options::{LAYERS, Layer, RootKind};
use crate::input::run_options::{
    Mode, RunOptions, TMPFS_MOUNTS, UserNamespace, VARIABLE_FILES, VOLUMES,
};
use crate::input::security_options::FilterChoice;
use crate::input::users;
use crate::sys::descriptor::{Descriptor, OpenFlags, is_open, open, open_below};
use crate::sys::filesystem::{RAMFS, TMPFS, is_one_of};
use crate::sys::vectors::Vectors;
use crate::sys::{standard, terminal};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::path::parent_end;

/// Host name of a container that is given none.
pub const HOSTNAME: &CStr = c"rootlet";

/// Directories that a root must have: each becomes a mount point.
pub const MOUNT_POINTS: [&CStr; 3] = [c"proc", c"sys", c"dev"];

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Found {
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device.
    Device,
    /// Something else.
    File,
    /// Nothing.
    Nothing,
}

/// What the kernel knows a device by.
#[derive(Clone, Copy)]
pub struct DeviceNumber {
    /// A block device; else a character device.
    pub block: bool,
    /// The driver's number.
    pub major: u32,
    /// The device's.
    pub minor: u32,
}

/// Effective ids of the caller.
#[derive(Clone, Copy)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What was found.
pub struct RunFacts<'a> {
    /// The directory of all records.
    pub records: &'a CStr,
    /// The container's name: the one asked for, or twelve random digits.
    pub name: &'a CStr,
    /// `rootlet prepare` has made a namespace of mounts, and the container can be built in a copy of it.
    pub prepared: bool,
    /// The container's own directory among the records.
    pub record: &'a CStr,
    /// The running kernel.
    pub kernel: KernelRelease,
    /// The host name inside: the one asked for, ours by default, the host's where that is shared.
    pub hostname: &'a CStr,
    /// What each `--rootfs` is.
    pub layers: Vec<Layer, LAYERS>,
    /// What they make together.
    pub root: RootKind,
    /// What the root has at /proc, /sys and /dev, where it is a directory.
    pub mount_points: [Found; 3],
    /// Our own root is the initramfs, where pivot_root cannot work.
    pub on_initramfs: bool,
    /// The caller has a controlling terminal, or may have one.
    pub has_terminal: bool,
    /// Rows and columns of the caller's terminal.
    pub window: Option<(u16, u16)>,
    /// The root's /etc/passwd, where a user was named.
    pub passwd: &'a [u8],
    /// The root's /etc/group, where a user was named.
    pub group: &'a [u8],
    /// What each `--volume` source is.
    pub volumes: Vec<Found, VOLUMES>,
    /// Which device each `--device` is, in their order.
    pub devices: Vec<DeviceNumber, VOLUMES>,
    /// The host's cgroups; known only where the container is to have some.
    pub cgroups: CgroupFacts<'a>,
    /// How many bytes of each mount point that the user named are there, in the order of the mounts.
    pub existing: Vec<u16, { VOLUMES + TMPFS_MOUNTS }>,
    /// The filter's file, where one was named.
    pub filter: &'a [u8],
    /// Contents of each `--env-file`.
    pub variable_files: Vec<&'a [u8], VARIABLE_FILES>,
    /// Who we are.
    pub caller: Caller,
    /// What /etc/subuid grants: the first id and how many; known only where asked for.
    pub sub_uids: Option<(u32, u32)>,
    /// What /etc/subgid grants.
    pub sub_gids: Option<(u32, u32)>,
    /// Whether newuidmap and newgidmap are installed; known only where they may be needed.
    pub has_helpers: bool,
    /// Whether the host's mount below the root is shared; known only where asked for.
    pub root_is_shared: Option<bool>,
    /// The number of the bridge of `--network veth`; 0 for none.
    pub bridge: u32,
    /// Where each file of names goes, in the order of their names, and how much of that is there; known only where
    /// asked for, and where the root has an /etc.
    pub etc: [Option<(&'a CStr, u16)>; ETC_FILES],
    /// The host's /etc/hosts, where its network is shared.
    pub hosts: &'a [u8],
    /// The host's resolv.conf.
    pub resolver: &'a [u8],
    /// Where pasta(1) is; known only where asked for.
    pub pasta: Option<&'static CStr>,
}

impl RunFacts<'_> {
    /// Nothing found yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: c"",
            name: c"",
            record: c"",
            prepared: false,
            kernel: KernelRelease(0, 0),
            hostname: HOSTNAME,
            layers: Vec::new(),
            root: RootKind::Directory,
            mount_points: [Found::Nothing; 3],
            on_initramfs: false,
            has_terminal: false,
            window: None,
            passwd: b"",
            group: b"",
            volumes: Vec::new(),
            devices: Vec::new(),
            cgroups: CgroupFacts::new(),
            existing: Vec::new(),
            filter: b"",
            variable_files: Vec::new(),
            caller: Caller { uid: 0, gid: 0 },
            sub_uids: None,
            sub_gids: None,
            has_helpers: false,
            root_is_shared: None,
            bridge: 0,
            etc: [None; ETC_FILES],
            hosts: b"",
            resolver: b"",
            pasta: None,
        }
    }
}

impl Default for RunFacts<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Asks the machine everything that `options` make necessary, and nothing else.
///
/// # Errors
/// A root, a volume source or a file that cannot be used.
#[inline(never)]
pub fn gather<'a>(
    options: &RunOptions<'a>,
    vectors: Vectors,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    let machine = rustix::system::uname();
    facts.kernel = KernelRelease::parse(machine.release().to_bytes());
    if !options.namespaces.has(Namespaces::UTS) {
        let name = arena.join(&[machine.nodename().to_bytes()]);
        let full = Refusal::new(Subject::Environment, Reason::TextFull);
        facts.hostname = name.map_err(|_| full)?;
    }
    // Before anything of ours takes their numbers.
    for number in (standard::FIRST_OTHER..).take(options.preserved.into()) {
        if !is_open(number) {
            return Err(Refusal::new(Subject::Descriptor(number), Reason::NotOpen));
        }
    }
    let root = look_at_layers(options, facts)?;
    if let Some(root) = &root {
        look_at_root(root, facts)?;
    }
    facts.on_initramfs = on_initramfs()?;
    if options.user.is_some() {
        facts.passwd = read_of_root(c"etc/passwd", root.as_ref(), options, facts, arena)?;
        facts.group = read_of_root(c"etc/group", root.as_ref(), options, facts, arena)?;
    }
    facts.caller.uid = vectors.user();
    name_container(options, vectors, arena, facts)?;
    facts.prepared = facts.caller.uid == 0 && may_leave_mounts(options, facts) && is_prepared();
    if facts.caller.uid != 0 || options.users == UserNamespace::Auto {
        look_at_grants(options, arena, facts)?;
    }
    look_at_network(options, facts)?;
    if options.wants_names() {
        names::look(root.as_ref(), options, arena, facts)?;
    }
    for (index, persist) in (0..).zip(&options.persist) {
        // A failed start removes it, so it must be its own.
        let found = look(CWD, persist.file, AtFlags::SYMLINK_NOFOLLOW);
        let subject = Subject::Persist(index);
        if found.map_err(Refusal::of_call(Call::Newfstatat, subject))? != Found::Nothing {
            return Err(Refusal::new(subject, Reason::IsThere));
        }
    }
    look_at_log(options)?;
    look_at_volumes(options, facts)?;
    if options.takes_cgroups() || options.detach {
        cgroups::gather(facts.caller.uid == 0, arena, &mut facts.cgroups)?;
    }
    look_at_targets(root.as_ref(), options, facts)?;
    look_at_program(options, arena, facts)?;
    if let (Mode::Explain, Some(root)) = (options.mode, &root) {
        facts.root_is_shared = root_is_shared(root, arena)?;
    }
    Ok(())
}

/// Looks at what any program needs, wherever it runs: the caller's terminal, files that options name.
///
/// # Errors
/// A file that cannot be used.
#[inline(never)]
pub fn look_at_program<'a>(
    options: &RunOptions<'a>,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    if options.terminal {
        facts.window = terminal::window(standard::input()).ok();
    } else if !options.detach {
        const NO_TERMINAL: Errno = Errno(6);
        let terminal = open(CWD, c"/dev/tty", OpenFlags::READ);
        facts.has_terminal = terminal.err() != Some(NO_TERMINAL);
    }
    read_variable_files(options, arena, facts)?;
    if let FilterChoice::File(path) = options.security.filter {
        let subject = Subject::FilterFile { line: 0, column: 0 };
        facts.filter = read_named(path, arena).map_err(Refusal::of(subject))?;
    }
    Ok(())
}

/// Whether what the options want can be held while the host's mounts are left. Others are made by paths in /proc, keep the
/// namespace, or share mounts with the host's.
fn may_leave_mounts(options: &RunOptions<'_>, facts: &RunFacts<'_>) -> bool {
    facts.root == RootKind::Directory
        && options.propagation != Propagation::Shared
        && !options.persist.iter().any(|kept| kept.kind == Namespaces::MOUNT)
}

fn look_at_root(root: &Descriptor, facts: &mut RunFacts<'_>) -> Result<(), Refusal> {
    for (index, name) in (0..).zip(&MOUNT_POINTS) {
        let found = look(root.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW);
        let subject = Subject::MountPoint(index);
        let found = found.map_err(Refusal::of_call(Call::Newfstatat, subject))?;
        if let Some(place) = facts.mount_points.get_mut(usize::from(index)) {
            *place = found;
        }
    }
    Ok(())
}

fn look(directory: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<Found, KernelErrno> {
    match statat(directory, name, flags) {
        Err(KernelErrno::NOENT) => Ok(Found::Nothing),
        Err(errno) => Err(errno),
        Ok(status) => Ok(kind_of(&status)),
    }
}

fn kind_of(status: &Stat) -> Found {
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Found::Directory,
        FileType::Symlink => Found::Link,
        FileType::CharacterDevice | FileType::BlockDevice => Found::Device,
        _ => Found::File,
    }
}

/// Whether our root is the initramfs. Only a memory filesystem can be, so others cost one call.
fn on_initramfs() -> Result<bool, Refusal> {
    let root = statfs(c"/").map_err(Refusal::of_call(Call::Statfs, Subject::Machine))?;
    if !is_one_of(&root, &[RAMFS, TMPFS]) {
        return Ok(false);
    }
    // Without /proc nobody can tell; pivot_root will, with a hint.
    let Ok(file) = open(CWD, MOUNT_INFO, OpenFlags::READ) else { return Ok(false) };
    let mut start = [0_u8; 256];
    let length = rustix::io::read(&file, &mut start);
    let length = length.map_err(Refusal::of_call(Call::Read, Subject::Machine))?;
    Ok(mount_info::root_has_no_parent(start.get(..length).unwrap_or(&[])))
}

const MOUNT_INFO: &CStr = c"/proc/self/mountinfo";

#[inline(never)]
fn root_is_shared(root: &Descriptor, arena: &mut Arena<'_>) -> Result<Option<bool>, Refusal> {
    let status = statx(root, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
    let status = status.map_err(Refusal::of_call(Call::Statx, Subject::Root))?;
    // /proc files are regular.
    let mounts = read_text(None, MOUNT_INFO, arena);
    let mounts = mounts.map_err(Refusal::of(Subject::Machine))?;
    Ok(mounts.map(|mounts| mount_info::is_shared(mounts, status.stx_mnt_id)))
}

/// Where pasta(1) may be.
const PASTA: [&CStr; 2] = [c"/usr/bin/pasta", c"/usr/local/bin/pasta"];

fn look_at_network(options: &RunOptions<'_>, facts: &mut RunFacts<'_>) -> Result<(), Refusal> {
    match &options.network {
        Network::Veth(_) if facts.caller.uid != 0 => {
            return Err(Refusal::new(Subject::Command, Reason::VethNeedsRoot));
        }
        Network::Veth(veth) => facts.bridge = links::look_at_pair(veth)?,
        Network::Pasta => facts.pasta = PASTA.into_iter().find(|path| is_program(path)),
        Network::Apart | Network::Host => {}
    }
    Ok(())
}

fn is_program(path: &CStr) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Output is appended to a regular file: a link may lead anywhere by the time somebody reads it.
fn look_at_log(options: &RunOptions<'_>) -> Result<(), Refusal> {
    match options.log.map(|log| statat(CWD, log, AtFlags::SYMLINK_NOFOLLOW)) {
        None | Some(Err(KernelErrno::NOENT)) => Ok(()),
        Some(Err(errno)) => Err(Refusal::of_call(Call::Newfstatat, Subject::Log)(errno)),
        Some(Ok(log)) if FileType::from_raw_mode(log.st_mode) == FileType::RegularFile => Ok(()),
        Some(Ok(_)) => Err(Refusal::new(Subject::Log, Reason::NotRegular)),
    }
}

#[inline(never)]
fn look_at_volumes(options: &RunOptions<'_>, facts: &mut RunFacts<'_>) -> Result<(), Refusal> {
    for (index, volume) in (0..).zip(&options.lists.volumes) {
        let failed = Refusal::of_call(Call::Newfstatat, Subject::Volume(index));
        let status = statat(CWD, volume.source, AtFlags::empty()).map_err(&failed)?;
        let found = kind_of(&status);
        if !volume.attributes.has(Attributes::NO_DEV) && found != Found::Device {
            return Err(Refusal::new(Subject::Volume(index), Reason::NotDevice));
        }
        if volume.access != Access::NONE {
            let block = FileType::from_raw_mode(status.st_mode) == FileType::BlockDevice;
            let (major, minor) = (major(status.st_rdev), minor(status.st_rdev));
            let _ = facts.devices.push(DeviceNumber { block, major, minor });
        }
        // As many as there are volumes: there is room.
        let _ = facts.volumes.push(found);
    }
    Ok(())
}

/// Programs that map ids which are not the caller's.
pub const UID_HELPER: &CStr = c"/usr/bin/newuidmap";
/// The same for groups.
pub const GID_HELPER: &CStr = c"/usr/bin/newgidmap";

/// What a user may map.
#[inline(never)]
fn look_at_grants<'a>(
    options: &RunOptions<'a>,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    facts.caller.gid = rustix::process::getegid().as_raw();
    let asks_others = !options.uid_map.is_empty() || !options.gid_map.is_empty();
    let auto = options.users == UserNamespace::Auto;
    if auto || asks_others {
        facts.has_helpers = is_program(UID_HELPER) && is_program(GID_HELPER);
    }
    if auto {
        let mut read = |path| read_text(None, path, arena).map_err(Refusal::of(Subject::Machine));
        let (passwd, uids, gids) =
            (read(c"/etc/passwd")?, read(c"/etc/subuid")?, read(c"/etc/subgid")?);
        let uid = facts.caller.uid;
        let name = users::name_of(passwd.unwrap_or_default(), uid);
        facts.sub_uids = uids.and_then(|text| subordinate_range(text, name, uid));
        facts.sub_gids = gids.and_then(|text| subordinate_range(text, name, uid));
    }
    Ok(())
}

/// Settings that refuse user namespaces to users, and the value that does: Ubuntu's, Debian's, the kernel's own.
const REFUSING: [(&CStr, u8); 3] = [
    (c"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", b'1'),
    (c"/proc/sys/kernel/unprivileged_userns_clone", b'0'),
    (c"/proc/sys/user/max_user_namespaces", b'0'),
];

/// The setting that refuses user namespaces here, if one does, and its value.
#[must_use]
pub fn refusing_setting() -> Option<(&'static CStr, u8)> {
    REFUSING.into_iter().find(|(path, value)| {
        let mut text = [0; 2];
        let read = open(CWD, path, OpenFlags::READ).map(|file| rustix::io::read(&file, &mut text));
        matches!(read, Ok(Ok(_))) && text == [*value, b'\n']
    })
}

fn look_at_targets(
    root: Option<&Descriptor>,
    options: &RunOptions<'_>,
    facts: &mut RunFacts<'_>,
) -> Result<(), Refusal> {
    for mount in &options.mounts {
        // What is in other roots is known when they are made.
        let existing = match root {
            Some(root) => existing_part(root, options.target_of(*mount).to_bytes()),
            None => Some(0),
        };
        // As many as there are mounts: there is room.
        let _ = facts.existing.push(existing.ok_or(Refusal::new(Subject::Root, Reason::LongPath))?);
    }
    Ok(())
}

/// How many bytes of `path` are there below `root`; `None` for a path that is too long for the kernel.
// Out of line: its buffer would lie in the frame of its caller for as long as the container lives.
#[inline(never)]
pub(super) fn existing_part(root: &Descriptor, path: &[u8]) -> Option<u16> {
    let mut end = path.len();
    loop {
        let mut buffer = [0; PATH_BYTES];
        let prefix = Arena::new(&mut buffer).join(&[path.get(..end)?]).ok()?;
        if end == 0 || open_below(root.as_fd(), prefix, OpenFlags::PATH).is_ok() {
            return u16::try_from(end).ok();
        }
        end = parent_end(path, end);
    }
}

/// Longest path. Source: `PATH_MAX`, linux/limits.h.
const PATH_BYTES: usize = 4096;

fn read_variable_files<'a>(
    options: &RunOptions<'a>,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    for (index, path) in (0..).zip(&options.variable_files) {
        let subject = Subject::VariableFile(index, 0);
        // As many as there are options: there is room.
        let text = read_named(path, arena).map_err(Refusal::of(subject))?;
        let _ = facts.variable_files.push(text);
    }
    Ok(())
}

/// The text of a file that an option names.
fn read_named<'a>(path: &CStr, arena: &mut Arena<'a>) -> Result<&'a [u8], Cause> {
    let missing = Cause::Call(CallError { call: Call::Openat, errno: Errno::NOENT });
    read_text(None, path, arena)?.ok_or(missing)
}
