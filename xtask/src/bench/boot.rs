//! From /init to the first service, from the request to the end.

use anyhow::Result;

use super::ground::Ground;
use super::report::{Missing, OURS, Row, Table};
use crate::test::boot_time::{self, Race};

const ROUNDS: usize = 5;

pub fn times(ground: &Ground) -> Result<Vec<Table>> {
    let rounds = if ground.quick { 1 } else { ROUNDS };
    let names = ["to-service", "to-end"];
    let titles =
        ["Machine: from /init to its first service", "Machine: from the request to its end"];
    let race = boot_time::available().and_then(|kernel| {
        let rootfs = ground.root();
        boot_time::race(kernel, &ground.rootlet(), &rootfs, rounds)
    });
    let (race, missing) = match race {
        Ok(race) => (Some(race), Vec::new()),
        Err(error) => (None, vec![Missing::new(OURS, &error)]),
    };
    let rows = |value: fn(&boot_time::Times) -> f64| {
        let Some(Race { inits, .. }) = &race else { return Vec::new() };
        let row = |(name, times): &(&str, Vec<boot_time::Times>)| {
            Row::of(
                if *name == "lean" { "lean init" } else { name },
                times.iter().map(value).collect(),
            )
        };
        inits.iter().map(row).collect()
    };
    Ok(vec![
        Table::new(names[0], titles[0], "ms", rows(|times| times.to_service), missing),
        Table::new(names[1], titles[1], "ms", rows(|times| times.to_end), Vec::new()),
    ])
}
