//! Messages of rtnetlink: requests built, answers read.
//!
//! Source: rtnetlink(7), netlink(7). Everything is aligned to four bytes and in the machine's byte order, addresses are
//! in the network's.

use core::ffi::CStr;

use heapless::Vec;

use super::address::{Address, Network};
use crate::text::errno::Errno;

/// Bytes of the longest request: a pair of links, with every attribute as long as it can be.
pub const REQUEST_BYTES: usize = 256;
/// Bytes of an answer about one link, without its statistics; the kernel's are about 1200.
pub const ANSWER_BYTES: usize = 4096;

/// `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// `struct rtattr`.
const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// `struct ifinfomsg`.
const LINK_BYTES: usize = 16;

/// `NLM_F_REQUEST | NLM_F_ACK`.
const ASKS: u16 = 1 | 4;
/// `NLM_F_EXCL | NLM_F_CREATE`.
const MAKES: u16 = 0x200 | 0x400;
/// `NLMSG_ERROR`: an errno, 0 for done.
pub const OUTCOME: u16 = 2;

/// `NLMSG_DONE`: stands behind the last of several messages.
pub const DONE: u16 = 3;

/// What is asked for. The numbers are rtnetlink's `RTM_*`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u16)]
pub enum Kind {
    /// Make a link.
    NewLink = 16,
    /// Remove one.
    DeleteLink = 17,
    /// Tell about one.
    GetLink = 18,
    /// Change one.
    SetLink = 19,
    /// Give a link an address.
    NewAddress = 20,
    /// Take one away.
    DeleteAddress = 21,
    /// Tell about all.
    GetAddress = 22,
    /// Make a route.
    NewRoute = 24,
    /// Remove one.
    DeleteRoute = 25,
    /// Tell about all.
    GetRoute = 26,
}

impl Kind {
    const fn flags(self) -> u16 {
        match self {
            Self::NewLink | Self::NewAddress | Self::NewRoute => ASKS | MAKES,
            // Its answer is the link; an acknowledgement would be a message more.
            Self::GetLink | Self::GetAddress | Self::GetRoute => 1,
            Self::DeleteLink | Self::SetLink | Self::DeleteAddress | Self::DeleteRoute => ASKS,
        }
    }
}

/// Attributes of a link. Source: linux/if_link.h.
pub mod link {
    /// The flag `IFF_UP`.
    pub const UP: u32 = 1;
    /// The name, with a NUL.
    pub const NAME: u16 = 3;
    /// The bridge that it is a port of.
    pub const MASTER: u16 = 10;
    /// What kind of link it is: `INFO_KIND`, `INFO_DATA`.
    pub const INFO: u16 = 18;
    /// The network namespace, by a process in it.
    pub const NAMESPACE_PID: u16 = 19;
    /// A text for people.
    pub const ALIAS: u16 = 20;
    /// What the answer has beside the usual.
    pub const EXTRAS: u16 = 29;
    /// Of `EXTRAS`: no statistics.
    pub const SKIP_STATISTICS: u32 = 8;
    /// In `INFO`: `veth`, `bridge`.
    pub const INFO_KIND: u16 = 1;
    /// In `INFO`: what only that kind has.
    pub const INFO_DATA: u16 = 2;
    /// In the data of a veth: the other end.
    pub const VETH_PEER: u16 = 1;
}

/// Attributes of an address. Source: linux/if_addr.h.
pub mod address {
    /// That of the other side, or of the link itself.
    pub const ADDRESS: u16 = 1;
    /// That of the link.
    pub const LOCAL: u16 = 2;
    /// `IFA_F_NODAD`: it can be used at once, without asking the network whether somebody has it. Else an IPv6 address
    /// waits a second or two.
    pub const NO_DETECTION: u8 = 2;
}

/// Attributes of a route. Source: linux/rtnetlink.h.
pub mod route {
    /// The link.
    pub const OUTPUT: u16 = 4;
    /// The next hop.
    pub const GATEWAY: u16 = 5;
    /// The table of `ip route`.
    pub const MAIN_TABLE: u8 = 254;
    /// Somebody made it, and it stays.
    pub const STATIC: u8 = 4;
    /// Its scope.
    pub const EVERYWHERE: u8 = 0;
    /// To one place.
    pub const UNICAST: u8 = 1;
}

/// A request under construction.
pub struct Request {
    bytes: Vec<u8, REQUEST_BYTES>,
    /// What it asks for.
    pub kind: Kind,
}

/// Families of addresses. Source: address_families(7).
#[must_use]
pub const fn family(address: &Address) -> u8 {
    if address.is_v6 { 10 } else { 2 }
}

/// Where an attribute that holds others began.
#[derive(Clone, Copy)]
pub struct Nest(usize);

impl Request {
    /// A request with its header alone.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let mut request = Self { bytes: Vec::new(), kind };
        request.raw(&[0; 4]).raw(&(kind as u16).to_ne_bytes()).raw(&kind.flags().to_ne_bytes());
        // The sequence number and the port: there is one request at a time, and the kernel knows us.
        request.raw(&SEQUENCE.to_ne_bytes()).raw(&[0; 4]);
        request
    }

    /// A request about a link: by its index, or where that is 0 by its attributes; `flags` are set.
    #[must_use]
    pub fn about_link(kind: Kind, index: u32, flags: u32) -> Self {
        let mut request = Self::new(kind);
        request.link_head(index, flags);
        request
    }

    /// The link of this name, without its statistics.
    #[must_use]
    pub fn find_link(name: &CStr) -> Self {
        let mut request = Self::about_link(Kind::GetLink, 0, 0);
        request.attribute(link::NAME, name.to_bytes_with_nul());
        request.attribute(link::EXTRAS, &link::SKIP_STATISTICS.to_ne_bytes());
        request
    }

    /// A pair of links: `name` here and up, a port of the link `bridge` unless that is 0, and `inside` in the network
    /// namespace of a process. The latter cannot be up before the other end is there: ENOTCONN.
    #[must_use]
    pub fn veth_pair(name: &CStr, bridge: u32, inside: &CStr, pid: i32) -> Self {
        let mut request = Self::about_link(Kind::NewLink, 0, link::UP);
        request.attribute(link::NAME, name.to_bytes_with_nul());
        if bridge != 0 {
            request.attribute(link::MASTER, &bridge.to_ne_bytes());
        }
        let info = request.open(link::INFO);
        request.attribute(link::INFO_KIND, b"veth");
        let data = request.open(link::INFO_DATA);
        let peer = request.open(link::VETH_PEER);
        request.link_head(0, 0).attribute(link::NAME, inside.to_bytes_with_nul());
        request.attribute(link::NAMESPACE_PID, &pid.to_ne_bytes());
        request.close(peer).close(data).close(info);
        request
    }

    /// A request for all that there is of a kind, for a family of addresses or, with 0, for each.
    #[cfg(all(feature = "boot", feature = "shell"))]
    #[must_use]
    pub fn dump(kind: Kind, family: u8) -> Self {
        /// `NLM_F_REQUEST | NLM_F_DUMP`.
        const ALL: u16 = 1 | 0x300;
        let mut request = Self::new(kind);
        request.put(6, &ALL.to_ne_bytes());
        // The longest head of the three kinds; the kernel passes over what it does not need.
        request.raw(&[family]).raw(&[0; LINK_BYTES - 1]);
        request
    }

    /// The same body for another kind of request, with these flags beside those of every request.
    #[cfg(all(feature = "boot", feature = "shell"))]
    #[must_use]
    pub fn with(mut self, kind: Kind, flags: u16) -> Self {
        self.kind = kind;
        self.put(4, &(kind as u16).to_ne_bytes());
        self.put(6, &(ASKS | flags).to_ne_bytes());
        self
    }

    /// An address of a link.
    #[must_use]
    pub fn address(index: u32, Network { address: own, length }: &Network) -> Self {
        let mut request = Self::new(Kind::NewAddress);
        request.raw(&[family(own), *length, address::NO_DETECTION, 0]).raw(&index.to_ne_bytes());
        request.attribute(address::LOCAL, own.bytes()).attribute(address::ADDRESS, own.bytes());
        request
    }

    /// The route to everywhere.
    #[must_use]
    pub fn default_route(index: u32, gateway: &Address) -> Self {
        let mut request = Self::new(Kind::NewRoute);
        // The lengths of destination and source, the type of service.
        request.raw(&[family(gateway), 0, 0, 0]);
        request.raw(&[route::MAIN_TABLE, route::STATIC, route::EVERYWHERE, route::UNICAST]);
        request.raw(&[0; 4]).attribute(route::GATEWAY, gateway.bytes());
        request.attribute(route::OUTPUT, &index.to_ne_bytes());
        request
    }

    /// Appends a `struct ifinfomsg`.
    fn link_head(&mut self, index: u32, flags: u32) -> &mut Self {
        self.raw(&[0; 4]).raw(&index.to_ne_bytes());
        // The flags, and which of them are changed.
        self.raw(&flags.to_ne_bytes()).raw(&flags.to_ne_bytes())
    }

    /// Appends bytes. What does not fit is left out, so every attribute is of bounded length and a test builds the
    /// longest requests.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends an attribute.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let nest = self.open(kind);
        self.raw(value).close(nest)
    }

    /// Begins an attribute that holds others.
    pub fn open(&mut self, kind: u16) -> Nest {
        let start = self.bytes.len();
        self.raw(&[0; 2]).raw(&kind.to_ne_bytes());
        Nest(start)
    }

    /// Ends it: its length, then padding, which is not part of it.
    pub fn close(&mut self, Nest(start): Nest) -> &mut Self {
        let length = self.bytes.len().saturating_sub(start);
        self.put(start, &(length as u16).to_ne_bytes());
        while !self.bytes.len().is_multiple_of(4) && self.bytes.push(0).is_ok() {}
        self
    }

    /// The whole request.
    pub fn finish(&mut self) -> &[u8] {
        self.put(0, &(self.bytes.len() as u32).to_ne_bytes());
        &self.bytes
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    }
}

/// The number of every request: an answer has it too.
const SEQUENCE: u32 = 1;

/// What the kernel answered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Answer<'a> {
    /// It is done.
    Done,
    /// It is not.
    Failed(Errno),
    /// A link.
    Link(Link<'a>),
}

/// What is said about a link.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Link<'a> {
    /// Its number in its network namespace.
    pub index: u32,
    /// `bridge`, `veth`; empty for a device.
    pub kind: &'a [u8],
    /// The text that somebody gave it.
    pub alias: &'a [u8],
}

/// Reads the first message of `bytes`; `None` for what is cut off, has an impossible length, or does not answer us.
#[must_use]
#[inline(never)]
pub fn read_answer(bytes: &[u8]) -> Option<Answer<'_>> {
    let message = bytes.get(..number(bytes, 0)? as usize)?;
    let body = message.get(HEADER_BYTES..)?;
    if number(message, 8)? != SEQUENCE {
        return None;
    }
    let kind = u16::from_ne_bytes(array(message, 4)?);
    if kind == OUTCOME {
        let code = number(body, 0)?.cast_signed();
        let failed = Answer::Failed(Errno(code.wrapping_neg()));
        return Some(if code == 0 { Answer::Done } else { failed });
    }
    if kind != Kind::NewLink as u16 {
        return None;
    }
    let mut link = Link { index: number(body, 4)?, kind: b"", alias: b"" };
    for (kind, value) in attributes(body.get(LINK_BYTES..)?) {
        match kind {
            link::ALIAS => link.alias = text(value),
            link::INFO => {
                let mut info = attributes(value).filter(|(kind, _)| *kind == link::INFO_KIND);
                link.kind = info.next().map_or(b"", |(_, value)| text(value));
            }
            _ => {}
        }
    }
    Some(Answer::Link(link))
}

/// The kind and the body of the first message, and what follows it; nothing for an impossible length.
#[cfg(all(feature = "boot", feature = "shell"))]
#[must_use]
pub fn first_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = number(bytes, 0)? as usize;
    let body = bytes.get(HEADER_BYTES..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((u16::from_ne_bytes(array(bytes, 4)?), body, rest))
}

/// Kinds and values of attributes, up to the first that has an impossible length.
pub fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    /// `NLA_TYPE_MASK`: two bits are flags.
    const KIND: u16 = 0x3fff;
    core::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(array(rest, 0)?));
        let kind = u16::from_ne_bytes(array(rest, 2)?) & KIND;
        let value = rest.get(ATTRIBUTE_HEADER_BYTES..length)?;
        // The padding of the last may be missing.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A string up to its NUL.
fn text(value: &[u8]) -> &[u8] {
    crate::text::parts::parts(value, 0).skip_to(0)
}

/// The four bytes at a place, as a number.
#[must_use]
pub fn number(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

fn array<const LENGTH: usize>(bytes: &[u8], at: usize) -> Option<[u8; LENGTH]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
