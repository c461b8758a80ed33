//! What `rootlet run --help` prints: the table of its options.

use super::arguments::Manual;
use crate::text::packed::packed;

/// Which option of the manual.
#[allow(missing_docs, reason = "each stands for the option beside it in IDS")]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Id {
    Rootfs,
    Overlay,
    Upper,
    Work,
    Into,
    Storage,
    ReadOnly,
    RootfsMapped,
    Volume,
    Device,
    Tmpfs,
    Name,
    Hostname,
    Domainname,
    Workdir,
    User,
    Variable,
    VariableFile,
    Network,
    Publish,
    Server,
    Search,
    AddHost,
    Pid,
    Ipc,
    Uts,
    Cgroup,
    Users,
    UidMap,
    GidMap,
    NoMoreUsers,
    TimeOffset,
    Persist,
    Propagation,
    NoPivot,
    Terminal,
    Interactive,
    NoInit,
    PidFile,
    Detach,
    Log,
    Remove,
    PreserveFds,
    Limit,
    OomScoreAdj,
    Memory,
    MemorySwap,
    MemoryReservation,
    Cpus,
    CpuShares,
    CpusetCpus,
    CpusetMems,
    PidsLimit,
    CgroupParent,
    Landlock,
    CapabilityAdd,
    CapabilityDrop,
    Privileged,
    SecurityOption,
    Explain,
    Trace,
    Help,
}

impl Id {
    /// Whether it is one of those that are about cgroups.
    #[must_use]
    pub const fn is_of_cgroups(self) -> bool {
        self as u8 >= Self::Memory as u8 && self as u8 <= Self::CgroupParent as u8
    }
}

/// The options in the order of `MANUAL`.
pub const IDS: [Id; 62] = [
    Id::Rootfs,
    Id::Overlay,
    Id::Upper,
    Id::Work,
    Id::Into,
    Id::Storage,
    Id::ReadOnly,
    Id::RootfsMapped,
    Id::Volume,
    Id::Device,
    Id::Tmpfs,
    Id::Name,
    Id::Hostname,
    Id::Domainname,
    Id::Workdir,
    Id::User,
    Id::Variable,
    Id::VariableFile,
    Id::Network,
    Id::Publish,
    Id::Server,
    Id::Search,
    Id::AddHost,
    Id::Pid,
    Id::Ipc,
    Id::Uts,
    Id::Cgroup,
    Id::Users,
    Id::UidMap,
    Id::GidMap,
    Id::NoMoreUsers,
    Id::TimeOffset,
    Id::Persist,
    Id::Propagation,
    Id::NoPivot,
    Id::Terminal,
    Id::Interactive,
    Id::NoInit,
    Id::PidFile,
    Id::Detach,
    Id::Log,
    Id::Remove,
    Id::PreserveFds,
    Id::Limit,
    Id::OomScoreAdj,
    Id::Memory,
    Id::MemorySwap,
    Id::MemoryReservation,
    Id::Cpus,
    Id::CpuShares,
    Id::CpusetCpus,
    Id::CpusetMems,
    Id::PidsLimit,
    Id::CgroupParent,
    Id::Landlock,
    Id::CapabilityAdd,
    Id::CapabilityDrop,
    Id::Privileged,
    Id::SecurityOption,
    Id::Explain,
    Id::Trace,
    Id::Help,
];

/// What `--help` prints, and the table of options.
pub const MANUAL: Manual = Manual(packed!(
    "\
rootlet run --rootfs DIR [options] [--] CMD [ARG...]
Runs CMD in a container whose root is DIR. Exit status: CMD's, 128+N for signal N,
125: own failure, 126: cannot execute CMD, 127: not found.

      --rootfs DIR|FILE|-       becomes / (required): a directory, or a tar archive,
                                plain or in gzip, unpacked into memory; - reads it
                                from standard input. Several: layers, uppermost
                                first, archives before directories
      --overlay                 what is written to the root is thrown away
      --upper DIR               what is written is kept in this directory
      --work DIR                an empty directory beside it, for the kernel
      --into DIR                unpack archives into this empty directory, and keep it
      --storage-opt size=BYTES  bound of what lies in memory (half of the memory)
      --read-only               the root cannot be written
      --rootfs-idmap            files of the root are owned by the container's users
  -v, --volume SRC:DST[:OPT,..] a host path inside:
                                ro nosuid noexec rprivate rslave rshared idmap
      --device SRC[:DST][:rwm]  a device of the host; less than rw takes a cgroup
      --tmpfs DST[:OPT,..]      an empty tmpfs: ro exec suid size= mode= uid= gid=
                                nr_inodes= nr_blocks=
      --name NAME               its record is /run/rootlet/NAME (default: random)
      --hostname NAME           host name inside (default rootlet)
      --domainname NAME         NIS domain name inside
  -w, --workdir DIR             working directory (default /)
  -u, --user USER[:GROUP]       names of the root, or numbers (default 0:0)
  -e, --env K[=V]               set, or copy the caller's
      --env-file FILE           variables, one a line
      --network NS|pasta|veth:LINK,ADDR/LEN[,OPT,..]
                                network interfaces (new, or none: lo alone); by
                                pasta, without root; a pair of links, eth0 inside
                                with ADDR, LINK on the host, and gw=ADDR
                                host=ADDR/LEN bridge=LINK
  -p, --publish [ADDR:]PORT:PORT[/udp]
                                a port of the host to one inside, with pasta
      --dns ADDR                a server of names
      --dns-search DOMAIN       where names are looked up
      --add-host NAME:ADDR      a line of /etc/hosts
      --pid NS                  process ids
      --ipc NS                  System V IPC, message queues, /dev/shm
      --uts NS                  host name
      --cgroupns NS             view of the cgroup tree
                                NS: new (default), host, container:NAME, ns:FILE
      --userns host|new|auto|container:NAME|ns:PATH
                                users (default host for root, new for others; auto:
                                with what /etc/subuid and /etc/subgid grant)
      --uidmap INNER:OUTER:SIZE a range of users of a new --userns
      --gidmap INNER:OUTER:SIZE a range of groups
      --disable-userns          no further user namespaces inside
      --time-offset monotonic=SECONDS,boottime=SECONDS
                                shift the clocks inside
      --persist KIND=FILE       keep a new net, ipc, uts, user or mnt namespace
      --propagation TYPE        private slave shared unbindable (default slave)
      --no-pivot                chroot instead of pivot_root
  -t, --tty                     a terminal of its own
  -i, --interactive             accepted: it always is
      --no-init                 CMD itself is PID 1
      --pid-file FILE           write the container's pid
  -d, --detach                  leave it in the background and print its name; its
                                record stays until rootlet rm NAME
      --log FILE                with -d: append its output to this file
      --rm                      with -d: its record goes at its end
      --preserve-fds N          descriptors of the caller beside 0, 1, 2
      --ulimit NAME=SOFT[:HARD] a limit such as nofile=64:128 or core=unlimited
      --oom-score-adj N         -1000 to 1000: how soon it ends for want of memory
  -m, --memory BYTES            memory such as 64m or 1g; who needs more is killed
      --memory-swap BYTES       memory and swap together, -1: no limit
                                (default twice --memory)
      --memory-reservation BYTES
                                what it keeps when memory is short
      --cpus N                  time of processors, such as 1.5
      --cpu-shares N            its part of busy processors, 2 to 262144 (default 1024)
      --cpuset-cpus LIST        processors, such as 0-2,4
      --cpuset-mems LIST        memory nodes
      --pids-limit N            processes and threads, -1: no limit
      --cgroup-parent PATH      the cgroup that its own is made in (default /rootlet)
      --landlock ro:PATH,rw:PATH
                                files can be used below these paths alone
      --cap-add NAME|ALL        a capability beyond docker's default 14
      --cap-drop NAME|ALL       take a capability away
      --privileged              every capability, nothing hidden, no filter
      --security-opt OPT        seccomp=FILE|unconfined|builtin, a filter in docker's
                                format; no-new-privileges=false, for su and sudo;
                                apparmor=PROFILE, label=CONTEXT (SELinux)
      --explain                 print the plan, do nothing
      --trace                   time each step
  -h, --help                    print this help"
));
