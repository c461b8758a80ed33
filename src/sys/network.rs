//! Network interfaces: what rustix lacks.

use linux_raw_sys::{general as kernel, ioctl, net};
use rustix::fd::BorrowedFd;

#[cfg(feature = "run")]
use super::descriptor::Descriptor;
use super::descriptor::number;
use super::raw::syscall;
use crate::text::errno::Errno;

/// A socket for rtnetlink, of our network namespace. netlink(7).
///
/// # Errors
/// EMFILE, ENFILE; EPROTONOSUPPORT or EAFNOSUPPORT where the kernel lacks it.
#[cfg(feature = "run")]
pub fn route_socket() -> Result<Descriptor, Errno> {
    const ROUTE: usize = 0;
    /// `SOCK_RAW | SOCK_CLOEXEC`. Source: linux/net.h.
    const KIND: usize = 3 | 0o2_000_000;
    let arguments = [net::AF_NETLINK as usize, KIND, ROUTE, 0, 0];
    // SAFETY: no pointers.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_socket, arguments) }?)
}

/// `struct ifreq` with its flags. Source: netdevice(7).
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

/// Brings up `lo` by any socket of the network namespace. The kernel gives it its addresses by itself.
///
/// # Errors
/// EPERM, ENODEV.
pub fn loopback_up(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut request =
        Request { name: [0; 16], flags: net::net_device_flags::IFF_UP as i16, rest: [0; 22] };
    for (place, byte) in request.name.iter_mut().zip(b"lo") {
        *place = *byte;
    }
    let arguments = [
        number(socket),
        ioctl::SIOCSIFFLAGS as usize,
        (&raw mut request).expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the kernel reads one struct ifreq.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }.map(drop)
}
