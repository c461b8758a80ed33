//! A kernel and its modules for virtual machines: named, or fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::apt::Apt;
use crate::arch::Arch;
use crate::{layout, program};

/// Which of the distribution's kernels to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Small: only what virtual machines usually have.
    #[default]
    Cloud,
    /// With drivers for everything, and much more to download.
    Generic,
}

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub image: PathBuf,
    /// The folder of its modules, with the tables that depmod writes. Unknown for a kernel that
    /// was only named.
    pub modules: Option<PathBuf>,
}

/// Packages that depend on the newest kernel: Debian's, Ubuntu's.
fn packages(flavour: Flavour, arch: Arch) -> [String; 2] {
    match flavour {
        Flavour::Cloud => {
            [format!("linux-image-cloud-{}", arch.debian_name()), "linux-image-virtual".to_owned()]
        }
        Flavour::Generic => {
            [format!("linux-image-{}", arch.debian_name()), "linux-image-generic".to_owned()]
        }
    }
}

/// The kernel image to boot: `ROOTLET_KERNEL`, else the fetched one.
pub fn find(arch: Arch) -> Result<PathBuf> {
    Ok(find_flavour(arch, Flavour::Cloud)?.image)
}

/// The kernel with its modules. `ROOTLET_KERNEL` stands for the cloud kernel of this machine's kind
/// only: whoever asks for another one needs what that one has.
pub fn find_flavour(arch: Arch, flavour: Flavour) -> Result<Kernel> {
    let is_named = flavour == Flavour::Cloud && arch.is_host();
    if let Some(path) = std::env::var_os("ROOTLET_KERNEL").filter(|_| is_named) {
        let image = PathBuf::from(path);
        if !image.is_file() {
            bail!("ROOTLET_KERNEL={}: no such file", image.display());
        }
        return Ok(Kernel { image, modules: None });
    }
    let _lock = layout::lock("kernel")?;
    let prefix = match flavour {
        Flavour::Cloud => "kernel",
        Flavour::Generic => "kernel-generic",
    };
    let package = layout::cache().join(format!("{prefix}-{}", arch.name()));
    if image_of(&package).is_none() {
        fetch(flavour, arch, &package)
            .context("no kernel for virtual machines (ROOTLET_KERNEL=FILE names one)")?;
    }
    let image = image_of(&package).context("the kernel's package holds no kernel")?;
    Ok(Kernel { image, modules: modules_of(&package)? })
}

fn fetch(flavour: Flavour, arch: Arch, into: &Path) -> Result<()> {
    let mut complaints = Vec::new();
    for package in packages(flavour, arch) {
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

/// `lib/modules/VERSION` of an unpacked package. Its tables would be written by depmod when the
/// package is installed, so they are written here; None where there is no depmod.
fn modules_of(package: &Path) -> Result<Option<PathBuf>> {
    let Ok(versions) = fs::read_dir(package.join("lib/modules")) else { return Ok(None) };
    let Some(folder) = versions.flatten().map(|v| v.path()).next() else { return Ok(None) };
    if !folder.join("modules.dep").exists() {
        if program::find("depmod").is_none() {
            return Ok(None);
        }
        depmod(package, &folder)?;
    }
    Ok(Some(folder))
}

/// Writes the tables of `base/lib/modules/VERSION`.
pub fn depmod(base: &Path, folder: &Path) -> Result<()> {
    let version = folder.file_name().context("no version")?;
    let program = program::find("depmod").context("no depmod (apt-get install kmod)")?;
    program::output(Command::new(program).arg("-b").arg(base).arg(version))?;
    Ok(())
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

    #[test]
    fn modules_are_found_where_their_tables_are() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(modules_of(folder.path()).unwrap(), None);
        let modules = folder.path().join("lib/modules/6.1");
        fs::create_dir_all(&modules).unwrap();
        fs::write(modules.join("modules.dep"), "").unwrap();
        assert_eq!(modules_of(folder.path()).unwrap(), Some(modules));
    }
}
