//! Where a script comes from: a string, or a file that is read piece by piece.

use crate::host::Host;
use crate::limits::READ_BYTES;
use crate::memory::At;
use crate::shell::Shell;
use crate::tree::List;

/// What the lexer found.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Token {
    #[default]
    End,
    Newline,
    Semicolon,
    Background,
    And,
    Or,
    Pipe,
    Open,
    Close,
    EndOfItem,
    Redirection,
    Word,
}

/// How far a file may be read ahead.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Ahead {
    /// As far as we like: nobody else reads it.
    #[default]
    Any,
    /// What is not used is given back before a command runs.
    Seek,
    /// Not at all.
    Byte,
}

/// A source of text and what was last found in it. What is used most stands first, as in the shell.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Reader {
    /// What has been read and not been used yet.
    pub at: At,
    pub end: At,
    /// Where the token's word stands, also while it is being read.
    pub word: At,
    /// `token` has been read, and nobody has taken it yet.
    pub waiting: bool,
    pub token: Token,
    /// Its reserved word, or 0.
    pub keyword: u8,
    /// The kind of a redirection, and its descriptor; 255 is the usual one.
    pub redirection: u8,
    pub number: u8,
    pub ahead: Ahead,
    /// A command has begun, and its next line has another prompt.
    pub goes_on: bool,
    /// There is nothing more to read; a terminal would begin anew.
    ended: bool,
    /// -1 for a string.
    pub descriptor: i32,
    /// How deep commands stand in each other.
    pub depth: u16,
    pub line: u32,
    column: u32,
    pub token_line: u32,
    token_column: u32,
    buffer: At,
    /// Here-documents whose text comes behind the line: redirections and functions that hold them.
    pub pending: List,
    pub functions: At,
}

impl Reader {
    pub fn string(at: At, length: usize, line: u32) -> Self {
        Self { at, end: at + length, descriptor: -1, line, ..Self::default() }
    }

    pub fn file(descriptor: i32, buffer: At, ahead: Ahead) -> Self {
        Self { at: buffer, end: buffer, descriptor, buffer, ahead, line: 1, ..Self::default() }
    }

    /// The place of the token, for an error.
    pub const fn place(&self) -> (u32, u32) {
        (self.token_line, self.token_column + 1)
    }

    pub const fn is_at_line_start(&self) -> bool {
        self.column == 0
    }

    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Forgets the rest of what was read.
    pub const fn forget(&mut self) {
        (self.at, self.end) = (self.buffer, self.buffer);
        (self.column, self.ended) = (0, false);
    }

    pub const fn mark_token(&mut self) {
        self.token_line = self.line;
        self.token_column = self.column;
    }
}

impl<H: Host> Shell<'_, H> {
    /// The byte at that distance, 0 behind the end.
    pub(crate) fn look(&mut self, distance: usize) -> u8 {
        while self.reader.at + distance >= self.reader.end {
            if !self.refill() {
                return 0;
            }
        }
        self.memory.byte(self.reader.at + distance)
    }

    /// Reads more of a file behind what is left; false where there is no more. NULs are left out, as other shells do it.
    #[inline(never)]
    fn refill(&mut self) -> bool {
        let reader = &mut self.reader;
        if reader.descriptor < 0 || reader.ended {
            return false;
        }
        let left = reader.end.saturating_sub(reader.at);
        self.memory.copy(reader.at, reader.buffer, left);
        reader.at = reader.buffer;
        reader.end = reader.buffer + left;
        // Files that `.` reads have no prompt.
        if left == 0
            && reader.column == 0
            && reader.descriptor == 0
            && self.options & crate::options::INTERACTIVE != 0
        {
            let comes = self.await_line();
            self.reader.ended = !comes;
            if !comes || self.editor.line != 0 {
                return comes;
            }
        }
        let reader = &mut self.reader;
        let length = if reader.ahead == Ahead::Byte { 1 } else { READ_BYTES - left };
        let Some(room) = self.memory.at_mut(reader.end, length) else { return false };
        let read = self.host.read(reader.descriptor, room);
        let count = read.unwrap_or(0);
        if self.options & crate::options::VERBOSE != 0 {
            let _ = self.host.write(2, self.memory.slice(reader.end, count));
        }
        reader.ended = count == 0;
        reader.end += self.memory.drop_nuls(reader.end, count);
        if let Err(errno) = read {
            self.say(0, b"cannot read", errno);
            // XCU 2.8.1
            self.status = 128;
        }
        count > 0
    }

    /// Uses the byte that was looked at.
    pub(crate) fn bump(&mut self) {
        if self.memory.byte(self.reader.at) == b'\n' {
            self.reader.line += 1;
            self.reader.column = 0;
        } else {
            self.reader.column += 1;
        }
        self.reader.at += 1;
    }

    /// The next byte behind joined lines.
    #[inline(never)]
    pub(crate) fn look_joined(&mut self) -> u8 {
        loop {
            let byte = self.look(0);
            if byte != b'\\' || self.look(1) != b'\n' {
                return byte;
            }
            self.bump();
            self.bump();
        }
    }

    /// Uses this byte if it comes next.
    #[inline(never)]
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let comes = self.look_joined() == byte;
        if comes {
            self.bump();
        }
        comes
    }

    /// Gives back what was read ahead, so that a command reads on where we stopped.
    pub(crate) fn give_back(&mut self) {
        let left = self.reader.end.saturating_sub(self.reader.at);
        if self.reader.ahead == Ahead::Seek && left > 0 {
            let _ = self.host.seek(self.reader.descriptor, -(left as i64));
            self.reader.end = self.reader.at;
        }
    }
}
