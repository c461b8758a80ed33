//! `image`: an initramfs with rootlet as /init.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};
use lexopt::prelude::*;

use crate::arch::Arch;
use crate::newc::{Entry, Kind, Tree};
use crate::{build, layout, rootfs};

pub const USAGE: &str = "\
image [--arch ARCH] [--bare] [--add FILE:DST]… [-o IMAGE]
    packs an initramfs: rootlet as /init and the busybox rootfs (not with --bare); FILE may be a
    folder; IMAGE is target/dist/rootlet-ARCH.cpio.gz unless named, and is compressed if its
    name ends in .gz";

/// Empty folders that the kernel or rootlet mounts onto.
const FOLDERS: &[(&str, u32)] =
    &[("dev", 0o755), ("proc", 0o555), ("run", 0o755), ("sys", 0o555), ("tmp", 0o1777)];

/// What `image` and `boot` put into an initramfs.
pub struct Request {
    pub arch: Arch,
    /// Without the busybox rootfs.
    pub bare: bool,
    /// Files or folders of this machine, and where they go.
    pub added: Vec<(PathBuf, String)>,
}

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut request = Request { arch: Arch::X86_64, bare: false, added: Vec::new() };
    let mut out = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("arch") => request.arch = Arch::parse(&arguments.value()?.string()?)?,
            Long("bare") => request.bare = true,
            Long("add") => request.added.push(parse_added(&arguments.value()?.string()?)?),
            Short('o') | Long("output") => out = Some(PathBuf::from(arguments.value()?)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let default = || layout::dist().join(format!("rootlet-{}.cpio.gz", request.arch.name()));
    let out = out.unwrap_or_else(default);
    write(&make(&request)?, &out)?;
    println!("{}: {} bytes", build::relative(&out), fs::metadata(&out)?.len());
    Ok(ExitCode::SUCCESS)
}

/// `FILE:DST`; the last colon separates, since the place in the image is ours to name.
pub fn parse_added(text: &str) -> Result<(PathBuf, String)> {
    match text.rsplit_once(':') {
        Some((file, place)) if !file.is_empty() && !place.trim_matches('/').is_empty() => {
            Ok((PathBuf::from(file), place.to_owned()))
        }
        _ => bail!("--add {text}: FILE:DST is wanted"),
    }
}

/// Builds what is needed and puts the tree together.
pub fn make(request: &Request) -> Result<Tree> {
    let rootlet = build::build(request.arch, &[])?;
    let rootfs = match request.bare {
        true => None,
        false => Some(rootfs::make(&rootlet, request.arch)?),
    };
    let mut tree = base(&rootlet, rootfs.as_deref())?;
    for (from, place) in &request.added {
        add(&mut tree, from, place)?;
    }
    Ok(tree)
}

/// What every image has: /init, folders to mount onto, and a console, without which the kernel
/// would start /init with no descriptors at all.
pub fn base(rootlet: &Path, rootfs: Option<&Path>) -> Result<Tree> {
    let mut tree = Tree::default();
    for (name, mode) in FOLDERS {
        tree.add(name, Entry { kind: Kind::Folder, mode: *mode, owner: 0 });
    }
    if let Some(folder) = rootfs {
        add(&mut tree, folder, "/")?;
        // rootlet under its own name, for its commands: as `init` it would boot.
        let link = Entry { kind: Kind::Link("../init".to_owned()), mode: 0o777, owner: 0 };
        tree.add("bin/rootlet", link);
    }
    add(&mut tree, rootlet, "init")?;
    tree.add("dev/console", Entry { kind: Kind::Device(5, 1), mode: 0o600, owner: 0 });
    Ok(tree)
}

/// Adds a file, a link or a whole folder of this machine at a place of the image.
pub fn add(tree: &mut Tree, from: &Path, place: &str) -> Result<()> {
    let context = || from.display().to_string();
    let metadata = fs::symlink_metadata(from).with_context(context)?;
    let kind = if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_symlink() {
        let target = fs::read_link(from).with_context(context)?;
        Kind::Link(target.to_str().context("not UTF-8").with_context(context)?.to_owned())
    } else if metadata.is_file() {
        Kind::File(fs::read(from).with_context(context)?)
    } else {
        bail!("{}: neither file, folder nor link", from.display());
    };
    let folder = kind == Kind::Folder;
    if !place.trim_matches('/').is_empty() {
        let mode = metadata.permissions().mode() & 0o7777;
        tree.add(place, Entry { kind, mode, owner: owner(metadata.uid()) });
    }
    if folder {
        for entry in fs::read_dir(from).with_context(context)? {
            let name = entry.with_context(context)?.file_name();
            let name = name.to_str().context("name is not UTF-8").with_context(context)?;
            add(tree, &from.join(name), &format!("{place}/{name}"))?;
        }
    }
    Ok(())
}

/// Files belong to root, whoever packed them. Only the home in a rootfs that root has made keeps
/// its owner, the rootfs's user.
fn owner(uid: u32) -> u32 {
    let is_other = uid == rootfs::USER_ID && rustix::process::geteuid().is_root();
    if is_other { rootfs::USER_ID } else { 0 }
}

/// Writes the archive in one step, compressed when its name ends in `.gz`.
pub fn write(tree: &Tree, path: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    if path.extension().is_some_and(|e| e == "gz") {
        let mut encoder = GzEncoder::new(&mut bytes, Compression::default());
        tree.write(&mut encoder)?;
        encoder.finish()?.flush()?;
    } else {
        tree.write(&mut bytes)?;
    }
    layout::write_atomically(path, &bytes, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colon_separates() {
        let rows = [
            ("a:/b", Some(("a", "/b"))),
            ("a:b:/c", Some(("a:b", "/c"))),
            ("a", None),
            (":b", None),
            ("a:", None),
            ("a:/", None),
        ];
        for (text, expected) in rows {
            let found = parse_added(text).ok();
            let expected = expected.map(|(f, p)| (PathBuf::from(f), p.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn an_image_has_init_console_and_what_was_added() {
        let folder = tempfile::tempdir().unwrap();
        let rootlet = folder.path().join("rootlet");
        fs::write(&rootlet, "program").unwrap();
        fs::set_permissions(&rootlet, fs::Permissions::from_mode(0o755)).unwrap();
        let rootfs = folder.path().join("rootfs");
        fs::create_dir_all(rootfs.join("bin")).unwrap();
        std::os::unix::fs::symlink("busybox", rootfs.join("bin/sh")).unwrap();

        let mut tree = base(&rootlet, Some(&rootfs)).unwrap();
        add(&mut tree, &rootfs, "/inner").unwrap();
        let kind = |path: &str| tree.get(path).map(|e| e.kind.clone());
        assert_eq!(kind("init"), Some(Kind::File(b"program".to_vec())));
        assert_eq!(tree.get("init").unwrap().mode, 0o755);
        assert_eq!(kind("dev/console"), Some(Kind::Device(5, 1)));
        assert_eq!(kind("bin/sh"), Some(Kind::Link("busybox".into())));
        assert_eq!(kind("inner/bin/sh"), Some(Kind::Link("busybox".into())));
        assert_eq!(kind("proc"), Some(Kind::Folder));
        assert_eq!(kind(""), None, "the root itself is no entry");
    }

    #[test]
    fn a_name_in_gz_is_compressed() {
        use std::io::Read;
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::default();
        let (plain, packed) = (folder.path().join("x.cpio"), folder.path().join("x.cpio.gz"));
        write(&tree, &plain).unwrap();
        write(&tree, &packed).unwrap();
        let packed = fs::read(&packed).unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, fs::read(&plain).unwrap());
        assert!(unpacked.starts_with(b"070701"));
    }
}
