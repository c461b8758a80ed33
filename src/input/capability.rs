//! Capabilities by name and as sets. Source: capabilities(7).

use crate::text::line::Line;
use crate::text::packed::{Packed, packed};

/// A set of capabilities: bit N is capability N.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct CapabilitySet(pub u64);

/// Names without `CAP_`, in the order of their numbers, one a line.
const NAMES: Packed = packed!(
    "\
CHOWN
DAC_OVERRIDE
DAC_READ_SEARCH
FOWNER
FSETID
KILL
SETGID
SETUID
SETPCAP
LINUX_IMMUTABLE
NET_BIND_SERVICE
NET_BROADCAST
NET_ADMIN
NET_RAW
IPC_LOCK
IPC_OWNER
SYS_MODULE
SYS_RAWIO
SYS_CHROOT
SYS_PTRACE
SYS_PACCT
SYS_ADMIN
SYS_BOOT
SYS_NICE
SYS_RESOURCE
SYS_TIME
SYS_TTY_CONFIG
MKNOD
LEASE
AUDIT_WRITE
AUDIT_CONTROL
SETFCAP
MAC_OVERRIDE
MAC_ADMIN
SYSLOG
WAKE_ALARM
BLOCK_SUSPEND
AUDIT_READ
PERFMON
BPF
CHECKPOINT_RESTORE"
);

impl CapabilitySet {
    /// No capability.
    pub const NONE: Self = Self(0);
    /// Every capability that has a name here.
    pub const ALL: Self = Self((1 << 41) - 1);
    /// Docker's default set of 14.
    pub const DEFAULT: Self = Self(
        1 << 0 // CHOWN
        | 1 << 1 // DAC_OVERRIDE
        | 1 << 3 // FOWNER
        | 1 << 4 // FSETID
        | 1 << 5 // KILL
        | 1 << 6 // SETGID
        | 1 << 7 // SETUID
        | 1 << 8 // SETPCAP
        | 1 << 10 // NET_BIND_SERVICE
        | 1 << 13 // NET_RAW
        | 1 << 18 // SYS_CHROOT
        | 1 << 27 // MKNOD
        | 1 << 29 // AUDIT_WRITE
        | 1 << 31, // SETFCAP
    );

    /// The set that `name` means: one capability, with or without `CAP_`, in either case, or `ALL`.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        if same_name(b"ALL", name) {
            return Some(Self::ALL);
        }
        let bare = match name.split_at_checked(4) {
            Some((prefix, rest)) if same_name(b"CAP_", prefix) => rest,
            _ => name,
        };
        let mut line = Line::new();
        let number = NAMES.lines().position(|known| same_name(known.unpack(&mut line), bare))?;
        Some(Self(1 << number))
    }

    /// This set and `added`, without `dropped`: dropping wins, but a name beats `ALL`.
    #[must_use]
    pub const fn changed(self, added: Self, dropped: Self) -> Self {
        let all_dropped = dropped.0 == Self::ALL.0;
        if all_dropped {
            Self(added.0 & Self::ALL.0)
        } else {
            Self((self.0 | added.0) & !dropped.0)
        }
    }

    /// Names of the set, one after the other.
    pub fn names(self) -> impl Iterator<Item = Packed> {
        NAMES
            .lines()
            .enumerate()
            .filter(move |(number, _)| self.0 >> number & 1 == 1)
            .map(|(_, name)| name)
    }
}

/// Whether `name` is `known`, which is in capitals, in either case.
fn same_name(known: &[u8], name: &[u8]) -> bool {
    known.len() == name.len() && known.iter().zip(name).all(|(a, b)| *a == b.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_kernels_numbers() {
        for (name, number) in
            [("CHOWN", 0), ("cap_sys_admin", 21), ("CAP_SETFCAP", 31), ("CHECKPOINT_RESTORE", 40)]
        {
            assert_eq!(
                CapabilitySet::named(name.as_bytes()),
                Some(CapabilitySet(1 << number)),
                "{name}"
            );
        }
        for unknown in ["", "CAP_", "SYS_ADMI", "SYS_ADMINS", "CAP_CAP_CHOWN", "CHOWN DAC_OVERRIDE"]
        {
            assert_eq!(CapabilitySet::named(unknown.as_bytes()), None, "{unknown}");
        }
    }

    #[test]
    fn the_default_is_dockers_fourteen() {
        let names: Vec<_> = CapabilitySet::DEFAULT.names().collect();
        assert_eq!(names.len(), 14);
        for name in names {
            assert!(!["SYS_PTRACE", "SYS_ADMIN"].contains(&name.to_string().as_str()));
        }
        assert_eq!(CapabilitySet::ALL.names().count(), 41);
    }

    #[test]
    fn adding_and_dropping() {
        let set = |names: &str| {
            CapabilitySet(
                names
                    .split_whitespace()
                    .map(|name| CapabilitySet::named(name.as_bytes()).unwrap().0)
                    .sum(),
            )
        };
        let default = CapabilitySet::DEFAULT;
        let changed = default.changed(set("SYS_ADMIN"), set("CHOWN"));
        assert_eq!(changed.0, (default.0 | set("SYS_ADMIN").0) & !set("CHOWN").0);
        assert_eq!(default.changed(set("CHOWN"), CapabilitySet::ALL), set("CHOWN"));
        assert_eq!(default.changed(CapabilitySet::NONE, CapabilitySet::NONE), default);
    }
}
