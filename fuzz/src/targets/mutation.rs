//! Random changes of inputs.

use fastrand::Rng;

/// Bytes at which things tend to break.
const EDGES: [u8; 10] = [0, 1, 7, 8, 0x7f, 0x80, 0xfe, 0xff, b'/', b'.'];

/// Changes an input in one to six places.
pub fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    for _ in 0..rng.usize(1..7) {
        if input.is_empty() {
            input.push(rng.u8(..));
        }
        let at = rng.usize(..input.len());
        let most = 1 << rng.usize(..11);
        let length = rng.usize(..=(input.len() - at).min(most));
        match rng.u8(..9) {
            0 | 1 => input[at] ^= 1 << rng.u8(..8),
            2 => input[at] = rng.u8(..),
            3 => input[at] = EDGES[rng.usize(..EDGES.len())],
            4 => drop(input.drain(at..at + length)),
            5 => {
                let part = input[at..at + length].to_vec();
                let to = rng.usize(..=input.len());
                input.splice(to..to, part);
            }
            6 => {
                let other = &corpus[rng.usize(..corpus.len())];
                let from = rng.usize(..other.len());
                let part = other[from..].iter().take(length).copied();
                input.splice(at..at + length, part);
            }
            7 => input[at..at + length].fill(rng.choice([0, 0xff, b'7', b' ']).unwrap()),
            _ => input.truncate(at),
        }
    }
}
