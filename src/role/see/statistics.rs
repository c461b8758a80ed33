//! `stats`: what containers use, once or again and again.

use core::ffi::CStr;

use super::processes::{value_of, values_of};
use super::sheet::Sheet;
use super::{Memory, Said, See, said};
use crate::facts::process_table::Wanted;
use crate::facts::usage::{UNKNOWN, VALUES, Value};
use crate::run::record_list::for_each_container;
use crate::sys::clock::monotonic_ms;
use crate::sys::memory::List;
use crate::sys::poll::wait_at_most;
use crate::text::packed::{Packed, packed};
use crate::text::parts::halves;

const COLUMNS: Packed = packed!(
    "NAME name\nPID pid\nCPU% cpu_percent\nMEMORY memory\nLIMIT memory_limit\nPIDS pids\nLIMIT pids_limit\nREAD read\nWRITTEN written\nPSI-CPU pressure_cpu\nPSI-MEM pressure_memory\nPSI-IO pressure_io"
);

/// Between two tables at a terminal.
const PAUSE_MS: u32 = 1000;
/// Between the two looks of a single table, whose CPU% is of that while.
const SHORT_PAUSE_MS: u32 = 250;

/// One that is looked at.
#[derive(Clone, Copy)]
pub struct Watched {
    pid: i32,
    runner: i32,
    /// Microseconds of processors, and when that was.
    cpu_us: u64,
    at_ms: u64,
}

#[inline(never)]
pub fn tell(see: &See, memory: &mut Memory) -> Result<(), Said> {
    let is_live = memory.sheet.width > 0 && !see.options.once;
    look(see, memory)?;
    loop {
        // Nobody wakes us: a signal that is not blocked ends us.
        wait_at_most(&mut [], if is_live { PAUSE_MS } else { SHORT_PAUSE_MS });
        let [watched, before] = &mut memory.watched;
        core::mem::swap(watched, before);
        if is_live && !see.options.json {
            // The cursor to the corner, and everything below it cleared.
            memory.sheet.tell(b"\x1b[H\x1b[J");
        }
        look(see, memory)?;
        memory.sheet.print();
        if !is_live {
            return Ok(());
        }
        memory.end()?;
    }
}

/// Looks at those that were named, or at all containers of the caller, and tells what each uses.
#[inline(never)]
fn look(see: &See, memory: &mut Memory) -> Result<(), Said> {
    let Memory { sheet, watched: [watched, before], firsts, names, table, text, other, .. } =
        memory;
    sheet.begin(COLUMNS);
    watched.truncate(0);
    firsts.truncate(0);
    names.truncate(0);
    let mut add = |name: &CStr, pid: i32, runner: i32| {
        names.extend(name.to_bytes_with_nul());
        watched.push(Watched { pid, runner, cpu_us: 0, at_ms: 0 });
        firsts.push(pid);
    };
    let mut is_named = false;
    for word in see.operands {
        let target = see.target(word)?;
        add(target.name, target.process.pid, target.runner);
        is_named = true;
    }
    if let Some(list) = see.list.as_ref().filter(|_| !is_named) {
        for_each_container(list, &mut |container| {
            if let Some(first) = container.first {
                add(container.name, first.pid, container.runner);
            }
        });
    }
    table.read(Wanted::Usage).map_err(said)?;
    table.assign(firsts.items());
    let mut rest = names.items();
    for (number, one) in (1..).zip(watched.items_mut()) {
        let (name, behind) = halves(rest, 0);
        rest = behind;
        let values = values_of(one.pid, one.runner, table.totals(number), text, other);
        (one.cpu_us, one.at_ms) = (value_of(&values, Value::Processors), monotonic_ms());
        add_row(name, one, before, &values, sheet);
    }
    Ok(())
}

/// Adds the cells of one; `before` is what was seen a pause ago.
#[inline(never)]
fn add_row(
    name: &[u8],
    one: &Watched,
    before: &List<Watched>,
    values: &[u64; VALUES],
    sheet: &mut Sheet,
) {
    const PIDS: usize = Value::Pids as usize;
    const PIDS_LIMIT: usize = Value::PidsLimit as usize;
    const PROCESSORS: usize = Value::Processors as usize;
    const PRESSURE: usize = Value::Pressure as usize;
    sheet.text_or_none(name);
    sheet.number(one.pid as u64);
    // A hundredth of a percent is a ten thousandth: of a millisecond, a tenth of a microsecond.
    let earlier = before.items().iter().find(|earlier| earlier.pid == one.pid);
    let percent = earlier.and_then(|earlier| {
        let used = one.cpu_us.saturating_sub(earlier.cpu_us).saturating_mul(10);
        used.checked_div(one.at_ms.saturating_sub(earlier.at_ms))
    });
    sheet.hundredths(percent.unwrap_or(UNKNOWN));
    for (index, value) in values.iter().enumerate().take(Value::Frozen as usize) {
        match index {
            // That has been told, as a part of the time.
            PROCESSORS => {}
            PIDS | PIDS_LIMIT => sheet.number(*value),
            PRESSURE.. => sheet.hundredths(*value),
            _ => sheet.size(*value),
        }
    }
}
