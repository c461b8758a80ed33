//! Parsers under test, a row for each: for `tests/fuzz.rs` and for libFuzzer.

mod address;
mod boot_files;
mod boot_parameters;
mod characters;
mod command_lines;
mod disks;
mod environment;
mod filter;
mod gzip;
mod inits;
mod keys;
mod listing;
mod modules;
mod mount_options;
mod mount_tables;
pub mod mutation;
mod netlink;
mod nowhere;
mod patterns;
mod processes;
mod program_head;
mod record;
mod script;
mod tar;
mod users;

use std::ffi::CString;

use fastrand::Rng;

/// One parser under test. The files of `fuzz/seeds/NAME` are inputs to start from.
pub struct Target {
    /// Its name, which is also that of its seeds, its test and its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Makes more inputs to start from, all sound.
    pub made: fn() -> Vec<Vec<u8>>,
    /// Makes checksums and the like right again, in most cases: wrong ones are to be met as well.
    pub repair: fn(&mut [u8], &mut Rng),
    /// Panics when the parser does wrong; returns whether the parser took the input for sound.
    pub check: fn(&[u8]) -> bool,
}

impl Target {
    /// A target that has seeds alone.
    const fn new(name: &'static str, check: fn(&[u8]) -> bool) -> Self {
        Self { name, made: Vec::new, repair: |_, _| (), check }
    }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target::new("address", address::check),
    Target::new("arguments_exec", command_lines::check_exec),
    Target::new("arguments_init", inits::check),
    Target::new("arguments_ip", command_lines::check_ip),
    Target::new("arguments_manage", command_lines::check_manage),
    Target::new("arguments_run", command_lines::check_run),
    Target::new("arguments_see", command_lines::check_see),
    Target::new("boot_parameters", boot_parameters::check),
    Target::new("characters", characters::check),
    Target::new("environment", environment::check),
    Target::new("filter", filter::check),
    Target::new("fstab", boot_files::check_fstab),
    gzip::TARGET,
    Target::new("inittab", boot_files::check_inittab),
    Target::new("keys", keys::check),
    Target::new("modules", modules::check),
    Target::new("mount_info", mount_tables::check_info),
    Target::new("mount_options", mount_options::check),
    Target::new("mount_status", mount_tables::check_status),
    netlink::TARGET,
    Target::new("partitions", disks::check_partitions),
    Target::new("patterns", patterns::check),
    Target::new("process_stat", processes::check_stat),
    Target::new("process_status", processes::check_status),
    Target::new("program_head", program_head::check),
    Target::new("record", record::check),
    script::TARGET,
    Target::new("settings", boot_files::check_settings),
    Target::new("superblocks", disks::check_superblocks),
    tar::TARGET,
    Target::new("users", users::check),
];

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// An input as strings, each of which ends with a NUL, as in /proc/PID/cmdline.
fn strings(input: &[u8]) -> Vec<CString> {
    let input = input.strip_suffix(b"\0").unwrap_or(input);
    input.split(|byte| *byte == 0).map(|word| CString::new(word).expect("no NUL")).collect()
}

/// An input split at its NULs; the last part has all that is left.
fn parts<const COUNT: usize>(input: &[u8]) -> [&[u8]; COUNT] {
    let mut rest = input.splitn(COUNT, |byte| *byte == 0);
    [(); COUNT].map(|()| rest.next().unwrap_or_default())
}
