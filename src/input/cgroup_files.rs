//! What the kernel says of cgroups: /proc/self/cgroup, files of keys.

use super::resources::Controllers;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, parts};

/// Controllers and path of a line of /proc/self/cgroup, `NUMBER:CONTROLLERS:PATH`.
#[must_use]
pub fn fields(line: &[u8]) -> (&[u8], &[u8]) {
    halves(halves(line, b':').1, b':')
}

/// Which of our controllers are on v1. Source: cgroups(7), "/proc/pid/cgroup".
#[must_use]
pub fn on_v1(table: &[u8]) -> Controllers {
    parts(table, b'\n').fold(Controllers::NONE, |set, line| set.and(named(fields(line).0, b',')))
}

/// Our cgroup on v2.
#[must_use]
pub fn own_cgroup(table: &[u8]) -> Option<&[u8]> {
    let line = parts(table, b'\n').find(|line| line.starts_with(b"0::"))?;
    Some(fields(line).1)
}

/// The cgroup of a controller on v1, or with an empty name that on v2.
#[cfg(feature = "see")]
#[must_use]
#[inline(never)]
pub fn path_of<'a>(table: &'a [u8], controller: &[u8]) -> Option<&'a [u8]> {
    let mut lines = parts(table, b'\n').filter(|line| !line.is_empty()).map(fields);
    let is_it = |names: &[u8]| parts(names, b',').any(|name| name == controller);
    lines.find(|(names, _)| is_it(names)).map(|(_, path)| path)
}

/// Which of our controllers are in a list such as cgroup.controllers.
#[must_use]
pub fn named(list: &[u8], separator: u8) -> Controllers {
    parts(list.trim_ascii_end(), separator).fold(Controllers::NONE, |set, name| {
        let known = Controllers::EACH.iter().find(|one| one.name() == name);
        known.map_or(set, |one| set.and(*one))
    })
}

/// The number behind a key, as in memory.events and memory.oom_control; 0 where there is none.
#[must_use]
pub fn number_of(text: &[u8], key: &[u8]) -> u64 {
    let mut lines = parts(text, b'\n').map(|line| halves(line, b' '));
    let found = lines.find(|(name, _)| *name == key);
    found.and_then(|(_, number)| parse_u64(number)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &[u8] =
        b"9:name=systemd:/\n8:pids:/\n4:memory:/a/b\n3:cpuset:/\n2:cpu,cpuacct:/\n0::/x:y\n";

    #[test]
    fn hierarchies() {
        let without_devices = Controllers(15);
        assert_eq!(on_v1(HYBRID), without_devices);
        assert_eq!(own_cgroup(HYBRID), Some(b"/x:y".as_slice()));
        assert_eq!(
            (on_v1(b"0::/\n"), own_cgroup(b"0::/\n")),
            (Controllers::NONE, Some(b"/".as_slice()))
        );
        let paths =
            [b"memory".as_slice(), b"cpuacct", b"blkio", b""].map(|name| path_of(HYBRID, name));
        assert_eq!(paths, [Some(b"/a/b".as_slice()), Some(b"/"), None, Some(b"/x:y")]);
        assert_eq!((on_v1(b""), own_cgroup(b"4:memory:/\n")), (Controllers::NONE, None));
        assert_eq!(named(b"cpuset cpu io memory pids\n", b' '), without_devices);
        assert_eq!(named(b"\n", b' '), Controllers::NONE);
    }

    #[test]
    fn numbers_stand_behind_their_keys() {
        let text = b"low 0\noom 3\noom_kill 12\noom_group_kill 4\n";
        assert_eq!(number_of(text, b"oom_kill"), 12);
        assert_eq!(number_of(text, b"oom_killed"), 0);
        assert_eq!(number_of(b"populated 1\nfrozen 0\n", b"populated"), 1);
        assert_eq!(number_of(b"", b"populated"), 0);
    }
}
