//! A kernel for virtual machines: the named one, or the distribution's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::arch::Arch;
use crate::layout;

/// Packages that stand for the newest kernel made for virtual machines: Debian's, Ubuntu's.
fn packages(arch: Arch) -> [String; 2] {
    [format!("linux-image-cloud-{}", arch.debian_name()), "linux-image-virtual".to_owned()]
}

/// The kernel to boot: `ROOTLET_KERNEL`, else the fetched one.
pub fn find(arch: Arch) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ROOTLET_KERNEL") {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("ROOTLET_KERNEL={}: no such file", path.display());
        }
        return Ok(path);
    }
    let package = layout::cache().join(format!("kernel-{}", arch.name()));
    if let Some(path) = image_of(&package) {
        return Ok(path);
    }
    fetch(arch, &package)
        .context("no kernel for virtual machines (ROOTLET_KERNEL=FILE names one)")?;
    image_of(&package).context("the kernel's package holds no kernel")
}

fn fetch(arch: Arch, into: &Path) -> Result<()> {
    let mut complaints = Vec::new();
    for package in packages(arch) {
        let fetched = Apt::that_knows(&package, arch)
            .and_then(|apt| apt.unpack(&apt.dependency(&package, "linux-image-")?, into));
        match fetched {
            Ok(()) => return Ok(()),
            Err(error) => complaints.push(format!("{error:#}")),
        }
    }
    bail!("{}", complaints.join("; "))
}

/// `boot/vmlinuz-…` of an unpacked package.
fn image_of(package: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(package.join("boot")).ok()?;
    files.flatten().map(|f| f.path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_found_in_its_package() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(image_of(folder.path()), None);
        fs::create_dir(folder.path().join("boot")).unwrap();
        fs::write(folder.path().join("boot/config-6.1"), "").unwrap();
        assert_eq!(image_of(folder.path()), None);
        let kernel = folder.path().join("boot/vmlinuz-6.1");
        fs::write(&kernel, "").unwrap();
        assert_eq!(image_of(folder.path()), Some(kernel));
    }
}
