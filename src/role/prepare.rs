//! `rootlet prepare`: what makes later starts independent of the host's size.

use crate::input::arguments::Manual;
use crate::input::refusal::{Cause, Reason};
use crate::report;
use crate::run::prepared;
use crate::sys::vectors::Strings;
use crate::text::packed::packed;

const MANUAL: Manual = Manual(packed!(
    "\
usage: rootlet prepare [--remove]

Makes an empty mount namespace, kept at /run/rootlet/.mounts. While it is there,
rootlet run as root builds containers in copies of it, which takes as long on a
host with thousands of mounts and processes as on one with few.

  --remove   let go of it"
));

/// Prepares, or lets go of what was prepared.
#[inline(never)]
pub fn prepare(mut words: Strings<'static>) -> i32 {
    let word = words.next().unwrap_or_default();
    let bytes = word.to_bytes();
    if bytes == b"--help" || bytes == b"-h" {
        return report::help(MANUAL.0);
    }
    let removes = bytes == b"--remove";
    let beyond = if bytes.is_empty() || removes { words.next() } else { Some(word) };
    if let Some(beyond) = beyond {
        let mut line = report::line();
        line.operand(beyond.to_bytes());
        return report::refused(line, Cause::Reason(Reason::UnknownOption));
    }
    if removes {
        prepared::remove();
        return 0;
    }
    match prepared::prepare() {
        Ok(()) => 0,
        Err(error) => report::failed_call(error, b"prepare"),
    }
}
