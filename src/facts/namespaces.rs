//! In which namespaces processes are.

use rustix::fs::fstat;

use super::files::number_at;
use super::processes::Process;
use crate::input::namespaces::{FILES, kind_of};
pub use crate::input::namespaces::{KINDS, name};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::namespace;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, parts};

/// Places of some kinds among them.
pub const MOUNT: usize = 2;
/// That of pids.
pub const PID: usize = 4;
/// That of clocks.
pub const TIME: usize = 5;
/// That of users.
pub const USER: usize = 6;

/// Reads `KIND:[NUMBER]`, as links and tables of mounts have it.
#[must_use]
pub fn parse(link: &[u8]) -> Option<(usize, u64)> {
    let (word, number) = halves(link, b':');
    let number = number.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some((kind_of(word)?, parse_u64(number)?))
}

/// The numbers of a process's namespaces, those of their files; 0 for one that the caller may not know, or that the
/// kernel has no such kind of.
#[must_use]
#[inline(never)]
pub fn of(process: &Process) -> [u64; KINDS] {
    let mut numbers = [0; KINDS];
    for (kind, number) in numbers.iter_mut().enumerate() {
        *number = number_of(process, kind);
    }
    numbers
}

/// The same for one kind.
#[must_use]
pub fn number_of(process: &Process, kind: usize) -> u64 {
    let file = FILES.get(kind).map_or(c"", |row| row.1);
    number_at(process.directory.as_fd(), file).unwrap_or(0)
}

/// Opens the namespace of a process.
#[must_use]
pub fn open_of(process: &Process, kind: usize) -> Option<Descriptor> {
    open(process.directory.as_fd(), FILES.get(kind)?.1, OpenFlags::READ).ok()
}

/// What a namespace says of itself.
pub struct Related {
    /// The user namespace that owns it.
    pub owner: Option<Descriptor>,
    /// The parent of one of pids or users.
    pub parent: Option<Descriptor>,
    /// Who has made one of users.
    pub uid: Option<u32>,
}

/// Asks a namespace.
#[must_use]
pub fn related(file: &Descriptor) -> Related {
    let file = file.as_fd();
    Related {
        owner: namespace::owner(file).ok(),
        parent: namespace::parent(file).ok(),
        uid: namespace::owner_uid(file).ok(),
    }
}

/// The number of an open namespace; 0 for none.
#[must_use]
pub fn number_of_open(file: Option<&Descriptor>) -> u64 {
    file.and_then(|file| fstat(file).ok()).map_or(0, |status| status.st_ino)
}

/// Places of bind-mounted namespaces in a line of mountinfo: kind, number, path with octal escapes.
#[must_use]
pub fn mounted(line: &[u8]) -> Option<(usize, u64, &[u8])> {
    let mut fields = parts(line, b' ');
    let (kind, number) = parse(fields.skip_to(3))?;
    let place = fields.next()?;
    (fields.skip_while(|field| *field != b"-").nth(1)? == b"nsfs").then_some((kind, number, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_kind_and_number() {
        for (link, found) in [
            ("mnt:[4026531832]", Some((MOUNT, 4_026_531_832))),
            ("pid:[7]", Some((PID, 7))),
            ("time:[7]", Some((TIME, 7))),
            ("user:[7]", Some((USER, 7))),
            ("mnt:7", None),
            ("pid_for_children:[7]", None),
            (":[7]", None),
            ("", None),
        ] {
            assert_eq!(parse(link.as_bytes()), found, "{link}");
        }
    }

    #[test]
    fn a_mounted_namespace_is_one_of_nsfs() {
        let line = b"99 25 0:4 net:[4026532281] /run/a\\040b rw shared:9 - nsfs nsfs rw";
        assert_eq!(mounted(line), Some((3, 4_026_532_281, b"/run/a\\040b".as_slice())));
        let other = b"99 25 0:4 net:[4026532281] /run/a rw - ext4 /dev/x rw";
        assert_eq!(mounted(other), None);
    }

    #[test]
    fn our_own_are_those_of_our_links() {
        let process = Process::open(std::process::id() as i32).unwrap();
        let numbers = of(&process);
        for (kind, &number) in numbers.iter().enumerate() {
            let link = std::fs::read_link(format!(
                "/proc/self/ns/{}",
                str::from_utf8(name(kind)).unwrap()
            ));
            let expected = parse(link.unwrap().to_str().unwrap().as_bytes());
            assert_eq!(expected, Some((kind, number)));
            assert_eq!(number_of_open(open_of(&process, kind).as_ref()), number);
        }
        assert_eq!(number_of_open(None), 0);
    }
}
