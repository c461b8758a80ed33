//! Roots out of archives: by GNU tar, by busybox, made by hand to do harm.

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::user::{AS_USER, open_to_user};
use support::{Case, Host, Mounts, Outcome, Rootlet, case, host};
use tar::{Builder, EntryType, Header};

fn run(t: &Case) -> Rootlet {
    t.rootlet().opt("run")
}

/// Packs the test's root with GNU tar.
fn packed(t: &Case, name: &str, options: &[&str]) -> PathBuf {
    let path = t.path(name);
    let status = Command::new("tar")
        .args(["-C", t.rootfs().to_str().unwrap(), "-cf", path.to_str().unwrap()])
        .args(options)
        .arg(".")
        .status();
    assert!(status.unwrap().success());
    path
}

/// An archive made by hand, over which the test's own root can be laid.
struct Image(Builder<Vec<u8>>);

impl Image {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// A member with any name: the crate's own functions refuse the evil ones.
    fn raw(mut self, kind: EntryType, name: &[u8], link: &[u8], content: &[u8]) -> Self {
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

    fn file(self, name: &str, content: &str) -> Self {
        self.raw(EntryType::Regular, name.as_bytes(), b"", content.as_bytes())
    }

    fn link(self, kind: EntryType, name: &str, to: &str) -> Self {
        self.raw(kind, name.as_bytes(), to.as_bytes(), b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    /// Unpacks it over the test's root and runs a script there.
    fn over_root(self, t: &Case, name: &str, script: &str) -> Outcome {
        let path = t.file(name, self.bytes());
        run(t).opt("--rootfs").opt(path).opt("--rootfs").opt(t.rootfs()).sh(script).output()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn archives_of_gnu_tar_are_roots() {
    let t = case!("-", "tar");
    let long = t.rootfs().join("l".repeat(120)).join("o".repeat(120)).join("n".repeat(120));
    fs::create_dir_all(&long).unwrap();
    fs::write(long.join("g".repeat(120)), "long\n").unwrap();
    host("mknod", &[t.rootfs().join("fifo").to_str().unwrap(), "p"]);
    let script = r#"cat l*/o*/n*/g*; stat -c '%A %u %Y %n' /etc/passwd /tmp /bin/busybox /fifo 2>&1 | sort; ls /"#;
    let whole = t.inside(&["--overlay"], script);
    for format in ["--format=gnu", "--format=pax", "--format=posix"] {
        for more in ["--numeric-owner", "--gzip"] {
            let path = packed(&t, "image", &[format, more]);
            let out = run(&t).opt("--rootfs").opt(&path).sh(script).output();
            assert_eq!(out.ok(), whole, "{format} {more}");
        }
    }
    // Names of that length do not fit into the oldest formats.
    fs::remove_dir_all(t.rootfs().join("l".repeat(120))).unwrap();
    fs::remove_file(t.rootfs().join("fifo")).unwrap();
    for format in ["--format=ustar", "--format=v7", "--format=oldgnu"] {
        let path = packed(&t, "image", &[format]);
        let out = run(&t).opt("--rootfs").opt(&path).cmd(["ls", "/bin/busybox"]).output();
        assert_eq!(out.ok(), "/bin/busybox\n", "{format}");
    }
}

#[test]
fn archives_of_busybox_are_roots() {
    let t = case!("-", "busybox");
    let path = t.path("image");
    let script = format!("cd {} && busybox tar -cf {} .", t.rootfs().display(), path.display());
    host("sh", &["-c", &script]);
    let out = run(&t).opt("--rootfs").opt(&path).sh("echo $0; ls -l /bin/sh | wc -l").output();
    assert_eq!(out.ok(), "/bin/sh\n1\n");
}

#[test]
fn an_archive_comes_from_standard_input() {
    let t = case!("-", "tar", "zstd");
    let path = packed(&t, "image", &[]);
    let bytes = fs::read(&path).unwrap();
    let script = "cat; readlink /proc/self/fd/0; ls /bin/busybox";
    for bytes in [gzip(&bytes), bytes] {
        let out = run(&t).opts(["--rootfs", "-"]).stdin(bytes).sh(script).output();
        assert_eq!(out.ok(), "/dev/null\n/bin/busybox\n");
    }
    // As the message about other packers says.
    host("zstd", &["-q", path.to_str().unwrap(), "-o", t.path("image.zst").to_str().unwrap()]);
    let packed = run(&t).opt("--rootfs").opt(t.path("image.zst")).cmd(["true"]).output();
    packed.refused(125, &["image.zst", "zstd -dc FILE | rootlet run --rootfs -"]);
    let script = "zstd -dc $DIR/image.zst | $BIN run --rootfs - -- ls /bin/busybox";
    assert_eq!(t.host_script(script).ok(), "/bin/busybox\n");
    run(&t)
        .opts(["--rootfs", "-", "--rootfs", "-"])
        .cmd(["true"])
        .output()
        .refused(125, &["twice"]);
}

#[test]
fn attributes_are_those_of_the_archive() {
    let t = case!("-");
    let mut image = Image::new();
    let member =
        |image: &mut Image, kind, name: &str, mode: u32, ids: (u64, u64), content: &[u8]| {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_uid(ids.0);
            header.set_gid(ids.1);
            header.set_mtime(1_234_567_890);
            header.set_size(content.len() as u64);
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
            image.0.append_data(&mut header, name, content).unwrap();
        };
    member(&mut image, EntryType::Directory, "d/", 0o2751, (7, 8), b"");
    member(&mut image, EntryType::Regular, "d/set", 0o6755, (1000, 50), b"x");
    member(&mut image, EntryType::Regular, "implied/none", 0, (3_000_000, 0), b"y");
    member(&mut image, EntryType::Char, "null", 0o666, (0, 0), b"");
    member(&mut image, EntryType::Fifo, "pipe", 0o600, (5, 5), b"");
    let script =
        "stat -c '%a %u:%g %Y %F' /d /d/set /implied/none /null /pipe; stat -c '%a %u' /implied";
    let out = image.over_root(&t, "image", script);
    let expected = "2751 7:8 1234567890 directory\n6755 1000:50 1234567890 regular file\n\
        0 3000000:0 1234567890 regular file\n666 0:0 1234567890 character special file\n\
        600 5:5 1234567890 fifo\n755 0\n";
    assert_eq!(out.ok(), expected);
}

#[test]
fn archives_lie_over_each_other() {
    let t = case!("-");
    let lower = Image::new()
        .file("app/old", "old\n")
        .file("app/sub/deep", "deep\n")
        .file("opq/a", "a\n")
        .file("opq/sub/b", "b\n")
        .file("kind", "file\n")
        .raw(EntryType::Directory, b"tree/", b"", b"")
        .file("tree/x", "x\n")
        .link(EntryType::Symlink, "to-app", "/app");
    let upper = Image::new()
        .file("app/.wh.old", "")
        .file("app/.wh.sub", "")
        .file("app/.wh.never", "")
        .file("app/new", "new\n")
        .file("opq/.wh..wh..opq", "")
        .file("opq/c", "c\n")
        .file("opq/.wh..wh.plnk", "")
        .raw(EntryType::Directory, b"kind/", b"", b"")
        .file("tree", "no tree\n")
        .file("to-app/through", "through\n");
    let (lower, upper) =
        (t.file("lower.tar", lower.bytes()), t.file("upper.tar", gzip(&upper.bytes())));
    let script = "cd /; ls -d app/* opq/* opq/.wh* kind tree; cat tree; stat -c %F kind";
    let out = run(&t)
        .opt("--rootfs")
        .opt(&upper)
        .opt("--rootfs")
        .opt(&lower)
        .opt("--rootfs")
        .opt(t.rootfs());
    let out = out.sh(script).output();
    let expected = "app/new\napp/through\nkind\nopq/c\ntree\nno tree\ndirectory\n";
    assert_eq!(out.stdout, expected, "{out:?}");
    assert!(!t.rootfs().join("app").exists());
}

#[test]
fn nothing_leads_out_of_the_root() {
    let t = case!("-");
    let outside = t.folder("outside");
    fs::write(outside.join("secret"), "secret\n").unwrap();
    let out = outside.to_str().unwrap();
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
    // Links lead to places inside; what has a link's name takes its place.
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
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "something was made outside");
    assert!(!t.path("x").exists());
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
        ("cut-content", good[..1700].to_vec(), &["b (byte 1700)", "cut"]),
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

#[test]
fn unpacking_takes_constant_memory() {
    let t = case!("-", "tar");
    // 100 MB of which no part is like another, through a pipe.
    let mut rng = fastrand::Rng::with_seed(3);
    let mut bytes = vec![0; 100 << 20];
    rng.fill(&mut bytes);
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    let mut image = Builder::new(Vec::new());
    image.append_data(&mut header, "big", &bytes[..]).unwrap();
    drop(bytes);
    let image = image.into_inner().unwrap();
    let script = "stat -c %s /big; grep VmHWM /proc/1/status | tr -dc 0-9";
    let mut stored = GzEncoder::new(Vec::new(), Compression::none());
    stored.write_all(&image).unwrap();
    for image in [image, stored.finish().unwrap()] {
        let out = run(&t).opts(["--rootfs", "-", "--rootfs"]).opt(t.rootfs());
        let out = out.stdin(image).sh(script).output();
        let (size, peak) = out.ok().split_once('\n').unwrap();
        assert_eq!(size, (100 << 20).to_string());
        let peak: u64 = peak.parse().unwrap();
        println!("measured: {peak} KiB at most while 100 MB were unpacked");
        assert!(peak < 1200, "{peak} KiB");
    }
}

#[test]
fn a_directory_keeps_what_is_unpacked() {
    let t = case!("-", "tar");
    let before = Host::now();
    let image = packed(&t, "image", &[]);
    let into = |dir: &Path| run(&t).opt("--rootfs").opt(&image).opt("--into").opt(dir);
    let kept = t.folder("kept");
    assert_eq!(
        into(&kept).sh("echo x > /etc/new; ls /bin/busybox").output().ok(),
        "/bin/busybox\n"
    );
    assert_eq!(fs::read_to_string(kept.join("etc/new")).unwrap(), "x\n");
    let again = run(&t).opt("--rootfs").opt(&kept).cmd(["cat", "/etc/new"]).output();
    assert_eq!(again.ok(), "x\n");
    // What is there is not mixed with what comes.
    into(&kept).cmd(["true"]).output().refused(125, &["kept", "not empty"]);
    into(&t.path("none")).cmd(["true"]).output().refused(125, &["none", "ENOENT"]);
    // Where CMD is never started, nothing stays: a broken archive, a program that is not there.
    let cut = t.file("cut", &fs::read(&image).unwrap()[..100_000]);
    let dir = t.folder("dir");
    let out = run(&t).opt("--rootfs").opt(cut).opt("--into").opt(&dir).cmd(["true"]).output();
    out.refused(125, &["unpack", "cut"]);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "a broken archive leaves its files");
    into(&dir).cmd(["/nope"]).output().refused(127, &["/nope"]);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "a container that never ran leaves files");
    before.unchanged(&t, "unpacking into a directory");
}

#[test]
fn a_user_unpacks_too() {
    let t = case!("-", "tar");
    let image = packed(&t, "image", &["--owner=1000", "--group=50", "--numeric-owner"]);
    fs::set_permissions(&image, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let mut device = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Block);
    header.set_size(0);
    device.append_data(&mut header, "disk", &[][..]).unwrap();
    let device = t.file("device", device.into_inner().unwrap());
    fs::set_permissions(&device, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let bin = open_to_user(&t);
    let script =
        "id -u; stat -c '%u %g' /bin/busybox; ls /disk 2>&1 | grep -c 'No such'; : > /etc/x";
    let user = || Rootlet::new(&bin, t.dir()).opt("run").under(AS_USER);
    let out = user().opt("--rootfs").opt(&device).opt("--rootfs").opt(&image).sh(script).output();
    assert_eq!(out.ok(), "0\n0 0\n1\n", "who is alone owns everything, and has no devices");
    let dir = t.folder("mine");
    std::os::unix::fs::chown(&dir, Some(support::user::USER), Some(support::user::USER)).unwrap();
    user().opt("--rootfs").opt(&image).opt("--into").opt(&dir).cmd(["true"]).output().ok();
    assert_eq!(fs::metadata(dir.join("bin/busybox")).unwrap().uid(), support::user::USER);
    // More ids are kept as far as they are mapped.
    let mapped = |map: &str| {
        let out = run(&t).opts(["--uidmap", map, "--rootfs"]).opt(&image);
        out.sh("stat -c '%u %g' /bin/busybox").output()
    };
    assert_eq!(mapped("0:100000:65536").ok(), "1000 50\n");
    mapped("0:100000:100").refused(125, &["EINVAL", "--uidmap"]);
}

#[test]
fn users_of_an_archive_have_numbers() {
    let t = case!("-", "tar");
    let image = packed(&t, "image", &[]);
    let user = |name: &str| {
        run(&t).opts(["--user", name, "--rootfs"]).opt(&image).cmd(["id", "-u"]).output()
    };
    assert_eq!(user("1000:1000").ok(), "1000\n");
    user("nobody").refused(125, &["--user nobody", "give numbers"]);
    user("1000:audio").refused(125, &["give numbers"]);
}

#[test]
fn a_root_in_memory_has_the_usual_options() {
    let t = case!("-", "tar");
    let image = packed(&t, "image", &[]);
    let table = run(&t).opt("--rootfs").opt(&image).opt("--read-only");
    let table = Mounts::parse(table.cmd(["cat", "/proc/self/mountinfo"]).output().ok());
    let root = table.at("/");
    assert!(root.kind == "tmpfs" && root.has(&["ro", "nodev"]), "{root:?}");
    let data = t.folder("data");
    let volume = format!("{}:/not/there", data.display());
    let out =
        run(&t).opt("--rootfs").opt(&image).opts(["-v", &volume, "--read-only", "--no-pivot"]);
    let out = out.sh(": > /not/there/x; : > /x").output();
    assert!(out.stderr.contains("Read-only file system"), "{out:?}");
    assert!(data.join("x").exists());
    run(&t).opts(["--rootfs", "-", "-t"]).cmd(["true"]).output().refused(125, &["--tty"]);
}

#[test]
fn a_signal_ends_the_wait_for_an_archive() {
    let t = case!("-");
    let before = Host::now();
    let dir = t.folder("dir");
    let image = Image::new().file("a", "x").bytes();
    let mut waiting =
        run(&t).opts(["--rootfs", "-", "--into"]).opt(&dir).open_stdin().cmd(["true"]).spawn();
    waiting.write(&image[..1024]);
    assert!(support::await_true(|| dir.join("a").exists()), "nothing is unpacked");
    support::kill(waiting.pid(), 15);
    assert_eq!(waiting.finish().code(), 128 + 15);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "half an archive is left");
    before.unchanged(&t, "a signal while unpacking");
}

#[test]
fn a_supervisor_killed_while_unpacking_takes_the_container_along() {
    let t = case!("-");
    let before = Host::now();
    let image = Image::new().file("a", "x").bytes();
    let mut waiting = run(&t).opts(["--rootfs", "-"]).open_stdin().cmd(["true"]).spawn();
    waiting.write(&image[..1024]);
    let inside = || !support::children(waiting.pid()).is_empty();
    assert!(support::await_true(inside), "there is no container");
    support::kill(waiting.pid(), 9);
    drop(waiting);
    before.unchanged(&t, "a killed supervisor");
}
