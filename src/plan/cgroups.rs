//! The cgroups of a container: where they are made, what is written there.

use core::ffi::CStr;

use heapless::Vec;

use super::device_rules::{self, DeviceRule, DeviceRules};
use crate::facts::cgroups::{PLACES, V2};
use crate::facts::run_facts::RunFacts;
use crate::input::mount_options::Access;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::resources::{Amount, Controllers, PERIOD_US, UNLIMITED, weight_of};
use crate::input::run_options::RunOptions;
use crate::text::arena::Arena;
use crate::text::line::Line;
use crate::text::parts::parts;

/// Cgroups of one container: one on each hierarchy of v1 that has a controller of ours, and one on v2.
pub const HIERARCHIES: usize = PLACES.len() + 1;
/// Values that are written: one for each option but `--cgroup-parent`.
pub const SETTINGS: usize = 8;

/// What all cgroups are made in unless told otherwise. It is removed with the last of them.
const PARENT: &[u8] = b"/rootlet";

/// A cgroup of the container's own.
#[derive(Clone, Copy)]
pub struct Cgroup<'a> {
    /// All of its path.
    pub path: &'a CStr,
    /// Where the part of the path begins that is made, level by level, as far as it is missing.
    pub start: u16,
    /// On v2; else on a hierarchy of v1.
    pub unified: bool,
    /// The controllers that it is made for.
    pub controllers: Controllers,
}

impl Cgroup<'_> {
    /// The controllers that those above have to hand on to it: v2 has it so.
    pub fn handed_on(&self) -> impl Iterator<Item = Controllers> {
        let (unified, controllers) = (self.unified, self.controllers);
        Controllers::EACH
            .into_iter()
            .filter(move |one| unified && controllers.has(*one) && *one != Controllers::DEVICES)
    }

    /// Whether a new one has neither processors nor memory nodes, and takes no processes then: v1 has it so.
    #[must_use]
    pub fn has_empty_sets(&self) -> bool {
        !self.unified && self.controllers == Controllers::CPUSET
    }
}

/// A value for a file of a cgroup.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The file.
    pub path: &'a CStr,
    /// What is written.
    pub value: &'a CStr,
    /// That the kernel does not have the file is no failure: it was not asked for by name.
    pub optional: bool,
}

/// What a container may do with devices, for one cgroup.
pub struct Devices<'a> {
    /// The cgroup; empty for no rules.
    pub path: &'a CStr,
    /// What is allowed.
    pub rules: DeviceRules,
    /// The same for v2.
    pub program: Option<&'a [u8]>,
    /// That the kernel refuses it is no failure: it was not asked for by name, and `nodev` stands before it.
    pub optional: bool,
}

/// All that is done about cgroups.
pub struct Cgroups<'a> {
    /// What is made.
    pub made: Vec<Cgroup<'a>, HIERARCHIES>,
    /// What is written.
    pub settings: Vec<Setting<'a>, SETTINGS>,
    /// Which devices can be used.
    pub devices: Devices<'a>,
    /// Where the supervisor goes, whose own cgroup is to have others below it.
    pub leaf: Option<&'a CStr>,
}

impl<'a> Cgroups<'a> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        let devices =
            Devices { path: c"", rules: DeviceRules::new(), program: None, optional: true };
        Self { made: Vec::new(), settings: Vec::new(), devices, leaf: None }
    }

    /// The cgroup with a controller.
    #[must_use]
    pub fn with(&self, controller: Controllers) -> Option<&Cgroup<'a>> {
        self.made.iter().find(|cgroup| cgroup.controllers.has(controller))
    }

    /// The cgroup on v2.
    #[must_use]
    pub fn unified(&self) -> Option<&Cgroup<'a>> {
        self.made.iter().find(|cgroup| cgroup.unified)
    }
}

impl Default for Cgroups<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Fills `cgroups`.
///
/// # Errors
/// A controller that is nowhere, a user to whom no cgroup has been delegated.
#[inline(never)]
pub fn plan<'a>(
    options: &RunOptions<'a>,
    facts: &RunFacts<'a>,
    arena: &mut Arena<'a>,
    cgroups: &mut Cgroups<'a>,
) -> Result<(), Refusal> {
    let mut planner = Planner { options, facts, arena, cgroups };
    let wanted = if options.takes_cgroups() { planner.wanted()? } else { Controllers::NONE };
    planner.choose(wanted)?;
    planner.step_aside(wanted)?;
    planner.settings()?;
    planner.devices()
}

struct Planner<'p, 'a> {
    options: &'p RunOptions<'a>,
    facts: &'p RunFacts<'a>,
    arena: &'p mut Arena<'a>,
    cgroups: &'p mut Cgroups<'a>,
}

const fn refused<T>(reason: Reason) -> Result<T, Refusal> {
    Err(Refusal::new(Subject::Command, reason))
}

impl<'a> Planner<'_, 'a> {
    /// The controllers of what was asked for.
    fn wanted(&self) -> Result<Controllers, Refusal> {
        let found = &self.facts.cgroups;
        let is_root = self.facts.caller.uid == 0;
        let less = self.options.asks_less_of_devices();
        if !is_root && less {
            return refused(Reason::NoDeviceCgroup);
        }
        if !is_root && found.delegated.is_none() {
            return refused(Reason::NotDelegated);
        }
        let mut wanted = self.options.resources.controllers();
        if is_root && (less || !self.options.privileged) {
            wanted = wanted.and(Controllers::DEVICES);
        }
        Ok(wanted)
    }

    /// Which hierarchies are needed, and where on them.
    #[inline(never)]
    fn choose(&mut self, mut wanted: Controllers) -> Result<(), Refusal> {
        let found = &self.facts.cgroups;
        let is_root = self.facts.caller.uid == 0;
        let less = self.options.asks_less_of_devices();
        let freezer = if self.options.detach { found.freezer } else { None };
        let mut on_v2 = Controllers::NONE;
        if freezer == Some(V2) && self.options.resources.parent.is_none() {
            on_v2 = Controllers::COUNTING.both(found.handed_on);
        }
        if freezer.is_some_and(|hierarchy| hierarchy != V2) {
            wanted = wanted.and(Controllers::FREEZER);
        }
        // On v2 devices have no controller, but programs.
        let programs = if found.unified.is_empty() || !is_root {
            Controllers::NONE
        } else {
            Controllers::DEVICES
        };
        let offered = found.v2.and(programs);
        for (index, controller) in (0..).zip(&Controllers::EACH) {
            let controller = *controller;
            if !wanted.has(controller) {
            } else if found.v1.has(controller) {
                self.add(index, controller)?;
            } else if offered.has(controller) {
                on_v2 = on_v2.and(controller);
            } else if controller != Controllers::DEVICES {
                return Err(Refusal::new(Subject::Controller(index), Reason::NoController));
            } else if less {
                return refused(Reason::NoDeviceCgroup);
            }
        }
        if on_v2 == Controllers::NONE && freezer != Some(V2) { Ok(()) } else { self.add(V2, on_v2) }
    }

    #[inline(never)]
    fn join(&mut self, parts: &[&[u8]]) -> Result<&'a CStr, Refusal> {
        let full = |_| Refusal::new(Subject::Environment, Reason::TextFull);
        self.arena.join(parts).map_err(full)
    }

    /// Adds the container's cgroup on one hierarchy.
    #[inline(never)]
    fn add(&mut self, hierarchy: u8, controllers: Controllers) -> Result<(), Refusal> {
        let found = &self.facts.cgroups;
        let place = PLACES.get(usize::from(hierarchy)).copied();
        let top = place.unwrap_or(found.unified).to_bytes();
        let given = self.options.resources.parent.map(CStr::to_bytes);
        let parent = given.or(found.delegated).unwrap_or(PARENT);
        let path = self.join(&[top, parent, b"/", self.facts.name.to_bytes()])?;
        // What is above is not a user's.
        let above = if self.facts.caller.uid == 0 { 0 } else { parent.len() };
        let start = (top.len() + above) as u16;
        let cgroup = Cgroup { path, start, unified: place.is_none(), controllers };
        // One for each hierarchy: there is room.
        let _ = self.cgroups.made.push(cgroup);
        Ok(())
    }

    /// A cgroup of v2 that has processes hands no controllers on to those below it. A user's rootlet is such a process in
    /// the cgroup that was delegated to him, so it goes into a leaf of its own.
    fn step_aside(&mut self, wanted: Controllers) -> Result<(), Refusal> {
        let found = &self.facts.cgroups;
        let hands_on = wanted != Controllers::NONE && self.options.resources.parent.is_none();
        if let (Some(own), true) = (found.delegated, hands_on) {
            let leaf = self.join(&[found.unified.to_bytes(), own, b"/supervisor"])?;
            self.cgroups.leaf = Some(leaf);
        }
        Ok(())
    }

    /// The rules for devices, for the one hierarchy that has them.
    #[inline(never)]
    fn devices(&mut self) -> Result<(), Refusal> {
        let Some(cgroup) = self.cgroups.with(Controllers::DEVICES).copied() else { return Ok(()) };
        let devices = &mut self.cgroups.devices;
        devices.path = cgroup.path;
        devices.optional = !self.options.asks_less_of_devices();
        let asked =
            self.options.lists.volumes.iter().filter(|volume| volume.access != Access::NONE);
        let asked = asked.zip(&self.facts.devices).map(|(volume, device)| DeviceRule {
            block: device.block,
            major: device.major,
            minor: device.minor,
            access: volume.access,
        });
        for rule in asked {
            // As many as there are volumes: there is room.
            let _ = devices.rules.push(rule);
        }
        device_rules::add_default(&mut devices.rules);
        if cgroup.unified {
            let program = self.arena.keep(|room| device_rules::compile(&devices.rules, room));
            devices.program = Some(program.map_err(Refusal::at(Subject::Environment))?);
        }
        Ok(())
    }

    /// The values of all limits, in the order in which the kernel takes them: memory before memory and swap.
    fn settings(&mut self) -> Result<(), Refusal> {
        let resources = &self.options.resources;
        for (row, number) in (0_u8..).zip(&resources.numbers) {
            self.number(row, *number)?;
        }
        for (row, list) in (NUMBERS..).zip(&resources.lists) {
            if let Some(list) = list {
                self.set(row, list, false)?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn number(&mut self, row: u8, mut number: u64) -> Result<(), Refusal> {
        const SWAP: u8 = Amount::MemoryAndSwap as u8;
        const QUOTA: u8 = Amount::Quota as u8;
        const SHARES: u8 = Amount::Shares as u8;
        let memory = self.options.resources.number(Amount::Memory);
        // The default is docker's, for kernels that account for swap.
        let is_default = row == SWAP && number == 0;
        if is_default {
            number = memory.saturating_mul(2);
        }
        if number == 0 {
            return Ok(());
        }
        let unified = self.cgroup_of(row).is_some_and(|cgroup| cgroup.unified);
        let mut value = Line::new();
        match (row, unified) {
            (SWAP, false) if number == UNLIMITED => drop(value.text("-1")),
            _ if number == UNLIMITED => drop(value.text("max")),
            // Of swap alone.
            (SWAP, true) => drop(value.number(number.saturating_sub(memory))),
            (SHARES, true) => drop(value.number(weight_of(number))),
            (QUOTA, true) => drop(value.number(number).text(" ").number(PERIOD_US)),
            _ => drop(value.number(number)),
        }
        let value = self.join(&[value.bytes()])?;
        self.set(row, value, is_default)
    }

    fn cgroup_of(&self, row: u8) -> Option<&Cgroup<'a>> {
        self.cgroups.with(*CONTROLLERS.get(usize::from(row))?)
    }

    #[inline(never)]
    fn set(&mut self, row: u8, value: &'a CStr, optional: bool) -> Result<(), Refusal> {
        let Some(cgroup) = self.cgroup_of(row) else { return Ok(()) };
        let file = parts(FILES, b'\n').skip_to(2 * usize::from(row) + usize::from(cgroup.unified));
        let path = cgroup.path.to_bytes();
        let path = self.join(&[path, b"/", file])?;
        // One for each option: there is room.
        let _ = self.cgroups.settings.push(Setting { path, value, optional });
        Ok(())
    }
}

/// The files of all values, numbers in the order of `Amount` and then lists: of each the one on v1, then the one on v2.
const FILES: &[u8] = b"memory.limit_in_bytes\nmemory.max\n\
memory.memsw.limit_in_bytes\nmemory.swap.max\n\
memory.soft_limit_in_bytes\nmemory.low\n\
cpu.cfs_quota_us\ncpu.max\n\
cpu.shares\ncpu.weight\n\
pids.max\npids.max\n\
cpuset.cpus\ncpuset.cpus\n\
cpuset.mems\ncpuset.mems";

/// How many of them are numbers.
const NUMBERS: u8 = 6;

/// Their controllers.
const CONTROLLERS: [Controllers; SETTINGS] = [
    Controllers::MEMORY,
    Controllers::MEMORY,
    Controllers::MEMORY,
    Controllers::CPU,
    Controllers::CPU,
    Controllers::PIDS,
    Controllers::CPUSET,
    Controllers::CPUSET,
];
