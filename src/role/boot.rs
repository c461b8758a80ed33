//! PID 1 of a machine: mounts, one command, one verdict, power off.

use core::ffi::CStr;

use initsh::WordError;

use crate::input::environment::{PATH, key};
use crate::input::kernel_command_line;
use crate::input::refusal::{Cause, Reason};
use crate::input::supervision::Supervision;
use crate::plan::boot::{BOOT_ENVIRONMENT, BOOT_MOUNTS, DEFAULT_COMMAND, WORDS};
use crate::report;
use crate::run::machine;
use crate::run::program::{Attempt, Program, status_of_failure};
use crate::supervise::journal::Journal;
use crate::supervise::rule::Policy;
use crate::supervise::wait_loop::{Source, supervise};
use crate::sys::process::{ANY, Side, Until, exit, fork, look_at};
use crate::sys::signal::{self, FOR_EVER, Inherited};
use crate::sys::standard;
use crate::sys::terminal;
use crate::sys::vectors::{StringTable, Strings};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};

/// Source: `COMMAND_LINE_SIZE`, asm/setup.h.
const COMMAND_LINE_BYTES: usize = 4096;

/// The bounded tables of the role.
pub struct Memory {
    command: CommandMemory,
    environment: StringTable<'static, { BOOT_ENVIRONMENT + 1 }>,
    plain: Supervision<'static>,
}

/// The kernel command line and the words of the command on it.
struct CommandMemory {
    line: [u8; COMMAND_LINE_BYTES],
    arena: [u8; COMMAND_LINE_BYTES * 2],
    words: StringTable<'static, { WORDS + 1 }>,
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self {
            command: CommandMemory {
                line: [0; COMMAND_LINE_BYTES],
                arena: [0; COMMAND_LINE_BYTES * 2],
                words: StringTable::new(),
            },
            environment: StringTable::new(),
            plain: Supervision::new(),
        }
    }
}

/// Plays the role. Returns only in a container, or when this is not PID 1.
// Out of line: its buffers would lie in the frame of its caller, below those of every other role.
#[inline(never)]
pub fn boot(environment: Strings<'static>, memory: &'static mut Memory) -> i32 {
    if !rustix::process::getpid().is_init() {
        let mut line = report::line();
        line.text("init");
        return report::refused(line, Cause::Reason(Reason::NotFirstProcess));
    }
    let inherited = Inherited::take_over();
    let is_machine = machine::is_machine();
    mount_all();
    machine::open_console();
    let status = match read_command(&mut memory.command) {
        Ok(words) => {
            fill_environment(environment, &mut memory.environment);
            run_command(words, memory.environment.strings(), inherited, &memory.plain)
        }
        Err(status) => status,
    };
    say_verdict(status);
    if is_machine { power_off() } else { status }
}

/// From here on nothing ends this process: what fails is said and passed over.
fn mount_all() {
    for row in &BOOT_MOUNTS {
        if let Err(error) = machine::mount_at_boot(row) {
            let _ = report::failed_call(error, row.target.to_bytes());
        }
    }
}

/// Splits `rootlet.run=` of the kernel command line into words.
fn read_command(memory: &'static mut CommandMemory) -> Result<Strings<'static>, i32> {
    let line = &mut memory.line;
    let length = machine::read_command_line(line).unwrap_or_else(|error| {
        let _ = report::failed_call(error, b"/proc/cmdline");
        0
    });
    let line: &'static [u8] = line.get(..length).unwrap_or(&[]);
    let value = kernel_command_line::value(line, b"rootlet.run");
    let mut arena = Arena::new(&mut memory.arena);
    split_words(value.unwrap_or(DEFAULT_COMMAND.to_bytes()), &mut arena, &mut memory.words)
        .map_err(refuse_command)?;
    Ok(memory.words.strings())
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
        words.replace_or_push(word, |_| false).map_err(|_| Reason::ManyWords)?;
    }
    words.strings().next().map(drop).ok_or(Reason::Empty)
}

const fn explain(error: WordError) -> Reason {
    match error {
        WordError::Unterminated => Reason::OpenQuote,
        WordError::TooLong => Reason::LongWord,
    }
}

fn fill_environment<const N: usize>(kernel: Strings<'static>, table: &mut StringTable<'static, N>) {
    // The kernel sets HOME and TERM; a PATH on its command line comes later and wins.
    for string in core::iter::once(PATH).chain(kernel) {
        let name = key(string.to_bytes());
        let same = |other: &CStr| key(other.to_bytes()) == name;
        // The kernel itself passes at most 32.
        let _ = table.replace_or_push(string, same);
    }
}

/// Runs the command on the console and gives its exit status.
fn run_command(
    words: Strings<'static>,
    environment: Strings<'static>,
    inherited: Inherited,
    plain: &Supervision<'_>,
) -> i32 {
    match fork(Until::Made) {
        Ok(Side::Child) => exit(become_command(words, environment, inherited)),
        Ok(Side::Parent(pid)) => {
            supervise(Policy::INSIDE, plain, Source::Signals, Journal::SILENT, pid)
        }
        Err(errno) => report::failed_call(CallError { call: Call::Clone, errno }, b"rootlet.run"),
    }
}

fn become_command(
    words: Strings<'static>,
    environment: Strings<'static>,
    inherited: Inherited,
) -> i32 {
    let _ = rustix::process::setsid();
    // Not every console can control a session; then Ctrl-C does nothing.
    let _ = terminal::take_control(standard::input());
    inherited.restore();
    let mut rest = words;
    let name = rest.next().unwrap_or(DEFAULT_COMMAND);
    let program = Program { name, arguments: words, environment };
    let errno = program.search(Attempt::Execute);
    report::cannot_execute(&program, errno);
    status_of_failure(errno)
}

/// The one line that tells a test how it went.
fn say_verdict(status: i32) {
    let mut line = report::line();
    line.text("verdict: status ").number(u64::from(status.unsigned_abs()));
    report::say(line);
}

/// Switches off. Where that fails PID 1 goes on reaping: its end would be a kernel panic.
fn power_off() -> ! {
    if let Err(error) = machine::power_off() {
        let _ = report::failed_call(error, b"power off");
    }
    loop {
        let _ = signal::wait(FOR_EVER);
        while look_at(ANY).pid > 0 {}
    }
}
