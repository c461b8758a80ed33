//! Loops of the shell beside dash and busybox's ash.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use anyhow::{Context, Result};

use super::ground::Ground;
use super::measure::{Runner, interleave, start_to_exit};
use super::report::{Missing, OURS, Table};
use crate::program;

const ROUNDS: usize = 7;

const SCRIPTS: [(&str, &str, &str); 5] = [
    ("count", "100,000 times i=$((i+1))", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"),
    (
        "functions",
        "100,000 calls of a function with case and patterns",
        "f() { local a=$1; case $a in *5) x=${a%5};; *) x=$a;; esac; }
         i=0; while [ \"$i\" -lt 100000 ]; do f \"$i\"; i=$((i+1)); done",
    ),
    (
        "echo",
        "100,000 lines of echo",
        "i=0; while [ $i -lt 100000 ]; do echo \"$i line\"; i=$((i+1)); done",
    ),
    (
        "substitution",
        "1000 command substitutions",
        "i=0; while [ $i -lt 1000 ]; do x=$(echo $i); i=$((i+1)); done",
    ),
    ("starts", "200 starts of itself", "i=0; while [ $i -lt 200 ]; do sh -c :; i=$((i+1)); done"),
];

pub fn loops(ground: &Ground) -> Result<Vec<Table>> {
    SCRIPTS.iter().map(|(name, title, script)| table(ground, name, title, script)).collect()
}

fn table(ground: &Ground, name: &str, title: &str, script: &str) -> Result<Table> {
    let mut missing = Vec::new();
    let mut all = Vec::new();
    for (runner, program) in [(OURS, "rootlet"), ("dash", "dash"), ("ash", "busybox")] {
        let found = if runner == OURS { Some(ground.rootlet()) } else { program::find(program) };
        match found.with_context(|| format!("{program} is not installed")) {
            Ok(path) => {
                // What a shell is, and which `sh` it finds, is said by its name.
                let folder = ground.place.join("shells").join(runner);
                fs::create_dir_all(&folder)?;
                if !folder.join("sh").exists() {
                    symlink(path, folder.join("sh"))?;
                }
                let mut how = Command::new(folder.join("sh"));
                how.args(["-c", script]).env_clear().env("PATH", &folder);
                all.push(Runner { name: runner.to_owned(), how });
            }
            Err(error) => missing.push(Missing::new(runner, &error)),
        }
    }
    let rows = interleave(&mut all, ground.rounds(ROUNDS), start_to_exit)?;
    Ok(Table::new(&format!("shell-{name}"), &format!("Shell: {title}"), "ms", rows, missing))
}
