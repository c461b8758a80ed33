//! A system without files or processes, for shells that must do no harm.

use std::ffi::{CStr, CString};
use std::panic::resume_unwind;

use initsh::{FileStatus, Host, Identity, Keys, Look, Open, SignalAction, Wait, Wake, limits};

/// The memory of each shell, far less than the usual bound, so that scripts meet its end.
pub const MEMORY_BYTES: usize = 1 << 20;

/// A region of the full size, of which the kernel provides only the pages that are touched.
pub fn region() -> Box<[u8; limits::MEMORY_BYTES]> {
    vec![0; limits::MEMORY_BYTES].try_into().unwrap()
}

const NONE: i32 = 2;
const NOT_NOW: i32 = 11;

/// A system without files or processes.
pub struct Nowhere {
    arguments: Vec<CString>,
    next: usize,
    /// How many bytes it was told to write.
    pub written: usize,
    directory: Vec<u8>,
    /// What a person types; if empty, there is no person and no terminal.
    pub keys: Vec<u8>,
    typed: usize,
    signals: usize,
    /// How many bytes of `NAMES` the directory that was opened last still has.
    names: usize,
    /// How many more commands it lets run. A script may go on for ever, so a panic with `Enough` ends it.
    pub steps: usize,
}

/// The shell has run as long as it may.
pub struct Enough;

impl Nowhere {
    /// A system whose shell is given these words, each up to its first NUL.
    pub fn new(words: &[&[u8]]) -> Nowhere {
        let text = |word: &&[u8]| word.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let arguments = words.iter().map(|word| CString::new(text(word)).unwrap()).collect();
        Nowhere {
            arguments,
            next: 0,
            written: 0,
            directory: b"/\0".to_vec(),
            keys: Vec::new(),
            typed: 0,
            signals: 0,
            names: 0,
            steps: usize::MAX,
        }
    }
}

/// The names in every directory, each with its NUL.
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
        // A shell that has a trap with an action asks this after each command.
        self.steps = self.steps.checked_sub(1).unwrap_or_else(|| resume_unwind(Box::new(Enough)));
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
        // Before each third key there is a pause, and now and then a signal.
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
