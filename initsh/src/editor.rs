//! A line that a person edits: keys in, what to write to the terminal out.
//!
//! Nothing is done here but on memory, so that every key can be tried without a terminal. The line stands in a
//! block of its own, what is before the cursor at its start and what is behind it at its end.

mod history;
#[cfg(test)]
mod tests;

use core::mem;

use crate::limits::{HISTORY_BYTES, LINE_BYTES};
use crate::memory::{At, Memory};

/// What a key asks for beside a change of the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Nothing,
    /// The line is to be read.
    Line,
    /// It is to be forgotten.
    Interrupt,
    /// Nothing was typed, and nothing will be.
    End,
    /// What is before the cursor is to be completed.
    Complete,
    /// The screen is to be cleared.
    Clear,
}

/// What is typed first in a sequence of bytes.
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;
const CONTROL_D: u8 = 4;

/// How far a key goes: what is passed over.
const CHARACTER: u8 = 0;
/// Letters, digits, `_`, and what is in front of them.
const WORD: u8 = 1;
/// All but blanks, and blanks in front of them.
const FIELD: u8 = 2;
const ALL: u8 = 3;
const UNIT: u8 = 3;
/// To the right, not to the left.
const RIGHT: u8 = 4;
/// What is passed over is removed.
const REMOVES: u8 = 8;
/// And it is kept for Ctrl-Y.
const KEEPS: u8 = 16;

/// Keys that go somewhere. A letter stands for itself with Alt, `D` for Delete, `w` for Alt and Backspace.
const MOVES: &[[u8; 2]] = &[
    [1, ALL],
    [2, CHARACTER],
    [CONTROL_D, CHARACTER | RIGHT | REMOVES],
    [5, ALL | RIGHT],
    [6, CHARACTER | RIGHT],
    [8, CHARACTER | REMOVES],
    [11, ALL | RIGHT | REMOVES | KEEPS],
    [21, ALL | REMOVES | KEEPS],
    [23, FIELD | REMOVES | KEEPS],
    [DELETE, CHARACTER | REMOVES],
    [b'D', CHARACTER | RIGHT | REMOVES],
    [b'b', WORD],
    [b'd', WORD | RIGHT | REMOVES | KEEPS],
    [b'f', WORD | RIGHT],
    [b'w', WORD | REMOVES | KEEPS],
];

/// What terminals send for keys without a byte of their own: the last byte, a number in front of it (0 is any), and
/// the key above that does the same. Sources: console_codes(4), the control sequences of xterm.
const SEQUENCES: &[[u8; 3]] = &[
    [b'A', 0, 16],
    [b'B', 0, 14],
    [b'C', 0, 6],
    [b'D', 0, 2],
    [b'F', 0, 5],
    [b'H', 0, 1],
    [b'M', 0, b'\r'],
    [b'~', 1, 1],
    [b'~', 7, 1],
    [b'~', 3, b'D'],
    [b'~', 4, 5],
    [b'~', 8, 5],
];

/// Where a sequence of bytes is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Sequence {
    #[default]
    None,
    /// Behind ESC: Alt and a key, or more to come.
    Escape,
    /// Behind `ESC [` or `ESC O`.
    Control,
}

/// The line, where its cursor is, what was typed before.
#[derive(Clone, Copy, Default)]
pub(crate) struct Editor {
    /// The block; 0 where no lines are edited.
    pub line: At,
    /// The end of what is before the cursor, and the start of what is behind it.
    pub left: At,
    right: At,
    sequence: Sequence,
    /// The last number of that sequence so far.
    number: u8,
    /// More was typed than a line can have.
    pub full: bool,
    /// The key before was Tab too.
    pub is_second: bool,
    /// What Ctrl-Y puts back.
    killed: At,
    /// Lines typed before, the oldest first.
    history: At,
    history_end: At,
    /// The line of the history that is shown; its end for the new one.
    place: At,
    /// The prompt as it was expanded.
    prompt: At,
    /// Its last line, and how many columns that takes.
    prompt_line: At,
    prompt_columns: usize,
    /// What is before this is on the screen and the cursor stands behind it; 0 where that is not so.
    shown: At,
    /// How many characters have gone out of sight at the left.
    hidden: usize,
}

/// Whether a byte continues a character of UTF-8.
const fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// How many characters stand there.
fn characters(memory: &Memory<'_>, from: At, to: At) -> usize {
    memory.slice(from, to - from).iter().filter(|byte| !continues(**byte)).count()
}

/// Columns that a line of a prompt takes: sequences for colours take none.
fn columns_of(text: &[u8]) -> usize {
    let (mut columns, mut in_sequence) = (0, false);
    for byte in text {
        if in_sequence {
            in_sequence = !byte.is_ascii_alphabetic();
        } else if *byte == ESCAPE {
            in_sequence = true;
        } else if *byte >= b' ' && !continues(*byte) {
            columns += 1;
        }
    }
    columns
}

impl Editor {
    /// Takes the blocks that lines and their history need; where there is no room for them no lines are edited.
    pub fn prepare(&mut self, memory: &mut Memory<'_>) {
        self.line = memory.allocate(LINE_BYTES);
        self.killed = memory.allocate(LINE_BYTES);
        // Behind the history stands the new line while an old one is shown.
        self.history = memory.allocate(HISTORY_BYTES + LINE_BYTES);
        self.history_end = self.history;
        memory.set_byte(self.killed, 0);
        if core::mem::take(&mut memory.full) {
            self.line = 0;
        }
    }

    /// Begins a line behind the prompt that stands at `prompt`.
    #[inline(never)]
    pub fn begin(&mut self, memory: &Memory<'_>, prompt: At) {
        self.left = self.line;
        self.right = self.end();
        self.place = self.history_end;
        self.sequence = Sequence::None;
        (self.full, self.is_second) = (false, false);
        (self.hidden, self.shown) = (0, 0);
        self.prompt = prompt;
        let text = memory.string(prompt);
        let last = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        self.prompt_line = prompt + last;
        self.prompt_columns = columns_of(text.get(last..).unwrap_or_default());
    }

    const fn end(&self) -> At {
        self.line + LINE_BYTES
    }

    /// Whether nothing is in the line.
    pub const fn is_empty(&self) -> bool {
        self.left == self.line && self.right == self.end()
    }

    /// Takes a byte that was typed.
    #[inline(never)]
    pub fn take(&mut self, memory: &mut Memory<'_>, byte: u8) -> Step {
        let key = match (self.sequence, byte) {
            (_, ESCAPE) => {
                self.sequence = Sequence::Escape;
                return Step::Nothing;
            }
            (Sequence::Escape, b'[' | b'O') => {
                (self.sequence, self.number) = (Sequence::Control, 0);
                return Step::Nothing;
            }
            // Function keys of the Linux console have a second one.
            (Sequence::Control, b'[') => {
                self.number = u8::MAX;
                return Step::Nothing;
            }
            (Sequence::Control, b'0'..=b'9') => {
                self.number = self.number.saturating_mul(10).saturating_add(byte - b'0');
                return Step::Nothing;
            }
            // The last number counts.
            (Sequence::Control, b' '..=b'?') => {
                self.number = 0;
                return Step::Nothing;
            }
            (Sequence::Control, b'@'..=b'~') => self.end_sequence(byte),
            (Sequence::Escape, 8 | DELETE) => b'w',
            (Sequence::Escape, b'b' | b'd' | b'f') => byte,
            (_, b' '..=b'~' | 0x80..) => {
                self.sequence = Sequence::None;
                self.is_second = false;
                self.insert(memory, byte);
                return Step::Nothing;
            }
            _ => byte,
        };
        self.sequence = Sequence::None;
        let step = self.press(memory, key);
        self.is_second = step == Step::Complete;
        step
    }

    /// The key that a sequence stands for; 0 for one that is not known.
    fn end_sequence(&self, last: u8) -> u8 {
        let with_modifier = matches!(self.number, 2..=16);
        match last {
            b'C' if with_modifier => b'f',
            b'D' if with_modifier => b'b',
            _ => SEQUENCES
                .iter()
                .find(|[byte, number, _]| {
                    *byte == last
                        && (*number == self.number || *number == 0 && self.number != u8::MAX)
                })
                .map_or(0, |[_, _, key]| *key),
        }
    }

    fn press(&mut self, memory: &mut Memory<'_>, key: u8) -> Step {
        match key {
            CONTROL_D if self.is_empty() => return Step::End,
            3 => return Step::Interrupt,
            b'\t' => return Step::Complete,
            b'\n' | b'\r' => {
                self.go(memory, ALL | RIGHT);
                return Step::Line;
            }
            12 => {
                self.shown = 0;
                return Step::Clear;
            }
            14 | 16 => self.recall(memory, key == 16),
            20 => self.transpose(memory),
            25 => self.insert_string(memory, self.killed),
            _ => {
                if let Some([_, way]) = MOVES.iter().find(|[known, _]| *known == key) {
                    self.go(memory, *way);
                }
            }
        }
        Step::Nothing
    }

    /// Puts a byte before the cursor.
    #[inline(never)]
    pub fn insert(&mut self, memory: &mut Memory<'_>, byte: u8) {
        // One place stays for the newline.
        if self.left + 1 >= self.right {
            self.full = true;
            return;
        }
        memory.set_byte(self.left, byte);
        self.left += 1;
    }

    #[inline(never)]
    fn insert_string(&mut self, memory: &mut Memory<'_>, mut at: At) {
        while let byte @ 1.. = memory.byte(at) {
            self.insert(memory, byte);
            at += 1;
        }
    }

    /// Moves the cursor over one character.
    #[inline(never)]
    fn step(&mut self, memory: &mut Memory<'_>, right: bool) {
        loop {
            if right {
                if self.right == self.end() {
                    return;
                }
                memory.set_byte(self.left, memory.byte(self.right));
                self.left += 1;
                self.right += 1;
                if self.right == self.end() || !continues(memory.byte(self.right)) {
                    return;
                }
            } else {
                if self.left == self.line {
                    return;
                }
                self.left -= 1;
                self.right -= 1;
                let byte = memory.byte(self.left);
                memory.set_byte(self.right, byte);
                if !continues(byte) {
                    return;
                }
            }
        }
    }

    /// Moves the cursor, or removes what it would pass over.
    #[inline(never)]
    pub fn go(&mut self, memory: &mut Memory<'_>, way: u8) {
        let (left, right) = (self.left, self.right);
        let mut inside = false;
        loop {
            let (at, is_last) = if way & RIGHT != 0 {
                (self.right, self.right == self.end())
            } else {
                (self.left - 1, self.left == self.line)
            };
            if is_last {
                break;
            }
            let byte = memory.byte(at);
            let is_part = match way & UNIT {
                WORD => crate::symbols::is_name_byte(byte) || byte >= 0x80,
                FIELD => byte != b' ',
                _ => true,
            };
            if inside && !is_part {
                break;
            }
            inside |= is_part;
            self.step(memory, way & RIGHT != 0);
            if way & UNIT == CHARACTER {
                break;
            }
        }
        if self.right != right || way & REMOVES != 0 {
            // What is drawn next must put the cursor elsewhere.
            self.shown = 0;
        }
        if way & REMOVES == 0 {
            return;
        }
        // What was passed over stands at the one end now, and is left out at the other.
        let (from, length) = if way & RIGHT != 0 {
            (left, self.left - left)
        } else {
            (self.right, left - self.left)
        };
        if way & KEEPS != 0 && length > 0 {
            memory.copy(from, self.killed, length);
            memory.set_byte(self.killed + length, 0);
        }
        if way & RIGHT != 0 {
            self.left = left;
        } else {
            self.right = right;
        }
    }

    /// Removes the `length` bytes before the cursor.
    pub fn remove(&mut self, length: usize) {
        self.left -= length;
        self.shown = 0;
    }

    /// Exchanges the characters on both sides of the cursor; at the end the last two.
    #[inline(never)]
    fn transpose(&mut self, memory: &mut Memory<'_>) {
        /// Two characters.
        const ROOM: usize = 8;
        if self.right - self.left < ROOM {
            return;
        }
        let at_end = self.right == self.end();
        if at_end {
            self.step(memory, false);
        }
        let (after, line) = (self.right, self.line);
        if self.left > line {
            self.step(memory, false);
            let before = mem::replace(&mut self.right, after);
            self.step(memory, true);
            // It is still there, though it is not in the line any more.
            for at in before..after {
                self.insert(memory, memory.byte(at));
            }
            self.shown = 0;
        } else if at_end {
            self.step(memory, true);
        }
    }

    /// The prompt is to be shown again, all of it, where the cursor is.
    pub fn draw_prompt(&mut self, memory: &mut Memory<'_>) {
        memory.push_string(self.prompt);
        (self.shown, self.hidden) = (self.line, 0);
    }

    /// The line is to be drawn anew: nobody knows what is on the screen.
    pub fn forget_screen(&mut self) {
        self.shown = 0;
    }

    /// Appends what makes a terminal of so many columns show the line. 0 columns are as many as terminals had first.
    #[inline(never)]
    pub fn draw(&mut self, memory: &mut Memory<'_>, columns: usize) {
        /// What a prompt must leave; in front of less it is not shown again.
        const LEAST: usize = 16;
        let columns = if columns == 0 { 80 } else { columns.max(LEAST) };
        let prompt = if self.prompt_columns + LEAST > columns { 0 } else { self.prompt_columns };
        // The last column stays empty, or the terminal would begin a line.
        let room = columns - prompt - 1;
        let before = characters(memory, self.line, self.left);
        let all = before + characters(memory, self.right, self.end());
        if self.shown != 0 && all == before && self.hidden == 0 && all <= room {
            let from = mem::replace(&mut self.shown, self.left);
            memory.push_copy(from, self.left.saturating_sub(from));
            return;
        }
        if all <= room {
            self.hidden = 0;
        } else if before < self.hidden || before > self.hidden + room {
            self.hidden = before.saturating_sub(room / 2);
        }
        memory.push(b'\r');
        if prompt > 0 {
            memory.push_string(self.prompt_line);
        }
        let mut column = 0;
        for (from, to) in [(self.line, self.left), (self.right, self.end())] {
            for at in from..to {
                let byte = memory.byte(at);
                column += usize::from(!continues(byte));
                if column > self.hidden && column <= self.hidden + room {
                    memory.push(byte);
                }
            }
        }
        memory.push_bytes(b"\x1b[K");
        for _ in before..all.min(self.hidden + room) {
            memory.push(8);
        }
        self.shown = if all == before { self.left } else { 0 };
    }
}
