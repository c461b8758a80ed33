//! A terminal for tests: types keys, reads the screen, knows its attributes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::command::Rootlet;
use super::process::{LIMIT, await_true, descendants};

type Screen = Arc<(Mutex<Vec<u8>>, Condvar)>;

/// A pseudo-terminal with a session of its own on it.
pub struct Terminal {
    keyboard: File,
    /// Held open, so that the master never reads an end and attributes can be read afterwards.
    line: File,
    screen: Screen,
    child: Child,
}

impl Terminal {
    /// Starts a command as leader of a new session on a new terminal of that size.
    pub fn start(command: Rootlet, rows: u16, columns: u16) -> Terminal {
        let terminal = Terminal::held(command, rows, columns);
        terminal.show();
        terminal
    }

    /// The same, but nothing is read from it before `show`: its buffer fills, as when a person holds the
    /// output with Ctrl-S.
    pub fn held(command: Rootlet, rows: u16, columns: u16) -> Terminal {
        let master: OwnedFd =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let no_ctty = OFlags::NOCTTY.bits().cast_signed();
        let line =
            OpenOptions::new().read(true).write(true).custom_flags(no_ctty).open(name).unwrap();
        let keyboard = File::from(master);
        set_size(&keyboard, rows, columns);
        let copy = || Stdio::from(line.try_clone().unwrap());
        let mut command: Command = command.under(["setsid", "--ctty"]).command();
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap();
        Terminal { screen: Screen::default(), keyboard, line, child }
    }

    /// Collects what the terminal shows, in a thread that ends with the terminal.
    pub fn show(&self) {
        let mut master = self.keyboard.try_clone().unwrap();
        let ours = Arc::downgrade(&self.screen);
        thread::spawn(move || {
            let mut chunk = [0; 65536];
            while let (Ok(count @ 1..), Some(screen)) = (master.read(&mut chunk), ours.upgrade()) {
                screen.0.lock().unwrap().extend_from_slice(&chunk[..count]);
                screen.1.notify_all();
            }
        });
    }

    /// The pid of the session's leader.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types keys; `"\x03"` is Ctrl-C, `"\r"` is Enter.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Changes the window's size.
    pub fn resize(&self, rows: u16, columns: u16) {
        set_size(&self.keyboard, rows, columns);
    }

    /// The terminal's attributes, in the form of `stty -g`.
    pub fn attributes(&self) -> String {
        let line = Stdio::from(self.line.try_clone().unwrap());
        let output = Command::new("stty").arg("-g").stdin(line).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// All that was shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.0.lock().unwrap()).into_owned()
    }

    /// Waits until the screen has shown `text`.
    pub fn expect(&self, text: &str) -> &Self {
        self.expect_that(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Types keys and waits for what is to come on the screen behind what was there, row by row.
    pub fn converse(&mut self, rows: &[(&str, &str)]) {
        let mut seen = self.screen().len();
        for &(keys, expected) in rows {
            self.keys(keys);
            self.expect_that(expected, |screen| {
                screen.get(seen..).is_some_and(|new| new.contains(expected))
            });
            seen = self.screen().len();
        }
    }

    /// Waits until the screen passes a check; `what` says which, for the failure's message.
    pub fn expect_that(&self, what: &str, check: impl Fn(&str) -> bool) -> &Self {
        let end = Instant::now() + LIMIT;
        let mut screen = self.screen.0.lock().unwrap();
        while !check(&String::from_utf8_lossy(&screen)) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let tail = String::from_utf8_lossy(&screen[screen.len().saturating_sub(2000)..])
                    .into_owned();
                // Released first, or the thread that watches would fail as well.
                drop(screen);
                panic!("no {what} on the screen: {tail:?}");
            }
            screen = self.screen.1.wait_timeout(screen, left).unwrap().0;
        }
        drop(screen);
        self
    }

    /// Waits for the session leader's end.
    pub fn finish(&mut self) -> ExitStatus {
        let mut status = None;
        let ended = await_true(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(ended, "hangs, the screen shows {:?}", self.screen());
        status.unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            for pid in descendants(self.child.id()) {
                super::kill(pid, 9);
            }
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn set_size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}
