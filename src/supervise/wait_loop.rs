//! The loop: wait, decide, act, until the program has ended.

#[cfg(feature = "run")]
use super::relay::Relay;
use super::rule::{Action, Policy, decide};
use crate::sys::process::{Change, Ended, Pid, next_change};
use crate::sys::signal::{self, Arrived, Signal};
use crate::sys::standard;
use crate::sys::terminal;

/// What a loop waits on.
#[allow(clippy::large_enum_variant, reason = "a process has one of them, and no heap")]
pub enum Source {
    /// Signals alone.
    Signals,
    /// Signals, and a terminal that is relayed meanwhile.
    #[cfg(feature = "run")]
    Terminal(Relay),
}

impl Source {
    fn next(&mut self) -> Arrived {
        match self {
            #[cfg(feature = "run")]
            Self::Terminal(relay) => relay.next_signal(),
            Self::Signals => signal::wait(),
        }
    }

    fn resize(&mut self) {
        #[cfg(feature = "run")]
        if let Self::Terminal(relay) = self {
            relay.resize();
        }
    }

    /// The caller's terminal in raw mode, or as it was before us.
    fn set_raw(&mut self, raw: bool) {
        match self {
            #[cfg(feature = "run")]
            Self::Terminal(relay) => relay.set_raw(raw),
            Self::Signals => {
                let _ = raw;
            }
        }
    }

    /// Shows the last output and gives the terminal back.
    pub fn finish(self) {
        #[cfg(feature = "run")]
        if let Self::Terminal(relay) = self {
            relay.finish();
        }
    }
}

/// Supervises `program` until it has ended. Every other child that comes along is reaped.
/// `target` is what signals go to: its pid, or its process group as a negative number.
pub fn supervise(program: Pid, target: i32, policy: Policy, source: &mut Source) -> Ended {
    loop {
        let arrived = source.next();
        match decide(policy, arrived) {
            Action::Reap => {
                if let Some(ended) = reap(program, policy, source) {
                    return ended;
                }
            }
            Action::Forward => forward(target, arrived.signal),
            Action::ForwardAndStop => {
                forward(target, arrived.signal);
                stop(source);
            }
            Action::Stop => stop(source),
            Action::Resume => {
                give_terminal(target);
                forward(target, Signal::CONT);
            }
            Action::Resize => source.resize(),
            Action::Nothing => {}
        }
    }
}

/// Takes every change that is there: SIGCHLDs merge, so one may stand for many.
fn reap(program: Pid, policy: Policy, source: &mut Source) -> Option<Ended> {
    let mut program_ended = None;
    while let Some((pid, change)) = next_change(policy.hands_terminal_over) {
        match change {
            Change::Ended(ended) if pid == program => program_ended = Some(ended),
            // A stopped program stops us, so that the shell above sees its job stopped.
            Change::Stopped(_) if pid == program && policy.is_job => stop(source),
            _ => {}
        }
        if program_ended.is_some() {
            break;
        }
    }
    program_ended
}

/// Sends a signal on. ESRCH: it has just ended, SIGCHLD is on its way. EPERM: it has other credentials; one
/// refusal is no reason to end.
fn forward(target: i32, signal: Signal) {
    let _ = signal::kill(target, signal);
}

/// Stops this process as the signal would have, and goes on when it is continued. Whoever sees us stopped
/// gets the terminal as it was.
fn stop(source: &mut Source) {
    source.set_raw(false);
    // To ourselves: pid 0 would reach the whole group.
    let own = rustix::process::getpid().as_raw_pid();
    let _ = signal::kill(own, Signal::STOP);
    source.set_raw(true);
    source.resize();
}

/// Makes the program's group the terminal's foreground group, if ours is it now.
fn give_terminal(target: i32) {
    let own = rustix::process::getpgrp().as_raw_pid();
    if terminal::foreground(standard::input()) == Ok(own) {
        let _ = terminal::set_foreground(standard::input(), target.wrapping_neg());
    }
}
