//! `ns`: the namespaces of the machine.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::sheet::Sheet;
use super::{Memory, Said, See, add_command, said};
use crate::facts::mount_table::read_whole;
use crate::facts::namespaces::{
    self, KINDS, PID, Related, USER, mounted, name, number_of_open, open_of, related,
};
use crate::facts::process_table::{Row, Wanted};
use crate::facts::processes::Process;
use crate::facts::usage::NONE;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::memory::List;
use crate::text::escape::take_unescaped;
use crate::text::order::{lower_bound, sort};
use crate::text::packed::{Packed, packed};
use crate::text::parts::parts;

const COLUMNS: Packed = packed!(
    "NS ns\nTYPE type\nPROCS processes\nPID pid\nOWNER owner\nUID owner_uid\n- parent\nWITH with\n- path\nCOMMAND -\n- command"
);

/// The lower bits of a key have the namespace's number, those above its kind.
const KIND_AT: u32 = 56;

/// A namespace.
#[derive(Clone, Copy, Default)]
struct Space {
    /// Its kind and number.
    key: u64,
    /// Where in the sorted list its processes begin, and how many there are.
    start: usize,
    count: usize,
    /// The number of the user namespace that owns it; 0: not known.
    owner: u64,
    /// The number of the one above it; 0: none, or not known.
    parent: u64,
    /// The user who has made it, plus one; 0: not known.
    uid: u64,
    /// Where in the list of paths that of its mount begins and ends.
    path: (usize, usize),
    /// For which namespace it was counted last, from 1 on.
    counted_for: usize,
}

const fn kind_of(key: u64) -> usize {
    (key >> KIND_AT) as usize
}

const fn number_of(key: u64) -> u64 {
    key & !(u64::MAX << KIND_AT)
}

/// The key of a namespace of a list; 0 behind its end.
#[inline(never)]
fn key_in(spaces: &List<Space>, index: usize) -> u64 {
    spaces.items().get(index).map_or(0, |space| space.key)
}

fn key_of(kind: usize, number: u64) -> u64 {
    (kind as u64) << KIND_AT | number
}

/// All that is known.
pub struct Found {
    /// The namespaces of processes, by their keys: each is a row times `KINDS`, and the kind.
    uses: List<usize>,
    /// First those with processes, by their keys.
    spaces: List<Space>,
    /// How many these are.
    sorted: usize,
    /// Paths of mounts, each with a NUL behind it.
    paths: List<u8>,
    /// Which of `spaces`, from 1 on, each use is of.
    space_of: List<usize>,
    /// All of them by their keys.
    order: List<usize>,
}

#[inline(never)]
pub fn tell(see: &See, memory: &mut Memory) -> Result<(), Said> {
    let target = see.first_target()?;
    let only = target.as_ref().map(|target| namespaces::of(&target.process));
    memory.table.read(Wanted::Namespaces).map_err(said)?;
    let Memory { found, table, sheet, text, .. } = memory;
    let rows = table.rows();
    found.gather(rows);
    found.ask_all(rows, only.as_ref());
    if only.is_none() {
        found.add_mounted(read_whole(&see.own, c"mountinfo", text).map_err(said)?);
    }
    sheet.begin(COLUMNS);
    for index in 0..found.spaces.items().len() {
        found.order.push(index);
    }
    let Found { order, spaces, .. } = found;
    let key = |index| key_in(spaces, index);
    sort(order.items_mut(), &|one, other| key(one) < key(other));
    for place in 0..found.order.items().len() {
        let index = found.order.at(place).unwrap_or_default();
        if is_wanted(key_in(&found.spaces, index), only.as_ref()) {
            found.add_row(index, rows, &see.namespaces, sheet, text);
        }
    }
    sheet.print();
    Ok(())
}

impl Found {
    /// Nothing yet, all zero.
    pub const fn new() -> Self {
        Self {
            uses: List::new(),
            spaces: List::new(),
            sorted: 0,
            paths: List::new(),
            space_of: List::new(),
            order: List::new(),
        }
    }

    /// Whether something of it could not be held.
    pub const fn has_failed(&self) -> bool {
        self.uses.has_failed()
            | self.spaces.has_failed()
            | self.paths.has_failed()
            | self.space_of.has_failed()
            | self.order.has_failed()
    }

    /// Finds which namespaces processes are in.
    #[inline(never)]
    fn gather(&mut self, rows: &[Row]) {
        let count = rows.len().saturating_mul(KINDS);
        self.uses.reserve(count);
        self.space_of.reserve(count);
        for number in 0..count {
            self.space_of.push(0);
            if key_at(rows, number) != 0 {
                self.uses.push(number);
            }
        }
        let order = |number| (key_at(rows, number), number);
        sort(self.uses.items_mut(), &|one, other| order(one) < order(other));
        let mut last = 0;
        for (start, number) in self.uses.items().iter().enumerate() {
            let key = key_at(rows, *number);
            if key != last {
                self.spaces.push(Space { key, start, ..Space::default() });
                last = key;
            }
            self.sorted = self.spaces.items().len();
            if let Some(space) = self.spaces.items_mut().last_mut() {
                space.count += 1;
            }
            if let Some(place) = self.space_of.at_mut(*number) {
                *place = self.sorted;
            }
        }
    }

    /// Where a namespace stands among `spaces`; it is added where it is not known yet, and then that is true.
    #[inline(never)]
    fn find(&mut self, key: u64) -> (usize, bool) {
        let spaces = &self.spaces;
        let place = lower_bound(self.sorted, &|index| key_in(spaces, index) < key);
        if place < self.sorted && key_in(spaces, place) == key {
            return (place, false);
        }
        let count = spaces.items().len();
        for index in self.sorted..count {
            if key_in(spaces, index) == key {
                return (index, false);
            }
        }
        self.spaces.push(Space { key, ..Space::default() });
        (count, true)
    }

    /// A process of a namespace; 0: it has no such one.
    #[inline(never)]
    fn process_of(&self, index: usize, rows: &[Row], nth: usize) -> i32 {
        let space = self.spaces.items().get(index).filter(|space| nth < space.count);
        let number = space.and_then(|space| self.uses.at(space.start + nth));
        number.and_then(|number| rows.get(number / KINDS)).map_or(0, |row| row.pid)
    }

    /// Asks each namespace for its owner, its parent and its maker, and makes those known that are new.
    #[inline(never)]
    fn ask_all(&mut self, rows: &[Row], only: Option<&[u64; KINDS]>) {
        for index in 0..self.sorted {
            let key = key_in(&self.spaces, index);
            if !is_wanted(key, only) {
                continue;
            }
            // The first process may have ended meanwhile, or have gone elsewhere.
            for nth in 0.. {
                let pid = self.process_of(index, rows, nth);
                if pid == 0 {
                    break;
                }
                let process = Process::open(pid).ok();
                let file = process.and_then(|process| open_of(&process, kind_of(key)));
                if number_of_open(file.as_ref()) == number_of(key) {
                    self.ask(index, file.as_ref(), only.is_none());
                    break;
                }
            }
        }
    }

    #[inline(never)]
    fn ask(&mut self, index: usize, file: Option<&Descriptor>, with_others: bool) {
        let Some(file) = file else { return };
        let Related { owner, parent, uid } = related(file);
        let Some(space) = self.spaces.at_mut(index) else { return };
        space.owner = number_of_open(owner.as_ref());
        space.parent = number_of_open(parent.as_ref());
        space.uid = uid.map_or(0, |uid| u64::from(uid) + 1);
        let kind = kind_of(space.key);
        if with_others {
            self.add(USER, owner.as_ref());
            self.add(kind, parent.as_ref());
        }
    }

    /// Makes a namespace known that has no process, and those above it: at most 32 of each kind (`MAX_USER_NS_LEVEL`).
    #[inline(never)]
    fn add(&mut self, kind: usize, file: Option<&Descriptor>) {
        let number = number_of_open(file);
        if number != 0
            && let (index, true) = self.find(key_of(kind, number))
        {
            self.ask(index, file, !self.spaces.has_failed());
        }
    }

    /// Makes known what is bind-mounted.
    #[inline(never)]
    fn add_mounted(&mut self, table: &[u8]) {
        for line in parts(table, b'\n') {
            let Some((kind, number, mut place)) = mounted(line) else { continue };
            let start = self.paths.items().len();
            while let Some(byte) = take_unescaped(&mut place) {
                self.paths.push(byte);
            }
            let end = self.paths.items().len();
            self.paths.push(0);
            let path = self.paths.items().get(start..).unwrap_or_default();
            let path = CStr::from_bytes_with_nul(path).unwrap_or_default();
            let file = open(CWD, path, OpenFlags::READ).ok();
            let (index, is_new) = self.find(key_of(kind, number));
            if let Some(space) = self.spaces.at_mut(index) {
                space.path = (start, end);
            }
            // Another mount may lie over it by now.
            if is_new && number_of_open(file.as_ref()) == number {
                self.ask(index, file.as_ref(), true);
            }
        }
    }

    #[inline(never)]
    fn add_row(
        &mut self,
        index: usize,
        rows: &[Row],
        own: &[u64; KINDS],
        sheet: &mut Sheet,
        text: &mut List<u8>,
    ) {
        let pid = self.process_of(index, rows, 0);
        let Some(space) = self.spaces.items().get(index) else { return };
        let kind = kind_of(space.key);
        let has_parent = matches!(kind, PID | USER) && space.parent != 0;
        let parent = if has_parent { key_of(kind, space.parent) } else { 0 };
        sheet.nodes.push([space.key, parent]);
        sheet.number(number_of(space.key));
        sheet.text(name(kind));
        sheet.number(space.count as u64);
        number_or_none(sheet, pid as u64);
        number_or_none(sheet, space.owner);
        sheet.number(space.uid.checked_sub(1).unwrap_or(NONE));
        number_or_none(sheet, space.parent);
        let (start, end) = space.path;
        self.add_uses(index, own, sheet);
        let path = self.paths.items().get(start..end).unwrap_or_default();
        let process = Process::open(pid).ok();
        sheet.text_or_none(path);
        // In a table the path stands where no command does.
        for is_json in [false, true] {
            match &process {
                Some(process) if sheet.json == is_json => add_command(process, sheet, text),
                None if !is_json => sheet.text_or_none(path),
                _ => sheet.none(),
            }
        }
    }

    /// Which namespaces of other kinds its processes use. A table leaves out our own, and counts where there are several.
    #[inline(never)]
    fn add_uses(&mut self, index: usize, own: &[u64; KINDS], sheet: &mut Sheet) {
        for (kind, own) in own.iter().enumerate() {
            let (mut count, mut only) = (0, 0);
            for nth in 0.. {
                let Some(number) = self.next_use(index, kind, nth) else { break };
                if number == 0 {
                    continue;
                }
                (count, only) = (count + 1, number);
                if sheet.json {
                    add_use(sheet, kind, b":", only);
                }
            }
            if !sheet.json && count > 1 {
                add_use(sheet, kind, b"*", count);
            } else if !sheet.json && count == 1 && only != *own {
                add_use(sheet, kind, b":", only);
            }
        }
        sheet.close_list();
    }

    /// The number of the namespace of another kind that the `nth` process of one uses; 0 where an earlier one does, and
    /// nothing behind the last.
    #[inline(never)]
    fn next_use(&mut self, index: usize, kind: usize, nth: usize) -> Option<u64> {
        let space = self.spaces.items().get(index)?;
        if nth >= space.count || kind == kind_of(space.key) {
            return None;
        }
        let number = self.uses.at(space.start + nth)?;
        let place = self.space_of.at(number - number % KINDS + kind)?;
        let Some(other) = self.spaces.at_mut(place.wrapping_sub(1)) else { return Some(0) };
        let is_new = core::mem::replace(&mut other.counted_for, index + 1) != index + 1;
        Some(if is_new { number_of(other.key) } else { 0 })
    }
}

#[inline(never)]
fn add_use(sheet: &mut Sheet, kind: usize, between: &[u8], number: u64) {
    sheet.open_item();
    sheet.add(name(kind));
    sheet.add(between);
    sheet.add_number(number);
    sheet.close_item();
}

#[inline(never)]
fn number_or_none(sheet: &mut Sheet, number: u64) {
    sheet.number(if number == 0 { NONE } else { number });
}

#[inline(never)]
fn is_wanted(key: u64, only: Option<&[u64; KINDS]>) -> bool {
    only.is_none_or(|only| only.get(kind_of(key)) == Some(&number_of(key)))
}

/// The key of a use: of its process's row and the kind; 0 for none.
fn key_at(rows: &[Row], number: usize) -> u64 {
    let kind = number % KINDS;
    let found = rows.get(number / KINDS).and_then(|row| row.namespaces.get(kind));
    found.filter(|number| **number != 0).map_or(0, |number| key_of(kind, *number))
}
