//! What initsh needs of the system, done with our calls.

use core::ffi::CStr;

use initsh::{FileStatus, Host, Identity, Keys, Look, Open, SignalAction, Wait, Wake};
use linux_raw_sys::general as kernel;
use rustix::fs::{Access, AtFlags, CWD, Mode, accessat, statat};

use crate::facts::files::for_each_line;
use crate::input::signal_names;
use crate::sys::descriptor::write_all;
use crate::sys::directory::{read_names, write_current};
use crate::sys::poll::{self, Entry};
use crate::sys::process::{Pid, Side, Until, exit, fork, limit, own_group, parent_pid};
use crate::sys::shell as sys;
use crate::sys::signal::{FOR_EVER, Signal, SignalSet, block, kill, set_ignored, take};
use crate::sys::signal_file;
use crate::sys::terminal::{self, Attributes};
use crate::sys::vectors::Strings;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::parts::parts;

/// From here on stand descriptors that the shell keeps for itself.
const OWN_DESCRIPTORS: i32 = 10;
/// Bytes that every pipe takes before somebody reads: a user with many pipes gets a single page for each. pipe(7).
const PIPE_BYTES: usize = 4096;
/// Room for a line of /etc/passwd.
const USERS_BYTES: usize = 4096;

/// Commands that stand in for programs where there are none.
pub struct Builtins {
    /// Their names, with blanks between them.
    pub names: &'static [u8],
    /// Performs one, with its words and the environment; gives its exit status.
    pub perform: fn(Strings<'_>, Strings<'_>) -> i32,
}

/// A shell's view of this process.
pub struct ShellHost {
    name: Option<&'static CStr>,
    arguments: Strings<'static>,
    environment: Strings<'static>,
    builtins: &'static Builtins,
    /// The signals that were blocked when we began.
    inherited: SignalSet,
    /// Those that have actions: they are blocked, and taken when there is time.
    caught: u64,
    /// One that was taken and not asked for yet.
    arrived: u8,
    /// How programs left the terminal before keys were asked for.
    attributes: Option<Attributes>,
}

const fn bit(signal: u8) -> u64 {
    1 << (signal.wrapping_sub(1) & 63)
}

fn number(errno: Errno) -> i32 {
    errno.0
}

impl ShellHost {
    /// A shell called `name`, with these words and variables.
    #[must_use]
    pub fn new(
        name: &'static CStr,
        arguments: Strings<'static>,
        environment: Strings<'static>,
        builtins: &'static Builtins,
    ) -> Self {
        let inherited = block(SignalSet(0));
        block(inherited);
        Self {
            name: Some(name),
            arguments,
            environment,
            builtins,
            inherited,
            caught: 0,
            arrived: 0,
            attributes: None,
        }
    }

    /// Blocks the signals that have actions, and those that were blocked when we began.
    #[inline(never)]
    fn block_caught(&self) {
        // Beside them SIGCHLD, which a wait for either needs.
        let children = if self.caught == 0 { 0 } else { bit(Signal::CHLD.0 as u8) };
        block(SignalSet(self.inherited.0 | self.caught | children));
    }

    /// Waits for a child or a caught signal.
    fn wait_for_either(&mut self, pid: i32) -> Result<Option<(i32, i32)>, i32> {
        loop {
            if let Some(change) = sys::wait(pid, true).map_err(number)? {
                return Ok(Some(change));
            }
            let children = bit(Signal::CHLD.0 as u8);
            match take(SignalSet(self.caught | children), true) {
                Some(signal) if self.caught & bit(signal.0 as u8) != 0 => {
                    self.arrived = signal.0 as u8;
                    return Err(Errno::INTR.0);
                }
                _ => {}
            }
        }
    }
}

/// Writes `text` to the start of `room`; gives its length there.
fn put(text: &[u8], room: &mut [u8]) -> usize {
    let places = room.iter_mut().zip(text);
    places.map(|(place, byte)| *place = *byte).count()
}

/// This process, as prlimit(2) names it.
const OURSELVES: Pid = Pid(0);

impl Host for ShellHost {
    fn next_argument(&mut self) -> Option<&CStr> {
        self.name.take().or_else(|| self.arguments.next())
    }

    fn next_variable(&mut self) -> Option<&CStr> {
        self.environment.next()
    }

    fn read(&mut self, descriptor: i32, room: &mut [u8]) -> Result<usize, i32> {
        sys::read(descriptor, room).map_err(number)
    }

    fn write(&mut self, descriptor: i32, bytes: &[u8]) -> Result<usize, i32> {
        sys::write(descriptor, bytes).map_err(number)
    }

    fn seek(&mut self, descriptor: i32, offset: i64) -> Result<(), i32> {
        sys::seek(descriptor, offset).map(drop).map_err(number)
    }

    fn open(&mut self, path: &CStr, how: Open) -> Result<i32, i32> {
        let flags = match how {
            Open::Read => kernel::O_RDONLY,
            Open::Write => kernel::O_WRONLY | kernel::O_CREAT | kernel::O_TRUNC,
            Open::New => kernel::O_WRONLY | kernel::O_CREAT | kernel::O_EXCL,
            Open::Append => kernel::O_WRONLY | kernel::O_CREAT | kernel::O_APPEND,
            Open::Both => kernel::O_RDWR | kernel::O_CREAT,
        };
        let opened = sys::open(path, flags);
        if how == Open::New
            && opened == Err(Errno::EXIST)
            && self.status(path, Look::Through).is_ok_and(|file| file.mode >> 12 != 0o10)
        {
            return sys::open(path, kernel::O_WRONLY).map_err(number);
        }
        opened.map_err(number)
    }

    fn close(&mut self, descriptor: i32) {
        sys::close(descriptor);
    }

    fn duplicate(&mut self, from: i32, to: i32) -> Result<(), i32> {
        sys::duplicate(from, to).map_err(number)
    }

    fn save(&mut self, descriptor: i32) -> Result<i32, i32> {
        sys::duplicate_from(descriptor, OWN_DESCRIPTORS).map_err(number)
    }

    fn pipe(&mut self) -> Result<(i32, i32), i32> {
        sys::pipe().map_err(number)
    }

    fn here_document(&mut self, bytes: &[u8]) -> Result<i32, i32> {
        let (reading, writing) = if bytes.len() <= PIPE_BYTES {
            sys::pipe().map_err(number)?
        } else {
            let file = sys::memory_file(c"here-document").map_err(number)?;
            (file, file)
        };
        let is_file = reading == writing;
        let mut written = write_all(sys::lend(writing), bytes);
        if is_file && written.is_ok() {
            written = sys::seek(reading, -(bytes.len() as i64)).map(drop);
        }
        if !is_file {
            sys::close(writing);
        }
        if written.is_err() {
            sys::close(reading);
        }
        written.map(|()| reading).map_err(number)
    }

    fn fork(&mut self) -> Result<i32, i32> {
        match fork(Until::Made).map_err(number)? {
            Side::Child => Ok(0),
            Side::Parent(pid) => Ok(pid.0),
        }
    }

    fn execute(&mut self, path: &CStr, strings: &[u8], arguments: usize, room: &mut [u8]) -> i32 {
        block(self.inherited);
        let errno = sys::execute(path, strings, arguments, room);
        self.block_caught();
        errno.0
    }

    fn builtins(&self) -> &'static [u8] {
        self.builtins.names
    }

    fn builtin(&mut self, strings: &[u8], arguments: usize, room: &mut [u8]) -> i32 {
        /// As a program that has too many words.
        const NOT_EXECUTED: i32 = 126;
        block(self.inherited);
        match sys::vectors(strings, arguments, room) {
            Some((words, environment)) => (self.builtins.perform)(words, environment),
            None => NOT_EXECUTED,
        }
    }

    fn exit(&mut self, status: i32) -> ! {
        exit(status)
    }

    fn wait(&mut self, pid: i32, how: Wait) -> Result<Option<(i32, i32)>, i32> {
        if how == Wait::EndOrSignal && self.caught != 0 {
            return self.wait_for_either(pid);
        }
        sys::wait(pid, how == Wait::Not).map_err(number)
    }

    fn kill(&mut self, pid: i32, signal: u8) -> Result<(), i32> {
        kill(pid, Signal(signal.into())).map_err(number)
    }

    fn signal(&mut self, signal: u8, action: SignalAction) -> bool {
        // It is blocked meanwhile, or it could have its default effect in between.
        self.caught |= bit(signal);
        self.block_caught();
        let was_ignored = set_ignored(Signal(signal.into()), action == SignalAction::Ignore);
        if action != SignalAction::Catch {
            self.caught &= !bit(signal);
            self.block_caught();
        }
        was_ignored
    }

    fn caught(&mut self) -> u8 {
        match core::mem::replace(&mut self.arrived, 0) {
            0 if self.caught != 0 => {
                take(SignalSet(self.caught), false).map_or(0, |signal| signal.0 as u8)
            }
            arrived => arrived,
        }
    }

    fn signal_name(&self, signal: u8) -> &'static [u8] {
        signal_names::name(signal)
    }

    fn signal_number(&self, name: &[u8]) -> Option<u8> {
        signal_names::parse_signal(name)
    }

    fn status(&mut self, path: &CStr, look: Look) -> Result<FileStatus, i32> {
        let flags = if look == Look::At { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() };
        let found = statat(CWD, path, flags).map_err(|errno| errno.raw_os_error())?;
        Ok(FileStatus {
            mode: found.st_mode,
            user: found.st_uid,
            group: found.st_gid,
            bytes: found.st_size as u64,
            modified: (found.st_mtime, found.st_mtime_nsec as i64),
            identity: (found.st_dev, found.st_ino),
        })
    }

    fn access(&mut self, path: &CStr, mode: u32) -> bool {
        accessat(CWD, path, Access::from_bits_retain(mode), AtFlags::EACCESS).is_ok()
    }

    fn names(&mut self, descriptor: i32, room: &mut [u8]) -> usize {
        read_names(descriptor, room)
    }

    fn change_directory(&mut self, path: &CStr) -> Result<(), i32> {
        rustix::process::chdir(path).map_err(|errno| errno.raw_os_error())
    }

    fn current_directory(&mut self, room: &mut [u8]) -> Result<usize, i32> {
        write_current(room).map_err(number)
    }

    fn umask(&mut self, mask: u32) -> u32 {
        rustix::process::umask(Mode::from_bits_retain(mask)).bits()
    }

    fn is_terminal(&mut self, descriptor: i32) -> bool {
        sys::is_terminal(descriptor)
    }

    fn set_keys(&mut self, terminal: i32, keys: Keys) {
        let terminal = sys::lend(terminal);
        if keys == Keys::Programs {
            if let Some(attributes) = &self.attributes {
                let _ = terminal::set_attributes(terminal, attributes);
            }
            return self.block_caught();
        }
        // A signal that ended us would leave the terminal as it is. TTIN must not be blocked: reading would fail with EIO
        // instead of stopping us.
        block(SignalSet(!bit(Signal::TTIN.0 as u8)));
        if let Ok(mut attributes) = terminal::attributes(terminal) {
            self.attributes = Some(attributes);
            if keys == Keys::Each {
                attributes.want_keys();
                let _ = terminal::set_attributes(terminal, &attributes);
            }
        }
    }

    fn await_keys(&mut self, terminal: i32, waits: bool) -> Wake {
        // Not those that were blocked when we began: nobody would ever take them, and so each wait would end at once.
        let others = bit(Signal::CHLD.0 as u8) | bit(Signal::TTIN.0 as u8) | self.inherited.0;
        let signals = if waits { signal_file::open_for(!others | self.caught).ok() } else { None };
        let signal =
            signals.as_ref().map_or(Entry::NONE, |file| Entry::new(file.as_fd(), poll::IN));
        let mut entries = [Entry::new(sys::lend(terminal), poll::IN), signal];
        poll::wait_at_most(&mut entries, if waits { FOR_EVER } else { 0 });
        let [keys, signal] = entries;
        if signal.is_ready() {
            Wake::Signal
        } else if keys.is_ready() || waits && signals.is_none() {
            Wake::Input
        } else {
            Wake::Nothing
        }
    }

    fn columns(&mut self, terminal: i32) -> usize {
        terminal::window(sys::lend(terminal)).map_or(0, |(_, columns)| columns.into())
    }

    fn foreground(&mut self, terminal: i32) -> Result<i32, i32> {
        terminal::foreground(sys::lend(terminal)).map_err(number)
    }

    fn set_foreground(&mut self, terminal: i32, group: i32) -> Result<(), i32> {
        terminal::set_foreground(sys::lend(terminal), group).map_err(number)
    }

    fn set_group(&mut self, pid: i32, group: i32) -> Result<(), i32> {
        sys::set_group(pid, group).map_err(number)
    }

    fn identity(&mut self, which: Identity) -> u32 {
        use rustix::process::{getegid, geteuid, getpid};
        match which {
            Identity::Process => getpid().as_raw_pid().unsigned_abs(),
            Identity::Parent => parent_pid().unsigned_abs(),
            Identity::ProcessGroup => own_group().unsigned_abs(),
            Identity::User => geteuid().as_raw(),
            Identity::Group => getegid().as_raw(),
        }
    }

    fn limit(&mut self, kind: u8) -> (u64, u64) {
        limit(OURSELVES, kind, None).unwrap_or((0, 0))
    }

    fn set_limit(&mut self, kind: u8, soft: u64, hard: u64) -> Result<(), i32> {
        limit(OURSELVES, kind, Some((soft, hard))).map(drop).map_err(number)
    }

    fn times(&mut self) -> [u64; 4] {
        sys::times()
    }

    #[inline(never)]
    fn message(&mut self, errno: i32, room: &mut [u8]) -> usize {
        let mut line = Line::new();
        Errno(errno).message(&mut line);
        put(line.bytes(), room)
    }

    #[inline(never)]
    fn home(&mut self, user: &[u8], room: &mut [u8]) -> usize {
        home_in(c"/etc/passwd", user, room)
    }
}

/// Writes the home of a user of this file of users into `room`; gives its length, 0 where there is none or no room.
fn home_in(users: &CStr, user: &[u8], room: &mut [u8]) -> usize {
    let mut length = None;
    let _ = for_each_line(users, &mut [0; USERS_BYTES], &mut |line| {
        let mut fields = parts(line, b':');
        if length.is_none() && fields.skip_to(0) == user {
            let home = fields.skip_to(4);
            // Part of a path is another directory.
            length = Some(if home.len() > room.len() { 0 } else { put(home, room) });
        }
    });
    length.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn a_home_is_found_whole_or_not_at_all_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        let c_path = CString::new(path.to_str().unwrap()).unwrap();
        let home = |user: &str, room: usize| {
            let mut room = vec![0; room];
            let length = home_in(&c_path, user.as_bytes(), &mut room);
            String::from_utf8(room[..length].to_vec()).unwrap()
        };
        for before in [0, 10, 80, 88, 89, 90, 91, 200] {
            let mut users = "somebody:x:1:1:Somebody Else:/home/somebody:/bin/sh\n".repeat(before);
            users.push_str("who:x:7:7::/home/of/who:/bin/sh\nlast:x:8:8::/home/last:/bin/sh");
            std::fs::write(&path, &users).unwrap();
            assert_eq!(home("who", 256), "/home/of/who", "{before}");
            assert_eq!(home("last", 256), "/home/last", "{before}");
            assert_eq!(home("nobody", 256), "", "{before}");
            // Half of a path is another directory.
            assert_eq!(home("who", 11), "", "{before}");
        }
    }
}
