//! Broken scripts, by chance with a seed: no panic, no hang, no flood.
//!
//! `INITSH_SEED` chooses another sequence, `INITSH_SECONDS` how long it runs. The scripts are those of the corpus; the
//! system they run on is none: nothing can be opened, no process can be made.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::time::{Duration, Instant};

use initsh::{
    FileStatus, Host, Identity, Keys, Look, Open, Shell, SignalAction, Wait, Wake, limits,
};

/// What each shell is given, far less than the bound, so that it is met.
const MEMORY_BYTES: usize = 1 << 20;
/// Nothing that one small script does takes this long.
const LIMIT: Duration = Duration::from_secs(10);

const NONE: i32 = 2;
const NOT_NOW: i32 = 11;

/// A system without files and processes.
struct Nowhere {
    arguments: Vec<CString>,
    next: usize,
    written: usize,
    directory: Vec<u8>,
    /// What a person types; nobody is there where there is none.
    keys: Vec<u8>,
    typed: usize,
    signals: usize,
    /// Names that the directory being read still has.
    names: usize,
}

impl Nowhere {
    fn new(words: &[&[u8]]) -> Nowhere {
        let arguments = words.iter().map(|word| CString::new(*word).unwrap()).collect();
        Nowhere {
            arguments,
            next: 0,
            written: 0,
            directory: b"/\0".to_vec(),
            keys: Vec::new(),
            typed: 0,
            signals: 0,
            names: 0,
        }
    }
}

/// What is in every directory where a person is.
const NAMES: &[u8] =
    b".\0..\0echo\0e o\0it's\0gr\xc3\xb6\xc3\x9fe\0gr\xc3\xb6\xc3\xa4\0\x1b[2J\0.x\0";

impl Host for Nowhere {
    fn next_argument(&mut self) -> Option<&CStr> {
        self.next += 1;
        self.arguments.get(self.next - 1).map(CString::as_c_str)
    }
    fn next_variable(&mut self) -> Option<&CStr> {
        None
    }
    fn read(&mut self, _: i32, room: &mut [u8]) -> Result<usize, i32> {
        let (Some(key), Some(place)) = (self.keys.get(self.typed), room.first_mut()) else {
            return Ok(0);
        };
        *place = *key;
        self.typed += 1;
        Ok(1)
    }
    fn write(&mut self, _: i32, bytes: &[u8]) -> Result<usize, i32> {
        assert!(bytes.len() <= MEMORY_BYTES);
        self.written += bytes.len();
        Ok(bytes.len())
    }
    fn seek(&mut self, _: i32, _: i64) -> Result<(), i32> {
        Err(NONE)
    }
    fn open(&mut self, path: &CStr, how: Open) -> Result<i32, i32> {
        assert!(path.to_bytes().len() <= MEMORY_BYTES);
        self.names = NAMES.len();
        if how == Open::Write || !self.keys.is_empty() { Ok(9) } else { Err(NONE) }
    }
    fn close(&mut self, _: i32) {}
    fn duplicate(&mut self, _: i32, _: i32) -> Result<(), i32> {
        Ok(())
    }
    fn save(&mut self, _: i32) -> Result<i32, i32> {
        Ok(10)
    }
    fn pipe(&mut self) -> Result<(i32, i32), i32> {
        Ok((7, 8))
    }
    fn here_document(&mut self, bytes: &[u8]) -> Result<i32, i32> {
        assert!(!bytes.contains(&0));
        Ok(6)
    }
    fn fork(&mut self) -> Result<i32, i32> {
        Err(NOT_NOW)
    }
    fn execute(&mut self, path: &CStr, strings: &[u8], words: usize, _: &mut [u8]) -> i32 {
        assert!(words > 0 && !path.is_empty() || strings.starts_with(b"\0"));
        assert!(strings.iter().filter(|byte| **byte == 0).count() >= words);
        NONE
    }
    fn exit(&mut self, _: i32) -> ! {
        panic!("a shell without children ends by its return");
    }
    fn wait(&mut self, _: i32, _: Wait) -> Result<Option<(i32, i32)>, i32> {
        Err(10)
    }
    fn kill(&mut self, _: i32, _: u8) -> Result<(), i32> {
        Err(3)
    }
    fn signal(&mut self, signal: u8, _: SignalAction) -> bool {
        assert!((1..=64).contains(&signal));
        false
    }
    fn caught(&mut self) -> u8 {
        0
    }
    fn builtins(&self) -> &'static [u8] {
        b"own other"
    }
    fn builtin(&mut self, strings: &[u8], arguments: usize, room: &mut [u8]) -> i32 {
        assert!(strings.starts_with(b"own\0") || strings.starts_with(b"other\0"));
        assert!(arguments > 0 && room.len() < 1 << 30);
        3
    }
    fn signal_name(&self, signal: u8) -> &'static [u8] {
        if signal == 15 { b"TERM" } else { b"" }
    }
    fn signal_number(&self, name: &[u8]) -> Option<u8> {
        (name == b"TERM" || name == b"15").then_some(15)
    }
    fn status(&mut self, path: &CStr, _: Look) -> Result<FileStatus, i32> {
        if path.to_bytes().len().is_multiple_of(2) { Ok(FileStatus::default()) } else { Err(NONE) }
    }
    fn access(&mut self, _: &CStr, _: u32) -> bool {
        false
    }
    fn names(&mut self, _: i32, room: &mut [u8]) -> usize {
        let count = std::mem::take(&mut self.names).min(room.len());
        room[..count].copy_from_slice(&NAMES[..count]);
        count
    }
    fn change_directory(&mut self, path: &CStr) -> Result<(), i32> {
        self.directory = path.to_bytes_with_nul().to_vec();
        Ok(())
    }
    fn current_directory(&mut self, room: &mut [u8]) -> Result<usize, i32> {
        room[..2].copy_from_slice(b"/\0");
        Ok(2)
    }
    fn umask(&mut self, mask: u32) -> u32 {
        assert!(mask <= 0o777);
        0o22
    }
    fn is_terminal(&mut self, _: i32) -> bool {
        !self.keys.is_empty()
    }
    fn set_keys(&mut self, _: i32, _: Keys) {}
    fn await_keys(&mut self, _: i32, waits: bool) -> Wake {
        // Each third key comes by itself, and a signal now and then.
        match (waits, self.typed % 3) {
            (false, 0) => Wake::Nothing,
            (true, 0) if self.signals < self.typed / 20 => {
                self.signals += 1;
                Wake::Signal
            }
            _ => Wake::Input,
        }
    }
    fn columns(&mut self, _: i32) -> usize {
        self.typed % 100
    }
    fn foreground(&mut self, _: i32) -> Result<i32, i32> {
        Err(NONE)
    }
    fn set_foreground(&mut self, _: i32, _: i32) -> Result<(), i32> {
        Err(NONE)
    }
    fn set_group(&mut self, _: i32, _: i32) -> Result<(), i32> {
        Err(NONE)
    }
    fn identity(&mut self, _: Identity) -> u32 {
        42
    }
    fn limit(&mut self, _: u8) -> (u64, u64) {
        (1024, u64::MAX)
    }
    fn set_limit(&mut self, _: u8, _: u64, _: u64) -> Result<(), i32> {
        Ok(())
    }
    fn times(&mut self) -> [u64; 4] {
        [1, 2, 3, u64::MAX]
    }
    fn message(&mut self, _: i32, room: &mut [u8]) -> usize {
        let text = b"error";
        let length = text.len().min(room.len());
        room[..length].copy_from_slice(&text[..length]);
        length
    }
    fn home(&mut self, user: &[u8], room: &mut [u8]) -> usize {
        if user == b"root" && !room.is_empty() {
            room[0] = b'/';
            return 1;
        }
        0
    }
}

/// Frames of a build without optimisation are large; a program's first thread has 8 MiB.
const STACK_BYTES: usize = 256 << 20;

fn with_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A whole region, of which the kernel gives what is touched.
fn region() -> Box<[u8; limits::MEMORY_BYTES]> {
    vec![0; limits::MEMORY_BYTES].try_into().unwrap()
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
