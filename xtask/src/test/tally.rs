//! Counts what passed, failed and was skipped; says which skips are allowed.

use std::collections::BTreeSet;

/// A test that could not run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    pub test: String,
    pub reason: String,
    /// The VM scenario that proves the same thing.
    pub scenario: Option<String>,
}

/// Everything that has been counted so far.
#[derive(Default)]
pub struct Tally {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<Skip>,
    scenarios: BTreeSet<String>,
}

/// The end of a test run: what is printed, with the counts last, and whether nothing failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    pub lines: Vec<String>,
    pub good: bool,
}

impl Tally {
    pub fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    /// A scenario passed: skips that name it are covered.
    pub fn pass_scenario(&mut self, name: &str) {
        self.passed += 1;
        self.scenarios.insert(name.to_owned());
    }

    /// `what` names the test and, where it is short, the reason.
    pub fn fail(&mut self, what: impl Into<String>) {
        self.failed.push(what.into());
    }

    pub fn skip(&mut self, skip: Skip) {
        self.skipped.push(skip);
    }

    /// Nothing was counted at all.
    pub fn is_empty(&self) -> bool {
        self.passed == 0 && self.failed.is_empty() && self.skipped.is_empty()
    }

    /// On CI (`strict`) a skip is a failure, unless the scenario it names passed in this run.
    pub fn summary(&self, strict: bool) -> Summary {
        let mut lines = Vec::new();
        let mut failed = self.failed.clone();
        let mut skipped = 0;
        for skip in &self.skipped {
            let proven = skip.scenario.as_ref().is_some_and(|s| self.scenarios.contains(s));
            let line = format!("{}: {} ({})", skip.test, skip.reason, proof(skip, proven));
            if strict && !proven {
                failed.push(format!("skipped on CI: {line}"));
            } else {
                skipped += 1;
                lines.push(format!("skipped: {line}"));
            }
        }
        lines.extend(failed.iter().map(|f| format!("failed: {f}")));
        let counts = (self.passed, failed.len(), skipped);
        lines.push(format!("{} passed, {} failed, {} skipped", counts.0, counts.1, counts.2));
        Summary { lines, good: failed.is_empty() }
    }
}

fn proof(skip: &Skip, proven: bool) -> String {
    match &skip.scenario {
        None => "no VM scenario proves it".to_owned(),
        Some(name) if proven => format!("proven by VM scenario {name}"),
        Some(name) => format!("VM scenario {name} did not pass in this run"),
    }
}

/// Reads a skip log: `test<TAB>reason<TAB>scenario or -` on each line. A test that is named
/// twice counts once. A line of another form is an error, so that no skip goes uncounted.
pub fn read_skips(text: &str) -> Result<Vec<Skip>, String> {
    let mut skips: Vec<Skip> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [test, reason, scenario] = fields[..] else {
            return Err(format!("not a line of a skip log: {line:?}"));
        };
        if test.is_empty() || reason.is_empty() || scenario.is_empty() {
            return Err(format!("empty field in a skip log: {line:?}"));
        }
        let scenario = (scenario != "-").then(|| scenario.to_owned());
        if skips.iter().all(|s| s.test != test) {
            skips.push(Skip { test: test.to_owned(), reason: reason.to_owned(), scenario });
        }
    }
    Ok(skips)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(test: &str, scenario: Option<&str>) -> Skip {
        let (test, reason) = (test.to_owned(), "no such thing here".to_owned());
        Skip { test, reason, scenario: scenario.map(str::to_owned) }
    }

    fn sample() -> Tally {
        let mut tally = Tally::default();
        tally.pass(5);
        tally.pass_scenario("boot");
        tally.skip(skip("a", Some("boot")));
        tally.skip(skip("b", Some("other")));
        tally.skip(skip("c", None));
        tally
    }

    #[test]
    fn skips_are_listed_with_their_reasons_before_the_summary() {
        let summary = sample().summary(false);
        assert!(summary.good);
        assert_eq!(
            summary.lines,
            [
                "skipped: a: no such thing here (proven by VM scenario boot)",
                "skipped: b: no such thing here (VM scenario other did not pass in this run)",
                "skipped: c: no such thing here (no VM scenario proves it)",
                "6 passed, 0 failed, 3 skipped",
            ]
        );
    }

    #[test]
    fn on_ci_only_proven_skips_are_allowed() {
        let summary = sample().summary(true);
        assert!(!summary.good);
        assert_eq!(summary.lines.last().unwrap(), "6 passed, 2 failed, 1 skipped");
        let mut proven = Tally::default();
        proven.skip(skip("a", Some("boot")));
        proven.pass_scenario("boot");
        assert!(proven.summary(true).good, "the order of skip and scenario does not matter");
    }

    #[test]
    fn a_failure_is_not_good() {
        let mut tally = Tally::default();
        assert!(tally.is_empty());
        tally.pass(1);
        tally.fail("x: broke");
        let summary = tally.summary(false);
        assert!(!summary.good);
        assert_eq!(summary.lines, ["failed: x: broke", "1 passed, 1 failed, 0 skipped"]);
    }

    #[test]
    fn skip_logs_are_read_strictly() {
        let skips = read_skips("a\tr\t-\nb\tr\tboot\na\tagain\t-\n").unwrap();
        assert_eq!(skips.len(), 2);
        assert_eq!(
            (skips[0].scenario.as_deref(), skips[1].scenario.as_deref()),
            (None, Some("boot"))
        );
        for text in ["a\tr\n", "a\tr\t\n", "\tr\t-\n", "a\tr\t-\tx\n", "free text\n"] {
            assert!(read_skips(text).is_err(), "{text:?}");
        }
    }
}
