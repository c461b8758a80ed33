//! `rootlet init`: PID 1 of a container, or a subreaper elsewhere.

use core::ffi::CStr;

use crate::input::init_options::{self, InitRequest, MANUAL};
use crate::input::refusal::{Refusal, Subject};
use crate::report;
use crate::run::program::{become_program, status_of_failure};
use crate::supervise::rule::{Policy, exit_status};
use crate::supervise::wait_loop::{Source, supervise};
use crate::sys::process::{Pid, Side, Until, close_from, exit, fork, own_group};
use crate::sys::signal::Inherited;
use crate::sys::standard;
use crate::sys::terminal;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::call::{Call, CallError};

/// Plays the role.
pub fn init(vectors: Vectors, arguments: Strings<'static>) -> i32 {
    let program = match init_options::parse(arguments, 0) {
        Ok(InitRequest::Help) => return report::help(MANUAL.0),
        Ok(InitRequest::Supervise(program)) => program,
        Err(refusal) => return say_refusal(refusal, arguments),
    };
    // Blocked before anything is started: from here on no signal is lost, and none ends us.
    let inherited = Inherited::take_over();
    let is_pid_1 = rustix::process::getpid().is_init();
    if !is_pid_1 {
        // Orphans below us become ours; without it they would go to somebody who may not reap.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::Pid::INIT));
    }
    // In a group of the host's, as PID 1 in a caller's terminal, the program stays: the terminal reaches it there.
    let group = own_group();
    let place =
        Place { own_group: group != 0, in_front: group != 0 && terminal::is_in_front(group) };
    match fork(Until::Made) {
        Ok(Side::Child) => exit(become_child(program, vectors.environment, inherited, place)),
        Ok(Side::Parent(pid)) => supervise_child(pid, is_pid_1, place),
        Err(errno) => report::failed_call(CallError { call: Call::Clone, errno }, b"init"),
    }
}

/// Where the program stands at the terminal.
#[derive(Clone, Copy)]
struct Place {
    /// It leads a process group.
    own_group: bool,
    /// That group gets the foreground, which is ours.
    in_front: bool,
}

/// `rootlet: init SUBJECT REASON`, one line; the subject counts from the first string behind `init`.
fn say_refusal(refusal: Refusal, mut arguments: Strings<'_>) -> i32 {
    let mut line = report::line();
    line.text("init");
    if let Subject::Words { first, .. } = refusal.subject {
        line.text(" ").operand(arguments.nth(first as usize).unwrap_or(c"").to_bytes());
    }
    report::refused(line, refusal.cause)
}

/// In the child: leads a group of its own in the terminal's foreground, then becomes the program.
fn become_child(
    program: Strings<'static>,
    environment: Strings<'static>,
    inherited: Inherited,
    place: Place,
) -> i32 {
    if place.own_group {
        let _ = rustix::process::setpgid(None, None);
    }
    if place.in_front {
        // SIGTTOU is blocked, so a group that is in the background by now may take the terminal.
        let own = rustix::process::getpid().as_raw_pid();
        let _ = terminal::set_foreground(standard::input(), own);
    }
    inherited.restore();
    let mut words = program;
    let name: &CStr = words.next().unwrap_or(c"");
    let errno = become_program(name, program, environment);
    report::cannot_execute(name, errno);
    status_of_failure(errno)
}

fn supervise_child(pid: Pid, is_pid_1: bool, place: Place) -> i32 {
    // What we were given stays open only in the program; ENOSYS before Linux 5.9.
    let _ = close_from(3);
    let _ = rustix::process::chdir(c"/");
    let policy = Policy {
        terminal_reaches_program: !place.own_group,
        is_job: !is_pid_1,
        hands_terminal_over: place.own_group,
        ..Policy::WRAPPED
    };
    let ended = supervise(pid, policy, &mut Source::Signals);
    // Who called us finds the terminal as it was.
    if place.in_front && terminal::is_in_front(pid.0) {
        let _ = terminal::set_foreground(standard::input(), own_group());
    }
    exit_status(ended)
}
