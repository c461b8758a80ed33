//! System calls by name, as errors, `--explain` and strace spell them.

use super::errno::Errno;
use super::packed::{Packed, packed};

/// Declares `Call` and the names of its variants in one place.
macro_rules! calls {
    ($($variant:ident $name:literal,)* [rest] $($more:ident $more_name:literal,)*) => {
        /// A system call; the variant's name is the man page's.
        #[allow(missing_docs, reason = "each variant is the system call of that name")]
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum Call { $($variant,)* $($more,)* }

        /// Names in the order of the variants, one a line; those of roles that are not there are left out.
        #[cfg(any(feature = "run", feature = "boot", feature = "shell"))]
        const NAMES: Packed = packed!(concat!($($name, "\n",)* $($more_name, "\n",)*));
        #[cfg(not(any(feature = "run", feature = "boot", feature = "shell")))]
        const NAMES: Packed = packed!(concat!($($name, "\n",)*));
        const ALL: &[Call] = &[$(Call::$variant,)* $(Call::$more,)*];
    };
}

calls! {
    Clone "clone",
    Openat "openat",
    Read "read",
    Write "write",
    [rest]
    Bpf "bpf",
    Capget "capget",
    Capset "capset",
    Chdir "chdir",
    Chroot "chroot",
    Clone3 "clone3",
    CloseRange "close_range",
    DeleteLink "RTM_DELLINK",
    Dup3 "dup3",
    Execve "execve",
    Execveat "execveat",
    Fchdir "fchdir",
    Fchmod "fchmod",
    Fchmodat "fchmodat",
    Fchown "fchown",
    Fchownat "fchownat",
    Fcntl "fcntl",
    FinitModule "finit_module",
    Flock "flock",
    Fsconfig "fsconfig",
    Fsmount "fsmount",
    Fsopen "fsopen",
    Fstat "fstat",
    Getdents64 "getdents64",
    GetLink "RTM_GETLINK",
    Ioctl "ioctl",
    Keyctl "keyctl",
    Kill "kill",
    LandlockAddRule "landlock_add_rule",
    LandlockCreateRuleset "landlock_create_ruleset",
    LandlockRestrictSelf "landlock_restrict_self",
    MemfdCreate "memfd_create",
    Linkat "linkat",
    Listmount "listmount",
    Lseek "lseek",
    Mkdirat "mkdirat",
    Mknodat "mknodat",
    Mmap "mmap",
    Mount "mount",
    MountSetattr "mount_setattr",
    MoveMount "move_mount",
    NewAddress "RTM_NEWADDR",
    Newfstatat "newfstatat",
    NewLink "RTM_NEWLINK",
    NewRoute "RTM_NEWROUTE",
    Newuidmap "newuidmap",
    Openat2 "openat2",
    OpenTree "open_tree",
    Pasta "pasta",
    Pipe2 "pipe2",
    InotifyAddWatch "inotify_add_watch",
    PidfdOpen "pidfd_open",
    PidfdSendSignal "pidfd_send_signal",
    PivotRoot "pivot_root",
    Pread64 "pread64",
    Prctl "prctl",
    Prlimit "prlimit64",
    Readlinkat "readlinkat",
    Reboot "reboot",
    Recvfrom "recvfrom",
    Recvmsg "recvmsg",
    Sendfile "sendfile",
    Sendmsg "sendmsg",
    Sendto "sendto",
    SetLink "RTM_SETLINK",
    SchedGetaffinity "sched_getaffinity",
    SchedSetaffinity "sched_setaffinity",
    Setdomainname "setdomainname",
    Seccomp "seccomp",
    Setgroups "setgroups",
    Sethostname "sethostname",
    Setns "setns",
    Setpgid "setpgid",
    Setresgid "setresgid",
    Setresuid "setresuid",
    Setsid "setsid",
    Setxattr "setxattr",
    Signalfd "signalfd4",
    Socket "socket",
    Socketpair "socketpair",
    Statfs "statfs",
    Statmount "statmount",
    Statx "statx",
    Swapoff "swapoff",
    Swapon "swapon",
    Symlinkat "symlinkat",
    Umount2 "umount2",
    Unlinkat "unlinkat",
    Utimensat "utimensat",
    Unshare "unshare",
    Writev "writev",
}

impl Call {
    /// The name as strace prints it.
    #[must_use]
    pub fn name(self) -> Packed {
        NAMES.line(self as usize)
    }

    /// The call with this number in a message between our own processes.
    #[must_use]
    pub fn from_index(index: u8) -> Option<Self> {
        ALL.get(usize::from(index)).copied()
    }

    /// For `map_err`: joins the call and the errno that it gave.
    pub fn failed<E: Into<Errno>>(self) -> impl Fn(E) -> CallError {
        move |errno| CallError { call: self, errno: errno.into() }
    }
}

/// A system call that failed, with its errno.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct CallError {
    /// Which call.
    pub call: Call,
    /// What it answered.
    pub errno: Errno,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_leads_back_to_its_call() {
        for call in ALL {
            assert_eq!(Call::from_index(*call as u8), Some(*call));
            assert!(!call.name().to_string().is_empty());
        }
        assert_eq!(Call::Write.name().to_string(), "write");
        assert_eq!(Call::from_index(200), None);
    }
}
