//! From tokens to trees. XCU 2.10.

use crate::builtins::is_special;
use crate::host::Host;
use crate::lexer::{keyword, keyword_of};
use crate::limits::NESTING;
use crate::memory::At;
use crate::reader::Token;
use crate::shell::{Fail, Run, Shell};
use crate::symbols::entry;
use crate::tree::{FIELD, List, kind, redirection};

impl<H: Host> Shell<'_, H> {
    /// Reads the commands of a line, or of more where they go on. 0 for an empty line; nothing at the end.
    pub(crate) fn unit(&mut self) -> Run<Option<At>> {
        self.reader.depth = 0;
        self.reader.goes_on = false;
        match self.peek()? {
            Token::End => Ok(None),
            Token::Newline => {
                self.reader.waiting = false;
                Ok(Some(0))
            }
            _ => self.commands(false).map(Some),
        }
    }

    /// Reads commands up to what cannot begin one; newlines separate them.
    pub(crate) fn list(&mut self) -> Run<At> {
        self.commands(true)
    }

    fn commands(&mut self, over_lines: bool) -> Run<At> {
        let mut list = List::default();
        let mut first = 0;
        loop {
            if over_lines {
                self.newlines()?;
            }
            if self.ends_list()? {
                break;
            }
            let mut command = self.and_or()?;
            let separator = self.peek()?;
            if separator == Token::Background {
                command = self.node(kind::BACKGROUND, &[command]);
            }
            if first == 0 {
                first = command;
            }
            list.push(&mut self.memory, command);
            match separator {
                Token::Background | Token::Semicolon => self.reader.waiting = false,
                Token::Newline if over_lines => {}
                Token::Newline => {
                    self.reader.waiting = false;
                    break;
                }
                _ => break,
            }
            if !over_lines && self.peek()? == Token::Newline {
                self.reader.waiting = false;
                break;
            }
        }
        if !over_lines && !matches!(self.reader.token, Token::Newline | Token::End) {
            return Err(self.unexpected());
        }
        if self.memory.word(list.first) == 0 {
            return Ok(first);
        }
        Ok(self.node(kind::LIST, &[list.first]))
    }

    /// Whether here nothing can begin that belongs to a list.
    fn ends_list(&mut self) -> Run<bool> {
        Ok(match self.peek()? {
            Token::End | Token::Close | Token::EndOfItem => true,
            Token::Word => matches!(
                self.reader.keyword,
                keyword::THEN..=keyword::DONE | keyword::ESAC | keyword::CLOSE
            ),
            _ => false,
        })
    }

    fn node(&mut self, kind: usize, fields: &[usize]) -> At {
        self.node_at(kind, self.reader.token_line, fields)
    }

    #[inline(never)]
    fn node_at(&mut self, kind: usize, line: u32, fields: &[usize]) -> At {
        let at = self.memory.top;
        self.memory.push_word(kind | (line as usize) << 8);
        self.memory.node(fields);
        at
    }

    #[inline(never)]
    fn newlines(&mut self) -> Run {
        while self.peek()? == Token::Newline {
            self.reader.waiting = false;
        }
        Ok(())
    }

    fn and_or(&mut self) -> Run<At> {
        let mut left = self.piped_commands()?;
        loop {
            let kind = match self.peek()? {
                Token::And => kind::AND,
                Token::Or => kind::OR,
                _ => return Ok(left),
            };
            self.reader.waiting = false;
            self.newlines()?;
            let right = self.piped_commands()?;
            left = self.node(kind, &[left, right]);
        }
    }

    fn piped_commands(&mut self) -> Run<At> {
        let negated = self.accept_keyword(keyword::NOT)?;
        let mut list = List::default();
        let mut command = self.command()?;
        while self.peek()? == Token::Pipe {
            self.reader.waiting = false;
            self.newlines()?;
            list.push(&mut self.memory, command);
            command = self.command()?;
        }
        if list.first != 0 {
            list.push(&mut self.memory, command);
            command = self.node(kind::PIPE, &[list.first]);
        }
        Ok(if negated { self.node(kind::NOT, &[command]) } else { command })
    }

    #[inline(never)]
    fn accept_keyword(&mut self, keyword: u8) -> Run<bool> {
        let comes = self.peek()? == Token::Word && self.reader.keyword == keyword;
        if comes {
            self.reader.waiting = false;
        }
        Ok(comes)
    }

    #[inline(never)]
    fn expect(&mut self, keyword: u8) -> Run {
        if self.accept_keyword(keyword)? { Ok(()) } else { Err(self.unexpected()) }
    }

    /// One more level of commands within each other.
    pub(crate) fn enter(&mut self) -> Run {
        self.reader.depth += 1;
        if self.reader.depth > NESTING {
            return self
                .syntax_error(b"commands stand too deep in each other; -o limits tells the bound");
        }
        Ok(())
    }

    fn command(&mut self) -> Run<At> {
        self.enter()?;
        let token = self.peek()?;
        let line = self.reader.token_line;
        let command = match (token, self.reader.keyword) {
            (Token::Open, _) => {
                self.reader.waiting = false;
                let list = self.some_list()?;
                if self.peek()? != Token::Close {
                    return Err(self.unexpected());
                }
                self.reader.waiting = false;
                self.node(kind::SUBSHELL, &[list])
            }
            (Token::Word, 0 | keyword::IN) | (Token::Redirection, _) => {
                self.reader.depth -= 1;
                return self.simple_command();
            }
            (Token::Word, keyword) => {
                self.reader.waiting = false;
                match keyword {
                    keyword::OPEN => {
                        let list = self.some_list()?;
                        self.expect(keyword::CLOSE)?;
                        list
                    }
                    keyword::IF => self.if_command()?,
                    keyword::WHILE => self.loop_command(kind::WHILE)?,
                    keyword::UNTIL => self.loop_command(kind::UNTIL)?,
                    keyword::FOR => self.for_command(line)?,
                    keyword::CASE => self.case_command(line)?,
                    _ => return Err(self.unexpected()),
                }
            }
            _ => return Err(self.unexpected()),
        };
        self.reader.depth -= 1;
        let mut redirections = List::default();
        while self.peek()? == Token::Redirection {
            self.redirection(&mut redirections)?;
        }
        if redirections.first == 0 {
            return Ok(command);
        }
        Ok(self.node_at(kind::REDIRECTED, line, &[command, redirections.first]))
    }

    /// A list that is not empty.
    #[inline(never)]
    fn some_list(&mut self) -> Run<At> {
        let list = self.list()?;
        if list == 0 { Err(self.unexpected()) } else { Ok(list) }
    }

    fn if_command(&mut self) -> Run<At> {
        let condition = self.some_list()?;
        self.expect(keyword::THEN)?;
        let then = self.some_list()?;
        let otherwise = if self.accept_keyword(keyword::ELIF)? {
            // Each elif is one more level within the tree.
            self.enter()?;
            let inner = self.if_command()?;
            self.reader.depth -= 1;
            inner
        } else {
            let list = if self.accept_keyword(keyword::ELSE)? { self.some_list()? } else { 0 };
            self.expect(keyword::FI)?;
            list
        };
        Ok(self.node(kind::IF, &[condition, then, otherwise]))
    }

    fn loop_command(&mut self, kind: usize) -> Run<At> {
        let condition = self.some_list()?;
        let body = self.do_group()?;
        Ok(self.node(kind, &[condition, body]))
    }

    fn do_group(&mut self) -> Run<At> {
        self.expect(keyword::DO)?;
        let body = self.some_list()?;
        self.expect(keyword::DONE)?;
        Ok(body)
    }

    fn for_command(&mut self, line: u32) -> Run<At> {
        let name = self.word()?;
        if !self.memory.is_name(name) {
            return self.syntax_error(b"bad for loop variable");
        }
        self.newlines()?;
        let mut words = List::default();
        let has_words = self.accept_keyword(keyword::IN)?;
        if has_words {
            while self.peek()? == Token::Word {
                let word = self.word()?;
                words.push(&mut self.memory, word);
            }
            if !matches!(self.peek()?, Token::Semicolon | Token::Newline) {
                return Err(self.unexpected());
            }
        }
        if self.peek()? == Token::Semicolon {
            self.reader.waiting = false;
        }
        self.newlines()?;
        let body = self.do_group()?;
        Ok(self.node_at(kind::FOR, line, &[name, words.first, body, has_words.into()]))
    }

    /// The next token, which must be a word.
    #[inline(never)]
    fn word(&mut self) -> Run<At> {
        if self.peek()? != Token::Word {
            return Err(self.unexpected());
        }
        self.reader.waiting = false;
        Ok(self.reader.word)
    }

    fn case_command(&mut self, line: u32) -> Run<At> {
        let word = self.word()?;
        self.newlines()?;
        self.expect(keyword::IN)?;
        let mut items = List::default();
        loop {
            self.newlines()?;
            if self.accept_keyword(keyword::ESAC)? {
                break;
            }
            let mut patterns = List::default();
            if self.peek()? == Token::Open {
                self.reader.waiting = false;
            }
            loop {
                let pattern = self.word()?;
                patterns.push(&mut self.memory, pattern);
                if self.peek()? != Token::Pipe {
                    break;
                }
                self.reader.waiting = false;
            }
            if self.peek()? != Token::Close {
                return Err(self.unexpected());
            }
            self.reader.waiting = false;
            let body = self.list()?;
            let item = self.memory.node(&[0, patterns.first, body]);
            items.link(&mut self.memory, item);
            if self.peek()? != Token::EndOfItem {
                self.expect(keyword::ESAC)?;
                break;
            }
            self.reader.waiting = false;
        }
        Ok(self.node_at(kind::CASE, line, &[word, items.first]))
    }

    fn redirection(&mut self, list: &mut List) -> Run {
        let (which, number) = (self.reader.redirection, self.reader.number);
        self.reader.waiting = false;
        let is_here = matches!(which, redirection::HERE | redirection::HERE_TABS);
        let (word, quoted) = if is_here { self.delimiter()? } else { (self.word()?, false) };
        let number = match number {
            255 => u8::from(!matches!(
                which,
                redirection::READ
                    | redirection::BOTH
                    | redirection::COPY_INPUT
                    | redirection::HERE
                    | redirection::HERE_TABS
            )),
            number => number,
        };
        let packed = usize::from(which) | usize::from(number) << 8;
        let node = self.memory.node(&[0, packed, word, quoted.into()]);
        list.link(&mut self.memory, node);
        if is_here {
            let mut pending = self.reader.pending;
            pending.push(&mut self.memory, node);
            self.reader.pending = pending;
        }
        Ok(())
    }

    fn simple_command(&mut self) -> Run<At> {
        let line = self.reader.token_line;
        let start = self.reader.word;
        let (mut assignments, mut words) = (List::default(), List::default());
        let mut redirections = List::default();
        loop {
            match self.peek()? {
                Token::Redirection => self.redirection(&mut redirections)?,
                Token::Word => {
                    let word = self.word()?;
                    if words.first == 0 && self.memory.assigned_name(word) > 0 {
                        assignments.push(&mut self.memory, word);
                        continue;
                    }
                    let is_first = words.first == 0;
                    words.push(&mut self.memory, word);
                    let alone = is_first && assignments.first == 0 && redirections.first == 0;
                    if alone && self.peek()? == Token::Open {
                        return self.function(word, start, line);
                    }
                }
                _ => break,
            }
        }
        let fields = [assignments.first, words.first, redirections.first];
        Ok(self.node_at(kind::SIMPLE, line, &fields))
    }

    fn function(&mut self, name: At, start: At, line: u32) -> Run<At> {
        self.reader.waiting = false;
        if self.peek()? != Token::Close {
            return Err(self.unexpected());
        }
        self.reader.waiting = false;
        let can_be_name = self.memory.is_name(name) && keyword_of(self.memory.string(name)) == 0;
        let number = self.memory.word(self.known_symbol(name) + entry::BUILTIN) as u8;
        if !can_be_name || is_special(number) && number != 0 {
            return self.syntax_error(b"bad function name");
        }
        self.newlines()?;
        let had_pending = self.reader.pending.first;
        let body = self.command()?;
        let node = self.node_at(kind::FUNCTION, line, &[name, body, start, 0]);
        let end = self.memory.top;
        if self.reader.pending.first != had_pending {
            self.memory.set_word(node + 4 * FIELD, self.reader.functions);
            self.reader.functions = node;
        } else {
            self.memory.set_word(node + 4 * FIELD, end);
        }
        Ok(node)
    }

    /// What comes next cannot come here.
    pub(crate) fn unexpected(&mut self) -> Fail {
        let words: &[u8] = match self.reader.token {
            Token::End => b"end of file unexpected",
            Token::Newline => b"newline unexpected",
            Token::Semicolon => b"';' unexpected",
            Token::Background => b"'&' unexpected",
            Token::And => b"'&&' unexpected",
            Token::Or => b"'||' unexpected",
            Token::Pipe => b"'|' unexpected",
            Token::Open => b"'(' unexpected",
            Token::Close => b"')' unexpected",
            Token::EndOfItem => b"';;' unexpected",
            Token::Redirection => b"redirection unexpected",
            Token::Word => b"word unexpected",
        };
        self.no_script(words)
    }
}
