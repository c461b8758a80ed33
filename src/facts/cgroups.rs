//! Where the host's cgroups are, and which controllers each hierarchy has.

use core::ffi::CStr;

use rustix::fs::{Access, CWD, access, statfs};

use super::files::read_start;
use super::text_file::read_text;
use crate::input::cgroup_files::{named, on_v1, own_cgroup};
use crate::input::refusal::{Refusal, Subject};
use crate::input::resources::Controllers;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::parts::parts;

/// Where hierarchies of v1 are mounted by everybody, in the order of `Controllers::EACH`.
pub const PLACES: [&CStr; 6] = [
    c"/sys/fs/cgroup/memory",
    c"/sys/fs/cgroup/cpu",
    c"/sys/fs/cgroup/cpuset",
    c"/sys/fs/cgroup/pids",
    c"/sys/fs/cgroup/devices",
    c"/sys/fs/cgroup/freezer",
];
/// The index behind them, which stands for v2.
pub const V2: u8 = PLACES.len() as u8;
/// Where v2 is mounted alone, and beside v1.
const UNIFIED: [&CStr; 2] = [c"/sys/fs/cgroup", c"/sys/fs/cgroup/unified"];

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
    /// Those of them that v2's own root hands on already.
    pub handed_on: Controllers,
    /// On which hierarchy a container can be stopped for a while and go on: an index of `PLACES`, or `V2`.
    pub freezer: Option<u8>,
    /// An ordinary user's own cgroup on v2, where it has been delegated to him.
    pub delegated: Option<&'a [u8]>,
}

impl CgroupFacts<'_> {
    /// Nothing found, or not asked.
    #[must_use]
    pub const fn new() -> Self {
        let none = Controllers::NONE;
        Self { v1: none, v2: none, unified: c"", handed_on: none, freezer: None, delegated: None }
    }
}

impl Default for CgroupFacts<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Asks the host, for a container with limits or one in the background.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn gather<'a>(
    is_root: bool,
    arena: &mut Arena<'a>,
    facts: &mut CgroupFacts<'a>,
) -> Result<(), Refusal> {
    let table =
        read_text(None, c"/proc/self/cgroup", arena).map_err(Refusal::of(Subject::Machine))?;
    let table = table.unwrap_or_default();
    facts.unified = unified_place().map_err(Refusal::of_error(Subject::Machine))?;
    let top = facts.unified.to_bytes();
    let mut own: &[u8] = b"";
    if is_root {
        let known = on_v1(table);
        for (controller, place) in Controllers::EACH.iter().zip(&PLACES) {
            if known.has(*controller) && is_v1(place) {
                facts.v1 = facts.v1.and(*controller);
            }
        }
    } else {
        own = own_cgroup(table).unwrap_or_default();
        facts.delegated = is_delegated(top, own).then_some(own);
    }
    let mut on_v2 = facts.delegated.is_some();
    if !top.is_empty() {
        facts.v2 = controllers_in(top, own, "/cgroup.controllers", arena)?;
        if is_root {
            on_v2 = is_writable(top);
            facts.handed_on = controllers_in(top, own, "/cgroup.subtree_control", arena)?;
        }
    }
    let [.., freezer] = PLACES;
    if on_v2 {
        facts.freezer = Some(V2);
    } else if facts.v1.has(Controllers::FREEZER) && is_writable(freezer.to_bytes()) {
        facts.freezer = Some(V2 - 1);
    }
    Ok(())
}

/// The controllers that a file of a cgroup on v2 names.
#[inline(never)]
fn controllers_in(
    top: &[u8],
    cgroup: &[u8],
    file: &str,
    arena: &mut Arena<'_>,
) -> Result<Controllers, Refusal> {
    let mut path = Line::new();
    path.raw(top).raw(cgroup).text(file);
    let text = read_text(None, path.as_path(), arena).map_err(Refusal::of(Subject::Machine))?;
    Ok(named(text.unwrap_or_default(), b' '))
}

/// Whether the processes of a cgroup stand still, and whoever comes there as well.
#[must_use]
#[inline(never)]
pub fn is_frozen(cgroup: &[u8]) -> bool {
    let has = |file: &str, text: &[u8]| {
        let mut path = Line::new();
        path.raw(cgroup).text(file);
        let mut buffer = [0; 64];
        let read = read_start(CWD, path.as_path(), &mut buffer).unwrap_or_default();
        parts(read, b'\n').any(|line| line == text)
    };
    has("/cgroup.events", b"frozen 1") || has("/freezer.state", b"FROZEN")
}

/// Where v2 is mounted; empty where it is not.
///
/// # Errors
/// statfs(2): it cannot be told, and who comes would stay outside the cgroup that bounds him.
#[inline(never)]
pub fn unified_place() -> Result<&'static CStr, CallError> {
    for place in UNIFIED {
        match statfs(place).map_err(Errno::from) {
            Ok(found) if found.f_type as u32 == CGROUP2 => return Ok(place),
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(CallError { call: Call::Statfs, errno }),
        }
    }
    Ok(c"")
}

/// Whether a hierarchy of v1 is mounted there.
#[inline(never)]
fn is_v1(place: &CStr) -> bool {
    statfs(place).is_ok_and(|found| found.f_type as u32 == CGROUP)
}

/// Whether the caller may make cgroups below a cgroup and move processes there. Source: cgroup-v2, "Delegation".
#[inline(never)]
fn is_delegated(top: &[u8], cgroup: &[u8]) -> bool {
    ["", "/cgroup.procs", "/cgroup.subtree_control"].into_iter().all(|file| {
        let mut path = Line::new();
        is_writable(path.raw(top).raw(cgroup).text(file).bytes())
    })
}

#[inline(never)]
fn is_writable(path: &[u8]) -> bool {
    let mut line = Line::new();
    access(line.raw(path).as_path(), Access::WRITE_OK).is_ok()
}
