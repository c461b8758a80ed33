//! The form of `scenario.toml`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{Boot, Initramfs, OnAarch64, Share, files_below};
use crate::disk::Disk;
use crate::disk::proof::Proof;
use crate::kernel::Flavour;
use crate::modules::Compression;
use crate::test::steps::Step;
use crate::test::verdict::{Ending, Expected, KINDS, Line, Wanted};

/// All keys. Those of `twin::BOOT_KEYS` say what is booted; the others say what must be seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub description: String,
    #[serde(default)]
    append: String,
    #[serde(default)]
    kernel: Flavour,
    #[serde(default)]
    initramfs: Initramfs,
    nested_rootfs: Option<String>,
    #[serde(default)]
    modules: Vec<String>,
    compress: Option<Compression>,
    #[serde(default)]
    disk: Vec<Disk>,
    #[serde(default)]
    share: Vec<Share>,
    #[serde(default)]
    step: Vec<Step>,
    #[serde(default)]
    expect: Vec<Wanted>,
    #[serde(default)]
    never: Vec<Line>,
    status: Option<u8>,
    ends: Option<Ending>,
    ends_within_ms: Option<u64>,
    #[serde(default)]
    pub after: Vec<Proof>,
    #[serde(default)]
    pub aarch64: OnAarch64,
    limit_seconds: u64,
    pub broken: BrokenText,
}

/// `[broken]`: exactly one of `append`, `set`, `unset` and a file below `broken/`, which
/// replaces the file of the same path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenText {
    /// What is wrong with the twin; for readers.
    change: String,
    pub append: Option<String>,
    /// One key and its other value.
    pub set: Option<toml::Table>,
    /// One key that is left out.
    pub unset: Option<String>,
    pub fails: String,
    pub shows: Line,
    /// A shorter limit, for a twin that never ends where the healthy boot needs a long one.
    pub limit_seconds: Option<u64>,
}

impl Text {
    /// Refuses what does not fit together; `boot` does so for what is booted.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.description.trim().is_empty(), "description is empty");
        ensure!(!self.broken.change.trim().is_empty(), "broken.change is empty");
        let no_reason = OnAarch64::Never(String::new());
        ensure!(self.aarch64 != no_reason, "aarch64.never: no reason");
        ensure!(self.limit_seconds > 0, "limit_seconds is 0");
        ensure!(self.broken.limit_seconds != Some(0), "broken.limit_seconds is 0");
        let fails = &self.broken.fails;
        ensure!(KINDS.contains(&fails.as_str()), "broken.fails {fails:?} is none of {KINDS:?}");
        for proof in &self.after {
            proof.check(&self.disk).context("after")?;
        }
        Ok(())
    }

    /// What is booted; `folder` is the scenario's.
    pub fn boot(&self, folder: &Path) -> Result<Boot> {
        let mut boot = Boot {
            append: self.append.clone(),
            kernel: self.kernel,
            initramfs: self.initramfs,
            nested_rootfs: self.nested_rootfs.clone(),
            modules: self.modules.clone(),
            compress: self.compress,
            files: files_below(&folder.join("files"))?,
            disks: self.disk.clone(),
            shares: self.share.clone(),
            steps: self.step.clone(),
            limit: Duration::from_secs(self.limit_seconds),
        };
        for contents in boot.contents_mut() {
            let Some(name) = &contents.folder else { continue };
            let plain = !name.is_empty() && !name.contains(['/', '.']);
            ensure!(plain && name != "broken", "folder {name:?} is no name of a folder here");
            ensure!(folder.join(name).is_dir(), "there is no folder {name}");
            contents.files = files_below(&folder.join(name))?;
        }
        check_boot(&boot)?;
        Ok(boot)
    }

    pub fn expected(&self) -> Result<Expected> {
        ensure!(self.status.is_some() || self.ends.is_some(), "neither status nor ends");
        Ok(Expected {
            status: self.status,
            ends: self.ends.unwrap_or_default(),
            ends_within: self.ends_within_ms.map(Duration::from_millis),
            lines: self.expect.clone(),
            never: self.never.clone(),
        })
    }
}

fn check_boot(boot: &Boot) -> Result<()> {
    for (index, disk) in boot.disks.iter().enumerate() {
        disk.check().with_context(|| format!("disk {index}"))?;
    }
    for share in &boot.shares {
        ensure!(!share.tag.contains(','), "share {:?}: a comma", share.tag);
    }
    for (index, step) in boot.steps.iter().enumerate() {
        step.check().with_context(|| format!("step {index}"))?;
        if let Some(number) = step.plug {
            let disk = boot.disks.get(number).with_context(|| format!("plug: no disk {number}"))?;
            ensure!(disk.bus.is_pluggable(), "plug: disk {number} cannot come later");
            let earlier = boot.steps.iter().take(index);
            ensure!(earlier.filter(|s| s.plug == step.plug).count() == 0, "plug: twice");
        }
    }
    let is_none = boot.initramfs == Initramfs::None;
    let fills = boot.nested_rootfs.is_some() || !boot.modules.is_empty() || !boot.files.is_empty();
    ensure!(!is_none || !fills, "files, modules or nested_rootfs without an initramfs");
    ensure!(boot.compress.is_none() || !boot.modules.is_empty(), "compress without modules");
    Ok(())
}
