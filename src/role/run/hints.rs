//! What an errno means for a step, where its own words mislead.

use crate::input::namespaces::{Namespaces, Owner};
use crate::plan::step::Step;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::packed::{Packed, packed};

/// What to say, by the line of `HINTS`.
#[derive(Clone, Copy)]
enum Hint {
    Nothing,
    NeedsRoot,
    LimitOfNamespaces,
    NoNamespace,
    ReadOnlyRoot,
    LimitOfMounts,
    NotShared,
    InChroot,
    Unbindable,
    DirectoryAndFile,
    NotInRoot,
    NotForMachine,
    FileIsThere,
    NoLabel,
    NoOtherOwners,
    NameTaken,
    NoContainer,
    NoRightsThere,
    OtherKind,
    LinkTaken,
    NeedsNetworkRights,
    NoVeth,
    GatewayOutOfReach,
    NotAMountPoint,
    SeeDmesg,
    RootIsFull,
    IdNotMapped,
    HasProcesses,
    NotHandedOn,
    NoRightsToCgroups,
    CgroupTaken,
    NotInSet,
    Ended,
    NotItsMaker,
    OthersCgroup,
    NoTerminals,
}

/// The words of each; the first has none.
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

/// What a call's errno means, whatever the step; with `JoinPeers` INVAL of move_mount means something else.
const MEANINGS: [(Call, Errno, Hint); 21] = [
    (Call::Clone3, Errno::PERM, Hint::NeedsRoot),
    (Call::Clone3, Errno::NOSPC, Hint::LimitOfNamespaces),
    (Call::Clone3, Errno::INVAL, Hint::NoNamespace),
    (Call::Mkdirat, Errno::ROFS, Hint::ReadOnlyRoot),
    (Call::Mknodat, Errno::ROFS, Hint::ReadOnlyRoot),
    (Call::MoveMount, Errno::NOSPC, Hint::LimitOfMounts),
    (Call::Fsmount, Errno::NOSPC, Hint::LimitOfMounts),
    (Call::MountSetattr, Errno::INVAL, Hint::InChroot),
    (Call::PivotRoot, Errno::INVAL, Hint::InChroot),
    (Call::OpenTree, Errno::INVAL, Hint::Unbindable),
    (Call::MoveMount, Errno::INVAL, Hint::DirectoryAndFile),
    (Call::MoveMount, Errno::NOTDIR, Hint::DirectoryAndFile),
    (Call::Execve, Errno::NOENT, Hint::NotInRoot),
    (Call::Execve, Errno::NOEXEC, Hint::NotForMachine),
    (Call::Openat, Errno::EXIST, Hint::FileIsThere),
    (Call::NewLink, Errno::EXIST, Hint::LinkTaken),
    (Call::NewLink, Errno::PERM, Hint::NeedsNetworkRights),
    (Call::NewLink, Errno::OPNOTSUPP, Hint::NoVeth),
    (Call::NewRoute, Errno::NETUNREACH, Hint::GatewayOutOfReach),
    (Call::NewRoute, Errno::HOSTUNREACH, Hint::GatewayOutOfReach),
    (Call::NewRoute, Errno::INVAL, Hint::GatewayOutOfReach),
];

/// What is to be said of a failed step besides; nothing for most.
pub fn of(step: &Step<'_>, error: CallError) -> Packed {
    HINTS.line(hint(step, error) as usize)
}

/// What the step itself makes of the errno, else what its call does.
#[inline(never)]
fn hint(step: &Step<'_>, error: CallError) -> Hint {
    match step {
        Step::Label(_) => return Hint::NoLabel,
        Step::MakeCgroup(_) => return hint_of_cgroup(error),
        Step::Enter(_) | Step::Fork => match error.errno {
            Errno::SRCH | Errno::NOMEM => return Hint::Ended,
            Errno::PERM => return Hint::NotItsMaker,
            _ => {}
        },
        Step::NewNamespaces(Namespaces::NONE, _) | Step::JoinCgroup(_) => match error.errno {
            Errno::PERM | Errno::ACCES => return Hint::OthersCgroup,
            _ => {}
        },
        Step::Terminal { .. } if error.call == Call::Openat => return Hint::NoTerminals,
        Step::SetLimit(_) => match error.errno {
            Errno::INVAL | Errno::ACCES | Errno::RANGE => return Hint::NotInSet,
            _ => {}
        },
        Step::KeepRecord { .. } if error.errno == Errno::EXIST => return Hint::NameTaken,
        Step::Join(join) | Step::JoinWithUsers(join) => {
            return hint_of_join(join.owner, error);
        }
        Step::MapTree(_) if error.errno == Errno::INVAL => return Hint::NoOtherOwners,
        Step::MountPoint(_) if error.call == Call::Openat => return Hint::NotAMountPoint,
        Step::Overlay { .. } => return Hint::SeeDmesg,
        Step::Unpack { .. } => match (error.call, error.errno) {
            (_, Errno::NOSPC) => return Hint::RootIsFull,
            (Call::Fchown | Call::Fchownat, Errno::INVAL) => return Hint::IdNotMapped,
            _ => {}
        },
        _ => {}
    }
    if let (Step::JoinPeers, Errno::INVAL) = (step, error.errno) {
        return Hint::NotShared;
    }
    let known = MEANINGS.iter().find(|row| (row.0, row.1) == (error.call, error.errno));
    known.map_or(Hint::Nothing, |row| row.2)
}

const fn hint_of_join(owner: Owner<'_>, error: CallError) -> Hint {
    match (owner, error.errno) {
        (_, Errno::PERM) => Hint::NoRightsThere,
        (Owner::Container(_), Errno::NOENT | Errno::SRCH) => Hint::NoContainer,
        (Owner::File(_), Errno::INVAL) => Hint::OtherKind,
        _ => Hint::Nothing,
    }
}

const fn hint_of_cgroup(error: CallError) -> Hint {
    match (error.call, error.errno) {
        (Call::Write, Errno::BUSY) => Hint::HasProcesses,
        (Call::Write, Errno::NOENT) => Hint::NotHandedOn,
        (Call::Mkdirat, Errno::EXIST) => Hint::CgroupTaken,
        (_, Errno::ROFS | Errno::ACCES | Errno::PERM) => Hint::NoRightsToCgroups,
        _ => Hint::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hint_has_its_line() {
        let words = |hint: Hint| HINTS.line(hint as usize).to_string();
        assert_eq!(HINTS.lines().count(), Hint::NoTerminals as usize + 1);
        for (hint, part) in [
            (Hint::Nothing, ""),
            (Hint::NotShared, "below the root is not shared"),
            (Hint::NoLabel, "no such security module"),
            (Hint::NameTaken, "of this name exists"),
            (Hint::NotAMountPoint, "a link or a file"),
            (Hint::IdNotMapped, "such an id is not mapped"),
            (Hint::CgroupTaken, "not this container's"),
            (Hint::Ended, "has ended"),
            (Hint::NoTerminals, "no terminals"),
        ] {
            assert!(words(hint).contains(part), "{part}: {}", words(hint));
            assert_eq!(words(hint).is_empty(), part.is_empty());
        }
    }
}
