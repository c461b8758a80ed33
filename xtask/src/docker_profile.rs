//! Docker's own system call filter: what ours is compared with.
//!
//! It comes from Debian's package of docker's sources.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::apt::Apt;
use crate::arch::Arch;
use crate::layout;

const PACKAGE: &str = "golang-github-docker-docker-dev";
const FILE: &str = "usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json";

/// The file, fetched when it is wanted for the first time.
pub fn find() -> Result<PathBuf> {
    let _lock = layout::lock("docker-profile")?;
    let package = layout::cache().join("docker-profile");
    let file = package.join(FILE);
    if !file.is_file() {
        Apt::that_knows(PACKAGE, Arch::X86_64)?.unpack(PACKAGE, &package)?;
    }
    ensure!(file.is_file(), "{PACKAGE} holds no {FILE}");
    Ok(file)
}
