//! `--persist`: namespaces that outlive their container.

use core::ffi::CStr;

use heapless::Vec;

use super::namespaces::{self, FILES, Namespaces, kind_of};
use super::refusal::Reason;

/// How many kinds can be kept.
pub const PERSISTENT: usize = 5;
/// Kinds that are not kept: pids end with their first process; views of cgroups and clocks are not worth keeping.
const OTHERS: Namespaces =
    Namespaces(Namespaces::PID.0 | Namespaces::CGROUP.0 | Namespaces::TIME.0);

/// A namespace and the file that keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Persist<'a> {
    /// Which kind.
    pub kind: Namespaces,
    /// Its name below /proc/PID/ns.
    pub name: &'static [u8],
    /// The file, which must not exist yet.
    pub file: &'a CStr,
}

/// Reads `KIND=FILE`.
///
/// # Errors
/// `NoPersist`: another kind, no file, a kind twice.
pub fn add<'a>(value: &'a CStr, list: &mut Vec<Persist<'a>, PERSISTENT>) -> Result<(), Reason> {
    let bytes = value.to_bytes_with_nul();
    let name_end = bytes.iter().position(|byte| *byte == b'=').ok_or(Reason::NoPersist)?;
    let (name, file) = bytes.split_at_checked(name_end).ok_or(Reason::NoPersist)?;
    let index = kind_of(name).ok_or(Reason::NoPersist)?;
    let file = CStr::from_bytes_with_nul(file.get(1..).unwrap_or_default()).unwrap_or_default();
    let (kind, _) = *FILES.get(index).ok_or(Reason::NoPersist)?;
    if file.is_empty() || OTHERS.has(kind) || list.iter().any(|other| other.kind == kind) {
        return Err(Reason::NoPersist);
    }
    list.push(Persist { kind, name: namespaces::name(index), file }).map_err(|_| Reason::NoPersist)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_files_are_read_strictly() {
        let mut list = Vec::new();
        for good in [c"net=/run/n", c"user=u=v"] {
            add(good, &mut list).unwrap();
        }
        let files: std::vec::Vec<_> =
            list.iter().map(|persist| (persist.name, persist.file)).collect();
        assert_eq!(files, [(&b"net"[..], c"/run/n"), (b"user", c"u=v")]);
        let others = [c"pid=/x", c"cgroup=/x", c"time=/x"];
        for bad in [c"net=/other", c"ipc=", c"ipc", c"=x", c""].into_iter().chain(others) {
            assert_eq!(add(bad, &mut list), Err(Reason::NoPersist), "{bad:?}");
        }
    }
}
