//! Carrying the plan out: supervisor's, container's, program's side.

use core::ffi::CStr;

use super::traces::Traces;
use super::{Planned, explain, hints};
use crate::facts::run_facts::refusing_setting;
use crate::input::namespaces::Namespaces;
use crate::input::resources::{Amount, Controllers};
use crate::input::run_options::Mode;
use crate::plan::describe::Column;
use crate::plan::step::{Stage, Step};
use crate::report;
use crate::run::background::{self, Place};
use crate::run::cgroups::{self, count_of_kills};
use crate::run::descendants;
use crate::run::hands::Hands;
use crate::run::identity;
use crate::run::join;
use crate::run::link::{self, Message, NOTE_BYTES, StepFailed};
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
use crate::sys::memory::release_stack;
use crate::sys::poll::{self, Entry};
use crate::sys::process::{Pid, Side, Until, close_range, exit, fork};
use crate::sys::processors::Processors;
use crate::sys::signal::{self, Arrived, Inherited, Signal};
use crate::sys::signal_file;
use crate::sys::standard;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;

/// Runs the container and gives its exit status.
#[inline(never)]
pub fn execute(planned: &Planned, channels: &'static mut Channels) -> i32 {
    let mut supervisor = Supervisor {
        planned,
        // Blocked before anything is started: what arrives from here on waits for the loop.
        inherited: Inherited::take_over(),
        traces: Traces::NONE,
        started: None,
        processors: Processors::new(),
    };
    let status = supervisor.start_and_wait(channels);
    supervisor.traces.remove(planned, status);
    status
}

/// What the supervisor knows while it performs its steps.
struct Supervisor<'p> {
    planned: &'p Planned,
    inherited: Inherited,
    traces: Traces,
    started: Option<Container>,
    /// Those of the caller, while we are on one that was chosen.
    processors: Processors,
}

impl Supervisor<'_> {
    /// Performs the supervisor's steps, then waits for the container's end. Its traces on the host are left then.
    fn start_and_wait(&mut self, channels: &'static mut Channels) -> i32 {
        let planned = self.planned;
        for (index, step) in planned.steps.iter().enumerate() {
            // What follows is for the container's processes.
            if self.started.is_some() && step.stage() != Stage::Supervisor {
                break;
            }
            let clock = Clock::start(planned);
            if let Err(error) = self.perform(step) {
                self.traces.failed(index, error);
                let failed = StepFailed { step: index as u16, error };
                return cannot_start(planned, self.started.take(), failed);
            }
            clock.lap(planned, index);
        }
        match self.started.take() {
            Some(container) => supervise_container(planned, container, &mut self.traces, channels),
            None => own_failure(planned),
        }
    }

    // Out of line: its values would lie in the frame of who waits.
    #[inline(never)]
    fn perform(&mut self, step: &Step<'static>) -> Result<(), CallError> {
        let planned = self.planned;
        let records = planned.facts.records;
        match (step, &self.started) {
            (Step::NewNamespaces(namespaces, cgroup), _) => {
                match start::start(*namespaces, *cgroup)? {
                    Started::Inside(link) => exit(inside(planned, link, self.inherited)),
                    Started::Supervisor(container) => {
                        let pid = container.pid;
                        self.started = Some(container);
                        self.traces.begin(pid)
                    }
                }
            }
            (Step::Background { log, preserved }, _) => {
                match background::enter(*log, *preserved, self.inherited)? {
                    Place::Behind(background) => self.traces.background = Some(background),
                    place => exit(tell_caller(planned, place)),
                }
                Ok(())
            }
            (Step::StepAside(leaf), _) => cgroups::step_aside(leaf, self.traces.caller()),
            (Step::KeepRecord { required, .. }, _) => self.traces.keep_record(planned, *required),
            (Step::Pasta { program, ports, joins }, Some(container)) => {
                let helper = pasta::start(program, ports, *joins, container.pid)?;
                self.traces.helper = Some(helper);
                Ok(())
            }
            (Step::ChooseProcessor, _) => persist::choose_processor(&mut self.processors),
            (Step::AnyProcessor, Some(container)) => {
                persist::leave_processor(&self.processors, container.pid)
            }
            (Step::LeaveGroups, _) => identity::set_groups(&[]),
            (Step::Join(join), _) => join::join(join.owner, join.kinds, records),
            (Step::JoinWithUsers(join), _) => {
                join::join(join.owner, join.kinds.with(Namespaces::USER, true), records)
            }
            (step, Some(container)) => perform_supervisor(step, container),
            (step, None) => start::prepare(step),
        }
    }
}

/// In the process that has stayed with the caller: the container's name, or why there is none.
fn tell_caller(planned: &Planned, place: Place) -> i32 {
    match place {
        Place::Failed(status) => status,
        _ => {
            report::print(Line::new().raw(planned.facts.name.to_bytes()));
            0
        }
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

/// A step of the supervisor failed, before or after there was a process.
fn cannot_start(planned: &Planned, started: Option<Container>, failed: StepFailed) -> i32 {
    match started {
        Some(Container { pid, link, .. }) => {
            // Where the container has failed first, ours is no more than what follows from that.
            let _ = signal::kill(pid.0, Signal::KILL);
            match hear_of_start(planned, &link) {
                Err(Unheard::Failed(first)) => failed_inside(planned, pid, first),
                _ => abandon(planned, pid, failed),
            }
        }
        None => {
            say_failed_step(planned, failed, b"");
            own_failure(planned)
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
    let pid = container.pid;
    if planned.steps.iter().any(|step| matches!(step, Step::AwaitSupervisor))
        && let Err(error) = link::send_go(&container.link)
    {
        // It would wait for ever, and we for it.
        return abandon(planned, pid, of_start(planned, error));
    }
    give_up_preserved(planned);
    let status = match hear_of_start(planned, &container.link) {
        Ok(heard) => match traces.started() {
            Ok(()) => wait_for_end(planned, container, heard, channels),
            Err(_) => kill_and_wait(planned, pid),
        },
        Err(Unheard::Failed(failed)) => failed_inside(planned, pid, failed),
        Err(Unheard::Lost(error)) => abandon(planned, pid, of_start(planned, error)),
        Err(Unheard::Died) => {
            let status = watch(planned, pid, Policy::INSIDE, Source::Signals);
            say_died();
            status
        }
        Err(Unheard::Ended(arrived)) => {
            let _ = kill_and_wait(planned, pid);
            SIGNALLED + arrived.signal.0
        }
    };
    say_kills(planned);
    status
}

fn kill_and_wait(planned: &Planned, pid: Pid) -> i32 {
    let _ = signal::kill(pid.0, Signal::KILL);
    watch(planned, pid, Policy::INSIDE, Source::Signals)
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

/// The status of what failed before CMD.
const fn own_failure(planned: &Planned) -> i32 {
    planned.options.enter.style.own_failure()
}

/// Exit status of what a signal ended, without its number.
const SIGNALLED: i32 = 128;

/// Why a start was not heard of.
enum Unheard {
    /// A step failed inside, which was said.
    Failed(StepFailed),
    /// The link itself failed.
    Lost(CallError),
    /// The container's first process is gone without a word.
    Died,
    /// A signal asked us to end.
    Ended(Arrived),
}

/// What was heard before the program ran.
struct Heard {
    /// The master of its terminal.
    terminal: Option<Descriptor>,
    /// Somebody inside still holds the link: our init. Without it the program's exec has closed it.
    link_lives: bool,
}

/// Listens until the program has been executed; the terminal comes on the way.
#[inline(never)]
fn hear_of_start(planned: &Planned, link: &Descriptor) -> Result<Heard, Unheard> {
    let lost = Unheard::Lost;
    // An archive takes its time, and may wait for who sends it.
    let takes_long = planned.steps.iter().any(|step| matches!(step, Step::Unpack { .. }));
    let signals = if takes_long {
        Some(signal_file::open_for(ENDING).map_err(Call::Signalfd.failed()).map_err(lost)?)
    } else {
        None
    };
    let mut terminal = None;
    let mut note = [0; NOTE_BYTES];
    loop {
        if let Some(arrived) = signals.as_ref().and_then(|signals| await_word(link, signals)) {
            return Err(Unheard::Ended(arrived));
        }
        // The last byte stays 0.
        let room = note.split_last_mut().map(|(_, room)| room).unwrap_or_default();
        match link::receive_with_note(link, room).map_err(lost)? {
            Message::Terminal(master) => terminal = Some(master),
            Message::Note => {}
            Message::Failed(failed) => {
                let note = CStr::from_bytes_until_nul(&note).unwrap_or_default();
                say_failed_step(planned, failed, note.to_bytes());
                return Err(Unheard::Failed(failed));
            }
            Message::End if planned.options.init => return Err(Unheard::Died),
            Message::End => return Ok(Heard { terminal, link_lives: false }),
            Message::Started | Message::Stopped => return Ok(Heard { terminal, link_lives: true }),
        }
    }
}

/// HUP, INT, QUIT, TERM as a set. Others wait: there is nobody for them yet, and SIGCHLD is taken at the end.
const ENDING: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14;

/// Waits until the container says something, or until a signal comes that ends us.
fn await_word(link: &Descriptor, signals: &Descriptor) -> Option<Arrived> {
    let mut entries = [link, signals].map(|wanted| Entry::new(wanted.as_fd(), poll::IN));
    poll::wait(&mut entries);
    let [_, signal] = entries.map(Entry::is_ready);
    if signal { signal_file::take(signals.as_fd()) } else { None }
}

#[inline(never)]
fn say_died() {
    let mut line = report::line();
    line.packed(packed!(
        "the container's first process ended before CMD was started; is its memory limit too low?"
    ));
    report::say(line);
}

#[inline(never)]
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
    let Container { pid, link } = container;
    let link = if link_lives { Some(link) } else { None };
    let relay = match Relay::new(link, terminal, channels) {
        Ok(relay) => relay,
        Err(error) => return abandon(planned, pid, of_start(planned, error)),
    };
    watch(planned, pid, policy, Source::Supervisor(relay))
}

fn watch(planned: &Planned, pid: Pid, policy: Policy, source: Source) -> i32 {
    release_stack();
    supervise(policy, planned.plain, source, Journal::SILENT, pid)
}

/// A step failed in the container, which ends by itself.
fn failed_inside(planned: &Planned, pid: Pid, failed: StepFailed) -> i32 {
    let _ = watch(planned, pid, Policy::INSIDE, Source::Signals);
    match failed.error.call {
        Call::Execve => status_of_failure(failed.error.errno),
        _ => own_failure(planned),
    }
}

/// A step of the supervisor failed: kills the container, says why.
fn abandon(planned: &Planned, pid: Pid, failed: StepFailed) -> i32 {
    let _ = signal::kill(pid.0, Signal::KILL);
    say_failed_step(planned, failed, b"");
    failed_inside(planned, pid, failed)
}

/// `rootlet: mount proc on /proc (...): fsmount: EPERM (...)`, and a hint where the errno misleads.
#[inline(never)]
fn say_failed_step(planned: &Planned, failed: StepFailed, note: &[u8]) {
    if failed.error.call == Call::Pasta && failed.error.errno == pasta::SAID {
        return;
    }
    let mut line = report::line();
    if let Some(step) = planned.steps.get(usize::from(failed.step)) {
        step.describe(Column::Words, &mut line);
        line.text(": ").raw(note);
        // The note says it all where no call failed.
        if failed.error.errno != Errno(0) {
            report::describe_call(&mut line, failed.error);
        }
        let errno = failed.error.errno;
        let is_refusal = errno == Errno::PERM || errno == Errno::ACCES || errno == Errno::NOSPC;
        let setting = if planned.users.is_hosts() { None } else { refusing_setting() };
        match setting.filter(|_| is_refusal) {
            Some((path, value)) => {
                line.text("; ").operand(path.to_bytes()).text(" is ").raw(&[value]);
            }
            None => {
                line.packed(hints::of(step, failed.error));
            }
        }
    }
    report::say(line);
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
                    return supervise_program(planned, hands, index, pid);
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
    report::OWN_FAILURE
}

/// The container's PID 1, once the program has been executed by step `index`.
fn supervise_program(planned: &Planned, hands: Hands, index: usize, pid: Pid) -> i32 {
    give_up_preserved(planned);
    // First of all: the program is running already and may look at us.
    planned.vectors.show_as(b"rootlet");
    // Without a supervisor there is to be no container: our end ends it.
    if let Err(error) = link::send_started(&hands.link) {
        // Our standard error may be the container's terminal, which nobody reads before the start.
        return fail(&hands, index, error);
    }
    let link = hands.link;
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
        ProgramContext { arguments: planned.program, environment: planned.environment, inherited };
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
    own_failure(planned)
}
