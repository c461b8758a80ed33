//! Functions: their trees in the heap, calls, local variables.

use core::mem;

use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell, Skip, Words};
use crate::symbols::entry;
use crate::tree::FIELD;

/// A function's block: how many calls of it run, the base of its tree, its body, then the tree.
const CALLS: usize = 0;
const BASE: usize = 4;
const BODY: usize = 8;
const TREE: usize = 12;

/// What a call changes and gives back.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    parameters: Words,
    block: At,
    base: usize,
    pub locals: At,
    pub loops: u32,
    functions: u32,
    sourced: u32,
    tested: u32,
}

impl<H: Host> Shell<'_, H> {
    /// A function definition.
    pub(crate) fn define(&mut self, node: At) -> Run {
        let name = self.child(node, 1);
        let (start, end) = (self.child(node, 3), self.child(node, 4));
        let length = end - start;
        let block = self.memory.allocate(TREE + length);
        if block == 0 {
            return self.out_of_memory();
        }
        self.memory.set_word(block + CALLS, 0);
        let original = self.memory.word(node + 3 * FIELD);
        self.memory.set_word(block + BASE, (block + TREE).wrapping_sub(original));
        self.memory.set_word(block + BODY, self.memory.word(node + 2 * FIELD));
        self.memory.copy(start, block + TREE, length);
        let symbol = self.symbol(name, self.memory.length(name));
        self.remove_function(symbol);
        self.memory.set_word(symbol + entry::FUNCTION, block);
        self.status = 0;
        Ok(())
    }

    /// Forgets a function; its tree stays as long as a call of it runs.
    pub(crate) fn remove_function(&mut self, symbol: At) {
        let block = self.memory.word(symbol + entry::FUNCTION);
        self.memory.set_word(symbol + entry::FUNCTION, 0);
        if block != 0 && self.memory.word(block + CALLS) == 0 {
            self.memory.release(block);
        }
    }

    /// What a call will give back.
    pub(crate) const fn frame(&self) -> Frame {
        Frame {
            parameters: self.parameters,
            block: self.parameters_block,
            base: self.base,
            locals: self.locals,
            loops: self.loops,
            functions: self.functions,
            sourced: self.sourced,
            tested: self.tested,
        }
    }

    /// Gives it back, wherever a failure comes from.
    pub(crate) fn unwind(&mut self, frame: &Frame) {
        self.restore_locals(frame.locals);
        if self.parameters_block != frame.block {
            self.memory.release(self.parameters_block);
        }
        self.parameters = frame.parameters;
        self.parameters_block = frame.block;
        self.base = frame.base;
        self.loops = frame.loops;
        self.functions = frame.functions;
        self.sourced = frame.sourced;
        self.tested = frame.tested;
    }

    /// Calls a function with these words, its name first; then gives back what the frame has, which was taken before.
    pub(crate) fn call(&mut self, symbol: At, mut words: Words, frame: &Frame) -> Run {
        let block = self.memory.word(symbol + entry::FUNCTION);
        let calls = self.memory.word(block + CALLS);
        self.memory.set_word(block + CALLS, calls + 1);
        self.next_word(&mut words);
        self.parameters = words;
        self.parameters_block = 0;
        self.loops = 0;
        self.functions += 1;
        self.base = self.memory.word(block + BASE);
        let body = self.memory.word(block + BODY).wrapping_add(self.base) & 0xffff_ffff;
        let done = self.eval(body, false);
        self.unwind(frame);
        if self.skip == Skip::Return {
            self.skip = Skip::Nothing;
        }
        self.memory.set_word(block + CALLS, calls);
        if calls == 0 && self.memory.word(symbol + entry::FUNCTION) != block {
            self.memory.release(block);
        }
        done
    }

    /// Keeps a variable's value and flags, to be put back by `restore_locals`.
    pub(crate) fn save_local(&mut self, symbol: At) -> Run {
        let node = self.memory.allocate(4 * FIELD);
        if node == 0 {
            return self.out_of_memory();
        }
        let old = self.memory.word(symbol + entry::VALUE);
        let copy = if old == 0 { 0 } else { self.memory.keep(old) };
        if old != 0 && copy == 0 {
            return self.out_of_memory();
        }
        let flags = self.flags(symbol);
        for (field, value) in [self.locals, symbol, copy, flags].into_iter().enumerate() {
            self.memory.set_word(node + field * FIELD, value);
        }
        self.locals = node;
        Ok(())
    }

    /// Puts back all that was saved since the list ended at `end`.
    pub(crate) fn restore_locals(&mut self, end: At) {
        while self.locals != end && self.locals != 0 {
            let node = mem::replace(&mut self.locals, 0);
            self.locals = self.memory.word(node);
            let symbol = self.memory.word(node + FIELD);
            let value = self.memory.word(node + 2 * FIELD);
            let flags = self.memory.word(node + 3 * FIELD);
            let current = self.memory.word(symbol + entry::VALUE);
            self.memory.release(current);
            self.memory.set_word(symbol + entry::VALUE, value);
            self.set_flags(symbol, flags);
            self.memory.release(node);
            self.value_changed(symbol);
        }
    }
}
