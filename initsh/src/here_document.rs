//! Here-documents: their texts follow the line. XCU 2.7.4.

use core::mem;

use crate::host::Host;
use crate::lexer::Until;
use crate::memory::At;
use crate::reader::Reader;
use crate::shell::{Run, Shell};
use crate::tree::{FIELD, code, redirection};

impl<H: Host> Shell<'_, H> {
    /// Reads the word that will end a here-document, without its quotes. Whether it had any.
    pub(crate) fn delimiter(&mut self) -> Run<(At, bool)> {
        while matches!(self.look_joined(), b' ' | b'\t') {
            self.bump();
        }
        let start = self.memory.top;
        let (mut quote, mut quoted) = (0, false);
        loop {
            let byte = self.look(0);
            match byte {
                0 if quote != 0 => return self.syntax_error(b"unterminated quoted string"),
                b'\'' | b'"' if quote == 0 || quote == byte => {
                    quote ^= byte;
                    quoted = true;
                }
                b'\\' if quote != b'\'' => {
                    self.bump();
                    quoted = true;
                    let next = self.look(0);
                    self.memory.push(next);
                }
                0 | b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
                    if quote == 0 =>
                {
                    break;
                }
                _ => self.memory.push(byte),
            }
            self.bump();
        }
        if self.memory.top == start && !quoted {
            self.next_token_for_error()?;
        }
        self.memory.push(0);
        Ok((start, quoted))
    }

    fn next_token_for_error(&mut self) -> Run {
        self.peek()?;
        Err(self.unexpected())
    }

    /// Reads the texts of all here-documents of the line that has just ended.
    pub(crate) fn here_documents(&mut self) -> Run {
        let mut node = mem::take(&mut self.reader.pending).first;
        while node != 0 {
            let redirection = self.memory.word(node + FIELD);
            let delimiter = self.memory.word(redirection + 2 * FIELD);
            let quoted = self.memory.word(redirection + 3 * FIELD) != 0;
            let kind = self.memory.word(redirection + FIELD) as u8;
            let body = self.here_document(delimiter, quoted, kind == redirection::HERE_TABS)?;
            self.memory.set_word(redirection + 2 * FIELD, body);
            node = self.memory.word(node);
        }
        // Functions that were read before their here-documents end only now.
        let mut function = mem::take(&mut self.reader.functions);
        while function != 0 {
            let end = function + 4 * FIELD;
            function = self.memory.word(end);
            self.memory.set_word(end, self.memory.top);
        }
        Ok(())
    }

    fn here_document(&mut self, delimiter: At, quoted: bool, strip_tabs: bool) -> Run<At> {
        let line = self.reader.line;
        let start = self.memory.top;
        if quoted {
            self.memory.push(code::QUOTE);
        }
        self.raw_lines(delimiter, quoted, strip_tabs);
        if quoted {
            self.memory.push(code::QUOTE);
            self.memory.push(0);
            return Ok(start);
        }
        let inner = Reader::string(start, self.memory.top - start, line);
        self.read_within(inner, |shell| {
            shell.reader.mark_token();
            shell.reader.word = shell.memory.top;
            shell.memory.push(code::QUOTE);
            shell.text(Until::Source, true)?;
            shell.memory.push(code::QUOTE);
            shell.memory.push(0);
            Ok(shell.reader.word)
        })
    }

    /// Appends lines up to the delimiter.
    fn raw_lines(&mut self, delimiter: At, quoted: bool, strip_tabs: bool) {
        loop {
            let start = self.memory.top;
            while strip_tabs && self.look(0) == b'\t' {
                self.bump();
            }
            let ended = self.raw_line(quoted);
            let length = self.memory.top - start;
            if self.memory.slice(start, length) == self.memory.string(delimiter) {
                self.memory.top = start;
                return;
            }
            if !ended {
                return;
            }
            self.memory.push(b'\n');
        }
    }

    /// Appends a line without its end; false when the source has ended.
    fn raw_line(&mut self, quoted: bool) -> bool {
        loop {
            let byte = if quoted { self.look(0) } else { self.look_joined() };
            match byte {
                0 => return false,
                b'\n' => {
                    self.bump();
                    return true;
                }
                b'\\' if !quoted => {
                    self.bump();
                    self.memory.push(byte);
                    let next = self.look(0);
                    if next != 0 {
                        self.memory.push(next);
                        self.bump();
                    }
                }
                _ => {
                    self.bump();
                    if quoted {
                        self.push_literal(byte);
                    } else {
                        self.memory.push(byte);
                    }
                }
            }
        }
    }
}
