//! What the layers of a root are. Archives are not read.

use core::ffi::CStr;

use rustix::fs::{AtFlags, CWD, FileType, statat};

use super::run_facts::RunFacts;
use super::text_file::read_text;
use crate::input::mount_options::Propagation;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::root_options::{INPUT, Layer, RootKind};
use crate::input::run_options::RunOptions;
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::each_name;
use crate::text::arena::Arena;
use crate::text::call::Call;
use crate::text::errno::Errno;

/// Finds out what the root will be; gives the directory of the host that it is, if it is one that has something in it.
///
/// # Errors
/// A layer that is none, options that do not fit to what the layers are, a directory to unpack into that is not empty.
#[inline(never)]
pub fn look_at_layers(
    options: &RunOptions<'_>,
    facts: &mut RunFacts<'_>,
) -> Result<Option<Descriptor>, Refusal> {
    let mut root = None;
    for (index, path) in (0..).zip(&options.root.layers) {
        let (layer, directory) = look_at_layer(path, index)?;
        root = root.or(directory);
        // As many as there are options: there is room.
        let _ = facts.layers.push(layer);
    }
    let of_host = options.rootfs_mapped
        || matches!(options.propagation, Propagation::Shared | Propagation::Unbindable);
    facts.root = options.root.kind(&facts.layers, of_host)?;
    if facts.root == RootKind::Directory {
        return Ok(root);
    }
    if facts.root == RootKind::Into {
        expect_empty(options.rootfs)?;
    }
    Ok(None)
}

#[inline(never)]
fn look_at_layer(path: &CStr, index: u8) -> Result<(Layer, Option<Descriptor>), Refusal> {
    let subject = Subject::Layer(index);
    if path == INPUT {
        return Ok((Layer::Input, None));
    }
    match open(CWD, path, OpenFlags::PATH_DIRECTORY) {
        Ok(directory) => return Ok((Layer::Directory, Some(directory))),
        Err(Errno::NOTDIR) => {}
        Err(errno) => return Err(Refusal::of_call(Call::Openat, subject)(errno)),
    }
    let status = statat(CWD, path, AtFlags::empty());
    let status = status.map_err(Refusal::of_call(Call::Newfstatat, subject))?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => Ok((Layer::Archive, None)),
        _ => Err(Refusal::new(subject, Reason::NoLayer)),
    }
}

/// What is in the directory already would be mixed with what is unpacked, and would go with it after a failure.
fn expect_empty(path: &CStr) -> Result<(), Refusal> {
    let failed = Refusal::of_call(Call::Openat, Subject::Root);
    let directory = open(CWD, path, OpenFlags::NAMED_DIRECTORY).map_err(failed)?;
    expect_no_names(&directory)
}

fn expect_no_names(directory: &Descriptor) -> Result<(), Refusal> {
    let failed = Refusal::of_call(Call::Getdents64, Subject::Root);
    if each_name(directory, &mut |_| false).map_err(failed)? {
        return Err(Refusal::new(Subject::Root, Reason::NotEmpty));
    }
    Ok(())
}

/// A file of the root as far as that is known: of its directory, or of the uppermost layer that has the file.
///
/// # Errors
/// The call that failed, or a file that cannot be used.
#[inline(never)]
pub fn read_of_root<'a>(
    path: &CStr,
    root: Option<&Descriptor>,
    options: &RunOptions<'a>,
    facts: &RunFacts<'a>,
    arena: &mut Arena<'a>,
) -> Result<&'a [u8], Refusal> {
    let refused = Refusal::of(Subject::Users);
    if root.is_some() {
        return Ok(read_text(root, path, arena).map_err(refused)?.unwrap_or_default());
    }
    if facts.layers.iter().any(|layer| *layer != Layer::Directory) {
        return Ok(b"");
    }
    for layer in options.root.upper.iter().chain(&options.root.layers) {
        let opened = open(CWD, layer, OpenFlags::PATH_DIRECTORY);
        let directory = opened.map_err(Refusal::of_call(Call::Openat, Subject::Users))?;
        if let Some(text) = read_text(Some(&directory), path, arena).map_err(&refused)? {
            return Ok(text);
        }
    }
    Ok(b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::refusal::Cause;

    #[test]
    fn only_a_directory_that_was_read_to_its_end_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = std::ffi::CString::new(folder.path().to_str().unwrap()).unwrap();
        let directory = open(CWD, &path, OpenFlags::NAMED_DIRECTORY).unwrap();
        assert!(expect_no_names(&directory).is_ok());
        std::fs::write(folder.path().join("file"), "").unwrap();
        let refusal = expect_empty(&path).unwrap_err();
        assert!(matches!(refusal.cause(), Cause::Reason(Reason::NotEmpty)));
        // One that has gone cannot be read any more.
        folder.close().unwrap();
        assert!(expect_no_names(&directory).unwrap_err().is_of(&[Errno::NOENT]));
    }
}
