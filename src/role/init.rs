//! PID 1 of a container: `rootlet init`, tini, dumb-init, catatonit.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::peer;
use crate::input::arguments::{Arguments, Found};
use crate::input::init_manuals::manual;
use crate::input::init_options::{self, Request};
use crate::input::refusal::{Cause, Reason, Subject};
use crate::input::supervision::{Id, Style, Supervision};
use crate::report;
use crate::run::descriptors::close_each;
use crate::run::program::{Attempt, PATH_BYTES, Program, status_of_failure};
use crate::supervise::journal::{Journal, Note};
use crate::supervise::rule::Policy;
use crate::supervise::wait_loop::{Source, supervise};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::{
    Pid, Side, Until, adopt_orphans, close_from, exit, fork, own_group, own_pid, set_death_signal,
};
use crate::sys::signal::{Inherited, Signal};
use crate::sys::standard;
use crate::sys::terminal;
use crate::sys::vectors::{Strings, Vectors};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Bytes of `LISTEN_PID=` and a pid.
const LISTEN_BYTES: usize = 32;
/// Bytes of a number in /proc/self/oom_score_adj.
const SCORE_BYTES: usize = 16;

/// The bounded tables of the role, all zero at first.
pub struct Memory {
    options: Supervision<'static>,
    script: [u8; PATH_BYTES],
    listen: [u8; LISTEN_BYTES],
    score: [u8; SCORE_BYTES],
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self {
            options: Supervision::new(),
            script: [0; PATH_BYTES],
            listen: [0; LISTEN_BYTES],
            score: [0; SCORE_BYTES],
        }
    }
}

/// Plays the role in a style; `words` are the strings behind its name.
// Out of line: its tables would lie in the frame of its caller, below those of every other role.
#[inline(never)]
pub fn init(
    style: Style,
    vectors: Vectors,
    words: Strings<'static>,
    memory: &'static mut Memory,
) -> i32 {
    let options = &mut memory.options;
    options.style = style;
    let mut arguments = Arguments::new(words, 0);
    let is_peer = style != Style::Rootlet;
    let request = init_options::parse(&mut arguments, vectors.environment, options);
    let journal = Journal::of(options);
    match request {
        Ok(Request::Supervise) => {}
        Ok(request) if is_peer => {
            return peer::answer(journal, request, super::is_docker_init(vectors));
        }
        Ok(_) => return report::help(manual(style).0),
        Err(reason) if is_peer => return peer::refuse(journal, arguments.found, reason),
        Err(reason) => return say_refusal(reason, arguments.found),
    }
    let mut operands = arguments.operands();
    let program = Program {
        arguments: operands,
        name: operands.next().unwrap_or(c""),
        environment: vectors.environment,
    };
    let start = Start { options, vectors, program, journal };
    let Memory { script, listen, score, .. } = memory;
    begin(&start, Tables { script, listen, score }).unwrap_or_else(|error| {
        let operand = if error.call == Call::Clone { c"init" } else { SCORE_FILE };
        let status = report::failed_call(error, operand.to_bytes());
        if is_peer { 1 } else { status }
    })
}

/// `rootlet: init OPTION REASON`, one line.
#[inline(never)]
fn say_refusal(reason: Reason, found: Found<'_>) -> i32 {
    let mut line = report::line();
    line.text("init");
    if !matches!(reason, Reason::NoProgram | Reason::ProgramWithPause) {
        line.text(" ").operand(found.word.to_bytes());
        if let Subject::Words { count: 2, .. } = found.subject {
            line.text(" ").operand(found.value.to_bytes());
        }
    }
    report::refused(line, Cause::Reason(reason))
}

/// Where the texts lie that the program's process makes.
struct Tables {
    script: &'static mut [u8; PATH_BYTES],
    listen: &'static mut [u8; LISTEN_BYTES],
    score: &'static mut [u8; SCORE_BYTES],
}

/// What is asked of a start.
struct Start<'a> {
    options: &'a Supervision<'static>,
    vectors: Vectors,
    program: Program<'static>,
    journal: Journal,
}

/// Where the program is to stand, and what its process must undo.
struct Standing {
    /// It leads a group, which is none of the host's.
    leads_group: bool,
    /// Its group gets the terminal's foreground, which is ours.
    in_front: bool,
    /// We led the session of the terminal and have left it.
    gave_terminal_up: bool,
    own_pid: i32,
    inherited: Inherited,
    /// The working directory that we were given, if we have left it.
    directory: Option<Descriptor>,
}

/// Prepares, forks, waits.
#[inline(never)]
fn begin(start: &Start<'_>, tables: Tables) -> Result<i32, CallError> {
    start.journal.note(Note::Debugging, [0; 2]);
    let mut standing = prepare(start, tables.score)?;
    let mut program = Pid(0);
    if !start.options.asks(Id::Pause) {
        match fork(Until::Made).map_err(Call::Clone.failed())? {
            Side::Child => exit(become_program(start, &standing, tables)),
            Side::Parent(pid) => program = pid,
        }
        start.journal.note_name(Note::Spawned, [program.0, 0], start.program.name.to_bytes());
    }
    if standing.directory.take().is_none() {
        // Nobody can come back to it; the program has its own by now.
        let _ = rustix::process::chdir(c"/");
    }
    Ok(watch(start, program, &standing))
}

/// What must be so before the program starts.
fn prepare(start: &Start<'_>, score: &mut [u8; SCORE_BYTES]) -> Result<Standing, CallError> {
    let options = start.options;
    // Blocked before anything is started: from here on no signal is lost, and none ends us.
    let inherited = Inherited::take_over();
    let own_pid = own_pid();
    if options.asks(Id::DeathSignal) {
        let _ = set_death_signal(Signal(options.death_signal.into()));
    }
    if own_pid != 1 {
        // Orphans below us become ours; else they would go to somebody who may not reap.
        if options.asks(Id::Subreaper) {
            let _ = adopt_orphans();
        } else {
            start.journal.note(Note::NoReaper, [0; 2]);
        }
    }
    if let Some(new) = options.oom_score_adj {
        exchange_score(new.to_bytes(), score)?;
    }
    let gave_terminal_up = options.asks(Id::Session) && terminal::give_up();
    let mut leads_group = options.leads_group();
    let mut in_front = false;
    if leads_group && let Ok(front) = terminal::foreground(standard::input()) {
        // In a group of the host's, as PID 1 in a caller's terminal, it stays: the terminal reaches it there.
        let group = own_group();
        leads_group = group != 0;
        in_front = leads_group && group == front;
    }
    // Left before the program starts, which goes back by the descriptor: it never sees another directory, and we
    // keep no mount busy.
    let directory = open(CWD, c".", OpenFlags::PATH_DIRECTORY).ok();
    if directory.is_some() {
        let _ = rustix::process::chdir(c"/");
    }
    Ok(Standing { leads_group, in_front, gave_terminal_up, own_pid, inherited, directory })
}

/// The parent's side: keeps nothing that the program was given, and waits.
#[inline(never)]
fn watch(start: &Start<'_>, program: Pid, standing: &Standing) -> i32 {
    let options = start.options;
    // What we were given stays open only in the program; ENOSYS before Linux 5.9.
    if close_from(3).is_err() {
        close_each(3);
    }
    let leads_group = standing.leads_group;
    let policy = Policy {
        // As for a peer, a program that was asked to stay in our group gets what the terminal sends twice.
        terminal_reaches_program: options.leads_group() && !leads_group,
        is_job: leads_group && standing.own_pid != 1,
        relays_terminal: false,
        hands_terminal_over: leads_group,
        keeps_sender: options.style == Style::Rootlet,
        gave_terminal_up: if standing.gave_terminal_up { standing.own_pid } else { -1 },
    };
    supervise(policy, options, Source::Signals, start.journal, program)
}

/// In the child: stands where it should, gets back what we were given, and becomes the program.
fn become_program(start: &Start<'_>, standing: &Standing, tables: Tables) -> i32 {
    let Start { journal, options, program, vectors } = start;
    stand(standing, options, *journal);
    // In another directory, or with another score, it would be another program.
    let mut errno = Errno(0);
    if let Some(directory) = &standing.directory
        && let Err(error) = rustix::process::fchdir(directory)
    {
        errno = error.into();
    }
    if options.oom_score_adj.is_some() {
        // It was ours a moment ago; raising it again is allowed to everybody.
        let before = *tables.score;
        if let Err(error) = exchange_score(&before, tables.score) {
            errno = error.errno;
        }
    }
    let style = options.style;
    if matches!(style, Style::Rootlet | Style::Catatonit) {
        pass_sockets_on(*vectors, standing.own_pid, tables.listen);
    }
    standing.inherited.restore();
    if errno.0 == 0 {
        errno = program.search(Attempt::OrByShell(*vectors, tables.script));
    }
    if style == Style::Rootlet {
        report::cannot_execute(program, errno);
        return status_of_failure(errno);
    }
    journal.note_name(Note::CannotExecute, [errno.0, 0], program.name.to_bytes());
    peer::status_of_failure(style, errno)
}

/// Makes the calling process lead its group or session, with the terminal.
fn stand(standing: &Standing, options: &Supervision<'_>, journal: Journal) {
    if options.asks(Id::Session) {
        let _ = rustix::process::setsid();
        let _ = terminal::take_control(standard::input());
        journal.note(Note::SessionMade, [0; 2]);
    }
    if standing.leads_group {
        let _ = rustix::process::setpgid(None, None);
    }
    if standing.in_front {
        // SIGTTOU is blocked, so a group that is in the background by now may take the terminal.
        let _ = terminal::set_foreground(standard::input(), own_pid());
    }
}

/// Sockets that a manager passes with `LISTEN_PID` are for the process that it started; they go on to the program.
/// sd_listen_fds(3).
fn pass_sockets_on(vectors: Vectors, from: i32, listen: &'static mut [u8; LISTEN_BYTES]) {
    let mut line = Line::new();
    let mut environment = vectors.environment;
    let ours = listen_pid(&mut line, from);
    let Some(old) = environment.find(|variable| variable.to_bytes() == ours) else { return };
    if let Ok(new) = Arena::new(listen).join(&[listen_pid(&mut line, own_pid())]) {
        vectors.replace_variable(old, new);
    }
}

fn listen_pid(line: &mut Line, pid: i32) -> &[u8] {
    line.clear();
    line.text("LISTEN_PID=").number(pid.unsigned_abs().into()).bytes()
}

const SCORE_FILE: &CStr = c"/proc/self/oom_score_adj";

/// Sets our oom_score_adj and gives the one before, as text with NULs behind it. proc_pid_oom_score_adj(5).
fn exchange_score(new: &[u8], before: &mut [u8; SCORE_BYTES]) -> Result<(), CallError> {
    let file = open(CWD, SCORE_FILE, OpenFlags::UPDATE);
    let file = file.map_err(Call::Openat.failed())?;
    rustix::io::read(&file, before).map_err(Call::Read.failed())?;
    rustix::io::write(&file, new).map(drop).map_err(Call::Write.failed())
}
