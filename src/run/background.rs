//! From the foreground to the background, with nothing of the caller's.
//!
//! The caller's process waits until CMD has been executed. The other one has the caller's standard error until then, for
//! what there may be to say; what comes from inside goes to the log at once.

use core::ffi::CStr;

use rustix::fs::CWD;

use super::link::{fill_standard_descriptors, number_inside};
use super::undo::remove_made;
use crate::plan::step::Kind;
use crate::sys::descriptor::{Descriptor, OpenFlags, create_private, open, pipe};
use crate::sys::process::{
    Pid, Side, Until, close_from, duplicate_as, duplicate_to, fork, own_pid, parent_pid,
    set_death_signal, wait_for,
};
use crate::sys::signal::{Inherited, Signal};
use crate::sys::standard;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

type Outcome = Result<(), CallError>;

/// Which process this is.
pub enum Place {
    /// The caller's: CMD has been executed.
    Started,
    /// The caller's: the other process has ended with this status, and has said why.
    Failed(i32),
    /// The one in the background.
    Behind(Background),
}

/// What the process in the background has to do with its caller.
pub struct Background {
    /// He waits for a byte, or for our end.
    caller: Descriptor,
    /// His process.
    pid: Pid,
    /// The log was not there before.
    has_made_log: bool,
}

/// Makes the process that will run the container, and in the caller's waits for the start. Of the caller's descriptors
/// `preserved` stay open behind the standard ones, for CMD.
///
/// # Errors
/// The call that failed, in either process.
#[inline(never)]
pub fn enter(log: Option<&CStr>, preserved: u8, inherited: Inherited) -> Result<Place, CallError> {
    // What is opened from here on is none of them.
    fill_standard_descriptors()?;
    let (reader, writer) = pipe().map_err(Call::Pipe2.failed())?;
    let caller = Pid(own_pid());
    match fork(Until::Made).map_err(Call::Clone.failed())? {
        Side::Parent(pid) => {
            drop(writer);
            // Whoever does not want to wait any longer ends us as anything else.
            inherited.restore_mask();
            Ok(await_start(&reader, pid))
        }
        Side::Child => {
            // Closed below, with all that the caller has left open.
            reader.leave_open();
            go_behind(log, preserved, writer, caller).map(Place::Behind)
        }
    }
}

fn await_start(reader: &Descriptor, pid: Pid) -> Place {
    loop {
        match rustix::io::read(reader, &mut [0_u8; 1]) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(1..) => return Place::Started,
            _ => return Place::Failed(wait_for(pid).exit_status()),
        }
    }
}

fn go_behind(
    log: Option<&CStr>,
    preserved: u8,
    writer: Descriptor,
    pid: Pid,
) -> Result<Background, CallError> {
    // A caller who ends before the start takes the container with him.
    set_death_signal(Signal::TERM).map_err(Call::Prctl.failed())?;
    rustix::process::setsid().map_err(Call::Setsid.failed())?;
    let number = number_inside(preserved);
    let caller = if writer.number() == number {
        writer
    } else {
        let caller = duplicate_as(writer.as_fd(), number).map_err(Call::Dup3.failed())?;
        writer.leave_open();
        caller
    };
    close_from(number.unsigned_abs() + 1).map_err(Call::CloseRange.failed())?;
    let (output, has_made_log) = open_output(log)?;
    let background = Background { caller, pid, has_made_log };
    match duplicate_to(output.as_fd(), 1, false) {
        Ok(()) => Ok(background),
        Err(errno) => {
            background.forget_log(log);
            Err(Call::Dup3.failed()(errno))
        }
    }
}

/// Opens where the output goes; whether that has been made.
fn open_output(log: Option<&CStr>) -> Result<(Descriptor, bool), CallError> {
    let Some(path) = log else {
        let null = open(CWD, c"/dev/null", OpenFlags::TERMINAL).map_err(Call::Openat.failed())?;
        return Ok((null, false));
    };
    match create_private(CWD, path, OpenFlags::CREATE_OUTPUT) {
        Err(Errno::EXIST) => open(CWD, path, OpenFlags::OUTPUT).map(|log| (log, false)),
        made => made.map(|log| (log, true)),
    }
    .map_err(Call::Openat.failed())
}

impl Background {
    /// The caller's process, which is rootlet too, while it waits.
    #[must_use]
    pub fn caller(&self) -> Option<Pid> {
        (parent_pid() == self.pid.0).then_some(self.pid)
    }

    /// CMD has been executed: lets go of the caller.
    ///
    /// # Errors
    /// write: EPIPE, the caller has not waited.
    #[inline(never)]
    pub fn leave_caller(self) -> Outcome {
        // What there is to say from here on stands in the log.
        join_output(0)?;
        join_output(2)?;
        // It is his end that follows.
        set_death_signal(Signal(0)).map_err(Call::Prctl.failed())?;
        rustix::io::write(&self.caller, b"\n").map_err(Call::Write.failed())?;
        // Paths of its own lead on from where its record says.
        rustix::process::chdir(c"/").map_err(Call::Chdir.failed())
    }

    /// Nothing has been started: removes the log, if it is ours and empty.
    pub fn forget_log(&self, log: Option<&CStr>) {
        if let (true, Some(path)) = (self.has_made_log, log) {
            remove_made(CWD, path, Kind::File);
        }
    }
}

/// Makes a standard descriptor what standard output is.
///
/// # Errors
/// Those of dup3(2).
pub fn join_output(number: i32) -> Outcome {
    duplicate_to(standard::output(), number, false).map_err(Call::Dup3.failed())
}
