//! Ways of a container into what enters it: each fails.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use support::escapes::{Holds, PREPARED, Setting, build_escapes, is_rootlet, settings};
use support::user::{copy_of_rootlet, open_to_user, runtime_directory};
use support::{Case, Rootlet, case};

/// `exec` by `bin` as the caller of a setting, into the container `name`.
fn exec(t: &Case, under: &[&str], bin: &Path, name: &str) -> Rootlet {
    let run = Rootlet::new(bin, t.dir()).opts(["exec", name]).under(under);
    run.env("XDG_RUNTIME_DIR", runtime_directory(t))
}

/// Does this in every setting at once, most of which is waiting; each gets a name of its own.
fn in_each(t: &Case, holds: Holds, attempt: impl Fn(&Setting, &str) + Sync) {
    runtime_directory(t);
    open_to_user(t);
    thread::scope(|scope| {
        // Where it is prepared each command has a /run of its own, and would not find the other's name.
        let same_run = settings(holds).filter(|setting| setting.under != PREPARED);
        for (number, setting) in same_run.enumerate() {
            let name = format!("{}-{number}", t.label());
            let attempt = &attempt;
            scope.spawn(move || attempt(setting, &name));
        }
    });
}

/// A process of the container sees who enters before he has become his command. If it worked, its memory, environment,
/// root or file could be opened, its descriptors taken, or it could be traced.
#[test]
fn escape_into_who_enters() {
    let t = case!("-", "cc", "strace");
    build_escapes(&t);
    let bin = copy_of_rootlet(&t, "bin");
    in_each(&t, Holds::WithoutPrivileges, |setting, name| {
        // What it tries works on a process of its own rights.
        let attack = "sleep 20 & escapes process $!; kill $!; escapes entering x; read line";
        let run = setting.run(&t).opts(["--name", name]).sh(attack).open_stdin();
        let run = run.env("XDG_RUNTIME_DIR", runtime_directory(&t)).spawn();
        run.expect("ptrace works\n");
        // Held where it is a process of the container already and becomes its command next.
        let log = t.file(name, "");
        fs::set_permissions(&log, PermissionsExt::from_mode(0o666)).unwrap();
        let log = log.to_str().unwrap();
        let delay = "inject=execve:delay_enter=700000";
        let strace = ["strace", "-q", "-f", "-e", "trace=execve", "-e", delay, "-o", log];
        let under: Vec<&str> = setting.under.iter().chain(&strace).copied().collect();
        let inside = exec(&t, &under, &bin, name).opts(["sleep", "0.1"]).spawn();
        run.expect("still entering\n");
        let said = run.so_far();
        let tried = said.split_once("ptrace works\n").unwrap().1;
        assert_eq!(tried.lines().count(), 8, "{setting:?}: {said}");
        assert!(!tried.contains("works"), "{setting:?}: {said}");
        inside.finish().ok();
        run.finish();
    });
}

/// The command that is executed is a script or a link of the container's that leads to rootlet's own file
/// (CVE-2019-5736), and processes of the container overwrite that as soon as nothing runs it. If it worked, the host's
/// binary would not be as it was.
#[test]
fn escape_by_overwriting_who_enters() {
    let t = case!("-", "cc");
    build_escapes(&t);
    let bin = copy_of_rootlet(&t, "bin");
    let bait = t.rootfs().join("bin/bait");
    fs::write(&bait, "#!/proc/self/exe sh\necho baited; read line; true").unwrap();
    fs::set_permissions(&bait, PermissionsExt::from_mode(0o755)).unwrap();
    in_each(&t, Holds::Always, |setting, name| {
        // The container's own rootlet is another one, and so is that of who attacks: `bin` runs for who enters alone.
        let attack = "echo up; read line
            for p in /proc/[0-9]*; do pid=${p#/proc/}; [ $pid -gt 2 ] && setsid escapes exe-write $pid bin & done
            wait; true";
        let run = setting.run(&t).opts(["--name", name]).sh(attack);
        let run = run.env("XDG_RUNTIME_DIR", runtime_directory(&t)).open_stdin();
        let mut run = run.spawn();
        run.expect("up\n");
        let script = "echo baited; read line; true";
        let baits = [&["/bin/bait"][..], &["/proc/self/exe", "sh", "-c", script]];
        let bait = |words| exec(&t, setting.under, &bin, name).opts(words).open_stdin().spawn();
        let baits = baits.map(bait);
        for bait in &baits {
            bait.expect("baited\n");
        }
        run.say("");
        run.expect("exe works\nexe works\n");
        for bait in baits {
            bait.finish();
        }
        run.finish();
    });
    assert!(is_rootlet(&bin));
}
