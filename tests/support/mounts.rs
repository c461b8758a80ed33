//! A mount table, read from the text of a /proc/PID/mountinfo.

use std::collections::BTreeSet;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Where it is mounted.
    pub point: String,
    /// What directory of the file system is its root.
    pub root: String,
    /// Flags of the mount itself.
    pub flags: BTreeSet<String>,
    /// Propagation: `shared:N`, `master:N`, `unbindable`.
    pub tags: Vec<String>,
    /// File system type.
    pub kind: String,
    /// Options of the file system.
    pub options: BTreeSet<String>,
}

impl Mount {
    /// Whether all these flags are set.
    pub fn has(&self, flags: &[&str]) -> bool {
        flags.iter().all(|&flag| self.flags.contains(flag))
    }

    /// Propagation without the numbers of the groups: `shared`, `master`, `unbindable`.
    pub fn propagation(&self) -> Vec<&str> {
        self.tags.iter().map(|tag| tag.split(':').next().unwrap_or(tag)).collect()
    }
}

/// A whole table.
#[derive(Debug)]
pub struct Mounts(pub Vec<Mount>);

impl Mounts {
    /// Reads the kernel's form.
    pub fn parse(text: &str) -> Mounts {
        Mounts(text.lines().map(line).collect())
    }

    /// The mount that is seen at a path: the last one there.
    pub fn at(&self, point: &str) -> &Mount {
        let found = self.0.iter().rev().find(|mount| mount.point == point);
        found.unwrap_or_else(|| panic!("nothing is mounted on {point}: {:#?}", self.points()))
    }

    /// All mount points in order.
    pub fn points(&self) -> Vec<&str> {
        self.0.iter().map(|mount| mount.point.as_str()).collect()
    }
}

fn line(text: &str) -> Mount {
    let (mount, file_system) =
        text.split_once(" - ").unwrap_or_else(|| panic!("not mountinfo: {text}"));
    let mount: Vec<&str> = mount.split(' ').collect();
    let file_system: Vec<&str> = file_system.split(' ').collect();
    let set = |list: &str| list.split(',').map(str::to_owned).collect();
    Mount {
        root: mount[3].into(),
        point: mount[4].into(),
        flags: set(mount[5]),
        tags: mount[6..].iter().map(|&tag| tag.to_owned()).collect(),
        kind: file_system[0].into(),
        options: set(file_system[2]),
    }
}
