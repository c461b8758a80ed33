//! Many containers that live at once: until the last is up, memory of each.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::ground::Ground;
use super::processes;
use super::report::{Missing, Row, Table};
use super::runners::{self, Kind};
use crate::program;

/// What runs in each; its first byte says that it is up.
const GUEST: &str = "guest";

/// How long all may take to come up, and then to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Figures of one runner.
struct Crowd {
    seconds: f64,
    /// Of what is not the guest itself: the runner, and a PID 1 of its own.
    own_pss_kb: f64,
    /// What the machine has less, kernel included.
    all_kb: f64,
}

pub fn crowd(ground: &Ground) -> Result<Vec<Table>> {
    let mut missing = Vec::new();
    let mut rows = [const { Vec::new() }; 3];
    let count = ground.containers;
    // The first to ask makes the kernel fill its stores, and those who come later live on what is left in them: so
    // somebody asks before all, and does not count.
    let _uncounted = measure(ground, runners::NAMES[0]);
    for name in runners::NAMES {
        match measure(ground, name) {
            Ok(crowd) => {
                for (rows, value) in
                    rows.iter_mut().zip([crowd.seconds, crowd.own_pss_kb, crowd.all_kb])
                {
                    rows.push(Row::of(name, vec![value]));
                }
            }
            Err(error) => missing.push(Missing::new(name, &error)),
        }
    }
    let [seconds, own, all] = rows;
    let titles = ["until all are up", "runner and PID 1 of each (PSS)", "all memory of each"];
    let titles = titles.map(|title| format!("{count} containers alive: {title}"));
    Ok(vec![
        Table::new("alive-time", &titles[0], "s", seconds, missing),
        Table::new("alive-pss", &titles[1], "KiB", own, Vec::new()),
        Table::new("alive-memory", &titles[2], "KiB", all, Vec::new()),
    ])
}

/// Containers that are ended whatever happens.
struct Alive(Vec<Child>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.iter().for_each(|child| processes::kill_below(child.id()));
        let end = Instant::now() + PATIENCE;
        for child in &mut self.0 {
            while matches!(child.try_wait(), Ok(None)) {
                if Instant::now() > end {
                    let _gone = child.kill();
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// What is available when the kernel has taken apart what ended before: it does so for seconds afterwards.
fn settled_kb() -> Result<f64> {
    const ENOUGH_KB: f64 = 2048.0;
    let end = Instant::now() + PATIENCE;
    let mut quiet = 0;
    let mut last = processes::available_kb()?;
    while quiet < 4 && Instant::now() < end {
        thread::sleep(Duration::from_millis(500));
        let now = processes::available_kb()?;
        quiet = if (now - last).abs() < ENOUGH_KB { quiet + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

fn measure(ground: &Ground, name: &str) -> Result<Crowd> {
    let mut alive = Alive(Vec::with_capacity(ground.containers));
    // Whoever has a configuration of its own for each gets it before the time is taken.
    let commands: Result<Vec<Command>> = (0..ground.containers)
        .map(|_| runners::one(ground, Kind::Default, &["/bin/guest"], name))
        .collect();
    let commands = commands?;
    let before = settled_kb()?;
    let started = Instant::now();
    for mut command in commands {
        let (mut reader, writer) = std::io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null());
        alive.0.push(command.spawn().with_context(|| program::line(&command))?);
        // It has the writing end too, and the end of a container that does not come up is to be seen.
        drop(command);
        reader.read_exact(&mut [0]).context("a container does not come up")?;
        let up = alive.0.len();
        ensure!(started.elapsed() < PATIENCE, "only {up} are up after {} s", PATIENCE.as_secs());
    }
    let seconds = started.elapsed().as_secs_f64();
    let all_kb = (before - processes::available_kb()?) / ground.containers as f64;
    let mut own = 0.0;
    for child in &alive.0 {
        let below = processes::descendants(child.id());
        let others = below.into_iter().filter(|&pid| processes::name(pid) != GUEST);
        for pid in std::iter::once(child.id()).chain(others) {
            own += processes::memory(pid)?.pss_kb;
        }
    }
    Ok(Crowd { seconds, own_pss_kb: own / ground.containers as f64, all_kb })
}
