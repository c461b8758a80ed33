//! Where the host's cgroups are, and which controllers each hierarchy has.

use core::ffi::CStr;

use rustix::fs::{Access, access, statfs};

use super::text_file::read_text;
use crate::input::cgroup_files::{named, on_v1, own_cgroup};
use crate::input::refusal::{Refusal, Subject};
use crate::input::resources::Controllers;
use crate::text::arena::Arena;
use crate::text::line::Line;

/// Where hierarchies of v1 are mounted by everybody, in the order of `Controllers::EACH`.
pub const PLACES: [&CStr; 5] = [
    c"/sys/fs/cgroup/memory",
    c"/sys/fs/cgroup/cpu",
    c"/sys/fs/cgroup/cpuset",
    c"/sys/fs/cgroup/pids",
    c"/sys/fs/cgroup/devices",
];
/// Where v2 is mounted alone, and beside v1.
pub const UNIFIED: [&CStr; 2] = [c"/sys/fs/cgroup", c"/sys/fs/cgroup/unified"];

/// Types of filesystems. Source: linux/magic.h.
const CGROUP: u32 = 0x0027_e0eb;
const CGROUP2: u32 = 0x6367_7270;

/// What was found.
#[derive(Clone, Copy)]
pub struct CgroupFacts<'a> {
    /// Controllers on v1, mounted at their places.
    pub v1: Controllers,
    /// Those that v2 offers where the container's cgroup will be.
    pub v2: Controllers,
    /// Where v2 is mounted; empty where it is not.
    pub unified: &'static CStr,
    /// An ordinary user's own cgroup on v2, where it has been delegated to him.
    pub delegated: Option<&'a [u8]>,
}

impl CgroupFacts<'_> {
    /// Nothing found, or not asked.
    #[must_use]
    pub const fn new() -> Self {
        Self { v1: Controllers::NONE, v2: Controllers::NONE, unified: c"", delegated: None }
    }
}

impl Default for CgroupFacts<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Asks the host, for a container with limits alone.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn gather<'a>(
    is_root: bool,
    arena: &mut Arena<'a>,
    facts: &mut CgroupFacts<'a>,
) -> Result<(), Refusal> {
    let mut read = |path| read_text(None, path, Subject::Machine, arena);
    let table = read(c"/proc/self/cgroup")?.unwrap_or_default();
    let unified = UNIFIED.iter().find(|place| is_unified(place));
    facts.unified = unified.copied().unwrap_or_default();
    let top = facts.unified.to_bytes();
    let mut path = Line::new();
    path.raw(top);
    if is_root {
        let known = on_v1(table);
        for (controller, place) in Controllers::EACH.iter().zip(&PLACES) {
            if known.has(*controller) && is_of_kind(place, CGROUP) {
                facts.v1 = facts.v1.and(*controller);
            }
        }
    } else {
        let own = own_cgroup(table).unwrap_or_default();
        path.raw(own);
        facts.delegated = is_writable(top, own).then_some(own);
    }
    if !top.is_empty() {
        let offered = read(path.text("/cgroup.controllers").as_path())?;
        facts.v2 = named(offered.unwrap_or_default(), b' ');
    }
    Ok(())
}

/// Whether v2 is mounted there.
#[must_use]
pub fn is_unified(place: &CStr) -> bool {
    is_of_kind(place, CGROUP2)
}

#[inline(never)]
fn is_of_kind(place: &CStr, kind: u32) -> bool {
    statfs(place).is_ok_and(|found| found.f_type as u32 == kind)
}

/// Whether the caller may make cgroups below a cgroup and move processes there. Source: cgroup-v2, "Delegation".
#[inline(never)]
fn is_writable(top: &[u8], cgroup: &[u8]) -> bool {
    ["", "/cgroup.procs", "/cgroup.subtree_control"].into_iter().all(|file| {
        let mut path = Line::new();
        path.raw(top).raw(cgroup).text(file);
        access(path.as_path(), Access::WRITE_OK).is_ok()
    })
}
