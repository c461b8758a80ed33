//! What libFuzzer runs: the targets of `tests/fuzz.rs`.
#![forbid(unsafe_code)]

pub mod targets;

use fastrand::Rng;

use targets::named;

/// Checks an input as it is and, where a checksum would keep it out, with that made right. Whether it was sound.
///
/// # Panics
/// Where a parser does wrong, and where there is no such target.
pub fn check(name: &str, input: &[u8]) -> bool {
    let target = named(name).expect("a row of TARGETS");
    let mut repaired = input.to_vec();
    // A seed with which the repair leaves nothing out.
    (target.repair)(&mut repaired, &mut Rng::with_seed(2));
    let is_sound = repaired != input && (target.check)(&repaired);
    (target.check)(input) || is_sound
}
