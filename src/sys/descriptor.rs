//! File descriptors that are ours to close, and the calls that make them.
//!
//! rustix's own type without std asserts at each use that its number is not -1; that is a panic path, so the
//! calls that answer with a descriptor are made here. rustix takes ours through `AsFd`.

use core::ffi::CStr;

use linux_raw_sys::general as kernel;
use rustix::fd::{AsFd, BorrowedFd, RawFd};

use super::raw::syscall;
use crate::text::errno::Errno;
#[cfg(feature = "run")]
use crate::text::line::Line;

/// A descriptor that is closed when it is dropped.
pub struct Descriptor(RawFd);

impl Descriptor {
    /// Owns what a system call has just answered with.
    ///
    /// # Errors
    /// EBADF for what is no descriptor; the kernel does not answer so.
    pub fn from_answer(answer: usize) -> Result<Self, Errno> {
        const NO_DESCRIPTOR: Errno = Errno(9);
        RawFd::try_from(answer).map(Self).map_err(|_| NO_DESCRIPTOR)
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> RawFd {
        self.0
    }

    /// Lends it.
    #[must_use]
    pub const fn as_fd(&self) -> BorrowedFd<'_> {
        borrow(self.0)
    }

    /// Appends the path that leads to what it is open on.
    #[cfg(feature = "run")]
    pub fn append_path(&self, line: &mut Line) {
        Held(borrow(self.0)).append_path(line);
    }

    /// Lends it for ever: it is left open, as by `leave_open`.
    #[cfg(feature = "run")]
    #[must_use]
    pub fn hold(self) -> Held {
        let held = Held(borrow(self.0));
        self.leave_open();
        held
    }

    /// Forgets it without closing: somebody closes a whole range later.
    pub fn leave_open(self) {
        core::mem::forget(self);
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        borrow(self.0)
    }
}

impl Drop for Descriptor {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: no pointers; the descriptor is ours to close, and not used again.
        let _ = unsafe { syscall(kernel::__NR_close, [self.0 as usize, 0, 0, 0, 0]) };
    }
}

/// Writes all of it. write(2)
///
/// # Errors
/// Those of write(2), but for EINTR.
#[cfg(any(feature = "run", feature = "shell"))]
#[inline(never)]
pub fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// A descriptor that its holder does not close: a whole range is closed when the container is built, and all end with the
/// process when that fails. So no error on the way has anything to close.
#[cfg(feature = "run")]
#[derive(Clone, Copy)]
pub struct Held(BorrowedFd<'static>);

#[cfg(feature = "run")]
impl Held {
    /// Lends it.
    #[must_use]
    pub const fn as_fd(self) -> BorrowedFd<'static> {
        self.0
    }

    /// Appends the path that leads to what it is open on.
    pub fn append_path(self, line: &mut Line) {
        line.text("/proc/self/fd/").number(number(self.0) as u64);
    }
}

#[cfg(feature = "run")]
impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

/// Lends a number to rustix, without the assertion of `BorrowedFd::borrow_raw`.
pub(super) const fn borrow<'a>(number: RawFd) -> BorrowedFd<'a> {
    // SAFETY: BorrowedFd is a transparent RawFd but for -1, and numbers here are never negative.
    unsafe { core::mem::transmute::<RawFd, BorrowedFd<'a>>(number) }
}

/// The number of a descriptor of any owner.
pub(super) fn number(descriptor: BorrowedFd<'_>) -> usize {
    use rustix::fd::AsRawFd;
    descriptor.as_fd().as_raw_fd() as usize
}

/// `O_*` flags of `open`; each set holds O_CLOEXEC. Source: openat(2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OpenFlags(u32);

impl OpenFlags {
    /// Only to name the file.
    pub const PATH: Self = Self(kernel::O_PATH | kernel::O_CLOEXEC);
    /// Only to name a directory.
    pub const PATH_DIRECTORY: Self = Self(Self::PATH.0 | kernel::O_DIRECTORY);
    /// To read; a FIFO does not hold us up, a terminal does not become ours.
    pub const READ: Self =
        Self(kernel::O_RDONLY | kernel::O_NONBLOCK | kernel::O_NOCTTY | kernel::O_CLOEXEC);
    /// To read a file that is no link to one.
    #[cfg(feature = "enter")]
    pub const READ_FILE: Self = Self(Self::READ.0 | kernel::O_NOFOLLOW);
    /// To read a directory that is no link to one.
    #[cfg(any(feature = "run", feature = "boot"))]
    pub const READ_DIRECTORY: Self = Self(Self::READ.0 | kernel::O_DIRECTORY | kernel::O_NOFOLLOW);
    /// To read a directory that the user has named: it may be a link to one.
    #[cfg(feature = "run")]
    pub const NAMED_DIRECTORY: Self = Self(Self::READ.0 | kernel::O_DIRECTORY);
    /// To read and write a terminal that does not become ours.
    pub const TERMINAL: Self = Self(kernel::O_RDWR | kernel::O_NOCTTY | kernel::O_CLOEXEC);
    /// The same; a leader of a session without a terminal gets this one.
    #[cfg(feature = "boot")]
    pub const OWN_TERMINAL: Self = Self(kernel::O_RDWR | kernel::O_CLOEXEC);
    /// A terminal that does not become ours, and that programs keep.
    #[cfg(feature = "boot")]
    pub const KEPT_TERMINAL: Self = Self(kernel::O_RDWR | kernel::O_NOCTTY);
    /// The master of a pseudo-terminal, which only we use: a write takes what there is room for and does not wait.
    pub const MASTER: Self = Self(Self::TERMINAL.0 | kernel::O_NONBLOCK);
    /// To write to a terminal whose output may be held (Ctrl-S).
    pub const WRITE_WITHOUT_WAITING: Self =
        Self(kernel::O_WRONLY | kernel::O_NONBLOCK | kernel::O_NOCTTY | kernel::O_CLOEXEC);
    /// To write a file that is there.
    pub const WRITE: Self = Self(kernel::O_WRONLY | kernel::O_CLOEXEC);
    /// To read and write a file that is there.
    pub const UPDATE: Self = Self(kernel::O_RDWR | kernel::O_CLOEXEC);
    /// To read and append to a file that is not there yet.
    #[cfg(feature = "run")]
    pub const CREATE_LOG: Self = Self(
        kernel::O_RDWR
            | kernel::O_APPEND
            | kernel::O_CREAT
            | kernel::O_EXCL
            | kernel::O_NOFOLLOW
            | kernel::O_CLOEXEC,
    );
    /// To append to a file that is there, which is no link.
    #[cfg(feature = "run")]
    pub const OUTPUT: Self =
        Self(Self::WRITE_WITHOUT_WAITING.0 | kernel::O_APPEND | kernel::O_NOFOLLOW);
    /// The same for a file that is not there yet.
    #[cfg(feature = "run")]
    pub const CREATE_OUTPUT: Self = Self(Self::OUTPUT.0 | kernel::O_CREAT | kernel::O_EXCL);
    /// To make a file that is not there yet, through no link.
    pub const CREATE: Self =
        Self(kernel::O_WRONLY | kernel::O_CREAT | kernel::O_EXCL | kernel::O_CLOEXEC);
}

/// Opens `path`, relative to `directory`; a new file gets mode 0644. openat(2).
///
/// # Errors
/// Those of openat(2).
pub fn open(directory: BorrowedFd<'_>, path: &CStr, flags: OpenFlags) -> Result<Descriptor, Errno> {
    let pointer = path.as_ptr().expose_provenance();
    let arguments = [number(directory), pointer, flags.0 as usize, 0o644, 0];
    // SAFETY: the path is NUL-terminated and only read.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_openat, arguments) }?)
}

/// Makes a file that nobody but its owner may open yet, through no link. openat(2).
///
/// # Errors
/// EEXIST, or those of openat(2).
#[cfg(feature = "run")]
pub fn create_private(
    directory: BorrowedFd<'_>,
    name: &CStr,
    flags: OpenFlags,
) -> Result<Descriptor, Errno> {
    let pointer = name.as_ptr().expose_provenance();
    let arguments = [number(directory), pointer, flags.0 as usize, 0o600, 0];
    // SAFETY: the name is NUL-terminated and only read.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_openat, arguments) }?)
}

/// Whether there is a descriptor of this number. fcntl(2), F_GETFD.
#[cfg(feature = "run")]
#[must_use]
pub fn is_open(descriptor: u8) -> bool {
    let arguments = [descriptor.into(), kernel::F_GETFD as usize, 0, 0, 0];
    // SAFETY: no pointers.
    unsafe { syscall(kernel::__NR_fcntl, arguments) }.is_ok()
}

/// A pipe: the end to read from and the end to write to. pipe2(2).
///
/// # Errors
/// EMFILE, ENFILE.
#[cfg(feature = "run")]
pub fn pipe() -> Result<(Descriptor, Descriptor), Errno> {
    let mut numbers = [-1_i32; 2];
    let pointer = numbers.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes two ints.
    unsafe { syscall(kernel::__NR_pipe2, [pointer, kernel::O_CLOEXEC as usize, 0, 0, 0]) }?;
    let [reader, writer] = numbers;
    Ok((Descriptor::from_answer(reader as usize)?, Descriptor::from_answer(writer as usize)?))
}

/// A file in memory that can be sealed. memfd_create(2).
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM, ENOSYS.
#[cfg(feature = "run")]
pub fn memory_file(name: &CStr) -> Result<Descriptor, Errno> {
    let flags = kernel::MFD_CLOEXEC | kernel::MFD_ALLOW_SEALING;
    let arguments = [name.as_ptr().expose_provenance(), flags as usize, 0, 0, 0];
    // SAFETY: the name is NUL-terminated and only read.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_memfd_create, arguments) }?)
}

/// `struct open_how`. Source: openat2(2).
#[cfg(any(feature = "run", feature = "boot"))]
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Opens `path` as if `directory` were the root: no link and no `..` leads out. openat2(2), Linux 5.6.
///
/// # Errors
/// Those of openat2(2).
#[cfg(any(feature = "run", feature = "boot"))]
pub fn open_below(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: OpenFlags,
) -> Result<Descriptor, Errno> {
    let resolve = u64::from(kernel::RESOLVE_IN_ROOT | kernel::RESOLVE_NO_MAGICLINKS);
    let how = How { flags: flags.0.into(), mode: 0, resolve };
    let pointer = path.as_ptr().expose_provenance();
    let how = (&raw const how).expose_provenance();
    let arguments = [number(directory), pointer, how, size_of::<How>(), 0];
    // SAFETY: a NUL-terminated path and a structure of the stated size, both only read.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_openat2, arguments) }?)
}
