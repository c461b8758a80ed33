//! `inspect`: all that holds one process, and what does not.

use rustix::fs::{AtFlags, StatxFlags, readlinkat_raw, statx};

use super::processes::{value_of, values_of};
use super::sheet::Sheet;
use super::verdict::{What, add, look_at_mounts, shares};
use super::{Memory, Said, See, Target, add_command, command_of, read_status, refuse, said};
use crate::facts::mount_table::{for_each_mount, read_whole};
use crate::facts::namespaces::{self, KINDS, MOUNT, name};
use crate::facts::process_table::{Totals, Wanted};
use crate::facts::processes::Process;
use crate::facts::usage::{Cgroups, NONE, UNKNOWN, Value};
use crate::input::capability::CapabilitySet;
use crate::input::limits::{self, Limit};
use crate::input::process_rights::{label_of, limit};
use crate::input::process_status::Status;
use crate::input::refusal::Reason;
use crate::run::record_list::for_each_container;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::directory::for_each_number;
use crate::sys::memory::List;
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};
use crate::text::parts::{halves, parts};

const WHOLE: Packed = packed!(
    "- name\n- pid\n- command\n- state\n- uid\n- gid\n- no_new_privs\n- seccomp_filters\n- seccomp\n- lsm\n- uid_map\n- gid_map\n- cap_inheritable\n- cap_permitted\n- cap_effective\n- cap_bounding\n- cap_ambient\n- memory\n- memory_limit\n- pids\n- pids_limit\n- cpu_ms\n- read\n- written"
);
const NAMESPACES: Packed = packed!("TYPE type\nNS ns\nHOST host\nCONTAINERS containers");
const CGROUPS: Packed = packed!("CONTROLLERS controllers\nCGROUP path");
const LIMITS: Packed = packed!("LIMIT name\nSOFT soft\nHARD hard");
const DESCRIPTORS: Packed = packed!("PID pid\nFD fd\nKIND kind\nOUTSIDE path");
const WEAKER: Packed = packed!("WEAKER what");

#[inline(never)]
pub fn tell(see: &See, memory: &mut Memory) -> Result<(), Said> {
    let target = see.first_target()?.ok_or_else(|| refuse(c"inspect", Reason::NeedsTarget))?;
    // Of a container the process that runs CMD: rootlet's own wears the same restrictions.
    let inner = command_of(&target.process, target.runner);
    let process = inner.as_ref().unwrap_or(&target.process);
    let numbers = namespaces::of(process);
    memory.table.read(Wanted::Usage).map_err(said)?;
    memory.table.assign(&[target.process.pid]);
    let totals = memory.table.totals(1);
    add_whole(&target, process, totals, memory);
    begin_section(&mut memory.sheet, NAMESPACES, b"namespaces");
    add_namespaces(see, &target, &numbers, memory);
    memory.sheet.print();
    begin_section(&mut memory.sheet, CGROUPS, b"cgroups");
    add_cgroups(process, &mut memory.sheet, &mut memory.text);
    memory.sheet.print();
    begin_section(&mut memory.sheet, LIMITS, b"limits");
    add_limits(process, &mut memory.sheet, &mut memory.text);
    memory.sheet.print();
    begin_section(&mut memory.sheet, DESCRIPTORS, b"descriptors");
    add_descriptors(memory);
    memory.sheet.print();
    let Memory { sheet, mounts, verdicts, .. } = memory;
    look_at_mounts(see, process, mounts, verdicts)?;
    begin_section(sheet, WEAKER, b"weaker");
    // Whose namespaces are not known may share them all.
    if numbers.iter().any(|number| *number != 0) {
        for verdict in parts(verdicts.items(), 0).filter(|verdict| !verdict.is_empty()) {
            sheet.text(verdict);
        }
    } else {
        sheet.unknown();
    }
    sheet.print();
    if sheet.json {
        sheet.tell(b"}\n");
    }
    Ok(())
}

/// Behind the first sheet: a key, or an empty line.
#[inline(never)]
fn begin_section(sheet: &mut Sheet, columns: Packed, key: &[u8]) {
    sheet.begin(columns);
    if sheet.json {
        sheet.tell(b",\"");
        sheet.tell(key);
        sheet.tell(b"\":");
    } else {
        sheet.tell(b"\n");
    }
}

#[inline(never)]
fn add_whole(target: &Target, process: &Process, totals: Totals, memory: &mut Memory) {
    let Memory { sheet, text, other, verdicts, .. } = memory;
    sheet.begin(WHOLE);
    sheet.text_or_none(target.name.to_bytes());
    sheet.number(process.pid as u64);
    add_command(process, sheet, text);
    let status = read_status(process, text).unwrap_or(Status(b""));
    add_status(status, sheet, verdicts);
    add_label(process, sheet);
    for file in [c"uid_map", c"gid_map"] {
        let Ok(map) = read_whole(process, file, other) else {
            sheet.unknown();
            continue;
        };
        for line in parts(map, b'\n').filter(|line| !line.is_empty()) {
            sheet.open_item();
            let numbers = parts(line, b' ').filter(|number| !number.is_empty());
            for (number, colon) in numbers.zip([b"" as &[u8], b":", b":"]) {
                sheet.add(colon);
                sheet.add(number);
            }
            sheet.close_item();
        }
        sheet.close_list();
    }
    add_capabilities(status, sheet, verdicts);
    let values = values_of(process.pid, target.runner, totals, text, other);
    for value in [Value::Memory, Value::MemoryLimit] {
        sheet.size(value_of(&values, value));
    }
    for value in [Value::Pids, Value::PidsLimit] {
        sheet.number(value_of(&values, value));
    }
    let cpu_us = value_of(&values, Value::Processors);
    sheet.number(if cpu_us < NONE { cpu_us / 1000 } else { cpu_us });
    for value in [Value::Read, Value::Written] {
        sheet.size(value_of(&values, value));
    }
    if sheet.json { sheet.print_members(0) } else { sheet.print_lines(0) }
}

/// From the state to the mode of the filter.
#[inline(never)]
fn add_status(status: Status<'_>, sheet: &mut Sheet, verdicts: &mut List<u8>) {
    let number = |name, index| status.nth(name, index).unwrap_or(UNKNOWN);
    let state = status.field(b"State").and_then(|state| state.get(..1));
    sheet.text_or_none(state.unwrap_or_default());
    // Those that count: the effective ones.
    sheet.number(number(b"Uid", 1));
    sheet.number(number(b"Gid", 1));
    let no_new_privileges = number(b"NoNewPrivs", 0);
    sheet.flag(no_new_privileges);
    sheet.number(number(b"Seccomp_filters", 0));
    let mode = number(b"Seccomp", 0);
    match mode {
        0 => sheet.text(b"disabled"),
        1 => sheet.text(b"strict"),
        2 => sheet.text(b"filter"),
        _ => sheet.unknown(),
    }
    if no_new_privileges == 0 {
        add(verdicts, What::MayGain, &[]);
    }
    if mode == 0 {
        add(verdicts, What::NoFilter, &[]);
    }
}

/// What a security module calls it.
#[inline(never)]
fn add_label(process: &Process, sheet: &mut Sheet) {
    let mut room = [0; 256];
    let label = process.read(c"attr/current", &mut room).unwrap_or_default();
    sheet.text_or_none(label_of(label));
}

#[inline(never)]
fn add_capabilities(status: Status<'_>, sheet: &mut Sheet, verdicts: &mut List<u8>) {
    const ALL: u64 = u64::MAX;
    let usual = CapabilitySet::DEFAULT.0;
    let sets: [(&[u8], u64, What); 5] = [
        (b"CapInh", 0, What::Inherited),
        (b"CapPrm", ALL, What::Bounded),
        (b"CapEff", ALL, What::Bounded),
        (b"CapBnd", usual, What::Bounded),
        (b"CapAmb", 0, What::Ambient),
    ];
    for (field, usual, what) in sets {
        let Some(set) = status.set(field) else {
            sheet.unknown();
            continue;
        };
        let mut names = CapabilitySet(ALL).names();
        for number in 0..64 {
            let mut line = Line::new();
            let name = match names.next() {
                Some(name) => line.packed(name),
                // It has no name here yet.
                None => line.number(number),
            };
            if set >> number & 1 == 1 {
                sheet.item(name.bytes());
                if usual >> number & 1 == 0 {
                    add(verdicts, what, &[name.bytes()]);
                }
            }
        }
        sheet.close_list();
    }
}

/// Namespaces, and with whom each is shared.
#[inline(never)]
fn add_namespaces(see: &See, target: &Target, numbers: &[u64; KINDS], memory: &mut Memory) {
    let Memory { sheet, names, numbers: others, verdicts, .. } = memory;
    // For each other container its name, with a NUL behind it, and its namespaces.
    if let Some(list) = &*see.list {
        for_each_container(list, &mut |container| {
            if let Some(first) = container.first.filter(|_| target.name != container.name) {
                names.extend(container.name.to_bytes_with_nul());
                for number in
                    namespaces::of(command_of(&first, container.runner).as_ref().unwrap_or(&first))
                {
                    others.push(number);
                }
            }
        });
    }
    for (kind, (number, own)) in numbers.iter().zip(&see.namespaces).enumerate() {
        let is_known = *number != 0 && *own != 0;
        sheet.text(name(kind));
        sheet.number(if *number == 0 { UNKNOWN } else { *number });
        sheet.flag(if is_known { (number == own).into() } else { UNKNOWN });
        for (other, name) in
            others.items().as_chunks::<KINDS>().0.iter().zip(parts(names.items(), 0))
        {
            if is_known && other.get(kind) == Some(number) {
                sheet.item(name);
            }
        }
        sheet.close_list();
        if is_known && number == own {
            shares(verdicts, kind);
        }
    }
}

#[inline(never)]
fn add_cgroups(process: &Process, sheet: &mut Sheet, text: &mut List<u8>) {
    let Cgroups(table) = Cgroups::of(process.pid, text);
    for line in parts(table, b'\n').filter(|line| !line.is_empty()) {
        let (controllers, path) = halves(halves(line, b':').1, b':');
        for controller in parts(controllers, b',').filter(|controller| !controller.is_empty()) {
            sheet.item(controller);
        }
        sheet.close_list();
        sheet.text(path);
    }
}

#[inline(never)]
fn add_limits(process: &Process, sheet: &mut Sheet, text: &mut List<u8>) {
    let Ok(text) = read_whole(process, c"limits", text) else { return };
    for kind in 0..limits::KINDS as u8 {
        let Some((soft, hard)) = limit(text, kind) else { return };
        sheet.text(Limit { kind, soft, hard }.name());
        sheet.limit(soft);
        sheet.limit(hard);
    }
}

/// Descriptors of all of its processes that lead to a file on a mount that the process does not see.
#[inline(never)]
fn add_descriptors(memory: &mut Memory) {
    let Memory { sheet, mounts, numbers, table, text, verdicts, .. } = memory;
    let mut seen = 0;
    for row in table.rows().iter().filter(|row| row.container == 1) {
        let Ok(process) = Process::open(row.pid) else { continue };
        let Ok(all) = open(process.directory.as_fd(), c"fd", OpenFlags::READ) else { continue };
        let namespace = namespaces::number_of(&process, MOUNT);
        if seen != namespace {
            numbers.truncate(0);
            let read = for_each_mount(&process, true, mounts, &mut |mount| numbers.push(mount.id));
            if read.is_err() {
                continue;
            }
            seen = namespace;
        }
        for_each_number(&all, &mut |number| {
            add_descriptor(&process, number as u64, numbers.items(), text, sheet, verdicts);
        });
    }
}

#[inline(never)]
fn add_descriptor(
    process: &Process,
    number: u64,
    mounts: &[u64],
    text: &mut List<u8>,
    sheet: &mut Sheet,
    verdicts: &mut List<u8>,
) {
    let mut file = Line::new();
    let mut room = [0; 4096];
    let path = file.text("fd/").number(number).as_path();
    let length = readlinkat_raw(&process.directory, path, &mut room).unwrap_or(0);
    let link = room.get(..length).unwrap_or_default();
    // Pipes, sockets and memory are on no mount that anybody sees.
    if !link.starts_with(b"/") || link.starts_with(b"/memfd:") {
        return;
    }
    // Not asked of the filesystem, which may be one that never answers.
    let status = statx(&process.directory, path, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE);
    let mode = status.map_or(0, |status| status.stx_mode);
    file.clear();
    let path = file.text("fdinfo/").number(number).as_path();
    let Ok(text) = read_whole(process, path, text) else { return };
    let Some(mount) = Status(text).number(b"mnt_id") else { return };
    #[allow(clippy::manual_contains, reason = "contains() is vectorised: 100 bytes more")]
    if mounts.iter().any(|seen| *seen == mount) {
        return;
    }
    // The upper bits of a mode, a line for each value. Source: inode(7).
    const KINDS: &[u8] = b"\n\ncharacter\n\ndirectory\n\nblock\n\nfile";
    let kind = mode >> 12 & 15;
    let word = parts(KINDS, b'\n').skip_to(kind.into());
    sheet.number(process.pid as u64);
    sheet.number(number);
    sheet.text(if word.is_empty() { b"other" } else { word });
    sheet.text(link);
    // A directory or a block device is a way to more than itself.
    if let 4 | 6 = kind {
        let mut pid = Line::new();
        file.clear();
        file.number(number);
        add(
            verdicts,
            What::Reachable,
            &[link, file.bytes(), pid.number(process.pid as u64).bytes()],
        );
    }
}
