//! What PID 1 does to a machine: first mounts, console, names, power.

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat, symlinkat};
use rustix::io::Errno as KernelErrno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};

use super::files::make_directory;
use crate::facts::roots::is_mount_point;
use crate::input::boot_parameters::End;
use crate::plan::boot::{BootMount, DeviceNode};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::process::duplicate_to;
use crate::sys::terminal;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Mounts one filesystem, making its directory. That it is there already is no failure, and nothing is done then.
///
/// # Errors
/// The call that failed.
#[inline(never)]
pub fn mount_at_boot(row: &BootMount) -> Result<(), CallError> {
    make_directory(row.target, 0o755)?;
    if is_mount_point(row.target) {
        return Ok(());
    }
    let flags = MountFlags::from_bits_retain(row.attributes.0.into());
    match mount(row.filesystem, row.target, row.filesystem, flags, Some(row.options)) {
        Ok(()) | Err(KernelErrno::BUSY) => Ok(()),
        Err(errno) => Err(Call::Mount.failed()(errno)),
    }
}

/// Makes a device node, unless something has its name.
///
/// # Errors
/// The call that failed.
pub fn make_node(row: &DeviceNode) -> Result<(), CallError> {
    let device = makedev(row.major.into(), row.minor.into());
    let mode = Mode::from_raw_mode(row.mode.into());
    match mknodat(CWD, row.path, FileType::CharacterDevice, mode, device) {
        Ok(()) | Err(KernelErrno::EXIST) => Ok(()),
        Err(errno) => Err(Call::Mknodat.failed()(errno)),
    }
}

/// Makes a link in /dev, unless something has its name.
pub fn make_link((path, to): &(&CStr, &CStr)) {
    let _ = symlinkat(*to, CWD, *path);
}

/// Opens the console as standard descriptors; an initramfs may have none. Then they are /dev/null, so that no file of a
/// service takes their numbers.
pub fn open_console() {
    let console = open(CWD, c"/dev/console", OpenFlags::KEPT_TERMINAL);
    if let Ok(console) = console.or_else(|_| open(CWD, c"/dev/null", OpenFlags::KEPT_TERMINAL)) {
        make_standard(console);
    }
    terminal::make_sane();
}

/// Makes a terminal the standard descriptors. It may have the number of one that was closed.
pub fn make_standard(terminal: Descriptor) {
    for number in 0..3 {
        let _ = duplicate_to(terminal.as_fd(), number, false);
    }
    if terminal.number() < 3 {
        terminal.leave_open();
    }
}

/// Whether this is PID 1 of a machine: in a container Ctrl-Alt-Del is not ours to set.
/// From here on it is SIGINT to PID 1 instead of a reset.
#[must_use]
pub fn is_machine() -> bool {
    reboot(RebootCommand::CadOff).is_ok()
}

/// Ends the machine. What is not written to disk by now is lost. reboot(2).
///
/// Returns only when the kernel refuses: with EPERM, or with EINVAL where no kernel is loaded for kexec.
pub fn end(end: End) -> CallError {
    let command = match end {
        End::PowerOff => RebootCommand::PowerOff,
        End::Reboot => RebootCommand::Restart,
        End::Halt => RebootCommand::Halt,
        End::Kexec => RebootCommand::Kexec,
    };
    let errno = reboot(command).err().map_or(Errno(0), Errno::from);
    CallError { call: Call::Reboot, errno }
}
