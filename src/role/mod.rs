//! Which program this is: by its name and its first argument.

use core::ffi::CStr;

use crate::input::supervision::Style;
use crate::report;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};
use crate::text::parts::parts;

#[cfg(feature = "boot")]
mod boot;
mod init;
mod peer;
#[cfg(feature = "run")]
mod run;

/// Tables of the roles. One static of the binary: pages that no role touches cost nothing.
pub struct Memory {
    init: init::Memory,
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
            init: init::Memory::new(),
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
    /// `rootlet init` and its peers: PID 1 of a container.
    Init(Style),
    /// PID 1 of a machine.
    Boot,
    Version,
    Help,
}

/// Subcommands and options of `rootlet`, each behind a letter that says which role it is.
const COMMANDS: &[u8] = b"rrun\n0init\nV--version\nV-V\nh--help\nh-h\n";

/// Programs that we stand in for, under their names and as commands, each behind the number of its style. podman has
/// its catatonit as podman-init.
const PEERS: &[u8] = b"1tini\n1tini-static\n1docker-init\n2dumb-init\n3catatonit\n3podman-init";

/// The role of that name in a table.
#[inline(never)]
fn named(table: &[u8], name: &[u8]) -> Option<Role> {
    let row = parts(table, b'\n').find(|row| row.get(1..) == Some(name))?;
    Some(match row.first()? {
        #[cfg(feature = "run")]
        b'r' => Role::Run,
        b'0' => Role::Init(Style::Rootlet),
        b'1' => Role::Init(Style::Tini),
        b'2' => Role::Init(Style::DumbInit),
        b'3' => Role::Init(Style::Catatonit),
        b'V' => Role::Version,
        b'h' => Role::Help,
        _ => return None,
    })
}

#[cfg(any(feature = "run", feature = "boot"))]
const USAGE: Packed = packed!(
    "\
rootlet: first process of a machine or a container, and container runner

  rootlet run --rootfs DIR [options] [--] CMD [ARG...]   run CMD in a container
  rootlet init [options] [--] CMD [ARG...]   be a container's PID 1: reap, forward
  tini, docker-init, dumb-init, catatonit    the same as these programs do it, by
                                             name or as rootlet tini ...
  /init, /sbin/init                boot a machine: rootlet.run=\"CMD\"
  rootlet --version, rootlet COMMAND --help"
);

#[cfg(not(any(feature = "run", feature = "boot")))]
const USAGE: Packed = packed!(
    "\
rootlet: PID 1 of a container

  rootlet init, tini, docker-init, dumb-init, catatonit"
);

/// Finds the role and plays it; gives the exit status.
#[must_use]
pub fn dispatch(vectors: Vectors, memory: &'static mut Memory) -> i32 {
    let mut arguments = vectors.arguments;
    let name = arguments.next().unwrap_or(c"rootlet");
    let name = base_name(name);
    let role = if let Some(role) = named(PEERS, name) {
        role
    } else if name == b"init" {
        role_of_init(arguments)
    } else {
        let command = arguments.next();
        let word = command.unwrap_or_default().to_bytes();
        match named(COMMANDS, word).or_else(|| named(PEERS, word)) {
            Some(role) => role,
            None => return usage_error(command),
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
    match role {
        #[cfg(feature = "run")]
        Role::Run => run::run(vectors, arguments, &mut memory.run),
        #[cfg(feature = "boot")]
        Role::Boot => boot::boot(vectors.environment, &mut memory.boot),
        Role::Init(style) => init::init(style, vectors, arguments, &mut memory.init),
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
    if engine || !cfg!(feature = "boot") { Role::Init(Style::Rootlet) } else { Role::Boot }
}

/// Whether docker asks, by its tini's name or with it as the command.
fn is_docker_init(vectors: Vectors) -> bool {
    vectors.arguments.take(2).any(|word| word.to_bytes().ends_with(b"docker-init"))
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
