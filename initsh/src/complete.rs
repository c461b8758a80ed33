//! Tab: what the word before the cursor can become. Commands, variables, paths.

use core::mem;

use crate::host::{Host, kind};
use crate::lexer::{keyword, keyword_of};
use crate::limits::LISTED;
use crate::memory::At;
use crate::shell::{Shell, Words};
use crate::symbols::entry;
use crate::tree::code;

/// The word before the cursor.
struct Target {
    /// Where it begins in the line.
    start: At,
    /// Where its name begins in what it means: behind `$`, behind the last `/`.
    name: At,
    /// It is where a command's name is expected.
    is_command: bool,
}

/// Whether a byte must stand behind a backslash to mean itself.
fn is_special(byte: u8) -> bool {
    b" \t|&;<>()$`\\\"'*?[]#~=%!{}".contains(&byte)
}

/// The common start of both, whole characters alone.
fn common(first: &[u8], last: &[u8]) -> usize {
    let mut length = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    while first.get(length).is_some_and(|byte| byte & 0xc0 == 0x80) {
        length -= 1;
    }
    length
}

impl<H: Host> Shell<'_, H> {
    /// Completes what is before the cursor as far as there is one way to do so; a second time shows all ways.
    #[inline(never)]
    pub(crate) fn complete(&mut self, is_second: bool) {
        let meaning = self.memory.top;
        let target = self.target();
        self.memory.push(0);
        let first = self.memory.top;
        let mut found = Words { at: first, count: self.candidates(&target, meaning) };
        if mem::take(&mut self.memory.full) {
            found.count = 0;
        }
        self.sort(found, first);
        let mut last = first;
        for _ in 1..found.count {
            last = self.memory.after(last);
        }
        let is_one = found.count > 0 && self.memory.string(first) == self.memory.string(last);
        let length = common(self.memory.string(first), self.memory.string(last));
        let typed = self.memory.length(target.name);
        if found.count > 0 && (is_one || length > typed) {
            self.replace(&target, meaning, first, length);
            let ends = matches!(self.memory.byte(first + length - 1), b'/');
            if is_one && !ends && self.memory.byte(meaning) != b'$' {
                self.editor.insert(&mut self.memory, b' ');
            }
        } else if is_second && found.count > 0 {
            self.list_candidates(found);
        } else {
            let _ = self.host.write(2, b"\x07");
        }
        self.memory.full = false;
        self.memory.top = meaning;
    }

    /// Finds the word before the cursor and appends what it means, without quotes.
    #[inline(never)]
    fn target(&mut self) -> Target {
        let meaning = self.memory.top;
        let (mut at, end) = (self.editor.line, self.editor.left);
        let (mut start, mut quote) = (at, 0);
        let (mut expects, mut is_value) = (true, false);
        while at < end {
            let mut byte = self.memory.byte(at);
            at += 1;
            if byte == b'\\' && quote != b'\'' {
                byte = self.memory.byte(at);
                at += 1;
            } else if byte == quote {
                quote = 0;
                continue;
            } else if quote == 0 && matches!(byte, b'\'' | b'"') {
                quote = byte;
                continue;
            } else if quote == 0 && b" ;&|(`<>=".contains(&byte) {
                if byte != b' ' {
                    // What is behind these three is a value or a path, and the command may come still.
                    is_value = matches!(byte, b'<' | b'>' | b'=');
                    expects |= !is_value;
                } else if !mem::take(&mut is_value) && at - 1 > start {
                    // Behind most reserved words stands a command.
                    expects = !matches!(
                        keyword_of(self.memory.slice(start, at - 1 - start)),
                        0 | keyword::FI | keyword::DONE | keyword::FOR
                            ..=keyword::IN | keyword::CLOSE
                    );
                }
                start = at;
                self.memory.top = meaning;
                continue;
            } else if byte == b'$' && quote != b'\'' {
                start = at - 1;
                self.memory.top = meaning;
            }
            self.memory.push(byte);
        }
        let text = self.memory.slice(meaning, self.memory.top - meaning);
        let place = match text.iter().rposition(|byte| *byte == b'/') {
            Some(place) => place + 1,
            None => usize::from(text.first() == Some(&b'$')),
        };
        Target { start, name: meaning + place, is_command: expects && !is_value }
    }

    /// Appends the names that the target's name begins; gives how many.
    #[inline(never)]
    fn candidates(&mut self, target: &Target, meaning: At) -> usize {
        let mut count = 0;
        let is_variable = self.memory.byte(meaning) == b'$';
        let is_path = target.name != meaning || !target.is_command;
        if is_variable || !is_path {
            let (mut symbol, mut bucket) = (0, 0);
            loop {
                symbol = self.next_symbol(symbol, &mut bucket);
                if symbol == 0 {
                    break;
                }
                let name = symbol + entry::NAME;
                let word = |field| self.memory.word(symbol + field);
                let is_wanted = if is_variable {
                    word(entry::VALUE)
                } else {
                    word(entry::BUILTIN) | word(entry::FUNCTION)
                };
                let typed = self.memory.string(target.name);
                if is_wanted != 0 && self.memory.string(name).starts_with(typed) {
                    self.memory.push_whole(name);
                    count += 1;
                }
            }
            if is_variable {
                return count;
            }
        }
        let start = self.memory.top;
        if is_path {
            let (mut from, mut length) = (meaning, 0);
            if self.memory.slice(meaning, 2) == b"~/" {
                let home = self.value(self.symbols.home);
                length = self.memory.length(home);
                self.push_escaped(home, length);
                from += 1;
            }
            let rest = target.name - from;
            self.push_escaped(from, rest);
            return self.paths_of(target, start, length + rest, true);
        }
        for name in self.host.builtins().split(|byte| *byte == b' ') {
            if name.starts_with(self.memory.string(target.name)) {
                self.memory.push_bytes(name);
                self.memory.push(0);
                count += 1;
            }
        }
        let mut at = self.memory.word(self.symbols.path + entry::VALUE);
        while at != 0 {
            let length = self.memory.length_to(at, b':');
            let start = self.memory.top;
            self.push_escaped(at, length);
            self.memory.push(b'/');
            count += self.paths_of(target, start, length + 1, false);
            at += length;
            if self.memory.byte(at) == 0 {
                break;
            }
            at += 1;
        }
        count
    }

    /// Appends bytes to a pattern, in which they mean themselves.
    #[inline(never)]
    fn push_escaped(&mut self, from: At, length: usize) {
        for at in from..from + length {
            let byte = self.memory.byte(at);
            if byte != b'/' {
                self.memory.push(code::ESCAPE);
            }
            self.memory.push(byte);
        }
    }

    /// Replaces the directory from `start` to the top, of `length` bytes without escapes, by those of its names that
    /// the target's name begins; gives how many.
    #[inline(never)]
    fn paths_of(&mut self, target: &Target, start: At, length: usize, all: bool) -> usize {
        let mut count = 0;
        self.push_escaped(target.name, self.memory.length(target.name));
        self.memory.push(b'*');
        let mut paths = Words { at: start, count: self.pathnames(start) };
        let kept = self.memory.top;
        while paths.count > 0 {
            let path = self.next_word(&mut paths);
            let name = path + length;
            // Names that would disturb the terminal are not shown.
            if self.memory.string(name).iter().any(u8::is_ascii_control) {
                continue;
            }
            let is_directory = self.kind_of(path) == kind::DIRECTORY;
            let text = self.memory.c_string(path);
            let is_wanted =
                if is_directory { all } else { !target.is_command || self.host.access(text, 1) };
            if is_wanted {
                count += 1;
                self.memory.push_string(name);
                if is_directory {
                    self.memory.push(b'/');
                }
                self.memory.push(0);
            }
        }
        let bytes = self.memory.top - kept;
        self.memory.copy(kept, start, bytes);
        self.memory.top = start + bytes;
        count
    }

    /// Puts the `length` bytes at `name` in the place of the word's name, all of it with the quotes that it needs.
    #[inline(never)]
    fn replace(&mut self, target: &Target, meaning: At, name: At, length: usize) {
        self.editor.remove(self.editor.left - target.start);
        let home = usize::from(self.memory.slice(meaning, 2) == b"~/");
        for (start, end) in [(meaning, target.name), (name, name + length)] {
            for at in start..end {
                let byte = self.memory.byte(at);
                let is_itself = at == meaning && (byte == b'$' || home > 0);
                if is_special(byte) && !is_itself {
                    self.editor.insert(&mut self.memory, b'\\');
                }
                self.editor.insert(&mut self.memory, byte);
            }
        }
    }

    /// Shows all names below the line, and the line again.
    #[inline(never)]
    fn list_candidates(&mut self, mut words: Words) {
        let mark = self.memory.top;
        let (mut listed, mut before) = (0, 0);
        self.memory.push(b'\n');
        while words.count > 0 {
            let name = self.next_word(&mut words);
            if self.memory.string(before) == self.memory.string(name) {
                continue;
            }
            if listed == LISTED {
                self.memory.push_bytes(b"... and more");
                break;
            }
            (before, listed) = (name, listed + 1);
            self.memory.push_string(name);
            self.memory.push_bytes(b"  ");
        }
        self.memory.push(b'\n');
        let _ = self.write(2, mark);
        self.draw(true);
    }
}
