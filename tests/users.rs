//! User namespaces: a user's containers, and root's with other ids.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use support::user::{USER, open_to_user, run_as_user as run};
use support::{Case, Host, Mounts, Terminal, case, status_field};

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn a_user_is_root_of_his_own_container() {
    let t = case!("-", "setpriv");
    let before = Host::now();
    let script =
        "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; echo $$";
    let run = run(&t).sh(script).output();
    let expected = ["0", "0", "0", "4242", "1", "0", "4242", "1", "deny", "2"];
    assert_eq!(words(run.ok()), expected);
    before.unchanged(&t, "a user's container");
}

#[test]
fn a_users_container_has_what_roots_has() {
    let t = case!("-", "setpriv");
    let table = |text: &str| {
        let mut points: Vec<String> =
            Mounts::parse(text).points().into_iter().map(str::to_owned).collect();
        points.sort();
        points
    };
    let show = "cat /proc/self/mountinfo";
    let own = run(&t).sh(show).output();
    assert_eq!(table(own.ok()), table(&t.inside(&[], show)));
    // Terminals have no group that does not exist there.
    let pts = Mounts::parse(own.ok());
    assert!(!pts.at("/dev/pts").options.contains("gid="), "{pts:?}");
    let script = "echo gone > /dev/null; head -c 2 /dev/zero | wc -c; hostname; ip link | grep -c LOOPBACK,UP
        grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; ls /dev; echo x > /dev/shm/x; cat /dev/shm/x";
    assert_eq!(run(&t).sh(script).output().ok(), t.inside(&[], script));
    for status in [0, 3, 137] {
        run(&t).sh(&format!("exit {status}")).output().ends(status);
    }
    run(&t).cmd(["nosuch"]).output().refused(127, &["nosuch"]);
}

#[test]
fn what_a_user_makes_inside_is_his_outside() {
    let t = case!("-", "setpriv");
    let data = t.folder("data");
    chown(&data, Some(USER), Some(USER)).unwrap();
    let volume = format!("{}:/mnt", data.display());
    run(&t)
        .opts(["-v", &volume, "--tmpfs", "/tmp"])
        .sh("echo x > /mnt/file; echo y > /tmp/y")
        .output()
        .ok();
    let file = fs::metadata(data.join("file")).unwrap();
    assert_eq!((file.uid(), file.gid()), (USER, USER));
    // Root inside is nobody to files of root outside.
    fs::set_permissions(t.file("secret", "x"), fs::Permissions::from_mode(0o600)).unwrap();
    let volume = format!("{}:/etc/passwd", t.path("secret").display());
    let denied = run(&t).opts(["-v", &volume]).sh("cat /etc/passwd").output();
    assert!(denied.code() != 0 && denied.stderr.contains("Permission denied"), "{denied:?}");
    let denied = run(&t).sh("chown 1 /bin/busybox || touch /etc/x").output();
    assert!(denied.code() != 0 && denied.stderr.contains("Permission denied"), "{denied:?}");
}

#[test]
fn a_user_shares_with_the_host_what_he_asks_for() {
    let t = case!("-", "setpriv");
    for option in ["--network", "--pid", "--ipc", "--uts", "--cgroupns"] {
        let kind =
            option.trim_start_matches("--").replace("network", "net").replace("cgroupns", "cgroup");
        let script = format!(
            "readlink /proc/self/ns/{kind}; test -d /sys/class/net && echo seen; kill -0 $$"
        );
        let run = run(&t).opts([option, "host"]).sh(&script).output();
        let host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        assert_eq!(run.ok(), format!("{}\nseen\n", host.display()), "{option}");
    }
}

#[test]
fn a_user_has_a_terminal() {
    let t = case!("-", "setpriv");
    let script = "tty; stat -c owner:%u /dev/console; test -t 0 && echo terminal";
    let mut terminal = Terminal::start(run(&t).opt("-t").sh(script), 24, 80);
    assert_eq!(terminal.finish().code(), Some(0), "{}", terminal.screen());
    terminal.expect("/dev/").expect("owner:0").expect("terminal\r\n");
}

#[test]
fn what_a_user_cannot_have_is_refused_in_one_line() {
    let t = case!("-", "setpriv");
    let rows: &[(&[&str], &[&str])] = &[
        (&["--userns", "host"], &["needs root"]),
        (&["--user", "1000"], &["--user 1000", "not mapped"]),
        (&["--user", "0:50"], &["not mapped"]),
        (&["--propagation", "shared"], &["shared"]),
        (&["--userns", "other"], &["--userns other", "host, new"]),
        (&["--userns", "ns:"], &["--userns ns:"]),
        (&["--userns", "ns:/proc/1/ns/user"], &["/proc/1/ns/user", "EACCES"]),
        (&["--userns", "host", "--uidmap", "0:4242:1"], &["--uidmap"]),
        (&["--uidmap", "0:4294967295:1"], &["--uidmap 0:4294967295:1"]),
        (&["--gidmap", "0:-1:1"], &["--gidmap 0:-1:1"]),
        (&["--uidmap", "0:4242:1", "--uidmap", "0:5:1"], &["overlaps"]),
    ];
    for (options, words) in rows {
        run(&t).opts(*options).cmd(["true"]).output().refused(125, words);
    }
}

#[test]
fn no_user_namespace_is_made_inside_where_that_was_asked_for() {
    let t = case!("-", "setpriv");
    let unconfined = ["--security-opt", "seccomp=unconfined"];
    let nested = "unshare -U true";
    run(&t).opts(unconfined).sh(nested).output().ok();
    let refused = run(&t).opts(unconfined).opt("--disable-userns").sh(nested).output();
    assert!(refused.code() != 0 && refused.stderr.contains("No space left"), "{refused:?}");
    // Nor can it be undone: /proc/sys is read-only.
    let undo = run(&t)
        .opts(unconfined)
        .opt("--disable-userns")
        .sh("echo 9 > /proc/sys/user/max_user_namespaces")
        .output();
    assert!(undo.code() != 0 && undo.stderr.contains("Read-only file system"), "{undo:?}");
    t.run().opt("--disable-userns").cmd(["true"]).output().refused(125, &["--disable-userns"]);
}

#[test]
fn roots_container_can_have_ids_of_its_own() {
    let t = case!("-");
    let map = ["--uidmap", "0:100000:1000", "--gidmap", "0:200000:1000"];
    open_to_user(&t);
    let data = t.folder("data");
    chown(&data, Some(100_000), Some(200_000)).unwrap();
    let volume = format!("{}:/mnt", data.display());
    let script = "id -u; id -g; cat /proc/self/setgroups; echo x > /mnt/file; chown 5:6 /mnt/file; stat -c %u:%g /mnt/file";
    let run = t.run().opts(map).opts(["-v", &volume]).sh(script).output();
    assert_eq!(run.ok(), "0\n0\nallow\n5:6\n");
    let file = fs::metadata(data.join("file")).unwrap();
    assert_eq!((file.uid(), file.gid()), (100_005, 200_006));
    let as_user = t.run().opts(map).opts(["--user", "7:8"]).sh("id -u; id -g").output();
    assert_eq!(as_user.ok(), "7\n8\n");
    t.run().opts(map).opts(["--user", "1000"]).cmd(["true"]).output().refused(125, &["not mapped"]);
    // Files of root are nobody's, for root is somebody else there.
    let denied = t.run().opts(map).sh("touch /etc/x").output();
    assert!(denied.code() != 0 && denied.stderr.contains("Permission denied"), "{denied:?}");
    // By itself everybody is who he is, but the capabilities are those of the namespace alone.
    let same = t.inside(&["--userns", "new"], "cat /proc/self/uid_map; stat -c %u /etc/passwd");
    assert_eq!(words(&same), ["0", "0", "4294967295", "0"]);
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    let inner = t.inside(&["--userns", "new"], "readlink /proc/self/ns/user");
    assert_ne!(inner.trim(), own.to_str().unwrap());
}

#[test]
fn an_existing_user_namespace_is_joined() {
    let t = case!("-");
    let map = ["--uidmap", "0:100000:1000"];
    let first =
        t.run().opts(map).opts(["--pid-file"]).opt(t.path("pid")).sh("echo up; sleep 9").spawn();
    first.expect("up");
    let pid = fs::read_to_string(t.path("pid")).unwrap();
    let users = format!("ns:/proc/{}/ns/user", pid.trim());
    let script = "readlink /proc/self/ns/user; id -u; cat /proc/self/uid_map";
    let joined = t.run().opts(["--userns", &users]).sh(script).output();
    let namespace = fs::read_link(format!("/proc/{}/ns/user", pid.trim())).unwrap();
    assert_eq!(words(joined.ok()), [namespace.to_str().unwrap(), "0", "0", "100000", "1000"]);
    support::kill(first.pid(), 15);
    first.finish();
    let bad = t.file("file", "");
    let bad = format!("ns:{}", bad.display());
    t.run().opts(["--userns", &bad]).cmd(["true"]).output().refused(125, &["file", "EINVAL"]);
    t.run()
        .opts(["--userns", "ns:/no/such"])
        .cmd(["true"])
        .output()
        .refused(125, &["/no/such", "ENOENT"]);
}

/// The user with a name, and with ids that the host grants him or not, in a mount namespace of the test's own.
fn with_grants(t: &Case, grants: &str, options: &str, script: &str) -> support::Outcome {
    open_to_user(t);
    t.file("passwd", "root:x:0:0::/root:/bin/sh\nsomebody:x:4242:4242::/:/bin/sh\n");
    t.file("group", "root:x:0:\nsomebody:x:4242:\n");
    t.file("grants", grants);
    t.file("script", script);
    t.host_script(&format!(
        "for file in passwd group; do mount --bind $DIR/$file /etc/$file; done
        for file in subuid subgid; do test -e /etc/$file && mount --bind $DIR/grants /etc/$file; done
        exec setpriv --reuid 4242 --regid 4242 --clear-groups $DIR/rootlet run --rootfs $ROOT {options} \
            -- sh -c \"$(cat $DIR/script)\""
    ))
}

#[test]
fn auto_takes_the_ids_that_the_host_grants() {
    let t = case!("-", "setpriv", "newuidmap");
    let script = "cat /proc/self/uid_map /proc/self/gid_map; chown 5 /tmp/x 2>/dev/null; id -u; cat /proc/self/setgroups";
    let granted = with_grants(&t, "somebody:300000:65536\n", "--userns auto --tmpfs /tmp", script);
    let map = ["0", "4242", "1", "1", "300000", "65536"];
    assert_eq!(words(granted.ok()), [&map[..], &map, &["0", "allow"]].concat());
    assert_eq!(granted.stderr, "");
    let user =
        with_grants(&t, "somebody:300000:65536\n", "--userns auto --user 9:9", "id -u; id -g");
    assert_eq!(user.ok(), "9\n9\n");
    // What is not granted is refused by the helper, or not asked for.
    let alone =
        with_grants(&t, "other:300000:65536\n", "--userns auto", "id -u; cat /proc/self/uid_map");
    assert_eq!(words(&alone.stdout), ["0", "0", "4242", "1"]);
    assert!(alone.stderr.contains("one id only") && alone.stderr.lines().count() == 1, "{alone:?}");
    let asked = "--uidmap 0:4242:1 --uidmap 1:300000:9 --gidmap 0:4242:1";
    let own = with_grants(&t, "somebody:300000:65536\n", asked, "cat /proc/self/uid_map");
    assert_eq!(words(own.ok()), ["0", "4242", "1", "1", "300000", "9"]);
    let foreign = "--uidmap 0:4242:1 --uidmap 1:900000:9 --gidmap 0:4242:1";
    let refused = with_grants(&t, "somebody:300000:65536\n", foreign, "true");
    assert_eq!(refused.code(), 125, "{refused:?}");
    assert!(refused.stderr.contains("newuidmap: EPERM"), "{refused:?}");
}

#[test]
fn files_are_owned_by_the_containers_users_where_that_was_asked_for() {
    let t = case!("-");
    let map = ["--uidmap", "0:100000:65536"];
    let data = t.folder("data");
    fs::write(data.join("old"), "").unwrap();
    chown(data.join("old"), Some(7), Some(8)).unwrap();
    let volume = format!("{}:/mnt:idmap", data.display());
    let script = "stat -c %u:%g /mnt/old /etc/passwd; echo x > /mnt/new; chown 3:4 /mnt/new; stat -c %u:%g /mnt/new
        cat /proc/self/uid_map; touch /etc/made && rm /etc/made";
    let run = t.run().opts(map).opts(["--rootfs-idmap", "-v", &volume]).sh(script).output();
    let owners = ["7:8", "0:0", "3:4", "0", "100000", "65536"];
    assert_eq!(words(run.ok()), owners);
    let new = fs::metadata(data.join("new")).unwrap();
    assert_eq!((new.uid(), new.gid()), (3, 4), "on the disk the owners are those of the container");
    // Without it they are nobody's.
    let plain = format!("{}:/mnt", data.display());
    let nobody = t.run().opts(map).opts(["-v", &plain]).sh("stat -c %u:%g /mnt/old").output();
    assert_eq!(nobody.ok(), "65534:65534\n");
    // A mount below the volume, read-only, and one that cannot be mapped.
    let read_only = format!("{volume},ro");
    let refused = t.run().opts(map).opts(["-v", &read_only]).sh("echo x > /mnt/x").output();
    assert!(refused.code() != 0 && refused.stderr.contains("Read-only"), "{refused:?}");
    let proc = t.run().opts(map).opts(["-v", "/proc:/mnt:idmap"]).cmd(["true"]).output();
    proc.refused(125, &["/proc", "mount_setattr: EINVAL", "owners"]);
    for options in
        [&["-v", &volume[..]][..], &["--rootfs-idmap"], &["--userns", "host", "--rootfs-idmap"]]
    {
        t.run()
            .opts(options)
            .cmd(["true"])
            .output()
            .refused(125, &["needs root and a new user namespace"]);
        // An ordinary user is refused as well.
        support::user::run_as_user(&t)
            .opts(options)
            .cmd(["true"])
            .output()
            .refused(125, &["needs root"]);
    }
}

#[test]
fn a_setting_that_refuses_user_namespaces_is_named() {
    let t = case!("-", "setpriv");
    open_to_user(&t);
    t.file("setting", "0\n");
    // The setting is only shown here, so something else must fail.
    let run = t.host_script(
        "mount --bind $DIR/setting /proc/sys/user/max_user_namespaces
        exec setpriv --reuid 4242 --regid 4242 --clear-groups $DIR/rootlet run --rootfs $ROOT \
            --ulimit nofile=999999999 -- true",
    );
    run.refused(125, &["EPERM", "/proc/sys/user/max_user_namespaces is 0"]);
}

#[test]
fn capabilities_inside_are_of_the_namespace() {
    let t = case!("-", "setpriv");
    // All of them, and still the host's clock and disks are out of reach.
    let script = "grep CapEff /proc/self/status; date -s 2020-01-01 >/dev/null 2>&1; date +%Y
        mknod /tmp/disk b 8 0 2>/dev/null || echo refused";
    let run = run(&t).opts(["--privileged", "--tmpfs", "/tmp"]).sh(script).output();
    assert_eq!(status_field(run.ok(), "CapEff"), "000001ffffffffff");
    assert!(run.ok().ends_with("refused\n") && !run.ok().contains("2020"), "{run:?}");
}
