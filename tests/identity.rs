//! Who the command is: user, capabilities, environment, names, directory.

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::user::build_effective_id;
use support::{Host, case, copy_program, status_field};

/// CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT
/// KILL AUDIT_WRITE, as docker gives them.
const DEFAULT_CAPABILITIES: u64 = 0xa804_25fb;

/// Capability sets of the command: inheritable, permitted, effective, bounding, ambient.
fn capabilities(status: &str) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .map(|set| u64::from_str_radix(status_field(status, set), 16).unwrap())
}

#[test]
fn users_and_groups_are_found_by_name_and_by_number() {
    let t = case!("-");
    // user, uid, gid, supplementary groups beside it, HOME
    let rows = [
        ("root", "0", "0", "", "/root"),
        ("0", "0", "0", "", "/root"),
        ("0:0", "0", "0", "", "/root"),
        ("user", "1000", "1000", "50 63", "/home/user"),
        ("1000", "1000", "1000", "50 63", "/home/user"),
        ("user:staff", "1000", "50", "", "/home/user"),
        ("user:50", "1000", "50", "", "/home/user"),
        ("1000:1000", "1000", "1000", "", "/home/user"),
        ("nobody", "65534", "65534", "50", "/"),
        ("4294967294:4294967294", "4294967294", "4294967294", "", "/"),
        ("4242:4242", "4242", "4242", "", "/"),
        // A number is a number, even where a user is called by it.
        ("1001:1001", "1001", "1001", "", "/"),
    ];
    for (user, uid, gid, groups, home) in rows {
        let text = t.inside(&["--user", user], "cat /proc/self/status; echo HOME: $HOME");
        let quadruple = |id: &str| format!("{id}\t{id}\t{id}\t{id}");
        assert_eq!(status_field(&text, "Uid"), quadruple(uid), "{user}");
        assert_eq!(status_field(&text, "Gid"), quadruple(gid), "{user}");
        let supplementary: Vec<&str> =
            status_field(&text, "Groups").split(' ').filter(|&g| g != gid).collect();
        assert_eq!(supplementary.join(" ").trim(), groups, "{user}");
        assert_eq!(status_field(&text, "HOME"), home, "{user}");
    }
}

#[test]
fn supplementary_groups_of_the_caller_are_dropped() {
    let t = case!("-", "setpriv");
    let run = t
        .run()
        .opts(["--user", "0:0"])
        .sh("id -G")
        .under(["setpriv", "--groups", "4,27", "--"])
        .output();
    assert_eq!(run.ok(), "0\n");
}

#[test]
fn names_come_from_the_rootfs_not_from_the_host() {
    let t = case!("-");
    // The host's users do not exist inside, and a link for passwd is followed inside the root.
    fs::rename(t.rootfs().join("etc/passwd"), t.rootfs().join("etc/users")).unwrap();
    t.run().opts(["--user", "daemon"]).cmd(["true"]).output().refused(125, &["daemon"]);
    symlink("/etc/users", t.rootfs().join("etc/passwd")).unwrap();
    assert_eq!(t.inside(&["--user", "user"], "id -u"), "1000\n");
    fs::remove_file(t.rootfs().join("etc/passwd")).unwrap();
    let host = t.file("passwd", "stranger:x:7:7::/:/bin/sh\n");
    symlink(&host, t.rootfs().join("etc/passwd")).unwrap();
    t.run().opts(["--user", "stranger"]).cmd(["true"]).output().refused(125, &["stranger"]);
    assert_eq!(t.inside(&["--user", "12:13"], "id -u; id -g"), "12\n13\n", "numbers need no file");
}

#[test]
fn hostile_passwd_lines_give_no_identity() {
    let t = case!("-");
    let lines = "wrap:x:4294967296:0::/:/bin/sh\nminus:x:-1:0::/:/bin/sh\nlast:x:4294967295:0::/:/bin/sh\n\
                 empty:x::0::/:/bin/sh\nhex:x:0x0:0::/:/bin/sh\nshort:x:0\n\nspace:x: 0:0::/:/bin/sh\n";
    fs::write(t.rootfs().join("etc/passwd"), lines).unwrap();
    for user in ["wrap", "minus", "last", "empty", "hex", "short", "space"] {
        t.run().opts(["--user", user]).cmd(["true"]).output().refused(125, &[user]);
    }
}

#[test]
fn default_capabilities_are_dockers_and_no_more_can_be_gained() {
    let t = case!("run-container");
    let wanted = DEFAULT_CAPABILITIES;
    let root = t.inside(&[], "cat /proc/self/status");
    assert_eq!(capabilities(&root), [0, wanted, wanted, wanted, 0]);
    assert_eq!(status_field(&root, "NoNewPrivs"), "1");
    let user = t.inside(&["--user", "1000:1000"], "cat /proc/self/status");
    assert_eq!(capabilities(&user), [0, 0, 0, wanted, 0]);
    assert_eq!(status_field(&user, "NoNewPrivs"), "1");
    // A set-user-ID program gives an ordinary user nothing back.
    // A copy, as the file is shared with other tests' roots.
    fs::create_dir(t.rootfs().join("suid")).unwrap();
    copy_program(&t.rootfs().join("bin/busybox"), &t.rootfs().join("suid/cat"));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    fs::set_permissions(t.rootfs().join("suid/cat"), mode).unwrap();
    let status = t.inside(&["--user", "1000:1000"], "/suid/cat /proc/self/status");
    assert_eq!(capabilities(&status), [0, 0, 0, wanted, 0]);
    assert!(status_field(&status, "Uid").starts_with("1000\t1000\t1000"), "{status}");
}

#[test]
fn capabilities_are_added_and_dropped_by_name() {
    let t = case!("-");
    let host = fs::read_to_string("/proc/self/status").unwrap();
    let all = capabilities(&host)[1];
    let (chown, net_raw, net_admin) = (1, 1 << 13, 1 << 12);
    let rows: &[(&[&str], u64)] = &[
        (&["--cap-drop", "ALL"], 0),
        (&["--cap-drop", "CHOWN"], DEFAULT_CAPABILITIES & !chown),
        (
            &["--cap-drop", "CAP_NET_RAW", "--cap-drop", "chown"],
            DEFAULT_CAPABILITIES & !chown & !net_raw,
        ),
        (&["--cap-add", "NET_ADMIN"], DEFAULT_CAPABILITIES | net_admin),
        (&["--cap-add", "cap_net_admin"], DEFAULT_CAPABILITIES | net_admin),
        (&["--cap-drop", "ALL", "--cap-add", "CHOWN"], chown),
        (&["--cap-add", "CHOWN", "--cap-drop", "ALL"], chown),
        (&["--cap-add", "ALL"], all),
        (&["--cap-add", "ALL", "--cap-drop", "CHOWN"], all & !chown),
        (&["--privileged"], all),
    ];
    for (options, wanted) in rows {
        let sets = capabilities(&t.inside(options, "cat /proc/self/status"));
        assert_eq!(sets, [0, *wanted, *wanted, *wanted, 0], "{options:?}: {sets:x?}");
    }
}

#[test]
fn a_user_has_what_was_added_by_name_and_nothing_else() {
    let t = case!("-");
    let (net_admin, net_bind) = (1 << 12, 1 << 10);
    let rows: &[(&[&str], u64, u64)] = &[
        (&["--cap-add", "NET_ADMIN"], net_admin, DEFAULT_CAPABILITIES | net_admin),
        (&["--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"], net_bind, net_bind),
        (&["--cap-add", "NET_ADMIN", "--cap-drop", "NET_ADMIN"], 0, DEFAULT_CAPABILITIES),
    ];
    for (options, wanted, bounding) in rows {
        let options = [&["--user", "1000:1000"], *options].concat();
        // They outlive each exec: cat is the shell's child.
        let status = t.inside(&options, "cat /proc/self/status; true");
        let sets = capabilities(&status);
        assert_eq!(sets, [*wanted, *wanted, *wanted, *bounding, *wanted], "{options:?}: {sets:x?}");
        let init = t.inside(&options, "cat /proc/1/status; true");
        assert_eq!(capabilities(&init), sets);
    }
}

#[test]
fn a_set_user_id_program_works_where_that_was_asked_for() {
    let t = case!("-", "cc");
    build_effective_id(&t, &t.rootfs().join("bin/effective-id"));
    let allowed = "no-new-privileges=false";
    for (option, uid) in
        [("no-new-privileges=true", "1000"), (allowed, "0"), ("no-new-privileges", "1000")]
    {
        let options = ["--user", "1000:1000", "--security-opt", option];
        assert_eq!(t.inside(&options, "effective-id"), format!("{uid}\n"), "{option}");
        // The filter is there either way.
        let status = t.inside(&options, "cat /proc/self/status");
        assert_eq!(status_field(&status, "Seccomp"), "2");
    }
}

#[test]
fn pid_1_has_no_more_than_the_command() {
    let t = case!("run-container");
    for options in [&[][..], &["--user", "1000:1000"], &["--cap-drop", "ALL"]] {
        let text = t.inside(options, "cat /proc/1/status; echo ---; cat /proc/self/status");
        let (init, command) = text.split_once("---").unwrap();
        assert_eq!(capabilities(init), capabilities(command), "{options:?}");
        for field in ["Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp"] {
            assert_eq!(
                status_field(init, field),
                status_field(command, field),
                "{options:?} {field}"
            );
        }
    }
}

#[test]
fn environment_starts_with_three_variables() {
    let t = case!("-");
    let default = "HOME=/root\nHOSTNAME=rootlet\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";
    let run = |options: &[&str]| {
        // `cat environ` shows what exec was given; a shell would add its own.
        let run = t.run().opts(options).cmd(["cat", "/proc/self/environ"]);
        let run =
            run.env("SECRET", "of the caller").env("TERM", "dumb").env("COPIED", "a b").output();
        let mut lines: Vec<String> =
            run.ok().split_terminator('\0').map(|line| format!("{line}\n")).collect();
        lines.sort();
        lines.concat()
    };
    assert_eq!(run(&[]), default);
    let rows: &[(&[&str], &str)] = &[
        (&["--env", "A=1"], "A=1\n"),
        (&["--env", "A=1", "-e", "A=2"], "A=2\n"),
        (&["--env", "A="], "A=\n"),
        (&["--env", "A=b=c d"], "A=b=c d\n"),
        (&["--env", "COPIED"], "COPIED=a b\n"),
        (&["--env", "ABSENT"], ""),
    ];
    for (options, added) in rows {
        let mut lines: Vec<&str> = default.lines().chain(added.lines()).collect();
        lines.sort_unstable();
        assert_eq!(run(options), lines.join("\n") + "\n", "{options:?}");
    }
    assert!(run(&["--env", "HOME=/x", "--env", "PATH=/bin"]).starts_with("HOME=/x\n"));
    assert!(run(&["--hostname", "box"]).contains("HOSTNAME=box\n"));
}

#[test]
fn env_file_is_read_as_docker_does() {
    let t = case!("-");
    let content = "\u{feff}FIRST=1\n# a comment\n   # an indented one\n\n  INDENTED=x\nQUOTED=\"a b\"\nSPACED=  y  \n\
                   HASH=a#b\nCOPIED\nABSENT\nEMPTY=\nTWICE=1\nTWICE=2\nOVER=file\nCRLF=x\r\nLAST=end";
    let file = t.file("env", content);
    let run = t
        .run()
        .opts(["-e", "OVER=option", "--env-file"])
        .opt(&file)
        .cmd(["cat", "/proc/self/environ"]);
    let run = run.env("COPIED", "from the caller").output();
    let mut lines: Vec<&str> = run.ok().split_terminator('\0').collect();
    lines.retain(|line| !["HOME", "HOSTNAME", "PATH"].contains(&line.split('=').next().unwrap()));
    lines.sort_unstable();
    let wanted = [
        "COPIED=from the caller",
        "CRLF=x",
        "EMPTY=",
        "FIRST=1",
        "HASH=a#b",
        "INDENTED=x",
        "LAST=end",
        "OVER=option",
        "QUOTED=\"a b\"",
        "SPACED=  y  ",
        "TWICE=2",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn env_file_errors_name_file_and_line() {
    let t = case!("-");
    for (name, content, line) in [
        ("noname", "A=1\n=x\n", "2: needs KEY=VALUE or KEY"),
        ("blank", "A=1\n\n# c\nB C=x\n", "4: needs KEY=VALUE or KEY"),
        ("nul", "A=1\0x\n", "1: holds a NUL byte"),
    ] {
        let file = t.file(name, content);
        let run = t.run().opt("--env-file").opt(&file).cmd(["true"]).output();
        run.refused(125, &[&format!("/{name}:{line}")]);
    }
}

#[test]
fn hostname_and_domainname_change_inside_only() {
    let t = case!("run-container");
    let before = Host::now();
    let names =
        "cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname; hostname; echo $HOSTNAME";
    assert_eq!(
        t.inside(&["--hostname", "box", "--domainname", "example"], names),
        "box\nexample\nbox\nbox\n"
    );
    let longest = "h".repeat(64);
    assert_eq!(t.inside(&["--hostname", &longest], "hostname"), format!("{longest}\n"));
    before.unchanged(&t, "a hostname");
}

#[test]
fn a_hostname_for_the_hosts_namespace_is_refused() {
    let t = case!("-");
    let before = Host::now();
    for option in ["--hostname", "--domainname"] {
        t.run()
            .opts(["--uts", "host", option, "intruder"])
            .cmd(["true"])
            .output()
            .refused(125, &["--uts", "rename the host"]);
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(t.inside(&["--uts", "host"], "hostname; echo $HOSTNAME"), format!("{host}{host}"));
    before.unchanged(&t, "a hostname for the host");
}

#[test]
fn working_directory_is_inside_the_root() {
    let t = case!("-");
    let outside = t.folder("outside");
    symlink(&outside, t.rootfs().join("out")).unwrap();
    symlink("/etc", t.rootfs().join("in")).unwrap();
    assert_eq!(t.inside(&[], "pwd"), "/\n");
    assert_eq!(t.inside(&["--workdir", "/etc"], "pwd -P"), "/etc\n");
    assert_eq!(t.inside(&["-w", "/in"], "pwd -P"), "/etc\n");
    assert_eq!(t.inside(&["-w", "/../../etc"], "pwd -P"), "/etc\n");
    // A link to a host path is taken below the root, where that is not.
    for (dir, errno) in [
        ("/out", "ENOENT"),
        ("/nosuch/dir", "ENOENT"),
        ("/proc/self/fd/3", "ENOTDIR"),
        ("/proc/1/cwd", "EACCES"),
    ] {
        let run = t.run().opts(["-w", dir]).cmd(["pwd"]).output();
        run.refused(125, &[&format!("go to {dir}: chdir: {errno}")]);
    }
}

#[test]
fn working_directory_must_be_open_to_the_user() {
    let t = case!("-");
    let private = t.rootfs().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(t.inside(&["-w", "/private"], "pwd -P"), "/private\n");
    let run = t.run().opts(["-w", "/private", "-u", "1000:1000"]).cmd(["pwd"]).output();
    run.refused(125, &["/private", "EACCES"]);
}
