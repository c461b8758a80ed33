//! Carrying the plan out: supervisor's, container's, program's side.

use rustix::fd::AsFd;

use super::{Planned, explain, made_directories};
use crate::input::run_options::Mode;
use crate::plan::describe::Column;
use crate::plan::step::{Stage, Step};
use crate::report::{self, OWN_FAILURE};
use crate::run::hands::Hands;
use crate::run::link::{self, Message, StepFailed};
use crate::run::perform::{ProgramContext, perform_init, perform_program};
use crate::run::program::status_of_failure;
use crate::run::start::{self, Container, Started};
use crate::supervise::relay::Relay;
use crate::supervise::rule::{Policy, exit_status};
use crate::supervise::wait_loop::{Source, supervise};
use crate::sys::clock::monotonic_ns;
use crate::sys::descriptor::Descriptor;
use crate::sys::process::{Ended, Pid, Side, exit, fork};
use crate::sys::signal::{self, Signal, SignalSet};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// What the program must find as rootlet found it.
#[derive(Clone, Copy)]
struct Inherited {
    mask: SignalSet,
    children_ignored: bool,
}

/// Runs the container and gives its exit status.
pub fn execute(planned: &Planned) -> i32 {
    // Blocked before anything is started: what arrives from here on waits for the loop.
    let inherited =
        Inherited { mask: signal::block_all(), children_ignored: signal::notice_children() };
    let clock = Clock::start(planned);
    match start::start(planned.options.namespaces) {
        Ok(Started::Inside(link)) => exit(inside(planned, link, inherited)),
        Ok(Started::Supervisor(container)) => {
            clock.lap(planned, 0);
            supervise_container(planned, container)
        }
        Err(error) => cannot_start(planned, error),
    }
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

fn cannot_start(planned: &Planned, error: CallError) -> i32 {
    say_failed_step(planned, StepFailed { step: 0, error });
    OWN_FAILURE
}

/// The supervisor's side: the pid file, the terminal, the wait, the end.
fn supervise_container(planned: &Planned, container: Container) -> i32 {
    if let Some(path) = planned.options.pid_file
        && let Err(error) = start::write_pid_file(path, &container)
    {
        let failed = StepFailed { step: 1, error };
        return abandon(planned, &container, failed);
    }
    let status = match hear_of_start(&container.link) {
        Ok(terminal) => wait_for_end(planned, &container, terminal),
        Err(failed) => failed_inside(planned, &container, failed),
    };
    if let Some(path) = planned.options.pid_file {
        start::remove_pid_file(path);
    }
    status
}

/// Listens until the program has been executed; the terminal comes on the way.
fn hear_of_start(link: &Descriptor) -> Result<Option<Descriptor>, Option<StepFailed>> {
    let mut terminal = None;
    loop {
        match link::receive(link) {
            Ok(Message::Terminal(master)) => terminal = Some(master),
            Ok(Message::End) => return Ok(terminal),
            Ok(Message::Failed(failed)) => return Err(Some(failed)),
            Err(_) => return Err(None),
        }
    }
}

fn wait_for_end(planned: &Planned, container: &Container, terminal: Option<Descriptor>) -> i32 {
    let policy = Policy {
        terminal_reaches_program: terminal.is_none(),
        is_job: true,
        relays_terminal: terminal.is_some(),
        hands_terminal_over: false,
    };
    let mut source = match terminal.map(Relay::new) {
        None => Source::Signals,
        Some(Ok(relay)) => Source::Terminal(relay),
        Some(Err(error)) => return abandon(planned, container, StepFailed { step: 0, error }),
    };
    let ended = supervise(container.pid, container.pid.0, policy, &mut source);
    source.finish();
    exit_status(ended)
}

/// A step failed in the container: it ends by itself; say why and clean up.
fn failed_inside(planned: &Planned, container: &Container, failed: Option<StepFailed>) -> i32 {
    let Some(failed) = failed else {
        let error = CallError { call: Call::Recvmsg, errno: Errno::NOENT };
        return abandon(planned, container, StepFailed { step: 0, error });
    };
    end_of(container);
    start::remove_directories(planned.options.rootfs, made_directories(planned.facts));
    say_failed_step(planned, failed);
    match failed.error.call {
        Call::Execve => status_of_failure(failed.error.errno),
        _ => OWN_FAILURE,
    }
}

/// A step of the supervisor failed: kills the container, says why.
fn abandon(planned: &Planned, container: &Container, failed: StepFailed) -> i32 {
    let _ = signal::kill(container.pid.0, Signal::KILL);
    end_of(container);
    start::remove_directories(planned.options.rootfs, made_directories(planned.facts));
    say_failed_step(planned, failed);
    OWN_FAILURE
}

/// Waits until the container's first process, which is ending, has ended.
fn end_of(container: &Container) -> Ended {
    supervise(container.pid, container.pid.0, Policy::INSIDE, &mut Source::Signals)
}

/// `rootlet: mount proc on /proc (...): fsmount: EPERM (...)`, and a hint where the errno misleads.
fn say_failed_step(planned: &Planned, failed: StepFailed) {
    let mut line = report::line();
    if let Some(step) = planned.steps.get(usize::from(failed.step)) {
        step.describe(Column::Words, &mut line);
        line.text(": ");
        report::describe_call(&mut line, failed.error);
        line.text(hint(step, failed.error));
    }
    report::say(line);
}

/// What an errno means here, where its own words mislead.
fn hint(step: &Step<'_>, error: CallError) -> &'static str {
    match (step, error.call, error.errno) {
        (_, Call::Clone3, Errno::PERM) => "; rootlet run needs root (CAP_SYS_ADMIN)",
        (_, Call::Clone3, Errno::NOSPC) => "; a limit in /proc/sys/user is reached",
        (_, Call::Clone3, Errno::INVAL) => "; this kernel lacks one of these namespaces",
        (_, Call::Mkdirat | Call::Mknodat, Errno::ROFS) => {
            "; the mount point is missing and the root is read-only"
        }
        (_, Call::MoveMount | Call::Fsmount, Errno::NOSPC) => "; /proc/sys/fs/mount-max is reached",
        (Step::JoinPeers, _, Errno::INVAL) => "; the host's mount below the root is not shared",
        (Step::PrivateMounts | Step::PivotRoot, _, Errno::INVAL) => {
            "; rootlet itself runs in a chroot"
        }
        (Step::CloneTree { .. }, Call::OpenTree, Errno::INVAL) => "; the mount is unbindable",
        (Step::Execute(_), _, Errno::NOENT) => "; it is not in the root, or its interpreter is not",
        (Step::Execute(_), _, Errno::NOEXEC) => "; it is no program for this machine",
        _ => "",
    }
}

/// The container's side: builds, then becomes or starts the program. Gives the exit status.
fn inside(planned: &Planned, link: Descriptor, inherited: Inherited) -> i32 {
    let mut hands = Hands::new(link);
    let init_steps = planned.steps.iter().enumerate();
    for (index, step) in init_steps.filter(|(_, step)| step.stage() == Stage::Init) {
        let clock = Clock::start(planned);
        match step {
            Step::Fork => match fork() {
                Ok(Side::Parent(pid)) => {
                    clock.lap(planned, index);
                    return supervise_program(hands, pid);
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
    link::send_failure(hands.link.as_fd(), StepFailed { step, error });
    OWN_FAILURE
}

/// The container's PID 1, once the program is started.
fn supervise_program(hands: Hands, pid: Pid) -> i32 {
    // The supervisor hears the end of the stream when the program has been executed.
    hands.release();
    exit_status(supervise(pid, pid.0, Policy::INSIDE, &mut Source::Signals))
}

/// Performs the last steps; returns only when one failed.
fn program(planned: &Planned, hands: &Hands, inherited: Inherited) -> i32 {
    let context = ProgramContext {
        arguments: planned.program,
        environment: planned.strings,
        mask: inherited.mask,
        children_ignored: inherited.children_ignored,
    };
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
