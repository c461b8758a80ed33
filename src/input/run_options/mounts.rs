//! Mounts that the user named, in the order in which they were named.

use core::ffi::CStr;

use super::RunOptions;

/// A mount that the user named, by its place in its list.
#[derive(Clone, Copy)]
pub enum UserMount {
    /// Of `Lists::volumes`.
    Volume(u8),
    /// Of `Lists::tmpfs`.
    Tmpfs(u8),
}

impl<'a> RunOptions<'a> {
    /// Where a mount goes, inside.
    #[must_use]
    pub fn target_of(&self, mount: UserMount) -> &'a CStr {
        let target = match mount {
            UserMount::Volume(index) => {
                self.lists.volumes.get(usize::from(index)).map(|volume| volume.target)
            }
            UserMount::Tmpfs(index) => {
                self.lists.tmpfs.get(usize::from(index)).map(|tmpfs| tmpfs.target)
            }
        };
        // It was put into the list when it was named.
        target.unwrap_or_default()
    }
}
