//! Boots every VM scenario and its broken twin, a few machines at a time.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};

use super::guest::{self, Seen};
use super::scenario::{self, Boot, Scenario};
use super::tally::{Skip, Tally};
use super::verdict::{self, Failure};
use crate::arch::Arch;
use crate::newc::Tree;
use crate::qemu::{self, Accel, Console, Machine};
use crate::{image, kernel, layout};

/// What all scenarios share.
struct Ground {
    kernel: PathBuf,
    accel: Accel,
    rootfs: PathBuf,
    /// /init and the busybox rootfs.
    tree: Tree,
    /// Initramfs files of this run.
    folder: tempfile::TempDir,
}

/// Runs the scenarios whose names contain `filter`.
pub fn run(rootlet: &Path, rootfs: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    let mut scenarios = scenario::all(&layout::scenarios())?;
    scenarios.retain(|s| filter.is_none_or(|f| s.name.contains(f)));
    if scenarios.is_empty() {
        return Ok(());
    }
    let ground = match available().map(|kernel| Ground::new(kernel, rootlet, rootfs)) {
        Ok(ground) => ground?,
        Err(reason) => {
            let reason = format!("{reason:#}");
            scenarios.iter().for_each(|s| tally.skip(skipped(s, &reason)));
            return Ok(());
        }
    };
    println!("\nvirtual machines ({})", ground.accel.name());
    for (scenario, failures) in scenarios.iter().zip(ground.run_all(&scenarios)) {
        match failures.is_empty() {
            true => tally.pass_scenario(&scenario.name),
            false => tally.fail(format!("vm {}: {}", scenario.name, failures.join("; "))),
        }
    }
    Ok(())
}

/// What a machine needs that may be missing: that is a reason to skip, not a failure.
fn available() -> Result<PathBuf> {
    qemu::installed(Arch::X86_64)?;
    kernel::find(Arch::X86_64)
}

fn skipped(scenario: &Scenario, reason: &str) -> Skip {
    Skip { test: format!("vm {}", scenario.name), reason: reason.to_owned(), scenario: None }
}

impl Ground {
    fn new(kernel: PathBuf, rootlet: &Path, rootfs: &Path) -> Result<Ground> {
        let folder = tempfile::tempdir_in(layout::target())?;
        let tree = image::base(rootlet, Some(rootfs))?;
        let probe = folder.path().join("probe.cpio");
        image::write(&tree, &probe)?;
        let accel = qemu::choose_accel(Arch::X86_64, &kernel, &probe)?;
        Ok(Ground { kernel, accel, rootfs: rootfs.to_owned(), tree, folder })
    }

    /// What is wrong with each scenario, in their order. One machine for each processor.
    fn run_all(&self, scenarios: &[Scenario]) -> Vec<Vec<String>> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(vec![Vec::new(); scenarios.len()]);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(scenario) = scenarios.get(index) else { return };
                let failures = self.run_one(scenario);
                if let Ok(mut done) = done.lock() {
                    done[index] = failures;
                }
            }
        };
        thread::scope(|scope| {
            let workers = thread::available_parallelism().map_or(1, usize::from);
            (0..workers).for_each(|_| drop(scope.spawn(work)));
        });
        done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Boots a scenario and its twin and says what is wrong; nothing, if it is right.
    fn run_one(&self, scenario: &Scenario) -> Vec<String> {
        let mut failures = Vec::new();
        let boots = [("healthy", &scenario.healthy), ("broken", &scenario.broken)];
        for (which, boot) in boots {
            let problem = match self.boot(scenario, which, boot) {
                Err(error) => Some(format!("{error:#}")),
                Ok(seen) => {
                    let result = verdict::judge(&seen, &scenario.expected);
                    let problem = match which {
                        "healthy" => result.as_ref().err().map(ToString::to_string),
                        _ => twin_problem(&result, &seen, scenario),
                    };
                    print!("{}", report(scenario, which, &seen, &result, problem.is_some()));
                    problem
                }
            };
            failures.extend(problem);
        }
        failures
    }

    fn boot(&self, scenario: &Scenario, which: &str, boot: &Boot) -> Result<Seen> {
        let mut tree = self.tree.clone();
        if let Some(place) = &scenario.nested_rootfs {
            image::add(&mut tree, &self.rootfs, place)?;
        }
        for (file, place) in &boot.files {
            image::add(&mut tree, file, place)?;
        }
        // Not compressed: unpacking under TCG takes longer than reading.
        let initramfs = self.folder.path().join(format!("{}-{which}.cpio", scenario.name));
        image::write(&tree, &initramfs)?;
        let machine = Machine {
            arch: Arch::X86_64,
            kernel: &self.kernel,
            initramfs: &initramfs,
            append: &boot.append,
            accel: self.accel,
            disk: None,
            console: Console::Pipe,
        };
        let seen = guest::watch(machine.command(), scenario.limit);
        seen.with_context(|| format!("{} of {}", which, scenario.name))
    }
}

/// A twin that passes, or that fails for another reason, shows that the scenario proves nothing.
fn twin_problem(result: &Result<(), Failure>, seen: &Seen, scenario: &Scenario) -> Option<String> {
    let (wanted, shows) = (&scenario.fails, &scenario.shows);
    match result {
        Ok(()) => Some(format!("the broken twin passes, it should fail with {wanted:?}")),
        Err(failure) if failure.kind() != wanted => {
            Some(format!("the broken twin fails with {failure}, not {wanted:?}"))
        }
        Err(_) if !seen.lines.iter().any(|line| shows.is_in(line)) => {
            Some(format!("the broken twin does not show {shows:?}"))
        }
        Err(_) => None,
    }
}

/// How many of the last lines of a console are shown when something is wrong.
const SHOWN_LINES: usize = 60;

/// One line for a boot; with the end of its console when there is a problem.
fn report(
    scenario: &Scenario,
    which: &str,
    seen: &Seen,
    result: &Result<(), Failure>,
    problem: bool,
) -> String {
    let what = result.as_ref().map_or_else(ToString::to_string, |()| "passes".to_owned());
    let mark = if problem { "FAILED" } else { "ok" };
    let seconds = seen.took.as_secs_f32();
    let mut text = format!("vm {} {which} ... {mark} ({what}, {seconds:.1} s)\n", scenario.name);
    if problem {
        text.push_str(&format!("  {}\n", scenario.description));
        for line in seen.lines.iter().skip(seen.lines.len().saturating_sub(SHOWN_LINES)) {
            text.push_str(&format!("  | {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_has_to_fail_for_its_own_reason() {
        use super::super::guest::End;
        let scenarios = scenario::all(&layout::scenarios()).unwrap();
        let scenario = Scenario {
            fails: "status".to_owned(),
            shows: verdict::Line::Part("wrong".to_owned()),
            ..scenarios.into_iter().next().unwrap()
        };
        let problem = |result: Result<(), Failure>, line: &str| {
            let (end, took) = (End::TimeLimit, std::time::Duration::ZERO);
            let seen = Seen { lines: vec![line.to_owned()], end, took };
            twin_problem(&result, &seen, &scenario).unwrap_or_default()
        };
        let status = Failure::Status { wanted: 0, got: 1 };
        assert_eq!(problem(Err(status.clone()), "it is wrong"), "");
        assert!(problem(Err(status), "fine").contains("does not show"));
        assert!(problem(Err(Failure::TimeLimit), "it is wrong").contains("not \"status\""));
        assert!(problem(Ok(()), "it is wrong").contains("twin passes"));
    }
}
