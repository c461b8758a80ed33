//! Checks what a disk shows after a boot: that it is clean, what files hold.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::{Disk, filesystem::Filesystem};
use crate::program;

/// One thing that must be true of a disk when the machine has ended. It must be ext4, which can be
/// examined without being mounted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The number of the disk, from 0.
    pub disk: usize,
    /// It was unmounted or made read-only at the end, and e2fsck finds nothing.
    #[serde(default)]
    pub clean: bool,
    /// A file that must be there.
    pub file: Option<String>,
    /// A text that the file must contain.
    pub contains: Option<String>,
}

/// All programs that the examination takes, with their packages.
pub const PROGRAMS: &[(&str, &str)] =
    &[("e2fsck", "e2fsprogs"), ("dumpe2fs", "e2fsprogs"), ("debugfs", "e2fsprogs")];

impl Proof {
    /// Refuses what cannot be examined.
    pub fn check(&self, disks: &[Disk]) -> Result<()> {
        let disk = disks.get(self.disk).with_context(|| format!("no disk {}", self.disk))?;
        ensure!(disk.filesystem == Filesystem::Ext4, "disk {} is not ext4", self.disk);
        ensure!(self.clean || self.file.is_some(), "neither clean nor file");
        ensure!(self.contains.is_none() || self.file.is_some(), "contains without file");
        if let Some(path) = &self.file {
            // It becomes a word of a debugfs command.
            let plain = path.starts_with('/') && !path.contains([' ', '"', '\n']);
            ensure!(plain, "file {path:?} is no plain absolute path");
        }
        Ok(())
    }

    /// Examines the disk; an error says what is not true.
    pub fn look(&self, disk: &Disk, image: &Path) -> Result<()> {
        let device = device(disk, image);
        if self.clean {
            clean(&device).with_context(|| format!("disk {}", self.disk))?;
        }
        let Some(path) = &self.file else { return Ok(()) };
        let text = file(&device, path).with_context(|| format!("disk {}", self.disk))?;
        match &self.contains {
            Some(part) if !text.contains(part) => {
                bail!("disk {}: {path} lacks {part:?}: {text:?}", self.disk)
            }
            _ => Ok(()),
        }
    }
}

/// How e2fsprogs name a filesystem that starts within a file.
fn device(disk: &Disk, image: &Path) -> PathBuf {
    let mut device = image.as_os_str().to_owned();
    if disk.offset() != 0 {
        device.push(format!("?offset={}", disk.offset()));
    }
    device.into()
}

/// e2fsck alone is not enough: it finds nothing wrong in a filesystem that is still mounted.
fn clean(device: &Path) -> Result<()> {
    let header = output("dumpe2fs", &["-h"], device)?;
    let value = |name: &str| {
        header.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
    };
    let state = value("Filesystem state:");
    ensure!(state == "clean", "the superblock says {state:?}");
    let features = value("Filesystem features:");
    ensure!(!features.contains("needs_recovery"), "the journal was not written back");
    output("e2fsck", &["-f", "-n"], device)?;
    Ok(())
}

fn file(device: &Path, path: &str) -> Result<String> {
    // debugfs ends with 0 whatever happens; errors stand on stderr alone.
    let mut command = Command::new(program::find("debugfs").context("no debugfs")?);
    command.args(["-R", &format!("cat {path}")]).arg(device);
    let done = command.output().with_context(|| program::line(&command))?;
    let complaints = String::from_utf8_lossy(&done.stderr);
    // The first line is its version.
    let complaint = complaints.lines().find(|line| !line.starts_with("debugfs "));
    ensure!(complaint.is_none(), "{}", complaint.unwrap_or_default());
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn output(name: &str, options: &[&str], device: &Path) -> Result<String> {
    let path = program::find(name).with_context(|| format!("no {name}"))?;
    program::output(Command::new(path).args(options).arg(device))
}
