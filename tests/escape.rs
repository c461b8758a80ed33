//! Ways out of a container by paths, links and descriptors: each fails.
//!
//! An attempt that never works proves nothing, so each is first shown to work: in a bare chroot, on the host, or in a
//! container that lacks just what stops it.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use support::escapes::{
    End, Holds, LEAK, build_escapes, chrooted, is_rootlet, overwrite, settings,
};
use support::user::copy_of_rootlet;
use support::{Host, Outcome, Rootlet, await_true, case};

/// A new root below the old one, and up past it by the working directory or by a descriptor. If it worked, a file of
/// the host that is not below the rootfs could be read.
#[test]
fn escape_by_chroot_twice_and_up() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let secret = t.file("secret", "secret");
    for (attempt, name) in [("chroot", "chroot"), ("chroot-descriptor", "descriptor")] {
        let words = ["/bin/escapes", attempt, secret.to_str().unwrap()];
        assert_eq!(chrooted(&t).opts(words).output().ok(), format!("{name} works\n"));
        for setting in settings(Holds::Always) {
            for pivot in [&[][..], &["--no-pivot"]] {
                let run = setting.run(&t).opts(pivot).cmd(words).output();
                assert_eq!(run.ok(), format!("{name} ENOENT\n"), "{setting:?} {pivot:?}");
            }
        }
    }
}

/// In a host script: what follows becomes PID 1 of a new pid namespace, whose /proc is that of the rootfs.
const NEW_PIDS: &str = "exec unshare --pid --fork --mount-proc=$ROOT/proc";

/// A script that reads the host's file `path` by each of the ways, and says by which it was reached.
fn reading(path: &Path, ways: &[&str]) -> String {
    let (ways, path) = (ways.join(" "), path.display());
    format!("for way in {ways}; do cat $way{path} 2> /dev/null && echo by $way; done; echo tried")
}

/// `..` above the root, also by the links of /proc. If it worked, a file of the host could be read.
#[test]
fn escape_by_dots_above_the_root() {
    let t = case!("run-container");
    let secret = t.file("secret", "secret ");
    let ways = ["/..", "/../../../..", "/etc/../../..", "/proc/self/root/..", "/proc/self/cwd/.."];
    let script = reading(&secret, &ways);
    // A hole where these ways lead.
    let hole = format!("{0}:{0}", t.dir().display());
    let reached: String = ways.iter().map(|way| format!("secret by {way}\n")).collect();
    assert_eq!(t.inside(&["-v", &hole], &script), format!("{reached}tried\n"));
    for setting in settings(Holds::Always) {
        for pivot in [&[][..], &["--no-pivot"]] {
            let run = setting.run(&t).opts(pivot).sh(&script).output();
            assert_eq!(run.ok(), "tried\n", "{setting:?} {pivot:?}");
        }
    }
}

/// The root and the directory of PID 1 and of its threads. If it worked, those were the host's.
#[test]
fn escape_by_root_and_cwd_of_pid_1() {
    let t = case!("run-container");
    let secret = t.file("secret", "secret ");
    let ways = ["/proc/1/root", "/proc/1/cwd", "/proc/1/task/1/root", "/proc/1/task/1/cwd"];
    let script = reading(&secret, &ways);
    // By hand: PID 1 has the host's root, and only its child is chrooted.
    let bare = format!("{NEW_PIDS} sh -c \"cd /; chroot $ROOT sh -c '{script}'; true\"");
    let bare = bare.replace("$way", "\\$way");
    let reached: String = ways.iter().map(|way| format!("secret by {way}\n")).collect();
    assert_eq!(t.host_script(&bare).ok(), format!("{reached}tried\n"));
    for setting in settings(Holds::Always) {
        for init in [&[][..], &["--no-init"]] {
            let run = setting.run(&t).opts(init).sh(&script).output();
            assert_eq!(run.ok(), "tried\n", "{setting:?} {init:?}");
        }
    }
}

/// Every descriptor of every process inside, rootlet's own ones among them, while the caller has left a directory open.
/// If it worked, one of them would lead to a file of the host: the leaked one first of all.
#[test]
fn escape_by_a_descriptor_of_the_caller_or_of_rootlet() {
    let t = case!("run-container", "cc", "bash");
    build_escapes(&t);
    let secret = t.file("secret", "secret");
    let words = ["/bin/escapes", "descriptors", secret.to_str().unwrap()];
    let leak = t.folder("leak");
    let bare = format!("exec 9< $DIR/leak; {NEW_PIDS} chroot $ROOT {}", words.join(" "));
    assert_eq!(t.host_script(&bare).ok(), "reached by descriptor 9\ntried\n");
    for setting in settings(Holds::Always) {
        for init in [&[][..], &["--no-init"]] {
            let run = setting.run(&t).opts(init).cmd(words).env("LEAK", &leak).under(LEAK).output();
            assert_eq!(run.ok(), "tried\n", "{setting:?} {init:?}");
        }
    }
}

/// A working directory that is a descriptor of rootlet's or of its caller's, by which runc was left (CVE-2024-21626).
/// If it worked, CMD would start in a directory of the host, and could go up from there.
#[test]
fn escape_by_a_working_directory_that_is_a_descriptor() {
    let t = case!("run-container", "cc", "bash");
    let escapes = build_escapes(&t);
    let secret = t.file("secret", "secret");
    let secret = secret.to_str().unwrap();
    let leak = t.folder("leak");
    let careless = Rootlet::new(&escapes, t.dir()).opt("into").opt(t.rootfs());
    let careless = careless.opts(["/proc/self/fd/9", secret]).env("LEAK", &leak).under(LEAK);
    assert_eq!(careless.output().ok(), "up works\n");
    symlink("/proc/self/fd/9", t.rootfs().join("link")).unwrap();
    let mut directories: Vec<String> = (3..20).map(|fd| format!("/proc/self/fd/{fd}")).collect();
    directories.extend((3..10).map(|fd| format!("/proc/self/fd/{fd}/../..")));
    directories
        .extend(["/link", "/dev/fd/9", "/proc/1/cwd", "/proc/1/fd/9", "../.."].map(Into::into));
    for setting in settings(Holds::Always) {
        let attempt = |dir: &str| {
            let run = setting.run(&t).opts(["--workdir", dir]).cmd(["/bin/escapes", "up", secret]);
            run.env("LEAK", &leak).under(LEAK).output()
        };
        // A refusal is for the directory's sake.
        assert_eq!(attempt("/tmp").ok(), "up ENOENT\n", "{setting:?}");
        for dir in &directories {
            harmless(&attempt(dir), "up ENOENT\n");
        }
    }
}

/// Demands that a run was refused, or that what it tried found nothing.
fn harmless(run: &Outcome, said: &str) {
    if run.code() == 125 {
        run.refused(125, &[]);
    } else {
        assert_eq!(run.ok(), said);
    }
}

/// CMD is rootlet itself, by /proc/self/exe, and processes of the container overwrite the binary as soon as nothing
/// runs it any more (CVE-2019-5736). If it worked, the host's binary would not be as it was when CMD has ended.
#[test]
fn escape_by_overwriting_rootlet() {
    let t = case!("run-container", "cc");
    let escapes = build_escapes(&t);
    // On the host a program is overwritten as soon as it has ended.
    let victim = copy_of_rootlet(&t, "victim");
    let running = Rootlet::new(&victim, t.dir()).opts(["init", "cat"]).open_stdin().spawn();
    let pid = running.pid().to_string();
    let control = Rootlet::new(&escapes, t.dir()).opts(["exe-write", &pid, "victim"]).spawn();
    control.expect("exe works\n");
    running.finish().ok();
    assert_eq!(control.finish().ok(), "exe works\noverwrite works\n");
    assert!(!is_rootlet(&victim));
    let copy = copy_of_rootlet(&t, "bin");
    for setting in settings(Holds::Always) {
        for options in [&[][..], &["--no-init"]] {
            for _ in 0..10 {
                overwrite(&t, setting, &copy, options, End::Command);
                assert!(is_rootlet(&copy), "{setting:?} {options:?}");
            }
        }
    }
}

/// A script whose interpreter is `/proc/self/exe`, which is rootlet when rootlet executes it. It goes round until the
/// host replaces the script; then a shell of the container is the child of a rootlet that was interpreter. If it worked,
/// the host's binary would be overwritten.
#[test]
fn escape_by_a_script_that_rootlet_interprets() {
    let t = case!("run-container", "cc");
    build_escapes(&t);
    let bin = copy_of_rootlet(&t, "bin");
    let script = |name: &str, text: &str| {
        let path = t.rootfs().join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    };
    let attack =
        "#!/bin/sh\nreadlink /proc/$PPID/exe\nsetsid escapes exe-write $PPID bin &\nsleep 0.1\n";
    for setting in settings(Holds::Always) {
        let circle = script("circle", "#!/proc/self/exe init\n");
        let run = setting.run_as(&t, &bin).cmd(["circle"]).spawn();
        // Each round makes the circle larger, so nothing slow stands between the first one and the attack.
        let child = |pid: u32| -> Option<u32> {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            children.split(' ').next()?.parse().ok()
        };
        let goes_round = || {
            let program = child(run.pid()).and_then(child)?;
            fs::read(format!("/proc/{program}/comm")).ok().filter(|name| name == b"circle\n")
        };
        assert!(await_true(|| goes_round().is_some()));
        fs::rename(script("attack", attack), circle).unwrap();
        // The link shows the root of a mount that holds nothing but rootlet's file, unless root inside has no power over
        // the file anyway.
        let link = if setting.is_of_user() { bin.to_str().unwrap() } else { "/" };
        assert_eq!(run.finish().ok(), format!("{link}\nexe works\n"));
        assert!(is_rootlet(&bin), "{setting:?}");
    }
}

/// A link in the rootfs that leads out of it, and the options that make rootlet use it.
struct Link {
    /// Where it is.
    path: &'static str,
    /// Where it leads, from `/` or from its own directory.
    to: [&'static str; 2],
    /// What is tried; `@` is a directory of the host, `%` a file.
    options: &'static [&'static [&'static str]],
    /// Whether each must be refused, as nobody could tell what was meant.
    refused: bool,
}

/// `$` is the test's directory. `outside` is there, `outside/new` is not, and a careless runner makes it.
const LINKS: &[Link] = &[
    Link { path: "proc", to: ["$/outside", "../outside"], options: &[&[]], refused: true },
    Link { path: "sys", to: ["$/outside", "../outside"], options: &[&[]], refused: true },
    Link { path: "dev", to: ["$/outside", "../outside"], options: &[&[], &["-t"]], refused: true },
    Link { path: "dev", to: ["$/outside/new", "../outside/new"], options: &[&[]], refused: true },
    Link {
        path: "target",
        to: ["$/outside", "../outside"],
        options: &[
            &["-v", "@:/target"],
            &["-v", "@:/target/below"],
            &["-v", "%:/target/below"],
            &["--tmpfs", "/target"],
            &["--tmpfs", "/target/below/deep"],
        ],
        refused: false,
    },
    Link {
        path: "dev/console",
        to: ["$/outside/new", "../../outside/new"],
        options: &[&[], &["-t"]],
        refused: false,
    },
    Link {
        path: "dev/shm",
        to: ["$/outside", "../../outside"],
        options: &[&[], &["--ipc", "host"], &["-v", "@:/dev/shm"]],
        refused: false,
    },
    Link {
        path: "etc/resolv.conf",
        to: ["$/outside/new", "../../outside/new"],
        options: &[&[], &["-v", "%:/etc/resolv.conf"], &["--network", "host"]],
        refused: false,
    },
];

/// Mount points and files of the rootfs that are links to the host. If it worked, something would be made there, or
/// would be mounted there.
#[test]
fn escape_by_links_in_the_rootfs() {
    let t = case!("run-container");
    let before = Host::now();
    let (outside, data, file) = (t.folder("outside"), t.folder("data"), t.file("file", ""));
    let (data, file) = (data.to_str().unwrap(), file.to_str().unwrap());
    for link in LINKS {
        let place = t.rootfs().join(link.path);
        let kept = t.path("kept");
        let there = fs::rename(&place, &kept).is_ok();
        for to in link.to {
            symlink(to.replace('$', t.dir().to_str().unwrap()), &place).unwrap();
            make_through(&place, &outside);
            for (setting, words) in settings(Holds::Always)
                .flat_map(|setting| link.options.iter().map(move |words| (setting, words)))
            {
                let words = words.iter().map(|word| word.replace('@', data).replace('%', file));
                let run = setting.run(&t).opts(words.clone()).cmd(["true"]).output();
                assert!(!link.refused || run.code() == 125, "{} {run:?}", link.path);
                harmless(&run, "");
                let made: Vec<_> = fs::read_dir(&outside).unwrap().collect();
                assert!(made.is_empty(), "{} -> {to}, {setting:?} {words:?}: {made:?}", link.path);
            }
            fs::remove_file(&place).unwrap();
        }
        if there {
            fs::rename(&kept, &place).unwrap();
        }
    }
    before.unchanged(&t, "links out of the rootfs");
}

/// What a careless runner makes: a file by the link where nothing is, else a directory below it. It lies outside.
fn make_through(link: &Path, outside: &Path) {
    let made = if link.exists() { link.join("below") } else { outside.join("new") };
    if link.exists() {
        fs::create_dir(&made).unwrap();
        assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
        fs::remove_dir(made).unwrap();
    } else {
        fs::write(link, "").unwrap();
        fs::remove_file(made).unwrap();
    }
}

/// A directory of a mount target that is swapped with a link to the host while rootlet runs. If it worked, the mount
/// point would be made on the host.
#[test]
fn escape_by_a_target_that_is_swapped_meanwhile() {
    const RUNS: usize = 200;
    let t = case!("run-container");
    let (outside, data) = (t.folder("outside"), t.folder("data"));
    let (way, link) = (t.rootfs().join("way"), t.rootfs().join("link"));
    fs::create_dir(&way).unwrap();
    // What is not empty is not taken for a mount point that rootlet has made.
    fs::write(way.join("file"), "").unwrap();
    symlink(&outside, &link).unwrap();
    let end = AtomicBool::new(false);
    let swap = || {
        while !end.load(Ordering::Relaxed) {
            renameat_with(CWD, &way, CWD, &link, RenameFlags::EXCHANGE).unwrap();
        }
    };
    // Below `way` or `link`, whichever is the directory at that time.
    let clear = || [&way, &link].map(|dir| fs::remove_dir(dir.join("below")).is_ok());
    thread::scope(|scope| {
        scope.spawn(swap);
        let _ends = EndAtDrop(&end);
        // Who trusts the path makes it outside sooner or later.
        let careless = || {
            fs::create_dir(way.join("below")).ok();
            let made = fs::remove_dir(outside.join("below")).is_ok();
            clear();
            made
        };
        assert!((0..10_000).any(|_| careless()), "the swap never met anybody");
        let volume = format!("{}:/way/below", data.display());
        let mut mounted = 0;
        for setting in settings(Holds::Always) {
            for options in [["-v", &volume], ["--tmpfs", "/way/below"]].iter().cycle().take(RUNS) {
                let run = setting.run(&t).opts(options).cmd(["true"]).output();
                harmless(&run, "");
                mounted += usize::from(run.code() == 0);
                assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{setting:?} {options:?}");
                clear();
            }
        }
        assert!(mounted > 0, "no run came to its mount");
    });
}

/// Ends a thread when the test ends, however it ends.
struct EndAtDrop<'a>(&'a AtomicBool);

impl Drop for EndAtDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
