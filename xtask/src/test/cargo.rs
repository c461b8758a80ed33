//! Builds the workspace's test binaries and runs each with its own skip log.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::guest::{self, End};
use super::libtest::{self, Report};
use super::tally::{Skip, Tally, read_skips};
use crate::{layout, program};

/// No test binary takes this long; each test has a much shorter limit of its own.
const LIMIT: Duration = Duration::from_secs(900);

/// A compiled test binary.
#[derive(Debug, PartialEq, Eq)]
pub struct Binary {
    /// Package and target, as in `rootlet/cli`.
    pub name: String,
    /// It drives the shipped binary.
    pub integration: bool,
    executable: PathBuf,
    /// The package's folder: where cargo would run it.
    folder: PathBuf,
}

/// What is used here of cargo's `compiler-artifact` messages.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Compiles all test binaries: unit tests of each package, integration tests of the main one.
pub fn compile() -> Result<Vec<Binary>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(layout::root()).args(["test", "--workspace", "--no-run", "--quiet"]);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let done = cargo.output().with_context(|| program::line(&cargo))?;
    if !done.status.success() {
        bail!("{}: {}", program::line(&cargo), done.status);
    }
    let mut binaries: Vec<_> = String::from_utf8(done.stdout)?.lines().filter_map(binary).collect();
    binaries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(binaries)
}

/// The test binary of a message, if it is about one.
fn binary(message: &str) -> Option<Binary> {
    let artifact: Artifact = serde_json::from_str(message).ok()?;
    let executable = artifact.executable.filter(|_| artifact.profile.test)?;
    let folder = artifact.manifest_path.parent()?.to_owned();
    let manifest = fs::read_to_string(&artifact.manifest_path).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    let package = manifest.get("package")?.get("name")?.as_str()?.to_owned();
    let integration = artifact.target.kind.iter().any(|kind| kind == "test");
    let name = format!("{package}/{}", artifact.target.name);
    Some(Binary { name, integration, executable, folder })
}

/// Runs one binary with `environment` and counts what it did.
pub fn run(
    binary: &Binary,
    environment: &BTreeMap<&str, &Path>,
    filter: Option<&str>,
    tally: &mut Tally,
) -> Result<()> {
    println!("\n{}", binary.name);
    let logs = tempfile::tempdir_in(layout::target())?;
    let log = logs.path().join("skips");
    let mut command = Command::new(&binary.executable);
    command.current_dir(&binary.folder).envs(environment).env("ROOTLET_SKIP_LOG", &log);
    command.args(filter);
    let seen = guest::stream(&mut command, LIMIT, |line| println!("{line}"))?;
    let code = match seen.end {
        End::Exited(status) => status.code(),
        End::TimeLimit => bail!("{}: still running after {} s", binary.name, LIMIT.as_secs()),
        End::TooMuchOutput => bail!("{}: too much output", binary.name),
        // Only machines end in these ways.
        End::Shutdown(how) | End::Machine(how) => bail!("{}: {how}", binary.name),
    };
    match libtest::report(&seen.lines, code) {
        Ok(report) => count(&binary.name, report, &read_log(&log)?, tally),
        Err(problem) => tally.fail(format!("{}: {problem}", binary.name)),
    }
    Ok(())
}

fn read_log(path: &Path) -> Result<Vec<Skip>> {
    let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
    read_skips(&text).map_err(anyhow::Error::msg)
}

/// Counts a binary's tests. libtest counts a test that has skipped itself as passed; one that has
/// failed after that stays failed.
fn count(binary: &str, report: Report, skips: &[Skip], tally: &mut Tally) {
    let mut passed = report.passed;
    let failed = |skip: &&Skip| report.failed.iter().any(|name| is_same(&skip.test, name));
    for skip in skips.iter().filter(|skip| !failed(skip)) {
        match passed.checked_sub(1) {
            Some(rest) => passed = rest,
            None => tally.fail(format!("{binary}: more skips than tests")),
        }
        tally.skip(Skip { test: format!("{binary} {}", skip.test), ..skip.clone() });
    }
    for _ in 0..report.ignored {
        let (test, reason) = (binary.to_owned(), "marked as ignored".to_owned());
        tally.skip(Skip { test, reason, scenario: None });
    }
    tally.pass(passed);
    report.failed.iter().for_each(|name| tally.fail(format!("{binary} {name}")));
}

/// Whether a test in a skip log is this one: the log may have the binary's name before it, as in `cli::name`.
fn is_same(skipped: &str, name: &str) -> bool {
    skipped == name || skipped.strip_suffix(name).is_some_and(|rest| rest.ends_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_test_binaries_are_picked() {
        let manifest = layout::root().join("xtask/Cargo.toml");
        let message = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":{manifest:?},"target":
                {{"name":"cli","kind":["test"]}},"profile":{{"test":{test}}},
                "executable":{executable}}}"#
            )
        };
        let found = binary(&message(true, "\"/t/cli-1\"")).unwrap();
        assert_eq!((found.name.as_str(), found.integration), ("xtask/cli", true));
        assert_eq!(found.folder, layout::root().join("xtask"));
        assert_eq!(binary(&message(false, "\"/t/cli-1\"")), None);
        assert_eq!(binary(&message(true, "null")), None);
        assert_eq!(binary(r#"{"reason":"build-finished","success":true}"#), None);
    }

    fn counted(passed: usize, failed: &[&str], ignored: usize, skips: &[&str]) -> Vec<String> {
        let failed = failed.iter().map(ToString::to_string).collect();
        let skip =
            |test: &&str| Skip { test: test.to_string(), reason: "r".into(), scenario: None };
        let skips: Vec<_> = skips.iter().map(skip).collect();
        let mut tally = Tally::default();
        count("p/t", Report { passed, failed, ignored }, &skips, &mut tally);
        tally.summary(false).lines
    }

    #[test]
    fn a_skipped_test_is_not_a_passed_one() {
        assert_eq!(counted(3, &[], 0, &["a"]).last().unwrap(), "2 passed, 0 failed, 1 skipped");
        assert_eq!(counted(3, &[], 2, &[]).last().unwrap(), "3 passed, 0 failed, 2 skipped");
        assert_eq!(counted(3, &["a"], 0, &["a"]).last().unwrap(), "3 passed, 1 failed, 0 skipped");
        assert_eq!(
            counted(3, &["a"], 0, &["t::a"]).last().unwrap(),
            "3 passed, 1 failed, 0 skipped"
        );
        assert_eq!(
            counted(3, &["a"], 0, &["t::ba"]).last().unwrap(),
            "2 passed, 1 failed, 1 skipped"
        );
        assert_eq!(counted(0, &[], 0, &["a"]).last().unwrap(), "0 passed, 1 failed, 1 skipped");
        assert_eq!(counted(0, &["x"], 0, &[])[0], "failed: p/t x");
    }
}
