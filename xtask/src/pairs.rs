//! `pairs`: chooses the byte pairs of `src/text/packed.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

use crate::layout;

pub const USAGE: &str = "\
pairs [--check]
    finds the byte pairs that pack the texts of src/ best, for all roles and for init alone,
    and writes src/text/pairs.rs; --check writes nothing: it says what other pairs would
    save, when that is much";

/// How many bytes other pairs may save without a word from `--check`.
const NOT_WORTH_IT: usize = 200;

// The same four as in src/text/packed.rs, which checks the table when it is compiled.
const FIRST_CODE: u8 = 0x7f;
const NEWLINE_ROW: usize = b'\n'.wrapping_sub(FIRST_CODE) as usize;
const MOST_ROWS: usize = b' '.wrapping_sub(FIRST_CODE) as usize;
const MOST_DEPTH: usize = 8;

/// Two bytes, each a character or a code.
type Pair = [u8; 2];

/// The roles that a table is for.
struct Roles {
    /// Their cargo features.
    features: &'static [&'static str],
    /// The `cfg` that the table gets in the source.
    condition: &'static str,
    /// What messages call them.
    words: &'static str,
}

/// In the order of src/text/pairs.rs. Which table a build with other roles packs with, its condition says.
const TABLES: [Roles; 2] = [
    Roles {
        features: crate::build::ROLES,
        condition: "any(feature = \"run\", feature = \"boot\")",
        words: "all roles",
    },
    Roles {
        features: &["init"],
        condition: "not(any(feature = \"run\", feature = \"boot\"))",
        words: "init alone",
    },
];

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let path = layout::root().join("src/text/pairs.rs");
    if check {
        report_savings(&path)?
    } else {
        write_tables(&path)?
    }
    Ok(ExitCode::SUCCESS)
}

fn write_tables(path: &Path) -> Result<()> {
    let mut text = "//! The pairs of packed texts. Written by `cargo xtask pairs`.\n".to_owned();
    for roles in &TABLES {
        let lines = lines(&layout::root().join("src"), roles.features)?;
        let best = best_pairs(lines.clone());
        let (bytes, pairs) = (size(&lines), best.len());
        let packed = packed_size(lines, &best);
        println!("{}: {bytes} bytes of texts take {packed}, with {pairs} pairs", roles.words);
        text += &table(&best, roles.condition);
    }
    layout::write_atomically(path, text.as_bytes(), 0o644)
}

fn report_savings(path: &Path) -> Result<()> {
    let context = || path.display().to_string();
    let tables = read_tables(&fs::read_to_string(path).with_context(context)?)?;
    for (index, roles) in TABLES.iter().enumerate() {
        let pairs = tables.get(index).with_context(|| format!("no table for {}", roles.words))?;
        let lines = lines(&layout::root().join("src"), roles.features)?;
        let best = packed_size(lines.clone(), &best_pairs(lines.clone()));
        let saved = packed_size(lines, pairs).saturating_sub(best);
        if saved > NOT_WORTH_IT {
            println!("`cargo xtask pairs` would save {saved} bytes of {}", roles.words);
        }
    }
    Ok(())
}

/// All lines of the packed texts below the folder that are compiled with these features, in the order of the files' names.
fn lines(folder: &Path, features: &'static [&'static str]) -> Result<Vec<Vec<u8>>> {
    let mut texts = Texts::new(features);
    let mut files = Vec::new();
    list_sources(folder, &texts, &mut files)?;
    files.iter().for_each(|file| texts.note_macros(file));
    files.iter().for_each(|file| texts.visit_file(file));
    let lines = texts.found.iter().flat_map(|text| text.split('\n'));
    Ok(lines.map(|line| line.as_bytes().to_vec()).collect())
}

/// Parses the sources below the folder, without modules whose declaration needs other features.
fn list_sources(folder: &Path, texts: &Texts, files: &mut Vec<syn::File>) -> Result<()> {
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut absent = BTreeSet::new();
    let mut parsed = Vec::new();
    for path in &paths {
        if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(path)?;
            let file = syn::parse_file(&text).with_context(|| path.display().to_string())?;
            let children = match path.file_stem().and_then(OsStr::to_str) {
                Some("mod" | "lib") => folder.to_owned(),
                _ => path.with_extension(""),
            };
            for item in &file.items {
                if let syn::Item::Mod(module) = item
                    && !texts.has(&module.attrs)
                {
                    absent.insert(children.join(module.ident.to_string()));
                }
            }
            parsed.push((path.with_extension(""), file));
        }
    }
    parsed.retain(|(path, _)| !absent.contains(path));
    files.extend(parsed.into_iter().map(|(_, file)| file));
    for path in paths.iter().filter(|path| path.is_dir() && !absent.contains(*path)) {
        list_sources(path, texts, files)?;
    }
    Ok(())
}

/// Collects the string literals in calls of `packed!`, and of our macros that hand theirs on to it.
struct Texts {
    features: &'static [&'static str],
    macros: BTreeSet<String>,
    found: Vec<String>,
}

impl Texts {
    fn new(features: &'static [&'static str]) -> Self {
        Self { features, macros: BTreeSet::from(["packed".to_owned()]), found: Vec::new() }
    }

    /// Notes the file's macros that use `packed!`: each declares the lines of one text.
    fn note_macros(&mut self, file: &syn::File) {
        for item in &file.items {
            if let syn::Item::Macro(item) = item
                && let Some(name) = &item.ident
                && mentions(item.mac.tokens.clone(), "packed")
            {
                self.macros.insert(name.to_string());
            }
        }
    }

    /// Whether an item with these attributes is compiled.
    fn has(&self, attributes: &[syn::Attribute]) -> bool {
        let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
        conditions.filter_map(|condition| condition.parse_args().ok()).all(|meta| self.holds(&meta))
    }

    fn holds(&self, condition: &syn::Meta) -> bool {
        match condition {
            syn::Meta::NameValue(feature) => matches!(
                &feature.value,
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. })
                    if self.features.contains(&name.value().as_str())
            ),
            syn::Meta::List(list) => {
                let parts = Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
                let parts = list.parse_args_with(parts).unwrap_or_default();
                let mut parts = parts.iter().map(|part| self.holds(part));
                match list.path.get_ident().map(ToString::to_string).as_deref() {
                    Some("any") => parts.any(|holds| holds),
                    Some("all") => parts.all(|holds| holds),
                    _ => !parts.any(|holds| holds),
                }
            }
            // `test` and the like are off.
            syn::Meta::Path(_) => false,
        }
    }

    /// What follows `[rest]` is for run and boot alone; comments are no texts.
    fn collect(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) if mentions(group.stream(), "doc") => {}
                TokenTree::Group(group)
                    if mentions(group.stream(), "rest")
                        && !self.features.iter().any(|name| ["run", "boot"].contains(name)) =>
                {
                    return;
                }
                TokenTree::Group(group) => self.collect(group.stream()),
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.found.push(text.value());
                    }
                }
                _ => {}
            }
        }
    }
}

impl Visit<'_> for Texts {
    fn visit_macro(&mut self, call: &syn::Macro) {
        if call.path.segments.last().is_some_and(|s| self.macros.contains(&s.ident.to_string())) {
            self.collect(call.tokens.clone());
        }
    }

    fn visit_item_const(&mut self, constant: &syn::ItemConst) {
        if self.has(&constant.attrs) {
            visit::visit_item_const(self, constant);
        }
    }

    /// Texts of tests are not shipped.
    fn visit_item_mod(&mut self, module: &syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }
}

fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Ident(word) => word == name,
        _ => false,
    })
}

/// Byte-pair encoding: again and again the most frequent pair gets the next code.
fn best_pairs(mut lines: Vec<Vec<u8>>) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    while pairs.len() < MOST_ROWS {
        if pairs.len() == NEWLINE_ROW {
            pairs.push([b' '; 2]);
        }
        let shallow = |pair: &Pair| depth(pair, &pairs) <= MOST_DEPTH;
        let counts = counts(&lines).into_iter().filter(|(pair, _)| shallow(pair));
        // Of equally frequent pairs the first one, so that the table is always the same.
        let Some((pair, count)) = counts.rev().max_by_key(|(_, count)| *count) else { break };
        // A row takes two bytes itself.
        if count <= 2 {
            break;
        }
        merge(&mut lines, pair, code(pairs.len()));
        pairs.push(pair);
    }
    pairs
}

const fn code(row: usize) -> u8 {
    FIRST_CODE.wrapping_add(row as u8)
}

/// How many rows must be looked up, one inside the other, to unpack the pair.
fn depth(pair: &Pair, pairs: &[Pair]) -> usize {
    let row = |byte: &u8| pairs.get(usize::from(byte.wrapping_sub(FIRST_CODE)));
    1 + pair.iter().filter_map(row).map(|inner| depth(inner, pairs)).max().unwrap_or(0)
}

/// How often each pair can be merged: `aaa` has one pair of `a`, not two.
fn counts(lines: &[Vec<u8>]) -> BTreeMap<Pair, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let mut last = None;
        for pair in line.windows(2).map(|pair| [pair[0], pair[1]]) {
            let overlaps = last == Some(pair) && pair[0] == pair[1];
            last = (!overlaps).then_some(pair);
            *counts.entry(pair).or_default() += usize::from(!overlaps);
        }
    }
    counts
}

fn merge(lines: &mut [Vec<u8>], pair: Pair, code: u8) {
    for line in lines {
        let mut rest = std::mem::take(line).into_iter().peekable();
        while let Some(byte) = rest.next() {
            let merged = byte == pair[0] && rest.next_if_eq(&pair[1]).is_some();
            line.push(if merged { code } else { byte });
        }
    }
}

/// Bytes of the lines, each with its newline.
fn size(lines: &[Vec<u8>]) -> usize {
    lines.iter().map(|line| line.len() + 1).sum()
}

/// Bytes of the lines when they are packed with this table, together with the table's own.
fn packed_size(mut lines: Vec<Vec<u8>>, pairs: &[Pair]) -> usize {
    for (row, pair) in pairs.iter().enumerate().filter(|(row, _)| *row != NEWLINE_ROW) {
        merge(&mut lines, *pair, code(row));
    }
    size(&lines) + 2 * pairs.len()
}

/// A table as src/text/pairs.rs has it, with what each code stands for beside it.
fn table(pairs: &[Pair], condition: &str) -> String {
    let mut text = format!(
        "\n/// Row N is what code N of `packed` stands for; the words beside it are all that it makes.\n\
         #[cfg({condition})]\n\
         #[rustfmt::skip]\n\
         pub const PAIRS: [[u8; 2]; {}] = [\n",
        pairs.len()
    );
    for (row, pair) in pairs.iter().enumerate() {
        let halves = pair.map(|byte| match byte {
            b' '..=b'~' => format!("b{:?}", char::from(byte)),
            _ => format!("{byte:#04x}"),
        });
        let mut words = String::new();
        unpack(*pair, pairs, &mut words);
        let what =
            if row == NEWLINE_ROW { "newline, no code".to_owned() } else { format!("{words:?}") };
        let _ = writeln!(text, "    [{}], // {:#04x}: {what}", halves.join(", "), code(row));
    }
    text + "];\n"
}

fn unpack(pair: Pair, pairs: &[Pair], words: &mut String) {
    for byte in pair {
        match pairs.get(usize::from(byte.wrapping_sub(FIRST_CODE))) {
            Some(inner) => unpack(*inner, pairs, words),
            _ => words.push(char::from(byte)),
        }
    }
}

/// Reads what `table` wrote.
fn read_tables(text: &str) -> Result<Vec<Vec<Pair>>> {
    let file = syn::parse_file(text)?;
    let tables = file.items.iter().filter_map(|item| match item {
        syn::Item::Const(constant) => match &*constant.expr {
            syn::Expr::Array(rows) => Some(rows.elems.iter().map(read_row).collect()),
            _ => None,
        },
        _ => None,
    });
    tables.collect()
}

fn read_row(row: &syn::Expr) -> Result<Pair> {
    let mut bytes = Vec::new();
    if let syn::Expr::Array(halves) = row {
        for half in &halves.elems {
            match half {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Byte(byte), .. }) => {
                    bytes.push(byte.value());
                }
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(byte), .. }) => {
                    bytes.push(byte.base10_parse()?);
                }
                _ => bail!("src/text/pairs.rs: a row of something else than bytes"),
            }
        }
    }
    bytes.try_into().ok().context("src/text/pairs.rs: a row has two bytes")
}

#[cfg(test)]
mod tests;
