//! Trees: nodes of numbers on the stack, children before their parents.
//!
//! Addresses in a tree are those at which it was read. A function's tree is copied to the heap as it is;
//! `Shell::base` is then the distance that is added to every address in it.

use crate::memory::{At, Memory};

/// What a node is: the lowest byte of its first number; the line stands above it. Beside each its other numbers.
pub(crate) mod kind {
    /// assignments, words, redirections
    pub const SIMPLE: usize = 1;
    /// list of commands
    pub const PIPE: usize = 2;
    /// command
    pub const NOT: usize = 3;
    /// left, right
    pub const AND: usize = 4;
    /// left, right
    pub const OR: usize = 5;
    /// list of commands
    pub const LIST: usize = 6;
    /// command
    pub const BACKGROUND: usize = 7;
    /// condition, then, else
    pub const IF: usize = 8;
    /// condition, body
    pub const WHILE: usize = 9;
    /// condition, body
    pub const UNTIL: usize = 10;
    /// name, words, body, whether there are words
    pub const FOR: usize = 11;
    /// word, list of items
    pub const CASE: usize = 12;
    /// command, redirections
    pub const REDIRECTED: usize = 13;
    /// list
    pub const SUBSHELL: usize = 14;
    /// name, body, first address, end
    pub const FUNCTION: usize = 15;
}

/// Codes within words. Bytes of the script with these values stand behind `ESCAPE`.
pub(crate) mod code {
    /// The next byte is quoted.
    pub const ESCAPE: u8 = 1;
    /// Quoting begins or ends.
    pub const QUOTE: u8 = 2;
    /// An operator, a name, `NAME_END`; a word and `END` where the operator has one.
    pub const PARAMETER: u8 = 3;
    /// Ends a name.
    pub const NAME_END: u8 = 4;
    /// Ends a word within a word.
    pub const END: u8 = 5;
    /// A tree's address in five bytes: the output of commands.
    pub const COMMAND: u8 = 6;
    /// A word and `END`: an arithmetic expression.
    pub const ARITHMETIC: u8 = 7;
}

/// Operators of `${…}`. In a word bit 7 is set beside them, so that none looks like a code.
pub(crate) mod operator {
    pub const NONE: u8 = 0;
    /// `${#x}`
    pub const LENGTH: u8 = 1;
    /// Something that is no operator; it is an error when it is expanded.
    pub const BAD: u8 = 2;
    /// `-`
    pub const DEFAULT: u8 = 3;
    /// `=`
    pub const ASSIGN: u8 = 4;
    /// `?`
    pub const ERROR: u8 = 5;
    /// `+`
    pub const OTHER: u8 = 6;
    /// `#`
    pub const PREFIX: u8 = 8;
    /// `##`
    pub const LONG_PREFIX: u8 = 9;
    /// `%`
    pub const SUFFIX: u8 = 10;
    /// `%%`
    pub const LONG_SUFFIX: u8 = 11;
    /// `:` before one of the four that ask whether there is a value: an empty one counts as none.
    pub const COLON: u8 = 0x10;
    pub const MASK: u8 = 0x0f;

    /// Whether a word stands behind the name. `BAD` with `COLON` has what the brackets held.
    pub const fn has_word(packed: u8) -> bool {
        packed & MASK >= DEFAULT || packed & (COLON | MASK) == BAD | COLON
    }
}

/// Redirections. The order is that of `REDIRECTIONS` in the lexer.
pub(crate) mod redirection {
    pub const READ: u8 = 0;
    pub const WRITE: u8 = 1;
    pub const APPEND: u8 = 2;
    pub const BOTH: u8 = 4;
    pub const COPY_INPUT: u8 = 5;
    pub const COPY_OUTPUT: u8 = 6;
    pub const HERE: u8 = 7;
    pub const HERE_TABS: u8 = 8;
}

/// Bytes of a number in a node.
pub(crate) const FIELD: usize = 4;

/// A list under construction: pairs of the next one and a value.
#[derive(Clone, Copy, Default)]
pub(crate) struct List {
    pub first: At,
    last: At,
}

impl List {
    /// Appends a value.
    #[inline(never)]
    pub fn push(&mut self, memory: &mut Memory<'_>, value: At) {
        let node = memory.node(&[0, value]);
        self.link(memory, node);
    }

    /// Appends a node whose first number is its link.
    #[inline(never)]
    pub fn link(&mut self, memory: &mut Memory<'_>, node: At) {
        if self.first == 0 {
            self.first = node;
        } else {
            memory.set_word(self.last, node);
        }
        self.last = node;
    }
}

impl Memory<'_> {
    /// Appends a node.
    #[inline(never)]
    pub fn node(&mut self, fields: &[usize]) -> At {
        let at = self.top;
        for field in fields {
            self.push_word(*field);
        }
        at
    }

    /// Appends an address so that no byte of it is a code or NUL.
    pub fn push_address(&mut self, at: At) {
        for shift in 0..5 {
            self.push(0x80 | (at >> (7 * shift)) as u8 & 0x7f);
        }
    }

    /// Reads it.
    pub fn address(&self, at: At) -> At {
        (0..5).rev().fold(0, |sum, place| sum << 7 | usize::from(self.byte(at + place) & 0x7f))
    }
}
