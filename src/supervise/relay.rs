//! What a container's supervisor waits on: signals, the link, a terminal.

use super::wait_loop::Event;
use super::window::{Channels, Window};
use crate::report;
use crate::run::link::{self, Message};
use crate::sys::descriptor::Descriptor;
use crate::sys::poll::{self, Entry};
use crate::sys::signal::Arrived;
use crate::sys::signal_file;
use crate::text::call::{Call, CallError};

/// Everything that can wake the supervisor.
pub struct Relay {
    signals: Descriptor,
    /// Our end of the link, as long as there is another.
    link: Option<Descriptor>,
    /// The container's own terminal.
    window: Option<Window>,
}

impl Relay {
    /// Starts waiting; with a terminal, the caller's is in raw mode from here on.
    ///
    /// # Errors
    /// `signalfd4`.
    pub fn new(
        link: Option<Descriptor>,
        master: Option<Descriptor>,
        channels: &'static mut Channels,
    ) -> Result<Self, CallError> {
        let signals = signal_file::open().map_err(Call::Signalfd.failed())?;
        let window = master.map(|master| Window::open(master, channels));
        Ok(Self { signals, link, window })
    }

    /// Relays until something else happens.
    pub fn next_event(&mut self) -> Event {
        loop {
            if let Some(event) = self.step() {
                return event;
            }
        }
    }

    /// Waits until anything is ready, and deals with it.
    fn step(&mut self) -> Option<Event> {
        let link = self.link.as_ref();
        let link = link.map_or(Entry::NONE, |link| Entry::new(link.as_fd(), poll::IN));
        let [typed_in, shown_in, typed_out, shown_out] =
            self.window.as_ref().map_or([Entry::NONE; 4], Window::entries);
        let mut entries = [
            Entry::new(self.signals.as_fd(), poll::IN),
            link,
            typed_in,
            shown_in,
            typed_out,
            shown_out,
        ];
        poll::wait(&mut entries);
        let link_ended = entries.get(1).is_some_and(|link| link.has_ended());
        let [signal, link, moves @ ..] = entries.map(Entry::is_ready);
        if let Some(window) = &mut self.window {
            window.transfer(moves);
        }
        if link_ended {
            // Closing it would be a call for nothing: we wait for the container's end and then end ourselves.
            if let Some(link) = self.link.take() {
                link.leave_open();
            }
            return Some(Event::ContainerEnds);
        }
        if link && self.hear_of_stop() {
            return Some(Event::ProgramStopped);
        }
        let arrived = if signal { self.take_signal() } else { None };
        arrived.map(Event::Signal)
    }

    /// Takes a message of the container, of which only stops are left by now.
    fn hear_of_stop(&self) -> bool {
        matches!(self.link.as_ref().map(link::receive), Some(Ok(Message::Stopped)))
    }

    fn take_signal(&self) -> Option<Arrived> {
        signal_file::take(self.signals.as_fd())
    }

    /// The terminal, if the container has one of its own.
    pub const fn window(&mut self) -> Option<&mut Window> {
        self.window.as_mut()
    }

    /// Shows the last output, gives the terminal back, and tells of output that was lost: with what status a success
    /// ends. A reader who takes nothing is left by a signal.
    pub fn finish(&mut self) -> i32 {
        while self.window.as_mut().is_some_and(Window::has_more) {
            if let Some(Event::Signal(arrived)) = self.step()
                && ends_us(arrived)
            {
                break;
            }
        }
        let Some(window) = &self.window else { return 0 };
        window.set_raw(false);
        window.lost_output().map_or(0, |error| report::failed_call(error, b"standard output"))
    }
}

/// HUP, INT, QUIT and TERM end a process that does nothing about them.
const fn ends_us(arrived: Arrived) -> bool {
    matches!(arrived.signal.0, 1 | 2 | 3 | 15)
}
