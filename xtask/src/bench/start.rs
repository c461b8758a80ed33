//! A container from start to end; beside many mounts and many processes too.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};

use super::ground::{Ground, USER};
use super::measure::{self, Runner, interleave, start_to_exit};
use super::pid1::{self, Run};
use super::report::{BARE, Missing, OURS, PREPARED, Table};
use super::runners::{self, Kind};
use crate::program;

const ROUNDS: usize = 150;
/// Behind each run: the kernel still tears down what it has left, a network namespace above all.
const PAUSE: Duration = Duration::from_millis(4);
/// Mounts beside those that the host has.
const MOUNTS: [usize; 4] = [10, 100, 1000, 5000];
/// Processes beside those that the host has.
const PROCESSES: [usize; 2] = [1000, 4000];
const ROUNDS_BESIDE_MANY: usize = 60;

/// How somebody starts a container.
struct Start {
    command: Command,
    /// What makes it ready, and what undoes that; not in the time.
    around: Option<[Command; 2]>,
}

pub fn default(ground: &Ground) -> Result<Vec<Table>> {
    let title = "Container, start to exit of true";
    Ok(vec![table(ground, Kind::Default, "start", title, ROUNDS)?])
}

pub fn host_network(ground: &Ground) -> Result<Vec<Table>> {
    let title = "The same without a network namespace";
    Ok(vec![table(ground, Kind::HostNetwork, "start-host-network", title, ROUNDS)?])
}

/// Measured by a process of the user's own: for another user's each runner would have to be
/// started in a slower way.
pub fn user(ground: &Ground) -> Result<Vec<Table>> {
    let own = ground.place.join("xtask");
    fs::copy(std::env::current_exe()?, &own)?;
    let mut command = measure::command("setpriv")?;
    let id = USER.to_string();
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(own).arg("bench");
    if ground.quick {
        command.arg("--quick");
    }
    let output = program::output(command.env(super::STAGE, "user").stderr(Stdio::inherit()))?;
    Ok(vec![serde_json::from_str(&output).context("the user's figures")?])
}

/// The user's process.
pub fn of_user(ground: &Ground) -> Result<Table> {
    let title = "The same by an ordinary user, in a user namespace";
    table(ground, Kind::User, "start-user", title, ROUNDS)
}

pub fn beside_mounts(ground: &Ground) -> Result<Vec<Table>> {
    let folder = ground.place.join("mounts");
    fs::create_dir(&folder)?;
    mount("tmpfs", &folder, "tmpfs", MountFlags::empty(), c"mode=755").context("mount")?;
    let mut tables = Vec::new();
    let mut made = 1;
    for count in MOUNTS {
        for number in made..count {
            let place = folder.join(number.to_string());
            fs::create_dir(&place)?;
            mount_bind(&place, &place).with_context(|| place.display().to_string())?;
        }
        made = count;
        tables.push(beside_many(ground, "mounts", count)?);
    }
    // All below it go with it.
    unmount(&folder, UnmountFlags::DETACH).context("umount")?;
    Ok(tables)
}

pub fn beside_processes(ground: &Ground) -> Result<Vec<Table>> {
    let mut tables = vec![beside_many(ground, "processes", 0)?];
    for count in PROCESSES {
        // A workload forks so many before it answers that one orphan has come and gone; they end with it.
        let workload = ["orphans", &count.to_string(), "60"];
        let mut sleepers = Run::start(ground, &[], &pid1::ours(ground), &workload)?;
        sleepers.round("1")?;
        tables.push(beside_many(ground, "processes", count)?);
    }
    Ok(tables)
}

/// Everybody, and rootlet once more, prepared, beside so many of something that a host can have.
fn beside_many(ground: &Ground, what: &str, count: usize) -> Result<Table> {
    let (name, title) =
        (format!("{what}-{count}"), format!("Container, {count} more {what} on the host"));
    let mut entrants = Entrants::of(ground, Kind::Default);
    entrants.add_prepared(ground)?;
    entrants.measure(ground, &name, &title, ROUNDS_BESIDE_MANY)
}

fn table(ground: &Ground, kind: Kind, name: &str, title: &str, rounds: usize) -> Result<Table> {
    Entrants::of(ground, kind).measure(ground, name, title, rounds)
}

/// Who takes part, and who cannot.
struct Entrants {
    all: Vec<Runner<Start>>,
    missing: Vec<Missing>,
}

impl Entrants {
    fn of(ground: &Ground, kind: Kind) -> Entrants {
        let mut missing = Vec::new();
        let mut candidates = runners::all(ground, kind, &["/bin/true"]);
        let mut bare = Command::new(ground.root().join("bin/busybox"));
        bare.arg("true");
        candidates.push((BARE, Ok(bare)));
        let plain = measure::working(candidates, &mut missing).into_iter();
        let all = plain.map(|Runner { name, how: command }| Runner {
            name,
            how: Start { command, around: None },
        });
        Entrants { all: all.collect(), missing }
    }

    fn add_prepared(&mut self, ground: &Ground) -> Result<()> {
        let command = runners::one(ground, Kind::Default, &["/bin/true"], OURS)?;
        let around = [&["prepare"][..], &["prepare", "--remove"]].map(|words| {
            let mut command = Command::new(ground.rootlet());
            command.args(words);
            command
        });
        let how = Start { command, around: Some(around) };
        self.all.insert(1, Runner { name: PREPARED.to_owned(), how });
        Ok(())
    }

    fn measure(mut self, ground: &Ground, name: &str, title: &str, rounds: usize) -> Result<Table> {
        let rows = interleave(&mut self.all, ground.rounds(rounds), Start::measure)?;
        Ok(Table::new(name, title, "ms", rows, self.missing))
    }
}

impl Start {
    /// Milliseconds of the command alone.
    fn measure(&mut self) -> Result<f64> {
        let Some([before, after]) = &mut self.around else {
            let taken = start_to_exit(&mut self.command);
            thread::sleep(PAUSE);
            return taken;
        };
        program::run(before)?;
        thread::sleep(PAUSE);
        let taken = start_to_exit(&mut self.command);
        program::run(after)?;
        thread::sleep(PAUSE);
        taken
    }
}
