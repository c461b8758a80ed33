//! How `rootlet init` starts its command: what it executes, and with what.

mod support;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use support::inits::{PLACES, Place, UNSHARE, init, rootlet};
use support::user::open_to_user;
use support::{Rootlet, await_true, case, links};

#[test]
fn what_cannot_be_executed_is_126_and_what_is_missing_127() {
    let t = case!("-");
    let program = |name: &str, content: &[u8]| {
        let path = t.file(name, content);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    };
    t.file("plain", "#!/bin/sh\n");
    t.folder("folder");
    symlink("link", t.path("link")).unwrap();
    program("self", b"#!./self\n");
    program("refused", b"#!./plain\n");
    program("orphan", b"#!/bin/nope -x y\n");
    program("blanks", b"#! \t /bin/nope\t-x\n");
    program("second", b"#!./orphan\n");
    // A dynamic program whose loader's path leads nowhere.
    let mut elf = fs::read("/bin/true").unwrap();
    let loader =
        elf.windows(10).position(|bytes| bytes.starts_with(b"/lib") && bytes.contains(&b'/'));
    elf[loader.unwrap() + 1] = b'n';
    let path = elf[loader.unwrap()..].split(|byte| *byte == 0).next().unwrap();
    let loader = String::from_utf8(path.to_vec()).unwrap();
    program("loader", &elf);
    program("busy", b"#!/bin/sh\n");
    let _writer = File::options().append(true).open(t.path("busy")).unwrap();
    let long = "x".repeat(5000);
    let missing = |name: &str, interpreter: &str| {
        format!(
            "rootlet: {name}: ENOENT (No such file or directory); it needs the interpreter {interpreter}\n"
        )
    };
    for place in PLACES {
        for (name, code, words) in [
            ("nosuch", 127, "rootlet: nosuch: ENOENT (No such file or directory)\n"),
            ("./nosuch", 127, "rootlet: ./nosuch: ENOENT (No such file or directory)\n"),
            ("", 127, "ENOENT (No such file or directory)\n"),
            ("./plain", 126, "rootlet: ./plain: EACCES (Permission denied)\n"),
            ("plain", 126, "rootlet: plain: EACCES (Permission denied)\n"),
            ("./folder", 126, "rootlet: ./folder: EACCES (Permission denied)\n"),
            ("./plain/x", 126, "rootlet: ./plain/x: ENOTDIR (Not a directory)\n"),
            ("./link", 126, "rootlet: ./link: ELOOP (Too many levels of symbolic links)\n"),
            ("./self", 126, "rootlet: ./self: ELOOP (Too many levels of symbolic links)\n"),
            ("./refused", 126, "rootlet: ./refused: EACCES (Permission denied)"),
            ("./busy", 126, "rootlet: ./busy: ETXTBSY (Text file busy)\n"),
            (&long, 126, "ENAMETOOLONG (File name too long)\n"),
            ("./orphan", 127, &missing("./orphan", "/bin/nope")),
            ("orphan", 127, &missing("orphan", "/bin/nope")),
            ("./blanks", 127, &missing("./blanks", "/bin/nope")),
            ("./second", 127, "rootlet: ./second: ENOENT (No such file or directory)"),
            ("./loader", 127, &missing("./loader", &loader)),
        ] {
            let path = format!("{}:/usr/bin:/bin", t.dir().display());
            let run = init(&t, place, &[]).cmd([name, "argument"]).env("PATH", path).output();
            run.refused(code, &[words]);
            // The interpreter of `second` is there; what is missing is that one's own.
            assert!(!run.stderr.contains("./orphan is missing"), "{run:?}");
        }
    }
}

#[test]
fn a_script_without_an_interpreter_line_is_the_shells() {
    let t = case!("-");
    let program = |folder: &str, name: &str, content: &str, mode| {
        let path = t.folder(folder).join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    };
    program("first", "bare", "", 0o644);
    program("second", "bare", "echo \"$0:$#:$1:$2:$GIVEN\"\n", 0o755);
    program("second", "empty", "", 0o755);
    let folder = |name: &str| t.path(name).display().to_string();
    // The one that cannot be executed is passed over.
    let path = format!("{}:{}:/usr/bin:/bin", folder("first"), folder("second"));
    for name in ["init", "tini", "docker-init", "dumb-init", "catatonit", "podman-init"] {
        let run = |words: &[&str]| {
            let run = t.rootlet().opt(name).cmd(words).under(UNSHARE);
            run.env("PATH", &path).env("GIVEN", "given").output()
        };
        let said = format!("{}/bare:2:a b::given\n", folder("second"));
        assert_eq!(run(&["bare", "a b", ""]).ok(), said, "{name}");
        assert_eq!(run(&["second/bare"]).ok(), "second/bare:0:::given\n", "{name}");
        assert_eq!(run(&["empty", "argument"]).ok(), "", "{name}");
    }
}

#[test]
fn the_command_has_the_callers_directory_even_a_lost_one() {
    let t = case!("-", "setpriv");
    // The binary's own folder may be closed to others, and the test's is.
    let bin = open_to_user(&t);
    let closed = t.folder("closed");
    let gone = "mkdir gone; cd gone; rmdir ../gone; exec \"$@\"";
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
    let run = || Rootlet::new(&bin, t.dir()).opt("init").cmd(["readlink", "/proc/self/cwd"]);
    let shown = |run: Rootlet| run.output().ok().trim_end().to_owned();
    assert_eq!(shown(run().under(nobody).in_dir(&closed)), closed.to_str().unwrap());
    assert_eq!(shown(run().under(UNSHARE).in_dir(&closed)), closed.to_str().unwrap());
    // Nobody can come back to such a place: rootlet leaves it when its command is there.
    let script = "until test \"$(readlink /proc/$PPID/cwd)\" = /; do sleep 0.02; done";
    let leaves = Rootlet::new(&bin, t.dir()).opt("init").sh(script).in_dir(&closed);
    leaves.under(nobody).under(["timeout", "3"]).output().ok();
    let lost = format!("{}/gone (deleted)", t.dir().display());
    assert_eq!(shown(run().under(["sh", "-c", gone, "sh"])), lost);
    assert_eq!(shown(run().under(UNSHARE).under(["sh", "-c", gone, "sh"])), lost);
}

#[test]
fn from_its_first_moment_the_command_is_there_and_rootlet_in_the_root() {
    let t = case!("-", "bash", "dash");
    let script = "pwd -P; cd -P /proc/$PPID/cwd; pwd -P";
    let words = format!("'{}' init -- dash -c '{script}'", support::bin().display());
    // Two loops on two processors: each start races with another's.
    let many = format!(
        "many() {{ for i in {{1..125}}; do {words}; done | sort | uniq -c; }}; many & many; wait"
    );
    let own = format!("125 {}", t.dir().canonicalize().unwrap().display());
    for _ in 0..4 {
        let run = Rootlet::new(Path::new("bash"), t.dir()).opts(["-c", &many]).output();
        let mut lines: Vec<_> = run.ok().lines().map(str::trim).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["125 /", "125 /", &own, &own]);
    }
}

#[test]
fn descriptors_are_the_commands_and_not_rootlets() {
    let t = case!("-", "bash");
    let leak = t.file("leak", "");
    let open = "exec 7< leak 1000< leak; exec \"$@\" >&2 <&-";
    let script =
        "readlink /proc/self/fd/7 /proc/self/fd/1000; readlink /proc/self/fd/0 || echo closed";
    for place in PLACES {
        let script = format!(
            "({script}) > said; touch ready; sleep 1 & while test -e ready; do sleep 0.02; done"
        );
        let run =
            init(&t, place, &["--grace=0"]).sh(&script).under(["bash", "-c", open, "bash"]).spawn();
        assert!(await_true(|| t.path("ready").exists()));
        let held = links(&format!("/proc/{}/fd", rootlet(&run, place)));
        assert!(held.keys().all(|fd| ["0", "1", "2"].contains(&fd.as_str())), "{place:?} {held:?}");
        fs::remove_file(t.path("ready")).unwrap();
        run.finish().ok();
        let shown = fs::canonicalize(&leak).unwrap().display().to_string();
        let said = fs::read_to_string(t.path("said")).unwrap();
        assert_eq!(said, format!("{shown}\n{shown}\nclosed\n"), "{place:?}");
    }
}

#[test]
fn listen_pid_follows_the_command() {
    let t = case!("-");
    let script = "test \"$LISTEN_PID\" = $$ && echo own || echo \"$LISTEN_PID\"";
    let caller = "LISTEN_PID=$$ exec \"$@\"";
    for place in PLACES {
        let run = || init(&t, place, &[]).sh(script).env("LISTEN_FDS", "1");
        let own = match place {
            Place::First => run().env("LISTEN_PID", "1"),
            Place::Below => run().under(["sh", "-c", caller, "sh"]),
        };
        assert_eq!(own.output().ok(), "own\n", "{place:?}");
        for other in ["77", "", "1x", "11"] {
            assert_eq!(run().env("LISTEN_PID", other).output().ok(), format!("{other}\n"));
        }
    }
}
