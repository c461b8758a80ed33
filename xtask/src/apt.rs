//! Packages of the distribution, fetched and unpacked; this needs no root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arch::Arch;
use crate::{layout, program};

/// The machine's apt, or the same apt with package lists of our own.
pub struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// The machine's apt, if its lists know `package`. Else lists of our own are fetched below the
    /// cache: a fresh machine has none, only root can update them, and they are for the machine's
    /// own kind alone.
    pub fn that_knows(package: &str, arch: Arch) -> Result<Apt> {
        let system = Apt { options: Vec::new() };
        if arch.is_host() && system.knows(package) {
            return Ok(system);
        }
        let own = Apt::with_own_lists(arch)?;
        if !own.knows(package) {
            bail!("apt knows no package {package} for {}", arch.debian_name());
        }
        Ok(own)
    }

    fn with_own_lists(arch: Arch) -> Result<Apt> {
        let folder = layout::cache().join(format!("apt-{}", arch.name()));
        let (lists, archives) = (folder.join("lists"), folder.join("archives"));
        for partial in [lists.join("partial"), archives.join("partial")] {
            fs::create_dir_all(&partial).with_context(|| partial.display().to_string())?;
        }
        let apt = Apt {
            options: vec![
                format!("APT::Architecture={}", arch.debian_name()),
                format!("APT::Architectures={}", arch.debian_name()),
                format!("Dir::State::Lists={}", lists.display()),
                format!("Dir::Cache={}", folder.display()),
                format!("Dir::Cache::archives={}", archives.display()),
                // As root, apt would change to a user who may not write below our folder.
                "APT::Sandbox::User=root".to_owned(),
            ],
        };
        eprintln!("fetching package lists to {}", lists.display());
        program::output(apt.command("apt-get").args(["-q", "update"]))?;
        Ok(apt)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// Whether a package can be downloaded, and is not merely mentioned by another.
    fn knows(&self, package: &str) -> bool {
        let shown = program::output(self.command("apt-cache").args(["show", package]));
        shown.is_ok_and(|text| text.lines().any(|l| l.starts_with("Filename: ")))
    }

    /// The first package whose name starts with `prefix` that `package` depends on.
    pub fn dependency(&self, package: &str, prefix: &str) -> Result<String> {
        let text = program::output(self.command("apt-cache").args(["depends", package]))?;
        match first_dependency(&text, prefix) {
            Some(name) => Ok(name.to_owned()),
            None => bail!("{package} depends on no {prefix}…"),
        }
    }

    /// Downloads a package and unpacks it as the folder `into`, which appears only when it is whole.
    pub fn unpack(&self, package: &str, into: &Path) -> Result<()> {
        let parent = into.parent().context("no parent folder")?;
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        let folder = tempfile::tempdir_in(parent).with_context(|| parent.display().to_string())?;
        eprintln!("apt-get download {package}");
        let mut download = self.command("apt-get");
        download.args(["-q", "-o", "APT::Sandbox::User=root", "download", package]);
        program::output(download.current_dir(folder.path()))?;
        let tree = folder.path().join("tree");
        let file = only_package_file(folder.path())?;
        program::output(Command::new("dpkg-deb").arg("-x").arg(file).arg(&tree))?;
        if into.exists() {
            fs::remove_dir_all(into).with_context(|| into.display().to_string())?;
        }
        fs::rename(&tree, into).with_context(|| into.display().to_string())
    }
}

fn only_package_file(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "deb") {
            return Ok(path);
        }
    }
    bail!("apt-get downloaded no package file")
}

/// Reads what `apt-cache depends` prints: the package's name, then lines of `  Depends: NAME`.
fn first_dependency<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        line.trim().strip_prefix("Depends: ").filter(|name| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_package_is_found_among_the_dependencies() {
        let text = "linux-image-cloud-amd64\n  PreDepends: linux-image-x\n  Depends: \
            linux-base\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  Suggests: a\n";
        let found = first_dependency(text, "linux-image-");
        assert_eq!(found, Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(first_dependency("linux-image-cloud-amd64\n", "linux-image-"), None);
    }
}
