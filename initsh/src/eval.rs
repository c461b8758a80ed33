//! What compound commands do. XCU 2.9.

use crate::host::Host;
use crate::limits::DEPTH;
use crate::memory::At;
use crate::options::{ERREXIT, INTERACTIVE, NOEXEC};
use crate::redirect::Saved;
use crate::shell::{Fail, Run, Shell, Skip};
use crate::tree::{FIELD, kind};

impl<H: Host> Shell<'_, H> {
    /// An address in the tree that is evaluated.
    pub(crate) fn child(&self, node: At, field: usize) -> At {
        match self.memory.word(node + field * FIELD) {
            0 => 0,
            at => at.wrapping_add(self.base) & 0xffff_ffff,
        }
    }

    /// Evaluates a tree. After the `last` command this process ends, so it may become that command.
    pub(crate) fn eval(&mut self, node: At, last: bool) -> Run {
        if node == 0 || self.is_set(NOEXEC) && !self.is_set(INTERACTIVE) {
            return Ok(());
        }
        self.depth += 1;
        let done = if self.depth > DEPTH { self.too_deep() } else { self.eval_node(node, last) };
        self.depth -= 1;
        done
    }

    fn too_deep(&mut self) -> Run {
        self.exiting = true;
        self.fail(0, b"too many calls within each other; sh -o limits tells the bound")
    }

    fn eval_node(&mut self, node: At, last: bool) -> Run {
        let kind = self.memory.word(node) & 0xff;
        let (mut first, mut second) = (0, 0);
        // Most are simple commands, which look at their fields themselves.
        if kind != kind::SIMPLE {
            (first, second) = (self.child(node, 1), self.child(node, 2));
        }
        match kind {
            kind::SIMPLE => self.simple(node, last)?,
            kind::PIPE => self.pipeline(node, first)?,
            kind::NOT => {
                self.condition(first)?;
                self.status = i32::from(self.status == 0);
                return Ok(());
            }
            which @ (kind::AND | kind::OR) => {
                self.condition(first)?;
                let goes_on = (self.status == 0) == (which == kind::AND);
                if goes_on && self.skip == Skip::Nothing {
                    return self.eval(second, last);
                }
                return Ok(());
            }
            kind::LIST => return self.eval_list(first, last),
            kind::BACKGROUND => return self.background(first),
            kind::IF => {
                self.condition(first)?;
                if self.skip != Skip::Nothing {
                    return Ok(());
                }
                let branch = if self.status == 0 { second } else { self.child(node, 3) };
                if branch == 0 {
                    self.status = 0;
                }
                return self.eval(branch, last);
            }
            which @ (kind::WHILE | kind::UNTIL) => {
                return self.eval_while(first, second, which == kind::UNTIL);
            }
            kind::FOR => return self.eval_for(node),
            kind::CASE => return self.eval_case(node, first, second, last),
            kind::REDIRECTED => return self.redirected(node, first, second),
            kind::SUBSHELL => self.subshell(node, first, last)?,
            _ => return self.define(node),
        }
        if self.has_traps || self.is_set(INTERACTIVE) {
            self.run_traps()?;
        }
        self.check_errors()
    }

    /// `-e`: a command that failed ends the shell, but in a condition.
    fn check_errors(&mut self) -> Run {
        let ends = self.status != 0 && self.is_set(ERREXIT) && self.tested == 0;
        if ends && self.skip == Skip::Nothing {
            self.exiting = true;
            self.ends = true;
            return Err(Fail);
        }
        Ok(())
    }

    /// A command whose status is looked at.
    fn condition(&mut self, node: At) -> Run {
        self.tested += 1;
        let done = self.eval(node, false);
        self.tested -= 1;
        done
    }

    fn eval_list(&mut self, mut item: At, last: bool) -> Run {
        while item != 0 && self.skip == Skip::Nothing {
            let next = self.child(item, 0);
            let command = self.child(item, 1);
            self.eval(command, last && next == 0)?;
            item = next;
        }
        Ok(())
    }

    /// Whether what `break`, `continue` and `return` ask for leaves this loop; else it goes on with its next round.
    fn leaves_loop(&mut self) -> bool {
        if self.skip == Skip::Return {
            return true;
        }
        self.skip_count -= 1;
        let leaves = self.skip_count > 0 || self.skip == Skip::Break;
        if self.skip_count == 0 {
            self.skip = Skip::Nothing;
        }
        leaves
    }

    fn eval_while(&mut self, condition: At, body: At, is_until: bool) -> Run {
        self.loops += 1;
        let mut status = 0;
        loop {
            self.condition(condition)?;
            if self.skip == Skip::Nothing {
                if (self.status == 0) == is_until {
                    break;
                }
                self.eval(body, false)?;
                status = self.status;
            }
            if self.skip != Skip::Nothing && self.leaves_loop() {
                status = self.status;
                break;
            }
        }
        self.loops -= 1;
        self.status = status;
        Ok(())
    }

    #[inline(never)]
    fn eval_for(&mut self, node: At) -> Run {
        let mark = self.memory.top;
        let mut words = if self.memory.word(node + 4 * FIELD) != 0 {
            let list = self.child(node, 2);
            self.words_of(list)?
        } else {
            let parameters = self.parameters;
            self.copy_words(parameters)
        };
        let (name, body) = (self.child(node, 1), self.child(node, 3));
        let symbol = self.symbol(name, self.memory.length(name));
        self.loops += 1;
        self.status = 0;
        while words.count > 0 {
            let word = self.next_word(&mut words);
            self.line = self.memory.word(node) >> 8;
            self.assign(symbol, word)?;
            self.eval(body, false)?;
            if self.skip != Skip::Nothing && self.leaves_loop() {
                break;
            }
        }
        self.loops -= 1;
        self.memory.top = mark;
        Ok(())
    }

    #[inline(never)]
    fn eval_case(&mut self, node: At, word: At, mut item: At, last: bool) -> Run {
        let mark = self.memory.top;
        self.line = self.memory.word(node) >> 8;
        let subject = self.single(word)?;
        let mut body = None;
        'items: while item != 0 {
            let mut patterns = self.child(item, 1);
            while patterns != 0 {
                let (before, word) = (self.memory.top, self.child(patterns, 1));
                let pattern = self.pattern(word)?;
                let matched = self.matches(pattern, subject);
                self.memory.top = before;
                if matched {
                    body = Some(self.child(item, 2));
                    break 'items;
                }
                patterns = self.child(patterns, 0);
            }
            item = self.child(item, 0);
        }
        self.memory.top = mark;
        match body {
            Some(body) if body != 0 => self.eval(body, last),
            _ => {
                self.status = 0;
                Ok(())
            }
        }
    }

    fn redirected(&mut self, node: At, command: At, redirections: At) -> Run {
        self.line = self.memory.word(node) >> 8;
        let mut saved = Saved::NOTHING;
        let ready = self.redirect(redirections, Some(&mut saved));
        let done = match ready {
            Ok(()) => self.eval(command, false),
            // As for a built-in that is not special.
            Err(Fail) if !self.exiting => self.check_errors(),
            failed => failed,
        };
        self.restore(&saved);
        done
    }
}
