//! Archives that want to do harm, and broken ones.

mod support;

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::image::{Image, gzip};
use support::{Case, Host, Rootlet, case};
use tar::{EntryType, Header};

fn run(t: &Case) -> Rootlet {
    t.rootlet().opt("run")
}

#[test]
fn nothing_leads_out_of_the_root() {
    let t = case!("-");
    let before = Host::now();
    let up = "../".repeat(20);
    let refused: [(&str, Image, &[&str]); 9] = [
        ("up", Image::new().file("../x", "x"), &["../x", "leads out"]),
        ("deep", Image::new().file("a/../../x", "x"), &["a/../../x", "leads out"]),
        ("dir", Image::new().raw(EntryType::Directory, b"..", b"", b""), &["leads out"]),
        ("hard", Image::new().link(EntryType::Link, "h", "/outside/none"), &["h", "ENOENT"]),
        (
            "hard-up",
            Image::new().link(EntryType::Link, "h", &format!("{up}etc/passwd")),
            &["leads out"],
        ),
        ("white", Image::new().file("a/.wh...", ""), &["leads out"]),
        (
            "loop",
            Image::new().link(EntryType::Symlink, "l", "l").file("l/x", "x"),
            &["l/x", "ELOOP"],
        ),
        ("file", Image::new().file("f", "f").file("f/x", "x"), &["f/x", "ENOTDIR"]),
        ("none", Image::new().file(".", "x"), &["no name"]),
    ];
    for (name, image, words) in refused {
        image.over_root(&t, name, "true").refused(125, &[&["unpack", name], words].concat());
    }
    assert!(!t.path("x").exists());
    before.unchanged(&t, "evil archives");
}

/// Links lead to places inside; what has a link's name takes its place.
#[test]
fn links_lead_to_places_inside() {
    let t = case!("-");
    let outside = t.folder("outside");
    fs::write(outside.join("secret"), "secret\n").unwrap();
    let out = outside.to_str().unwrap();
    let before = Host::now();
    let up = "../".repeat(20);
    let rows: [(&str, Image, &str, &str); 6] = [
        ("absolute", Image::new().file("/etc/abs", "abs\n"), "cat /etc/abs", "abs\n"),
        (
            "through",
            Image::new()
                .link(EntryType::Symlink, "l", out)
                .raw(EntryType::Directory, b"d", b"", b"")
                .link(EntryType::Symlink, "d/m", &format!("{up}d"))
                .file("d/m/x", "inside\n"),
            "cat /d/x",
            "inside\n",
        ),
        (
            "over",
            Image::new()
                .link(EntryType::Symlink, "s", &format!("{out}/secret"))
                .file("s", "mine\n"),
            "cat /s; stat -c %F /s",
            "mine\nregular file\n",
        ),
        (
            "dir-over",
            Image::new()
                .link(EntryType::Symlink, "s", out)
                .raw(EntryType::Directory, b"s/", b"", b"")
                .file("s/new", "new\n"),
            "cat /s/new",
            "new\n",
        ),
        (
            "hard",
            Image::new().link(EntryType::Link, "h", "/etc/passwd").file("h", "changed\n"),
            "cat /h; grep -c root /etc/passwd",
            "changed\n1\n",
        ),
        (
            "hard-link",
            Image::new().link(EntryType::Symlink, "s", &format!("{out}/secret")).link(
                EntryType::Link,
                "h",
                "s",
            ),
            "readlink /h | grep -c outside",
            "1\n",
        ),
    ];
    for (name, image, script, expected) in rows {
        assert_eq!(image.over_root(&t, name, script).ok(), expected, "{name}");
    }
    // The host's directory is not there inside, so nothing can be made through a link to it; the root's own is.
    let image = Image::new().link(EntryType::Symlink, "l", out).file("l/x", "through\n");
    image.over_root(&t, "to-host", "true").refused(125, &["l/x", "ENOENT"]);
    let image = Image::new().link(EntryType::Symlink, "l", "/etc").file("l/x", "through\n");
    assert_eq!(image.over_root(&t, "to-etc", "cat /etc/x").ok(), "through\n");
    assert!(!std::path::Path::new("/etc/x").exists(), "the host's /etc was written");
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "something was made outside");
    before.unchanged(&t, "evil archives");
}

#[test]
fn what_is_broken_is_named_with_its_place() {
    let t = case!("-");
    let good = Image::new().file("a", "content\n").file("b", &"x".repeat(1000)).bytes();
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let lying = |size: &[u8; 12]| {
        let image = Image::new().file("lies", "");
        let mut bytes = image.bytes();
        bytes[124..136].copy_from_slice(size);
        let header = Header::from_byte_slice(&bytes[..512]).clone();
        let mut header = header;
        header.set_cksum();
        bytes[..512].copy_from_slice(header.as_bytes());
        bytes
    };
    let zipped = gzip(&good);
    let zipped_bad = |at: usize| {
        let mut bytes = zipped.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    let rows: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("empty", Vec::new(), &["no tar archive"]),
        ("text", b"#!/bin/sh\n".repeat(100), &["no tar archive"]),
        ("sum", changed(1024, b'c'), &["byte 1024", "checksum"]),
        ("cut-header", good[..1300].to_vec(), &["byte 1024", "cut"]),
        ("cut-content", good[..1700].to_vec(), &["b at byte 1700", "cut"]),
        ("no-end", good[..2560].to_vec(), &["byte 2560", "cut"]),
        ("garbage", changed(good.len() - 1, b'x'), &["byte 3583", "behind its end"]),
        ("huge", lying(b"77777777777\0"), &["lies", "cut"]),
        ("negative", lying(&[0xff; 12]), &["number"]),
        ("no-number", lying(b"12x4       \0"), &["number"]),
        ("sparse", Image::new().raw(EntryType::GNUSparse, b"s", b"", b"").bytes(), &["sparse"]),
        ("kind", Image::new().raw(EntryType::new(b'M'), b"m", b"", b"").bytes(), &["kind"]),
        ("zip-sum", zipped_bad(zipped.len() - 6), &["gzip"]),
        ("zip-size", zipped_bad(zipped.len() - 1), &["gzip"]),
        ("zip-cut", zipped[..zipped.len() - 3].to_vec(), &["cut"]),
        ("zip-behind", [&zipped[..], b"x"].concat(), &["behind its end"]),
    ];
    for (name, bytes, words) in rows {
        let path = t.file(name, bytes);
        let out = run(&t).opt("--rootfs").opt(path).cmd(["true"]).output();
        out.refused(125, &[&["unpack", name], words].concat());
    }
    // A single block of zeros is an end as well, as it is for GNU tar.
    let path = t.file("one-zero", &good[..3072]);
    let out = run(&t).opt("--rootfs").opt(path).opt("--rootfs").opt(t.rootfs()).cmd(["cat", "/a"]);
    assert_eq!(out.output().ok(), "content\n");
}

#[test]
fn hostile_names_stay_on_one_line() {
    let t = case!("-");
    let image = Image::new().raw(EntryType::Regular, b"a\n\x1b[2Jrootlet: \xff/../x", b"", b"");
    image.over_root(&t, "image", "true").refused(125, &["a\\x0a\\x1b[2J", "leads out"]);
    let image = Image::new().raw(EntryType::Regular, b"new\nline \xff\xfe", b"", b"x");
    let out = image.over_root(&t, "image", "ls /new*ine*  | wc -l; cat /new*");
    assert_eq!(out.ok(), "1\nx");
}

#[test]
fn a_bomb_ends_at_the_bound() {
    let t = case!("-");
    let before = Host::now();
    // A gigabyte of zeros in a megabyte.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(9));
    let mut header = Header::new_gnu();
    header.set_size(1 << 30);
    header.set_path("bomb").unwrap();
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..1024 {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    let path = t.file("bomb.gz", encoder.finish().unwrap());
    let out =
        run(&t).opts(["--storage-opt", "size=8m", "--rootfs"]).opt(path).cmd(["true"]).output();
    out.refused(125, &["bomb", "write", "ENOSPC", "--storage-opt size="]);
    before.unchanged(&t, "a bomb");
}
