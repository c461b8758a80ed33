//! `tidy`: the rules of the project that a machine can check.

mod layers;
mod source;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::layout;
use crate::test::scenario;

pub const USAGE: &str = "\
tidy
    checks the rules of CONTRIBUTING.md: lengths, where unsafe may stand, which module may use
    which, names, first lines, unfinished work, scenarios without a broken twin";

/// Names that tell nothing about what is in a file: a function without a home means a missing noun.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

/// Endings of files whose words are checked; files without an ending, such as scripts, are checked as well.
const TEXT_ENDINGS: &[&str] = &["rs", "toml", "sh", "md", "json"];

/// Folders that hold no sources.
const NOT_OURS: &[&str] = &["target", ".git"];

/// One broken rule, as `path:line: what`.
pub type Violation = String;

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    let found = violations()?;
    found.iter().for_each(|violation| println!("{violation}"));
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All broken rules of the project.
pub fn violations() -> Result<Vec<Violation>> {
    let root = layout::root();
    let mut files = Vec::new();
    list_files(root, &mut files)?;
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path);
        // There are no rules for what is not UTF-8, since it is no text.
        if let Some(text) = read_text(&path)? {
            found.extend(check_file(name, &text));
        }
    }
    if layout::scenarios().is_dir()
        && let Err(error) = scenario::all(&layout::scenarios())
    {
        found.push(format!("tests/vm: {error:#}"));
    }
    Ok(found)
}

fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let context = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let kind = entry.file_type().with_context(context)?;
        if kind.is_dir() && !NOT_OURS.iter().any(|name| entry.file_name() == *name) {
            list_files(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<Option<String>> {
    let ending = path.extension().map(|e| e.to_string_lossy());
    if ending.is_some_and(|e| !TEXT_ENDINGS.contains(&e.as_ref())) {
        return Ok(None);
    }
    let bytes = match fs::read(path) {
        // An editor's temporary file may be gone already.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.with_context(|| path.display().to_string())?,
    };
    Ok(String::from_utf8(bytes).ok())
}

/// All rules that one file can break; `name` is its path below the project's folder.
fn check_file(name: &Path, text: &str) -> Vec<Violation> {
    let mut found = words::violations(text);
    found.extend(name_violation(name));
    if name.extension().is_some_and(|e| e == "rs") {
        found.extend(source::violations(name, text));
    }
    found.into_iter().map(|(line, what)| format!("{}:{line}: {what}", name.display())).collect()
}

/// What is wrong, and in which line.
type Finding = (usize, String);

fn name_violation(name: &Path) -> Option<Finding> {
    let parts = name.iter().map(|part| part.to_string_lossy());
    let mut stems = parts.map(|part| part.split('.').next().unwrap_or_default().to_owned());
    let empty = stems.find(|stem| EMPTY_NAMES.contains(&stem.as_str()))?;
    Some((1, format!("the name {empty:?} says nothing")))
}

#[cfg(test)]
mod tests;
