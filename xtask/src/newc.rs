//! cpio archives in the "newc" form: what Linux unpacks as its initramfs.
//!
//! The form is described in the kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;

/// What one path of the archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Folder,
    File(Vec<u8>),
    Link(String),
    /// A character device: major and minor number.
    Device(u32, u32),
}

/// One path of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    /// Permission bits, without the type.
    pub mode: u32,
    /// Owning user and group.
    pub owner: u32,
}

/// A tree by path, without leading slashes. The order of its keys puts each folder before what
/// it holds: the kernel makes no folder by itself.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
}

impl Tree {
    /// Adds or replaces one path; folders that lead to it are added where they are missing.
    pub fn add(&mut self, path: &str, entry: Entry) {
        let path = path.trim_matches('/');
        for (at, _) in path.match_indices('/') {
            let folder = Entry { kind: Kind::Folder, mode: 0o755, owner: 0 };
            self.entries.entry(path[..at].to_owned()).or_insert(folder);
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// What stands at a path.
    #[cfg(test)]
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Makes the tree below an empty folder, for programs that pack folders. It sets owners, which
    /// only root can. A device is an error.
    pub fn write_below(&self, folder: &Path) -> io::Result<()> {
        for (path, entry) in &self.entries {
            let place = folder.join(path);
            match &entry.kind {
                Kind::Folder => fs::create_dir(&place)?,
                Kind::File(bytes) => fs::write(&place, bytes)?,
                Kind::Link(target) => symlink(target, &place)?,
                Kind::Device(..) => return Err(io::Error::other(format!("{path}: a device"))),
            }
            // The owner first: a change of owner clears a set-user-id bit.
            lchown(&place, Some(entry.owner), Some(entry.owner))?;
            if !matches!(entry.kind, Kind::Link(_)) {
                fs::set_permissions(&place, fs::Permissions::from_mode(entry.mode))?;
            }
        }
        Ok(())
    }

    /// Every path and what stands there, folders before what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Writes the archive, without times, and with inode numbers that only count: equal trees make
    /// equal archives.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (index, (path, entry)) in self.entries.iter().enumerate() {
            write_entry(out, index as u32 + 1, path, entry)?;
        }
        let trailer = Entry { kind: Kind::File(Vec::new()), mode: 0, owner: 0 };
        write_entry(out, 0, "TRAILER!!!", &trailer)
    }
}

/// The longest file, in bytes, whose length fits into the eight hexadecimal digits of a header.
const LONGEST_FILE: usize = u32::MAX as usize;

fn write_entry(out: &mut impl Write, inode: u32, path: &str, entry: &Entry) -> io::Result<()> {
    let (type_bits, data, (major, minor)): (u32, &[u8], (u32, u32)) = match &entry.kind {
        Kind::Folder => (0o040_000, &[], (0, 0)),
        Kind::File(bytes) => (0o100_000, bytes, (0, 0)),
        Kind::Link(target) => (0o120_000, target.as_bytes(), (0, 0)),
        Kind::Device(major, minor) => (0o020_000, &[], (*major, *minor)),
    };
    if data.len() > LONGEST_FILE {
        return Err(io::Error::other(format!("{path}: too long for an initramfs")));
    }
    let trailer = inode == 0;
    let fields = [
        inode,
        if trailer { 0 } else { type_bits | entry.mode },
        entry.owner,
        entry.owner,
        1, // links: each file stands for itself
        0, // time of change
        data.len() as u32,
        0,
        0, // device that holds the file
        major,
        minor,
        path.len() as u32 + 1,
        0, // checksum: none in this form
    ];
    let mut header = String::from("070701");
    for field in fields {
        header.push_str(&format!("{field:08X}"));
    }
    out.write_all(header.as_bytes())?;
    out.write_all(path.as_bytes())?;
    write_zeros(out, 1 + padding(header.len() + path.len() + 1))?;
    out.write_all(data)?;
    write_zeros(out, padding(data.len()))
}

/// Names and data each end on a multiple of four bytes.
fn padding(length: usize) -> usize {
    length.next_multiple_of(4) - length
}

fn write_zeros(out: &mut impl Write, count: usize) -> io::Result<()> {
    out.write_all(&[0; 4][..count])
}

#[cfg(test)]
mod tests;
