//! `build`: the shipped binaries and their twins, checked before they are kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::arch::Arch;
use crate::{elf, layout, program, size};

pub const USAGE: &str = "\
build [--arch x86_64|aarch64|all] [--roles ROLE,…]
    makes target/dist/rootlet-ARCH and its twin .unstripped, which alone has symbols and
    sections, and checks both: static, no core::fmt, no memory both writable and executable,
    not too big; --roles (init, boot, shell, run, enter, see) makes rootlet-ROLE-ARCH with these only";

/// The cargo features that are roles; none needs one that comes after it.
pub const ROLES: &[&str] = &["init", "boot", "shell", "run", "enter", "see"];

/// How many bytes a binary may have as it is shipped. A row without roles is the whole binary.
struct Bound {
    arch: Arch,
    roles: &'static [&'static str],
    bytes: u64,
}

const BOUNDS: &[Bound] = &[
    // ARCHITECTURE.md, under "Size", tells the aims, which are less, and what stands in the way.
    Bound { arch: Arch::X86_64, roles: &[], bytes: 369 * 1024 },
    Bound { arch: Arch::X86_64, roles: &["init"], bytes: 19 * 1024 + 512 },
];

/// What the gnu target needs in addition to the musl target's flags. The linker stands here because
/// one that is set by its own key would link build scripts too.
const GNU_FLAGS: &str = "-C linker=rust-lld -C linker-flavor=ld.lld -C target-feature=+crt-static";

/// The table of `.cargo/config.toml` that has the flags of the musl targets.
const MUSL: &str = "cfg(target_env = \"musl\")";

/// Flags of the gnu targets: those that `.cargo/config.toml` gives the musl ones, and `GNU_FLAGS`.
fn freestanding_flags() -> Result<String> {
    let path = layout::root().join(".cargo/config.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let config: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let flags = config
        .get("target")
        .and_then(|targets| targets.get(MUSL)?.get("rustflags")?.as_array())
        .with_context(|| format!("{}: no rustflags of {MUSL}", path.display()))?;
    let flags: Vec<&str> = flags.iter().filter_map(toml::Value::as_str).collect();
    Ok(format!("{GNU_FLAGS} {}", flags.join(" ")))
}

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut arches = vec![Arch::X86_64];
    let mut roles = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("arch") => {
                arches = match arguments.value()?.string()?.as_str() {
                    "all" => Arch::ALL.to_vec(),
                    word => vec![Arch::parse(word)?],
                }
            }
            Long("roles") => roles = parse_roles(&arguments.value()?.string()?)?,
            _ => return Err(argument.unexpected().into()),
        }
    }
    // Code generation for a target uses one thread: side by side all take the time of one.
    let targets = arches.iter().map(|arch| choose_target(*arch)).collect::<Result<Vec<_>>>()?;
    compile(&targets, &roles)?;
    for arch in arches {
        print_sizes(&build(arch, &roles)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_roles(list: &str) -> Result<Vec<String>> {
    let roles: Vec<String> = list.split(',').map(str::to_owned).collect();
    for role in &roles {
        if !ROLES.contains(&role.as_str()) {
            bail!("--roles {list}: {role:?} is none of {}", ROLES.join(", "));
        }
    }
    Ok(roles)
}

/// Builds, checks and keeps one binary with its twin, and returns its path. No roles means all of
/// them. Nothing is written to stdout: with `run` that belongs to the container's command.
pub fn build(arch: Arch, roles: &[String]) -> Result<PathBuf> {
    let _lock = layout::lock("build")?;
    let target = choose_target(arch)?;
    compile(std::slice::from_ref(&target), roles)?;
    let twin = layout::target().join(target).join("release").join("rootlet");
    let twin = fs::read(&twin).with_context(|| twin.display().to_string())?;
    let path = layout::binary(arch, roles);
    let shipped = check(&path, &twin, arch, roles)?;
    layout::write_atomically(&path, &shipped, 0o755)?;
    layout::write_atomically(&layout::unstripped(&path), &twin, 0o755)?;
    Ok(path)
}

/// One line: the binary's bytes, and those of its sections.
pub fn print_sizes(path: &Path) -> Result<()> {
    println!("{}", size::Sizes::of(path)?.line(&relative(path)));
    Ok(())
}

/// The path as seen from the project's folder.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(layout::root()).unwrap_or(path).display().to_string()
}

/// The musl target, added where it is missing; else the gnu target of the same machine. No libc is
/// used, so both make the same program.
fn choose_target(arch: Arch) -> Result<String> {
    let musl = arch.musl_target();
    if is_installed(&musl)? {
        return Ok(musl);
    }
    eprintln!("rustup target add {musl}");
    match program::run(Command::new("rustup").args(["target", "add", &musl])) {
        Ok(()) if is_installed(&musl)? => return Ok(musl),
        Ok(()) => eprintln!("rustup added {musl}, but not for the rustc that is used"),
        Err(error) => eprintln!("{error:#}"),
    }
    let gnu = arch.gnu_target();
    if !is_installed(&gnu)? {
        bail!("neither {musl} nor {gnu} is installed, and rustup cannot add the first");
    }
    eprintln!("{musl} cannot be had: linking freestanding for {gnu} instead");
    Ok(gnu)
}

/// Whether a target is installed: rustc tells the folder of every target it knows, and that folder
/// exists where the target is installed. This also works with a distribution's Rust, without rustup.
fn is_installed(target: &str) -> Result<bool> {
    let arguments = ["--print", "target-libdir", "--target", target];
    let folder = program::output(Command::new("rustc").args(arguments))?;
    Ok(Path::new(folder.trim()).is_dir())
}

/// Compiles the binary, with all its symbols, for each of these targets.
fn compile(targets: &[String], roles: &[String]) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(layout::root()).args(["build", "--quiet", "--package", "rootlet"]);
    cargo.args(["--bin", "rootlet", "--release", "--target-dir"]).arg(layout::target());
    cargo.args(feature_arguments(roles));
    for target in targets {
        cargo.args(["--target", target]);
        if target.ends_with("-gnu") {
            let name = target.to_uppercase().replace('-', "_");
            cargo.env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), freestanding_flags()?);
        }
    }
    program::run(&mut cargo)
}

fn feature_arguments(roles: &[String]) -> Vec<String> {
    let mut features = vec!["freestanding".to_owned()];
    features.extend(roles.iter().cloned());
    let mut arguments = vec!["--features".to_owned(), features.join(",")];
    if !roles.is_empty() {
        arguments.push("--no-default-features".to_owned());
    }
    arguments
}

/// The binary as it is shipped: its twin without symbols and sections. One that is not as the
/// design wants it is an error, which names every violation.
fn check(path: &Path, twin: &[u8], arch: Arch, roles: &[String]) -> Result<Vec<u8>> {
    let shipped = elf::without_sections(twin)?;
    let mut found = elf::violations(&shipped, arch)?;
    found.extend(elf::symbol_violations(twin)?);
    found.extend(bound_violation(arch, roles, shipped.len() as u64));
    if !found.is_empty() {
        bail!("{} is not fit to be shipped:\n  {}", relative(path), found.join("\n  "));
    }
    Ok(shipped)
}

fn bound_violation(arch: Arch, roles: &[String], bytes: u64) -> Option<String> {
    let bound = BOUNDS.iter().find(|b| b.arch == arch && b.roles == roles)?;
    (bytes > bound.bytes).then(|| format!("{bytes} bytes, at most {} are allowed", bound.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gnu_target_has_every_flag_of_the_musl_one() {
        let flags = freestanding_flags().unwrap();
        for flag in ["linker=rust-lld", "-Tsrc/start/sections.ld", "link-self-contained=no"] {
            assert!(flags.contains(flag), "{flag} is not in {flags}");
        }
    }

    #[test]
    fn roles_are_known_ones() {
        assert_eq!(parse_roles("init,run").unwrap(), ["init", "run"]);
        for list in ["", "init,", "freestanding", "init run"] {
            assert!(parse_roles(list).is_err(), "{list:?}");
        }
    }

    #[test]
    fn roles_replace_the_default_features() {
        assert_eq!(feature_arguments(&[]), ["--features", "freestanding"]);
        let init = feature_arguments(&["init".to_owned()]);
        assert_eq!(init, ["--features", "freestanding,init", "--no-default-features"]);
    }

    #[test]
    fn sizes_are_bounded_to_the_byte() {
        let init = ["init".to_owned()];
        let rows: &[(Arch, &[String], u64, bool)] = &[
            (Arch::X86_64, &[], 377_856, false),
            (Arch::X86_64, &[], 377_857, true),
            (Arch::X86_64, &init, 19_968, false),
            (Arch::X86_64, &init, 19_969, true),
        ];
        for (arch, roles, bytes, refused) in rows {
            assert_eq!(bound_violation(*arch, roles, *bytes).is_some(), *refused, "{bytes}");
        }
    }

    #[test]
    fn a_dynamic_program_is_not_kept() {
        let bytes = fs::read("/bin/true").unwrap();
        let path = layout::binary(Arch::X86_64, &[]);
        let error = check(&path, &bytes, Arch::X86_64, &[]).unwrap_err().to_string();
        assert!(error.contains("target/dist/rootlet-x86_64 is not fit"), "{error}");
        assert!(error.contains("PT_INTERP"), "{error}");
    }
}
