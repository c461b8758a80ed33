//! `fuzz`: feeds parsers with broken input, for longer than the tests do.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::arch::Arch;
use crate::{layout, program};

pub const USAGE: &str = "\
fuzz [TARGET...] [--seconds N] [--seed N] [--guided [--keep]]
    feeds parsers with randomly broken inputs, each target for N seconds (default 60); without
    TARGET all of them. --guided: libFuzzer looks for inputs that reach new code, in a build
    that finds bad accesses to memory as well; what it has found stays in target/fuzz, and --keep
    adds the fewest of these to fuzz/seeds/TARGET that reach all of the code that they reach
    together. An input that has shown a fault belongs there too";

/// The compiler's flags for libFuzzer: those that cargo-fuzz gives to a nightly compiler.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Zsanitizer=address",
];

/// libFuzzer's option for the seconds after which an input counts as one that hangs.
const LIMIT: &str = "-timeout=25";

struct Options {
    targets: Vec<String>,
    seconds: u64,
    seed: u64,
    guided: bool,
    keep: bool,
}

pub fn perform(arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut options = parse(arguments)?;
    let known = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        bail!("no target {unknown}; there are {}", known.join(" "));
    }
    if options.targets.is_empty() {
        options.targets = known;
    }
    if options.guided {
        guided(&options)?
    } else {
        by_chance(&options)?
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let mut options =
        Options { targets: Vec::new(), seconds: 60, seed: 1, guided: false, keep: false };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => options.seconds = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("guided") => options.guided = true,
            Long("keep") => options.keep = true,
            Value(name) => options.targets.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    ensure!(options.guided || !options.keep, "--keep keeps what --guided has found");
    Ok(options)
}

/// Names of all targets, from their files.
fn targets() -> Result<Vec<String>> {
    let folder = layout::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let paths: Vec<PathBuf> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    let stems = paths.iter().filter_map(|path| path.file_stem());
    let mut names: Vec<String> = stems.map(|stem| stem.to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn by_chance(options: &Options) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(layout::root()).args(["test", "--test", "fuzz", "--"]);
    cargo.args(["--exact", "--nocapture"]).args(&options.targets);
    cargo.env("ROOTLET_FUZZ_SECONDS", options.seconds.to_string());
    program::run(cargo.env("ROOTLET_FUZZ_SEED", options.seed.to_string()))
}

fn guided(options: &Options) -> Result<()> {
    // RUSTFLAGS spare build scripts only where cargo is given a target.
    let host = Arch::host().context("libFuzzer is built for the machine that it runs on")?;
    let triple = host.gnu_target();
    let folder = layout::root().join("target/fuzz");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(layout::root()).args(["build", "--release", "--quiet"]);
    cargo.args(["--manifest-path", "fuzz/Cargo.toml", "--target", &triple]).arg("--target-dir");
    cargo.arg(&folder).args(options.targets.iter().flat_map(|name| ["--bin", name]));
    // A stable compiler takes -Zsanitizer only when it is told to behave as a nightly one.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS.join(" "));
    program::run(&mut cargo)?;
    for name in &options.targets {
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus).with_context(|| corpus.display().to_string())?;
        let seeds = layout::root().join("fuzz/seeds").join(name);
        let program = folder.join(&triple).join("release").join(name);
        let mut target = Command::new(&program);
        target.arg(&corpus).arg(&seeds);
        target.args([LIMIT, "-print_final_stats=1", "-rss_limit_mb=2048"]);
        target.arg(format!("-max_total_time={}", options.seconds));
        target.arg(format!("-seed={}", options.seed));
        target.arg(format!("-artifact_prefix={}/{name}-", folder.display()));
        program::run(&mut target)?;
        if options.keep {
            // How often code is reached does not count: the seeds would be thousands.
            let mut merge = Command::new(&program);
            merge.args(["-set_cover_merge=1", "-use_counters=0", LIMIT]).arg(seeds).arg(corpus);
            program::run(&mut merge)?;
        }
    }
    Ok(())
}
