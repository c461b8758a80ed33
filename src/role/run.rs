//! `rootlet run`: text, facts, plan; then the container and its supervisor.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use crate::facts::run_facts::{self, MOUNT_POINTS, RunFacts};
#[cfg(feature = "enter")]
use crate::facts::target::Target;
use crate::input::filter::Profile;
use crate::input::filter_default::NATIVE_DEFAULTS;
use crate::input::filter_file;
use crate::input::network::Network;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::resources::Controllers;
use crate::input::root_options::Layer;
use crate::input::run_manual::MANUAL;
use crate::input::run_options::{self, Lists, Mode, RunOptions, RunRequest, UserNamespace};
use crate::input::security_options::FilterChoice;
use crate::input::supervision::Supervision;
use crate::input::system_calls::NATIVE;
use crate::input::users::{self, Credentials};
use crate::plan::cgroups::{self, Cgroups};
#[cfg(feature = "enter")]
use crate::plan::container::enter::Entered;
use crate::plan::container::missing::{MissingPaths, find_missing};
use crate::plan::container::{self, Program, Steps};
use crate::plan::environment::{self, ENVIRONMENT, Environment};
use crate::plan::filter;
use crate::plan::names::{EtcFiles, write_files};
use crate::plan::user_namespace::{self, Maps, Users, Writer};
use crate::report;
use crate::run::own_file;
use crate::supervise::window::Channels;
use crate::sys::vectors::{StringTable, Strings, Vectors};
use crate::text::arena::Arena;
use crate::text::line::Line;
use crate::text::packed::packed;

#[cfg(feature = "enter")]
pub mod enter;
mod execute;
mod explain;
mod hints;
mod traces;

/// Bytes of all texts that one command line may need: options, files, environment.
const ARENA_BYTES: usize = 256 * 1024;

/// The bounded tables of `run`: all zero or uninitialised, so that they take no room in the file.
pub struct Memory {
    tables: PlanMemory,
    channels: Channels,
}

/// What a plan is made of. Small tables first: of a large one mostly the first page is touched, and whoever waits keeps
/// each page that was.
#[repr(C)]
struct PlanMemory {
    facts: MaybeUninit<RunFacts<'static>>,
    credentials: MaybeUninit<Credentials<'static>>,
    #[cfg(feature = "enter")]
    target: MaybeUninit<Target<'static>>,
    #[cfg(feature = "enter")]
    entered: MaybeUninit<Entered<'static>>,
    #[cfg(feature = "enter")]
    shell: StringTable<'static, 2>,
    plain: Supervision<'static>,
    maps: Maps,
    cgroups: MaybeUninit<Cgroups<'static>>,
    files: EtcFiles<'static>,
    options: MaybeUninit<RunOptions<'static>>,
    missing: MissingPaths<'static>,
    lists: Lists<'static>,
    steps: OnPage<Steps<'static>>,
    strings: Variables,
    environment: Environment<'static>,
    arena: [u8; ARENA_BYTES],
    filter: filter_file::Tables,
}

/// CMD's environment, as execve takes it.
type Variables = StringTable<'static, { ENVIRONMENT + 1 }>;

/// Begins on a page: what is used of it lies on no more than it must.
#[repr(align(4096))]
struct OnPage<T>(T);

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        let tables = PlanMemory {
            arena: [0; ARENA_BYTES],
            options: MaybeUninit::uninit(),
            lists: Lists::new(),
            facts: MaybeUninit::uninit(),
            credentials: MaybeUninit::uninit(),
            #[cfg(feature = "enter")]
            target: MaybeUninit::uninit(),
            #[cfg(feature = "enter")]
            entered: MaybeUninit::uninit(),
            #[cfg(feature = "enter")]
            shell: StringTable::new(),
            environment: Environment::new(),
            strings: StringTable::new(),
            missing: MissingPaths::new(),
            files: EtcFiles::new(),
            steps: OnPage(Steps::new()),
            plain: Supervision::new(),
            filter: filter_file::Tables::new(),
            maps: Maps::new(),
            cgroups: MaybeUninit::uninit(),
        };
        Self { tables, channels: Channels::new() }
    }
}

/// What a command line without options means. Out of line, and once for all roles: it is large.
#[inline(never)]
fn fresh(
    options: &'static mut MaybeUninit<RunOptions<'static>>,
    lists: &'static mut Lists<'static>,
) -> &'static mut RunOptions<'static> {
    options.write(RunOptions::new(lists))
}

/// Facts before anything was looked at. Out of line for the same reason.
#[inline(never)]
const fn no_facts(
    facts: &'static mut MaybeUninit<RunFacts<'static>>,
) -> &'static mut RunFacts<'static> {
    facts.write(RunFacts::new())
}

/// A complete plan: nothing has been done yet.
pub struct Planned {
    options: &'static RunOptions<'static>,
    facts: &'static RunFacts<'static>,
    users: Users<'static>,
    cgroups: &'static Cgroups<'static>,
    steps: &'static Steps<'static>,
    environment: Strings<'static>,
    program: Strings<'static>,
    vectors: Vectors,
    /// Nothing is asked of the supervision: signals go on as they are.
    plain: &'static Supervision<'static>,
}

/// Plays the role.
pub fn run(vectors: Vectors, rest: Strings<'static>, memory: &'static mut Memory) -> i32 {
    let planned = match prepare(vectors, rest, &mut memory.tables) {
        Ok(planned) => planned,
        Err(status) => return status,
    };
    if let Users::New(Maps { by: Writer::User, .. }) = planned.users
        && planned.options.users == UserNamespace::Auto
    {
        say_one_id();
    }
    match planned.options.mode {
        Mode::Explain => explain::explain(&planned),
        Mode::Run | Mode::Trace => execute::execute(&planned, &mut memory.channels),
    }
}

/// From the command line to the plan, or the exit status of help and refusals. Not inlined: its stack is given back
/// before anybody waits, and each process that waits keeps what it has touched.
#[inline(never)]
fn prepare(
    vectors: Vectors,
    rest: Strings<'static>,
    memory: &'static mut PlanMemory,
) -> Result<Planned, i32> {
    let options = fresh(&mut memory.options, &mut memory.lists);
    let mut arena = Arena::new(&mut memory.arena);
    // What is wrong is said with the names that options have; so they are read first, and lent from then on.
    let request = run_options::parse(rest, COMMAND_WORDS, &mut arena, options);
    let options: &'static RunOptions<'static> = options;
    let refused = |refusal| say_refusal(refusal, options, vectors.arguments);
    let program = match request {
        Ok(RunRequest::Run(program)) => program,
        Ok(RunRequest::Help) => return Err(report::help(MANUAL.0)),
        Err(refusal) => return Err(refused(refusal)),
    };
    if options.mode != Mode::Explain {
        own_file::protect(vectors).map_err(Refusal::of_error(Subject::OwnFile)).map_err(refused)?;
    }
    let tables = Tables {
        facts: no_facts(&mut memory.facts),
        credentials: &mut memory.credentials,
        environment: &mut memory.environment,
        strings: &mut memory.strings,
        missing: &mut memory.missing,
        files: &mut memory.files,
        steps: &mut memory.steps.0,
        plain: &memory.plain,
        filter: &mut memory.filter,
        maps: &mut memory.maps,
        cgroups: memory.cgroups.write(Cgroups::new()),
    };
    plan(options, program, vectors, arena, tables).map_err(refused)
}

#[inline(never)]
fn say_one_id() {
    let mut line = report::line();
    line.packed(packed!(
        "--userns auto: one id only; /etc/subuid or /etc/subgid grants none, or newuidmap is missing"
    ));
    report::say(line);
}

/// Strings of the command line before the options: `rootlet run`.
const COMMAND_WORDS: u32 = 2;

/// The tables that a plan fills.
struct Tables {
    facts: &'static mut RunFacts<'static>,
    credentials: &'static mut MaybeUninit<Credentials<'static>>,
    environment: &'static mut Environment<'static>,
    strings: &'static mut Variables,
    missing: &'static mut MissingPaths<'static>,
    files: &'static mut EtcFiles<'static>,
    steps: &'static mut Steps<'static>,
    plain: &'static Supervision<'static>,
    filter: &'static mut filter_file::Tables,
    maps: &'static mut Maps,
    cgroups: &'static mut Cgroups<'static>,
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
    run_facts::gather(options, vectors, &mut arena, tables.facts)?;
    let facts: &'static RunFacts<'static> = tables.facts;
    let credentials = tables.credentials.write(Credentials::new());
    resolve_user(options, facts, credentials)?;
    let credentials: &'static Credentials<'static> = credentials;
    let environment =
        environment::Builder { environment: tables.environment, arena: &mut arena, caller };
    fill_environment(environment, options, facts, credentials.home, tables.strings)?;
    let mut words = program;
    let name: &'static CStr = words.next().unwrap_or(c"");
    find_missing(options, facts, tables.missing);
    write_files(options, facts, &mut arena, tables.files)?;
    let filter = filter(options, facts, tables.filter, &mut arena)?;
    let users = user_namespace::decide(options, facts, credentials, tables.maps)?;
    cgroups::plan(options, facts, &mut arena, tables.cgroups)?;
    let cgroups: &'static Cgroups<'static> = tables.cgroups;
    let program_of = Program { name, credentials, filter, users, cgroups };
    let paths: (&'static MissingPaths<'static>, &'static EtcFiles<'static>) =
        (tables.missing, tables.files);
    container::plan(tables.steps, options, facts, &program_of, paths)?;
    let Tables { steps, strings, plain, .. } = tables;
    let strings: &'static Variables = strings;
    let environment = strings.strings();
    Ok(Planned { options, facts, users, cgroups, steps, environment, program, vectors, plain })
}

/// Makes the environment of CMD, and the strings of it that execve(2) takes.
#[inline(never)]
fn fill_environment(
    mut builder: environment::Builder<'_, 'static, Strings<'static>>,
    options: &RunOptions<'static>,
    facts: &RunFacts<'static>,
    home: &[u8],
    strings: &mut Variables,
) -> Result<(), Refusal> {
    builder.fill(options, facts, home)?;
    for variable in builder.environment.iter() {
        // One place more than variables: there is room.
        let _ = strings.push(variable);
    }
    Ok(())
}

/// The filter of system calls as a program for the kernel.
#[inline(never)]
fn filter(
    options: &RunOptions<'static>,
    facts: &RunFacts<'static>,
    tables: &mut filter_file::Tables,
    arena: &mut Arena<'static>,
) -> Result<Option<&'static [u8]>, Refusal> {
    // As docker has it: what any program of the container could gain, not what the first one has.
    let capabilities = options.capabilities;
    let compile = |arena: &mut Arena<'static>, profile: &Profile<'_>| {
        arena.keep(|room| filter::compile(profile, NATIVE.audit, room))
    };
    let refused = |line, column| Refusal::at(Subject::FilterFile { line, column });
    let program = match options.security.filter {
        FilterChoice::Unconfined => return Ok(None),
        FilterChoice::Default if options.privileged => return Ok(None),
        FilterChoice::Default | FilterChoice::Builtin => {
            NATIVE_DEFAULTS.with_profile(capabilities, |profile| compile(arena, profile))
        }
        FilterChoice::File(_) => {
            let names = arena.keep(|room| NATIVE.write_names(room)).map_err(refused(0, 0))?;
            let kernel = facts.kernel;
            let reader = filter_file::Reader { machine: &NATIVE, names, kernel, capabilities };
            let profile = reader.read(facts.filter, tables).map_err(|misread| {
                let column = u16::try_from(misread.column).unwrap_or(u16::MAX);
                refused(misread.line, column)(misread.reason)
            })?;
            compile(arena, &profile)
        }
    };
    program.map(Some).map_err(refused(0, 0))
}

/// The ids of `--user`; without it those of root.
#[inline(never)]
fn resolve_user(
    options: &RunOptions<'static>,
    facts: &RunFacts<'static>,
    credentials: &mut Credentials<'static>,
) -> Result<(), Refusal> {
    let Some(user) = options.user else {
        // They are root's.
        let _ = credentials.groups.push(0);
        return Ok(());
    };
    let has_archive = facts.layers.iter().any(|layer| *layer != Layer::Directory);
    let resolved = users::resolve(user.to_bytes(), facts.passwd, facts.group, credentials);
    resolved.map_err(|reason| match reason {
        Reason::NoUser | Reason::NoGroup if has_archive => {
            Refusal::new(Subject::User, Reason::NamesInArchive)
        }
        reason => Refusal::new(Subject::User, reason),
    })
}

/// `rootlet: SUBJECT REASON`, one line.
fn say_refusal(
    refusal: Refusal,
    options: &RunOptions<'static>,
    arguments: Strings<'static>,
) -> i32 {
    let mut line = report::line();
    let (before, name) = match refusal.subject() {
        Subject::Words { first, count } => {
            append_words(&mut line, arguments.skip(first as usize), count);
            (packed!(""), c"")
        }
        Subject::Root => (packed!(""), options.rootfs),
        Subject::Layer(index) => {
            (packed!(""), options.root.layers.get(usize::from(index)).copied().unwrap_or_default())
        }
        Subject::MountPoint(index) => {
            (packed!("/"), MOUNT_POINTS.get(usize::from(index)).copied().unwrap_or(c""))
        }
        Subject::Volume(index) => (
            packed!(""),
            options.lists.volumes.get(usize::from(index)).map_or(c"", |volume| volume.source),
        ),
        Subject::VariableFile(index, _) => {
            (packed!(""), options.variable_files.get(usize::from(index)).copied().unwrap_or(c""))
        }
        Subject::FilterFile { .. } => match options.security.filter {
            FilterChoice::File(path) => (packed!(""), path),
            _ => (packed!("the filter"), c""),
        },
        Subject::User => (packed!("--user "), options.user.unwrap_or(c"")),
        Subject::Users => (packed!("/etc/passwd or /etc/group of the root"), c""),
        Subject::Environment => (packed!("the environment"), c""),
        Subject::Controller(bit) => {
            line.raw(Controllers(1 << bit).name());
            (packed!(" controller of cgroups"), c"")
        }
        Subject::Descriptor(number) => {
            line.text("descriptor ").number(number.into());
            (packed!(""), c"")
        }
        Subject::OwnFile => (packed!("rootlet's own file "), c"/proc/self/exe"),
        Subject::Log => (packed!(""), options.log.unwrap_or_default()),
        Subject::Link { bridge } => (packed!("link "), named_link(options, bridge)),
        Subject::Pasta => (packed!("pasta"), c""),
        Subject::Persist(index) => {
            (packed!(""), options.persist.get(usize::from(index)).map_or(c"", |kept| kept.file))
        }
        Subject::RuntimeDirectory => (packed!("XDG_RUNTIME_DIR"), c""),
        Subject::Machine => (packed!("this machine"), c""),
        Subject::Target => (packed!(""), options.enter.target),
        Subject::EnterFile(index) => {
            (packed!(""), options.enter.files.get(usize::from(index)).map_or(c"", |file| file.1))
        }
        Subject::Directory(which) => (packed!(""), options.enter.named_directory(which)),
        Subject::Command => (options.enter.style.name(), c""),
    };
    line.packed(before).operand(name.to_bytes());
    match refusal.subject() {
        Subject::VariableFile(_, number @ 1..) => {
            line.text(":").number(number.into()).text(":");
        }
        Subject::FilterFile { line: number @ 1.., column } => {
            line.text(":").number(number.into()).text(":").number(column.into()).text(":");
        }
        _ => {}
    }
    report::refused(line, refusal.cause())
}

/// The host's end of a veth pair, or its bridge.
fn named_link(options: &RunOptions<'static>, bridge: bool) -> &'static CStr {
    let Network::Veth(veth) = &options.network else { return c"" };
    if bridge { veth.bridge.unwrap_or(c"") } else { veth.link }
}

#[inline(never)]
fn append_words(line: &mut Line, words: impl Iterator<Item = &'static CStr>, count: u8) {
    let mut separator = "";
    for word in words.take(count.into()) {
        line.text(separator).operand(word.to_bytes());
        separator = " ";
    }
}
