//! What a run must leave as it was: mounts, cgroups, links, processes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::await_true;
use super::{Case, host};

/// The host's state. Runs of other tests do not show in it.
#[derive(PartialEq, Debug)]
pub struct Host {
    mounts: String,
    cgroups: BTreeSet<PathBuf>,
    network_links: BTreeSet<String>,
    hostname: String,
    devices: Vec<String>,
}

impl Host {
    /// Takes a snapshot.
    pub fn now() -> Host {
        let names = fs::read_dir("/sys/class/net").unwrap().flatten();
        Host {
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap(),
            cgroups: cgroups(),
            network_links: names.map(|entry| entry.file_name().display().to_string()).collect(),
            hostname: fs::read_to_string("/proc/sys/kernel/hostname").unwrap(),
            devices: devices(),
        }
    }

    /// Demands that all is as before and that no process of the test's containers is left.
    ///
    /// The kernel takes a killed container apart in its own time, so this waits a little for it.
    pub fn unchanged(&self, case: &Case, what: &str) {
        let clean = await_true(|| leftovers(case.dir()).is_empty());
        assert!(clean, "{what}: processes are left: {:#?}", leftovers(case.dir()));
        let now = Host::now();
        assert_eq!(self.mounts, now.mounts, "{what}: the host's mounts changed");
        assert_eq!(self.cgroups, now.cgroups, "{what}: the host's cgroups changed");
        assert_eq!(*self, now, "{what}: the host changed");
    }
}

/// Processes that name the test's directory in their command line or see it in their mounts.
///
/// Every container of a test has a root below its directory, which is the root of one of its mounts, and
/// rootlet's own processes have it among their arguments. A mount that is left on the host is seen by all of the
/// host's processes, which are not ours to end.
pub fn leftovers(dir: &Path) -> Vec<(u32, String)> {
    let needle = dir.to_str().unwrap();
    let own = fs::read_link("/proc/self/ns/mnt").unwrap();
    let names = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        let namespace = fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        let is_inside = namespace.is_some_and(|namespace| namespace != own);
        let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let ours = arguments.contains(needle) || is_inside && mounts.contains(needle);
        ours.then_some((pid, arguments))
    })
    .collect()
}

/// All cgroups of that name, wherever they are; a line for each.
pub fn cgroups_named(name: &str) -> String {
    host("find", &["/sys/fs/cgroup", "-name", name])
}

/// Removes the cgroups whose names begin so, with all below them, as soon as their processes are gone.
pub fn remove_cgroups(prefix: &str) {
    let below = format!("*/{prefix}*");
    let rest = ["/sys/fs/cgroup", "-depth", "-type", "d", "-path", &below];
    await_true(|| {
        Command::new("find").args(rest).arg("-delete").output().ok();
        let left = Command::new("find").args(rest).output();
        left.is_ok_and(|left| left.stdout.is_empty())
    });
}

/// The cgroups right below the root of each hierarchy.
///
/// Those in which the containers of other tests are do not count: `rootlet`, and what is named after a test's directory.
/// Deeper ones are not looked at, for whatever runs on the machine makes and removes them below its own.
fn cgroups() -> BTreeSet<PathBuf> {
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = match top.join("cgroup.controllers").exists() {
        true => vec![top.to_owned()],
        false => folders(top),
    };
    let children = hierarchies.iter().flat_map(|root| folders(root));
    let is_tests =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("rootlet");
    children.filter(|path| !is_tests(path)).collect()
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

/// Type, mode and owner of the host's nodes that containers have as well: other runners have changed those by mistake.
fn devices() -> Vec<String> {
    let names = [
        "", "null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "shm", "mqueue",
        "fd",
    ];
    let describe = |name: &&str| {
        let Ok(meta) = fs::symlink_metadata(Path::new("/dev").join(name)) else {
            return format!("{name}: absent");
        };
        format!("{name}: {:o} {}:{} {:x}", meta.mode(), meta.uid(), meta.gid(), meta.rdev())
    };
    names.iter().map(describe).collect()
}
