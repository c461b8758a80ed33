//! Host built-ins of the shell, beside busybox and beside what the kernel says.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{case, on_path};

/// A shell whose commands are the host's own: there is no program along its PATH.
fn ours(place: &Path) -> Command {
    let mut command = Command::new(support::bin());
    command.arg("sh").env_clear().env("PATH", "/nonexistent").current_dir(place);
    command.stdin(Stdio::null());
    command
}

fn run(mut command: Command, script: &str) -> Output {
    command.args(["-c", script]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a script of ours says; it must not complain.
fn said(place: &Path, script: &str) -> String {
    let done = run(ours(place), script);
    assert!(done.stderr.is_empty() && done.status.success(), "{script}: {done:?}");
    text(&done.stdout)
}

/// Busybox's shell and its programs.
fn busybox(place: &Path, programs: &Path) -> Command {
    let mut command = Command::new(programs.join("sh"));
    command.env_clear().env("PATH", programs).current_dir(place).stdin(Stdio::null());
    command
}

/// Kind, mode, links and contents of everything below a folder.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let kind = facts.file_type();
            let contents = if kind.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else if kind.is_file() {
                fs::read_to_string(&path).unwrap()
            } else if kind.is_block_device() || kind.is_char_device() {
                facts.rdev().to_string()
            } else {
                String::new()
            };
            let links = if kind.is_dir() { 0 } else { facts.nlink() };
            let told = format!("{:o} {links} {contents}", facts.mode());
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), told);
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Each is run in an empty folder, by both: the same output and statuses, the same files afterwards, and both
/// complain or none.
const SAME: &[&str] = &[
    "echo a >f; cat f; cat f - <f; cat <f; cat -u f; cat -- f",
    "cat nope; echo $?; echo b >f; cat nope f; echo $?",
    "mkdir d; cat d; echo $?",
    "echo a >f; cat f >/dev/full; echo $?",
    "cat f -x; echo $?",
    "mkdir d e; echo $?; mkdir d; echo $?; mkdir x/y; echo $?; mkdir; echo $?",
    "mkdir -p a/b/c a; echo $?; mkdir -p a//b/./c/ /; echo $?",
    "umask 077; mkdir e; mkdir -m 755 f; mkdir -p g/h; mkdir -m 1777 t; mkdir -p -m 2750 x/y",
    "echo >f; mkdir -p f; echo $?; mkdir -p f/x; echo $?",
    "mkdir d -p e; ls -1; mkdir -- -p; ls -1",
    "rm nope; echo $?; rm -f nope; echo $?; rm -f; echo $?; rm; echo $?",
    "mkdir d; rm d; echo $?; rm -f d; echo $?; rm -r d; echo $?; ls -1",
    "mkdir -p d/e/f o; echo >o/keep; ln -s ../../o d/e/l; rm -rf d nope; echo $?",
    "echo >-f; echo >g; rm -- -f; rm g -f; echo $?",
    "mkdir d; ln -s d l; rm l; rm -r d/; echo $?",
    "echo x >a; ln a b; cat b; ln a b; echo $?; ln nope c; echo $?",
    "ln -s x a; ln -s x a; echo $?; ln -sf y a; ln -s /u/v/w; ln -s /u/v/; echo $?",
    "echo x >a; echo y >b; mkdir d; ln a b d; ls -1 d",
    "mkdir d e; ln -s d l; ln -s x l; ln -sfn e l; ln -sf f l; ls -1 d",
    "echo x >a; echo y >b; ln -f a b; cat b",
    "mknod p p; mknod -m 600 q p; mknod p p; echo $?",
    "mknod n c 1 3; mknod b b 7 200; mknod -m 666 u u 300 70000; echo $?",
    "mknod x c 4096 1; echo $?; mknod x b 1 1048576; echo $?; mknod y b 4095 1048575; echo $?",
    "mknod x; echo $?; mknod x z; echo $?; mknod x c 1; echo $?; mknod x c a 1; echo $?",
    "echo >b; echo >a; echo >.h; echo >Z; mkdir d; echo >d/x; ls; ls -1; ls -A1; ls -a -1",
    "echo >a; mkdir d e; echo >d/x; ls -1 e d a; ls -d1 d a; ls -1 d",
    "echo >a; ls nope; echo $?; ls -1 a nope; echo $?",
    "mkdir d; echo >d/x; ln -s d l; ln -s nope m; ls -1 l; ls -1d l",
    "sleep 0; echo $?; sleep 0.01 .01; echo $?; sleep x; echo $?; sleep; echo $?",
    "sync; echo $?",
    "echo a >f; cat f | cat | cat; x=$(cat f; cat f); echo \"$x\"; cat f & wait; echo $?",
    "command cat nope; echo $?; A=1 ls -1",
    "exec ls -1 -d /; echo not reached",
];

#[test]
fn files_are_handled_as_by_busybox() {
    let t = case!("-", "busybox");
    let programs = t.dir().join("programs");
    fs::create_dir(&programs).unwrap();
    for name in ["sh", "cat", "mkdir", "rm", "ln", "mknod", "ls", "sleep", "sync"] {
        symlink(on_path("busybox").unwrap(), programs.join(name)).unwrap();
    }
    let mut wrong = Vec::new();
    for (index, script) in SAME.iter().enumerate() {
        let mut seen = Vec::new();
        for own in [true, false] {
            let place = t.dir().join(format!("{index}-{own}"));
            fs::create_dir(&place).unwrap();
            let shell = if own { ours(&place) } else { busybox(&place, &programs) };
            let done = run(shell, script);
            let complains = !done.stderr.is_empty();
            seen.push((done.status.code(), text(&done.stdout), complains, tree(&place)));
        }
        if seen[0] != seen[1] {
            wrong.push(format!("{script}\n  ours {:?}\n  busybox {:?}", seen[0], seen[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_program_comes_before_what_the_host_has() {
    let t = case!("-");
    let place = t.dir();
    fs::create_dir(place.join("bin")).unwrap();
    fs::write(place.join("bin/ls"), "#!/nonexistent\n").unwrap();
    fs::write(place.join("bin/cat"), "echo a program\n").unwrap();
    fs::write(place.join("bin/rm"), "echo cannot be executed\n").unwrap();
    for (name, mode) in [("ls", 0o755), ("cat", 0o755), ("rm", 0o644)] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place.join("bin").join(name), fs::Permissions::from_mode(mode))
            .unwrap();
    }
    for (script, expected) in [
        ("type ls; command -v ls; type nosuch", "ls is a host builtin\nls\nnosuch: not found\n"),
        ("PATH=$PWD/bin; cat; command cat", "a program\na program\n"),
        // What the program needs is missing: as if there were none.
        ("PATH=$PWD/bin; ls bin", "cat\nls\nrm\n"),
        ("PATH=$PWD/bin; rm nope; echo $?", "126\n"),
        ("ls() { echo mine; }; ls; command ls -d .", "mine\n.\n"),
        ("hash ls && echo known; ./ls; echo $?", "known\n127\n"),
        ("''; echo $?; ' '; echo $?; 'ls cat'; echo $?", "127\n127\n127\n"),
        ("help | while read -r line; do case $line in ls*) echo \"$line\";; esac; done", HELP),
    ] {
        let done = run(ours(place), script);
        assert_eq!(text(&done.stdout), expected, "{script}: {done:?}");
    }
}

/// Everything that the host has.
const HELP: &str = "ls cat mkdir rm ln mount umount mknod ps dmesg modprobe ip sleep sync switch_root \
    poweroff reboot halt\n";

#[test]
fn each_tells_its_options_and_refuses_others() {
    let t = case!("-");
    for name in HELP.split_whitespace() {
        let help = said(t.dir(), &format!("{name} --help"));
        assert!(help.contains("--help") && help.contains(name), "{name}: {help}");
        let done = run(ours(t.dir()), &format!("{name} --nosuch"));
        let complaint = text(&done.stderr);
        assert!(complaint.lines().count() == 1 && complaint.contains("--nosuch"), "{complaint}");
        assert!(!done.status.success() && done.stdout.is_empty(), "{name}: {done:?}");
    }
}

#[test]
fn errors_are_one_line_with_name_operand_and_reason() {
    let t = case!("-");
    for (script, status, line) in [
        ("ls nope", 1, "ls: nope: No such file or directory\n"),
        ("cat /", 1, "cat: /: Is a directory\n"),
        ("mkdir -m 9 x", 1, "mkdir: 9: is no mode: octal digits, at most 7777\n"),
        ("rm", 1, "rm: something to do it with is missing; --help tells\n"),
        ("rm -r . / /// x/..", 1, "rm: .: is not removed: name what it is in\n"),
        ("ls / >/dev/full", 1, "ls: write error: No space left on device\n"),
        ("rm 'a\u{1b}[2Jb'", 1, "rm: a\\x1b[2Jb: No such file or directory\n"),
        ("mount nope /nope", 32, "mount: nope on /nope: No such file or directory\n"),
        ("ln -s a b /nope", 1, "ln: /nope/a: No such file or directory\n"),
        ("umount /nope", 32, "umount: /nope: No such file or directory\n"),
        ("umount .", 32, "umount: .: Invalid argument\n"),
        ("switch_root / /sbin/init", 1, "rootlet: switch_root works only as PID 1\n"),
        ("ip link show nope", 2, "ip: nope: No such device\n"),
        ("ip rule", 1, "ip: rule: is not understood here; --help tells what is\n"),
        ("dmesg -n 9", 1, "dmesg: 9: is no number that it can be\n"),
    ] {
        let done = run(ours(t.dir()), script);
        assert_eq!(done.status.code(), Some(status), "{script}: {done:?}");
        let complaint = text(&done.stderr);
        assert_eq!(complaint.split_inclusive('\n').next(), Some(line), "{script}");
    }
}

#[test]
fn long_lines_say_what_stat_says() {
    let t = case!("-");
    let place = t.dir().join("here");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("file"), "12345").unwrap();
    symlink("file", place.join("link")).unwrap();
    fs::create_dir(place.join("folder")).unwrap();
    let set = "mknod null c 1 3; ln file other; ls -l";
    let lines: Vec<String> = said(&place, set).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words[if words[0].starts_with('c') { 8 } else { 7 }];
        let facts = fs::symlink_metadata(place.join(name)).unwrap();
        let owner = [facts.nlink().to_string(), facts.uid().to_string(), facts.gid().to_string()];
        assert_eq!(words[1..4], owner, "{line}");
        match name {
            "null" => assert_eq!(words[4..6], ["1,", "3"], "{line}"),
            _ => assert_eq!(words[4], facts.len().to_string(), "{line}"),
        }
        let mode = match name {
            "file" | "other" => "-rw-r--r--",
            "link" => "lrwxrwxrwx",
            "folder" => "drwxr-xr-x",
            _ => "crw-r--r--",
        };
        assert_eq!(words[0], mode, "{line}");
        assert_eq!(line.ends_with("link -> file"), name == "link", "{line}");
    }
}

#[test]
fn many_names_are_sorted_and_removed() {
    let t = case!("-");
    let place = t.dir().join("many");
    fs::create_dir(&place).unwrap();
    let mut names: Vec<String> = (0..20_000_u64)
        .map(|number| format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8))
        .collect();
    for name in &names {
        fs::File::create(place.join(name)).unwrap();
    }
    names.sort();
    assert!(said(t.dir(), "ls many").lines().eq(names.iter().map(String::as_str)));
    said(t.dir(), "rm -r many");
    assert!(!place.exists());
}

#[test]
fn what_cannot_be_removed_is_named_by_its_reason() {
    let t = case!("-", "unshare");
    let place = t.dir().join("d");
    fs::create_dir_all(place.join("a/mounted")).unwrap();
    fs::write(place.join("b"), "").unwrap();
    let script =
        "mount -t tmpfs t d/a/mounted; echo >d/a/mounted/kept; rm -r d; echo $?; ls d/a/mounted";
    let done = in_namespaces(t.dir(), &["--mount"], script);
    assert_eq!(text(&done.stdout), "1\nkept\n", "{done:?}");
    assert_eq!(text(&done.stderr), "rm: d: Device or resource busy\n");
    assert!(!place.join("b").exists());
}

/// Runs a script in namespaces of its own, which end with it.
fn in_namespaces(place: &Path, kinds: &[&str], script: &str) -> Output {
    let mut command = Command::new(on_path("unshare").unwrap());
    command.args(kinds).arg("--").arg(support::bin()).args(["sh", "-c", script]);
    command.env("PATH", "/nonexistent").current_dir(place).stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn mounts_are_made_changed_told_and_left() {
    let t = case!("-", "unshare");
    for name in ["a", "b", "c"] {
        fs::create_dir(t.dir().join(name)).unwrap();
    }
    let fstab = "# table\nlisted HERE/c tmpfs size=64k,nodev 0 0\nother HERE/b tmpfs noauto 0 0\n\
        none none swap sw 0 0\nUUID=0-0 HERE/b ext4 nofail 0 0\n";
    let here = t.dir().display().to_string();
    fs::write(t.dir().join("fstab"), fstab.replace("HERE", &here)).unwrap();
    let find = "find() { while read -r s p k o x; do case $p in */$1) echo $k $o;; esac; done </proc/self/mounts; }";
    for (script, expected) in [
        ("mount -t tmpfs -o size=64k,nosuid t a; find a", "tmpfs rw,nosuid,relatime,size=64k,inode64\n"),
        ("mount -t tmpfs t a -o noexec -r -o size=8k; find a", "tmpfs ro,noexec,relatime,size=8k,inode64\n"),
        (
            "mount -t tmpfs -o nosuid,size=8k t a; mount -o remount,ro a; find a; echo >a/x; echo $?
             mount -o remount,rw,suid a; find a; echo >a/x; cat a/x",
            "tmpfs ro,nosuid,relatime,size=8k,inode64\n2\ntmpfs rw,relatime,size=8k,inode64\n\n",
        ),
        ("mount --bind a b; echo >a/x; ls b; rm a/x; umount b; ls b; umount b; echo $?", "x\n32\n"),
        (
            "mount -t tmpfs t a; mkdir a/in; mount -t tmpfs t a/in; echo >a/in/x; mount -R a b; ls b/in
             mount -M b c; ls b; ls c/in; umount -l c; ls c",
            "x\nx\n",
        ),
        (
            "mount --bind fstab /etc/fstab; mount -a; find c; find b; mount other; find b; mount -a; umount other c
             find c; find b; mount nosuch; echo $?",
            "tmpfs rw,nodev,relatime,size=64k,inode64\ntmpfs rw,relatime,inode64\n32\n",
        ),
        ("mount -t tmpfs t a; mount -o bind,noatime a b; find b", "tmpfs rw,noatime,inode64\n"),
        ("mount -t tmpfs t a; mount -o bind,nosymfollow a b; find b", "tmpfs rw,relatime,nosymfollow,inode64\n"),
        ("mount -t nosuchfs x a; echo $?; mount a; echo $?", "32\n32\n"),
        ("mount -t tmpfs t a; mount -t tmpfs t b; cd b; umount -a; umount -al; find a; find b", ""),
    ] {
        let done = in_namespaces(t.dir(), &["--mount"], &format!("{find}\n{script}"));
        assert_eq!(text(&done.stdout).replace(",inode64", ""), expected.replace(",inode64", ""), "{script}: {done:?}");
    }
    let told = "mount -t tmpfs t a; mount; while read -r s p k o x; do echo \"$s on $p type $k ($o)\"; done </proc/self/mounts";
    let told = text(&in_namespaces(t.dir(), &["--mount"], told).stdout);
    let lines: Vec<&str> = told.lines().collect();
    let (ours, theirs) = lines.split_at(lines.len() / 2);
    assert!(!ours.is_empty() && ours == theirs, "{told}");
}

#[test]
fn links_addresses_and_routes_are_those_of_the_kernel() {
    let t = case!("-", "unshare", "ip");
    let script = "ip link; ip link set lo up mtu 1400; ip addr add 10.9.0.1/24 dev lo; ip a add fd00::1:0/64 dev lo
        ip addr add 10.9.0.1/24 dev lo; echo $?; ip route add 10.8.0.0/16 dev lo metric 7
        ip r add default via 10.9.0.7; echo $?; ip route; echo; ip -6 addr show dev lo; echo; ip -4 a";
    let done = in_namespaces(t.dir(), &["--net"], script);
    let told = text(&done.stdout);
    assert!(
        told.starts_with("1: lo: <LOOPBACK> mtu 65536\n    link/00:00:00:00:00:00\n"),
        "{done:?}"
    );
    for line in [
        "2\n",
        "10.8.0.0/16 dev lo metric 7\n",
        "1: lo: <UP,LOOPBACK,RUNNING,LOWER_UP> mtu 1400\n",
        "    inet 127.0.0.1/8\n",
        "    inet 10.9.0.1/24\n",
        "    inet6 ::1/128\n",
        "    inet6 fd00::1:0/64\n",
    ] {
        assert!(told.contains(line), "{line:?} {done:?}");
    }
    // What ip(8) sees of what we did, and we of what it does.
    let ip = on_path("ip").unwrap();
    let script = format!(
        "{0} link add d0 type veth peer name d1; ip link set d0 up; ip link set dev d1 up; ip addr add 10.7.0.2/24 dev d0
         ip route add default via 10.7.0.1; {0} -o -4 addr show d0; {0} route show default
         ip route replace default via 10.7.0.9 dev d0; ip route; ip route del default; ip addr del 10.7.0.2/24 dev d0; {0} route; {0} -4 addr show d0",
        ip.display()
    );
    let done = in_namespaces(t.dir(), &["--net"], &script);
    let told = text(&done.stdout);
    assert!(done.stderr.is_empty(), "{done:?}");
    for line in [
        "inet 10.7.0.2/24 scope global d0",
        "default via 10.7.0.1 dev d0",
        "default via 10.7.0.9 dev d0\n10.7.0.0/24 dev d0 src 10.7.0.2\n",
    ] {
        assert!(told.contains(line), "{line:?} {done:?}");
    }
    assert!(told.ends_with("10.7.0.0/24 dev d0 src 10.7.0.2\n"), "{told}");
}

#[test]
fn processes_are_those_of_proc() {
    let t = case!("-", "sleep");
    let mut child = Command::new("sleep").arg("1000.5").spawn().unwrap();
    let told = said(t.dir(), "ps; ps aux -ef");
    child.kill().unwrap();
    child.wait().unwrap();
    let row = told.lines().find(|line| line.ends_with(" sleep 1000.5")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    let own = std::process::id().to_string();
    assert_eq!(words[..3], [child.id().to_string().as_str(), &own, "0"], "{row}");
    assert!("SR".contains(words[3]) && words[4].parse::<u32>().unwrap() > 0, "{row}");
    assert_eq!((words[5], words.len()), ("0:00", 8), "{row}");
    assert!(told.starts_with("  PID  PPID   UID S    RSS   TIME COMMAND\n"), "{told}");
}

#[test]
fn the_kernels_log_is_shown_without_its_levels() {
    let t = case!("-");
    let done = run(ours(t.dir()), "dmesg -r >raw && dmesg >plain; echo $?");
    assert_eq!(text(&done.stdout), "0\n", "{done:?}");
    let read = |name| text(&fs::read(t.dir().join(name)).unwrap());
    let strip = |line: &str| match line.as_bytes() {
        [b'<', b'0'..=b'9', b'>', ..] => line[3..].to_owned(),
        _ => line.to_owned(),
    };
    let raw: Vec<String> = read("raw").lines().map(strip).collect();
    let plain = read("plain");
    // Something may have been said in between.
    assert!(!raw.is_empty() && plain.lines().count() >= raw.len(), "{plain}");
    assert!(plain.lines().zip(&raw).all(|(plain, raw)| plain == raw), "{plain}");
}

#[test]
fn keys_end_what_waits() {
    let t = case!("-", "setsid");
    let rows = [
        ("PATH=/nonexistent; PS1='p> '\n", "p> "),
        // Ctrl-C at the prompt would prove nothing.
        ("echo u''p; sleep 100\n", "up\r\n"),
        ("\x03", "p> "),
        ("echo status $?\n", "status 130\r\np> "),
        // The terminal echoes what comes when the shell has left it to the program.
        ("echo u''p; cat\n", "up\r\n"),
        ("line\n", "line\r\nline\r\n"),
        ("\x03", "p> "),
        ("echo u''p; cat | cat\n", "up\r\n"),
        ("\x03", "p> "),
        ("echo >a; echo >b; echo >\"$(printf 'c\\001d')\"; ls a b c*\n", "a    b    c?d\r\np> "),
        // Headings too have no bytes that the terminal would obey.
        ("mkdir \"$(printf 'e\\001f')\" g; ls e* g\n", "e?f:\r\n\r\ng:\r\np> "),
        ("rm -r a b c* e* g; exit 4\n", ""),
    ];
    let mut terminal = support::Terminal::start(t.rootlet().opt("sh"), 24, 80);
    terminal.expect("# ");
    terminal.converse(&rows);
    assert_eq!(terminal.finish().code(), Some(4));
}
