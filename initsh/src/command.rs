//! Simple commands: assignments, built-ins, functions, programs. XCU 2.9.1.

use crate::builtins::builtin;
use crate::host::Host;
use crate::memory::At;
use crate::options::XTRACE;
use crate::redirect::Saved;
use crate::shell::{Fail, Run, Shell, Words};
use crate::symbols::{EXPORTED, entry};

/// What a name means as a command: 0 a program, or nothing; the number of a built-in; else the entry of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning(At);

impl Meaning {
    pub const PROGRAM: Self = Self(0);

    /// The number of a built-in.
    pub fn builtin(self) -> Option<u8> {
        u8::try_from(self.0).ok().filter(|number| *number != 0)
    }

    /// Whether it is a built-in whose errors end the shell, and whose assignments stay.
    pub const fn is_special(self) -> bool {
        self.0 != 0 && self.0 <= builtin::LOCAL as usize
    }
}

/// errno values.
const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const EACCES: i32 = 13;
const ENOTDIR: i32 = 20;

impl<H: Host> Shell<'_, H> {
    /// What the word means as a command.
    pub(crate) fn meaning(&mut self, name: At, with_functions: bool) -> Meaning {
        // The fields of no entry are 0: neither.
        let symbol = self.known_symbol(name);
        let builtin = Meaning(self.memory.word(symbol + entry::BUILTIN));
        let is_function = self.memory.word(symbol + entry::FUNCTION) != 0;
        if is_function && with_functions && !builtin.is_special() {
            return Meaning(symbol);
        }
        builtin
    }

    pub(crate) fn simple(&mut self, node: At, last: bool) -> Run {
        let mark = self.memory.top;
        self.line = self.memory.word(node) >> 8;
        self.substituted = None;
        let list = self.child(node, 2);
        let words = self.words_of(list)?;
        let done = if words.count == 0 {
            self.without_command(node)
        } else {
            self.with_command(node, words, last)
        };
        self.memory.top = mark;
        done
    }

    /// Only assignments and redirections, or nothing at all.
    fn without_command(&mut self, node: At) -> Run {
        let mut saved = Saved::NOTHING;
        let ready = self.redirect(self.child(node, 3), Some(&mut saved));
        self.restore(&saved);
        if ready.is_err() {
            return if self.exiting { Err(Fail) } else { Ok(()) };
        }
        let mark = self.memory.top;
        self.trace_begin();
        self.assignments(self.child(node, 1), false, false)?;
        self.trace_end(mark);
        self.status = self.substituted.unwrap_or(0);
        Ok(())
    }

    /// Performs assignments; those of a command are exported, those that end with it are saved before.
    fn assignments(&mut self, mut list: At, exported: bool, saved: bool) -> Run {
        while list != 0 {
            let word = self.child(list, 1);
            let length = self.memory.name_length(word);
            let symbol = self.symbol(word, length);
            let mark = self.memory.top;
            let value = self.assigned(word + length + 1)?;
            if saved {
                self.save_local(symbol)?;
            }
            self.assign(symbol, value)?;
            if exported {
                self.set_flags(symbol, self.flags(symbol) | EXPORTED);
            }
            self.memory.top = mark;
            if self.is_set(XTRACE) {
                self.memory.push_copy(word, length + 1);
                let value = self.value(symbol);
                self.push_quoted(value);
                self.memory.push(b' ');
            }
            list = self.child(list, 0);
        }
        Ok(())
    }

    /// Begins a line of `-x`.
    fn trace_begin(&mut self) {
        if self.is_set(XTRACE) {
            let prompt = self.own_symbol(b"PS4");
            let value = self.value(prompt);
            self.memory.push_string(value);
        }
    }

    fn trace_end(&mut self, mark: At) {
        if self.is_set(XTRACE) {
            if self.memory.byte(self.memory.top - 1) == b' ' {
                self.memory.top -= 1;
            }
            self.memory.push(b'\n');
            let _ = self.write(2, mark);
        }
        self.memory.top = mark;
    }

    fn trace(&mut self, mut words: Words) {
        while words.count > 0 {
            let word = self.next_word(&mut words);
            self.push_quoted(word);
            self.memory.push(b' ');
        }
    }

    #[inline(never)]
    fn with_command(&mut self, node: At, mut words: Words, last: bool) -> Run {
        let all = words;
        let mut by_command = false;
        let mut meaning = self.meaning(words.at, true);
        while meaning.builtin() == Some(builtin::COMMAND) {
            let mut rest = words;
            self.next_word(&mut rest);
            // There is no other path than PATH for `-p`.
            while rest.count > 0 && matches!(self.memory.string(rest.at), b"-p" | b"--") {
                self.next_word(&mut rest);
            }
            if rest.count == 0 || self.memory.byte(rest.at) == b'-' {
                break;
            }
            words = rest;
            by_command = true;
            meaning = self.meaning(words.at, false);
        }
        let redirections = self.child(node, 3);
        if meaning == Meaning::PROGRAM {
            if last && self.traps.first() == Some(&0) {
                self.become_child();
            } else {
                self.give_back();
                if !self.fork_and_wait(node)? {
                    return Ok(());
                }
            }
            let _ = self.program(node, all, words, redirections);
            self.exiting = true;
            return Err(Fail);
        }
        let special = meaning.is_special() && !by_command;
        let is_exec = meaning.builtin() == Some(builtin::EXEC);
        let mut saved = Saved::NOTHING;
        let ready = self.redirect(redirections, if is_exec { None } else { Some(&mut saved) });
        let done = match ready {
            Ok(()) => self.inner(node, meaning, all, words, special, last),
            Err(Fail) if self.exiting || special => Err(Fail),
            Err(Fail) => Ok(()),
        };
        self.restore(&saved);
        done
    }

    /// A built-in or a function, with its assignments.
    fn inner(
        &mut self,
        node: At,
        meaning: Meaning,
        all: Words,
        words: Words,
        special: bool,
        last: bool,
    ) -> Run {
        let frame = self.frame();
        let depth = self.depth;
        let mark = self.memory.top;
        self.trace_begin();
        let list = self.child(node, 1);
        let ready = self.assignments(list, !special, !special);
        if self.is_set(XTRACE) {
            self.trace(all);
        }
        self.trace_end(mark);
        let done = ready.and_then(|()| match meaning.builtin() {
            None => self.call(meaning.0, words, &frame).map(|()| self.status),
            Some(number) => self.builtin(number, words, last),
        });
        if !special {
            self.restore_locals(frame.locals);
        }
        match done {
            Ok(status) => self.status = status,
            Err(Fail) if self.exiting || special || meaning.builtin().is_none() => {
                return Err(Fail);
            }
            Err(Fail) => {
                self.unwind(&frame);
                self.depth = depth;
                self.memory.top = mark;
            }
        }
        Ok(())
    }

    /// In a process of its own: becomes the program. What comes back is a failure that was told.
    fn program(&mut self, node: At, all: Words, words: Words, redirections: At) -> Run {
        self.redirect(redirections, None)?;
        let mark = self.memory.top;
        self.trace_begin();
        let list = self.child(node, 1);
        self.assignments(list, true, false)?;
        if self.is_set(XTRACE) {
            self.trace(all);
        }
        self.trace_end(mark);
        self.execute(words)
    }

    /// Becomes the program that the first word names, with all words as its arguments.
    pub(crate) fn execute(&mut self, words: Words) -> Run {
        let strings = self.memory.top;
        let mut rest = words;
        while rest.count > 0 {
            let word = self.next_word(&mut rest);
            self.memory.push_whole(word);
        }
        self.push_environment();
        self.memory.push(0);
        if self.memory.full {
            return self.out_of_memory();
        }
        let (errno, path) = self.try_paths(words, strings);
        if errno == ENOEXEC {
            return self.own_script(path, words);
        }
        let is_missing = errno == ENOENT || errno == ENOTDIR;
        if is_missing && self.is_hosts(words.at) {
            let (used, free) = self.memory.used_and_free();
            let vector = used.get(strings..path - 1).unwrap_or_default();
            self.status = self.host.builtin(vector, words.count, free);
            // It has been performed, which is the end of this process also at a prompt.
            self.ends = true;
            return Err(Fail);
        }
        if is_missing {
            self.say(words.at, b"not found", 0);
        } else {
            self.say(words.at, b"cannot execute", errno);
        }
        self.status = if is_missing { 127 } else { 126 };
        Err(Fail)
    }

    /// Whether the host performs a command of this name itself, where there is no program.
    pub(crate) fn is_hosts(&self, name: At) -> bool {
        let name = self.memory.string(name);
        !name.is_empty() && self.host.builtins().split(|byte| *byte == b' ').any(|own| own == name)
    }

    /// Tries every place where the program may be. Gives the errno that says most, and the last path.
    fn try_paths(&mut self, words: Words, strings: At) -> (i32, At) {
        let end = self.memory.top;
        let (mut best, mut directory) = (ENOENT, 0);
        loop {
            let path = end;
            self.memory.top = end;
            if !self.next_path(words.at, &mut directory) {
                return (best, path);
            }
            let (used, free) = self.memory.used_and_free();
            let path_text = used.get(path..).unwrap_or_default();
            let path_text = core::ffi::CStr::from_bytes_until_nul(path_text).unwrap_or_default();
            let vector = used.get(strings..end - 1).unwrap_or_default();
            let errno = self.host.execute(path_text, vector, words.count, free);
            match errno {
                ENOENT | ENOTDIR => {}
                EACCES => best = errno,
                _ => return (errno, path),
            }
        }
    }

    /// Appends the next path that a command's name can mean; `at` is where PATH goes on, at first 0.
    pub(crate) fn next_path(&mut self, name: At, at: &mut At) -> bool {
        let has_slash = self.memory.string(name).contains(&b'/');
        let path = self.memory.word(self.symbols.path + entry::VALUE);
        let is_first = *at == 0;
        if has_slash || path == 0 {
            *at = usize::MAX;
            self.memory.push_whole(name);
            return is_first;
        }
        if is_first {
            *at = path;
        } else if self.memory.byte(*at) == 0 {
            return false;
        } else {
            *at += 1;
        }
        let length = self.memory.length_to(*at, b':');
        self.memory.push_copy(*at, length);
        if length > 0 {
            self.memory.push(b'/');
        }
        self.memory.push_whole(name);
        *at += length;
        true
    }

    fn push_environment(&mut self) {
        let (mut symbol, mut bucket) = (0, 0);
        loop {
            symbol = self.next_symbol(symbol, &mut bucket);
            if symbol == 0 {
                return;
            }
            let value = self.memory.word(symbol + entry::VALUE);
            if self.flags(symbol) & EXPORTED != 0 && value != 0 {
                let name = symbol + entry::NAME;
                self.memory.push_string(name);
                self.memory.push(b'=');
                self.memory.push_whole(value);
            }
        }
    }

    /// A file without a head that the kernel knows is a script for us, as execvp(3) has it.
    fn own_script(&mut self, path: At, words: Words) -> Run {
        let (mut symbol, mut bucket) = (0, 0);
        loop {
            symbol = self.next_symbol(symbol, &mut bucket);
            if symbol == 0 {
                break;
            }
            self.memory.set_word(symbol + entry::FUNCTION, 0);
        }
        self.name = path;
        self.memory.top = self.memory.after(path);
        let mut parameters = words;
        self.next_word(&mut parameters);
        self.parameters = parameters;
        self.parameters_block = 0;
        self.options = 0;
        (self.functions, self.sourced, self.loops, self.tested) = (0, 0, 0, 0);
        self.base = 0;
        self.read_script()?;
        self.script(true)
    }
}
