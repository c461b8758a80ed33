//! What the container's first process holds while it builds.

use crate::plan::filesystems::DEVICES;
use crate::plan::step::Slot;
use crate::sys::descriptor::{Descriptor, Held};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

const TREES: usize = Slot::FIRST_DEVICE as usize + DEVICES.len();

/// Descriptors by their role. `Step::CloseDescriptors` closes all but the link at the end, so none is closed before.
pub struct Hands {
    /// To the supervisor.
    pub link: Descriptor,
    /// The mount of /dev.
    pub dev: Option<Held>,
    /// The empty directory that others are hidden with.
    pub mask: Option<Held>,
    trees: [Option<Held>; TREES],
}

impl Hands {
    /// Holds the link alone.
    #[must_use]
    pub const fn new(link: Descriptor) -> Self {
        Self { link, dev: None, mask: None, trees: [None; TREES] }
    }

    /// Keeps a tree of mounts in a slot; one that is no slot keeps nothing, and `tree` says so.
    pub fn keep(&mut self, slot: Slot, tree: Held) {
        if let Some(place) = self.trees.get_mut(usize::from(slot.0)) {
            *place = Some(tree);
        }
    }

    /// The tree in `slot`, for `call`, which the error names.
    ///
    /// # Errors
    /// EBADF when no step has put one there: the plan is wrong.
    pub fn tree(&self, slot: Slot, call: Call) -> Result<Held, CallError> {
        held(self.trees.get(usize::from(slot.0)).copied().flatten(), call)
    }

    /// The mount of /dev.
    ///
    /// # Errors
    /// EBADF when no step has mounted it: the plan is wrong.
    pub fn dev(&self, call: Call) -> Result<Held, CallError> {
        held(self.dev, call)
    }
}

fn held(descriptor: Option<Held>, call: Call) -> Result<Held, CallError> {
    const NO_DESCRIPTOR: Errno = Errno(9);
    descriptor.ok_or(CallError { call, errno: NO_DESCRIPTOR })
}
