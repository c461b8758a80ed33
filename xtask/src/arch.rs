//! The machines rootlet is built for, and what each tool calls them.

use anyhow::{Result, bail};
use object::elf;

/// A machine rootlet is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    pub const ALL: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

    /// The one word after `--arch`.
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

    /// The target that is built by default.
    pub fn musl_target(self) -> String {
        format!("{}-unknown-linux-musl", self.name())
    }

    /// The target of the machine's own Rust, for where the musl one cannot be had.
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

    /// The machine that xtask itself runs on, if it is one of ours.
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
