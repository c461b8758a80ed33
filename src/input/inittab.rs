//! `/etc/inittab` in busybox's form: `TTY:IGNORED:ACTION:COMMAND`.

use super::place::Misread;
use super::refusal::Reason;
use crate::text::parts::{Parts, line_of, parts};

/// When an entry is started.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u8)]
pub enum When {
    /// First of all, one after the other.
    Sysinit,
    /// Then, one after the other.
    Wait,
    /// Then, all at once.
    Once,
    /// Then, and again whenever it ends.
    Respawn,
    /// The same, each time when somebody has pressed Enter.
    AskFirst,
    /// When Ctrl-Alt-Del is pressed.
    CtrlAltDel,
    /// Before everything is ended, one after the other.
    Shutdown,
    /// Instead of us, when init is to be restarted.
    Restart,
}

/// In the order of `When`.
const ACTIONS: &[u8] = b"sysinit\nwait\nonce\nrespawn\naskfirst\nctrlaltdel\nshutdown\nrestart";

/// One line.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Entry<'a> {
    /// The terminal below /dev; empty: our own console.
    pub terminal: &'a [u8],
    /// When it is started.
    pub when: When,
    /// What is started.
    pub command: &'a [u8],
}

/// What holds where there is no inittab: busybox's default without what we do ourselves (umount, swapoff).
pub const DEFAULT: &[u8] = b"::sysinit:/etc/init.d/rcS\n::askfirst:-/bin/sh\n\
    tty2::askfirst:-/bin/sh\ntty3::askfirst:-/bin/sh\ntty4::askfirst:-/bin/sh\n\
    ::ctrlaltdel:reboot\n::restart:init\n";

/// A shell on the console and nothing else.
pub const SINGLE: &[u8] = b"::respawn:-/bin/sh\n::ctrlaltdel:reboot\n::restart:init\n";

/// A shell on the console that is waited for.
pub const RESCUE: &[u8] = b"::wait:-/bin/sh\n";

/// Bytes of the longest name of a terminal below /dev. Source: busybox, which has 32 for it with `/dev/` and a NUL.
const TERMINAL_BYTES: usize = 26;

/// The entries of a text, in its order.
pub struct Entries<'a> {
    lines: Parts<'a>,
    number: usize,
}

/// Reads an inittab. `#` begins a comment, wherever it stands.
#[must_use]
pub const fn entries(text: &[u8]) -> Entries<'_> {
    Entries { lines: parts(text, b'\n'), number: 0 }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Misread>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?;
            self.number += 1;
            let text = parts(line, b'#').skip_to(0).trim_ascii_end();
            if !text.is_empty() {
                return Some(entry(self.number - 1, text));
            }
        }
    }
}

fn entry(number: usize, line: &[u8]) -> Result<Entry<'_>, Misread> {
    let misread = |part, reason| Misread::at(number, line, part, reason);
    let mut fields = parts(line, b':');
    let terminal = fields.skip_to(0);
    let terminal = terminal.strip_prefix(b"/dev/").unwrap_or(terminal);
    if terminal.len() > TERMINAL_BYTES || terminal.iter().any(u8::is_ascii_whitespace) {
        return Err(misread(terminal, Reason::NoTerminal));
    }
    // Runlevels are ignored.
    let action = fields.skip_to(1);
    let when = line_of(ACTIONS, action).and_then(When::numbered);
    let Some(rest) = fields.rest() else {
        return Err(misread(b"", Reason::FewFields));
    };
    let when = when.ok_or(misread(action, Reason::NoAction))?;
    let command = rest.trim_ascii_start();
    if command.strip_prefix(b"-").unwrap_or(command).is_empty() {
        return Err(misread(b"", Reason::NoCommand));
    }
    Ok(Entry { terminal, when, command })
}

impl When {
    const fn numbered(number: usize) -> Option<Self> {
        Some(match number {
            0 => Self::Sysinit,
            1 => Self::Wait,
            2 => Self::Once,
            3 => Self::Respawn,
            4 => Self::AskFirst,
            5 => Self::CtrlAltDel,
            6 => Self::Shutdown,
            7 => Self::Restart,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = Result<(&'a str, When, &'a str), (u32, u32, Reason)>;

    fn read(text: &str) -> Vec<Row<'_>> {
        let shown = |entry: Entry<'static>| {
            let text = |bytes| str::from_utf8(bytes).unwrap();
            (text(entry.terminal), entry.when, text(entry.command))
        };
        let text = Box::leak(text.to_string().into_boxed_str());
        let place = |misread: Misread| (misread.line, misread.column, misread.reason);
        entries(text.as_bytes()).map(|entry| entry.map(shown).map_err(place)).collect()
    }

    #[test]
    fn entries_are_busyboxs() {
        for (line, expected) in [
            ("::sysinit:/etc/rcS", ("", When::Sysinit, "/etc/rcS")),
            ("tty2::askfirst:-/bin/sh", ("tty2", When::AskFirst, "-/bin/sh")),
            ("/dev/tty1:2345:respawn:getty 9600 a:b", ("tty1", When::Respawn, "getty 9600 a:b")),
            ("::once: echo a ", ("", When::Once, "echo a")),
            ("::wait:echo a#b", ("", When::Wait, "echo a")),
            ("::ctrlaltdel:reboot # now", ("", When::CtrlAltDel, "reboot")),
            ("vc/1::shutdown:umount -a", ("vc/1", When::Shutdown, "umount -a")),
            ("::restart:/sbin/init", ("", When::Restart, "/sbin/init")),
        ] {
            assert_eq!(read(line), [Ok(expected)], "{line}");
        }
        assert_eq!(read("# a\n\n  # b\n\t\n"), []);
    }

    #[test]
    fn a_bad_line_is_named_and_the_others_hold() {
        let text =
            "::bogus:x\n::once:a\n:::\n::once\n::once:\n::once:-\n a::once:b\n::ONCE:a\n:a:once:b";
        let expected = [
            Err((1, 3, Reason::NoAction)),
            Ok(("", When::Once, "a")),
            Err((3, 3, Reason::NoAction)),
            Err((4, 7, Reason::FewFields)),
            Err((5, 8, Reason::NoCommand)),
            Err((6, 9, Reason::NoCommand)),
            Err((7, 1, Reason::NoTerminal)),
            Err((8, 3, Reason::NoAction)),
            Ok(("", When::Once, "b")),
        ];
        assert_eq!(read(text), expected);
        let long = format!("{}::once:a", "t".repeat(TERMINAL_BYTES + 1));
        assert_eq!(read(&long), [Err((1, 1, Reason::NoTerminal))]);
    }

    #[test]
    fn the_tables_of_our_own_are_well_formed() {
        assert!(entries(DEFAULT).chain(entries(SINGLE)).all(|entry| entry.is_ok()));
        assert_eq!(entries(DEFAULT).count(), 7);
    }
}
