//! The shell: what it holds, how it starts, reads and ends.

use core::mem;

use crate::editor::Editor;
use crate::expand::Field;
use crate::host::{Host, Identity, Open};
use crate::jobs::Job;
use crate::limits::{JOBS, MEMORY_BYTES, READ_BYTES};
use crate::memory::{At, Memory};
use crate::options::{COMMAND, INTERACTIVE, MONITOR, STDIN};
use crate::reader::{Ahead, Reader};
use crate::signals::TRAPS;
use crate::symbols::{EXPORTED, Symbols};

/// The shell must end, or go back to its prompt. The message is out, the exit status is in `Shell::status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fail;

/// What evaluation answers.
pub(crate) type Run<T = ()> = Result<T, Fail>;

/// What is left undone on the way out of loops and functions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Skip {
    #[default]
    Nothing,
    Break,
    Continue,
    Return,
}

/// Consecutive NUL-terminated words.
#[derive(Clone, Copy, Default)]
pub(crate) struct Words {
    pub at: At,
    pub count: usize,
}

/// A shell over a host and a region of memory. What is used most stands first: a place below 128 takes one byte in an
/// instruction, others four. The address of the memory is that of the shell, so that it needs no register of its own.
#[repr(C)]
pub struct Shell<'m, H: Host> {
    pub(crate) memory: Memory<'m>,
    pub(crate) host: &'m mut H,
    pub(crate) status: i32, // `$?`
    pub(crate) options: u32,
    pub(crate) skip: Skip,
    /// `exit` was called, or the shell replaced itself in vain: nothing catches the `Fail`.
    pub(crate) exiting: bool,
    pub(crate) ends: bool, // `exit` was called: an interactive shell ends too.
    pub(crate) starting: bool, // The command line is being read.
    pub(crate) dry: bool,  // Arithmetic only is read.
    pub(crate) has_traps: bool,
    pub(crate) is_child: bool,    // A process of its own below the shell.
    pub(crate) cursor: At,        // Arithmetic: what is left of the expression.
    pub(crate) field: Field,      // The field that is being built.
    pub(crate) reader: Reader,    // Where commands are read from now.
    pub(crate) parameters: Words, // `$@`, and the heap block that they stand in, or 0.
    pub(crate) parameters_block: At,
    pub(crate) base: usize, // What is added to addresses of the tree that is evaluated.
    pub(crate) name: At,    // `$0`, which errors begin with.
    pub(crate) line: usize, // `$LINENO`: the line of the command that is evaluated.
    pub(crate) words: Words, // What is left of the words of the built-in that is performed.
    /// Its number, and whether the process ends with it; nobody looks at them once it evaluates something.
    pub(crate) builtin: u8,
    pub(crate) is_last: bool,
    pub(crate) depth: u16, // How deep calls stand in each other; `limits::DEPTH` bounds it.
    pub(crate) warned: u8, // For how many commands a word about stopped jobs holds.
    /// What the person has typed so far is to be forgotten: the source has an end here.
    pub(crate) is_given_up: bool,
    pub(crate) is_typed: bool,  // Somebody types what is read.
    pub(crate) skip_count: u32, // How many loops `break` and `continue` still leave.
    /// How many loops of the running function, functions, and files of `.` we are in.
    pub(crate) loops: u32,
    pub(crate) functions: u32,
    pub(crate) sourced: u32,
    pub(crate) tested: u32, // How many conditions we are in, where `-e` does nothing.
    /// Saved values of the running function's local variables.
    pub(crate) locals: At,
    /// Options of the built-in: the next letter in its word, or 0; the argument of the one before.
    pub(crate) flag: At,
    pub(crate) argument: At,
    /// Where the word ended that was expanded last.
    pub(crate) cursor_after_word: At,
    pub(crate) symbols: Symbols,
    /// Which bytes are in IFS.
    pub(crate) ifs: [u32; 8],
    /// The status of the last command substitution of a command, if it had one.
    pub(crate) substituted: Option<i32>,
    /// `getopts`: the place of the next letter in its word; 0 where it begins with the next word.
    pub(crate) option_place: usize,
    /// Where jobs are controlled: the terminal that they share; else -1.
    pub(crate) terminal: i32,
    /// The group that we were in before, and how many jobs have begun.
    pub(crate) first_group: i32,
    pub(crate) begun: u32,
    /// The line that a person edits.
    pub(crate) editor: Editor,
    /// `$!`, or 0.
    pub(crate) last_background: i32,
    /// In the action of a trap: the status before it, which `exit` alone gives. XCU 2.14, exit
    pub(crate) before_action: Option<i32>,
    /// `$$`: the process that the shell began in.
    pub(crate) process: u32,
    /// The job at a place that is none.
    pub(crate) no_job: Job,
    pub(crate) jobs: [Job; JOBS],
    /// Actions of signals; 0 of EXIT.
    pub(crate) traps: [u32; TRAPS],
}

impl<'m, H: Host> Shell<'m, H> {
    /// A shell that has done nothing yet. The region must be all zero; no more than `bytes` of it are used.
    pub fn new(host: &'m mut H, memory: &'m mut [u8; MEMORY_BYTES], bytes: usize) -> Self {
        Self {
            host,
            memory: Memory::new(memory, bytes),
            symbols: Symbols::default(),
            reader: Reader::string(0, 0, 1),
            field: Field::default(),
            ifs: [0; 8],
            options: 0,
            starting: true,
            exiting: false,
            ends: false,
            status: 0,
            name: 0,
            parameters: Words::default(),
            parameters_block: 0,
            base: 0,
            words: Words::default(),
            builtin: 0,
            is_last: false,
            line: 0,
            skip: Skip::Nothing,
            skip_count: 0,
            loops: 0,
            functions: 0,
            sourced: 0,
            depth: 0,
            tested: 0,
            locals: 0,
            substituted: None,
            cursor: 0,
            dry: false,
            cursor_after_word: 0,
            option_place: 0,
            flag: 0,
            argument: 0,
            is_given_up: false,
            is_typed: false,
            warned: 0,
            terminal: -1,
            first_group: 0,
            begun: 0,
            editor: Editor::default(),
            jobs: [Job::NONE; JOBS],
            no_job: Job::NONE,
            last_background: 0,
            before_action: None,
            process: 0,
            traps: [0; TRAPS],
            has_traps: false,
            is_child: false,
        }
    }

    /// Reads the command line, then the script; gives the exit status.
    pub fn run(&mut self) -> i32 {
        if self.start().is_ok() {
            let interactive = self.is_set(INTERACTIVE);
            let _ = if interactive {
                self.converse()
            } else {
                self.control_jobs();
                self.script(true)
            };
        }
        let status = self.end();
        self.options &= !MONITOR;
        self.control_jobs();
        status
    }

    #[inline(never)]
    fn start(&mut self) -> Run {
        self.make_symbols();
        self.make_builtins();
        self.value_changed(self.symbols.ifs);
        self.process = self.host.identity(Identity::Process);
        self.import_environment()?;
        let ready = self.command_line();
        self.starting = false;
        ready
    }

    #[inline(never)]
    fn import_environment(&mut self) -> Run {
        let mark = self.memory.top;
        while let Some(variable) = self.host.next_variable() {
            self.memory.push_bytes(variable.to_bytes_with_nul());
            let length = self.memory.assigned_name(mark);
            if length > 0 {
                let symbol = self.symbol(mark, length);
                self.assign(symbol, mark + length + 1)?;
                self.set_flags(symbol, EXPORTED);
            }
            self.memory.top = mark;
        }
        self.assign_bytes(self.symbols.ifs, b" \t\n")?;
        self.set_flags(self.symbols.ifs, 0);
        for (name, value) in [(b"PS1", b"# "), (b"PS2", b"> "), (b"PS4", b"+ ")] {
            let symbol = self.own_symbol(name);
            if self.memory.word(symbol + crate::symbols::entry::VALUE) == 0 {
                self.assign_bytes(symbol, value)?;
            }
        }
        self.assign_number(self.symbols.optind, 1)?;
        let parent = self.own_symbol(b"PPID");
        let number = self.host.identity(Identity::Parent);
        self.assign_number(parent, number.into())?;
        self.find_directory()
    }

    #[inline(never)]
    fn command_line(&mut self) -> Run {
        let start = self.memory.top;
        let mut words = Words { at: start, count: 0 };
        while let Some(word) = self.host.next_argument() {
            self.memory.push_bytes(word.to_bytes_with_nul());
            words.count += 1;
        }
        self.name = self.next_word(&mut words);
        while let option @ 1.. = words.at
            && words.count > 0
            && matches!(self.memory.byte(option), b'-' | b'+')
        {
            self.next_word(&mut words);
            let text = self.memory.string(option);
            if matches!(text, b"-" | b"--") {
                break;
            }
            let operand = if words.count > 0 { words.at } else { 0 };
            if self.option_word(option, operand)? == 2 {
                self.next_word(&mut words);
            }
        }
        let mut text = 0;
        if self.is_set(COMMAND) {
            text = self.next_word(&mut words);
            if text == 0 {
                return self.fail(0, b"-c needs a command");
            }
            if words.count > 0 {
                self.name = self.next_word(&mut words);
            }
        } else if words.count > 0 && !self.is_set(STDIN) {
            self.name = self.next_word(&mut words);
            self.parameters = words;
            return self.read_script();
        } else {
            self.options |= STDIN;
        }
        self.parameters = words;
        if self.is_set(COMMAND) {
            self.options &= !COMMAND;
            self.reader = Reader::string(text, self.memory.length(text), 1);
        } else {
            if self.host.is_terminal(0) && self.host.is_terminal(2) {
                self.options |= INTERACTIVE;
            }
            let buffer = self.memory.allocate(READ_BYTES);
            let ahead = if self.host.seek(0, 0).is_ok() { Ahead::Seek } else { Ahead::Byte };
            self.reader = Reader::file(0, buffer, ahead);
        }
        Ok(())
    }

    /// Opens a file to be read as a script, under a number that redirections cannot reach.
    #[inline(never)]
    pub(crate) fn open_script(&mut self, path: At) -> Result<i32, i32> {
        let file = self.host.open(self.memory.c_string(path), Open::Read)?;
        let saved = self.host.save(file);
        self.host.close(file);
        saved
    }

    /// Makes the file that the shell is called after the source.
    pub(crate) fn read_script(&mut self) -> Run {
        match self.open_script(self.name) {
            Ok(file) => {
                let buffer = self.memory.allocate(READ_BYTES);
                self.reader = Reader::file(file, buffer, Ahead::Any);
                Ok(())
            }
            Err(errno) => {
                let name = self.name;
                let _: Run = self.fail_errno(name, b"cannot open", errno);
                self.status = if errno == 2 { 127 } else { 126 };
                Err(Fail)
            }
        }
    }

    /// Reads and evaluates until the source ends. The last command may replace this process where it ends with it.
    pub(crate) fn script(&mut self, replaceable: bool) -> Run {
        let mark = self.memory.top;
        loop {
            if self.terminal >= 0 && self.reader.descriptor >= 0 && !self.is_set(INTERACTIVE) {
                self.tell_jobs();
            }
            let unit = self.unit()?;
            if self.is_given_up {
                return Err(Fail);
            }
            if self.memory.full {
                // There is no saying what half a tree would do.
                return self.out_of_memory();
            }
            self.warned = self.warned.saturating_sub(1);
            let Some(tree) = unit else { return Ok(()) };
            if tree != 0 {
                self.give_back();
                let last = replaceable && self.at_end();
                let base = mem::replace(&mut self.base, 0);
                let evaluated = self.eval(tree, last);
                self.base = base;
                evaluated?;
            }
            self.memory.top = mark;
            if self.skip != Skip::Nothing {
                return Ok(());
            }
        }
    }

    /// Whether nothing but blanks is left of a string.
    fn at_end(&mut self) -> bool {
        if self.reader.descriptor >= 0 {
            return false;
        }
        while matches!(self.look(0), b' ' | b'\t' | b'\n') {
            self.bump();
        }
        !self.reader.waiting && self.look(0) == 0
    }

    /// Ends a shell with the action of EXIT; gives the exit status.
    pub(crate) fn end(&mut self) -> i32 {
        self.exiting = false;
        self.skip = Skip::Nothing;
        let _ = self.exit_trap();
        self.status & 0xff
    }

    /// The next word; 0 behind the last.
    pub(crate) fn next_word(&self, words: &mut Words) -> At {
        if words.count == 0 {
            return 0;
        }
        let at = words.at;
        words.count -= 1;
        words.at = self.memory.after(at);
        at
    }

    /// Writes what the stack has from `mark` on to a descriptor, and takes it off the stack.
    #[inline(never)]
    pub(crate) fn write(&mut self, descriptor: i32, mark: At) -> Result<(), i32> {
        let mut at = mark;
        let end = mem::replace(&mut self.memory.top, mark);
        while at < end {
            let bytes = self.memory.slice(at, end - at);
            match self.host.write(descriptor, bytes) {
                Ok(count) => at += count,
                Err(crate::process::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// The same to standard output, for a built-in, whose status it gives: 1 after a failure, which is told.
    #[inline(never)]
    pub(crate) fn output(&mut self, mark: At) -> Run<i32> {
        if self.memory.full {
            return self.out_of_memory();
        }
        let Err(errno) = self.write(1, mark) else { return Ok(0) };
        self.begin_error();
        self.memory.push_bytes(b"write error");
        self.end_error(mark, errno);
        Ok(1)
    }

    /// Begins an error: `NAME: LINE: `.
    #[inline(never)]
    pub(crate) fn begin_error(&mut self) {
        let name = self.name;
        self.memory.push_string(name);
        self.memory.push_bytes(b": ");
        if !self.starting {
            self.memory.push_bytes(b"line ");
            self.memory.push_number(self.line as i64);
            self.memory.push_bytes(b": ");
        }
    }

    /// Ends it: what the errno means, and a newline.
    #[inline(never)]
    pub(crate) fn end_error(&mut self, mark: At, errno: i32) {
        if errno != 0 {
            self.memory.push_bytes(b": ");
            let room = self.memory.room(64).unwrap_or_default();
            let length = self.host.message(errno, room);
            self.memory.top += length;
        }
        self.memory.push(b'\n');
        let _ = self.write(2, mark);
    }

    /// Says what is wrong with `operand`, if there is one.
    #[inline(never)]
    pub(crate) fn say(&mut self, operand: At, words: &[u8], errno: i32) {
        let mark = self.memory.top;
        self.begin_error();
        if operand != 0 {
            self.memory.push_string(operand);
            self.memory.push_bytes(b": ");
        }
        self.memory.push_bytes(words);
        self.end_error(mark, errno);
    }

    /// The same, and the shell ends with status 2 unless somebody catches it.
    #[inline(always)]
    pub(crate) fn fail<T>(&mut self, operand: At, words: &[u8]) -> Run<T> {
        Err(self.failed(operand, words))
    }

    #[inline(never)]
    fn failed(&mut self, operand: At, words: &[u8]) -> Fail {
        self.failed_call(operand, words, 0)
    }

    #[inline(always)]
    pub(crate) fn fail_errno<T>(&mut self, operand: At, words: &[u8], errno: i32) -> Run<T> {
        Err(self.failed_call(operand, words, errno))
    }

    #[inline(never)]
    fn failed_call(&mut self, operand: At, words: &[u8], errno: i32) -> Fail {
        self.say(operand, words, errno);
        self.status = 2;
        Fail
    }

    /// Says why the token that was read last cannot stand there; the shell ends with status 2 unless somebody catches it.
    #[inline(always)]
    pub(crate) fn syntax_error<T>(&mut self, words: &[u8]) -> Run<T> {
        Err(self.no_script(words))
    }

    #[inline(never)]
    pub(crate) fn no_script(&mut self, words: &[u8]) -> Fail {
        if self.is_given_up {
            return Fail;
        }
        let mark = self.memory.top;
        let (line, column) = self.reader.place();
        let name = self.name;
        self.memory.push_string(name);
        self.memory.push_bytes(b": line ");
        self.memory.push_number(line.into());
        self.memory.push_bytes(b", column ");
        self.memory.push_number(column.into());
        self.memory.push_bytes(b": syntax error: ");
        self.memory.push_bytes(words);
        self.end_error(mark, 0);
        self.status = 2;
        Fail
    }

    /// Says that the region is used up, which ends the shell.
    #[inline(always)]
    pub(crate) fn out_of_memory<T>(&mut self) -> Run<T> {
        Err(self.exhausted())
    }

    #[inline(never)]
    fn exhausted(&mut self) -> Fail {
        // Room for the message: all that the command had is lost with it.
        self.memory.top = self.memory.top.saturating_sub(256).max(256);
        self.memory.full = false;
        self.exiting = true;
        self.failed(0, b"out of memory; sh -o limits tells the bound")
    }
}
