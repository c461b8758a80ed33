//! Lines of a resolv.conf. Source: resolv.conf(5).

use super::address::Address;
use crate::text::parts::{Parts, halves, line_of, parts};

/// What a line says.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Kind {
    /// A server of names.
    Server {
        /// It is out of a container's reach: on the host itself, on one link of the host, or of no readable address.
        is_loopback: bool,
    },
    /// Where names are looked up.
    Search,
    /// Anything else.
    Other,
}

/// The lines of a file, without an empty one behind the last newline.
pub fn lines(text: &[u8]) -> Parts<'_> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut lines = parts(text, b'\n');
    if text.is_empty() {
        lines.next();
    }
    lines
}

/// Reads a line.
#[must_use]
#[inline(never)]
pub fn kind(line: &[u8]) -> Kind {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (keyword, value) = line.split_at_checked(end).unwrap_or_default();
    match line_of(b"nameserver\nsearch\ndomain", keyword) {
        Some(0) => {
            // The zone of a link-local address is an interface of the host.
            let (address, zone) = halves(value.trim_ascii(), b'%');
            let address = Address::parse(address).filter(|_| zone.is_empty());
            Kind::Server { is_loopback: address.is_none_or(|address| address.is_loopback()) }
        }
        Some(_) => Kind::Search,
        None => Kind::Other,
    }
}

/// Whether a server is named that is not on the host itself.
#[must_use]
pub fn has_server(text: &[u8]) -> bool {
    lines(text).any(|line| kind(line) == Kind::Server { is_loopback: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let server = |is_loopback| Kind::Server { is_loopback };
        for (line, expected) in [
            ("nameserver 10.0.0.1", server(false)),
            ("nameserver\tfd00::1 ", server(false)),
            ("nameserver 127.0.0.53", server(true)),
            ("nameserver ::1", server(true)),
            ("nameserver fe80::1%eth0", server(true)),
            ("nameserver nonsense", server(true)),
            ("search a b", Kind::Search),
            ("domain a", Kind::Search),
            ("options edns0", Kind::Other),
            ("# nameserver 1.2.3.4", Kind::Other),
            ("nameservers 1.2.3.4", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(kind(line.as_bytes()), expected, "{line:?}");
        }
        assert!(has_server(b"nameserver 127.0.0.1\nnameserver 10.0.0.1\n"));
        assert!(!has_server(b"nameserver 127.0.0.1\n"));
        assert_eq!(lines(b"").count() + lines(b"\n").count(), 0);
        assert_eq!(lines(b"a\n\nb\n").count(), 3);
    }
}
