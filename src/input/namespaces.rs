//! Kinds of namespaces.

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
    /// Users, their groups and capabilities.
    pub const USER: Self = Self(0x1000_0000);
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

    /// This set with or without `other`.
    #[must_use]
    pub const fn with(self, other: Self, new: bool) -> Self {
        if new { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }
}
