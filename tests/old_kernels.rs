//! The init role where calls are missing: Linux 4.18, docker's default filter.
//!
//! A seccomp filter stands for the old kernel: what came after 4.18 fails with ENOSYS. Everything is tried
//! under it, under docker's profile, and under both, with both binaries and under all names.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use support::{
    Case, Outcome, Rootlet, Running, await_true, case, compile, find_child, kill, links, state,
};

const USR1: i32 = 10;
const TERM: i32 = 15;

/// What `stage` is told to take away.
const SCENES: [&[&str]; 3] = [&["--linux-4.18"], &["--docker"], &["--linux-4.18", "--docker"]];

/// PID 1 of a pid namespace, and a subreaper.
const PLACES: [&[&str]; 2] = [&["--namespace"], &[]];

/// A name of the init role: the words that start it, and how it ends where there is no such program.
struct Name {
    label: String,
    words: Vec<String>,
    not_found: i32,
}

/// The test's directory with all programs in it.
struct Scene {
    t: Case,
    own: Vec<Name>,
    peers: Vec<Name>,
}

impl Scene {
    fn build(t: Case) -> Scene {
        built(&t, "stage");
        let (mut own, mut peers) = (Vec::new(), Vec::new());
        for (folder, bin) in [("full", support::bin()), ("init", support::init_bin())] {
            let link = |name: &str| -> PathBuf {
                let link = t.folder(folder).join(name);
                symlink(&bin, &link).unwrap();
                link
            };
            let name = |name: &str, options: &[&str], not_found| {
                let first = link(name).to_str().unwrap().to_owned();
                let words = [first].into_iter().chain(options.iter().map(|&o| o.to_owned()));
                Name { label: format!("{folder}/{name}"), words: words.collect(), not_found }
            };
            own.push(name("rootlet", &["init"], 127));
            // tini adopts orphans where it is not PID 1 only when told so.
            peers.push(name("tini", &["-s"], 127));
            peers.push(name("dumb-init", &[], 2));
            peers.push(name("catatonit", &[], 1));
        }
        Scene { t, own, peers }
    }

    /// A command line: the scene, the name, its further options, the program's words.
    fn command(&self, scene: &[&str], name: &Name, options: &[&str], program: &[&str]) -> Rootlet {
        let run = Rootlet::new(&self.t.path("stage"), self.t.dir()).opts(scene).opts(&name.words);
        let run = run.opts(options);
        // The static shell of the rootfs: the host's may have needs of its own.
        let path = self.t.rootfs().join("bin");
        if program.is_empty() { run } else { run.cmd(program) }.env("PATH", path)
    }

    /// Tries something in every scene, in the given places, with the given names.
    fn everywhere<'a>(
        &'a self,
        places: &[&[&'static str]],
        names: impl IntoIterator<Item = &'a Name> + Clone,
        check: impl Fn(&[&str], &Name, &str),
    ) {
        for scene in SCENES {
            for place in places {
                for name in names.clone() {
                    let options = [scene, *place].concat();
                    let what = format!("{} {}", options.join(" "), name.label);
                    check(&options, name, &what);
                }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Name> + Clone {
        self.own.iter().chain(&self.peers)
    }

    /// A file that a script makes to say that it is ready; it is not there yet.
    fn flag(&self, name: &str) -> String {
        let flag = self.t.path(name);
        fs::remove_file(&flag).ok();
        flag.to_str().unwrap().to_owned()
    }
}

/// A C program of the harness, in the test's directory.
fn built(t: &Case, name: &str) -> String {
    let target = t.path(name);
    compile(name, &["-static"], &target);
    target.to_str().unwrap().to_owned()
}

/// The init of a run, wherever it is.
fn init_of(run: &Running, options: &[&str]) -> u32 {
    // Else `stage` has become it.
    if options.contains(&"--namespace") { find_child(run.pid()) } else { run.pid() }
}

/// Waits for the word that the program is up, sends signals to its init and waits for the end.
fn signalled(run: Rootlet, options: &[&str], signo: i32) -> Outcome {
    let run = run.spawn();
    run.expect("up\n");
    assert!(kill(init_of(&run, options), signo));
    run.finish()
}

#[test]
fn the_calls_are_really_missing() {
    let scene = Scene::build(case!("-", "cc"));
    let workload = built(&scene.t, "workload");
    let newer = ["pidfd_open ENOSYS", "close_range ENOSYS", "clone3 ENOSYS"];
    let forbidden = [
        "clone3 ENOSYS",
        "clone EPERM",
        "unshare EPERM",
        "mount EPERM",
        "keyctl EPERM",
        "ADDR_NO_RANDOMIZE EPERM",
    ];
    let rows: [(&[&str], &[&[&str]]); 4] = [
        (&[], &[]),
        (SCENES[0], &[&newer]),
        (SCENES[1], &[&forbidden]),
        (SCENES[2], &[&newer, &forbidden]),
    ];
    for (options, missing) in rows {
        // Below rootlet, as a filter is for all that comes.
        let run = scene.command(options, &scene.own[0], &[], &[&workload, "calls"]);
        let outcome = run.output();
        let mut expected: Vec<&str> = missing.concat();
        let mut fails: Vec<&str> = outcome.ok().lines().collect();
        fails.retain(|line| line.ends_with("ENOSYS") || line.ends_with("EPERM"));
        expected.sort_unstable();
        expected.dedup();
        fails.sort_unstable();
        assert_eq!(fails, expected, "{options:?}: {outcome:?}");
        assert!(outcome.ok().contains("getpid works\n"), "{options:?}: {outcome:?}");
    }
}

#[test]
fn exit_codes_pass_through() {
    let scene = Scene::build(case!("-", "cc"));
    scene.everywhere(&PLACES, scene.all(), |options, name, what| {
        let run = |program: &[&str]| scene.command(options, name, &[], program).output();
        for (script, code) in [("exit 12", 12), ("kill -9 $$", 137), ("echo $$; exit 0", 0)] {
            let outcome = run(&["sh", "-c", script]);
            assert_eq!(
                (outcome.code(), outcome.stderr.as_str()),
                (code, ""),
                "{what}: {outcome:?}"
            );
        }
        let outcome = run(&["/nosuch"]);
        assert_eq!(outcome.code(), name.not_found, "{what}: {outcome:?}");
        assert!(outcome.stderr.contains("No such file or directory"), "{what}: {outcome:?}");
    });
}

#[test]
fn orphans_are_reaped() {
    let scene = Scene::build(case!("-", "cc"));
    // A zombie keeps its folder in /proc, so the loop ends only when it has been reaped.
    let script =
        "orphan=$( (sleep 0.03 > /dev/null & echo $!) ); test -d /proc/$orphan && echo lived
        while test -d /proc/$orphan; do sleep 0.01; done; exit 6";
    let check = |options: &[&str], name: &Name, what: &str| {
        let outcome = scene.command(options, name, &[], &["sh", "-c", script]).output();
        assert_eq!(
            (outcome.code(), outcome.stdout.as_str()),
            (6, "lived\n"),
            "{what}: {outcome:?}"
        );
    };
    scene.everywhere(&PLACES[..1], scene.all(), check);
    // Where it is not PID 1, dumb-init leaves orphans to others.
    let adopting = scene.all().filter(|name| !name.label.ends_with("dumb-init"));
    let parent = "echo $PPID > \"$FLAG.parent\"; (sh -c 'while test $(cut -d\" \" -f4 /proc/$$/stat) != \
        $(cat \"$FLAG.parent\"); do sleep 0.01; done; touch \"$FLAG\"' &); while ! test -e \"$FLAG\"; do sleep 0.01; done";
    scene.everywhere(&PLACES[1..], adopting, |options, name, what| {
        let run = scene.command(options, name, &[], &["sh", "-c", parent]);
        let outcome = run.env("FLAG", scene.flag("adopted")).output();
        assert_eq!((outcome.code(), outcome.stderr.as_str()), (0, ""), "{what}: {outcome:?}");
    });
}

#[test]
fn signals_are_passed_on() {
    let scene = Scene::build(case!("-", "cc"));
    let script = "trap 'echo got; exit 4' TERM; echo up; while :; do sleep 0.01; done";
    scene.everywhere(&PLACES, scene.all(), |options, name, what| {
        let outcome =
            signalled(scene.command(options, name, &[], &["sh", "-c", script]), options, TERM);
        assert_eq!(
            (outcome.code(), outcome.stdout.as_str()),
            (4, "up\ngot\n"),
            "{what}: {outcome:?}"
        );
    });
}

#[test]
fn a_group_gets_signals() {
    let scene = Scene::build(case!("-", "cc"));
    // The member is the shell's child, which only a signal to the group reaches.
    let script = "trap : USR1
        sh -c 'trap \"echo member; exit 0\" USR1; echo up; while :; do sleep 0.01; done' &
        wait; wait; exit 3";
    scene.everywhere(&PLACES, scene.all(), |options, name, what| {
        // It is dumb-init's default.
        let group: &[&str] = if name.label.ends_with("dumb-init") { &[] } else { &["-g"] };
        let outcome =
            signalled(scene.command(options, name, group, &["sh", "-c", script]), options, USR1);
        assert_eq!(
            (outcome.code(), outcome.stdout.as_str()),
            (3, "up\nmember\n"),
            "{what}: {outcome:?}"
        );
    });
}

#[test]
fn directory_and_descriptors_stay_with_the_program() {
    let scene = Scene::build(case!("-", "cc", "bash"));
    let leak = scene.t.file("leak", "");
    let shown = leak.canonicalize().unwrap().display().to_string();
    let dir = scene.t.dir().canonicalize().unwrap().display().to_string();
    let program = "pwd -P; readlink /proc/$$/fd/7; readlink /proc/$$/fd/1000; echo up; read x";
    scene.everywhere(&PLACES, scene.all(), |options, name, what| {
        let run = scene.command(options, name, &[], &["sh", "-c", program]).env("LEAK", &leak);
        let opening = ["/bin/bash", "-c", "exec 7< \"$LEAK\" 1000< \"$LEAK\"; exec \"$0\" \"$@\""];
        let run = run.under(opening).open_stdin().spawn();
        run.expect("up\n");
        assert_eq!(run.so_far(), format!("{dir}\n{shown}\n{shown}\nup\n"), "{what}");
        let init = init_of(&run, options);
        let clean = || {
            let in_root = fs::read_link(format!("/proc/{init}/cwd")).unwrap().as_os_str() == "/";
            in_root && !links(&format!("/proc/{init}/fd")).values().any(|to| *to == shown)
        };
        assert!(await_true(clean), "{what}: {:?}", links(&format!("/proc/{init}/fd")));
        run.finish();
    });
}

#[test]
fn the_rest_is_asked_to_end_and_then_killed() {
    let scene = Scene::build(case!("-", "cc"));
    // One ends when asked, in a session of its own; the other is deaf.
    let script = "setsid sh -c 'trap \"echo bye; exit\" TERM; touch \"$FLAG.1\"; while :; do sleep 0.01; done' &
        sh -c 'trap \"\" TERM; touch \"$FLAG.2\"; exec sleep 300' &
        while ! test -e \"$FLAG.1\" || ! test -e \"$FLAG.2\"; do sleep 0.01; done; exit 5";
    scene.everywhere(&PLACES, &scene.own, |options, name, what| {
        let flags = ["rest.1", "rest.2"].map(|flag| scene.flag(flag));
        let run = scene.command(options, name, &["--grace", "100ms"], &["sh", "-c", script]);
        let outcome = run.env("FLAG", flags[0].trim_end_matches(".1")).output();
        assert_eq!((outcome.code(), outcome.stdout.as_str()), (5, "bye\n"), "{what}: {outcome:?}");
        let times = Duration::from_millis(100)..Duration::from_secs(4);
        assert!(times.contains(&outcome.elapsed), "{what}: {outcome:?}");
    });
}

#[test]
fn a_deaf_program_is_killed_after_a_time() {
    let scene = Scene::build(case!("-", "cc"));
    let script = "trap '' TERM; echo up; exec sleep 300";
    scene.everywhere(&PLACES, &scene.own, |options, name, what| {
        let run = scene.command(options, name, &["--kill-after", "50ms"], &["sh", "-c", script]);
        let outcome = signalled(run, options, TERM);
        assert_eq!(outcome.code(), 137, "{what}: {outcome:?}");
    });
}

#[test]
fn a_delayed_signal_comes_later() {
    let scene = Scene::build(case!("-", "cc"));
    let script = "trap 'exit 4' TERM; echo up; while :; do sleep 0.01; done";
    scene.everywhere(&PLACES, &scene.own, |options, name, what| {
        let run = scene.command(options, name, &["--delay", "TERM=150ms"], &["sh", "-c", script]);
        let outcome = signalled(run, options, TERM);
        assert_eq!(outcome.code(), 4, "{what}: {outcome:?}");
        assert!(outcome.elapsed >= Duration::from_millis(150), "{what}: {outcome:?}");
    });
}

#[test]
fn every_process_gets_signals() {
    let scene = Scene::build(case!("-", "cc"));
    // The other one is an orphan in a session of its own.
    let script =
        "(setsid sh -c 'trap \"echo far; touch \\\"$FLAG.far\\\"; exit\" USR1; touch \"$FLAG\"
            while :; do sleep 0.01; done' &)
        trap 'echo near; near=1' USR1; while ! test -e \"$FLAG\"; do sleep 0.01; done; echo up
        while ! test \"$near\" || ! test -e \"$FLAG.far\"; do sleep 0.01; done; exit 3";
    scene.everywhere(&PLACES, &scene.own, |options, name, what| {
        let run = scene.command(options, name, &["--all"], &["sh", "-c", script]);
        scene.flag("ready.far");
        let outcome = signalled(run.env("FLAG", scene.flag("ready")), options, USR1);
        assert_eq!(outcome.code(), 3, "{what}: {outcome:?}");
        for word in ["near\n", "far\n"] {
            assert!(outcome.stdout.contains(word), "{what}: {outcome:?}");
        }
    });
}

#[test]
fn pausing_ends_when_told() {
    let scene = Scene::build(case!("-", "cc"));
    let catatonit = scene.peers.iter().filter(|name| name.label.ends_with("catatonit"));
    let pausing =
        scene.own.iter().map(|name| (name, "--pause")).chain(catatonit.map(|name| (name, "-P")));
    for (name, option) in pausing {
        scene.everywhere(&PLACES, [name], |options, name, what| {
            let run = scene.command(options, name, &[option], &[]).spawn();
            // It waits, with nothing above standard error open, once it sleeps with cwd /.
            let asleep = || {
                let init = init_of(&run, options);
                fs::read_link(format!("/proc/{init}/cwd")).is_ok_and(|cwd| cwd.as_os_str() == "/")
                    && state(init) == Some('S')
            };
            assert!(await_true(asleep), "{what}");
            assert!(kill(init_of(&run, options), TERM), "{what}");
            run.finish().ends(0);
        });
    }
}

#[test]
fn the_oom_score_is_inits_alone() {
    let scene = Scene::build(case!("-", "cc"));
    let script = "cat /proc/$$/oom_score_adj /proc/$PPID/oom_score_adj";
    scene.everywhere(&PLACES, &scene.own, |options, name, what| {
        let run = scene.command(options, name, &["--oom-score-adj", "321"], &["sh", "-c", script]);
        let outcome = run.output();
        let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
        assert_eq!(outcome.ok(), format!("{own}321\n"), "{what}");
    });
}
