//! One step of a plan, performed: which function does it, for each process.

use super::hands::Hands;
use super::identity::Inheritance;
use super::program::{Attempt, Program};
use super::start::{self, Container};
use super::{
    background, cgroups, enter, id_maps, identity, landlock, layers, link, mounts, persist,
    prepared, process_files, terminal, unpack,
};
use crate::input::namespaces::Namespaces;
use crate::plan::step::{Filesystem, Step};
use crate::sys::descriptor::{Descriptor, OpenFlags};
use crate::sys::filter as sys_filter;
use crate::sys::process::{self, close_from, duplicate_as};
use crate::sys::signal::Inherited;
use crate::sys::vectors::Strings;
use crate::sys::{network, socket};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// What CMD needs that is not in a step.
pub struct ProgramContext<'a> {
    /// CMD and its arguments.
    pub arguments: Strings<'static>,
    /// The environment of CMD.
    pub environment: Strings<'a>,
    /// The signal settings that rootlet was given.
    pub inherited: Inherited,
}

/// Performs a step of the container's first process. A step of another process does nothing here.
///
/// # Errors
/// The call that failed; what it failed on is in the step.
#[inline(never)]
pub fn perform_init(step: &Step<'_>, hands: &mut Hands) -> Result<(), CallError> {
    match step {
        Step::Enter(target) => enter::enter(target, hands),
        Step::Tools(target) => enter::lay_tools(target, hands),
        Step::TakeLink(preserved) => take_link(hands, *preserved),
        Step::SameOutput => background::join_output(2),
        Step::DieWithSupervisor => identity::die_with_parent(),
        Step::AdoptOrphans => identity::adopt_orphans(),
        Step::AwaitSupervisor => link::await_go(&hands.link),
        Step::NewCgroupNamespace => {
            process::unshare(Namespaces::CGROUP.0).map_err(Call::Unshare.failed())
        }
        Step::Label(label) => mounts::write_below(hands, label.file, label.text.to_bytes()),
        Step::ShiftClocks(offsets) => {
            process::unshare(Namespaces::TIME.0).map_err(Call::Unshare.failed())?;
            mounts::write_below(hands, c"/proc/self/timens_offsets", offsets.text.to_bytes())
        }
        Step::NoMoreUsers => {
            mounts::write_below(hands, c"/proc/sys/user/max_user_namespaces", b"0")
        }
        Step::LoopbackUp => loopback_up(),
        Step::ConfigureLink(pair) => super::network::configure_link(pair),
        Step::EtcFiles(files) => mounts::etc_files(hands, files),
        Step::CloneTree(copy) => mounts::clone_tree(hands, copy),
        Step::ReceiveTree(copy) => {
            let tree = link::receive_tree(&hands.link)?;
            hands.keep(copy.slot, tree.hold());
            Ok(())
        }
        Step::PrivateMounts => mounts::propagate(crate::input::mount_options::Propagation::Private),
        Step::AttachRoot => mounts::attach_root(hands),
        Step::Mask(mask) => mounts::mask(hands, mask),
        Step::ReadOnly(path) => mounts::read_only(hands, path),
        Step::Directory(name) => mounts::directory(hands, name),
        Step::MakePath(missing) => mounts::make_path(hands, missing),
        Step::Filesystem(filesystem) => mounts::filesystem(hands, filesystem),
        Step::Tmpfs(tmpfs) => mounts::filesystem(hands, &Filesystem::of_tmpfs(tmpfs)),
        Step::Device(path) => mounts::device(hands, path),
        Step::HoldDevice(slot, path) => mounts::hold_device(hands, *slot, path),
        Step::HeldDevice(slot, path) => mounts::held_device(hands, *slot, path),
        Step::EnterPrepared => prepared::enter(),
        Step::Link(link) => mounts::link(hands, link.name, link.to),
        Step::AttachTree { slot, place, target } => {
            mounts::attach_tree(hands, *slot, *place, target)
        }
        Step::Terminal { uid, of_group, size } => terminal::open(hands, *uid, *of_group, *size),
        Step::PivotRoot => mounts::pivot_root(),
        Step::DetachOldRoot => mounts::detach_old_root(),
        Step::ChangeRoot => mounts::change_root(),
        Step::JoinPeers => mounts::join_peers(hands),
        Step::Propagate(kind) => mounts::propagate(*kind),
        Step::Hostname(name) => identity::set_hostname(name),
        Step::Domainname(name) => identity::set_domainname(name),
        Step::CheckSupervisor => link::check_supervisor(&hands.link),
        Step::CloseDescriptors => close_above(&hands.link),
        _ => perform_privileges(step, hands),
    }
}

/// Performs a step that takes privileges away: PID 1 then wears what CMD will.
fn perform_privileges(step: &Step<'_>, hands: &mut Hands) -> Result<(), CallError> {
    match step {
        Step::Groups(groups) => identity::set_groups(groups),
        Step::AllowedGroups(groups) => match identity::set_groups(groups) {
            Err(CallError { errno: Errno::PERM, .. }) => Ok(()),
            answer => answer,
        },
        Step::GroupId(gid) => identity::set_group(*gid),
        Step::UserId(uid) => identity::set_user(*uid),
        Step::SessionKeyring => identity::join_session_keyring(),
        Step::BoundingSet(set) => identity::bound_capabilities(*set),
        Step::KeepCapabilities => identity::keep_capabilities(),
        Step::Capabilities(set) => identity::set_capabilities(*set, Inheritance::None),
        Step::AmbientCapabilities(set) => identity::set_capabilities(*set, Inheritance::Ambient),
        Step::Filter(program) => sys_filter::install(program).map_err(Call::Seccomp.failed()),
        Step::NoNewPrivileges => identity::no_new_privileges(),
        Step::Undumpable => identity::undumpable(),
        _ => perform_layers(step, hands),
    }
}

/// Performs a step of a root that is not just a directory.
fn perform_layers(step: &Step<'_>, hands: &mut Hands) -> Result<(), CallError> {
    match step {
        Step::OpenLayer { slot, path, kind } => layers::open_layer(hands, *slot, path, *kind),
        Step::MemoryRoot(parameters) => layers::memory_root(hands, parameters),
        Step::Scratch(parameters) => layers::scratch(parameters),
        Step::Overlay { first, count, kept, of_user } => {
            layers::overlay(hands, *first, *count, *kept, *of_user)
        }
        Step::Unpack { slot, path, how } => unpack::unpack(hands, *slot, path, *how),
        Step::MountPoint(point) => layers::mount_point(hands, point),
        Step::ReadOnlyRoot => layers::close_root(hands),
        Step::NullInput => layers::null_input(hands),
        _ => Ok(()),
    }
}

/// Performs a step of the supervisor, once the container's first process is there.
///
/// # Errors
/// The call that failed.
pub fn perform_supervisor(step: &Step<'_>, container: &Container) -> Result<(), CallError> {
    match step {
        Step::JoinCgroup(cgroup) => cgroups::put(container.pid, cgroup.path.to_bytes()),
        Step::MapUsers(maps) => id_maps::write(maps, container.pid),
        Step::MapTree(copy) => {
            let users = process_files::open_of(container.pid, "ns/user", OpenFlags::READ);
            let users = users.map_err(Call::Openat.failed())?;
            let tree = mounts::map_tree(copy, &users)?;
            link::send_tree(&container.link, &tree)
        }
        Step::Limit(limit) => {
            process::limit(container.pid, limit.kind, Some((limit.soft, limit.hard)))
                .map(drop)
                .map_err(Call::Prlimit.failed())
        }
        Step::OomScore(score) => {
            process_files::write_file(container.pid, "oom_score_adj", score.to_bytes())
        }
        Step::Veth { pair, bridge, name } => {
            super::network::make_pair(pair, *bridge, name, container.pid)
        }
        Step::Persist(namespace) => persist::keep(namespace, container.pid),
        Step::WritePidFile(path) => start::write_pid_file(path, container),
        _ => Ok(()),
    }
}

/// Performs a step of the process that becomes CMD.
///
/// # Errors
/// The call that failed; after a successful `Execute` nothing returns.
#[inline(never)]
pub fn perform_program(step: &Step<'_>, context: &ProgramContext<'_>) -> Result<(), CallError> {
    match step {
        Step::DieWithInit => identity::die_with_parent(),
        Step::OwnGroup => rustix::process::setpgid(None, None).map_err(Call::Setpgid.failed()),
        Step::ControllingTerminal => terminal::take_control(),
        Step::ChangeDirectory(path) => rustix::process::chdir(*path).map_err(Call::Chdir.failed()),
        Step::Landlock(rules) => landlock::restrict(rules),
        Step::RestoreSignals => {
            context.inherited.restore();
            Ok(())
        }
        Step::Execute(name) => {
            let environment = context.environment;
            let errno = Program { name, arguments: context.arguments, environment }
                .search(Attempt::Execute);
            Err(CallError { call: Call::Execve, errno })
        }
        _ => Ok(()),
    }
}

/// Gives the link its number and closes everything above: descriptors of the caller and of the supervisor.
fn take_link(hands: &mut Hands, preserved: u8) -> Result<(), CallError> {
    let number = link::number_inside(preserved);
    if hands.link.number() != number {
        let link = duplicate_as(hands.link.as_fd(), number).map_err(Call::Dup3.failed())?;
        // The old number is closed below, with all others.
        core::mem::replace(&mut hands.link, link).leave_open();
    }
    close_above(&hands.link)
}

fn close_above(link: &Descriptor) -> Result<(), CallError> {
    close_from(link.number().unsigned_abs() + 1).map_err(Call::CloseRange.failed())
}

fn loopback_up() -> Result<(), CallError> {
    let socket = socket::any().map_err(Call::Socket.failed())?;
    network::loopback_up(socket.as_fd()).map_err(Call::Ioctl.failed())?;
    // Closed with all others at the end.
    socket.leave_open();
    Ok(())
}
