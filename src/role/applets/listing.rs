//! `ls`.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, CWD, FileType, Stat, major, minor, readlinkat_raw, statat};

use super::Task;
use super::names::Names;
use crate::input::arguments::Manual;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::directory::each_name;
use crate::sys::shell::is_terminal;
use crate::sys::standard;
use crate::sys::terminal::window;
use crate::text::date::append_date;
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;

const MANUAL: Manual = Manual(packed!(
    "\
ls [options] [PATH...]
Names by their bytes; owners as numbers, times as UTC.

  -1  one on each line, as ever when this is no terminal
  -a  names that begin with a dot too
  -A  the same but . and ..
  -d  directories themselves
  -l  mode, links, owner, group, size or numbers of the device, time, name
      --help  print this help"
));

/// How wide a terminal is that does not know it: a serial line.
const COLUMNS: usize = 80;
/// Source: `PATH_MAX`.
const PATH_BYTES: usize = 4096;

/// What is asked for.
#[derive(Clone, Copy, Default)]
struct Form {
    /// Names with a dot.
    hidden: bool,
    /// `.` and `..`.
    own: bool,
    itself: bool,
    long: bool,
    /// Columns of the terminal; 0 for one name on each line.
    columns: usize,
    /// It is a terminal, which control characters would change.
    on_terminal: bool,
}

pub fn ls(task: &mut Task<'_>) {
    let mut form = Form { on_terminal: is_terminal(1), ..Form::default() };
    let mut single = !form.on_terminal;
    let goes_on = task.options(MANUAL, &mut |letter, _| match letter {
        b'a' => (form.hidden, form.own) = (true, true),
        b'A' => form.hidden = true,
        b'd' => form.itself = true,
        b'l' => form.long = true,
        _ => single = true,
    });
    if !goes_on {
        return;
    }
    if !single && !form.long {
        let wide = window(standard::output()).map_or(0, |(_, columns)| columns.into());
        form.columns = if wide == 0 { COLUMNS } else { wide };
    }
    let listed = list(task, &form);
    task.check(c"", listed);
}

/// First what is no directory, then each directory.
#[inline(never)]
fn list(task: &mut Task<'_>, form: &Form) -> Result<(), Errno> {
    let (mut files, mut folders) = (Names::new(), Names::new());
    // Nothing named is the working directory.
    let mut next = if task.count == 0 { Some(c".") } else { task.next() };
    while let Some(operand) = next {
        // A link that leads somewhere is what it leads to, unless it is looked at itself.
        let mut found = Err(Errno::NOENT);
        if !form.long && !form.itself {
            found = look(CWD, operand, AtFlags::empty());
        }
        match found.or_else(|_| look(CWD, operand, AtFlags::SYMLINK_NOFOLLOW)) {
            Err(errno) => task.check(operand, Err(errno)),
            Ok(found) if kind(&found) == FileType::Directory && !form.itself => {
                folders.add(operand);
            }
            Ok(_) => files.add(operand),
        }
        next = task.next();
    }
    files.sort();
    print(task, form, CWD, &files);
    folders.sort();
    // With an error before it a single directory has a heading too.
    let has_headings = files.count() + folders.count() > 1 || task.status != 0;
    for index in 0..folders.count() {
        let folder = folders.get(index);
        if has_headings {
            if index + files.count() > 0 {
                task.output.add(b"\n");
            }
            print_name(task, form, folder.to_bytes());
            task.output.add(b":\n");
        }
        let listed = list_folder(task, form, folder);
        task.check(folder, listed);
    }
    files.whole().and(folders.whole())
}

#[inline(never)]
fn list_folder(task: &mut Task<'_>, form: &Form, path: &CStr) -> Result<(), Errno> {
    let folder = open(CWD, path, OpenFlags::READ)?;
    let mut names = Names::new();
    if form.own {
        names.add(c".");
        names.add(c"..");
    }
    let read = each_name(&folder, &mut |name| {
        if form.hidden || !name.to_bytes().starts_with(b".") {
            names.add(name);
        }
        true
    });
    names.sort();
    print(task, form, folder.as_fd(), &names);
    names.whole().and(read.map(drop))
}

#[inline(never)]
fn look(folder: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<Stat, Errno> {
    Ok(statat(folder, name, flags)?)
}

#[inline(never)]
fn print(task: &mut Task<'_>, form: &Form, folder: BorrowedFd<'_>, names: &Names) {
    if form.columns > 0 {
        return print_columns(task, form, names);
    }
    for index in 0..names.count() {
        let name = names.get(index);
        let mut target = [0; PATH_BYTES];
        let mut length = 0;
        if form.long {
            match look(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => print_facts(task, &found),
                Err(errno) => {
                    task.check(name, Err(errno));
                    continue;
                }
            }
            length = readlinkat_raw(folder, name, &mut target).unwrap_or(0);
        }
        print_name(task, form, name.to_bytes());
        if length > 0 {
            task.output.add(b" -> ");
            print_name(task, form, target.get(..length).unwrap_or_default());
        }
        task.output.add(b"\n");
    }
}

/// Down and then to the right, in columns of one width.
#[inline(never)]
fn print_columns(task: &mut Task<'_>, form: &Form, names: &Names) {
    let count = names.count();
    let width = |index| {
        let is_start = |byte: &&u8| **byte & 0xc0 != 0x80;
        names.get(index).to_bytes().iter().filter(is_start).count()
    };
    let widest = 2 + (0..count).map(width).max().unwrap_or(0);
    let columns = (form.columns + 1).checked_div(widest).unwrap_or(0).max(1);
    let rows = count.div_ceil(columns);
    for row in 0..rows {
        let mut index = row;
        while index < count {
            print_name(task, form, names.get(index).to_bytes());
            let filled = width(index);
            index += rows;
            for _ in filled..if index < count { widest } else { 0 } {
                task.output.add(b" ");
            }
        }
        task.output.add(b"\n");
    }
}

#[inline(never)]
fn print_name(task: &mut Task<'_>, form: &Form, name: &[u8]) {
    for byte in name {
        let is_shown = !form.on_terminal || !byte.is_ascii_control();
        task.output.add(if is_shown { core::slice::from_ref(byte) } else { b"?" });
    }
}

fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

/// Everything of a long line that stands before the name.
#[inline(never)]
fn print_facts(task: &mut Task<'_>, found: &Stat) {
    #[allow(clippy::unnecessary_cast, reason = "elsewhere than on x86_64 it has 32 bits")]
    let links = found.st_nlink as u64;
    let mut line = Line::new();
    append_mode(&mut line, found.st_mode);
    append_right(&mut line, links, 4);
    append_right(&mut line, found.st_uid.into(), 6);
    append_right(&mut line, found.st_gid.into(), 6);
    if matches!(kind(found), FileType::BlockDevice | FileType::CharacterDevice) {
        append_right(&mut line, major(found.st_rdev).into(), 5);
        line.text(",");
        append_right(&mut line, minor(found.st_rdev).into(), 5);
    } else {
        append_right(&mut line, found.st_size as u64, 11);
    }
    append_date(line.text(" "), found.st_mtime);
    task.output.add(line.text(" ").bytes());
}

/// Appends a number behind blanks, at least one.
#[inline(never)]
pub fn append_right(line: &mut Line, number: u64, width: usize) {
    let mut digits = Line::new();
    let digits = digits.number(number).bytes();
    for _ in 0..width.saturating_sub(digits.len()).max(1) {
        line.text(" ");
    }
    line.raw(digits);
}

/// Appends the kind of a file and its permissions, `drwxr-xr-x`.
fn append_mode(line: &mut Line, mode: u32) {
    // In the order of `S_IFMT`. Source: inode(7).
    const KINDS: &[u8; 16] = b"?pc?d?b?-?l?s???";
    let kind = KINDS.get((mode >> 12 & 15) as usize).copied().unwrap_or(b'?');
    let mut text = [kind; 10];
    for (place, bit) in text.iter_mut().skip(1).zip((0..9).rev()) {
        let letter = match bit % 3 {
            0 => b'x',
            1 => b'w',
            _ => b'r',
        };
        *place = if mode >> bit & 1 == 1 { letter } else { b'-' };
    }
    // Sticky, set-group-id, set-user-id: they stand where execution does.
    for (special, (at, letter)) in [(9, b't'), (6, b's'), (3, b's')].into_iter().enumerate() {
        if mode >> (9 + special) & 1 == 1
            && let Some(place) = text.get_mut(at)
        {
            *place = if *place == b'x' { letter } else { letter & !0x20 };
        }
    }
    line.raw(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_ls() {
        for (mode, expected) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o041_777, "drwxrwxrwt"),
            (0o120_777, "lrwxrwxrwx"),
            (0o104_755, "-rwsr-xr-x"),
            (0o102_644, "-rw-r-Sr--"),
            (0o101_640, "-rw-r----T"),
            (0o060_660, "brw-rw----"),
            (0o020_000, "c---------"),
            (0o010_001, "p--------x"),
            (0o140_700, "srwx------"),
        ] {
            let mut line = Line::new();
            append_mode(&mut line, mode);
            assert_eq!(str::from_utf8(line.bytes()), Ok(expected));
        }
    }
}
