//! One line for each thing that went wrong, with one `write(2)`.

use rustix::fd::BorrowedFd;
#[cfg(feature = "boot")]
use rustix::fs::CWD;

#[cfg(feature = "boot")]
use crate::input::place::Misread;
use crate::input::refusal::Cause;
#[cfg(feature = "boot")]
use crate::input::refusal::Reason;
use crate::run::program::{Attempt, Program};
#[cfg(feature = "boot")]
use crate::sys::descriptor::{OpenFlags, open};
#[cfg(feature = "boot")]
use crate::sys::poll::{self, Entry};
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

/// Writes a line of a machine's PID 1 on the console and into the kernel's log, at its lowest level: the kernel would
/// print others on the console once more. kmsg(4).
///
/// A console that is held by Ctrl-S, or that nobody reads, would hold whoever writes to it, so it is asked first. What
/// it does not take is in the kernel's log.
#[cfg(feature = "boot")]
#[inline(never)]
pub fn say_of_boot(mut line: Line) {
    line.newline();
    let mut console = [Entry::new(standard::error(), poll::OUT)];
    poll::wait_at_most(&mut console, 0);
    if console[0].is_ready() {
        let _ = rustix::io::write(standard::error(), line.bytes());
    }
    let flags = OpenFlags::WRITE_WITHOUT_WAITING;
    if let Ok(log) = open(CWD, c"/dev/kmsg", flags) {
        let mut record = Line::new();
        let _ = rustix::io::write(&log, record.text("<31>").raw(line.bytes()).bytes());
    }
}

/// The same for a call that failed on something.
#[cfg(feature = "boot")]
#[inline(never)]
pub fn failed_at_boot(error: CallError, operand: &[u8]) {
    let mut line = line();
    line.operand(operand).text(": ");
    describe_call(&mut line, error);
    say_of_boot(line);
}

/// The same for something that is not as it must be.
#[cfg(feature = "boot")]
#[inline(never)]
pub fn reason_at_boot(operand: &[u8], reason: Reason) {
    let mut line = line();
    line.operand(operand).text(" ").packed(reason.words());
    say_of_boot(line);
}

/// The same for a line of a file that somebody wrote.
#[cfg(feature = "boot")]
pub fn misread_at_boot(file: &[u8], Misread { line: number, column, reason }: Misread) {
    let mut line = line();
    line.operand(file).text(": line ").number(number.into()).text(", column ");
    line.number(column.into()).text(": ").packed(reason.words());
    say_of_boot(line);
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
