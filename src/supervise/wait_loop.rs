//! The loop: wait, ask the rule, act, until there is a status to end with.

use core::mem::ManuallyDrop;

use super::journal::{Journal, Note};
use super::reaper::{Parent, Reaper};
#[cfg(feature = "run")]
use super::relay::Relay;
use super::rule::{Action, Policy, State};
#[cfg(feature = "run")]
use super::window::Window;
use crate::input::supervision::{Id, Supervision};
use crate::run::descendants::{ALL, signal_all};
use crate::sys::clock::monotonic_ms;
#[cfg(feature = "run")]
use crate::sys::descriptor::Descriptor;
#[cfg(feature = "run")]
use crate::sys::process::wait_for;
use crate::sys::process::{Look, Pid, leads_session, own_group, own_pid};
use crate::sys::signal::{self, Arrived, Sender, Signal};
use crate::sys::standard;
use crate::sys::terminal;

/// What a loop waits on, and whom it tells that the program was stopped.
pub enum Source {
    /// Signals alone.
    Signals,
    /// Signals; the supervisor on the other end of this link must know of our end, and of stops if the program
    /// is a job of its shell.
    #[cfg(feature = "run")]
    Inside {
        /// Open as long as we live.
        link: Descriptor,
        /// The program has no terminal of its own.
        is_job: bool,
    },
    /// Signals, the container's link, and a terminal if it has one.
    #[cfg(feature = "run")]
    Supervisor(Relay),
}

/// What happened.
pub enum Event {
    /// A signal came.
    Signal(Arrived),
    /// Nothing, for as long as was asked.
    Quiet,
    /// The program, which is not our child, was stopped.
    #[cfg(feature = "run")]
    ProgramStopped,
    /// The container's first process is ending.
    #[cfg(feature = "run")]
    ContainerEnds,
}

impl Source {
    fn next(&mut self, limit_ms: u32) -> Event {
        match self {
            #[cfg(feature = "run")]
            Self::Supervisor(relay) => relay.next_event(),
            _ => signal::wait(limit_ms).map_or(Event::Quiet, Event::Signal),
        }
    }

    /// Whether `next` heeds a limit.
    const fn heeds_limit(&self) -> bool {
        match self {
            #[cfg(feature = "run")]
            Self::Supervisor(_) => false,
            _ => true,
        }
    }

    /// The container's own terminal, where there is one.
    #[cfg(feature = "run")]
    const fn window(&mut self) -> Option<&mut Window> {
        match self {
            Self::Supervisor(relay) => relay.window(),
            _ => None,
        }
    }

    fn resize(&mut self) {
        #[cfg(feature = "run")]
        if let Some(window) = self.window() {
            window.resize();
        }
    }

    /// Tells the supervisor outside that the program was stopped, if a shell there must see it.
    fn tell_stop(&self) {
        #[cfg(feature = "run")]
        if let Self::Inside { link, is_job: true } = self {
            crate::run::link::send_stopped(link);
        }
    }
}

/// Whether any standard descriptor is the terminal that controls our session.
fn has_controlling_terminal() -> bool {
    let standard = [standard::input(), standard::output(), standard::error()];
    standard.into_iter().any(|one| terminal::foreground(one).is_ok())
}

/// Stops this process until somebody continues it.
pub fn stop() {
    // To ourselves: pid 0 would reach the whole group.
    let _ = signal::kill(own_pid(), Signal::STOP);
}

/// Supervises a program that has been started until there is a status to end with. Every other child that comes along
/// is reaped.
#[inline(never)]
pub fn supervise(
    policy: Policy,
    options: &Supervision<'_>,
    source: Source,
    journal: Journal,
    program: Pid,
) -> i32 {
    let state = State::new(policy, options);
    // We end soon after, and the kernel closes everything.
    let source = ManuallyDrop::new(source);
    let mut watch = Watch {
        program,
        journal,
        is_over: false,
        has_stopped: false,
        reaper: Reaper::NEW,
        arrived: Arrived::NONE,
        source,
        state,
    };
    watch.supervise();
    #[cfg(feature = "run")]
    if let Source::Supervisor(relay) = &mut *watch.source {
        let status = relay.finish();
        // A failure of the program's own says more.
        if watch.state.status == 0 {
            watch.state.status = status;
        }
    }
    watch.state.status
}

/// A supervisor at work.
// Small fields first, which shorter instructions reach.
#[repr(C)]
struct Watch<'a> {
    /// Pid 0 where there is none.
    program: Pid,
    journal: Journal,
    /// There is a status to end with.
    is_over: bool,
    /// We stopped with the program.
    has_stopped: bool,
    reaper: Reaper,
    /// The signal that came last.
    arrived: Arrived,
    /// Where it hears of what happens.
    source: ManuallyDrop<Source>,
    state: State<'a>,
}

impl Parent for Watch<'_> {
    fn reaper(&mut self) -> &mut Reaper {
        &mut self.reaper
    }

    fn heeds_limit(&self) -> bool {
        self.source.heeds_limit()
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn no_child(&mut self) {
        self.act(self.state.on_no_child());
    }

    fn changed(&mut self, Look { pid, status }: Look) {
        // Later somebody else may have its number.
        let is_program = pid == self.program.0 && !self.state.has_ended;
        if !status.is_stop() {
            self.journal.note_end(pid, status, is_program);
            if is_program {
                // Who called us, or types while others are waited for, finds the terminal as it was.
                if self.state.policy.hands_terminal_over && terminal::is_in_front(pid) {
                    let _ = terminal::set_foreground(standard::input(), own_group());
                }
                let action = self.state.on_end(status);
                self.act(action);
            }
        } else if is_program {
            self.program_stopped();
        }
    }
}

impl Watch<'_> {
    // Out of line, so that fields are reached from a pointer, not from a large frame.
    #[inline(never)]
    fn supervise(&mut self) {
        while !self.is_over {
            match self.state.on_time(self.now_ms()) {
                Err(limit_ms) => self.await_event(limit_ms.min(self.reaper.quiet_ms)),
                Ok(due) => {
                    // What is late has no sender any more.
                    self.arrived = Arrived::NONE;
                    self.act(due);
                }
            }
        }
        self.journal.note(Note::End, [self.state.status, 0]);
    }

    /// The time, where anything depends on it.
    fn now_ms(&self) -> u64 {
        if self.state.needs_clock() { monotonic_ms() } else { 0 }
    }

    #[inline(never)]
    fn await_event(&mut self, limit_ms: u32) {
        match self.source.next(limit_ms) {
            // A note that nobody reads; another about it would be the next.
            Event::Signal(arrived) if arrived.is_own_pipe() => {}
            Event::Signal(arrived) => {
                self.arrived = arrived;
                let is_child = arrived.signal == Signal::CHLD;
                let note = if is_child { Note::ChildChanged } else { Note::Received };
                self.journal.note(note, [arrived.signal.0, 0]);
                let action = self.state.on_signal(&self.arrived, self.now_ms());
                self.act(action);
                self.look_now_and_then();
            }
            Event::Quiet => self.on_quiet(),
            #[cfg(feature = "run")]
            Event::ProgramStopped => self.program_stopped(),
            #[cfg(feature = "run")]
            Event::ContainerEnds => {
                let status = wait_for(self.program);
                self.changed(Look { pid: self.program.0, status });
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Nothing => {}
            Action::HandOff => self.journal.note(Note::HandOff, [self.arrived.signal.0, 0]),
            Action::Reap => self.reap(self.arrived.pid),
            Action::Send(signal) => self.send(signal),
            Action::SendAndStop(signal) => {
                self.send(signal);
                stop();
            }
            Action::SendAndEnd(signal) => {
                // As if we had been asked to.
                self.arrived = Arrived { signal: Signal::TERM, ..Arrived::NONE };
                self.send(signal);
                self.is_over = true;
            }
            Action::Resume => self.resume(),
            Action::Resize => self.source.resize(),
            Action::LookForOthers => {
                self.look_at_all();
                if !self.is_over {
                    let action = self.state.on_others(monotonic_ms());
                    self.act(action);
                }
            }
            Action::EndOthers => {
                // A stopped process takes TERM when it goes on.
                self.send(Signal::TERM);
                self.send(Signal::CONT);
            }
            Action::End => self.is_over = true,
        }
    }

    /// The program was stopped: stops us too where a shell must see it, or tells the one that must.
    fn program_stopped(&mut self) {
        self.source.tell_stop();
        let policy = self.state.policy;
        // Only a shell with our terminal can continue us; without one, or as the first on the terminal, we would stay
        // stopped for ever.
        let is_job = policy.is_job && !policy.relays_terminal && !leads_session();
        if is_job && has_controlling_terminal() {
            self.has_stopped = true;
            stop();
        }
    }

    /// Sends a signal to whom signals go now. ESRCH: it has just ended, SIGCHLD is on its way. EPERM: it has other
    /// credentials; one refusal is no reason to end.
    fn send(&mut self, signal: Signal) {
        let received = self.arrived.signal;
        if received != signal {
            self.journal.note(Note::Translated, [received.0, signal.0]);
        }
        if signal.0 == 0 {
            return;
        }
        let (state, program) = (&self.state, self.program.0);
        let leads = !state.policy.terminal_reaches_program;
        if state.reaches_all() {
            let reached = signal_all(ALL, signal);
            // Without /proc others cannot be reached, nor waited for without end.
            self.is_over |= state.has_ended && !reached && !state.options.asks(Id::WaitAll);
        } else {
            let reached = if leads && state.options.asks(Id::Group) {
                signal::kill(program.wrapping_neg(), signal).is_ok()
            } else {
                leads && state.options.asks(Id::Session) && signal_all(program, signal)
            };
            // It may not lead its group yet.
            if !reached {
                self.send_to_program(signal);
            }
        }
        self.journal.note(Note::Forwarded, [signal.0, 0]);
    }

    fn send_to_program(&self, signal: Signal) {
        let program = self.program.0;
        let keeps_sender = match self.arrived.sender {
            Sender::Kernel => false,
            Sender::Process => self.state.policy.keeps_sender,
            Sender::Queue => true,
        };
        if !keeps_sender || signal::pass_on(program, signal, &self.arrived).is_err() {
            let _ = signal::kill(program, signal);
        }
    }

    /// Makes the program's group the terminal's foreground group, if ours is it now. After a stop the whole group goes
    /// on, for Ctrl-Z has stopped all of it.
    fn resume(&mut self) {
        #[cfg(feature = "run")]
        if let Some(window) = self.source.window() {
            // The shell that continues us has set the terminal its own way.
            window.set_raw(true);
            window.resize();
            return self.send(Signal::CONT);
        }
        if terminal::is_in_front(own_group()) {
            let _ = terminal::set_foreground(standard::input(), self.program.0);
        }
        if !core::mem::take(&mut self.has_stopped) {
            return self.send(Signal::CONT);
        }
        let _ = signal::kill(self.program.0.wrapping_neg(), Signal::CONT);
    }
}
