//! Where things lie: every path below the project that xtask reads or writes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::arch::Arch;

/// The project's folder: the one that holds `xtask/`.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The folder below which everything is made.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The shipped binaries.
pub fn dist() -> PathBuf {
    target().join("dist")
}

/// The stripped binary with all roles (`roles` is empty), or with the named ones only.
pub fn binary(arch: Arch, roles: &[String]) -> PathBuf {
    let mut name = String::from("rootlet");
    for role in roles {
        name.push('-');
        name.push_str(role);
    }
    dist().join(format!("{name}-{}", arch.name()))
}

/// The twin of a binary that has its symbols.
pub fn unstripped(binary: &Path) -> PathBuf {
    let mut name = binary.as_os_str().to_owned();
    name.push(".unstripped");
    PathBuf::from(name)
}

/// The busybox root filesystem for a machine; the host's has the short name.
pub fn rootfs(arch: Arch) -> PathBuf {
    match arch.is_host() {
        true => target().join("rootfs"),
        false => target().join(format!("rootfs-{}", arch.name())),
    }
}

/// The folder of what was fetched or found out, and is worth keeping.
pub fn cache() -> PathBuf {
    target().join("cache")
}

/// The folder of VM scenarios.
pub fn scenarios() -> PathBuf {
    root().join("tests/vm")
}

/// Takes the lock of that name, which is held until the result is dropped: two xtasks at once (an
/// editor's and a terminal's) would otherwise copy each other's half-made files.
pub fn lock(name: &str) -> Result<File> {
    let path = target().join(format!(".xtask-{name}.lock"));
    fs::create_dir_all(target()).with_context(|| target().display().to_string())?;
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    flock(&file, FlockOperation::LockExclusive).with_context(|| path.display().to_string())?;
    Ok(file)
}

/// Puts `bytes` at `path` in one step: whoever reads it sees either the old file or the new one,
/// and a running binary can be replaced. Missing folders are made.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("temporary file in {}", folder.display()))?;
    file.write_all(bytes).with_context(|| path.display().to_string())?;
    let set = file.as_file().set_permissions(fs::Permissions::from_mode(mode));
    set.with_context(|| path.display().to_string())?;
    file.persist(path).with_context(|| path.display().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_named_after_its_roles() {
        let name = |arch, roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
            binary(arch, &roles).file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name(Arch::X86_64, &[]), "rootlet-x86_64");
        assert_eq!(name(Arch::Aarch64, &[]), "rootlet-aarch64");
        assert_eq!(name(Arch::X86_64, &["init"]), "rootlet-init-x86_64");
        let twin = unstripped(&binary(Arch::X86_64, &[]));
        assert!(twin.ends_with("target/dist/rootlet-x86_64.unstripped"));
    }

    #[test]
    fn a_written_file_replaces_the_old_one_with_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        write_atomically(&path, b"one", 0o644).unwrap();
        write_atomically(&path, b"two", 0o755).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "no temporary file remains");
    }
}
