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

      --remove  let go of it
  -h, --help    print this help"
));

/// Prepares, or lets go of what was prepared.
#[inline(never)]
pub fn prepare(words: Strings<'static>) -> i32 {
    let mut removes = false;
    for word in words {
        match word.to_bytes() {
            b"--help" | b"-h" => return report::help(MANUAL.0),
            b"--remove" => removes = true,
            other => {
                let mut line = report::line();
                line.operand(other);
                return report::refused(line, Cause::Reason(Reason::UnknownOption));
            }
        }
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
