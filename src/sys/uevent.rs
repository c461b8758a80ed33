//! The kernel's messages about devices. netlink(7), NETLINK_KOBJECT_UEVENT.

use linux_raw_sys::general as kernel;
use linux_raw_sys::net;
use rustix::io::Errno as KernelErrno;

use super::descriptor::{Descriptor, number};
use super::poll::{self, Entry};
use super::raw::syscall;
use super::signal_file;
use crate::text::errno::Errno;

/// `struct sockaddr_nl`.
#[repr(C)]
struct Address {
    family: u16,
    padding: u16,
    port: u32,
    groups: u32,
}

/// Where messages arrive, and signals, which end a wait.
pub struct Messages {
    socket: Descriptor,
    signals: Descriptor,
}

impl Messages {
    /// Opens a socket on which every message of the kernel arrives from now on.
    ///
    /// # Errors
    /// EPERM in a container, EPROTONOSUPPORT or EAFNOSUPPORT for a kernel without them.
    pub fn open() -> Result<Self, Errno> {
        const KOBJECT_UEVENT: usize = 15;
        /// `SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK`. Source: linux/net.h.
        const KIND: usize = 2 | 0o2_000_000 | 0o4000;
        let arguments = [net::AF_NETLINK as usize, KIND, KOBJECT_UEVENT, 0, 0];
        // SAFETY: no pointers.
        let socket = Descriptor::from_answer(unsafe { syscall(kernel::__NR_socket, arguments) }?)?;
        // Group 1 is the kernel itself.
        let address = Address { family: net::AF_NETLINK as u16, padding: 0, port: 0, groups: 1 };
        let pointer = (&raw const address).expose_provenance();
        let arguments = [number(socket.as_fd()), pointer, size_of::<Address>(), 0, 0];
        // SAFETY: the kernel reads an address of the stated size.
        unsafe { syscall(kernel::__NR_bind, arguments) }?;
        Ok(Self { socket, signals: signal_file::open()? })
    }

    /// Waits until a message is there, at most that many milliseconds, and reads it: strings with NULs between, the
    /// first says what it is about. Empty when the time is up, or a signal is there, which is not taken.
    pub fn wait<'b>(&self, limit_ms: u32, buffer: &'b mut [u8]) -> &'b [u8] {
        let entry = |file: &Descriptor| Entry::new(file.as_fd(), poll::IN);
        poll::wait_at_most(&mut [entry(&self.socket), entry(&self.signals)], limit_ms);
        match rustix::io::read(&self.socket, &mut *buffer) {
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            // Some were lost: they may have been of any kind.
            Err(KernelErrno::NOBUFS) => b"add@\0MODALIAS=",
            Err(_) => b"",
        }
    }
}
