//! initsh beside dash and busybox: the same scripts, output and status.
//!
//! `initsh/tests/corpus` has the scripts, in files by feature, separated by lines of `---`. One that begins with
//! `#! dash: reason`, `#! ash: reason` or `#! both: reason` is answered differently by that shell on purpose, and
//! a row whose difference is gone is a failure too.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use support::{case, on_path};

/// No script of the corpus takes this long.
const LIMIT: Duration = Duration::from_secs(20);

/// What a script did.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    status: Option<i32>,
    output: String,
    complains: bool,
}

/// A shell under the name `sh` in a folder of its own.
struct Shell {
    name: &'static str,
    folder: PathBuf,
}

impl Shell {
    fn new(name: &'static str, program: &Path, below: &Path) -> Shell {
        let folder = below.join(name);
        fs::create_dir(&folder).unwrap();
        symlink(program, folder.join("sh")).unwrap();
        Shell { name, folder }
    }

    fn command(&self, words: &[&str], place: &Path) -> Command {
        let mut command = Command::new(self.folder.join("sh"));
        command.args(words).current_dir(place).env_clear().stdin(Stdio::null());
        let path = format!("{}:/usr/bin:/bin", self.folder.display());
        command.env("PATH", path).env("HOME", "/root").env("LC_ALL", "C").env("PWD", place);
        command
    }

    fn run(&self, script: &str) -> Outcome {
        let place = tempfile::Builder::new().prefix("rootlet-shell-").tempdir().unwrap();
        let (output, error) = (place.path().join(".output"), place.path().join(".error"));
        let folder = place.path().join("here");
        fs::create_dir(&folder).unwrap();
        let mut child = self
            .command(&["-c", script], &folder)
            .stdout(fs::File::create(&output).unwrap())
            .stderr(fs::File::create(&error).unwrap())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > LIMIT {
                child.kill().unwrap();
                child.wait().unwrap();
                // Two shells that hang do not do the same.
                panic!("{} hangs: {script}", self.name);
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let text = String::from_utf8_lossy(&fs::read(&output).unwrap()).into_owned();
        Outcome {
            status: status.code(),
            output: text.replace(&*folder.to_string_lossy(), "HERE"),
            complains: fs::metadata(&error).unwrap().len() > 0,
        }
    }
}

/// A script of the corpus.
struct Script {
    place: String,
    text: String,
}

fn corpus() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("initsh/tests/corpus");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut scripts = Vec::new();
    for file in files {
        let all = fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for (index, text) in all.trim_end_matches('\n').split("\n---\n").enumerate() {
            scripts.push(Script { place: format!("{name}:{}", index + 1), text: text.to_owned() });
        }
    }
    scripts
}

/// Whether the script's first line says that this shell answers differently.
fn is_listed(script: &str, shell: &str) -> bool {
    let first = script.lines().next().unwrap_or_default();
    let Some((who, reason)) = first.strip_prefix("#! ").and_then(|rest| rest.split_once(": "))
    else {
        return false;
    };
    assert!(["dash", "ash", "both"].contains(&who) && !reason.is_empty(), "{first}");
    who == shell || who == "both"
}

/// Runs `act` on every script, on two threads.
fn for_each(scripts: &[Script], act: impl Fn(&Script) -> Vec<String> + Sync) -> Vec<String> {
    let next = Mutex::new(scripts.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let script = next.lock().unwrap().next();
                    let Some(script) = script else { return };
                    wrong.lock().unwrap().extend(act(script));
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

/// What takes the processors for long is held for reading, what measures times for writing.
static TIMING: RwLock<()> = RwLock::new(());

fn compare(ours: &Shell, peer: &Shell, least: usize) {
    let _together = TIMING.read().unwrap_or_else(PoisonError::into_inner);
    let scripts = corpus();
    assert!(scripts.len() >= least, "{} scripts", scripts.len());
    let wrong = for_each(&scripts, |Script { place, text }| {
        let (own, theirs) = (ours.run(text), peer.run(text));
        let listed = is_listed(text, peer.name);
        if (own == theirs) != listed {
            return Vec::new();
        }
        vec![match listed {
            true => format!("{place}: {} does the same, so this is no difference", peer.name),
            false => format!("{place}:\n{text}\n  initsh {own:?}\n  {} {theirs:?}", peer.name),
        }]
    });
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), scripts.len(), wrong.join("\n"));
}

#[test]
fn scripts_do_what_they_do_in_dash() {
    let t = case!("-", "dash");
    let ours = Shell::new("initsh", &support::bin(), t.dir());
    compare(&ours, &Shell::new("dash", &on_path("dash").unwrap(), t.dir()), 650);
}

#[test]
fn scripts_do_what_they_do_in_busybox() {
    let t = case!("-", "busybox");
    let ours = Shell::new("initsh", &support::bin(), t.dir());
    compare(&ours, &Shell::new("ash", &on_path("busybox").unwrap(), t.dir()), 650);
}

/// Scripts of this machine that nobody wrote for us.
fn found_scripts(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            found_scripts(&entry.path(), depth - 1, found);
        } else if kind.is_file()
            && let Ok(bytes) = fs::read(entry.path())
            && bytes.starts_with(b"#!/bin/sh")
        {
            found.push(entry.path());
        }
    }
}

#[test]
fn every_script_of_the_machine_that_dash_reads_is_read() {
    let t = case!("-", "dash");
    let ours = Shell::new("initsh", &support::bin(), t.dir());
    let dash = Shell::new("dash", &on_path("dash").unwrap(), t.dir());
    let mut found = Vec::new();
    let _together = TIMING.read().unwrap_or_else(PoisonError::into_inner);
    for folder in ["/etc", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/var/lib/dpkg/info"]
    {
        found_scripts(Path::new(folder), 5, &mut found);
    }
    let read = |shell: &Shell, script: &Path| {
        let mut command = shell.command(&["-n", &script.to_string_lossy()], t.dir());
        command.stderr(Stdio::null()).status().unwrap().success()
    };
    found.retain(|script| read(&dash, script));
    println!("measured: {} scripts", found.len());
    assert!(found.len() > 20, "{} scripts that dash reads", found.len());
    found.retain(|script| !read(&ours, script));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn bounds_are_errors_with_a_place() {
    let t = case!("-");
    let shell = Shell::new("initsh", &support::bin(), t.dir());
    let deep = format!("{}:{}", "{ ".repeat(300), "; }".repeat(300));
    let signs = format!("echo $(({}1))", "- ".repeat(20));
    let conditions = format!("echo $(({}1))", "0?1:".repeat(10_000));
    for (script, words) in [
        ("f() { f; }; f", "line 1: too many calls within each other"),
        ("f() { eval f; }; f", "too many calls within each other"),
        ("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done", "line 1: out of memory"),
        (&deep, "line 1, column 401: syntax error: commands stand too deep in each other"),
        (&signs, "too many signs"),
        (&conditions, "too many parentheses"),
        // Nothing is written of what does not fit, and that is told, be it the last command.
        ("printf %1048576d $(seq 100)", "line 1: out of memory"),
        ("echo a\nif true; then\n  done", "line 3, column 3: syntax error: word unexpected"),
        (
            "exec 3<&0; i=0
            while [ $i -lt 70 ]; do { exec >&- 2>&-; read x <&3; } & i=$((i+1)); done",
            "too many background commands",
        ),
    ] {
        let mut command = shell.command(&["-c", script], t.dir());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // The background commands wait for the end of this pipe.
        let _input = child.stdin.take();
        let done = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(error.contains(words), "{script:.60}: {error}");
        assert_eq!(done.status.code(), Some(2), "{script:.60}");
    }
}

#[test]
fn help_is_told_and_other_long_options_are_none() {
    let t = case!("-");
    let shell = Shell::new("initsh", &support::bin(), t.dir());
    for (word, status, expected) in
        [("--help", 0, "usage: rootlet sh "), ("--helper", 2, "no such option")]
    {
        let done = shell.command(&[word], t.dir()).output().unwrap();
        let text = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert_eq!(done.status.code(), Some(status), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_person_gets_prompts_and_goes_on_after_errors() {
    let t = case!("-", "setsid");
    // Each row: what is typed, and what is seen then.
    let rows = [
        ("PS1='p$((1+1))> '\n", "p2> "),
        ("echo a'b'c\n", "abc\r\np2> "),
        ("if true\n", "> "),
        ("then echo y''es; fi\n", "yes\r\np2> "),
        ("echo ${nope?is gone}; echo not''here\n", "nope: is gone\r\np2> "),
        ("if ; echo not''here\n", "';' unexpected\r\np2> "),
        ("nosuchcommand\n", "not found\r\np2> "),
        // Ctrl-C at the prompt would prove nothing.
        ("echo u''p; while :; do :; done\n", "up\r\n"),
        ("\x03", "p2> "),
        ("echo status $?\n", "status 130\r\np2> "),
        ("echo u''p; sleep 100\n", "up\r\n"),
        ("\x03", "p2> "),
        ("cat <<E\n", "> "),
        ("x$((2+3))\nE\n", "x5\r\np2> "),
        ("echo bye; exit 4\n", "bye\r\n"),
    ];
    let mut terminal = support::Terminal::start(t.rootlet().opt("sh"), 24, 80);
    terminal.expect("# ");
    terminal.converse(&rows);
    assert!(!terminal.screen().contains("nothere"), "{}", terminal.screen());
    assert_eq!(terminal.finish().code(), Some(4));
}

/// How many times the other shell's time a script takes: by the least times or by the medians of five times each in
/// turn, whichever says less, since a machine may have a good moment in which only one of them runs. Noise only adds,
/// so more follow for a while, as long as the first shell is not faster.
fn ratio_of_times(shells: [&Shell; 2], script: &str, place: &Path) -> f64 {
    let mut times = [Vec::new(), Vec::new()];
    let end = Instant::now() + Duration::from_secs(6);
    let mut round = 0;
    loop {
        round += 1;
        for (shell, times) in shells.iter().zip(&mut times) {
            let started = Instant::now();
            let mut command = shell.command(&["-c", script], place);
            assert!(command.stdout(Stdio::null()).status().unwrap().success());
            times.push(started.elapsed().as_secs_f64());
            times.sort_by(f64::total_cmp);
        }
        let [own, theirs] = &times;
        let ratio = (own[0] / theirs[0]).min(own[round / 2] / theirs[round / 2]);
        if round >= 5 && (ratio < 1.0 || Instant::now() > end) {
            println!("measured: {ratio:.2} of {:?} s in {round} rounds: {script:.60}", theirs[0]);
            return ratio;
        }
    }
}

#[test]
fn loops_and_starts_are_not_slower_than_in_busybox() {
    let t = case!("-", "busybox");
    let _alone = TIMING.write().unwrap_or_else(PoisonError::into_inner);
    let ours = Shell::new("initsh", &support::bin(), t.dir());
    let ash = Shell::new("ash", &on_path("busybox").unwrap(), t.dir());
    for script in [
        "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done",
        "f() { local a=$1; case $a in *5) x=${a%5};; *) x=$a;; esac; }
         i=0; while [ \"$i\" -lt 100000 ]; do f \"$i\"; i=$((i+1)); done",
        "i=0; while [ $i -lt 100000 ]; do echo \"$i line\"; i=$((i+1)); done",
        "i=0; while [ $i -lt 1000 ]; do x=$(echo $i); i=$((i+1)); done",
        "i=0; while [ $i -lt 200 ]; do sh -c :; i=$((i+1)); done",
    ] {
        let ratio = ratio_of_times([&ours, &ash], script, t.dir());
        assert!(ratio < 1.1, "{ratio} of busybox's time: {script}");
    }
}

#[test]
fn bounds_are_told() {
    let t = case!("-");
    let shell = Shell::new("initsh", &support::bin(), t.dir());
    let told = shell.run("set -o limits");
    for words in ["memory, bytes: 67108864", "commands within each other: 200", "background"] {
        assert!(told.output.contains(words), "{}", told.output);
    }
}

#[test]
fn loops_do_not_use_up_memory() {
    let t = case!("-");
    let _together = TIMING.read().unwrap_or_else(PoisonError::into_inner);
    let shell = Shell::new("initsh", &support::bin(), t.dir());
    let script = "i=0; f() { local a=$1; set -- b c; x=$a$2; case $x in *1) y=${x%1};; esac; }
        while [ $i -lt 200000 ]; do f \"$i\"; eval \"z=$i\"; i=$((i+1)); done
        while read k v; do [ \"$k\" = VmRSS: ] && echo $v; done < /proc/self/status";
    let told = shell.run(script).output;
    let kilobytes: u32 = told.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 1000, "{told}");
}
