//! What libFuzzer runs: the targets of `tests/fuzz.rs`.
#![forbid(unsafe_code)]

pub mod targets;

use fastrand::Rng;

use targets::named;

/// Checks an input as it is, and once more with its checksums and the like made right where they are wrong. Returns
/// whether either was sound.
///
/// # Panics
/// If a parser does wrong, or there is no such target.
pub fn check(name: &str, input: &[u8]) -> bool {
    let target = named(name).expect("a row of TARGETS");
    let mut repaired = input.to_vec();
    // With this seed the repairs, which are random, leave nothing out.
    (target.repair)(&mut repaired, &mut Rng::with_seed(2));
    let is_sound = repaired != input && (target.check)(&repaired);
    (target.check)(input) || is_sound
}
