//! `bench`: what rootlet costs beside others, in rounds taken by turns.

mod alive;
mod boot;
mod chart;
mod filter;
mod ground;
mod measure;
mod pid1;
mod processes;
mod report;
mod runners;
mod shell;
mod start;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;

use crate::arch::Arch;
use crate::{build, layout, rootfs};
use ground::Ground;
use report::{Machine, Report, Table};

pub const USAGE: &str = "\
bench [--quick] [--only NAME]… [--containers N] [--json FILE] [--chart FILE] [--save] [--from FILE]
    measures containers, PID 1, boots, the shell and filters beside what is installed of others;
    only what contains NAME: start, start-host-network, start-user, mounts, processes, alive, pid1,
    boot, shell, filter; --quick does a tenth of the rounds and 100 containers instead of 1000.
    --json keeps the figures, --chart draws them, --save does both in xtask/bench and writes the
    README's table; --from takes kept figures instead of measuring. Takes root; nothing is left on
    the host";

/// Something that is measured.
struct Topic {
    name: &'static str,
    measure: fn(&Ground) -> Result<Vec<Table>>,
}

const TOPICS: &[Topic] = &[
    Topic { name: "start", measure: start::default },
    Topic { name: "start-host-network", measure: start::host_network },
    Topic { name: "start-user", measure: start::user },
    Topic { name: "mounts", measure: start::beside_mounts },
    Topic { name: "processes", measure: start::beside_processes },
    Topic { name: "alive", measure: alive::crowd },
    Topic { name: "pid1", measure: pid1::all },
    Topic { name: "boot", measure: boot::times },
    Topic { name: "shell", measure: shell::loops },
    Topic { name: "filter", measure: filter::cost },
];

/// Set where we run once more: `root` in a mount namespace of our own, `user` as an ordinary user.
const STAGE: &str = "ROOTLET_BENCH_STAGE";

const CONTAINERS: usize = 1000;

#[derive(Default)]
struct Request {
    quick: bool,
    only: Vec<String>,
    containers: Option<usize>,
    json: Option<PathBuf>,
    chart: Option<PathBuf>,
    save: bool,
    from: Option<PathBuf>,
}

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut request = Request::default();
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("quick") => request.quick = true,
            Long("only") => request.only.push(arguments.value()?.string()?),
            Long("containers") => request.containers = Some(arguments.value()?.parse()?),
            Long("json") => request.json = Some(PathBuf::from(arguments.value()?)),
            Long("chart") => request.chart = Some(PathBuf::from(arguments.value()?)),
            Long("save") => request.save = true,
            Long("from") => request.from = Some(PathBuf::from(arguments.value()?)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    words.extend(std::env::args_os().skip(2));
    request.check()?;
    match std::env::var(STAGE).as_deref() {
        Ok("user") => {
            println!("{}", serde_json::to_string(&start::of_user(&request.ground())?)?);
        }
        Ok(_) => {
            let (report, failed) = request.measure()?;
            // The README is to have all figures or those that it has.
            if failed.is_empty() || !request.save {
                request.keep(&report)?;
            }
            ensure!(failed.is_empty(), "not measured: {}", failed.join("; "));
        }
        Err(_) => match &request.from {
            Some(file) => {
                let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
                request.keep(&serde_json::from_str(&text).context("figures")?)?;
            }
            None => return again_in_own_namespace(&words),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds what is needed, then goes on as the program of rootlet's own PID 1 in a pid and a mount
/// namespace: whatever we end by, signals included, all processes and mounts end with us.
fn again_in_own_namespace(words: &[std::ffi::OsString]) -> Result<ExitCode> {
    ensure!(rustix::process::geteuid().is_root(), "only root can make the containers and mounts");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
    let build = |roles: &[String]| build::build(Arch::X86_64, roles).context("build");
    let (rootlet, init) = (build(&[])?, build(&["init".to_owned()])?);
    rootfs::make(&rootlet, Arch::X86_64).context("rootfs")?;
    command.args(["--mount-proc", "--"]).arg(init).args(["init", "--"]);
    command.arg(std::env::current_exe()?);
    Err(command.arg("bench").args(words).env(STAGE, "root").exec()).context("unshare")
}

impl Request {
    fn check(&self) -> Result<()> {
        for name in &self.only {
            let known = TOPICS.iter().any(|topic| topic.name.contains(name.as_str()));
            ensure!(known, "--only {name}: nothing of that name is measured");
        }
        let partial = self.from.is_none() && !self.only.is_empty();
        ensure!(!(self.save && partial), "--save with --only would lose the other figures");
        ensure!(self.containers != Some(0), "--containers 0");
        Ok(())
    }

    fn ground(&self) -> Ground {
        let usual = if self.quick { CONTAINERS / 10 } else { CONTAINERS };
        Ground::new(self.containers.unwrap_or(usual), self.quick)
    }

    /// Everything that is wanted. What cannot be measured is said, and the others go on.
    fn measure(&self) -> Result<(Report, Vec<String>)> {
        let machine = Machine::of_here()?;
        let ground = self.ground();
        let binary = |roles: &[String]| layout::binary(Arch::X86_64, roles);
        let init = binary(&["init".to_owned()]);
        ground.fill(&binary(&[]), &init, &layout::rootfs(Arch::X86_64))?;
        runners::prepare(&ground)?;
        let mut report = Report { machine, tables: Vec::new() };
        let mut failed = Vec::new();
        for topic in TOPICS {
            if !self.only.is_empty()
                && !self.only.iter().any(|name| topic.name.contains(name.as_str()))
            {
                continue;
            }
            match (topic.measure)(&ground) {
                Ok(tables) => {
                    tables.iter().for_each(|table| print!("{}", table.text()));
                    report.tables.extend(tables);
                }
                Err(error) => failed.push(format!("{}: {error:#}", topic.name)),
            }
        }
        println!();
        report.aims().iter().for_each(|aim| println!("{aim}"));
        Ok((report, failed))
    }

    /// Writes what was asked for.
    fn keep(&self, report: &Report) -> Result<()> {
        let folder = layout::root().join("xtask/bench");
        let kept = |name: &str| self.save.then(|| folder.join(name));
        let json = serde_json::to_string_pretty(report)? + "\n";
        for path in self.json.iter().cloned().chain(kept("figures.json")) {
            layout::write_atomically(&path, json.as_bytes(), 0o644)?;
        }
        for path in self.chart.iter().cloned().chain(kept("start.svg")) {
            layout::write_atomically(&path, chart::draw(report)?.as_bytes(), 0o644)?;
        }
        if self.save {
            let path = layout::root().join("README.md");
            let text = fs::read_to_string(&path).context("README.md")?;
            let text = report::between_marks(&text, &report.markdown()).context("README.md")?;
            layout::write_atomically(&path, text.as_bytes(), 0o644)?;
        }
        Ok(())
    }
}

impl Machine {
    fn of_here() -> Result<Machine> {
        let read =
            |path: &str| fs::read_to_string(Path::new(path)).with_context(|| path.to_owned());
        let info = read("/proc/cpuinfo")?;
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = read("/proc/loadavg")?;
        Ok(Machine {
            // Without what a builder has added.
            kernel: read("/proc/sys/kernel/osrelease")?.trim().split('-').take(1).collect(),
            processor: model.map_or("unknown", |(_, name)| name).trim().to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load.split(' ').next().unwrap_or_default().parse().unwrap_or(0.0),
        })
    }
}
