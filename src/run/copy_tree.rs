//! The files of an initramfs in a second place. Source: openat(2), sendfile(2).

use core::ffi::CStr;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Uid, chmodat, chownat, mkdirat, mknodat, readlinkat_raw,
    sendfile, statat, symlinkat,
};

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::each_name;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};

/// How deep directories are copied; a path has at most 4096 bytes.
const DEPTH: usize = 2048;
/// Bytes of a link. Source: `PATH_MAX`.
const PATH_BYTES: usize = 4096;

/// Copies everything below `from` that is on its filesystem to `to`, an empty directory of another.
///
/// # Errors
/// The first call that failed: ENOSPC above all.
pub fn copy_below(from: &Descriptor, to: &Descriptor) -> Result<(), CallError> {
    let status = statat(from, c"", AtFlags::EMPTY_PATH).map_err(Call::Newfstatat.failed())?;
    copy(from, to, status.st_dev, DEPTH)
}

fn copy(from: &Descriptor, to: &Descriptor, device: u64, depth: usize) -> Result<(), CallError> {
    let mut result = Ok(());
    each_name(from, &mut |name| {
        result = copy_one(from, to, name, device, depth);
        result.is_ok()
    })
    .map_err(Call::Getdents64.failed())?;
    result
}

fn copy_one(
    from: &Descriptor,
    to: &Descriptor,
    name: &CStr,
    device: u64,
    depth: usize,
) -> Result<(), CallError> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let status = statat(from, name, flags).map_err(Call::Newfstatat.failed())?;
    let (kind, mode) =
        (FileType::from_raw_mode(status.st_mode), Mode::from_raw_mode(status.st_mode));
    match kind {
        FileType::Directory => {
            mkdirat(to, name, mode).map_err(Call::Mkdirat.failed())?;
            if status.st_dev == device && depth > 0 {
                let open = |below: &Descriptor| {
                    open(below.as_fd(), name, OpenFlags::READ_DIRECTORY)
                        .map_err(Call::Openat.failed())
                };
                copy(&open(from)?, &open(to)?, device, depth - 1)?;
            }
        }
        FileType::Symlink => {
            let mut target = [0; PATH_BYTES];
            let length = readlinkat_raw(from, name, &mut target);
            let length = length.map_err(Call::Readlinkat.failed())?;
            let target = target.get(..length).unwrap_or_default();
            let mut buffer = [0; PATH_BYTES + 1];
            let target = Arena::new(&mut buffer).join(&[target]).unwrap_or_default();
            symlinkat(target, to, name).map_err(Call::Symlinkat.failed())?;
        }
        FileType::RegularFile => copy_file(from, to, name)?,
        _ => mknodat(to, name, kind, mode, status.st_rdev).map_err(Call::Mknodat.failed())?,
    }
    let (owner, group) = (Uid::from_raw(status.st_uid), Gid::from_raw(status.st_gid));
    chownat(to, name, Some(owner), Some(group), flags).map_err(Call::Fchownat.failed())?;
    if kind == FileType::Symlink {
        return Ok(());
    }
    // The umask has taken bits from what was made, a change of owners takes those of set-user-ID programs.
    chmodat(to, name, mode, AtFlags::empty()).map_err(Call::Fchmodat.failed())
}

fn copy_file(from: &Descriptor, to: &Descriptor, name: &CStr) -> Result<(), CallError> {
    let source = open(from.as_fd(), name, OpenFlags::READ).map_err(Call::Openat.failed())?;
    let target = open(to.as_fd(), name, OpenFlags::CREATE).map_err(Call::Openat.failed())?;
    while sendfile(&target, &source, None, 1 << 30).map_err(Call::Sendfile.failed())? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn modes_are_those_of_the_originals_whatever_the_umask_is() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("tmp")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("su"), "text").unwrap();
        fs::write(from.join("tmp/file"), "").unwrap();
        symlink("su", from.join("link")).unwrap();
        for (name, mode) in [("su", 0o4755), ("tmp/file", 0o666), ("tmp", 0o3777)] {
            fs::set_permissions(from.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let open = |path: &std::path::Path| {
            let path = CString::new(path.to_str().unwrap()).unwrap();
            open(CWD, &path, OpenFlags::READ_DIRECTORY).unwrap()
        };
        assert_eq!(copy_below(&open(&from), &open(&to)), Ok(()));
        for (name, mode) in [("su", 0o4755), ("tmp/file", 0o666), ("tmp", 0o3777)] {
            let found = fs::metadata(to.join(name)).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, mode, "{name}: {found:o}");
        }
        assert_eq!(fs::read(to.join("link")).unwrap(), b"text");
        assert!(fs::symlink_metadata(to.join("link")).unwrap().is_symlink());
    }
}
