//! The archive writer: byte for byte, and as cpio itself reads it.

use std::process::{Command, Stdio};

use super::*;

fn sample() -> Tree {
    let mut tree = Tree::default();
    tree.add("/dev/console", Entry { kind: Kind::Device(5, 1), mode: 0o600, owner: 0 });
    tree.add("init", Entry { kind: Kind::File(b"#!x\n1".to_vec()), mode: 0o755, owner: 0 });
    tree.add("bin/sh", Entry { kind: Kind::Link("busybox".into()), mode: 0o777, owner: 0 });
    tree.add("home/user", Entry { kind: Kind::Folder, mode: 0o1777, owner: 1000 });
    tree
}

fn archive(tree: &Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    tree.write(&mut bytes).unwrap();
    bytes
}

#[test]
fn one_file_byte_for_byte() {
    let mut tree = Tree::default();
    tree.add("ab", Entry { kind: Kind::File(b"hello".to_vec()), mode: 0o644, owner: 1000 });
    let expected = concat!(
        "070701",
        "00000001",
        "000081A4",
        "000003E8",
        "000003E8",
        "00000001",
        "00000000",
        "00000005",
        "00000000",
        "00000000",
        "00000000",
        "00000000",
        "00000003",
        "00000000",
        "ab\0\0\0\0",
        "hello\0\0\0",
        "070701",
        "00000000",
        "00000000",
        "00000000",
        "00000000",
        "00000001",
        "00000000",
        "00000000",
        "00000000",
        "00000000",
        "00000000",
        "00000000",
        "0000000B",
        "00000000",
        "TRAILER!!!\0\0\0\0",
    );
    assert_eq!(String::from_utf8(archive(&tree)).unwrap(), expected);
}

#[test]
fn folders_come_before_what_they_hold() {
    let names: Vec<_> = sample().entries.into_keys().collect();
    assert_eq!(names, ["bin", "bin/sh", "dev", "dev/console", "home", "home/user", "init"]);
}

#[test]
fn a_later_entry_replaces_an_earlier_one() {
    let mut tree = sample();
    tree.add("/init", Entry { kind: Kind::File(Vec::new()), mode: 0o700, owner: 0 });
    assert_eq!(tree.get("init").unwrap().mode, 0o700);
    tree.add("home/user/x", Entry { kind: Kind::Folder, mode: 0o755, owner: 0 });
    assert_eq!(tree.get("home/user").unwrap().owner, 1000, "a folder that is there stays");
}

#[test]
fn equal_trees_make_equal_archives() {
    assert_eq!(archive(&sample()), archive(&sample()));
}

/// Tells `cargo xtask test` that a test could not run here; that the kernel unpacks the archive
/// is also what every VM scenario proves.
fn skip(name: &str, reason: &str) {
    let Some(log) = std::env::var_os("ROOTLET_SKIP_LOG") else { return };
    let mut file = std::fs::File::options().append(true).create(true).open(log).unwrap();
    writeln!(file, "{name}\t{reason}\tboot-command").unwrap();
}

#[test]
fn cpio_reads_it() {
    let mut cpio = match Command::new("cpio")
        .args(["-itv", "--numeric-uid-gid", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) => return skip("newc::tests::cpio_reads_it", &format!("cpio: {error}")),
    };
    cpio.stdin.take().unwrap().write_all(&archive(&sample())).unwrap();
    let done = cpio.wait_with_output().unwrap();
    assert!(done.status.success());
    assert!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    let find =
        |name: &str| rows.iter().find(|r| r.contains(&name)).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(find("init")[..5], ["-rwxr-xr-x", "1", "0", "0", "5"]);
    assert_eq!(find("dev/console")[..6], ["crw-------", "1", "0", "0", "5,", "1"]);
    assert_eq!(find("bin/sh").last(), Some(&"busybox"));
    assert_eq!(find("home/user")[..4], ["drwxrwxrwt", "1", "1000", "1000"]);
    assert_eq!(rows.len(), 7);
}
