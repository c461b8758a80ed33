//! The caller's terminal and the container's, connected.

use rustix::fd::BorrowedFd;
use rustix::fs::CWD;
use rustix::io::{Errno as KernelErrno, read, write};

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::poll::{self, Entry};
use crate::sys::process::own_group;
use crate::sys::standard;
use crate::sys::terminal::{self, Attributes};
use crate::text::call::{Call, CallError};

/// Bytes that may be under way in one direction: what a pipe takes whole.
const BUFFER_BYTES: usize = 4096;

/// Bytes read and not yet written.
pub struct Channel {
    buffer: [u8; BUFFER_BYTES],
    start: usize,
    end: usize,
    /// The reading end is gone.
    closed: bool,
    /// Why some of it could not be written, the first time. That a reader has gone does not count.
    lost: Option<KernelErrno>,
}

/// Both directions, all zero at first.
pub struct Channels {
    /// From the caller to the container.
    pub typed: Channel,
    /// From the container to the caller.
    pub shown: Channel,
}

impl Channels {
    /// Nothing under way.
    #[must_use]
    pub const fn new() -> Self {
        Self { typed: Channel::new(), shown: Channel::new() }
    }
}

impl Default for Channels {
    fn default() -> Self {
        Self::new()
    }
}

impl Channel {
    const fn new() -> Self {
        Self { buffer: [0; BUFFER_BYTES], start: 0, end: 0, closed: false, lost: None }
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Waits for input while there is nothing to write.
    fn reading(&self, from: BorrowedFd<'_>) -> Entry {
        if self.closed || !self.is_empty() { Entry::NONE } else { Entry::new(from, poll::IN) }
    }

    /// Waits for room while there is something to write.
    fn writing(&self, to: BorrowedFd<'_>) -> Entry {
        if self.is_empty() { Entry::NONE } else { Entry::new(to, poll::OUT) }
    }

    /// Reads once. The end of a file, and EIO of a terminal whose other side is gone, close the channel.
    fn fill(&mut self, from: BorrowedFd<'_>) {
        match read(from, &mut self.buffer) {
            Ok(0) => self.closed = true,
            Ok(length) => (self.start, self.end) = (0, length),
            Err(KernelErrno::AGAIN | KernelErrno::INTR) => {}
            Err(_) => self.closed = true,
        }
    }

    /// Puts the end-of-file character into an empty channel, twice: behind an unfinished line the first one only
    /// hands that line out.
    const fn put_end(&mut self) {
        const END_OF_FILE: u8 = 4;
        let [first, second, ..] = &mut self.buffer;
        (*first, *second) = (END_OF_FILE, END_OF_FILE);
        (self.start, self.end) = (0, 2);
    }

    /// Writes what is there, once. What nobody takes any more is dropped.
    fn flush(&mut self, to: BorrowedFd<'_>) {
        match write(to, self.buffer.get(self.start..self.end).unwrap_or(&[])) {
            Ok(length) => self.start += length,
            Err(KernelErrno::AGAIN | KernelErrno::INTR) => {}
            Err(errno) => {
                self.start = self.end;
                if errno != KernelErrno::PIPE {
                    self.lost.get_or_insert(errno);
                }
            }
        }
    }
}

/// Standard input and output on one side, the master of the container's terminal on the other.
pub struct Window {
    master: Descriptor,
    /// The caller's terminal, opened anew: a terminal that is held (Ctrl-S) would block a write for ever, and the
    /// caller's own descriptors cannot be made non-blocking, since others share them.
    output: Option<Descriptor>,
    /// The caller's attributes, where standard input is a terminal.
    saved: Option<Attributes>,
    channels: &'static mut Channels,
}

impl Window {
    /// Starts relaying; the caller's terminal is in raw mode from here on.
    pub fn open(master: Descriptor, channels: &'static mut Channels) -> Self {
        let is_terminal = terminal::window(standard::output()).is_ok();
        let anew = || open(CWD, c"/proc/self/fd/1", OpenFlags::WRITE_WITHOUT_WAITING).ok();
        let output = if is_terminal { anew() } else { None };
        let saved = terminal::attributes(standard::input()).ok();
        let window = Self { master, output, saved, channels };
        window.set_raw(true);
        window.resize();
        window
    }

    /// Puts the caller's terminal into raw mode, or gives it its own attributes back. In the background it is
    /// another's: we stop, as a program does that reads there, until a shell brings us to the front.
    pub fn set_raw(&self, raw: bool) {
        if let Some(saved) = self.saved {
            while raw && in_background() {
                super::wait_loop::stop();
            }
            let wanted = if raw { saved.raw() } else { saved };
            let _ = terminal::set_attributes(standard::input(), &wanted);
        }
    }

    /// Gives the container's terminal the size of ours.
    pub fn resize(&self) {
        if let Ok(size) = terminal::window(standard::input()) {
            let _ = terminal::set_window(self.master.as_fd(), size);
        }
    }

    /// What to wait for: input of either side, room on either side.
    pub fn entries(&self) -> [Entry; 4] {
        let Channels { typed, shown } = &*self.channels;
        [
            typed.reading(standard::input()),
            shown.reading(self.master.as_fd()),
            typed.writing(self.master.as_fd()),
            shown.writing(writer(self.output.as_ref())),
        ]
    }

    /// Moves bytes where `entries` were ready. The end of input becomes the end-of-file character, as a person
    /// would type it.
    pub fn transfer(&mut self, [typed_in, shown_in, typed_out, shown_out]: [bool; 4]) {
        if typed_in {
            self.channels.typed.fill(standard::input());
            if self.channels.typed.closed {
                self.channels.typed.put_end();
            }
        }
        if shown_in {
            self.channels.shown.fill(self.master.as_fd());
        }
        if typed_out {
            self.channels.typed.flush(self.master.as_fd());
        }
        if shown_out {
            self.channels.shown.flush(writer(self.output.as_ref()));
        }
    }

    /// Whether a container that has ended may have output left: until its terminal reports that no process holds it,
    /// which the kernel does behind the last byte. Nothing is typed to it any more.
    pub const fn has_more(&mut self) -> bool {
        self.channels.typed.closed = true;
        self.channels.typed.end = self.channels.typed.start;
        !self.channels.shown.closed || !self.channels.shown.is_empty()
    }

    /// Why not all of the container's output is where the caller wants it.
    pub fn lost_output(&self) -> Option<CallError> {
        self.channels.shown.lost.map(Call::Write.failed())
    }
}

/// The descriptor that output goes to: the terminal opened anew, else standard output.
fn writer(opened: Option<&Descriptor>) -> BorrowedFd<'_> {
    match opened {
        Some(terminal) => terminal.as_fd(),
        None => standard::output(),
    }
}

/// Whether standard input is our controlling terminal and another group is in its foreground.
fn in_background() -> bool {
    terminal::foreground(standard::input()).is_ok_and(|group| group != own_group())
}
