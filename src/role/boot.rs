//! PID 1 of a machine: which face it has, and what all have in common.

mod command;
pub mod device;
pub mod fstab;
mod initramfs;
pub mod modules;
mod seed;
mod services;
pub mod setup;
pub mod shutdown;
pub mod switch;
mod task;

use core::ffi::CStr;

use rustix::fs::CWD;

use self::fstab::Checked;
use self::services::Table;
use crate::facts::files::read_file;
use crate::facts::roots::is_initramfs;
use crate::input::boot_parameters::{BootParameters, End, Text};
use crate::input::environment::{PATH, key};
use crate::input::refusal::Reason;
use crate::plan::boot::BOOT_ENVIRONMENT;
use crate::report;
use crate::run::machine;
use crate::supervise::services::Outcome;
use crate::sys::process::{ANY, look_at};
use crate::sys::signal::{self, FOR_EVER, Inherited};
use crate::sys::terminal::is_screen;
use crate::sys::vectors::{StringTable, Strings, Vectors};

/// Source: `COMMAND_LINE_SIZE`, asm/setup.h.
pub const COMMAND_LINE_BYTES: usize = 4096;

/// The bounded tables of the role.
pub struct Memory {
    command_line: [u8; COMMAND_LINE_BYTES],
    environment: StringTable<'static, { BOOT_ENVIRONMENT + 1 }>,
    command: command::Memory,
    init: initramfs::Memory,
    services: services::Memory,
    setup: setup::Memory,
    shutdown: shutdown::Memory,
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self {
            command_line: [0; COMMAND_LINE_BYTES],
            environment: StringTable::new(),
            command: command::Memory::new(),
            init: initramfs::Memory::new(),
            services: services::Memory::new(),
            setup: setup::Memory::new(),
            shutdown: shutdown::Memory::new(),
        }
    }
}

/// What every face of a boot is given.
#[derive(Clone, Copy)]
pub struct Start {
    /// The environment of what we start.
    pub environment: Strings<'static>,
    /// Signal settings to give back to what we start.
    pub inherited: Inherited,
    /// Of the kernel command line; none in a container.
    pub parameters: BootParameters<'static>,
    /// It is a machine's PID 1, not a container's.
    pub is_machine: bool,
}

/// Plays the role, as PID 1. Returns only in a container.
// Out of line: its buffers would lie in the frame of its caller, below those of every other role.
#[inline(never)]
pub fn boot(vectors: Vectors, memory: &'static mut Memory) -> i32 {
    let inherited = Inherited::take_over();
    let is_machine = machine::is_machine();
    // A container has what its engine has given it.
    if is_machine {
        setup::mount_first();
        machine::open_console();
    }
    let Memory { command_line, environment, command, init, services, setup, shutdown } = memory;
    // In a container it is the host's.
    let command_line = if is_machine { read_command_line(command_line) } else { b"" };
    fill_environment(vectors.environment, is_machine, environment);
    let start = Start {
        environment: environment.strings(),
        inherited,
        parameters: BootParameters::read(command_line),
        is_machine,
    };
    say_unknown(&start.parameters);
    let parameters = &start.parameters;
    let outcome = if is_machine && parameters.text(Text::Root).is_some() && is_initramfs() {
        leave_initramfs(&start, vectors, init, services)
    } else if parameters.text(Text::Run).is_some() {
        Outcome::Idle(command::run(&start, command))
    } else if is_machine {
        run_machine(&start, setup, services)
    } else {
        services::serve(&start, Table::Inittab, services)
    };
    if is_machine {
        shutdown::leave(&start, end_of(outcome), shutdown)
    } else {
        leave_container(outcome)
    }
}

/// In an initramfs: the init of the real root takes our place. Until it does, somebody at the console can help.
#[inline(never)]
fn leave_initramfs(
    start: &Start,
    vectors: Vectors,
    init: &'static mut initramfs::Memory,
    services: &mut services::Memory,
) -> Outcome {
    if start.parameters.emergency
        && let Some(outcome) = services::rescue(start, services)
    {
        return outcome;
    }
    let init = initramfs::named_init(start, init);
    loop {
        if let Some(end) = initramfs::attempt(start, vectors, init) {
            return Outcome::End(end);
        }
        if let Some(outcome) = services::rescue(start, services) {
            return outcome;
        }
    }
}

/// On the real root, or in an initramfs that is one.
#[inline(never)]
fn run_machine(
    start: &Start,
    setup: &mut setup::Memory,
    services: &mut services::Memory,
) -> Outcome {
    let Start { parameters, .. } = start;
    if parameters.emergency
        && let Some(outcome) = services::rescue(start, services)
    {
        return outcome;
    }
    loop {
        match setup::set_up(start, setup) {
            Checked::Fine => break,
            Checked::Repaired => return Outcome::End(End::Reboot),
            Checked::Damaged => {
                if let Some(outcome) = services::rescue(start, services) {
                    return outcome;
                }
            }
        }
    }
    services::serve(start, if parameters.single { Table::Single } else { Table::Inittab }, services)
}

/// PID 1 that cannot do what it was started for: a shell on the console, again and again, until somebody ends the
/// machine.
#[inline(never)]
pub fn rescue_for_ever(vectors: Vectors, memory: &'static mut Memory) -> ! {
    let Memory { command_line, environment, services, shutdown, .. } = memory;
    let is_machine = machine::is_machine();
    fill_environment(vectors.environment, is_machine, environment);
    let start = Start {
        environment: environment.strings(),
        inherited: Inherited::take_over(),
        parameters: BootParameters::read(read_command_line(command_line)),
        is_machine,
    };
    loop {
        if let Some(outcome) = services::rescue(&start, services) {
            shutdown::leave(&start, end_of(outcome), shutdown);
        }
    }
}

/// PID 1 with nothing left to do: its end would be a kernel panic.
fn linger() -> ! {
    loop {
        let _ = signal::wait(FOR_EVER);
        while look_at(ANY).pid > 0 {}
    }
}

/// How a machine ends: what ran out of things to do is switched off.
const fn end_of(outcome: Outcome) -> End {
    match outcome {
        Outcome::End(end) => end,
        _ => End::PowerOff,
    }
}

fn say_unknown(parameters: &BootParameters<'_>) {
    if let Some(name) = parameters.unknown {
        report::reason_at_boot(name, Reason::NoParameter);
    }
}

/// The exit status of a container's init. Who asked to reboot is told as the kernel tells it: our parent sees an end
/// by SIGHUP; pid_namespaces(7).
fn leave_container(outcome: Outcome) -> i32 {
    const REBOOT: i32 = 129;
    match outcome {
        Outcome::Idle(status) => status,
        Outcome::End(End::Reboot | End::Kexec) => {
            let _ = machine::end(End::Reboot);
            REBOOT
        }
        _ => 0,
    }
}

fn read_command_line(buffer: &'static mut [u8]) -> &'static [u8] {
    const PATH: &CStr = c"/proc/cmdline";
    read_file(CWD, PATH, buffer).unwrap_or_else(|error| {
        report::failed_at_boot(error, PATH.to_bytes());
        b""
    })
}

fn fill_environment<const N: usize>(
    kernel: Strings<'static>,
    is_machine: bool,
    table: &mut StringTable<'static, N>,
) {
    // The kernel sets HOME and TERM; a PATH on its command line comes later and wins.
    let ours = [PATH, c"SHELL=/bin/sh", c"USER=root"];
    // The kernel believes in its own screen. On a serial line is something older, as busybox's init has it.
    let terminal = (is_machine && !is_screen()).then_some(c"TERM=vt102");
    let mut is_full = false;
    let mut add = |string: &'static CStr| {
        let name = key(string.to_bytes());
        let same = |other: &CStr| key(other.to_bytes()) == name;
        is_full |= table.replace_or_push(string, same).is_err();
    };
    ours.iter().for_each(|string| add(string));
    kernel.for_each(&mut add);
    terminal.into_iter().for_each(&mut add);
    if is_full {
        report::reason_at_boot(b"the environment", Reason::EnvironmentFull);
    }
}
