//! What /proc/PID/status and uid_map say of a process.
//!
//! Source: proc_pid_status(5), user_namespaces(7).

use super::capability::CapabilitySet;
use super::limits::UNLIMITED;
use super::process_status::Status;
use crate::text::number::{parse_id, parse_u64};
use crate::text::parts::parts;

/// What a process may do.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Rights {
    /// What programs that it executes could gain.
    pub bounding: CapabilitySet,
    /// What it has.
    pub permitted: CapabilitySet,
    /// What its programs keep although they are not root's.
    pub ambient: CapabilitySet,
    /// Nothing gains privileges by exec.
    pub no_new_privileges: bool,
    /// Its system calls are filtered.
    pub filtered: bool,
}

impl Rights {
    /// What is assumed of a process of which nothing is known.
    pub const NONE: Self = Self {
        bounding: CapabilitySet::NONE,
        permitted: CapabilitySet::NONE,
        ambient: CapabilitySet::NONE,
        no_new_privileges: false,
        filtered: false,
    };

    /// Reads them; what is missing is nothing.
    #[must_use]
    pub fn read(status: &[u8]) -> Self {
        let status = Status(status);
        let set = |name| CapabilitySet(status.set(name).unwrap_or(0));
        Self {
            bounding: set(b"CapBnd"),
            permitted: set(b"CapPrm"),
            ambient: set(b"CapAmb"),
            no_new_privileges: status.number(b"NoNewPrivs") == Some(1),
            filtered: !matches!(status.field(b"Seccomp"), None | Some(b"0" | b"")),
        }
    }
}

/// The effective id in a field of status that has four, real, effective, saved and of the filesystem: `Uid` or `Gid`.
#[must_use]
pub fn effective_id(status: &[u8], name: &[u8]) -> Option<u32> {
    parse_id(parts(Status(status).field(name)?, b'\t').skip_to(1))
}

/// A soft and a hard limit by the kernel's number, which is the order of /proc/PID/limits: a heading, then lines of
/// columns.
#[must_use]
#[inline(never)]
pub fn limit(text: &[u8], kind: u8) -> Option<(u64, u64)> {
    const SOFT: usize = 26;
    let line = parts(text, b'\n').skip_to(usize::from(kind) + 1);
    let mut words = parts(line.get(SOFT..)?, b' ');
    let mut number = || match words.find(|word| !word.is_empty())? {
        b"unlimited" => Some(UNLIMITED),
        digits => parse_u64(digits),
    };
    Some((number()?, number()?))
}

/// The label in a file of /proc/PID/attr: all before a NUL or a newline.
#[must_use]
#[inline(never)]
pub fn label_of(text: &[u8]) -> &[u8] {
    parts(parts(text, 0).skip_to(0), b'\n').skip_to(0)
}

/// The id that `outer` has in the user namespace whose uid_map or gid_map this is; nothing where it is not mapped.
#[must_use]
#[inline(never)]
pub fn inner_id(map: &[u8], outer: u32) -> Option<u32> {
    parts(map, b'\n').find_map(|line| {
        let mut numbers = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut next = || parse_id(numbers.next()?);
        let (inner, first) = (next()?, next()?);
        // A range of all ids has one more than an id can be.
        let size = next().unwrap_or(u32::MAX);
        let offset = outer.checked_sub(first)?;
        if offset < size { inner.checked_add(offset) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::limits::KINDS;

    const STATUS: &[u8] = b"Name:\ta\\nUid:\t7\nUid:\t1000\t1001\t1000\t1000\nGid:\t5\t6\t5\t5\n\
        Groups:\t5 63 \nCapInh:\t0000000000000000\nCapPrm:\t00000000000000c0\n\
        CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000400\nNoNewPrivs:\t1\nSeccomp:\t2\n";

    #[test]
    fn fields_are_read() {
        assert_eq!(effective_id(STATUS, b"Uid"), Some(1001));
        assert_eq!(effective_id(STATUS, b"Gid"), Some(6));
        assert_eq!(Status(STATUS).field(b"Groups"), Some(b"5 63".as_slice()));
        assert_eq!(effective_id(b"", b"Uid"), None);
        let rights = Rights::read(STATUS);
        assert_eq!(rights.bounding, CapabilitySet::ALL);
        assert_eq!((rights.permitted.0, rights.ambient.0), (0xc0, 0x400));
        assert!(rights.no_new_privileges && rights.filtered);
        assert!(!Rights::read(b"Seccomp:\t0\n").filtered);
    }

    #[test]
    fn limits_stand_in_columns() {
        let text = std::fs::read("/proc/self/limits").unwrap();
        assert_eq!((0..20).filter_map(|kind| limit(&text, kind)).count(), KINDS);
        let text =
            b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max cpu time              unlimited            unlimited            seconds   \n\
            Max file size             1                    22                   bytes     \n";
        let read = [0, 1, 2].map(|kind| limit(text, kind));
        assert_eq!(read, [Some((UNLIMITED, UNLIMITED)), Some((1, 22)), None]);
    }

    #[test]
    fn a_label_ends_at_a_nul_or_a_newline() {
        for text in ["unconfined\n", "unconfined\0x", "unconfined", "unconfined\n\0"] {
            assert_eq!(label_of(text.as_bytes()), b"unconfined", "{text:?}");
        }
        assert_eq!(label_of(b""), b"");
    }

    #[test]
    fn ids_are_mapped_back() {
        let map = b"         0       1000          1\n         1     100000      65536\n";
        for (outer, inner) in [
            (1000, Some(0)),
            (1001, None),
            (100_000, Some(1)),
            (165_535, Some(65_536)),
            (165_536, None),
            (0, None),
        ] {
            assert_eq!(inner_id(map, outer), inner, "{outer}");
        }
        assert_eq!(inner_id(b"0 0 4294967295\n", 77), Some(77));
    }
}
