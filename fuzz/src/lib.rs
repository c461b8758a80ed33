//! What libFuzzer runs: the targets of `tests/fuzz.rs`, by their names.
#![forbid(unsafe_code)]

pub mod targets;

use fastrand::Rng;

/// Checks an input as it is and, where a checksum would keep it out, with that made right.
///
/// # Panics
/// Where a parser does wrong, and where there is no such target.
pub fn check(name: &str, input: &[u8]) {
    let target = targets::named(name).expect("a row of TARGETS");
    (target.check)(input);
    let mut repaired = input.to_vec();
    // A seed with which the repair leaves nothing out.
    (target.repair)(&mut repaired, &mut Rng::with_seed(2));
    if repaired != input {
        (target.check)(&repaired);
    }
}
