//! Which program this is: by its name and its first argument.

use core::ffi::CStr;

#[cfg(feature = "see")]
use self::see::View;
#[cfg(feature = "boot")]
use crate::input::boot_parameters::End;
#[cfg(feature = "enter")]
use crate::input::enter_options::Style as Entering;
#[cfg(feature = "enter")]
use crate::input::manage_options::Verb;
use crate::input::supervision::Style;
use crate::report;
#[cfg(feature = "boot")]
use crate::sys::process::own_pid;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};

#[cfg(all(feature = "boot", feature = "shell"))]
mod applets;
#[cfg(feature = "boot")]
mod boot;
mod init;
#[cfg(feature = "enter")]
mod logs;
#[cfg(feature = "enter")]
mod manage;
mod peer;
#[cfg(feature = "boot")]
mod power;
#[cfg(feature = "run")]
mod prepare;
#[cfg(any(feature = "enter", feature = "see"))]
mod records;
#[cfg(feature = "run")]
mod run;
#[cfg(feature = "see")]
mod see;
#[cfg(feature = "shell")]
mod shell;

/// Tables of the roles. One static of the binary: pages that no role touches cost nothing.
pub struct Memory {
    init: init::Memory,
    #[cfg(feature = "run")]
    run: run::Memory,
    #[cfg(feature = "boot")]
    boot: boot::Memory,
    #[cfg(feature = "see")]
    see: see::Memory,
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
            #[cfg(feature = "see")]
            see: see::Memory::new(),
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
    /// `rootlet prepare`: faster starts.
    #[cfg(feature = "run")]
    Prepare,
    /// `rootlet exec`, nsenter.
    #[cfg(feature = "enter")]
    Enter(Entering),
    /// `rootlet init` and its peers: PID 1 of a container.
    Init(Style),
    /// PID 1 of a machine, or who asks it something.
    #[cfg(feature = "boot")]
    Boot,
    /// From an initramfs to another root.
    #[cfg(feature = "boot")]
    SwitchRoot,
    /// The end of a machine.
    #[cfg(feature = "boot")]
    Power(End),
    /// Work with containers that are there.
    #[cfg(feature = "enter")]
    Manage(Verb),
    /// What tells of containers, processes, namespaces and mounts.
    #[cfg(feature = "see")]
    See(View),
    /// initsh.
    #[cfg(feature = "shell")]
    Shell,
    /// `rootlet --version`.
    Version,
    /// `rootlet --help`.
    Help,
}

/// Subcommands and options of `rootlet`, each behind a letter that says which role it is.
const COMMANDS: Packed = packed!("rrun\npprepare\nxexec\n0init\nV--version\nV-V\nh--help\nh-h");

/// What is done with containers that are there, behind a letter as well.
#[cfg(feature = "enter")]
const VERBS: Packed = packed!("wwait\nkkill\nTstop\napause\nuresume\nuunpause\nDrm\nllogs");

/// What ends, boots or leaves a system, under their names and as commands, each behind a letter as well.
#[cfg(feature = "boot")]
const SYSTEM: Packed = packed!("Ppoweroff\nRreboot\nHhalt\nbtelinit\nblinuxrc\nsswitch_root");
#[cfg(not(feature = "boot"))]
const SYSTEM: Packed = packed!("");

/// util-linux's, by its name and as a command.
#[cfg(feature = "enter")]
const ENTERING: Packed = packed!("nnsenter");

/// Programs that we stand in for, under their names and as commands, each behind the number of its style. podman has
/// its catatonit as podman-init.
const PEERS: Packed =
    packed!("1tini\n1tini-static\n1docker-init\n2dumb-init\n3catatonit\n3podman-init");

/// initsh, by name or as a command.
#[cfg(feature = "shell")]
const SHELLS: Packed = packed!("Ssh\nSinitsh");

/// What only reads and tells.
#[cfg(feature = "see")]
const SEES: Packed = packed!("cps\nyns\nmmounts\niinspect\ntstats");

/// The role of that name in a table.
#[inline(never)]
fn named(table: Packed, name: &[u8]) -> Option<Role> {
    let mut line = Line::new();
    let letter = table.lines().find_map(|row| match row.unpack(&mut line) {
        [letter, known @ ..] if known == name => Some(*letter),
        _ => None,
    });
    Some(match letter? {
        #[cfg(feature = "run")]
        b'r' => Role::Run,
        #[cfg(feature = "run")]
        b'p' => Role::Prepare,
        #[cfg(feature = "enter")]
        b'x' => Role::Enter(Entering::Exec),
        #[cfg(feature = "enter")]
        b'n' => Role::Enter(Entering::Nsenter),
        b'0' => Role::Init(Style::Rootlet),
        b'1' => Role::Init(Style::Tini),
        b'2' => Role::Init(Style::DumbInit),
        b'3' => Role::Init(Style::Catatonit),
        b'V' => Role::Version,
        b'h' => Role::Help,
        #[cfg(feature = "boot")]
        b'P' => Role::Power(End::PowerOff),
        #[cfg(feature = "boot")]
        b'R' => Role::Power(End::Reboot),
        #[cfg(feature = "boot")]
        b'H' => Role::Power(End::Halt),
        #[cfg(feature = "boot")]
        b'b' => Role::Boot,
        #[cfg(feature = "boot")]
        b's' => Role::SwitchRoot,
        #[cfg(feature = "shell")]
        b'S' => Role::Shell,
        #[cfg(feature = "see")]
        b'c' => Role::See(View::Processes),
        #[cfg(feature = "see")]
        b'y' => Role::See(View::Namespaces),
        #[cfg(feature = "see")]
        b'm' => Role::See(View::Mounts),
        #[cfg(feature = "see")]
        b'i' => Role::See(View::Inspect),
        #[cfg(feature = "see")]
        b't' => Role::See(View::Statistics),
        #[cfg(feature = "enter")]
        letter => Role::Manage(match letter {
            b'w' => Verb::Wait,
            b'k' => Verb::Kill,
            b'T' => Verb::Stop,
            b'a' => Verb::Pause,
            b'u' => Verb::Resume,
            b'D' => Verb::Remove,
            b'l' => Verb::Logs,
            _ => return None,
        }),
        #[cfg(not(feature = "enter"))]
        _ => return None,
    })
}

#[cfg(any(feature = "run", feature = "boot"))]
const USAGE: Packed = packed!(
    "\
rootlet: first process of a machine or a container, and container runner

  rootlet run --rootfs DIR [options] [--] CMD [ARG...]   run CMD in a container
  rootlet exec [options] NAME|PID [--] CMD [ARG...]   run CMD where that runs
  rootlet wait, stop, kill, pause, resume, logs, rm NAME...   containers that run, or
                                              have run in the background
  rootlet prepare [--remove]   make later runs independent of the host's mounts
  nsenter               enter namespaces, by name or as rootlet nsenter ...
  rootlet ps, ns, mounts, inspect, stats     tell of containers, processes, namespaces
  rootlet init [options] [--] CMD [ARG...]   be a container's PID 1: reap, forward
  tini, docker-init, dumb-init, catatonit    the same as these programs do it, by
                                             name or as rootlet tini ...
  /init, /sbin/init     boot: from an initramfs to root=, /etc/inittab, or
                        rootlet.run=\"CMD\"; init q: read /etc/inittab again
  rootlet sh [SCRIPT | -c COMMANDS] [ARG...]   a POSIX shell; by name sh, initsh
  poweroff, reboot, halt, switch_root    by name or as rootlet poweroff ...
  rootlet --version, rootlet COMMAND --help"
);

#[cfg(not(any(feature = "run", feature = "boot")))]
const USAGE: Packed = packed!(
    "\
rootlet: PID 1 of a container

  rootlet init, tini, docker-init, dumb-init, catatonit"
);

/// Finds the role, by the name that we were called by or else by the first argument, and plays it; gives the exit status.
#[must_use]
pub fn dispatch(vectors: Vectors, memory: &'static mut Memory) -> i32 {
    let mut arguments = vectors.arguments;
    let name = arguments.next().unwrap_or(c"rootlet");
    let name = base_name(name);
    let role = if let Some(role) = program(name) {
        role
    } else if name == b"init" {
        role_of_init(arguments)
    } else {
        let mut behind = arguments;
        let command = behind.next();
        let word = command.unwrap_or_default().to_bytes();
        if let Some(role) = named(COMMANDS, word)
            .or_else(|| verb_of(word))
            .or_else(|| sees(word))
            .or_else(|| program(word))
        {
            arguments = behind;
            role
        } else if let Some(role) = kernels_init() {
            role
        } else {
            return usage_error(command);
        }
    };
    play(role, arguments, vectors, memory)
}

fn program(name: &[u8]) -> Option<Role> {
    named(PEERS, name)
        .or_else(|| named(SYSTEM, name))
        .or_else(|| entering(name))
        .or_else(|| shell_of(name))
}

#[cfg(feature = "enter")]
fn entering(name: &[u8]) -> Option<Role> {
    named(ENTERING, name)
}

#[cfg(not(feature = "enter"))]
const fn entering(_: &[u8]) -> Option<Role> {
    None
}

#[cfg(feature = "see")]
fn sees(word: &[u8]) -> Option<Role> {
    named(SEES, word)
}

#[cfg(not(feature = "see"))]
const fn sees(_: &[u8]) -> Option<Role> {
    None
}

#[cfg(feature = "shell")]
fn shell_of(name: &[u8]) -> Option<Role> {
    named(SHELLS, name)
}

#[cfg(not(feature = "shell"))]
const fn shell_of(_: &[u8]) -> Option<Role> {
    None
}

#[cfg(feature = "enter")]
fn verb_of(name: &[u8]) -> Option<Role> {
    named(VERBS, name)
}

#[cfg(not(feature = "enter"))]
const fn verb_of(_: &[u8]) -> Option<Role> {
    None
}

/// A kernel may start us under any name (`rdinit=`), and with words that it does not know itself.
#[cfg(feature = "boot")]
fn kernels_init() -> Option<Role> {
    (own_pid() == 1 && crate::run::machine::is_machine()).then_some(Role::Boot)
}

#[cfg(not(feature = "boot"))]
const fn kernels_init() -> Option<Role> {
    None
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
        #[cfg(feature = "run")]
        Role::Prepare => prepare::prepare(arguments),
        #[cfg(feature = "enter")]
        Role::Enter(style) => {
            // Where what follows stands: behind our name, or a word further.
            let mut behind = vectors.arguments;
            let _ = behind.next();
            let position = if behind.as_ptr() == arguments.as_ptr() { 1 } else { 2 };
            run::enter::enter(style, vectors, arguments, position, &mut memory.run)
        }
        #[cfg(feature = "boot")]
        Role::Boot if own_pid() == 1 => boot::boot(vectors, &mut memory.boot),
        #[cfg(feature = "boot")]
        Role::Boot => {
            let mut words = arguments;
            power::ask_init(words.next())
        }
        #[cfg(feature = "boot")]
        Role::SwitchRoot => {
            let status = boot::switch::switch_root(vectors.environment, arguments);
            if own_pid() == 1 {
                boot::rescue_for_ever(vectors, &mut memory.boot)
            }
            status
        }
        #[cfg(feature = "boot")]
        Role::Power(end) => power::power(end, arguments),
        #[cfg(feature = "enter")]
        Role::Manage(verb) => manage::manage(verb, vectors, arguments),
        #[cfg(feature = "see")]
        Role::See(view) => see::see(view, vectors, arguments, &mut memory.see),
        #[cfg(feature = "shell")]
        Role::Shell => {
            // `$0` is what the shell was called, or the word behind `rootlet`.
            let mut before = vectors.arguments;
            let mut name = before.next();
            if before.as_ptr() != arguments.as_ptr() {
                name = before.next();
            }
            let status = shell::shell(name.unwrap_or(c"sh"), vectors, arguments);
            // As a machine's first process it must not end: that is a panic.
            #[cfg(feature = "boot")]
            if own_pid() == 1 && crate::run::machine::is_machine() {
                boot::rescue_for_ever(vectors, &mut memory.boot)
            }
            status
        }
        Role::Init(style) => init::init(style, vectors, arguments, &mut memory.init),
        Role::Version => version(),
        Role::Help => report::help(USAGE),
    }
}

/// `/sbin/init -- CMD` is what engines start as a container's PID 1. A kernel starts `/init` without it.
#[cfg(feature = "boot")]
fn role_of_init(mut arguments: Strings<'_>) -> Role {
    if arguments.any(|word| word == c"--") { Role::Init(Style::Rootlet) } else { Role::Boot }
}

#[cfg(not(feature = "boot"))]
const fn role_of_init(_: Strings<'_>) -> Role {
    Role::Init(Style::Rootlet)
}

/// Whether docker asks, by its tini's name or with it as the command.
fn is_docker_init(vectors: Vectors) -> bool {
    vectors.arguments.take(2).any(|word| word.to_bytes().ends_with(b"docker-init"))
}

fn base_name(path: &CStr) -> &[u8] {
    path.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or(&[])
}

/// Out of line, as `usage_error`: else the line would lie in the frame of who waits.
#[cfg_attr(feature = "run", inline(never))]
fn version() -> i32 {
    report::print(Line::new().text("rootlet ").text(env!("CARGO_PKG_VERSION")));
    0
}

#[cfg_attr(feature = "run", inline(never))]
fn usage_error(command: Option<&CStr>) -> i32 {
    let mut line = report::line();
    match command {
        Some(command) => line
            .operand(command.to_bytes())
            .packed(packed!(" is not a command; rootlet --help lists them")),
        None => line.packed(packed!("needs a command; rootlet --help lists them")),
    };
    report::say(line);
    report::OWN_FAILURE
}
