//! `poweroff`, `reboot`, `halt`, and `init` beside PID 1.

use core::ffi::CStr;

use crate::input::arguments::Arguments;
use crate::input::boot_parameters::End;
use crate::input::power_options::{MANUAL, parse, signal_for, signal_of};
use crate::input::refusal::{Cause, Reason};
use crate::report;
use crate::run::machine;
use crate::sys::clock::monotonic_ms;
use crate::sys::poll::wait_at_most;
use crate::sys::signal::{Signal, kill};
use crate::sys::vectors::Strings;
use crate::text::call::{Call, CallError};

/// PID 1.
const INIT: i32 = 1;

/// Ends the machine, by asking init or without it.
#[inline(never)]
pub fn power(end: End, words: Strings<'_>) -> i32 {
    let mut arguments = Arguments::new(words, 0);
    let power = match parse(end, &mut arguments) {
        Ok(Some(power)) => power,
        Ok(None) => return report::help(MANUAL.0),
        Err(reason) => {
            let word = arguments.operands().next().unwrap_or(arguments.found.word);
            return refuse(word, reason);
        }
    };
    if power.nothing {
        return 0;
    }
    wait(power.delay_s);
    if !power.is_forced {
        return ask(signal_of(power.end));
    }
    if !power.no_sync {
        rustix::fs::sync();
    }
    report::failed_call(machine::end(power.end), b"")
}

/// `init q` and the like.
pub fn ask_init(word: Option<&CStr>) -> i32 {
    let word = word.unwrap_or_default();
    match signal_for(word.to_bytes()) {
        0 => refuse(c"init", Reason::NotFirstProcess),
        signal => ask(signal),
    }
}

fn ask(signal: i32) -> i32 {
    match kill(INIT, Signal(signal)) {
        Ok(()) => 0,
        Err(errno) => report::failed_call(CallError { call: Call::Kill, errno }, b"init"),
    }
}

#[inline(never)]
fn refuse(word: &CStr, reason: Reason) -> i32 {
    let mut line = report::line();
    line.operand(word.to_bytes());
    report::refused(line, Cause::Reason(reason))
}

/// Signals that are not blocked end us, so a wait that is interrupted goes on.
fn wait(seconds: u64) {
    let end_ms = monotonic_ms().saturating_add(seconds.saturating_mul(1000));
    loop {
        let left_ms = end_ms.saturating_sub(monotonic_ms());
        if left_ms == 0 {
            return;
        }
        wait_at_most(&mut [], u32::try_from(left_ms).unwrap_or(u32::MAX - 1));
    }
}
