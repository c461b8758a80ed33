//! Judges a guest: its verdict, its end, its lines, and no panic or hang.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::guest::{End, Seen};

/// What makes a line a verdict, wherever it stands in that line.
pub const MARK: &str = "rootlet: verdict:";

/// The kernel's words when it gives up.
const PANIC: &str = "Kernel panic";

/// What a scenario wants to see of a machine.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The number in the one verdict line. Without it no such line may come.
    pub status: Option<u8>,
    pub ends: Ending,
    /// How long the machine may take from the last expected line to its end.
    pub ends_within: Option<Duration>,
    /// Lines that come in this order, with any others between them.
    pub lines: Vec<Wanted>,
    /// Lines that must not come.
    pub never: Vec<Line>,
}

/// How a machine ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    #[default]
    Poweroff,
    Reboot,
    /// It stays on and does nothing any more.
    Halt,
}

impl Ending {
    /// As a scenario spells it.
    pub fn name(self) -> &'static str {
        match self {
            Ending::Poweroff => "poweroff",
            Ending::Reboot => "reboot",
            Ending::Halt => "halt",
        }
    }
}

/// One line that is waited for: a part of it, or a regular expression.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Part(String),
    Regex(Pattern),
}

/// `{ regex = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    #[serde(deserialize_with = "regex")]
    pub regex: regex::Regex,
}

/// An expected line, and how long after the one before it it may come.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub line: Line,
    pub within: Option<Duration>,
}

/// How a scenario writes it: a `Line`, or a table that also has a time.
#[derive(Deserialize)]
#[serde(untagged)]
enum WantedText {
    Line(Line),
    Timed(Timed),
}

/// `{ part = "…", within_ms = 100 }`, or the same with `regex`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timed {
    part: Option<String>,
    #[serde(default, deserialize_with = "some_regex")]
    regex: Option<regex::Regex>,
    within_ms: u64,
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Wanted, D::Error> {
        let timed = match WantedText::deserialize(source)? {
            WantedText::Line(line) => return Ok(Wanted { line, within: None }),
            WantedText::Timed(timed) => timed,
        };
        let line = match (timed.part, timed.regex) {
            (Some(part), None) => Line::Part(part),
            (None, Some(regex)) => Line::Regex(Pattern { regex }),
            _ => return Err(serde::de::Error::custom("an expected line has part or regex")),
        };
        Ok(Wanted { line, within: Some(Duration::from_millis(timed.within_ms)) })
    }
}

fn some_regex<'de, D: serde::Deserializer<'de>>(
    source: D,
) -> Result<Option<regex::Regex>, D::Error> {
    regex(source).map(Some)
}

fn regex<'de, D: serde::Deserializer<'de>>(source: D) -> Result<regex::Regex, D::Error> {
    regex::Regex::new(&String::deserialize(source)?).map_err(serde::de::Error::custom)
}

impl Line {
    /// Whether this line is the one that is waited for.
    pub fn is_in(&self, line: &str) -> bool {
        match self {
            Line::Part(part) => line.contains(part),
            Line::Regex(pattern) => pattern.regex.is_match(line),
        }
    }
}

/// Why a guest did not pass. A broken twin's `fails` names one of these kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Panic(String),
    TimeLimit,
    TooMuchOutput,
    Machine(String),
    NoVerdict,
    TwoVerdicts(usize),
    UnknownVerdict(String),
    Status {
        wanted: u8,
        got: u8,
    },
    MissingLine(String),
    /// A line that came, but not in time.
    TooLate(String),
    ForbiddenLine(String),
    /// A line that a step of the scenario waited for in vain.
    StepNotReached(String),
    WrongEnd {
        wanted: &'static str,
        got: String,
    },
    /// What a disk shows after the machine's end.
    Disk(String),
}

/// The names of the kinds of failure that a broken twin may be expected to have.
pub const KINDS: &[&str] = &[
    "panic",
    "time limit",
    "no verdict",
    "two verdicts",
    "unknown verdict",
    "status",
    "missing line",
    "too late",
    "forbidden line",
    "step not reached",
    "wrong end",
    "disk",
];

impl Failure {
    /// The kind, without its details.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Panic(_) => "panic",
            Failure::TimeLimit => "time limit",
            Failure::TooMuchOutput => "too much output",
            Failure::Machine(_) => "machine",
            Failure::NoVerdict => "no verdict",
            Failure::TwoVerdicts(_) => "two verdicts",
            Failure::UnknownVerdict(_) => "unknown verdict",
            Failure::Status { .. } => "status",
            Failure::MissingLine(_) => "missing line",
            Failure::TooLate(_) => "too late",
            Failure::ForbiddenLine(_) => "forbidden line",
            Failure::StepNotReached(_) => "step not reached",
            Failure::WrongEnd { .. } => "wrong end",
            Failure::Disk(_) => "disk",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Failure::Panic(text)
            | Failure::Machine(text)
            | Failure::UnknownVerdict(text)
            | Failure::MissingLine(text)
            | Failure::TooLate(text)
            | Failure::ForbiddenLine(text)
            | Failure::StepNotReached(text)
            | Failure::Disk(text) => write!(f, ": {text}"),
            Failure::WrongEnd { wanted, got } => write!(f, ": {got}, not {wanted}"),
            Failure::TwoVerdicts(count) => write!(f, ": {count} of them"),
            Failure::Status { wanted, got } => write!(f, ": {got}, not {wanted}"),
            Failure::TimeLimit | Failure::TooMuchOutput | Failure::NoVerdict => Ok(()),
        }
    }
}

/// Passes, or names the gravest thing that is wrong. `patience` is the factor by which times are
/// stretched for a slow machine.
pub fn judge(seen: &Seen, expected: &Expected, patience: u32) -> Result<(), Failure> {
    if let Some(line) = seen.lines.iter().find(|l| l.contains(PANIC)) {
        return Err(Failure::Panic(line.clone()));
    }
    let last = || seen.lines.last().map_or("", String::as_str);
    let got = match &seen.end {
        End::TimeLimit => return Err(Failure::TimeLimit),
        End::TooMuchOutput => return Err(Failure::TooMuchOutput),
        End::Machine(what) => return Err(Failure::Machine(what.clone())),
        End::Exited(status) if !status.success() => {
            return Err(Failure::Machine(format!("{status}: {}", last())));
        }
        End::Exited(_) => "an end without a word".to_owned(),
        End::Shutdown(reason) => reason.clone(),
    };
    check_status(&seen.lines, expected.status)?;
    if let Some(line) = seen.lines.iter().find(|l| expected.never.iter().any(|n| n.is_in(l))) {
        return Err(Failure::ForbiddenLine(line.clone()));
    }
    let last_line = find_lines(seen, &expected.lines, patience)?;
    if let Some(line) = &seen.waited_for {
        return Err(Failure::StepNotReached(format!("{line:?}")));
    }
    if got != expected.ends.name() {
        return Err(Failure::WrongEnd { wanted: expected.ends.name(), got });
    }
    in_time("the end", seen.took.saturating_sub(last_line), expected.ends_within, patience)
}

/// The one verdict line says this status; without a status there is no such line.
fn check_status(lines: &[String], wanted: Option<u8>) -> Result<(), Failure> {
    match (wanted, only_verdict(lines)) {
        (None, Err(Failure::NoVerdict)) => Ok(()),
        (None, Ok(status)) => Err(Failure::UnknownVerdict(format!("status {status}"))),
        (Some(wanted), Ok(got)) if wanted == got => Ok(()),
        (Some(wanted), Ok(got)) => Err(Failure::Status { wanted, got }),
        (_, Err(failure)) => Err(failure),
    }
}

/// The status of the one verdict line. Marks are counted wherever they stand: two verdicts that
/// share a line are two.
fn only_verdict(lines: &[String]) -> Result<u8, Failure> {
    let count = lines.iter().map(|l| l.matches(MARK).count()).sum();
    match count {
        0 => return Err(Failure::NoVerdict),
        1 => {}
        more => return Err(Failure::TwoVerdicts(more)),
    }
    let line = lines.iter().find(|l| l.contains(MARK)).map_or("", String::as_str);
    let status = line.strip_prefix(MARK).and_then(|rest| rest.strip_prefix(" status "));
    // parse() would also take a plus sign and leading zeros.
    match status.and_then(|word| word.parse::<u8>().ok().filter(|n| n.to_string() == word)) {
        Some(status) => Ok(status),
        None => Err(Failure::UnknownVerdict(line.to_owned())),
    }
}

/// When the last wanted line came. An error names the first line that did not come after those
/// before it, or that came too late.
fn find_lines(seen: &Seen, wanted: &[Wanted], patience: u32) -> Result<Duration, Failure> {
    let mut rest = seen.lines.iter().zip(&seen.times);
    let mut before = Duration::ZERO;
    for Wanted { line, within } in wanted {
        let Some((_, time)) = rest.find(|(text, _)| line.is_in(text)) else {
            return Err(Failure::MissingLine(format!("{line:?}")));
        };
        in_time(&format!("{line:?}"), time.saturating_sub(before), *within, patience)?;
        before = *time;
    }
    Ok(before)
}

fn in_time(
    what: &str,
    took: Duration,
    within: Option<Duration>,
    patience: u32,
) -> Result<(), Failure> {
    match within.map(|within| within * patience) {
        Some(within) if took > within => {
            Err(Failure::TooLate(format!("{what} after {took:.1?}, not within {within:.1?}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
