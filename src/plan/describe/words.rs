//! What the letters of a row stand for.

use core::ffi::CStr;

use crate::facts::target::Target;
use crate::input::capability::CapabilitySet;
use crate::input::id_map::IdRange;
use crate::input::landlock::FileRule;
use crate::input::limits::{Limit, UNLIMITED};
use crate::input::mount_options::{Access, Attributes, Parameter, Propagation, Tmpfs};
use crate::input::namespaces::{Join, Namespaces, Owner};
use crate::plan::cgroups::Cgroup;
use crate::plan::device_rules::{ANY, DeviceRule};
use crate::plan::step::{Filesystem, Kind, MissingPath, Place, Step, TreeCopy};
use crate::plan::user_namespace::{Maps, Writer};
use crate::text::line::Line;
use crate::text::path::next_end;

/// Names of namespaces, as unshare(1) has them.
const NAMESPACES: [(Namespaces, &str); 8] = [
    (Namespaces::TIME, "time"),
    (Namespaces::USER, "user"),
    (Namespaces::MOUNT, "mount"),
    (Namespaces::PID, "pid"),
    (Namespaces::UTS, "uts"),
    (Namespaces::IPC, "ipc"),
    (Namespaces::NETWORK, "net"),
    (Namespaces::CGROUP, "cgroup"),
];

/// `$s` names of namespaces, `$S` the options of unshare and nsenter for them.
#[inline(never)]
pub fn append_namespaces(letter: u8, set: Namespaces, line: &mut Line) {
    let before = if letter == b's' { " " } else { " --" };
    for (_, name) in NAMESPACES.iter().filter(|(kind, _)| set.has(*kind)) {
        line.text(before).text(name);
    }
}

/// `$z`, `$s`, `$S` the namespaces, `$C` and `$O` its cgroup and the call for it.
#[inline(never)]
pub fn append_of_start(letter: u8, set: Namespaces, cgroup: Option<&Cgroup<'_>>, line: &mut Line) {
    match (letter, cgroup) {
        (b'z', _) if set == Namespaces::NONE => drop(line.text("a process")),
        (b'z', _) => drop(line.text("the container in new namespaces:")),
        (b'O', cgroup) => drop(line.text(if cgroup.is_some() { " openat " } else { " " })),
        (b'C', Some(cgroup)) => drop(line.text(", in ").shell_word(cgroup.path.to_bytes())),
        (b'C', None) => {}
        _ => append_namespaces(letter, set, line),
    }
}

/// `$s`, `$S` as above, `$j` the calls that find whose they are.
#[inline(never)]
pub fn append_of_join(letter: u8, join: &Join<'_>, kinds: Namespaces, line: &mut Line) {
    match (letter, join.owner) {
        (b'j', Owner::File(_)) => drop(line.text("openat ")),
        (b'j', _) => drop(line.text("openat openat fcntl pread64 pidfd_open ")),
        _ => append_namespaces(letter, kinds, line),
    }
}

/// How many more descriptors stay open.
#[inline(never)]
pub fn append_preserved(count: u8, line: &mut Line) {
    if count == 0 {
        return;
    }
    line.text(", ").number(count.into()).text(" more");
}

/// Group ids, each with a blank.
#[inline(never)]
pub fn append_groups(groups: &[u32], line: &mut Line) {
    for group in groups {
        line.text(" ").number(u64::from(*group));
    }
}

/// `$s`, `$S` as above, `$j` and `$D` the calls that it needs.
#[inline(never)]
pub fn append_of_entered(letter: u8, target: &Target<'_>, line: &mut Line) {
    match letter {
        b'j' => {
            let of_process = target.kinds != Namespaces::NONE;
            for _ in 0..target.files.len() + usize::from(of_process) {
                line.text(" setns");
            }
        }
        b'D' => {
            if target.root.is_some() {
                line.text(" fchdir chroot");
            }
            if target.directory.is_some() {
                line.text(" fchdir");
            }
        }
        _ => append_namespaces(letter, target.kinds, line),
    }
}

const ATTRIBUTES: [(Attributes, &str); 4] = [
    (Attributes::READ_ONLY, ",ro"),
    (Attributes::NO_SUID, ",nosuid"),
    (Attributes::NO_DEV, ",nodev"),
    (Attributes::NO_EXEC, ",noexec"),
];

/// Attributes of a mount, each with a comma.
pub fn append_attributes(attributes: Attributes, line: &mut Line) {
    for (_, name) in ATTRIBUTES.iter().filter(|(attribute, _)| attributes.has(*attribute)) {
        line.text(name);
    }
}

/// Propagation and attributes of a copy of mounts.
#[inline(never)]
pub fn append_of_tree(copy: &TreeCopy<'_>, line: &mut Line) {
    line.text(copy.propagation.map_or("shared", Propagation::name));
    append_attributes(copy.attributes, line);
}

/// Where something is attached, as seen from inside.
#[inline(never)]
pub fn append_target(place: Place, target: &CStr, line: &mut Line) {
    if place == Place::Dev {
        line.text("/dev/");
    } else if !target.to_bytes().starts_with(b"/") {
        line.text("/");
    }
    line.shell_word(target.to_bytes());
}

/// `$t` the same, `$O` the call that it may need.
#[inline(never)]
pub fn append_of_attached(letter: u8, place: Place, target: &CStr, line: &mut Line) {
    if letter == b't' {
        append_target(place, target, line);
    } else if place == Place::Root {
        line.text("openat2 ");
    }
}

/// `$f` its name, `$t` its target, `$o` its options, `$C` and `$O` the calls that it may need.
#[inline(never)]
pub fn append_of_filesystem(letter: u8, filesystem: &Filesystem<'_>, line: &mut Line) {
    match letter {
        b'f' => drop(line.raw(filesystem.name.to_bytes())),
        b't' => append_target(filesystem.place, filesystem.target, line),
        b'O' if filesystem.place == Place::Root => drop(line.text(" openat2")),
        b'C' => {
            for _ in 0..=filesystem.parameters.len() {
                line.text(" fsconfig");
            }
        }
        b'o' => {
            let read_only = filesystem.attributes.has(Attributes::READ_ONLY);
            line.text(if read_only { "ro" } else { "rw" });
            append_attributes(filesystem.attributes.without(Attributes::READ_ONLY), line);
            for parameter in filesystem.parameters {
                line.text(",").raw(parameter.key.to_bytes()).text("=");
                line.raw(parameter.value.to_bytes());
            }
        }
        _ => {}
    }
}

/// The same for a root in memory, or what is written to a root.
#[inline(never)]
pub fn append_of_root(letter: u8, parameters: &[Parameter<'_>], line: &mut Line) {
    append_of_filesystem(letter, &Filesystem::of_root(parameters), line);
}

/// The same for what the user named.
#[inline(never)]
pub fn append_of_tmpfs(letter: u8, tmpfs: &Tmpfs<'_>, line: &mut Line) {
    append_of_filesystem(letter, &Filesystem::of_tmpfs(tmpfs), line);
}

/// `$t` its target, `$m` how it is made, `$C` two calls for each part that is missing.
#[inline(never)]
pub fn append_of_path(letter: u8, missing: &MissingPath<'_>, line: &mut Line) {
    let path = missing.target.to_bytes();
    let file = missing.kind == Kind::File;
    match letter {
        b't' => drop(line.shell_word(path)),
        b'm' => drop(line.text(if file { "touch" } else { "mkdir -p" })),
        _ => {
            let mut start = missing.existing;
            while let Some(end) = next_end(path, start) {
                let last = next_end(path, end).is_none();
                line.text(" openat2 ").text(if last && file { "mknodat" } else { "mkdirat" });
                start = end;
            }
        }
    }
}

/// Ranges as options and files have them: numbers of one with `between`, each after `before`.
pub fn append_map(before: &str, between: &[u8], map: &[IdRange], line: &mut Line) {
    for range in map {
        line.text(before).number(range.inner.into()).raw(between).number(range.outer.into());
        line.raw(between).number(range.size.into());
    }
}

/// `$l` the paths, `$L` the calls.
#[inline(never)]
pub fn append_landlock(letter: u8, rules: &[FileRule<'_>], line: &mut Line) {
    const CREATE: &str = "landlock_create_ruleset";
    if letter == b'L' {
        line.text(CREATE).text(" ").text(CREATE);
    }
    for rule in rules {
        if letter == b'L' {
            line.text(" openat fstat landlock_add_rule");
        } else {
            line.text(if rule.write { " rw:" } else { " ro:" }).shell_word(rule.path.to_bytes());
        }
    }
    if letter == b'L' {
        line.text(" landlock_restrict_self");
    }
}

/// `NAME=SOFT:HARD`
#[inline(never)]
pub fn append_limit(limit: &Limit, line: &mut Line) {
    line.raw(limit.name());
    for (before, number) in [("=", limit.soft), (":", limit.hard)] {
        line.text(before);
        if number == UNLIMITED {
            line.text("unlimited");
        } else {
            line.number(number);
        }
    }
}

/// A call of prctl for each of these capabilities.
#[inline(never)]
pub fn append_calls(set: CapabilitySet, line: &mut Line) {
    let mut left = set.0;
    while left != 0 {
        line.text(" prctl");
        // Without the lowest bit.
        left &= left - 1;
    }
}

/// Names of capabilities.
#[inline(never)]
pub fn append_capabilities(set: CapabilitySet, line: &mut Line) {
    if set == CapabilitySet::ALL {
        line.text(" all");
    } else if set == CapabilitySet::NONE {
        line.text(" none");
    } else {
        for name in set.names() {
            line.text(" ").packed(name);
        }
    }
}

/// `$c` what v2 hands on to it, `$x` a value, `$n` how many rules, `$C` the calls that it takes.
#[inline(never)]
pub fn append_of_cgroups(letter: u8, step: &Step<'_>, line: &mut Line) {
    match (letter, step) {
        (b'c', Step::MakeCgroup(cgroup)) => {
            let mut before = " with ";
            for controller in cgroup.handed_on() {
                line.text(before).raw(controller.name());
                before = ",";
            }
        }
        (_, Step::MakeCgroup(cgroup)) => append_calls_of_cgroup(cgroup, line),
        (_, Step::SetLimit(setting)) => drop(line.shell_word(setting.value.to_bytes())),
        (b'n', Step::RestrictDevices(devices)) => drop(line.number(devices.rules.len() as u64)),
        (_, Step::RestrictDevices(devices)) if devices.program.is_some() => {
            line.text("openat bpf bpf");
        }
        (_, Step::RestrictDevices(devices)) => {
            line.text("openat write");
            for _ in &devices.rules {
                line.text(" openat write");
            }
        }
        _ => {}
    }
}

/// The calls of each level of its path.
#[inline(never)]
fn append_calls_of_cgroup(cgroup: &Cgroup<'_>, line: &mut Line) {
    let hands_on = cgroup.handed_on().next().is_some();
    let mut end = usize::from(cgroup.start);
    let mut blank = "";
    while let Some(next) = next_end(cgroup.path.to_bytes(), end) {
        line.text(blank).text(if hands_on { "openat write mkdirat" } else { "mkdirat" });
        if next < cgroup.path.count_bytes() {
            line.text(" (setxattr)");
        }
        if cgroup.has_empty_sets() {
            for _ in 0..2 {
                line.text(" openat read (openat read openat write)");
            }
        }
        (end, blank) = (next, " ");
    }
}

/// A rule as cgroup v1 has it, `c 136:* rwm`. Source: cgroup-v1/devices, "User Interface".
pub fn append_device(rule: &DeviceRule, line: &mut Line) {
    line.text(if rule.block { "b" } else { "c" });
    for (before, number) in [(" ", rule.major), (":", rule.minor)] {
        line.text(before);
        if number == ANY {
            line.text("*");
        } else {
            line.number(number.into());
        }
    }
    line.text(" ");
    for (access, letter) in Access::LETTERS {
        if rule.access.has(access) {
            line.raw(&[letter]);
        }
    }
}

/// `$u` users, `$g` groups, `$M` the calls.
#[inline(never)]
pub fn append_of_maps(letter: u8, maps: &Maps, line: &mut Line) {
    match letter {
        b'u' => append_map(" ", b":", &maps.uids, line),
        b'g' => append_map(" ", b":", &maps.gids, line),
        _ => drop(line.text(match maps.by {
            Writer::Root => "openat write openat write",
            Writer::User => "openat write openat write openat write",
            Writer::Helpers => "clone wait4 clone wait4",
        })),
    }
}
