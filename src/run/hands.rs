//! What the container's first process holds while it builds.

use crate::plan::filesystems::DEVICES;
use crate::plan::step::Slot;
use crate::sys::descriptor::Descriptor;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

const TREES: usize = Slot::FIRST_DEVICE as usize + DEVICES.len();

/// Descriptors by their role. `CloseDescriptors` closes all but the link at the end, so none is closed before.
pub struct Hands {
    /// To the supervisor.
    pub link: Descriptor,
    /// The mount of /dev.
    pub dev: Option<Descriptor>,
    /// The empty directory that others are hidden with.
    pub mask: Option<Descriptor>,
    trees: [Option<Descriptor>; TREES],
}

impl Hands {
    /// Holding the link alone.
    #[must_use]
    pub const fn new(link: Descriptor) -> Self {
        Self { link, dev: None, mask: None, trees: [const { None }; TREES] }
    }

    /// Gives the link back, when all other descriptors are closed already: they are only forgotten.
    #[must_use]
    pub fn release(self) -> Descriptor {
        let Self { link, dev, mask, trees } = self;
        core::mem::forget((dev, mask, trees));
        link
    }

    /// Keeps a tree.
    pub fn keep(&mut self, slot: Slot, tree: Descriptor) {
        if let Some(place) = self.trees.get_mut(usize::from(slot.0)) {
            *place = Some(tree);
        }
    }

    /// The tree in `slot`.
    ///
    /// # Errors
    /// EBADF when no step has put one there: the plan is wrong.
    pub fn tree(&self, slot: Slot, call: Call) -> Result<&Descriptor, CallError> {
        held(self.trees.get(usize::from(slot.0)).and_then(Option::as_ref), call)
    }

    /// The mount of /dev.
    ///
    /// # Errors
    /// EBADF when no step has mounted it: the plan is wrong.
    pub fn dev(&self, call: Call) -> Result<&Descriptor, CallError> {
        held(self.dev.as_ref(), call)
    }
}

fn held(descriptor: Option<&Descriptor>, call: Call) -> Result<&Descriptor, CallError> {
    const NO_DESCRIPTOR: Errno = Errno(9);
    descriptor.ok_or(CallError { call, errno: NO_DESCRIPTOR })
}
