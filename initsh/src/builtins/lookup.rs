//! `.`, `type`, `command -v`, `hash`: what names lead to.

use crate::builtins::builtin;
use crate::command::Meaning;
use crate::host::{Host, Look, kind};
use crate::lexer::keyword_of;
use crate::limits::READ_BYTES;
use crate::memory::At;
use crate::reader::{Ahead, Reader};
use crate::shell::{Run, Shell, Skip};

impl<H: Host> Shell<'_, H> {
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
            (self.sourced, self.loops) = (self.sourced - 1, frame.loops);
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
