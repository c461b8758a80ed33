//! Runs the binary with a time limit and collects what it says.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::process::{LIMIT, descendants};

/// A command line that is being built.
pub struct Rootlet {
    words: Vec<OsString>,
    command: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    clear: bool,
    dir: PathBuf,
    stdin: Option<Vec<u8>>,
    keep_stdin: bool,
}

impl Rootlet {
    /// Starts with the program `bin`; the caller's working directory is `dir`.
    pub fn new(bin: &Path, dir: &Path) -> Rootlet {
        Rootlet {
            words: vec![bin.into()],
            command: Vec::new(),
            variables: Vec::new(),
            clear: false,
            dir: dir.to_owned(),
            stdin: None,
            keep_stdin: false,
        }
    }

    /// Adds an option or its value.
    pub fn opt(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().into());
        self
    }

    /// Adds several options or values.
    pub fn opts<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(|word| word.as_ref().into()));
        self
    }

    /// Adds the command, after `--`.
    pub fn cmd<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command.extend(words.into_iter().map(|word| word.as_ref().into()));
        self
    }

    /// Makes a shell script the command.
    pub fn sh(self, script: &str) -> Self {
        self.cmd(["/bin/sh", "-c", script])
    }

    /// Puts a program and its options in front, which is to start the binary: `env`, `strace`.
    pub fn under<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.splice(0..0, words.into_iter().map(|word| word.as_ref().into()));
        self
    }

    /// Sets a variable of the caller's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().into(), value.as_ref().into()));
        self
    }

    /// Gives the caller no environment but what `env` adds.
    pub fn clear_env(mut self) -> Self {
        self.clear = true;
        self
    }

    /// The caller's working directory.
    pub fn in_dir(mut self, dir: &Path) -> Self {
        self.dir = dir.to_owned();
        self
    }

    /// What the command reads on its standard input; else that is /dev/null.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Leaves standard input open until the `Running` is dropped or told to close it.
    pub fn open_stdin(mut self) -> Self {
        self.keep_stdin = true;
        self
    }

    /// The words as they will be executed.
    pub fn words(&self) -> Vec<OsString> {
        let mut words = self.words.clone();
        if !self.command.is_empty() {
            words.push("--".into());
            words.extend(self.command.iter().cloned());
        }
        words
    }

    /// The standard library's command, for tests that do their own waiting.
    pub fn command(&self) -> Command {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.dir);
        if self.clear {
            command.env_clear();
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let mut command = self.command();
        let piped = self.keep_stdin || self.stdin.is_some();
        command.stdin(if piped { Stdio::piped() } else { Stdio::null() });
        // Before the start: a command takes no less time than it is said to have taken.
        let started = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take();
        if let (Some(bytes), Some(mut pipe)) = (self.stdin, stdin.take_if(|_| !self.keep_stdin)) {
            // A run that fails early never reads it; the error is of no interest then.
            thread::spawn(move || pipe.write_all(&bytes).ok());
        }
        Running {
            stdout: Stream::of(child.stdout.take().unwrap()),
            stderr: Stream::of(child.stderr.take().unwrap()),
            stdin,
            child,
            started,
            words: self.words.join(OsStr::new(" ")).display().to_string(),
        }
    }

    /// Runs it to its end.
    pub fn output(self) -> Outcome {
        self.spawn().finish()
    }
}

/// What a stream has given, and whether it has ended.
#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    ended: bool,
}

/// One output stream, read by a thread of its own.
struct Stream(Arc<(Mutex<Captured>, Condvar)>);

impl Stream {
    fn of(mut source: impl Read + Send + 'static) -> Stream {
        let shared = Arc::<(Mutex<Captured>, Condvar)>::default();
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            let mut chunk = [0; 65536];
            loop {
                let count = source.read(&mut chunk).unwrap_or(0);
                let mut state = ours.0.lock().unwrap();
                state.bytes.extend_from_slice(&chunk[..count]);
                state.ended = count == 0;
                ours.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Stream(shared)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().bytes).into_owned()
    }

    /// Waits for `done(text so far, at its end)`.
    fn wait(&self, until: Instant, done: impl Fn(&str, bool) -> bool) -> bool {
        let mut state = self.0.0.lock().unwrap();
        loop {
            if done(&String::from_utf8_lossy(&state.bytes), state.ended) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }
}

/// A started command. Dropping it kills it.
pub struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    stdin: Option<ChildStdin>,
    started: Instant,
    words: String,
}

impl Running {
    /// The pid of what was started: of the supervisor, unless something stands in front of it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until standard output holds `text`.
    pub fn expect(&self, text: &str) -> &Self {
        let found = self.stdout.wait(self.end(), |all, end| all.contains(text) || end);
        let (out, err) = (self.stdout.text(), self.stderr.text());
        assert!(
            found && out.contains(text),
            "{}: no {text:?} in {out:?}, stderr {err:?}",
            self.words
        );
        self
    }

    /// What standard output holds by now.
    pub fn so_far(&self) -> String {
        self.stdout.text()
    }

    /// Whether it has closed its standard output: at its end, unless it does that before.
    pub fn has_ended(&self) -> bool {
        self.stdout.0.0.lock().unwrap().ended
    }

    /// Writes a line to standard input.
    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Writes bytes to standard input.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Waits for the end of it and of its output.
    pub fn finish(mut self) -> Outcome {
        self.stdin = None;
        let pid = Pid::from_child(&self.child);
        let left = self.end().saturating_duration_since(Instant::now());
        let left =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let ended = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)).unwrap() == 1;
        assert!(
            ended,
            "{}: hangs, stdout {:?}, stderr {:?}",
            self.words,
            self.stdout.text(),
            self.stderr.text()
        );
        let status = self.child.wait().unwrap();
        let elapsed = self.started.elapsed();
        // A process that outlives its container would hold the pipe open.
        let closed = self.stdout.wait(self.end(), |_, end| end)
            && self.stderr.wait(self.end(), |_, end| end);
        assert!(closed, "{}: ended, but something still holds its output open", self.words);
        Outcome {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            elapsed,
            words: self.words.clone(),
        }
    }

    fn end(&self) -> Instant {
        self.started + LIMIT
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let below = descendants(self.child.id());
            self.child.kill().ok();
            self.child.wait().ok();
            // Only after a test has failed: what ran below a tracer survives it.
            for pid in below {
                super::kill(pid, 9);
            }
        }
    }
}

/// What a finished command did.
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// From start to end.
    pub elapsed: Duration,
    words: String,
}

/// How much of a stream a failing test shows of either end.
const SHOWN_BYTES: usize = 2000;

impl fmt::Debug for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Outcome");
        shown.field("status", &self.status);
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            shown.field(name, &ends_of(text));
        }
        shown.field("elapsed", &self.elapsed).field("words", &self.words).finish()
    }
}

/// A text without its middle, if that is long.
fn ends_of(text: &str) -> Cow<'_, str> {
    if text.len() <= 2 * SHOWN_BYTES {
        return Cow::Borrowed(text);
    }
    let [first, last] =
        [&text.as_bytes()[..SHOWN_BYTES], &text.as_bytes()[text.len() - SHOWN_BYTES..]]
            .map(String::from_utf8_lossy);
    let left_out = text.len() - 2 * SHOWN_BYTES;
    Cow::Owned(format!("{first} [{left_out} bytes are left out] {last}"))
}

impl Outcome {
    /// The exit code; a signal that killed rootlet itself is a failure of the test.
    pub fn code(&self) -> i32 {
        assert_eq!(self.status.signal(), None, "killed: {self:?}");
        self.status.code().unwrap()
    }

    /// Demands success and silence on standard error; returns standard output.
    pub fn ok(&self) -> &str {
        assert_eq!((self.code(), self.stderr.as_str()), (0, ""), "{self:?}");
        &self.stdout
    }

    /// Demands an exit code and nothing on standard error.
    pub fn ends(&self, code: i32) -> &Self {
        assert_eq!((self.code(), self.stderr.as_str()), (code, ""), "{self:?}");
        self
    }

    /// Demands a failure of rootlet: this exit code and one line on standard error that holds all `words`.
    pub fn refused(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!((self.code(), self.stdout.as_str()), (code, ""), "{self:?}");
        self.complains(words)
    }

    /// Demands exactly one line of rootlet's on standard error, holding all `words`.
    pub fn complains(&self, words: &[&str]) -> &Self {
        let one = self.stderr.lines().count() == 1 && self.stderr.ends_with('\n');
        assert!(one && self.stderr.starts_with("rootlet: "), "not one line of rootlet's: {self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
        self
    }
}
