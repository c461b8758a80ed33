//! Roots out of archives: by GNU tar, by busybox, made by hand to do harm.

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::image::{Image, gzip};
use support::user::{AS_USER, open_to_user};
use support::{Case, Host, Mounts, Rootlet, case, host};
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
    // 1: a file was given another name meanwhile, as the roots of other tests share the large ones.
    assert!(matches!(status.unwrap().code(), Some(0 | 1)));
    path
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
