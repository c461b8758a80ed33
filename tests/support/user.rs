//! An ordinary user, whom the host does not know.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use super::{Case, Rootlet, bin, host};

/// His ids.
pub const USER: u32 = 4242;

/// What makes him of the caller.
pub const AS_USER: &[&str] =
    &["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "--inh-caps=-all", "--"];

/// A copy of the binary in the test's directory.
pub fn copy_of_rootlet(t: &Case, name: &str) -> PathBuf {
    let copy = t.path(name);
    // By a process of its own: a descriptor of ours could be open in a child of another test when it is executed.
    host("cp", &[bin().to_str().unwrap(), copy.to_str().unwrap()]);
    copy
}

/// Lets the user reach the test's directory, and gives him a copy of rootlet there.
pub fn open_to_user(t: &Case) -> PathBuf {
    fs::set_permissions(t.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = t.path("rootlet");
    if copy.exists() { copy } else { copy_of_rootlet(t, "rootlet") }
}

/// Where his session has what runs.
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
