//! Mounts that the user named, in the order in which he named them.

use core::ffi::CStr;

use super::RunOptions;
use crate::input::mount_options::{Tmpfs, Volume};

/// The list that the next mount is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// `RunOptions::volumes`
    Volume,
    /// `RunOptions::tmpfs`
    Tmpfs,
}

/// A mount that the user named.
#[derive(Clone, Copy)]
pub enum UserMount<'o, 'a> {
    /// A volume and its index among the volumes.
    Volume(u8, &'o Volume<'a>),
    /// A memory filesystem.
    Tmpfs(&'o Tmpfs<'a>),
}

impl<'a> UserMount<'_, 'a> {
    /// Where it goes.
    #[must_use]
    pub const fn target(&self) -> &'a CStr {
        match self {
            Self::Volume(_, volume) => volume.target,
            Self::Tmpfs(tmpfs) => tmpfs.target,
        }
    }
}

impl<'a> RunOptions<'a> {
    /// Volumes and memory filesystems in the order in which they were named: a later one lies over an earlier one.
    pub fn mounts(&self) -> impl Iterator<Item = UserMount<'_, 'a>> {
        let mut volumes = (0..).zip(&self.lists.volumes);
        let mut tmpfs = self.lists.tmpfs.iter();
        self.mount_order.iter().filter_map(move |kind| match kind {
            MountKind::Volume => {
                volumes.next().map(|(index, volume)| UserMount::Volume(index, volume))
            }
            MountKind::Tmpfs => tmpfs.next().map(UserMount::Tmpfs),
        })
    }
}
