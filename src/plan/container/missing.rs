//! Mount points that are not there.

use core::ffi::CStr;

use heapless::Vec;

use crate::facts::run_facts::{Found, RunFacts};
use crate::input::root_options::RootKind;
use crate::input::run_options::mounts::UserMount;
use crate::input::run_options::{RunOptions, TMPFS_MOUNTS, VOLUMES};
use crate::plan::filesystems::BELOW_ROOT;
use crate::plan::step::{Kind, MissingPath};
use crate::text::path::is_below;

/// The mount points that every root must have, as they are made where they are missing.
pub static MISSING_POINTS: [MissingPath<'static>; 3] = [
    MissingPath { target: c"/proc", existing: 0, kind: Kind::Directory, in_root: true },
    MissingPath { target: c"/sys", existing: 0, kind: Kind::Directory, in_root: true },
    MissingPath { target: c"/dev", existing: 0, kind: Kind::Directory, in_root: true },
];

/// What is there of each mount point that the user named, in the order of the mounts.
pub type MissingPaths<'a> = Vec<MissingPath<'a>, { VOLUMES + TMPFS_MOUNTS }>;

/// Fills `missing`. A target below an earlier mount lies in that, whatever the root has there.
#[inline(never)]
pub fn find_missing<'a>(
    options: &RunOptions<'a>,
    facts: &RunFacts<'a>,
    missing: &mut MissingPaths<'a>,
) {
    for (mount, existing) in options.mounts.iter().zip(&facts.existing) {
        let found = match mount {
            UserMount::Volume(index) => facts.volumes.get(usize::from(*index)),
            UserMount::Tmpfs(_) => None,
        };
        let is_file = found.is_some_and(|found| *found != Found::Directory);
        let kind = if is_file { Kind::File } else { Kind::Directory };
        let target = options.target_of(*mount);
        let path = target.to_bytes();
        let below = BELOW_ROOT.iter().map(|filesystem| filesystem.target);
        let earlier = below.chain(missing.iter().map(|earlier| earlier.target));
        let hiding = earlier.map(CStr::to_bytes).filter(|above| is_below(path, above));
        let hidden = hiding.map(<[u8]>::len).max();
        let existing = hidden.unwrap_or(usize::from(*existing));
        // As many as there are mounts: there is room.
        let in_root = hidden.is_none() && facts.root == RootKind::Directory;
        let _ = missing.push(MissingPath { target, existing, kind, in_root });
    }
}
