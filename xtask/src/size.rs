//! `size`: bytes per section of the shipped binaries, kept and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::{build, elf, layout};

pub const USAGE: &str = "\
size [--save|--compare|--parts|--roles]
    builds the whole binary and the container PID 1 alone, and prints bytes per section;
    --save keeps them in xtask/size-baseline.json, --compare says what changed since,
    --parts shows how many bytes of the whole binary each module's functions take; a function
    with one caller may be part of that caller, and texts are part of no function;
    --roles builds with more and more roles, and says how many bytes each adds";

/// Bytes of one binary: each loaded section, and the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    file: u64,
    sections: BTreeMap<String, u64>,
}

type Baseline = BTreeMap<String, Sizes>;

enum Mode {
    Print,
    Save,
    Compare,
    Parts,
    Roles,
}

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut mode = Mode::Print;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("save") => mode = Mode::Save,
            Long("compare") => mode = Mode::Compare,
            Long("parts") => mode = Mode::Parts,
            Long("roles") => mode = Mode::Roles,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let sizes = measure()?;
    match mode {
        Mode::Print => {}
        Mode::Save => save(&sizes)?,
        Mode::Parts => print_parts()?,
        Mode::Roles => print_roles()?,
        Mode::Compare => compare(&load()?, &sizes).iter().for_each(|line| println!("{line}")),
    }
    Ok(ExitCode::SUCCESS)
}

impl Sizes {
    /// Measures a binary as it is shipped; the twin beside it tells its sections.
    pub fn of(path: &Path) -> Result<Sizes> {
        let file = fs::metadata(path).with_context(|| path.display().to_string())?.len();
        let twin = layout::unstripped(path);
        let bytes = fs::read(&twin).with_context(|| twin.display().to_string())?;
        let sections = elf::sections(&bytes)?.into_iter().map(|s| (s.name, s.bytes)).collect();
        Ok(Sizes { file, sections })
    }

    /// One line: the file's bytes, then each section's.
    pub fn line(&self, name: &str) -> String {
        let parts: Vec<_> = self.sections.iter().map(|(n, bytes)| format!("{n} {bytes}")).collect();
        format!("{name}: {} bytes ({})", self.file, parts.join(", "))
    }

    fn rows(&self) -> BTreeMap<&str, u64> {
        let sections = self.sections.iter().map(|(name, bytes)| (name.as_str(), *bytes));
        sections.chain([("file", self.file)]).collect()
    }
}

fn print_roles() -> Result<()> {
    let mut before = 0_u64;
    for count in 1..=build::ROLES.len() {
        let roles: Vec<String> =
            build::ROLES[..count].iter().map(|role| (*role).to_owned()).collect();
        let path = build::build(Arch::X86_64, &roles)?;
        let bytes = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        println!("{:>7} {}", bytes.cast_signed() - before.cast_signed(), roles[count - 1]);
        before = bytes;
    }
    Ok(())
}

fn print_parts() -> Result<()> {
    let twin = layout::unstripped(&build::build(Arch::X86_64, &[])?);
    let bytes = fs::read(&twin).with_context(|| twin.display().to_string())?;
    let mut modules: BTreeMap<String, u64> = BTreeMap::new();
    for (name, bytes) in elf::parts(&bytes)? {
        *modules.entry(module_of(&name).to_owned()).or_default() += bytes;
    }
    let mut rows: Vec<_> = modules.into_iter().collect();
    rows.sort_by_key(|(name, bytes)| (std::cmp::Reverse(*bytes), name.clone()));
    rows.iter().for_each(|(name, bytes)| println!("{bytes:>7} {name}"));
    Ok(())
}

/// The module of a function, such as `input::filter` or `initsh::lexer`: its path without its own name, and without the
/// type that it is a method of. All that is not this project's own counts as one module.
fn module_of(function: &str) -> &str {
    let starts = ["rootlet::", "initsh::"].map(|own| function.find(own));
    let Some(start) = starts.into_iter().flatten().min() else {
        return "(other crates, outlined and compiler's functions)";
    };
    let path = function[start..].trim_start_matches("rootlet::");
    let is_module = |part: &&str| part.starts_with(|first: char| first.is_ascii_lowercase());
    let parts = path.split("::").collect::<Vec<_>>();
    let modules = parts[..parts.len() - 1].iter().take_while(|part| is_module(part)).count();
    let length: usize = parts[..modules].iter().map(|part| part.len() + 2).sum();
    path.get(..length.saturating_sub(2)).unwrap_or(path)
}

fn measure() -> Result<Baseline> {
    let mut sizes = Baseline::new();
    for roles in [vec![], vec!["init".to_owned()]] {
        let path = build::build(Arch::X86_64, &roles)?;
        build::print_sizes(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        sizes.insert(name, Sizes::of(&path)?);
    }
    Ok(sizes)
}

fn baseline_path() -> PathBuf {
    layout::root().join("xtask/size-baseline.json")
}

fn save(sizes: &Baseline) -> Result<()> {
    let text = serde_json::to_string_pretty(sizes)? + "\n";
    layout::write_atomically(&baseline_path(), text.as_bytes(), 0o644)
}

fn load() -> Result<Baseline> {
    let path = baseline_path();
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{}: `cargo xtask size --save` makes it", path.display()))?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// One line for each number that has changed, or a single line that says that none has.
fn compare(before: &Baseline, after: &Baseline) -> Vec<String> {
    let none = Sizes::default();
    let mut lines = Vec::new();
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let old = before.get(name).unwrap_or(&none).rows();
        let new = after.get(name).unwrap_or(&none).rows();
        let parts: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for part in parts {
            let (was, is) = (old.get(part).unwrap_or(&0), new.get(part).unwrap_or(&0));
            if was != is {
                let change = is.cast_signed() - was.cast_signed();
                lines.push(format!("{name} {part}: {was} -> {is} ({change:+})"));
            }
        }
    }
    if lines.is_empty() {
        lines.push("no size has changed".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_belong_to_their_modules() {
        for (function, module) in [
            ("rootlet::role::run::prepare", "role::run"),
            ("rootlet::plan::filter::Program::tree", "plan::filter"),
            ("<rootlet::text::line::Line as core::fmt::Write>::write_str", "text::line"),
            ("rootlet::role::boot::boot::{{closure}}", "role::boot::boot"),
            ("initsh::command::<impl initsh::shell::Shell<H>>::simple", "initsh::command"),
            (
                "initsh::builtins::lookup::<impl initsh::shell::Shell<H>>::dot",
                "initsh::builtins::lookup",
            ),
            ("initsh::memory::Memory::push", "initsh::memory"),
            ("<rootlet::run::host::Own as initsh::host::Host>::open", "run::host"),
            ("memcpy", "(other crates, outlined and compiler's functions)"),
        ] {
            assert_eq!(module_of(function), module, "{function}");
        }
    }

    fn sizes(file: u64, sections: &[(&str, u64)]) -> Sizes {
        Sizes { file, sections: sections.iter().map(|(n, b)| (n.to_string(), *b)).collect() }
    }

    #[test]
    fn each_changed_number_is_a_line() {
        let before = Baseline::from([("a".into(), sizes(100, &[(".text", 60), (".data", 4)]))]);
        let after = Baseline::from([
            ("a".into(), sizes(90, &[(".text", 50), (".bss", 8)])),
            ("b".into(), sizes(1, &[])),
        ]);
        assert_eq!(
            compare(&before, &after),
            [
                "a .bss: 0 -> 8 (+8)",
                "a .data: 4 -> 0 (-4)",
                "a .text: 60 -> 50 (-10)",
                "a file: 100 -> 90 (-10)",
                "b file: 0 -> 1 (+1)",
            ]
        );
        assert_eq!(compare(&after, &after), ["no size has changed"]);
    }

    #[test]
    fn a_file_is_measured_as_shipped_and_its_sections_in_the_twin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rootlet");
        let own = fs::read("/proc/self/exe").unwrap();
        fs::write(layout::unstripped(&path), &own).unwrap();
        fs::write(&path, elf::without_sections(&own).unwrap()).unwrap();
        let sizes = Sizes::of(&path).unwrap();
        assert!(sizes.file < own.len() as u64);
        assert!(sizes.sections[".text"] > 1000);
    }

    #[test]
    fn a_saved_baseline_reads_back() {
        let baseline = Baseline::from([("a".to_owned(), sizes(7, &[(".text", 3)]))]);
        let text = serde_json::to_string_pretty(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
    }
}
