//! What the kernel command line asks of a boot: root, init, `rootlet.*`.
//!
//! Source: kernel-parameters.txt, bootparam(7).

use super::kernel_command_line::{Parameter, parameters};
use super::signal_names::parse_time_ms;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of};

/// How a machine ends. Source: reboot(2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum End {
    /// Switched off.
    PowerOff,
    /// Started anew.
    Reboot,
    /// Stopped, with the power on.
    Halt,
    /// Into the kernel that was loaded for that. kexec_file_load(2).
    Kexec,
}

impl End {
    /// The end of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match line_of(b"poweroff\nreboot\nhalt\nkexec", name)? {
            0 => Self::PowerOff,
            1 => Self::Reboot,
            2 => Self::Halt,
            _ => Self::Kexec,
        })
    }
}

/// What happens when there is nothing left to boot.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Rescue {
    /// A shell on the console.
    Shell,
    /// The machine ends, that many milliseconds later.
    End(End, u32),
}

/// How long the root device is waited for where nothing is said: USB disks take seconds.
const ROOT_WAIT_MS: u32 = 30_000;
/// Between TERM and KILL at shutdown.
pub const GRACE_MS: u32 = 5000;
/// How long one shutdown entry may take.
const SHUTDOWN_LIMIT_MS: u32 = 30_000;

/// What was asked for. Of a parameter that stands there several times the last one counts, as for the kernel;
/// `rootlet.module` counts each time and is read from the line itself.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct BootParameters<'a> {
    /// Values as they stand there.
    texts: [Option<&'a [u8]>; 5],
    /// `rw`, not `ro`. Nothing said: read-only, as for the kernel.
    pub root_writable: bool,
    /// How long to wait for the root device: `rootwait` for ever, `rootwait=` and `rootdelay=` seconds.
    pub root_wait_ms: u32,
    /// `rootlet.overlay`: a memory filesystem over the root takes all writes; the value is its size, `50%`, `64m`.
    pub overlay: Option<&'a [u8]>,
    /// `single`, `s`, `S`, `1`, `rescue`: a shell instead of services.
    pub single: bool,
    /// `rootlet.emergency`, `emergency`: a shell before anything is started or mounted.
    pub emergency: bool,
    /// `rootlet.panic=shell`, `reboot:10`, `poweroff`, …
    pub rescue: Rescue,
    /// `rootlet.end=`: how the machine ends, whatever is asked for: some machines can end in one way only.
    pub end: Option<End>,
    /// `rootlet.grace=`: milliseconds between TERM and KILL at shutdown.
    pub grace_ms: u32,
    /// `rootlet.shutdown_limit=`: milliseconds that one shutdown entry may take.
    pub shutdown_limit_ms: u32,
    /// `fsck.mode=`: skip, force; nothing: as the filesystem says. `fastboot`, `forcefsck` are older words.
    pub check: Check,
    /// The first parameter that begins with `rootlet.` and is not known, or has a value that it cannot have.
    pub unknown: Option<&'a [u8]>,
}

/// A parameter whose value is taken as it is.
#[derive(Clone, Copy)]
pub enum Text {
    /// `root=`: device, `UUID=…`, tag, …
    Root,
    /// `rootfstype=`: names with commas between.
    RootType,
    /// `rootflags=`: mount options.
    RootFlags,
    /// `init=`: the program of the real root.
    Init,
    /// `rootlet.run=`: one command instead of everything.
    Run,
}

/// Whether filesystems are checked. fsck(8).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Check {
    /// As the filesystem says.
    Auto,
    /// Never.
    Skip,
    /// Always.
    Force,
}

impl BootParameters<'_> {
    /// Nothing is asked for.
    pub const NONE: Self = Self {
        texts: [None; 5],
        root_writable: false,
        root_wait_ms: ROOT_WAIT_MS,
        overlay: None,
        single: false,
        emergency: false,
        rescue: Rescue::Shell,
        end: None,
        grace_ms: GRACE_MS,
        shutdown_limit_ms: SHUTDOWN_LIMIT_MS,
        check: Check::Auto,
        unknown: None,
    };
}

/// The parameters in the order of `Text`, then of `BootParameters::take`.
const NAMES: &[u8] = b"root\nrootfstype\nrootflags\ninit\nrootlet.run\nrootlet.overlay\nro\nrw\n\
    rootwait\nrootdelay\nsingle\ns\nS\n1\nrescue\nemergency\nrootlet.emergency\nfastboot\nforcefsck\n\
    fsck.mode\nrootlet.end\nrootlet.grace\nrootlet.shutdown_limit\nrootlet.panic\nrootlet.module";

/// A wait without an end, in milliseconds. The value is that of `sys::signal::FOR_EVER`.
const FOR_EVER: u32 = u32::MAX;

impl<'a> BootParameters<'a> {
    /// The value of a parameter.
    #[must_use]
    pub fn text(&self, text: Text) -> Option<&'a [u8]> {
        *self.texts.get(text as usize)?
    }

    /// Reads a kernel command line. An unknown parameter is somebody else's, unless it begins with `rootlet.`.
    // Out of line, so that the caller does not keep its part of the stack.
    #[must_use]
    #[inline(never)]
    pub fn read(command_line: &'a [u8]) -> Self {
        let mut found = Self::NONE;
        for parameter in parameters(command_line) {
            let understood = found.take(parameter);
            if understood.is_none() && found.unknown.is_none() {
                found.unknown = Some(parameter.name);
            }
        }
        found
    }

    /// Takes one parameter; `None` when it should be ours and is not understood.
    fn take(&mut self, Parameter { name, value }: Parameter<'a>) -> Option<()> {
        let text = value.unwrap_or_default();
        let number = line_of(NAMES, name);
        if let Some(place) = number.and_then(|number| self.texts.get_mut(number)) {
            *place = value;
            return Some(());
        }
        match number {
            Some(5) => self.overlay = Some(text),
            Some(6) => self.root_writable = false,
            Some(7) => self.root_writable = true,
            Some(8 | 9) => self.root_wait_ms = wait_ms(value),
            Some(10..=14) => self.single = true,
            Some(15 | 16) => self.emergency = true,
            Some(17) => self.check = Check::Skip,
            Some(18) => self.check = Check::Force,
            Some(19) => {
                self.check = match text.first() {
                    Some(b's') => Check::Skip,
                    Some(b'f') => Check::Force,
                    _ => Check::Auto,
                }
            }
            Some(20) => self.end = Some(End::named(text)?),
            Some(21) => self.grace_ms = parse_time_ms(text)?,
            Some(22) => self.shutdown_limit_ms = parse_time_ms(text)?,
            Some(23) => self.rescue = parse_rescue(text)?,
            Some(_) => {}
            None => return (!name.starts_with(b"rootlet.")).then_some(()),
        }
        Some(())
    }
}

/// Seconds as milliseconds; for ever where there is no number, as of `rootwait` alone, or too large a one.
fn wait_ms(value: Option<&[u8]>) -> u32 {
    let seconds = value.and_then(parse_u64).map(|seconds| seconds.saturating_mul(1000));
    seconds.and_then(|wait_ms| u32::try_from(wait_ms).ok()).unwrap_or(FOR_EVER)
}

/// `shell`, `END` or `END:TIME`.
#[inline(never)]
fn parse_rescue(text: &[u8]) -> Option<Rescue> {
    if text == b"shell" {
        return Some(Rescue::Shell);
    }
    let (end, time) = halves(text, b':');
    let wait_ms = if time.is_empty() { 0 } else { parse_time_ms(time)? };
    Some(Rescue::End(End::named(end)?, wait_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_data() {
        let line = b"quiet root=UUID=ab rootfstype=ext4,xfs rootflags=noatime rw rootwait console=tty0 \
            console=ttyS0,115200 init=/sbin/init rootlet.overlay rootlet.end=reboot rootlet.grace=2s \
            rootlet.panic=reboot:10 rootlet.run=\"a b\" rootlet.module=x fsck.mode=force single\n";
        let expected = BootParameters {
            texts: [
                Some(b"UUID=ab"),
                Some(b"ext4,xfs"),
                Some(b"noatime"),
                Some(b"/sbin/init"),
                Some(b"a b"),
            ],
            root_writable: true,
            root_wait_ms: FOR_EVER,
            overlay: Some(b""),
            single: true,
            rescue: Rescue::End(End::Reboot, 10_000),
            end: Some(End::Reboot),
            grace_ms: 2000,
            check: Check::Force,
            ..BootParameters::NONE
        };
        assert_eq!(BootParameters::read(line).text(Text::Run), Some(b"a b".as_slice()));
        assert_eq!(BootParameters::read(line), expected);
        assert_eq!(BootParameters::read(b""), BootParameters::NONE);
        let read = BootParameters::read(b"rw ro rootdelay=3 emergency rootlet.panic=halt");
        assert!(!read.root_writable && read.emergency);
        assert_eq!((read.root_wait_ms, read.rescue), (3000, Rescue::End(End::Halt, 0)));
    }

    #[test]
    fn what_should_be_ours_and_is_not_is_named() {
        for (line, unknown) in [
            ("rootlet.runs=x foo.bar=1", Some("rootlet.runs")),
            ("rootlet.end=never", Some("rootlet.end")),
            ("rootlet.panic=reboot:x", Some("rootlet.panic")),
            ("rootlet.grace", Some("rootlet.grace")),
            ("foo.bar=1 -- baz", None),
        ] {
            let read = BootParameters::read(line.as_bytes());
            assert_eq!(read.unknown, unknown.map(str::as_bytes), "{line}");
        }
    }
}
