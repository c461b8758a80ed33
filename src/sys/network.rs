//! Network interfaces: what rustix lacks.

use linux_raw_sys::{general as kernel, ioctl, net};
use rustix::fd::BorrowedFd;

#[cfg(any(feature = "run", feature = "shell"))]
use super::descriptor::Descriptor;
use super::descriptor::number;
use super::raw::syscall;
use crate::text::errno::Errno;

/// A socket for rtnetlink, of our network namespace. netlink(7).
///
/// # Errors
/// EMFILE, ENFILE; EPROTONOSUPPORT or EAFNOSUPPORT where the kernel lacks it.
#[cfg(any(feature = "run", feature = "shell"))]
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
    // SAFETY: the kernel reads one struct ifreq, and may write it back.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }.map(drop)
}

/// `struct ifreq` with an index.
#[cfg(feature = "shell")]
#[repr(C)]
struct Numbered {
    name: [u8; 16],
    index: u32,
    rest: [u8; 20],
}

/// The number of the link with this name. netdevice(7), SIOCGIFINDEX.
///
/// # Errors
/// ENODEV.
#[cfg(feature = "shell")]
pub fn link_index(socket: BorrowedFd<'_>, name: &[u8]) -> Result<u32, Errno> {
    let mut request = Numbered { name: [0; 16], index: 0, rest: [0; 20] };
    // The last byte is the NUL: no link has a longer name.
    if name.len() > 15 {
        return Err(Errno::NODEV);
    }
    for (place, byte) in request.name.iter_mut().zip(name) {
        *place = *byte;
    }
    let pointer = (&raw mut request).expose_provenance();
    let arguments = [number(socket), ioctl::SIOCGIFINDEX as usize, pointer, 0, 0];
    // SAFETY: the kernel reads and writes one struct ifreq.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }?;
    Ok(request.index)
}

/// The name of the link with this number, with NULs behind it. netdevice(7), SIOCGIFNAME.
///
/// # Errors
/// ENODEV.
#[cfg(feature = "shell")]
pub fn link_name(socket: BorrowedFd<'_>, index: u32) -> Result<[u8; 16], Errno> {
    let mut request = Numbered { name: [0; 16], index, rest: [0; 20] };
    let pointer = (&raw mut request).expose_provenance();
    let arguments = [number(socket), ioctl::SIOCGIFNAME as usize, pointer, 0, 0];
    // SAFETY: the kernel reads and writes one struct ifreq.
    unsafe { syscall(kernel::__NR_ioctl, arguments) }?;
    Ok(request.name)
}
