//! Carrying the plan out: supervisor's, container's, program's side.

use super::traces::Traces;
use super::{Planned, explain};
use crate::facts::run_facts::refusing_setting;
use crate::input::namespaces::{Namespaces, Owner};
use crate::input::resources::{Amount, Controllers};
use crate::input::run_options::Mode;
use crate::plan::describe::Column;
use crate::plan::step::{Stage, Step};
use crate::report::{self, OWN_FAILURE};
use crate::run::cgroups::count_of_kills;
use crate::run::descendants;
use crate::run::hands::Hands;
use crate::run::identity;
use crate::run::join;
use crate::run::link::{self, Message, StepFailed};
use crate::run::pasta;
use crate::run::perform::{ProgramContext, perform_init, perform_program, perform_supervisor};
use crate::run::persist;
use crate::run::program::status_of_failure;
use crate::run::start::{self, Container, Started};
use crate::supervise::journal::Journal;
use crate::supervise::relay::Relay;
use crate::supervise::rule::Policy;
use crate::supervise::wait_loop::{Source, supervise};
use crate::supervise::window::Channels;
use crate::sys::clock::monotonic_ns;
use crate::sys::descriptor::Descriptor;
use crate::sys::process::{Pid, Side, Until, close_range, exit, fork};
use crate::sys::signal::{self, Inherited, Signal};
use crate::sys::standard;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::packed::{Packed, packed};

/// Runs the container and gives its exit status.
#[inline(never)]
pub fn execute(planned: &Planned, channels: &'static mut Channels) -> i32 {
    // Blocked before anything is started: what arrives from here on waits for the loop.
    let inherited = Inherited::take_over();
    let mut traces = Traces::NONE;
    let status = start_and_wait(planned, inherited, &mut traces, channels);
    traces.remove(planned);
    status
}

/// Performs the supervisor's steps, then waits for the container's end. Its traces on the host are left then.
fn start_and_wait(
    planned: &Planned,
    inherited: Inherited,
    traces: &mut Traces,
    channels: &'static mut Channels,
) -> i32 {
    let mut started = None;
    let mut processors = None;
    let records = planned.facts.records;
    for (index, step) in planned.steps.iter().enumerate() {
        let clock = Clock::start(planned);
        let done = match (step, &started) {
            (Step::NewNamespaces(namespaces, cgroup), _) => {
                match start::start(*namespaces, *cgroup) {
                    Ok(Started::Inside(link)) => exit(inside(planned, link, inherited)),
                    Ok(Started::Supervisor(container)) => {
                        let pid = container.pid;
                        started = Some(container);
                        traces.begin(pid)
                    }
                    Err(error) => Err(error),
                }
            }
            (Step::KeepRecord { required, .. }, _) => traces.keep_record(planned, *required),
            (Step::Pasta { program, ports, joins }, Some(container)) => {
                pasta::start(program, ports, *joins, container.pid).map(|pid| {
                    traces.helper = Some(pid);
                })
            }
            (Step::ChooseProcessor, _) => {
                persist::choose_processor().map(|callers| processors = Some(callers))
            }
            (Step::AnyProcessor, Some(container)) => {
                persist::leave_processor(processors.as_ref(), container.pid)
            }
            (step, Some(container)) if step.stage() == Stage::Supervisor => {
                perform_supervisor(step, container)
            }
            (Step::LeaveGroups, _) => identity::set_groups(&[]),
            (Step::Join(join), _) => join::join(join.owner, join.kinds, records),
            (Step::JoinWithUsers(join), _) => {
                join::join(join.owner, join.kinds.with(Namespaces::USER, true), records)
            }
            (step, None) => start::prepare(step),
            _ => break,
        };
        if let Err(error) = done {
            traces.failed(index, error);
            return cannot_start(planned, started, StepFailed { step: index as u16, error });
        }
        clock.lap(planned, index);
    }
    started
        .map_or(OWN_FAILURE, |container| supervise_container(planned, container, traces, channels))
}

/// Times steps where `--trace` asks for it.
struct Clock {
    before_ns: u64,
}

impl Clock {
    fn start(planned: &Planned) -> Self {
        let traced = planned.options.mode == Mode::Trace;
        Self { before_ns: if traced { monotonic_ns() } else { 0 } }
    }

    /// Prints the step with this index and its time.
    fn lap(&self, planned: &Planned, index: usize) {
        if planned.options.mode == Mode::Trace
            && let Some(step) = planned.steps.get(index)
        {
            let nanoseconds = monotonic_ns().saturating_sub(self.before_ns);
            explain::trace(step, nanoseconds / 1000);
        }
    }
}

/// A step of the supervisor failed, before or after there was a process.
fn cannot_start(planned: &Planned, started: Option<Container>, failed: StepFailed) -> i32 {
    match started {
        Some(container) => abandon(planned, container.pid, failed),
        None => {
            say_failed_step(planned, failed);
            OWN_FAILURE
        }
    }
}

/// What fails between the two sides is a failure of starting the container.
fn of_start(planned: &Planned, error: CallError) -> StepFailed {
    let start = |step: &Step<'_>| matches!(step, Step::NewNamespaces(..));
    let step = planned.steps.iter().position(start).unwrap_or(0);
    StepFailed { step: step as u16, error }
}

/// The supervisor's side: the terminal, the wait, the end.
fn supervise_container(
    planned: &Planned,
    container: Container,
    traces: &mut Traces,
    channels: &'static mut Channels,
) -> i32 {
    if planned.steps.iter().any(|step| matches!(step, Step::AwaitSupervisor)) {
        link::send_go(&container.link);
    }
    give_up_preserved(planned);
    let pid = container.pid;
    let status = match hear_of_start(&container.link) {
        Ok(heard) => {
            traces.started();
            wait_for_end(planned, container, heard, channels)
        }
        Err(Unheard::Failed(failed)) => failed_inside(planned, pid, failed),
        Err(Unheard::Lost(error)) => abandon(planned, pid, of_start(planned, error)),
    };
    say_kills(planned);
    status
}

/// Says that the kernel has killed something because the container's memory was used up: the status of a program that
/// was killed says no more than that.
#[inline(never)]
fn say_kills(planned: &Planned) {
    const MEBIBYTE: u64 = 1 << 20;
    let bytes = planned.options.resources.number(Amount::Memory);
    let cgroup = planned.cgroups.with(Controllers::MEMORY).filter(|_| bytes != 0);
    if cgroup.is_none_or(|cgroup| count_of_kills(cgroup) == 0) {
        return;
    }
    let mut line = report::line();
    line.packed(packed!("the container ran out of memory (limit "));
    let (number, unit) = if bytes.is_multiple_of(MEBIBYTE) {
        (bytes / MEBIBYTE, " MiB)")
    } else {
        (bytes, " bytes)")
    };
    line.number(number).text(unit);
    report::say(line);
}

/// Descriptors that CMD is given are CMD's alone: who waits for their other ends waits for nobody else.
fn give_up_preserved(planned: &Planned) {
    let first = u32::from(standard::FIRST_OTHER);
    if let count @ 1.. = u32::from(planned.options.preserved) {
        // It cannot fail where the container's side could do the same.
        let _ = close_range(first, first + count - 1);
    }
}

/// Why a start was not heard of.
enum Unheard {
    /// A step failed inside.
    Failed(StepFailed),
    /// The link itself failed.
    Lost(CallError),
}

/// What was heard before the program ran.
struct Heard {
    /// The master of its terminal.
    terminal: Option<Descriptor>,
    /// Somebody inside still holds the link: our init. Without it the program's exec has closed it.
    link_lives: bool,
}

/// Listens until the program has been executed; the terminal comes on the way.
fn hear_of_start(link: &Descriptor) -> Result<Heard, Unheard> {
    let mut terminal = None;
    loop {
        match link::receive(link).map_err(Unheard::Lost)? {
            Message::Terminal(master) => terminal = Some(master),
            Message::Failed(failed) => return Err(Unheard::Failed(failed)),
            Message::End => return Ok(Heard { terminal, link_lives: false }),
            Message::Started | Message::Stopped => return Ok(Heard { terminal, link_lives: true }),
        }
    }
}

fn wait_for_end(
    planned: &Planned,
    container: Container,
    heard: Heard,
    channels: &'static mut Channels,
) -> i32 {
    let Heard { terminal, link_lives } = heard;
    let policy = Policy {
        terminal_reaches_program: terminal.is_none(),
        is_job: true,
        relays_terminal: terminal.is_some(),
        ..Policy::WRAPPED
    };
    let Container { pid, pidfd, link } = container;
    pidfd.leave_open();
    let link = if link_lives { Some(link) } else { None };
    let relay = match Relay::new(link, terminal, channels) {
        Ok(relay) => relay,
        Err(error) => return abandon(planned, pid, of_start(planned, error)),
    };
    watch(planned, pid, policy, Source::Supervisor(relay))
}

fn watch(planned: &Planned, pid: Pid, policy: Policy, source: Source) -> i32 {
    supervise(policy, planned.plain, source, Journal::SILENT, pid)
}

/// A step failed in the container: it ends by itself; say why and clean up.
fn failed_inside(planned: &Planned, pid: Pid, failed: StepFailed) -> i32 {
    let _ = watch(planned, pid, Policy::INSIDE, Source::Signals);
    say_failed_step(planned, failed);
    match failed.error.call {
        Call::Execve => status_of_failure(failed.error.errno),
        _ => OWN_FAILURE,
    }
}

/// A step of the supervisor failed: kills the container, says why.
fn abandon(planned: &Planned, pid: Pid, failed: StepFailed) -> i32 {
    let _ = signal::kill(pid.0, Signal::KILL);
    failed_inside(planned, pid, failed)
}

/// `rootlet: mount proc on /proc (...): fsmount: EPERM (...)`, and a hint where the errno misleads.
fn say_failed_step(planned: &Planned, failed: StepFailed) {
    if failed.error.errno == pasta::SAID {
        return;
    }
    let mut line = report::line();
    if let Some(step) = planned.steps.get(usize::from(failed.step)) {
        step.describe(Column::Words, &mut line);
        line.text(": ");
        report::describe_call(&mut line, failed.error);
        let errno = failed.error.errno;
        let is_refusal = errno == Errno::PERM || errno == Errno::ACCES || errno == Errno::NOSPC;
        let setting = if planned.users.is_hosts() { None } else { refusing_setting() };
        match setting.filter(|_| is_refusal) {
            Some((path, value)) => {
                line.text("; ").operand(path.to_bytes()).text(" is ").raw(&[value]);
            }
            None => {
                line.packed(HINTS.line(hint(step, failed.error)));
            }
        }
    }
    report::say(line);
}

/// What an errno means here, where its own words mislead; line 0 says nothing.
const HINTS: Packed = packed!(
    "
; rootlet run needs root (CAP_SYS_ADMIN)
; a limit in /proc/sys/user is reached
; this kernel lacks one of these namespaces
; the mount point is missing and the root is read-only
; /proc/sys/fs/mount-max is reached
; the host's mount below the root is not shared
; rootlet itself runs in a chroot
; the mount is unbindable
; one is a directory, the other is not
; it is not in the root, or its interpreter is not
; it is no program for this machine
; remove it if no container uses it
; this kernel has no such security module, or the module no such label
; a filesystem of it cannot give its files other owners
; a container of this name is running
; no container of this name is running
; it is owned by others: --userns container:NAME or ns:PATH
; it is none of that kind
; the host has a link of this name by now
; it needs CAP_NET_ADMIN over the host's network
; this kernel has no pairs of links (veth)
; the gateway cannot be reached from the address
; one above has processes itself, so v2 hands nothing on
; one above does not hand this controller on
; only root, or who has been delegated one, makes cgroups
; it is there already, and not this container's
; the host, or the cgroup above, does not have all of these"
);

/// Which call and errno mean which line of `HINTS`. With `JoinPeers` INVAL of move_mount means another.
const MEANINGS: [(Call, Errno, u8); 21] = [
    (Call::Clone3, Errno::PERM, 1),
    (Call::Clone3, Errno::NOSPC, 2),
    (Call::Clone3, Errno::INVAL, 3),
    (Call::Mkdirat, Errno::ROFS, 4),
    (Call::Mknodat, Errno::ROFS, 4),
    (Call::MoveMount, Errno::NOSPC, 5),
    (Call::Fsmount, Errno::NOSPC, 5),
    (Call::MountSetattr, Errno::INVAL, 7),
    (Call::PivotRoot, Errno::INVAL, 7),
    (Call::OpenTree, Errno::INVAL, 8),
    (Call::MoveMount, Errno::INVAL, 9),
    (Call::MoveMount, Errno::NOTDIR, 9),
    (Call::Execve, Errno::NOENT, 10),
    (Call::Execve, Errno::NOEXEC, 11),
    (Call::Openat, Errno::EXIST, 12),
    (Call::NewLink, Errno::EXIST, 19),
    (Call::NewLink, Errno::PERM, 20),
    (Call::NewLink, Errno::OPNOTSUPP, 21),
    (Call::NewRoute, Errno::NETUNREACH, 22),
    (Call::NewRoute, Errno::HOSTUNREACH, 22),
    (Call::NewRoute, Errno::INVAL, 22),
];
const NOT_SHARED: usize = 6;
const NO_LABEL: usize = 13;
const NOT_MAPPED: usize = 14;
const NAME_TAKEN: usize = 15;
const NO_CONTAINER: usize = 16;
const NO_RIGHTS_THERE: usize = 17;
const OTHER_KIND: usize = 18;
const HAS_PROCESSES: usize = 23;
const NOT_HANDED_ON: usize = 24;
const NOT_OURS: usize = 25;
const CGROUP_TAKEN: usize = 26;
const NOT_IN_SET: usize = 27;

fn cgroup_hint(error: CallError) -> usize {
    const BUSY: Errno = Errno(16);
    match (error.call, error.errno) {
        (Call::Write, BUSY) => HAS_PROCESSES,
        (Call::Write, Errno::NOENT) => NOT_HANDED_ON,
        (Call::Mkdirat, Errno::EXIST) => CGROUP_TAKEN,
        (_, Errno::ROFS | Errno::ACCES | Errno::PERM) => NOT_OURS,
        _ => 0,
    }
}

/// The line of `HINTS` for a failed step.
fn hint(step: &Step<'_>, error: CallError) -> usize {
    match step {
        Step::Label(_) => return NO_LABEL,
        Step::MakeCgroup(_) => return cgroup_hint(error),
        Step::SetLimit(_) => match error.errno {
            Errno::INVAL | Errno::ACCES | Errno::RANGE => return NOT_IN_SET,
            _ => {}
        },
        Step::KeepRecord { .. } if error.errno == Errno::EXIST => return NAME_TAKEN,
        Step::Join(join) | Step::JoinWithUsers(join) => {
            return hint_of_join(join.owner, error);
        }
        Step::MapTree(_) if error.errno == Errno::INVAL => return NOT_MAPPED,
        _ => {}
    }
    if let (Step::JoinPeers, Errno::INVAL) = (step, error.errno) {
        return NOT_SHARED;
    }
    let known = MEANINGS.iter().find(|row| (row.0, row.1) == (error.call, error.errno));
    known.map_or(0, |row| row.2.into())
}

fn hint_of_join(owner: Owner<'_>, error: CallError) -> usize {
    match (owner, error.errno) {
        (_, Errno::PERM) => NO_RIGHTS_THERE,
        (Owner::Container(_), Errno::NOENT | Errno::SRCH) => NO_CONTAINER,
        (Owner::File(_), Errno::INVAL) => OTHER_KIND,
        _ => 0,
    }
}

/// The container's side: builds, then becomes or starts the program. Gives the exit status.
fn inside(planned: &Planned, link: Descriptor, inherited: Inherited) -> i32 {
    let mut hands = Hands::new(link);
    let init_steps = planned.steps.iter().enumerate();
    for (index, step) in init_steps.filter(|(_, step)| step.stage() == Stage::Init) {
        let clock = Clock::start(planned);
        match step {
            Step::Fork => match fork(Until::Executed) {
                Ok(Side::Parent(pid)) => {
                    clock.lap(planned, index);
                    return supervise_program(planned, hands, pid);
                }
                Ok(Side::Child) => break,
                Err(errno) => {
                    return fail(&hands, index, CallError { call: Call::Clone, errno });
                }
            },
            _ => {
                if let Err(error) = perform_init(step, &mut hands) {
                    return fail(&hands, index, error);
                }
            }
        }
        clock.lap(planned, index);
    }
    program(planned, &hands, inherited)
}

fn fail(hands: &Hands, index: usize, error: CallError) -> i32 {
    let step = u16::try_from(index).unwrap_or(u16::MAX);
    link::send_failure(&hands.link, StepFailed { step, error });
    OWN_FAILURE
}

/// The container's PID 1, once the program has been executed.
fn supervise_program(planned: &Planned, hands: Hands, pid: Pid) -> i32 {
    let link = hands.release();
    give_up_preserved(planned);
    // First of all: the program is running already and may look at us.
    planned.vectors.show_as(b"rootlet");
    // Without a supervisor there is to be no container: our end ends it.
    if let Err(error) = link::send_started(&link) {
        return report::failed_call(error, b"tell the supervisor");
    }
    let source = Source::Inside { link, is_job: !planned.options.terminal };
    let status = watch(planned, pid, Policy::INSIDE, source);
    if !planned.options.namespaces.has(Namespaces::PID) {
        // The end of a pid namespace's PID 1 ends all others; here nothing does but us.
        descendants::kill_all();
    }
    status
}

/// Performs the last steps; returns only when one failed.
fn program(planned: &Planned, hands: &Hands, inherited: Inherited) -> i32 {
    let context =
        ProgramContext { arguments: planned.program, environment: planned.strings, inherited };
    let steps = planned.steps.iter().enumerate();
    for (index, step) in steps.filter(|(_, step)| step.stage() == Stage::Program) {
        let clock = Clock::start(planned);
        if let Step::Execute(_) = step {
            // What is traced must be said before it happens.
            clock.lap(planned, index);
        }
        if let Err(error) = perform_program(step, &context) {
            let _ = fail(hands, index, error);
            return status_of_failure(error.errno);
        }
        clock.lap(planned, index);
    }
    OWN_FAILURE
}
