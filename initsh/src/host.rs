//! What the shell needs of the system: everything that it cannot do itself.

use core::ffi::CStr;

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// To read it.
    Read,
    /// To write it from its start, made where it is missing, emptied where it is not.
    Write,
    /// The same for a regular file that must not be there yet; other kinds are just opened.
    New,
    /// To write at its end.
    Append,
    /// To read and write it.
    Both,
}

/// How long to wait for a change of a child: its end, a stop, or that it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Not at all.
    Not,
    /// Until one comes.
    End,
    /// The same, or until a caught signal arrives: EINTR.
    EndOrSignal,
}

/// What a signal does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignalAction {
    /// What the kernel does by itself.
    Default,
    /// Nothing.
    Ignore,
    /// It waits until `caught` asks for it.
    Catch,
}

/// Whether links are followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// The file that a link leads to.
    Through,
    /// The link itself.
    At,
}

/// Kinds of files, as the highest bits of `FileStatus::mode` have them. inode(7)
pub(crate) mod kind {
    pub const DIRECTORY: u32 = 0o4;
    pub const FILE: u32 = 0o10;
}

/// What is known of a file. stat(2).
#[derive(Clone, Copy, Default, Debug)]
pub struct FileStatus {
    /// Kind and permissions.
    pub mode: u32,
    /// Its owner.
    pub user: u32,
    /// Its group.
    pub group: u32,
    /// Its size in bytes.
    pub bytes: u64,
    /// When its contents changed: seconds, and nanoseconds.
    pub modified: (i64, i64),
    /// The device that it lies on, and its number there.
    pub identity: (u64, u64),
}

/// How a person's keys reach us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    /// As programs want them, and as they were before.
    Programs,
    /// In lines that the terminal lets one edit.
    Lines,
    /// Each one at once and without echo, those for signals too.
    Each,
}

/// What has ended a wait for keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// There is something to read, or nothing will come any more.
    Input,
    /// A signal: one of those that `caught` gives, or one that the terminal is to be drawn again after.
    Signal,
    /// Nothing.
    Nothing,
}

/// Numbers of the process. The discriminants have no meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identity {
    /// getpid(2)
    Process,
    /// getppid(2)
    Parent,
    /// getpgrp(2)
    ProcessGroup,
    /// geteuid(2)
    User,
    /// getegid(2)
    Group,
}

/// The system. Errors are errno values.
#[allow(clippy::missing_errors_doc, reason = "every call can fail as its man page says")]
pub trait Host {
    /// The next word of the command line; the first is the shell's own name.
    fn next_argument(&mut self) -> Option<&CStr>;
    /// The next `NAME=VALUE` of the environment.
    fn next_variable(&mut self) -> Option<&CStr>;

    /// read(2)
    fn read(&mut self, descriptor: i32, room: &mut [u8]) -> Result<usize, i32>;
    /// write(2)
    fn write(&mut self, descriptor: i32, bytes: &[u8]) -> Result<usize, i32>;
    /// Moves the position by `offset`. lseek(2), `SEEK_CUR`
    fn seek(&mut self, descriptor: i32, offset: i64) -> Result<(), i32>;
    /// open(2), not close-on-exec
    fn open(&mut self, path: &CStr, how: Open) -> Result<i32, i32>;
    /// close(2)
    fn close(&mut self, descriptor: i32);
    /// Makes `to` another name of `from`. dup2(2)
    fn duplicate(&mut self, from: i32, to: i32) -> Result<(), i32>;
    /// Another name from 10 on, closed on exec. fcntl(2), `F_DUPFD_CLOEXEC`
    fn save(&mut self, descriptor: i32) -> Result<i32, i32>;
    /// Reading end, writing end. pipe(2)
    fn pipe(&mut self) -> Result<(i32, i32), i32>;
    /// A descriptor from which these bytes can be read.
    fn here_document(&mut self, bytes: &[u8]) -> Result<i32, i32>;

    /// 0 in the child. fork(2)
    fn fork(&mut self) -> Result<i32, i32>;
    /// Becomes a program; gives the errno where that failed. `strings` are NUL-terminated: first the
    /// arguments, then the environment; `room` has 8 bytes for each and for three more.
    fn execute(&mut self, path: &CStr, strings: &[u8], arguments: usize, room: &mut [u8]) -> i32;
    /// The names of the commands that the host performs itself, with blanks between them.
    fn builtins(&self) -> &'static [u8];
    /// Performs a command of the host's own, in a process that has nothing else to do; gives its exit status.
    /// The arguments are those of `execute`.
    fn builtin(&mut self, strings: &[u8], arguments: usize, room: &mut [u8]) -> i32;
    /// Ends this process.
    fn exit(&mut self, status: i32) -> !;
    /// A child that changed, with its status as wait(2) encodes it. -1 is any child, a smaller number one of that
    /// group. waitpid(2), `WUNTRACED` and `WCONTINUED`
    fn wait(&mut self, pid: i32, how: Wait) -> Result<Option<(i32, i32)>, i32>;
    /// kill(2)
    fn kill(&mut self, pid: i32, signal: u8) -> Result<(), i32>;
    /// Sets what a signal does; gives whether it was ignored before. sigaction(2)
    fn signal(&mut self, signal: u8, action: SignalAction) -> bool;
    /// A caught signal that has arrived, or 0.
    fn caught(&mut self) -> u8;
    /// The name of a signal without SIG, or nothing.
    fn signal_name(&self, signal: u8) -> &'static [u8];
    /// The number of a signal by name or number.
    fn signal_number(&self, name: &[u8]) -> Option<u8>;

    /// stat(2), lstat(2)
    fn status(&mut self, path: &CStr, look: Look) -> Result<FileStatus, i32>;
    /// Whether the file can be read (4), written (2), executed (1) with the effective ids. faccessat(2)
    fn access(&mut self, path: &CStr, mode: u32) -> bool;
    /// The next names of an open directory, NUL-terminated. Gives their bytes, 0 at the end.
    fn names(&mut self, descriptor: i32, room: &mut [u8]) -> usize;
    /// chdir(2)
    fn change_directory(&mut self, path: &CStr) -> Result<(), i32>;
    /// The working directory and its NUL; gives their length. getcwd(2)
    fn current_directory(&mut self, room: &mut [u8]) -> Result<usize, i32>;
    /// umask(2)
    fn umask(&mut self, mask: u32) -> u32;
    /// isatty(3)
    fn is_terminal(&mut self, descriptor: i32) -> bool;
    /// Says how keys are wanted from a terminal. `Programs` gives back what was there before; until it is said again,
    /// signals that would end us wait for `await_keys`, where the terminal is as programs want it.
    fn set_keys(&mut self, terminal: i32, keys: Keys);
    /// Waits for keys or a signal, or only looks.
    fn await_keys(&mut self, terminal: i32, waits: bool) -> Wake;
    /// How many columns a terminal has; 0 where it does not know.
    fn columns(&mut self, terminal: i32) -> usize;
    /// The group in the foreground. tcgetpgrp(3)
    fn foreground(&mut self, terminal: i32) -> Result<i32, i32>;
    /// Puts a group there. tcsetpgrp(3)
    fn set_foreground(&mut self, terminal: i32, group: i32) -> Result<(), i32>;
    /// setpgid(2)
    fn set_group(&mut self, pid: i32, group: i32) -> Result<(), i32>;
    /// getpid(2) and the like
    fn identity(&mut self, which: Identity) -> u32;
    /// Soft and hard limit. getrlimit(2)
    fn limit(&mut self, kind: u8) -> (u64, u64);
    /// setrlimit(2)
    fn set_limit(&mut self, kind: u8, soft: u64, hard: u64) -> Result<(), i32>;
    /// Ticks of a hundredth second: user, system, and those of ended children. times(2)
    fn times(&mut self) -> [u64; 4];
    /// What an errno means; gives the length.
    fn message(&mut self, errno: i32, room: &mut [u8]) -> usize;
    /// The home of a user; gives its length, 0 for nobody.
    fn home(&mut self, user: &[u8], room: &mut [u8]) -> usize;
}
