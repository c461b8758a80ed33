//! `rootlet run`: text, facts, plan; then the container and its supervisor.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use crate::facts::run_facts::{self, MOUNT_POINTS, RunFacts};
use crate::input::refusal::{Refusal, Subject};
use crate::input::run_manual::MANUAL;
use crate::input::run_options::{self, Mode, RunOptions, RunRequest};
use crate::input::supervision::Supervision;
use crate::input::users::{self, Credentials};
use crate::plan::container::{self, MissingPaths, Program, Steps};
use crate::plan::environment::{self, ENVIRONMENT, Environment};
use crate::report;
use crate::supervise::window::Channels;
use crate::sys::vectors::{StringTable, Strings, Vectors};
use crate::text::arena::Arena;
use crate::text::line::Line;

mod execute;
mod explain;

/// Bytes of all texts that one command line may need: options, files, environment.
const ARENA_BYTES: usize = 256 * 1024;

/// The bounded tables of `run`. All of it is zero or not there yet, so that it takes no room in the file.
pub struct Memory {
    arena: [u8; ARENA_BYTES],
    options: MaybeUninit<RunOptions<'static>>,
    facts: MaybeUninit<RunFacts<'static>>,
    credentials: MaybeUninit<Credentials<'static>>,
    environment: Environment<'static>,
    strings: StringTable<'static, { ENVIRONMENT + 1 }>,
    missing: MissingPaths<'static>,
    steps: Steps<'static>,
    channels: Channels,
    plain: Supervision<'static>,
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self {
            arena: [0; ARENA_BYTES],
            options: MaybeUninit::uninit(),
            facts: MaybeUninit::uninit(),
            credentials: MaybeUninit::uninit(),
            environment: Environment::new(),
            strings: StringTable::new(),
            missing: MissingPaths::new(),
            steps: Steps::new(),
            channels: Channels::new(),
            plain: Supervision::new(),
        }
    }
}

/// A complete plan: nothing has been done yet.
pub struct Planned {
    options: &'static RunOptions<'static>,
    facts: &'static RunFacts<'static>,
    steps: &'static Steps<'static>,
    strings: &'static StringTable<'static, { ENVIRONMENT + 1 }>,
    program: Strings<'static>,
    vectors: Vectors,
    /// Signals go on as they are.
    plain: &'static Supervision<'static>,
}

/// Plays the role.
pub fn run(vectors: Vectors, rest: Strings<'static>, memory: &'static mut Memory) -> i32 {
    let options = memory.options.write(RunOptions::new());
    let mut arena = Arena::new(&mut memory.arena);
    // What is wrong is said with the names that options have; so they are read first, and lent from then on.
    let request = run_options::parse(rest, COMMAND_WORDS, &mut arena, options);
    let options: &'static RunOptions<'static> = options;
    let refused = |refusal| say_refusal(refusal, options, vectors.arguments);
    let program = match request {
        Ok(RunRequest::Run(program)) => program,
        Ok(RunRequest::Help) => return report::help(MANUAL.0),
        Err(refusal) => return refused(refusal),
    };
    let tables = Tables {
        facts: memory.facts.write(RunFacts::new()),
        credentials: &mut memory.credentials,
        environment: &mut memory.environment,
        strings: &mut memory.strings,
        missing: &mut memory.missing,
        steps: &mut memory.steps,
        plain: &memory.plain,
    };
    let planned = match plan(options, program, vectors, arena, tables) {
        Ok(planned) => planned,
        Err(refusal) => return refused(refusal),
    };
    match options.mode {
        Mode::Explain => explain::explain(&planned),
        Mode::Run | Mode::Trace => execute::execute(&planned, &mut memory.channels),
    }
}

/// Strings of the command line before the options: `rootlet run`.
const COMMAND_WORDS: u32 = 2;

/// The tables that a plan fills.
struct Tables {
    facts: &'static mut RunFacts<'static>,
    credentials: &'static mut MaybeUninit<Credentials<'static>>,
    environment: &'static mut Environment<'static>,
    strings: &'static mut StringTable<'static, { ENVIRONMENT + 1 }>,
    missing: &'static mut MissingPaths<'static>,
    steps: &'static mut Steps<'static>,
    plain: &'static Supervision<'static>,
}

/// From options to the plan.
fn plan(
    options: &'static RunOptions<'static>,
    program: Strings<'static>,
    vectors: Vectors,
    mut arena: Arena<'static>,
    tables: Tables,
) -> Result<Planned, Refusal> {
    let caller = vectors.environment;
    run_facts::gather(options, &mut arena, tables.facts)?;
    let facts: &'static RunFacts<'static> = tables.facts;
    let credentials: &'static Credentials<'static> =
        tables.credentials.write(resolve_user(options, facts)?);
    environment::Builder { environment: tables.environment, arena: &mut arena, caller }.fill(
        options,
        facts,
        credentials.home,
    )?;
    for variable in tables.environment.iter() {
        // One place more than variables: there is room.
        let _ = tables.strings.replace_or_push(variable, |_| false);
    }
    let mut words = program;
    let name: &'static CStr = words.next().unwrap_or(c"");
    container::find_missing(options, facts, tables.missing);
    let program_of = Program { name, credentials };
    container::plan(options, facts, &program_of, tables.missing, tables.steps)?;
    let Tables { steps, strings, plain, .. } = tables;
    Ok(Planned { options, facts, steps, strings, program, vectors, plain })
}

/// The ids of `--user`; without it those of root, whose home is /root.
fn resolve_user(
    options: &RunOptions<'static>,
    facts: &RunFacts<'static>,
) -> Result<Credentials<'static>, Refusal> {
    let Some(user) = options.user else {
        let mut groups = heapless::Vec::new();
        let _ = groups.push(0);
        return Ok(Credentials { uid: 0, gid: 0, groups, home: b"/root" });
    };
    users::resolve(user.to_bytes(), facts.passwd, facts.group)
        .map_err(|reason| Refusal::new(Subject::User, reason))
}

/// `rootlet: SUBJECT REASON`, one line.
fn say_refusal(
    refusal: Refusal,
    options: &RunOptions<'static>,
    arguments: Strings<'static>,
) -> i32 {
    let mut line = report::line();
    let (before, name) = match refusal.subject {
        Subject::Words { first, count } => {
            append_words(&mut line, arguments.skip(first as usize), count);
            ("", c"")
        }
        Subject::Root => ("", options.rootfs),
        Subject::MountPoint(index) => {
            ("/", MOUNT_POINTS.get(usize::from(index)).copied().unwrap_or(c""))
        }
        Subject::Volume(index) => {
            ("", options.volumes.get(usize::from(index)).map_or(c"", |volume| volume.source))
        }
        Subject::VariableFile(index, _) => {
            ("", options.variable_files.get(usize::from(index)).copied().unwrap_or(c""))
        }
        Subject::User => ("--user ", options.user.unwrap_or(c"")),
        Subject::Users => ("/etc/passwd or /etc/group of the root", c""),
        Subject::Environment => ("the environment", c""),
        Subject::Machine => ("this machine", c""),
        Subject::Command => ("run", c""),
    };
    line.text(before).operand(name.to_bytes());
    if let Subject::VariableFile(_, number @ 1..) = refusal.subject {
        line.text(":").number(number.into()).text(":");
    }
    report::refused(line, refusal.cause)
}

fn append_words(line: &mut Line, words: impl Iterator<Item = &'static CStr>, count: u8) {
    let mut separator = "";
    for word in words.take(count.into()) {
        line.text(separator).operand(word.to_bytes());
        separator = " ";
    }
}
