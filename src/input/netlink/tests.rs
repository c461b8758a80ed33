//! Requests byte by byte, answers whole, cut off and lying.

use super::*;

/// The answer about a bridge with an alias, as the kernel lays it out.
fn answer() -> Vec<u8, REQUEST_BYTES> {
    let mut request = Request::about_link(Kind::NewLink, 7, 1);
    request.attribute(link::NAME, b"br0\0").attribute(link::ALIAS, b"rootlet:a\0");
    let info = request.open(link::INFO | 0x8000);
    request.attribute(link::INFO_KIND, b"bridge\0");
    let data = request.open(link::INFO_DATA);
    request.attribute(1, &[1, 2, 3]).close(data).close(info);
    request.finish();
    request.bytes
}

#[test]
fn a_request_is_laid_out_as_the_kernel_wants_it() {
    let mut request = Request::about_link(Kind::SetLink, 3, 1);
    let bytes = request.attribute(link::ALIAS, b"ab\0").finish();
    let expected: &[u8] = &[
        40, 0, 0, 0, 19, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, // header
        0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, // link
        7, 0, 20, 0, b'a', b'b', 0, 0, // attribute, with one byte of padding
    ];
    if cfg!(target_endian = "little") {
        assert_eq!(bytes, expected);
    }
}

#[test]
fn answers_are_read() {
    let bytes = answer();
    let link = Link { index: 7, kind: b"bridge", alias: b"rootlet:a" };
    assert_eq!(read_answer(&bytes), Some(Answer::Link(link)));
    let outcome = |code: i32| {
        let mut bytes = std::vec::Vec::from(36_u32.to_ne_bytes());
        bytes.extend(OUTCOME.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(SEQUENCE.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(code.to_ne_bytes());
        bytes.extend([0; 16]);
        bytes
    };
    assert_eq!(read_answer(&outcome(0)), Some(Answer::Done));
    assert_eq!(read_answer(&outcome(-17)), Some(Answer::Failed(Errno(17))));
    assert_eq!(read_answer(&outcome(i32::MIN)), Some(Answer::Failed(Errno(i32::MIN))));
    // Somebody else's number.
    let mut other = outcome(0);
    other[8] = 9;
    assert_eq!(read_answer(&other), None);
}

#[test]
fn what_is_cut_off_is_no_answer() {
    let bytes = answer();
    for length in 0..bytes.len() {
        assert_eq!(read_answer(&bytes[..length]), None, "{length}");
        // With a header that says so much: the link, as far as its attributes are whole.
        let mut short = bytes[..length].to_vec();
        if let Some(head) = short.get_mut(..4) {
            head.copy_from_slice(&(length as u32).to_ne_bytes());
        }
        match read_answer(&short) {
            None => assert!(length < HEADER_BYTES + LINK_BYTES),
            Some(Answer::Link(link)) => assert_eq!(link.index, 7),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_byte_can_lie_it_out_of_its_bounds() {
    let bytes = answer();
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            let mut lying = bytes.to_vec();
            lying[at] = value;
            // It must end, and give nothing that is not in the message.
            if let Some(Answer::Link(link)) = read_answer(&lying) {
                let range = lying.as_ptr_range();
                for part in [link.kind, link.alias].into_iter().filter(|part| !part.is_empty()) {
                    let part = part.as_ptr_range();
                    assert!(range.start <= part.start && part.end <= range.end, "{at} {value}");
                }
            }
        }
    }
}

#[test]
fn a_nested_kind_of_length_zero_ends_the_walk() {
    assert_eq!(attributes(&[0; 64]).count(), 0);
    assert_eq!(attributes(&[3, 0, 1, 0, 9, 9]).count(), 0);
    assert_eq!(attributes(&[4, 0, 1, 0, 5, 0, 2, 0, 9]).count(), 2);
}

#[test]
fn the_longest_requests_fit() {
    let name = c"fifteen-bytes-x";
    let mut pair = Request::veth_pair(name, u32::MAX, name, i32::MAX);
    let length = pair.finish().len();
    assert!(length < REQUEST_BYTES, "{length}");
    // It is what it says of itself: whole, and every part where it is looked for.
    assert_eq!(number(&pair.bytes, 0), Some(length as u32));
    let find = |bytes: &[u8], kind| {
        let found = attributes(bytes).find(|(found, _)| *found == kind);
        found.unwrap_or_else(|| panic!("no {kind}")).1.to_vec()
    };
    let head = HEADER_BYTES + LINK_BYTES;
    assert_eq!(find(&pair.bytes[head..], link::NAME), b"fifteen-bytes-x\0");
    assert_eq!(find(&pair.bytes[head..], link::MASTER), u32::MAX.to_ne_bytes());
    let info = find(&pair.bytes[head..], link::INFO);
    assert_eq!(find(&info, link::INFO_KIND), b"veth");
    let peer = find(&find(&info, link::INFO_DATA), link::VETH_PEER);
    assert_eq!(find(&peer[LINK_BYTES..], link::NAME), b"fifteen-bytes-x\0");
    assert_eq!(find(&peer[LINK_BYTES..], link::NAMESPACE_PID), i32::MAX.to_ne_bytes());
    let mut alias = Request::about_link(Kind::SetLink, 1, 0);
    alias.attribute(link::ALIAS, &[b'a'; "rootlet:".len() + crate::input::record::NAME_BYTES]);
    assert_eq!(number(alias.finish(), 0), Some((head + 4 + 72) as u32));
}

#[test]
fn addresses_and_routes_are_laid_out_as_the_kernel_wants_them() {
    let network = |text: &[u8]| Network::parse(text).unwrap();
    let mut request = Request::address(7, &network(b"10.0.0.2/24"));
    assert_eq!(request.finish()[16..20], [2, 24, 2, 0]);
    let expected = [(address::LOCAL, [10, 0, 0, 2]), (address::ADDRESS, [10, 0, 0, 2])];
    let bytes = request.bytes[24..].to_vec();
    assert!(attributes(&bytes).eq(expected.iter().map(|(kind, value)| (*kind, &value[..]))));
    let mut request = Request::default_route(7, &network(b"fd00::1/64").address);
    assert_eq!(request.finish()[16..24], [10, 0, 0, 0, 254, 4, 0, 1]);
    let kinds: std::vec::Vec<_> =
        attributes(&request.bytes[28..]).map(|(kind, value)| (kind, value.len())).collect();
    assert_eq!(kinds, [(route::GATEWAY, 16), (route::OUTPUT, 4)]);
}
