//! `mount` and `umount`.

use core::ffi::CStr;

use rustix::fs::{CWD, statfs};
use rustix::io::Errno as KernelErrno;
use rustix::mount::{UnmountFlags, unmount};

use super::Task;
use super::names::Names;
use crate::facts::files::{for_each_line, read_file};
use crate::input::arguments::Manual;
use crate::input::fstab::{Mount, mounts};
use crate::input::mount_flags::{BIND, MOVE, MountFlags, READ_ONLY, RECURSIVE, REMOUNT};
use crate::input::refusal::Reason;
use crate::role::boot::device::device_of;
use crate::role::boot::fstab::{self, attach, change_mount, mount_source};
use crate::role::boot::setup::FILE_BYTES;
use crate::role::boot::shutdown::is_the_kernels;
use crate::run::settling::make_read_only;
use crate::text::arena::Arena;
use crate::text::call::CallError;
use crate::text::errno::Errno;
use crate::text::escape::unescape;
use crate::text::line::Line;
use crate::text::packed::packed;
use crate::text::parts::parts;

/// That something could not be mounted. Source: mount(8), umount(8).
const NOT_MOUNTED: i32 = 32;
/// Bytes of the table of mounts that are read at once, more than one line has.
const TABLE_BYTES: usize = 16 << 10;
const TABLE: &CStr = c"/proc/self/mounts";
/// Source: `PATH_MAX`.
const PATH_BYTES: usize = 4096;

const MOUNT: Manual = Manual(packed!(
    "\
mount [options] SOURCE DIR
mount [options] SOURCE | DIR   as /etc/fstab has it, or -o remount,...
mount -a   everything in /etc/fstab
mount      tells what is mounted
SOURCE may be UUID=, LABEL=, PARTUUID= or PARTLABEL=. Without a type it is found out.

  -t, --types TYPE    ext4, or several: ext4,xfs
  -o, --options LIST  ro, nosuid, ... and what the filesystem understands
  -a, --all           what /etc/fstab says
  -B, --bind          the directory SOURCE appears at DIR too
  -R, --rbind         with all that is mounted in it
  -M, --move          what is mounted at SOURCE is mounted at DIR instead
  -r, --read-only     as -o ro
  -w, --read-write    as -o rw
  -n, --no-mtab       accepted, does nothing
      --help          print this help"
));

/// What the options ask for.
struct Asked<'a> {
    flags: MountFlags,
    /// What is the filesystem's own.
    data: Line,
    kind: &'a CStr,
    all: bool,
}

impl<'a> Asked<'a> {
    const fn new(flags: MountFlags) -> Self {
        Self { flags, data: Line::new(), kind: c"", all: false }
    }

    #[inline(never)]
    fn take(&mut self, letter: u8, value: &'a CStr) {
        let bits = &mut self.flags.bits;
        match letter {
            b't' => self.kind = value,
            b'o' => self.flags.add(value.to_bytes(), &mut self.data),
            b'a' => self.all = true,
            b'B' => *bits |= BIND,
            b'R' => *bits |= BIND | RECURSIVE,
            b'M' => *bits |= MOVE,
            b'r' => *bits |= READ_ONLY,
            b'w' => *bits &= !READ_ONLY,
            _ => {}
        }
    }
}

pub fn mount(task: &mut Task<'_>) {
    let mut asked = Asked::new(MountFlags::NONE);
    if !task.options(MOUNT, &mut |letter, value| asked.take(letter, value)) {
        return;
    }
    task.failure = NOT_MOUNTED;
    match (task.next(), task.next()) {
        (None, _) if asked.all => for_each_listed(task, &mut mount_one),
        (None, _) => tell(task),
        (Some(one), other) if asked.flags.bits & REMOUNT != 0 => {
            remount(task, other.unwrap_or(one));
        }
        (Some(source), Some(target)) => perform(task, source, target, asked),
        (Some(one), None) => mount_listed(task, one),
    }
}

/// The options once more, over those that hold already.
#[inline(never)]
fn ask_again<'a>(task: &mut Task<'a>, bits: u32, options: &[u8]) -> Asked<'a> {
    let mut asked = Asked::new(MountFlags { bits, ..MountFlags::NONE });
    asked.flags.add(options, &mut asked.data);
    task.options(MOUNT, &mut |letter, value| asked.take(letter, value));
    asked
}

/// What is not spoken of stays as it is, as mount(8) has it.
fn remount(task: &mut Task<'_>, target: &CStr) {
    /// `MS_RDONLY`, `MS_NOSUID`, `MS_NODEV`, `MS_NOEXEC`: the same bits as statfs(2) tells.
    const KEPT: u32 = 15;
    let bits = statfs(target).map_or(0, |found| found.f_flags as u32 & KEPT);
    let asked = ask_again(task, bits, b"");
    perform(task, c"none", target, asked);
}

#[inline(never)]
fn perform(task: &mut Task<'_>, source: &CStr, target: &CStr, mut asked: Asked<'_>) {
    let mut path = Line::new();
    let mounted = if asked.flags.bits & (MOVE | REMOUNT) == 0 {
        device_of(source, &mut path).and_then(|device| {
            mount_source(device, target, asked.kind, asked.flags, &mut asked.data)
        })
    } else {
        change_mount(source, target, asked.flags.bits, &mut asked.data)
    };
    check(task, source.to_bytes(), target.to_bytes(), mounted);
}

#[inline(never)]
fn check(task: &mut Task<'_>, source: &[u8], target: &[u8], mounted: Result<(), CallError>) {
    if let Err(error) = mounted {
        let mut line = Line::new();
        line.raw(source).text(" on ").raw(target);
        task.check(line.as_path(), Err(error.errno));
    }
}

/// Hands on the mounts of /etc/fstab, but no swap, as long as `act` answers true. Out of line, for the file's text lies in
/// its frame.
#[inline(never)]
fn for_each_listed(task: &mut Task<'_>, act: &mut dyn FnMut(&mut Task<'_>, &Mount<'_>) -> bool) {
    let mut text = [0; FILE_BYTES];
    let text = match read_file(CWD, fstab::FILE, &mut text) {
        Ok(text) => text,
        Err(error) => return task.check(fstab::FILE, Err(error.errno)),
    };
    for found in mounts(text) {
        match found {
            Err(misread) => task.refuse(fstab::FILE, misread.reason),
            Ok(found) if found.kind == b"swap" => {}
            Ok(found) => {
                if !act(task, &found) {
                    return;
                }
            }
        }
    }
}

fn mount_one(task: &mut Task<'_>, found: &Mount<'_>) -> bool {
    let mut data = Line::new();
    let flags = MountFlags::read(found.options, &mut data);
    if found.target != b"/" && !flags.no_auto {
        let mounted = attach(found, flags, &mut data);
        if !flags.no_fail {
            check(task, found.source, found.target, mounted);
        }
    }
    true
}

/// The mount of /etc/fstab that has this source or target.
#[inline(never)]
fn mount_listed(task: &mut Task<'_>, name: &CStr) {
    let mut is_listed = false;
    for_each_listed(task, &mut |task, found| {
        let mut buffer = [0; 3 * PATH_BYTES];
        let mut arena = Arena::new(&mut buffer);
        let mut field = |field| unescape(field, &mut arena).unwrap_or_default();
        let [source, target, kind] = [field(found.source), field(found.target), field(found.kind)];
        if name != source && name != target {
            return true;
        }
        is_listed = true;
        let asked = ask_again(task, 0, found.options);
        let kind = if asked.kind.is_empty() { kind } else { asked.kind };
        perform(task, source, target, Asked { kind, ..asked });
        false
    });
    if !is_listed && task.status == 0 {
        task.refuse(name, Reason::NotListed);
    }
}

/// `SOURCE on DIR type TYPE (OPTIONS)`.
#[inline(never)]
fn tell(task: &mut Task<'_>) {
    let mut buffer = [0; TABLE_BYTES];
    let told = for_each_line(TABLE, &mut buffer, &mut |line| {
        let ends: [&[u8]; 4] = [b" on ", b" type ", b" (", b")\n"];
        let mut fields = parts(line, b' ');
        for end in ends {
            task.output.add(fields.skip_to(0));
            task.output.add(end);
        }
    });
    task.check(TABLE, told.map_err(|error| error.errno));
}

const UMOUNT: Manual = Manual(packed!(
    "\
umount [options] DIR | SOURCE...
umount -a   everything but /, /proc, /sys, /dev and what lies in them

  -a, --all        as above
  -f, --force      also where a server does not answer
  -l, --lazy       out of sight at once, gone when nobody uses it
  -r, --read-only  what is busy is made read-only
  -n, --no-mtab    accepted, does nothing
  -d, --detach-loop  accepted, does nothing
      --help       print this help"
));

pub fn umount(task: &mut Task<'_>) {
    let mut how = Leaving { flags: UnmountFlags::empty(), read_only: false };
    let mut all = false;
    let goes_on = task.options(UMOUNT, &mut |letter, _| match letter {
        b'a' => all = true,
        b'f' => how.flags |= UnmountFlags::FORCE,
        b'l' => how.flags |= UnmountFlags::DETACH,
        b'r' => how.read_only = true,
        _ => {}
    });
    if !goes_on {
        return;
    }
    task.failure = NOT_MOUNTED;
    let table = read_table();
    if all {
        match &table {
            Ok(table) => how.leave_all(task, table),
            Err(errno) => task.check(TABLE, Err(*errno)),
        }
        if task.count == 0 {
            return;
        }
    }
    // Without /proc a mount point can be unmounted, but only that.
    task.each(&mut |_, operand| how.leave(operand, table.as_ref().ok()));
}

/// Source and place of each mount, the last one last.
#[inline(never)]
fn read_table() -> Result<Names, Errno> {
    let mut names = Names::new();
    let mut buffer = [0; TABLE_BYTES];
    let read = for_each_line(TABLE, &mut buffer, &mut |line| {
        let mut fields = parts(line, b' ');
        for _ in 0..2 {
            let mut buffer = [0; PATH_BYTES];
            let name = unescape(fields.skip_to(0), &mut Arena::new(&mut buffer));
            names.add(name.unwrap_or_default());
        }
    });
    read.map_err(|error| error.errno).and(names.whole()).map(|()| names)
}

/// How something is unmounted.
#[derive(Clone, Copy)]
struct Leaving {
    flags: UnmountFlags,
    /// What is busy is made read-only.
    read_only: bool,
}

impl Leaving {
    fn leave_all(self, task: &mut Task<'_>, table: &Names) {
        let mut row = table.count() / 2;
        while row > 0 {
            row -= 1;
            let place = table.get(2 * row + 1);
            if !is_the_kernels(place.to_bytes()) {
                let left = self.leave(place, None);
                task.check(place, left);
            }
        }
    }

    /// Unmounts what is mounted at a place, or the last mount of a source that the table names.
    #[inline(never)]
    fn leave(self, operand: &CStr, table: Option<&Names>) -> Result<(), Errno> {
        match (self.leave_place(operand), table) {
            (Err(errno @ (Errno::INVAL | Errno::NOENT)), Some(table)) => {
                let mut row = table.count() / 2;
                while row > 0 {
                    row -= 1;
                    if table.get(2 * row) == operand {
                        return self.leave_place(table.get(2 * row + 1));
                    }
                }
                Err(errno)
            }
            (left, _) => left,
        }
    }

    #[inline(never)]
    fn leave_place(self, place: &CStr) -> Result<(), Errno> {
        match unmount(place, self.flags) {
            Err(KernelErrno::BUSY) if self.read_only => {
                make_read_only(place).map_err(|error| error.errno)
            }
            left => Ok(left?),
        }
    }
}
