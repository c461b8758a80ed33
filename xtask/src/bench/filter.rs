//! What a filter adds to each system call.

use std::process::Command;

use anyhow::{Context, Result};

use super::ground::Ground;
use super::measure::{self, interleave};
use super::report::Table;
use super::runners::{self, Kind};
use crate::program;

const ROUNDS: usize = 10;

/// Calls that do next to nothing: one that filters always allow, which the kernel then remembers,
/// and one whose arguments they look at. Numbers are those of x86_64.
const CALLS: [(&str, &str); 2] = [("getppid", "110"), ("personality", "135")];

pub fn cost(ground: &Ground) -> Result<Vec<Table>> {
    CALLS.iter().map(|(name, number)| table(ground, name, number)).collect()
}

fn table(ground: &Ground, call: &str, number: &str) -> Result<Table> {
    let words = ["/bin/guest", number];
    let mut candidates: Vec<(&str, Result<Command>)> = runners::all(ground, Kind::Default, &words);
    // The reference has rootlet's filter, runc crun's.
    candidates.retain(|(name, _)| ["rootlet", "bwrap", "crun"].contains(name));
    for (name, _) in &mut candidates {
        if *name == "bwrap" {
            *name = "bwrap, no filter";
        }
    }
    let mut missing = Vec::new();
    let mut all = measure::working(candidates, &mut missing);
    let rows = interleave(&mut all, ground.rounds(ROUNDS), |command| {
        let said = program::output(command)?;
        said.trim().parse().with_context(|| format!("{said:?} is no number"))
    })?;
    let (name, title) = (format!("filter-{call}"), format!("System call {call} in a container"));
    Ok(Table::new(&name, &title, "ns", rows, missing))
}
