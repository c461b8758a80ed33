//! Scripts: read, then run on a system that is none.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use initsh::Shell;

use super::nowhere::{Enough, MEMORY_BYTES, Nowhere};

/// Commands of one script.
const STEPS: usize = 5000;
/// Frames of a build without optimisation are large; a program's first thread has 8 MiB.
const STACK_BYTES: usize = 256 << 20;

pub fn check(input: &[u8]) -> bool {
    // Who has an action asks for signals behind each command, and so can be ended.
    let script = [b"trap : TERM\n", input].concat();
    with_stack(|| {
        let sound = status(&[b"sh", b"-n", b"-c", input], MEMORY_BYTES) == Some(0);
        status(&[b"sh", b"-c", &script], MEMORY_BYTES);
        // With so little memory that it often does not suffice.
        status(&[b"sh", b"-c", &script], 20_000 + script.len() % 64 * 300);
        sound
    })
}

/// Calls a function with room for deep trees.
pub fn with_stack<T: Send>(function: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, function).unwrap();
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Runs a shell of these words; gives its status, if it has ended by itself.
fn status(words: &[&[u8]], memory_bytes: usize) -> Option<i32> {
    let mut host = Nowhere::new(words);
    host.steps = STEPS;
    let mut memory = vec![0; memory_bytes];
    let end = catch_unwind(AssertUnwindSafe(|| Shell::new(&mut host, &mut memory).run()));
    match end {
        Ok(status) => {
            assert!((0..256).contains(&status), "{status}");
            Some(status)
        }
        Err(panic) if panic.is::<Enough>() => None,
        Err(panic) => resume_unwind(panic),
    }
}
