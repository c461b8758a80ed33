//! A POSIX shell without heap, for init scripts and for rescue.
//!
//! Text becomes tokens, tokens a tree, the tree is evaluated. All of it lives in one region of memory that
//! the caller hands over, and every effect goes through `Host`: nothing here makes a system call.
//!
//! - `memory`: the region: a stack for what a command needs, a heap for what outlives it.
//! - `lexer`, `parser`, `tree`: from text to trees. A word keeps its quotes as codes.
//! - `expand` and those beside it: from words to fields.
//! - `eval`, `command`, `process`: what a tree does.
//! - `jobs`: groups of processes and the terminal that they share.
//! - `converse`, `editor`, `complete`: talking with a person.
//! - `builtins`: what the shell does itself.
#![no_std]
#![forbid(unsafe_code)]

mod words;

pub use words::{WordError, next_word};

mod host;
pub mod limits;
mod memory;
mod options;
mod shell;
mod symbols;

mod here_document;
mod lexer;
mod parser;
mod reader;
mod tree;

mod arithmetic;
mod expand;
mod glob;
mod parameter;
mod pattern;

mod command;
mod eval;
mod function;
mod process;
mod redirect;
mod signals;

mod jobs;
mod spell;

mod complete;
mod converse;
mod editor;

mod builtins;

pub use host::{FileStatus, Host, Identity, Keys, Look, Open, SignalAction, Wait, Wake};
pub use shell::Shell;
