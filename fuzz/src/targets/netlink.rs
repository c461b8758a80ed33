//! Answers of rtnetlink, beside a simple reader of the same bytes.

use fastrand::Rng;
use rootlet::input::netlink::{Answer, Kind, Request, link, read_answer};

use super::Target;

pub const TARGET: Target = Target { name: "netlink", made, repair, check };

/// What an answer says: the errno of the outcome, or a link's index, kind and alias.
#[derive(Debug, PartialEq)]
enum Read {
    Outcome(i32),
    Link(u32, Vec<u8>, Vec<u8>),
}

fn made() -> Vec<Vec<u8>> {
    let mut bridge = Request::about_link(Kind::NewLink, 7, 1);
    bridge.attribute(link::NAME, b"br0\0").attribute(link::ALIAS, b"rootlet:a\0");
    let info = bridge.open(link::INFO | 0x8000);
    bridge.attribute(link::INFO_KIND, b"bridge\0");
    let data = bridge.open(link::INFO_DATA);
    bridge.attribute(1, &[1, 2, 3]).close(data).close(info);
    let mut plain = Request::about_link(Kind::NewLink, 1, 0);
    plain.attribute(link::NAME, b"lo\0");
    let outcome = |errno: i32| {
        let numbers = [36, 2, 1, 0, errno.cast_unsigned(), 0, 0, 0, 0].map(u32::to_ne_bytes);
        numbers.as_flattened().to_vec()
    };
    let links = [bridge.finish().to_vec(), plain.finish().to_vec()];
    links.into_iter().chain([outcome(0), outcome(-17)]).collect()
}

/// Writes the right length and our sequence number into most inputs.
fn repair(input: &mut [u8], rng: &mut Rng) {
    let length = (input.len() as u32).to_ne_bytes();
    if input.len() >= 16 && rng.u8(..8) > 0 {
        input[..4].copy_from_slice(&length);
        input[8..12].copy_from_slice(&1_u32.to_ne_bytes());
    }
}

fn check(input: &[u8]) -> bool {
    let read = match read_answer(input) {
        None => None,
        Some(Answer::Done) => Some(Read::Outcome(0)),
        Some(Answer::Failed(errno)) => Some(Read::Outcome(errno.0.wrapping_neg())),
        Some(Answer::Link(link)) => {
            Some(Read::Link(link.index, link.kind.to_vec(), link.alias.to_vec()))
        }
    };
    assert_eq!(read, reference(input), "{input:?}");
    read.is_some()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().unwrap()))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().unwrap()))
}

fn reference(input: &[u8]) -> Option<Read> {
    let length = u32_at(input, 0)? as usize;
    if length < 16 || length > input.len() || u32_at(input, 8)? != 1 {
        return None;
    }
    let message = &input[..length];
    match u16_at(message, 4)? {
        2 => Some(Read::Outcome(u32_at(message, 16)?.cast_signed())),
        16 if length >= 32 => {
            let (mut kind, mut alias) = (Vec::new(), Vec::new());
            for (number, value) in attributes(&message[32..]) {
                match number {
                    20 => alias = until_nul(value),
                    18 => {
                        let named = attributes(value).into_iter().find(|(number, _)| *number == 1);
                        kind = named.map_or_else(Vec::new, |(_, value)| until_nul(value));
                    }
                    _ => {}
                }
            }
            Some(Read::Link(u32_at(message, 20)?, kind, alias))
        }
        _ => None,
    }
}

fn until_nul(value: &[u8]) -> Vec<u8> {
    value.iter().copied().take_while(|byte| *byte != 0).collect()
}

fn attributes(bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let (Some(length), Some(kind)) = (u16_at(bytes, at), u16_at(bytes, at + 2)) {
        let end = at + usize::from(length);
        if length < 4 || end > bytes.len() {
            break;
        }
        found.push((kind & 0x3fff, &bytes[at + 4..end]));
        at += usize::from(length).div_ceil(4) * 4;
    }
    found
}
