//! The files of names in /etc: what is in them, and what is left alone.

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::{Case, Host, Outcome, case};

/// A run with options on a host that has files of its own, without touching the machine's.
fn on_host(t: &Case, options: &str, script: &str) -> Outcome {
    t.file(
        "resolv",
        "nameserver 127.0.0.53\nnameserver 10.9.9.9\nsearch home.arpa\noptions edns0\n",
    );
    t.file("hosts", "127.0.0.1 localhost\n10.9.9.1 printer\n");
    let command = format!(
        "mount --bind $DIR/resolv /etc/resolv.conf; mount --bind $DIR/hosts /etc/hosts
         $BIN run --rootfs $ROOT {options} -- sh -c '{script}'"
    );
    t.network_script(&command)
}

const SHOW: &str = "cat /etc/hostname; echo -; cat /etc/hosts; echo -; cat /etc/resolv.conf";
const LOCAL: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

#[test]
fn a_container_of_a_pair_has_names_of_its_own() {
    let t = case!("-", "ip", "unshare");
    let pair = "--network veth:v0,10.0.0.2/24,fd00::2/64 --hostname box";
    assert_eq!(
        on_host(&t, &format!("{pair} --add-host db:10.0.0.7 --add-host db6:fd00::7"), SHOW).ok(),
        format!(
            "box\n-\n{LOCAL}10.0.0.2\tbox\nfd00::2\tbox\n10.0.0.7\tdb\nfd00::7\tdb6\n-\n\
             nameserver 10.9.9.9\nsearch home.arpa\noptions edns0\n"
        )
    );
    let asked = "--dns 1.1.1.1 --dns fd00::53 --dns-search a.org --dns-search b.org";
    assert_eq!(
        on_host(&t, &format!("{pair} {asked}"), "cat /etc/resolv.conf").ok(),
        "options edns0\nnameserver 1.1.1.1\nnameserver fd00::53\nsearch a.org b.org\n"
    );
    // Everybody can read them and root can change them, whatever the caller's umask is; the root's own stay as they are.
    let before = fs::read_to_string(t.rootfs().join("etc/hosts")).unwrap();
    let script = "stat -c %a /etc/hosts /etc/resolv.conf /etc/hostname; echo x >> /etc/hosts; tail -n 1 /etc/hosts";
    let run =
        t.network_script(&format!("umask 077; $BIN run --rootfs $ROOT {pair} -- sh -c '{script}'"));
    assert_eq!(run.ok(), "644\n644\n644\nx\n");
    assert_eq!(fs::read_to_string(t.rootfs().join("etc/hosts")).unwrap(), before);
}

#[test]
fn the_hosts_network_comes_with_the_hosts_names() {
    let t = case!("-", "ip", "unshare");
    assert_eq!(
        on_host(&t, "--network host --hostname box --add-host db:10.0.0.7", SHOW).ok(),
        "box\n-\n127.0.0.1 localhost\n10.9.9.1 printer\n10.0.0.7\tdb\n-\n\
         nameserver 127.0.0.53\nnameserver 10.9.9.9\nsearch home.arpa\noptions edns0\n"
    );
}

#[test]
fn without_a_network_there_are_only_names_that_were_asked_for() {
    let t = case!("-", "ip", "unshare");
    let own = fs::read_to_string(t.rootfs().join("etc/hosts")).unwrap();
    let script = "cat /etc/hosts; grep -c /etc/ /proc/self/mountinfo; ls /etc/hostname";
    let plain = on_host(&t, "", script);
    assert_eq!(plain.stdout, format!("{own}0\n"), "{plain:?}");
    assert_eq!(
        on_host(&t, "--dns 10.0.0.53", SHOW).ok(),
        format!("rootlet\n-\n{LOCAL}127.0.0.1\trootlet\n-\nnameserver 10.0.0.53\n")
    );
}

#[test]
fn names_that_were_asked_for_are_never_left_out_in_silence() {
    let t = case!("-", "ip", "unshare");
    let before = Host::now();
    let asked = ["--dns 10.0.0.53", "--dns-search a.org", "--add-host db:10.0.0.7"];
    for name in ["resolv.conf", "hosts", "hostname"] {
        let _ = fs::remove_file(t.rootfs().join("etc").join(name));
    }
    let refused = |options: &str| {
        let run = on_host(&t, options, "echo ran");
        run.refused(125, &["rootfs has no place in /etc for --dns, --dns-search or --add-host"]);
    };
    // A read-only root cannot be given a file, one that is there can be covered.
    asked.iter().for_each(|option| refused(&format!("--read-only {option}")));
    fs::write(t.rootfs().join("etc/hosts"), "").unwrap();
    let run = on_host(&t, "--read-only --add-host db:10.0.0.7", "tail -n 1 /etc/hosts");
    assert_eq!(run.ok(), "10.0.0.7\tdb\n");
    for etc in ["nothing", "a file"] {
        let _ = fs::remove_dir_all(t.rootfs().join("etc"));
        if etc == "a file" {
            fs::write(t.rootfs().join("etc"), "").unwrap();
        }
        asked.iter().for_each(|option| refused(option));
        assert_eq!(on_host(&t, "--network host --hostname box", "hostname").ok(), "box\n");
    }
    before.unchanged(&t, "names without a place");
}

#[test]
fn links_of_the_root_lead_nowhere_outside() {
    let t = case!("-", "ip", "unshare");
    let before = Host::now();
    let outside = t.folder("outside");
    for name in ["resolv.conf", "hosts", "made"] {
        fs::write(outside.join(name), "untouched\n").unwrap();
    }
    let etc = t.rootfs().join("etc");
    let relink = |name: &str, to: &str| {
        fs::remove_file(etc.join(name)).ok();
        symlink(to, etc.join(name)).unwrap();
    };
    let options = "--network veth:v0,10.0.0.2/24 --dns 10.0.0.53";
    let count = "grep -c rootlet /etc/hosts; cat /etc/resolv.conf";
    // To a file of the host by its path there, and by way of the root's parent; both are other places inside.
    let above = format!("../../../../../../..{}", outside.join("hosts").display());
    relink("resolv.conf", outside.join("resolv.conf").to_str().unwrap());
    relink("hosts", &above);
    assert_eq!(
        on_host(&t, options, count).ok(),
        "1\nsearch home.arpa\noptions edns0\nnameserver 10.0.0.53\n"
    );
    // What systemd-resolved makes, in a root whose /run is empty; and a link to itself and to magic places.
    relink("resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
    relink("hosts", "/nowhere/../etc/there");
    let run = on_host(&t, options, "cat /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf");
    assert_eq!(run.ok().matches("nameserver 10.0.0.53\n").count(), 2);
    // A link to what no file can be bound over is an error, and one line.
    for (to, said) in [
        ("hosts", "openat2: ELOOP"),
        ("/proc/self/cwd/hosts", "openat2: ELOOP"),
        ("/proc/1/root/hosts", "openat2: ELOOP"),
        ("/dev/null", "mknodat: EEXIST"),
        (".", "move_mount: EINVAL"),
        ("/", "move_mount: EINVAL"),
    ] {
        relink("hosts", to);
        on_host(&t, options, "true").refused(125, &[said]);
    }
    // No file can be made where a directory is meant.
    relink("hosts", "x/");
    assert_eq!(on_host(&t, options, "test -e /etc/hosts || echo none").ok(), "none\n");
    let asked = format!("{options} --add-host db:10.0.0.7");
    on_host(&t, &asked, "true").refused(125, &["has no place in /etc"]);
    assert!(!etc.join("x").exists());
    for name in ["resolv.conf", "hosts", "made"] {
        assert_eq!(fs::read_to_string(outside.join(name)).unwrap(), "untouched\n");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 3);
    before.unchanged(&t, "links of the root");
}

#[test]
fn an_etc_that_leads_out_or_is_not_there_is_left_alone() {
    let t = case!("-", "ip", "unshare");
    let etc = t.rootfs().join("etc");
    fs::remove_dir_all(&etc).unwrap();
    let options = "--network veth:v0,10.0.0.2/24";
    assert_eq!(
        on_host(
            &t,
            options,
            "ls /etc 2>&1 | grep -c No; grep -c hosts /proc/self/mountinfo || true"
        )
        .ok(),
        "1\n0\n"
    );
    assert!(!etc.exists());
    let outside = t.folder("outside");
    symlink(&outside, &etc).unwrap();
    on_host(&t, options, "true").ok();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn what_is_missing_is_made_in_a_root_that_can_be_written() {
    let t = case!("-", "ip", "unshare");
    let pair = "--network veth:v0,10.0.0.2/24";
    let options = &format!("{pair} --dns 10.0.0.53");
    let files = ["hostname", "resolv.conf"].map(|name| t.rootfs().join("etc").join(name));
    let show = "cat /etc/hostname 2>&1 | grep -c rootlet; grep -c rootlet /etc/hosts";
    // A read-only root keeps what it has, and has none of the others.
    let read_only = on_host(&t, &format!("{pair} --read-only"), &format!("{show}; true"));
    assert_eq!(read_only.ok(), "0\n1\n");
    assert!(files.iter().all(|file| !file.exists()));
    // A start that fails takes away what it has made.
    let failed = on_host(&t, &format!("{options} -v $DIR/hosts:/tmp"), "true");
    failed.refused(125, &["move_mount"]);
    assert!(files.iter().all(|file| !file.exists()), "mount points of a failed start are left");
    assert_eq!(on_host(&t, options, show).ok(), "1\n1\n");
    assert!(files.iter().all(|file| fs::metadata(file).unwrap().len() == 0));
}

#[test]
fn a_mount_of_the_users_lies_over_them() {
    let t = case!("-", "ip", "unshare");
    let options = "--network veth:v0,10.0.0.2/24 -v $DIR/mine:/etc/hosts:ro";
    t.file("mine", "mine\n");
    assert_eq!(on_host(&t, options, "cat /etc/hosts /etc/hostname").ok(), "mine\nrootlet\n");
    assert_eq!(on_host(&t, "--network veth:v0,10.0.0.2/24 --tmpfs /etc", "ls /etc").ok(), "");
}

#[test]
fn servers_behind_systemd_resolved_are_found() {
    let t = case!("-", "ip", "unshare");
    t.file("stub", "nameserver 127.0.0.53\noptions edns0\n");
    t.file("real", "nameserver 10.8.8.8\n");
    let script = |options: &str| {
        format!(
            "mount --bind $DIR/stub /etc/resolv.conf; mount -t tmpfs none /run; mkdir -p /run/systemd/resolve
             cp $DIR/real /run/systemd/resolve/resolv.conf
             $BIN run --rootfs $ROOT {options} -- cat /etc/resolv.conf"
        )
    };
    let pair = t.network_script(&script("--network veth:v0,10.0.0.2/24"));
    assert_eq!(pair.ok(), "nameserver 10.8.8.8\n");
    let host = t.network_script(&script("--network host"));
    assert_eq!(host.ok(), "nameserver 127.0.0.53\noptions edns0\n");
    let asked = t.network_script(&script("--network veth:v0,10.0.0.2/24 --dns 1.1.1.1"));
    assert_eq!(asked.ok(), "options edns0\nnameserver 1.1.1.1\n");
}
