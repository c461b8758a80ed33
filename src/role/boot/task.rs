//! The process of an inittab's entry, on its way to its program.

use core::ffi::CStr;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::Start;
use crate::input::inittab::{Entry, When};
use crate::report;
use crate::run::program::{Attempt, Program, status_of_failure};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::process::{self, Side, Until, duplicate_to, exit, fork, wait_for};
use crate::sys::standard;
use crate::sys::terminal;
use crate::sys::vectors::{StringTable, Strings};
use crate::text::arena::Arena;
use crate::text::call::Call;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::parts::take_word;

/// Words of a command that is not given to a shell.
const WORDS: usize = 64;
/// Bytes of a command, its words and their NULs.
const COMMAND_BYTES: usize = 4096;
/// What makes a command a shell's. Source: busybox's init.
const SHELL_CHARACTERS: &[u8] = b"~`!$^&*()=|\\{}[];\"'<>?";

/// The words of one command.
type Words<'a> = StringTable<'a, { WORDS + 1 }>;

/// Whether a command is an absolute path to nothing.
pub fn is_missing(command: &[u8]) -> bool {
    let mut path = Line::new();
    let path = path.path(&[command]);
    command.starts_with(b"/") && accessat(CWD, path, Access::EXISTS, AtFlags::empty()).is_err()
}

/// Leads a session on its terminal and becomes its program. Gives an exit status when that failed.
// Out of line: its buffers are the new process's alone.
#[inline(never)]
pub fn become_task(start: &Start, entry: &Entry<'_>) -> i32 {
    let (is_login, command) = match entry.command.strip_prefix(b"-") {
        Some(command) => (true, command),
        None => (false, entry.command),
    };
    let _ = rustix::process::setsid();
    if !entry.terminal.is_empty() {
        let mut path = Line::new();
        let path = path.path(&[b"/dev/", entry.terminal]);
        if let Err(errno) = open_terminal(path) {
            report::failed_at_boot(Call::Openat.failed()(errno), path.to_bytes());
            return status_of_failure(errno);
        }
    } else if is_login {
        // Only tried: the console may be another's.
        let _ = terminal::take_control(standard::input());
    }
    terminal::make_sane();
    if entry.when == When::AskFirst {
        wait_for_enter();
    }
    start.inherited.restore();
    let errno = execute(start, is_login, command);
    let mut line = report::line();
    line.operand(command).text(": ");
    errno.describe(&mut line);
    report::say_of_boot(line);
    status_of_failure(errno)
}

/// Runs a program on the console and gives its exit status.
#[inline(never)]
pub fn run_and_wait(start: &Start, words: &[&CStr]) -> i32 {
    match fork(Until::Made) {
        Ok(Side::Child) => {
            let mut table = Words::new();
            for word in words {
                let _ = table.push(word);
            }
            start.inherited.restore();
            let name = words.first().copied().unwrap_or_default();
            let environment = start.environment;
            let program = Program { name, arguments: table.strings(), environment };
            exit(status_of_failure(program.search(Attempt::Execute)))
        }
        Ok(Side::Parent(pid)) => wait_for(pid).exit_status(),
        Err(_) => status_of_failure(Errno::AGAIN),
    }
}

fn open_terminal(path: &CStr) -> Result<(), Errno> {
    let terminal = open(CWD, path, OpenFlags::OWN_TERMINAL)?;
    for number in 0..3 {
        duplicate_to(terminal.as_fd(), number, false)?;
    }
    Ok(())
}

/// Whoever sits at the terminal has to press Enter first.
fn wait_for_enter() {
    const QUESTION: &[u8] = b"\nPlease press Enter to activate this console. ";
    let _ = rustix::io::write(standard::output(), QUESTION);
    let mut byte = [0_u8; 1];
    while let Ok(1) = rustix::io::read(standard::input(), &mut byte) {
        if byte == *b"\n" {
            return;
        }
    }
}

/// Executes a command, by a shell where only a shell understands it. Returns why that failed.
fn execute(start: &Start, is_login: bool, command: &[u8]) -> Errno {
    const TOO_BIG: Errno = Errno(7);
    let dash: &[u8] = if is_login { b"-" } else { b"" };
    let mut buffer = [0; COMMAND_BYTES];
    let mut arena = Arena::new(&mut buffer);
    let mut words = Words::new();
    let environment = start.environment;
    let is_shells = command.iter().any(|byte| SHELL_CHARACTERS.iter().any(|one| one == byte));
    if !is_shells {
        let Some(name) = split(dash, command, &mut arena, &mut words) else { return TOO_BIG };
        let errno = execute_words(name, &words, environment);
        // A script without a first line of its own is a shell's too.
        if errno != Errno::NOEXEC {
            return errno;
        }
        words = Words::new();
    }
    if by_shell(dash, command, &mut arena, &mut words).is_none() {
        return TOO_BIG;
    }
    execute_words(SHELL, &words, environment)
}

const SHELL: &CStr = c"/bin/sh";

/// Executes a program; where the root has no shell, rootlet is one, which its name tells it. Returns why that failed.
fn execute_words(name: &CStr, words: &Words<'_>, environment: Strings<'static>) -> Errno {
    let arguments = words.strings();
    let errno = Program { name, arguments, environment }.search(Attempt::Execute);
    if cfg!(feature = "shell") && errno == Errno::NOENT && name == SHELL {
        return process::execute(c"/proc/self/exe", words.strings(), environment);
    }
    errno
}

/// Splits a command at its blanks, puts `dash` before its first word, and gives that word without it.
fn split<'a>(
    dash: &[u8],
    command: &[u8],
    arena: &mut Arena<'a>,
    words: &mut Words<'a>,
) -> Option<&'a CStr> {
    let mut name = None;
    let mut rest = command;
    loop {
        let word = take_word(&mut rest);
        if word.is_empty() {
            return name;
        }
        let prefix: &[u8] = if name.is_none() { dash } else { b"" };
        let string = arena.join(&[prefix, word]).ok()?;
        words.push(string).ok()?;
        let bytes = string.to_bytes_with_nul().get(prefix.len()..)?;
        name = name.or(CStr::from_bytes_with_nul(bytes).ok());
    }
}

/// `/bin/sh -c "exec COMMAND"`.
fn by_shell<'a>(
    dash: &[u8],
    command: &[u8],
    arena: &mut Arena<'a>,
    words: &mut Words<'a>,
) -> Option<()> {
    let name = arena.join(&[dash, b"/bin/sh"]).ok()?;
    let script = arena.join(&[b"exec ", command]).ok()?;
    words.push(name).ok()?;
    words.push(c"-c").ok()?;
    words.push(script).ok()
}
