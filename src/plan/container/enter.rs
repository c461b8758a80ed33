//! The plan of a command that enters: with no more rights than the target has.

use heapless::Vec;

use super::{Builder, Program, Steps};
use crate::facts::run_facts::RunFacts;
use crate::facts::target::{File, Target};
use crate::input::capability::CapabilitySet;
use crate::input::cgroup_files::fields;
use crate::input::enter_options::Style;
use crate::input::namespaces::Namespaces;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::resources::Controllers;
use crate::input::run_options::RunOptions;
use crate::plan::cgroups::Cgroup;
use crate::plan::step::{Step, WindowSize};
use crate::plan::user_namespace::TTY_GROUP;
use crate::text::arena::Arena;
use crate::text::parts::parts;

/// Cgroups that a process may have of its own, one on each hierarchy.
pub const CGROUPS: usize = 16;

/// The cgroups of a target that are not ours.
pub type Entered<'a> = Vec<Cgroup<'a>, CGROUPS>;

/// Finds the cgroups of the target. Where it has ours nothing is to be done. Hierarchies of v1 are mounted by everybody
/// at the name of their controllers.
///
/// # Errors
/// More than `CGROUPS`; texts that do not fit.
#[inline(never)]
pub fn find_cgroups<'a>(
    target: &Target<'_>,
    arena: &mut Arena<'a>,
    entered: &mut Entered<'a>,
) -> Result<(), Refusal> {
    let refused = Refusal::at(Subject::Target);
    let (theirs, ours) = (target.text(File::Cgroups), target.text(File::OwnCgroups));
    for line in parts(theirs, b'\n') {
        let is_ours = parts(ours, b'\n').any(|own| own == line);
        let (controllers, path) = fields(line);
        let unified = controllers.is_empty();
        if is_ours || unified && target.unified.is_empty() {
            continue;
        }
        let name = controllers.strip_prefix(b"name=").unwrap_or(controllers);
        let place =
            if unified { [target.unified.to_bytes(), b""] } else { [b"/sys/fs/cgroup/", name] };
        let [top, below] = place;
        let path = arena.join(&[top, below, path]).map_err(|_| refused(Reason::TextFull))?;
        let cgroup = Cgroup { path, start: 0, unified, controllers: Controllers::NONE };
        entered.push(cgroup).map_err(|_| refused(Reason::ManyCgroups))?;
    }
    Ok(())
}

/// Makes the plan in `steps`.
///
/// There are two processes. The first goes in and takes on the rights that CMD will have. setns(2) puts only children into
/// a pid namespace, so the first is in none of the target's, and no process of the container can look at it. Its child is in
/// it, and has nothing by then that CMD will not have.
#[inline(never)]
pub fn plan<'a>(
    options: &'a RunOptions<'a>,
    facts: &RunFacts<'a>,
    program: &Program<'a>,
    target: &'a Target<'a>,
    cgroups: &'a Entered<'a>,
    steps: &mut Steps<'a>,
) {
    let mut plan = Builder { steps, apart: false };
    plan.add(Step::ProtectOwnFile);
    let unified = cgroups.iter().find(|cgroup| cgroup.unified);
    plan.add(Step::NewNamespaces(Namespaces::NONE, unified));
    let mut awaits = false;
    for cgroup in cgroups.iter().filter(|cgroup| !cgroup.unified) {
        plan.add(Step::JoinCgroup(cgroup));
        awaits = true;
    }
    plan.add(Step::DieWithSupervisor);
    plan.add_if(awaits, Step::AwaitSupervisor);
    plan.add(Step::Enter(target));
    if target.tools.is_some() {
        if target.kinds.has(Namespaces::USER) {
            // Nobody else may make files there.
            plan.add(Step::GroupId(0));
            plan.add(Step::UserId(0));
        }
        plan.add(Step::Tools(target));
    }
    plan.add(Step::TakeLink(0));
    if options.terminal {
        let size = facts.window.map(|(rows, columns)| WindowSize { rows, columns });
        let of_group = program.users.has_group(TTY_GROUP);
        plan.add(Step::Terminal { uid: program.credentials.uid, of_group, size });
    }
    let is_exec = options.enter.style == Style::Exec;
    if is_exec {
        plan.privileges(options, program);
    } else {
        plan.ids(options);
    }
    // With our init `privileges` has it. Until CMD is executed this is rootlet, whoever it runs as.
    plan.add_if(!is_exec || !options.init, Step::Undumpable);
    plan.finish(options, program);
    plan.add_if(options.init, Step::DieWithInit);
    plan.program(options, facts, program);
}

impl<'a> Builder<'_, 'a> {
    /// As nsenter(1) does it: in a user namespace as its root, unless told otherwise.
    fn ids(&mut self, options: &RunOptions<'a>) {
        let enter = &options.enter;
        let users = enter.kinds.has(Namespaces::USER) || enter.has_file(Namespaces::USER);
        let default = if users && !enter.preserve { Some(0) } else { None };
        let (uid, gid) = enter.ids;
        if let Some(gid) = gid.or(default) {
            self.add(Step::AllowedGroups(&[]));
            self.add(Step::GroupId(gid));
        }
        if let Some(uid) = uid.or(default) {
            self.add(Step::UserId(uid));
        }
    }
}

/// What CMD may have at most, and what a user other than root keeps: as the target has it, but for what was asked for.
#[must_use]
pub fn capabilities(
    options: &RunOptions<'_>,
    target: &Target<'_>,
    is_targets_user: bool,
    is_root: bool,
) -> (CapabilitySet, CapabilitySet) {
    let rights = &target.rights;
    let (added, dropped) = (options.capabilities_added, options.enter.dropped);
    if options.privileged {
        return (CapabilitySet::ALL.changed(added, dropped), added);
    }
    // A process of root's that gains nothing by exec keeps what it has; else its programs have what the bounding set has.
    let keeps = is_targets_user && is_root && rights.no_new_privileges;
    let held = if keeps { rights.permitted } else { rights.bounding };
    let ambient = if is_targets_user { rights.ambient } else { CapabilitySet::NONE };
    (held.changed(added, dropped), ambient.changed(added, dropped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::process_rights::Rights;

    fn found(theirs: &'static [u8], ours: &'static [u8]) -> std::vec::Vec<(String, bool)> {
        let mut target = Target { unified: c"/sys/fs/cgroup/unified", ..Target::new() };
        target.texts[File::Cgroups as usize] = Some(theirs);
        target.texts[File::OwnCgroups as usize] = Some(ours);
        let mut entered = Entered::new();
        let mut arena = Arena::new(Box::leak(Box::new([0; 4096])));
        find_cgroups(&target, &mut arena, &mut entered).unwrap();
        entered.iter().map(|one| (one.path.to_str().unwrap().to_owned(), one.unified)).collect()
    }

    #[test]
    fn cgroups_that_are_not_ours_are_entered() {
        let ours = b"9:name=systemd:/\n4:memory:/us\n2:cpu,cpuacct:/\n0::/\n";
        assert_eq!(found(ours, ours), []);
        let theirs = b"9:name=systemd:/box\n4:memory:/them\n2:cpu,cpuacct:/a:b\n0::/u\n";
        let places = [
            "/sys/fs/cgroup/systemd/box",
            "/sys/fs/cgroup/memory/them",
            "/sys/fs/cgroup/cpu,cpuacct/a:b",
            "/sys/fs/cgroup/unified/u",
        ];
        let expected = places.map(|place| (place.to_owned(), place.contains("unified")));
        assert_eq!(found(theirs, ours), expected);
    }

    #[test]
    fn no_more_capabilities_than_the_target_has() {
        let set = CapabilitySet;
        let rights = |no_new_privileges| Rights {
            bounding: set(0b111),
            permitted: set(0b011),
            ambient: set(0b001),
            no_new_privileges,
            filtered: false,
        };
        let mut options = RunOptions::new(Box::leak(Box::default()));
        let mut target = Target { rights: rights(true), ..Target::new() };
        assert_eq!(capabilities(&options, &target, true, true), (set(0b011), set(0b001)));
        assert_eq!(capabilities(&options, &target, false, true), (set(0b111), set(0)));
        assert_eq!(capabilities(&options, &target, true, false), (set(0b111), set(0b001)));
        target.rights = rights(false);
        assert_eq!(capabilities(&options, &target, true, true).0, set(0b111));
        options.enter.dropped = set(0b001);
        options.capabilities_added = set(0b1000);
        assert_eq!(capabilities(&options, &target, true, true), (set(0b1110), set(0b1000)));
        options.privileged = true;
        options.enter.dropped = set(0);
        assert_eq!(capabilities(&options, &target, true, true).0, CapabilitySet::ALL);
    }
}
