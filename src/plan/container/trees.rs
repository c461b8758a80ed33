//! Trees of mounts that the host gives: root, volumes, what must be bound.

use super::{Builder, Program};
use crate::facts::run_facts::RunFacts;
use crate::input::mount_options::{Attributes, Propagation};
use crate::input::namespaces::Namespaces;
use crate::input::root_options::RootKind;
use crate::input::run_options::RunOptions;
use crate::plan::filesystems::BELOW_ROOT;
use crate::plan::step::{Filesystem, Slot, Step, TreeCopy};

/// A filesystem of the kernel that shows one namespace.
pub struct Hosts {
    /// Which.
    pub filesystem: &'static Filesystem<'static>,
    /// Where the copy of the host's mount is kept.
    pub slot: Slot,
    /// The namespace that it shows; it can be mounted anew only where that is new.
    pub shows: Namespaces,
}

/// Those that may have to be bound.
pub static HOSTS: [Hosts; 2] = [
    Hosts { filesystem: &BELOW_ROOT[0], slot: Slot::PROC, shows: Namespaces::PID },
    Hosts { filesystem: &BELOW_ROOT[1], slot: Slot::SYS, shows: Namespaces::NETWORK },
];

impl<'a> Builder<'_, 'a> {
    /// Adds a step for each tree that the user wants of the host, the root, then the volumes: for those whose files get
    /// other owners, which only the supervisor can do, or for the others.
    #[inline(never)]
    pub(super) fn hosts_trees(
        &mut self,
        options: &RunOptions<'a>,
        facts: &RunFacts<'a>,
        mapped: bool,
        step: fn(TreeCopy<'a>) -> Step<'a>,
    ) {
        let is_directory = facts.root == RootKind::Directory;
        if (is_directory || facts.root == RootKind::Into) && options.rootfs_mapped == mapped {
            let closes = options.read_only && is_directory;
            let read_only = if closes { Attributes::READ_ONLY } else { Attributes::NONE };
            // The root joins its peers at the end, so that the mounts of building do not reach the host.
            let own = match options.propagation {
                Propagation::Shared => Propagation::Private,
                other => other,
            };
            self.add(step(TreeCopy {
                slot: Slot::ROOT,
                source: options.rootfs,
                attributes: Attributes::NO_DEV.and(read_only),
                propagation: Some(own),
            }));
        }
        for (volume, slot) in options.lists.volumes.iter().zip(Slot::FIRST_VOLUME..) {
            if volume.mapped == mapped {
                let propagation = match volume.propagation {
                    Propagation::Shared => None,
                    other => Some(other),
                };
                let (source, attributes) = (volume.source, volume.attributes);
                self.add(step(TreeCopy { slot: Slot(slot), source, attributes, propagation }));
            }
        }
    }
}

/// Whether the host's own mount is bound: the container shares what it shows, and cannot mount it itself.
#[must_use]
pub fn binds(options: &RunOptions<'_>, program: &Program<'_>, hosts: &Hosts) -> bool {
    !program.users.is_hosts() && options.shares_hosts(hosts.shows)
}
