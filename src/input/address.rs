//! Internet addresses, read strictly: one spelling, one meaning.

#[cfg(all(feature = "boot", feature = "shell"))]
use crate::text::line::Line;
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Bytes of the longer kind.
const V6_BYTES: usize = 16;
/// Bytes of the shorter kind.
const V4_BYTES: usize = 4;
/// Groups of an IPv6 address.
const GROUPS: usize = 8;

/// An address of either kind.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Address {
    bytes: [u8; V6_BYTES],
    /// It is an IPv6 address; else only the first four bytes count.
    pub is_v6: bool,
}

/// An address and how many of its bits are the network's.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Network {
    /// Of the interface.
    pub address: Address,
    /// Bits, 1 to 32 or 128.
    pub length: u8,
}

impl Address {
    /// Reads `192.0.2.1` or `2001:db8::1`. No leading zeros in the former, no zone and no IPv4 tail in the latter.
    #[must_use]
    #[inline(never)]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; V6_BYTES];
        let is_v6 = text.contains(&b':');
        if is_v6 {
            parse_v6(text, &mut bytes)?;
        } else {
            parse_v4(text, &mut bytes)?;
        }
        Some(Self { bytes, is_v6 })
    }

    /// Its bytes, most significant first.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let length = if self.is_v6 { V6_BYTES } else { V4_BYTES };
        self.bytes.get(..length).unwrap_or_default()
    }

    /// The address of these bytes, 4 or 16.
    #[cfg(all(feature = "boot", feature = "shell"))]
    #[must_use]
    pub fn of_bytes(own: &[u8]) -> Self {
        let mut bytes = [0; V6_BYTES];
        bytes.iter_mut().zip(own).for_each(|(place, byte)| *place = *byte);
        Self { bytes, is_v6: own.len() == V6_BYTES }
    }

    /// Appends it as text, with the first of the longest runs of zero groups as `::`. Source: RFC 5952.
    #[cfg(all(feature = "boot", feature = "shell"))]
    #[inline(never)]
    pub fn append(&self, line: &mut Line) {
        if !self.is_v6 {
            for (index, byte) in self.bytes().iter().enumerate() {
                line.text(if index == 0 { "" } else { "." }).number((*byte).into());
            }
            return;
        }
        let group = |at: usize| match self.bytes.get(2 * at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u16::from_be_bytes(*bytes),
            None => 1,
        };
        let (mut start, mut longest) = (GROUPS, 1);
        for at in 0..GROUPS {
            let length = (at..).take_while(|at| group(*at) == 0).count();
            if length > longest {
                (start, longest) = (at, length);
            }
        }
        let mut at = 0;
        while at < GROUPS {
            if at == start {
                line.text("::");
                at += longest;
                continue;
            }
            line.text(if at == 0 || at == start + longest { "" } else { ":" });
            let number = group(at);
            let digits = (16 - number.leading_zeros()).div_ceil(4).max(1);
            (0..digits).rev().for_each(|digit| append_digit(line, number >> (4 * digit)));
            at += 1;
        }
    }

    /// Whether an interface can have it: it is neither unspecified nor multicast or reserved.
    #[must_use]
    pub fn is_one(&self) -> bool {
        match self.bytes() {
            [0xff, ..] if self.is_v6 => false,
            [first, ..] if !self.is_v6 => (1..224).contains(first),
            bytes => bytes.iter().any(|byte| *byte != 0),
        }
    }

    /// Whether it reaches its own host alone.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.bytes() {
            [first, ..] if !self.is_v6 => *first == 127,
            bytes => bytes.iter().rev().enumerate().all(|(at, byte)| *byte == u8::from(at == 0)),
        }
    }

    /// Whether it is an IPv6 address that holds on one link alone, fe80::/10.
    #[must_use]
    pub const fn is_link_local(&self) -> bool {
        let [first, second, ..] = self.bytes;
        self.is_v6 && first == 0xfe && second & 0xc0 == 0x80
    }
}

#[cfg(all(feature = "boot", feature = "shell"))]
fn append_digit(line: &mut Line, digit: u16) {
    line.hex_digit((digit & 15) as u8);
}

impl Network {
    /// Reads `ADDRESS/LENGTH`, the address of one interface.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut halves = parts(text, b'/');
        let address = Address::parse(halves.skip_to(0)).filter(Address::is_one)?;
        let length = u8::try_from(parse_u64(halves.rest()?)?).ok()?;
        let most = address.bytes().len() * 8;
        (1..=most).contains(&length.into()).then_some(Self { address, length })
    }

    /// Whether another address is in the same network.
    #[must_use]
    pub fn holds(&self, other: &Address) -> bool {
        let mut left = self.length;
        self.address.is_v6 == other.is_v6
            && self.address.bytes().iter().zip(other.bytes()).all(|(one, other)| {
                let bits = left.min(8);
                left -= bits;
                let mask = u8::MAX.checked_shl(u32::from(8 - bits)).unwrap_or(0);
                (one ^ other) & mask == 0
            })
    }
}

fn parse_v4(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    let mut fields = parts(text, b'.');
    for place in bytes.iter_mut().take(V4_BYTES) {
        let field = fields.next()?;
        // 010 is eight to some and ten to others.
        if field.len() > 1 && field.starts_with(b"0") {
            return None;
        }
        *place = u8::try_from(parse_u64(field)?).ok()?;
    }
    fields.next().is_none().then_some(())
}

/// `::` stands once for at least one group of zeros.
fn parse_v6(text: &[u8], bytes: &mut [u8; V6_BYTES]) -> Option<()> {
    let gap = text.windows(2).position(|two| two == b"::");
    let Some(gap) = gap else {
        return (fill(text, bytes, 0)? == GROUPS).then_some(());
    };
    let (head, tail) = (text.get(..gap)?, text.get(gap + 2..)?);
    let before = if head.is_empty() { 0 } else { fill(head, bytes, 0)? };
    let behind = if tail.is_empty() { 0 } else { parts(tail, b':').count() };
    let start = GROUPS.checked_sub(behind).filter(|start| *start > before)?;
    if behind > 0 {
        fill(tail, bytes, start)?;
    }
    Some(())
}

/// Reads groups into those of `bytes` from number `start` on; gives the number behind the last one.
fn fill(text: &[u8], bytes: &mut [u8; V6_BYTES], start: usize) -> Option<usize> {
    let mut number = start;
    for group in parts(text, b':') {
        let [high, low] = hexadecimal(group)?.to_be_bytes();
        *bytes.get_mut(2 * number)? = high;
        *bytes.get_mut(2 * number + 1)? = low;
        number += 1;
    }
    Some(number)
}

/// One to four digits.
fn hexadecimal(text: &[u8]) -> Option<u16> {
    if !(1..=4).contains(&text.len()) {
        return None;
    }
    text.iter().try_fold(0, |number: u16, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20).wrapping_sub(b'a').checked_add(10)?,
        };
        (digit < 16).then_some(number << 4 | u16::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    /// The same as the standard library reads, but for IPv4 tails.
    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in [
            "0.0.0.0",
            "10.0.0.2",
            "255.255.255.255",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4 ",
            " 1.2.3.4",
            "1..2.3",
            "1.2.3.",
            "1.2.3.+4",
            "",
            ".",
            ":",
            "::",
            ":::",
            "::1",
            "1::",
            "fd00::2",
            "2001:DB8::a:B",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7",
            "1::3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4::5:6:7:8",
            "1:2:3:4:5:6:7::8:9",
            "1::2::3",
            ":1::2",
            "1::2:",
            "12345::",
            "g::",
            "`::",
            "fe80::1%eth0",
            "::/1",
        ] {
            let expected: Option<Vec<u8>> = text.parse().ok().map(|address| match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            });
            let read = Address::parse(text.as_bytes()).map(|address| address.bytes().to_vec());
            assert_eq!(read, expected, "{text:?}");
        }
        assert_eq!(Address::parse(b"::ffff:1.2.3.4"), None);
    }

    #[test]
    fn text_of_addresses_is_that_of_the_standard_library() {
        for text in [
            "0.0.0.0",
            "10.0.0.255",
            "::",
            "::1",
            "1::",
            "fd00::2",
            "2001:db8::a:b",
            "1:2:3:4:5:6:7:8",
            "1:0:3:4:5:6:7:8",
            "1:0:0:4:0:0:0:8",
            "1:0:0:4:5:0:0:8",
            "fe80::10:0:0:abcd",
            "0:0:3:4:5:6:7:0",
        ] {
            let address = Address::parse(text.as_bytes()).unwrap();
            let mut line = Line::new();
            Address::of_bytes(address.bytes()).append(&mut line);
            let expected: IpAddr = text.parse().unwrap();
            assert_eq!(str::from_utf8(line.bytes()), Ok(expected.to_string().as_str()), "{text}");
        }
    }

    #[test]
    fn networks_have_a_length_that_fits() {
        let read = |text: &str| Network::parse(text.as_bytes()).map(|network| network.length);
        for (text, length) in [
            ("10.0.0.2/24", Some(24)),
            ("10.0.0.2/32", Some(32)),
            ("10.0.0.2/33", None),
            ("10.0.0.2/0", None),
            ("10.0.0.2/", None),
            ("10.0.0.2", None),
            ("10.0.0.2/24/24", None),
            ("10.0.0.2/-1", None),
            ("10.0.0.2/256", None),
            ("0.1.2.3/8", None),
            ("224.0.0.1/8", None),
            ("255.255.255.255/8", None),
            ("fd00::2/64", Some(64)),
            ("fd00::2/128", Some(128)),
            ("fd00::2/129", None),
            ("::/64", None),
            ("ff02::1/64", None),
        ] {
            assert_eq!(read(text), length, "{text}");
        }
    }

    #[test]
    fn a_network_holds_what_has_its_bits() {
        for (network, address, held) in [
            ("10.0.0.2/24", "10.0.0.1", true),
            ("10.0.0.2/24", "10.0.1.1", false),
            ("10.0.0.2/31", "10.0.0.3", true),
            ("10.0.0.2/31", "10.0.0.1", false),
            ("10.0.0.2/32", "10.0.0.2", true),
            ("10.0.0.2/1", "127.0.0.1", true),
            ("10.0.0.2/24", "fd00::1", false),
            ("fd00::2/64", "fd00::1", true),
            ("fd00::2/64", "fd00:0:0:1::1", false),
        ] {
            let parsed = Network::parse(network.as_bytes()).unwrap();
            let address = Address::parse(address.as_bytes()).unwrap();
            assert_eq!(parsed.holds(&address), held, "{network} {address:?}");
        }
    }

    #[test]
    fn kinds_of_addresses() {
        let kind = |text: &str| {
            let address = Address::parse(text.as_bytes()).unwrap();
            (address.is_loopback(), address.is_link_local())
        };
        for text in ["127.0.0.1", "127.0.0.53", "::1"] {
            assert_eq!(kind(text), (true, false), "{text}");
        }
        for text in ["::", "::2", "1::1", "128.0.0.1", "fec0::1"] {
            assert_eq!(kind(text), (false, false), "{text}");
        }
        for text in ["fe80::1", "febf::1"] {
            assert_eq!(kind(text), (false, true), "{text}");
        }
    }
}
