//! Help of `rootlet exec` and nsenter: tables of their options.

use super::arguments::Manual;
use super::run_manual::Id as RunId;
use crate::text::packed::packed;

/// Which option of a manual.
#[allow(missing_docs, reason = "each stands for the option beside it in the tables below")]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Id {
    /// One of `run`, which means the same here.
    OfRun(RunId),
    Kinds,
    Root,
    Tools,
    NoCgroup,
    Target,
    All,
    /// A namespace of a kind, by its place in `namespaces::FILES`: the set itself would make each id 16 bytes.
    Kind(u8),
    Uid,
    Gid,
    Preserve,
    RootDirectory,
    Directory,
    DirectoryInside,
    NoFork,
    Help,
}

/// The options in the order of `EXEC`.
pub static EXEC_IDS: [Id; 18] = [
    Id::OfRun(RunId::Terminal),
    Id::OfRun(RunId::Interactive),
    Id::OfRun(RunId::User),
    Id::OfRun(RunId::Workdir),
    Id::OfRun(RunId::Variable),
    Id::OfRun(RunId::VariableFile),
    Id::Kinds,
    Id::Root,
    Id::Tools,
    Id::NoCgroup,
    Id::OfRun(RunId::CapabilityAdd),
    Id::OfRun(RunId::CapabilityDrop),
    Id::OfRun(RunId::Privileged),
    Id::OfRun(RunId::SecurityOption),
    Id::OfRun(RunId::Landlock),
    Id::OfRun(RunId::Explain),
    Id::OfRun(RunId::Trace),
    Id::Help,
];

/// What `rootlet exec --help` prints, and the table of its options.
pub const EXEC: Manual = Manual(packed!(
    "\
rootlet exec [options] NAME|PID [--] CMD [ARG...]
Runs CMD in a container, by its name, or where a process is, by its pid; with no more
rights than that has. Exit status: CMD's, 128+N for signal N, 125: own failure,
126: cannot execute CMD, 127: not found.

  -t, --tty                 a terminal of the container's
  -i, --interactive         accepted: it always is
  -u, --user USER[:GROUP]   names of the container, or numbers (default: the process's)
  -w, --workdir DIR         working directory (default /)
  -e, --env K[=V]           set, or copy the caller's
      --env-file FILE       variables, one a line
      --ns KIND,..          enter these alone: mnt pid net ipc uts cgroup user time all
      --root ns|host|DIR    / is the container's (default), the host's, or DIR of it
      --tools DIR|rootlet   / is a directory of the host, or rootlet's own shell, in a
                            mount namespace of its own; the container's at /target
      --no-cgroup           stay in the caller's cgroups
      --cap-add NAME|ALL    a capability that the container has not
      --cap-drop NAME|ALL   take a capability away
      --privileged          every capability, no filter
      --security-opt OPT    as of run (default: as the process has it)
      --landlock ro:PATH,rw:PATH
                            files can be used below these paths alone
      --explain             print the plan, do nothing
      --trace               time each step
  -h, --help                print this help"
));

/// The options in the order of `NSENTER`.
pub static NSENTER_IDS: [Id; 18] = [
    Id::All,
    Id::Target,
    Id::Kind(2),
    Id::Kind(7),
    Id::Kind(1),
    Id::Kind(3),
    Id::Kind(4),
    Id::Kind(0),
    Id::Kind(6),
    Id::Kind(5),
    Id::Uid,
    Id::Gid,
    Id::Preserve,
    Id::RootDirectory,
    Id::Directory,
    Id::DirectoryInside,
    Id::NoFork,
    Id::Help,
];

/// What `nsenter --help` prints, and the table of its options.
pub const NSENTER: Manual = Manual(packed!(
    "\
nsenter [options] [CMD [ARG...]]
Runs CMD, or $SHELL, in namespaces of a process or of files, with the rights of the
caller. Exit status: CMD's, 128+N for signal N, 1: own failure, 126: cannot execute
CMD, 127: not found.

  -a, --all                 all namespaces of --target that are not the caller's
  -t, --target PID          whose
  -m, --mount[=FILE]        mounts
  -u, --uts[=FILE]          host name
  -i, --ipc[=FILE]          System V IPC, message queues
  -n, --net[=FILE]          network
  -p, --pid[=FILE]          process ids
  -C, --cgroup[=FILE]       view of the cgroup tree
  -U, --user[=FILE]         users; without --preserve-credentials as user and group 0
  -T, --time[=FILE]         clocks
  -S, --setuid UID          as this user
  -G, --setgid GID          as this group, without others
      --preserve-credentials  with --user: stay who you are
  -r, --root[=DIR]          / is DIR, or that of --target
  -w, --wd[=DIR]            working directory DIR, or that of --target
  -W, --wdns DIR            working directory, seen from inside
  -F, --no-fork             do not fork before CMD
  -h, --help                print this help"
));

#[cfg(test)]
mod tests {
    use super::super::arguments::declared_names;
    use super::super::namespaces::name;
    use super::super::run_manual::{IDS, MANUAL};
    use super::*;

    #[test]
    fn every_option_has_its_meaning() {
        let exec = declared_names(EXEC);
        let run = declared_names(MANUAL);
        assert_eq!(exec.len(), EXEC_IDS.len());
        for (name, id) in exec.iter().zip(&EXEC_IDS) {
            if let Id::OfRun(id) = id {
                let place = IDS.iter().position(|known| known == id).unwrap();
                assert_eq!(*name, run[place]);
            }
        }
        let nsenter = declared_names(NSENTER);
        assert_eq!(nsenter.len(), NSENTER_IDS.len());
        let kinds = ["mount", "uts", "ipc", "net", "pid", "cgroup", "user", "time"];
        assert_eq!(nsenter[2..10], kinds);
        let names = NSENTER_IDS.iter().filter_map(|id| match id {
            Id::Kind(kind) => Some(str::from_utf8(name(usize::from(*kind))).unwrap()),
            _ => None,
        });
        assert!(names.eq(kinds.map(|kind| if kind == "mount" { "mnt" } else { kind })));
    }
}
