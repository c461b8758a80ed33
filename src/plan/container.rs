//! The plan of a container: from options and facts to steps.

use core::ffi::CStr;

use heapless::Vec;

use self::checks::{check_kept, check_kernel, check_root};
use self::missing::{MISSING_POINTS, MissingPaths};
use self::trees::{HOSTS, Hosts, binds};
use super::cgroups::{Cgroups, HIERARCHIES, SETTINGS};
use super::filesystems::{
    BELOW_DEV, BELOW_ROOT, DEVICES, EMPTY, LINKS, MASKS, READ_ONLY, SHARED_MEMORY, TERMINALS,
};
use super::names::{EtcFile, EtcFiles};
use super::network;
use super::step::{Place, Slot, Step, TreeCopy, WindowSize};
use super::user_namespace::{TTY_GROUP, Users};
use crate::facts::run_facts::{Found, RunFacts};
use crate::input::capability::CapabilitySet;
use crate::input::mount_options::{Attributes, Propagation};
use crate::input::namespaces::{Namespaces, Owner};
use crate::input::network::Network;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::root_options::{LAYERS, RootKind};
use crate::input::run_options::mounts::UserMount;
use crate::input::run_options::{RunOptions, TMPFS_MOUNTS, UserNamespace, VOLUMES};
use crate::input::users::Credentials;
use crate::text::path::next_end;

pub mod checks;
pub mod enter;
mod layers;
pub mod missing;
pub mod trees;

/// Steps of the longest plan: every list full, every switch on. A test builds it. A volume has four where its files get
/// other owners: its tree is handed in, taken and attached, at a mount point that is made.
pub const STEPS: usize =
    2 + 2 * HIERARCHIES + SETTINGS + 143 + 4 * VOLUMES + 2 * TMPFS_MOUNTS + 2 * LAYERS;

/// The steps of one container, in order.
pub type Steps<'a> = Vec<Step<'a>, STEPS>;

/// The program that a plan ends in.
pub struct Program<'a> {
    /// As typed; found along PATH when it has no slash.
    pub name: &'a CStr,
    /// As whom it runs.
    pub credentials: &'a Credentials<'a>,
    /// The filter of its system calls.
    pub filter: Option<&'a [u8]>,
    /// Whose root its root is.
    pub users: Users<'a>,
    /// Its cgroups.
    pub cgroups: &'a Cgroups<'a>,
}

impl Program<'_> {
    /// The namespaces to make.
    #[must_use]
    pub fn namespaces(&self, options: &RunOptions<'_>) -> Namespaces {
        options.namespaces.with(Namespaces::USER, matches!(self.users, Users::New(_)))
    }
}

/// Makes the plan in `steps`.
///
/// # Errors
/// A root that cannot be one, a kernel that is too old, options that contradict what was found.
#[inline(never)]
pub fn plan<'a>(
    steps: &mut Steps<'a>,
    options: &'a RunOptions<'a>,
    facts: &RunFacts<'a>,
    program: &Program<'a>,
    paths: (&'a MissingPaths<'a>, &'a EtcFiles<'a>),
) -> Result<(), Refusal> {
    let (missing, files) = paths;
    check_kernel(options, facts)?;
    check_root(options, facts)?;
    check_kept(options, program)?;
    if options.propagation == Propagation::Shared && !program.users.is_hosts() {
        return Err(Refusal::new(Subject::Command, Reason::SharedUsers));
    }
    let network = network::step_outside(options, facts, program.users)?;
    // In a user namespace root would have no right to go there.
    let apart = facts.prepared && program.users.is_hosts();
    let mut plan = Builder { steps, apart };
    plan.start(options, facts, program, network);
    plan.trees(options, facts, program);
    plan.leave_mounts();
    plan.open_layers(options, facts);
    plan.become_root(facts, program);
    plan.root(options, facts, program);
    plan.dev(options, program, files);
    plan.give_up_input(options, facts);
    if !options.privileged {
        plan.hide();
    }
    plan.user_mounts(options, missing);
    plan.close_root(options, facts);
    if options.terminal {
        let size = facts.window.map(|(rows, columns)| WindowSize { rows, columns });
        let of_group = program.users.has_group(TTY_GROUP);
        plan.add(Step::Terminal { uid: program.credentials.uid, of_group, size });
    }
    plan.leave_host(options, facts);
    plan.names(options, facts);
    plan.privileges(options, program);
    plan.finish(options, program);
    plan.program(options, facts, program);
    Ok(())
}

struct Builder<'b, 'a> {
    steps: &'b mut Steps<'a>,
    /// It is built in a copy of the prepared namespace of mounts.
    apart: bool,
}

impl<'a> Builder<'_, 'a> {
    // Inlined at each of thirty places it would take 1 kB.
    #[inline(never)]
    fn add(&mut self, step: Step<'a>) {
        // STEPS holds the longest plan; the lists that it is made of were bounded when they were read.
        let _ = self.steps.push(step);
    }

    fn add_if(&mut self, condition: bool, step: Step<'a>) {
        if condition {
            self.add(step);
        }
    }

    /// The first process and its tie to the supervisor.
    fn start(
        &mut self,
        options: &'a RunOptions<'a>,
        facts: &RunFacts<'a>,
        program: &Program<'a>,
        network: Option<Step<'a>>,
    ) {
        let new = program.namespaces(options);
        self.add(Step::ProtectOwnFile);
        self.go_behind(options);
        // What mount points leave is nothing that needs a record, and a link goes with the network namespace.
        let cgroups = program.cgroups;
        let traces = !options.persist.is_empty() || !cgroups.made.is_empty() || options.detach;
        let required = options.name.is_some() || options.pid_file.is_some() || traces;
        self.add(Step::KeepRecord { path: facts.record, required });
        self.cgroups(cgroups);
        self.join(options, facts, program);
        let keeps_mounts = options.persist.iter().any(|kept| kept.kind == Namespaces::MOUNT);
        self.add_if(keeps_mounts, Step::ChooseProcessor);
        let later = self.first_process(new.with(Namespaces::MOUNT, !self.apart), cgroups);
        self.add_if(keeps_mounts, Step::AnyProcessor);
        if let Users::New(maps) = program.users {
            self.add(Step::MapUsers(maps));
        }
        self.hosts_trees(options, facts, true, Step::MapTree);
        for limit in &options.limits {
            self.add(Step::Limit(limit));
        }
        if let Some(score) = options.oom_score_adj {
            self.add(Step::OomScore(score));
        }
        if let Some(step) = network {
            self.add(step);
        }
        for persist in &options.persist {
            self.add(Step::Persist(persist));
        }
        if let Some(path) = options.pid_file {
            self.add(Step::WritePidFile(path));
        }
        self.add_if(options.detach, Step::SameOutput);
        self.add(Step::TakeLink(options.preserved));
        self.add(Step::DieWithSupervisor);
        self.add_if(!new.has(Namespaces::PID), Step::AdoptOrphans);
        let awaits = |step: &Step<'_>| {
            matches!(
                step,
                Step::JoinCgroup(_)
                    | Step::MapUsers(_)
                    | Step::Limit(_)
                    | Step::OomScore(_)
                    | Step::Persist(_)
                    | Step::WritePidFile(_)
                    | Step::Veth { .. }
                    | Step::Pasta { .. }
            )
        };
        let awaits = self.steps.iter().any(awaits);
        self.hosts_trees(options, facts, true, Step::ReceiveTree);
        self.add_if(awaits, Step::AwaitSupervisor);
        self.add_if(later, Step::NewCgroupNamespace);
        self.add_if(new.has(Namespaces::NETWORK), Step::LoopbackUp);
        if let Network::Veth(pair) = &options.network {
            self.add(Step::ConfigureLink(pair));
        }
    }

    /// Into which namespaces and cgroups it comes. A cgroup of v1 is joined from outside, and only then can it be the root
    /// of what is seen: whether its namespace is made later.
    fn first_process(&mut self, new: Namespaces, cgroups: &'a Cgroups<'a>) -> bool {
        let on_v1 = cgroups.made.iter().any(|cgroup| !cgroup.unified);
        let later = on_v1 && new.has(Namespaces::CGROUP);
        let at_once = new.with(Namespaces::CGROUP, new.has(Namespaces::CGROUP) && !later);
        self.add(Step::NewNamespaces(at_once, cgroups.unified()));
        for cgroup in &cgroups.made {
            self.add_if(!cgroup.unified, Step::JoinCgroup(cgroup));
        }
        later
    }

    /// Limits are set before there is anybody whom they could come too late for.
    fn cgroups(&mut self, cgroups: &'a Cgroups<'a>) {
        if let Some(leaf) = cgroups.leaf {
            self.add(Step::StepAside(leaf));
        }
        for cgroup in &cgroups.made {
            self.add(Step::MakeCgroup(cgroup));
        }
        for setting in &cgroups.settings {
            self.add(Step::SetLimit(setting));
        }
        self.add_if(!cgroups.devices.path.is_empty(), Step::RestrictDevices(&cgroups.devices));
    }

    /// Who has joined a user namespace has no rights over what others own; who is nobody has them only there.
    fn join(&mut self, options: &'a RunOptions<'a>, facts: &RunFacts<'a>, program: &Program<'a>) {
        let is_root = facts.caller.uid == 0;
        let by_default =
            options.users == UserNamespace::Default && matches!(program.users, Users::Joined);
        let joins = &options.joins;
        self.add_if(is_root && joins.kinds().has(Namespaces::USER), Step::LeaveGroups);
        let mut with_users = by_default;
        for of_users in [!is_root, is_root] {
            for join in joins.iter().filter(|join| join.kinds.has(Namespaces::USER) == of_users) {
                let is_container = matches!(join.owner, Owner::Container(_));
                let also_users = with_users && is_container;
                self.add(if also_users { Step::JoinWithUsers(join) } else { Step::Join(join) });
                with_users &= !also_users;
            }
        }
    }

    /// Copies of the host's mounts, taken while their peer groups are still known: a tree that was made
    /// private first never follows the host.
    #[inline(never)]
    fn trees(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>, program: &Program<'a>) {
        if options.propagation == Propagation::Shared {
            let (source, propagation) = (options.rootfs, None);
            let attributes = Attributes::NONE;
            self.add(Step::CloneTree(TreeCopy {
                slot: Slot::PEER,
                source,
                attributes,
                propagation,
            }));
        }
        self.hosts_trees(options, facts, false, Step::CloneTree);
        let private = |slot, source, attributes| {
            let propagation = Some(Propagation::Private);
            Step::CloneTree(TreeCopy { slot, source, attributes, propagation })
        };
        let shared_memory = private(Slot::SHARED_MEMORY, c"/dev/shm", Attributes::CLOSED);
        self.add_if(options.shares_hosts(Namespaces::IPC), shared_memory);
        for kernels in &HOSTS {
            let filesystem = kernels.filesystem;
            let copy = private(kernels.slot, filesystem.target, filesystem.attributes);
            self.add_if(binds(options, program, kernels), copy);
        }
    }

    /// The host's mounts are left at once where there is a namespace without them. What is wanted of them is held then.
    fn leave_mounts(&mut self) {
        if self.apart {
            for (device, slot) in DEVICES.iter().zip(Slot::FIRST_DEVICE..) {
                self.add(Step::HoldDevice(Slot(slot), device));
            }
            self.add(Step::EnterPrepared);
        }
    }

    /// In a user namespace root of the host is nobody, until it becomes root there. What is opened before that is opened
    /// as root of the host.
    fn become_root(&mut self, facts: &RunFacts<'a>, program: &Program<'a>) {
        if program.users.is_hosts() || facts.caller.uid != 0 {
            return;
        }
        self.groups(&[], program);
        self.add(Step::GroupId(0));
        self.add(Step::UserId(0));
    }

    fn groups(&mut self, groups: &'a [u32], program: &Program<'a>) {
        let joined = matches!(program.users, Users::Joined);
        let step = if joined { Step::AllowedGroups(groups) } else { Step::Groups(groups) };
        self.add_if(program.users.sets_groups(), step);
    }

    /// The root and the kernel's filesystems.
    fn root(&mut self, options: &'a RunOptions<'a>, facts: &RunFacts<'a>, program: &Program<'a>) {
        self.add_if(!self.apart, Step::PrivateMounts);
        self.make_root(options, facts, program);
        self.add(Step::AttachRoot);
        for (point, found) in MISSING_POINTS.iter().zip(&facts.mount_points) {
            let is_missing = *found == Found::Nothing && facts.root == RootKind::Directory;
            self.add_if(is_missing, Step::MakePath(point));
        }
        // Who is root in a user namespace can mount what belongs to namespaces of his own. What belongs to the host's is
        // bound; the cgroups of the host lie in its /sys.
        let own_cgroups = program.users.is_hosts() || !options.shares_hosts(Namespaces::CGROUP);
        for hosts in &HOSTS {
            let Hosts { filesystem, slot, .. } = *hosts;
            let attach = Step::AttachTree { slot, place: Place::Root, target: filesystem.target };
            let is_bound = binds(options, program, hosts);
            self.add(if is_bound { attach } else { Step::Filesystem(filesystem) });
        }
        let [_, _, cgroups, dev] = &BELOW_ROOT;
        self.add_if(own_cgroups, Step::Filesystem(cgroups));
        self.add(Step::Filesystem(dev));
        // Before anything of the user's can lie over /proc.
        if let Some(label) = &options.security.apparmor {
            self.add(Step::Label(label));
        }
        if let Some(label) = &options.security.selinux {
            self.add(Step::Label(label));
        }
        if let Some(offsets) = &options.time_offsets {
            self.add(Step::ShiftClocks(offsets));
        }
        self.add_if(options.no_more_users, Step::NoMoreUsers);
    }

    /// What lies in /dev.
    fn dev(&mut self, options: &RunOptions<'a>, program: &Program<'a>, files: &'a EtcFiles<'a>) {
        for filesystem in &BELOW_DEV {
            self.add(Step::Directory(filesystem.target));
        }
        self.files(files);
        for (device, slot) in DEVICES.iter().zip(Slot::FIRST_DEVICE..) {
            let held = Step::HeldDevice(Slot(slot), device);
            self.add(if self.apart { held } else { Step::Device(device) });
        }
        for link in &LINKS {
            self.add(Step::Link(link));
        }
        let own_memory = !options.shares_hosts(Namespaces::IPC);
        let [terminals, queues, shared_memory] = &BELOW_DEV;
        let has_group = program.users.has_group(TTY_GROUP);
        self.add(Step::Filesystem(if has_group { terminals } else { &TERMINALS }));
        self.add_if(own_memory || program.users.is_hosts(), Step::Filesystem(queues));
        self.add_if(own_memory, Step::Filesystem(shared_memory));
        let attach = Step::AttachTree {
            slot: Slot::SHARED_MEMORY,
            place: Place::Dev,
            target: SHARED_MEMORY,
        };
        self.add_if(!own_memory, attach);
    }

    /// Names and their servers. The filesystem of these files comes to lie below that of /dev/shm: it must be attached
    /// somewhere, or nothing of it could be before Linux 6.15.
    fn files(&mut self, files: &'a EtcFiles<'a>) {
        for EtcFile { place, .. } in files {
            self.add_if(place.existing < place.target.to_bytes().len(), Step::MakePath(place));
        }
        self.add_if(!files.is_empty(), Step::EtcFiles(files));
    }

    fn user_mounts(&mut self, options: &'a RunOptions<'a>, missing: &'a MissingPaths<'a>) {
        for (mount, missing) in options.mounts.iter().zip(missing) {
            let is_there = next_end(missing.target.to_bytes(), missing.existing).is_none();
            self.add_if(!is_there, Step::MakePath(missing));
            match *mount {
                UserMount::Tmpfs(index) => {
                    if let Some(tmpfs) = options.lists.tmpfs.get(usize::from(index)) {
                        self.add(Step::Tmpfs(tmpfs));
                    }
                }
                UserMount::Volume(index) => {
                    let slot = Slot(Slot::FIRST_VOLUME + index);
                    let target = missing.target;
                    self.add(Step::AttachTree { slot, place: Place::Root, target });
                }
            }
        }
    }

    /// From here on nothing of the host can be reached by a path.
    fn leave_host(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>) {
        // What is not there need not be let go of: below the root lies an empty filesystem that nobody can write.
        let pivot = options.pivot && !facts.on_initramfs && !self.apart;
        if pivot {
            self.add(Step::PivotRoot);
            self.add(Step::DetachOldRoot);
        } else {
            self.add(Step::ChangeRoot);
        }
        match options.propagation {
            Propagation::Slave => self.add(Step::Propagate(Propagation::Shared)),
            Propagation::Shared => self.add(Step::JoinPeers),
            Propagation::Private | Propagation::Unbindable => {}
        }
    }

    fn names(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>) {
        if options.namespaces.has(Namespaces::UTS) {
            self.add(Step::Hostname(options.hostname.unwrap_or(facts.hostname)));
        }
        if let Some(name) = options.domainname {
            self.add(Step::Domainname(name));
        }
    }

    /// What of the kernel's filesystems must not be seen, or not be written.
    fn hide(&mut self) {
        self.add(Step::Filesystem(&EMPTY));
        for mask in &MASKS {
            self.add(Step::Mask(mask));
        }
        for path in &READ_ONLY {
            self.add(Step::ReadOnly(path));
        }
    }

    /// PID 1 wears what CMD will wear. Dumpable and the death signal are lost with each change of
    /// credentials, so both come last.
    fn privileges(&mut self, options: &RunOptions<'a>, program: &Program<'a>) {
        let credentials = program.credentials;
        self.add(Step::SessionKeyring);
        if options.security.new_privileges {
            // Without no_new_privs a filter is for who has CAP_SYS_ADMIN, so it comes before that goes.
            self.filter(program);
        }
        let bounded = options.capabilities != CapabilitySet::ALL;
        self.add_if(bounded, Step::BoundingSet(options.capabilities));
        self.groups(&credentials.groups, program);
        self.add(Step::GroupId(credentials.gid));
        let of_user = CapabilitySet(options.capabilities_added.0 & options.capabilities.0);
        let keeps = credentials.uid != 0 && of_user != CapabilitySet::NONE;
        self.add_if(keeps, Step::KeepCapabilities);
        self.add(Step::UserId(credentials.uid));
        self.add(match credentials.uid {
            0 => Step::Capabilities(options.capabilities),
            _ if keeps => Step::AmbientCapabilities(of_user),
            _ => Step::Capabilities(CapabilitySet::NONE),
        });
        self.add_if(!options.security.new_privileges, Step::NoNewPrivileges);
        self.add_if(options.init, Step::Undumpable);
    }

    fn filter(&mut self, program: &Program<'a>) {
        if let Some(filter) = program.filter {
            self.add(Step::Filter(filter));
        }
    }

    fn finish(&mut self, options: &RunOptions<'a>, program: &Program<'a>) {
        self.add(Step::DieWithSupervisor);
        // With our init the first message does the same.
        self.add_if(!options.init, Step::CheckSupervisor);
        self.add(Step::CloseDescriptors);
        if !options.security.new_privileges {
            self.filter(program);
        }
        self.add_if(options.init, Step::Fork);
        self.add_if(options.init, Step::Supervise);
    }

    fn program(
        &mut self,
        options: &'a RunOptions<'a>,
        facts: &RunFacts<'a>,
        program: &Program<'a>,
    ) {
        let outlives_init = options.init && !options.namespaces.has(Namespaces::PID);
        self.add_if(outlives_init, Step::DieWithInit);
        self.add_if(options.terminal, Step::ControllingTerminal);
        // A job of a shell at a terminal stays in its group, which is the one that has the terminal.
        self.add_if(!options.terminal && !facts.has_terminal, Step::OwnGroup);
        // The change of root has led to / already.
        self.add_if(options.workdir != c"/", Step::ChangeDirectory(options.workdir));
        self.add_if(!options.file_rules.is_empty(), Step::Landlock(&options.file_rules));
        self.add(Step::RestoreSignals);
        self.add(Step::Execute(program.name));
    }
}

#[cfg(test)]
mod tests;
