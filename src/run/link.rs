//! The link between a supervisor and its container: what each side says.

use rustix::fs::CWD;
use rustix::net::{RecvFlags, recv};

use crate::sys::descriptor::{Descriptor, Held, OpenFlags, open};
use crate::sys::socket::{self, MESSAGE_BYTES};
use crate::sys::standard;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Inside, the link has the first number that is no standard descriptor or, where CMD is given more of them, the first
/// behind those; everything above it is closed.
#[must_use]
pub fn number_inside(preserved: u8) -> i32 {
    i32::from(standard::FIRST_OTHER) + i32::from(preserved)
}

/// What the container says.
pub enum Message {
    /// The program has been executed.
    Started,
    /// Nothing more will come: the container's last holder of the link is gone.
    End,
    /// A step failed.
    Failed(StepFailed),
    /// The master of the container's terminal.
    Terminal(Descriptor),
    /// The program was stopped; a shell above us must see that.
    Stopped,
    /// What is to be known of the step that fails next, in words.
    Note,
}

/// A step of the plan, by its index, and what failed in it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct StepFailed {
    /// Index in the plan.
    pub step: u16,
    /// The call and its errno.
    pub error: CallError,
}

/// Makes both ends: the supervisor's and the container's.
///
/// # Errors
/// EMFILE, ENFILE.
pub fn pair() -> Result<(Descriptor, Descriptor), CallError> {
    let ends = socket::pair().map_err(Call::Socketpair.failed())?;
    if is_standard(&ends.0) || is_standard(&ends.1) {
        // We were started without all three standard descriptors. What took their numbers would become
        // the program's input or output, so they are filled first.
        drop(ends);
        fill_standard_descriptors()?;
        return socket::pair().map_err(Call::Socketpair.failed());
    }
    Ok(ends)
}

fn is_standard(descriptor: &Descriptor) -> bool {
    descriptor.number() < number_inside(0)
}

/// Fills the standard descriptors that we were started without.
///
/// # Errors
/// ENOENT of /dev/null, EMFILE, ENFILE.
pub fn fill_standard_descriptors() -> Result<(), CallError> {
    loop {
        let null = open(CWD, c"/dev/null", OpenFlags::TERMINAL).map_err(Call::Openat.failed())?;
        if !is_standard(&null) {
            return Ok(());
        }
        null.leave_open();
    }
}

/// Tells the supervisor that a step failed. When that fails too, the end of the stream tells it.
pub fn send_failure(link: &Descriptor, failed: StepFailed) {
    let _ = socket::send(link.as_fd(), &encode(failed), None);
}

/// Hands out the master of the container's terminal.
///
/// # Errors
/// EPIPE when the supervisor is gone.
pub fn send_terminal(link: &Descriptor, master: Held) -> Result<(), Errno> {
    socket::send(link.as_fd(), &[0; MESSAGE_BYTES], Some(master.as_fd()))
}

/// Hands the container a tree of mounts.
///
/// # Errors
/// EPIPE when the container is gone.
pub fn send_tree(link: &Descriptor, tree: &Descriptor) -> Result<(), CallError> {
    socket::send(link.as_fd(), &[0; MESSAGE_BYTES], Some(tree.as_fd()))
        .map_err(Call::Sendmsg.failed())
}

/// Waits for a tree of mounts from the supervisor.
///
/// # Errors
/// ESRCH when the supervisor has died.
pub fn receive_tree(link: &Descriptor) -> Result<Descriptor, CallError> {
    match socket::receive(link.as_fd(), &mut []).map_err(Call::Recvmsg.failed())? {
        Some((_, Some(tree))) => Ok(tree),
        _ => Err(CallError { call: Call::Recvmsg, errno: Errno::SRCH }),
    }
}

/// Tells the supervisor that the program has been executed.
///
/// # Errors
/// EPIPE when the supervisor is gone.
pub fn send_started(link: &Descriptor) -> Result<(), CallError> {
    socket::send(link.as_fd(), &[STARTED; MESSAGE_BYTES], None).map_err(Call::Sendmsg.failed())
}

/// Tells the supervisor what is to be known of a step before its failure.
pub fn send_note(link: &Descriptor, text: &Line) {
    let mut message = Line::new();
    message.raw(&[NOTE; MESSAGE_BYTES]).raw(text.bytes()).raw(b"\0");
    // A failure without a note is a failure all the same.
    let _ = rustix::net::send(link, message.bytes(), rustix::net::SendFlags::NOSIGNAL);
}

/// Tells the supervisor that the program was stopped.
pub fn send_stopped(link: &Descriptor) {
    let _ = socket::send(link.as_fd(), &[STOPPED; MESSAGE_BYTES], None);
}

/// First byte of each message.
const FAILED: u8 = 1;
const STARTED: u8 = 2;
const STOPPED: u8 = 3;
const NOTE: u8 = 4;

/// Room for a note: a name that is shown shortened, a place, a reason.
pub const NOTE_BYTES: usize = 640;

/// Lets the container go on. When it is gone, its end tells so.
///
/// # Errors
/// sendto: ENOMEM and the like. A container that has ended already is no error: it has said why.
pub fn send_go(link: &Descriptor) -> Result<(), CallError> {
    match rustix::net::send(link, b"go", rustix::net::SendFlags::NOSIGNAL) {
        Ok(_) | Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => Ok(()),
        Err(errno) => Err(Call::Sendto.failed()(errno)),
    }
}

/// Waits for the next message of the container.
///
/// # Errors
/// EMFILE, ENOMEM.
pub fn receive(link: &Descriptor) -> Result<Message, CallError> {
    receive_with_note(link, &mut [])
}

/// The same; a note comes with its text and a NUL byte behind it.
///
/// # Errors
/// EMFILE, ENOMEM.
pub fn receive_with_note(link: &Descriptor, note: &mut [u8]) -> Result<Message, CallError> {
    let answer = socket::receive(link.as_fd(), note).map_err(Call::Recvmsg.failed())?;
    Ok(match answer {
        None => Message::End,
        Some((_, Some(terminal))) => Message::Terminal(terminal),
        Some(([STARTED, ..], _)) => Message::Started,
        Some(([STOPPED, ..], _)) => Message::Stopped,
        Some(([NOTE, ..], _)) => Message::Note,
        Some((bytes, None)) => decode(bytes).map_or(Message::End, Message::Failed),
    })
}

/// Waits for the supervisor's "go".
///
/// # Errors
/// ESRCH when the supervisor has died.
pub fn await_go(link: &Descriptor) -> Result<(), CallError> {
    look(link, RecvFlags::empty())
}

/// Whether the supervisor is still there.
///
/// # Errors
/// ESRCH when it has died.
pub fn check_supervisor(link: &Descriptor) -> Result<(), CallError> {
    match look(link, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Err(CallError { errno: Errno::AGAIN, .. }) => Ok(()),
        answer => answer,
    }
}

fn look(link: &Descriptor, flags: RecvFlags) -> Result<(), CallError> {
    let mut byte = [0_u8; 2];
    let (_, length) = recv(link, &mut byte, flags).map_err(Call::Recvfrom.failed())?;
    // The end of the stream: the supervisor, which had the other end, is gone.
    if length == 0 {
        return Err(CallError { call: Call::Recvfrom, errno: Errno::SRCH });
    }
    Ok(())
}

const fn encode(failed: StepFailed) -> [u8; MESSAGE_BYTES] {
    let [step_low, step_high] = failed.step.to_le_bytes();
    let [a, b, c, d] = failed.error.errno.0.to_le_bytes();
    [FAILED, failed.error.call as u8, step_low, step_high, a, b, c, d]
}

fn decode(bytes: [u8; MESSAGE_BYTES]) -> Option<StepFailed> {
    let [kind, call, step_low, step_high, a, b, c, d] = bytes;
    let call = Call::from_index(call).filter(|_| kind == FAILED)?;
    let errno = Errno(i32::from_le_bytes([a, b, c, d]));
    let step = u16::from_le_bytes([step_low, step_high]);
    Some(StepFailed { step, error: CallError { call, errno } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_way() {
        let error = CallError { call: Call::MoveMount, errno: Errno(4095) };
        let failed = StepFailed { step: 300, error };
        assert_eq!(decode(encode(failed)), Some(failed));
        assert_eq!(decode([0; MESSAGE_BYTES]), None);
    }
}
