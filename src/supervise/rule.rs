//! What a signal means to which supervisor. No system calls.

use crate::sys::process::Ended;
use crate::sys::signal::{Arrived, Sender, Signal};

/// What kind of supervisor this is.
#[derive(Clone, Copy)]
pub struct Policy {
    /// The program is in our process group, or behind another supervisor that is: what the terminal sends has
    /// reached it already.
    pub terminal_reaches_program: bool,
    /// A shell above us sees us as its job: when the program stops, so do we.
    pub is_job: bool,
    /// The program has a terminal of its own, which we relay to ours.
    pub relays_terminal: bool,
    /// The program has a process group of its own, to which the terminal is handed.
    pub hands_terminal_over: bool,
}

impl Policy {
    /// Every signal is sent on, and nothing else.
    pub const WRAPPED: Self = Self {
        terminal_reaches_program: false,
        is_job: false,
        relays_terminal: false,
        hands_terminal_over: false,
    };

    /// The program got what the terminal sent; the rest is sent on. PID 1 of a container.
    pub const INSIDE: Self = Self { terminal_reaches_program: true, ..Self::WRAPPED };
}

/// What to do about a signal.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Action {
    /// Take the status of every child that changed.
    Reap,
    /// Send it on.
    Forward,
    /// Give the terminal to the program again and send SIGCONT on.
    Resume,
    /// The window changed.
    Resize,
    /// Nothing: it has been dealt with elsewhere.
    Nothing,
}

/// The rule.
#[must_use]
pub fn decide(policy: Policy, arrived: Arrived) -> Action {
    let from_terminal = arrived.sender == Sender::Kernel && policy.terminal_reaches_program;
    match arrived.signal {
        Signal::CHLD => Action::Reap,
        Signal::WINCH if policy.relays_terminal => Action::Resize,
        Signal::CONT if policy.hands_terminal_over || policy.relays_terminal => Action::Resume,
        _ if from_terminal => Action::Nothing,
        _ => Action::Forward,
    }
}

/// Exit status that says how a program ended: its own, or 128 and the signal's number.
#[must_use]
pub fn exit_status(ended: Ended) -> i32 {
    match ended {
        Ended::Exited(status) => i32::from(status),
        Ended::Killed(signal) => 128 + signal.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: Policy = Policy::INSIDE;
    const RUNNER: Policy = Policy { is_job: true, ..INSIDE };
    const WITH_PTY: Policy = Policy { is_job: true, relays_terminal: true, ..Policy::WRAPPED };
    const WRAPPER: Policy = Policy { is_job: true, hands_terminal_over: true, ..Policy::WRAPPED };

    fn check(policy: Policy, sender: Sender, signal: Signal, expected: Action) {
        let action = decide(policy, Arrived { signal, sender });
        assert_eq!(action, expected, "{signal:?} from {sender:?}");
    }

    #[test]
    fn what_the_terminal_sent_is_not_sent_twice() {
        check(RUNNER, Sender::Kernel, Signal::INT, Action::Nothing);
        check(RUNNER, Sender::Process, Signal::INT, Action::Forward);
        check(INSIDE, Sender::Kernel, Signal::INT, Action::Nothing);
        check(INSIDE, Sender::Process, Signal::INT, Action::Forward);
        check(WITH_PTY, Sender::Kernel, Signal(1), Action::Forward);
        check(WRAPPER, Sender::Kernel, Signal::INT, Action::Forward);
    }

    #[test]
    fn a_stop_is_asked_of_the_program_which_may_refuse() {
        for stop in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            check(RUNNER, Sender::Kernel, stop, Action::Nothing);
            check(RUNNER, Sender::Process, stop, Action::Forward);
            check(INSIDE, Sender::Kernel, stop, Action::Nothing);
            check(INSIDE, Sender::Process, stop, Action::Forward);
            check(WRAPPER, Sender::Process, stop, Action::Forward);
        }
        check(RUNNER, Sender::Process, Signal::CONT, Action::Forward);
        check(WRAPPER, Sender::Process, Signal::CONT, Action::Resume);
        check(WITH_PTY, Sender::Process, Signal::CONT, Action::Resume);
    }

    #[test]
    fn every_other_signal_is_forwarded_and_children_are_reaped() {
        for number in (1..=64).filter(|number| *number != 17) {
            check(RUNNER, Sender::Process, Signal(number), Action::Forward);
            check(INSIDE, Sender::Process, Signal(number), Action::Forward);
        }
        check(INSIDE, Sender::Process, Signal::CHLD, Action::Reap);
    }

    #[test]
    fn a_window_change_is_passed_on_by_the_one_with_the_terminal() {
        let arrived = Arrived { signal: Signal::WINCH, sender: Sender::Kernel };
        assert_eq!(decide(WITH_PTY, arrived), Action::Resize);
        assert_eq!(decide(RUNNER, arrived), Action::Nothing);
    }

    #[test]
    fn statuses_are_those_of_a_shell() {
        assert_eq!(exit_status(Ended::Exited(7)), 7);
        assert_eq!(exit_status(Ended::Killed(Signal::KILL)), 137);
    }
}
