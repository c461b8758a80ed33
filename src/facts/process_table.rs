//! A table of all processes: whose they are, and what they use.

use rustix::fs::stat;

use super::namespaces::{self, KINDS, PID};
use super::processes::{Process, STAT_BYTES, for_each_process};
use crate::sys::memory::List;
use crate::sys::process::own_pid;
use crate::text::call::CallError;

/// One process.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its number.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its namespaces; without `Wanted::Namespaces` that of pids alone.
    pub namespaces: [u64; KINDS],
    /// Bytes in memory.
    pub memory: u64,
    /// Time of processors, in ticks.
    pub ticks: u64,
    /// Whose it is: the container's number from 1 on; 0: nobody's.
    pub container: usize,
}

/// What is to be known of each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of its namespaces, and nothing else.
    Namespaces,
    /// What it uses.
    Usage,
}

/// What a container's processes use together.
#[derive(Clone, Copy, Default)]
pub struct Totals {
    /// How many there are.
    pub pids: u64,
    /// Bytes in memory; pages that several share count for each.
    pub memory: u64,
    /// Time of processors of those that live, in ticks.
    pub ticks: u64,
}

/// Bytes of a page, as the kernel has told this process at its start. Source: getauxval(3), AT_PAGESZ.
#[inline(never)]
fn page_bytes() -> u64 {
    const PAGE_SIZE: u64 = 6;
    let mut room = [0; 512];
    let own = Process::open(own_pid()).ok();
    let vector = own.as_ref().and_then(|own| own.read(c"auxv", &mut room)).unwrap_or_default();
    let (words, _) = vector.as_chunks();
    let mut words = words.iter().map(|word| u64::from_ne_bytes(*word));
    while let (Some(kind), Some(value)) = (words.next(), words.next()) {
        if kind == PAGE_SIZE {
            return value;
        }
    }
    4096
}

/// All of them, by ascending numbers.
pub struct ProcessTable(List<Row>);

impl Default for ProcessTable {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessTable {
    /// An empty one, all zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(List::new())
    }

    /// Reads all. The list is made as long as there are processes; it grows where more are made meanwhile.
    ///
    /// # Errors
    /// openat: there is no /proc.
    #[inline(never)]
    pub fn read(&mut self, wanted: Wanted) -> Result<(), CallError> {
        // The kernel counts them among the links of the directory. Source: proc_root_getattr.
        let count = stat(c"/proc").map_or(0, |status| status.st_nlink as usize);
        let rows = &mut self.0;
        rows.truncate(0);
        rows.reserve(count);
        let page = page_bytes();
        let mut room = [0; STAT_BYTES];
        for_each_process(&mut |process| {
            let mut row = Row {
                pid: process.pid,
                parent: 0,
                namespaces: [0; KINDS],
                memory: 0,
                ticks: 0,
                container: 0,
            };
            if wanted == Wanted::Namespaces {
                row.namespaces = namespaces::of(process);
            } else {
                let Some(stat) = process.stat(&mut room) else { return };
                row.parent = stat.parent;
                row.memory = stat.resident_pages.saturating_mul(page);
                row.ticks = stat.user_ticks.saturating_add(stat.system_ticks);
                if let Some(place) = row.namespaces.get_mut(PID) {
                    *place = namespaces::number_of(process, PID);
                }
            }
            rows.push(row);
        })
    }

    /// Whether something could not be held.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.0.has_failed()
    }

    /// The rows.
    #[must_use]
    pub const fn rows(&self) -> &[Row] {
        self.0.items()
    }

    /// Finds whose each process is: who descends from a container's first process, and who is in its pid namespace,
    /// when that is not our own. `firsts` are the containers' first processes.
    #[inline(never)]
    pub fn assign(&mut self, firsts: &[i32]) {
        let own = Process::open(own_pid());
        let own = own.map_or(0, |own| namespaces::number_of(&own, PID));
        for (number, first) in (1..).zip(firsts) {
            if let Some(row) = self.find(*first) {
                self.give(row, number);
            }
        }
        self.descend();
        for (number, first) in (1..).zip(firsts) {
            let namespace =
                self.find(*first).and_then(|row| self.0.at(row)).map_or(0, |row| pids_of(&row));
            if namespace == 0 || namespace == own {
                continue;
            }
            for row in self.0.items_mut() {
                if row.container == 0 && pids_of(row) == namespace {
                    row.container = number;
                }
            }
        }
        self.descend();
    }

    /// Children are whose their parents are. Parents have smaller numbers, until numbers begin anew.
    fn descend(&mut self) {
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for index in 0..self.0.items().len() {
                let Some(row) = self.0.at(index).filter(|row| row.container == 0) else { continue };
                let above = self.find(row.parent).and_then(|above| self.0.at(above));
                let container = above.map_or(0, |above| above.container);
                if container != 0 {
                    self.give(index, container);
                    has_changed = true;
                }
            }
        }
    }

    fn give(&mut self, row: usize, container: usize) {
        if let Some(row) = self.0.items_mut().get_mut(row) {
            row.container = container;
        }
    }

    fn find(&self, pid: i32) -> Option<usize> {
        self.0.items().binary_search_by(|row| row.pid.cmp(&pid)).ok()
    }

    /// What the processes of a container use.
    #[must_use]
    pub fn totals(&self, container: usize) -> Totals {
        let mut totals = Totals::default();
        for row in self.rows().iter().filter(|row| row.container == container) {
            totals.pids += 1;
            totals.memory = totals.memory.saturating_add(row.memory);
            totals.ticks = totals.ticks.saturating_add(row.ticks);
        }
        totals
    }
}

const fn pids_of(row: &Row) -> u64 {
    let [_, _, _, _, pids, ..] = row.namespaces;
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: i32, parent: i32, pids: u64) -> Row {
        let mut namespaces = [0; KINDS];
        namespaces[PID] = pids;
        Row { pid, parent, namespaces, memory: 10, ticks: 1, container: 0 }
    }

    #[test]
    fn processes_are_whose_first_they_descend_from_or_share_pids_with() {
        let mut rows = List::new();
        for item in [
            row(1, 0, 1),
            row(3, 9, 5),
            row(7, 1, 1),
            row(9, 7, 5),
            row(10, 9, 5),
            row(11, 1, 5),
            row(12, 10, 6),
            row(20, 1, 8),
            row(21, 20, 1),
        ] {
            rows.push(item);
        }
        let mut table = ProcessTable(rows);
        table.assign(&[9, 20, 77]);
        let whose: Vec<_> = table.rows().iter().map(|row| (row.pid, row.container)).collect();
        let expected =
            [(1, 0), (3, 1), (7, 0), (9, 1), (10, 1), (11, 1), (12, 1), (20, 2), (21, 2)];
        assert_eq!(whose, expected);
        let totals = table.totals(1);
        assert_eq!((totals.pids, totals.memory, totals.ticks), (5, 50, 5));
        assert_eq!(table.totals(3).pids, 0);
    }

    #[test]
    fn all_processes_are_in_it() {
        let mut table = ProcessTable::new();
        table.read(Wanted::Usage).unwrap();
        let own = std::process::id() as i32;
        let row = table.rows().iter().find(|row| row.pid == own).unwrap();
        assert!(row.memory > 100_000 && row.parent > 0 && row.namespaces[PID] > 0);
        table.read(Wanted::Namespaces).unwrap();
        let row = table.rows().iter().find(|row| row.pid == own).unwrap();
        assert!(row.namespaces.iter().all(|number| *number > 0));
    }
}
