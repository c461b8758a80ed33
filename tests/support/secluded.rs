//! A /run of a test's own, for containers of several commands.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Case, Outcome, Rootlet, bin};

/// A mount namespace in which /run is empty at first; it lasts as long as this.
pub struct Secluded<'t> {
    case: &'t Case,
    holder: Child,
}

impl<'t> Secluded<'t> {
    /// Makes it; `setup` is a line of shell that may change more of the mounts.
    pub fn new(case: &'t Case, setup: &str) -> Secluded<'t> {
        let script = format!("mount -t tmpfs run /run && {setup} && echo ready && read end");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Secluded { case, holder }
    }

    fn words(&self) -> Vec<String> {
        let dir = format!("--wdns={}", self.case.dir().display());
        let pid = self.holder.id().to_string();
        ["nsenter", "--target", &pid, "--mount", &dir, "--"].map(str::to_owned).to_vec()
    }

    /// A command of rootlet there: `words` are a verb, options and names.
    pub fn rootlet<W: AsRef<std::ffi::OsStr>>(
        &self,
        words: impl IntoIterator<Item = W>,
    ) -> Rootlet {
        self.case.rootlet().opts(words).under(self.words())
    }

    /// `rootlet run --rootfs ROOTFS` there.
    pub fn run(&self) -> Rootlet {
        self.case.run().under(self.words())
    }

    /// `rootlet run --detach --name NAME` there.
    pub fn detach(&self, name: &str) -> Rootlet {
        self.run().opts(["--detach", "--name", name])
    }

    /// Any command there.
    pub fn command(&self, words: &[&str]) -> Rootlet {
        let (first, rest) = words.split_first().unwrap();
        Rootlet::new(Path::new(first), self.case.dir()).opts(rest).under(self.words())
    }

    /// A bash script there, with `$BIN`, `$DIR` and `$ROOT`.
    pub fn script(&self, script: &str) -> Outcome {
        let command = self.command(&["bash", "-c", &format!("set -eu; {script}")]);
        command
            .env("BIN", bin())
            .env("DIR", self.case.dir())
            .env("ROOT", self.case.rootfs())
            .output()
    }

    /// Where the records of that /run are, seen from here.
    pub fn records(&self) -> PathBuf {
        format!("/proc/{}/root/run/rootlet", self.holder.id()).into()
    }

    /// The names that have records.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.records()).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The strings of a record; none where there is no such record.
    pub fn entries(&self, name: &str) -> Vec<String> {
        let bytes = fs::read(self.records().join(name).join("record")).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// What stands behind a word of a record.
    pub fn entry(&self, name: &str, word: &str) -> Option<String> {
        let prefix = format!("{word} ");
        self.entries(name).iter().find_map(|entry| entry.strip_prefix(&prefix).map(str::to_owned))
    }

    /// The container's first process.
    pub fn first(&self, name: &str) -> u32 {
        self.entry(name, "pid").unwrap_or_else(|| panic!("no pid of {name}")).parse().unwrap()
    }

    /// The supervisor of a container, which is the parent of its first process.
    pub fn runner(&self, name: &str) -> u32 {
        super::stat_field(self.first(name), 1).unwrap().parse().unwrap()
    }
}

impl Drop for Secluded<'_> {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}
