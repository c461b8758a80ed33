//! `rootlet wait`, `kill`, `stop`, `pause`, `resume`, `rm`: by a name.

use core::ffi::CStr;

use heapless::Vec;

use super::logs;
use super::records::open_records;
use crate::input::arguments::Arguments;
use crate::input::manage_options::{Manage, Verb, check_names, parse};
use crate::input::refusal::{Cause, Reason, Subject};
use crate::report;
use crate::run::known::Known;
use crate::run::record;
use crate::sys::clock::monotonic_ms;
use crate::sys::descriptor::Descriptor;
use crate::sys::signal::{FOR_EVER, Signal};
use crate::sys::vectors::{Strings, Vectors};
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Containers whose ends are waited for at the same time; others follow.
const GROUP: usize = 64;
/// One of the names has failed. docker's, podman's.
const FAILED: i32 = 1;
/// How long after a KILL the container is killed and let go on once more: it may have been paused meanwhile.
const AGAIN_MS: u32 = 100;

/// Plays the role.
// Out of line: its tables would lie in the frame of its caller.
#[inline(never)]
pub fn manage(verb: Verb, vectors: Vectors, words: Strings<'static>) -> i32 {
    let mut arguments = Arguments::new(words, 0);
    let command = { vectors.arguments }.nth(1).unwrap_or_default();
    let asked = match parse(verb, &mut arguments) {
        Ok(Some(asked)) => asked,
        Ok(None) => return report::help(verb.manual().0),
        Err(reason) => {
            let found = arguments.found;
            let has_value = matches!(found.subject, Subject::Words { count: 2, .. });
            let value = if has_value { found.value } else { c"" };
            return refuse(&[command, found.word, value], Cause::Reason(reason));
        }
    };
    if let Err((name, reason)) = check_names(verb, arguments.operands()) {
        return refuse(&[command, name], Cause::Reason(reason));
    }
    let list = match open_records(vectors.environment) {
        Ok(list) => list,
        Err(status) => return status,
    };
    let (mut status, mut names) = (0, arguments.operands());
    while { names }.next().is_some() {
        if !do_group(&asked, list.as_ref(), &mut names) {
            status = FAILED;
        }
    }
    status
}

/// `rootlet: WORDS REASON`, one line.
#[inline(never)]
fn refuse(words: &[&CStr], cause: Cause) -> i32 {
    let mut line = Line::new();
    line.text("rootlet:");
    for word in words.iter().filter(|word| !word.is_empty()) {
        line.text(" ").operand(word.to_bytes());
    }
    report::refused(line, cause)
}

/// Does what is asked with the next names: first what takes no time with each, then what does. Whether all went well.
#[inline(never)]
fn do_group(asked: &Manage, list: Option<&Descriptor>, names: &mut Strings<'static>) -> bool {
    let mut group = Vec::<Known<'static>, GROUP>::new();
    let mut is_well = true;
    let mut check = |name: &CStr, done: Result<(), Cause>| {
        if let Err(cause) = done {
            is_well = false;
            let _ = refuse(&[name], cause);
        }
    };
    for name in names.take(GROUP) {
        match open(list, name) {
            Ok(known) => {
                let begun = begin(asked, &known);
                if begun.is_ok() {
                    // No more are taken than there is room for.
                    let _ = group.push(known);
                }
                check(name, begun);
            }
            Err(cause) => check(name, Err(cause)),
        }
    }
    let end_ms = monotonic_ms().saturating_add(asked.grace_ms.into());
    for known in &group {
        check(known.name, finish(asked, list, known, end_ms));
    }
    is_well
}

fn open<'a>(list: Option<&Descriptor>, name: &'a CStr) -> Result<Known<'a>, Cause> {
    let none = Cause::Reason(Reason::NoContainer);
    Known::open(list.ok_or(none)?, name).map_err(|error| match error {
        CallError { call: Call::Openat, errno: Errno::NOENT } => none,
        error => Cause::Call(error),
    })
}

/// What is done at once.
#[inline(never)]
fn begin(asked: &Manage, known: &Known<'_>) -> Result<(), Cause> {
    let state = known.state();
    let runs = known.runner().is_some() && state.status.is_none();
    let signal = Signal(asked.signal.into());
    match asked.verb {
        Verb::Kill | Verb::Pause | Verb::Resume if !runs => Err(Cause::Reason(Reason::NotRunning)),
        Verb::Kill if signal == Signal::KILL => kill(known),
        Verb::Kill => send(known, signal, asked.all),
        Verb::Stop if runs => {
            send(known, Signal::TERM, false)?;
            // It is to end in order, so it must run.
            let _ = known.freeze(false);
            Ok(())
        }
        Verb::Pause | Verb::Resume => freeze(known, asked.verb == Verb::Pause),
        Verb::Remove if runs && !asked.force => Err(Cause::Reason(Reason::StillRuns)),
        Verb::Logs => logs::print(asked, known),
        _ => Ok(()),
    }
}

#[inline(never)]
fn send(known: &Known<'_>, signal: Signal, all: bool) -> Result<(), Cause> {
    known.send(signal, all).map_err(|error| match error.errno {
        Errno::SRCH => Cause::Reason(Reason::NotRunning),
        _ => Cause::Call(error),
    })
}

/// One that is paused dies as well, on v1 only when it goes on.
fn kill(known: &Known<'_>) -> Result<(), Cause> {
    send(known, Signal::KILL, true)?;
    let _ = known.freeze(false);
    Ok(())
}

#[inline(never)]
fn freeze(known: &Known<'_>, stop: bool) -> Result<(), Cause> {
    match known.freeze(stop).map_err(|error| match error.errno {
        // It has ended meanwhile.
        Errno::NODEV => Cause::Reason(Reason::NotRunning),
        _ => Cause::Call(error),
    })? {
        Some(true) => Ok(()),
        Some(false) => {
            if stop {
                let _ = known.freeze(false);
            }
            Err(Cause::Reason(Reason::NotFrozen))
        }
        None => Err(Cause::Reason(Reason::NoFreezer)),
    }
}

/// What may take until the container's end.
#[inline(never)]
fn finish(
    asked: &Manage,
    list: Option<&Descriptor>,
    known: &Known<'_>,
    end_ms: u64,
) -> Result<(), Cause> {
    match asked.verb {
        Verb::Wait => {
            let _ = known.has_ended_within(FOR_EVER);
            let status = known.state().status.ok_or(Cause::Reason(Reason::NoStatus))?;
            report::print(Line::new().number(status.into()));
            Ok(())
        }
        Verb::Stop => {
            let left_ms = end_ms.saturating_sub(monotonic_ms()) as u32;
            if !known.has_ended_within(left_ms) {
                end(known);
            }
            Ok(())
        }
        Verb::Remove => {
            end(known);
            match list.map(|list| record::forget(list, known.name)) {
                Some(Ok(false)) => Err(Cause::Reason(Reason::StillRuns)),
                Some(Err(error)) => Err(Cause::Call(error)),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Kills it until it has ended: one that has only just begun has no process yet.
fn end(known: &Known<'_>) {
    loop {
        known.kill();
        if known.has_ended_within(AGAIN_MS) {
            return;
        }
    }
}
