//! The network as the user writes it: `--network`, `--publish`, `--dns`.

use core::ffi::CStr;

use heapless::Vec;

use super::address::{self, Address};
use super::refusal::Reason;
use crate::text::arena::Arena;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of, parts};

/// Bytes of the name of a link, without its NUL. Source: `IFNAMSIZ`, linux/if.h.
pub const LINK_NAME_BYTES: usize = 15;
/// Addresses of one veth pair: inside, on the host, of the gateway, each of both kinds.
pub const ADDRESSES: usize = 6;
/// `--publish` options on one command line.
pub const PORTS: usize = 32;
/// `--dns` options on one command line. Source: `MAXNS` of resolv.conf(5) is 3; more are read by nobody.
pub const SERVERS: usize = 3;
/// `--dns-search` options on one command line. Source: resolv.conf(5).
pub const SEARCHES: usize = 6;
/// `--add-host` options on one command line.
pub const HOSTS: usize = 64;

/// Which network a container has.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one, in a static table")]
pub enum Network<'a> {
    /// A new one with `lo` alone, or somebody else's.
    Apart,
    /// The host's.
    Host,
    /// A new one with one end of a veth pair.
    Veth(Veth<'a>),
    /// A new one that pasta(1) connects.
    Pasta,
}

/// A pair of links.
#[derive(Clone)]
pub struct Veth<'a> {
    /// The name of the host's end.
    pub link: &'a CStr,
    /// The bridge of the host that this end is put into.
    pub bridge: Option<&'a CStr>,
    /// Who has which address, at most one of each kind.
    pub addresses: Vec<Given<'a>, ADDRESSES>,
}

/// Whose an address is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Owner {
    /// The container's end.
    Inside,
    /// The host's end.
    Host,
    /// Where the container sends what is not for its own network.
    Gateway,
}

/// An address that somebody has.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Who.
    pub owner: Owner,
    /// The address; a gateway's has the length of an address.
    pub network: address::Network,
    /// As it was typed.
    pub text: &'a CStr,
}

/// Names and servers of names, for files in /etc.
pub struct Names<'a> {
    /// `--dns`, in the order given.
    pub servers: Vec<&'a CStr, SERVERS>,
    /// `--dns-search`, in the order given.
    pub searches: Vec<&'a CStr, SEARCHES>,
    /// `--add-host`: the name and the address.
    pub hosts: Vec<(&'a CStr, &'a CStr), HOSTS>,
}

impl Names<'_> {
    /// None of them.
    #[must_use]
    pub const fn new() -> Self {
        Self { servers: Vec::new(), searches: Vec::new(), hosts: Vec::new() }
    }

    /// Whether what is in a file was named: /etc/hostname, /etc/hosts, /etc/resolv.conf by their indices.
    #[must_use]
    pub fn ask_for(&self, file: usize) -> bool {
        match file {
            0 => false,
            1 => !self.hosts.is_empty(),
            _ => !self.servers.is_empty() || !self.searches.is_empty(),
        }
    }

    /// Whether none was named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.searches.is_empty() && self.hosts.is_empty()
    }
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Veth<'a> {
    /// Its addresses of one owner.
    pub fn of(&self, owner: Owner) -> impl Iterator<Item = &Given<'a>> {
        self.addresses.iter().filter(move |given| given.owner == owner)
    }
}

/// Reads `pasta` or `veth:LINK,ADDRESS/LENGTH[,gw=ADDRESS][,host=ADDRESS/LENGTH][,bridge=LINK]`; `None` for another word.
///
/// # Errors
/// A name that no link can have, an address that is none, a gateway that is not in the network.
#[inline(never)]
pub fn parse_network<'a>(
    text: &[u8],
    arena: &mut Arena<'a>,
) -> Result<Option<Network<'a>>, Reason> {
    if text == b"pasta" {
        return Ok(Some(Network::Pasta));
    }
    let Some(veth) = text.strip_prefix(b"veth:") else { return Ok(None) };
    Ok(Some(Network::Veth(parse_veth(veth, arena)?)))
}

fn parse_veth<'a>(text: &[u8], arena: &mut Arena<'a>) -> Result<Veth<'a>, Reason> {
    let mut fields = parts(text, b',');
    let link = link_name(fields.skip_to(0), arena)?;
    let mut veth = Veth { link, bridge: None, addresses: Vec::new() };
    for field in fields {
        let (key, value) = halves(field, b'=');
        let owner = match line_of(b"host\ngw\nbridge", key) {
            Some(0) => Owner::Host,
            Some(1) => Owner::Gateway,
            Some(_) if veth.bridge.is_none() => {
                veth.bridge = Some(link_name(value, arena)?);
                continue;
            }
            _ => Owner::Inside,
        };
        let value = if owner == Owner::Inside { field } else { value };
        let network = if owner == Owner::Gateway {
            let address = Address::parse(value).filter(Address::is_one);
            address.map(|address| address::Network { address, length: 0 })
        } else {
            address::Network::parse(value)
        };
        let network = network.ok_or(Reason::NoAddress)?;
        let is_v6 = network.address.is_v6;
        if veth.of(owner).any(|other| other.network.address.is_v6 == is_v6) {
            return Err(Reason::TwiceAddress);
        }
        let text = arena.join(&[value]).map_err(|_| Reason::TextFull)?;
        // As many as there are owners and kinds: there is room.
        let _ = veth.addresses.push(Given { owner, network, text });
    }
    if veth.of(Owner::Inside).next().is_none() {
        return Err(Reason::NoNetwork);
    }
    if !veth.of(Owner::Gateway).all(|gateway| is_reachable(&veth, &gateway.network.address)) {
        return Err(Reason::FarGateway);
    }
    Ok(veth)
}

/// Whether a gateway is a neighbour of the container's end.
fn is_reachable(veth: &Veth<'_>, gateway: &Address) -> bool {
    let mut own = veth.of(Owner::Inside).map(|given| &given.network);
    own.any(|own| {
        let near = own.holds(gateway) || own.address.is_v6 && gateway.is_link_local();
        near && own.address != *gateway
    })
}

/// Keeps the name of a link, if it can be one: as `dev_valid_name` of the kernel.
fn link_name<'a>(name: &[u8], arena: &mut Arena<'a>) -> Result<&'a CStr, Reason> {
    let is_short = (1..=LINK_NAME_BYTES).contains(&name.len()) && name != b"." && name != b"..";
    // A % would be a number for the kernel to choose.
    let bad = |byte: &u8| matches!(byte, 0..=b' ' | b'/' | b':' | b'%' | 0x7f..);
    if !is_short || name.iter().any(bad) {
        return Err(Reason::NoLinkName);
    }
    arena.join(&[name]).map_err(|_| Reason::TextFull)
}

/// A port of the host that leads to one of the container.
#[derive(Clone, Copy)]
pub struct Port<'a> {
    /// As pasta(1) has it: `[ADDRESS/]PORT:PORT`.
    pub text: &'a CStr,
    /// UDP; else TCP.
    pub is_datagram: bool,
}

/// Reads `[ADDRESS:]PORT:PORT[/tcp|/udp]`, the host's address and port and the container's port.
///
/// # Errors
/// Anything else.
#[inline(never)]
pub fn parse_port<'a>(text: &[u8], arena: &mut Arena<'a>) -> Result<Port<'a>, Reason> {
    let (ports, protocol) = halves(text, b'/');
    let is_datagram = match line_of(b"tcp\nudp", protocol) {
        None if protocol.is_empty() && !text.ends_with(b"/") => false,
        known => known.ok_or(Reason::NoPort)? == 1,
    };
    let mut fields = parts(ports, b':');
    let (mut outer, mut inner) = (fields.skip_to(0), fields.skip_to(0));
    let mut address = b"".as_slice();
    let mut slash = b"".as_slice();
    if let Some(rest) = fields.rest() {
        Address::parse(outer).ok_or(Reason::NoPort)?;
        (address, slash, outer, inner) = (outer, b"/", inner, rest);
    }
    for port in [outer, inner] {
        parse_u64(port).filter(|port| (1..=65535).contains(port)).ok_or(Reason::NoPort)?;
    }
    let text = arena.join(&[address, slash, outer, b":", inner]).map_err(|_| Reason::TextFull)?;
    Ok(Port { text, is_datagram })
}

/// Reads the address of a server of names.
///
/// # Errors
/// Not an address, one too many.
pub fn add_server<'a>(value: &'a CStr, names: &mut Names<'a>) -> Result<(), Reason> {
    Address::parse(value.to_bytes()).ok_or(Reason::NoAddress)?;
    names.servers.push(value).map_err(|_| Reason::TooManyServers)
}

/// Reads a domain to look names up in.
///
/// # Errors
/// Not a name, one too many.
pub fn add_search<'a>(value: &'a CStr, names: &mut Names<'a>) -> Result<(), Reason> {
    check_name(value.to_bytes())?;
    names.searches.push(value).map_err(|_| Reason::TooManySearches)
}

/// Reads `NAME:ADDRESS`.
///
/// # Errors
/// Not a name, not an address, one too many.
#[inline(never)]
pub fn add_host<'a>(
    text: &[u8],
    arena: &mut Arena<'a>,
    names: &mut Names<'a>,
) -> Result<(), Reason> {
    let (name, address) = halves(text, b':');
    check_name(name)?;
    Address::parse(address).ok_or(Reason::NoAddress)?;
    let mut keep = |part| arena.join(&[part]).map_err(|_| Reason::TextFull);
    let entry = (keep(name)?, keep(address)?);
    names.hosts.push(entry).map_err(|_| Reason::TooManyHosts)
}

/// A line of a file must stay a line, and a name one word of it.
fn check_name(name: &[u8]) -> Result<(), Reason> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = !name.is_empty() && name.len() <= 253 && name.iter().all(plain);
    if is_name { Ok(()) } else { Err(Reason::NoHostName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The link, the bridge and the addresses with their owners; or why not.
    fn read(text: &str) -> Result<String, Reason> {
        let mut buffer = [0; 512];
        let network = parse_network(text.as_bytes(), &mut Arena::new(&mut buffer))?;
        let Some(Network::Veth(veth)) = network else { return Ok("no veth".into()) };
        let mut words = veth.link.to_str().unwrap().to_owned();
        for given in &veth.addresses {
            words += &format!(" {:?} {}", given.owner, given.text.to_str().unwrap());
        }
        Ok(words + veth.bridge.map_or("", |bridge| bridge.to_str().unwrap()))
    }

    #[test]
    fn networks_are_read() {
        for (text, expected) in [
            ("new", Ok("no veth")),
            ("host", Ok("no veth")),
            ("pasta", Ok("no veth")),
            ("veth:v,10.0.0.2/24", Ok("v Inside 10.0.0.2/24")),
            ("veth:v,10.0.0.2/24,gw=10.0.0.1", Ok("v Inside 10.0.0.2/24 Gateway 10.0.0.1")),
            ("veth:v,fd00::2/64,10.0.0.2/24", Ok("v Inside fd00::2/64 Inside 10.0.0.2/24")),
            ("veth:v,host=10.0.0.1/24,10.0.0.2/24", Ok("v Host 10.0.0.1/24 Inside 10.0.0.2/24")),
            ("veth:v,fd00::2/64,gw=fe80::1", Ok("v Inside fd00::2/64 Gateway fe80::1")),
            ("veth:v,10.0.0.2/24,bridge=br0", Ok("v Inside 10.0.0.2/24br0")),
            ("veth:fifteen-bytes-x,10.0.0.2/24", Ok("fifteen-bytes-x Inside 10.0.0.2/24")),
            ("veth:sixteen-bytes-xy,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("", Ok("no veth")),
            ("veth", Ok("no veth")),
            ("veth:", Err(Reason::NoLinkName)),
            ("veth:v", Err(Reason::NoNetwork)),
            ("veth:v,", Err(Reason::NoAddress)),
            ("veth:a/b,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("veth:a b,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("veth:a\tb,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("veth:a:b,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("veth:v%d,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("veth:..,10.0.0.2/24", Err(Reason::NoLinkName)),
            ("veth:v,10.0.0.2", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/33", Err(Reason::NoAddress)),
            ("veth:v,10.0.0/24", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/24,host=10.0.0.1", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/24,gw=10.0.0.1/24", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/24,gw=", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/24,mtu=9000", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/24,bridge=", Err(Reason::NoLinkName)),
            ("veth:v,10.0.0.2/24,bridge=a,bridge=b", Err(Reason::NoAddress)),
            ("veth:v,10.0.0.2/24,10.0.0.3/24", Err(Reason::TwiceAddress)),
            ("veth:v,10.0.0.2/24,host=10.0.0.1/24,host=10.0.0.3/24", Err(Reason::TwiceAddress)),
            ("veth:v,10.0.0.2/24,gw=10.0.1.1", Err(Reason::FarGateway)),
            ("veth:v,10.0.0.2/24,gw=10.0.0.2", Err(Reason::FarGateway)),
            ("veth:v,10.0.0.2/24,gw=fe80::1", Err(Reason::FarGateway)),
            ("veth:v,gw=10.0.0.1,host=10.0.0.1/24", Err(Reason::NoNetwork)),
        ] {
            assert_eq!(read(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn ports_are_read() {
        let read = |text: &str| {
            let mut buffer = [0; 64];
            let port = parse_port(text.as_bytes(), &mut Arena::new(&mut buffer)).ok()?;
            Some((port.text.to_str().unwrap().to_owned(), port.is_datagram))
        };
        for (text, expected) in [
            ("8080:80", Some(("8080:80", false))),
            ("8080:80/tcp", Some(("8080:80", false))),
            ("53:5353/udp", Some(("53:5353", true))),
            ("127.0.0.1:8080:80", Some(("127.0.0.1/8080:80", false))),
            ("", None),
            ("80", None),
            ("0:80", None),
            ("80:65536", None),
            ("80:80/", None),
            ("80:80/sctp", None),
            ("80:80:80", None),
            ("1.2.3:80:80", None),
            ("127.0.0.1:80:80:80", None),
            ("80-81:80-81", None),
        ] {
            let expected = expected.map(|(text, datagram)| (text.to_owned(), datagram));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn names_stay_one_word_of_a_line() {
        let mut buffer = [0; 4096];
        let mut arena = Arena::new(&mut buffer);
        let mut names = Names::new();
        let mut host = |text: &str| add_host(text.as_bytes(), &mut arena, &mut names);
        assert_eq!(host("db:10.0.0.7"), Ok(()));
        assert_eq!(host("db.example_1:fd00::7"), Ok(()));
        for bad in ["db", ":10.0.0.7", "a b:10.0.0.7", "a\nb:10.0.0.7", "a#:10.0.0.7"] {
            assert!(host(bad).is_err(), "{bad:?}");
        }
        for bad in ["db:", "db:host-gateway", "db:10.0.0.7 x"] {
            assert_eq!(host(bad), Err(Reason::NoAddress), "{bad:?}");
        }
        for _ in 2..HOSTS {
            assert_eq!(host("a:1.2.3.4"), Ok(()));
        }
        assert_eq!(host("a:1.2.3.4"), Err(Reason::TooManyHosts));
        assert_eq!(add_server(c"1.2.3.4", &mut names), Ok(()));
        assert_eq!(add_server(c"1.2.3.4\n", &mut names), Err(Reason::NoAddress));
        assert_eq!(add_search(c"example.org", &mut names), Ok(()));
        assert_eq!(add_search(c"a b", &mut names), Err(Reason::NoHostName));
    }
}
