//! Signals as a descriptor, beside other descriptors. signalfd(2).

use linux_raw_sys::general as kernel;
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use super::signal::{Arrived, Sender, Signal};
use crate::text::errno::Errno;

/// `SFD_CLOEXEC | SFD_NONBLOCK`. Source: linux/signalfd.h.
const FLAGS: usize = 0o2_000_000 | 0o4000;

/// `struct signalfd_siginfo`: number, errno, code, pid, uid, and what is not read.
#[repr(C, align(8))]
struct Record {
    number: i32,
    errno: i32,
    code: i32,
    pid: i32,
    uid: u32,
    rest: [i32; 27],
}

/// A descriptor that is readable when any blocked signal is there.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM.
pub fn open() -> Result<Descriptor, Errno> {
    open_for(u64::MAX)
}

/// The same for the signals of a set, with the lowest bit for the first: no other is taken by it.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM.
pub fn open_for(set: u64) -> Result<Descriptor, Errno> {
    let pointer = (&raw const set).expose_provenance();
    let arguments = [usize::MAX, pointer, size_of::<u64>(), FLAGS, 0];
    // SAFETY: the kernel reads a set of 8 bytes.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_signalfd4, arguments) }?)
}

/// Takes the next signal; `None` when none is there.
pub fn take(file: BorrowedFd<'_>) -> Option<Arrived> {
    let mut record = Record { number: 0, errno: 0, code: 0, pid: 0, uid: 0, rest: [0; 27] };
    let arguments =
        [number(file), (&raw mut record).expose_provenance(), size_of::<Record>(), 0, 0];
    // SAFETY: the kernel writes at most one whole record.
    let length = unsafe { syscall(kernel::__NR_read, arguments) };
    let Record { number, code, pid, uid, .. } = record;
    let signal = Signal(number);
    // A value is not taken along, so nothing is kept.
    let sender = match Sender::of_code(code) {
        Sender::Kernel => Sender::Kernel,
        _ => Sender::Process,
    };
    (length == Ok(size_of::<Record>())).then_some(Arrived { signal, sender, pid, uid, value: 0 })
}
