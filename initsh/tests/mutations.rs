//! Broken scripts, by chance with a seed: no panic, no hang, no flood.
//!
//! `INITSH_SEED` chooses another sequence, `INITSH_SECONDS` how long it runs. The scripts are those of the corpus; the
//! system they run on is none: nothing can be opened, no process can be made.

#[path = "../../fuzz/src/targets/nowhere.rs"]
mod nowhere;

use std::path::Path;
use std::time::{Duration, Instant};

use initsh::Shell;

use nowhere::{MEMORY_BYTES, Nowhere, region};

/// Nothing that one small script does takes this long.
const LIMIT: Duration = Duration::from_secs(10);

/// Frames of a build without optimisation are large; a program's first thread has 8 MiB.
const STACK_BYTES: usize = 256 << 20;

fn with_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a script; gives its status and how much it wrote.
fn run(words: &[&[u8]], memory_bytes: usize) -> (i32, usize) {
    let mut host = Nowhere::new(words);
    let status = Shell::new(&mut host, &mut region(), memory_bytes).run();
    assert!((0..256).contains(&status), "{status}");
    (status, host.written)
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let mut scripts = Vec::new();
    for text in texts {
        scripts.extend(text.split("\n---\n").map(|script| script.as_bytes().to_vec()));
    }
    scripts
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect(variable))
}

/// splitmix64: each input depends on its number alone, so that one can be made again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound.max(1) as u64) as usize
    }
}

/// Pieces that mean something.
const PIECES: &[&[u8]] = &[
    b"$(",
    b")",
    b"`",
    b"${",
    b"}",
    b"$((",
    b"))",
    b"\"",
    b"'",
    b"\\",
    b"\n",
    b"<<X\n",
    b"X\n",
    b";;",
    b"&&",
    b"if ",
    b"then ",
    b"fi ",
    b"case x in ",
    b"esac ",
    b"f() {",
    b"$@",
    b"\"$@\"",
    b"${x#",
    b"${x:=",
    b"~",
    b"*",
    b"[",
    b"]",
    b"IFS=:;",
    b"set -- a b;",
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x05",
    b"\xff",
    b">&",
    b"2>",
    b"|",
    b"!",
    b"9223372036854775807",
    b"-1",
    b"%",
    b"eval ",
    b"printf ",
    b"%*.*d",
    b"export ",
    b"local ",
    b"trap ",
];

fn mutate(script: &mut Vec<u8>, corpus: &[Vec<u8>], chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let at = chance.below(script.len() + 1);
        match chance.below(5) {
            0 => {
                let end = (at + chance.below(8)).min(script.len());
                script.drain(at..end);
            }
            1 => drop(script.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
            2 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len());
                script.truncate(at);
                script.extend_from_slice(&other[from..]);
            }
            3 if at < script.len() => script[at] = chance.below(255) as u8 + 1,
            _ => {
                let end = (at + chance.below(20)).min(script.len());
                let part = script[at..end].to_vec();
                script.splice(at..at, part);
            }
        }
    }
    script.retain(|byte| *byte != 0);
}

/// A loop with a condition need not end; others do.
fn may_not_end(script: &[u8]) -> bool {
    [b"while".as_slice(), b"until"].iter().any(|word| script.windows(5).any(|part| part == *word))
}

#[test]
fn broken_scripts_are_read_and_run_without_harm() {
    with_stack(run_broken_scripts);
}

fn run_broken_scripts() {
    let (seed, seconds) = (number("INITSH_SEED", 1), number("INITSH_SECONDS", 5));
    let corpus = corpus();
    let started = Instant::now();
    let (mut rounds, mut sound) = (0_u64, 0_u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut chance = Chance(seed ^ rounds.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut script = corpus[chance.below(corpus.len())].clone();
        mutate(&mut script, &corpus, &mut chance);
        let shown = String::from_utf8_lossy(&script).into_owned();
        let input = std::env::temp_dir().join(format!("initsh-input-{}", std::process::id()));
        std::fs::write(&input, &script).unwrap();
        let begun = Instant::now();
        sound += u64::from(run(&[b"sh", b"-n", b"-c", &script], MEMORY_BYTES).0 == 0);
        if !may_not_end(&script) {
            // Often with so little memory that it does not suffice.
            let memory =
                if chance.below(4) == 0 { 20_000 + chance.below(20_000) } else { MEMORY_BYTES };
            run(&[b"sh", b"-c", &script], memory);
        }
        assert!(begun.elapsed() < LIMIT, "seed {seed}, round {rounds}: {shown}");
        std::fs::remove_file(&input).unwrap();
        rounds += 1;
    }
    println!("measured: {rounds} scripts, {sound} of them sound");
    assert!(rounds > 100 && sound > 0 && sound < rounds, "{rounds} rounds, {sound} sound");
}

#[test]
fn memory_of_any_size_is_enough_or_too_little() {
    let script =
        b"x=abc; f() { local y=$1; case $y in a*) echo ${y#a}$((1+2));; esac; }; f $x; f b";
    let mut enough = 0;
    for size in (0..40_000).step_by(97) {
        let (status, _) = run(&[b"sh", b"-c", script], size);
        assert!(status == 2 || status == 0, "{size} bytes: {status}");
        assert!(status == 0 || enough == 0, "{size} bytes are too little, less were enough");
        enough += u32::from(status == 0);
    }
    assert!(enough > 0);
}

/// What is typed, often.
const KEYS: &[&[u8]] = &[
    b"\t",
    b"\t\t",
    b"\r",
    b"\n",
    b"\x1b[A",
    b"\x1b[B",
    b"\x1b[D",
    b"\x1bb",
    b"\x7f",
    b"\x01",
    b"\x05",
    b"\x17",
    b"\x0b",
    b"\x19",
    b"\x15",
    b"\x14",
    b"\x03",
    b"\x0c",
    b"e",
    b"gr",
    b"it",
    b" ",
    b"/",
    b"./",
    b"~/",
    b"$",
    b"'",
    b"\"",
    b"\\",
    b";",
    b"|",
    b"&",
    b"(",
    b"$(",
    b"`",
    b">",
    b"<",
    b"<<",
    b"=",
    b"{",
    b"if ",
    b"then ",
    b"fi",
    b"#",
    b"*",
    b"\xc3",
    b"\xc3\xb6",
    b"\x1b",
    b"\x1b[",
    b"\0",
    b"fg",
    b"bg",
    b"jobs",
    b"exec ",
    b"x=",
    b".",
];

#[test]
fn keys_by_chance_do_no_harm() {
    with_stack(|| {
        let seed = number("INITSH_SEED", 1);
        let end = Instant::now() + Duration::from_secs(number("INITSH_SECONDS", 3));
        let mut rounds = 0;
        while Instant::now() < end {
            let mut chance = Chance(seed.wrapping_mul(1 << 40) ^ rounds);
            let mut keys = Vec::new();
            for _ in 0..chance.below(400) {
                keys.extend_from_slice(KEYS[chance.below(KEYS.len())]);
            }
            keys.push(b' ');
            let begun = Instant::now();
            let mut host = Nowhere::new(&[b"sh"]);
            host.keys.clone_from(&keys);
            // Too little memory for it is an end like others.
            let bytes =
                if chance.below(4) == 0 { 9_000 + chance.below(90_000) } else { MEMORY_BYTES };
            let status = Shell::new(&mut host, &mut region(), bytes).run();
            let shown = String::from_utf8_lossy(&keys).into_owned();
            assert!((0..256).contains(&status), "seed {seed}, round {rounds}: {shown:?}");
            // No more than some lines for each key.
            assert!(host.written < 2000 * (keys.len() + 10), "a flood: {shown:?}");
            assert!(begun.elapsed() < LIMIT, "seed {seed}, round {rounds}: {shown:?}");
            rounds += 1;
        }
        println!("measured: {rounds} persons");
        assert!(rounds > 100, "{rounds} rounds");
    });
}

#[test]
fn a_command_that_does_not_fit_is_told_and_not_run() {
    // Each piece takes some memory as a tree, and forks where it is run, which is an error here.
    let script = format!("{{ {}}}", "(:); ".repeat(200));
    let mut told = 0;
    for bytes in 14_900..15_100 {
        let (status, written) = run(&[b"sh", b"-c", script.as_bytes()], bytes);
        assert_eq!(status, 2, "{bytes} bytes");
        told += usize::from(written > 0);
    }
    assert!(told > 100, "{told} of 200 were told");
}
