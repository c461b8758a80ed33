//! Links of a container: made by the supervisor, configured from inside.

use core::ffi::CStr;

use crate::facts::links::{Buffer, ask, find};
use crate::input::netlink::{ANSWER_BYTES, Kind, Request, link};
use crate::input::network::{Owner, Veth};
use crate::plan::network::INSIDE;
use crate::sys::descriptor::Descriptor;
use crate::sys::network::route_socket;
use crate::sys::process::Pid;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

type Outcome = Result<(), CallError>;

/// Begins the alias of a link of ours; the container's name follows. ip-link(8) shows it.
const ALIAS: &str = "rootlet:";

/// Makes a pair, one end of it in the network namespace of `pid`, and gives the host's end its addresses and its alias.
/// The pair is made in one call: it is whole or it is not there.
///
/// # Errors
/// The request that was refused. The pair is gone then.
// Out of line: its buffer would lie in the frame of its caller for as long as the container lives.
#[inline(never)]
pub fn make_pair(pair: &Veth<'_>, bridge: u32, name: &CStr, pid: Pid) -> Outcome {
    let mut buffer = [0; ANSWER_BYTES];
    let socket = route_socket().map_err(Call::Socket.failed())?;
    ask(&socket, &mut Request::veth_pair(pair.link, bridge, INSIDE, pid.0), &mut buffer)?;
    let finished = finish_pair(&socket, pair, name, &mut buffer);
    if finished.is_err() {
        // It may have no alias yet, so nobody would know later that it is ours.
        let mut request = Request::about_link(Kind::DeleteLink, 0, 0);
        request.attribute(link::NAME, pair.link.to_bytes_with_nul());
        let _ = ask(&socket, &mut request, &mut buffer);
    }
    finished
}

fn finish_pair(socket: &Descriptor, pair: &Veth<'_>, name: &CStr, buffer: &mut Buffer) -> Outcome {
    let index = index_of(socket, pair.link, buffer)?;
    let mut alias = Line::new();
    alias.text(ALIAS).raw(name.to_bytes());
    let mut request = Request::about_link(Kind::SetLink, index, 0);
    ask(socket, request.attribute(link::ALIAS, alias.bytes()), buffer)?;
    for given in pair.of(Owner::Host) {
        ask(socket, &mut Request::address(index, &given.network), buffer)?;
    }
    Ok(())
}

/// Gives the container's end its addresses and routes, from inside.
///
/// # Errors
/// The request that was refused.
#[inline(never)]
pub fn configure_link(pair: &Veth<'_>) -> Outcome {
    let mut buffer = [0; ANSWER_BYTES];
    let socket = route_socket().map_err(Call::Socket.failed())?;
    let index = index_of(&socket, INSIDE, &mut buffer)?;
    for given in pair.of(Owner::Inside) {
        ask(&socket, &mut Request::address(index, &given.network), &mut buffer)?;
    }
    ask(&socket, &mut Request::about_link(Kind::SetLink, index, link::UP), &mut buffer)?;
    for given in pair.of(Owner::Gateway) {
        ask(&socket, &mut Request::default_route(index, &given.network.address), &mut buffer)?;
    }
    // Closed with all others at the end.
    socket.leave_open();
    Ok(())
}

fn index_of(socket: &Descriptor, name: &CStr, buffer: &mut Buffer) -> Result<u32, CallError> {
    let gone = CallError { call: Call::GetLink, errno: Errno::NODEV };
    find(socket, name, buffer)?.map(|link| link.index).ok_or(gone)
}

/// Removes a link of the host if it is this container's. The kernel removes it with the container's network namespace,
/// but in its own time, and somebody else may want the name.
#[inline(never)]
pub fn remove_link(link: &CStr, name: &CStr) {
    let mut buffer = [0; ANSWER_BYTES];
    let Ok(socket) = route_socket() else { return };
    let Ok(Some(found)) = find(&socket, link, &mut buffer) else { return };
    if found.alias.strip_prefix(ALIAS.as_bytes()) == Some(name.to_bytes()) {
        let mut request = Request::about_link(Kind::DeleteLink, found.index, 0);
        let _ = ask(&socket, &mut request, &mut buffer);
    }
}
