//! `mounts`: what a process sees mounted, and how two of them differ.

use super::sheet::Sheet;
use super::{Memory, Said, See, said};
use crate::facts::mount_table::{MountMemory, for_each_mount};
use crate::facts::processes::Process;
use crate::input::mount_info::{Field, MountRow};
use crate::sys::memory::List;
use crate::text::order::sort;
use crate::text::packed::{Packed, packed};
use crate::text::parts::{halves, parts};

/// The first is told of a difference alone.
const COLUMNS: Packed = packed!(
    "TARGET target\nSOURCE -\nFSTYPE fstype\n- source\n- subdir\n- flags\n- options\n- idmapped\nPROPAGATION propagation\nOPTIONS -\n- id\n- parent\n- device"
);
const DIFFERENCES: Packed = packed!(
    "CHANGE change\nTARGET target\nSOURCE -\nFSTYPE fstype\n- source\n- subdir\n- flags\n- options\n- idmapped\nPROPAGATION propagation\nOPTIONS -\n- id\n- parent\n- device"
);
/// Which of the latter say whether two are the same.
const FIRST_COMPARED: usize = 1;
const LAST_COMPARED: usize = 8;

#[inline(never)]
pub fn tell(see: &See, memory: &mut Memory) -> Result<(), Said> {
    let target = see.first_target()?;
    let process = target.as_ref().map_or(&*see.own, |target| &target.process);
    let Memory { sheet, mounts, .. } = memory;
    let Some(word) = see.options.other else {
        sheet.begin(COLUMNS);
        add_all(see, process, b"", sheet, mounts)?;
        sheet.print();
        return Ok(());
    };
    let other = see.target(word)?;
    sheet.begin(DIFFERENCES);
    add_all(see, process, b"-", sheet, mounts)?;
    let count = sheet.rows();
    add_all(see, &other.process, b"+", sheet, mounts)?;
    choose_differences(sheet, count, &mut memory.order);
    if memory.sheet.chosen.items().is_empty() {
        // Nothing chosen would mean all.
        memory.sheet.begin(DIFFERENCES);
    }
    memory.sheet.print();
    Ok(())
}

#[inline(never)]
fn add_all(
    see: &See,
    process: &Process,
    change: &[u8],
    sheet: &mut Sheet,
    memory: &mut MountMemory,
) -> Result<(), Said> {
    let add = &mut |mount: MountRow<'_>| add_mount(mount, change, sheet);
    for_each_mount(process, see.options.mount_info, memory, add).map_err(said)
}

#[inline(never)]
fn add_mount(mount: MountRow<'_>, change: &[u8], sheet: &mut Sheet) {
    if change.is_empty() {
        sheet.nodes.push([mount.id, mount.parent]);
    } else {
        sheet.text(change);
    }
    let texts = |field| mount.text(field);
    sheet.text(texts(Field::Target));
    sheet.open();
    sheet.add(texts(Field::Source));
    let root = texts(Field::Root);
    if root != b"/" {
        sheet.add(b"[");
        sheet.add(root);
        sheet.add(b"]");
    }
    sheet.close();
    for field in [Field::Kind, Field::Source, Field::Root, Field::Flags, Field::Options] {
        sheet.text(texts(field));
    }
    let flags = texts(Field::Flags);
    sheet.flag(parts(flags, b',').any(|flag| flag == b"idmapped").into());
    let propagation = texts(Field::Propagation);
    sheet.text(if propagation.is_empty() { b"private" } else { propagation });
    // As mount(8) has them: read-only when one of both says so.
    let (access, flags) = halves(flags, b',');
    let (other, options) = halves(texts(Field::Options), b',');
    sheet.open();
    sheet.add(if access == b"ro" { access } else { other });
    for list in [flags, options] {
        if !list.is_empty() {
            sheet.add(b",");
            sheet.add(list);
        }
    }
    sheet.close();
    sheet.number(mount.id);
    sheet.number(mount.parent);
    sheet.text(texts(Field::Device));
}

/// Chooses the rows that have no equal on the other side; the first `count` are the one side.
#[inline(never)]
fn choose_differences(sheet: &mut Sheet, count: usize, order: &mut List<usize>) {
    for row in 0..sheet.rows() {
        order.push(row);
    }
    let mut chosen = core::mem::take(&mut sheet.chosen);
    let cells = |row: usize| sheet.cells(row, FIRST_COMPARED, LAST_COMPARED);
    sort(order.items_mut(), &|one, other| (cells(one), one) < (cells(other), other));
    let mut rest = order.items();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|row| cells(**row) == cells(*first)).count();
        let (same, behind) = rest.split_at_checked(same).unwrap_or_default();
        rest = behind;
        // Those of the one side come first: as many as there are on the other have an equal.
        let ours = same.iter().filter(|row| **row < count).count();
        let both = ours.min(same.len() - ours);
        for (nth, row) in same.iter().enumerate() {
            if (if nth < ours { nth } else { nth - ours }) >= both {
                chosen.push(*row);
            }
        }
    }
    sheet.chosen = chosen;
}
