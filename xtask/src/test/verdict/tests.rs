//! Each way in which a guest fails, from the lines of a console.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::*;

fn judged(lines: &[&str], end: End) -> Result<(), Failure> {
    let seen =
        Seen { lines: lines.iter().map(ToString::to_string).collect(), end, took: Duration::ZERO };
    let wanted = vec![
        Line::Part("first".to_owned()),
        Line::Regex { regex: regex::Regex::new("^second [0-9]$").unwrap() },
    ];
    judge(&seen, &Expected { status: 3, lines: wanted })
}

const GOOD: &[&str] = &[
    "boot",
    "a first line",
    "second 2",
    "rootlet: verdict: status 3",
    "[    1.5] reboot: Power down",
];

fn exited(code: i32) -> End {
    End::Exited(ExitStatus::from_raw(code << 8))
}

/// GOOD with one line put in place of another.
fn with(index: usize, line: &'static str) -> Vec<&'static str> {
    let mut lines = GOOD.to_vec();
    lines[index] = line;
    lines
}

#[test]
fn the_good_console_passes() {
    assert_eq!(judged(GOOD, exited(0)), Ok(()));
}

#[test]
fn each_wrong_console_is_its_own_kind_of_failure() {
    let verdict = "rootlet: verdict: status 3";
    let rows: &[(Vec<&str>, &str)] = &[
        (with(0, "Kernel panic - not syncing: Attempted to kill init!"), "panic"),
        (with(3, ""), "no verdict"),
        (with(3, "verdict: status 3"), "no verdict"),
        (with(0, verdict), "two verdicts"),
        (with(3, "rootlet: verdict: status 3rootlet: verdict: status 3"), "two verdicts"),
        (with(3, "rootlet: verdict: ok"), "unknown verdict"),
        (with(3, "rootlet: verdict: status 03"), "unknown verdict"),
        (with(3, "rootlet: verdict: status +3"), "unknown verdict"),
        (with(3, "rootlet: verdict: status 256"), "unknown verdict"),
        (with(3, "rootlet: verdict: status 3 "), "unknown verdict"),
        (with(3, "x rootlet: verdict: status 3"), "unknown verdict"),
        (with(3, "rootlet: verdict: status 0"), "status"),
        (with(1, "second 1"), "missing line"),
        (with(2, "second 22"), "missing line"),
        (with(4, "[    1.5] reboot: Restarting system"), "no power-off"),
    ];
    for (lines, kind) in rows {
        let failure = judged(lines, exited(0)).expect_err(kind);
        assert_eq!(failure.kind(), *kind, "{failure}");
        assert!(KINDS.contains(&failure.kind()));
    }
}

#[test]
fn a_power_off_before_the_verdict_does_not_count() {
    let lines = ["first", "second 2", "reboot: Power down", "rootlet: verdict: status 3"];
    assert_eq!(judged(&lines, exited(0)), Err(Failure::NoPowerOff));
}

#[test]
fn wanted_lines_have_an_order() {
    let lines = ["second 2", "first", "rootlet: verdict: status 3", "reboot: Power down"];
    assert_eq!(judged(&lines, exited(0)).unwrap_err().kind(), "missing line");
}

#[test]
fn a_machine_that_did_not_end_by_itself_fails_whatever_it_said() {
    assert_eq!(judged(GOOD, End::TimeLimit), Err(Failure::TimeLimit));
    assert_eq!(judged(GOOD, End::TooMuchOutput), Err(Failure::TooMuchOutput));
    assert_eq!(judged(GOOD, exited(1)).unwrap_err().kind(), "machine");
}
