//! `ip`: links, addresses, routes. rtnetlink(7)

use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::Task;
use crate::input::address::{Address, Network};
use crate::input::arguments::Manual;
use crate::input::ip_command::{Action, IpCommand, Object, parse};
use crate::input::netlink::{
    DONE, Kind, OUTCOME, Request, address, attributes, family, first_message, link, number, route,
};
use crate::sys::descriptor::Descriptor;
use crate::sys::network::{link_index, link_name, route_socket};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};
use crate::text::parts::parts;

const MANUAL: Manual = Manual(packed!(
    "\
ip [options] link [show [DEV]]
ip link set DEV [up | down] [mtu BYTES]
ip [options] addr [show [dev DEV]]
ip addr add | replace | del ADDR[/LEN] dev DEV
ip [options] route [show]
ip route add | replace | del default | ADDR[/LEN] [via ADDR] [dev DEV] [metric N]

  -4  of IPv4 alone
  -6  of IPv6 alone
  -o  accepted, does nothing
      --help  print this help"
));

/// What the kernel sends at once, of links with all that there is to know.
const ANSWER_BYTES: usize = 32 << 10;
/// EBADMSG: what the kernel has sent is no answer.
const NO_ANSWER: Errno = Errno(74);

/// Families of addresses; 0 is any. Source: linux/socket.h.
const INET: u8 = 2;
const INET6: u8 = 10;

/// `IFLA_MTU`. Source: linux/if_link.h.
const MTU: u16 = 4;
/// `RTA_DST`, `RTA_PRIORITY`. Source: linux/rtnetlink.h.
const TARGET: u16 = 1;
const METRIC: u16 = 6;

pub fn ip(task: &mut Task<'_>) {
    let mut wanted = 0;
    let goes_on = task.options(MANUAL, &mut |letter, _| match letter {
        b'4' => wanted = INET,
        b'6' => wanted = INET6,
        _ => {}
    });
    if !goes_on {
        return;
    }
    let command = match parse(&mut || task.next()) {
        Ok(command) => command,
        Err((word, reason)) => return task.refuse(word, reason),
    };
    let done = perform(task, &command, wanted);
    // Source: ip(8), the kernel refuses.
    task.failure = 2;
    task.check(command.device.unwrap_or_default(), done);
}

#[inline(never)]
fn perform(task: &mut Task<'_>, command: &IpCommand<'_>, wanted: u8) -> Result<(), Errno> {
    let socket = route_socket()?;
    let index = match command.device {
        Some(name) => link_index(socket.as_fd(), name.to_bytes())?,
        None => 0,
    };
    match (command.action, command.object) {
        (Action::Show, Object::Route) => {
            let wanted = if wanted == 0 { INET } else { wanted };
            exchange(&socket, &mut Request::dump(Kind::GetRoute, wanted), &mut |body| {
                show_route(task, &socket, body);
            })
        }
        (Action::Show, object) => {
            exchange(&socket, &mut Request::dump(Kind::GetLink, 0), &mut |body| {
                let own = number(body, 4).unwrap_or(0);
                if index == 0 || index == own {
                    show_link(task, body);
                    if object == Object::Address {
                        let shown = show_addresses(task, own, wanted);
                        task.check(c"", shown);
                    }
                }
            })
        }
        (_, Object::Link) => exchange(&socket, &mut set_link(command, index), &mut |_| ()),
        (_, Object::Address) => exchange(&socket, &mut change_address(command, index), &mut |_| ()),
        (_, Object::Route) => exchange(&socket, &mut change_route(command, index), &mut |_| ()),
    }
}

/// Sends a request and hands on the bodies of what the kernel tells, until it has told all.
#[inline(never)]
fn exchange(
    socket: &Descriptor,
    request: &mut Request,
    act: &mut dyn FnMut(&[u8]),
) -> Result<(), Errno> {
    let mut buffer = [0; ANSWER_BYTES];
    send(socket, request.finish(), SendFlags::empty())?;
    loop {
        let (_, length) = recv(socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let mut rest = buffer.get(..length).ok_or(NO_ANSWER)?;
        while !rest.is_empty() {
            let (kind, body, after) = first_message(rest).ok_or(NO_ANSWER)?;
            match kind {
                DONE => return Ok(()),
                OUTCOME => {
                    let errno = number(body, 0).unwrap_or(0).wrapping_neg().cast_signed();
                    return if errno == 0 { Ok(()) } else { Err(Errno(errno)) };
                }
                _ => act(body),
            }
            rest = after;
        }
    }
}

fn set_link(command: &IpCommand<'_>, index: u32) -> Request {
    let mut request = Request::new(Kind::SetLink);
    let flags = if command.up == Some(true) { link::UP } else { 0 };
    let changed = if command.up.is_some() { link::UP } else { 0 };
    request.raw(&[0; 4]).raw(&index.to_ne_bytes());
    request.raw(&flags.to_ne_bytes()).raw(&changed.to_ne_bytes());
    if let Some(mtu) = command.mtu {
        request.attribute(MTU, &mtu.to_ne_bytes());
    }
    request
}

/// `NLM_F_CREATE`, with `NLM_F_EXCL` or `NLM_F_REPLACE`.
const fn making_flags(action: Action) -> u16 {
    match action {
        Action::Delete => 0,
        Action::Replace => 0x400 | 0x100,
        _ => 0x400 | 0x200,
    }
}

fn change_address(command: &IpCommand<'_>, index: u32) -> Request {
    let none = Network { address: Address::of_bytes(&[0; 4]), length: 0 };
    let asked = command.prefix.map(|own| Network { address: own.address, length: own.length });
    let is_gone = command.action == Action::Delete;
    let kind = if is_gone { Kind::DeleteAddress } else { Kind::NewAddress };
    let request = Request::address(index, &asked.unwrap_or(none));
    request.with(kind, making_flags(command.action))
}

#[inline(never)]
fn change_route(command: &IpCommand<'_>, index: u32) -> Request {
    /// `RT_SCOPE_LINK`, `RT_SCOPE_NOWHERE`.
    const ON_LINK: u8 = 253;
    const NOWHERE: u8 = 255;
    let is_gone = command.action == Action::Delete;
    let kind = if is_gone { Kind::DeleteRoute } else { Kind::NewRoute };
    let mut request = Request::new(kind);
    let address = command.prefix.map(|prefix| prefix.address).or(command.gateway);
    let family = address.as_ref().map_or(INET, family);
    let length = command.prefix.map_or(0, |prefix| prefix.length);
    request.raw(&[family, length, 0, 0]);
    request.raw(&if is_gone {
        [route::MAIN_TABLE, 0, NOWHERE, 0]
    } else {
        let is_near = command.gateway.is_none() && family == INET;
        let scope = if is_near { ON_LINK } else { route::EVERYWHERE };
        [route::MAIN_TABLE, route::STATIC, scope, route::UNICAST]
    });
    request.raw(&[0; 4]);
    if let Some(prefix) = command.prefix {
        request.attribute(TARGET, prefix.address.bytes());
    }
    if let Some(gateway) = command.gateway {
        request.attribute(route::GATEWAY, gateway.bytes());
    }
    if index != 0 {
        request.attribute(route::OUTPUT, &index.to_ne_bytes());
    }
    if let Some(metric) = command.metric {
        request.attribute(METRIC, &metric.to_ne_bytes());
    }
    request.with(kind, making_flags(command.action))
}

/// Names of the flags of links, from the lowest bit on. Source: linux/if.h.
const FLAGS: Packed = packed!(
    "UP\nBROADCAST\nDEBUG\nLOOPBACK\nPOINTOPOINT\nNOTRAILERS\nRUNNING\nNOARP\nPROMISC\nALLMULTI\nMASTER\nSLAVE\n\
     MULTICAST\nPORTSEL\nAUTOMEDIA\nDYNAMIC\nLOWER_UP\nDORMANT\nECHO"
);

/// `2: eth0: <UP,BROADCAST> mtu 1500`, and in a second line its own address.
#[inline(never)]
fn show_link(task: &mut Task<'_>, body: &[u8]) {
    /// `IFLA_ADDRESS`; bytes of a `struct ifinfomsg`.
    const ADDRESS: u16 = 1;
    const HEAD_BYTES: usize = 16;
    let (mut name, mut mtu, mut own): (&[u8], _, &[u8]) = (b"", 0, b"");
    for (kind, value) in attributes(body.get(HEAD_BYTES..).unwrap_or_default()) {
        match kind {
            link::NAME => name = parts(value, 0).skip_to(0),
            MTU => mtu = number(value, 0).unwrap_or(0),
            ADDRESS => own = value,
            _ => {}
        }
    }
    let flags = number(body, 8).unwrap_or(0);
    let mut line = Line::new();
    line.number(number(body, 4).unwrap_or(0).into()).text(": ").operand(name).text(": <");
    let mut between = "";
    for (bit, flag) in FLAGS.lines().enumerate() {
        if flags >> bit & 1 == 1 {
            line.text(between).packed(flag);
            between = ",";
        }
    }
    line.text("> mtu ").number(mtu.into());
    let mut between = "\n    link/";
    for byte in own {
        line.text(between).hex_digit(byte >> 4).hex_digit(byte & 15);
        between = ":";
    }
    task.output.add(line.newline().bytes());
}

/// Both kinds of a link's addresses, or one.
#[inline(never)]
fn show_addresses(task: &mut Task<'_>, index: u32, wanted: u8) -> Result<(), Errno> {
    /// Bytes of a `struct ifaddrmsg`.
    const HEAD_BYTES: usize = 8;
    let mut request = Request::dump(Kind::GetAddress, wanted);
    exchange(&route_socket()?, &mut request, &mut |body| {
        if number(body, 4) != Some(index) {
            return;
        }
        let mut own: &[u8] = b"";
        for (kind, value) in attributes(body.get(HEAD_BYTES..).unwrap_or_default()) {
            // On a link between two the first is that of the other side, the second our own.
            if kind == address::LOCAL || kind == address::ADDRESS && own.is_empty() {
                own = value;
            }
        }
        let own = Address::of_bytes(own);
        let mut line = Line::new();
        line.text(if own.is_v6 { "    inet6 " } else { "    inet " });
        append_prefix(&mut line, &own, body);
        task.output.add(line.newline().bytes());
    })
}

/// `ADDRESS/LENGTH`; the length is the second byte of a body.
fn append_prefix(line: &mut Line, address: &Address, body: &[u8]) {
    address.append(line);
    line.text("/").number(body.get(1).copied().unwrap_or(0).into());
}

/// `default via 10.0.2.2 dev eth0`, of the main table.
#[inline(never)]
fn show_route(task: &mut Task<'_>, socket: &Descriptor, body: &[u8]) {
    /// `RTA_PREFSRC`; bytes of a `struct rtmsg`.
    const SOURCE: u16 = 7;
    const HEAD_BYTES: usize = 12;
    if body.get(4) != Some(&route::MAIN_TABLE) {
        return;
    }
    let all = || attributes(body.get(HEAD_BYTES..).unwrap_or_default());
    let mut line = Line::new();
    match all().find(|(kind, _)| *kind == TARGET) {
        Some((_, target)) => append_prefix(&mut line, &Address::of_bytes(target), body),
        None => {
            line.text("default");
        }
    }
    for kind in [route::GATEWAY, route::OUTPUT, SOURCE, METRIC] {
        let Some((_, value)) = all().find(|(found, _)| *found == kind) else { continue };
        let count = number(value, 0).unwrap_or(0);
        match kind {
            route::GATEWAY => Address::of_bytes(value).append(line.text(" via ")),
            route::OUTPUT => {
                let name = link_name(socket.as_fd(), count).unwrap_or_default();
                line.text(" dev ").operand(parts(&name, 0).skip_to(0));
            }
            SOURCE => Address::of_bytes(value).append(line.text(" src ")),
            _ => {
                line.text(" metric ").number(count.into());
            }
        }
    }
    task.output.add(line.newline().bytes());
}
