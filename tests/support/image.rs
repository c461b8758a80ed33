//! Archives made by hand, good and evil.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::{Case, Outcome};

/// An archive under construction.
pub struct Image(pub Builder<Vec<u8>>);

impl Image {
    /// Nothing in it.
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// A member with any name: the crate's own functions refuse the evil ones.
    pub fn raw(mut self, kind: EntryType, name: &[u8], link: &[u8], content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        header.set_mtime(1_000_000_000);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// A file.
    pub fn file(self, name: &str, content: &str) -> Self {
        self.raw(EntryType::Regular, name.as_bytes(), b"", content.as_bytes())
    }

    /// A link of either kind.
    pub fn link(self, kind: EntryType, name: &str, to: &str) -> Self {
        self.raw(kind, name.as_bytes(), to.as_bytes(), b"")
    }

    /// The whole of it.
    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    /// Unpacks it over the test's root and runs a script there.
    pub fn over_root(self, t: &Case, name: &str, script: &str) -> Outcome {
        let path = t.file(name, self.bytes());
        t.rootlet()
            .opts(["run"])
            .opt("--rootfs")
            .opt(path)
            .opt("--rootfs")
            .opt(t.rootfs())
            .sh(script)
            .output()
    }
}

/// Packs bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
