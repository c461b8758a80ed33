//! What a supervisor does about what happens: a pure state machine.

use crate::input::signal_names::SIGNALS;
use crate::input::supervision::{Id, Style, Supervision};
use crate::sys::process::Status;
use crate::sys::signal::{Arrived, FOR_EVER, Sender, Signal};

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
    /// A signal of kill(2) keeps its sender, at the price of another `si_code`.
    pub keeps_sender: bool,
    /// Who gave the terminal up as leader of its session, which is us; the kernel then sends HUP and CONT in our name.
    /// -1: nobody.
    pub gave_terminal_up: i32,
}

impl Policy {
    /// Every signal is sent on, and nothing else.
    pub const WRAPPED: Self = Self {
        terminal_reaches_program: false,
        is_job: false,
        relays_terminal: false,
        hands_terminal_over: false,
        keeps_sender: false,
        gave_terminal_up: -1,
    };

    /// The program got what the terminal sent; the rest is sent on. PID 1 of a container.
    pub const INSIDE: Self = Self { terminal_reaches_program: true, ..Self::WRAPPED };

    /// A terminal has to be set up again when we are continued.
    const fn resumes(self) -> bool {
        self.hands_terminal_over || self.relays_terminal
    }
}

/// What to do about an event.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Action {
    /// Nothing: it has been dealt with elsewhere, or later.
    Nothing,
    /// Nothing: it was about the terminal that we gave up.
    HandOff,
    /// Take the status of every child that changed.
    Reap,
    /// Send this signal on; 0 is none.
    Send(Signal),
    /// Send it on, then stop.
    SendAndStop(Signal),
    /// Give the terminal to the program again and send SIGCONT on.
    Resume,
    /// The window changed.
    Resize,
    /// See whether any other process is left.
    LookForOthers,
    /// Ask every other process to end.
    EndOthers,
    /// Send this signal on, then end with the program's status.
    SendAndEnd(Signal),
    /// End with the program's status.
    End,
}

/// A supervisor of one program.
// Small fields first, which shorter instructions reach.
#[repr(C)]
pub struct State<'a> {
    /// What kind.
    pub policy: Policy,
    /// What is asked of it.
    pub options: &'a Supervision<'a>,
    /// The status to end with; before the program's end that of a program that nobody knows the end of.
    pub status: i32,
    /// The program has ended.
    pub has_ended: bool,
    /// How often KILL was sent to those who are left.
    kills: u8,
    /// The signals that were sent on, bit N - 1 for signal N.
    sent: u64,
    /// When each signal is to be sent on, in milliseconds of the monotonic clock; 0: it is not. The place of KILL,
    /// which never arrives, is the end of our patience.
    due_ms: [u64; SIGNALS as usize + 1],
}

/// How often KILL is repeated, for processes that were made while it was sent.
const KILL_AGAIN_MS: u64 = 100;
/// And how many times. What lives on then cannot be killed by us.
const KILLS: u8 = 20;
/// The status where the program is gone and nobody knows how.
const UNKNOWN_END: i32 = 127;

impl<'a> State<'a> {
    /// Nothing has happened yet.
    #[must_use]
    pub const fn new(policy: Policy, options: &'a Supervision<'a>) -> Self {
        let due_ms = [0; SIGNALS as usize + 1];
        Self { policy, options, status: UNKNOWN_END, has_ended: false, kills: 0, sent: 0, due_ms }
    }

    /// Whether signals reach all there are, as is asked for, or because the program has ended.
    #[must_use]
    pub const fn reaches_all(&self) -> bool {
        self.options.asks(Id::All) || self.has_ended && !self.options.asks(Id::Terminate)
    }

    /// Whether anything depends on the time.
    #[must_use]
    pub const fn needs_clock(&self) -> bool {
        let options = self.options;
        options.asks(Id::Delay) || options.asks(Id::KillAfter) || self.has_ended
    }

    /// A signal has arrived.
    #[must_use]
    pub fn on_signal(&mut self, arrived: &Arrived, now_ms: u64) -> Action {
        let policy = self.policy;
        let from_terminal = arrived.sender == Sender::Kernel && policy.terminal_reaches_program;
        let is_pause = self.options.asks(Id::Pause);
        match arrived.signal {
            Signal::CHLD => Action::Reap,
            Signal::TERM | Signal::INT if is_pause => {
                self.status = 0;
                Action::End
            }
            Signal::WINCH if policy.relays_terminal => Action::Resize,
            Signal::HUP | Signal::CONT if policy.gave_terminal_up == arrived.pid => Action::HandOff,
            _ if is_pause => Action::Nothing,
            Signal::CONT if policy.resumes() && !self.options.changes(Signal::CONT.0 as u8) => {
                Action::Resume
            }
            _ if from_terminal => Action::Nothing,
            signal => self.pass(signal, now_ms),
        }
    }

    /// Sends a signal on, now or later.
    fn pass(&mut self, signal: Signal, now_ms: u64) -> Action {
        let number = signal.0 as u8;
        match self.options.delay_ms(number) {
            0 => self.send(signal, now_ms),
            delay_ms => {
                // One that waits already is not put off by another.
                if let Some(due_ms @ 0) = self.due_ms.get_mut(usize::from(number)) {
                    *due_ms = now_ms.saturating_add(delay_ms.into());
                }
                Action::Nothing
            }
        }
    }

    fn send(&mut self, signal: Signal, now_ms: u64) -> Action {
        let options = self.options;
        let by = Signal(options.rewritten(signal.0 as u8).into());
        let ends = signal == Signal::TERM && by.0 != 0 || by == Signal::TERM;
        // A second TERM does not put KILL off.
        let is_set = self.due_ms[Signal::KILL.0 as usize] != 0;
        if ends && !is_set && options.asks(Id::KillAfter) {
            self.set_patience(now_ms.saturating_add(options.kill_after_ms.into()));
        }
        self.sent |= bit(by.0);
        match signal {
            // A program that does not lead a group in our session is stopped by us, then we stop as well.
            Signal::TSTP | Signal::TTIN | Signal::TTOU
                if !options.leads_group() && (by.0 != 0 || options.style == Style::DumbInit) =>
            {
                Action::SendAndStop(by)
            }
            _ => Action::Send(by),
        }
    }

    const fn set_patience(&mut self, due_ms: u64) {
        self.due_ms[Signal::KILL.0 as usize] = due_ms;
    }

    /// What is due by now; where nothing is, how many milliseconds until something is, or `FOR_EVER`.
    ///
    /// # Errors
    /// That is no error: it is how long to wait.
    pub fn on_time(&mut self, now_ms: u64) -> Result<Action, u32> {
        let mut least_ms = u64::from(FOR_EVER);
        for (number, place) in self.due_ms.iter_mut().enumerate() {
            let due_ms = *place;
            if due_ms == 0 {
                continue;
            }
            if due_ms <= now_ms {
                *place = 0;
                return Ok(self.on_due(Signal(number as i32), now_ms));
            }
            least_ms = least_ms.min(due_ms - now_ms);
        }
        Err(least_ms as u32)
    }

    fn on_due(&mut self, signal: Signal, now_ms: u64) -> Action {
        if signal != Signal::KILL {
            return self.send(signal, now_ms);
        }
        if self.has_ended {
            self.kills += 1;
            if self.kills > KILLS {
                return Action::End;
            }
            self.set_patience(now_ms.saturating_add(KILL_AGAIN_MS));
        }
        Action::Send(signal)
    }

    /// The program has ended, which is the end of the whole unless others are worth waiting for.
    #[must_use]
    pub fn on_end(&mut self, status: Status) -> Action {
        let options = self.options;
        let status = status.exit_status();
        self.status = if options.asks(Id::StopOk) && self.sent & bit(status - 128) != 0 {
            0
        } else {
            options.exit(status as u8).into()
        };
        self.has_ended = true;
        // What was held back for the program is nothing to the others.
        self.due_ms = [0; SIGNALS as usize + 1];
        if options.asks(Id::WaitAll) || options.asks(Id::Grace) {
            Action::LookForOthers
        } else if options.asks(Id::Terminate) {
            Action::SendAndEnd(Signal(options.rewritten(Signal::TERM.0 as u8).into()))
        } else {
            Action::End
        }
    }

    /// The program has ended, and others have not.
    #[must_use]
    pub fn on_others(&mut self, now_ms: u64) -> Action {
        let grace_ms = self.options.grace_ms;
        if self.options.asks(Id::WaitAll) {
            return Action::Nothing;
        }
        self.set_patience(now_ms.saturating_add(grace_ms.into()));
        if grace_ms == 0 { Action::Nothing } else { Action::EndOthers }
    }

    /// No child is left: the end, unless there never was one.
    #[must_use]
    pub const fn on_no_child(&self) -> Action {
        if self.options.asks(Id::Pause) { Action::Nothing } else { Action::End }
    }
}

/// The signal's bit; none for what is no signal.
const fn bit(signal: i32) -> u64 {
    if signal > 0 && signal <= SIGNALS as i32 { 1 << (signal - 1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: Policy = Policy::INSIDE;
    const RUNNER: Policy = Policy { is_job: true, ..INSIDE };
    const WITH_PTY: Policy = Policy { is_job: true, relays_terminal: true, ..Policy::WRAPPED };
    const WRAPPER: Policy = Policy { is_job: true, hands_terminal_over: true, ..Policy::WRAPPED };
    const EXITED_3: Status = Status(0x300);

    fn arrived(signal: i32, sender: Sender) -> Arrived {
        Arrived { signal: Signal(signal), sender, pid: 7, ..Arrived::NONE }
    }

    fn check(policy: Policy, sender: Sender, signal: Signal, expected: Action) {
        let options = Supervision::new();
        let mut state = State::new(policy, &options);
        let action = state.on_signal(&arrived(signal.0, sender), 0);
        assert_eq!(action, expected, "{signal:?} from {sender:?}");
    }

    fn asked(ids: &[Id]) -> Supervision<'static> {
        let mut options = Supervision::new();
        ids.iter().for_each(|id| options.ask(*id));
        options
    }

    #[test]
    fn what_the_terminal_sent_is_not_sent_twice() {
        check(RUNNER, Sender::Kernel, Signal::INT, Action::Nothing);
        check(RUNNER, Sender::Process, Signal::INT, Action::Send(Signal::INT));
        check(INSIDE, Sender::Kernel, Signal::INT, Action::Nothing);
        check(INSIDE, Sender::Process, Signal::INT, Action::Send(Signal::INT));
        check(WITH_PTY, Sender::Kernel, Signal::HUP, Action::Send(Signal::HUP));
        check(WRAPPER, Sender::Kernel, Signal::INT, Action::Send(Signal::INT));
    }

    #[test]
    fn a_stop_is_asked_of_the_program_which_may_refuse() {
        for stop in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            check(RUNNER, Sender::Kernel, stop, Action::Nothing);
            check(RUNNER, Sender::Process, stop, Action::Send(stop));
            check(WRAPPER, Sender::Process, stop, Action::Send(stop));
        }
        check(RUNNER, Sender::Process, Signal::CONT, Action::Send(Signal::CONT));
        check(WRAPPER, Sender::Process, Signal::CONT, Action::Resume);
        check(WITH_PTY, Sender::Process, Signal::CONT, Action::Resume);
    }

    #[test]
    fn a_session_of_its_own_is_stopped_outright_and_we_with_it() {
        let mut options = asked(&[Id::Session]);
        options.finish();
        let mut state = State::new(Policy::WRAPPED, &options);
        for stop in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            let action = state.on_signal(&arrived(stop.0, Sender::Process), 0);
            assert_eq!(action, Action::SendAndStop(Signal::STOP));
        }
    }

    #[test]
    fn every_other_signal_is_forwarded_and_children_are_reaped() {
        for number in (1..=64).filter(|number| *number != 17) {
            check(RUNNER, Sender::Process, Signal(number), Action::Send(Signal(number)));
            check(INSIDE, Sender::Queue, Signal(number), Action::Send(Signal(number)));
        }
        check(INSIDE, Sender::Process, Signal::CHLD, Action::Reap);
    }

    #[test]
    fn a_window_change_is_passed_on_by_the_one_with_the_terminal() {
        check(WITH_PTY, Sender::Kernel, Signal::WINCH, Action::Resize);
        check(RUNNER, Sender::Kernel, Signal::WINCH, Action::Nothing);
    }

    #[test]
    fn what_the_kernel_says_in_our_name_of_a_terminal_that_we_gave_up_goes_no_further() {
        let gave_up = Policy { gave_terminal_up: 7, ..Policy::WRAPPED };
        check(gave_up, Sender::Process, Signal::HUP, Action::HandOff);
        check(gave_up, Sender::Process, Signal::CONT, Action::HandOff);
        check(gave_up, Sender::Process, Signal::TERM, Action::Send(Signal::TERM));
        let other = Policy { gave_terminal_up: 8, ..Policy::WRAPPED };
        check(other, Sender::Process, Signal::HUP, Action::Send(Signal::HUP));
    }

    #[test]
    fn signals_are_rewritten_dropped_and_delayed() {
        let mut options = asked(&[Id::Delay]);
        options.rewrite(15, 3);
        options.rewrite(1, 0);
        options.rewrite(18, 10);
        options.delay(15, 5000);
        let mut state = State::new(WRAPPER, &options);
        let mut send = |signal, now| state.on_signal(&arrived(signal, Sender::Process), now);
        assert_eq!(send(1, 0), Action::Send(Signal(0)));
        assert_eq!(send(18, 0), Action::Send(Signal(10)));
        assert_eq!(send(15, 1000), Action::Nothing);
        // A second one does not put the first off.
        assert_eq!(send(15, 3000), Action::Nothing);
        assert_eq!(state.on_time(5999), Err(1));
        assert_eq!(state.on_time(6000), Ok(Action::Send(Signal(3))));
        assert_eq!(state.on_time(9000), Err(FOR_EVER));
    }

    #[test]
    fn patience_begins_when_term_is_sent() {
        let mut options = asked(&[Id::KillAfter, Id::Delay]);
        options.kill_after_ms = 10_000;
        options.delay(15, 2000);
        let mut state = State::new(WRAPPER, &options);
        assert!(state.needs_clock());
        assert_eq!(state.on_signal(&arrived(15, Sender::Process), 1), Action::Nothing);
        assert_eq!(state.on_time(2001), Ok(Action::Send(Signal::TERM)));
        assert_eq!(state.on_signal(&arrived(15, Sender::Process), 3000), Action::Nothing);
        assert_eq!(state.on_time(5000), Ok(Action::Send(Signal::TERM)));
        assert_eq!(state.on_time(12_000), Err(1));
        assert_eq!(state.on_time(12_001), Ok(Action::Send(Signal::KILL)));
        assert_eq!(state.on_time(20_000), Err(FOR_EVER));
    }

    #[test]
    fn the_end_is_what_was_asked_for() {
        let on_end = |ids: &[Id]| {
            let options = asked(ids);
            let mut state = State::new(WRAPPER, &options);
            (state.on_end(EXITED_3), state.status)
        };
        assert_eq!(on_end(&[]), (Action::End, 3));
        assert_eq!(on_end(&[Id::Terminate]), (Action::SendAndEnd(Signal::TERM), 3));
        let options = asked(&[Id::Terminate, Id::Group]);
        let mut state = State::new(WRAPPER, &options);
        let _ = state.on_end(EXITED_3);
        assert!(!state.reaches_all(), "dumb-init's last TERM is for the group");
        assert_eq!(on_end(&[Id::Grace]), (Action::LookForOthers, 3));
        assert_eq!(on_end(&[Id::WaitAll, Id::Grace]), (Action::LookForOthers, 3));
    }

    #[test]
    fn others_get_term_then_kill_until_they_are_gone() {
        let mut options = asked(&[Id::Grace]);
        options.grace_ms = 5000;
        let mut state = State::new(WRAPPER, &options);
        assert!(!state.reaches_all());
        let _ = state.on_end(EXITED_3);
        assert!(state.reaches_all());
        assert_eq!(state.on_others(100), Action::EndOthers);
        assert_eq!(state.on_time(100), Err(5000));
        for now_ms in (5100..7100).step_by(100) {
            assert_eq!(state.on_time(now_ms), Ok(Action::Send(Signal::KILL)));
            assert_eq!(state.on_time(now_ms), Err(100));
        }
        // Somebody else's processes are no reason to stay for ever.
        assert_eq!(state.on_time(7100), Ok(Action::End));
        assert_eq!((state.on_no_child(), state.status), (Action::End, 3));
        options.grace_ms = 0;
        let mut state = State::new(WRAPPER, &options);
        let _ = state.on_end(EXITED_3);
        assert_eq!(state.on_others(100), Action::Nothing);
        assert_eq!(state.on_time(100), Ok(Action::Send(Signal::KILL)));
    }

    #[test]
    fn statuses_are_mapped_and_an_asked_for_end_is_a_success() {
        let mut options = asked(&[Id::StopOk]);
        options.map_exit(3, 4);
        options.map_exit(4, 5);
        let end = |sent: &[i32], status| {
            let mut state = State::new(WRAPPER, &options);
            for signal in sent {
                let _ = state.on_signal(&arrived(*signal, Sender::Process), 0);
            }
            let _ = state.on_end(Status(status));
            state.status
        };
        // Not in a chain: what is 3 is 4.
        assert_eq!(end(&[], 0x300), 4);
        assert_eq!(end(&[15], 15), 0);
        assert_eq!(end(&[15], 143 << 8), 0);
        assert_eq!(end(&[], 15), 143);
        assert_eq!(end(&[15], 9), 137);
        assert_eq!(end(&[15], 0x100), 1);
        assert_eq!(end(&[64], 64), 0);
    }

    #[test]
    fn a_pause_ends_on_term_and_int_alone() {
        let options = asked(&[Id::Pause]);
        let mut state = State::new(WRAPPER, &options);
        for number in (1..=64).filter(|number| ![2, 15, 17].contains(number)) {
            let action = state.on_signal(&arrived(number, Sender::Process), 0);
            assert_eq!(action, Action::Nothing, "{number}");
        }
        assert_eq!(state.on_no_child(), Action::Nothing);
        for number in [2, 15] {
            let mut state = State::new(WRAPPER, &options);
            assert_eq!(state.on_signal(&arrived(number, Sender::Kernel), 0), Action::End);
            assert_eq!(state.status, 0);
        }
    }

    #[test]
    fn a_program_that_is_gone_unseen_has_its_own_status() {
        let options = Supervision::new();
        let state = State::new(WRAPPER, &options);
        assert_eq!((state.on_no_child(), state.status), (Action::End, 127));
    }
}
