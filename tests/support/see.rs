//! What rootlet tells as JSON, and containers of others to tell about.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Case, Rootlet, Running, await_true, compile, descendants};

/// What a command of rootlet tells with `--json`.
pub fn told(t: &Case, words: &[&str]) -> Value {
    let run = t.rootlet().opt(words[0]).opt("--json").opts(&words[1..]).output();
    serde_json::from_str(run.ok()).unwrap_or_else(|error| panic!("{words:?}: {error}: {run:?}"))
}

/// The elements of an array.
pub fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no array: {value}"))
}

/// The row in which a member is that.
pub fn row<'v>(value: &'v Value, key: &str, wanted: impl Into<Value>) -> &'v Value {
    let wanted = wanted.into();
    let found = rows(value).iter().find(|row| row[key] == wanted);
    found.unwrap_or_else(|| panic!("no {key} is {wanted}: {value:#}"))
}

/// All strings of an array.
pub fn strings(value: &Value) -> BTreeSet<String> {
    rows(value).iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Demands that a table has one printable line for each thing and a heading.
pub fn is_table(text: &str, things: usize) {
    assert_eq!(text.lines().count(), things + 1, "{text}");
    is_printable(text);
}

/// Demands that a table has nothing that moves the cursor but ends of lines.
pub fn is_printable(text: &str) {
    let odd = text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{2028}');
    assert!(odd.is_none(), "{odd:?} in {text:?}");
}

/// Compiles the program that makes many of something.
pub fn build_crowd(target: &Path) {
    compile("crowd", &["-static", "-O1"], target);
}

/// Many of something, until this is dropped.
pub struct Crowd(Child);

impl Crowd {
    /// Waits until all are there.
    pub fn start(t: &Case, words: &[&str]) -> Crowd {
        let program = t.path("crowd");
        build_crowd(&program);
        let mut command = Command::new(program);
        let piped = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut up = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        Crowd(child)
    }

    /// The pid of who has made them.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

/// A container of another runner that sleeps; it ends when this is dropped.
pub struct Others {
    _run: Running,
    /// Its first process that is in the container's root.
    pub pid: u32,
}

/// One by bubblewrap, which says nothing of capabilities and has no filter.
pub fn by_bubblewrap(t: &Case, options: &[&str]) -> Others {
    let root = t.rootfs().to_str().unwrap();
    let run = Rootlet::new(Path::new("bwrap"), t.dir())
        .opts(["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"])
        .opts(["--bind", root, "/", "--proc", "/proc", "--dev", "/dev"])
        .opts(options)
        .cmd(["/bin/sleep", "1000"])
        .spawn();
    Others { pid: sleeper(run.pid()), _run: run }
}

/// One by crun, such as docker asks for: its capabilities, masked paths, no filter.
pub fn by_crun(t: &Case) -> Others {
    let bundle = t.folder("bundle");
    let mount = |kind: &str, place: &str, options: &[&str]| json!({"destination": place, "type": kind, "source": kind, "options": options});
    let capabilities = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_TIME"];
    let config = json!({
        "ociVersion": "1.0.0",
        "root": {"path": t.rootfs()},
        "process": {
            "cwd": "/", "args": ["/bin/sleep", "1000"], "user": {"uid": 0, "gid": 0},
            "capabilities": {"bounding": capabilities, "permitted": capabilities, "effective": capabilities},
            "noNewPrivileges": true,
        },
        "mounts": [
            mount("proc", "/proc", &["nosuid", "nodev", "noexec"]),
            mount("tmpfs", "/dev", &["nosuid", "mode=755"]),
            mount("sysfs", "/sys", &["ro", "nosuid", "nodev", "noexec"]),
        ],
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
            "maskedPaths": ["/proc/kcore", "/proc/keys"],
            "readonlyPaths": ["/proc/sys"],
        },
    });
    fs::write(bundle.join("config.json"), config.to_string()).unwrap();
    let state = t.folder("crun-state");
    // It refuses hosts that have both hierarchies.
    let alone = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" \"$@\"";
    let run = Rootlet::new(Path::new("crun"), t.dir())
        .under(["unshare", "-m", "sh", "-c", alone])
        .opt("--root")
        .opt(&state)
        .opts(["--cgroup-manager=disabled", "run", "--bundle"])
        .opt(&bundle)
        .opt(t.label())
        .spawn();
    Others { pid: sleeper(run.pid()), _run: run }
}

/// Waits for the process that sleeps in a root of its own.
fn sleeper(runner: u32) -> u32 {
    let mut found = 0;
    let is_sleeper = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == b"/bin/sleep\x001000\0")
    };
    let came = await_true(|| {
        found = descendants(runner).into_iter().find(is_sleeper).unwrap_or(0);
        found != 0
    });
    assert!(came, "no container came up below {runner}");
    found
}

/// What a program of the host tells as JSON, and how long that took.
pub fn of_host(words: &[&str]) -> Value {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How long something takes.
pub fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
