//! Scripts that nobody wrote for initsh, on it and on dash.
//!
//! They are those of the machine, and those of Debian packages which are fetched. All are read (`sh -n`); those that
//! start and maintain services are run with words that make them tell how they are used, where they can do no
//! harm: in namespaces of their own, with everything but their output read-only, and with the shell that is
//! tried as the machine's /bin/sh, so that it also runs what they start.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages that have scripts for init, for an initramfs, for the network, and for their own installation.
const PACKAGES: &[&str] = &[
    "acpid",
    "bzip2",
    "console-setup",
    "cron",
    "cryptsetup-initramfs",
    "debianutils",
    "gzip",
    "ifupdown",
    "initramfs-tools-core",
    "initscripts",
    "isc-dhcp-client",
    "live-boot-initramfs-tools",
    "mdadm",
    "nfs-common",
    "openssh-server",
    "sysvinit-utils",
    "xz-utils",
];

/// Whether a file is a script for /bin/sh.
fn is_script(path: &Path) -> bool {
    let start = fs::read(path).unwrap_or_default();
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words: Vec<&[u8]> = first.split(|byte| byte.is_ascii_whitespace()).collect();
    matches!(words[..], [b"#!/bin/sh", ..] | [b"#!", b"/bin/sh", ..])
}

fn scripts_below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && depth > 0 {
            scripts_below(&path, depth - 1, found);
        } else if kind.is_file() && is_script(&path) {
            found.push(path);
        }
    }
}

/// Fetches the packages and unpacks each with its maintainers' scripts; false where they cannot be had.
fn fetch(folder: &Path) -> bool {
    let mut download = Command::new("apt-get");
    download.args(["-q", "-o", "APT::Sandbox::User=root", "download"]).args(PACKAGES);
    let fetched = download.current_dir(folder).stdin(Stdio::null()).output();
    if !fetched.is_ok_and(|done| done.status.success()) {
        return false;
    }
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.iter().all(|file| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let tree = folder.join(name.split('_').next().unwrap());
        let status = Command::new("dpkg-deb").arg("-R").args([file, &tree]).status();
        status.is_ok_and(|status| status.success())
    })
}

/// Words with which a script tells how it is used, or that it knows no such word; none where it may do more.
fn harmless_words(path: &Path) -> &'static [&'static str] {
    let text = path.to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if text.contains("/init.d/") {
        &["", "nosuch", "status"]
    } else if ["preinst", "postinst", "prerm", "postrm", "config"].contains(&&*name) {
        &["nosuch"]
    } else if text.contains("/bin/") || text.contains("/sbin/") {
        &["--help", "--nosuch", "nosuch"]
    } else {
        &[]
    }
}

/// What is run on each shell, by a script that is the same for both. The shell's own number of a line is written as
/// dash writes it.
const DRIVER: &str = r#"
set -e
mount --bind "$out" "$out"
for place in / /tmp /var /home /root /etc /usr; do
    [ "$place" != "$out" ] && mountpoint -q "$place" && mount -o remount,bind,ro "$place" || :
done
mount -t tmpfs none /run
[ -z "$shell" ] || mount --bind "$shell" /usr/bin/dash
cd /
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
number=0
while read -r path word; do
    number=$((number + 1))
    timeout -s KILL 5 /bin/sh "$path" $word </dev/null >"$out/$number.out" 2>"$out/$number.err" && status=0 || status=$?
    echo "$status" >"$out/$number.status"
done <"$out/list"
"#;

/// What each of the commands of a list says and gives, on the machine's dash or on `shell`.
fn run_all(list: &str, out: &Path, shell: Option<&Path>) -> BTreeMap<usize, [String; 3]> {
    fs::create_dir(out).unwrap();
    fs::write(out.join("list"), list).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "--"]);
    command.args(["bash", "-c", DRIVER]).stdin(Stdio::null()).env("out", out);
    command.env("shell", shell.unwrap_or(Path::new("")));
    let done = command.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let read = |number: usize, what: &str| {
        let bytes = fs::read(out.join(format!("{number}.{what}"))).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    (1..=list.lines().count())
        .map(|number| {
            let error = without_own_words(&read(number, "err"));
            (number, [read(number, "out"), error, read(number, "status")])
        })
        .collect()
}

/// Without the words in which a shell complains itself: of `NAME: 3: …` and `NAME: line 3: …` the start is left.
fn without_own_words(text: &str) -> String {
    let mut told = String::new();
    for line in text.lines() {
        let numbered = line.match_indices(": ").find_map(|(at, _)| {
            let rest = &line[at + 2..];
            let digits = rest.strip_prefix("line ").unwrap_or(rest);
            let (number, _) = digits.split_once(": ")?;
            number.parse::<u32>().ok().map(|number| (&line[..at], number))
        });
        let is_option = line.starts_with("Illegal option ") || line.contains(": no such option: ");
        match numbered {
            _ if is_option => told.push_str("no such option"),
            Some((name, number)) => write!(told, "{name}: {number}: ...").unwrap(),
            None => told.push_str(line),
        }
        told.push('\n');
    }
    told
}

fn reads(shell: &Path, script: &Path) -> bool {
    let mut command = Command::new(shell);
    command.arg("-n").arg(script).stdin(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
fn scripts_of_packages_and_of_the_machine_do_what_they_do_in_dash() {
    let t = support::case!("-", "dash", "unshare", "bash", "dpkg-deb", "apt-get", "mountpoint");
    let packages = t.folder("packages");
    if !fetch(&packages) {
        return t.skip("apt-get downloads no packages", "-");
    }
    let ours = t.folder("bin").join("sh");
    std::os::unix::fs::symlink(support::bin(), &ours).unwrap();
    let mut scripts = Vec::new();
    scripts_below(&packages, 8, &mut scripts);
    let of_packages = scripts.len();
    for folder in ["/etc", "/usr/bin", "/usr/sbin", "/var/lib/dpkg/info"] {
        scripts_below(Path::new(folder), 3, &mut scripts);
    }
    scripts.sort();
    let dash = Path::new("/usr/bin/dash");
    let unread: Vec<_> =
        scripts.iter().filter(|script| reads(dash, script) && !reads(&ours, script)).collect();
    assert!(unread.is_empty(), "{unread:#?}");
    let mut list = String::new();
    for script in scripts.iter().filter(|script| script.starts_with(&packages)) {
        for word in harmless_words(script) {
            writeln!(list, "{} {word}", script.display()).unwrap();
        }
    }
    let (own, theirs) = (
        run_all(&list, &t.path("own"), Some(&support::bin())),
        run_all(&list, &t.path("dash"), None),
    );
    let mut wrong = Vec::new();
    for (number, command) in (1..).zip(list.lines()) {
        if own[&number] != theirs[&number] && !is_listed(command) {
            wrong.push(format!(
                "{command}\n  ours {:?}\n  dash {:?}",
                own[&number], theirs[&number]
            ));
        }
    }
    let ran = list.lines().count();
    println!(
        "measured: {} scripts read, {of_packages} of packages; {ran} commands run",
        scripts.len()
    );
    assert!(
        of_packages > 80 && scripts.len() > 100 && ran > 40,
        "{} {of_packages} {ran}",
        scripts.len()
    );
    assert!(wrong.is_empty(), "{} of {ran}\n{}", wrong.len(), wrong.join("\n"));
}

/// Commands whose answers differ for a reason that stands here.
const DIFFERENT: &[(&str, &str)] = &[];

fn is_listed(command: &str) -> bool {
    DIFFERENT.iter().any(|(part, reason)| command.contains(part) && !reason.is_empty())
}
