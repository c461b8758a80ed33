//! Layers over each other: what is written goes above them, or nowhere.

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use support::user::{AS_USER, open_to_user, run_as_user};
use support::{Case, Host, Mounts, Rootlet, case, host};

/// `rootlet run` without a root yet.
fn run(t: &Case) -> Rootlet {
    t.rootlet().opt("run")
}

/// A layer with one file.
fn layer(t: &Case, name: &str, file: &str, content: &str) -> String {
    let folder = t.folder(name);
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// Everything below a folder: names, modes, sizes, times.
fn snapshot(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        found.push(format!(
            "{} {:o} {} {}.{}",
            path.display(),
            meta.mode(),
            meta.len(),
            meta.mtime(),
            meta.mtime_nsec()
        ));
        if meta.is_dir() {
            found.extend(snapshot(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_written_is_thrown_away() {
    let t = case!("-");
    fs::remove_dir(t.rootfs().join("proc")).unwrap();
    let before = (snapshot(t.rootfs()), Host::now());
    let script = "echo new > /etc/new; rm /etc/passwd; mkdir -p /a/b; mv /etc/group /a/b/; echo more >> /etc/hosts
        rm -r /home; mkdir /home; ls /etc/new /a/b/group /proc/self/status; ls /etc/passwd /home/*";
    let run = t.run().opt("--overlay").sh(script).output();
    assert_eq!(run.stdout, "/a/b/group\n/etc/new\n/proc/self/status\n", "{run:?}");
    assert_eq!(run.stderr.matches("No such file").count(), 2, "{run:?}");
    assert_eq!(snapshot(t.rootfs()), before.0, "the root on the host has changed");
    before.1.unchanged(&t, "an overlay");
    // The container's table shows no path of the host, and one mount for the root.
    let table = Mounts::parse(&t.inside(&["--overlay"], "cat /proc/self/mountinfo"));
    let root = table.at("/");
    assert!(root.kind == "overlay" && root.has(&["rw", "nodev"]), "{root:?}");
    let dir = t.dir().to_str().unwrap();
    assert!(!format!("{table:?}").contains(dir), "{table:?}");
    assert_eq!(table.0.iter().filter(|mount| mount.point == "/").count(), 1);
}

#[test]
fn what_is_written_is_bounded_where_asked_for() {
    let t = case!("-");
    let script =
        "dd if=/dev/zero of=/big bs=64k count=64 2>&1 | grep -o 'No space left'; stat -c %s /big";
    let options = ["--overlay", "--storage-opt", "size=1m"];
    let out = t.inside(&options, script);
    let size: u64 = out.strip_prefix("No space left\n").unwrap().trim().parse().unwrap();
    assert!((900_000..=1 << 20).contains(&size), "{size}");
}

#[test]
fn an_upper_directory_keeps_what_is_written() {
    let t = case!("-");
    let (upper, work) = (t.folder("upper"), t.folder("work"));
    let keep = |script: &str| {
        let run = t.run().opt("--upper").opt(&upper).opt("--work").opt(&work);
        run.sh(script).output().ok().to_owned()
    };
    keep("echo one > /etc/one; rm /etc/passwd");
    assert_eq!(keep("cat /etc/one; ls /etc/passwd 2> /dev/null; echo two > /etc/one"), "one\n");
    assert_eq!(fs::read_to_string(upper.join("etc/one")).unwrap(), "two\n");
    assert!(fs::symlink_metadata(upper.join("etc/passwd")).unwrap().file_type().is_char_device());
    assert!(t.rootfs().join("etc/passwd").exists() && !t.rootfs().join("etc/one").exists());
    // The users are those of the uppermost file.
    fs::write(upper.join("etc/group"), "of-upper:x:77:\n").unwrap();
    let run = t.run().opt("--upper").opt(&upper).opt("--work").opt(&work);
    let out = run.opts(["--user", "5:of-upper"]).cmd(["id", "-g"]).output();
    out.refused(125, &["/etc/passwd", "not a regular file"]);
    fs::remove_file(upper.join("etc/passwd")).unwrap();
    let run = t.run().opt("--upper").opt(&upper).opt("--work").opt(&work);
    assert_eq!(run.opts(["--user", "5:of-upper"]).cmd(["id", "-g"]).output().ok(), "77\n");
}

#[test]
fn several_layers_lie_over_each_other_and_are_read_only() {
    let t = case!("-");
    let top = layer(&t, "top", "etc/which", "top\n");
    let middle = layer(&t, "middle", "etc/which", "middle\n");
    fs::write(t.path("middle/etc/middle"), "").unwrap();
    let over = |extra: &[&str], script: &str| {
        let run = run(&t).opts(["--rootfs", &top, "--rootfs", &middle, "--rootfs"]);
        run.opt(t.rootfs()).opts(extra).sh(script).output()
    };
    let script = "cat /etc/which; ls /etc/middle /etc/passwd; (: > /etc/x) 2>&1 | grep -o 'Read-only file system'";
    assert_eq!(over(&[], script).ok(), "top\n/etc/middle\n/etc/passwd\nRead-only file system\n");
    assert_eq!(over(&["--overlay"], ": > /etc/x; ls /etc/x").ok(), "/etc/x\n");
    assert_eq!(over(&["--overlay", "--read-only"], script).ok(), over(&[], script).ok());
    // Mount points are made above read-only layers too.
    let data = t.folder("data");
    let volume = format!("{}:/no/where", data.display());
    assert_eq!(over(&["-v", &volume], ": > /no/where/x; ls /no/where").ok(), "x\n");
    assert!(!t.rootfs().join("no").exists() && !t.path("top/no").exists());
    // What is not read-only stays so.
    assert_eq!(over(&["--tmpfs", "/tmp"], ": > /tmp/x; : > /dev/shm/x; ls /tmp").ok(), "x\n");
}

#[test]
fn paths_of_layers_may_have_any_byte() {
    let t = case!("-");
    let names = ["a:b", "a,b", "a\\b", "a b\n", "a=b'\"$", "\u{e9}"];
    let mut run = run(&t).opt("--overlay");
    for name in names {
        layer(&t, name, &format!("etc/{}", names.iter().position(|n| *n == name).unwrap()), "");
        run = run.opt("--rootfs").opt(t.path(name));
    }
    let (upper, work) = (t.folder("up:,\\per"), t.folder("wo:,\\rk"));
    let run = run.opt("--rootfs").opt(t.rootfs()).opt("--upper").opt(&upper).opt("--work");
    let out = run.opt(&work).sh("cd /etc; echo [0-9]; : > written").output();
    assert_eq!(out.ok(), "0 1 2 3 4 5\n");
    assert!(upper.join("etc/written").exists());
}

#[test]
fn a_layer_cannot_lead_mount_points_elsewhere() {
    let t = case!("-");
    let before = Host::now();
    let outside = t.folder("outside");
    for (name, point) in [("to-etc", "/etc"), ("to-host", outside.to_str().unwrap())] {
        let evil = t.folder(name);
        symlink(point, evil.join("proc")).unwrap();
        let run = run(&t).opt("--rootfs").opt(&evil).opt("--rootfs").opt(t.rootfs());
        run.cmd(["true"]).output().refused(125, &["/proc", "ENOTDIR", "a link or a file"]);
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    before.unchanged(&t, "evil layers");
}

#[test]
fn a_user_has_layers_too() {
    let t = case!("-");
    let top = layer(&t, "top", "etc/which", "top\n");
    // The files are his: what belongs to others he cannot write, above a layer as little as in it.
    let etc = t.rootfs().join("etc").to_str().unwrap().to_owned();
    host("chown", &["-R", "4242:4242", &etc]);
    let script = "cat /etc/which; id -u; echo x > /etc/new; rm /etc/passwd; ls /etc/new";
    let out = run_as_user(&t).opts(["--rootfs", &top, "--overlay"]).sh(script).output();
    assert_eq!(out.ok(), "top\n0\n/etc/new\n");
    assert!(!t.rootfs().join("etc/new").exists());
    let out =
        t.inside(&["--overlay", "--userns", "new"], "echo x > /etc/new; rm /etc/hosts; id -u");
    assert_eq!(out, "0\n");
    let out = t.inside(
        &["--overlay", "--uidmap", "0:100000:65536"],
        "stat -c %u /etc/passwd; : > /mine; stat -c %u /mine",
    );
    assert_eq!(out, "65534\n0\n", "owners of lower layers are who they are");
}

#[test]
fn the_root_of_the_host_can_be_written_without_being_changed() {
    let t = case!("-");
    let out = run(&t)
        .opts(["--rootfs", "/", "--overlay"])
        .sh("echo x > /etc/rootlet-test; cat /etc/rootlet-test");
    assert_eq!(out.output().ok(), "x\n");
    assert!(!Path::new("/etc/rootlet-test").exists());
}

#[test]
fn contradictions_are_refused() {
    let t = case!("-");
    let (root, dir) = (t.rootfs().to_str().unwrap(), t.folder("dir"));
    let dir = dir.to_str().unwrap();
    let file = t.file("file", "");
    let file = file.to_str().unwrap();
    let rows: &[(&[&str], &[&str])] = &[
        (&["--rootfs", root, "--upper", dir], &["--upper and --work"]),
        (&["--rootfs", root, "--work", dir], &["--upper and --work"]),
        (
            &["--rootfs", root, "--overlay", "--rootfs-idmap", "--userns", "new"],
            &["--rootfs-idmap"],
        ),
        (&["--rootfs", root, "--rootfs", dir, "--propagation", "shared"], &["--propagation"]),
        (&["--rootfs", root, "--storage-opt", "size=1m"], &["--storage-opt"]),
        (&["--rootfs", root, "--rootfs", "/no/such"], &["/no/such", "ENOENT"]),
        (&["--rootfs", root, "--rootfs", "/dev/null"], &["/dev/null", "neither"]),
        (&["--rootfs", root, "--rootfs", file], &["archives", "before"]),
        (&["--rootfs", root, "--into", dir], &["--into"]),
        (&["--rootfs", file, "--overlay"], &["directory"]),
        (&["--rootfs", root, "--upper", dir, "--work", file], &["file", "ENOTDIR"]),
        (&["--rootfs", root, "--upper", dir, "--work", dir], &["fsconfig"]),
        (&["--rootfs", root, "--rootfs", root], &["fsconfig", "ELOOP"]),
    ];
    let before = Host::now();
    for (options, words) in rows {
        run(&t).opts(*options).cmd(["true"]).output().refused(125, words);
    }
    before.unchanged(&t, "contradictions");
}

#[test]
fn a_root_without_rights_is_no_layer() {
    let t = case!("-");
    let bin = open_to_user(&t);
    let closed = t.folder("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(closed.join("inner")).unwrap();
    let run = Rootlet::new(&bin, t.dir()).opts(["run", "--overlay", "--rootfs"]);
    let run = run.opt(closed.join("inner")).under(AS_USER);
    run.cmd(["true"]).output().refused(125, &["closed/inner", "EACCES"]);
}
