//! A PID 1 beside its peers: reaping, forwarding, waiting, and how big it is.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::ground::Ground;
use super::measure::{Runner, interleave};
use super::processes::{self, Memory};
use super::report::{AND_LIBC, Missing, OURS, Row, Table};
use crate::program;

/// A peer's name and its options. tini and its static twin adopt orphans where they are not PID 1,
/// as ours does; dumb-init keeps its program in its own session, as all others do.
const PEERS: [(&str, &[&str]); 4] = [
    ("tini", &["-s", "--"]),
    ("tini-static", &["-s", "--"]),
    ("dumb-init", &["--single-child", "--"]),
    ("catatonit", &["--"]),
];

const ROUNDS: usize = 12;
const ROUNDS_WITH_SLEEPERS: usize = 3;
const IDLE: Duration = Duration::from_secs(3);

/// Somebody's words before the program's.
pub type Words = Vec<PathBuf>;

pub fn all(ground: &Ground) -> Result<Vec<Table>> {
    let mut tables = reaping(ground, "0", "2500", ROUNDS, "Reaping 2500 orphans")?;
    let title = "Reaping 5000 orphans while 4000 others live";
    tables.extend(reaping(ground, "4000", "5000", ROUNDS_WITH_SLEEPERS, title)?);
    tables.extend(forwarding(ground)?);
    tables.extend(waiting(ground)?);
    tables.push(size(ground));
    Ok(tables)
}

pub fn ours(ground: &Ground) -> Words {
    vec![ground.place.join("rootlet-init"), "init".into(), "--".into()]
}

fn entrants(ground: &Ground, missing: &mut Vec<Missing>) -> Vec<Runner<Words>> {
    let mut entrants = Vec::new();
    entrants.push(Runner { name: OURS.to_owned(), how: ours(ground) });
    for (name, options) in PEERS {
        match program::find(name).with_context(|| format!("{name} is not installed")) {
            Ok(path) => {
                let options = options.iter().map(PathBuf::from);
                let how = std::iter::once(path).chain(options).collect();
                entrants.push(Runner { name: name.to_owned(), how });
            }
            Err(error) => missing.push(Missing::new(name, &error)),
        }
    }
    entrants
}

/// A running workload below a PID 1: it is told numbers and answers with two figures each.
pub struct Run {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Run {
    /// As PID 1 of a pid namespace; `before` stands in front of all.
    pub fn start(
        ground: &Ground,
        before: &[&str],
        entrant: &[PathBuf],
        workload: &[&str],
    ) -> Result<Run> {
        let stage = ground.place.join("stage");
        let mut words: Vec<&Path> = before.iter().map(Path::new).collect();
        words.push(&stage);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("--namespace").args(entrant);
        command.arg(ground.place.join("workload")).args(workload);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| program::line(&command))?;
        let (input, output) = (child.stdin.take(), child.stdout.take().context("no output")?);
        Ok(Run { child, input, output: BufReader::new(output) })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the workload has ended");
        Ok(line)
    }

    /// The two numbers that its answer ends with.
    pub fn round(&mut self, count: &str) -> Result<[f64; 2]> {
        let input = self.input.as_mut().context("no input")?;
        input.write_all(format!("{count}\n").as_bytes())?;
        let line = self.line()?;
        let mut numbers = line.split_whitespace().rev().map(str::parse::<f64>);
        let mut next = || numbers.next().context("too few numbers")?.with_context(|| line.clone());
        let second = next()?;
        Ok([next()?, second])
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // The end of its input ends a workload that reads any; the stage takes the others along.
        self.input = None;
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _gone = self.child.kill();
        }
        let _gone = self.child.wait();
    }
}

/// Two tables from one workload: both figures of each round.
fn two_tables(
    runs: &mut [Runner<Run>],
    rounds: usize,
    count: &str,
    [first, second]: [(String, String, &str); 2],
    missing: Vec<Missing>,
) -> Result<Vec<Table>> {
    let mut seconds: Vec<Vec<f64>> = runs.iter().map(|_| Vec::new()).collect();
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    let mut numbered: Vec<Runner<(usize, &mut Run)>> = runs
        .iter_mut()
        .enumerate()
        .map(|(place, run)| Runner { name: run.name.clone(), how: (place, &mut run.how) })
        .collect();
    let rows = interleave(&mut numbered, rounds, |(place, run)| {
        let [one, other] = run.round(count)?;
        seconds[*place].push(other);
        Ok(one)
    })?;
    // The first of each is of the round that does not count.
    let others =
        names.iter().zip(seconds).map(|(name, values)| Row::of(name, values[1..].to_vec()));
    let others = others.collect();
    Ok(vec![
        Table::new(&first.0, &first.1, first.2, rows, missing),
        Table::new(&second.0, &second.1, second.2, others, Vec::new()),
    ])
}

fn start_all(
    ground: &Ground,
    before: &[&str],
    workload: &[&str],
    missing: &mut Vec<Missing>,
) -> Result<Vec<Runner<Run>>> {
    let entrants = entrants(ground, missing).into_iter();
    let runs = entrants.map(|Runner { name, how }| {
        let how = Run::start(ground, before, &how, workload).with_context(|| name.clone())?;
        Ok(Runner { name, how })
    });
    runs.collect()
}

fn reaping(
    ground: &Ground,
    sleepers: &str,
    count: &str,
    rounds: usize,
    title: &str,
) -> Result<Vec<Table>> {
    let mut missing = Vec::new();
    let workload = ["orphans", sleepers, "60"];
    let name = format!("reaping-{sleepers}-sleepers");
    let tables = |wall, own| {
        [
            (name.clone(), title.to_owned(), wall),
            (format!("{name}-cpu"), format!("{title}: its own on the processor"), own),
        ]
    };
    if sleepers == "0" {
        let mut runs = start_all(ground, &[], &workload, &mut missing)?;
        return two_tables(&mut runs, ground.rounds(rounds), count, tables("ms", "ms"), missing);
    }
    // One after the other: the sleepers of all at once would be a machine of 20 000 processes.
    let (mut rows, mut own) = (Vec::new(), Vec::new());
    for Runner { name, how } in entrants(ground, &mut missing) {
        let mut run = Run::start(ground, &[], &how, &workload).with_context(|| name.clone())?;
        let figures: Result<Vec<_>> =
            (0..ground.rounds(rounds)).map(|_| run.round(count)).collect();
        let figures = figures.with_context(|| name.clone())?;
        rows.push(Row::of(&name, figures.iter().map(|f| f[0]).collect()));
        own.push(Row::of(&name, figures.iter().map(|f| f[1]).collect()));
    }
    let [first, second] = tables("ms", "ms");
    Ok(vec![
        Table::new(&first.0, &first.1, first.2, rows, missing),
        Table::new(&second.0, &second.1, second.2, own, Vec::new()),
    ])
}

/// On one processor: waking one another up across two costs more than all that is compared.
fn forwarding(ground: &Ground) -> Result<Vec<Table>> {
    let mut missing = Vec::new();
    let last = (thread::available_parallelism().map_or(1, usize::from) - 1).to_string();
    let before = match program::find("taskset") {
        Some(_) => vec!["taskset", "-c", &last],
        None => Vec::new(),
    };
    let mut runs = start_all(ground, &before, &["echo"], &mut missing)?;
    let title = "From kill to receipt, a signal that is forwarded";
    let tables = [
        ("forward-p50".to_owned(), format!("{title}, p50 of 400"), "µs"),
        ("forward-p99".to_owned(), format!("{title}, p99 of 400"), "µs"),
    ];
    two_tables(&mut runs, ground.rounds(ROUNDS), "400", tables, missing)
}

fn waiting(ground: &Ground) -> Result<Vec<Table>> {
    let mut missing = Vec::new();
    let mut runs = start_all(ground, &[], &["sleep"], &mut missing)?;
    let mut pids = Vec::new();
    for run in &mut runs {
        run.how.line().with_context(|| run.name.clone())?;
        let children = processes::children(run.how.child.id());
        pids.push(*children.first().with_context(|| format!("{}: no PID 1", run.name))?);
    }
    thread::sleep(Duration::from_millis(200));
    let switches = || pids.iter().map(|&pid| processes::switches(pid)).collect::<Result<Vec<_>>>();
    let before = switches()?;
    thread::sleep(IDLE);
    let (mut woken, mut resident, mut private) = (Vec::new(), Vec::new(), Vec::new());
    for (((run, now), then), &pid) in runs.iter().zip(switches()?).zip(before).zip(&pids) {
        let Memory { rss_kb, private_dirty_kb, .. } = processes::memory(pid)?;
        let row = |value| Row::of(&run.name, vec![value]);
        woken.push(row((now - then) / IDLE.as_secs_f64()));
        resident.push(row(rss_kb));
        private.push(row(private_dirty_kb));
    }
    Ok(vec![
        Table::new("wake-ups", "PID 1 with nothing to do: wake-ups", "per second", woken, missing),
        Table::new("rss", "PID 1: resident memory", "KiB", resident, Vec::new()),
        Table::new("private", "PID 1: private dirty memory", "KiB", private, Vec::new()),
    ])
}

/// A file that needs libraries is not the whole of it.
fn size(ground: &Ground) -> Table {
    let mut missing = Vec::new();
    let mut rows = Vec::new();
    for Runner { name, how } in entrants(ground, &mut missing) {
        match fs::read(&how[0]).with_context(|| how[0].display().to_string()) {
            Ok(bytes) => {
                let whole = crate::elf::is_static(&bytes);
                let name = if whole { name } else { format!("{name}{AND_LIBC}") };
                rows.push(Row::of(&name, vec![bytes.len() as f64]));
            }
            Err(error) => missing.push(Missing::new(&name, &error)),
        }
    }
    Table::new("size", "PID 1: the file", "bytes", rows, missing)
}
