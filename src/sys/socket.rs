//! Local sockets: messages with at most one descriptor. sendmsg(2), recvmsg(2).

use linux_raw_sys::{general as kernel, net};
use rustix::fd::BorrowedFd;

use super::descriptor::{Descriptor, number};
use super::raw::syscall;
use crate::text::errno::Errno;

/// Bytes of every message.
pub const MESSAGE_BYTES: usize = 8;

/// `SOL_SOCKET`, `SCM_RIGHTS`. Source: linux/socket.h.
const SOCKET_LEVEL: i32 = 1;
const RIGHTS: i32 = 1;

/// What came over a socket: bytes, and a descriptor if one was sent along.
pub type Message = ([u8; MESSAGE_BYTES], Option<Descriptor>);

#[repr(C)]
struct Vector {
    base: *mut u8,
    length: usize,
}

/// `struct msghdr` of the kernel.
#[repr(C)]
struct Header {
    name: usize,
    name_length: i32,
    vector: *mut Vector,
    vectors: usize,
    control: *mut Control,
    control_length: usize,
    flags: u32,
}

/// `struct cmsghdr` with one descriptor behind it.
#[repr(C)]
struct Control {
    length: usize,
    level: i32,
    kind: i32,
    descriptor: i32,
    padding: i32,
}

/// What the kernel wants as the length of one descriptor's record, without padding.
const CONTROL_LENGTH: usize = size_of::<Control>() - size_of::<i32>();

/// Two connected ends that keep the borders of messages. socketpair(2), SOCK_SEQPACKET.
///
/// # Errors
/// EMFILE, ENFILE.
pub fn pair() -> Result<(Descriptor, Descriptor), Errno> {
    let kind = SEQUENCED_PACKETS | CLOSE_ON_EXEC;
    let mut numbers = [-1_i32; 2];
    let pointer = numbers.as_mut_ptr().expose_provenance();
    let arguments = [net::AF_UNIX as usize, kind, 0, pointer, 0];
    // SAFETY: the kernel writes two numbers.
    unsafe { syscall(kernel::__NR_socketpair, arguments) }?;
    let [one, other] = numbers;
    Ok((Descriptor::from_answer(one as usize)?, Descriptor::from_answer(other as usize)?))
}

/// Any socket of our network namespace, to ask it things.
///
/// # Errors
/// EMFILE, ENFILE.
pub fn any() -> Result<Descriptor, Errno> {
    let arguments = [net::AF_INET as usize, DATAGRAMS | CLOSE_ON_EXEC, 0, 0, 0];
    // SAFETY: no pointers.
    Descriptor::from_answer(unsafe { syscall(kernel::__NR_socket, arguments) }?)
}

/// `SOCK_DGRAM`, `SOCK_SEQPACKET`, `SOCK_CLOEXEC`. Source: linux/net.h.
const DATAGRAMS: usize = 2;
const SEQUENCED_PACKETS: usize = 5;
const CLOSE_ON_EXEC: usize = 0o2_000_000;

/// Sends `message`, and `descriptor` with it.
///
/// # Errors
/// EPIPE when the other end is gone, ENOMEM.
pub fn send(
    socket: BorrowedFd<'_>,
    message: &[u8; MESSAGE_BYTES],
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let mut copy = *message;
    let mut vector = [Vector { base: copy.as_mut_ptr(), length: copy.len() }];
    let mut control = control(descriptor.map_or(-1, |descriptor| number(descriptor) as i32));
    let mut header = header(&mut vector, &mut control);
    if descriptor.is_none() {
        header.control_length = 0;
    }
    call(kernel::__NR_sendmsg, socket, &mut header, net::MSG_NOSIGNAL).map(drop)
}

/// Waits for a message; `None` at the end of the stream. What is behind its first bytes goes to `rest`, as far as there
/// is room.
///
/// # Errors
/// ENOMEM, EMFILE.
pub fn receive(socket: BorrowedFd<'_>, rest: &mut [u8]) -> Result<Option<Message>, Errno> {
    let mut message = [0; MESSAGE_BYTES];
    let mut vectors = [
        Vector { base: message.as_mut_ptr(), length: message.len() },
        Vector { base: rest.as_mut_ptr(), length: rest.len() },
    ];
    let mut control = control(-1);
    let mut header = header(&mut vectors, &mut control);
    let mut take = || call(kernel::__NR_recvmsg, socket, &mut header, net::MSG_CMSG_CLOEXEC);
    // That the other end was closed before it had read all is said once, and before what it has sent itself.
    let length = match take() {
        Err(Errno::CONNRESET) => take(),
        answer => answer,
    }?;
    let came = header.control_length >= CONTROL_LENGTH && control.kind == RIGHTS;
    let answer = usize::try_from(control.descriptor).ok().filter(|_| came);
    let descriptor = answer.map(Descriptor::from_answer).transpose()?;
    Ok((length != 0).then_some((message, descriptor)))
}

const fn control(descriptor: i32) -> Control {
    Control { length: CONTROL_LENGTH, level: SOCKET_LEVEL, kind: RIGHTS, descriptor, padding: 0 }
}

const fn header(vectors: &mut [Vector], control: &mut Control) -> Header {
    Header {
        name: 0,
        name_length: 0,
        vectors: vectors.len(),
        vector: vectors.as_mut_ptr(),
        control: &raw mut *control,
        control_length: size_of::<Control>(),
        flags: 0,
    }
}

fn call(
    call: u32,
    socket: BorrowedFd<'_>,
    header: &mut Header,
    flags: u32,
) -> Result<usize, Errno> {
    let arguments = [number(socket), (&raw mut *header).expose_provenance(), flags as usize, 0, 0];
    loop {
        // SAFETY: the header leads to a buffer and a control record that outlive the call, with their lengths.
        match unsafe { syscall(call, arguments) } {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
}
