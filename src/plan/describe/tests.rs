//! Rows, and what is filled in.

use super::*;
use crate::input::mount_options::{Attributes, Propagation};
use crate::input::namespaces::Namespaces;
use crate::plan::filesystems::{BELOW_DEV, BELOW_ROOT, LINKS};
use crate::plan::step::{MissingPath, Slot};

fn check(step: Step<'_>, words: &str, calls: &str, shell: &str) {
    let columns = [(Column::Words, words), (Column::Calls, calls), (Column::Shell, shell)];
    for (column, expected) in columns {
        let mut line = Line::new();
        step.describe(column, &mut line);
        assert_eq!(String::from_utf8_lossy(line.bytes()), expected);
    }
}

#[test]
fn rows_are_numbered_in_their_order() {
    // The last row ends in a newline too.
    assert!(NUMBERS.iter().copied().eq(0..ROWS.lines().count() - 1));
    let columns = |number: &usize| ROWS.line(*number).to_string().split('|').count();
    assert!(NUMBERS.iter().all(|number| columns(number) == 3));
}

#[test]
fn rows_are_filled_in() {
    check(
        Step::NewNamespaces(Namespaces(Namespaces::MOUNT.0 | Namespaces::NETWORK.0), None),
        "start the container in new namespaces: mount net",
        "socketpair clone3",
        "unshare --mount --net --fork",
    );
    check(
        Step::Filesystem(&BELOW_ROOT[0]),
        "mount proc on /proc (rw,nosuid,nodev,noexec)",
        "fsopen fsconfig fsmount openat2 move_mount",
        "mount -t proc -o rw,nosuid,nodev,noexec none /proc",
    );
    check(
        Step::Filesystem(&BELOW_DEV[2]),
        "mount tmpfs on /dev/shm (rw,nosuid,nodev,noexec,size=64m)",
        "fsopen fsconfig fsconfig fsmount move_mount",
        "mount -t tmpfs -o rw,nosuid,nodev,noexec,size=64m none /dev/shm",
    );
    check(
        Step::Link(&LINKS[0]),
        "link /dev/ptmx to pts/ptmx",
        "symlinkat",
        "ln -s pts/ptmx /dev/ptmx",
    );
    check(
        Step::CloneTree(TreeCopy {
            slot: Slot::ROOT,
            source: c"/a b",
            attributes: Attributes::NO_DEV,
            propagation: Some(Propagation::Slave),
        }),
        "copy the mounts of '/a b', detached (slave,nodev)",
        "open_tree mount_setattr",
        "mount --rbind '/a b' .",
    );
    check(
        Step::AttachTree { slot: Slot(3), place: Place::Root, target: c"/x" },
        "attach the copy at /x",
        "openat2 move_mount",
        "mount --move . /x",
    );
    let missing = MissingPath { target: c"/a/b/c", existing: 2, kind: Kind::File, in_root: true };
    check(
        Step::MakePath(&missing),
        "make /a/b/c",
        "umask openat2 mkdirat openat2 mknodat umask",
        "touch /a/b/c",
    );
    check(Step::UserId(7), "user id 7", "setresuid", "setpriv --reuid 7");
}
