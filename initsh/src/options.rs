//! Options of the shell: letters, names, how `set` reads and shows them.

use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell};

pub(crate) const ERREXIT: u32 = 1 << 0;
pub(crate) const NOGLOB: u32 = 1 << 1;
pub(crate) const INTERACTIVE: u32 = 1 << 3;
pub(crate) const MONITOR: u32 = 1 << 4;
pub(crate) const NOEXEC: u32 = 1 << 5;
pub(crate) const STDIN: u32 = 1 << 6;
pub(crate) const XTRACE: u32 = 1 << 7;
pub(crate) const VERBOSE: u32 = 1 << 8;
pub(crate) const NOCLOBBER: u32 = 1 << 9;
pub(crate) const ALLEXPORT: u32 = 1 << 10;
pub(crate) const NOUNSET: u32 = 1 << 12;
pub(crate) const PIPEFAIL: u32 = 1 << 13;
/// `-c`, which is no option of `set`.
pub(crate) const COMMAND: u32 = 1 << 14;

/// Bit N is letter N; `.` has a name only.
const LETTERS: &[u8] = b"efIimnsxvCabu.";
const NAMES: &[u8] =
    b"errexit noglob ignoreeof interactive monitor noexec stdin xtrace verbose noclobber \
    allexport notify nounset pipefail";

fn names() -> impl Iterator<Item = &'static [u8]> {
    NAMES.split(|byte| *byte == b' ')
}

impl<H: Host> Shell<'_, H> {
    pub(crate) const fn is_set(&self, option: u32) -> bool {
        self.options & option != 0
    }

    fn switch(&mut self, place: Option<usize>, on: bool) -> Option<()> {
        let bit = 1 << place?;
        if on {
            self.options |= bit;
        } else {
            self.options &= !bit;
        }
        Some(())
    }

    /// Reads one word of options, `-ex` or `+o`; `operand` is the word behind it. Gives how many words were taken.
    pub(crate) fn option_word(&mut self, word: At, operand: At) -> Run<usize> {
        let on = self.memory.byte(word) == b'-';
        let mut taken = 1;
        let mut at = word + 1;
        loop {
            let letter = self.memory.byte(at);
            at += 1;
            match letter {
                0 => return Ok(taken),
                b'c' if self.starting => self.options |= COMMAND,
                b'l' | b'h' if self.starting => {}
                b'o' if operand == 0 || taken > 1 => {
                    self.show_options(on)?;
                }
                b'o' => {
                    taken = 2;
                    let name = self.memory.string(operand);
                    if name == b"limits" && on {
                        self.show_limits()?;
                        continue;
                    }
                    let place = names().position(|known| known == name);
                    if self.switch(place, on).is_none() {
                        return self.fail(operand, b"no such option");
                    }
                }
                _ => {
                    let place = LETTERS.iter().position(|known| *known == letter && letter != b'.');
                    if self.switch(place, on).is_none() {
                        return self.fail(word, b"no such option");
                    }
                }
            }
        }
    }

    /// The letters of the options that are set: `$-`.
    pub(crate) fn push_letters(&mut self) {
        for (place, letter) in LETTERS.iter().enumerate() {
            if self.options & 1 << place != 0 && *letter != b'.' {
                self.memory.push(*letter);
            }
        }
    }

    fn show_options(&mut self, as_table: bool) -> Run<i32> {
        let mark = self.memory.top;
        if as_table {
            self.memory.push_bytes(b"Current option settings\n");
        }
        for (place, name) in names().enumerate() {
            let on = self.options & 1 << place != 0;
            if as_table {
                self.memory.push_bytes(name);
                self.memory.pad(self.memory.top + 16 - name.len());
                self.memory.push_bytes(if on { b"on\n" } else { b"off\n" });
            } else {
                self.memory.push_bytes(if on { b"set -o " } else { b"set +o " });
                self.memory.push_bytes(name);
                self.memory.push(b'\n');
            }
        }
        self.output(mark)
    }

    fn show_limits(&mut self) -> Run<i32> {
        use crate::limits::{
            DEPTH, HISTORY_BYTES, JOBS, LINE_BYTES, LISTED, MEMORY_BYTES, NESTING,
        };
        let mark = self.memory.top;
        for (name, bound) in [
            ("memory, bytes: ", MEMORY_BYTES),
            ("commands within each other: ", NESTING.into()),
            ("calls within each other: ", DEPTH.into()),
            ("background commands: ", JOBS),
            ("a line that is typed, bytes: ", LINE_BYTES),
            ("lines typed before, bytes: ", HISTORY_BYTES),
            ("names listed for Tab: ", LISTED),
        ] {
            self.memory.push_bytes(name.as_bytes());
            self.memory.push_number(bound as i64);
            self.memory.push(b'\n');
        }
        self.output(mark)
    }
}
