//! `ps`: containers, and the processes of one.

use super::sheet::Sheet;
use super::{Memory, Said, See, Target, add_command, command_of, is_rootlets, read_status, said};
use crate::facts::process_table::{Totals, Wanted};
use crate::facts::processes::Process;
use crate::facts::usage::{Cgroups, NONE, UNKNOWN, VALUES, Value};
use crate::input::process_status::TICKS;
use crate::run::record_list::{Container, for_each_container};
use crate::sys::clock::{boot_s, real_s};
use crate::sys::memory::List;
use crate::text::packed::{Packed, packed};

const CONTAINERS: Packed = packed!(
    "NAME name\nPID pid\nSTATUS status\nAGE -\n- age_s\nMEMORY memory\nCPU -\n- cpu_ms\nPIDS pids\nCOMMAND command"
);
const PROCESSES: Packed = packed!(
    "PID pid\nINNER inner_pid\nUID uid\nS state\nMEMORY memory\nCPU -\n- cpu_ms\nCOMMAND command"
);

#[inline(never)]
pub fn tell(see: &See, memory: &mut Memory) -> Result<(), Said> {
    match see.first_target()? {
        Some(target) => processes_of(&target, memory),
        None => containers(see, memory),
    }
}

/// All containers of the caller.
#[inline(never)]
fn containers(see: &See, memory: &mut Memory) -> Result<(), Said> {
    let Memory { sheet, firsts, table, text, other, .. } = memory;
    sheet.begin(CONTAINERS);
    if let Some(list) = &*see.list {
        // Twice through the records: the processes of all are summed up at once.
        for_each_container(list, &mut |container| firsts.push(pid_of(&container)));
        table.read(Wanted::Usage).map_err(said)?;
        table.assign(firsts.items());
        for_each_container(list, &mut |container| {
            if see.options.all || container.runner > 0 {
                let pid = pid_of(&container);
                let number = firsts.items().iter().position(|first| *first == pid && pid > 0);
                let totals = number.map(|number| table.totals(number + 1)).unwrap_or_default();
                add_container(sheet, &container, totals, text, other);
            }
        });
    }
    sheet.print();
    Ok(())
}

fn pid_of(container: &Container<'_>) -> i32 {
    container.first.as_ref().map_or(0, |process| process.pid)
}

#[inline(never)]
fn add_container(
    sheet: &mut Sheet,
    container: &Container<'_>,
    totals: Totals,
    text: &mut List<u8>,
    other: &mut List<u8>,
) {
    sheet.text(container.name.to_bytes());
    let Some(first) = &container.first else {
        sheet.none();
        add_status(sheet, container, container.is_started, false);
        let age =
            if container.runner == 0 { real_s().saturating_sub(container.changed_s) } else { NONE };
        add_age(sheet, age);
        for _ in 0..5 {
            sheet.none();
        }
        return;
    };
    sheet.number(first.pid as u64);
    let values = values_of(first.pid, container.runner, totals, text, other);
    // The record says that CMD runs only where that matters at the end.
    let command = command_of(first, container.runner);
    let runs = container.is_started
        || command.is_some()
        || is_rootlets(first, container.runner) == Some(false);
    add_status(sheet, container, runs, value_of(&values, Value::Frozen) == 1);
    let stat = first.stat(&mut [0; 1280]).map(|stat| stat.start_ticks / TICKS);
    add_age(sheet, stat.map_or(UNKNOWN, |started| boot_s().saturating_sub(started)));
    sheet.size(value_of(&values, Value::Memory));
    add_time(sheet, value_of(&values, Value::Processors));
    sheet.number(value_of(&values, Value::Pids));
    add_command(command.as_ref().unwrap_or(first), sheet, text);
}

pub fn value_of(values: &[u64; VALUES], value: Value) -> u64 {
    values.get(value as usize).copied().unwrap_or(UNKNOWN)
}

/// What a container uses: where it has no cgroup of its own that says it, the sum of its processes.
#[inline(never)]
pub fn values_of(
    pid: i32,
    runner: i32,
    totals: Totals,
    text: &mut List<u8>,
    other: &mut List<u8>,
) -> [u64; VALUES] {
    let above = Cgroups::of(runner, other);
    let mut values = Cgroups::of(pid, text).values(above);
    let cpu_us = totals.ticks * (1_000_000 / TICKS);
    for (value, sum) in
        [(Value::Memory, totals.memory), (Value::Processors, cpu_us), (Value::Pids, totals.pids)]
    {
        if let Some(place) = values.get_mut(value as usize).filter(|place| **place == NONE) {
            // It has come between two looks: nobody has been counted.
            *place = if totals.pids == 0 { UNKNOWN } else { sum };
        }
    }
    values
}

/// A cell: what the container does, or how it has ended.
#[inline(never)]
fn add_status(sheet: &mut Sheet, container: &Container<'_>, runs: bool, is_frozen: bool) {
    match (container.runner, container.status) {
        (1.., _) if is_frozen => sheet.text(b"paused"),
        (1.., _) if runs => sheet.text(b"running"),
        (1.., _) => sheet.text(b"created"),
        (_, Some(status)) => {
            sheet.open();
            sheet.add(b"exited(");
            sheet.add_number(status.into());
            sheet.add(b")");
            sheet.close();
        }
        // Its runner was killed, and nobody has cleaned up yet.
        (_, None) => sheet.text(b"dead"),
    }
}

/// Two cells: words for the table, seconds for JSON.
#[inline(never)]
fn add_age(sheet: &mut Sheet, seconds: u64) {
    let (number, letter) = match seconds {
        0..120 => (seconds, b"s"),
        120..7200 => (seconds / 60, b"m"),
        7200..172_800 => (seconds / 3600, b"h"),
        _ => (seconds / 86_400, b"d"),
    };
    if seconds >= NONE {
        sheet.number(seconds);
    } else {
        sheet.open();
        sheet.add_number(number);
        sheet.add(letter);
        sheet.close();
    }
    sheet.number(seconds);
}

/// Two cells: seconds for the table, milliseconds for JSON.
#[inline(never)]
fn add_time(sheet: &mut Sheet, microseconds: u64) {
    if microseconds >= NONE {
        sheet.number(microseconds);
        return sheet.number(microseconds);
    }
    sheet.hundredths(microseconds / 10_000);
    sheet.number(microseconds / 1000);
}

/// All processes that belong to one.
#[inline(never)]
fn processes_of(target: &Target, memory: &mut Memory) -> Result<(), Said> {
    /// The numbers that a process has in the pid namespaces from ours down to its own.
    const NUMBERS: &[u8] = b"NSpid";
    let Memory { sheet, table, text, .. } = memory;
    table.read(Wanted::Usage).map_err(said)?;
    table.assign(&[target.process.pid]);
    sheet.begin(PROCESSES);
    let status = read_status(&target.process, text);
    let level = status.map_or(0, |status| status.count(NUMBERS)).saturating_sub(1);
    for row in table.rows().iter().filter(|row| row.container == 1) {
        let Ok(process) = Process::open(row.pid) else { continue };
        let Some(state) = process.stat(&mut [0; 1280]).map(|stat| stat.state) else { continue };
        let status = read_status(&process, text);
        let ask =
            |name, index| status.and_then(|status| status.nth(name, index)).unwrap_or(UNKNOWN);
        sheet.number(row.pid as u64);
        sheet.number(ask(NUMBERS, level));
        sheet.number(ask(b"Uid", 1));
        sheet.text(&[state]);
        sheet.size(row.memory);
        add_time(sheet, row.ticks * (1_000_000 / TICKS));
        add_command(&process, sheet, text);
    }
    sheet.print();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_before_the_clock_was_set_back_has_no_age() {
        let mut sheet = Sheet::new();
        sheet.begin(CONTAINERS);
        let container = Container {
            name: c"web",
            runner: 0,
            first: None,
            is_started: true,
            status: Some(7),
            changed_s: real_s() + 1000,
        };
        let (mut text, mut other) = (List::new(), List::new());
        add_container(&mut sheet, &container, Totals::default(), &mut text, &mut other);
        assert_eq!(sheet.cells(0, 0, 4), b"web\0-\0exited(7)\x000s\x000");
    }
}
