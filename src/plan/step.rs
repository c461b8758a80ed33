//! One step of a plan: one thing that the kernel is asked to do.

use core::ffi::CStr;

use heapless::Vec;

use super::cgroups::{Cgroup, Devices, Setting};
use super::names::EtcFile;
use super::user_namespace::Maps;
use crate::facts::target::Target;
use crate::input::capability::CapabilitySet;
use crate::input::landlock::FileRule;
use crate::input::limits::Limit;
use crate::input::mount_options::{Attributes, Parameter, Propagation, Tmpfs};
use crate::input::namespaces::{Join, Namespaces};
use crate::input::network::{PORTS, Port, Veth};
use crate::input::persist::Persist;
use crate::input::root_options::LAYERS;
use crate::input::run_options::VOLUMES;
use crate::input::security_options::Label;
use crate::input::time_offsets::TimeOffsets;

/// Who performs a step.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Stage {
    /// rootlet on the host.
    Supervisor,
    /// The first process of the container.
    Init,
    /// The process that becomes CMD.
    Program,
}

/// A descriptor of a detached tree of mounts, from the step that makes it to the step that attaches it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Slot(pub u8);

impl Slot {
    /// The container's root.
    pub const ROOT: Self = Self(0);
    /// The host's /dev/shm, where the IPC namespace is shared.
    pub const SHARED_MEMORY: Self = Self(1);
    /// The host's mount below the root, kept to receive and send mounts (`--propagation shared`).
    pub const PEER: Self = Self(2);
    /// The host's /proc, where a user namespace shares the host's pid namespace.
    pub const PROC: Self = Self(3);
    /// The host's /sys, where a user namespace shares the host's network namespace.
    pub const SYS: Self = Self(4);
    /// The directory that keeps what is written.
    pub const UPPER: Self = Self(5);
    /// The directory that the kernel needs beside it.
    pub const WORK: Self = Self(6);
    /// The first `--rootfs`; the others follow.
    pub const FIRST_LAYER: u8 = 7;
    /// The first `--volume`; the others follow.
    pub const FIRST_VOLUME: u8 = Self::FIRST_LAYER + LAYERS as u8;
    /// The first device; the others follow.
    pub const FIRST_DEVICE: u8 = Self::FIRST_VOLUME + VOLUMES as u8;
}

/// Below what a target lies.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Place {
    /// The container's root; resolved with openat2 so that no link leads out.
    Root,
    /// The /dev just made: one name, in a directory that nobody else has touched.
    Dev,
}

/// What a mount point must be.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Kind {
    /// A directory.
    Directory,
    /// Anything else.
    File,
}

/// A new filesystem and where it goes.
#[derive(Clone, Copy)]
pub struct Filesystem<'a> {
    /// `proc`, `tmpfs`, …
    pub name: &'a CStr,
    /// fsconfig(2) parameters.
    pub parameters: &'a [Parameter<'a>],
    /// Attributes of the mount.
    pub attributes: Attributes,
    /// Below what `target` lies.
    pub place: Place,
    /// Where it is attached, without a leading `/` when below /dev.
    pub target: &'a CStr,
    /// A kernel without this filesystem (ENODEV) is no failure.
    pub optional: bool,
}

impl<'a> Filesystem<'a> {
    /// A tmpfs that is the root, or keeps what is written to it.
    #[must_use]
    pub const fn of_root(parameters: &'a [Parameter<'a>]) -> Self {
        let (name, attributes) = (c"tmpfs", Attributes::NO_DEV);
        Self { name, parameters, attributes, place: Place::Root, target: c"/", optional: false }
    }

    /// The filesystem of a `--tmpfs`.
    #[must_use]
    pub fn of_tmpfs(tmpfs: &'a Tmpfs<'a>) -> Self {
        Self {
            name: c"tmpfs",
            parameters: &tmpfs.parameters,
            attributes: tmpfs.attributes,
            place: Place::Root,
            target: tmpfs.target,
            optional: false,
        }
    }
}

/// Something of the kernel's that a container must not see.
pub struct Mask {
    /// Where, absolute.
    pub path: &'static CStr,
    /// A file is hidden by /dev/null, a directory by an empty one.
    pub kind: Kind,
}

/// A detached copy of mounts of the host.
#[derive(Clone, Copy)]
pub struct TreeCopy<'a> {
    /// Where the copy is kept.
    pub slot: Slot,
    /// The path, on the host.
    pub source: &'a CStr,
    /// Attributes of every mount in it.
    pub attributes: Attributes,
    /// Propagation of every mount in it; `None` leaves it a peer of the original.
    pub propagation: Option<Propagation>,
}

/// A symbolic link in /dev.
pub struct Link {
    /// Its name.
    pub name: &'static CStr,
    /// Where it leads.
    pub to: &'static CStr,
}

/// A mount point that is not there.
pub struct MissingPath<'a> {
    /// Where it is wanted, absolute.
    pub target: &'a CStr,
    /// How many bytes of it are there already.
    pub existing: usize,
    /// What its last part is made as; the others are directories.
    pub kind: Kind,
    /// It is made in the root itself, not in a mount below it: on failure it must go.
    pub in_root: bool,
}

/// Rows and columns of a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct WindowSize {
    /// Height in characters.
    pub rows: u16,
    /// Width in characters.
    pub columns: u16,
}

/// What of an archive is made otherwise than it says.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Unpacking {
    /// All files belong to root: there is nobody else.
    pub one_owner: bool,
    /// Devices are passed over: a user namespace cannot have them.
    pub no_devices: bool,
}

/// One step.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// Run from where nobody can write rootlet's own file.
    ProtectOwnFile,
    /// Go on in the background, in a session of its own.
    Background {
        /// The file that has the output from then on; /dev/null where there is none.
        log: Option<&'a CStr>,
        /// How many descriptors of the caller CMD gets: they stay open.
        preserved: u8,
    },
    /// Clean up after runs that were killed, and keep a record of this one.
    KeepRecord {
        /// Where.
        path: &'a CStr,
        /// Without it there is to be no container: it has a name, or leaves what outlives it.
        required: bool,
    },
    /// Go into a cgroup below our own, which is to have others below it.
    StepAside(&'a CStr),
    /// Make a cgroup.
    MakeCgroup(&'a Cgroup<'a>),
    /// Set a limit there.
    SetLimit(&'a Setting<'a>),
    /// Let its processes use some devices alone.
    RestrictDevices(&'a Devices<'a>),
    /// Make the link to the container's first process, and that process in new namespaces and in a cgroup of v2.
    NewNamespaces(Namespaces, Option<&'a Cgroup<'a>>),
    /// Put that process into a cgroup of v1.
    JoinCgroup(&'a Cgroup<'a>),
    /// Give up supplementary groups, before a user namespace may forbid it.
    LeaveGroups,
    /// Go to a processor whose new namespaces of mounts can be kept.
    ChooseProcessor,
    /// Be where the caller may be, and have the container's process be there as well.
    AnyProcessor,
    /// Go into namespaces that exist.
    Join(&'a Join<'a>),
    /// The same, and into that of the container's users.
    JoinWithUsers(&'a Join<'a>),
    /// Open a detached copy of the mounts at and below a path, whose files belong to the container's users, and hand it in.
    MapTree(TreeCopy<'a>),
    /// Take it.
    ReceiveTree(TreeCopy<'a>),
    /// Map users and groups of the new user namespace.
    MapUsers(&'a Maps),
    /// Set a limit of that process, and so of all.
    Limit(&'a Limit),
    /// Set how soon it ends for want of memory.
    OomScore(&'a CStr),
    /// Make a pair of links, one end of which is inside.
    Veth {
        /// Which.
        pair: &'a Veth<'a>,
        /// The number of the bridge that the host's end becomes a port of; 0 for none.
        bridge: u32,
        /// Whose it is: the container's name.
        name: &'a CStr,
    },
    /// Have pasta(1) connect the network, as long as the supervisor lives.
    Pasta {
        /// Where it is.
        program: &'static CStr,
        /// The ports of the host that lead in.
        ports: &'a Vec<Port<'a>, PORTS>,
        /// It goes into the container's user namespace, which is new.
        joins: bool,
    },
    /// Keep a namespace of it by a mount on a new file.
    Persist(&'a Persist<'a>),
    /// Write the pid of that process.
    WritePidFile(&'a CStr),

    /// Go into namespaces, and to a root, of a process that is held.
    Enter(&'a Target<'a>),
    /// Lay another root over it, in a mount namespace of one's own.
    Tools(&'a Target<'a>),

    /// Keep the standard descriptors, as many more, and the link; close all others.
    TakeLink(u8),
    /// Have standard error where standard output is: what the supervisor still has there is its caller's.
    SameOutput,
    /// Be killed when the supervisor ends.
    DieWithSupervisor,
    /// Be the parent of orphans although this is not PID 1.
    AdoptOrphans,
    /// Wait until the supervisor has done its part.
    AwaitSupervisor,
    /// See one's own cgroups as the roots of their hierarchies: a v1 cgroup is joined before that.
    NewCgroupNamespace,
    /// Have the programs that are executed from here on confined by a security module.
    Label(&'a Label<'a>),
    /// Shift the clocks of the processes that are made from here on.
    ShiftClocks(&'a TimeOffsets<'a>),
    /// Allow no user namespaces in this one.
    NoMoreUsers,
    /// Bring up `lo`.
    LoopbackUp,
    /// Give the container's end of a pair its addresses and routes.
    ConfigureLink(&'a Veth<'a>),
    /// Open a detached copy of the mounts at and below a path, and set its attributes.
    CloneTree(TreeCopy<'a>),
    /// Open a layer of the root, or a directory for what is written.
    OpenLayer {
        /// Where it is kept.
        slot: Slot,
        /// The path, on the host.
        path: &'a CStr,
        /// A directory, or an archive.
        kind: Kind,
    },
    /// Go into a copy of the prepared namespace of mounts, which holds none of the host's.
    EnterPrepared,
    /// Cut all other mounts of this namespace off from the host's.
    PrivateMounts,
    /// Make a tmpfs that becomes the root.
    MemoryRoot(&'a [Parameter<'a>]),
    /// Make a tmpfs for what is written, with two directories, and go there.
    Scratch(&'a [Parameter<'a>]),
    /// Lay the directories of the layers over each other.
    Overlay {
        /// The slot of the uppermost.
        first: Slot,
        /// How many.
        count: u8,
        /// What is written is kept on the host.
        kept: bool,
        /// In a user namespace, where its marks must be such as users may make.
        of_user: bool,
    },
    /// Unpack an archive into the root.
    Unpack {
        /// The archive; standard input where it is the path `-`.
        slot: Slot,
        /// Its path, on the host.
        path: &'a CStr,
        /// How.
        how: Unpacking,
    },
    /// Have a directory of its own at a path that becomes a mount point.
    MountPoint(&'static MissingPath<'static>),
    /// Let the root itself, but not what is mounted below it, be read-only.
    ReadOnlyRoot,
    /// Have /dev/null as standard input.
    NullInput,
    /// Attach the root's tree over `/` and go into it.
    AttachRoot,
    /// Hide what the kernel shows at a path, if it shows anything.
    Mask(&'static Mask),
    /// Make what is at and below a path of the kernel's read-only, if it is there.
    ReadOnly(&'static CStr),
    /// Make a directory in /dev.
    Directory(&'static CStr),
    /// Make what is missing of a path below the root.
    MakePath(&'a MissingPath<'a>),
    /// Make a filesystem and attach it.
    Filesystem(&'static Filesystem<'static>),
    /// The same for a tmpfs that the user asked for.
    Tmpfs(&'a Tmpfs<'a>),
    /// Write files and bind them over those of the root.
    EtcFiles(&'a [EtcFile<'a>]),
    /// Hold a device of the host, where its mounts will be out of reach.
    HoldDevice(Slot, &'static CStr),
    /// Bind it into /dev.
    HeldDevice(Slot, &'static CStr),
    /// Bind a device of the host into /dev.
    Device(&'static CStr),
    /// Make a symbolic link in /dev.
    Link(&'static Link),
    /// Attach a tree.
    AttachTree {
        /// Which one.
        slot: Slot,
        /// Below what `target` lies.
        place: Place,
        /// Where; it is there already.
        target: &'a CStr,
    },
    /// Open a terminal of the new /dev/pts, make it /dev/console and standard descriptors, hand its master out.
    Terminal {
        /// Its owner.
        uid: u32,
        /// Its group is the terminals', where that exists inside.
        of_group: bool,
        /// Its size, where the supervisor has a terminal.
        size: Option<WindowSize>,
    },
    /// Swap the root with the container's.
    PivotRoot,
    /// Let go of the host's mounts.
    DetachOldRoot,
    /// Make the attached tree the root where pivot_root cannot: on an initramfs.
    ChangeRoot,
    /// Put the root mount into the host's peer group.
    JoinPeers,
    /// Set the propagation of all mounts inside.
    Propagate(Propagation),
    /// Set the host name.
    Hostname(&'a CStr),
    /// Set the NIS domain name.
    Domainname(&'a CStr),
    /// Set the supplementary groups.
    Groups(&'a [u32]),
    /// The same where the user namespace allows it: it exists, and its maker may have given that up.
    AllowedGroups(&'a [u32]),
    /// Set all group ids.
    GroupId(u32),
    /// Set all user ids.
    UserId(u32),
    /// Have a session keyring of its own.
    SessionKeyring,
    /// Drop all other capabilities for ever, from what any program could gain.
    BoundingSet(CapabilitySet),
    /// Keep capabilities while the user changes.
    KeepCapabilities,
    /// Set permitted and effective capabilities, empty the inheritable ones.
    Capabilities(CapabilitySet),
    /// The same for a user other than root, whose programs have them only where they are inheritable and ambient.
    AmbientCapabilities(CapabilitySet),
    /// Nothing executed from here on gains privileges.
    NoNewPrivileges,
    /// Have every system call from here on filtered by this program for the kernel.
    Filter(&'a [u8]),
    /// Refuse to be traced or looked into by processes of the container.
    Undumpable,
    /// End if the supervisor has died before `DieWithSupervisor` could see it.
    CheckSupervisor,
    /// Close what building left open.
    CloseDescriptors,
    /// Make the process that becomes CMD.
    Fork,
    /// Reap, forward signals, end with CMD's status.
    Supervise,

    /// Be killed when rootlet's process inside ends, where no pid namespace ends with it.
    DieWithInit,
    /// Let files be used below these paths alone.
    Landlock(&'a [FileRule<'a>]),
    /// Have the signal mask that rootlet was given.
    RestoreSignals,
    /// Lead a process group, so that signals to the own group stay inside.
    OwnGroup,
    /// Lead a session with the terminal as its controlling terminal.
    ControllingTerminal,
    /// Go to the working directory.
    ChangeDirectory(&'a CStr),
    /// Become CMD.
    Execute(&'a CStr),
}

// Plans of a hundred steps are copied nowhere, but built by code: small steps make small code.
const _: () = assert!(size_of::<Step<'_>>() <= 32);

impl Step<'_> {
    /// Who performs it.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::ProtectOwnFile
            | Self::Background { .. }
            | Self::KeepRecord { .. }
            | Self::StepAside(_)
            | Self::MakeCgroup(_)
            | Self::SetLimit(_)
            | Self::RestrictDevices(_)
            | Self::NewNamespaces(..)
            | Self::JoinCgroup(_)
            | Self::LeaveGroups
            | Self::ChooseProcessor
            | Self::AnyProcessor
            | Self::Join(_)
            | Self::JoinWithUsers(_)
            | Self::MapUsers(_)
            | Self::MapTree(_)
            | Self::Limit(_)
            | Self::Persist(_)
            | Self::OomScore(_)
            | Self::Veth { .. }
            | Self::Pasta { .. }
            | Self::WritePidFile(_) => Stage::Supervisor,
            Self::DieWithInit
            | Self::RestoreSignals
            | Self::OwnGroup
            | Self::ControllingTerminal
            | Self::Landlock(_)
            | Self::ChangeDirectory(_)
            | Self::Execute(_) => Stage::Program,
            _ => Stage::Init,
        }
    }
}
