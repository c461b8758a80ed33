//! Tokens, and words with their quotes and expansions as codes. XCU 2.2, 2.3.

use core::mem;

use crate::host::Host;
use crate::memory::At;
use crate::reader::{Reader, Token};
use crate::shell::{Fail, Run, Shell};
use crate::symbols::is_name_byte;
use crate::tree::{code, operator};

/// What ends a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A blank or an operator.
    Blank,
    /// `"`
    Quote,
    /// `}`
    Brace,
    /// `))`
    Arithmetic,
    /// The end of the source: a here-document.
    Source,
}

/// The numbers of `tree::redirection`.
pub(crate) const REDIRECTIONS: [&[u8]; 9] =
    [b"<", b">", b">>", b">|", b"<>", b"<&", b">&", b"<<", b"<<-"];

/// Reserved words; their numbers begin with 1.
pub(crate) mod keyword {
    pub const IF: u8 = 1;
    pub const THEN: u8 = 2;
    pub const ELSE: u8 = 3;
    pub const ELIF: u8 = 4;
    pub const FI: u8 = 5;
    pub const DO: u8 = 6;
    pub const DONE: u8 = 7;
    pub const WHILE: u8 = 8;
    pub const UNTIL: u8 = 9;
    pub const FOR: u8 = 10;
    pub const CASE: u8 = 11;
    pub const ESAC: u8 = 12;
    pub const IN: u8 = 13;
    pub const OPEN: u8 = 14;
    pub const CLOSE: u8 = 15;
    pub const NOT: u8 = 16;
}

const KEYWORDS: &[u8] = b"if then else elif fi do done while until for case esac in { } !";

/// The number of a reserved word, or 0.
pub(crate) fn keyword_of(word: &[u8]) -> u8 {
    if word.is_empty() || word.len() > 5 {
        return 0;
    }
    let found = KEYWORDS.split(|byte| *byte == b' ').position(|known| known == word);
    found.map_or(0, |place| place as u8 + 1)
}

impl<H: Host> Shell<'_, H> {
    /// The next token, which stays the next one.
    pub(crate) fn peek(&mut self) -> Run<Token> {
        if !self.reader.waiting {
            self.next_token()?;
            self.reader.waiting = true;
        }
        Ok(self.reader.token)
    }

    fn next_token(&mut self) -> Run {
        loop {
            match self.look_joined() {
                b' ' | b'\t' => self.bump(),
                b'#' => {
                    while !matches!(self.look(0), 0 | b'\n') {
                        self.bump();
                    }
                }
                _ => break,
            }
        }
        self.reader.mark_token();
        self.reader.keyword = 0;
        self.reader.number = 255;
        let byte = self.look_joined();
        let (single, double, twice) = match byte {
            0 => (Token::End, b'\0', Token::End),
            b'\n' => (Token::Newline, b'\0', Token::Newline),
            b';' => (Token::Semicolon, b';', Token::EndOfItem),
            b'&' => (Token::Background, b'&', Token::And),
            b'|' => (Token::Pipe, b'|', Token::Or),
            b'(' => (Token::Open, b'\0', Token::Open),
            b')' => (Token::Close, b'\0', Token::Close),
            b'<' | b'>' => {
                self.redirection_token();
                return Ok(());
            }
            _ => return self.word_token(),
        };
        self.reader.token = single;
        if byte != 0 {
            self.bump();
        }
        if double != 0 && self.accept(double) {
            self.reader.token = twice;
        }
        if matches!(single, Token::Newline | Token::End) && self.reader.pending.first != 0 {
            return self.here_documents();
        }
        Ok(())
    }

    fn redirection_token(&mut self) {
        let first = self.look(0);
        self.bump();
        let second = self.look_joined();
        let mut kind = u8::from(first == b'>');
        for (place, operator) in REDIRECTIONS.iter().enumerate() {
            if *operator == [first, second] {
                self.bump();
                kind = place as u8;
            }
        }
        if kind == crate::tree::redirection::HERE && self.accept(b'-') {
            kind += 1;
        }
        self.reader.redirection = kind;
        self.reader.token = Token::Redirection;
    }

    fn word_token(&mut self) -> Run {
        self.reader.word = self.memory.top;
        self.text(Until::Blank, false)?;
        self.memory.push(0);
        let word = self.reader.word;
        self.reader.token = Token::Word;
        if let [digit @ b'0'..=b'9'] = *self.memory.string(word)
            && matches!(self.look(0), b'<' | b'>')
        {
            self.memory.top = word;
            self.reader.number = digit - b'0';
            self.redirection_token();
            return Ok(());
        }
        self.reader.keyword = keyword_of(self.memory.string(word));
        if self.memory.full { self.out_of_memory() } else { Ok(()) }
    }

    /// Appends a byte of the script.
    #[inline(never)]
    pub(crate) fn push_literal(&mut self, byte: u8) {
        if byte <= code::ARITHMETIC {
            self.memory.push(code::ESCAPE);
        }
        self.memory.push(byte);
    }

    /// Appends a text with its codes, up to what ends it.
    pub(crate) fn text(&mut self, until: Until, quoted: bool) -> Run {
        let mut depth = 0_usize;
        loop {
            let byte = self.look_joined();
            match byte {
                0 if matches!(until, Until::Blank | Until::Source) => return Ok(()),
                0 => return self.unterminated(until),
                b'\\' => self.backslash(until, quoted),
                b'$' => self.dollar(quoted, until)?,
                b'`' => self.back_quotes(quoted)?,
                b'\'' if !quoted => self.single_quotes()?,
                b'"' if until != Until::Source => {
                    self.bump();
                    match until {
                        Until::Quote => return Ok(()),
                        Until::Arithmetic => {}
                        _ if quoted => self.text(Until::Quote, true)?,
                        _ => {
                            self.memory.push(code::QUOTE);
                            self.text(Until::Quote, true)?;
                            self.memory.push(code::QUOTE);
                        }
                    }
                }
                b'}' if until == Until::Brace => {
                    self.bump();
                    return Ok(());
                }
                b')' if until == Until::Arithmetic && depth == 0 => {
                    self.bump();
                    return if self.accept(b')') { Ok(()) } else { self.unterminated(until) };
                }
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
                    if until == Until::Blank =>
                {
                    return Ok(());
                }
                _ => {
                    if until == Until::Arithmetic {
                        depth += usize::from(byte == b'(');
                        depth -= usize::from(byte == b')');
                    }
                    self.bump();
                    self.push_literal(byte);
                }
            }
        }
    }

    fn unterminated<T>(&mut self, until: Until) -> Run<T> {
        self.syntax_error(match until {
            Until::Brace => b"missing '}'",
            Until::Arithmetic => b"missing '))'",
            _ => b"unterminated quoted string",
        })
    }

    fn backslash(&mut self, until: Until, quoted: bool) {
        self.bump();
        let byte = self.look(0);
        let escapes = match byte {
            0 => false,
            b'$' | b'`' | b'\\' => true,
            b'"' => !quoted || until != Until::Source,
            b'}' => !quoted || until == Until::Brace,
            _ => !quoted,
        };
        if escapes {
            self.bump();
            self.memory.push(code::ESCAPE);
            self.memory.push(byte);
        } else {
            // In an arithmetic expression and at the end of a source as well.
            self.memory.push(code::ESCAPE);
            self.memory.push(b'\\');
        }
    }

    fn single_quotes(&mut self) -> Run {
        self.bump();
        self.memory.push(code::QUOTE);
        loop {
            let byte = self.look(0);
            if byte == 0 {
                return self.unterminated(Until::Quote);
            }
            self.bump();
            if byte == b'\'' {
                break;
            }
            self.push_literal(byte);
        }
        self.memory.push(code::QUOTE);
        Ok(())
    }

    fn dollar(&mut self, quoted: bool, until: Until) -> Run {
        self.bump();
        let byte = self.look_joined();
        match byte {
            b'(' => {
                self.bump();
                if !self.accept(b'(') {
                    return self.command_substitution();
                }
                self.memory.push(code::ARITHMETIC);
                self.nested_text(Until::Arithmetic, true)?;
                self.memory.push(code::END);
            }
            b'{' => {
                self.bump();
                return self.braces(quoted && until != Until::Arithmetic);
            }
            _ => {
                self.memory.push(code::PARAMETER);
                self.memory.push(0x80 | operator::NONE);
                if self.parameter_name(false) {
                    self.memory.push(code::NAME_END);
                } else {
                    self.memory.top -= 2;
                    self.memory.push(b'$');
                }
            }
        }
        Ok(())
    }

    /// A text within a text; how deep, is bounded.
    fn nested_text(&mut self, until: Until, quoted: bool) -> Run {
        self.enter()?;
        self.text(until, quoted)?;
        self.reader.depth -= 1;
        Ok(())
    }

    /// Appends the name of a parameter. In braces a number may have many digits.
    fn parameter_name(&mut self, in_braces: bool) -> bool {
        let first = self.look_joined();
        match first {
            b'0'..=b'9' => loop {
                let digit = self.look_joined();
                self.memory.push(digit);
                self.bump();
                if !in_braces || !self.look_joined().is_ascii_digit() {
                    return true;
                }
            },
            b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' => {
                self.memory.push(first);
                self.bump();
            }
            _ if is_name_byte(first) => loop {
                let byte = self.look_joined();
                if !is_name_byte(byte) {
                    return true;
                }
                self.memory.push(byte);
                self.bump();
            },
            _ => return false,
        }
        true
    }

    fn braces(&mut self, quoted: bool) -> Run {
        self.memory.push(code::PARAMETER);
        let place = self.memory.top;
        self.memory.push(0);
        let mut kind = operator::NONE;
        // `${#x}` is a length; `${#}`, `${#-word}` and the like are about `$#`.
        if self.look_joined() == b'#' {
            let next = self.look(1);
            let of_special = matches!(next, b'?' | b'-' | b'#' | b'$' | b'!' | b'@' | b'*');
            if is_name_byte(next) || of_special && self.look(2) == b'}' {
                self.bump();
                kind = operator::LENGTH;
            }
        }
        if !self.parameter_name(true) {
            kind = operator::BAD;
        }
        self.memory.push(code::NAME_END);
        if self.accept(b'}') {
            self.memory.set_byte(place, 0x80 | kind);
            return Ok(());
        }
        let kind = if kind == operator::NONE { self.operator() } else { operator::BAD };
        self.memory.set_byte(place, 0x80 | kind);
        let is_pattern = kind & operator::MASK >= operator::PREFIX;
        self.nested_text(Until::Brace, quoted && !is_pattern)?;
        if kind == operator::BAD {
            // Only its name is needed, for the error; what follows is skipped as a word is.
            self.memory.set_byte(place, 0x80 | operator::BAD | operator::COLON);
        }
        self.memory.push(code::END);
        Ok(())
    }

    fn operator(&mut self) -> u8 {
        let colon = if self.accept(b':') { operator::COLON } else { 0 };
        let byte = self.look_joined();
        let kind = match byte {
            b'-' => operator::DEFAULT,
            b'=' => operator::ASSIGN,
            b'?' => operator::ERROR,
            b'+' => operator::OTHER,
            b'#' if colon == 0 => operator::PREFIX,
            b'%' if colon == 0 => operator::SUFFIX,
            _ => return operator::BAD,
        };
        self.bump();
        let doubles = kind >= operator::PREFIX && self.accept(byte);
        (kind | colon) + u8::from(doubles)
    }

    /// Reads commands up to `)` within a word. The tree comes behind what the word has so far, so that moves up.
    fn command_substitution(&mut self) -> Run {
        let (word, pending) = (self.reader.word, mem::take(&mut self.reader.pending));
        // Functions outside wait for here-documents outside, not for those that are read within.
        let functions = mem::take(&mut self.reader.functions);
        let length = self.memory.top - word;
        let tree = self.nested_list(Token::Close)?;
        (self.reader.pending, self.reader.functions) = (pending, functions);
        self.end_substitution(word, length, tree);
        Ok(())
    }

    fn end_substitution(&mut self, word: At, length: usize, tree: At) {
        self.reader.word = self.memory.top;
        self.memory.push_copy(word, length);
        self.memory.push(code::COMMAND);
        self.memory.push_address(tree);
    }

    fn nested_list(&mut self, end: Token) -> Run<At> {
        self.enter()?;
        let tree = self.list()?;
        if self.peek()? != end {
            return Err(self.unexpected());
        }
        self.reader.waiting = false;
        self.reader.depth -= 1;
        Ok(tree)
    }

    fn back_quotes(&mut self, quoted: bool) -> Run {
        self.bump();
        let (word, length) = (self.reader.word, self.memory.top - self.reader.word);
        let text = self.memory.top;
        let line = self.reader.line;
        loop {
            let mut byte = self.look(0);
            if byte == 0 {
                return self.unterminated(Until::Quote);
            }
            self.bump();
            if byte == b'`' {
                break;
            }
            if byte == b'\\' {
                let next = self.look(0);
                if matches!(next, b'`' | b'\\' | b'$') || quoted && next == b'"' {
                    self.bump();
                    byte = next;
                }
            }
            self.memory.push(byte);
        }
        let inner = Reader::string(text, self.memory.top - text, line);
        let tree = self.read_within(inner, |shell| shell.nested_list(Token::End))?;
        self.end_substitution(word, length, tree);
        Ok(())
    }

    /// Reads from another source for a while.
    pub(crate) fn read_within<T>(
        &mut self,
        mut inner: Reader,
        read: impl FnOnce(&mut Self) -> Result<T, Fail>,
    ) -> Run<T> {
        inner.depth = self.reader.depth;
        let outer = mem::replace(&mut self.reader, inner);
        let read = read(self);
        self.reader = outer;
        read
    }
}
