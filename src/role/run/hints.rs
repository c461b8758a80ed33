//! What an errno means for a step, where its own words mislead.

use crate::input::namespaces::{Namespaces, Owner};
use crate::plan::step::Step;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::packed::{Packed, packed};

/// What an errno means here, where its own words mislead; line 0 says nothing.
const HINTS: Packed = packed!(
    "
; rootlet run needs root (CAP_SYS_ADMIN)
; a limit in /proc/sys/user is reached
; this kernel lacks one of these namespaces
; the mount point is missing and the root is read-only
; /proc/sys/fs/mount-max is reached
; the host's mount below the root is not shared
; rootlet itself runs in a chroot
; the mount is unbindable
; one is a directory, the other is not
; it is not in the root, or its interpreter is not
; it is no program for this machine
; remove it if no container uses it
; this kernel has no such security module, or the module no such label
; a filesystem of it cannot give its files other owners
; a container of this name exists; rootlet rm NAME removes it
; no container of this name is running
; it is owned by others: --userns container:NAME or ns:PATH
; it is none of that kind
; the host has a link of this name by now
; it needs CAP_NET_ADMIN over the host's network
; this kernel has no pairs of links (veth)
; the gateway cannot be reached from the address
; it is a link or a file in the root
; dmesg may say why
; --storage-opt size= says how large the root in memory may become
; such an id is not mapped: --userns auto, --uidmap and --gidmap map more
; one above has processes itself, so v2 hands nothing on
; one above does not hand this controller on
; only root, or who has been delegated one, makes cgroups
; it is there already, and not this container's
; the host, or the cgroup above, does not have all of these
; it has ended, or is ending
; it needs root, or to be who made it
; only who may write to both cgroups can: --no-cgroup stays in the caller's
; it has no terminals of its own at /dev/pts"
);

/// Which call and errno mean which line of `HINTS`. With `JoinPeers` INVAL of move_mount means another.
const MEANINGS: [(Call, Errno, u8); 21] = [
    (Call::Clone3, Errno::PERM, 1),
    (Call::Clone3, Errno::NOSPC, 2),
    (Call::Clone3, Errno::INVAL, 3),
    (Call::Mkdirat, Errno::ROFS, 4),
    (Call::Mknodat, Errno::ROFS, 4),
    (Call::MoveMount, Errno::NOSPC, 5),
    (Call::Fsmount, Errno::NOSPC, 5),
    (Call::MountSetattr, Errno::INVAL, 7),
    (Call::PivotRoot, Errno::INVAL, 7),
    (Call::OpenTree, Errno::INVAL, 8),
    (Call::MoveMount, Errno::INVAL, 9),
    (Call::MoveMount, Errno::NOTDIR, 9),
    (Call::Execve, Errno::NOENT, 10),
    (Call::Execve, Errno::NOEXEC, 11),
    (Call::Openat, Errno::EXIST, 12),
    (Call::NewLink, Errno::EXIST, 19),
    (Call::NewLink, Errno::PERM, 20),
    (Call::NewLink, Errno::OPNOTSUPP, 21),
    (Call::NewRoute, Errno::NETUNREACH, 22),
    (Call::NewRoute, Errno::HOSTUNREACH, 22),
    (Call::NewRoute, Errno::INVAL, 22),
];
const NOT_SHARED: usize = 6;
const NO_LABEL: usize = 13;
const NOT_MAPPED: usize = 14;
const NAME_TAKEN: usize = 15;
const NO_CONTAINER: usize = 16;
const NO_RIGHTS_THERE: usize = 17;
const OTHER_KIND: usize = 18;
const NOT_A_POINT: usize = 23;
const NOT_LAID: usize = 24;
const FULL: usize = 25;
const NO_OWNER: usize = 26;
const HAS_PROCESSES: usize = 27;
const NOT_HANDED_ON: usize = 28;
const NOT_OURS: usize = 29;
const CGROUP_TAKEN: usize = 30;
const NOT_IN_SET: usize = 31;
/// What a pid namespace without its first process answers to clone.
const NO_MEMORY: Errno = Errno(12);
const ENDED: usize = 32;
const NOT_ITS_MAKER: usize = 33;
const OTHERS_CGROUP: usize = 34;
const NO_TERMINALS: usize = 35;

/// What is to be said of a failed step besides; nothing for most.
pub fn of(step: &Step<'_>, error: CallError) -> Packed {
    HINTS.line(hint(step, error))
}

/// The line of `HINTS` for a failed step.
#[inline(never)]
fn hint(step: &Step<'_>, error: CallError) -> usize {
    match step {
        Step::Label(_) => return NO_LABEL,
        Step::MakeCgroup(_) => return hint_of_cgroup(error),
        Step::Enter(_) | Step::Fork => match error.errno {
            Errno::SRCH | NO_MEMORY => return ENDED,
            Errno::PERM => return NOT_ITS_MAKER,
            _ => {}
        },
        Step::NewNamespaces(Namespaces::NONE, _) | Step::JoinCgroup(_) => match error.errno {
            Errno::PERM | Errno::ACCES => return OTHERS_CGROUP,
            _ => {}
        },
        Step::Terminal { .. } if error.call == Call::Openat => return NO_TERMINALS,
        Step::SetLimit(_) => match error.errno {
            Errno::INVAL | Errno::ACCES | Errno::RANGE => return NOT_IN_SET,
            _ => {}
        },
        Step::KeepRecord { .. } if error.errno == Errno::EXIST => return NAME_TAKEN,
        Step::Join(join) | Step::JoinWithUsers(join) => {
            return hint_of_join(join.owner, error);
        }
        Step::MapTree(_) if error.errno == Errno::INVAL => return NOT_MAPPED,
        Step::MountPoint(_) if error.call == Call::Openat => return NOT_A_POINT,
        Step::Overlay { .. } => return NOT_LAID,
        Step::Unpack { .. } => match (error.call, error.errno) {
            (_, Errno::NOSPC) => return FULL,
            (Call::Fchown | Call::Fchownat, Errno::INVAL) => return NO_OWNER,
            _ => {}
        },
        _ => {}
    }
    if let (Step::JoinPeers, Errno::INVAL) = (step, error.errno) {
        return NOT_SHARED;
    }
    let known = MEANINGS.iter().find(|row| (row.0, row.1) == (error.call, error.errno));
    known.map_or(0, |row| row.2.into())
}

fn hint_of_join(owner: Owner<'_>, error: CallError) -> usize {
    match (owner, error.errno) {
        (_, Errno::PERM) => NO_RIGHTS_THERE,
        (Owner::Container(_), Errno::NOENT | Errno::SRCH) => NO_CONTAINER,
        (Owner::File(_), Errno::INVAL) => OTHER_KIND,
        _ => 0,
    }
}

fn hint_of_cgroup(error: CallError) -> usize {
    const BUSY: Errno = Errno(16);
    match (error.call, error.errno) {
        (Call::Write, BUSY) => HAS_PROCESSES,
        (Call::Write, Errno::NOENT) => NOT_HANDED_ON,
        (Call::Mkdirat, Errno::EXIST) => CGROUP_TAKEN,
        (_, Errno::ROFS | Errno::ACCES | Errno::PERM) => NOT_OURS,
        _ => 0,
    }
}
