//! Volumes, tmpfs mounts and the read-only root.

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::user::build_effective_id;
use support::{Case, Host, Mounts, case};

fn table(t: &Case, options: &[&str]) -> Mounts {
    Mounts::parse(&t.inside(options, "cat /proc/self/mountinfo"))
}

#[test]
fn a_directory_is_shared_with_the_host() {
    let t = case!("-");
    let data = t.folder("data");
    fs::write(data.join("from-host"), "h\n").unwrap();
    for form in ["/data", "/data:rw", "/deep/er/data"] {
        let target = form.split(':').next().unwrap();
        let volume = format!("{}:{form}", data.display());
        let script = format!("cat {target}/from-host; echo c > {target}/from-container");
        assert_eq!(t.inside(&["-v", &volume], &script), "h\n");
        assert_eq!(fs::read_to_string(data.join("from-container")).unwrap(), "c\n");
        fs::remove_file(data.join("from-container")).unwrap();
    }
    // The mount point that was made is an empty directory, as nothing was copied.
    assert_eq!(fs::read_dir(t.rootfs().join("deep/er/data")).unwrap().count(), 0);
}

#[test]
fn a_single_file_can_be_a_volume() {
    let t = case!("-");
    let file = t.file("file", "content\n");
    let new = format!("{}:/etc/new:ro", file.display());
    let over = format!("{}:/etc/passwd:ro", file.display());
    let script =
        "cat /etc/new /etc/passwd; (echo x > /etc/new) 2>&1 | grep -c 'Read-only file system'";
    assert_eq!(t.inside(&["-v", &new, "--volume", &over], script), "content\ncontent\n1\n");
    assert_eq!(
        fs::metadata(t.rootfs().join("etc/new")).unwrap().len(),
        0,
        "an empty file as mount point"
    );
    // A file does not go over a directory, nor a directory over a file.
    let wrong = format!("{}:/etc", file.display());
    t.run().opts(["-v", &wrong]).cmd(["true"]).output().refused(125, &["/etc", "move_mount"]);
    let wrong = format!("{}:/etc/passwd", t.folder("data").display());
    t.run()
        .opts(["-v", &wrong])
        .cmd(["true"])
        .output()
        .refused(125, &["/etc/passwd", "move_mount"]);
}

#[test]
fn options_become_flags() {
    let t = case!("-");
    let data = t.folder("data");
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("", &["rw", "nodev"], &["ro", "nosuid", "noexec"]),
        (":ro", &["ro", "nodev"], &["rw"]),
        (":rw", &["rw", "nodev"], &["ro"]),
        (":nosuid", &["rw", "nodev", "nosuid"], &["noexec"]),
        (":nodev", &["rw", "nodev"], &["noexec"]),
        (":noexec", &["rw", "nodev", "noexec"], &["nosuid"]),
        (":ro,nosuid,nodev,noexec", &["ro", "nosuid", "nodev", "noexec"], &[]),
    ];
    for (form, flags, absent) in rows {
        let table = table(&t, &["-v", &format!("{}:/data{form}", data.display())]);
        let mount = table.at("/data");
        assert!(mount.has(flags), "{form}: {mount:?}");
        assert!(absent.iter().all(|&flag| !mount.flags.contains(flag)), "{form}: {mount:?}");
    }
}

#[test]
fn noexec_and_nosuid_have_their_effect() {
    let t = case!("-", "cc");
    let data = t.folder("data");
    fs::write(data.join("script"), "#!/bin/sh\necho ran\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(data.join("script"), mode).unwrap();
    let volume = |options: &str| format!("{}:/data{options}", data.display());
    assert_eq!(t.inside(&["-v", &volume("")], "/data/script"), "ran\n");
    t.run()
        .opts(["-v", &volume(":noexec")])
        .cmd(["/data/script"])
        .output()
        .refused(126, &["EACCES"]);
    build_effective_id(&t, &data.join("id"));
    for (options, id) in [("", "0\n"), (":nosuid", "1000\n")] {
        let run = t.run().opts(["--security-opt", "no-new-privileges=false", "-u", "1000:1000"]);
        let run = run.opts(["-v", &volume(options)]).cmd(["/data/id"]).output();
        assert_eq!(run.ok(), id, "{options}");
    }
}

#[test]
fn read_only_holds_for_the_whole_subtree() {
    let t = case!("-", "unshare");
    // A volume with a mount below it: a bind's own flag would leave that one writable.
    let script = "mkdir $DIR/data $DIR/data/sub; mount -t tmpfs inner $DIR/data/sub; touch $DIR/data/sub/there
        $BIN run --rootfs $ROOT -v $DIR/data:/data:ro -- sh -c \
          'ls /data/sub; for d in /data /data/sub; do (: > $d/x) 2>&1 | grep -o \"Read-only file system\"; done'
        $BIN run --rootfs $ROOT -v $DIR/data:/data -- sh -c ': > /data/sub/x'; ls $DIR/data/sub";
    let expected = "there\nRead-only file system\nRead-only file system\nthere\nx\n";
    assert_eq!(t.host_script(script).ok(), expected);
}

#[test]
fn a_read_only_root_covers_its_submounts_but_not_volumes() {
    let t = case!("-", "unshare");
    let script = "mkdir $DIR/data; mount -t tmpfs inner $ROOT/mnt; mount -t tmpfs data $DIR/data
        $BIN run --rootfs $ROOT --read-only -v $DIR/data:/home --tmpfs /tmp -- sh -c \
          'for d in / /etc /mnt /home /tmp /dev/shm /run; do (: > $d/x) 2> /dev/null && echo $d; done; true'";
    assert_eq!(t.host_script(script).ok(), "/home\n/tmp\n/dev/shm\n");
}

#[test]
fn a_read_only_root_has_no_new_mount_points() {
    let t = case!("-");
    let before = Host::now();
    let data = t.folder("data");
    let volume = format!("{}:/nowhere/there", data.display());
    t.run()
        .opts(["--read-only", "-v", &volume])
        .cmd(["true"])
        .output()
        .refused(125, &["/nowhere", "EROFS"]);
    t.run()
        .opts(["--read-only", "--tmpfs", "/nowhere"])
        .cmd(["true"])
        .output()
        .refused(125, &["/nowhere", "EROFS"]);
    assert!(!t.rootfs().join("nowhere").exists());
    before.unchanged(&t, "a missing mount point below a read-only root");
}

#[test]
fn tmpfs_takes_its_options() {
    let t = case!("-");
    let default = table(&t, &["--tmpfs", "/scratch"]);
    let mount = default.at("/scratch");
    assert!(mount.kind == "tmpfs" && mount.has(&["rw", "nosuid", "nodev", "noexec"]), "{mount:?}");
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("size=1m", &["rw"], &["size=1024k"]),
        ("size=65536", &["rw"], &["size=64k"]),
        ("size=64k,mode=700", &["rw"], &["size=64k", "mode=700"]),
        ("mode=1770,ro", &["ro"], &["mode=1770"]),
        ("exec", &["rw", "nosuid", "nodev"], &[]),
    ];
    for (form, flags, options) in rows {
        let table = table(&t, &["--tmpfs", &format!("/scratch:{form}")]);
        let mount = table.at("/scratch");
        assert!(mount.has(flags), "{form}: {mount:?}");
        assert!(options.iter().all(|&option| mount.options.contains(option)), "{form}: {mount:?}");
        assert_eq!(mount.flags.contains("noexec"), !form.contains("exec"), "{form}: {mount:?}");
    }
    assert_eq!(t.inside(&["--tmpfs", "/scratch"], "stat -c %a /scratch; ls /scratch"), "1777\n");
    // It hides what was there, and nothing of it stays.
    assert_eq!(t.inside(&["--tmpfs", "/etc"], "ls /etc; touch /etc/new; ls /etc"), "new\n");
    assert!(!t.rootfs().join("etc/new").exists());
}

#[test]
fn later_mounts_go_on_top_of_earlier_ones() {
    let t = case!("-");
    let data = t.folder("data");
    fs::write(data.join("mark"), "").unwrap();
    let volume = format!("{}:/mnt/inner", data.display());
    assert_eq!(
        t.inside(&["--tmpfs", "/mnt", "-v", &volume], "ls /mnt /mnt/inner"),
        "/mnt:\ninner\n\n/mnt/inner:\nmark\n"
    );
    // Also the other way round: what was asked for is there, whichever kind it is.
    let volume = format!("{}:/mnt", data.display());
    fs::create_dir(data.join("inner")).unwrap();
    let inside =
        t.inside(&["-v", &volume, "--tmpfs", "/mnt/inner"], "ls /mnt; stat -f -c %T /mnt/inner");
    assert_eq!(inside, "inner\nmark\ntmpfs\n");
    assert_eq!(
        fs::read_dir(t.rootfs().join("mnt")).unwrap().count(),
        0,
        "the mount point was made in the tmpfs"
    );
}

#[test]
fn targets_are_resolved_below_the_root() {
    let t = case!("-");
    let before = Host::now();
    let (data, outside) = (t.folder("data"), t.folder("outside"));
    fs::write(data.join("mark"), "").unwrap();
    symlink(&outside, t.rootfs().join("out")).unwrap();
    symlink("/proc/self/cwd", t.rootfs().join("magic")).unwrap();
    symlink("loop", t.rootfs().join("loop")).unwrap();
    for (target, errno) in [
        ("/out", Some("ENOENT")),
        ("/out/below", Some("ENOENT")),
        ("/../../../../up", None),
        ("/etc/../../../up2", None),
        ("/magic", Some("ELOOP")),
        ("/magic/x", Some("ELOOP")),
        ("/loop", Some("ELOOP")),
        ("/loop/x", Some("ELOOP")),
    ] {
        let volume = format!("{}:{target}", data.display());
        for words in [["-v", &volume], ["--tmpfs", target]] {
            let run = t.run().opts(words).cmd(["true"]).output();
            match errno {
                Some(errno) => drop(run.refused(125, &[target, &format!("openat2: {errno}")])),
                None => drop(run.ok()),
            }
        }
    }
    assert!(t.rootfs().join("up").is_dir() && t.rootfs().join("up2").is_dir());
    assert_eq!(
        fs::read_dir(&outside).unwrap().count(),
        0,
        "something was made outside of the root"
    );
    assert!(!t.path("up").exists() && !t.path("up2").exists());
    before.unchanged(&t, "targets outside of the root");
}

#[test]
fn a_source_is_what_its_path_means_on_the_host() {
    let t = case!("-");
    let data = t.folder("data");
    fs::write(data.join("mark"), "").unwrap();
    symlink("data", t.path("link")).unwrap();
    let volume = format!("{}:/data", t.path("link").display());
    assert_eq!(t.inside(&["-v", &volume], "ls /data"), "mark\n");
    // A device of the host can be bound in, yet not opened: the mount is nodev.
    let null = t.run().opts(["-v", "/dev/null:/tmp/null"]).sh(": > /tmp/null").output();
    assert!(null.code() != 0 && null.stderr.contains("Permission denied"), "{null:?}");
}

#[test]
fn the_rootfs_is_writable_unless_told_otherwise() {
    let t = case!("-");
    t.inside(&[], "echo kept > /etc/kept");
    assert_eq!(fs::read_to_string(t.rootfs().join("etc/kept")).unwrap(), "kept\n");
    let run = t.run().opt("--read-only").sh("echo x > /etc/kept").output();
    assert!(run.code() != 0 && run.stderr.contains("Read-only file system"), "{run:?}");
    assert_eq!(fs::read_to_string(t.rootfs().join("etc/kept")).unwrap(), "kept\n");
}
