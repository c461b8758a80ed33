//! Signals: masks, waiting, sending.
//!
//! rustix keeps these calls unstable, so they are written here.

use linux_raw_sys::general as kernel;

use super::raw::syscall;
use crate::text::errno::Errno;

/// The size of the kernel's signal set in bytes, on every machine that we build for.
const SET_BYTES: usize = 8;

/// A signal number, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Signal(pub i32);

impl Signal {
    /// Terminal interrupt.
    pub const INT: Self = Self(2);
    /// Kill; cannot be caught.
    pub const KILL: Self = Self(9);
    /// A child ended, stopped or went on.
    pub const CHLD: Self = Self(17);
    /// Go on after a stop.
    pub const CONT: Self = Self(18);
    /// Stop; cannot be caught.
    pub const STOP: Self = Self(19);
    /// Stop typed at the terminal.
    pub const TSTP: Self = Self(20);
    /// Background process reads from the terminal.
    pub const TTIN: Self = Self(21);
    /// Background process writes to the terminal.
    pub const TTOU: Self = Self(22);
    /// The window size changed.
    pub const WINCH: Self = Self(28);
}

/// A set of signals in the kernel's form.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// Every signal.
    pub const ALL: Self = Self(u64::MAX);
}

/// Who sent a signal. Source: `si_code` of sigaction(2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Sender {
    /// The kernel: for keyboard signals, the terminal, which reached its whole foreground group.
    Kernel,
    /// A process.
    Process,
}

/// A signal that arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Arrived {
    /// Its number.
    pub signal: Signal,
    /// Where it comes from.
    pub sender: Sender,
}

/// The first words of the kernel's `siginfo_t`; the rest of its 128 bytes is not read.
#[repr(C, align(8))]
struct SignalInfo {
    number: i32,
    errno: i32,
    code: i32,
    rest: [i32; 29],
}

impl SignalInfo {
    const fn new() -> Self {
        Self { number: 0, errno: 0, code: 0, rest: [0; 29] }
    }

    const fn arrived(&self) -> Arrived {
        let kernel = self.code == kernel::SI_KERNEL as i32;
        let sender = if kernel { Sender::Kernel } else { Sender::Process };
        Arrived { signal: Signal(self.number), sender }
    }
}

/// Signal settings that rootlet was given, which the program must find as they were.
#[derive(Clone, Copy)]
pub struct Inherited {
    mask: SignalSet,
    children_ignored: bool,
}

impl Inherited {
    /// Takes over: blocks every signal, so that none is lost and none ends us, and lets SIGCHLD have its default
    /// effect, since ignored children leave no status.
    #[must_use]
    pub fn take_over() -> Self {
        let mut mask = SignalSet(0);
        set_mask(&SignalSet::ALL, Some(&mut mask));
        let children_ignored = exchange_handler(Signal::CHLD, DEFAULT) == IGNORE;
        Self { mask, children_ignored }
    }

    /// Gives back, in the process that becomes the program.
    pub fn restore(self) {
        if self.children_ignored {
            let _ = exchange_handler(Signal::CHLD, IGNORE);
        }
        set_mask(&self.mask, None);
    }
}

fn set_mask(mask: &SignalSet, before: Option<&mut SignalSet>) {
    let before = before.map_or(0, |set| (&raw mut *set).expose_provenance());
    let arguments = [
        kernel::SIG_SETMASK as usize,
        (&raw const *mask).expose_provenance(),
        before,
        SET_BYTES,
        0,
    ];
    // SAFETY: both sets are 8 bytes, one read, one written, as the size argument says.
    let _ = unsafe { syscall(kernel::__NR_rt_sigprocmask, arguments) };
}

/// Waits until any signal is there and takes it. rt_sigtimedwait(2).
pub fn wait() -> Arrived {
    let set = SignalSet::ALL;
    let mut info = SignalInfo::new();
    loop {
        let arguments = [
            (&raw const set).expose_provenance(),
            (&raw mut info).expose_provenance(),
            0,
            SET_BYTES,
            0,
        ];
        // SAFETY: the set is read, the 128 bytes of `info` are written, no time limit is given.
        let answer = unsafe { syscall(kernel::__NR_rt_sigtimedwait, arguments) };
        // EINTR comes after a stop and continue by the tracer or by SIGSTOP.
        if answer.is_ok() {
            return info.arrived();
        }
    }
}

/// Sends `signal` to a process or, by a negative number, to a group. kill(2).
///
/// # Errors
/// ESRCH or EPERM.
pub fn kill(pid: i32, signal: Signal) -> Result<(), Errno> {
    let arguments = [pid as usize, signal.0 as usize, 0, 0, 0];
    // SAFETY: kill has no pointers.
    unsafe { syscall(kernel::__NR_kill, arguments) }.map(drop)
}

/// What a signal does, as far as we ask: only whether a child's end is ignored matters to a PID 1.
#[repr(C)]
struct Disposition {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

/// `SIG_DFL` and `SIG_IGN`. Source: asm-generic/signal-defs.h.
const DEFAULT: usize = 0;
const IGNORE: usize = 1;

fn exchange_handler(signal: Signal, handler: usize) -> usize {
    let new = Disposition { handler, flags: 0, restorer: 0, mask: 0 };
    let mut old = Disposition { handler: DEFAULT, flags: 0, restorer: 0, mask: 0 };
    let arguments = [
        signal.0 as usize,
        (&raw const new).expose_provenance(),
        (&raw mut old).expose_provenance(),
        SET_BYTES,
        0,
    ];
    // SAFETY: both are the kernel's struct sigaction; SIG_DFL and SIG_IGN run no code of ours.
    let _ = unsafe { syscall(kernel::__NR_rt_sigaction, arguments) };
    old.handler
}
