//! Boots every VM scenario and its broken twin, a few machines at a time.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

use super::ground::Ground;
use super::guest::Seen;
use super::scenario::{self, Scenario};
use super::tally::{Skip, Tally};
use super::verdict::{Failure, Line};
use crate::arch::Arch;
use crate::layout;

/// Runs the scenarios that are wanted, on machines of one kind.
pub fn run(
    arch: Arch,
    rootlet: &Path,
    rootfs: &Path,
    wanted: impl Fn(&Scenario) -> bool,
    tally: &mut Tally,
) -> Result<()> {
    let mut scenarios = scenario::all(&layout::scenarios())?;
    scenarios.retain(&wanted);
    if scenarios.is_empty() {
        return Ok(());
    }
    let ground = match Ground::available(arch) {
        Ok(kernel) => Ground::new(arch, kernel, rootlet, rootfs, &scenarios)?,
        Err(reason) => return skip_all(arch, wanted, &format!("{reason:#}"), tally),
    };
    scenarios.retain(|scenario| match ground.lacks(scenario) {
        None => true,
        Some(reason) => {
            tally.skip(skipped(arch, scenario, &reason));
            false
        }
    });
    println!("\nvirtual machines ({}, {})", arch.name(), ground.accel.name());
    for (scenario, failures) in scenarios.iter().zip(run_all(&ground, &scenarios)) {
        let name = name_on(arch, scenario);
        match failures.is_empty() {
            true => tally.pass_scenario(&name),
            false => tally.fail(format!("vm {name}: {}", failures.join("; "))),
        }
    }
    Ok(())
}

/// Counts the scenarios that are wanted as skipped.
pub fn skip_all(
    arch: Arch,
    wanted: impl Fn(&Scenario) -> bool,
    reason: &str,
    tally: &mut Tally,
) -> Result<()> {
    let scenarios = scenario::all(&layout::scenarios())?;
    let skips = scenarios.iter().filter(|s| wanted(s)).map(|s| skipped(arch, s, reason));
    skips.for_each(|skip| tally.skip(skip));
    Ok(())
}

fn skipped(arch: Arch, scenario: &Scenario, reason: &str) -> Skip {
    let test = format!("vm {}", name_on(arch, scenario));
    Skip { test, reason: reason.to_owned(), scenario: None }
}

/// What a scenario is called on a machine. On x86_64 it has its own name, by which tests that could not
/// run refer to it; so only that machine can prove them.
fn name_on(arch: Arch, scenario: &Scenario) -> String {
    match arch {
        Arch::X86_64 => scenario.name.clone(),
        Arch::Aarch64 => format!("{} on {}", scenario.name, arch.name()),
    }
}

/// Boots scenarios, as many at a time as there are processors; returns what is wrong with each, in their
/// order.
fn run_all(ground: &Ground, scenarios: &[Scenario]) -> Vec<Vec<String>> {
    let next = AtomicUsize::new(0);
    let not_run = vec!["it was not run".to_owned()];
    let done = Mutex::new(vec![not_run; scenarios.len()]);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(scenario) = scenarios.get(index) else { return };
            let failures = run_one(ground, scenario);
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

/// Boots a scenario and its twin; returns what is wrong.
fn run_one(ground: &Ground, scenario: &Scenario) -> Vec<String> {
    let mut failures = Vec::new();
    let boots = [("healthy", &scenario.healthy), ("broken", &scenario.broken)];
    for (which, boot) in boots {
        let problem = match ground.boot(scenario, which, boot) {
            Err(error) => {
                let problem = format!("{which}: {error:#}");
                let name = name_on(ground.arch, scenario);
                println!("vm {name} {which} ... FAILED ({error:#})");
                Some(problem)
            }
            Ok((seen, result)) => {
                let problem = match which {
                    "healthy" => result.as_ref().err().map(ToString::to_string),
                    _ => twin_problem(&result, &seen, scenario),
                };
                print!(
                    "{}",
                    report(ground.arch, scenario, which, &seen, &result, problem.is_some())
                );
                problem
            }
        };
        failures.extend(problem);
    }
    failures
}

/// A twin that passes, or that fails for another reason, shows that the scenario proves nothing.
fn twin_problem(result: &Result<(), Failure>, seen: &Seen, scenario: &Scenario) -> Option<String> {
    let (wanted, shows) = (&scenario.fails, &scenario.shows);
    match result {
        Ok(()) => Some(format!("the broken twin passes, it should fail with {wanted:?}")),
        Err(failure) if failure.kind() != wanted => {
            Some(format!("the broken twin fails with {failure}, not {wanted:?}"))
        }
        Err(failure) if !is_shown(failure, seen, shows) => {
            Some(format!("the broken twin does not show {shows:?}"))
        }
        Err(_) => None,
    }
}

/// Whether the reason of a failure is the stated one. What a disk or a clock shows is not on the console,
/// but in the failure itself.
fn is_shown(failure: &Failure, seen: &Seen, shows: &Line) -> bool {
    match failure {
        Failure::Disk(reason) | Failure::TooLate(reason) => shows.is_in(reason),
        _ => seen.lines.iter().any(|line| shows.is_in(line)),
    }
}

/// How many of the last lines of a console are shown when something is wrong.
const SHOWN_LINES: usize = 60;

/// One line for a boot; with the end of its console when there is a problem.
fn report(
    arch: Arch,
    scenario: &Scenario,
    which: &str,
    seen: &Seen,
    result: &Result<(), Failure>,
    problem: bool,
) -> String {
    let name = name_on(arch, scenario);
    let what = result.as_ref().map_or_else(ToString::to_string, |()| "passes".to_owned());
    let mark = if problem { "FAILED" } else { "ok" };
    let seconds = seen.took.as_secs_f32();
    let mut text = format!("vm {name} {which} ... {mark} ({what}, {seconds:.1} s)\n");
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
        use std::time::Duration;
        let scenarios = scenario::all(&layout::scenarios()).unwrap();
        let scenario = Scenario {
            fails: "status".to_owned(),
            shows: Line::Part("wrong".to_owned()),
            ..scenarios.into_iter().next().unwrap()
        };
        let problem = |result: Result<(), Failure>, line: &str| {
            let (lines, times) = (vec![line.to_owned()], vec![Duration::ZERO]);
            let (end, took) = (End::TimeLimit, Duration::ZERO);
            let seen = Seen { lines, times, end, took, waited_for: None };
            twin_problem(&result, &seen, &scenario).unwrap_or_default()
        };
        let status = Failure::Status { wanted: 0, got: 1 };
        assert_eq!(problem(Err(status.clone()), "it is wrong"), "");
        assert!(problem(Err(status), "fine").contains("does not show"));
        assert!(problem(Err(Failure::TimeLimit), "it is wrong").contains("not \"status\""));
        assert!(problem(Ok(()), "it is wrong").contains("twin passes"));
    }
}
