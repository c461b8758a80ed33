//! What an inittab asks for, and which of it runs.

use heapless::Vec;

use crate::input::inittab::{Entry, When, entries};
use crate::input::place::Misread;
use crate::input::refusal::Reason;
use crate::text::parts::parts;

/// Entries of one inittab.
pub const TASKS: usize = 128;
/// Bytes of one inittab.
pub const TEXT_BYTES: usize = 32 * 1024;

/// An entry and its process.
#[derive(Clone, Copy)]
pub struct Task {
    terminal: Span,
    command: Span,
    /// When it is started.
    pub when: When,
    /// Its process; 0 where there is none.
    pub pid: i32,
    /// It is not started any more: its terminal is missing, or a later line is the same.
    pub is_off: bool,
    /// How many times in a row it has ended soon after its start.
    pub quick_ends: u8,
    /// When it was started; milliseconds of the monotonic clock.
    pub started_ms: u64,
    /// It is not to be started before that.
    pub due_ms: u64,
}

/// A piece of the text.
#[derive(Clone, Copy)]
struct Span {
    start: u16,
    length: u16,
}

impl Span {
    fn of(part: &[u8], text: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        // Texts are shorter than 64 KiB.
        Self { start: start as u16, length: part.len() as u16 }
    }

    fn read(self, text: &[u8]) -> &[u8] {
        let rest = text.get(self.start.into()..).unwrap_or_default();
        rest.get(..self.length.into()).unwrap_or_default()
    }
}

/// One reading of an inittab.
struct Version {
    text: [u8; TEXT_BYTES],
    tasks: Vec<Task, TASKS>,
}

impl Version {
    const fn new() -> Self {
        Self { text: [0; TEXT_BYTES], tasks: Vec::new() }
    }
}

impl Task {
    fn entry<'t>(&self, text: &'t [u8]) -> Entry<'t> {
        let Self { terminal, command, when, .. } = *self;
        Entry { terminal: terminal.read(text), when, command: command.read(text) }
    }

    /// Not started yet.
    fn new(entry: &Entry<'_>, text: &[u8], pid: i32) -> Self {
        Self {
            terminal: Span::of(entry.terminal, text),
            command: Span::of(entry.command, text),
            when: entry.when,
            pid,
            is_off: false,
            quick_ends: 0,
            started_ms: 0,
            due_ms: 0,
        }
    }
}

/// Switches off the task that has this terminal and command, and gives its process.
fn take_process(text: &[u8], tasks: &mut [Task], entry: &Entry<'_>) -> i32 {
    let same = |task: &&mut Task| {
        let own = task.entry(text);
        !task.is_off && own.terminal == entry.terminal && own.command == entry.command
    };
    match tasks.iter_mut().find(same) {
        None => 0,
        Some(task) => {
            task.is_off = true;
            core::mem::take(&mut task.pid)
        }
    }
}

/// The tasks of the inittab as it was read last. All zero at first.
pub struct Tasks {
    versions: [Version; 2],
    is_second: bool,
}

impl Tasks {
    /// No tasks.
    pub const fn new() -> Self {
        Self { versions: [Version::new(), Version::new()], is_second: false }
    }

    const fn now(&self) -> &Version {
        let [first, second] = &self.versions;
        if self.is_second { second } else { first }
    }

    /// The tasks in their order.
    pub fn list(&self) -> &[Task] {
        &self.now().tasks
    }

    /// The same, to be changed.
    pub fn list_mut(&mut self) -> &mut [Task] {
        let [first, second] = &mut self.versions;
        let now = if self.is_second { second } else { first };
        &mut now.tasks
    }

    /// What the line of a task says.
    pub fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let now = self.now();
        now.tasks.get(index).map(|task| task.entry(&now.text))
    }

    /// Where the next text is to be put.
    pub const fn next_text(&mut self) -> &mut [u8; TEXT_BYTES] {
        let [first, second] = &mut self.versions;
        if self.is_second { &mut first.text } else { &mut second.text }
    }

    /// Takes the first `length` bytes of `next_text` as the inittab. Entries with the terminal and the command of one
    /// that runs keep its process, and of two such entries the later one counts; the processes of those that are
    /// gone are handed to `gone`, lines that cannot be read to `complain`.
    #[inline(never)]
    pub fn take(
        &mut self,
        length: usize,
        complain: &mut dyn FnMut(Misread),
        gone: &mut dyn FnMut(i32),
    ) {
        let [first, second] = &mut self.versions;
        let (old, new) = if self.is_second { (second, first) } else { (first, second) };
        let Version { text, tasks } = new;
        tasks.clear();
        let text = text.get(..length).unwrap_or_default();
        for entry in entries(text) {
            match entry {
                Ok(entry) if tasks.is_full() => {
                    let line = text.get(..Span::of(entry.command, text).start.into());
                    let lines = parts(line.unwrap_or_default(), b'\n').count();
                    complain(Misread {
                        line: lines as u32,
                        column: 1,
                        reason: Reason::ManyEntries,
                    });
                    break;
                }
                Ok(entry) => {
                    let earlier = take_process(text, tasks, &entry);
                    let before = take_process(&old.text, &mut old.tasks, &entry);
                    let _ = tasks.push(Task::new(&entry, text, earlier.max(before)));
                }
                Err(misread) => complain(misread),
            }
        }
        old.tasks.iter().filter(|task| task.pid != 0).for_each(|task| gone(task.pid));
        old.tasks.clear();
        self.is_second = !self.is_second;
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tasks: &mut Tasks, text: &str) -> (Vec<(u32, Reason), 8>, Vec<i32, 8>) {
        let (mut bad, mut gone) = (Vec::new(), Vec::new());
        tasks.next_text()[..text.len()].copy_from_slice(text.as_bytes());
        let mut complain = |misread: Misread| bad.push((misread.line, misread.reason)).unwrap();
        tasks.take(text.len(), &mut complain, &mut |pid| gone.push(pid).unwrap());
        (bad, gone)
    }

    fn shown(tasks: &Tasks) -> std::vec::Vec<(String, i32, bool)> {
        let row = |(index, task): (usize, &Task)| {
            let command = tasks.entry(index).unwrap().command.to_vec();
            (String::from_utf8(command).unwrap(), task.pid, task.is_off)
        };
        tasks.list().iter().enumerate().map(row).collect()
    }

    #[test]
    fn of_two_same_lines_the_later_counts() {
        let mut tasks = Box::new(Tasks::new());
        let (bad, gone) =
            read(&mut tasks, "::once:a\n::wait:b\n::respawn:a\ntty1::once:a\n::x:y\n");
        assert_eq!((bad.as_slice(), gone.len()), ([(5, Reason::NoAction)].as_slice(), 0));
        let row = |command: &str, is_off| (command.to_string(), 0, is_off);
        let expected = [row("a", true), row("b", false), row("a", false), row("a", false)];
        assert_eq!(shown(&tasks), expected);
    }

    #[test]
    fn a_new_reading_keeps_the_processes_of_lines_that_stay() {
        let mut tasks = Box::new(Tasks::new());
        read(&mut tasks, "::respawn:a\n::respawn:b\n::respawn:c\n");
        for (pid, task) in (7..).zip(tasks.list_mut()) {
            task.pid = pid;
            task.quick_ends = 3;
        }
        let (_, gone) = read(&mut tasks, "::respawn:c\n::respawn:d\n::askfirst:a\n");
        assert_eq!(gone, [8]);
        let row = |command: &str, pid| (command.to_string(), pid, false);
        assert_eq!(shown(&tasks), [row("c", 9), row("d", 0), row("a", 7)]);
        assert!(tasks.list().iter().all(|task| task.quick_ends == 0));
        // And once more, from the second text to the first.
        let (_, gone) = read(&mut tasks, "::respawn:a\n");
        assert_eq!((gone.as_slice(), shown(&tasks)), ([9].as_slice(), vec![row("a", 7)]));
    }

    #[test]
    fn one_entry_too_many_is_named_with_its_line() {
        let mut tasks = Box::new(Tasks::new());
        let text: String = (0..=TASKS).map(|number| format!("\n::once:c{number}")).collect();
        let (bad, _) = read(&mut tasks, &text);
        assert_eq!(bad.as_slice(), [(TASKS as u32 + 2, Reason::ManyEntries)]);
        assert_eq!(tasks.list().len(), TASKS);
    }

    #[test]
    fn the_process_of_an_entry_too_many_is_gone() {
        let mut tasks = Box::new(Tasks::new());
        read(&mut tasks, "::respawn:z\n");
        tasks.list_mut()[0].pid = 7;
        let others: String = (0..TASKS).map(|number| format!("::once:c{number}\n")).collect();
        let (bad, gone) = read(&mut tasks, &format!("{others}::respawn:z\n"));
        assert_eq!((bad.len(), gone.as_slice()), (1, [7].as_slice()));
    }
}
