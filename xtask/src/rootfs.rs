//! `rootfs`: a root filesystem of one static busybox, with rootlet as its init.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::apt::Apt;
use crate::arch::Arch;
use crate::{build, elf, layout, program};

pub const USAGE: &str = "\
rootfs
    makes target/rootfs from a static busybox (ROOTLET_BUSYBOX, else the machine's, else
    fetched with apt) with rootlet as /sbin/init; builds rootlet first";

/// The ordinary user of the rootfs.
pub const USER_ID: u32 = 1000;
/// The ordinary user's home.
pub const USER_HOME: &str = "home/user";

/// Folders and their modes; a folder stands after the one that holds it.
const FOLDERS: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    (USER_HOME, 0o755),
    ("mnt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sbin", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
];

/// Small files. `user` is in two more groups, so that tests can see supplementary groups.
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         user:x:1000:1000:user:/home/user:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    (
        "etc/group",
        "root:x:0:\ntty:x:5:\nstaff:x:50:user\nvideo:x:44:user\nuser:x:1000:\nnogroup:x:65534:\n",
    ),
    ("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"),
];

/// Applets that are left out: they would stand where rootlet does, or in the root folder.
const LEFT_OUT: &[&str] = &["sbin/init", "linuxrc"];

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    let arch = Arch::host()?;
    let rootlet = build::build(arch, &[])?;
    println!("{}", build::relative(&make(&rootlet, arch)?));
    Ok(ExitCode::SUCCESS)
}

/// Makes the rootfs beside its place and swaps it with the old one in one step, so that there
/// is always a whole one; returns its path.
pub fn make(rootlet: &Path, arch: Arch) -> Result<PathBuf> {
    let _lock = layout::lock("rootfs")?;
    let busybox = if arch.is_host() { find_busybox()? } else { fetched_busybox(arch)? };
    // Another machine's cannot run here and list its applets; this machine's has the same ones.
    let applets = if arch.is_host() { applets(&busybox)? } else { applets(&find_busybox()?)? };
    let place = layout::rootfs(arch);
    let beside = tempfile::Builder::new().prefix(".rootfs-").tempdir_in(layout::target())?;
    let tree = beside.path().join("new");
    fill(&tree, &busybox, &applets, rootlet).context("making the rootfs")?;
    let flags = if place.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    renameat_with(CWD, &tree, CWD, &place, flags).with_context(|| place.display().to_string())?;
    Ok(place)
}

/// Everything the rootfs holds. No device nodes: an ordinary user can make it too.
fn fill(tree: &Path, busybox: &Path, applets: &[String], rootlet: &Path) -> Result<()> {
    make_folder(tree, 0o755)?;
    for (name, mode) in FOLDERS {
        make_folder(&tree.join(name), *mode)?;
    }
    for (name, text) in FILES {
        put(&tree.join(name), text.as_bytes(), 0o644)?;
    }
    put(&tree.join("bin/busybox"), &read(busybox)?, 0o755)?;
    put(&tree.join("sbin/init"), &read(rootlet)?, 0o755)?;
    for applet in applets {
        link_applet(tree, applet)?;
    }
    if rustix::process::geteuid().is_root() {
        let home = tree.join(USER_HOME);
        chown(&home, Some(USER_ID), Some(USER_ID)).with_context(|| home.display().to_string())?;
    }
    Ok(())
}

fn make_folder(path: &Path, mode: u32) -> Result<()> {
    fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .with_context(|| path.display().to_string())
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    fs::write(path, bytes)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .with_context(|| path.display().to_string())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// Paths of all applets, without a leading slash. Where busybox cannot say where each one
/// belongs, all of them go to bin.
fn applets(busybox: &Path) -> Result<Vec<String>> {
    let full = program::output(Command::new(busybox).arg("--list-full"));
    let list = match full {
        Ok(list) => list.lines().map(str::to_owned).collect(),
        Err(_) => {
            let names = program::output(Command::new(busybox).arg("--list"))?;
            names.lines().map(|name| format!("bin/{name}")).collect::<Vec<_>>()
        }
    };
    if list.is_empty() {
        bail!("{} lists no applets", busybox.display());
    }
    Ok(list.into_iter().filter(|a| !LEFT_OUT.contains(&a.as_str()) && a != "bin/busybox").collect())
}

/// A relative link, so that it also leads to busybox when the rootfs is seen from outside.
fn link_applet(tree: &Path, applet: &str) -> Result<()> {
    let up = "../".repeat(applet.matches('/').count());
    let path = tree.join(applet);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    symlink(format!("{up}bin/busybox"), &path).with_context(|| path.display().to_string())
}

/// A static busybox: the named one, the machine's, or the package's.
fn find_busybox() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ROOTLET_BUSYBOX") {
        let path = PathBuf::from(path);
        if !elf::is_static(&read(&path).context("ROOTLET_BUSYBOX")?) {
            bail!("ROOTLET_BUSYBOX={}: not a static program", path.display());
        }
        return Ok(path);
    }
    if let Some(path) = program::find("busybox")
        && elf::is_static(&read(&path)?)
    {
        return Ok(path);
    }
    fetched_busybox(Arch::host()?)
}

fn fetched_busybox(arch: Arch) -> Result<PathBuf> {
    let name = if arch.is_host() { String::new() } else { format!("-{}", arch.name()) };
    let package = layout::cache().join(format!("busybox-static{name}"));
    let candidates = ["bin/busybox", "usr/bin/busybox"].map(|p| package.join(p));
    if !candidates.iter().any(|p| p.is_file()) {
        Apt::that_knows("busybox-static", arch)
            .and_then(|apt| apt.unpack("busybox-static", &package))
            .context("no static busybox here (ROOTLET_BUSYBOX=FILE names one)")?;
    }
    let found = candidates.into_iter().find(|p| p.is_file());
    found.context("the package busybox-static holds no busybox")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for busybox: a script that lists three applets.
    fn fake_busybox(folder: &Path) -> PathBuf {
        let path = folder.join("busybox");
        let script = "#!/bin/sh\n[ \"$1\" = --list-full ] || exit 1\n\
            printf 'bin/busybox\\nbin/sh\\nlinuxrc\\nsbin/init\\nusr/sbin/chroot\\n'\n";
        put(&path, script.as_bytes(), 0o755).unwrap();
        path
    }

    #[test]
    fn the_tree_has_its_folders_links_and_init() {
        let folder = tempfile::tempdir().unwrap();
        let busybox = fake_busybox(folder.path());
        let rootlet = folder.path().join("rootlet");
        fs::write(&rootlet, "the init").unwrap();
        let tree = folder.path().join("tree");
        fill(&tree, &busybox, &applets(&busybox).unwrap(), &rootlet).unwrap();

        assert_eq!(fs::read(tree.join("sbin/init")).unwrap(), b"the init");
        assert_eq!(fs::read_link(tree.join("bin/sh")).unwrap(), Path::new("../bin/busybox"));
        let chroot = fs::read_link(tree.join("usr/sbin/chroot")).unwrap();
        assert_eq!(chroot, Path::new("../../bin/busybox"));
        assert!(!tree.join("linuxrc").exists());
        let mode = |p: &str| fs::metadata(tree.join(p)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("tmp"), mode("proc"), mode("root")), (0o1777, 0o555, 0o700));
        assert_eq!(fs::read_dir(tree.join("dev")).unwrap().count(), 0, "no device nodes");
    }

    #[test]
    fn a_busybox_without_applets_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busybox");
        put(&path, b"#!/bin/sh\n", 0o755).unwrap();
        assert!(applets(&path).unwrap_err().to_string().contains("lists no applets"));
    }

    #[test]
    fn users_of_the_rootfs_are_well_formed() {
        for (name, text) in FILES {
            let fields = match *name {
                "etc/passwd" => 7,
                "etc/group" => 4,
                _ => continue,
            };
            for line in text.lines() {
                assert_eq!(line.split(':').count(), fields, "{name}: {line}");
            }
        }
    }
}
