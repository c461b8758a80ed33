//! The command line of `rootlet init`.

use core::ffi::CStr;

use super::arguments::{Argument, Arguments, Manual};
use super::refusal::{Reason, Refusal, Subject};
use crate::text::packed::packed;

/// What `rootlet init` was asked for.
pub enum InitRequest<Words> {
    /// `--help`.
    Help,
    /// Run this program and supervise it.
    Supervise(Words),
}

/// What `--help` prints, and the table of options.
pub const MANUAL: Manual = Manual(packed!(
    "\
rootlet init [--] CMD [ARG...]
Runs CMD, reaps orphans, forwards every signal, ends with CMD's status (128+N for signal N).
Exit status 125: own failure, 126: cannot execute CMD, 127: not found.

  -h, --help  print this help"
));

/// Reads the command line behind `init`; its first string is number `position` of the argument vector.
///
/// # Errors
/// An unknown option, or no program.
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    words: Words,
    position: u32,
) -> Result<InitRequest<Words>, Refusal> {
    let mut arguments = Arguments::new(words, position);
    match arguments.take(MANUAL)? {
        Argument::Option { .. } => Ok(InitRequest::Help),
        Argument::Operands if arguments.operands().next().is_some() => {
            Ok(InitRequest::Supervise(arguments.operands()))
        }
        Argument::Operands => Err(Refusal::new(Subject::Command, Reason::NoProgram)),
    }
}
