//! A fresh copy of the busybox rootfs for each test.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{bin, host};

/// Users that the tests rely on, whatever the given rootfs says.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      user:x:1000:1000:user:/home/user:/bin/sh\n\
                      1001:x:1002:1002:a name made of digits:/home/digits:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\n\
                     tty:x:5:\n\
                     staff:x:50:nobody,user\n\
                     audio:x:63:user\n\
                     user:x:1000:\n\
                     nogroup:x:65534:\n";

/// Copies the rootfs `from` to the new directory `to`.
///
/// Large files are linked where the file system allows it: a test may replace a program, but not write into
/// one. Small ones are copied, since a container may write to them.
pub fn copy(from: &Path, to: &Path) {
    copy_tree(from, to);
    fs::write(to.join("etc/passwd"), PASSWD).unwrap();
    fs::write(to.join("etc/group"), GROUP).unwrap();
}

/// Puts the binary under test at /sbin/init, so that no test drives another one.
pub fn install_init(rootfs: &Path) {
    let init = rootfs.join("sbin/init");
    // Removed first: the old one may be a link to a file that others use.
    fs::remove_file(&init).ok();
    copy_program(&bin(), &init);
}

/// Copies a program that is executed soon.
///
/// A process of its own does it: the descriptor of a copy made here could be open in a child of another test for a
/// moment, and the copy could not be executed then (ETXTBSY).
pub fn copy_program(from: &Path, to: &Path) {
    host("cp", &[from.to_str().unwrap(), to.to_str().unwrap()]);
}

fn copy_tree(from: &Path, to: &Path) {
    let meta = fs::metadata(from).unwrap();
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).unwrap(), &target).unwrap();
        } else if entry.metadata().unwrap().len() < 4096 || fs::hard_link(&source, &target).is_err()
        {
            fs::copy(&source, &target).unwrap();
        }
    }
    // After the content: a read-only directory could not be filled by everyone.
    fs::set_permissions(to, meta.permissions()).unwrap();
}
