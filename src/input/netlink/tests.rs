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
