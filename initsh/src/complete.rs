//! Tab: what the word before the cursor can become. Commands, variables, paths.

use core::mem;

use crate::host::{Host, Look, Open};
use crate::lexer::{keyword, keyword_of};
use crate::limits::LISTED;
use crate::memory::At;
use crate::shell::{Shell, Words};
use crate::symbols::entry;

/// Names of a directory come in parts of this size.
const NAMES_BYTES: usize = 2048;

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
    pub(crate) fn complete(&mut self, is_second: bool) {
        let meaning = self.memory.top;
        let target = self.target();
        self.memory.push(0);
        let mut found = Words { at: self.memory.top, count: 0 };
        self.candidates(&target, meaning, &mut found.count);
        if mem::take(&mut self.memory.full) {
            found.count = 0;
        }
        let first = found.at;
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
    fn target(&mut self) -> Target {
        let meaning = self.memory.top;
        let (mut at, end) = (self.editor.line, self.editor.left);
        let (mut start, mut quote) = (at, 0);
        let (mut expects, mut is_value) = (true, false);
        while at < end {
            let byte = self.memory.byte(at);
            at += 1;
            let begins = match byte {
                b'\'' | b'"' if quote == 0 => {
                    quote = byte;
                    false
                }
                _ if byte == quote => {
                    quote = 0;
                    false
                }
                b'$' if quote != b'\'' => {
                    start = at - 1;
                    self.memory.top = meaning;
                    self.memory.push(byte);
                    false
                }
                b'\\' if quote != b'\'' => {
                    if at < end {
                        self.memory.push(self.memory.byte(at));
                        at += 1;
                    }
                    false
                }
                b' ' | b'\t' if quote == 0 => {
                    let word = self.memory.slice(start, at - 1 - start);
                    if !word.is_empty() && !is_value {
                        // Behind most reserved words stands a command.
                        expects = !matches!(
                            keyword_of(word),
                            0 | keyword::FI | keyword::DONE | keyword::FOR
                                ..=keyword::IN | keyword::CLOSE
                        );
                    }
                    is_value = false;
                    true
                }
                b';' | b'&' | b'|' | b'(' | b'`' if quote != b'\'' => {
                    (expects, is_value, quote) = (true, false, 0);
                    true
                }
                b'<' | b'>' | b'=' if quote == 0 => {
                    // What is behind it is a path, and then the command may come still.
                    is_value = true;
                    true
                }
                _ => {
                    self.memory.push(byte);
                    false
                }
            };
            if begins {
                start = at;
                self.memory.top = meaning;
            }
        }
        let text = self.memory.slice(meaning, self.memory.top - meaning);
        let place = match text.iter().rposition(|byte| *byte == b'/') {
            Some(place) => place + 1,
            None => usize::from(text.first() == Some(&b'$')),
        };
        Target { start, name: meaning + place, is_command: expects && !is_value }
    }

    /// Appends the names that the target's name begins.
    fn candidates(&mut self, target: &Target, meaning: At, count: &mut usize) {
        let is_variable = self.memory.byte(meaning) == b'$';
        let is_path = target.name != meaning && !is_variable;
        if is_variable || target.is_command && !is_path {
            let (mut symbol, mut bucket) = (0, 0);
            loop {
                symbol = self.next_symbol(symbol, &mut bucket);
                if symbol == 0 {
                    break;
                }
                let name = symbol + entry::NAME;
                let word = |field| self.memory.word(symbol + field) != 0;
                let is_wanted = if is_variable {
                    word(entry::VALUE)
                } else {
                    word(entry::BUILTIN) || word(entry::FUNCTION)
                };
                if is_wanted
                    && self.memory.string(name).starts_with(self.memory.string(target.name))
                {
                    self.memory.push_copy(name, self.memory.length(name) + 1);
                    *count += 1;
                }
            }
        }
        if is_path || !target.is_command {
            if is_variable {
                return;
            }
            // `~/` is home, and nothing is here.
            let directory = self.memory.top;
            let mut from = meaning;
            if self.memory.slice(meaning, 2) == b"~/" {
                let home = self.value(self.symbols.home);
                self.memory.push_copy(home, self.memory.length(home));
                from += 1;
            }
            self.memory.push_copy(from, target.name - from);
            if self.memory.top == directory {
                self.memory.push_bytes(b"./");
            }
            self.names_in(directory, target.name, target.is_command, true, count);
            return;
        }
        let path = self.memory.word(self.symbols.path + entry::VALUE);
        let mut at = path;
        while at != 0 {
            let length = self.memory.string(at).iter().take_while(|byte| **byte != b':').count();
            let directory = self.memory.top;
            self.memory.push_copy(at, length);
            self.memory.push(b'/');
            self.names_in(directory, target.name, true, false, count);
            at += length;
            if self.memory.byte(at) == 0 {
                break;
            }
            at += 1;
        }
    }

    /// Replaces the directory at the top by those of its names that `name` begins; where only programs are wanted,
    /// and directories or not.
    fn names_in(
        &mut self,
        directory: At,
        name: At,
        programs: bool,
        directories: bool,
        count: &mut usize,
    ) {
        let length = self.memory.top - directory;
        let block = self.memory.allocate(length + 1 + NAMES_BYTES);
        self.memory.push(0);
        self.memory.copy(directory, block, length + 1);
        let opened = self.host.open(self.memory.c_string(block), Open::Read);
        self.memory.top = directory;
        let Ok(descriptor) = opened else { return self.memory.release(block) };
        let buffer = block + length + 1;
        loop {
            let room = self.memory.at_mut(buffer, NAMES_BYTES).unwrap_or_default();
            let bytes = self.host.names(descriptor, room);
            if bytes == 0 {
                break;
            }
            let mut at = buffer;
            while at < buffer + bytes {
                let (found, typed) = (self.memory.string(at), self.memory.string(name));
                // Names that would disturb the terminal are not shown.
                let fits = found.starts_with(typed)
                    && (typed.first() == Some(&b'.') || found.first() != Some(&b'.'))
                    && !matches!(found, b"." | b"..")
                    && !found.iter().any(u8::is_ascii_control);
                if fits {
                    let kind = self.kind_of(block, at, programs, directories);
                    if kind != 0 {
                        self.memory.push_copy(at, self.memory.length(at));
                        if kind == b'/' {
                            self.memory.push(kind);
                        }
                        self.memory.push(0);
                        *count += 1;
                    }
                }
                at = self.memory.after(at);
            }
        }
        self.host.close(descriptor);
        self.memory.release(block);
    }

    /// What a name of a directory is: `/` for a directory, 0 for what is not wanted.
    fn kind_of(&mut self, directory: At, name: At, programs: bool, directories: bool) -> u8 {
        let path = self.memory.top;
        self.memory.push_copy(directory, self.memory.length(directory));
        self.memory.push_copy(name, self.memory.length(name) + 1);
        let text = self.memory.c_string(path);
        let status = self.host.status(text, Look::Through);
        let is_directory = status.is_ok_and(|status| status.mode & 0o170_000 == 0o040_000);
        let is_wanted =
            if is_directory { directories } else { !programs || self.host.access(text, 1) };
        self.memory.top = path;
        match (is_wanted, is_directory) {
            (false, _) => 0,
            (_, true) => b'/',
            _ => 1,
        }
    }

    /// Puts the `length` bytes at `name` in the place of the word's name, all of it with the quotes that it needs.
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
    fn list_candidates(&mut self, found: Words) {
        let mark = self.memory.top;
        let (mut words, mut widest) = (found, 0);
        while words.count > 0 {
            let name = self.next_word(&mut words);
            widest = widest.max(self.memory.length(name) + 2);
        }
        let columns = match self.host.columns(2) {
            0 => 80,
            columns => columns,
        };
        let in_line = columns.checked_div(widest).unwrap_or(0).max(1);
        let (mut words, mut listed, mut before) = (found, 0, 0);
        let mut place = 0;
        self.memory.push(b'\n');
        while words.count > 0 {
            let name = self.next_word(&mut words);
            if before != 0 && self.memory.string(before) == self.memory.string(name) {
                continue;
            }
            before = name;
            if listed == LISTED {
                self.memory.push_bytes(b"... and more");
                break;
            }
            let start = self.memory.top;
            self.memory.push_copy(name, self.memory.length(name));
            listed += 1;
            place += 1;
            if place == in_line {
                place = 0;
                self.memory.push(b'\n');
            } else {
                while self.memory.top < start + widest && !self.memory.full {
                    self.memory.push(b' ');
                }
            }
        }
        if self.memory.byte(self.memory.top - 1) != b'\n' {
            self.memory.push(b'\n');
        }
        let _ = self.write(2, mark);
        self.draw(true);
    }
}
