//! `rootlet init`: PID 1 of a container, or a subreaper elsewhere.

use core::ffi::CStr;

use crate::input::init_options::{self, InitRequest, MANUAL};
use crate::input::refusal::{Refusal, Subject};
use crate::report;
use crate::run::program::{become_program, status_of_failure};
use crate::supervise::rule::{Policy, exit_status};
use crate::supervise::wait_loop::{Source, supervise};
use crate::sys::process::{Pid, Side, Until, close_from, exit, fork};
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
    match fork(Until::Made) {
        Ok(Side::Child) => exit(become_child(program, vectors.environment, inherited)),
        Ok(Side::Parent(pid)) => supervise_child(pid, is_pid_1),
        Err(errno) => report::failed_call(CallError { call: Call::Clone, errno }, b"init"),
    }
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
) -> i32 {
    let _ = rustix::process::setpgid(None, None);
    let own = rustix::process::getpid().as_raw_pid();
    // SIGTTOU is blocked, so a background group may take the terminal; without one this fails, which is well.
    take_terminal(own);
    inherited.restore();
    let mut words = program;
    let name: &CStr = words.next().unwrap_or(c"");
    let errno = become_program(name, program, environment);
    report::cannot_execute(name, errno);
    status_of_failure(errno)
}

/// Takes the terminal for a group, only where our session's foreground is ours to give.
fn take_terminal(group: i32) {
    let parent_group = rustix::process::getppid()
        .and_then(|parent| rustix::process::getpgid(Some(parent)).ok())
        .map(rustix::process::Pid::as_raw_pid);
    if let Ok(foreground) = terminal::foreground(standard::input())
        && (parent_group == Some(foreground) || parent_group.is_none())
    {
        let _ = terminal::set_foreground(standard::input(), group);
    }
}

fn supervise_child(pid: Pid, is_pid_1: bool) -> i32 {
    // What we were given stays open only in the program; ENOSYS before Linux 5.9.
    let _ = close_from(3);
    let _ = rustix::process::chdir(c"/");
    let policy = Policy { is_job: !is_pid_1, hands_terminal_over: true, ..Policy::WRAPPED };
    let ended = supervise(pid, policy, &mut Source::Signals);
    exit_status(ended)
}
