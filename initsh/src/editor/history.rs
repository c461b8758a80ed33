//! Lines that were typed before: shown again, kept, and forgotten when old.

use super::{ALL, Editor, RIGHT};
use crate::limits::HISTORY_BYTES;
use crate::memory::{At, Memory};

impl Editor {
    /// The line of the history before the one at `at`, which is not the first.
    fn before(&self, memory: &Memory<'_>, at: At) -> At {
        let mut start = at - 1;
        while start > self.history && memory.byte(start - 1) != 0 {
            start -= 1;
        }
        start
    }

    /// Shows an older or newer line.
    #[inline(never)]
    pub(super) fn recall(&mut self, memory: &mut Memory<'_>, older: bool) {
        if older {
            if self.place == self.history {
                return;
            }
            if self.place == self.history_end {
                self.append(memory);
            }
            self.place = self.before(memory, self.place);
        } else if self.place == self.history_end {
            return;
        } else {
            self.place = memory.after(self.place);
        }
        self.left = self.line;
        self.right = self.end();
        self.insert_string(memory, self.place);
        self.shown = 0;
    }

    /// Copies the line behind the history; the cursor goes to its end.
    fn append(&mut self, memory: &mut Memory<'_>) -> usize {
        self.go(memory, ALL | RIGHT);
        let length = self.left - self.line;
        memory.copy(self.line, self.history_end, length);
        memory.set_byte(self.history_end + length, 0);
        length
    }

    /// Keeps the line, unless it is empty or the same as the one before. Where there is no room the oldest go.
    #[inline(never)]
    pub fn remember(&mut self, memory: &mut Memory<'_>) {
        let length = self.append(memory);
        let is_same = self.history_end > self.history && {
            let last = self.before(memory, self.history_end);
            memory.string(last) == memory.string(self.history_end)
        };
        if length == 0 || is_same {
            return;
        }
        self.history_end += length + 1;
        while self.history_end > self.history + HISTORY_BYTES {
            let next = memory.after(self.history);
            memory.copy(next, self.history, self.history_end - next);
            self.history_end -= next - self.history;
        }
    }
}
