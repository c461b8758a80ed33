//! Rounds in which all take part by turns, and what is kept of them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::report::{Missing, Row};
use crate::program;

/// No table goes on for longer, if each has had `FEWEST` rounds.
const PATIENCE: Duration = Duration::from_secs(20);
const FEWEST: usize = 3;

/// Somebody who takes part.
pub struct Runner<C> {
    pub name: String,
    pub how: C,
}

/// Measures everybody `rounds` times, and once before that, which does not count.
///
/// Who comes first changes from round to round, and so does the direction: what one leaves to the
/// kernel, a network namespace to be torn down for example, falls on whoever comes next.
pub fn interleave<C>(
    runners: &mut [Runner<C>],
    rounds: usize,
    mut measure: impl FnMut(&mut C) -> Result<f64>,
) -> Result<Vec<Row>> {
    let mut values = vec![Vec::with_capacity(rounds); runners.len()];
    let end = Instant::now() + PATIENCE;
    for round in 0..=rounds {
        for place in order(round, runners.len()) {
            let runner = &mut runners[place];
            let value = measure(&mut runner.how).with_context(|| runner.name.clone())?;
            if round > 0 {
                values[place].push(value);
            }
        }
        if round >= FEWEST && Instant::now() > end {
            break;
        }
    }
    Ok(runners.iter().zip(values).map(|(runner, v)| Row::of(&runner.name, v)).collect())
}

/// Everybody's place once, from another one on in each round, forwards and backwards by turns.
fn order(round: usize, count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).map(|at| (at + round / 2) % count).collect();
    if round % 2 == 1 {
        places.reverse();
    }
    places
}

/// Milliseconds from before the start of a program to its end.
pub fn start_to_exit(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().with_context(|| program::line(command))?;
    let elapsed = started.elapsed();
    ensure!(status.success(), "{}: {status}", program::line(command));
    Ok(elapsed.as_secs_f64() * 1e3)
}

/// Those that work here; of the others it is said why they do not.
pub fn working(
    candidates: Vec<(&str, Result<Command>)>,
    missing: &mut Vec<Missing>,
) -> Vec<Runner<Command>> {
    let mut runners = Vec::new();
    for (name, command) in candidates {
        match command.and_then(|mut command| {
            program::output(&mut command)?;
            // What was collected for the message is not collected while times are taken.
            command.stderr(Stdio::null());
            Ok(command)
        }) {
            Ok(how) => runners.push(Runner { name: name.to_owned(), how }),
            Err(error) => missing.push(Missing::new(name, &error)),
        }
    }
    runners
}

/// A command of an installed program.
pub fn command(name: &str) -> Result<Command> {
    let path = program::find(name).with_context(|| format!("{name} is not installed"))?;
    Ok(Command::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_turn_in_a_round_and_each_place_in_some() {
        for count in 1..6 {
            let mut firsts = std::collections::BTreeSet::new();
            for round in 0..2 * count {
                let mut places = order(round, count);
                firsts.insert(places[0]);
                places.sort_unstable();
                assert_eq!(places, (0..count).collect::<Vec<_>>());
            }
            assert_eq!(firsts.len(), count);
        }
    }

    #[test]
    fn the_first_round_does_not_count() {
        let mut runners = ["a", "b"].map(|name| Runner { name: name.to_owned(), how: 0 });
        let rows = interleave(&mut runners, 4, |turn| {
            *turn += 1;
            Ok(f64::from(*turn))
        });
        let rows = rows.unwrap();
        assert_eq!((rows[0].rounds, rows[0].least, rows[1].p95), (4, 2.0, 5.0));
    }

    #[test]
    fn who_does_not_work_is_said_to_be_missing() {
        let mut missing = Vec::new();
        let mut fails = Command::new("sh");
        fails.args(["-c", "echo no such thing >&2; exit 3"]);
        let all = vec![
            ("true", command("true")),
            ("fails", Ok(fails)),
            ("absent", command("no-such-program-here")),
        ];
        let runners = working(all, &mut missing);
        assert_eq!(runners.len(), 1);
        assert!(missing[0].reason.contains("no such thing"), "{missing:?}");
        assert_eq!(missing[1].reason, "no-such-program-here is not installed");
    }
}
