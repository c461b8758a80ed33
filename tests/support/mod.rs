//! The ground integration tests stand on: a fresh rootfs, the binary, the host.
//!
//! Every test starts with `let t = case!(…)`: it gets a directory of its own with a fresh rootfs in it, so
//! tests run in parallel, and whatever is left over after a run is known by that directory's unique name.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test binary uses its part of the harness"
)]

mod command;
mod compile;
pub mod entering;
pub mod errnos;
pub mod escapes;
mod host;
pub mod image;
pub mod inits;
pub mod inject;
pub mod matrix;
mod mounts;
mod probe;
mod process;
mod pty;
mod rootfs;
mod secluded;
pub mod see;
pub mod tolerated;
mod trace;
pub mod user;

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use command::{Outcome, Rootlet, Running};
pub use compile::{compile, compile_own};
pub use host::{Host, cgroups_named};
pub use mounts::{Mount, Mounts};
pub use probe::{
    Arrival, Fate, SENTINEL, SITUATIONS, Seat, Seen, Situation, Wrapped, build_probe, ranges,
    set_of, signals_of,
};
pub use process::{
    await_true, children, descendants, find_child, kill, links, stat_field, state, status_field,
};
pub use pty::Terminal;
pub use rootfs::copy_program;
pub use secluded::Secluded;
pub use trace::{ALONE, Call, Trace};

/// Starts a test, or returns from it after noting why it is skipped.
///
/// The first argument names the VM scenario that proves the same (`"-"` for none); further ones name host
/// programs that the test cannot do without.
macro_rules! case {
    ($vm:literal $(, $tool:literal)*) => {{
        fn here() {}
        match $crate::support::Case::start(std::any::type_name_of_val(&here), $vm, &[$($tool),*]) {
            Some(case) => case,
            None => return,
        }
    }};
}
pub(crate) use case;

/// A test's own directory and what it can start there.
pub struct Case {
    name: String,
    dir: tempfile::TempDir,
    rootfs: PathBuf,
}

impl Case {
    /// Called by `case!`; `here` is the path of a function inside the test.
    pub fn start(here: &str, vm: &str, tools: &[&str]) -> Option<Case> {
        let name = here.trim_end_matches("::here").to_owned();
        if let Some(reason) = obstacle(tools) {
            skip(&name, &reason, vm);
            return None;
        }
        // The prefix makes the directory easy to tell from others in a process's command line.
        let dir = tempfile::Builder::new().prefix("rootlet-test-").tempdir().unwrap();
        let rootfs = dir.path().join("rootfs");
        rootfs::copy(&given("ROOTLET_ROOTFS"), &rootfs);
        rootfs::install_init(&rootfs);
        Some(Case { name, dir, rootfs })
    }

    /// Notes that the rest of this test cannot run here.
    pub fn skip(&self, reason: &str, vm: &str) {
        skip(&self.name, reason, vm);
    }

    /// The test's directory on the host.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What nothing of another test is called: the name of that directory.
    pub fn label(&self) -> String {
        self.dir().file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// A name for one of several containers of this test, whose record and cgroup no other test's are called like.
    pub fn unique(&self, word: &str) -> String {
        format!("{}-{word}", self.label())
    }

    /// The test's own rootfs.
    pub fn rootfs(&self) -> &Path {
        &self.rootfs
    }

    /// A host path in the test's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a host file in the test's directory.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Makes a host directory in the test's directory.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// The binary with no arguments yet.
    pub fn rootlet(&self) -> Rootlet {
        Rootlet::new(&bin(), self.dir())
    }

    /// `rootlet run --rootfs ROOTFS`, options and command to be added.
    pub fn run(&self) -> Rootlet {
        self.rootlet().opt("run").opt("--rootfs").opt(&self.rootfs)
    }

    /// What a shell script prints in a container made with `options`; the run must succeed.
    pub fn inside(&self, options: &[&str], script: &str) -> String {
        self.run().opts(options).sh(script).output().ok().to_owned()
    }

    /// What a bash script on the host prints, in a mount namespace of its own whose mounts are all shared.
    ///
    /// Mounts that a test makes "on the host" are made there, so none outlives it. `$BIN`, `$DIR` and
    /// `$ROOT` are the binary, the test's directory and its rootfs.
    pub fn host_script(&self, script: &str) -> Outcome {
        self.script_in(&["--mount"], script, &[])
    }

    /// The same in a network namespace of its own as well, in which `lo` is up: the machine's network stays as it is.
    ///
    /// There is a function `await`, which waits until a command succeeds.
    pub fn network_script(&self, script: &str) -> Outcome {
        let script = format!("{AWAIT}; ip link set lo up; {script}");
        self.script_in(&["--mount", "--net"], &script, &[])
    }

    /// The same as `host_script` with arguments: `$1`, `$2`, ...
    pub fn host_script_with(&self, script: &str, arguments: &[String]) -> Outcome {
        self.script_in(&["--mount"], script, arguments)
    }

    fn script_in(&self, namespaces: &[&str], script: &str, arguments: &[String]) -> Outcome {
        let head = "set -eu; mount --make-rshared /;";
        Rootlet::new(Path::new("unshare"), self.dir())
            .opts(namespaces)
            .opts(["--propagation", "private", "bash", "-c"])
            .opt(format!("{head} {script}"))
            .opt("bash")
            .opts(arguments)
            .env("BIN", bin())
            .env("DIR", self.dir())
            .env("ROOT", &self.rootfs)
            .output()
    }
}

impl Drop for Case {
    /// What a failed test has left would outlive it: these processes and cgroups are its own.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (pid, _) in host::leftovers(self.dir.path()) {
                kill(pid, 9);
            }
            host::remove_cgroups(&self.label());
        }
    }
}

/// Waits in a bash script until a command succeeds, some seconds at most.
const AWAIT: &str = "await() { for i in $(seq 50); do \"$@\" > /dev/null 2>&1 && return; sleep 0.1; done; echo \"never: $*\"; exit 99; }";

/// The built binary.
pub fn bin() -> PathBuf {
    given("ROOTLET_BIN")
}

/// The built binary with the init role alone.
pub fn init_bin() -> PathBuf {
    given("ROOTLET_INIT_BIN")
}

fn given(variable: &str) -> PathBuf {
    match env::var_os(variable) {
        Some(path) if Path::new(&path).exists() => path.into(),
        Some(path) => panic!(
            "{variable} names {}, which does not exist: run `cargo xtask test`",
            path.display()
        ),
        None => panic!(
            "{variable} is not set: these tests drive the built binary, run them with `cargo xtask test`"
        ),
    }
}

fn obstacle(tools: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root".into());
    }
    let missing = tools.iter().find(|tool| on_path(tool).is_none());
    missing.map(|tool| format!("{tool} is not installed"))
}

/// Where the host has a program.
pub fn on_path(tool: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.exists())
}

/// Appends one line to the skip log, which `cargo xtask test` reads: name, reason, VM scenario.
pub fn skip(name: &str, reason: &str, vm: &str) {
    eprintln!("skipped {name}: {reason}");
    if let Some(log) = env::var_os("ROOTLET_SKIP_LOG") {
        let mut file = OpenOptions::new().create(true).append(true).open(log).unwrap();
        // One write: test threads append to the same file.
        file.write_all(format!("{name}\t{reason}\t{vm}\n").as_bytes()).unwrap();
    }
}

/// What a host program prints; it must succeed.
pub fn host(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
