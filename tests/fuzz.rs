//! Parsers fed with broken input: seeds, then chance with a seed.
//!
//! `ROOTLET_FUZZ_SEED` chooses another sequence, `ROOTLET_FUZZ_SECONDS` how long each target runs. A target is a row of
//! `TARGETS`; its seeds are the files of `fuzz/seeds/NAME`, where an input that was not stood belongs once it is.

#[path = "../fuzz/src/lib.rs"]
mod rootlet_fuzz;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use rootlet_fuzz::check;
use rootlet_fuzz::targets::mutation::mutate;
use rootlet_fuzz::targets::{TARGETS, Target, named};

/// No input takes this long, not even on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
/// How long a target runs where nobody says otherwise.
const SECONDS: u64 = 2;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect(variable))
}

fn folder(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(below)
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = folder("seeds").join(target.name);
    let files = fs::read_dir(folder).map(|files| files.map(|file| file.unwrap().path()).collect());
    let mut files: Vec<PathBuf> = files.unwrap_or_default();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// What a loop is made of. An input depends on its number alone, so that one can be made again.
struct Loop {
    target: &'static Target,
    seed: u64,
    corpus: Vec<Vec<u8>>,
}

impl Loop {
    /// First the corpus as it is, then changed.
    fn input(&self, round: u64) -> Vec<u8> {
        if let Some(input) = self.corpus.get(round as usize) {
            return input.clone();
        }
        let mut rng = Rng::with_seed(self.seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut input = self.corpus[rng.usize(..self.corpus.len())].clone();
        mutate(&mut input, &self.corpus, &mut rng);
        (self.target.repair)(&mut input, &mut rng);
        input
    }

    /// Keeps the input of a round and says where.
    fn keep(&self, round: u64) -> String {
        let path = std::env::temp_dir().join(format!("rootlet-fuzz-{}", self.target.name));
        fs::write(&path, self.input(round)).unwrap();
        format!(
            "{}: seed {}, round {round}, input in {}",
            self.target.name,
            self.seed,
            path.display()
        )
    }

    /// Ends everything when one round takes too long: who hangs cannot be asked to end.
    fn watch(&self, round: &AtomicU64, has_ended: &AtomicBool) {
        let (mut last, mut since) = (u64::MAX, Instant::now());
        while !has_ended.load(Ordering::Relaxed) {
            let now = round.load(Ordering::Relaxed);
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > LIMIT {
                eprintln!("{}: it takes more than {} s", self.keep(now), LIMIT.as_secs());
                std::process::exit(101);
            }
            thread::park_timeout(Duration::from_millis(500));
        }
    }

    fn run(&self, limit: Duration, round: &AtomicU64) {
        let (started, mut sound, mut count) = (Instant::now(), 0_u64, 0_u64);
        let seeds = self.corpus.len() as u64;
        while count < seeds || started.elapsed() < limit {
            round.store(count, Ordering::Relaxed);
            let input = self.input(count);
            let checked = catch_unwind(AssertUnwindSafe(|| match count < seeds {
                true => check(self.target.name, &input),
                false => (self.target.check)(&input),
            }));
            match checked {
                Ok(is_sound) => sound += u64::from(is_sound),
                Err(panic) => {
                    let words = panic.downcast_ref::<String>().map(String::as_str);
                    let words = words.or(panic.downcast_ref::<&str>().copied());
                    panic!("{}: {}", self.keep(count), words.unwrap_or_default());
                }
            }
            count += 1;
            assert!(count != seeds || sound > 0, "{}: no seed is sound", self.target.name);
        }
        println!("measured: {} {count} inputs, {sound} of them sound", self.target.name);
        assert!(
            count > seeds + 50 && sound < count,
            "{}: {count}, {sound} sound",
            self.target.name
        );
    }
}

fn fuzz(name: &str) {
    let target = named(name).expect("a row of TARGETS");
    let made = (target.made)();
    for input in &made {
        assert!((target.check)(input), "{name}: a sound input is refused");
    }
    let corpus = [made, seeds(target)].concat();
    let fuzz = Loop { target, seed: number("ROOTLET_FUZZ_SEED", 1), corpus };
    let limit = Duration::from_secs(number("ROOTLET_FUZZ_SECONDS", SECONDS));
    let (round, has_ended) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let watch = scope.spawn(|| fuzz.watch(&round, &has_ended));
        let end = catch_unwind(AssertUnwindSafe(|| fuzz.run(limit, &round)));
        has_ended.store(true, Ordering::Relaxed);
        watch.thread().unpark();
        if let Err(panic) = end {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A test for each target.
macro_rules! loops {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                fuzz(stringify!($name));
            }
        )*
        const LOOPS: &[&str] = &[$(stringify!($name),)*];
    };
}

loops! {
    address
    arguments_exec
    arguments_init
    arguments_ip
    arguments_manage
    arguments_run
    arguments_see
    boot_parameters
    characters
    environment
    filter
    fstab
    gzip
    inittab
    keys
    modules
    mount_info
    mount_options
    mount_status
    netlink
    partitions
    patterns
    process_stat
    process_status
    program_head
    record
    script
    settings
    superblocks
    tar
    users
}

/// What stands in the file that cargo-fuzz builds of a target.
fn file_of(name: &str) -> String {
    format!(
        "//! `{name}` for libFuzzer.\n#![no_main]\n\n\
         libfuzzer_sys::fuzz_target!(|input: &[u8]| {{\n    rootlet_fuzz::check(\"{name}\", input);\n}});\n"
    )
}

fn names(folder: PathBuf) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    fs::read_dir(folder).unwrap().map(|file| stem(file.unwrap().path())).collect()
}

#[test]
fn each_target_has_its_loop_its_seeds_and_its_file() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(targets, LOOPS.iter().map(ToString::to_string).collect());
    assert_eq!(targets, names(folder("fuzz_targets")));
    assert!(names(folder("seeds")).is_subset(&targets));
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for target in TARGETS {
        let name = target.name;
        let row = format!(
            "[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\ntest = false\n"
        );
        assert!(manifest.contains(&row), "fuzz/Cargo.toml lacks {name}");
        let file = folder("fuzz_targets").join(format!("{name}.rs"));
        assert_eq!(fs::read_to_string(file).unwrap(), file_of(name));
        assert!(!(target.made)().is_empty() || !seeds(target).is_empty(), "{name} has no seeds");
    }
}
