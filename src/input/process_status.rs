//! What the kernel says of a process: /proc/PID/stat and /proc/PID/status.

use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// A line of /proc/PID/stat. Source: proc_pid_stat(5).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Stat<'a> {
    /// The program's name, at most 15 bytes of any value; of a kernel thread at most 63.
    pub name: &'a [u8],
    /// One letter: R, S, D, Z, T, t, I, X.
    pub state: u8,
    /// Its parent's pid; 0 where that is outside of our pid namespace.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// The number of its controlling terminal's device; 0 for none.
    pub terminal: u32,
    /// Time of processor in user mode, in ticks of `TICKS`.
    pub user_ticks: u64,
    /// The same in the kernel.
    pub system_ticks: u64,
    /// Its threads.
    pub threads: u64,
    /// When it was started, in ticks since the machine was.
    pub start_ticks: u64,
    /// Bytes of its address space.
    pub virtual_bytes: u64,
    /// Pages of it in memory.
    pub resident_pages: u64,
}

/// Ticks in a second: the kernel's `USER_HZ`, the same on all our machines.
pub const TICKS: u64 = 100;

impl<'a> Stat<'a> {
    /// Reads the line; nothing for half a line, and for a process that is just being reaped: its group is -1 then. The name
    /// may hold anything, parentheses and newlines too; nothing but a letter and numbers follows it.
    #[must_use]
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let name = line.get(open + 1..close)?;
        let mut fields = parts(line.get(close + 2..)?.trim_ascii_end(), b' ');
        let (state, _) = fields.next()?.split_first()?;
        // How many fields are passed over before each of those that are kept.
        const SKIPPED: &[u8; 10] = &[0, 0, 0, 0, 6, 0, 4, 1, 0, 0];
        let mut numbers = [0; SKIPPED.len()];
        for (number, skipped) in numbers.iter_mut().zip(SKIPPED) {
            *number = parse_u64(fields.skip_to(usize::from(*skipped)))?;
        }
        let [parent, group, session, terminal, user_ticks, system_ticks, rest @ ..] = numbers;
        let [threads, start_ticks, virtual_bytes, resident_pages] = rest;
        Some(Self {
            name,
            state: *state,
            parent: parent as i32,
            group: group as i32,
            session: session as i32,
            terminal: terminal as u32,
            user_ticks,
            system_ticks,
            threads,
            start_ticks,
            virtual_bytes,
            resident_pages,
        })
    }
}

/// The text of /proc/PID/status: lines of `Name:`, a tab, and values. In its first line the kernel escapes newlines,
/// so no program's name makes a line of its own. Source: proc_pid_status(5).
#[derive(Clone, Copy)]
pub struct Status<'a>(pub &'a [u8]);

impl<'a> Status<'a> {
    /// What stands behind a name; nothing where the kernel has no such line.
    #[must_use]
    #[inline(never)]
    pub fn field(self, name: &[u8]) -> Option<&'a [u8]> {
        let value = |line: &'a [u8]| line.strip_prefix(name)?.strip_prefix(b":");
        parts(self.0, b'\n').find_map(value).map(<[u8]>::trim_ascii)
    }

    /// The first number behind a name: a user id, pages in kB, 0 or 1.
    #[must_use]
    pub fn number(self, name: &[u8]) -> Option<u64> {
        self.nth(name, 0)
    }

    /// The number at `index` of several.
    #[must_use]
    #[inline(never)]
    pub fn nth(self, name: &[u8], index: usize) -> Option<u64> {
        let field = self.field(name)?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        parse_u64(field.split(blank).filter(|number| !number.is_empty()).nth(index)?)
    }

    /// How many numbers stand behind a name: pid namespaces that a process has a number in, of `NSpid`.
    #[must_use]
    pub fn count(self, name: &[u8]) -> usize {
        self.field(name).map_or(0, |field| parts(field, b'\t').count())
    }

    /// A set such as that of `CapEff`.
    #[must_use]
    pub fn set(self, name: &[u8]) -> Option<u64> {
        let digits = self.field(name)?;
        let digit = |digit: &u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        digits.iter().try_fold(0_u64, |set, byte| Some(set << 4 | u64::from(digit(byte)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "S 1 7 5 34816 -1 4194560 102 0 0 0 12 34 0 0 20 0 3 0 4711 3133440 \
        435 18446744073709551615 1 1 0 0\n";

    #[test]
    fn fields_stand_behind_the_last_parenthesis() {
        for name in ["sh", "", "a) R 9 (b", "x\ny", "((", "a b", ")", "\x1b[2J"] {
            let line = format!("77 ({name}) {REST}");
            let expected = Stat {
                name: name.as_bytes(),
                state: b'S',
                parent: 1,
                group: 7,
                session: 5,
                terminal: 34816,
                user_ticks: 12,
                system_ticks: 34,
                threads: 3,
                start_ticks: 4711,
                virtual_bytes: 3_133_440,
                resident_pages: 435,
            };
            assert_eq!(Stat::read(line.as_bytes()), Some(expected), "{name:?}");
        }
    }

    #[test]
    fn half_a_line_is_none() {
        let line = format!("77 (sh) {REST}");
        for end in 0..line.len() - 30 {
            assert_eq!(Stat::read(&line.as_bytes()[..end]).filter(|s| s.resident_pages > 43), None);
        }
        for bad in ["77 sh S 1", ")(", "77 (sh)", "77 (sh) ", "77 (sh) S x"] {
            assert_eq!(Stat::read(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn values_stand_behind_their_names() {
        // The kernel's own text for a name with a newline in it.
        let text = b"Name:\ta\\nUid:\t9\nUmask:\t0022\nNSpid:\t812\t5\t1\nUid:\t1000\t0\t7\t7\n\
            VmRSS:\t    1740 kB\nCapEff:\t000001fffeffffff\nGroups:\t4 27 \nSeccomp:\t2\n";
        let status = Status(text);
        assert_eq!(status.field(b"Name"), Some(b"a\\nUid:\t9".as_slice()));
        assert_eq!((status.number(b"Uid"), status.nth(b"Uid", 1)), (Some(1000), Some(0)));
        assert_eq!((status.nth(b"NSpid", 2), status.count(b"NSpid")), (Some(1), 3));
        assert_eq!(status.nth(b"NSpid", 3), None);
        assert_eq!(status.number(b"VmRSS"), Some(1740));
        assert_eq!(status.set(b"CapEff"), Some(0x1ff_feff_ffff));
        assert_eq!((status.set(b"CapBnd"), status.set(b"Umask")), (None, Some(0x22)));
        assert_eq!((status.number(b"Seccomp"), status.field(b"Seccomp_filters")), (Some(2), None));
        assert_eq!(status.nth(b"Groups", 1), Some(27));
    }
}
