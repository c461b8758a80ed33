//! Each way in which a guest fails, from the lines of a console.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::*;

fn expected() -> Expected {
    let regex = regex::Regex::new("^second [0-9]$").unwrap();
    Expected {
        status: Some(3),
        ends: Ending::Poweroff,
        ends_within: None,
        lines: vec![
            Wanted { line: Line::Part("first".to_owned()), within: None },
            Wanted { line: Line::Regex(Pattern { regex }), within: None },
        ],
        never: vec![Line::Part("oops".to_owned())],
    }
}

/// A console with a second between two lines.
fn seen(lines: &[&str], end: End) -> Seen {
    Seen {
        lines: lines.iter().map(ToString::to_string).collect(),
        times: (0..lines.len()).map(|index| Duration::from_secs(index as u64)).collect(),
        end,
        took: Duration::from_secs(lines.len() as u64),
        waited_for: None,
    }
}

fn judged(lines: &[&str], end: End) -> Result<(), Failure> {
    judge(&seen(lines, end), &expected(), 1)
}

const GOOD: &[&str] = &["boot", "a first line", "second 2", "rootlet: verdict: status 3", "end"];

fn off() -> End {
    End::Shutdown("poweroff".to_owned())
}

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
    assert_eq!(judged(GOOD, off()), Ok(()));
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
        (with(4, "oops"), "forbidden line"),
    ];
    for (lines, kind) in rows {
        let failure = judged(lines, off()).expect_err(kind);
        assert_eq!(failure.kind(), *kind, "{failure}");
        assert!(KINDS.contains(&failure.kind()));
    }
}

#[test]
fn the_end_is_the_wanted_one() {
    let rows = [(End::Shutdown("reboot".to_owned()), "wrong end"), (exited(0), "wrong end")];
    for (end, kind) in rows {
        assert_eq!(judged(GOOD, end).unwrap_err().kind(), kind);
    }
    let halted = Expected { ends: Ending::Halt, ..expected() };
    let end = End::Shutdown("halt".to_owned());
    assert_eq!(judge(&seen(GOOD, end), &halted, 1), Ok(()));
}

#[test]
fn without_a_status_there_is_no_verdict() {
    let silent = Expected { status: None, ..expected() };
    let failure = judge(&seen(GOOD, off()), &silent, 1).unwrap_err();
    assert_eq!(failure.kind(), "unknown verdict");
    assert_eq!(judge(&seen(&with(3, ""), off()), &silent, 1), Ok(()));
}

#[test]
fn times_are_between_lines_and_stretched() {
    let row = |within_ms, ends_within_ms, patience| {
        let mut timed = expected();
        timed.lines[1].within = Some(Duration::from_millis(within_ms));
        timed.ends_within = Some(Duration::from_millis(ends_within_ms));
        judge(&seen(GOOD, off()), &timed, patience).map_err(|f| f.kind())
    };
    assert_eq!(row(1000, 3000, 1), Ok(()));
    assert_eq!(row(900, 3000, 1), Err("too late"));
    assert_eq!(row(1000, 2900, 1), Err("too late"));
    assert_eq!(row(500, 1500, 2), Ok(()));
}

#[test]
fn a_step_that_still_waits_is_a_failure() {
    let mut waiting = seen(GOOD, off());
    waiting.waited_for = Some(Line::Part("prompt".to_owned()));
    assert_eq!(judge(&waiting, &expected(), 1).unwrap_err().kind(), "step not reached");
}

#[test]
fn expected_lines_are_read_strictly() {
    let read = |text: &str| {
        let table: std::collections::BTreeMap<String, Vec<Wanted>> = toml::from_str(text).ok()?;
        table.into_values().next()?.into_iter().next()
    };
    let plain = read("x = ['a']").unwrap();
    assert!(plain.line.is_in("bab") && plain.within.is_none());
    let timed = read("x = [{ part = 'a', within_ms = 5 }]").unwrap();
    assert!(timed.line.is_in("bab") && timed.within == Some(Duration::from_millis(5)));
    let timed = read("x = [{ regex = '^a$', within_ms = 5 }]").unwrap();
    assert!(!timed.line.is_in("bab") && timed.line.is_in("a"));
    for bad in [
        "{ regex = '(' }",
        "{ regex = 'a', wihtin_ms = 1 }",
        "{ within_ms = 1 }",
        "{ part = 'a', regex = 'b', within_ms = 1 }",
    ] {
        assert!(read(&format!("x = [{bad}]")).is_none(), "{bad}");
    }
}

#[test]
fn wanted_lines_have_an_order() {
    let lines = ["second 2", "first", "rootlet: verdict: status 3"];
    assert_eq!(judged(&lines, off()).unwrap_err().kind(), "missing line");
}

#[test]
fn a_machine_that_did_not_end_by_itself_fails_whatever_it_said() {
    assert_eq!(judged(GOOD, End::TimeLimit), Err(Failure::TimeLimit));
    assert_eq!(judged(GOOD, End::TooMuchOutput), Err(Failure::TooMuchOutput));
    assert_eq!(judged(GOOD, exited(1)).unwrap_err().kind(), "machine");
    assert_eq!(judged(GOOD, End::Machine("x".to_owned())).unwrap_err().kind(), "machine");
}
