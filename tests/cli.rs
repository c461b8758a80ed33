//! The command line: help, and bad input with its exit code and one line.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use support::user::{AS_USER, open_to_user};
use support::{Case, Host, case};

/// Options of `run` that take a value.
const VALUED: &[&str] = &[
    "--rootfs",
    "--volume",
    "-v",
    "--tmpfs",
    "--hostname",
    "--domainname",
    "--workdir",
    "-w",
    "--user",
    "-u",
    "--env",
    "-e",
    "--env-file",
    "--network",
    "--pid",
    "--ipc",
    "--uts",
    "--cgroupns",
    "--propagation",
    "--pid-file",
    "--cap-add",
    "--cap-drop",
];

/// Options of `run` that take none.
const PLAIN: &[&str] = &[
    "--read-only",
    "--no-pivot",
    "--tty",
    "--interactive",
    "--no-init",
    "--privileged",
    "--explain",
    "--trace",
];

#[test]
fn version_is_one_line_on_stdout() {
    let t = case!("boot-command");
    assert_eq!(t.rootlet().opt("--version").output().ok(), "rootlet 0.1.0\n");
}

#[test]
fn help_goes_to_stdout_and_names_every_option() {
    let t = case!("-");
    let text = t.rootlet().opt("--help").output().ok().to_owned();
    for role in ["rootlet run", "rootlet init"] {
        assert!(text.contains(role), "no {role} in {text}");
    }
    let text = t.rootlet().opts(["run", "--help"]).output().ok().to_owned();
    let mut words =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect::<Vec<_>>();
    words.sort_unstable();
    for option in VALUED.iter().chain(PLAIN) {
        assert!(words.binary_search(option).is_ok(), "no {option} in {text}");
    }
    let text = t.rootlet().opts(["init", "--help"]).output().ok().to_owned();
    assert!(text.contains("rootlet init"), "{text}");
}

#[test]
fn help_and_version_need_neither_root_nor_a_readable_proc() {
    let t = case!("-", "setpriv", "unshare");
    let copy = open_to_user(&t);
    let no_proc =
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs empty /proc && exec \"$@\"", "sh"];
    for words in [&["--help"][..], &["--version"], &["run", "--help"], &["init", "--help"]] {
        let plain = t.rootlet().opts(words).output();
        let run = support::Rootlet::new(&copy, t.dir()).opts(words).under(AS_USER).under(no_proc);
        assert_eq!(run.output().ok(), plain.ok(), "{words:?}");
    }
}

#[test]
fn wrong_words_are_named() {
    let t = case!("-");
    let before = Host::now();
    let rootfs = t.rootfs().to_str().unwrap();
    let no_program = "run needs a program to run";
    let rows: &[(&[&str], &str)] = &[
        (&[], "needs a command"),
        (&["frobnicate"], "frobnicate is not a command"),
        (&["--frobnicate"], "--frobnicate is not a command"),
        (&["run"], "run needs --rootfs DIR"),
        (&["run", "--", "true"], "run needs --rootfs DIR"),
        (&["run", "--rootfs", rootfs], no_program),
        (&["run", "--rootfs", rootfs, "--"], no_program),
        (&["run", "--rootfs", rootfs, "--frobnicate", "true"], "--frobnicate is not an option"),
        (&["run", "--rootfs", rootfs, "-Z", "true"], "-Z is not an option"),
        (&["run", "--rootfs", rootfs, "--hostnam", "x", "true"], "--hostnam is not an option"),
        (&["run", "--rootfs", "", "true"], "--rootfs  is empty"),
        (&["init"], "init needs a program to run"),
        (&["init", "--"], "init needs a program to run"),
        (&["init", "--frobnicate", "true"], "init --frobnicate is not an option"),
    ];
    for (words, said) in rows {
        let outcome = t.rootlet().opts(*words).output();
        outcome.refused(125, &[&format!("rootlet: {said}")]);
    }
    before.unchanged(&t, "wrong words");
}

#[test]
fn an_option_without_its_value_is_named() {
    let t = case!("-");
    // A short one may be told by its long name.
    let long_name = |short: &str| {
        let first = &short[1..];
        VALUED
            .iter()
            .find_map(|option| option.strip_prefix("--").filter(|name| name.starts_with(first)))
    };
    for option in VALUED {
        let run = t.run().opt(option).output();
        run.refused(125, &["value"]);
        let long = if option.starts_with("--") { None } else { long_name(option) };
        let named =
            run.stderr.contains(option) || long.is_some_and(|name| run.stderr.contains(name));
        assert!(named, "{option}: {run:?}");
    }
}

#[test]
fn wrong_values_are_named() {
    let t = case!("-");
    let before = Host::now();
    let host_name_of_65 = "h".repeat(65);
    let rows: &[(&str, &str, &str)] = &[
        ("--network", "bridge", "is none of host, new,"),
        ("--pid", "", "is none of host, new,"),
        ("--ipc", "Host", "is none of host, new,"),
        ("--uts", "new ", "is none of host, new,"),
        ("--cgroupns", "shared", "is none of host, new,"),
        ("--propagation", "rslav", "is none of private, slave,"),
        ("--cap-add", "FROBNICATE", "is not a capability"),
        ("--cap-drop", "CAP_", "is not a capability"),
        ("--hostname", &host_name_of_65, "is longer than 64 bytes"),
        ("--volume", "onlyone", "needs SRC:DST"),
        ("--volume", ":/mnt", "needs SRC:DST"),
        ("--volume", "/tmp:", "needs SRC:DST"),
        ("--volume", "/tmp:/mnt:frobnicate", "has an option that no volume has"),
        ("--volume", "/tmp:/mnt:ro,frobnicate", "has an option that no volume has"),
        ("--volume", "/tmp:/mnt:ro:rw", "has an option that no volume has"),
        ("--tmpfs", "", "needs DST"),
        ("--tmpfs", "/mnt:frobnicate", "has an option or value that no tmpfs has"),
        ("--tmpfs", "/mnt:size=lots", "has an option or value that no tmpfs has"),
        ("--env", "=value", "needs KEY=VALUE or KEY"),
        ("--env", "", "needs KEY=VALUE or KEY"),
    ];
    for (option, value, said) in rows {
        let outcome = t.run().opts([option, value]).cmd(["true"]).output();
        outcome.refused(125, &[&format!("rootlet: {option} {value} {said}")]);
    }
    // What a path leads to is found out later.
    for (option, value, said) in [
        ("--volume", "/no/such/source:/mnt", "/no/such/source: newfstatat: ENOENT"),
        ("--env-file", "/no/such/file", "/no/such/file: openat: ENOENT"),
        ("--env-file", "/", "/ is not a regular file"),
        ("--pid-file", "/no/such/folder/pid", "to /no/such/folder/pid: openat: ENOENT"),
        ("--workdir", "/etc/passwd", "go to /etc/passwd: chdir: ENOTDIR"),
    ] {
        t.run().opts([option, value]).cmd(["true"]).output().refused(125, &[said]);
    }
    before.unchanged(&t, "wrong values");
}

#[test]
fn users_are_parsed_strictly() {
    let t = case!("-");
    let rows = [
        "",
        ":",
        "0:",
        ":0",
        "-1",
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "99999999999999999999",
        "0x0",
        "+0",
        " 0",
        "0 ",
        "1000x",
        "0:-1",
        "0:4294967295",
        "0:4294967296",
        "0:0x",
        "0:0:0",
        "nosuchuser",
        "root:nosuchgroup",
        "0:nosuchgroup",
        "root\n",
        "use",
    ];
    for user in rows {
        let said = format!("rootlet: --user {}", user.replace('\n', "\\x0a"));
        t.run().opts(["--user", user]).cmd(["true"]).output().refused(125, &[&said]);
    }
}

#[test]
fn a_rootfs_that_cannot_be_one_is_named() {
    let t = case!("-");
    let before = Host::now();
    let file = t.file("file", "");
    let long = format!("/{}", "x/".repeat(3000));
    let rows: &[(&str, &str)] = &[
        ("/no/such/rootfs", "ENOENT (No such file or directory)"),
        (file.to_str().unwrap(), "no tar archive"),
        ("no/such/rootfs", "ENOENT"),
    ];
    for (path, errno) in rows {
        let outcome = t.rootlet().opts(["run", "--rootfs", path]).cmd(["true"]).output();
        outcome.refused(125, &[path, errno]);
    }
    t.rootlet()
        .opts(["run", "--rootfs", &long])
        .cmd(["true"])
        .output()
        .refused(125, &["ENAMETOOLONG"]);
    before.unchanged(&t, "a bad rootfs");
}

#[test]
fn a_rootfs_that_may_not_be_read_is_named() {
    let t = case!("-", "setpriv");
    let before = Host::now();
    // Root may read anything by its capabilities; without those, another's closed directory is closed to it.
    let closed = t.folder("closed");
    chown(&closed, Some(1000), Some(1000)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let weak =
        ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all", "--"];
    let inner = closed.join("rootfs");
    let run = t.rootlet().opts(["run", "--rootfs"]).opt(&inner).cmd(["true"]).under(weak).output();
    run.refused(125, &[inner.to_str().unwrap(), "EACCES (Permission denied)"]);
    before.unchanged(&t, "an unreadable rootfs");
}

#[test]
fn an_empty_rootfs_stays_empty() {
    let t = case!("-");
    let before = Host::now();
    let empty = t.folder("empty");
    let run = t.rootlet().opts(["run", "--rootfs"]).opt(&empty).cmd(["/bin/true"]).output();
    run.refused(127, &["execute /bin/true: execve: ENOENT", "it is not in the root"]);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "mount points were made in it");
    before.unchanged(&t, "an empty rootfs");
}

#[test]
fn a_command_that_cannot_start_has_its_shell_like_exit_code() {
    let t = case!("bad-command");
    let before = Host::now();
    let bin = t.rootfs().join("bin");
    let foreign_elf = {
        // A whole header of a machine that does not exist, so that no kernel takes it.
        let mut elf = fs::read(support::bin()).unwrap();
        elf[18..20].copy_from_slice(&0xfffe_u16.to_le_bytes());
        elf
    };
    for (name, content, mode) in [
        ("foreign", &foreign_elf[..], 0o755),
        ("garbage", &b"\x01\x02\x03\x04"[..], 0o755),
        ("plain", &b"#!/bin/sh\nexit 0\n"[..], 0o644),
    ] {
        fs::write(bin.join(name), content).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("nowhere", bin.join("dangling")).unwrap();
    let rows = [
        ("nosuchcommand", 127, "ENOENT (No such file or directory)"),
        ("/bin/nosuchcommand", 127, "ENOENT"),
        ("/nosuchfolder/command", 127, "ENOENT"),
        ("/bin/dangling", 127, "ENOENT"),
        ("/bin/plain", 126, "EACCES (Permission denied)"),
        ("plain", 126, "EACCES"),
        ("/etc", 126, "EACCES"),
        ("/bin/foreign", 126, "ENOEXEC (Exec format error)"),
        ("foreign", 126, "ENOEXEC"),
        ("/bin/garbage", 126, "ENOEXEC"),
    ];
    for (command, code, errno) in rows {
        for extra in [&[][..], &["--no-init"]] {
            t.run().opts(extra).cmd([command]).output().refused(code, &[command, errno]);
        }
    }
    before.unchanged(&t, "a command that cannot start");
}

#[test]
fn path_search_passes_over_what_cannot_be_executed() {
    let t = case!("-");
    for folder in ["a", "b"] {
        fs::create_dir(t.rootfs().join(folder)).unwrap();
    }
    fs::write(t.rootfs().join("a/tool"), "#!/bin/sh\necho a\n").unwrap();
    fs::write(t.rootfs().join("b/tool"), "#!/bin/sh\necho b\n").unwrap();
    fs::set_permissions(t.rootfs().join("b/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = t.run().opts(["--env", "PATH=/nosuch:/a:/b:/bin"]).cmd(["tool"]).output();
    assert_eq!(run.ok(), "b\n");
}

#[test]
fn operands_with_line_breaks_still_give_one_line() {
    let t = case!("-");
    let strange = "no\nsuch\x1b[31m\rthing";
    t.rootlet().opts(["run", "--rootfs", strange]).cmd(["true"]).output().refused(125, &["such"]);
    t.run().opt(format!("--{strange}")).cmd(["true"]).output().refused(125, &["such"]);
    t.run().cmd([strange]).output().refused(127, &["such"]);
    let outcome = t.run().cmd([strange]).output();
    assert!(!outcome.stderr.contains('\x1b'), "a terminal would act on it: {outcome:?}");
}

#[test]
fn long_operands_still_give_one_line() {
    let t = case!("-");
    let long = "x".repeat(100_000);
    t.rootlet()
        .opts(["run", "--rootfs", &long])
        .cmd(["true"])
        .output()
        .refused(125, &["ENAMETOOLONG"]);
    // A long word is cut, and what is said of it is not.
    let unknown = t.run().opt(format!("--{long}")).cmd(["true"]).output();
    unknown.refused(125, &["... is not an option here"]);
    for (option, value, said) in [
        ("--workdir", &format!("/{long}"), "...: chdir: ENAMETOOLONG"),
        ("--user", &long, "... is not in /etc/passwd"),
        ("--hostname", &long, "... is longer than 64 bytes"),
    ] {
        let run = t.run().opts([option, value]).cmd(["true"]).output();
        run.refused(125, &[said]);
    }
    t.run().cmd([&long]).output().refused(126, &["execve: ENAMETOOLONG"]);
}

#[test]
fn a_hundred_thousand_variables_in_a_file_are_refused_with_the_bound() {
    let t = case!("-");
    let before = Host::now();
    let lines: String = (0..100_000).map(|n| format!("V{n}=x\n")).collect();
    let file = t.file("env", lines);
    let run = t.run().opt("--env-file").opt(&file).cmd(["env"]).output();
    run.refused(125, &[file.to_str().unwrap(), "does not fit", "256 KiB in all"]);
    before.unchanged(&t, "a large environment");
}

#[test]
fn a_large_environment_of_the_caller_does_not_matter() {
    let t = case!("-");
    let mut run = t.run().opts(["--env", "V99999"]).cmd(["env"]);
    for number in 0..100_000 {
        run = run.env(format!("V{number}"), "x");
    }
    let run = run.output();
    assert!(run.ok().contains("V99999=x\n"), "the last one can be copied");
    assert!(!run.stdout.contains("V99998"), "the caller's environment is inherited");
}

#[test]
fn more_options_than_there_is_room_for_are_refused_not_cut() {
    let t = case!("-");
    let before = Host::now();
    t.file("empty", "");
    for (option, most) in [
        ("--volume=/etc:/mnt", 64),
        ("--tmpfs=/mnt", 32),
        ("--env=K=V", 512),
        ("--env-file=empty", 8),
    ] {
        let run = t.run().opts(vec![option; 20_000]).cmd(["true"]).output();
        run.refused(125, &[option, &format!("is one too many: at most {most}")]);
        // As many as there is room for are taken.
        t.run().opts(vec![option; most]).cmd(["true"]).output().ok();
    }
    // Capabilities are a set, which is never full.
    t.run().opts(vec!["--cap-add=CHOWN"; 20_000]).cmd(["true"]).output().ok();
    before.unchanged(&t, "too many options");
}

#[test]
fn a_command_with_many_arguments_gets_them_all() {
    let t = case!("-");
    let mut words = vec!["/bin/sh".to_owned(), "-c".into(), "echo $#".into(), "sh".into()];
    words.extend((0..60_000).map(|n| n.to_string()));
    assert_eq!(t.run().cmd(&words).output().ok(), "60000\n");
}

#[test]
fn an_argument_list_that_the_kernel_refuses_is_named() {
    let t = case!("-", "prlimit");
    let before = Host::now();
    // exec's limit is a quarter of the stack's: what just fitted when rootlet was started does not fit with
    // a larger environment added.
    let file =
        t.file("env", (0..10).map(|n| format!("V{n}={}\n", "x".repeat(8_000))).collect::<String>());
    let mut words = vec!["x".repeat(9_000); 12];
    words.insert(0, "true".into());
    let run = t.run().opt("--env-file").opt(&file).cmd(&words);
    let run = run
        .under(["prlimit", "--stack=600000:600000"])
        .clear_env()
        .env("PATH", "/usr/bin:/bin")
        .output();
    run.refused(126, &["execute true: execve: E2BIG"]);
    before.unchanged(&t, "too long an argument list");
}

/// Every path in the test's rootfs, with its type and mode.
fn tree(t: &Case) -> String {
    support::host("find", &[t.rootfs().to_str().unwrap(), "-printf", "%P %y %m\\n"])
}

#[test]
fn a_run_that_fails_leaves_no_mount_point_that_it_made() {
    let t = case!("-", "find");
    let before = Host::now();
    for name in ["proc", "sys", "dev"] {
        fs::remove_dir(t.rootfs().join(name)).unwrap();
    }
    let found = tree(&t);
    t.run().cmd(["/nosuchcommand"]).output().refused(127, &["/nosuchcommand"]);
    assert_eq!(tree(&t), found);
    before.unchanged(&t, "a failed run");
}

#[test]
fn a_run_that_fails_leaves_no_mount_point_of_its_volumes() {
    let t = case!("-", "find");
    let (found, data) = (tree(&t), t.folder("data"));
    let volume = format!("{}:/made/for/volume", data.display());
    let run = t.run().opts(["--volume", &volume, "--tmpfs", "/made/for/tmpfs"]);
    run.cmd(["/nosuchcommand"]).output().refused(127, &["/nosuchcommand"]);
    assert_eq!(tree(&t), found);
}

#[test]
fn a_volume_target_that_links_out_of_the_root_stays_inside() {
    let t = case!("-");
    let before = Host::now();
    let outside = t.folder("outside");
    let source = t.folder("source");
    fs::write(source.join("mark"), "").unwrap();
    // An absolute link and one that climbs: both are taken below the root.
    let climb = format!("{}{}", "../".repeat(30), outside.display());
    for (name, target) in [("absolute", outside.to_str().unwrap()), ("climbing", &climb)] {
        symlink(target, t.rootfs().join(name)).unwrap();
        let volume = format!("{}:/{name}", source.display());
        let run = t.run().opts(["--volume", &volume]).cmd(["ls", &format!("/{name}")]).output();
        // What the link names is not there inside.
        run.refused(125, &[&format!("at /{name}: openat2: ENOENT")]);
        assert_eq!(
            fs::read_dir(&outside).unwrap().count(),
            0,
            "something was made outside of the root"
        );
    }
    before.unchanged(&t, "a volume over a link");
}

#[test]
fn boot_role_is_for_pid_1_alone() {
    let t = case!("boot-command");
    symlink(support::bin(), t.path("init")).unwrap();
    let init = support::Rootlet::new(&t.path("init"), t.dir());
    init.output().refused(125, &[]);
}

#[test]
fn init_name_with_a_command_supervises_it() {
    let t = case!("-");
    symlink(support::bin(), t.path("init")).unwrap();
    let init = support::Rootlet::new(&t.path("init"), t.dir());
    init.cmd(["sh", "-c", "exit 7"]).output().ends(7);
}
