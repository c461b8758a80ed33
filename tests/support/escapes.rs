//! Ways out of a container: their settings, and the program that tries them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::user::{AS_USER, open_to_user};
use super::{Case, Outcome, Rootlet, Terminal, bin, compile, kill};

/// How a container is made that something tries to leave.
#[derive(Debug)]
pub struct Setting {
    /// Words in front of rootlet, such as what makes an ordinary user of the caller.
    pub under: &'static [&'static str],
    /// Options of `run`.
    pub options: &'static [&'static str],
}

/// Has the command behind it build its container in a copy of the prepared namespace of mounts.
pub const PREPARED: &[&str] = &[
    "unshare",
    "--mount",
    "--",
    "sh",
    "-c",
    "mount -t tmpfs run /run && \"$1\" prepare && exec \"$@\"",
    "sh",
];

/// The settings that every escape is tried in.
const PLAIN: &[Setting] = &[
    Setting { under: &[], options: &[] },
    Setting { under: PREPARED, options: &[] },
    Setting { under: &[], options: &["--userns", "new"] },
    Setting { under: AS_USER, options: &[] },
];

/// Those with every capability, for the escapes that no capability helps.
const PRIVILEGED: &[Setting] = &[
    Setting { under: &[], options: &["--privileged"] },
    Setting { under: PREPARED, options: &["--privileged"] },
    Setting { under: &[], options: &["--privileged", "--userns", "new"] },
];

/// How much a container must withstand.
#[derive(Clone, Copy, PartialEq)]
pub enum Holds {
    /// Every capability is on the other side.
    WithoutPrivileges,
    /// No capability helps.
    Always,
}

/// The settings that an escape is tried in.
pub fn settings(holds: Holds) -> impl Iterator<Item = &'static Setting> {
    PLAIN.iter().chain(PRIVILEGED.iter().filter(move |_| holds == Holds::Always))
}

impl Setting {
    /// Whether CMD can be somebody else than root inside.
    pub fn has_other_users(&self) -> bool {
        !self.is_of_user()
    }

    /// Whether an ordinary user makes it.
    pub fn is_of_user(&self) -> bool {
        self.under == AS_USER
    }

    /// `rootlet run --rootfs ROOTFS`, options and command to be added.
    pub fn run(&self, t: &Case) -> Rootlet {
        let bin = if self.is_of_user() { open_to_user(t) } else { bin() };
        self.run_as(t, &bin)
    }

    /// The same by a copy of the binary, which may come to harm.
    pub fn run_as(&self, t: &Case, bin: &Path) -> Rootlet {
        if self.is_of_user() {
            open_to_user(t);
        }
        let run = Rootlet::new(bin, t.dir()).opts(["run", "--rootfs"]).opt(t.rootfs());
        run.opts(self.options).under(self.under)
    }
}

/// Compiles escapes.c into the test's rootfs, as /bin/escapes, and gives its path on the host.
pub fn build_escapes(t: &Case) -> PathBuf {
    let target = t.rootfs().join("bin/escapes");
    compile("escapes", &["-static", "-O1", "-Wall", "-Werror"], &target);
    target
}

/// Whether a copy of the binary is as it was.
pub fn is_rootlet(copy: &Path) -> bool {
    fs::read(copy).unwrap() == fs::read(bin()).unwrap()
}

/// What ends a container.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum End {
    /// CMD has ended.
    Command,
    /// Somebody has killed the supervisor, as the kernel does that is out of memory.
    Supervisor,
}

/// Runs a container with `copy`, called `bin`, whose CMD is that too, by /proc/self/exe. Its processes overwrite the
/// program of PID 1 and of CMD as soon as nothing runs it any more.
pub fn overwrite(t: &Case, setting: &Setting, copy: &Path, options: &[&str], end: End) {
    // The rootlet that is CMD is killed at the end, or it would end the others before itself. As PID 1 it survives that.
    let attack = "for pid in 1 $PPID; do setsid escapes exe-write $pid bin & done
        read x; kill -9 $PPID";
    let run = setting.run_as(t, copy).opts(options);
    let run = run.cmd(["/proc/self/exe", "init", "sh", "-c", attack]).open_stdin().spawn();
    run.expect("exe works\n");
    if end == End::Supervisor {
        kill(run.pid(), 9);
    }
    run.finish();
}

/// A command that is only chrooted to the rootfs: no container.
pub fn chrooted(t: &Case) -> Rootlet {
    Rootlet::new(Path::new("chroot"), t.dir()).opt(t.rootfs())
}

/// What opens the host's file or directory `$LEAK` as descriptor 9 and leaves it open to what it becomes.
pub const LEAK: [&str; 3] = ["bash", "-c", "exec 9< \"$LEAK\"; exec \"$0\" \"$@\""];

/// A process of the host for a container to look for. It is killed when dropped.
pub struct Bystander(Child);

impl Bystander {
    pub fn new() -> Bystander {
        Bystander(Command::new("sleep").arg("300").spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The status of a program that its filter has killed: 128 and SIGSYS.
const KILLED_BY_FILTER: i32 = 128 + 31;

/// Demands that each line of an attempt names an errno, or that it was killed for it.
pub fn all_failed(run: &Outcome, setting: &Setting) {
    let good = |line: &str| line.split(' ').nth(1).is_some_and(|result| result.starts_with('E'));
    let said = !run.stdout.is_empty() && run.stdout.lines().all(good);
    assert!(run.code() == KILLED_BY_FILTER || (run.code() == 0 && said), "{setting:?}: {run:?}");
}

/// Demands that each line of an attempt says that it worked, so that it can be seen to.
pub fn all_worked(run: &Outcome) {
    let text = run.ok();
    assert!(!text.is_empty() && text.lines().all(|line| line.ends_with(" works")), "{text}");
}

/// What `escapes tiocsti` says, run by a shell on a terminal, and what that shell reads there afterwards.
pub fn typed(t: &Case, command: Rootlet) -> Vec<String> {
    let shell = ["-c", "\"$@\"; read -t 0.5 line; echo got $line; echo o''ver", "shell"];
    let shell = Rootlet::new(Path::new("bash"), t.dir()).opts(shell).opts(command.words());
    let mut terminal = Terminal::start(shell, 24, 80);
    terminal.expect("over\r\n");
    assert!(terminal.finish().success());
    let screen = terminal.screen();
    let ours = |line: &&str| line.starts_with("tiocsti") || line.starts_with("got");
    screen.lines().filter(ours).map(str::to_owned).collect()
}

/// The last virtual console: no shell runs there.
pub const CONSOLE: &str = "/dev/tty63";

/// Kills every process of the group that the shell is in.
pub const KILL_GROUP: &str = "kill -9 0";

/// Whether a process that a shell has started beside a command is `alive` after that.
pub fn beside_it(t: &Case, command: Rootlet) -> String {
    let shell = "sleep 300 & \"$@\"; kill -0 $! && echo alive; kill -9 $!";
    // In a session of its own, so that the tests are not hit.
    let shell = ["--wait", "bash", "-c", shell, "shell"];
    let run = Rootlet::new(Path::new("setsid"), t.dir()).opts(shell).opts(command.words());
    run.output().stdout
}
