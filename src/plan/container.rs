//! The plan of a container: from options and facts to steps.

use core::ffi::CStr;

use heapless::Vec;

use super::filesystems::{BELOW_DEV, BELOW_ROOT, DEV, DEVICES, LINKS, SHARED_MEMORY};
use super::step::{Filesystem, Kind, MissingPath, Place, Slot, Step, WindowSize};
use crate::facts::run_facts::{Found, RunFacts};
use crate::input::capability::CapabilitySet;
use crate::input::kernel_release::KernelRelease;
use crate::input::mount_options::{Attributes, Propagation};
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::{Namespaces, RunOptions, TMPFS_MOUNTS, UserMount, VOLUMES};
use crate::input::users::Credentials;
use crate::text::path::{is_below, next_end};

/// Steps of the longest plan: every list full, every switch on. A test builds it.
pub const STEPS: usize = 80 + 3 * VOLUMES + 2 * TMPFS_MOUNTS;

/// The steps of one container, in order.
pub type Steps<'a> = Vec<Step<'a>, STEPS>;

/// The oldest kernel that `run` works on.
pub const KERNEL_FLOOR: KernelRelease = KernelRelease(5, 14);

/// The mount points that every root must have, as they are made where they are missing.
static MISSING_POINTS: [MissingPath<'static>; 3] = [
    MissingPath { target: c"/proc", existing: 0, kind: Kind::Directory, in_root: true },
    MissingPath { target: c"/sys", existing: 0, kind: Kind::Directory, in_root: true },
    MissingPath { target: c"/dev", existing: 0, kind: Kind::Directory, in_root: true },
];

/// What is there of each mount point that the user named, in the order of the mounts.
pub type MissingPaths<'a> = Vec<MissingPath<'a>, { VOLUMES + TMPFS_MOUNTS }>;

/// Fills `missing`. A target below an earlier mount lies in that, whatever the root has there.
pub fn find_missing<'a>(
    options: &RunOptions<'a>,
    facts: &RunFacts<'a>,
    missing: &mut MissingPaths<'a>,
) {
    for (mount, existing) in options.mounts().zip(&facts.existing) {
        let found = match mount {
            UserMount::Volume(index, _) => facts.volumes.get(usize::from(index)),
            UserMount::Tmpfs(_) => None,
        };
        let is_file = found.is_some_and(|found| *found != Found::Directory);
        let kind = if is_file { Kind::File } else { Kind::Directory };
        let target = mount.target();
        let path = target.to_bytes();
        let below = BELOW_ROOT.iter().map(|filesystem| filesystem.target);
        let earlier = below.chain(missing.iter().map(|earlier| earlier.target));
        let hiding = earlier.map(CStr::to_bytes).filter(|above| is_below(path, above));
        let hidden = hiding.map(<[u8]>::len).max();
        let existing = hidden.unwrap_or(usize::from(*existing));
        // As many as there are mounts: there is room.
        let _ = missing.push(MissingPath { target, existing, kind, in_root: hidden.is_none() });
    }
}

/// The program that a plan ends in.
pub struct Program<'a> {
    /// As typed; found along PATH when it has no slash.
    pub name: &'a CStr,
    /// As whom it runs.
    pub credentials: &'a Credentials<'a>,
}

/// Makes the plan in `steps`.
///
/// # Errors
/// A root that cannot be one, a kernel that is too old, options that contradict what was found.
pub fn plan<'a>(
    options: &'a RunOptions<'a>,
    facts: &RunFacts<'a>,
    program: &Program<'a>,
    missing: &'a MissingPaths<'a>,
    steps: &mut Steps<'a>,
) -> Result<(), Refusal> {
    check_kernel(options, facts)?;
    check_root(options, facts)?;
    check_capabilities(options, program.credentials)?;
    let mut plan = Builder { steps };
    plan.start(options);
    plan.trees(options);
    plan.root(facts);
    plan.dev(options);
    plan.user_mounts(options, missing);
    if options.terminal {
        let size = facts.window.map(|(rows, columns)| WindowSize { rows, columns });
        plan.add(Step::Terminal { uid: program.credentials.uid, size });
    }
    plan.leave_host(options, facts);
    plan.names(options, facts);
    plan.privileges(options, program.credentials);
    plan.finish(options);
    plan.program(options, program);
    Ok(())
}

fn check_kernel(options: &RunOptions<'_>, facts: &RunFacts<'_>) -> Result<(), Refusal> {
    if facts.kernel < KERNEL_FLOOR {
        return Err(Refusal::new(Subject::Command, Reason::KernelTooOld));
    }
    // MOVE_MOUNT_SET_GROUP
    if options.propagation == Propagation::Shared && facts.kernel < KernelRelease(5, 15) {
        return Err(Refusal::new(Subject::Command, Reason::KernelTooOldForPeers));
    }
    Ok(())
}

/// Mount points must be real directories: a link would put the mount elsewhere in the root.
fn check_root(options: &RunOptions<'_>, facts: &RunFacts<'_>) -> Result<(), Refusal> {
    for (index, found) in (0..).zip(facts.mount_points) {
        let reason = match found {
            Found::Directory => continue,
            Found::Nothing if !options.read_only => continue,
            Found::Nothing => Reason::MountPointMissing,
            Found::Link => Reason::MountPointLink,
            Found::File => Reason::MountPointFile,
        };
        return Err(Refusal::new(Subject::MountPoint(index), reason));
    }
    Ok(())
}

fn check_capabilities(
    options: &RunOptions<'_>,
    credentials: &Credentials<'_>,
) -> Result<(), Refusal> {
    if options.capabilities_added && credentials.uid != 0 {
        return Err(Refusal::new(Subject::Command, Reason::CapabilityOfUser));
    }
    Ok(())
}

struct Builder<'b, 'a> {
    steps: &'b mut Steps<'a>,
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
    fn start(&mut self, options: &RunOptions<'a>) {
        let new = options.namespaces;
        self.add(Step::NewNamespaces(new));
        if let Some(path) = options.pid_file {
            self.add(Step::WritePidFile(path));
        }
        self.add(Step::TakeLink);
        self.add(Step::DieWithSupervisor);
        self.add_if(!new.has(Namespaces::PID), Step::AdoptOrphans);
        self.add_if(options.pid_file.is_some(), Step::AwaitSupervisor);
        self.add_if(new.has(Namespaces::NETWORK), Step::LoopbackUp);
    }

    /// Copies of the host's mounts, taken while their peer groups are still known: a tree that was made
    /// private first never follows the host.
    fn trees(&mut self, options: &RunOptions<'a>) {
        let read_only = if options.read_only { Attributes::READ_ONLY } else { Attributes::NONE };
        // The root joins its peers at the end, so that the mounts of building do not reach the host.
        let (own, peer) = match options.propagation {
            Propagation::Shared => (Propagation::Private, true),
            other => (other, false),
        };
        let root = |slot, attributes, propagation| Step::CloneTree {
            slot,
            source: options.rootfs,
            attributes,
            propagation,
        };
        self.add_if(peer, root(Slot::PEER, Attributes::NONE, None));
        self.add(root(Slot::ROOT, Attributes::NO_DEV.and(read_only), Some(own)));
        for (volume, slot) in options.volumes.iter().zip(Slot::FIRST_VOLUME..) {
            self.add(Step::CloneTree {
                slot: Slot(slot),
                source: volume.source,
                attributes: volume.attributes,
                propagation: match volume.propagation {
                    Propagation::Shared => None,
                    other => Some(other),
                },
            });
        }
        let shared_memory = Step::CloneTree {
            slot: Slot::SHARED_MEMORY,
            source: c"/dev/shm",
            attributes: Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC),
            propagation: Some(Propagation::Private),
        };
        self.add_if(!options.namespaces.has(Namespaces::IPC), shared_memory);
    }

    /// The root and the kernel's filesystems.
    fn root(&mut self, facts: &RunFacts<'a>) {
        self.add(Step::PrivateMounts);
        self.add(Step::AttachRoot);
        for (point, found) in MISSING_POINTS.iter().zip(facts.mount_points) {
            self.add_if(found == Found::Nothing, Step::MakePath(point));
        }
        for filesystem in &BELOW_ROOT {
            self.add(Step::Filesystem(filesystem));
        }
    }

    /// What lies in /dev.
    fn dev(&mut self, options: &RunOptions<'a>) {
        for filesystem in &BELOW_DEV {
            self.add(Step::Directory(filesystem.target));
        }
        for device in DEVICES {
            self.add(Step::Device(device));
        }
        for link in &LINKS {
            self.add(Step::Link(link));
        }
        let own_memory = options.namespaces.has(Namespaces::IPC);
        for filesystem in &BELOW_DEV {
            let is_memory = filesystem.target == SHARED_MEMORY;
            self.add_if(own_memory || !is_memory, Step::Filesystem(filesystem));
        }
        let attach = Step::AttachTree {
            slot: Slot::SHARED_MEMORY,
            place: Place::Dev,
            target: SHARED_MEMORY,
        };
        self.add_if(!own_memory, attach);
    }

    fn user_mounts(&mut self, options: &'a RunOptions<'a>, missing: &'a MissingPaths<'a>) {
        for (mount, missing) in options.mounts().zip(missing) {
            let is_there = next_end(missing.target.to_bytes(), missing.existing).is_none();
            self.add_if(!is_there, Step::MakePath(missing));
            self.add(match mount {
                UserMount::Tmpfs(tmpfs) => Step::Tmpfs(tmpfs),
                UserMount::Volume(index, volume) => Step::AttachTree {
                    slot: Slot(Slot::FIRST_VOLUME + index),
                    place: Place::Root,
                    target: volume.target,
                },
            });
        }
    }

    /// From here on nothing of the host can be reached by a path.
    fn leave_host(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>) {
        let pivot = options.pivot && !facts.on_initramfs;
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

    /// PID 1 wears what CMD will wear. Dumpable and the death signal are lost with each change of
    /// credentials, so both come last.
    fn privileges(&mut self, options: &RunOptions<'a>, credentials: &'a Credentials<'a>) {
        self.add(Step::Groups(&credentials.groups));
        self.add(Step::GroupId(credentials.gid));
        self.add(Step::UserId(credentials.uid));
        let root = credentials.uid == 0;
        let capabilities = if root { options.capabilities } else { CapabilitySet::NONE };
        self.add(Step::Capabilities(capabilities));
        self.add(Step::NoNewPrivileges);
        self.add_if(options.init, Step::Undumpable);
    }

    fn finish(&mut self, options: &RunOptions<'a>) {
        self.add(Step::DieWithSupervisor);
        // With our init the first message does the same.
        self.add_if(!options.init, Step::CheckSupervisor);
        self.add(Step::CloseDescriptors);
        self.add_if(options.init, Step::Fork);
        self.add_if(options.init, Step::Supervise);
    }

    fn program(&mut self, options: &RunOptions<'a>, program: &Program<'a>) {
        let outlives_init = options.init && !options.namespaces.has(Namespaces::PID);
        self.add_if(outlives_init, Step::DieWithInit);
        self.add_if(options.terminal, Step::ControllingTerminal);
        // The change of root has led to / already.
        self.add_if(options.workdir != c"/", Step::ChangeDirectory(options.workdir));
        self.add(Step::RestoreSignals);
        self.add(Step::Execute(program.name));
    }
}

/// Whether this filesystem is the /dev that devices go into.
#[must_use]
pub fn is_dev(filesystem: &Filesystem<'_>) -> bool {
    filesystem.target == DEV
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::mount_options::{Tmpfs, Volume};
    use crate::input::run_options::MountKind;

    static CREDENTIALS: Credentials<'static> =
        Credentials { uid: 0, gid: 0, groups: Vec::new(), home: b"/root" };

    /// Facts of a good root on a good kernel.
    fn good_facts() -> RunFacts<'static> {
        let mut facts = RunFacts::new();
        facts.kernel = KERNEL_FLOOR;
        facts.mount_points = [Found::Directory; 3];
        facts
    }

    fn planned(
        options: RunOptions<'static>,
        facts: &RunFacts<'static>,
        credentials: &'static Credentials<'static>,
    ) -> Result<Steps<'static>, Reason> {
        let options: &'static RunOptions<'static> = Box::leak(Box::new(options));
        let mut missing = MissingPaths::new();
        find_missing(options, facts, &mut missing);
        let missing: &'static MissingPaths<'static> = Box::leak(Box::new(missing));
        let mut steps = Steps::new();
        let program = Program { name: c"true", credentials };
        match plan(options, facts, &program, missing, &mut steps) {
            Ok(()) => Ok(steps),
            Err(Refusal { cause: crate::input::refusal::Cause::Reason(reason), .. }) => Err(reason),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    #[test]
    fn the_longest_plan_fits() {
        let (mut options, mut facts) = (RunOptions::new(), good_facts());
        facts.mount_points = [Found::Nothing; 3];
        for _ in 0..VOLUMES {
            let _ = facts.volumes.push(Found::Directory);
            let _ = options.mount_order.push(MountKind::Volume);
            let _ = options.volumes.push(Volume {
                source: c"/a",
                target: c"/missing",
                attributes: Attributes::NO_DEV,
                propagation: Propagation::Private,
            });
        }
        for _ in 0..TMPFS_MOUNTS {
            let (target, parameters) = (c"/missing", Vec::new());
            let _ = options.mount_order.push(MountKind::Tmpfs);
            let _ = options.tmpfs.push(Tmpfs { target, attributes: Attributes::NONE, parameters });
        }
        for _ in 0..VOLUMES + TMPFS_MOUNTS {
            let _ = facts.existing.push(0);
        }
        options.namespaces = Namespaces(Namespaces::UTS.0 | Namespaces::NETWORK.0);
        options.propagation = Propagation::Shared;
        facts.kernel = KernelRelease(5, 15);
        options.terminal = true;
        options.pid_file = Some(c"pid");
        options.domainname = Some(c"domain");
        let steps = planned(options, &facts, &CREDENTIALS).unwrap();
        assert!(matches!(steps.last(), Some(Step::Execute(_))), "the last step is there");
        assert!(steps.len() < STEPS, "{} steps", steps.len());
    }

    #[test]
    fn what_cannot_be_a_container_is_refused_before_anything_is_done() {
        let with = |change: fn(&mut RunOptions<'static>, &mut RunFacts<'static>)| {
            let (mut options, mut facts) = (RunOptions::new(), good_facts());
            change(&mut options, &mut facts);
            planned(options, &facts, &CREDENTIALS).err()
        };
        assert_eq!(with(|_, _| ()), None);
        assert_eq!(
            with(|_, facts| facts.kernel = KernelRelease(5, 13)),
            Some(Reason::KernelTooOld)
        );
        assert_eq!(
            with(|options, _| options.propagation = Propagation::Shared),
            Some(Reason::KernelTooOldForPeers)
        );
        let link = |_: &mut RunOptions<'static>, facts: &mut RunFacts<'static>| {
            facts.mount_points = [Found::Directory, Found::Link, Found::Directory];
        };
        assert_eq!(with(link), Some(Reason::MountPointLink));
        let missing = |options: &mut RunOptions<'static>, facts: &mut RunFacts<'static>| {
            options.read_only = true;
            facts.mount_points = [Found::Directory, Found::Directory, Found::Nothing];
        };
        assert_eq!(with(missing), Some(Reason::MountPointMissing));
    }

    #[test]
    fn capabilities_are_added_for_user_0_alone() {
        static OTHER: Credentials<'static> =
            Credentials { uid: 1000, gid: 0, groups: Vec::new(), home: b"/" };
        let mut options = RunOptions::new();
        options.capabilities_added = true;
        let refused = planned(options, &good_facts(), &OTHER).err();
        assert_eq!(refused, Some(Reason::CapabilityOfUser));
        let steps = planned(RunOptions::new(), &good_facts(), &OTHER).unwrap();
        let none = |step: &&Step<'_>| matches!(step, Step::Capabilities(CapabilitySet::NONE));
        assert!(steps.iter().find(none).is_some());
    }

    #[test]
    fn dumpable_and_the_death_signal_come_after_the_last_change_of_credentials() {
        let steps = planned(RunOptions::new(), &good_facts(), &CREDENTIALS).unwrap();
        let place = |wanted: fn(&Step<'_>) -> bool| steps.iter().rposition(wanted).unwrap();
        let last_change = place(|step| {
            matches!(
                step,
                Step::Groups(_) | Step::GroupId(_) | Step::UserId(_) | Step::Capabilities(_)
            )
        });
        assert!(place(|step| matches!(step, Step::Undumpable)) > last_change);
        assert!(place(|step| matches!(step, Step::DieWithSupervisor)) > last_change);
    }

    #[test]
    fn an_initramfs_is_left_by_chroot() {
        let mut facts = good_facts();
        facts.on_initramfs = true;
        let steps = planned(RunOptions::new(), &facts, &CREDENTIALS).unwrap();
        assert!(steps.iter().any(|step| matches!(step, Step::ChangeRoot)));
        assert!(!steps.iter().any(|step| matches!(step, Step::PivotRoot | Step::DetachOldRoot)));
    }
}
