//! Disk images: they are made as asked for, and what does not fit is refused.

use super::proof::Proof;
use super::*;
use crate::newc::{Entry, Kind};
use crate::program;

fn disk(text: &str) -> Disk {
    toml::from_str(text).unwrap()
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let rows = [
        ("filesystem = 'squashfs'\nlabel = 'x'", "squashfs has no label"),
        ("filesystem = 'none'\nuuid = 'x'", "none has no uuid"),
        ("filesystem = 'swap'\ncontents = {}", "swap has no contents"),
        ("filesystem = 'erofs'\nsize_mib = 4", "no size_mib"),
        ("filesystem = 'ext4'\nsize_mib = 0", "size_mib is 0"),
        ("filesystem = 'ext4'\npartition = 2", "partition without a table"),
        ("filesystem = 'ext4'\npartuuid = 'x'", "partuuid without a table"),
        ("filesystem = 'ext4'\ntable = 'mbr'\npartlabel = 'x'", "gpt only"),
        ("filesystem = 'ext4'\ntable = 'gpt'\npartition = 5", "partition is 1 to 4"),
        ("filesystem = 'ext4'\ntable = 'mbr'\npartuuid = '12345678-02'", "and -01"),
        ("filesystem = 'ext4'\ntable = 'mbr'\npartuuid = '1234567x-01'", "8 digits"),
    ];
    for (text, expected) in rows {
        let error = disk(text).check().expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    disk("filesystem = 'ext4'\ntable = 'mbr'\npartuuid = '1234abcd-01'").check().unwrap();
    for unknown in [
        "filesystem = 'ext5'",
        "filesystem = 'ext4'\nsize = 4",
        "filesystem = 'ext4'\ncontents = { names = [], files = [] }",
    ] {
        assert!(toml::from_str::<Disk>(unknown).is_err(), "{unknown}");
    }
}

/// A small tree whose names sort differently as text and as paths.
fn tree() -> Tree {
    let mut tree = Tree::default();
    let file = |text: &str| Kind::File(text.as_bytes().to_vec());
    tree.add("etc/motd", Entry { kind: file("hello"), mode: 0o4755, owner: 1000 });
    tree.add("etc.d", Entry { kind: Kind::Folder, mode: 0o700, owner: 0 });
    tree.add("etc/deep/x", Entry { kind: file(""), mode: 0o644, owner: 0 });
    tree.add("link", Entry { kind: Kind::Link("etc/motd".into()), mode: 0o777, owner: 0 });
    tree
}

#[test]
fn a_prototype_nests_folders() {
    let text = proto::text(&tree(), Path::new("/below")).unwrap();
    let expected = "/none\n0 0\nd--755 0 0\netc d--755 0 0\ndeep d--755 0 0\n\
        x ---644 0 0 /below/etc/deep/x\n$\nmotd -u-755 1000 1000 /below/etc/motd\n$\n\
        etc.d d--700 0 0\n$\nlink l--777 0 0 etc/motd\n$\n$\n";
    assert_eq!(text, expected);
}

/// Makes a disk, or skips the test: that takes root and programs. VM scenarios prove the same.
fn made(test: &str, disk: &Disk, tree: Option<&Tree>, folder: &Path) -> Option<PathBuf> {
    disk.check().unwrap();
    let mut programs = disk.programs();
    programs.extend(proof::PROGRAMS);
    let missing = programs.into_iter().find(|(name, _)| program::find(name).is_none());
    let reason = match missing {
        Some((name, _)) => format!("no {name}"),
        None if !rustix::process::geteuid().is_root() => "not root".to_owned(),
        None => return Some(make(disk, tree, folder).unwrap()),
    };
    if let Some(log) = std::env::var_os("ROOTLET_SKIP_LOG") {
        let mut file = File::options().append(true).create(true).open(log).unwrap();
        writeln!(file, "disk::tests::{test}\t{reason}\tdisk-kinds").unwrap();
    }
    None
}

#[test]
fn every_filesystem_is_made_with_and_without_files() {
    let kinds = ["ext4", "xfs", "btrfs", "squashfs", "erofs", "vfat", "iso9660", "swap", "none"];
    let mut small = Tree::default();
    small.add("a/b", Entry { kind: Kind::File(b"text".to_vec()), mode: 0o644, owner: 0 });
    for kind in kinds {
        let mut disk = disk(&format!("filesystem = '{kind}'"));
        let test = "every_filesystem_is_made_with_and_without_files";
        let folder = tempfile::tempdir().unwrap();
        let Some(image) = made(test, &disk, None, folder.path()) else { return };
        assert!(fs::metadata(image).unwrap().len() > 0, "{kind}");
        if !["swap", "none"].contains(&kind) {
            disk.contents = Some(toml::from_str("base = 'none'").unwrap());
            let folder = tempfile::tempdir().unwrap();
            made(test, &disk, Some(&small), folder.path()).unwrap();
            let left = fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 1, "{kind}: only the image is left");
        }
    }
}

#[test]
fn a_partition_has_its_names_and_what_it_holds_can_be_proven() {
    let text = "filesystem = 'ext4'\nlabel = 'root'\ntable = 'gpt'\npartition = 2\n\
        partuuid = '11111111-2222-3333-4444-555555555555'\npartlabel = 'system'\n";
    let disk = disk(text);
    let folder = tempfile::tempdir().unwrap();
    let test = "a_partition_has_its_names_and_what_it_holds_can_be_proven";
    let Some(image) = made(test, &disk, Some(&tree()), folder.path()) else { return };
    let sfdisk = program::find("sfdisk").unwrap();
    let dump = program::output(std::process::Command::new(sfdisk).arg("-d").arg(&image)).unwrap();
    let line = dump.lines().last().unwrap();
    assert!(line.contains("start=        4096, size=       65536"), "{dump}");
    assert!(line.contains("uuid=11111111-2222-3333-4444-555555555555"), "{dump}");
    assert!(line.contains("name=\"system\""), "{dump}");

    let look = |text: &str| {
        let proof: Proof = toml::from_str(text).unwrap();
        proof.check(std::slice::from_ref(&disk)).unwrap();
        proof.look(&disk, &image).map_err(|error| format!("{error:#}"))
    };
    assert_eq!(look("disk = 0\nclean = true"), Ok(()));
    assert_eq!(look("disk = 0\nfile = '/etc/motd'\ncontains = 'hell'"), Ok(()));
    assert!(look("disk = 0\nfile = '/etc/motd'\ncontains = 'x'").unwrap_err().contains("lacks"));
    assert!(look("disk = 0\nfile = '/etc/no'").unwrap_err().contains("not found"));
    // The superblock as it is while mounted, without a journal and with one. e2fsck alone finds
    // nothing in either.
    let rows = [
        ("ssv state 0", "not clean", "ssv state 1"),
        ("feature needs_recovery", "not written back", "feature -needs_recovery"),
    ];
    let device = format!("{}?offset={}", image.display(), disk.offset());
    let change = |request: &str| {
        let mut command = std::process::Command::new(program::find("debugfs").unwrap());
        program::output(command.args(["-w", "-R", request, &device])).unwrap();
    };
    for (request, expected, back) in rows {
        change(request);
        let reason = look("disk = 0\nclean = true").expect_err(request);
        assert!(reason.contains(expected), "{request}: {reason}");
        change(back);
        assert_eq!(look("disk = 0\nclean = true"), Ok(()));
    }
}

#[test]
fn an_mbr_has_the_number_that_the_kernel_makes_partuuids_of() {
    let disk = disk("filesystem = 'swap'\ntable = 'mbr'\npartuuid = '1234abcd-01'");
    let folder = tempfile::tempdir().unwrap();
    let test = "an_mbr_has_the_number_that_the_kernel_makes_partuuids_of";
    let Some(image) = made(test, &disk, None, folder.path()) else { return };
    let sfdisk = program::find("sfdisk").unwrap();
    let dump = program::output(std::process::Command::new(sfdisk).arg("-d").arg(&image)).unwrap();
    assert!(dump.contains("label: dos\nlabel-id: 0x1234abcd\n"), "{dump}");
    assert!(dump.lines().last().unwrap().ends_with("type=82"), "{dump}");
}
