//! Local sockets: messages with at most one descriptor. unix(7)

use core::marker::PhantomData;

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

/// `struct iovec`: a buffer, borrowed for as long as this is there.
#[repr(C)]
struct Vector<'b> {
    base: *mut u8,
    length: usize,
    lives: PhantomData<&'b mut [u8]>,
}

impl<'b> Vector<'b> {
    const fn new(buffer: &'b mut [u8]) -> Self {
        Self { length: buffer.len(), base: buffer.as_mut_ptr(), lives: PhantomData }
    }
}

/// `struct msghdr` of the kernel; what it leads to is borrowed for as long as it is there.
#[repr(C)]
struct Header<'v> {
    name: usize,
    name_length: i32,
    vector: *mut Vector<'v>,
    vectors: usize,
    control: *mut Control,
    control_length: usize,
    flags: u32,
    lives: PhantomData<(&'v mut [Vector<'v>], &'v mut Control)>,
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

/// The length of one descriptor's record without its padding. Where that is left in, there is room for two descriptors,
/// and one that nobody asked for would stay open.
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
    let mut vector = [Vector::new(&mut copy)];
    let mut control = control(descriptor.map_or(-1, |descriptor| number(descriptor) as i32));
    let mut header = header(&mut vector, &mut control);
    if descriptor.is_none() {
        header.control_length = 0;
    }
    call(kernel::__NR_sendmsg, socket, &mut header, net::MSG_NOSIGNAL).map(drop)
}

/// Waits for a message; `None` at the end of the stream. What is behind its first bytes goes to `rest`, as far as there
/// is room. Of several descriptors only the first is taken, and none where we may have no more: the kernel closes those.
///
/// # Errors
/// ENOMEM; ECONNRESET where it is said twice.
pub fn receive(socket: BorrowedFd<'_>, rest: &mut [u8]) -> Result<Option<Message>, Errno> {
    let mut message = [0; MESSAGE_BYTES];
    let mut vectors = [Vector::new(&mut message), Vector::new(rest)];
    let mut control = control(-1);
    let mut header = header(&mut vectors, &mut control);
    let mut take = || call(kernel::__NR_recvmsg, socket, &mut header, net::MSG_CMSG_CLOEXEC);
    // The kernel says once that the other end was closed before it had read everything, and says it before it hands out
    // what that end has sent.
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

const fn header<'v>(vectors: &'v mut [Vector<'v>], control: &'v mut Control) -> Header<'v> {
    Header {
        name: 0,
        name_length: 0,
        vectors: vectors.len(),
        vector: vectors.as_mut_ptr(),
        control: &raw mut *control,
        control_length: CONTROL_LENGTH,
        flags: 0,
        lives: PhantomData,
    }
}

fn call(
    call_number: u32,
    socket: BorrowedFd<'_>,
    header: &mut Header<'_>,
    flags: u32,
) -> Result<usize, Errno> {
    let arguments = [number(socket), (&raw mut *header).expose_provenance(), flags as usize, 0, 0];
    loop {
        // SAFETY: the header leads to buffers and a control record of the lengths that stand beside them, which it borrows
        // to be changed.
        match unsafe { syscall(call_number, arguments) } {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use crate::sys::descriptor::borrow;

    /// The same as a `Control`, with another descriptor in the place of its padding.
    fn two_descriptors(one: i32, other: i32) -> Control {
        let length = size_of::<Control>();
        Control { length, descriptor: one, padding: other, ..control(-1) }
    }

    /// How many descriptors of this process are open on the same file.
    fn held(of: &std::fs::File) -> usize {
        use std::os::unix::fs::MetadataExt;
        let wanted = of.metadata().unwrap().ino();
        let is_same = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::metadata(entry.unwrap().path()).is_ok_and(|found| found.ino() == wanted)
        };
        std::fs::read_dir("/proc/self/fd").unwrap().map(is_same).filter(|same| *same).count()
    }

    #[test]
    fn a_second_descriptor_of_a_message_is_not_kept() {
        use std::os::fd::AsRawFd;
        let file = tempfile::tempfile().unwrap();
        let (one, other) = pair().unwrap();
        let mut bytes = [7; MESSAGE_BYTES];
        let mut vector = [Vector::new(&mut bytes)];
        let mut control = two_descriptors(file.as_raw_fd(), file.as_raw_fd());
        let mut header = header(&mut vector, &mut control);
        header.control_length = size_of::<Control>();
        call(kernel::__NR_sendmsg, one.as_fd(), &mut header, net::MSG_NOSIGNAL).unwrap();
        let (message, descriptor) = receive(other.as_fd(), &mut []).unwrap().unwrap();
        assert_eq!((message, descriptor.is_some()), ([7; MESSAGE_BYTES], true));
        drop(descriptor);
        assert_eq!(held(&file), 1);
    }

    #[test]
    fn a_message_brings_its_descriptor_along() {
        let (one, other) = pair().unwrap();
        send(one.as_fd(), b"12345678", Some(borrow(0))).unwrap();
        send(one.as_fd(), b"abcdefgh", None).unwrap();
        drop(one);
        let first = receive(other.as_fd(), &mut []).unwrap().unwrap();
        assert!(first.0 == *b"12345678" && first.1.is_some());
        let second = receive(other.as_fd(), &mut []).unwrap().unwrap();
        assert!(second.0 == *b"abcdefgh" && second.1.is_none());
        assert!(receive(other.as_fd(), &mut []).unwrap().is_none());
    }
}
