//! Filesystems: which program makes each of them, and what each supports.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{Disk, MIB, empty, proto};
use crate::newc::Tree;
use crate::program;

/// What is on a disk or in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filesystem {
    Ext4,
    Xfs,
    Btrfs,
    Squashfs,
    Erofs,
    Vfat,
    Iso9660,
    Swap,
    /// Zeros.
    None,
}

/// One row of the table of filesystems.
struct Kind {
    filesystem: Filesystem,
    name: &'static str,
    /// The program that makes it, and its package.
    programs: &'static [(&'static str, &'static str)],
    /// Its size where the scenario names none; None where the program chooses it.
    size_mib: Option<u64>,
    has_label: bool,
    has_uuid: bool,
    has_files: bool,
}

const KINDS: &[Kind] = &[
    Kind {
        filesystem: Filesystem::Ext4,
        name: "ext4",
        programs: &[("mkfs.ext4", "e2fsprogs")],
        size_mib: Some(32),
        has_label: true,
        has_uuid: true,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Xfs,
        name: "xfs",
        programs: &[("mkfs.xfs", "xfsprogs")],
        // mkfs.xfs refuses less than 300.
        size_mib: Some(320),
        has_label: true,
        has_uuid: true,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Btrfs,
        name: "btrfs",
        programs: &[("mkfs.btrfs", "btrfs-progs")],
        size_mib: Some(128),
        has_label: true,
        has_uuid: true,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Squashfs,
        name: "squashfs",
        programs: &[("mksquashfs", "squashfs-tools")],
        size_mib: None,
        has_label: false,
        has_uuid: false,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Erofs,
        name: "erofs",
        programs: &[("mkfs.erofs", "erofs-utils")],
        size_mib: None,
        // Its superblock has room for one, but mkfs.erofs of Debian 12 has no option for it.
        has_label: false,
        has_uuid: true,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Vfat,
        name: "vfat",
        programs: &[("mkfs.vfat", "dosfstools")],
        size_mib: Some(16),
        has_label: true,
        has_uuid: true,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Iso9660,
        name: "iso9660",
        programs: &[("genisoimage", "genisoimage")],
        size_mib: None,
        has_label: true,
        has_uuid: false,
        has_files: true,
    },
    Kind {
        filesystem: Filesystem::Swap,
        name: "swap",
        programs: &[("mkswap", "util-linux")],
        size_mib: Some(16),
        has_label: true,
        has_uuid: true,
        has_files: false,
    },
    Kind {
        filesystem: Filesystem::None,
        name: "none",
        programs: &[],
        size_mib: Some(16),
        has_label: false,
        has_uuid: false,
        has_files: false,
    },
];

impl Filesystem {
    fn kind(self) -> Result<&'static Kind> {
        KINDS.iter().find(|kind| kind.filesystem == self).context("filesystem without a row")
    }

    pub fn name(self) -> &'static str {
        self.kind().map_or("?", |kind| kind.name)
    }

    pub fn programs(self) -> &'static [(&'static str, &'static str)] {
        self.kind().map_or(&[], |kind| kind.programs)
    }

    /// Refuses what a filesystem of this kind cannot have.
    pub fn check(self, disk: &Disk) -> Result<()> {
        let kind = self.kind()?;
        let name = kind.name;
        ensure!(kind.has_label || disk.label.is_none(), "{name} has no label");
        ensure!(kind.has_uuid || disk.uuid.is_none(), "{name} has no uuid");
        ensure!(kind.has_files || disk.contents.is_none(), "{name} has no contents");
        ensure!(
            kind.size_mib.is_some() || disk.size_mib.is_none(),
            "{name} is as big as its contents: no size_mib"
        );
        ensure!(disk.size_mib != Some(0), "size_mib is 0");
        Ok(())
    }
}

/// Makes the filesystem as the file `image`; `below` is the folder in which its tree has been laid out.
pub fn make(disk: &Disk, tree: Option<&Tree>, below: Option<&Path>, image: &Path) -> Result<()> {
    if let Some(size) = disk.size_mib.or(disk.filesystem.kind()?.size_mib) {
        empty(image, size * MIB)?;
    }
    let mut prototype = None;
    if let (Filesystem::Xfs, Some(tree), Some(below)) = (disk.filesystem, tree, below) {
        let path = image.with_extension("prototype");
        std::fs::write(&path, proto::text(tree, below)?)?;
        prototype = Some(path);
    }
    // Programs that pack a folder get an empty one where there are no files.
    let nothing = tempfile::tempdir()?;
    let source = prototype.as_deref().or(below);
    for mut command in commands(disk, source, nothing.path(), image) {
        program::output(&mut command)?;
    }
    if let Some(path) = prototype {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// The command lines that make the filesystem, in order.
fn commands(disk: &Disk, source: Option<&Path>, nothing: &Path, image: &Path) -> Vec<Command> {
    let label = |option: &'static str| Words::pair(option, disk.label.clone());
    let uuid = |option: &'static str| Words::pair(option, disk.uuid.clone());
    let files = |option: &'static str| Words::pair(option, source.map(|s| s.display().to_string()));
    let all = source.unwrap_or(nothing);
    match disk.filesystem {
        Filesystem::Ext4 => {
            let words = Words::new("mkfs.ext4 -q -F");
            vec![words.and(label("-L")).and(uuid("-U")).and(files("-d")).path(image)]
        }
        Filesystem::Xfs => {
            let words = Words::new("mkfs.xfs -q -f").and(label("-L")).and(files("-p"));
            let uuid = Words::pair("-m", disk.uuid.as_ref().map(|uuid| format!("uuid={uuid}")));
            vec![words.and(uuid).path(image)]
        }
        Filesystem::Btrfs => {
            let words = Words::new("mkfs.btrfs -q -f").and(label("-L")).and(uuid("-U"));
            vec![words.and(files("--rootdir")).path(image)]
        }
        Filesystem::Squashfs => {
            let mut command = Words::new("mksquashfs").path(all);
            command.arg(image).args(["-noappend", "-quiet", "-no-progress", "-no-xattrs"]);
            vec![command]
        }
        Filesystem::Erofs => {
            let mut command = Words::new("mkfs.erofs --quiet").and(uuid("-U")).path(image);
            command.arg(all);
            vec![command]
        }
        Filesystem::Vfat => vfat(disk, source, image),
        Filesystem::Iso9660 => {
            let words = Words::new("genisoimage -quiet -R").and(label("-V"));
            let mut command = words.and(vec!["-o".to_owned()]).path(image);
            command.arg(all);
            vec![command]
        }
        Filesystem::Swap => {
            vec![Words::new("mkswap").and(label("-L")).and(uuid("-U")).path(image)]
        }
        Filesystem::None => Vec::new(),
    }
}

/// mkfs.vfat takes an identifier of eight digits, without the dash it is shown with. Files are
/// copied in afterwards, by mcopy, which gets each path of the top folder.
fn vfat(disk: &Disk, source: Option<&Path>, image: &Path) -> Vec<Command> {
    let number = disk.uuid.as_ref().map(|uuid| uuid.replace('-', ""));
    let words = Words::new("mkfs.vfat").and(Words::pair("-n", disk.label.clone()));
    let mut commands = vec![words.and(Words::pair("-i", number)).path(image)];
    let entries = source.and_then(|source| std::fs::read_dir(source).ok());
    let paths: Vec<_> = entries.into_iter().flatten().flatten().map(|e| e.path()).collect();
    if !paths.is_empty() {
        let mut copy = Words::new("mcopy -s -Q -i").path(image);
        copy.args(paths).arg("::");
        commands.push(copy);
    }
    commands
}

/// A command line that is being put together.
struct Words(Vec<String>);

impl Words {
    fn new(line: &str) -> Words {
        Words(line.split(' ').map(str::to_owned).collect())
    }

    fn and(mut self, more: Vec<String>) -> Words {
        self.0.extend(more);
        self
    }

    /// An option with its value, or nothing.
    fn pair(option: &str, value: Option<String>) -> Vec<String> {
        value.map_or(Vec::new(), |value| vec![option.to_owned(), value])
    }

    /// The command, with a path after its words.
    fn path(self, path: &Path) -> Command {
        let mut words = self.0.into_iter();
        let name = words.next().unwrap_or_default();
        let mut command = Command::new(program::find(&name).unwrap_or_else(|| name.into()));
        command.args(words).arg(path);
        command
    }
}
