//! What a folder of tests/vm says: a boot, what it must show, its broken twin.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::verdict::{Expected, KINDS, Line};

/// A scenario as its folder describes it.
#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    /// What it proves, in one sentence.
    pub description: String,
    pub healthy: Boot,
    pub broken: Boot,
    /// The kind of failure the broken twin must have.
    pub fails: String,
    /// What the twin's console must show, so that it fails for its own reason.
    pub shows: Line,
    /// Where the image has a second busybox rootfs, for containers.
    pub nested_rootfs: Option<String>,
    pub expected: Expected,
    pub limit: Duration,
}

/// One of the two boots of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Appended to the kernel command line.
    pub append: String,
    /// Files of the scenario and their places in the image.
    pub files: Vec<(PathBuf, String)>,
}

/// `scenario.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    description: String,
    append: String,
    nested_rootfs: Option<String>,
    #[serde(default)]
    expect: Vec<Line>,
    status: u8,
    limit_seconds: u64,
    broken: BrokenText,
}

/// `[broken]`: either `append` is another one, or one file below `broken/` replaces the file of
/// the same path below `files/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrokenText {
    /// What is wrong with the twin; for readers.
    change: String,
    append: Option<String>,
    fails: String,
    shows: Line,
}

/// All scenarios, by name. One that is not well-formed is an error.
pub fn all(folder: &Path) -> Result<Vec<Scenario>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        folders.push(entry?.path());
    }
    folders.sort();
    folders.iter().map(|folder| load(folder)).collect()
}

/// One scenario; the folder's name is its name.
pub fn load(folder: &Path) -> Result<Scenario> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    read(folder, name.clone()).with_context(|| format!("scenario {name}"))
}

fn read(folder: &Path, name: String) -> Result<Scenario> {
    let text = fs::read_to_string(folder.join("scenario.toml")).context("scenario.toml")?;
    let text: Text = toml::from_str(&text).context("scenario.toml")?;
    ensure!(!text.description.trim().is_empty(), "description is empty");
    ensure!(!text.broken.change.trim().is_empty(), "broken.change is empty");
    ensure!(text.limit_seconds > 0, "limit_seconds is 0");
    let fails = &text.broken.fails;
    ensure!(KINDS.contains(&fails.as_str()), "broken.fails {fails:?} is none of {KINDS:?}");
    let healthy = Boot { append: text.append, files: files_below(&folder.join("files"))? };
    let replaced = files_below(&folder.join("broken"))?;
    let broken = twin(&healthy, text.broken.append, replaced)?;
    Ok(Scenario {
        name,
        description: text.description,
        broken,
        fails: text.broken.fails,
        shows: text.broken.shows,
        nested_rootfs: text.nested_rootfs,
        expected: Expected { status: text.status, lines: text.expect },
        limit: Duration::from_secs(text.limit_seconds),
        healthy,
    })
}

/// The twin differs in exactly one thing, so that its failure says something about that thing.
fn twin(
    healthy: &Boot,
    append: Option<String>,
    mut replaced: Vec<(PathBuf, String)>,
) -> Result<Boot> {
    let mut broken = healthy.clone();
    match (append, replaced.pop()) {
        (Some(append), None) => {
            ensure!(append != healthy.append, "broken.append is the same as append");
            broken.append = append;
        }
        (None, Some((file, place))) if replaced.is_empty() => {
            let original = broken.files.iter_mut().find(|(_, p)| *p == place);
            let original = original.with_context(|| format!("broken{place} replaces nothing"))?;
            let same = fs::read(&original.0)? == fs::read(&file)?;
            ensure!(!same, "broken{place} is the same as files{place}");
            original.0 = file;
        }
        (None, None) => bail!("no broken twin: neither broken.append nor a file below broken/"),
        _ => bail!("the broken twin changes more than one thing"),
    }
    Ok(broken)
}

/// Files below a folder and their paths in the image; none where there is no such folder.
fn files_below(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    if folder.exists() {
        collect(folder, "", &mut found).with_context(|| folder.display().to_string())?;
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, place: &str, found: &mut Vec<(PathBuf, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let place = format!("{place}/{}", name.to_str().context("file name is not UTF-8")?);
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &place, found)?,
            false => found.push((entry.path(), place)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
