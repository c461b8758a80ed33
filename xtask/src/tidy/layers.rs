//! Checks which modules of `src/` use which: only those below them are allowed.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::Finding;

/// From the bottom to the top. A new module gets its place here.
const LAYERS: &[&str] =
    &["text", "input", "sys", "facts", "plan", "run", "report", "supervise", "role"];

/// Uses that are forbidden although the order would allow them: what parses or plans makes no system call.
const FORBIDDEN: &[(&str, &str)] = &[("input", "sys"), ("plan", "sys")];

/// Files of `src/` that stand above all layers.
const ABOVE: &[&str] = &["lib", "main", "start"];

/// Forbidden uses in the tokens of one file. Tokens are looked at instead of syntax because paths also
/// stand in macro calls, which are not parsed.
pub fn violations(name: &Path, tokens: TokenStream) -> Vec<Finding> {
    let Some(module) = module_of(name) else { return Vec::new() };
    if ABOVE.contains(&module.name.as_str()) {
        return Vec::new();
    }
    if !LAYERS.contains(&module.name.as_str()) {
        let order = LAYERS.join(", ");
        return vec![(1, format!("module {} is none of {order}", module.name))];
    }
    let mut uses = Vec::new();
    find_uses(tokens, module.depth, &mut uses);
    uses.into_iter()
        .filter_map(|(line, used)| Some((line, complaint(&module.name, &used)?)))
        .collect()
}

/// A file's place in the crate.
struct Module {
    /// The module below the crate's root that the file belongs to.
    name: String,
    /// How many times `super` leads from the file to the crate's root.
    depth: usize,
}

/// `src/plan/mod.rs` and `src/plan.rs` are one below the root, `src/plan/boot.rs` is two.
fn module_of(name: &Path) -> Option<Module> {
    let mut parts: Vec<String> = name
        .with_extension("")
        .strip_prefix("src")
        .ok()?
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    Some(Module { name: parts.first()?.clone(), depth: parts.len() })
}

/// The reason why `module` may not use `used`, if there is one.
fn complaint(module: &str, used: &str) -> Option<String> {
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    if used == module {
        return None;
    }
    if FORBIDDEN.contains(&(module, used)) {
        return Some(format!("{module} may not use {used}: it makes no system calls"));
    }
    match (place(used), place(module)) {
        (Some(used_place), Some(own)) if used_place < own => None,
        (Some(_), _) => Some(format!("{module} may not use {used}, which stands above it")),
        (None, _) => Some(format!("{used} at the crate's root is none of {}", LAYERS.join(", "))),
    }
}

/// The names directly below the crate's root that are used, with their lines.
fn find_uses(tokens: TokenStream, depth: usize, uses: &mut Vec<(usize, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        match token {
            TokenTree::Group(group) => {
                // An inline module, `mod tests { … }`, is one more below the root.
                let inline = index >= 2 && is_word(tokens.get(index - 2), "mod");
                find_uses(group.stream(), depth + usize::from(inline), uses);
                index += 1;
            }
            TokenTree::Ident(_) => {
                let (root, length) = path_to_root(&tokens[index..], depth);
                if root {
                    first_names(tokens.get(index + length), uses);
                }
                index += length.max(1);
            }
            _ => index += 1,
        }
    }
}

/// Whether a path that starts here leads to the crate's root, and how many tokens that part of it has.
fn path_to_root(tokens: &[TokenTree], depth: usize) -> (bool, usize) {
    if is_word(tokens.first(), "crate") && is_colons(&tokens[1..]) {
        return (true, 3);
    }
    let start = if is_word(tokens.first(), "self") && is_colons(&tokens[1..]) { 3 } else { 0 };
    let mut supers = 0;
    let mut length = start;
    while is_word(tokens.get(length), "super") && is_colons(&tokens[length + 1..]) {
        supers += 1;
        length += 3;
    }
    (supers > 0 && supers == depth, length)
}

/// The name that follows the root, or the names of a group: `{a, b::c}`.
fn first_names(token: Option<&TokenTree>, uses: &mut Vec<(usize, String)>) {
    match token {
        Some(TokenTree::Ident(word)) => uses.push((word.span().start().line, word.to_string())),
        Some(TokenTree::Group(group)) => {
            let mut at_start = true;
            for token in group.stream() {
                if at_start {
                    first_names(Some(&token), uses);
                }
                at_start = matches!(&token, TokenTree::Punct(p) if p.as_char() == ',');
            }
        }
        Some(other) => uses.push((other.span().start().line, other.to_string())),
        None => {}
    }
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let colon =
        |t: Option<&TokenTree>| matches!(t, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(tokens.first()) && colon(tokens.get(1))
}
