//! Reads a folder of tests/vm: a boot, what it must show, and its broken twin.

mod text;
mod twin;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::steps::Step;
use super::verdict::{Expected, Line};
use crate::disk::proof::Proof;
use crate::disk::{Contents, Disk};
use crate::kernel::Flavour;
use crate::modules::Compression;
use text::Text;

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
    /// What the twin's console must show, so that it fails for the stated reason. Where the failure is
    /// about a disk or a time, the failure itself must show it.
    pub shows: Line,
    pub expected: Expected,
    /// What disks must show afterwards.
    pub proofs: Vec<Proof>,
    pub aarch64: OnAarch64,
}

/// When a scenario is booted on aarch64 too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnAarch64 {
    /// In every run of the tests.
    Always,
    /// When all scenarios of that machine are asked for.
    #[default]
    Asked,
    /// It cannot be, for this reason.
    Never(String),
}

/// One of the two boots of a scenario.
#[derive(Clone, Debug)]
pub struct Boot {
    /// Appended to the kernel command line.
    pub append: String,
    pub kernel: Flavour,
    pub initramfs: Initramfs,
    /// Where in the initramfs a second busybox rootfs is put, for containers.
    pub nested_rootfs: Option<String>,
    /// Kernel modules in the initramfs.
    pub modules: Vec<String>,
    pub compress: Option<Compression>,
    /// Files of the scenario and their places in the initramfs.
    pub files: Vec<(PathBuf, String)>,
    pub disks: Vec<Disk>,
    pub shares: Vec<Share>,
    pub steps: Vec<Step>,
    pub limit: Duration,
}

/// What the kernel unpacks before it starts /init.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initramfs {
    /// rootlet as /init in the busybox rootfs.
    #[default]
    Busybox,
    /// rootlet as /init and nothing else.
    Bare,
    /// None at all: the kernel mounts its root.
    None,
}

/// A folder that the guest mounts as 9p.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    pub tag: String,
    pub contents: Contents,
}

impl Boot {
    /// Everything that disks and shared folders hold.
    pub fn contents(&self) -> impl Iterator<Item = &Contents> {
        let disks = self.disks.iter().filter_map(|disk| disk.contents.as_ref());
        disks.chain(self.shares.iter().map(|share| &share.contents))
    }

    fn contents_mut(&mut self) -> impl Iterator<Item = &mut Contents> {
        let disks = self.disks.iter_mut().filter_map(|disk| disk.contents.as_mut());
        disks.chain(self.shares.iter_mut().map(|share| &mut share.contents))
    }
}

/// All scenarios, sorted by name. One that is not well-formed is an error.
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
    let source = fs::read_to_string(folder.join("scenario.toml")).context("scenario.toml")?;
    let text: Text = toml::from_str(&source).context("scenario.toml")?;
    text.check()?;
    let healthy = text.boot(folder)?;
    check_folders(folder, &healthy)?;
    let replaced = files_below(&folder.join("broken"))?;
    let mut broken = twin::boot(folder, &healthy, &source, &text.broken, replaced)?;
    if let Some(seconds) = text.broken.limit_seconds {
        broken.limit = Duration::from_secs(seconds);
    }
    Ok(Scenario {
        name,
        healthy,
        broken,
        expected: text.expected()?,
        description: text.description,
        fails: text.broken.fails,
        shows: text.broken.shows,
        proofs: text.after,
        aarch64: text.aarch64,
    })
}

/// Refuses a folder that nothing names: its name must be misspelt somewhere.
fn check_folders(folder: &Path, boot: &Boot) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_known = ["scenario.toml", "files", "broken"].contains(&name.as_str())
            || boot.contents().any(|c| c.folder.as_ref() == Some(&name));
        ensure!(is_known, "{name} is not used");
    }
    Ok(())
}

/// Files below a folder, with their paths in the image; none where there is no such folder.
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
