//! Processes: making, becoming, waiting for and ending them.
//!
//! rustix keeps these calls unstable, so they are written here.

use core::ffi::CStr;

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

#[cfg(feature = "run")]
use super::descriptor::Descriptor;
use super::descriptor::number;
use super::raw::syscall;
use super::signal::Signal;
use super::vectors::Strings;
use crate::text::errno::Errno;

/// A process id in our own pid namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Pid(pub i32);

/// Which side of a fork this is.
pub enum Side {
    /// The new process.
    Child,
    /// The one that made it, with the child's id.
    Parent(Pid),
}

/// When `fork` returns in the parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At once.
    Made,
    /// When the child has executed a program or has ended.
    Executed,
}

/// Makes a child with a copy of this process. clone(2) with SIGCHLD, which every kernel and filter allows.
///
/// # Errors
/// EAGAIN or ENOMEM.
pub fn fork(until: Until) -> Result<Side, Errno> {
    let wait = if until == Until::Executed { kernel::CLONE_VFORK as usize } else { 0 };
    let arguments = [Signal::CHLD.0 as usize | wait, 0, 0, 0, 0];
    // SAFETY: without CLONE_VM the child has memory of its own, the stack too, so both sides go on as they are; there are
    // no other threads whose locks could be lost.
    side(unsafe { syscall(kernel::__NR_clone, arguments) })
}

fn side(answer: Result<usize, Errno>) -> Result<Side, Errno> {
    match answer? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Pid(pid as i32))),
    }
}

/// Makes a child in the new namespaces of `flags` (`CLONE_NEW*`), and in a cgroup of v2 where one is given. clone3(2).
///
/// # Errors
/// EPERM, EINVAL (a namespace that the kernel lacks), ENOSPC (a limit), EAGAIN, ENOMEM, ENOSYS.
#[cfg(feature = "run")]
pub fn clone_into_namespaces(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    let mut arguments = CloneArguments {
        flags: flags | if cgroup.is_some() { INTO_CGROUP } else { 0 },
        exit_signal: Signal::CHLD.0 as u64,
        cgroup: cgroup.map_or(0, |cgroup| number(cgroup) as u64),
        ..CloneArguments::default()
    };
    let pointers = [(&raw mut arguments).expose_provenance(), size_of::<CloneArguments>(), 0, 0, 0];
    // SAFETY: as in `fork`, since `flags` are `CLONE_NEW*` alone; the kernel only reads the arguments.
    side(unsafe { syscall(kernel::__NR_clone3, pointers) })
}

/// `CLONE_INTO_CGROUP`. Source: linux/sched.h.
#[cfg(feature = "run")]
const INTO_CGROUP: u64 = 1 << 33;

/// `struct clone_args`, version 2 (Linux 5.7). Source: clone(2).
#[cfg(feature = "run")]
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Becomes `program`. Returns only when that failed. execve(2).
pub fn execute(program: &CStr, arguments: Strings<'_>, environment: Strings<'_>) -> Errno {
    let pointers = [
        program.as_ptr().expose_provenance(),
        arguments.as_ptr().expose_provenance(),
        environment.as_ptr().expose_provenance(),
        0,
        0,
    ];
    // SAFETY: a NUL-terminated path and two null-terminated vectors of such strings.
    match unsafe { syscall(kernel::__NR_execve, pointers) } {
        Ok(_) => Errno(0),
        Err(errno) => errno,
    }
}

/// Becomes the program in `file`, with our own arguments and environment. Returns only when that failed. execveat(2).
#[cfg(feature = "run")]
pub fn execute_file(file: &Descriptor, vectors: super::vectors::Vectors) -> Errno {
    let arguments = [
        number(file.as_fd()),
        c"".as_ptr().expose_provenance(),
        vectors.arguments.as_ptr().expose_provenance(),
        vectors.environment.as_ptr().expose_provenance(),
        kernel::AT_EMPTY_PATH as usize,
    ];
    // SAFETY: an empty path and two null-terminated vectors of strings.
    match unsafe { syscall(kernel::__NR_execveat, arguments) } {
        Ok(_) => Errno(0),
        Err(errno) => errno,
    }
}

/// Sets the name of this process that ps(1) shows; the kernel cuts it after 15 bytes. prctl(2), PR_SET_NAME.
#[cfg(feature = "run")]
pub fn set_name(name: &CStr) {
    let pointer = name.as_ptr().expose_provenance();
    let arguments = [linux_raw_sys::prctl::PR_SET_NAME as usize, pointer, 0, 0, 0];
    // SAFETY: the name is NUL-terminated and only read. It cannot fail.
    let _ = unsafe { syscall(kernel::__NR_prctl, arguments) };
}

/// What `wait4` says of a child, as the kernel encodes it. Source: wait(2), the W* macros.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Status(pub i32);

impl Status {
    /// It was stopped; else it is gone, and reaped now.
    #[must_use]
    pub const fn is_stop(self) -> bool {
        self.0 & 0xff == 0x7f
    }

    /// The signal that killed it; 0 when it exited.
    #[must_use]
    pub const fn signal(self) -> i32 {
        self.0 & 0x7f
    }

    /// The exit status that says how it ended: its own, or 128 and the signal's number.
    #[must_use]
    pub const fn exit_status(self) -> i32 {
        match self.signal() {
            0 => self.0 >> 8 & 0xff,
            signal => 128 + signal,
        }
    }
}

/// Any child of ours.
pub const ANY: i32 = -1;

/// What a look at our children finds.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Look {
    /// The child that has changed; 0: nothing has changed, negative: there is no such child.
    pub pid: i32,
    /// How.
    pub status: Status,
}

/// Takes a change of this child that is there already, without waiting. wait4(2), WNOHANG.
#[must_use]
pub fn look_at(child: i32) -> Look {
    let mut status = 0_i32;
    let options = kernel::WNOHANG | kernel::WUNTRACED;
    let arguments = [child as usize, (&raw mut status).expose_provenance(), options as usize, 0, 0];
    // SAFETY: the kernel writes four bytes of status; no usage record is asked for.
    let pid = unsafe { syscall(kernel::__NR_wait4, arguments) }.map_or(-1, |pid| pid as i32);
    Look { pid, status: Status(status) }
}

/// Waits for any child to end and reaps it; false when there is none. No handler of ours could interrupt it. wait4(2).
#[cfg(feature = "run")]
#[must_use]
pub fn wait_for_any() -> bool {
    // SAFETY: nothing is written: no status and no usage record are asked for.
    unsafe { syscall(kernel::__NR_wait4, [usize::MAX, 0, 0, 0, 0]) }.is_ok()
}

/// Waits until this child has ended, and reaps it. wait4(2).
#[cfg(any(feature = "run", feature = "boot"))]
#[must_use]
pub fn wait_for(pid: Pid) -> Status {
    loop {
        let mut status = 0_i32;
        let arguments = [pid.0 as usize, (&raw mut status).expose_provenance(), 0, 0, 0];
        // SAFETY: the kernel writes four bytes of status; no usage record is asked for.
        match unsafe { syscall(kernel::__NR_wait4, arguments) } {
            Err(Errno::INTR) => {}
            // It is gone already and nobody knows how; as if it had been killed.
            Err(_) => return Status(Signal::KILL.0),
            Ok(_) => return Status(status),
        }
    }
}

/// Our process id. getpid(2).
#[must_use]
pub fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

/// The process id of our parent; 0 when that is outside our pid namespace. getppid(2).
#[must_use]
pub fn parent_pid() -> i32 {
    rustix::process::getppid().map_or(0, |pid| pid.as_raw_pid())
}

/// Our process group; 0, for which rustix has no value, when it belongs to a parent of our pid namespace. getpgid(2).
#[must_use]
pub fn own_group() -> i32 {
    // SAFETY: no pointers; it cannot fail for ourselves.
    unsafe { syscall(kernel::__NR_getpgid, [0; 5]) }.map_or(0, |group| group as i32)
}

/// Whether we lead our session. getsid(2).
#[must_use]
pub fn leads_session() -> bool {
    // SAFETY: no pointers; it cannot fail for ourselves.
    let session = unsafe { syscall(kernel::__NR_getsid, [0; 5]) };
    session == Ok(own_pid() as usize)
}

/// Sends ourselves `signal` when the thread that started us ends. prctl(2), PR_SET_PDEATHSIG; rustix knows no
/// real-time signals.
///
/// # Errors
/// EINVAL for what is no signal.
pub fn set_death_signal(signal: Signal) -> Result<(), Errno> {
    // SAFETY: a signal's number.
    unsafe { prctl([linux_raw_sys::prctl::PR_SET_PDEATHSIG as usize, signal.0 as usize, 0, 0, 0]) }
}

/// Orphans among our descendants become our children although we are not PID 1. prctl(2), PR_SET_CHILD_SUBREAPER.
///
/// # Errors
/// Those of prctl(2); none is known.
pub fn adopt_orphans() -> Result<(), Errno> {
    // Any pid means yes.
    let yes = Some(rustix::process::Pid::INIT);
    rustix::process::set_child_subreaper(yes).map_err(Errno::from)
}

/// A new session keyring without a name. keyctl(2), KEYCTL_JOIN_SESSION_KEYRING.
///
/// # Errors
/// ENOSYS where the kernel has no keyrings, EDQUOT, ENOMEM.
#[cfg(feature = "run")]
pub fn join_session_keyring() -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: usize = 1;
    // SAFETY: no pointers: a null name.
    unsafe { syscall(kernel::__NR_keyctl, [JOIN_SESSION_KEYRING, 0, 0, 0, 0]) }.map(drop)
}

/// Drops a capability from the bounding set. prctl(2), PR_CAPBSET_DROP; rustix takes only capabilities that it knows.
///
/// # Errors
/// EINVAL for one that the kernel does not have, EPERM.
#[cfg(feature = "run")]
pub fn drop_from_bounding_set(capability: u32) -> Result<(), Errno> {
    // SAFETY: a capability's number.
    unsafe { prctl([linux_raw_sys::prctl::PR_CAPBSET_DROP as usize, capability as usize, 0, 0, 0]) }
}

/// Adds a capability that is permitted and inheritable to the ambient set. prctl(2), PR_CAP_AMBIENT_RAISE.
///
/// # Errors
/// EPERM, EINVAL.
#[cfg(feature = "run")]
pub fn raise_ambient(capability: u32) -> Result<(), Errno> {
    use linux_raw_sys::prctl::{PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE};
    // SAFETY: what is done to the set, and a capability's number.
    unsafe {
        prctl([PR_CAP_AMBIENT as usize, PR_CAP_AMBIENT_RAISE as usize, capability as usize, 0, 0])
    }
}

/// Makes new namespaces of `kinds` (`CLONE_NEW*`) and goes into them; those of clocks are for our children. unshare(2).
///
/// # Errors
/// EPERM, ENOSPC (a limit), ENOMEM, EINVAL for a kind that the kernel lacks.
#[cfg(feature = "run")]
pub fn unshare(kinds: u64) -> Result<(), Errno> {
    // SAFETY: no pointers; namespaces change what calls answer, not our memory.
    unsafe { syscall(kernel::__NR_unshare, [kinds as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Holds a process, so that its number is not taken for another's. pidfd_open(2).
///
/// # Errors
/// ESRCH, EMFILE, ENFILE.
#[cfg(feature = "run")]
pub fn open_process(pid: i32) -> Result<Descriptor, Errno> {
    // SAFETY: no pointers.
    Descriptor::from_answer(unsafe {
        syscall(kernel::__NR_pidfd_open, [pid as usize, 0, 0, 0, 0])
    }?)
}

/// Joins namespaces of `kinds` (`CLONE_NEW*`): the one that `file` is of, or those of the process that it is a pidfd of.
/// setns(2); pidfds since Linux 5.8.
///
/// # Errors
/// EINVAL for a file that is of none, or of another kind, and for our own user namespace; EPERM; ESRCH.
#[cfg(feature = "run")]
pub fn join_namespaces(file: BorrowedFd<'_>, kinds: u64) -> Result<(), Errno> {
    let arguments = [number(file), kinds as usize, 0, 0, 0];
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_setns, arguments) }.map(drop)
}

/// Soft and hard limit of a process, 0 for ourselves; `new` sets them. prlimit(2).
///
/// # Errors
/// EPERM for raising a hard limit, EINVAL, ESRCH.
#[cfg(any(feature = "run", feature = "shell"))]
pub fn limit(pid: Pid, kind: u8, new: Option<(u64, u64)>) -> Result<(u64, u64), Errno> {
    let mut old = [0_u64; 2];
    let wanted = new.map(|(soft, hard)| [soft, hard]);
    let pointer = wanted.as_ref().map_or(0, |pair| pair.as_ptr().expose_provenance());
    let arguments = [pid.0 as usize, kind.into(), pointer, old.as_mut_ptr().expose_provenance(), 0];
    // SAFETY: two `struct rlimit64`, one read where there is one, one written.
    unsafe { syscall(kernel::__NR_prlimit64, arguments) }?;
    let [soft, hard] = old;
    Ok((soft, hard))
}

/// prctl(2), an operation that takes numbers.
///
/// # Safety
/// The operation follows no pointer, and does nothing to memory.
unsafe fn prctl(arguments: [usize; 5]) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    unsafe { syscall(kernel::__NR_prctl, arguments) }.map(drop)
}

/// Closes every descriptor from `first` on.
///
/// # Errors
/// Those of `close_range`.
pub fn close_from(first: u32) -> Result<(), Errno> {
    close_range(first, u32::MAX)
}

/// Closes every descriptor from `first` to `last`, which nobody may own any more. close_range(2).
///
/// # Errors
/// ENOSYS before Linux 5.9.
pub fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    let arguments = [first as usize, last as usize, 0, 0, 0];
    // SAFETY: no pointers, and no descriptor that is still used: the callers have left theirs open or moved them.
    unsafe { syscall(kernel::__NR_close_range, arguments) }.map(drop)
}

/// Makes number `to` another name of `descriptor`, closing what had it. dup3(2).
///
/// # Errors
/// EBADF, EBUSY; EINVAL when both are the same.
pub fn duplicate_to(descriptor: BorrowedFd<'_>, to: i32, close_on_exec: bool) -> Result<(), Errno> {
    let flags = if close_on_exec { kernel::O_CLOEXEC } else { 0 };
    let arguments = [number(descriptor), to as usize, flags as usize, 0, 0];
    // SAFETY: no pointers, and what is closed is the callers' to close: a standard descriptor, or the link's number.
    unsafe { syscall(kernel::__NR_dup3, arguments) }.map(drop)
}

/// The same as `duplicate_to`, close-on-exec, giving the owner of the new number.
///
/// # Errors
/// EBADF, EBUSY, EINVAL.
#[cfg(feature = "run")]
pub fn duplicate_as(descriptor: BorrowedFd<'_>, to: i32) -> Result<Descriptor, Errno> {
    duplicate_to(descriptor, to, true)?;
    Descriptor::from_answer(to as usize)
}

/// Ends this process at once. exit_group(2).
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: exit_group has no pointers and does not return.
        let _ = unsafe { syscall(kernel::__NR_exit_group, [status as usize, 0, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses_are_decoded() {
        for (status, signal, exit) in [(0, 0, 0), (0x0300, 0, 3), (9, 9, 137), (0x8b, 11, 139)] {
            assert_eq!((Status(status).signal(), Status(status).exit_status()), (signal, exit));
            assert!(!Status(status).is_stop());
        }
        assert!(Status(0x137f).is_stop());
    }
}
