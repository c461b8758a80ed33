//! Kinds of namespaces, and those that exist already.

use core::ffi::CStr;

use heapless::Vec;

use super::record::is_name;
use super::refusal::Reason;

/// A set of kinds of namespaces. The bits are clone(2)'s `CLONE_NEW*`.
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
    /// Clocks.
    pub const TIME: Self = Self(0x80);
    /// What a container gets unless told otherwise.
    pub const DEFAULT: Self = Self(
        Self::MOUNT.0 | Self::CGROUP.0 | Self::UTS.0 | Self::IPC.0 | Self::PID.0 | Self::NETWORK.0,
    );

    /// None.
    pub const NONE: Self = Self(0);

    /// All kinds.
    pub const EVERY: Self = Self(Self::DEFAULT.0 | Self::USER.0 | Self::TIME.0);

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

/// How many kinds there are.
pub const KINDS: usize = 8;

/// Kinds and their files below /proc/PID. A place in this table stands for a kind elsewhere. Source: namespaces(7).
pub static FILES: [(Namespaces, &CStr); KINDS] = [
    (Namespaces::CGROUP, c"ns/cgroup"),
    (Namespaces::IPC, c"ns/ipc"),
    (Namespaces::MOUNT, c"ns/mnt"),
    (Namespaces::NETWORK, c"ns/net"),
    (Namespaces::PID, c"ns/pid"),
    (Namespaces::TIME, c"ns/time"),
    (Namespaces::USER, c"ns/user"),
    (Namespaces::UTS, c"ns/uts"),
];

/// The name of a kind, by its place in `FILES`: that of its file below /proc/PID/ns.
#[must_use]
#[inline(never)]
pub fn name(kind: usize) -> &'static [u8] {
    FILES.get(kind).and_then(|row| row.1.to_bytes().get(3..)).unwrap_or_default()
}

/// The kind of that name.
#[must_use]
#[inline(never)]
pub fn kind_of(word: &[u8]) -> Option<usize> {
    (0..KINDS).find(|kind| name(*kind) == word)
}

/// Whose namespace it is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Owner<'a> {
    /// A running container's, by its name.
    Container(&'a CStr),
    /// Anybody's, by a file: /proc/PID/ns/net, or a file that keeps it.
    File(&'a CStr),
}

/// Namespaces that are to be joined.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Join<'a> {
    /// Of which kinds. A file has only one.
    pub kinds: Namespaces,
    /// Whose.
    pub owner: Owner<'a>,
}

/// Kinds that can be joined: all but those of mounts and clocks.
const JOINS: usize = 6;

/// All that are to be joined; each kind at most once, each container in one piece.
pub struct Joins<'a>(Vec<Join<'a>, JOINS>);

impl Default for Joins<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Joins<'a> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Joins no namespace of this kind any more.
    pub fn remove(&mut self, kind: Namespaces) {
        for join in &mut self.0 {
            join.kinds = join.kinds.with(kind, false);
        }
        self.0.retain(|join| join.kinds != Namespaces::NONE);
    }

    /// Joins the namespace of this kind that `value` names, `container:NAME` or `ns:FILE`, in place of an earlier one.
    ///
    /// # Errors
    /// Anything else: `otherwise`.
    pub fn set(
        &mut self,
        kind: Namespaces,
        value: &'a CStr,
        otherwise: Reason,
    ) -> Result<(), Reason> {
        let behind = |prefix: &[u8]| {
            let rest = value.to_bytes_with_nul().strip_prefix(prefix)?;
            CStr::from_bytes_with_nul(rest).ok()
        };
        let container = behind(b"container:").filter(|name| is_name(name.to_bytes()));
        let file = behind(b"ns:").filter(|path| !path.is_empty());
        let owner = container.map(Owner::Container).or(file.map(Owner::File)).ok_or(otherwise)?;
        self.remove(kind);
        let same = |join: &&mut Join<'_>| join.owner == owner && container.is_some();
        match self.0.iter_mut().find(same) {
            Some(join) => join.kinds = join.kinds.with(kind, true),
            // As many as there are kinds: there is room.
            None => drop(self.0.push(Join { kinds: kind, owner })),
        }
        Ok(())
    }

    /// All kinds.
    #[must_use]
    pub fn kinds(&self) -> Namespaces {
        self.0.iter().fold(Namespaces::NONE, |all, join| all.with(join.kinds, true))
    }

    /// Each owner once.
    pub fn iter(&self) -> impl Iterator<Item = &Join<'a>> + Clone {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_joined_once_and_each_container_in_one_piece() {
        let mut joins = Joins::new();
        let mut set = |kind, value| joins.set(kind, value, Reason::NeitherHostNorNew).is_ok();
        assert!(set(Namespaces::NETWORK, c"container:a"));
        assert!(set(Namespaces::PID, c"container:b"));
        assert!(set(Namespaces::PID, c"container:a"));
        assert!(set(Namespaces::IPC, c"ns:/x"));
        assert!(set(Namespaces::UTS, c"ns:/x"));
        for bad in [c"container:", c"container:../a", c"ns:", c"", c"b", c"Container:a"] {
            assert!(!set(Namespaces::UTS, bad), "{bad:?}");
        }
        let both = Namespaces::NETWORK.with(Namespaces::PID, true);
        let file = |kinds| Join { kinds, owner: Owner::File(c"/x") };
        let expected = [
            Join { kinds: both, owner: Owner::Container(c"a") },
            file(Namespaces::IPC),
            file(Namespaces::UTS),
        ];
        assert!(joins.iter().eq(&expected));
        joins.remove(Namespaces::UTS);
        assert_eq!(joins.kinds(), both.with(Namespaces::IPC, true));
    }
}
