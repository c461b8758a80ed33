//! Other programs: runs them, and names the command line of one that fails.

use std::ffi::OsStr;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The command line as one would type it, for messages.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a program with our own stdin, stdout and stderr; an exit status other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| line(command))?;
    if !status.success() {
        bail!("{}: {status}", line(command));
    }
    Ok(())
}

/// What a program wrote to stdout; its stderr becomes part of the error when it fails.
pub fn output(command: &mut Command) -> Result<String> {
    let bytes = written(command.stdin(Stdio::null()))?;
    String::from_utf8(bytes).with_context(|| format!("{}: not UTF-8", line(command)))
}

/// What a program makes of `input` on its stdin. That is a file: pipes could fill up in both directions, and
/// one that ends early would have us fail instead of it.
pub fn filter(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let mut file = tempfile::tempfile().context("temporary file")?;
    file.write_all(input).and_then(|()| file.rewind()).context("temporary file")?;
    written(command.stdin(file))
}

fn written(command: &mut Command) -> Result<Vec<u8>> {
    let done = command.output().with_context(|| line(command))?;
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr);
        bail!("{}: {}: {}", line(command), done.status, complaint.trim());
    }
    Ok(done.stdout)
}

/// Where programs for administrators lie; the `PATH` of ordinary users lacks these.
const ADMIN_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// The path of a program on `PATH` or in `ADMIN_FOLDERS`, if there is one.
pub fn find(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH");
    let listed = path.iter().flat_map(std::env::split_paths);
    let folders = listed.chain(ADMIN_FOLDERS.map(PathBuf::from));
    folders.map(|d| d.join(name.as_ref())).find(|p| is_executable(p))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_its_complaint() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("sh -c") && text.contains("3") && text.contains("why"), "{text}");
        let error = run(Command::new("sh").args(["-c", "exit 4"])).unwrap_err();
        assert!(format!("{error:#}").contains("exit status: 4"));
    }

    #[test]
    fn a_filter_that_reads_nothing_is_named_with_its_complaint() {
        assert_eq!(filter(&mut Command::new("cat"), b"text").unwrap(), b"text");
        let mut fails = Command::new("sh");
        let error = filter(fails.args(["-c", "echo why >&2; exit 3"]), &[0; 1 << 20]).unwrap_err();
        assert!(format!("{error:#}").contains("why"), "{error:#}");
    }

    #[test]
    fn programs_are_found_by_their_names() {
        assert!(find("sh").is_some_and(|p| p.is_absolute()));
        assert_eq!(find("no-such-program-here"), None);
    }
}
