//! One line for each thing that went wrong, with one `write(2)`.

use rustix::fd::BorrowedFd;

use crate::input::refusal::Cause;
use crate::run::program::{Attempt, Program};
use crate::sys::standard;
use crate::text::call::CallError;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::Packed;

/// Our own failure. docker-run(1), "Exit Status".
pub const OWN_FAILURE: i32 = 125;

/// Begins a line of ours.
#[must_use]
pub fn line() -> Line {
    let mut line = Line::new();
    line.text("rootlet: ");
    line
}

/// Writes a line on standard error. Nothing can be done when that fails.
pub fn say(mut line: Line) {
    write_line(standard::error(), &mut line);
}

/// Writes a line on standard output.
pub fn print(line: &mut Line) {
    write_line(standard::output(), line);
}

/// Writes a line and empties it.
pub fn write_line(stream: BorrowedFd<'_>, line: &mut Line) {
    line.newline();
    let _ = rustix::io::write(stream, line.bytes());
    line.clear();
}

/// Says why something named by the last words of `line` is refused.
#[must_use]
pub fn refused(mut line: Line, cause: Cause) -> i32 {
    match cause {
        Cause::Reason(reason) => drop(line.text(" ").packed(reason.words())),
        Cause::Call(error) => describe_call(line.text(": "), error),
    }
    say(line);
    OWN_FAILURE
}

/// Appends `CALL: ENAME (message)`.
pub fn describe_call(line: &mut Line, error: CallError) {
    line.packed(error.call.name()).text(": ");
    error.errno.describe(line);
}

/// Says which call failed on what.
#[must_use]
pub fn failed_call(error: CallError, operand: &[u8]) -> i32 {
    let mut line = line();
    if !operand.is_empty() {
        line.operand(operand).text(": ");
    }
    describe_call(&mut line, error);
    say(line);
    OWN_FAILURE
}

/// Says why a program cannot be executed. ENOENT may be about another file, which the program needs: that is named.
pub fn cannot_execute(program: &Program<'_>, errno: Errno) {
    let mut line = line();
    line.operand(program.name.to_bytes()).text(": ");
    errno.describe(&mut line);
    if errno == Errno::NOENT {
        program.search(Attempt::Explain(&mut line));
    }
    say(line);
}

/// Prints a help text on standard output.
pub fn help(text: Packed) -> i32 {
    print_lines(standard::output(), text);
    0
}

/// Prints a text of several lines.
pub fn print_lines(stream: BorrowedFd<'_>, text: Packed) {
    let mut line = Line::new();
    for text in text.lines() {
        write_line(stream, line.packed(text));
    }
}
