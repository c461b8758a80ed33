//! What the record of a container says: who runs it, and what must be undone.
//!
//! A record is a sequence of strings, each with a NUL behind it, so that a path stands in it as it is:
//! `tr '\0' '\n' </run/rootlet/NAME/record` shows it. Each string is a word, for some a number, and a path.

use core::ffi::CStr;

use crate::text::number::parse_u64;

/// Bytes of the longest string: a word, a number, a path (`PATH_MAX`, linux/limits.h).
pub const ENTRY_BYTES: usize = 4096 + 64;

/// Bytes of a container's name.
pub const NAME_BYTES: usize = 64;

/// One thing that was, or was to be, made on the host.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Undo<'a> {
    /// A file with the container's pid.
    PidFile(&'a CStr),
    /// A file that keeps a namespace. It stays once CMD has been executed.
    Pin(&'a CStr),
    /// A link, if it is the container's.
    Link(&'a CStr),
    /// A mount point below the root, of which this many bytes were there before; the last part is no directory. It
    /// stays once CMD has been executed.
    PointOfFile(&'a CStr, usize),
    /// The same for a directory.
    PointOfDirectory(&'a CStr, usize),
    /// A cgroup.
    Cgroup(&'a CStr),
    /// The cgroup that rootlet itself has gone to.
    Leaf(&'a CStr),
}

/// One string of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Entry<'a> {
    /// Where relative paths of the others begin.
    Directory(&'a CStr),
    /// The root of the container.
    Root(&'a CStr),
    /// The pid of its first process.
    Pid(u32),
    /// CMD has been executed.
    Started,
    /// The container has ended with this status, and nothing is left to undo: it is kept to be asked about.
    Status(u32),
    /// The file that has its output.
    Log(&'a CStr),
    /// Its first process is CMD itself.
    NoInit,
    /// The file of its filter of system calls.
    Filter(&'a CStr),
    /// What must be undone.
    Undo(Undo<'a>),
}

/// The word of each kind of entry, and whether a number follows.
const WORDS: [(&[u8], bool); 15] = [
    (b"directory ", false),
    (b"root ", false),
    (b"pid ", true),
    (b"started", false),
    (b"pid-file ", false),
    (b"file ", true),
    (b"folder ", true),
    (b"pin ", false),
    (b"link ", false),
    (b"cgroup ", false),
    (b"leaf ", false),
    (b"status ", true),
    (b"log ", false),
    (b"no-init", false),
    (b"filter ", false),
];

impl<'a> Entry<'a> {
    /// The parts of the string that stands for it: a word, a number, a path.
    #[must_use]
    pub fn parts(&self) -> (&'static [u8], Option<usize>, &'a CStr) {
        let (index, number, path): (usize, _, _) = match *self {
            Self::Directory(path) => (0, 0, path),
            Self::Root(path) => (1, 0, path),
            Self::Pid(pid) => (2, pid as usize, c""),
            Self::Started => (3, 0, c""),
            Self::Undo(Undo::PidFile(path)) => (4, 0, path),
            Self::Undo(Undo::PointOfFile(path, existing)) => (5, existing, path),
            Self::Undo(Undo::PointOfDirectory(path, existing)) => (6, existing, path),
            Self::Undo(Undo::Pin(path)) => (7, 0, path),
            Self::Undo(Undo::Link(name)) => (8, 0, name),
            Self::Undo(Undo::Cgroup(path)) => (9, 0, path),
            Self::Undo(Undo::Leaf(path)) => (10, 0, path),
            Self::Status(status) => (11, status as usize, c""),
            Self::Log(path) => (12, 0, path),
            Self::NoInit => (13, 0, c""),
            Self::Filter(path) => (14, 0, path),
        };
        let (word, numbered) = WORDS.get(index).copied().unwrap_or_default();
        (word, if numbered { Some(number) } else { None }, path)
    }

    /// Reads a string; nothing for one that `parts` does not make.
    #[must_use]
    pub fn read(string: &'a CStr) -> Option<Self> {
        let bytes = string.to_bytes_with_nul();
        let (index, (word, numbered)) =
            (0..).zip(WORDS).find(|(_, (word, _))| bytes.starts_with(word))?;
        let rest = bytes.get(word.len()..)?;
        let (number, path) = if numbered {
            let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
            let (number, rest) = rest.split_at_checked(digits)?;
            (parse_u64(number)?, rest.strip_prefix(b" ").unwrap_or(rest))
        } else {
            (0, rest)
        };
        let path = CStr::from_bytes_with_nul(path).ok()?;
        let length = usize::try_from(number).ok()?;
        Some(match index {
            0 => Self::Directory(path),
            1 => Self::Root(path),
            2 => Self::Pid(u32::try_from(number).ok().filter(|pid| *pid > 0)?),
            3 => Self::Started,
            4 => Self::Undo(Undo::PidFile(path)),
            5 => Self::Undo(Undo::PointOfFile(path, length)),
            6 => Self::Undo(Undo::PointOfDirectory(path, length)),
            7 => Self::Undo(Undo::Pin(path)),
            8 => Self::Undo(Undo::Link(path)),
            9 => Self::Undo(Undo::Cgroup(path)),
            10 => Self::Undo(Undo::Leaf(path)),
            11 => Self::Status(u32::try_from(number).ok()?),
            12 => Self::Log(path),
            13 => Self::NoInit,
            _ => Self::Filter(path),
        })
    }
}

/// Whether this can be a container's name: letters, digits, `_`, `.`, `-`, the first a letter or digit.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    let others = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    name.len() <= NAME_BYTES
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let long = Entry::Undo(Undo::PointOfDirectory(c"/a\nb c", 3));
        for (entry, string) in [
            (Entry::Directory(c"/work"), c"directory /work"),
            (Entry::Root(c"rootfs"), c"root rootfs"),
            (Entry::Pid(77), c"pid 77"),
            (Entry::Started, c"started"),
            (Entry::Undo(Undo::PidFile(c"x.pid")), c"pid-file x.pid"),
            (Entry::Undo(Undo::Pin(c"/run/n")), c"pin /run/n"),
            (Entry::Undo(Undo::PointOfFile(c"/a/b", 0)), c"file 0 /a/b"),
            (Entry::Undo(Undo::Link(c"v0")), c"link v0"),
            (Entry::Undo(Undo::Cgroup(c"/cg/a/b")), c"cgroup /cg/a/b"),
            (Entry::Undo(Undo::Leaf(c"/cg/supervisor")), c"leaf /cg/supervisor"),
            (Entry::Status(0), c"status 0"),
            (Entry::Log(c"/var/log/web"), c"log /var/log/web"),
            (Entry::NoInit, c"no-init"),
            (Entry::Filter(c"f.json"), c"filter f.json"),
            (long, c"folder 3 /a\nb c"),
        ] {
            let (word, number, path) = entry.parts();
            let number = number.map(|number| number.to_string()).unwrap_or_default();
            let blank = if !number.is_empty() && !path.is_empty() { " " } else { "" };
            let path = path.to_str().unwrap();
            let written = format!("{}{number}{blank}{path}", str::from_utf8(word).unwrap());
            assert_eq!(written, string.to_str().unwrap());
            assert_eq!(Entry::read(string), Some(entry));
        }
    }

    #[test]
    fn what_is_no_entry_means_nothing() {
        for string in [c"", c"pid", c"pid ", c"pid x", c"pid 0", c"pid 99999999999", c"other /x"] {
            assert_eq!(Entry::read(string), None, "{string:?}");
        }
    }

    #[test]
    fn names_are_strict() {
        let longest = "a".repeat(NAME_BYTES);
        for name in ["a", "0", "web-1.x_y", &longest] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        let too_long = "a".repeat(NAME_BYTES + 1);
        for name in ["", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "é", "a\0", &too_long] {
            assert!(!is_name(name.as_bytes()), "{name:?}");
        }
    }
}
