//! The loop: wait, decide, act, until the program has ended.

#[cfg(feature = "run")]
use super::relay::Relay;
use super::rule::{Action, Policy, decide};
#[cfg(feature = "run")]
use super::window::Window;
#[cfg(feature = "run")]
use crate::sys::descriptor::Descriptor;
#[cfg(feature = "run")]
use crate::sys::process::wait_for;
use crate::sys::process::{Change, Ended, Pid, next_change, own_group};
use crate::sys::signal::{self, Arrived, Signal};
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
    /// The program, which is not our child, was stopped.
    ProgramStopped,
    /// The container's first process is ending.
    #[cfg(feature = "run")]
    ContainerEnds,
}

impl Source {
    fn next(&mut self) -> Event {
        match self {
            #[cfg(feature = "run")]
            Self::Supervisor(relay) => relay.next_event(),
            _ => Event::Signal(signal::wait()),
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

    /// The program was stopped: stops us too where a shell must see it, or tells the one that must.
    fn program_stopped(&mut self, policy: Policy) {
        #[cfg(feature = "run")]
        if let Self::Inside { link, is_job: true } = self {
            crate::run::link::send_stopped(link);
        }
        // Only a shell with our terminal can continue us; without one we would stay stopped for ever.
        if policy.is_job && !policy.relays_terminal && has_controlling_terminal() {
            stop();
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
    let own = rustix::process::getpid().as_raw_pid();
    let _ = signal::kill(own, Signal::STOP);
}

/// Supervises `program` until it has ended. Every other child that comes along is reaped.
pub fn supervise(program: Pid, policy: Policy, source: &mut Source) -> Ended {
    loop {
        let arrived = match source.next() {
            Event::Signal(arrived) => arrived,
            Event::ProgramStopped => {
                source.program_stopped(policy);
                continue;
            }
            #[cfg(feature = "run")]
            Event::ContainerEnds => return wait_for(program),
        };
        match decide(policy, arrived) {
            Action::Reap => {
                if let Some(ended) = reap(program, policy, source) {
                    return ended;
                }
            }
            Action::Forward => forward(program.0, arrived.signal),
            Action::Resume => resume(program, source),
            Action::Resize => source.resize(),
            Action::Nothing => {}
        }
    }
}

/// Takes every change that is there: SIGCHLDs merge, so one may stand for many.
fn reap(program: Pid, policy: Policy, source: &mut Source) -> Option<Ended> {
    while let Some((pid, change)) = next_change() {
        match change {
            Change::Ended(ended) if pid == program => return Some(ended),
            Change::Stopped(_) if pid == program => source.program_stopped(policy),
            _ => {}
        }
    }
    None
}

/// Sends a signal on. ESRCH: it has just ended, SIGCHLD is on its way. EPERM: it has other credentials; one
/// refusal is no reason to end.
fn forward(target: i32, signal: Signal) {
    let _ = signal::kill(target, signal);
}

/// Makes the program's group the terminal's foreground group, if ours is it now, and continues the whole
/// group: Ctrl-Z has stopped all of it.
fn resume(program: Pid, source: &mut Source) {
    #[cfg(feature = "run")]
    if let Some(window) = source.window() {
        // The shell that continues us has set the terminal its own way.
        window.set_raw(true);
        window.resize();
        return forward(program.0, Signal::CONT);
    }
    let _ = source;
    if terminal::is_in_front(own_group()) {
        let _ = terminal::set_foreground(standard::input(), program.0);
    }
    forward(program.0.wrapping_neg(), Signal::CONT);
}
