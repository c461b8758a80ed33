//! `cat`, `mkdir`, `rm`, `ln`, `mknod`.

use core::ffi::CStr;

use linux_raw_sys::general as kernel;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, chmodat, linkat, makedev, mkdirat, mknodat, statat, symlinkat,
    unlinkat,
};

use super::Task;
use crate::input::arguments::Manual;
use crate::input::refusal::Reason;
use crate::run::removal::remove_all;
use crate::sys::shell::{close, open, read};
use crate::text::arena::Arena;
use crate::text::errno::Errno;
use crate::text::number::{parse_octal, parse_u64};
use crate::text::packed::packed;
use crate::text::path::next_end;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 32 << 10;
/// Source: `PATH_MAX`.
const PATH_BYTES: usize = 4096;

const CAT: Manual = Manual(packed!(
    "\
cat [FILE...]
The files one after the other; - and none are standard input.

  -u      nothing is held back, as ever
      --help  print this help"
));

pub fn cat(task: &mut Task<'_>) {
    if !task.options(CAT, &mut |_, _| ()) {
        return;
    }
    if task.count == 0 {
        let copied = copy(task, 0);
        return task.check(c"", copied);
    }
    task.each(&mut |task, operand| {
        if operand == c"-" {
            return copy(task, 0);
        }
        let file = open(operand, kernel::O_RDONLY | kernel::O_CLOEXEC)?;
        let copied = copy(task, file);
        close(file);
        copied
    });
}

#[inline(never)]
fn copy(task: &mut Task<'_>, file: i32) -> Result<(), Errno> {
    let mut buffer = [0; COPY_BYTES];
    // What nobody takes need not be read.
    while task.output.failed.is_none() {
        match read(file, &mut buffer) {
            Ok(0) => break,
            Ok(length) => task.output.pass(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The mode that an option gives, if there is one; nothing after one that is none, which has been said.
#[inline(never)]
fn read_mode(task: &mut Task<'_>, text: &CStr) -> Option<Option<Mode>> {
    if text.is_empty() {
        return Some(None);
    }
    match parse_octal(text.to_bytes()).filter(|mode| *mode <= 0o7777) {
        Some(mode) => Some(Some(Mode::from_raw_mode(mode))),
        None => {
            task.refuse(text, Reason::NoMode);
            None
        }
    }
}

/// Gives what has just been made the mode that was asked for, whatever the umask is.
#[inline(never)]
fn set_mode(path: &CStr, mode: Option<Mode>) -> Result<(), Errno> {
    Ok(mode.map_or(Ok(()), |mode| chmodat(CWD, path, mode, AtFlags::empty()))?)
}

const MKDIR: Manual = Manual(packed!(
    "\
mkdir [options] DIR...

  -p  directories above it too; one that is there already is no failure
  -m MODE  in octal
      --help  print this help"
));

pub fn mkdir(task: &mut Task<'_>) {
    let (mut parents, mut mode) = (false, c"");
    let goes_on = task.options(MKDIR, &mut |letter, value| match letter {
        b'm' => mode = value,
        _ => parents = true,
    });
    if !goes_on {
        return;
    }
    let Some(mode) = read_mode(task, mode) else { return };
    task.each(&mut |_, operand| {
        if parents {
            make_parents(operand)?;
        }
        match make_directory(operand, mode.unwrap_or(PLAIN)) {
            Err(Errno::EXIST) if parents && is_directory(operand, AtFlags::empty()) => Ok(()),
            made => made.and_then(|()| set_mode(operand, mode)),
        }
    });
}

const PLAIN: Mode = Mode::from_raw_mode(0o777);

#[inline(never)]
fn make_directory(path: &CStr, mode: Mode) -> Result<(), Errno> {
    Ok(mkdirat(CWD, path, mode)?)
}

/// Makes what is missing above a path.
#[inline(never)]
fn make_parents(path: &CStr) -> Result<(), Errno> {
    let mut buffer = [0; PATH_BYTES];
    let (bytes, mut start) = (path.to_bytes(), 0);
    while let Some(end) = next_end(bytes, start).filter(|end| next_end(bytes, *end).is_some()) {
        let above = Arena::new(&mut buffer).join(&[bytes.get(..end).unwrap_or_default()]);
        match make_directory(above.map_err(|_| Errno::NAMETOOLONG)?, PLAIN) {
            Ok(()) | Err(Errno::EXIST) => {}
            made => return made,
        }
        start = end;
    }
    Ok(())
}

#[inline(never)]
fn is_directory(path: &CStr, flags: AtFlags) -> bool {
    let found = statat(CWD, path, flags).map(|found| FileType::from_raw_mode(found.st_mode));
    found == Ok(FileType::Directory)
}

const RM: Manual = Manual(packed!(
    "\
rm [options] PATH...
Asks nothing. What is mounted in a directory stays, with all that is in it.

  -r, --recursive  directories with all that is in them
  -R               the same
  -f, --force      what is not there is no failure
      --help       print this help"
));

pub fn rm(task: &mut Task<'_>) {
    let (mut recursive, mut force) = (false, false);
    let goes_on = task.options(RM, &mut |letter, _| match letter {
        b'f' => force = true,
        _ => recursive = true,
    });
    if !goes_on || force && task.count == 0 {
        return;
    }
    task.each(&mut |task, operand| {
        let path = operand.to_bytes();
        if matches!(base_name(path), b"" | b"." | b"..") && !path.is_empty() {
            task.refuse(operand, Reason::NotRemoved);
            return Ok(());
        }
        let removed = if recursive { remove_all(CWD, operand) } else { remove(operand) };
        match removed {
            Err(Errno::NOENT) if force => Ok(()),
            removed => removed,
        }
    });
}

#[inline(never)]
fn remove(path: &CStr) -> Result<(), Errno> {
    Ok(unlinkat(CWD, path, AtFlags::empty())?)
}

/// The last part of a path without slashes behind it; empty for the root.
#[inline(never)]
fn base_name(path: &[u8]) -> &[u8] {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    parts.find(|part| !part.is_empty()).unwrap_or_default()
}

const LN: Manual = Manual(packed!(
    "\
ln [options] TARGET [LINK]
ln [options] TARGET... DIR

  -s  symbolic links
  -f  in the place of what is there
  -n  a link to a directory is no directory to make links in
      --help  print this help"
));

/// How links are made.
#[derive(Clone, Copy)]
struct Links {
    symbolic: bool,
    force: bool,
}

pub fn ln(task: &mut Task<'_>) {
    let mut links = Links { symbolic: false, force: false };
    let mut flags = AtFlags::empty();
    let goes_on = task.options(LN, &mut |letter, _| match letter {
        b's' => links.symbolic = true,
        b'f' => links.force = true,
        _ => flags = AtFlags::SYMLINK_NOFOLLOW,
    });
    if !goes_on {
        return;
    }
    let place = if task.count > 1 { task.last } else { c"." };
    let into = task.count != 2 || is_directory(place, flags);
    // Behind the last target is the place.
    let mut left = task.count.saturating_sub(1).max(1);
    task.each(&mut |task, target| {
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        let mut buffer = [0; PATH_BYTES];
        let mut path = place;
        if into {
            let parts = [place.to_bytes(), b"/", base_name(target.to_bytes())];
            path = Arena::new(&mut buffer).join(&parts).map_err(|_| Errno::NAMETOOLONG)?;
        }
        let made = links.make(target, path);
        task.check(path, made);
        Ok(())
    });
}

impl Links {
    fn make(self, target: &CStr, path: &CStr) -> Result<(), Errno> {
        match self.try_make(target, path) {
            Err(Errno::EXIST) if self.force => {}
            made => return made,
        }
        if !self.symbolic {
            // Nothing is removed for a link that cannot be made then.
            let look = |path| statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
            let (one, other) = (look(target)?, look(path)?);
            if one.st_dev != other.st_dev || one.st_ino == other.st_ino {
                return Err(Errno::EXIST);
            }
        }
        remove(path)?;
        self.try_make(target, path)
    }

    #[inline(never)]
    fn try_make(self, target: &CStr, path: &CStr) -> Result<(), Errno> {
        Ok(if self.symbolic {
            symlinkat(target, CWD, path)
        } else {
            linkat(CWD, target, CWD, path, AtFlags::empty())
        }?)
    }
}

const MKNOD: Manual = Manual(packed!(
    "\
mknod [options] PATH TYPE [MAJOR MINOR]
TYPE is b (block device), c or u (character device), p (pipe).

  -m MODE  in octal
      --help  print this help"
));

pub fn mknod(task: &mut Task<'_>) {
    let mut mode = c"";
    if !task.options(MKNOD, &mut |_, value| mode = value) {
        return;
    }
    let Some(mode) = read_mode(task, mode) else { return };
    let (Some(path), Some(kind)) = (task.needed(), task.needed()) else { return };
    let (kind, needs_number) = match kind.to_bytes() {
        b"b" => (FileType::BlockDevice, true),
        b"c" | b"u" => (FileType::CharacterDevice, true),
        b"p" => (FileType::Fifo, false),
        _ => return task.refuse(kind, Reason::NoNodeType),
    };
    let mut numbers = [0; 2];
    if needs_number {
        for number in &mut numbers {
            let Some(word) = task.needed() else { return };
            match parse_u64(word.to_bytes()).and_then(|number| u32::try_from(number).ok()) {
                Some(read) => *number = read,
                None => return task.refuse(word, Reason::NoNumber),
            }
        }
    }
    let [major, minor] = numbers;
    let device = makedev(major, minor);
    let mode_now = mode.unwrap_or(Mode::from_raw_mode(0o666));
    // The call has room for 12 and 20 bits, and drops the others without a word.
    let made = match u32::try_from(device) {
        Ok(_) => mknodat(CWD, path, kind, mode_now, device).map_err(Errno::from),
        Err(_) => Err(Errno::INVAL),
    };
    task.check(path, made.and_then(|()| set_mode(path, mode)));
}
