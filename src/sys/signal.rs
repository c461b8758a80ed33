//! Signals: masks, waiting, sending.
//!
//! rustix keeps these calls unstable, so they are written here.

use linux_raw_sys::general as kernel;
#[cfg(feature = "enter")]
use rustix::fd::BorrowedFd;

#[cfg(feature = "enter")]
use super::descriptor::number;
use super::raw::syscall;
use crate::text::errno::Errno;

/// The size of the kernel's signal set in bytes, on every machine that we build for.
const SET_BYTES: usize = 8;

/// A signal number, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Signal(pub i32);

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(1);
    /// Terminal interrupt.
    pub const INT: Self = Self(2);
    /// Kill; cannot be caught.
    pub const KILL: Self = Self(9);
    /// Nobody reads what is written.
    pub const PIPE: Self = Self(13);
    /// Please end.
    pub const TERM: Self = Self(15);
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

/// How a signal was sent. Source: `si_code` of sigaction(2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Sender {
    /// By the kernel: for keyboard signals, the terminal, which reached its whole foreground group.
    Kernel,
    /// By a process, with kill(2).
    Process,
    /// By a process, with a value. sigqueue(3).
    Queue,
}

/// A signal that arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Arrived {
    /// Its number.
    pub signal: Signal,
    /// Where it comes from.
    pub sender: Sender,
    /// The process that it is about: the sender, or for SIGCHLD a child; 0 for one outside our pid namespace.
    pub pid: i32,
    /// The user of that process.
    pub uid: u32,
    /// The value that sigqueue(3) sends along.
    pub value: u64,
}

impl Arrived {
    /// Whether it is the SIGPIPE that a write of ours has brought.
    #[must_use]
    pub fn is_own_pipe(&self) -> bool {
        self.signal == Signal::PIPE && self.pid == super::process::own_pid()
    }

    /// No signal, from nobody.
    pub const NONE: Self =
        Self { signal: Signal(0), sender: Sender::Kernel, pid: 0, uid: 0, value: 0 };
}

/// The kernel's `siginfo_t`, as far as it is the same for kill(2), sigqueue(3) and SIGCHLD.
#[repr(C)]
struct SignalInfo {
    number: i32,
    errno: i32,
    code: i32,
    padding: i32,
    pid: i32,
    uid: u32,
    value: u64,
    rest: [u64; 12],
}

impl SignalInfo {
    #[inline(never)]
    const fn new(signal: Signal) -> Self {
        let number = signal.0;
        Self { number, errno: 0, code: 0, padding: 0, pid: 0, uid: 0, value: 0, rest: [0; 12] }
    }

    fn arrived(&self) -> Arrived {
        let Self { number, pid, uid, value, code, .. } = *self;
        Arrived { signal: Signal(number), sender: Sender::of_code(code), pid, uid, value }
    }
}

impl Sender {
    /// Reads `si_code`.
    pub(super) const fn of_code(code: i32) -> Self {
        const KERNEL: i32 = kernel::SI_KERNEL as i32;
        match code {
            KERNEL => Self::Kernel,
            kernel::SI_QUEUE => Self::Queue,
            _ => Self::Process,
        }
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

    /// Lets signals have the effects on us that they had before.
    #[cfg(feature = "run")]
    pub fn restore_mask(self) {
        set_mask(&self.mask, None);
    }

    /// Gives back, in the process that becomes the program.
    pub fn restore(self) {
        if self.children_ignored {
            let _ = exchange_handler(Signal::CHLD, IGNORE);
        }
        set_mask(&self.mask, None);
    }
}

/// Blocks nothing, in a process that becomes a program which was not given any settings.
#[cfg(feature = "run")]
pub fn unblock_all() {
    set_mask(&SignalSet(0), None);
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
    // SAFETY: both sets are 8 bytes, as the size argument says; one is read, one written if there is one.
    let _ = unsafe { syscall(kernel::__NR_rt_sigprocmask, arguments) };
}

/// A wait without a limit.
pub const FOR_EVER: u32 = u32::MAX;

/// Takes a signal: waits until one is there, or at most that many milliseconds. `None` when the time is up, and after an
/// interruption. rt_sigtimedwait(2).
pub fn wait(limit_ms: u32) -> Option<Arrived> {
    let set = SignalSet::ALL;
    let mut info = SignalInfo::new(Signal(0));
    let limit = [u64::from(limit_ms / 1000), u64::from(limit_ms % 1000) * 1_000_000];
    let limit = if limit_ms == FOR_EVER { 0 } else { limit.as_ptr().expose_provenance() };
    let set = (&raw const set).expose_provenance();
    let arguments = [set, (&raw mut info).expose_provenance(), limit, SET_BYTES, 0];
    // SAFETY: the set and the timespec, if there is one, are read, the 128 bytes of `info` are written.
    let answer = unsafe { syscall(kernel::__NR_rt_sigtimedwait, arguments) };
    // EAGAIN: the time is up. EINTR comes after a stop and continue, by a tracer or by SIGSTOP.
    answer.ok().map(|_| info.arrived())
}

/// Takes a signal of this set: one that is there, or waits for one. rt_sigtimedwait(2).
#[cfg(feature = "shell")]
pub fn take(set: SignalSet, waits: bool) -> Option<Signal> {
    let limit = [0_u64; 2];
    let limit = if waits { 0 } else { limit.as_ptr().expose_provenance() };
    let arguments = [(&raw const set).expose_provenance(), 0, limit, SET_BYTES, 0];
    // SAFETY: the set and the timespec, if there is one, are read; nothing is written.
    let answer = unsafe { syscall(kernel::__NR_rt_sigtimedwait, arguments) };
    answer.ok().map(|signal| Signal(signal as i32))
}

/// Blocks these signals and no others; gives those that were blocked. rt_sigprocmask(2).
#[cfg(feature = "shell")]
pub fn block(set: SignalSet) -> SignalSet {
    let mut before = SignalSet(0);
    set_mask(&set, Some(&mut before));
    before
}

/// Ignores a signal or gives it its default effect; whether it was ignored. rt_sigaction(2).
#[cfg(feature = "shell")]
pub fn set_ignored(signal: Signal, is_ignored: bool) -> bool {
    exchange_handler(signal, if is_ignored { IGNORE } else { DEFAULT }) == IGNORE
}

/// Sends `arrived` to a process as if its first sender had, where the kernel allows that: it keeps the sender and the
/// value, as those of sigqueue(3). rt_sigqueueinfo(2).
///
/// # Errors
/// ESRCH, EPERM, EAGAIN (too many are pending).
pub fn pass_on(pid: i32, signal: Signal, arrived: &Arrived) -> Result<(), Errno> {
    let mut info = SignalInfo::new(signal);
    // The code of kill(2) may not be claimed for somebody else.
    info.code = kernel::SI_QUEUE;
    (info.pid, info.uid, info.value) = (arrived.pid, arrived.uid, arrived.value);
    let pointer = (&raw const info).expose_provenance();
    let arguments = [pid as usize, signal.0 as usize, pointer, 0, 0];
    // SAFETY: the kernel reads 128 bytes of `info`.
    unsafe { syscall(kernel::__NR_rt_sigqueueinfo, arguments) }.map(drop)
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

/// Sends `signal` to the process that a pidfd holds. pidfd_send_signal(2).
///
/// # Errors
/// ESRCH, EPERM.
#[cfg(feature = "enter")]
pub fn signal_process(process: BorrowedFd<'_>, signal: Signal) -> Result<(), Errno> {
    let arguments = [number(process), signal.0 as usize, 0, 0, 0];
    // SAFETY: no pointers: without a siginfo_t the kernel fills in who sends.
    unsafe { syscall(kernel::__NR_pidfd_send_signal, arguments) }.map(drop)
}

/// The kernel's struct sigaction, which has `restorer` on both machines. Handlers of ours do not exist: a signal is ignored
/// or has its default effect.
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
    // SAFETY: both are the kernel's struct sigaction, one read, one written; SIG_DFL and SIG_IGN run no code of ours.
    let _ = unsafe { syscall(kernel::__NR_rt_sigaction, arguments) };
    old.handler
}
