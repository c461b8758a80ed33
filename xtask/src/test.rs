//! `test`: everything that can be tested here, ending with one line of counts.

pub mod boot_time;
pub mod cargo;
pub mod console;
pub mod ground;
pub mod guest;
pub mod libtest;
pub mod scenario;
pub mod steps;
pub mod tally;
pub mod verdict;
pub mod vm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;

use crate::arch::Arch;
use crate::{build, docker_profile, layout, qemu, rootfs, tidy};
use scenario::{OnAarch64, Scenario};
use tally::Tally;

pub const USAGE: &str = "\
test [--quick] [--arch ARCH] [FILTER]
    runs tidy, unit tests, integration tests, and VM scenarios (not with --quick), those whose
    names contain FILTER; the last line counts them. --arch boots every scenario on machines of
    that kind and does nothing else; without it some are booted on aarch64 too. With CI=true in
    the environment a skip is a failure, unless the VM scenario that it names has passed";

/// What `test` was asked for.
struct Request {
    quick: bool,
    /// Only the virtual machines of this kind.
    arch: Option<Arch>,
    filter: Option<String>,
}

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut request = Request { quick: false, arch: None, filter: None };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("quick") => request.quick = true,
            Long("arch") => request.arch = Some(Arch::parse(&arguments.value()?.string()?)?),
            Value(word) if request.filter.is_none() => request.filter = Some(word.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let mut tally = Tally::default();
    let run = match request.arch {
        Some(arch) => {
            run_machines(arch, |s| matches(&s.name, request.filter.as_deref()), &mut tally)
        }
        None => run_all(&request, &mut tally),
    };
    if let Err(error) = run {
        tally.fail(format!("{error:#}"));
    }
    if tally.is_empty() {
        tally.fail(format!("nothing matches {:?}", request.filter.unwrap_or_default()));
    }
    let strict = std::env::var_os("CI").is_some_and(|value| value == "true");
    let summary = tally.summary(strict);
    println!();
    summary.lines.iter().for_each(|line| println!("{line}"));
    Ok(if summary.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What integration tests and virtual machines are given.
struct Built {
    rootlet: PathBuf,
    init: PathBuf,
    rootfs: PathBuf,
    docker_profile: PathBuf,
}

/// Runs tidy, test binaries and machines. A failed test is counted, and the run goes on; an error ends it.
fn run_all(request: &Request, tally: &mut Tally) -> Result<()> {
    let filter = request.filter.as_deref();
    let violations = tidy::violations()?;
    violations.iter().for_each(|violation| println!("{violation}"));
    if !violations.is_empty() {
        tally.fail(format!("tidy: {} violations", violations.len()));
    }
    let built = build_all().map_err(|error| tally.fail(format!("{error:#}"))).ok();
    for binary in cargo::compile().context("test binaries")? {
        let environment = match &built {
            Some(built) => built.environment(),
            // Unit tests need no shipped binary.
            None if !binary.integration => BTreeMap::new(),
            None => continue,
        };
        if let Err(error) = cargo::run(&binary, &environment, filter, tally) {
            tally.fail(format!("{error:#}"));
        }
    }
    if let Some(built) = built.filter(|_| !request.quick) {
        let wanted = |s: &Scenario| matches(&s.name, filter);
        if let Err(error) = run_always_on_aarch64(filter, tally) {
            tally.fail(format!("{error:#}"));
        }
        vm::run(Arch::X86_64, &built.rootlet, &built.rootfs, wanted, tally)
            .context("virtual machines")?;
        boot_time::run(&built.rootlet, &built.rootfs, filter, tally).context("boot-time")?;
    }
    Ok(())
}

/// Runs those aarch64 scenarios that are part of every run.
fn run_always_on_aarch64(filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    let wanted = |s: &Scenario| s.aarch64 == OnAarch64::Always && matches(&s.name, filter);
    match scenario::all(&layout::scenarios())?.iter().any(wanted) {
        true => run_machines(Arch::Aarch64, wanted, tally).context("aarch64"),
        false => Ok(()),
    }
}

/// Runs scenarios on machines of one kind; builds what they need.
fn run_machines(arch: Arch, wanted: impl Fn(&Scenario) -> bool, tally: &mut Tally) -> Result<()> {
    if let Err(reason) = qemu::installed(arch) {
        return vm::skip_all(arch, wanted, &format!("{reason:#}"), tally);
    }
    let rootlet = build::build(arch, &[]).context("build")?;
    build::print_sizes(&rootlet)?;
    let rootfs = rootfs::make(&rootlet, arch).context("rootfs")?;
    vm::run(arch, &rootlet, &rootfs, wanted, tally)
}

fn matches(name: &str, filter: Option<&str>) -> bool {
    filter.is_none_or(|filter| name.contains(filter))
}

fn build_all() -> Result<Built> {
    let rootlet = build::build(Arch::X86_64, &[]).context("build")?;
    let init = build::build(Arch::X86_64, &["init".to_owned()]).context("build --roles init")?;
    build::print_sizes(&rootlet)?;
    build::print_sizes(&init)?;
    let rootfs = rootfs::make(&rootlet, Arch::X86_64).context("rootfs")?;
    let docker_profile = docker_profile::find().context("docker's filter")?;
    Ok(Built { rootlet, init, rootfs, docker_profile })
}

impl Built {
    fn environment(&self) -> BTreeMap<&'static str, &Path> {
        BTreeMap::from([
            ("ROOTLET_BIN", self.rootlet.as_path()),
            ("ROOTLET_INIT_BIN", self.init.as_path()),
            ("ROOTLET_ROOTFS", self.rootfs.as_path()),
            ("ROOTLET_DOCKER_PROFILE", self.docker_profile.as_path()),
        ])
    }
}
