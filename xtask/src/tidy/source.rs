//! Rules for one Rust file: lengths, first line, unsafe, unfinished work.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Finding, layers};

const MOST_LINES: usize = 500;
const MOST_FUNCTION_LINES: usize = 70;
const LONGEST_FIRST_LINE: usize = 80;

/// The only folders with unsafe code: system calls, and the entry point.
const UNSAFE_FOLDERS: &[&str] = &["src/sys", "src/start"];

/// Macros that say that something is missing.
const UNFINISHED: &[&str] = &[concat!("to", "do"), "unimplemented"];

/// All rules that the file breaks.
pub fn violations(name: &Path, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(length_violation(text));
    found.extend(first_line_violation(text));
    match text.parse::<TokenStream>() {
        Ok(tokens) => {
            let unsafe_allowed = UNSAFE_FOLDERS.iter().any(|folder| name.starts_with(folder));
            scan(tokens.clone(), unsafe_allowed, &mut found);
            found.extend(layers::violations(name, tokens));
        }
        Err(error) => found.push((error.span().start().line, format!("not Rust: {error}"))),
    }
    match syn::parse_file(text) {
        Ok(file) => {
            let mut functions = Functions { found: &mut found };
            functions.visit_file(&file);
        }
        Err(error) => found.push((error.span().start().line, format!("not Rust: {error}"))),
    }
    found
}

fn length_violation(text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > MOST_LINES).then(|| (lines, format!("{lines} lines, a file has at most {MOST_LINES}")))
}

fn first_line_violation(text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty());
    if !says {
        return Some((1, "the first line does not say, after //!, what lives here".to_owned()));
    }
    let length = first.chars().count();
    (length > LONGEST_FIRST_LINE).then(|| {
        (1, format!("first line of {length} characters, {LONGEST_FIRST_LINE} are allowed"))
    })
}

/// Looks at every token, in macros too. What stands in comments and strings is no token of its own.
fn scan(tokens: TokenStream, unsafe_allowed: bool, found: &mut Vec<Finding>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let line = token.span().start().line;
        let after = tokens.get(index + 1);
        match token {
            TokenTree::Group(group) => scan(group.stream(), unsafe_allowed, found),
            TokenTree::Ident(word) if word == "unsafe" && !unsafe_allowed => {
                let folders = UNSAFE_FOLDERS.join(" and ");
                found.push((line, format!("unsafe stands only below {folders}")));
            }
            TokenTree::Ident(word) if is_punct(after, '!') && is_unfinished(word) => {
                found.push((line, format!("{word}!: finish it")));
            }
            TokenTree::Punct(punct) if punct.as_char() == '#' && ignores(after) => {
                found.push((line, "an ignored test proves nothing".to_owned()));
            }
            _ => {}
        }
    }
}

fn is_unfinished(word: &proc_macro2::Ident) -> bool {
    UNFINISHED.iter().any(|name| word == name)
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// Whether a token is the bracket of an `ignore` attribute, behind `cfg_attr` too.
fn ignores(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    let mut words = group.stream().into_iter();
    match words.next() {
        Some(TokenTree::Ident(word)) if word == "ignore" => true,
        Some(TokenTree::Ident(word)) if word == "cfg_attr" => match words.next() {
            Some(TokenTree::Group(inner)) => {
                let is_ignore = |t| matches!(t, TokenTree::Ident(word) if word == "ignore");
                inner.stream().into_iter().skip(1).any(is_ignore)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Measures functions, from `fn` to the closing brace.
struct Functions<'a> {
    found: &'a mut Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = signature.span().start().line;
        let lines = body.span().end().line - first + 1;
        if lines > MOST_FUNCTION_LINES {
            let name = &signature.ident;
            let what =
                format!("{name} has {lines} lines, at most {MOST_FUNCTION_LINES} are allowed");
            self.found.push((first, what));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
