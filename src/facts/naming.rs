//! What a container is called, and where its record lies.

use core::ffi::CStr;

use rustix::rand::{GetRandomFlags, getrandom};

use super::run_facts::RunFacts;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::{Mode, RunOptions};
use crate::sys::vectors::Strings;
use crate::text::arena::Arena;
use crate::text::call::Call;
use crate::text::line::Line;

/// Root's directory of records.
const RECORDS: &CStr = c"/run/rootlet";
/// Names a user's directory for what runs.
const VARIABLE: &[u8] = b"XDG_RUNTIME_DIR=";
/// Bytes of a random name, two digits each.
const RANDOM_BYTES: usize = 6;

/// Finds the name and the places.
///
/// # Errors
/// A directory of the environment that is no absolute path; getrandom(2).
#[inline(never)]
pub fn name_container<'a>(
    options: &RunOptions<'a>,
    caller: Strings<'a>,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    let full = |_| Refusal::new(Subject::Environment, Reason::TextFull);
    facts.records = records(caller, facts.caller.uid, arena)?;
    facts.name = match options.name {
        Some(name) => name,
        // Nothing is random in what is only explained.
        None if options.mode == Mode::Explain => c"NAME",
        None => arena.join(&[random_name()?.bytes()]).map_err(full)?,
    };
    let parts = [facts.records.to_bytes(), b"/", facts.name.to_bytes()];
    facts.record = arena.join(&parts).map_err(full)?;
    Ok(())
}

/// The directory of a user's records. Root's is below /run; a user's where his session has such things, else in /tmp under his number.
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
fn random_name() -> Result<Line, Refusal> {
    let mut bytes = [0_u8; RANDOM_BYTES];
    getrandom(&mut bytes, GetRandomFlags::INSECURE)
        .map_err(Refusal::of_call(Call::Getrandom, Subject::Machine))?;
    let mut name = Line::new();
    for byte in bytes {
        name.hex_digit(byte >> 4).hex_digit(byte & 15);
    }
    Ok(name)
}
