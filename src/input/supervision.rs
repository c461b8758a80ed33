//! What a supervisor of one program is asked to be: plain data.

use core::ffi::CStr;

/// Whose command line, messages and exit codes these are.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u8)]
pub enum Style {
    /// Our own.
    Rootlet,
    /// tini's, which is docker-init's as well.
    Tini,
    /// dumb-init's.
    DumbInit,
    /// catatonit's.
    Catatonit,
}

/// Every option, and what a style brings along. Its number is its bit in `Supervision::asked`. The first are the
/// options of `rootlet init` in the order of its manual.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[allow(missing_docs, reason = "each is the option of that name")]
#[repr(u8)]
pub enum Id {
    /// Signals reach the group that the program leads.
    Group,
    /// The program leads a session; without `Group`, signals reach all of it.
    Session,
    /// Signals reach every process of the pid namespace for its PID 1, every descendant for another.
    All,
    Rewrite,
    Drop,
    Delay,
    KillAfter,
    /// When the program has ended the others get TERM, `grace_ms`, KILL.
    Grace,
    /// When the program has ended the others are waited for.
    WaitAll,
    ExitMap,
    /// An end by a signal that was passed on is a success.
    StopOk,
    OomScoreAdj,
    /// There is no program.
    Pause,
    Help,
    /// Orphans are adopted also when not PID 1.
    Subreaper,
    /// The program stays in its supervisor's group.
    SingleChild,
    /// Reaping an orphan is a warning.
    Warn,
    Verbose,
    /// Of the supervisor, when its parent dies.
    DeathSignal,
    Licence,
    Version,
    Verbosity,
    Reserved,
    /// When the program has ended the target gets TERM, and that is the end.
    Terminate,
}

/// How to supervise a program.
// In this order the small fields come first, which shorter instructions reach.
#[repr(C)]
pub struct Supervision<'a> {
    /// A bit for each `Id` that is asked for.
    asked: u32,
    /// Whose command line, messages and exit codes hold.
    pub style: Style,
    /// 0: what is fatal, 1: warnings, 2: what happens, for tini 3: every signal and child.
    pub verbosity: u8,
    /// For `DeathSignal`.
    pub death_signal: u8,
    /// For `KillAfter`.
    pub kill_after_ms: u32,
    /// For `Grace`.
    pub grace_ms: u32,
    /// For `OomScoreAdj`.
    pub oom_score_adj: Option<&'a CStr>,
    /// What each signal becomes, XOR its own number, so that zero changes nothing.
    rewrites: [u8; 256],
    /// What each exit status becomes, XOR itself.
    exits: [u8; 256],
    /// How much later each signal is sent on.
    delays_ms: [u32; 256],
}

const STOP: u8 = 19;
/// TSTP, TTIN, TTOU.
const JOB_STOPS: [u8; 3] = [20, 21, 22];

impl Supervision<'_> {
    /// Nothing special: every signal goes on to the program, whose end is the end.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            asked: 0,
            style: Style::Rootlet,
            verbosity: 0,
            death_signal: 0,
            kill_after_ms: 0,
            grace_ms: 0,
            oom_score_adj: None,
            rewrites: [0; 256],
            exits: [0; 256],
            delays_ms: [0; 256],
        }
    }

    /// Whether it is asked for.
    #[must_use]
    pub const fn asks(&self, id: Id) -> bool {
        self.asked & 1 << id as u32 != 0
    }

    /// Asks for it.
    pub const fn ask(&mut self, id: Id) {
        self.asked |= 1 << id as u32;
    }

    /// The program leads a process group of its own in our session.
    #[must_use]
    pub const fn leads_group(&self) -> bool {
        !self.asks(Id::Session) && !self.asks(Id::SingleChild)
    }

    /// What follows from what is asked for, once all of it is known.
    pub fn finish(&mut self) {
        if self.asks(Id::SingleChild) {
            // The program is in our own group, so no signal goes to a group: it would reach us too.
            self.asked &= !(1 << Id::Session as u32 | 1 << Id::Group as u32);
        }
        if self.asks(Id::Session) {
            // A session of its own cannot be stopped as a job of ours, so it is stopped outright.
            for stop in JOB_STOPS {
                if self.rewritten(stop) == stop {
                    self.rewrite(stop, STOP);
                }
            }
        }
    }

    /// What is sent on in place of `signal`; 0: nothing.
    #[must_use]
    pub const fn rewritten(&self, signal: u8) -> u8 {
        self.rewrites[signal as usize] ^ signal
    }

    /// Whether `signal` does not go on as it is, at once.
    #[must_use]
    pub const fn changes(&self, signal: u8) -> bool {
        self.rewrites[signal as usize] != 0 || self.delay_ms(signal) != 0
    }

    /// How many milliseconds later `signal` is sent on.
    #[must_use]
    pub const fn delay_ms(&self, signal: u8) -> u32 {
        self.delays_ms[signal as usize]
    }

    /// Replaces `signal`.
    pub const fn rewrite(&mut self, signal: u8, by: u8) {
        self.rewrites[signal as usize] = signal ^ by;
    }

    /// Holds `signal` back.
    pub const fn delay(&mut self, signal: u8, delay_ms: u32) {
        self.delays_ms[signal as usize] = delay_ms;
    }

    /// The status to end with where the program has ended with `status`.
    #[must_use]
    pub const fn exit(&self, status: u8) -> u8 {
        self.exits[status as usize] ^ status
    }

    /// Replaces a status.
    pub const fn map_exit(&mut self, status: u8, by: u8) {
        self.exits[status as usize] = status ^ by;
    }
}

impl Default for Supervision<'_> {
    fn default() -> Self {
        Self::new()
    }
}
