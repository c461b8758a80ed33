//! What a person types: the editor, completion, and the commands that result.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use initsh::Shell;

use super::nowhere::{Enough, MEMORY_BYTES, Nowhere, region};
use super::script::with_stack;

/// How many commands one input may run.
const STEPS: usize = 5000;
/// How much may be written for each key or command: some lines.
const LINE_BYTES: usize = 2000;
/// How many keys of an input are typed.
const MOST_KEYS: usize = 4000;

pub fn check(input: &[u8]) -> bool {
    let mut keys = input[..input.len().min(MOST_KEYS)].to_vec();
    keys.push(b' ');
    with_stack(move || {
        let mut host = Nowhere::new(&[b"sh"]);
        host.keys.clone_from(&keys);
        host.steps = STEPS;
        let end = catch_unwind(AssertUnwindSafe(|| {
            Shell::new(&mut host, &mut region(), MEMORY_BYTES).run()
        }));
        match end {
            Ok(status) => {
                assert!((0..256).contains(&status), "{status}");
                let lines = keys.len() + 10 + (STEPS - host.steps);
                assert!(host.written < LINE_BYTES * lines, "a flood");
                keys.contains(&b'\r')
            }
            Err(panic) if panic.is::<Enough>() => false,
            Err(panic) => resume_unwind(panic),
        }
    })
}
