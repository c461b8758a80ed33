//! `read`, `.`, `type`, `command -v`, `hash`.

use crate::builtins::builtin;
use crate::command::Meaning;
use crate::host::{Host, Look, kind};
use crate::lexer::keyword_of;
use crate::limits::READ_BYTES;
use crate::memory::At;
use crate::process::EINTR;
use crate::reader::{Ahead, Reader};
use crate::shell::{Run, Shell, Skip};

impl<H: Host> Shell<'_, H> {
    pub(super) fn read_builtin(&mut self) -> Run<i32> {
        let mut raw = false;
        loop {
            match self.option(b"rp:")? {
                0 => break,
                b'r' => raw = true,
                _ => {
                    let prompt = self.argument;
                    if self.host.is_terminal(0) {
                        let mark = self.memory.top;
                        self.memory.push_string(prompt);
                        let _ = self.write(2, mark);
                    }
                }
            }
        }
        if self.words.count == 0 {
            return self.fail(0, b"read needs a variable");
        }
        self.give_back();
        self.await_answer()?;
        let line = self.memory.top;
        // Each byte of the line stands behind one that says whether it was escaped.
        let status = self.read_line(raw);
        if self.memory.full {
            return self.out_of_memory();
        }
        let end = self.memory.top;
        let mut at = line;
        while let word @ 1.. = self.take_word() {
            let (symbol, given) = self.declared(word)?;
            if given != 0 {
                return self.fail(word, b"bad variable name");
            }
            let value = self.memory.top;
            self.read_field(&mut at, end, self.words.count == 0);
            self.memory.push(0);
            self.assign(symbol, value)?;
            self.memory.top = value;
        }
        Ok(status)
    }

    /// Appends a line in pairs of bytes; status 1 where the file ends before the line.
    fn read_line(&mut self, raw: bool) -> i32 {
        let mut escaped = false;
        loop {
            let mut byte = [0];
            match self.host.read(0, &mut byte) {
                Ok(1..) => {}
                Err(EINTR) => continue,
                _ => return 1,
            }
            let [byte] = byte;
            if byte == 0 {
                continue;
            }
            if !escaped && byte == b'\\' && !raw {
                escaped = true;
                continue;
            }
            if byte == b'\n' {
                if !escaped {
                    return 0;
                }
            } else {
                self.memory.push(escaped.into());
                self.memory.push(byte);
            }
            escaped = false;
            if self.memory.full {
                return 1;
            }
        }
    }

    /// Whether an unescaped byte at `at` separates fields; 2 where it is no white space.
    fn separates(&self, at: At) -> u8 {
        let byte = self.memory.byte(at + 1);
        let in_ifs =
            self.ifs.get(usize::from(byte >> 5)).is_some_and(|word| word & 1 << (byte & 31) != 0);
        if !in_ifs || self.memory.byte(at) != 0 {
            return 0;
        }
        if matches!(byte, b' ' | b'\t' | b'\n') { 1 } else { 2 }
    }

    /// Appends the next field of a line; the last variable gets all that is left, but white space at its end, and
    /// but one separator if that is all that follows.
    fn read_field(&mut self, at: &mut At, end: At, is_last: bool) {
        while *at < end && self.separates(*at) == 1 {
            *at += 2;
        }
        let start = *at;
        let mut stop = start;
        while stop < end && self.separates(stop) == 0 {
            stop += 2;
        }
        let mut next = stop;
        while next < end && self.separates(next) == 1 {
            next += 2;
        }
        if next < end && self.separates(next) == 2 {
            next += 2;
            while next < end && self.separates(next) == 1 {
                next += 2;
            }
        }
        if is_last && next < end {
            stop = end;
            while stop > start && self.separates(stop - 2) == 1 {
                stop -= 2;
            }
        }
        for place in (start..stop).step_by(2) {
            let byte = self.memory.byte(place + 1);
            self.memory.push(byte);
        }
        *at = next;
    }

    /// `.`: reads a file's commands in this shell.
    pub(super) fn dot(&mut self) -> Run<i32> {
        self.accept_word(b"--");
        let name = self.take_word();
        if name == 0 {
            return self.fail(0, b". needs a file");
        }
        let path = self.readable_path(name);
        let opened = self.open_script(path);
        let file = opened.or_else(|errno| self.fail_errno(name, b"cannot open", errno))?;
        let frame = self.frame();
        let has_words = self.words.count > 0;
        if has_words {
            self.parameters = self.words;
            self.parameters_block = 0;
        }
        self.sourced += 1;
        self.loops = 0;
        self.status = 0;
        let buffer = self.memory.allocate(READ_BYTES);
        let line = self.line;
        let done =
            self.read_within(Reader::file(file, buffer, Ahead::Any), |shell| shell.script(false));
        self.line = line;
        self.memory.release(buffer);
        self.host.close(file);
        let locals = self.locals;
        if has_words {
            self.unwind(&frame);
        } else {
            // What the file has set stays set.
            (self.sourced, self.loops) = (self.sourced - 1, self.loops_of(&frame));
        }
        self.locals = locals;
        done?;
        if self.skip == Skip::Return {
            self.skip = Skip::Nothing;
        }
        Ok(self.status)
    }

    /// A file along PATH that can be read; the name itself where there is none.
    fn readable_path(&mut self, name: At) -> At {
        let mut directory = 0;
        loop {
            let path = self.memory.top;
            if !self.next_path(name, &mut directory) {
                return name;
            }
            if self.kind_of(path) == kind::FILE && self.host.access(self.memory.c_string(path), 4) {
                return path;
            }
        }
    }

    /// What kind of file a path leads to; 0 where there is none.
    #[inline(never)]
    pub(crate) fn kind_of(&mut self, path: At) -> u32 {
        let status = self.host.status(self.memory.c_string(path), Look::Through);
        status.map_or(0, |status| status.mode >> 12)
    }

    /// The path of a program, 0 where there is none.
    fn program_path(&mut self, name: At) -> At {
        let mut directory = 0;
        loop {
            let path = self.memory.top;
            if !self.next_path(name, &mut directory) {
                return 0;
            }
            if self.kind_of(path) == kind::FILE && self.host.access(self.memory.c_string(path), 1) {
                return path;
            }
        }
    }

    /// `type NAME…`, `command -v NAME`, `command -V NAME`.
    pub(super) fn describe(&mut self) -> Run<i32> {
        let mut in_words = self.builtin == builtin::TYPE;
        if !in_words {
            in_words = self.last_option(b"vVp")? == b'V';
        }
        let mut status = 0;
        while let name @ 1.. = self.take_word() {
            status = self.describe_one(in_words, name)?.max(status);
        }
        Ok(status)
    }

    fn describe_one(&mut self, in_words: bool, name: At) -> Run<i32> {
        let mark = self.memory.top;
        let meaning = self.meaning(name, true);
        let mut path = name;
        let what: &[u8] = if keyword_of(self.memory.string(name)) != 0 {
            b" is a shell keyword"
        } else {
            match meaning {
                _ if meaning.is_special() => b" is a special shell builtin",
                _ if meaning.builtin().is_some() => b" is a shell builtin",
                Meaning::PROGRAM => {
                    path = self.program_path(name);
                    if path == 0 && self.is_hosts(name) {
                        path = name;
                        b" is a host builtin"
                    } else {
                        b" is "
                    }
                }
                _ => b" is a shell function",
            }
        };
        if path == 0 {
            self.memory.top = mark;
            if in_words {
                self.memory.push_string(name);
                self.memory.push_bytes(b": not found\n");
                self.output(mark)?;
            }
            return Ok(127);
        }
        let out = self.memory.top;
        if in_words {
            self.memory.push_string(name);
            self.memory.push_bytes(what);
        }
        if !in_words || path != name || what == b" is " {
            self.memory.push_string(path);
        }
        self.memory.push(b'\n');
        let status = self.output(out);
        self.memory.top = mark;
        status
    }

    /// Programs are looked for each time, so there is nothing to remember.
    pub(super) fn hash(&mut self) -> Run<i32> {
        self.last_option(b"r")?;
        let mut status = 0;
        while let name @ 1.. = self.take_word() {
            let mark = self.memory.top;
            if self.meaning(name, true) == Meaning::PROGRAM
                && self.program_path(name) == 0
                && !self.is_hosts(name)
            {
                self.say(name, b"not found", 0);
                status = 1;
            }
            self.memory.top = mark;
        }
        Ok(status)
    }
}
