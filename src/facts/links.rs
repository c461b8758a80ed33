//! Links of a network namespace, asked for by name. rtnetlink(7).

use core::ffi::CStr;

use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::input::netlink::{ANSWER_BYTES, Answer, Kind, Link, Request, read_answer};
use crate::input::network::Veth;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::sys::descriptor::Descriptor;
use crate::sys::network::route_socket;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Room for one answer.
pub type Buffer = [u8; ANSWER_BYTES];

/// Sends a request and reads the kernel's answer: the link that was asked for, or nothing where something was done.
///
/// # Errors
/// The system call that failed, or the request that the kernel refused, by its name; EBADMSG for an answer that is none.
#[inline(never)]
pub fn ask<'b>(
    socket: &Descriptor,
    request: &mut Request,
    buffer: &'b mut Buffer,
) -> Result<Option<Link<'b>>, CallError> {
    const NO_ANSWER: Errno = Errno(74);
    let call = call_of(request.kind);
    send(socket, request.finish(), SendFlags::empty()).map_err(Call::Sendto.failed())?;
    // The kernel has answered before `send` returns: there is nothing to wait for.
    let answer = recv(socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT);
    let (_, length) = answer.map_err(Call::Recvfrom.failed())?;
    match buffer.get(..length).and_then(read_answer) {
        Some(Answer::Done) => Ok(None),
        Some(Answer::Link(link)) => Ok(Some(link)),
        Some(Answer::Failed(errno)) => Err(CallError { call, errno }),
        None => Err(CallError { call, errno: NO_ANSWER }),
    }
}

const fn call_of(kind: Kind) -> Call {
    match kind {
        Kind::NewLink => Call::NewLink,
        Kind::DeleteLink => Call::DeleteLink,
        Kind::GetLink => Call::GetLink,
        Kind::SetLink => Call::SetLink,
        Kind::NewRoute => Call::NewRoute,
        // Others are asked for by built-ins of the shell, which tell of no call.
        _ => Call::NewAddress,
    }
}

/// The link of this name; `None` where there is none.
///
/// # Errors
/// Those of `ask`.
pub fn find<'b>(
    socket: &Descriptor,
    name: &CStr,
    buffer: &'b mut Buffer,
) -> Result<Option<Link<'b>>, CallError> {
    match ask(socket, &mut Request::find_link(name), buffer) {
        Err(CallError { errno: Errno::NODEV, .. }) => Ok(None),
        answer => answer,
    }
}

/// Whether the host can have this pair; gives the number of its bridge, 0 for none.
///
/// # Errors
/// A name that is taken, a bridge that is none.
#[inline(never)]
pub fn look_at_pair(veth: &Veth<'_>) -> Result<u32, Refusal> {
    let (pair, bridge) = (Subject::Link { bridge: false }, Subject::Link { bridge: true });
    let mut buffer = [0; ANSWER_BYTES];
    let socket = route_socket().map_err(Refusal::of_call(Call::Socket, pair))?;
    let found = find(&socket, veth.link, &mut buffer).map_err(Refusal::of_error(pair))?;
    if found.is_some() {
        return Err(Refusal::new(pair, Reason::LinkTaken));
    }
    let Some(name) = veth.bridge else { return Ok(0) };
    let found = find(&socket, name, &mut buffer).map_err(Refusal::of_error(bridge))?;
    let found = found.filter(|link| link.kind == b"bridge");
    found.map(|link| link.index).ok_or(Refusal::new(bridge, Reason::NoBridge))
}
