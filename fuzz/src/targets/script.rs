//! Scripts: read, then run on a system without files or processes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use initsh::Shell;

use super::Target;
use super::nowhere::{Enough, MEMORY_BYTES, Nowhere, region};

/// How many commands of one script are run.
const STEPS: usize = 5000;
/// Frames are large in a build without optimisation, where the usual 8 MiB do not suffice for deep trees.
const STACK_BYTES: usize = 256 << 20;

pub const TARGET: Target = Target { made, ..Target::new("script", check) };

/// The scripts of initsh's own tests, one text for each chapter.
const CHAPTERS: [&str; 10] = [
    include_str!("../../../initsh/tests/corpus/arithmetic.txt"),
    include_str!("../../../initsh/tests/corpus/builtins.txt"),
    include_str!("../../../initsh/tests/corpus/control.txt"),
    include_str!("../../../initsh/tests/corpus/globbing.txt"),
    include_str!("../../../initsh/tests/corpus/parameters.txt"),
    include_str!("../../../initsh/tests/corpus/processes.txt"),
    include_str!("../../../initsh/tests/corpus/quoting.txt"),
    include_str!("../../../initsh/tests/corpus/redirections.txt"),
    include_str!("../../../initsh/tests/corpus/splitting.txt"),
    include_str!("../../../initsh/tests/corpus/syntax.txt"),
];

/// The sound ones of these scripts; a few are broken on purpose.
fn made() -> Vec<Vec<u8>> {
    let scripts = CHAPTERS.iter().flat_map(|chapter| chapter.split("\n---\n"));
    scripts.map(|script| script.as_bytes().to_vec()).filter(|script| check(script)).collect()
}

fn check(input: &[u8]) -> bool {
    // A shell that has a trap asks for signals after each command, and so can be ended there.
    let script = [b"trap : TERM\n", input].concat();
    with_stack(|| {
        let sound = status(&[b"sh", b"-n", b"-c", input], MEMORY_BYTES) == Some(0);
        status(&[b"sh", b"-c", &script], MEMORY_BYTES);
        // Once more with so little memory that it often does not suffice.
        status(&[b"sh", b"-c", &script], 20_000 + script.len() % 64 * 300);
        sound
    })
}

/// Calls a function on a stack that has room for deep trees.
pub fn with_stack<T: Send>(function: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, function).unwrap();
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Runs a shell that is given these words; returns its status, if it has ended by itself.
fn status(words: &[&[u8]], memory_bytes: usize) -> Option<i32> {
    let mut host = Nowhere::new(words);
    host.steps = STEPS;
    let end =
        catch_unwind(AssertUnwindSafe(|| Shell::new(&mut host, &mut region(), memory_bytes).run()));
    match end {
        Ok(status) => {
            assert!((0..256).contains(&status), "{status}");
            Some(status)
        }
        Err(panic) if panic.is::<Enough>() => None,
        Err(panic) => resume_unwind(panic),
    }
}
