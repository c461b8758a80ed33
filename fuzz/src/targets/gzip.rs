//! gzip: what zlib accepts is accepted, with the same bytes, and nothing else.

use std::io::{Read, Write};

use fastrand::Rng;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc, Decompress, FlushDecompress, Status};
use rootlet::input::archive::{MEMORY_BYTES, carve};
use rootlet::input::refusal::Reason;

use super::Target;

pub const TARGET: Target = Target { name: "gzip", made, repair: |_, _| (), check };

/// Raw deflate streams; the check adds gzip's header and trailer.
fn made() -> Vec<Vec<u8>> {
    let text: Vec<u8> =
        (0..3000_u32).flat_map(|n| format!("line {}\n", n % 97).into_bytes()).collect();
    let mut rng = Rng::with_seed(5);
    let noise: Vec<u8> = (0..2000).map(|_| rng.u8(..)).collect();
    let mixed = [&text[..1500], &noise, &text].concat();
    let mut streams = vec![vec![3, 0], vec![1, 0, 0, 0xff, 0xff]];
    for level in [0, 1, 6, 9] {
        for content in [&text, &noise, &mixed, &vec![b'a'; 40_000], &vec![]] {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(content).unwrap();
            streams.push(encoder.finish().unwrap());
        }
    }
    streams
}

/// What zlib makes of a raw stream, if it is whole: its content, and how many bytes of the input it takes.
fn by_zlib(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut inflate = Decompress::new(false);
    let mut made = Vec::with_capacity(1 << 16);
    loop {
        let rest = &input[inflate.total_in() as usize..];
        made.reserve(1 << 16);
        let before = (inflate.total_in(), inflate.total_out());
        match inflate.decompress_vec(rest, &mut made, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Some((made, inflate.total_in() as usize)),
            Ok(_) if (inflate.total_in(), inflate.total_out()) != before => {}
            _ => return None,
        }
    }
}

/// What rootlet makes of a gzip file that comes in pieces of at most `piece` bytes.
fn by_us(input: &[u8], piece: usize) -> Result<Vec<u8>, Reason> {
    let mut memory = vec![0; MEMORY_BYTES];
    let mut rest = input;
    let mut refill = |room: &mut [u8]| rest.by_ref().take(piece as u64).read(room).unwrap();
    let (mut stream, ..) = carve(&mut memory, &mut refill).unwrap();
    let mut made = Vec::new();
    loop {
        match stream.take(usize::MAX) {
            Ok([]) => return Ok(made),
            Ok(taken) => made.extend_from_slice(taken),
            Err(reason) => return Err(reason),
        }
    }
}

/// The header of a member, with nothing optional in it.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn packed(stream: &[u8], content: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(content);
    [&HEAD, stream, &sum.sum().to_le_bytes(), &(content.len() as u32).to_le_bytes()].concat()
}

fn check(input: &[u8]) -> bool {
    // What follows is no right checksum: whoever takes a broken stream for whole meets that.
    let input = &[input, &[0xaa; 16]].concat()[..];
    let Some((content, used)) = by_zlib(input) else {
        let found = by_us(&[&HEAD, input].concat(), usize::MAX);
        let is_refused = matches!(found, Err(Reason::BadPacking | Reason::ArchiveCut));
        assert!(is_refused, "zlib refuses it");
        return false;
    };
    let is = |found: Result<Vec<u8>, Reason>, wanted: &[u8]| found.is_ok_and(|made| made == wanted);
    let mut file = packed(&input[..used], &content);
    assert!(is(by_us(&file, usize::MAX), &content), "zlib makes other bytes of it");
    assert!(is(by_us(&file, 1), &content), "in single bytes it is something else");
    // Two members, and padding behind them.
    let twice = [&file[..], &file, &[0; 100]].concat();
    assert!(is(by_us(&twice, 4096), &[&content[..], &content].concat()), "two members");
    let end = file.len() - 1;
    assert!(by_us(&file[..end], 4096) == Err(Reason::ArchiveCut), "cut");
    file[end - 5] ^= 1;
    assert!(by_us(&file, 4096) == Err(Reason::BadSum), "a wrong checksum");
    true
}
