//! What is planned, and what is refused.

use super::missing::find_missing;
use super::*;
use crate::input::kernel_release::KernelRelease;
use crate::input::landlock::FileRule;
use crate::input::limits::{KINDS, Limit};
use crate::input::mount_options::{Access, Tmpfs, Volume};
use crate::input::network::Veth;
use crate::input::persist::Persist;
use crate::input::resources::Controllers;
use crate::input::root_options::{LAYERS, Layer};
use crate::input::run_options::mounts::UserMount;
use crate::input::security_options::Label;
use crate::input::time_offsets::TimeOffsets;
use crate::plan::cgroups::{Cgroup, Setting};
use crate::plan::container::checks::KERNEL_FLOOR;
use crate::plan::step::{Kind, MissingPath};
use crate::plan::user_namespace::Maps;

static CREDENTIALS: Credentials<'static> =
    Credentials { uid: 0, gid: 0, groups: Vec::new(), home: b"/root" };

/// Facts of a good root on a good kernel.
fn good_facts() -> RunFacts<'static> {
    let mut facts = RunFacts::new();
    facts.kernel = KERNEL_FLOOR;
    facts.mount_points = [Found::Directory; 3];
    facts
}

/// All files, each missing.
fn etc_files() -> EtcFiles<'static> {
    let place = || MissingPath { target: c"/etc/x", existing: 0, kind: Kind::File, in_root: true };
    [c"hostname", c"hosts", c"resolv.conf"]
        .map(|name| EtcFile { name, place: place(), text: b"" })
        .into_iter()
        .collect()
}

fn planned(
    options: RunOptions<'static>,
    facts: &RunFacts<'static>,
    credentials: &'static Credentials<'static>,
) -> Result<Steps<'static>, Reason> {
    planned_for(options, facts, credentials, Users::Host, Cgroups::new())
}

fn planned_for(
    options: RunOptions<'static>,
    facts: &RunFacts<'static>,
    credentials: &'static Credentials<'static>,
    users: Users<'static>,
    cgroups: Cgroups<'static>,
) -> Result<Steps<'static>, Reason> {
    let options: &'static RunOptions<'static> = Box::leak(Box::new(options));
    let mut missing = MissingPaths::new();
    find_missing(options, facts, &mut missing);
    let missing: &'static MissingPaths<'static> = Box::leak(Box::new(missing));
    let mut steps = Steps::new();
    let cgroups = Box::leak(Box::new(cgroups));
    let program = Program { name: c"true", credentials, filter: Some(&[0; 8]), users, cgroups };
    let files: &'static EtcFiles<'static> = Box::leak(Box::new(etc_files()));
    match plan(&mut steps, options, facts, &program, (missing, files)) {
        Ok(()) => Ok(steps),
        Err(refusal) => match refusal.cause() {
            crate::input::refusal::Cause::Reason(reason) => Err(reason),
            cause => panic!("{cause:?}"),
        },
    }
}

#[test]
fn the_longest_plan_fits() {
    longest_plan(RootKind::Directory, false);
    longest_plan(RootKind::Overlay, false);
    // Each volume has one step more where the supervisor hands its tree in.
    longest_plan(RootKind::Directory, true);
    longest_plan(RootKind::Overlay, true);
}

/// A cgroup on each hierarchy, every value, devices, and a leaf.
fn full_cgroups() -> Cgroups<'static> {
    let mut cgroups = Cgroups::new();
    let path = c"/sys/fs/cgroup/rootlet/x";
    for index in 0..HIERARCHIES {
        let unified = index + 1 == HIERARCHIES;
        let _ =
            cgroups.made.push(Cgroup { path, start: 14, unified, controllers: Controllers::NONE });
    }
    for _ in 0..SETTINGS {
        let _ = cgroups.settings.push(Setting { path, value: c"1", optional: false });
    }
    cgroups.devices.path = path;
    cgroups.leaf = Some(path);
    cgroups
}

/// Everything that can be asked for together, and some more: every list is full.
fn longest_plan(root: RootKind, mapped: bool) {
    static OTHER: Credentials<'static> =
        Credentials { uid: 1000, gid: 0, groups: Vec::new(), home: b"/" };
    const LABEL: Label<'static> = Label { file: c"/proc/self/attr/exec", text: c"x" };
    let (mut options, mut facts) = (RunOptions::new(Box::leak(Box::default())), good_facts());
    facts.root = root;
    for index in 0..LAYERS {
        let _ = options.root.layers.push(c"layer");
        let layer = if index + 1 < LAYERS { Layer::Archive } else { Layer::Directory };
        let _ = facts.layers.push(layer);
    }
    options.read_only = root == RootKind::Overlay;
    facts.mount_points = [Found::Nothing; 3];
    for index in 0..VOLUMES {
        let _ = facts.volumes.push(Found::Directory);
        let _ = options.mounts.push(UserMount::Volume(index as u8));
        let _ = options.lists.volumes.push(Volume {
            source: c"/a",
            target: c"/missing",
            attributes: Attributes::NO_DEV,
            access: Access::NONE,
            propagation: Propagation::Private,
            mapped,
        });
    }
    for index in 0..TMPFS_MOUNTS {
        let (target, parameters) = (c"/missing", Vec::new());
        let _ = options.mounts.push(UserMount::Tmpfs(index as u8));
        let _ =
            options.lists.tmpfs.push(Tmpfs { target, attributes: Attributes::NONE, parameters });
    }
    for _ in 0..VOLUMES + TMPFS_MOUNTS {
        let _ = facts.existing.push(0);
    }
    // The host's processes, which take two steps more than the container's own.
    options.namespaces = Namespaces(Namespaces::EVERY.0 & !Namespaces::PID.0);
    if !mapped {
        options.propagation = Propagation::Shared;
        facts.kernel = KernelRelease(5, 15);
    }
    options.rootfs_mapped = mapped && root == RootKind::Directory;
    for kind in 0..KINDS as u8 {
        let _ = options.limits.push(Limit { kind, soft: 0, hard: 0 });
    }
    for (kind, name) in [(Namespaces::NETWORK, "net"), (Namespaces::UTS, "uts")] {
        let _ = options.persist.push(Persist { kind, name: name.as_bytes(), file: c"file" });
    }
    for (kind, name) in [(Namespaces::IPC, "ipc"), (Namespaces::MOUNT, "mnt")] {
        let _ = options.persist.push(Persist { kind, name: name.as_bytes(), file: c"file" });
    }
    options.detach = true;
    options.oom_score_adj = Some(c"1");
    options.security.apparmor = Some(LABEL);
    options.security.selinux = Some(LABEL);
    options.time_offsets = Some(TimeOffsets { asked: c"boottime=1", text: c"" });
    options.no_more_users = true;
    options.capabilities_added = CapabilitySet(1 << 10);
    options.workdir = c"/tmp";
    let _ = options.file_rules.push(FileRule { path: c"/", write: true });
    options.terminal = true;
    let (link, addresses) = (c"v0", Vec::new());
    options.network = Network::Veth(Veth { link, bridge: None, addresses });
    options.pid_file = Some(c"pid");
    options.domainname = Some(c"domain");
    let users = if mapped { Users::New(Box::leak(Box::new(Maps::new()))) } else { Users::Host };
    let steps = planned_for(options, &facts, &OTHER, users, full_cgroups()).unwrap();
    println!("{} steps of {STEPS}", steps.len());
    assert!(matches!(steps.last(), Some(Step::Execute(_))), "the last step is there");
    assert!(steps.len() < STEPS, "{} steps", steps.len());
}

#[test]
fn what_cannot_be_a_container_is_refused_before_anything_is_done() {
    let with = |change: fn(&mut RunOptions<'static>, &mut RunFacts<'static>)| {
        let (mut options, mut facts) = (RunOptions::new(Box::leak(Box::default())), good_facts());
        change(&mut options, &mut facts);
        planned(options, &facts, &CREDENTIALS).err()
    };
    assert_eq!(with(|_, _| ()), None);
    assert_eq!(with(|_, facts| facts.kernel = KernelRelease(5, 13)), Some(Reason::KernelTooOld));
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
fn a_user_gets_only_what_was_added_by_name() {
    static OTHER: Credentials<'static> =
        Credentials { uid: 1000, gid: 0, groups: Vec::new(), home: b"/" };
    let steps = planned(RunOptions::new(Box::leak(Box::default())), &good_facts(), &OTHER).unwrap();
    let none = |step: &Step<'_>| matches!(step, Step::Capabilities(CapabilitySet::NONE));
    assert!(steps.iter().any(none));
    let mut options = RunOptions::new(Box::leak(Box::default()));
    options.capabilities_added = CapabilitySet(1 << 10);
    let steps = planned(options, &good_facts(), &OTHER).unwrap();
    let one = |step: &Step<'_>| matches!(step, Step::AmbientCapabilities(CapabilitySet(0x400)));
    assert!(steps.iter().any(one));
}

#[test]
fn the_filter_is_the_last_thing_before_the_program_or_comes_before_privileges_go() {
    for new_privileges in [false, true] {
        let mut options = RunOptions::new(Box::leak(Box::default()));
        options.security.new_privileges = new_privileges;
        let steps = planned(options, &good_facts(), &CREDENTIALS).unwrap();
        let place = |wanted: fn(&Step<'_>) -> bool| steps.iter().position(wanted);
        let filter = place(|step| matches!(step, Step::Filter(_))).unwrap();
        let no_new = place(|step| matches!(step, Step::NoNewPrivileges));
        let fork = place(|step| matches!(step, Step::Fork)).unwrap();
        let user = place(|step| matches!(step, Step::UserId(_))).unwrap();
        if new_privileges {
            assert!(no_new.is_none() && filter < user);
        } else {
            assert!(no_new.unwrap() < filter && filter + 1 == fork);
        }
    }
}

#[test]
fn dumpable_and_the_death_signal_come_after_the_last_change_of_credentials() {
    let steps =
        planned(RunOptions::new(Box::leak(Box::default())), &good_facts(), &CREDENTIALS).unwrap();
    let place = |wanted: fn(&Step<'_>) -> bool| steps.iter().rposition(wanted).unwrap();
    let last_change = place(|step| {
        matches!(step, Step::Groups(_) | Step::GroupId(_) | Step::UserId(_) | Step::Capabilities(_))
    });
    assert!(place(|step| matches!(step, Step::Undumpable)) > last_change);
    assert!(place(|step| matches!(step, Step::DieWithSupervisor)) > last_change);
}

#[test]
fn an_initramfs_is_left_by_chroot() {
    let mut facts = good_facts();
    facts.on_initramfs = true;
    let steps = planned(RunOptions::new(Box::leak(Box::default())), &facts, &CREDENTIALS).unwrap();
    assert!(steps.iter().any(|step| matches!(step, Step::ChangeRoot)));
    assert!(!steps.iter().any(|step| matches!(step, Step::PivotRoot | Step::DetachOldRoot)));
}
