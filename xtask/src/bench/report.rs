//! What was measured: rows, tables, aims; as JSON and as the README's table.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Everything of one run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub machine: Machine,
    pub tables: Vec<Table>,
}

/// Where it was measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Machine {
    pub kernel: String,
    pub processor: String,
    pub processors: usize,
    /// How busy it was with other things before the start; /proc/loadavg, over a minute.
    pub load_before: f64,
}

/// One figure of all that take part.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub title: String,
    pub unit: String,
    pub rows: Vec<Row>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub runner: String,
    pub rounds: usize,
    pub median: f64,
    pub p95: f64,
    pub least: f64,
}

/// Who does not take part, and why.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub runner: String,
    pub reason: String,
}

/// The one that all are compared with.
pub const OURS: &str = "rootlet";

/// rootlet where `rootlet prepare` has been called.
pub const PREPARED: &str = "rootlet, prepared";

/// The same program without a container.
pub const BARE: &str = "no container";

/// Ends the name of a program in the table of sizes that is not the whole of what it needs.
pub const AND_LIBC: &str = " (and libc)";

/// What rootlet may take at most, as a multiple of another's median.
struct Aim {
    table: &'static str,
    beside: Beside,
    most: f64,
}

/// What a figure is compared with.
enum Beside {
    /// Another's in the same table.
    Runner(&'static str),
    /// The least of all others in the same table that are whole files: without a libc beside them.
    Best,
    /// That of a prepared start is, with its own in another table; both in times of a program without a container, since
    /// minutes lie between the tables, and thousands of mounts or processes cost every program something.
    PreparedIn(&'static str),
}

/// Two copies of the same program differ by so much.
const EQUAL: f64 = 1.05;
/// The same for times of a few milliseconds that were taken minutes apart.
const FLAT: f64 = 1.15;

const AIMS: &[Aim] = &[
    Aim { table: "start", beside: Beside::Runner("reference"), most: 1.15 },
    Aim { table: "start", beside: Beside::Runner("bwrap"), most: 0.6 },
    Aim { table: "start", beside: Beside::Runner("crun"), most: 0.4 },
    Aim { table: "mounts-5000", beside: Beside::PreparedIn("mounts-10"), most: FLAT },
    Aim { table: "processes-4000", beside: Beside::PreparedIn("processes-0"), most: FLAT },
    Aim { table: "reaping-0-sleepers", beside: Beside::Best, most: EQUAL },
    Aim { table: "reaping-0-sleepers-cpu", beside: Beside::Best, most: EQUAL },
    Aim { table: "reaping-4000-sleepers", beside: Beside::Best, most: EQUAL },
    Aim { table: "reaping-4000-sleepers-cpu", beside: Beside::Best, most: EQUAL },
    Aim { table: "forward-p50", beside: Beside::Best, most: EQUAL },
    Aim { table: "forward-p99", beside: Beside::Best, most: EQUAL },
    Aim { table: "wake-ups", beside: Beside::Best, most: 1.0 },
    Aim { table: "rss", beside: Beside::Best, most: 1.0 },
    Aim { table: "private", beside: Beside::Best, most: 1.0 },
    Aim { table: "size", beside: Beside::Best, most: 1.0 },
];

impl Row {
    /// `values` in any order, at least one.
    pub fn of(runner: &str, mut values: Vec<f64>) -> Row {
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        let at = |share: f64| values.get((last as f64 * share).round() as usize).copied();
        let [median, p95, least] = [0.5, 0.95, 0.0].map(|share| at(share).unwrap_or(f64::NAN));
        Row { runner: runner.to_owned(), rounds: values.len(), median, p95, least }
    }
}

impl Missing {
    pub fn new(runner: &str, error: &anyhow::Error) -> Missing {
        let text = format!("{error:#}");
        let last = text.lines().next_back().unwrap_or_default();
        // The whole command line, which stands before its status, is known.
        let reason =
            last.find("exit status: ").and_then(|at| last.get(at..)).unwrap_or(last).to_owned();
        Missing { runner: runner.to_owned(), reason }
    }
}

impl Table {
    pub fn new(
        name: &str,
        title: &str,
        unit: &str,
        rows: Vec<Row>,
        missing: Vec<Missing>,
    ) -> Table {
        let (name, title, unit) = (name.to_owned(), title.to_owned(), unit.to_owned());
        Table { name, title, unit, rows, missing }
    }

    pub fn median(&self, runner: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.runner == runner).map(|row| row.median)
    }

    /// rootlet's median as a multiple of another's; None where there is nothing to divide by.
    pub fn ratio(&self, runner: &str) -> Option<f64> {
        let (ours, theirs) = (self.median(OURS)?, self.median(runner)?);
        (theirs > 0.0).then_some(ours / theirs)
    }

    /// A program that needs a libc of its own besides is not compared.
    fn best_of_others(&self) -> Option<&Row> {
        let others = self.rows.iter().filter(|row| row.runner != OURS);
        let whole = others.filter(|row| !row.runner.ends_with(AND_LIBC));
        whole.min_by(|one, other| one.median.total_cmp(&other.median))
    }

    /// For the terminal.
    pub fn text(&self) -> String {
        let mut text = format!("\n{}, {}\n", self.title, self.unit);
        text.push_str(
            "                         median        p95      least  rounds  rootlet to it\n",
        );
        for row in &self.rows {
            let ratio = match self.ratio(&row.runner).filter(|_| row.runner != OURS) {
                Some(ratio) => format!("{ratio:.2}"),
                None => String::new(),
            };
            let numbers = [row.median, row.p95, row.least].map(|n| format!("{:>10}", figure(n)));
            text.push_str(&format!(
                "  {:<18} {}  {:>6}  {ratio:>13}\n",
                row.runner,
                numbers.join(" "),
                row.rounds
            ));
        }
        for missing in &self.missing {
            text.push_str(&format!("  {:<18} missing: {}\n", missing.runner, missing.reason));
        }
        text
    }
}

/// Three digits that count.
pub fn figure(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ if number == 0.0 => "0".to_owned(),
        _ => format!("{number:.2}"),
    }
}

impl Report {
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// One line for each aim that can be looked at.
    pub fn aims(&self) -> Vec<String> {
        AIMS.iter().filter_map(|aim| self.aim(aim)).collect()
    }

    fn aim(&self, aim: &Aim) -> Option<String> {
        let table = self.table(aim.table)?;
        let (ours, theirs, what) = match aim.beside {
            Beside::Runner(name) => (table.median(OURS)?, table.median(name)?, name.to_owned()),
            Beside::Best => {
                let best = table.best_of_others()?;
                (table.median(OURS)?, best.median, format!("the best, {}", best.runner))
            }
            Beside::PreparedIn(other) => {
                let of = |table: &Table| Some(table.median(PREPARED)? / table.median(BARE)?);
                let what = format!("itself in {other}, both prepared and in times of {BARE}");
                (of(table)?, of(self.table(other)?)?, what)
            }
        };
        // Nothing beside nothing is as much.
        let ratio = if ours == theirs { 1.0 } else { ours / theirs };
        let verdict = if ratio <= aim.most { "met" } else { "missed" };
        let (table, most) = (aim.table, aim.most);
        Some(format!("aim: {table}, rootlet to {what}: {ratio:.2}, at most {most}: {verdict}"))
    }

    /// For the README: a row for each table, a column for each of those who take part in many.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "Linux {}, {} ({} processors); medians, beside each how many times as much it is as rootlet's. \
             The load before was {}.\n\n",
            self.machine.kernel,
            self.machine.processor,
            self.machine.processors,
            self.machine.load_before
        );
        text.push_str("| | rootlet | others |\n|---|---|---|\n");
        for table in &self.tables {
            let Some(ours) = table.median(OURS) else { continue };
            let others = table.rows.iter().filter(|row| row.runner != OURS).map(|row| {
                let ratio = match ours > 0.0 {
                    true => format!(" ({:.1}×)", row.median / ours),
                    false => String::new(),
                };
                format!("{} {}{ratio}", row.runner, figure(row.median))
            });
            let missing =
                table.missing.iter().map(|missing| format!("{}: not measured", missing.runner));
            let others = others.chain(missing).collect::<Vec<_>>().join(", ");
            text.push_str(&format!(
                "| {}, {} | {} | {others} |\n",
                table.title,
                table.unit,
                figure(ours)
            ));
        }
        text.push_str(
            "\n![a start beside others, and beside many mounts](xtask/bench/start.svg)\n\n",
        );
        self.aims().iter().for_each(|aim| text.push_str(&format!("- {aim}\n")));
        text
    }
}

const START: &str = "<!-- figures of `cargo xtask bench --save` -->\n";
const END: &str = "<!-- end of the figures -->\n";

/// `text` with what stands between the two marks changed for `figures`.
pub fn between_marks(text: &str, figures: &str) -> Result<String> {
    let (before, rest) = text.split_once(START).with_context(|| format!("no line {START}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("no line {END}"))?;
    Ok(format!("{before}{START}{figures}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let row = |runner, median: f64| Row::of(runner, vec![median]);
        let rows = vec![row(OURS, 2.0), row("reference", 1.0), row("bwrap", 4.0), row("crun", 4.0)];
        let missing = vec![Missing { runner: "runc".into(), reason: "not there".into() }];
        let machine = Machine {
            kernel: "6.1".into(),
            processor: "P".into(),
            processors: 2,
            load_before: 0.5,
        };
        Report { machine, tables: vec![Table::new("start", "start to exit", "ms", rows, missing)] }
    }

    #[test]
    fn a_row_keeps_median_and_tail() {
        let row = Row::of("x", (0..=100).rev().map(f64::from).collect());
        assert_eq!((row.rounds, row.median, row.p95, row.least), (101, 50.0, 95.0, 0.0));
        assert_eq!(Row::of("x", vec![3.0]).p95, 3.0);
    }

    #[test]
    fn aims_say_whether_they_are_met() {
        let aims = report().aims();
        let expected =
            ["2.00, at most 1.15: missed", "0.50, at most 0.6: met", "0.50, at most 0.4: missed"];
        assert_eq!(aims.len(), expected.len());
        for (aim, expected) in aims.iter().zip(expected) {
            assert!(aim.ends_with(expected), "{aim}");
        }
    }

    #[test]
    fn aims_compare_with_the_best_and_with_other_tables() {
        let rows = |rows: &[(&str, f64)]| {
            rows.iter().map(|(name, median)| Row::of(name, vec![*median])).collect::<Vec<_>>()
        };
        let table =
            |name: &str, of: &[(&str, f64)]| Table::new(name, "t", "ms", rows(of), Vec::new());
        let tables = vec![
            table("mounts-10", &[(OURS, 2.0), (PREPARED, 2.0), (BARE, 1.0)]),
            table("mounts-5000", &[(OURS, 9.0), (PREPARED, 3.3), (BARE, 1.5)]),
            table("wake-ups", &[(OURS, 0.0), ("tini", 1.0), ("catatonit", 0.0)]),
            table("rss", &[(OURS, 40.0), ("tini", 1.0)]),
            table("size", &[(OURS, 20.0), ("dumb-init (and libc)", 18.0), ("catatonit", 700.0)]),
        ];
        let aims = Report { tables, ..report() }.aims();
        let expected = [
            "aim: mounts-5000, rootlet to itself in mounts-10, both prepared and in times of no container: 1.10, \
             at most 1.15: met",
            "aim: wake-ups, rootlet to the best, catatonit: 1.00, at most 1: met",
            "aim: rss, rootlet to the best, tini: 40.00, at most 1: missed",
            "aim: size, rootlet to the best, catatonit: 0.03, at most 1: met",
        ];
        assert_eq!(aims, expected);
    }

    #[test]
    fn the_readme_gets_what_stands_between_its_marks() {
        let markdown = report().markdown();
        let row = "| start to exit, ms | 2.00 | reference 1.00 (0.5×), bwrap 4.00 (2.0×), crun 4.00 (2.0×), runc: not measured |";
        assert!(markdown.contains(row), "{markdown}");
        let text = format!("a\n{START}old\n{END}b\n");
        assert_eq!(between_marks(&text, "new\n").unwrap(), format!("a\n{START}new\n{END}b\n"));
        assert!(between_marks("a\nb\n", "new\n").is_err());
        assert!(between_marks(START, "new\n").is_err());
    }

    #[test]
    fn what_is_written_as_json_can_be_read_again() {
        let json = serde_json::to_string(&report()).unwrap();
        let again: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(again.tables[0].rows, report().tables[0].rows);
        assert_eq!(again.tables[0].missing, report().tables[0].missing);
    }
}
