//! rootlet's own file, out of the container's reach.
//!
//! Until CMD is executed the processes inside run rootlet's file, and CMD may be `/proc/self/exe`: then root inside could
//! change owner, mode or content of the host's program (CVE-2019-5736 and its like). So `run` executes itself once more,
//! from where nobody can write: by a read-only copy of the mount where we may make one, else from a sealed copy in memory
//! where the file is the caller's own. A file of somebody else needs no more: root inside is the caller outside.

use core::ffi::CStr;

use rustix::fs::{CWD, SealFlags, fcntl_add_seals, fcntl_get_seals, sendfile, statfs};

use crate::input::mount_options::Attributes;
use crate::sys::descriptor::{Descriptor, OpenFlags, memory_file, open};
use crate::sys::filesystem::is_read_only;
use crate::sys::mount::{Depth, clone_tree, set_tree_attributes};
use crate::sys::process::{execute_file, set_name};
use crate::sys::vectors::Vectors;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

const OWN_FILE: &CStr = c"/proc/self/exe";

/// Makes sure that this process runs from where nobody can write; executes it again where it does not.
///
/// # Errors
/// The call that failed; without /proc ENOENT.
pub fn protect(vectors: Vectors) -> Result<(), CallError> {
    if is_protected()? {
        // Executed by its descriptor, it has been named after that by the kernel.
        set_name(c"rootlet");
        return Ok(());
    }
    let protected = match clone_tree(CWD, OWN_FILE, Depth::One) {
        Ok(tree) => read_only(tree)?,
        Err(errno) => {
            let file = open(CWD, OWN_FILE, OpenFlags::READ).map_err(Call::Openat.failed())?;
            match errno {
                // The sealed copy that we have made of it.
                _ if is_sealed(&file) => {
                    set_name(c"rootlet");
                    return Ok(());
                }
                Errno::PERM if !is_callers(&file)? => return Ok(()),
                Errno::PERM => sealed_copy(&file)?,
                _ => return Err(CallError { call: Call::OpenTree, errno }),
            }
        }
    };
    Err(CallError { call: Call::Execveat, errno: execute_file(&protected, vectors) })
}

fn read_only(tree: Descriptor) -> Result<Descriptor, CallError> {
    set_tree_attributes(tree.as_fd(), c"", Attributes::READ_ONLY.0, 0)
        .map_err(Call::MountSetattr.failed())?;
    Ok(tree)
}

fn is_sealed(file: &Descriptor) -> bool {
    fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::WRITE))
}

fn is_callers(file: &Descriptor) -> Result<bool, CallError> {
    let status = rustix::fs::fstat(file).map_err(Call::Fstat.failed())?;
    Ok(status.st_uid == rustix::process::geteuid().as_raw())
}

/// Whether our file's mount is read-only: the one that we were executed from, whatever is mounted at its path by now.
fn is_protected() -> Result<bool, CallError> {
    let status = statfs(OWN_FILE).map_err(Call::Statfs.failed())?;
    Ok(is_read_only(&status))
}

/// A copy in memory that can be neither written nor resized.
fn sealed_copy(file: &Descriptor) -> Result<Descriptor, CallError> {
    let copy = memory_file(c"rootlet").map_err(Call::MemfdCreate.failed())?;
    while sendfile(&copy, file, None, 1 << 30).map_err(Call::Sendfile.failed())? > 0 {}
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&copy, seals).map_err(Call::Fcntl.failed())?;
    Ok(copy)
}
