//! What a supervisor says about its work, in the words of its name.

use rustix::fd::BorrowedFd;

use crate::input::signal_names;
use crate::input::supervision::{Id, Style, Supervision};
use crate::report;
use crate::sys::process::{Status, own_pid};
use crate::sys::standard;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};

/// Declares the notes and their lines under the names of tini, dumb-init and catatonit in one place.
macro_rules! notes {
    ($($(#[$doc:meta])* $note:ident $tini:literal $dumb_init:literal $catatonit:literal,)*) => {
        /// What can be said, warnings and what is fatal at the end. A style that has no line for it keeps silent.
        #[derive(Clone, Copy)]
        #[repr(u8)]
        pub enum Note { $($(#[$doc])* $note,)* }

        /// First the verbosity that it takes, then the stream, 1 or 2. `@` is our pid, `#` the next number, `%` the
        /// name of the signal of that number, `!` errno's message, `^` a letter, `$` a name, `|` the end of a line.
        const LINES: Packed =
            packed!(concat!($($tini, "\n", $dumb_init, "\n", $catatonit, "\n",)*));
    };
}

notes! {
    /// Everything is said.
    Debugging
        ""
        "32[dumb-init] Running in debug mode."
        "",
    /// The program's pid and name.
    Spawned
        "21[INFO  tini (@)] Spawned child process '$' with pid '#'"
        "22[dumb-init] Child spawned with PID #."
        "22DEBUG (catatonit:@): pid1 (#) spawned: $",
    /// The program leads a session.
    SessionMade
        ""
        "22[dumb-init] setsid complete."
        "",
    /// SIGCHLD.
    ChildChanged
        "31[DEBUG tini (@)] Received SIGCHLD"
        "22[dumb-init] Received signal #."
        "",
    /// Another signal.
    Received
        ""
        "22[dumb-init] Received signal #."
        "",
    /// A signal is about the terminal that we gave up.
    HandOff
        ""
        "22[dumb-init] Ignoring tty hand-off signal #."
        "",
    /// One signal stands for another.
    Translated
        ""
        "22[dumb-init] Translating signal # to #."
        "",
    /// A signal has been sent on.
    Forwarded
        "31[DEBUG tini (@)] Passing signal: 'SIG%'"
        "22[dumb-init] Forwarded signal # to children."
        "",
    /// A child's pid and exit status.
    Exited
        "31[DEBUG tini (@)] Reaped child with pid: '#'"
        "22[dumb-init] A child with PID # exited with exit status #."
        "22DEBUG (catatonit:@): child process # exited with code #",
    /// A child's pid and the signal that killed it.
    Killed
        "31[DEBUG tini (@)] Reaped child with pid: '#'"
        "22[dumb-init] A child with PID # was terminated by signal #."
        "22DEBUG (catatonit:@): child process # exited by signal #",
    /// The program has exited with this status.
    ProgramExited
        "21[INFO  tini (@)] Main child exited normally (with status '#')"
        ""
        "",
    /// This signal has killed the program.
    ProgramKilled
        "21[INFO  tini (@)] Main child exited with signal (with signal 'SIG%')"
        ""
        "",
    /// We end with this status.
    End
        ""
        "22[dumb-init] Child exited with status #. Goodbye."
        "",
    /// We are neither PID 1 nor a subreaper.
    NoReaper
        "12[WARN  tini (@)] Without -s (TINI_SUBREAPER) zombie reaping won't work."
        ""
        "",
    /// An orphan's pid; said where that was asked for.
    Orphan
        "12[WARN  tini (@)] Reaped zombie process with pid=#"
        ""
        "",
    /// The program cannot be executed: its name and the errno.
    CannotExecute
        "02[FATAL tini (@)] exec $ failed: !"
        "02[dumb-init] $: !"
        "02ERROR (catatonit:@): failed to exec pid1: !",
    /// An option's letter and its value.
    BadValue
        "02[FATAL tini (@)] Not a valid option for -^: $"
        "02Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.|This option can be specified multiple times.|Use --help for full usage."
        "",
    /// No program is named.
    NoProgram
        ""
        "02Usage: dumb-init [option] program [args]|Try dumb-init --help for full usage."
        "02ERROR (catatonit:@): missing program name",
    /// An unknown short option.
    UnknownLetter
        "02tini: invalid option -- '^'"
        "02dumb-init: invalid option -- '^'"
        "02catatonit: invalid option -- '^'",
    /// An unknown long option.
    UnknownWord
        "02tini: invalid option -- '-'"
        "02dumb-init: unrecognized option '$'"
        "02catatonit: unrecognized option '$'",
    /// A short option's value is missing.
    NoLetterValue
        "02tini: option requires an argument -- '^'"
        "02dumb-init: option requires an argument -- '^'"
        "",
    /// A long option's value is missing.
    NoWordValue
        ""
        "02dumb-init: option '$' requires an argument"
        "",
    /// A long option has a value.
    UnwantedValue
        "02tini: invalid option -- '-'"
        "02dumb-init: option '$' doesn't allow an argument"
        "02catatonit: option '$' doesn't allow an argument",
    /// The version that each names.
    Version
        "01tini version 0.19.0"
        "02dumb-init v1.2.5"
        "01tini version 0.1.7_catatonit",
    /// The same, as docker reads it.
    DockerVersion
        "01tini version 0.19.0 - git.rootlet"
        ""
        "",
    /// The licence.
    Licence
        "01rootlet: MIT OR Apache-2.0"
        ""
        "01rootlet: MIT OR Apache-2.0",
    /// A variable may not be set.
    Reserved
        ""
        ""
        "02ERROR (catatonit:@): CATATONIT_LOG is reserved for future use",
}

/// Who speaks, and about how much.
#[derive(Clone, Copy)]
pub struct Journal {
    /// In whose words.
    pub style: Style,
    verbosity: u8,
    warns_of_reaping: bool,
}

impl Journal {
    /// Our own name: what a supervisor does is not told.
    pub const SILENT: Self = Self { style: Style::Rootlet, verbosity: 0, warns_of_reaping: false };

    /// As the options ask.
    #[must_use]
    pub const fn of(options: &Supervision<'_>) -> Self {
        let Supervision { style, verbosity, .. } = *options;
        Self { style, verbosity, warns_of_reaping: options.asks(Id::Warn) }
    }

    /// Says a note with numbers in it.
    pub fn note(self, note: Note, numbers: [i32; 2]) {
        self.note_name(note, numbers, b"");
    }

    /// Says a note with numbers and a name in it.
    pub fn note_name(self, note: Note, numbers: [i32; 2], name: &[u8]) {
        let Some(column) = (self.style as usize).checked_sub(1) else { return };
        // Looked at first: what is told of each signal and child must cost nothing where it is not.
        if self.verbosity < 2 && (note as u8) < (Note::NoReaper as u8) {
            return;
        }
        let mut template = Line::new();
        let template = LINES.line(note as usize * 3 + column).unpack(&mut template);
        let [level, stream, text @ ..] = template else { return };
        if self.verbosity + b'0' < *level {
            return;
        }
        let mut line = Line::new();
        let mut numbers = numbers.into_iter();
        for byte in text {
            // Each place takes a number of its own, but for those that take none.
            let mut next = || numbers.next().unwrap_or(0);
            match byte {
                b'@' => line.number(own_pid().unsigned_abs().into()),
                b'#' => line.number(next().unsigned_abs().into()),
                b'%' => line.raw(signal_names::name(next() as u8)),
                b'!' => {
                    Errno(next()).message(&mut line);
                    &mut line
                }
                b'^' => line.raw(&[next() as u8]),
                b'|' => line.newline(),
                b'$' => line.operand(name),
                _ => line.raw(&[*byte]),
            };
        }
        report::write_line(stream_of(*stream), &mut line);
    }

    /// A child is gone.
    pub fn note_end(self, pid: i32, status: Status, is_program: bool) {
        let (own, of_program) = match status.signal() {
            0 => (Note::Exited, Note::ProgramExited),
            _ => (Note::Killed, Note::ProgramKilled),
        };
        let number = match status.signal() {
            0 => status.exit_status(),
            signal => signal,
        };
        self.note(own, [pid, number]);
        if is_program {
            self.note(of_program, [number, 0]);
        } else if self.warns_of_reaping {
            self.note(Note::Orphan, [pid, 0]);
        }
    }
}

fn stream_of(digit: u8) -> BorrowedFd<'static> {
    if digit == b'1' { standard::output() } else { standard::error() }
}
