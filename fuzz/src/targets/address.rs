//! Addresses: read and written as the standard library does.

use std::net::{IpAddr, Ipv6Addr};

use rootlet::input::address::{Address, Network};
use rootlet::text::line::Line;

pub fn check(input: &[u8]) -> bool {
    let theirs = std::str::from_utf8(input).ok().and_then(|text| text.parse::<IpAddr>().ok());
    let ours = Address::parse(input);
    let bytes = theirs.map(|address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    });
    // rootlet does not read IPv4 written within IPv6.
    let is_mixed = input.contains(&b':') && input.contains(&b'.');
    let expected = bytes.filter(|_| !is_mixed);
    assert_eq!(ours.map(|address| address.bytes().to_vec()), expected);
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        assert_eq!(ours.is_loopback(), theirs.is_loopback());
        check_text(&ours, theirs);
    }
    check_network(input) || ours.is_some()
}

/// What rootlet writes is what the standard library writes, but for IPv4 within IPv6.
fn check_text(ours: &Address, theirs: IpAddr) {
    let mut line = Line::new();
    ours.append(&mut line);
    assert!(Address::parse(line.bytes()).is_some_and(|again| again.bytes() == ours.bytes()));
    let is_mixed = |address: Ipv6Addr| address.to_string().contains('.');
    if !matches!(theirs, IpAddr::V6(address) if is_mixed(address)) {
        assert_eq!(line.bytes(), theirs.to_string().as_bytes());
    }
}

/// A network holds its own address, and has no more bits than that.
fn check_network(input: &[u8]) -> bool {
    let Some(network) = Network::parse(input) else { return false };
    assert!(network.holds(&network.address) && network.address.is_one());
    assert!(usize::from(network.length) <= network.address.bytes().len() * 8);
    true
}
