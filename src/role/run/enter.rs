//! `rootlet exec` and nsenter: a command where a process is that runs.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::super::base_name;
use super::{
    Memory, PlanMemory, Planned, Variables, execute, explain, fill_environment,
    filter as compiled_filter, fresh, no_facts, resolve_user, say_refusal,
};
use crate::facts::cgroups::is_frozen;
use crate::facts::naming::records;
use crate::facts::run_facts::{self, RunFacts};
use crate::facts::target::{self, File, Held, Target};
use crate::facts::text_file::read_text;
use crate::input::enter_options::{self, Style, is_pid};
use crate::input::kernel_release::KernelRelease;
use crate::input::namespaces::Namespaces;
use crate::input::process_rights::{effective_id, inner_id};
use crate::input::process_status::Status;
use crate::input::record::is_name;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::{Mode, RunOptions, RunRequest};
use crate::input::security_options::FilterChoice;
use crate::input::users::{self, Credentials};
use crate::plan::cgroups::Cgroups;
use crate::plan::container::Program;
use crate::plan::container::enter::{self, Entered, capabilities};
use crate::plan::environment;
use crate::plan::user_namespace::Users;
use crate::report;
use crate::run::descendants::{for_each_child_of, relations};
use crate::run::{link, own_file, record};
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::vectors::{StringTable, Strings, Vectors};
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::number::{parse_id, parse_u64};
use crate::text::parts::parts;

/// Plays the role of a style; `rest` is what stands behind its name, which is string number `position` of the arguments.
pub fn enter(
    style: Style,
    vectors: Vectors,
    rest: Strings<'static>,
    position: u32,
    memory: &'static mut Memory,
) -> i32 {
    let planned = match prepare(style, vectors, rest, position, &mut memory.tables) {
        Ok(planned) => planned,
        Err(status) => return status,
    };
    match planned.options.mode {
        Mode::Explain => explain::explain(&planned),
        Mode::Run | Mode::Trace => execute::execute(&planned, &mut memory.channels),
    }
}

/// From the command line to the plan, or the exit status of help and refusals.
#[inline(never)]
fn prepare(
    style: Style,
    vectors: Vectors,
    rest: Strings<'static>,
    position: u32,
    memory: &'static mut PlanMemory,
) -> Result<Planned, i32> {
    let options = fresh(&mut memory.options, &mut memory.lists);
    let mut arena = Arena::new(&mut memory.arena);
    let facts = no_facts(&mut memory.facts);
    let target = memory.target.write(Target::new());
    let credentials = memory.credentials.write(Credentials::new());
    let program = match enter_options::parse(style, rest, position, &mut arena, options) {
        Ok(RunRequest::Run(program)) => Ok(program),
        Ok(RunRequest::Help) => return Err(report::help(style.manual().0)),
        Err(refusal) => Err(refusal),
    };
    let found = program.and_then(|program| {
        find(options, vectors, &mut arena, facts, target)?;
        settle(options, facts, target, credentials)?;
        Ok(program)
    });
    let options: &'static RunOptions<'static> = options;
    let refused = |refusal| {
        let _ = say_refusal(refusal, options, vectors.arguments);
        style.own_failure()
    };
    let program = found.map_err(refused)?;
    let tables = Tables {
        credentials,
        environment: &mut memory.environment,
        strings: &mut memory.strings,
        shell: &mut memory.shell,
        steps: &mut memory.steps.0,
        entered: memory.entered.write(Entered::new()),
        cgroups: memory.cgroups.write(Cgroups::new()),
        plain: &memory.plain,
        filter: &mut memory.filter,
    };
    plan((options, facts, target), program, vectors, arena, tables).map_err(refused)
}

/// Holds the target, and looks at what is to be known of it and of the machine.
#[inline(never)]
fn find(
    options: &mut RunOptions<'static>,
    vectors: Vectors,
    arena: &mut Arena<'static>,
    facts: &mut RunFacts<'static>,
    target: &mut Target<'static>,
) -> Result<(), Refusal> {
    if options.mode != Mode::Explain {
        own_file::protect(vectors).map_err(Refusal::of_error(Subject::OwnFile))?;
    }
    // What is opened from here on must not become CMD's input or output.
    link::fill_standard_descriptors().map_err(Refusal::of_error(Subject::Machine))?;
    facts.kernel = KernelRelease::parse(rustix::system::uname().release().to_bytes());
    facts.caller.uid = rustix::process::geteuid().as_raw();
    // Inside it is another.
    facts.hostname = c"";
    facts.records = records(vectors.environment, facts.caller.uid, arena)?;
    let mut held = None;
    if !options.enter.target.is_empty() {
        let (found, filter) = hold(options, facts, arena)?;
        held = Some(found);
        if let (FilterChoice::Default, Some(path)) = (options.security.filter, filter) {
            options.security.filter = FilterChoice::File(path);
        }
    }
    target::look(&options.enter, held, arena, target).map_err(of_rights)?;
    if options.enter.style == Style::Exec {
        inherit(options, target);
    }
    let asks_names = options.user.is_some() || uid_of(target) != Some(0);
    if options.enter.style == Style::Exec && asks_names {
        let root = target.root.as_ref();
        let mut read = |path| read_text(root, path, arena).map_err(Refusal::of(Subject::Users));
        facts.passwd = read(c"/etc/passwd")?.unwrap_or_default();
        facts.group = read(c"/etc/group")?.unwrap_or_default();
    }
    run_facts::look_at_program(options, arena, facts)
}

/// Where the kernel does not let the caller hold the target or look at it, the reason is one, whatever the call.
fn of_rights(refusal: Refusal) -> Refusal {
    let is_target = refusal.subject() == Subject::Target;
    if is_target && refusal.is_of(&[Errno::ACCES, Errno::PERM]) {
        Refusal::new(Subject::Target, Reason::NotYours)
    } else {
        refusal
    }
}

/// A container of that name and the file of its filter, or a process of that number.
#[inline(never)]
fn hold(
    options: &RunOptions<'static>,
    facts: &RunFacts<'static>,
    arena: &mut Arena<'static>,
) -> Result<(Held, Option<&'static CStr>), Refusal> {
    let name = options.enter.target;
    let of_target = Refusal::of_error(Subject::Target);
    let is_exec = options.enter.style == Style::Exec && is_name(name.to_bytes());
    let found = match is_exec.then(|| record::find(facts.records, name)) {
        None | Some(Err(CallError { errno: Errno::NOENT | Errno::SRCH, .. })) => None,
        Some(found) => Some(found.map_err(&of_target)?),
    };
    if let Some((pid, runner)) = found {
        let held = hold_container(pid, runner).map_err(&of_target)?;
        let (started, filter) = record::look_up(facts.records, name, arena).map_err(&of_target)?;
        // Before that its first process is still the host's root.
        if started || has_children(pid) || held.is_other_program() {
            return Ok((held, filter));
        }
        return Err(Refusal::new(Subject::Target, Reason::NotStarted));
    }
    let pid = parse_u64(name.to_bytes()).filter(|pid| is_pid(*pid));
    let pid = pid.ok_or(Refusal::new(Subject::Target, Reason::NoProcess))?;
    let held = target::hold(pid as i32).map_err(|error| match error.errno {
        Errno::NOENT | Errno::SRCH => Refusal::new(Subject::Target, Reason::NoProcess),
        _ => of_target(error),
    })?;
    Ok((held, None))
}

/// The record says a moment later that CMD has been executed, but rootlet makes its process last of all.
fn has_children(pid: i32) -> bool {
    let mut has = false;
    for_each_child_of(pid, &mut |_| has = true);
    has
}

/// By its first process, or by one of the children of that: rootlet's own may be looked into by root alone.
fn hold_container(pid: i32, runner: i32) -> Result<Held, CallError> {
    let mut held = hold_child(pid, runner)?;
    if !held.can_be_entered() {
        for_each_child_of(pid, &mut |number| {
            if !held.can_be_entered()
                && let Ok(child) = hold_child(number, pid)
            {
                held = child;
            }
        });
    }
    Ok(held)
}

/// Holds a process, if it is a child of that parent: its number may be another's by now.
fn hold_child(pid: i32, parent: i32) -> Result<Held, CallError> {
    let held = target::hold(pid)?;
    if relations(pid).0 == parent {
        Ok(held)
    } else {
        // With no descriptor left its parent cannot have been read: then that is the error.
        open(CWD, c"/proc/self/stat", OpenFlags::READ).map_err(Call::Openat.failed())?;
        Err(CallError { call: Call::PidfdOpen, errno: Errno::SRCH })
    }
}

/// Takes over how the target is confined, where nothing else is asked for. Its filter cannot be had: it gets ours, or the
/// one that its container was given.
#[inline(never)]
fn inherit(options: &mut RunOptions<'static>, target: &mut Target<'static>) {
    let (security, rights) = (&mut options.security, &target.rights);
    if security.filter == FilterChoice::Default && !rights.filtered {
        security.filter = FilterChoice::Unconfined;
    }
    if !security.names_privileges {
        security.new_privileges = !rights.no_new_privileges;
    }
    target.label = security.apparmor.or(security.selinux).or(target.label);
}

/// Who the target is, in its own user namespace.
fn uid_of(target: &Target<'_>) -> Option<u32> {
    id_inside(target, File::UserMap, effective_id(target.text(File::Status), b"Uid")?)
}

/// What a user or group of ours is in the user namespace of the target, by its map.
fn id_inside(target: &Target<'_>, map: File, id: u32) -> Option<u32> {
    match target.kinds.has(Namespaces::USER) {
        true => inner_id(target.text(map), id),
        false => Some(id),
    }
}

/// Decides on CMD's user and capabilities, and whether it gets a process of ours above it.
#[inline(never)]
fn settle(
    options: &mut RunOptions<'static>,
    facts: &RunFacts<'static>,
    target: &Target<'static>,
    credentials: &mut Credentials<'static>,
) -> Result<(), Refusal> {
    let enter = &options.enter;
    let pids = target.kinds.has(Namespaces::PID) || enter.has_file(Namespaces::PID);
    options.init = pids && !enter.no_fork;
    if enter.style == Style::Nsenter {
        return resolve_user(options, facts, credentials);
    }
    let uid = uid_of(target).ok_or(Refusal::new(Subject::Target, Reason::NotMapped))?;
    if options.user.is_some() {
        resolve_user(options, facts, credentials)?;
    } else {
        take_credentials(uid, facts, target, credentials)?;
    }
    let (set, of_user) =
        capabilities(options, target, credentials.uid == uid, credentials.uid == 0);
    (options.capabilities, options.capabilities_added) = (set, of_user);
    Ok(())
}

/// Those of the target.
#[inline(never)]
fn take_credentials(
    uid: u32,
    facts: &RunFacts<'static>,
    target: &Target<'static>,
    credentials: &mut Credentials<'static>,
) -> Result<(), Refusal> {
    let refused = Refusal::at(Subject::Target);
    let inner = |gid| id_inside(target, File::GroupMap, gid);
    let gid = effective_id(target.text(File::Status), b"Gid").and_then(inner);
    let gid = gid.ok_or(refused(Reason::NotMapped))?;
    let mut text = Line::new();
    text.number(uid.into()).text(":").number(gid.into());
    users::resolve(text.bytes(), facts.passwd, facts.group, credentials).map_err(&refused)?;
    if uid == 0 {
        credentials.home = b"/root";
    }
    credentials.groups.clear();
    let listed = Status(target.text(File::Status)).field(b"Groups").unwrap_or_default();
    for group in parts(listed, b' ').filter_map(parse_id) {
        // One that is not mapped is nobody's inside.
        if let Some(group) = inner(group) {
            credentials.groups.push(group).map_err(|_| refused(Reason::TooManyGroups))?;
        }
    }
    Ok(())
}

/// The tables that a plan fills.
struct Tables {
    credentials: &'static Credentials<'static>,
    environment: &'static mut environment::Environment<'static>,
    strings: &'static mut Variables,
    shell: &'static mut StringTable<'static, 2>,
    steps: &'static mut super::Steps<'static>,
    entered: &'static mut Entered<'static>,
    cgroups: &'static Cgroups<'static>,
    plain: &'static super::Supervision<'static>,
    filter: &'static mut super::filter_file::Tables,
}

/// From what was found to the plan.
#[inline(never)]
fn plan(
    found: (&'static RunOptions<'static>, &'static RunFacts<'static>, &'static Target<'static>),
    program: Strings<'static>,
    vectors: Vectors,
    mut arena: Arena<'static>,
    tables: Tables,
) -> Result<Planned, Refusal> {
    let (options, facts, target) = found;
    let Tables { credentials, entered, cgroups, steps, plain, .. } = tables;
    let is_exec = options.enter.style == Style::Exec;
    let mut environment = vectors.environment;
    let mut filter = None;
    if is_exec {
        let table = tables.environment;
        let caller = vectors.environment;
        let builder = environment::Builder { environment: table, arena: &mut arena, caller };
        fill_environment(builder, options, facts, credentials.home, tables.strings)?;
        let strings: &'static Variables = tables.strings;
        environment = strings.strings();
        filter = compiled_filter(options, facts, tables.filter, &mut arena)?;
        enter::find_cgroups(target, &mut arena, entered)?;
        if entered.iter().any(|cgroup| is_frozen(cgroup.path.to_bytes())) {
            return Err(Refusal::new(Subject::Target, Reason::Paused));
        }
    }
    let mut program = program;
    let mut words = program;
    let name = match words.next() {
        Some(name) => name,
        None => {
            let shell = shell(vectors.environment);
            // As one that somebody logs in to. A path is shorter than the arena.
            let name = arena.join(&[b"-", base_name(shell)]).unwrap_or_default();
            let _ = tables.shell.push(name);
            let strings: &'static StringTable<'static, 2> = tables.shell;
            program = strings.strings();
            shell
        }
    };
    let of_users = target.kinds.has(Namespaces::USER) || options.enter.has_file(Namespaces::USER);
    // Who is not root may be in no position to set groups.
    let users = if of_users || facts.caller.uid != 0 { Users::Joined } else { Users::Host };
    let program_of = Program { name, credentials, filter, users, cgroups };
    let entered: &'static Entered<'static> = entered;
    enter::plan(options, facts, &program_of, target, entered, steps);
    Ok(Planned { options, facts, users, cgroups, steps, environment, program, vectors, plain })
}

/// The shell of the caller.
fn shell(mut caller: Strings<'static>) -> &'static CStr {
    let value = caller.find_map(|variable| {
        let value = variable.to_bytes_with_nul().strip_prefix(b"SHELL=")?;
        CStr::from_bytes_with_nul(value).ok()
    });
    value.filter(|shell| !shell.is_empty()).unwrap_or(c"/bin/sh")
}
