//! `run`: a shell, or another command, in a container on the busybox rootfs.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use lexopt::prelude::*;

use crate::arch::Arch;
use crate::{build, program, rootfs};

pub const USAGE: &str = "\
run [-- CMD [ARG…]]
    fetches what is missing, builds rootlet and the rootfs, and runs CMD, or a shell, in a
    container";

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => {
                words.push(word);
                words.extend(arguments.raw_args()?);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let arch = Arch::host()?;
    let rootlet = build::build(arch, &[])?;
    let rootfs = rootfs::make(&rootlet, arch)?;
    let mut command = Command::new(&rootlet);
    command.arg("run").arg("--rootfs").arg(rootfs);
    command.args(run_words(words, std::io::stdin().is_terminal()));
    // It returns only when it fails; else rootlet's exit code is ours.
    let error = command.exec();
    Err(error).with_context(|| program::line(&command))
}

/// What follows `--rootfs DIR`: `-t` where we are at a terminal, and the command.
fn run_words(words: Vec<OsString>, terminal: bool) -> Vec<OsString> {
    let mut line: Vec<OsString> = Vec::new();
    if terminal {
        line.push("-t".into());
    }
    line.push("--".into());
    if words.is_empty() {
        line.push("/bin/sh".into());
    }
    line.extend(words);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_what_is_run_when_nothing_is_named() {
        let words = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(run_words(vec![], true), words(&["-t", "--", "/bin/sh"]));
        assert_eq!(run_words(vec![], false), words(&["--", "/bin/sh"]));
        assert_eq!(run_words(words(&["ls", "-l"]), false), words(&["--", "ls", "-l"]));
    }
}
