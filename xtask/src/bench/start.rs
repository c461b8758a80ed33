//! A whole container, from its start to its end; beside many mounts too.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};

use super::ground::{Ground, USER};
use super::measure::{self, interleave, start_to_exit};
use super::report::Table;
use super::runners::{self, Kind};
use crate::program;

const ROUNDS: usize = 150;
/// Behind each run: the kernel still tears down what it has left, a network namespace above all.
const PAUSE: Duration = Duration::from_millis(4);
/// Mounts beside those that the host has.
const MOUNTS: [usize; 4] = [10, 100, 1000, 5000];
const ROUNDS_BESIDE_MOUNTS: usize = 60;

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
        let (name, title) =
            (format!("mounts-{count}"), format!("Container, {count} more mounts on the host"));
        tables.push(table(ground, Kind::Default, &name, &title, ROUNDS_BESIDE_MOUNTS)?);
    }
    // All below it go with it.
    unmount(&folder, UnmountFlags::DETACH).context("umount")?;
    Ok(tables)
}

fn table(ground: &Ground, kind: Kind, name: &str, title: &str, rounds: usize) -> Result<Table> {
    let mut missing = Vec::new();
    let mut candidates = runners::all(ground, kind, &["/bin/true"]);
    let mut bare = Command::new(ground.root().join("bin/busybox"));
    bare.arg("true");
    candidates.push(("no container", Ok(bare)));
    let mut all = measure::working(candidates, &mut missing);
    let rows = interleave(&mut all, ground.rounds(rounds), |command| {
        let taken = start_to_exit(command);
        thread::sleep(PAUSE);
        taken
    })?;
    Ok(Table::new(name, title, "ms", rows, missing))
}
