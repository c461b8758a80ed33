//! What is measured and with what: programs, a root, C programs, all in memory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, mount};

use crate::{layout, program};

/// Everything lies below /run, which is memory on a machine that was booted; so are records.
const PLACE: &str = "/run/rootlet-bench";

/// Who the ordinary user is.
pub const USER: u32 = 65534;

/// What all measurements share.
pub struct Ground {
    /// The folder of everything that is made.
    pub place: PathBuf,
    /// Containers that live at once, where that is measured.
    pub containers: usize,
    /// A tenth of the rounds.
    pub quick: bool,
}

impl Ground {
    pub fn new(containers: usize, quick: bool) -> Ground {
        Ground { place: PathBuf::from(PLACE), containers, quick }
    }

    /// Fills the place. The caller has a mount namespace of its own, which takes all of it along
    /// when it ends.
    pub fn fill(&self, rootlet: &Path, init: &Path, rootfs: &Path) -> Result<()> {
        mount("tmpfs", "/run", "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755")
            .context("mount tmpfs on /run")?;
        // crun does not work where the hierarchies of version 1 and 2 are both in use.
        let at = "/sys/fs/cgroup";
        if !Path::new(at).join("cgroup.controllers").exists() {
            mount("cgroup2", at, "cgroup2", MountFlags::empty(), None).context("mount cgroup2")?;
        }
        // Other runtimes keep their state there.
        for folder in [self.place.clone(), self.user_folder(), self.records(), "/run/lock".into()] {
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        program::run(Command::new("cp").arg("-a").arg(rootfs).arg(self.root()))?;
        for (from, name) in [(rootlet, "rootlet"), (init, "rootlet-init")] {
            fs::copy(from, self.place.join(name)).with_context(|| from.display().to_string())?;
        }
        fs::write(self.place.join("filter.h"), self.filter()?)?;
        for (name, flags) in [
            ("reference", &[][..]),
            ("reference-host-network", &["-DNETWORK=0"]),
            ("reference-user", &["-DUSER=1"]),
        ] {
            self.compile_alone("reference.c", &self.place.join(name), flags)?;
        }
        self.compile_alone("guest.c", &self.root().join("bin/guest"), &[])?;
        for name in ["stage", "workload"] {
            let source = layout::root().join(format!("tests/support/{name}.c"));
            let mut cc = Command::new("cc");
            cc.args(["-O2", "-static", "-o"]).arg(self.place.join(name)).arg(source);
            program::run(&mut cc)?;
        }
        let user = self.user_folder();
        fs::set_permissions(&user, fs::Permissions::from_mode(0o700))?;
        chown(&user, Some(USER), Some(USER)).context("chown")?;
        // Where root's is closed to others its container could not have it as a root.
        fs::set_permissions(self.root(), fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    pub fn root(&self) -> PathBuf {
        self.place.join("root")
    }

    pub fn rootlet(&self) -> PathBuf {
        self.place.join("rootlet")
    }

    /// Where the reference keeps its records.
    pub fn records(&self) -> PathBuf {
        self.place.join("records")
    }

    /// What an ordinary user may write to; also the runtime directory of his session.
    pub fn user_folder(&self) -> PathBuf {
        self.place.join("user")
    }

    /// So many rounds, or a tenth.
    pub fn rounds(&self, usual: usize) -> usize {
        if self.quick { (usual / 10).max(1) } else { usual }
    }

    /// The filter that rootlet loads, as strace prints it: macros of the kernel's own headers.
    fn filter(&self) -> Result<String> {
        let log = self.place.join("filter.log");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-v", "-e", "trace=seccomp", "-e", "signal=none", "-o"]).arg(&log);
        strace.arg(self.rootlet()).arg("run").arg("--rootfs").arg(self.root());
        program::run(strace.args(["--", "/bin/true"])).context("the filter of a default run")?;
        filter_header(&fs::read_to_string(log)?)
    }

    /// A program without libc.
    fn compile_alone(&self, source: &str, output: &Path, flags: &[&str]) -> Result<()> {
        let source = layout::root().join("xtask/src/bench").join(source);
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector"]);
        cc.args([
            "-fno-asynchronous-unwind-tables",
            "-Wl,-z,noseparate-code,--build-id=none",
            "-s",
        ]);
        cc.args(flags).arg("-I").arg(&self.place).arg("-o").arg(output).arg(source);
        program::run(&mut cc)
    }
}

/// A C header with the one filter of a log of strace.
fn filter_header(log: &str) -> Result<String> {
    let list = log.split_once("filter=[").and_then(|(_, rest)| rest.split_once("]}"));
    let (list, _) = list.context("strace shows no filter")?;
    Ok(format!("static const struct sock_filter FILTER[] = {{{list}}};\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_taken_as_strace_shows_it() {
        let log = "7 seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=1, filter=[BPF_STMT(BPF_RET|BPF_K, \
            SECCOMP_RET_ALLOW)]}) = 0\n";
        let expected = "static const struct sock_filter FILTER[] = {BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW)};\n";
        assert_eq!(filter_header(log).unwrap(), expected);
        assert!(filter_header("8 seccomp(SECCOMP_SET_MODE_FILTER, 0, 0x7ffd) = 0\n").is_err());
    }
}
