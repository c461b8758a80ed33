//! `rootlet logs`: what a container has written to its log.

use rustix::fs::{SeekFrom, fstat, seek};
use rustix::io::{pread, read};

use crate::input::manage_options::Manage;
use crate::input::refusal::{Cause, Reason};
use crate::run::known::Known;
use crate::sys::descriptor::{Descriptor, write_all};
use crate::sys::inotify;
use crate::sys::poll::{self, Entry};
use crate::sys::standard;
use crate::text::call::Call;
use crate::text::line::Line;

/// Bytes that are read of a log at once.
const BLOCK_BYTES: usize = 4096;

/// Prints the log, or its last lines; goes on until the container has ended, if that is asked for.
///
/// # Errors
/// It has no log, or a call failed.
#[inline(never)]
pub fn print(asked: &Manage, known: &Known<'_>) -> Result<(), Cause> {
    let log = known.open_log().map_err(Cause::Call)?.ok_or(Cause::Reason(Reason::NoLog))?;
    let mut path = Line::new();
    log.append_path(&mut path);
    // Watched before the first look, so that nothing is missed.
    let changes = match asked.follow {
        true => Some(
            inotify::watch(path.as_path())
                .map_err(Call::InotifyAddWatch.failed())
                .map_err(Cause::Call)?,
        ),
        false => None,
    };
    if let Some(lines) = asked.tail {
        move_to(&log, start_of_tail(&log, lines))?;
    }
    loop {
        // Asked before the rest is read, so that the last look has all that was written until the end.
        let has_ended = changes.is_none() || known.has_ended_within(0);
        print_rest(&log)?;
        let Some(changes) = changes.as_ref().filter(|_| !has_ended) else { return Ok(()) };
        if !await_more(changes, known) {
            return Ok(());
        }
        // Where somebody has cut the log, it is read from its start again.
        let size = fstat(&log).map_or(0, |status| status.st_size as u64);
        if seek(&log, SeekFrom::Current(0)).is_ok_and(|place| place > size) {
            move_to(&log, 0)?;
        }
    }
}

fn move_to(log: &Descriptor, offset: u64) -> Result<(), Cause> {
    seek(log, SeekFrom::Start(offset)).map(drop).map_err(Call::Lseek.failed()).map_err(Cause::Call)
}

/// Waits until there is more, or the end; false where nobody reads any more.
#[inline(never)]
fn await_more(changes: &Descriptor, known: &Known<'_>) -> bool {
    let runner = known.runner().map_or(Entry::NONE, |runner| Entry::new(runner.as_fd(), poll::IN));
    let reader = Entry::new(standard::output(), 0);
    let mut entries = [Entry::new(changes.as_fd(), poll::IN), runner, reader];
    poll::wait(&mut entries);
    // That there were changes is enough.
    let _ = read(changes, &mut [0_u8; BLOCK_BYTES]);
    let [.., reader] = entries;
    !reader.is_ready()
}

#[inline(never)]
fn print_rest(log: &Descriptor) -> Result<(), Cause> {
    let mut buffer = [0; BLOCK_BYTES];
    loop {
        let length = read(log, &mut buffer).map_err(Call::Read.failed()).map_err(Cause::Call)?;
        if length == 0 {
            return Ok(());
        }
        let written = write_all(standard::output(), buffer.get(..length).unwrap_or_default());
        written.map_err(Call::Write.failed()).map_err(Cause::Call)?;
    }
}

/// Where the last `lines` lines begin.
#[inline(never)]
fn start_of_tail(log: &Descriptor, mut lines: u64) -> u64 {
    let size = fstat(log).map_or(0, |status| status.st_size as u64);
    let mut end = size;
    if lines == 0 {
        return end;
    }
    let mut buffer = [0; BLOCK_BYTES];
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES as u64);
        let block = buffer.get_mut(..(end - start) as usize).unwrap_or_default();
        // A part that cannot be read has no lines.
        let _ = pread(log, &mut *block, start);
        for (index, byte) in block.iter().enumerate().rev() {
            let next = start + index as u64 + 1;
            // The newline at the very end ends the last line.
            if *byte == b'\n' && next < size {
                lines -= 1;
                if lines == 0 {
                    return next;
                }
            }
        }
        end = start;
    }
    0
}
