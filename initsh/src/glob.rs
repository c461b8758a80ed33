//! Pathnames that match a field. XCU 2.13.3.

use crate::host::{Host, Look, Open};
use crate::memory::At;
use crate::pattern::matches;
use crate::shell::{Shell, Words};
use crate::tree::code;

/// Names of a directory come in parts of this size.
const NAMES_BYTES: usize = 2048;

fn has_pattern(component: &[u8]) -> bool {
    let mut is_escaped = false;
    component.iter().any(|byte| {
        let found = !is_escaped && matches!(byte, b'*' | b'?' | b'[');
        is_escaped = !is_escaped && matches!(*byte, code::ESCAPE | b'\\');
        found
    })
}

impl<H: Host> Shell<'_, H> {
    /// Replaces the pattern from `start` to the top by the paths that match it, in order; gives how many. Nothing is
    /// changed where there are none.
    pub(crate) fn pathnames(&mut self, start: At) -> usize {
        let end = self.memory.top;
        self.memory.push(0);
        let buffer = self.memory.allocate(NAMES_BYTES);
        let mut at = start;
        // Paths so far: at first one, which is empty.
        let mut paths = Words { at: self.memory.top, count: 1 };
        self.memory.push(0);
        while at <= end && paths.count > 0 && !self.memory.full {
            let rest = self.memory.slice(at, end - at);
            let length = rest.iter().take_while(|byte| **byte != b'/').count();
            let with_slash = at + length < end;
            paths = self.add_component(paths, at, length, with_slash, buffer);
            at += length + 1;
        }
        self.memory.release(buffer);
        paths = self.existing(paths);
        if paths.count == 0 || self.memory.full {
            self.memory.top = end;
            return 0;
        }
        self.sort(paths, start);
        paths.count
    }

    /// Appends to each path what its directory has for the next component.
    fn add_component(
        &mut self,
        mut paths: Words,
        at: At,
        length: usize,
        with_slash: bool,
        buffer: At,
    ) -> Words {
        let mut found = Words { at: self.memory.top, count: 0 };
        let is_pattern = has_pattern(self.memory.slice(at, length));
        while paths.count > 0 {
            let path = self.next_word(&mut paths);
            if is_pattern {
                found.count += self.matching(path, at, length, with_slash, buffer);
                continue;
            }
            self.memory.push_string(path);
            let mut place = at;
            while place < at + length {
                if matches!(self.memory.byte(place), code::ESCAPE | b'\\')
                    && place + 1 < at + length
                {
                    place += 1;
                }
                self.memory.push(self.memory.byte(place));
                place += 1;
            }
            self.end_path(with_slash);
            found.count += 1;
        }
        found
    }

    fn end_path(&mut self, with_slash: bool) {
        if with_slash {
            self.memory.push(b'/');
        }
        self.memory.push(0);
    }

    fn matching(
        &mut self,
        path: At,
        pattern: At,
        length: usize,
        with_slash: bool,
        buffer: At,
    ) -> usize {
        let name = self.memory.c_string(path);
        let name = if name.is_empty() { c"." } else { name };
        let Ok(directory) = self.host.open(name, Open::Read) else { return 0 };
        let mut found = 0;
        loop {
            let room = self.memory.at_mut(buffer, NAMES_BYTES).unwrap_or_default();
            let count = self.host.names(directory, room);
            if count == 0 {
                break;
            }
            let mut at = buffer;
            while at < buffer + count {
                let name = self.memory.string(at);
                let shape = self.memory.slice(pattern, length);
                let is_hidden = name.first() == Some(&b'.')
                    && !matches!(shape, [b'.', ..] | [code::ESCAPE | b'\\', b'.', ..]);
                if !is_hidden && matches(shape, name) {
                    self.memory.push_string(path);
                    self.memory.push_string(at);
                    self.end_path(with_slash);
                    found += 1;
                }
                at = self.memory.after(at);
            }
        }
        self.host.close(directory);
        found
    }

    /// Those of the paths that are there.
    fn existing(&mut self, mut paths: Words) -> Words {
        let mut found = Words { at: self.memory.top, count: 0 };
        while paths.count > 0 {
            let path = self.next_word(&mut paths);
            if self.host.status(self.memory.c_string(path), Look::At).is_ok() {
                self.memory.push_whole(path);
                found.count += 1;
            }
        }
        found
    }

    /// Puts the paths in order and moves them to `start`. Their addresses are sorted in a table (Shellsort).
    pub(crate) fn sort(&mut self, mut paths: Words, start: At) {
        let (first, count) = (paths.at, paths.count);
        let table = self.memory.top;
        let mut bytes = 0;
        while paths.count > 0 {
            let path = self.next_word(&mut paths);
            bytes = paths.at - first;
            self.memory.push_word(path);
        }
        let mut gap = count / 2;
        while gap > 0 {
            for place in gap..count {
                let path = self.memory.word(table + 4 * place);
                let mut hole = place;
                while hole >= gap {
                    let other = self.memory.word(table + 4 * (hole - gap));
                    if self.memory.string(other) <= self.memory.string(path) {
                        break;
                    }
                    self.memory.set_word(table + 4 * hole, other);
                    hole -= gap;
                }
                self.memory.set_word(table + 4 * hole, path);
            }
            gap /= 2;
        }
        let sorted = self.memory.top;
        for place in 0..count {
            let path = self.memory.word(table + 4 * place);
            self.memory.push_whole(path);
        }
        if !self.memory.full {
            self.memory.copy(sorted, start, bytes);
            self.memory.top = start + bytes;
        }
    }
}
