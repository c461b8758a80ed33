//! What a container is called, and where its record lies.

use core::ffi::CStr;

use super::prepared::RECORDS;
use super::run_facts::RunFacts;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::{Mode, RunOptions};
use crate::sys::vectors::{Strings, Vectors};
use crate::text::arena::Arena;
use crate::text::line::Line;

/// Names a user's directory for what runs.
const VARIABLE: &[u8] = b"XDG_RUNTIME_DIR=";
/// Bytes of a random name, two digits each.
const RANDOM_BYTES: usize = 6;

/// Finds the name and the places.
///
/// # Errors
/// A directory of the environment that is no absolute path.
#[inline(never)]
pub fn name_container<'a>(
    options: &RunOptions<'a>,
    vectors: Vectors,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    let full = |_| Refusal::new(Subject::Environment, Reason::TextFull);
    facts.records = records(vectors.environment, facts.caller.uid, arena)?;
    facts.name = match options.name {
        Some(name) => name,
        // Nothing is random in what is only explained.
        None if options.mode == Mode::Explain => c"NAME",
        None => arena.join(&[random_name(vectors).bytes()]).map_err(full)?,
    };
    let parts = [facts.records.to_bytes(), b"/", facts.name.to_bytes()];
    facts.record = arena.join(&parts).map_err(full)?;
    Ok(())
}

/// The directory of the caller's records: root's is below /run, a user's where his session has such things, else in /tmp
/// under his number.
///
/// # Errors
/// A directory of the environment that is no absolute path.
pub fn records<'a>(
    mut caller: Strings<'a>,
    uid: u32,
    arena: &mut Arena<'a>,
) -> Result<&'a CStr, Refusal> {
    if uid == 0 {
        return Ok(RECORDS);
    }
    let refused = Refusal::at(Subject::RuntimeDirectory);
    let value = caller.find_map(|variable| variable.to_bytes().strip_prefix(VARIABLE));
    let joined = match value.filter(|value| !value.is_empty()) {
        Some(value) if value.starts_with(b"/") => arena.join(&[value, b"/rootlet"]),
        Some(_) => return Err(refused(Reason::RelativePath)),
        None => {
            let mut path = Line::new();
            arena.join(&[path.text("/tmp/rootlet-").number(uid.into()).bytes()])
        }
    };
    joined.map_err(|_| refused(Reason::TextFull))
}

#[inline(never)]
fn random_name(vectors: Vectors) -> Line {
    let mut name = Line::new();
    for byte in vectors.random().into_iter().take(RANDOM_BYTES) {
        name.hex_digit(byte >> 4).hex_digit(byte & 15);
    }
    name
}
