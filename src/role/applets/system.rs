//! `ps`, `dmesg`, `modprobe`, `sleep`, `sync`.

use core::ffi::CStr;

use rustix::fs::fstat;

use super::Task;
use super::listing::append_right;
use crate::facts::processes::{Process, for_each_process};
use crate::input::arguments::Manual;
use crate::input::process_status::{Stat, TICKS};
use crate::input::refusal::Reason;
use crate::input::seconds::parse_seconds;
use crate::role::boot::modules::{self, Named};
use crate::sys::clock::monotonic_ns;
use crate::sys::machine::{LogAction, read_log, remove_module, set_console_level};
use crate::sys::memory::Memory;
use crate::sys::poll::wait_at_most;
use crate::text::arena::Arena;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;
use crate::text::parts::parts;

const PS: Manual = Manual(packed!(
    "\
ps
All processes: number, parent, owner, state, kB in memory, minutes and seconds of processor, command.

  -e  accepted, does nothing, as -f, -w and all words
  -f  the same
  -w  the same
      --help  print this help"
));

/// More than is shown of a command.
const COMMAND_BYTES: usize = 512;

pub fn ps(task: &mut Task<'_>) {
    if !task.options(PS, &mut |_, _| ()) {
        return;
    }
    task.output.add(b"  PID  PPID   UID S    RSS   TIME COMMAND\n");
    let told = for_each_process(&mut |process| {
        let mut room = [0; 1280];
        // It may have ended meanwhile.
        if let Some(stat) = process.stat(&mut room) {
            tell(task, process, &stat);
        }
    });
    task.check(c"/proc", told.map_err(|error| error.errno));
}

#[inline(never)]
fn tell(task: &mut Task<'_>, process: &Process, stat: &Stat<'_>) {
    /// kB of a page, on all our machines.
    const PAGE_KB: u64 = 4;
    let mut line = Line::new();
    let owner = fstat(&process.directory).map_or(0, |found| found.st_uid);
    append_right(&mut line, process.pid.unsigned_abs().into(), 5);
    append_right(&mut line, stat.parent.unsigned_abs().into(), 6);
    append_right(&mut line, owner.into(), 6);
    line.text(" ").raw(&[stat.state]);
    append_right(&mut line, stat.resident_pages.saturating_mul(PAGE_KB), 7);
    let time_s = stat.user_ticks.saturating_add(stat.system_ticks) / TICKS;
    append_right(&mut line, time_s / 60, 4);
    line.text(":").hex_digit((time_s % 60 / 10) as u8).hex_digit((time_s % 10) as u8).text(" ");
    let mut command = [0; COMMAND_BYTES];
    let length = process.read(c"cmdline", &mut command).map_or(0, <[u8]>::len);
    let command = command.get_mut(..length).unwrap_or_default();
    command.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
    // A thread of the kernel, or a process that has ended, has no command.
    match command.trim_ascii_end() {
        [] => line.text("[").operand(stat.name).text("]"),
        command => line.operand(command),
    };
    task.output.add(line.newline().bytes());
}

const DMESG: Manual = Manual(packed!(
    "\
dmesg [options]
What the kernel has said.

  -c  and forget it
  -n LEVEL  only what is more urgent than LEVEL (1 to 8) goes to the console
  -r  with the level of each line
      --help  print this help"
));

pub fn dmesg(task: &mut Task<'_>) {
    let (mut action, mut level, mut raw) = (LogAction::Read, c"", false);
    let goes_on = task.options(DMESG, &mut |letter, value| match letter {
        b'c' => action = LogAction::ReadAndClear,
        b'n' => level = value,
        _ => raw = true,
    });
    if !goes_on {
        return;
    }
    let done = if level.is_empty() {
        print_log(task, action, raw)
    } else {
        match level.to_bytes() {
            [digit @ b'1'..=b'8'] => set_console_level(digit - b'0'),
            _ => return task.refuse(level, Reason::NoNumber),
        }
    };
    task.check(c"", done);
}

#[inline(never)]
fn print_log(task: &mut Task<'_>, action: LogAction, raw: bool) -> Result<(), Errno> {
    let size = read_log(LogAction::Size, &mut [])?;
    let mut memory = Memory::new(size)?;
    let length = read_log(action, memory.bytes())?;
    let text = memory.bytes().get(..length).unwrap_or_default();
    for line in parts(text.strip_suffix(b"\n").unwrap_or(text), b'\n') {
        // `<6>`, where a line is not the rest of one before it.
        let shown = match line {
            [b'<', digit, b'>', rest @ ..] if !raw && digit.is_ascii_digit() => rest,
            line => line,
        };
        task.output.add(shown);
        task.output.add(b"\n");
    }
    Ok(())
}

const MODPROBE: Manual = Manual(packed!(
    "\
modprobe [options] MODULE [NAME=VALUE...]
modprobe -a | -r MODULE...
A module by its name or an alias, and before it all that it needs.

  -a  all words are modules
  -q  nothing is said when it fails
  -r  remove modules
      --help  print this help"
));

/// Bytes of a module's name and its parameters.
const PARAMETERS_BYTES: usize = 4096;

pub fn modprobe(task: &mut Task<'_>) {
    let (mut all, mut quiet, mut removes) = (false, false, false);
    let goes_on = task.options(MODPROBE, &mut |letter, _| match letter {
        b'a' => all = true,
        b'q' => quiet = true,
        _ => removes = true,
    });
    if !goes_on {
        return;
    }
    if quiet {
        modules::be_quiet();
    }
    if all || removes {
        return task.each(&mut |task, name| {
            if removes {
                return remove(name);
            }
            load(task, name);
            Ok(())
        });
    }
    // As a line of /etc/modules.
    let mut buffer = [0; PARAMETERS_BYTES];
    let (mut word, mut at) = (task.needed(), 0);
    let line = Arena::new(&mut buffer).collect(&mut || {
        let byte = word?.to_bytes().get(at).copied();
        at += 1;
        if byte.is_none() {
            (word, at) = (task.next(), 0);
        }
        Some(byte.unwrap_or(b' '))
    });
    match line {
        Ok(line) if !line.is_empty() => load(task, line),
        Ok(_) => {}
        Err(_) => task.check(c"", Err(Errno::NAMETOOLONG)),
    }
}

fn load(task: &mut Task<'_>, line: &CStr) {
    match modules::load_named(line.to_bytes()) {
        Named::Loaded => {}
        // Why not has been said.
        Named::Failed => task.status = 1,
        Named::NoModules => task.refuse(c"", Reason::NoModules),
    }
}

/// The kernel's name of a module has underscores alone.
#[inline(never)]
fn remove(name: &CStr) -> Result<(), Errno> {
    let mut buffer = [0; PARAMETERS_BYTES];
    let mut bytes = name.to_bytes().iter();
    let plain = &mut || bytes.next().map(|byte| if *byte == b'-' { b'_' } else { *byte });
    let name = Arena::new(&mut buffer).collect(plain);
    remove_module(name.map_err(|_| Errno::NAMETOOLONG)?)
}

const SLEEP: Manual = Manual(packed!(
    "\
sleep TIME...
Seconds, which may have a fraction, or with s, m, h, d behind them; all together.

      --help  print this help"
));

pub fn sleep(task: &mut Task<'_>) {
    if !task.options(SLEEP, &mut |_, _| ()) {
        return;
    }
    let mut end_ns = monotonic_ns();
    task.each(&mut |task, operand| {
        match parse_seconds(operand.to_bytes()) {
            Some(time_ns) => end_ns = end_ns.saturating_add(time_ns),
            None => task.refuse(operand, Reason::NoSeconds),
        }
        Ok(())
    });
    if task.status != 0 {
        return;
    }
    loop {
        let left_ns = end_ns.saturating_sub(monotonic_ns());
        if left_ns == 0 {
            return;
        }
        // Never for ever, and not a bit too short.
        let left_ms = left_ns.div_ceil(1_000_000).min(u64::from(u32::MAX - 1));
        wait_at_most(&mut [], left_ms as u32);
    }
}

const SYNC: Manual = Manual(packed!(
    "\
sync
Waits until everything is on the disks.

      --help  print this help"
));

pub fn sync(task: &mut Task<'_>) {
    if task.options(SYNC, &mut |_, _| ()) {
        rustix::fs::sync();
    }
}
