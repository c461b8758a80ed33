//! Host built-ins of the shell, for systems without these programs.
//!
//! Each is performed in a process of its own, in the place of the program that is missing: it may use memory and
//! descriptors as it likes, and signals end it.

use core::ffi::CStr;

use self::output::Output;
use super::boot::switch::switch_root;
use super::power::power;
use crate::input::applet_options::CommandLine;
use crate::input::arguments::Manual;
use crate::input::boot_parameters::End;
use crate::input::refusal::Reason;
use crate::report;
use crate::run::shell_host::Builtins;
use crate::sys::vectors::Strings;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;
use crate::text::parts::parts;

mod files;
mod listing;
mod mounts;
mod names;
mod network;
mod output;
mod system;

/// What the shell's host is given to perform.
pub const BUILTINS: Builtins = Builtins { names: NAMES, perform };

/// Those of `TABLE`, then those that are programs of ours too.
const NAMES: &[u8] =
    b"ls cat mkdir rm ln mount umount mknod ps dmesg modprobe ip sleep sync switch_root poweroff reboot halt";

/// In the order of `NAMES`.
static TABLE: [fn(&mut Task<'_>); 14] = [
    listing::ls,
    files::cat,
    files::mkdir,
    files::rm,
    files::ln,
    mounts::mount,
    mounts::umount,
    files::mknod,
    system::ps,
    system::dmesg,
    system::modprobe,
    network::ip,
    system::sleep,
    system::sync,
];

/// Performs the one that the first word names; gives its exit status.
fn perform(mut words: Strings<'_>, environment: Strings<'_>) -> i32 {
    let name = words.next().unwrap_or_default();
    let place = parts(NAMES, b' ').position(|known| known == name.to_bytes()).unwrap_or(0);
    if let Some(act) = TABLE.get(place) {
        let mut task = Task::new(name, words);
        act(&mut task);
        return task.end();
    }
    match place - TABLE.len() {
        0 => switch_root(environment, words),
        1 => power(End::PowerOff, words),
        2 => power(End::Reboot, words),
        _ => power(End::Halt, words),
    }
}

/// No options at all, until those of the command are read.
const NO_MANUAL: Manual = Manual(packed!(""));

/// One command that is being performed.
struct Task<'a> {
    name: &'a CStr,
    /// Behind the name.
    words: Strings<'a>,
    line: CommandLine<'a, Strings<'a>>,
    /// How many operands there are.
    count: usize,
    /// The last of them.
    last: &'a CStr,
    /// The exit status of this command where something fails.
    failure: i32,
    /// The exit status so far.
    status: i32,
    /// What goes to standard output.
    output: Output,
}

impl<'a> Task<'a> {
    const fn new(name: &'a CStr, words: Strings<'a>) -> Self {
        let line = CommandLine::new(NO_MANUAL, words);
        let output = Output::new();
        Self { name, words, line, count: 0, last: c"", failure: 1, status: 0, output }
    }

    /// Reads the options; false where there is no more to do, since they are wrong or only ask for help.
    #[inline(never)]
    fn options(&mut self, manual: Manual, act: &mut dyn FnMut(u8, &'a CStr)) -> bool {
        self.line = CommandLine::new(manual, self.words);
        self.count = 0;
        let mut ahead = self.line.clone();
        let mut wants_help = false;
        let act = &mut |letter, value| match letter {
            // `--help`, which has no letter.
            0 => wants_help = true,
            letter => act(letter, value),
        };
        loop {
            match ahead.step(act) {
                Ok(None) => break,
                Ok(Some(operand)) => {
                    self.count += 1;
                    self.last = operand;
                }
                Err((word, reason)) => {
                    self.refuse(word, reason);
                    return false;
                }
            }
        }
        if wants_help {
            report::help(manual.0);
        }
        !wants_help
    }

    /// The next operand.
    #[inline(never)]
    fn next(&mut self) -> Option<&'a CStr> {
        // The options have been read before, without an error.
        self.line.step(&mut |_, _| ()).ok().flatten()
    }

    /// The next operand, which must be there.
    #[inline(never)]
    fn needed(&mut self) -> Option<&'a CStr> {
        let word = self.next();
        if word.is_none() {
            self.refuse(c"", Reason::FewOperands);
        }
        word
    }

    /// Does something with each operand, of which there must be one.
    #[inline(never)]
    fn each(&mut self, act: &mut dyn FnMut(&mut Self, &'a CStr) -> Result<(), Errno>) {
        let mut next = self.needed();
        while let Some(operand) = next {
            let done = act(self, operand);
            self.check(operand, done);
            next = self.next();
        }
    }

    /// Begins a line that says what is wrong with something.
    #[inline(never)]
    fn begin(&mut self, operand: &CStr) -> Line {
        // What was written before is seen before.
        self.output.flush();
        self.status = self.failure;
        let mut line = Line::new();
        line.raw(self.name.to_bytes()).text(": ");
        if !operand.is_empty() {
            line.operand(operand.to_bytes()).text(": ");
        }
        line
    }

    /// Says what has failed, if it has.
    #[inline(never)]
    fn check(&mut self, operand: &CStr, done: Result<(), Errno>) {
        if let Err(errno) = done {
            let mut line = self.begin(operand);
            errno.message(&mut line);
            report::say(line);
        }
    }

    /// Says why something cannot be done.
    #[inline(never)]
    fn refuse(&mut self, operand: &CStr, reason: Reason) {
        let mut line = self.begin(operand);
        line.packed(reason.words());
        report::say(line);
    }

    /// Ends the output; gives the exit status.
    fn end(mut self) -> i32 {
        self.output.flush();
        let written = self.output.failed.map_or(Ok(()), Err);
        self.check(c"write error", written);
        self.status
    }
}
