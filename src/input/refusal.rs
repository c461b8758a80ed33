//! Why a request is refused before anything is done: small data.

use core::num::NonZeroU64;

use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::packed::{Packed, packed};

/// What cannot be used, and why: two numbers, since most functions that find facts or plan may answer with one, and two
/// numbers travel in registers. What they mean is asked for once, where the message is made.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Refusal {
    subject: NonZeroU64,
    cause: u64,
}

/// A thing that can be refused. Its name is looked up where the message is made.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Subject {
    /// The command itself.
    Command,
    /// An option as typed: this many strings of the command line, from this one on.
    Words {
        /// Index in the argument vector.
        first: u32,
        /// 1, or 2 when a value follows.
        count: u8,
    },
    /// The directory of `--rootfs`.
    Root,
    /// A `--rootfs`, by its index.
    Layer(u8),
    /// One of the mount points that every root has, by its index.
    MountPoint(u8),
    /// The source of a `--volume`, by its index.
    Volume(u8),
    /// An `--env-file`, by its index, and its line from 1 on; 0 for the whole file.
    VariableFile(u8, u32),
    /// The file of `--security-opt seccomp=`, and where in it from 1 on; 0 for the whole file.
    FilterFile {
        /// The line.
        line: u32,
        /// The byte within the line.
        column: u16,
    },
    /// The root's /etc/passwd or /etc/group.
    Users,
    /// A descriptor that CMD is to have, by its number.
    Descriptor(u8),
    /// rootlet's own file.
    OwnFile,
    /// The file of `--log`.
    Log,
    /// The value of `--user`.
    User,
    /// A controller of cgroups, by its bit.
    Controller(u8),
    /// The environment of the program.
    Environment,
    /// A link of the host: that of `--network veth`, or its bridge.
    Link {
        /// The bridge.
        bridge: bool,
    },
    /// The program pasta.
    Pasta,
    /// The file of a `--persist`, by its index.
    Persist(u8),
    /// `XDG_RUNTIME_DIR` of the environment.
    RuntimeDirectory,
    /// What `exec` and nsenter enter.
    Target,
    /// A file of a namespace, by its index.
    EnterFile(u8),
    /// A directory of the host that CMD is to find: 0 as its root, 1 as where it is, 2 as tools.
    Directory(u8),
    /// Something of the machine's: /, /proc/self/mountinfo.
    Machine,
}

/// Why something is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Cause {
    /// It is not what it must be.
    Reason(Reason),
    /// A system call failed.
    Call(CallError),
}

/// A kind, a small number and a large one as one number, which is never 0.
#[inline(always)]
const fn pack(kind: u8, small: u16, large: u32) -> NonZeroU64 {
    let packed = 1 | (kind as u64) << 1 | (small as u64) << 16 | (large as u64) << 32;
    match NonZeroU64::new(packed) {
        Some(packed) => packed,
        None => NonZeroU64::MIN,
    }
}

impl Subject {
    // Always inlined: of a subject that is known nothing is left but its number.
    #[inline(always)]
    const fn pack(self) -> NonZeroU64 {
        match self {
            Self::Command => pack(0, 0, 0),
            Self::Words { first, count } => pack(1, count as u16, first),
            Self::Root => pack(2, 0, 0),
            Self::Layer(index) => pack(3, index as u16, 0),
            Self::MountPoint(index) => pack(4, index as u16, 0),
            Self::Volume(index) => pack(5, index as u16, 0),
            Self::VariableFile(index, line) => pack(6, index as u16, line),
            Self::FilterFile { line, column } => pack(7, column, line),
            Self::Users => pack(8, 0, 0),
            Self::Descriptor(number) => pack(9, number as u16, 0),
            Self::OwnFile => pack(10, 0, 0),
            Self::Log => pack(11, 0, 0),
            Self::User => pack(12, 0, 0),
            Self::Controller(bit) => pack(13, bit as u16, 0),
            Self::Environment => pack(14, 0, 0),
            Self::Link { bridge } => pack(15, bridge as u16, 0),
            Self::Pasta => pack(16, 0, 0),
            Self::Persist(index) => pack(17, index as u16, 0),
            Self::RuntimeDirectory => pack(18, 0, 0),
            Self::Target => pack(19, 0, 0),
            Self::EnterFile(index) => pack(20, index as u16, 0),
            Self::Directory(which) => pack(21, which as u16, 0),
            Self::Machine => pack(22, 0, 0),
        }
    }

    const fn unpack(packed: NonZeroU64) -> Self {
        let packed = packed.get();
        let (small, large) = ((packed >> 16) as u16, (packed >> 32) as u32);
        let index = small as u8;
        match packed as u8 >> 1 {
            0 => Self::Command,
            1 => Self::Words { first: large, count: index },
            2 => Self::Root,
            3 => Self::Layer(index),
            4 => Self::MountPoint(index),
            5 => Self::Volume(index),
            6 => Self::VariableFile(index, large),
            7 => Self::FilterFile { line: large, column: small },
            8 => Self::Users,
            9 => Self::Descriptor(index),
            10 => Self::OwnFile,
            11 => Self::Log,
            12 => Self::User,
            13 => Self::Controller(index),
            14 => Self::Environment,
            15 => Self::Link { bridge: index != 0 },
            16 => Self::Pasta,
            17 => Self::Persist(index),
            18 => Self::RuntimeDirectory,
            19 => Self::Target,
            20 => Self::EnterFile(index),
            21 => Self::Directory(index),
            _ => Self::Machine,
        }
    }
}

/// In the number of a cause: it is a call.
const IS_CALL: u64 = 1 << 8;

impl Cause {
    #[inline(always)]
    const fn pack(self) -> u64 {
        match self {
            Self::Reason(reason) => reason as u64,
            Self::Call(CallError { call, errno }) => {
                call as u64 | IS_CALL | (errno.0 as u32 as u64) << 32
            }
        }
    }

    fn unpack(packed: u64) -> Self {
        if packed & IS_CALL == 0 {
            let reason = REASONS.get(packed as usize);
            return Self::Reason(reason.copied().unwrap_or(Reason::UnknownOption));
        }
        let call = Call::from_index(packed as u8).unwrap_or(Call::Read);
        Self::Call(CallError { call, errno: Errno((packed >> 32) as i32) })
    }
}

impl Refusal {
    /// `subject` is not what it must be.
    #[must_use]
    #[inline(always)]
    pub const fn new(subject: Subject, reason: Reason) -> Self {
        Self { subject: subject.pack(), cause: Cause::Reason(reason).pack() }
    }

    /// For `map_err`: `subject` is refused.
    #[inline(always)]
    pub fn of(subject: Subject) -> impl Fn(Cause) -> Self {
        let subject = subject.pack();
        move |cause| Self { subject, cause: cause.pack() }
    }

    /// For `map_err`: `subject` is refused for a reason.
    #[inline(always)]
    pub fn at(subject: Subject) -> impl Fn(Reason) -> Self {
        let subject = subject.pack();
        move |reason| Self { subject, cause: Cause::Reason(reason).pack() }
    }

    /// For `map_err`: a call failed on `subject`.
    #[inline(always)]
    pub fn of_error(subject: Subject) -> impl Fn(CallError) -> Self {
        let subject = subject.pack();
        move |error| Self { subject, cause: Cause::Call(error).pack() }
    }

    /// For `map_err`: `call` failed on `subject`.
    #[inline(always)]
    pub fn of_call<E: Into<Errno>>(call: Call, subject: Subject) -> impl Fn(E) -> Self {
        let refuse = Self::of_error(subject);
        move |errno| refuse(CallError { call, errno: errno.into() })
    }

    /// The thing.
    #[must_use]
    pub const fn subject(self) -> Subject {
        Subject::unpack(self.subject)
    }

    /// A call failed with one of these.
    #[must_use]
    pub fn is_of(self, errnos: &[Errno]) -> bool {
        matches!(self.cause(), Cause::Call(error) if errnos.contains(&error.errno))
    }

    /// Why.
    #[must_use]
    pub fn cause(self) -> Cause {
        Cause::unpack(self.cause)
    }
}

/// Declares the reasons and their words in one place.
macro_rules! reasons {
    ($($variant:ident $words:literal,)* [rest] $($more:ident $more_words:literal,)*) => {
        /// What is wrong with a thing, as the end of a sentence about it.
        #[allow(missing_docs, reason = "the words of each variant stand beside it")]
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum Reason { $($variant,)* $($more,)* }

        const REASONS: &[Reason] = &[$(Reason::$variant,)* $(Reason::$more,)*];

        /// Words in the order of the variants, one a line; those of roles that are not there are left out.
        #[cfg(any(feature = "run", feature = "boot"))]
        const WORDS: Packed =
            packed!(concat!($($words, "\n",)* $($more_words, "\n",)*));
        #[cfg(not(any(feature = "run", feature = "boot")))]
        const WORDS: Packed = packed!(concat!($($words, "\n",)*));
    };
}

reasons! {
    UnknownOption "is not an option here; --help lists them",
    NoValue "needs a value",
    UnwantedValue "takes no value",
    NoProgram "needs a program to run",
    NoSignal "names no signal",
    NotForwarded "names a signal that is never forwarded",
    NoTime "needs a time such as 500ms, 10s or 2m",
    NoExitMap "needs N:M, each 0 to 255",
    NoOomScore "is not -1000 to 1000",
    ProgramWithPause "with --pause has no program",
    Reserved "is reserved for future use",
    [rest]
    Empty "is empty",
    NoRoot "needs --rootfs DIR",
    RenamesHost "would rename the host: --uts host",
    NameTooLong "is longer than 64 bytes",
    RelativePath "is not an absolute path",
    NoIdRange "is not INNER:OUTER:SIZE, ids from 0 to 4294967294",
    RangesOverlap "overlaps an earlier range",
    TooManyRanges "is one too many: at most 24",
    NoUserNamespace "is none of host, new, auto, container:NAME, ns:PATH",
    MapsOfHost "needs --userns new with --uidmap or --gidmap",
    HostsUsers "needs --userns new with --disable-userns",
    SharedUsers "cannot share mounts with the host from a user namespace: --propagation shared",
    NoHelpers "needs newuidmap and newgidmap for ids that are not the caller's own",
    MapsMounts "needs root and a new user namespace, --userns new or --uidmap, to map owners of files",
    RootNotMapped "needs id 0 in --uidmap and --gidmap",
    NotMapped "is not mapped: --uidmap and --gidmap, or --userns auto, map more ids",
    NeitherHostNorNew "is none of host, new, container:NAME, ns:PATH",
    NoNetwork "is none of host, new, container:NAME, ns:PATH, pasta, veth:LINK,ADDR/LEN[,gw=ADDR][,host=ADDR/LEN][,bridge=LINK]",
    NoLinkName "has a name that no link can have: 1 to 15 bytes without blanks, / : %",
    NoAddress "needs an IPv4 or IPv6 address, with /LEN where it is an interface's",
    TwiceAddress "has two addresses of a kind for one end",
    FarGateway "has a gateway that is not in the network of the container's address",
    VethNeedsRoot "needs root for --network veth; --network pasta does not",
    NoBridge "is not a bridge of the host",
    LinkTaken "is the name of a link that the host has already",
    NoPasta "is not installed: --network pasta needs it (package passt)",
    PastaAmongOthers "cannot have --network pasta with somebody else's pids: pasta would be seen there",
    NoPort "is not [ADDR:]PORT:PORT[/tcp|/udp], ports 1 to 65535",
    TooManyPorts "is one too many: at most 32",
    PortsOfPasta "needs --network pasta with --publish; a veth pair has addresses of its own",
    NoHostName "needs a name of letters, digits, dots, dashes",
    TooManyServers "is one too many: at most 3",
    TooManySearches "is one too many: at most 6",
    TooManyHosts "is one too many: at most 64",
    NoPlaceForNames "has no place in /etc for --dns, --dns-search or --add-host",
    NoPropagation "is none of private, slave, shared, unbindable",
    NoCapability "is not a capability",
    NoVariable "needs KEY=VALUE or KEY, without blanks in KEY",
    NoVolume "needs SRC:DST, DST an absolute path below /",
    NoVolumeOption "has an option that no volume has",
    NoTmpfs "needs DST, an absolute path below /",
    NoTmpfsOption "has an option or value that no tmpfs has",
    TwiceTmpfsOption "has an option twice",
    TooManyVolumes "is one too many: at most 64",
    TooManyTmpfs "is one too many: at most 32",
    TooManyVariables "is one too many: at most 512",
    TooManyVariableFiles "is one too many: at most 8",
    TextFull "does not fit: texts and files may have 256 KiB in all",
    NulByte "holds a NUL byte",
    EnvironmentFull "has more than 1024 variables",
    NotRegular "is not a regular file",
    LongPath "cannot have a mount point of more than 4095 bytes",
    BadId "has a bad id: 0 to 4294967294, in digits",
    NoUser "is not in /etc/passwd of the root",
    NoGroup "has a group that is not in /etc/group of the root",
    TooManyGroups "is in more than 64 groups",
    KernelTooOld "needs Linux 5.14 or newer",
    KernelTooOldForPeers "needs Linux 5.15 or newer to share",
    MountPointMissing "is missing in the root, which is read-only",
    MountPointLink "is a link in the root, not a directory",
    MountPointFile "is not a directory in the root",
    JoinsOthers "cannot join a namespace of others from a user namespace of its own: join its owner's, --userns container:NAME|ns:PATH",
    NoTimeOffset "is not monotonic=SECONDS,boottime=SECONDS",
    TimeNeedsInit "cannot shift clocks with --no-init",
    NoPersist "is not net, ipc, uts, user or mnt, each once, with =FILE",
    NotNew "would keep a namespace that is not new",
    IsThere "is there already",
    NoName "is no name: letters, digits, _ . -, at most 64, the first a letter or digit",
    NotDevice "is no device",
    NoDevice "needs a device: SRC[:DST][:rwm], absolute paths",
    NoMemory "is no number of bytes such as 64m or 1g, from 6m on",
    NoSwap "is neither -1 nor a number of bytes such as 64m or 1g, from 6m on",
    NoReservation "is no number of bytes such as 64m or 1g",
    SwapAlone "needs --memory with --memory-swap",
    SmallSwap "needs no less for --memory-swap, which is both together, than for --memory",
    LargeReservation "needs no more for --memory-reservation than for --memory",
    NoProcessors "is no number of processors such as 1.5: 0.01 to 8192, at most nine decimals",
    NoShares "is no number from 2 to 262144",
    NoProcesses "is neither -1 nor a number from 1 to 4194304",
    NoProcessorList "is no list such as 0-2,4 of numbers below 8192",
    NoCgroupParent "is no absolute path of names without . and .., at most 255 bytes",
    ParentAlone "needs a limit such as --memory with --cgroup-parent",
    NoController "has no hierarchy below /sys/fs/cgroup that we can use",
    NotDelegated "needs root for limits, or a cgroup of your own: systemd-run --user --scope -p Delegate=yes rootlet run ...",
    NoDeviceCgroup "needs root and a device cgroup to give less than rw of a --device",
    NotOpen "is not open",
    NoCount "is not a number from 0 to 64",
    NoFileRule "needs ro:PATH or rw:PATH, with commas between",
    ManyFileRules "has too many paths: at most 32 in all",
    NoLimit "is not NAME=SOFT[:HARD] with a name of ulimit and numbers or unlimited",
    NoSecurityOption "is none of seccomp=FILE|unconfined|builtin, no-new-privileges[=true|false], apparmor=PROFILE, label=CONTEXT",
    LongFilter "makes a filter of more than 4096 instructions",
    ManyRules "has too many rules: at most 512, with 512 conditions in all",
    NoJson "is not JSON here",
    NoFilterKey "has a key that no filter has",
    NoFilterAction "needs an action: SCMP_ACT_ ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG TRACE TRAP",
    NoFilterNumber "needs a number that fits: an index 0 to 5, a value of 64 bits, an errno",
    NoFilterComparison "needs an op: SCMP_CMP_ NE LT LE EQ GE GT MASKED_EQ",
    TooManyLayers "is one too many: at most 32",
    NoLayer "is neither a directory nor a file; --rootfs - reads a pipe",
    BelowDirectory "unpacks archives over directories: name them before those",
    InputTwice "has --rootfs - twice",
    InputAndTerminal "reads the archive from standard input, which --tty needs",
    UpperWithoutWork "needs --upper and --work together",
    NotInto "needs archives alone as --rootfs with --into",
    OverNothing "needs a directory as --rootfs with --overlay or --upper",
    NoMemoryToSize "has no root in memory for --storage-opt",
    NoMountOfHost "needs one directory as --rootfs, without --overlay, for --rootfs-idmap and --propagation shared or unbindable",
    NoStorage "is not size=BYTES, such as size=64m",
    DetachedTerminal "cannot have --tty with --detach",
    LogAlone "needs --detach with --log",
    NeedsName "needs the name of a container",
    SecondName "is one too many: there can be one name",
    NoLines "is neither a number of lines nor all",
    NoContainer "is the name of no container",
    NotRunning "is not running",
    StillRuns "is running; --force kills it",
    NoStatus "was killed together with rootlet, so that nobody knows its status",
    NoFreezer "has no cgroup of its own to be paused in",
    NotFrozen "does not stand still within 10 s, and goes on",
    NoLog "has no log: it was started without --log",
    NotEmpty "is not empty",
    NamesInArchive "may be in the archive, which is not unpacked yet: give numbers",
    NoArchive "is no tar archive, plain or in gzip",
    OtherPacking "is packed otherwise than by gzip: zstd -dc FILE | rootlet run --rootfs - ...",
    ArchiveCut "is cut: its end is missing",
    BehindEnd "has something behind its end",
    BadHeader "has a damaged header: the checksum is wrong",
    BadPacking "is damaged, or not what gzip makes",
    BadSum "is damaged: checksum or length of gzip are wrong",
    BadMemberNumber "has a number that is none, or is too large",
    BadExtended "has a bad extended header",
    LongExtended "has an extended header of more than 1 MiB",
    LongMemberName "has a name of more than 4094 bytes",
    SparseMember "is a sparse file, which cannot be unpacked here",
    NoMemberKind "is of a kind that cannot be unpacked",
    NoMemberName "has no name",
    LeadsOut "leads out of the root",
    NoTarget "needs NAME or PID of what is to be entered",
    NoTargetPid "needs --target PID for what has no file",
    NoProcess "is neither a container that runs nor a process",
    NotStarted "is being started: CMD is not executed yet",
    Paused "is paused: rootlet resume",
    NotYours "can be entered by root alone, or by who made its user namespace",
    NoPid "is no process id",
    NoKind "is none of mnt, pid, net, ipc, uts, cgroup, user, time, all, with commas between",
    NoRootChoice "is none of ns, host, /DIR",
    ToolsAndRoot "has no use for --root with --tools",
    ManyCgroups "is in more than 16 cgroups of its own",
    OpenQuote "has a quote that is not closed",
    LongWord "has a word of more than 4096 bytes",
    ManyWords "has more than 64 words",
    NoTerminal "is no terminal below /dev: at most 26 bytes, no blanks",
    FewFields "has fewer than the four fields of TTY:IGNORED:ACTION:COMMAND",
    NoAction "is no action: sysinit wait once respawn askfirst ctrlaltdel shutdown restart",
    NoCommand "has no command",
    ManyEntries "is one entry too many: at most 128",
    FewMountFields "has fewer than the fields SOURCE TARGET TYPE [OPTIONS]",
    NoPass "is no number of a pass: 0, 1, 2",
    NoSetting "is not KEY=VALUE with a KEY below /proc/sys",
    NoModule "is no module of this kernel below /lib/modules",
    ManyModules "does not fit: names of modules and devices may have 32 KiB",
    NoParameter "on the kernel command line is no parameter, or has a value that it cannot have",
    NoDirectory "is no directory",
    NoMountPoint "is no mount point",
    SameFilesystem "is on the filesystem that is to be left",
    RootNotInMemory "cannot follow: / is no ramfs or tmpfs, and its files would be removed",
    NoInit "is not in the new root, or cannot be executed",
    NoNewRoot "needs NEW_ROOT and INIT",
    NotFirst "works only as PID 1",
    FewOperands "something to do it with is missing; --help tells",
    NoMode "is no mode: octal digits, at most 7777",
    NotRemoved "is not removed: name what it is in",
    NoNodeType "is no type: b, c, u, p",
    NoNumber "is no number that it can be",
    NoSeconds "is no time such as 10, 0.5, 2m: seconds, or s, m, h, d",
    NotListed "is not in /etc/fstab",
    NoModules "there are no modules of this kernel below /lib/modules",
    NoIpWord "is not understood here; --help tells what is",
    TooManyWords "is one word too many; --help",
    NoSuchContainer "is no running container of the caller, and no pid",
    NoSuchProcess "is no process",
    HasEnded "has ended",
    NeedsTarget "needs NAME or PID; --help",
    NotFirstProcess "boots a machine only as PID 1; see rootlet --help",
}

impl Reason {
    /// The end of the sentence.
    #[must_use]
    pub fn words(self) -> Packed {
        WORDS.line(self as usize)
    }
}

// Refusals travel in registers.
const _: () = assert!(size_of::<Result<(), Refusal>>() <= 16);

#[cfg(test)]
mod tests;
