//! The way from an initramfs into a mounted root.

use core::ffi::CStr;

use rustix::fs::CWD;

use crate::facts::roots::{check_new_root, has_init};
use crate::input::arguments::{Arguments, Manual};
use crate::input::refusal::{Cause, Reason};
use crate::report;
use crate::run::machine::make_standard;
use crate::run::program::{Attempt, Program};
use crate::run::removal::remove_below;
use crate::run::switch_root::{KERNELS, move_mount, switch};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::{Side, Until, exit, fork, own_pid};
use crate::sys::signal::Inherited;
use crate::sys::vectors::Strings;
use crate::text::call::Call;
use crate::text::line::Line;
use crate::text::packed::packed;

/// Hands over to an init in the new root, which is mounted at `path`; both have been checked. Its console is a path of the
/// new root; empty: it gets ours. Nothing is removed before the switch; from there on what fails is said and passed over.
/// Returns only when the switch was refused or init could not be executed.
pub fn hand_over(
    inherited: Inherited,
    (new_root, path): (&Descriptor, &CStr),
    init: &Program<'_>,
    console: &CStr,
) {
    for mount in &KERNELS {
        if let Err(error) = move_mount(mount, path) {
            report::failed_at_boot(error, mount.to_bytes());
        }
    }
    match switch(new_root) {
        Err(error) => return report::failed_at_boot(error, path.to_bytes()),
        Ok(None) => {}
        Ok(Some(old)) => remove_apart(&old),
    }
    if !console.is_empty() {
        reopen(console);
    }
    inherited.restore();
    let errno = init.search(Attempt::Execute);
    // Who goes on from here is still PID 1.
    let _ = Inherited::take_over();
    report::cannot_execute(init, errno);
}

/// `switch_root NEW_ROOT INIT [ARG...]`: everything is checked before anything is done. Gives the exit status of the
/// applet, which PID 1 must not end with.
#[inline(never)]
pub fn switch_root(environment: Strings<'_>, words: Strings<'_>) -> i32 {
    let mut arguments = Arguments::new(words, 0);
    let mut console = c"";
    loop {
        match arguments.take(MANUAL) {
            Ok(false) => break,
            Ok(true) => match arguments.found.letter {
                b'c' => console = arguments.found.value,
                b'V' => {
                    report::print(Line::new().text("switch_root of rootlet ").text(VERSION));
                    return 0;
                }
                _ => return report::help(MANUAL.0),
            },
            Err(reason) => return refuse(arguments.found.word, reason),
        }
    }
    let mut operands = arguments.operands();
    let (Some(path), Some(name)) = (operands.next(), operands.clone().next()) else {
        return refuse(c"switch_root", Reason::NoNewRoot);
    };
    if own_pid() != 1 {
        return refuse(c"switch_root", Reason::NotFirst);
    }
    let new_root = match check_new_root(path) {
        Ok(new_root) if has_init(&new_root, name) => new_root,
        Ok(_) => return refuse(name, Reason::NoInit),
        Err(reason) => return refuse(path, reason),
    };
    let program = Program { name, arguments: operands, environment };
    let inherited = Inherited::take_over();
    hand_over(inherited, (&new_root, path), &program, console);
    1
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `switch_root --help` prints, and the table of its options.
const MANUAL: Manual = Manual(packed!(
    "\
switch_root [options] NEW_ROOT INIT [ARG...]
As PID 1 of an initramfs: makes the mount point NEW_ROOT the root, takes /dev, /proc,
/sys and /run along, removes the files of the initramfs and becomes INIT.

  -c DEVICE  the console of INIT, a path in NEW_ROOT
  -h, --help     print this help
  -V, --version  print the version"
));

fn refuse(what: &CStr, reason: Reason) -> i32 {
    let mut line = report::line();
    line.operand(what.to_bytes());
    let _ = report::refused(line, Cause::Reason(reason));
    1
}

/// Makes a terminal the standard descriptors; where it cannot be opened they stay.
fn reopen(console: &CStr) {
    match open(CWD, console, OpenFlags::KEPT_TERMINAL).map_err(Call::Openat.failed()) {
        Ok(terminal) => make_standard(terminal),
        Err(error) => report::failed_at_boot(error, console.to_bytes()),
    }
}

/// The old root's files are memory. Init need not wait until they are removed: a child does that, which init reaps as it
/// reaps any orphan.
fn remove_apart(old: &Descriptor) {
    match fork(Until::Made) {
        Ok(Side::Child) => {
            let _ = remove_below(old);
            exit(0);
        }
        Ok(Side::Parent(_)) => {}
        Err(_) => drop(remove_below(old)),
    }
}
