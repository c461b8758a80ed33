//! The caller's terminal and the container's, connected.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno as KernelErrno, read, write};

use crate::sys::descriptor::Descriptor;
use crate::sys::poll::{self, Entry};
use crate::sys::signal::Arrived;
use crate::sys::signal_file;
use crate::sys::standard;
use crate::sys::terminal::{self, Attributes};
use crate::text::call::{Call, CallError};

/// Bytes that may be under way in one direction.
const BUFFER_BYTES: usize = 4096;

/// Bytes read and not yet written.
struct Channel {
    buffer: [u8; BUFFER_BYTES],
    start: usize,
    end: usize,
    /// The reading end is still there.
    open: bool,
}

impl Channel {
    const fn new() -> Self {
        Self { buffer: [0; BUFFER_BYTES], start: 0, end: 0, open: true }
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads once. The end of a file, and EIO of a terminal whose other side is gone, close the channel.
    fn fill(&mut self, from: BorrowedFd<'_>) {
        match read(from, &mut self.buffer) {
            Ok(0) => self.open = false,
            Ok(length) => (self.start, self.end) = (0, length),
            Err(KernelErrno::AGAIN | KernelErrno::INTR) => {}
            Err(_) => self.open = false,
        }
    }

    /// Puts one byte into an empty channel.
    fn put(&mut self, byte: u8) {
        if let Some(place) = self.buffer.first_mut() {
            *place = byte;
            (self.start, self.end) = (0, 1);
        }
    }

    /// Writes what is there, once. What nobody takes any more is dropped.
    fn flush(&mut self, to: BorrowedFd<'_>) {
        match write(to, self.buffer.get(self.start..self.end).unwrap_or(&[])) {
            Ok(length) => self.start += length,
            Err(KernelErrno::AGAIN | KernelErrno::INTR) => {}
            Err(_) => self.start = self.end,
        }
    }
}

/// Relays between standard input and output and the master of the container's terminal.
pub struct Relay {
    master: Descriptor,
    signals: Descriptor,
    /// The caller's attributes, where standard input is a terminal.
    saved: Option<Attributes>,
    typed: Channel,
    shown: Channel,
}

impl Relay {
    /// Starts relaying; the caller's terminal is in raw mode from here on.
    ///
    /// # Errors
    /// `signalfd4`.
    pub fn new(master: Descriptor) -> Result<Self, CallError> {
        let signals = signal_file::open().map_err(Call::Signalfd.failed())?;
        let saved = terminal::attributes(standard::input()).ok();
        let mut relay =
            Self { master, signals, saved, typed: Channel::new(), shown: Channel::new() };
        relay.set_raw(true);
        relay.resize();
        Ok(relay)
    }

    /// Puts the caller's terminal into raw mode, or gives it its own attributes back.
    pub fn set_raw(&mut self, raw: bool) {
        if let Some(saved) = self.saved {
            let wanted = if raw { saved.raw() } else { saved };
            let _ = terminal::set_attributes(standard::input(), &wanted);
        }
    }

    /// Waits until something can be moved or a signal is there, and moves it; true for a signal.
    fn step(&mut self) -> bool {
        let (stdin, stdout) = (standard::input(), standard::output());
        let reads_typed = self.typed.open && self.typed.is_empty();
        let reads_shown = self.shown.open && self.shown.is_empty();
        let wanted = |condition: bool, event: i16| if condition { event } else { 0 };
        let mut entries = [
            Entry::new(&self.signals, poll::IN),
            Entry::new(stdin, wanted(reads_typed, poll::IN)),
            Entry::new(&self.master, wanted(reads_shown, poll::IN)),
            Entry::new(&self.master, wanted(!self.typed.is_empty(), poll::OUT)),
            Entry::new(stdout, wanted(!self.shown.is_empty(), poll::OUT)),
        ];
        poll::wait(&mut entries, true);
        let [signal, typed_in, shown_in, typed_out, shown_out] = entries.map(Entry::is_ready);
        if typed_in {
            self.read_typed();
        }
        if shown_in {
            self.shown.fill(self.master.as_fd());
        }
        if typed_out {
            self.typed.flush(self.master.as_fd());
        }
        if shown_out {
            self.shown.flush(stdout);
        }
        signal
    }

    /// Reads input. Its end becomes the end-of-file character, as a person would type it.
    fn read_typed(&mut self) {
        const END_OF_FILE: u8 = 4;
        self.typed.fill(standard::input());
        if !self.typed.open {
            self.typed.put(END_OF_FILE);
        }
    }

    /// Shows the last output, then gives the terminal back. A reader who takes nothing can be left by a signal.
    pub fn finish(mut self) {
        self.typed = Channel { open: false, ..Channel::new() };
        loop {
            let mut more = [Entry::new(&self.master, if self.shown.open { poll::IN } else { 0 })];
            poll::wait(&mut more, false);
            let [more] = more.map(Entry::is_ready);
            if self.shown.is_empty() && !more {
                break;
            }
            if self.step() && self.take_signal().is_some_and(ends_us) {
                break;
            }
        }
        self.set_raw(false);
    }

    /// Relays until a signal is there.
    pub fn next_signal(&mut self) -> Arrived {
        loop {
            if self.step()
                && let Some(arrived) = self.take_signal()
            {
                return arrived;
            }
        }
    }

    /// Gives the container's terminal the size of ours.
    pub fn resize(&mut self) {
        if let Ok(size) = terminal::window(standard::input()) {
            let _ = terminal::set_window(&self.master, size);
        }
    }

    fn take_signal(&self) -> Option<Arrived> {
        signal_file::take(&self.signals)
    }
}

/// HUP, INT, QUIT and TERM end a process that does nothing about them.
const fn ends_us(arrived: Arrived) -> bool {
    matches!(arrived.signal.0, 1 | 2 | 3 | 15)
}
