//! Judges a guest's console: one verdict, the right one, and no panic or hang.

use std::fmt;

use serde::Deserialize;

use super::guest::{End, Seen};

/// What every verdict line holds, wherever it stands in its line.
pub const MARK: &str = "rootlet: verdict:";

/// The kernel's own words for its own end.
const PANIC: &str = "Kernel panic";

/// The kernel's last line when it powers off; a reboot, which also ends QEMU, has another.
const POWER_OFF: &str = "reboot: Power down";

/// What a scenario wants to see on the console.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The number in the verdict line.
    pub status: u8,
    /// Lines that come in this order, with any others between them.
    pub lines: Vec<Line>,
}

/// One line that is waited for: a part of it, or a regular expression.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Part(String),
    Regex {
        #[serde(deserialize_with = "regex")]
        regex: regex::Regex,
    },
}

fn regex<'de, D: serde::Deserializer<'de>>(source: D) -> Result<regex::Regex, D::Error> {
    regex::Regex::new(&String::deserialize(source)?).map_err(serde::de::Error::custom)
}

impl Line {
    /// Whether this line is the one that is waited for.
    pub fn is_in(&self, line: &str) -> bool {
        match self {
            Line::Part(part) => line.contains(part),
            Line::Regex { regex } => regex.is_match(line),
        }
    }
}

/// Why a guest did not pass. The name of each kind is what a broken twin's `fails` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Panic(String),
    TimeLimit,
    TooMuchOutput,
    Machine(String),
    NoVerdict,
    TwoVerdicts(usize),
    UnknownVerdict(String),
    Status { wanted: u8, got: u8 },
    MissingLine(String),
    NoPowerOff,
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
    "no power-off",
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
            Failure::NoPowerOff => "no power-off",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Failure::Panic(text) | Failure::Machine(text) | Failure::UnknownVerdict(text) => {
                write!(f, ": {text}")
            }
            Failure::TwoVerdicts(count) => write!(f, ": {count} of them"),
            Failure::Status { wanted, got } => write!(f, ": {got}, not {wanted}"),
            Failure::MissingLine(line) => write!(f, ": {line}"),
            _ => Ok(()),
        }
    }
}

/// Passes or names the first thing that is wrong, the gravest first.
pub fn judge(seen: &Seen, expected: &Expected) -> Result<(), Failure> {
    if let Some(line) = seen.lines.iter().find(|l| l.contains(PANIC)) {
        return Err(Failure::Panic(line.clone()));
    }
    match seen.end {
        End::TimeLimit => return Err(Failure::TimeLimit),
        End::TooMuchOutput => return Err(Failure::TooMuchOutput),
        End::Exited(status) if !status.success() => {
            let last = seen.lines.last().map_or("", String::as_str);
            return Err(Failure::Machine(format!("{status}: {last}")));
        }
        End::Exited(_) => {}
    }
    let got = only_verdict(&seen.lines)?;
    if got != expected.status {
        return Err(Failure::Status { wanted: expected.status, got });
    }
    if let Some(line) = missing_line(&seen.lines, &expected.lines) {
        return Err(Failure::MissingLine(format!("{line:?}")));
    }
    let verdict = seen.lines.iter().position(|l| l.contains(MARK)).unwrap_or(0);
    if !seen.lines[verdict..].iter().any(|l| l.contains(POWER_OFF)) {
        return Err(Failure::NoPowerOff);
    }
    Ok(())
}

/// The status of the one verdict line. A mark that is not at its line's start counts too: two
/// verdicts could share a line, and then the machine has not said one thing.
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

/// The first wanted line that does not come after those before it.
fn missing_line<'a>(lines: &[String], wanted: &'a [Line]) -> Option<&'a Line> {
    let mut rest = lines.iter();
    wanted.iter().find(|wanted| !rest.any(|line| wanted.is_in(line)))
}

#[cfg(test)]
mod tests;
