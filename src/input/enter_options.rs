//! The command lines of `rootlet exec` and nsenter.

use core::ffi::CStr;

use heapless::Vec;

use super::arguments::{Arguments, Found, Manual};
use super::capability::CapabilitySet;
use super::enter_manuals::{EXEC, EXEC_IDS, Id, NSENTER, NSENTER_IDS};
use super::namespaces::{FILES, KINDS, Namespaces, kind_of};
use super::refusal::{Reason, Refusal, Subject};
use super::run_options::{CapabilityChanges, RunOptions, RunRequest, apply};
use crate::text::arena::Arena;
use crate::text::number::{parse_id, parse_u64};
use crate::text::packed::{Packed, packed};
use crate::text::parts::{line_of, parts};

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Style {
    /// `run`: nothing is entered.
    Run,
    /// `exec`: with no more rights than the container's.
    Exec,
    /// util-linux's nsenter: with those of the caller.
    Nsenter,
}

impl Style {
    /// How lines name the command.
    #[must_use]
    pub fn name(self) -> Packed {
        packed!("run\nexec\nnsenter").line(self as usize)
    }

    /// The status of our own failures: docker's, or nsenter(1)'s.
    #[must_use]
    pub const fn own_failure(self) -> i32 {
        if matches!(self, Self::Nsenter) { 1 } else { 125 }
    }

    /// What `--help` prints.
    #[must_use]
    pub const fn manual(self) -> Manual {
        if matches!(self, Self::Nsenter) { NSENTER } else { EXEC }
    }
}

/// A directory as CMD finds it: its root, or where it is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Place<'a> {
    /// As entering leaves it.
    AsIs,
    /// That of the process.
    Target,
    /// One of the host's.
    Host(&'a CStr),
}

/// What is entered.
pub struct EnterOptions<'a> {
    /// Which command.
    pub style: Style,
    /// The container's name, or a pid; empty for none.
    pub target: &'a CStr,
    /// Kinds of namespaces of the target.
    pub kinds: Namespaces,
    /// Only those that are not ours.
    pub others_only: bool,
    /// Namespaces by a file.
    pub files: Vec<(Namespaces, &'a CStr), KINDS>,
    /// What becomes `/`.
    pub root: Place<'a>,
    /// The working directory.
    pub directory: Place<'a>,
    /// A directory of the host that becomes `/`, with the container's below it; empty for none.
    pub tools: &'a CStr,
    /// Whether CMD goes into the cgroups of the target.
    pub cgroups: bool,
    /// `--cap-drop`
    pub dropped: CapabilitySet,
    /// The user and the group of nsenter.
    pub ids: (Option<u32>, Option<u32>),
    /// Entering a user namespace does not change who CMD is.
    pub preserve: bool,
    /// CMD is not made a process of the pid namespace.
    pub no_fork: bool,
}

/// `--tools rootlet`
pub const OWN_TOOLS: &CStr = c"rootlet";

impl<'a> EnterOptions<'a> {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            style: Style::Run,
            target: c"",
            kinds: Namespaces::NONE,
            others_only: false,
            files: Vec::new(),
            root: Place::AsIs,
            directory: Place::AsIs,
            tools: c"",
            cgroups: false,
            dropped: CapabilitySet::NONE,
            ids: (None, None),
            preserve: false,
            no_fork: false,
        }
    }

    /// The host's directory for one purpose: 0 the root, 1 the working directory, 2 tools.
    #[must_use]
    pub const fn named_directory(&self, which: u8) -> &'a CStr {
        match (which, self.root, self.directory) {
            (0, Place::Host(path), _) | (1, _, Place::Host(path)) => path,
            (2, _, _) => self.tools,
            _ => c".",
        }
    }

    /// Whether a namespace of this kind is entered by a file.
    #[must_use]
    pub fn has_file(&self, kind: Namespaces) -> bool {
        self.files.iter().any(|file| file.0 == kind)
    }
}

impl Default for EnterOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads the command line of `style` behind its name into `options`; its first string is number `position` of the
/// argument vector.
///
/// # Errors
/// Anything that is wrong with the text.
#[inline(never)]
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    style: Style,
    words: Words,
    position: u32,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
) -> Result<RunRequest<Words>, Refusal> {
    let mut arguments = Arguments::new(words, position);
    let mut changes = CapabilityChanges::NONE;
    let is_exec = style == Style::Exec;
    options.enter.style = style;
    if is_exec {
        options.enter.kinds = Namespaces::EVERY;
        options.enter.others_only = true;
        options.enter.cgroups = true;
        options.enter.root = Place::Target;
    }
    let ids = if is_exec { &EXEC_IDS } else { &NSENTER_IDS };
    while arguments.take(style.manual()).map_err(|reason| arguments.refusal(reason))? {
        let Found { index, value, .. } = arguments.found;
        let applied = match ids.get(index).copied().unwrap_or(Id::Help) {
            Id::Help => return Ok(RunRequest::Help),
            Id::OfRun(id) => apply(id, value, arena, options, &mut changes),
            Id::DirectoryInside => {
                options.workdir = value;
                Ok(())
            }
            id => set(id, value, &mut options.enter),
        };
        applied.map_err(|reason| arguments.refusal(reason))?;
    }
    let refused = Refusal::at(Subject::Command);
    let mut rest = arguments.operands();
    let enter = &mut options.enter;
    if is_exec {
        enter.target = rest.next().ok_or(Reason::NoTarget).map_err(&refused)?;
        let behind = rest.clone();
        if rest.next().is_none_or(|word| word != c"--") {
            rest = behind;
        }
        rest.clone().next().ok_or(Reason::NoProgram).map_err(&refused)?;
        if !enter.tools.is_empty() && enter.root != Place::Target {
            return Err(refused(Reason::ToolsAndRoot));
        }
        options.capabilities_added = changes.added;
        enter.dropped = changes.dropped;
    } else {
        let of_target = enter.kinds != Namespaces::NONE
            || enter.root == Place::Target
            || enter.directory == Place::Target;
        if of_target && enter.target.is_empty() {
            return Err(refused(Reason::NoTargetPid));
        }
    }
    Ok(RunRequest::Run(rest))
}

#[inline(never)]
fn set<'a>(id: Id, value: &'a CStr, enter: &mut EnterOptions<'a>) -> Result<(), Reason> {
    let bytes = value.to_bytes();
    match id {
        Id::Kinds => {
            enter.kinds = Namespaces::NONE;
            for name in parts(bytes, b',') {
                let kinds = kinds_of(name).ok_or(Reason::NoKind)?;
                enter.kinds = enter.kinds.with(kinds, true);
            }
        }
        Id::Root => match line_of(b"ns\nhost", bytes) {
            Some(0) => enter.root = Place::Target,
            Some(_) => enter.root = Place::AsIs,
            None if bytes.starts_with(b"/") => enter.root = Place::Host(value),
            None => return Err(Reason::NoRootChoice),
        },
        Id::Tools if value.is_empty() => return Err(Reason::Empty),
        Id::Tools => enter.tools = value,
        Id::NoCgroup => enter.cgroups = false,
        Id::Target => {
            parse_u64(bytes).filter(|pid| is_pid(*pid)).ok_or(Reason::NoPid)?;
            enter.target = value;
        }
        Id::All => (enter.kinds, enter.others_only) = (Namespaces::EVERY, true),
        Id::Kind(number) => {
            let kind = FILES.get(usize::from(number)).map_or(Namespaces::NONE, |row| row.0);
            if value.is_empty() {
                enter.kinds = enter.kinds.with(kind, true);
            } else {
                enter.files.retain(|file| file.0 != kind);
                // As many places as there are kinds.
                let _ = enter.files.push((kind, value));
            }
        }
        Id::Uid => enter.ids.0 = Some(parse_id(bytes).ok_or(Reason::BadId)?),
        Id::Gid => enter.ids.1 = Some(parse_id(bytes).ok_or(Reason::BadId)?),
        Id::Preserve => enter.preserve = true,
        Id::RootDirectory => enter.root = place_of(value),
        Id::Directory => enter.directory = place_of(value),
        _ => enter.no_fork = true,
    }
    Ok(())
}

const fn place_of(value: &CStr) -> Place<'_> {
    if value.is_empty() { Place::Target } else { Place::Host(value) }
}

/// Whether a number can be a process's. Source: `PID_MAX_LIMIT`, linux/threads.h.
#[must_use]
pub const fn is_pid(number: u64) -> bool {
    number > 0 && number <= 1 << 22
}

/// The kind of this name, or all.
fn kinds_of(name: &[u8]) -> Option<Namespaces> {
    match kind_of(name) {
        Some(kind) => FILES.get(kind).map(|row| row.0),
        None => (name == b"all").then_some(Namespaces::EVERY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(
        style: Style,
        words: &'static [&'static CStr],
    ) -> Result<(RunOptions<'static>, std::vec::Vec<&'static CStr>), Refusal> {
        let mut options = RunOptions::new(Box::leak(Box::default()));
        let mut arena = Arena::new(Box::leak(Box::new([0; 4096])));
        let request = parse(style, words.iter().copied(), 0, &mut arena, &mut options)?;
        let RunRequest::Run(rest) = request else { panic!("help") };
        Ok((options, rest.collect()))
    }

    #[test]
    fn exec_takes_a_target_and_a_command() {
        let words = &[c"-it", c"-u", c"web", c"--ns", c"net,pid", c"box", c"--", c"ls", c"-l"];
        let (options, rest) = parsed(Style::Exec, words).unwrap();
        assert_eq!((options.enter.target, rest.as_slice()), (c"box", &[c"ls", c"-l"][..]));
        assert!(options.terminal && options.user == Some(c"web"));
        let both = Namespaces::NETWORK.with(Namespaces::PID, true);
        assert_eq!(options.enter.kinds, both);
        let (options, rest) = parsed(Style::Exec, &[c"7", c"sh", c"--"]).unwrap();
        assert_eq!((options.enter.target, rest.as_slice()), (c"7", &[c"sh", c"--"][..]));
        assert_eq!(options.enter.kinds, Namespaces::EVERY);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (style, words, reason) in [
            (Style::Exec, &[] as &[&CStr], Reason::NoTarget),
            (Style::Exec, &[c"box"], Reason::NoProgram),
            (Style::Exec, &[c"box", c"--"], Reason::NoProgram),
            (Style::Exec, &[c"--ns", c"mount", c"box", c"sh"], Reason::NoKind),
            (Style::Exec, &[c"--ns", c"", c"box", c"sh"], Reason::NoKind),
            (Style::Exec, &[c"--root", c"x", c"box", c"sh"], Reason::NoRootChoice),
            (Style::Exec, &[c"--tools", c"", c"box", c"sh"], Reason::Empty),
            (
                Style::Exec,
                &[c"--tools", c"/x", c"--root", c"host", c"box", c"sh"],
                Reason::ToolsAndRoot,
            ),
            (Style::Exec, &[c"--rootfs", c"x", c"box", c"sh"], Reason::UnknownOption),
            (Style::Nsenter, &[c"-m"], Reason::NoTargetPid),
            (Style::Nsenter, &[c"-r"], Reason::NoTargetPid),
            (Style::Nsenter, &[c"-t", c"box"], Reason::NoPid),
            (Style::Nsenter, &[c"-t", c"0"], Reason::NoPid),
            (Style::Nsenter, &[c"-S", c"x"], Reason::BadId),
        ] {
            let refusal = parsed(style, words).err().unwrap();
            assert_eq!(refusal.cause(), super::super::refusal::Cause::Reason(reason), "{words:?}");
        }
    }

    #[test]
    fn nsenter_takes_kinds_and_files() {
        let words =
            &[c"-t", c"7", c"-m", c"--net=/n", c"-u/u", c"-r", c"--wd=/w", c"-F", c"id", c"-u"];
        let (options, rest) = parsed(Style::Nsenter, words).unwrap();
        let enter = &options.enter;
        assert_eq!(rest, [c"id", c"-u"]);
        assert_eq!(enter.kinds, Namespaces::MOUNT);
        assert_eq!(*enter.files, [(Namespaces::NETWORK, c"/n"), (Namespaces::UTS, c"/u")]);
        assert_eq!((enter.root, enter.directory), (Place::Target, Place::Host(c"/w")));
        assert!(enter.no_fork && !enter.others_only);
    }
}
