//! An ordinary user, who is not in the host's /etc/passwd.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::{Case, Rootlet, bin, compile_own, copy_program};

/// His ids.
pub const USER: u32 = 4242;

/// The words in front of a command that make this user of the caller.
pub const AS_USER: &[&str] =
    &["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "--inh-caps=-all", "--"];

/// A copy of the binary in the test's directory.
pub fn copy_of_rootlet(t: &Case, name: &str) -> PathBuf {
    let copy = t.path(name);
    copy_program(&bin(), &copy);
    copy
}

/// Lets the user reach the test's directory, and gives him a copy of rootlet there.
pub fn open_to_user(t: &Case) -> PathBuf {
    fs::set_permissions(t.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = t.path("rootlet");
    if copy.exists() { copy } else { copy_of_rootlet(t, "rootlet") }
}

/// Compiles a set-user-ID program of root's that prints the user it runs as.
pub fn build_effective_id(t: &Case, target: &Path) {
    // Busybox would give back by itself what it does not need.
    let code =
        "#include <stdio.h>\n#include <unistd.h>\nint main() { printf(\"%d\\n\", geteuid()); }";
    compile_own(t, code, target);
    fs::set_permissions(target, fs::Permissions::from_mode(0o4755)).unwrap();
}

/// His XDG_RUNTIME_DIR, where the records of his containers are.
pub fn runtime_directory(t: &Case) -> PathBuf {
    let dir = t.folder("runtime");
    chown(&dir, Some(USER), Some(USER)).unwrap();
    dir
}

/// `rootlet run --rootfs ROOTFS` as that user, options and command to be added.
pub fn run_as_user(t: &Case) -> Rootlet {
    let bin = open_to_user(t);
    let run = Rootlet::new(&bin, t.dir()).opts(["run", "--rootfs"]).opt(t.rootfs());
    run.under(AS_USER).env("XDG_RUNTIME_DIR", runtime_directory(t))
}
