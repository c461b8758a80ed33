//! Parsers fed with broken input: chance with a seed.
//!
//! `ROOTLET_FUZZ_SEED` chooses another sequence, `ROOTLET_FUZZ_SECONDS` how long each target runs. A target is a row of
//! `TARGETS`: sound inputs to start from, a repair that keeps changed ones from being refused at the first look, and a
//! check that panics.

#[path = "fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fastrand::Rng;

use targets::mutation::mutate;
use targets::{gzip, netlink, tar};

/// One parser under test.
pub struct Target {
    /// For messages.
    name: &'static str,
    /// Sound inputs.
    corpus: fn() -> Vec<Vec<u8>>,
    /// Makes checksums and the like right again.
    repair: fn(&mut [u8], &mut Rng),
    /// Panics when the parser does wrong; says whether the input was taken for sound.
    check: fn(&[u8]) -> bool,
}

const TARGETS: &[Target] = &[tar::TARGET, gzip::TARGET, netlink::TARGET];

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect(variable))
}

fn fuzz(target: &Target) {
    let seed = number("ROOTLET_FUZZ_SEED", 1);
    let limit = Duration::from_secs(number("ROOTLET_FUZZ_SECONDS", 3));
    let corpus = (target.corpus)();
    for sound in &corpus {
        assert!((target.check)(sound), "{}: a sound input is refused", target.name);
    }
    let (started, mut rounds, mut taken) = (Instant::now(), 0_u64, 0_u64);
    while started.elapsed() < limit {
        // Each input depends on its number alone, so that one can be made again.
        let mut rng = Rng::with_seed(seed ^ rounds.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut input = corpus[rng.usize(..corpus.len())].clone();
        mutate(&mut input, &corpus, &mut rng);
        (target.repair)(&mut input, &mut rng);
        match catch_unwind(AssertUnwindSafe(|| (target.check)(&input))) {
            Ok(sound) => taken += u64::from(sound),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
                let path = std::env::temp_dir().join(format!("rootlet-fuzz-{}", target.name));
                std::fs::write(&path, &input).unwrap();
                panic!(
                    "{}: seed {seed}, round {rounds}, input in {}: {words}",
                    target.name,
                    path.display()
                );
            }
        }
        rounds += 1;
    }
    println!("measured: {} {rounds} inputs, {taken} of them sound", target.name);
    assert!(rounds > 100 && taken < rounds, "{}: {rounds} rounds, {taken} sound", target.name);
}

#[test]
fn archives_of_any_shape_are_read_or_refused() {
    fuzz(&TARGETS[0]);
}

#[test]
fn gzip_of_any_shape_is_what_zlib_makes_of_it() {
    fuzz(&TARGETS[1]);
}

#[test]
fn answers_of_netlink_are_read_as_they_are() {
    fuzz(&TARGETS[2]);
}
