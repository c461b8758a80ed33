//! Command lines of `ip`: links, addresses, routes. ip(8)

use core::ffi::CStr;

use super::address::Address;
use super::refusal::Reason;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of};

/// What it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Object {
    /// Links.
    Link,
    /// Their addresses.
    Address,
    /// Routes of the main table.
    Route,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Action {
    /// Tell about it.
    Show,
    /// Make it.
    Add,
    /// Remove it.
    Delete,
    /// Make it or change it.
    Replace,
    /// Change a link.
    Set,
}

/// An address and how many of its bits count.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Prefix {
    /// The address.
    pub address: Address,
    /// Bits.
    pub length: u8,
}

/// A command.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub struct IpCommand<'a> {
    /// What it is about.
    pub object: Object,
    /// What to do.
    pub action: Action,
    /// The link.
    pub device: Option<&'a CStr>,
    /// The address, or where a route leads to: nothing for everywhere.
    pub prefix: Option<Prefix>,
    /// The next hop.
    pub gateway: Option<Address>,
    /// Bytes of a packet.
    pub mtu: Option<u32>,
    /// Whether a link is up from now on.
    pub up: Option<bool>,
    /// How bad a route is.
    pub metric: Option<u32>,
}

/// Words for actions, in the order of the numbers that `parse` matches.
const ACTIONS: &[u8] = b"show\nlist\nls\nadd\ndel\ndelete\nreplace\nchange\nset";
const WORDS: &[u8] = b"dev\nvia\nmtu\nmetric\nup\ndown\ndefault";

/// Reads the words behind the options.
///
/// # Errors
/// The word that means nothing here, and why; an empty one where something is missing.
#[inline(never)]
pub fn parse<'a>(
    next: &mut dyn FnMut() -> Option<&'a CStr>,
) -> Result<IpCommand<'a>, (&'a CStr, Reason)> {
    let word = next().ok_or((c"", Reason::FewOperands))?;
    // A beginning is enough, as ip(8) has it.
    let begins = |whole: &[u8]| !word.is_empty() && whole.starts_with(word.to_bytes());
    let object = if begins(b"link") {
        Object::Link
    } else if begins(b"address") {
        Object::Address
    } else if begins(b"route") {
        Object::Route
    } else {
        return Err((word, Reason::NoIpWord));
    };
    let mut command = IpCommand {
        object,
        action: Action::Show,
        device: None,
        prefix: None,
        gateway: None,
        mtu: None,
        up: None,
        metric: None,
    };
    let Some(word) = next() else { return Ok(command) };
    command.action = match (line_of(ACTIONS, word.to_bytes()), object) {
        (Some(0..=2), _) => Action::Show,
        (Some(8), Object::Link) => Action::Set,
        (Some(_), Object::Link) | (None, _) => return Err((word, Reason::NoIpWord)),
        (Some(3), _) => Action::Add,
        (Some(4 | 5), _) => Action::Delete,
        (Some(6 | 7), _) => Action::Replace,
        (Some(_), _) => return Err((word, Reason::NoIpWord)),
    };
    let mut has_target = false;
    while let Some(word) = next() {
        let number = line_of(WORDS, word.to_bytes());
        let value = match number {
            Some(0..=3) => next().ok_or((word, Reason::NoValue))?,
            _ => word,
        };
        has_target |= command.take(number, value, has_target).ok_or((value, Reason::NoIpWord))?;
    }
    let needs_device = object != Object::Route && command.action != Action::Show;
    let needs_target = object != Object::Link && command.action != Action::Show;
    let lacks = needs_device && command.device.is_none() || needs_target && !has_target;
    if lacks { Err((c"", Reason::FewOperands)) } else { Ok(command) }
}

impl<'a> IpCommand<'a> {
    /// Takes a word by its number in `WORDS`, or the value behind it. True where it is the address or the route that the
    /// command is about, of which there can be one; nothing for a word that has no meaning there.
    fn take(&mut self, number: Option<usize>, value: &'a CStr, has_target: bool) -> Option<bool> {
        let text = value.to_bytes();
        let count = || u32::try_from(parse_u64(text)?).ok();
        match number {
            Some(0) => self.device = Some(value),
            Some(1) if self.object == Object::Route => self.gateway = Some(Address::parse(text)?),
            Some(2) if self.object == Object::Link => self.mtu = Some(count()?),
            Some(3) if self.object == Object::Route => self.metric = Some(count()?),
            Some(4 | 5) if self.action == Action::Set => self.up = Some(number == Some(4)),
            Some(6) if self.object == Object::Route && !has_target => return Some(true),
            None if self.object == Object::Link && self.device.is_none() => {
                self.device = Some(value);
            }
            None if self.object != Object::Link && !has_target => {
                self.prefix = Some(Prefix::parse(text)?);
                return Some(true);
            }
            _ => return None,
        }
        Some(false)
    }
}

impl Prefix {
    /// Reads `ADDRESS[/LENGTH]`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (address, length) = halves(text, b'/');
        let address = Address::parse(address)?;
        let most = address.bytes().len() as u64 * 8;
        let length = if length.is_empty() { most } else { parse_u64(length)? };
        (length <= most).then_some(Self { address, length: length as u8 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&'static CStr]) -> Result<IpCommand<'static>, (&'static CStr, Reason)> {
        let mut words = words.iter().copied();
        parse(&mut || words.next())
    }

    const PLAIN: IpCommand<'static> = IpCommand {
        object: Object::Link,
        action: Action::Show,
        device: None,
        prefix: None,
        gateway: None,
        mtu: None,
        up: None,
        metric: None,
    };

    fn address(text: &str) -> Address {
        Address::parse(text.as_bytes()).unwrap()
    }

    fn prefix(text: &str, length: u8) -> Option<Prefix> {
        Some(Prefix { address: address(text), length })
    }

    #[test]
    fn commands_are_those_of_iproute2() {
        let (eth0, lo) = (Some(c"eth0"), Some(c"lo"));
        let of = |object, action| IpCommand { object, action, ..PLAIN };
        for (words, expected) in [
            (&[c"link"] as &[&'static CStr], PLAIN),
            (&[c"l", c"show", c"lo"], IpCommand { device: lo, ..PLAIN }),
            (&[c"a"], of(Object::Address, Action::Show)),
            (&[c"r", c"ls"], of(Object::Route, Action::Show)),
            (
                &[c"link", c"set", c"dev", c"eth0", c"up", c"mtu", c"1400"],
                IpCommand {
                    device: eth0,
                    up: Some(true),
                    mtu: Some(1400),
                    ..of(Object::Link, Action::Set)
                },
            ),
            (
                &[c"link", c"set", c"eth0", c"down"],
                IpCommand { device: eth0, up: Some(false), ..of(Object::Link, Action::Set) },
            ),
            (
                &[c"addr", c"add", c"10.0.0.2/24", c"dev", c"eth0"],
                IpCommand {
                    device: eth0,
                    prefix: prefix("10.0.0.2", 24),
                    ..of(Object::Address, Action::Add)
                },
            ),
            (
                &[c"addr", c"del", c"fd00::1", c"dev", c"lo"],
                IpCommand {
                    device: lo,
                    prefix: prefix("fd00::1", 128),
                    ..of(Object::Address, Action::Delete)
                },
            ),
            (
                &[c"route", c"add", c"default", c"via", c"10.0.0.1", c"metric", c"7"],
                IpCommand {
                    gateway: Some(address("10.0.0.1")),
                    metric: Some(7),
                    ..of(Object::Route, Action::Add)
                },
            ),
            (
                &[c"ro", c"replace", c"10.1.0.0/16", c"dev", c"eth0"],
                IpCommand {
                    device: eth0,
                    prefix: prefix("10.1.0.0", 16),
                    ..of(Object::Route, Action::Replace)
                },
            ),
        ] {
            assert_eq!(read(words), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn what_is_none_is_named() {
        let none = |word| Err((word, Reason::NoIpWord));
        for (words, expected) in [
            (&[] as &[&'static CStr], Err((c"", Reason::FewOperands))),
            (&[c""], none(c"")),
            (&[c"rule"], none(c"rule")),
            (&[c"link", c"add", c"x"], none(c"add")),
            (&[c"addr", c"set", c"x"], none(c"set")),
            (&[c"link", c"set", c"up"], Err((c"", Reason::FewOperands))),
            (&[c"link", c"set", c"lo", c"mtu"], Err((c"mtu", Reason::NoValue))),
            (&[c"link", c"set", c"lo", c"mtu", c"x"], none(c"x")),
            (&[c"link", c"show", c"lo", c"up"], none(c"up")),
            (&[c"link", c"set", c"lo", c"via", c"10.0.0.1"], none(c"10.0.0.1")),
            (&[c"addr", c"add", c"10.0.0.2/33", c"dev", c"lo"], none(c"10.0.0.2/33")),
            (&[c"addr", c"add", c"10.0.0.2/24"], Err((c"", Reason::FewOperands))),
            (&[c"addr", c"add", c"dev", c"lo"], Err((c"", Reason::FewOperands))),
            (&[c"route", c"add", c"via", c"10.0.0.1"], Err((c"", Reason::FewOperands))),
            (&[c"route", c"add", c"default", c"default"], none(c"default")),
        ] {
            assert_eq!(read(words), expected, "{words:?}");
        }
    }
}
