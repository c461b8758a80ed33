//! `rootlet.run=`: one command on the console, one verdict.

use initsh::WordError;

use super::{COMMAND_LINE_BYTES, Start};
use crate::input::boot_parameters::Text;
use crate::input::refusal::{Cause, Reason};
use crate::input::supervision::Supervision;
use crate::plan::boot::{DEFAULT_COMMAND, WORDS};
use crate::report;
use crate::run::program::{Attempt, Program, status_of_failure};
use crate::supervise::journal::Journal;
use crate::supervise::rule::Policy;
use crate::supervise::wait_loop::{Source, supervise};
use crate::sys::process::{Side, Until, exit, fork};
use crate::sys::standard;
use crate::sys::terminal;
use crate::sys::vectors::{StringTable, Strings};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};

/// The words of the command.
pub struct Memory {
    arena: [u8; COMMAND_LINE_BYTES * 2],
    words: StringTable<'static, { WORDS + 1 }>,
    plain: Supervision<'static>,
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self {
            arena: [0; COMMAND_LINE_BYTES * 2],
            words: StringTable::new(),
            plain: Supervision::new(),
        }
    }
}

/// Runs the command and says its verdict, the exit status.
pub fn run(start: &Start, memory: &'static mut Memory) -> i32 {
    let Memory { arena, words, plain } = memory;
    let text = start.parameters.text(Text::Run).unwrap_or(DEFAULT_COMMAND.to_bytes());
    let status = match split_words(text, &mut Arena::new(arena), words) {
        Ok(()) => supervise_command(start, words.strings(), plain),
        Err(reason) => refuse_command(reason),
    };
    let mut line = report::line();
    line.text("verdict: status ").number(u64::from(status.unsigned_abs()));
    report::say(line);
    status
}

fn refuse_command(reason: Reason) -> i32 {
    let mut line = report::line();
    line.text("rootlet.run");
    report::refused(line, Cause::Reason(reason))
}

fn split_words(
    text: &[u8],
    arena: &mut Arena<'static>,
    words: &mut StringTable<'static, { WORDS + 1 }>,
) -> Result<(), Reason> {
    let mut rest = text;
    let mut buffer = [0; COMMAND_LINE_BYTES];
    while let Some((length, after)) = initsh::next_word(rest, &mut buffer).map_err(explain)? {
        rest = after;
        let word = buffer.get(..length).unwrap_or(&[]);
        let word = arena.join(&[word]).map_err(|_| Reason::TextFull)?;
        words.push(word).map_err(|_| Reason::ManyWords)?;
    }
    words.strings().next().map(drop).ok_or(Reason::Empty)
}

const fn explain(error: WordError) -> Reason {
    match error {
        WordError::Unterminated => Reason::OpenQuote,
        WordError::TooLong => Reason::LongWord,
    }
}

/// Runs the command on the console and gives its exit status.
fn supervise_command(start: &Start, words: Strings<'static>, plain: &Supervision<'_>) -> i32 {
    match fork(Until::Made) {
        Ok(Side::Child) => exit(become_command(start, words)),
        Ok(Side::Parent(pid)) => {
            supervise(Policy::INSIDE, plain, Source::Signals, Journal::SILENT, pid)
        }
        Err(errno) => report::failed_call(CallError { call: Call::Clone, errno }, b"rootlet.run"),
    }
}

fn become_command(start: &Start, words: Strings<'static>) -> i32 {
    let _ = rustix::process::setsid();
    // Not every console can control a session; then Ctrl-C does nothing.
    let _ = terminal::take_control(standard::input());
    start.inherited.restore();
    let mut rest = words;
    let name = rest.next().unwrap_or(DEFAULT_COMMAND);
    let program = Program { name, arguments: words, environment: start.environment };
    let errno = program.search(Attempt::Execute);
    report::cannot_execute(&program, errno);
    status_of_failure(errno)
}
