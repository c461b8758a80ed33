//! What PID 1 does to a machine: first mounts, console, power.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno as KernelErrno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};

use crate::plan::boot::BootMount;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::process::duplicate_to;
use crate::text::call::{Call, CallError};

/// Mounts one filesystem, making its directory. That it is there already is no failure.
///
/// # Errors
/// The call that failed.
pub fn mount_at_boot(row: &BootMount) -> Result<(), CallError> {
    match mkdirat(CWD, row.target, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(KernelErrno::EXIST) => {}
        Err(errno) => return Err(Call::Mkdirat.failed()(errno)),
    }
    let flags = MountFlags::from_bits_retain(row.attributes.0.into());
    match mount(row.filesystem, row.target, row.filesystem, flags, Some(row.options)) {
        Ok(()) | Err(KernelErrno::BUSY) => Ok(()),
        Err(errno) => Err(Call::Mount.failed()(errno)),
    }
}

/// Opens the console as standard descriptors, if the kernel could not: an initramfs may have no /dev/console.
pub fn open_console() {
    let Ok(console) = open(CWD, c"/dev/console", OpenFlags::TERMINAL) else {
        return;
    };
    for number in 0..3 {
        let _ = duplicate_to(console.as_fd(), number, false);
    }
}

/// Whether this is PID 1 of a machine: in a container Ctrl-Alt-Del is not ours to set.
/// From here on it is SIGINT to PID 1 instead of a reset.
#[must_use]
pub fn is_machine() -> bool {
    reboot(RebootCommand::CadOff).is_ok()
}

/// Writes everything to disk and switches the machine off.
///
/// # Errors
/// EPERM, EINVAL; the machine is still on then.
pub fn power_off() -> Result<(), CallError> {
    rustix::fs::sync();
    reboot(RebootCommand::PowerOff).map_err(Call::Reboot.failed())
}

/// Reads the kernel command line.
///
/// # Errors
/// The call that failed.
pub fn read_command_line(buffer: &mut [u8]) -> Result<usize, CallError> {
    const PATH: &CStr = c"/proc/cmdline";
    let file = open(CWD, PATH, OpenFlags::READ).map_err(Call::Openat.failed())?;
    rustix::io::read(&file, buffer).map_err(Call::Read.failed())
}
