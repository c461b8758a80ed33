//! Terminals: attributes, sizes, sessions, foreground groups. ioctl_tty(2).

use linux_raw_sys::{general as kernel, ioctl};
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::process::leads_session;
use super::raw::syscall;
use super::standard;
use crate::text::errno::Errno;

/// `struct termios` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Attributes {
    input: u32,
    output: u32,
    control: u32,
    local: u32,
    line: u8,
    characters: [u8; 19],
}

impl Attributes {
    /// These attributes in raw mode, as cfmakeraw(3) sets it: every byte passes through, at once.
    #[must_use]
    pub const fn raw(mut self) -> Self {
        // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
        self.input &= !0o2753;
        // OPOST
        self.output &= !0o1;
        // ISIG ICANON ECHO ECHONL IEXTEN
        self.local &= !0o100_113;
        // VTIME and VMIN: a read waits for one byte and no longer.
        let [_, _, _, _, _, time, minimum, ..] = &mut self.characters;
        (*time, *minimum) = (0, 1);
        // CSIZE PARENB, then CS8
        self.control = self.control & !0o460 | 0o60;
        self
    }
}

#[cfg(feature = "shell")]
impl Attributes {
    /// Changes them for a line that is edited here: each key at once, without echo, also those that would be
    /// signals. Lines that are written begin at the left, whatever a program has left.
    pub const fn want_keys(&mut self) {
        // OPOST ONLCR
        self.output |= 5;
        // ISIG ICANON ECHO ECHONL IEXTEN
        self.local &= !0o100_113;
        let [_, _, _, _, _, time, minimum, ..] = &mut self.characters;
        (*time, *minimum) = (0, 1);
    }
}

#[cfg(feature = "boot")]
impl Attributes {
    /// These attributes as a shell wants to find them, whatever a program has left: lines, echo, the usual keys. The
    /// speed and the form of bytes stay.
    const fn sane(mut self) -> Self {
        // ICRNL IXON IXOFF
        self.input = 0x1500;
        // OPOST ONLCR
        self.output = 5;
        // CBAUD CBAUDEX CSIZE CSTOPB PARENB PARODD CRTSCTS stay; CREAD HUPCL CLOCAL
        self.control = self.control & 0x8000_137f | 0xc80;
        // ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN
        self.local = 0x8a3b;
        self.line = 0;
        // INTR QUIT ERASE KILL EOF; VTIME VMIN; SWTC START STOP SUSP
        self.characters = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 0, 0, 0, 0, 0, 0, 0];
        self
    }
}

/// Makes standard input usable for a person, if it is a terminal. Does not wait for what is still to be written, as
/// `set_attributes` does: on a terminal that is held by Ctrl-S that would be for ever.
#[cfg(feature = "boot")]
pub fn make_sane() {
    if let Ok(attributes) = attributes(standard::input()) {
        let sane = attributes.sane();
        let pointer = (&raw const sane).expose_provenance();
        // SAFETY: the kernel reads one of its struct termios.
        let _ = unsafe { control(standard::input(), ioctl::TCSETS, pointer) };
    }
}

/// Whether standard input is a terminal of the kernel's own screen: it knows which of them is free. ioctl_vt(2),
/// VT_OPENQRY.
#[cfg(feature = "boot")]
#[must_use]
pub fn is_screen() -> bool {
    const OPEN_QUERY: u32 = 0x5600;
    let mut free = 0_i32;
    let pointer = (&raw mut free).expose_provenance();
    // SAFETY: the kernel writes one int.
    unsafe { control(standard::input(), OPEN_QUERY, pointer) }.is_ok()
}

/// # Safety
/// `argument` is what the request takes: a number, or the address of what it reads or writes.
unsafe fn control(terminal: BorrowedFd<'_>, request: u32, argument: usize) -> Result<usize, Errno> {
    let arguments = [number(terminal), request as usize, argument, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }
}

/// The attributes of a terminal.
///
/// # Errors
/// ENOTTY.
pub fn attributes(terminal: BorrowedFd<'_>) -> Result<Attributes, Errno> {
    let mut attributes =
        Attributes { input: 0, output: 0, control: 0, local: 0, line: 0, characters: [0; 19] };
    let pointer = (&raw mut attributes).expose_provenance();
    // SAFETY: the kernel writes one of its struct termios.
    unsafe { control(terminal, ioctl::TCGETS, pointer) }?;
    Ok(attributes)
}

/// Sets attributes once all output is out.
///
/// # Errors
/// ENOTTY, EIO.
pub fn set_attributes(terminal: BorrowedFd<'_>, attributes: &Attributes) -> Result<(), Errno> {
    let pointer = (&raw const *attributes).expose_provenance();
    // SAFETY: the kernel reads one of its struct termios.
    unsafe { control(terminal, ioctl::TCSETSW, pointer) }.map(drop)
}

/// Rows and columns.
///
/// # Errors
/// ENOTTY.
pub fn window(terminal: BorrowedFd<'_>) -> Result<(u16, u16), Errno> {
    let mut size = [0_u16; 4];
    let pointer = size.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes a struct winsize: rows, columns, and two numbers of pixels.
    unsafe { control(terminal, ioctl::TIOCGWINSZ, pointer) }?;
    let [rows, columns, ..] = size;
    Ok((rows, columns))
}

/// Sets rows and columns; the foreground group gets SIGWINCH when they change.
///
/// # Errors
/// ENOTTY.
pub fn set_window(terminal: BorrowedFd<'_>, (rows, columns): (u16, u16)) -> Result<(), Errno> {
    let size = [rows, columns, 0, 0];
    let pointer = size.as_ptr().expose_provenance();
    // SAFETY: the kernel reads a struct winsize.
    unsafe { control(terminal, ioctl::TIOCSWINSZ, pointer) }.map(drop)
}

/// Lets the other side of a new pseudo-terminal be opened.
///
/// # Errors
/// ENOTTY.
pub fn unlock(master: BorrowedFd<'_>) -> Result<(), Errno> {
    let locked = 0_i32;
    let pointer = (&raw const locked).expose_provenance();
    // SAFETY: the kernel reads one int.
    unsafe { control(master, ioctl::TIOCSPTLCK, pointer) }.map(drop)
}

/// Opens the other side through its master, not through any path. TIOCGPTPEER, Linux 4.13.
///
/// # Errors
/// EIO, EMFILE.
pub fn open_peer(master: BorrowedFd<'_>) -> Result<Descriptor, Errno> {
    let flags = kernel::O_RDWR | kernel::O_NOCTTY | kernel::O_CLOEXEC;
    // SAFETY: flags, no pointer.
    Descriptor::from_answer(unsafe { control(master, ioctl::TIOCGPTPEER, flags as usize) }?)
}

/// Gives standard input up as our controlling terminal. True when we led its session: the kernel then sends HUP and CONT
/// to its foreground group.
#[must_use]
pub fn give_up() -> bool {
    // SAFETY: it takes no argument.
    unsafe { control(standard::input(), ioctl::TIOCNOTTY, 0) }.is_ok() && leads_session()
}

/// Makes `terminal` the controlling terminal of the session that we lead.
///
/// # Errors
/// EPERM when it is another session's.
pub fn take_control(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: a number: 0 does not take it from another session.
    unsafe { control(terminal, ioctl::TIOCSCTTY, 0) }.map(drop)
}

/// Whether standard input is our controlling terminal and `group` is in its foreground.
#[must_use]
pub fn is_in_front(group: i32) -> bool {
    foreground(standard::input()) == Ok(group)
}

/// The foreground process group; 0 when it belongs to a parent of our pid namespace.
///
/// # Errors
/// ENOTTY when it is not our controlling terminal.
pub fn foreground(terminal: BorrowedFd<'_>) -> Result<i32, Errno> {
    let mut group = 0_i32;
    let pointer = (&raw mut group).expose_provenance();
    // SAFETY: the kernel writes one pid_t.
    unsafe { control(terminal, ioctl::TIOCGPGRP, pointer) }?;
    Ok(group)
}

/// Sets the foreground process group.
///
/// # Errors
/// ENOTTY, EPERM.
pub fn set_foreground(terminal: BorrowedFd<'_>, group: i32) -> Result<(), Errno> {
    let pointer = (&raw const group).expose_provenance();
    // SAFETY: the kernel reads one pid_t.
    unsafe { control(terminal, ioctl::TIOCSPGRP, pointer) }.map(drop)
}
