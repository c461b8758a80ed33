//! Which program this is: by its name and its first argument.

use core::ffi::CStr;

use crate::report;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};

#[cfg(feature = "boot")]
mod boot;
#[cfg(feature = "init")]
mod init;
#[cfg(feature = "run")]
mod run;

/// Tables of the roles. One static of the binary: pages that no role touches cost nothing.
pub struct Memory {
    #[cfg(feature = "run")]
    run: run::Memory,
    #[cfg(feature = "boot")]
    boot: boot::Memory,
}

impl Memory {
    /// Empty tables, all zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "run")]
            run: run::Memory::new(),
            #[cfg(feature = "boot")]
            boot: boot::Memory::new(),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// The roles.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
enum Role {
    /// `rootlet run`: build a container.
    #[cfg(feature = "run")]
    Run,
    /// `rootlet init`: PID 1 of a container.
    Init,
    /// PID 1 of a machine.
    Boot,
    Version,
    Help,
}

/// Subcommands and options of `rootlet`.
const COMMANDS: &[(&[u8], Role)] = &[
    #[cfg(feature = "run")]
    (b"run", Role::Run),
    (b"init", Role::Init),
    (b"--version", Role::Version),
    (b"-V", Role::Version),
    (b"--help", Role::Help),
    (b"-h", Role::Help),
];

const USAGE: Packed = packed!(
    "\
rootlet: first process of a machine or a container, and container runner

  rootlet run --rootfs DIR [options] [--] CMD [ARG...]   run CMD in a container
  rootlet init [--] CMD [ARG...]   be a container's PID 1: reap, forward signals
  /init, /sbin/init                boot a machine: rootlet.run=\"CMD\"
  rootlet --version, rootlet COMMAND --help"
);

/// Finds the role and plays it; gives the exit status.
#[must_use]
pub fn dispatch(vectors: Vectors, memory: &'static mut Memory) -> i32 {
    let mut arguments = vectors.arguments;
    let name = arguments.next().unwrap_or(c"rootlet");
    let role = if base_name(name) == b"init" {
        role_of_init(arguments)
    } else {
        let Some(command) = arguments.next() else { return usage_error(None) };
        match COMMANDS.iter().find(|(word, _)| *word == command.to_bytes()) {
            Some((_, role)) => *role,
            None => return usage_error(Some(command)),
        }
    };
    play(role, arguments, vectors, memory)
}

fn play(
    role: Role,
    arguments: Strings<'static>,
    vectors: Vectors,
    memory: &'static mut Memory,
) -> i32 {
    let _ = &memory;
    match role {
        #[cfg(feature = "run")]
        Role::Run => run::run(vectors, arguments, &mut memory.run),
        #[cfg(feature = "boot")]
        Role::Boot => boot::boot(vectors.environment, &mut memory.boot),
        Role::Init => init::init(vectors, arguments),
        Role::Version => {
            report::print(Line::new().text("rootlet ").text(env!("CARGO_PKG_VERSION")));
            0
        }
        _ => report::help(USAGE),
    }
}

/// `/sbin/init -- CMD` is what engines start as a container's PID 1. A kernel starts `/init` without it.
fn role_of_init(mut arguments: Strings<'_>) -> Role {
    let engine = arguments.any(|word| word == c"--");
    if engine || !cfg!(feature = "boot") { Role::Init } else { Role::Boot }
}

fn base_name(path: &CStr) -> &[u8] {
    path.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or(&[])
}

fn usage_error(command: Option<&CStr>) -> i32 {
    let mut line = report::line();
    match command {
        Some(command) => {
            line.operand(command.to_bytes()).text(" is not a command; rootlet --help lists them")
        }
        None => line.text("needs a command; rootlet --help lists them"),
    };
    report::say(line);
    report::OWN_FAILURE
}
