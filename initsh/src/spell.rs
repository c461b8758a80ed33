//! Trees as the text of commands, for a person who asks what a job does.

use core::ops::RangeInclusive;

use crate::host::Host;
use crate::lexer::REDIRECTIONS;
use crate::limits::DEPTH;
use crate::memory::At;
use crate::shell::Shell;
use crate::tree::{FIELD, code, kind, operator, redirection};

/// The kinds of nodes from `PIPE` on. A digit stands for the command in that field, `W` for the word in the first,
/// `V` for the words in the second, `L` for the list in the first, with what is left between its commands.
const TEXTS: &[u8] =
    b"L | \n! 1\n1 && 2\n1 || 2\nL; \n1 &\nif 1; then 2; fi\nwhile 1; do 2; done\n\
    until 1; do 2; done\nfor W in V; do 3; done\ncase W in ... esac\n1\n(1)\nW() { ...; }";

/// The operators of `tree::operator` from `BAD` on, two bytes each.
const OPERATORS: &[u8; 20] = b"  - = ? +   # ##% %%";

impl<H: Host> Shell<'_, H> {
    /// Appends what a tree was read from, more or less. What is too deep to be evaluated is left out.
    pub(crate) fn spell(&mut self, node: At) {
        self.depth += 1;
        if self.depth <= DEPTH {
            self.spell_node(node);
        }
        self.depth -= 1;
    }

    fn spell_node(&mut self, node: At) {
        let which = self.memory.word(node) & 0xff;
        let mut redirections = self.child(node, 3);
        if which == kind::SIMPLE {
            self.spell_words(node, 1..=2);
        } else {
            self.spell_text(node, TEXTS.split(|byte| *byte == b'\n').nth(which - kind::PIPE));
            redirections = if which == kind::REDIRECTED { self.child(node, 2) } else { 0 };
        }
        self.spell_redirections(redirections);
    }

    fn spell_text(&mut self, node: At, text: Option<&[u8]>) {
        let mut text = text.unwrap_or_default();
        let first = self.child(node, 1);
        while let Some((byte, rest)) = text.split_first() {
            text = rest;
            match byte {
                b'1'..=b'3' => {
                    let inner = self.child(node, usize::from(byte - b'0'));
                    self.spell(inner);
                }
                b'W' => {
                    self.spell_word(first);
                }
                b'V' => self.spell_words(node, 2..=2),
                b'L' => return self.spell_list(first, text),
                byte => self.memory.push(*byte),
            }
        }
    }

    /// The words in these fields, with blanks between them.
    fn spell_words(&mut self, node: At, fields: RangeInclusive<usize>) {
        let start = self.memory.top;
        for field in fields {
            let mut list = self.child(node, field);
            while list != 0 {
                if self.memory.top > start {
                    self.memory.push(b' ');
                }
                let word = self.child(list, 1);
                self.spell_word(word);
                list = self.child(list, 0);
            }
        }
    }

    fn spell_list(&mut self, mut item: At, between: &[u8]) {
        while item != 0 {
            let command = self.child(item, 1);
            self.spell(command);
            item = self.child(item, 0);
            if item != 0 {
                self.memory.push_bytes(between);
            }
        }
    }

    fn spell_redirections(&mut self, mut list: At) {
        while list != 0 {
            let packed = self.memory.word(list + FIELD);
            let (which, number) = (packed as u8, packed >> 8);
            let sign = REDIRECTIONS.get(usize::from(which)).copied().unwrap_or_default();
            self.memory.push(b' ');
            if which >= redirection::HERE {
                self.memory.push_bytes(b"<<...");
            } else {
                self.memory.push_number(number as i64);
                self.memory.push_bytes(sign);
                let word = self.child(list, 2);
                self.spell_word(word);
            }
            list = self.child(list, 0);
        }
    }

    /// Appends a word up to its end, or that of the word in it; gives the place behind.
    fn spell_word(&mut self, mut at: At) -> At {
        loop {
            let mut byte = self.memory.byte(at);
            at += 1;
            let is_plain = byte == code::ESCAPE;
            if is_plain {
                byte = self.memory.byte(at);
                at += 1;
            }
            match byte {
                _ if is_plain => self.spell_byte(byte),
                0 | code::END => return at,
                code::QUOTE => self.memory.push(b'"'),
                code::COMMAND => {
                    self.memory.push_bytes(b"$(...)");
                    at += 5;
                }
                code::ARITHMETIC => {
                    self.memory.push_bytes(b"$((");
                    at = self.spell_word(at);
                    self.memory.push_bytes(b"))");
                }
                code::PARAMETER => at = self.spell_parameter(at),
                byte => self.spell_byte(byte),
            }
        }
    }

    fn spell_byte(&mut self, byte: u8) {
        if matches!(byte, b'\'' | b'\\' | b'"' | b'$') {
            self.memory.push(b'\\');
        }
        self.memory.push(byte);
    }

    fn spell_parameter(&mut self, mut at: At) -> At {
        let packed = self.memory.byte(at);
        let which = packed & operator::MASK;
        self.memory.push_bytes(if which == operator::LENGTH { b"${#" } else { b"${" });
        loop {
            at += 1;
            match self.memory.byte(at) {
                0 | code::NAME_END => break,
                byte => self.memory.push(byte),
            }
        }
        at += 1;
        if operator::has_word(packed) {
            if packed & operator::COLON != 0 {
                self.memory.push(b':');
            }
            let start = 2 * usize::from(which - operator::BAD);
            let text = OPERATORS.get(start..start + 2).unwrap_or_default();
            self.memory.push_bytes(text.trim_ascii_end());
            at = self.spell_word(at);
        }
        self.memory.push(b'}');
        at
    }
}
