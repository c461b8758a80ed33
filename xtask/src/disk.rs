//! Disk images for virtual machines: a filesystem, in a partition or not.

pub mod filesystem;
mod partition;
pub mod proof;
mod proto;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::newc::Tree;
use crate::qemu::bus::Bus;
use filesystem::Filesystem;
pub use partition::Table;

/// A disk as a scenario describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    #[serde(default)]
    pub bus: Bus,
    pub filesystem: Filesystem,
    /// Size of the filesystem; each kind has a default that suits the busybox rootfs.
    pub size_mib: Option<u64>,
    pub label: Option<String>,
    pub uuid: Option<String>,
    #[serde(default)]
    pub table: Table,
    /// The number of the partition, from 1 (default); those before it are small and empty.
    pub partition: Option<u64>,
    pub partuuid: Option<String>,
    pub partlabel: Option<String>,
    /// What the filesystem holds; it is empty without.
    pub contents: Option<Contents>,
}

/// What a disk or a shared folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    #[serde(default)]
    pub base: Base,
    /// A folder of the scenario whose files come on top of the base, at the same paths.
    pub folder: Option<String>,
    /// Further names of rootlet: paths that become links to /sbin/init.
    #[serde(default)]
    pub names: Vec<String>,
    /// The files of `folder` and their places.
    #[serde(skip)]
    pub files: Vec<(PathBuf, String)>,
}

/// What contents start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// The busybox rootfs with rootlet as /sbin/init.
    #[default]
    Busybox,
    /// rootlet as /sbin/init and nothing else.
    Rootlet,
    None,
}

const MIB: u64 = 1 << 20;

impl Disk {
    /// Refuses what does not fit together, before anything is made.
    pub fn check(&self) -> Result<()> {
        self.filesystem.check(self)?;
        partition::check(self)
    }

    /// The programs that are needed to make it, with their packages.
    pub fn programs(&self) -> Vec<(&'static str, &'static str)> {
        let mut programs = self.filesystem.programs().to_vec();
        if self.filesystem == Filesystem::Vfat && self.contents.is_some() {
            programs.push(("mcopy", "mtools"));
        }
        if self.table != Table::None {
            programs.push(partition::PROGRAM);
        }
        programs
    }

    /// Where the filesystem starts in the image, in bytes.
    pub fn offset(&self) -> u64 {
        if self.table == Table::None { 0 } else { partition::offset(self.number()) }
    }

    fn number(&self) -> u64 {
        self.partition.unwrap_or(1)
    }
}

/// Makes the image in an empty folder and returns its path.
pub fn make(disk: &Disk, tree: Option<&Tree>, folder: &Path) -> Result<PathBuf> {
    let context = || format!("{} disk", disk.filesystem.name());
    let below = tree.map(|tree| laid_out(tree, folder)).transpose().with_context(context)?;
    let bare = folder.join("filesystem");
    filesystem::make(disk, tree, below.as_deref(), &bare).with_context(context)?;
    if let Some(below) = below {
        fs::remove_dir_all(below)?;
    }
    if disk.table == Table::None {
        return Ok(bare);
    }
    let image = folder.join("disk");
    // The programs that make read-only filesystems choose the size themselves.
    let size = fs::metadata(&bare)?.len().next_multiple_of(MIB);
    partition::write(disk, size, &image).with_context(context)?;
    copy_sparsely(&bare, &image, disk.offset()).with_context(context)?;
    fs::remove_file(bare)?;
    Ok(image)
}

fn laid_out(tree: &Tree, folder: &Path) -> Result<PathBuf> {
    ensure!(rustix::process::geteuid().is_root(), "only root can make files of other owners");
    let below = folder.join("tree");
    fs::create_dir(&below)?;
    tree.write_below(&below)?;
    Ok(below)
}

/// Makes an image of that size, a sparse file.
fn empty(path: &Path, size: u64) -> Result<()> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    file.set_len(size).with_context(|| path.display().to_string())
}

/// Copies a file into another at an offset, but not its blocks of zeros: most of an image is zeros.
fn copy_sparsely(from: &Path, to: &Path, offset: u64) -> Result<()> {
    let mut from = File::open(from)?;
    let mut to = File::options().write(true).open(to)?;
    let mut block = vec![0; 64 << 10];
    let mut place = offset;
    loop {
        let count = from.read(&mut block)?;
        let Some(bytes) = block.get(..count).filter(|b| !b.is_empty()) else { return Ok(()) };
        if bytes.iter().any(|b| *b != 0) {
            to.seek(SeekFrom::Start(place))?;
            to.write_all(bytes)?;
        }
        place += count as u64;
    }
}

#[cfg(test)]
mod tests;
