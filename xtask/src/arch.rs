//! The machines rootlet is built for, and what each tool calls them.

use anyhow::{Context, Result, bail};
use object::elf;

/// A machine rootlet is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    pub const ALL: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

    /// The machine that xtask itself runs on; an error where rootlet is not built for it.
    pub fn host() -> Result<Arch> {
        let host = Arch::ALL.into_iter().find(|arch| arch.is_host());
        host.with_context(|| format!("rootlet is not built for {}", std::env::consts::ARCH))
    }

    /// The machine that the word after `--arch` names.
    pub fn parse(word: &str) -> Result<Arch> {
        match Arch::ALL.into_iter().find(|a| a.name() == word) {
            Some(arch) => Ok(arch),
            None => bail!("--arch {word}: neither x86_64 nor aarch64"),
        }
    }

    /// As `uname -m` says it; part of file names.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
        }
    }

    /// The Rust target that is built by default.
    pub fn musl_target(self) -> String {
        format!("{}-unknown-linux-musl", self.name())
    }

    /// The Rust target that links for glibc elsewhere: used where the musl one cannot be installed.
    pub fn gnu_target(self) -> String {
        format!("{}-unknown-linux-gnu", self.name())
    }

    /// As Debian calls it.
    pub fn debian_name(self) -> &'static str {
        match self {
            Arch::X86_64 => "amd64",
            Arch::Aarch64 => "arm64",
        }
    }

    /// Whether xtask itself runs on a machine of this kind.
    pub fn is_host(self) -> bool {
        self.name() == std::env::consts::ARCH
    }

    /// `e_machine` of its ELF files.
    pub fn elf_machine(self) -> elf::Machine {
        match self {
            Arch::X86_64 => elf::EM_X86_64,
            Arch::Aarch64 => elf::EM_AARCH64,
        }
    }
}
