//! Kernel modules for an initramfs, with dependencies and depmod's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::newc::Tree;
use crate::{image, kernel, program};

/// How the copied modules are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    Gz,
    Xz,
    Zst,
}

impl Compression {
    /// The options that the kernel's own build gives the program: the kernel unpacks no other
    /// checksum and no bigger window.
    fn options(self) -> &'static [&'static str] {
        match self {
            Compression::Gz => &["-n", "-f"],
            Compression::Xz => &["--check=crc32", "--lzma2=dict=1MiB"],
            Compression::Zst => &["-q"],
        }
    }

    /// The program that compresses, and its package.
    pub fn program(self) -> (&'static str, &'static str) {
        match self {
            Compression::Gz => ("gzip", "gzip"),
            Compression::Xz => ("xz", "xz-utils"),
            Compression::Zst => ("zstd", "zstd"),
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Compression::Gz => "gz",
            Compression::Xz => "xz",
            Compression::Zst => "zst",
        }
    }
}

/// Tables that depmod reads; the others are its own.
const DEPMOD_READS: &[&str] = &["modules.builtin", "modules.builtin.modinfo", "modules.order"];

/// Adds `wanted` and all they depend on below /lib/modules, with tables that name only these.
/// `modules` is the folder of a whole kernel's modules.
pub fn add(
    tree: &mut Tree,
    modules: &Path,
    wanted: &[String],
    compression: Option<Compression>,
) -> Result<()> {
    let tables = ["modules.dep", "modules.builtin", "modules.softdep", "modules.alias"];
    let [dep, builtin, softdep, alias] = tables.map(|name| read(&modules.join(name)));
    let files = Tables::new(&dep?, &builtin?, &softdep?, &alias?)?.closure(wanted)?;
    let version = modules.file_name().context("no version")?;
    let base = tempfile::tempdir()?;
    let folder = base.path().join("lib/modules").join(version);
    for file in &files {
        copy(modules, &folder, file)?;
    }
    for file in DEPMOD_READS.iter().filter(|file| modules.join(file).exists()) {
        copy(modules, &folder, file)?;
    }
    kernel::depmod(base.path(), &folder)?;
    if let Some(compression) = compression {
        compress(&folder, &files, compression)?;
    }
    image::add(tree, &base.path().join("lib"), "/lib")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn copy(from: &Path, to: &Path, file: &str) -> Result<()> {
    let target = to.join(file);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from.join(file), &target).with_context(|| target.display().to_string())?;
    Ok(())
}

/// depmod's tables of a whole kernel, by the modules' names.
struct Tables<'a> {
    /// A file, and all files that it needs, directly or not.
    files: BTreeMap<String, (&'a str, &'a str)>,
    builtin: BTreeSet<String>,
    /// What is loaded along with a module, if the kernel has it.
    soft: BTreeMap<String, Vec<&'a str>>,
    /// The modules that an alias stands for; those with wildcards are never looked up.
    aliases: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Tables<'a> {
    fn new(dep: &'a str, builtin: &'a str, softdep: &'a str, alias: &'a str) -> Result<Self> {
        let mut files = BTreeMap::new();
        for line in dep.lines() {
            let (file, needs) = line.split_once(':').context("modules.dep without a colon")?;
            files.insert(name_of(file), (file, needs));
        }
        let builtin = builtin.lines().map(name_of).collect();
        let mut soft: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for words in softdep.lines().filter_map(|line| line.strip_prefix("softdep ")) {
            let mut words = words.split_whitespace();
            let Some(name) = words.next() else { continue };
            let others = words.filter(|word| !["pre:", "post:"].contains(word));
            soft.entry(name_of(name)).or_default().extend(others);
        }
        let mut aliases: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for words in alias.lines().filter_map(|line| line.strip_prefix("alias ")) {
            if let Some((alias, name)) = words.split_once(' ') {
                aliases.entry(alias).or_default().push(name);
            }
        }
        Ok(Tables { files, builtin, soft, aliases })
    }

    /// The files of all wanted modules and of those that they depend on. A module that is built
    /// in has no file and is no error: which ones are built in differs from kernel to kernel.
    fn closure(&self, wanted: &[String]) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut left = Vec::new();
        for name in wanted {
            let name = name_of(name);
            let is_there = self.files.contains_key(&name) || self.builtin.contains(&name);
            ensure!(is_there, "the kernel has no module {name}");
            left.push(name);
        }
        while let Some(name) = left.pop() {
            let Some((file, needs)) = self.files.get(&name) else { continue };
            for file in std::iter::once(*file).chain(needs.split_whitespace()) {
                // Each module once: soft dependencies may be circular.
                if found.insert(file.to_owned()) {
                    left.extend(self.soft_dependencies(&name_of(file)));
                }
            }
        }
        Ok(found)
    }

    fn soft_dependencies(&self, name: &str) -> Vec<String> {
        let words = self.soft.get(name).into_iter().flatten();
        words
            .flat_map(|word| {
                let modules = self.aliases.get(word).into_iter().flatten();
                std::iter::once(word).chain(modules).map(|name| name_of(name))
            })
            .collect()
    }
}

/// `ext4` of `kernel/fs/ext4/ext4.ko`; a dash and an underscore are the same in these names.
fn name_of(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split(".ko").next().unwrap_or(name).replace('-', "_")
}

/// Compresses the files and renames them in modules.dep. The binary tables are removed: they would
/// name files that are no longer there. Files that are compressed already are an error.
fn compress(folder: &Path, files: &BTreeSet<String>, compression: Compression) -> Result<()> {
    let (name, _) = compression.program();
    let program = program::find(name).with_context(|| format!("no {name}"))?;
    for file in files {
        ensure!(file.ends_with(".ko"), "{file} is compressed already");
        let mut command = Command::new(&program);
        command.args(compression.options()).arg("-c");
        let packed = program::filter(&mut command, &fs::read(folder.join(file))?)?;
        fs::write(folder.join(format!("{file}.{}", compression.ending())), packed)?;
        fs::remove_file(folder.join(file))?;
    }
    let table = folder.join("modules.dep");
    let text = read(&table)?.replace(".ko", &format!(".ko.{}", compression.ending()));
    fs::write(&table, text)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "bin") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko kernel/crypto/crc.ko\n\
        kernel/lib/libcrc32c.ko: kernel/crypto/crc.ko\nkernel/crypto/crc.ko:\n\
        kernel/drivers/usb-storage.ko:\nkernel/crypto/crc-fast.ko:\n";
    const BUILTIN: &str = "kernel/fs/ext4/ext4.ko\n";

    const SOFTDEP: &str = "# a comment\nsoftdep xfs pre: usb_storage post: absent\n\
        softdep usb_storage pre: crypto-crc32c\n";
    const ALIAS: &str = "alias crypto-crc32c crc-fast\nalias pci:v*d*sv* xfs\n";

    fn files(wanted: &[&str], softdep: &str) -> Result<Vec<String>> {
        let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        let tables = Tables::new(TABLE, BUILTIN, softdep, ALIAS)?;
        Ok(tables.closure(&wanted)?.into_iter().collect())
    }

    #[test]
    fn what_a_module_needs_comes_with_it() {
        let xfs = ["kernel/crypto/crc.ko", "kernel/fs/xfs/xfs.ko", "kernel/lib/libcrc32c.ko"];
        let usb = ["kernel/drivers/usb-storage.ko"];
        assert_eq!(files(&["xfs"], "").unwrap(), xfs);
        assert_eq!(files(&["xfs", "libcrc32c"], "").unwrap(), xfs);
        assert_eq!(files(&["usb_storage"], "").unwrap(), usb);
        assert_eq!(files(&["usb-storage", "ext4"], "").unwrap(), usb);
        let error = files(&["nothing"], "").unwrap_err().to_string();
        assert!(error.contains("no module nothing"));
    }

    #[test]
    fn soft_dependencies_are_followed_where_they_are_there() {
        let all = [
            "kernel/crypto/crc-fast.ko",
            "kernel/crypto/crc.ko",
            "kernel/drivers/usb-storage.ko",
            "kernel/fs/xfs/xfs.ko",
            "kernel/lib/libcrc32c.ko",
        ];
        assert_eq!(files(&["xfs"], SOFTDEP).unwrap(), all);
    }

    #[test]
    fn compressed_modules_have_their_names_in_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.ko"), "module a").unwrap();
        fs::write(path("b.ko"), "module b").unwrap();
        fs::write(path("modules.dep"), "a.ko: b.ko\nb.ko:\n").unwrap();
        fs::write(path("modules.dep.bin"), "").unwrap();
        let files = ["a.ko", "b.ko"].map(str::to_owned).into();
        compress(folder.path(), &files, Compression::Gz).unwrap();
        assert_eq!(read(&path("modules.dep")).unwrap(), "a.ko.gz: b.ko.gz\nb.ko.gz:\n");
        assert!(!path("modules.dep.bin").exists() && !path("a.ko").exists());
        assert!(fs::read(path("b.ko.gz")).unwrap().starts_with(&[0x1f, 0x8b]));
    }

    #[test]
    fn what_is_compressed_already_is_not_compressed_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.ko.xz"), "module a").unwrap();
        fs::write(folder.path().join("modules.dep"), "a.ko.xz:\n").unwrap();
        let files = ["a.ko.xz".to_owned()].into();
        let error = compress(folder.path(), &files, Compression::Gz).unwrap_err().to_string();
        assert_eq!(error, "a.ko.xz is compressed already");
    }
}
