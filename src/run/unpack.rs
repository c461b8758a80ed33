//! An archive unpacked into the root of a container, while it streams in.
//!
//! Every place is resolved below the root's descriptor, so no link that the archive makes leads out of it, and what has
//! a place's name is removed before something else gets it.

use core::ffi::CStr;

use rustix::fd::BorrowedFd;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, fchmod,
    fchown, fstat, futimens, linkat, makedev, mkdirat, mknodat, symlinkat, utimensat,
};
use rustix::io::Errno as KernelErrno;

use super::hands::Hands;
use super::removal::{remove_all, remove_below};
use super::{link, mounts};
use crate::input::archive::{
    Archive, Damage, Data, Kind, MEMORY_BYTES, Member, Moment, Place, Whiteout, carve, place,
};
use crate::input::refusal::Reason;
use crate::input::root_options::INPUT;
use crate::plan::step::{self, MissingPath, Slot, Unpacking};
use crate::sys::descriptor::{Descriptor, OpenFlags, create_private, open, open_below};
use crate::sys::memory::Memory;
use crate::sys::poll::{self, Entry};
use crate::sys::standard;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

/// Why a member could not be unpacked.
enum Failed {
    Reason(Reason),
    Damage(Damage),
    Call(CallError),
}

impl From<Reason> for Failed {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

impl From<Damage> for Failed {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// For `map_err`: a call that failed on a member.
fn failed<E: Into<Errno>>(call: Call) -> impl Fn(E) -> Failed {
    move |errno| Failed::Call(CallError { call, errno: errno.into() })
}

/// What is said where no call failed: the note says what did.
pub const NO_CALL: CallError = CallError { call: Call::Read, errno: Errno(0) };

/// Unpacks an archive. What is wrong with it the supervisor gets as a note.
///
/// # Errors
/// The call that failed, or `NO_CALL`.
#[inline(never)]
pub fn unpack(hands: &Hands, slot: Slot, path: &CStr, how: Unpacking) -> Result<(), CallError> {
    let file = match path == INPUT {
        true => standard::input(),
        false => hands.tree(slot, Call::Read)?.as_fd(),
    };
    let mut memory = Memory::new(MEMORY_BYTES).map_err(Call::Mmap.failed())?;
    let mut broken = None;
    let mut refill = |room: &mut [u8]| {
        read(file, room).unwrap_or_else(|errno| {
            broken = Some(errno);
            0
        })
    };
    let unpacker = Unpacker { hands, how };
    let mask = rustix::process::umask(Mode::empty());
    let done = unpacker.all(memory.bytes(), &mut refill);
    rustix::process::umask(mask);
    // An end that is none explains all that follows from it.
    match broken {
        Some(errno) => Err(CallError { call: Call::Read, errno }),
        None => done,
    }
}

fn read(file: BorrowedFd<'_>, room: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::read(file, &mut *room) {
            Err(KernelErrno::INTR) => {}
            // Whoever gave it to us may have it so.
            Err(KernelErrno::AGAIN) => poll::wait(&mut [Entry::new(file, poll::IN)]),
            answer => return Ok(answer?),
        }
    }
}

struct Unpacker<'h> {
    hands: &'h Hands,
    how: Unpacking,
}

impl Unpacker<'_> {
    fn all(
        &self,
        memory: &mut [u8],
        refill: &mut dyn FnMut(&mut [u8]) -> usize,
    ) -> Result<(), CallError> {
        let no_memory = CallError { call: Call::Mmap, errno: Errno::INVAL };
        let (stream, texts, paths) = carve(memory, refill).ok_or(no_memory)?;
        let mut archive = Archive::new(stream, texts);
        loop {
            let (member, data) = match archive.next_member() {
                Ok(None) => return Ok(()),
                Ok(Some(found)) => found,
                Err(damage) => return Err(self.say([b"", b""], damage.at, Failed::Damage(damage))),
            };
            let (name, at) = (member.name, member.at);
            if let Err(why) = self.unpack_member(&member, data, (&mut *paths.0, &mut *paths.1)) {
                return Err(self.say(name, at, why));
            }
        }
    }

    /// Sends the supervisor the name and place of what is wrong, and what.
    #[inline(never)]
    fn say(&self, name: [&[u8]; 2], at: u64, why: Failed) -> CallError {
        let mut line = Line::new();
        let [first, second] = name;
        if !first.is_empty() {
            line.operand(first).text("/");
        }
        line.operand(second);
        let (reason, at, error) = match why {
            Failed::Reason(reason) => (Some(reason), at, NO_CALL),
            Failed::Damage(Damage { reason, at }) => (Some(reason), at, NO_CALL),
            Failed::Call(error) => (None, at, error),
        };
        line.text(if second.is_empty() { "byte " } else { " (byte " }).number(at);
        line.text(if second.is_empty() { "" } else { ")" });
        match reason {
            Some(reason) => line.text(" ").packed(reason.words()),
            None => line.text(": "),
        };
        link::send_note(&self.hands.link, &line);
        error
    }

    fn root(&self) -> Result<BorrowedFd<'_>, Failed> {
        Ok(self.hands.tree(Slot::ROOT, Call::Openat2)?.as_fd())
    }

    #[inline(never)]
    fn unpack_member(
        &self,
        member: &Member<'_>,
        data: Data<'_, '_>,
        (path, target): (&mut [u8], &mut [u8]),
    ) -> Result<(), Failed> {
        let place = place(member.name, path)?;
        if place.name.is_empty() {
            // The root itself; a name that is only slashes and dots can be nothing else.
            return match member.kind {
                Kind::Directory => self.dress(&self.open_directory(self.root()?, c".")?, member),
                _ => Err(Reason::NoMemberName.into()),
            };
        }
        let parent = self.parent(place.parent)?;
        // What is made in a directory is no change of it: it keeps the time that the archive gave it, or will give.
        let before = fstat(&parent).map_err(failed(Call::Fstat))?;
        match place.whiteout()? {
            Whiteout::No => self.make(member, data, parent.as_fd(), place.name, target)?,
            Whiteout::Of(name) => remove(parent.as_fd(), name)?,
            Whiteout::Opaque => remove_below(&self.open_directory(parent.as_fd(), c".")?),
            Whiteout::Other => {}
        }
        utimensat(&parent, c"", &changed_at(&before), AtFlags::EMPTY_PATH)
            .map_err(failed(Call::Utimensat))
    }

    /// The directory at a path below the root, made where it is missing.
    fn parent(&self, path: &CStr) -> Result<Descriptor, Failed> {
        match open_below(self.root()?, path, OpenFlags::PATH_DIRECTORY) {
            Err(Errno::NOENT) => {}
            answer => return answer.map_err(failed(Call::Openat2)),
        }
        let kind = step::Kind::Directory;
        mounts::make_path(
            self.hands,
            &MissingPath { target: path, existing: 0, kind, in_root: false },
        )?;
        open_below(self.root()?, path, OpenFlags::PATH_DIRECTORY).map_err(failed(Call::Openat2))
    }

    fn open_directory(&self, parent: BorrowedFd<'_>, name: &CStr) -> Result<Descriptor, Failed> {
        open(parent, name, OpenFlags::READ_DIRECTORY).map_err(failed(Call::Openat))
    }

    /// Makes a member in the place of whatever is there.
    fn make(
        &self,
        member: &Member<'_>,
        data: Data<'_, '_>,
        parent: BorrowedFd<'_>,
        name: &CStr,
        target: &mut [u8],
    ) -> Result<(), Failed> {
        match member.kind {
            Kind::Directory => return self.make_directory(member, parent, name),
            Kind::File => return self.make_file(member, data, parent, name),
            Kind::HardLink => return self.make_link(member, parent, name, target),
            Kind::CharacterDevice | Kind::BlockDevice if self.how.no_devices => return Ok(()),
            _ => {}
        }
        if member.kind == Kind::SymbolicLink {
            let to = Arena::new(target).join(&[member.link]).map_err(|_| Reason::LongMemberName)?;
            let make = || symlinkat(to, parent, name);
            replacing(parent, name, make).map_err(failed(Call::Symlinkat))?;
        } else {
            let kind = match member.kind {
                Kind::CharacterDevice => FileType::CharacterDevice,
                Kind::BlockDevice => FileType::BlockDevice,
                _ => FileType::Fifo,
            };
            let (major, minor) = member.device;
            let (mode, device) = (mode_of(member), makedev(major, minor));
            let make = || mknodat(parent, name, kind, mode, device);
            replacing(parent, name, make).map_err(failed(Call::Mknodat))?;
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if !self.how.one_owner {
            let (uid, gid) = owners_of(member);
            chownat(parent, name, uid, gid, flags).map_err(failed(Call::Fchownat))?;
        }
        utimensat(parent, name, &times_of(member), flags).map_err(failed(Call::Utimensat))
    }

    /// A directory that is there already is the same one.
    fn make_directory(
        &self,
        member: &Member<'_>,
        parent: BorrowedFd<'_>,
        name: &CStr,
    ) -> Result<(), Failed> {
        let directory = match open(parent, name, OpenFlags::READ_DIRECTORY) {
            Ok(directory) => directory,
            Err(_) => {
                let make = || mkdirat(parent, name, Mode::RWXU);
                replacing(parent, name, make).map_err(failed(Call::Mkdirat))?;
                self.open_directory(parent, name)?
            }
        };
        self.dress(&directory, member)
    }

    fn make_file(
        &self,
        member: &Member<'_>,
        mut data: Data<'_, '_>,
        parent: BorrowedFd<'_>,
        name: &CStr,
    ) -> Result<(), Failed> {
        let file = match create_private(parent, name) {
            Err(Errno::EXIST) => {
                remove(parent, name)?;
                create_private(parent, name)
            }
            answer => answer,
        };
        let file = file.map_err(failed(Call::Openat))?;
        loop {
            let mut rest = data.take()?;
            if rest.is_empty() {
                break;
            }
            while !rest.is_empty() {
                let written = rustix::io::write(&file, rest).map_err(failed(Call::Write))?;
                rest = rest.get(written..).unwrap_or_default();
            }
        }
        self.dress(&file, member)
    }

    /// Another name of a file below the root.
    fn make_link(
        &self,
        member: &Member<'_>,
        parent: BorrowedFd<'_>,
        name: &CStr,
        target: &mut [u8],
    ) -> Result<(), Failed> {
        let Place { parent: from, name: old } = place([b"", member.link], target)?;
        let from = open_below(self.root()?, from, OpenFlags::PATH_DIRECTORY);
        let from = from.map_err(failed(Call::Openat2))?;
        let make = || linkat(&from, old, parent, name, AtFlags::empty());
        replacing(parent, name, make).map_err(failed(Call::Linkat))
    }

    /// Gives an open file or directory its owner, then its mode, which a change of owners would take set-id bits from,
    /// then its time.
    fn dress(&self, file: &Descriptor, member: &Member<'_>) -> Result<(), Failed> {
        if !self.how.one_owner {
            let (uid, gid) = owners_of(member);
            fchown(file, uid, gid).map_err(failed(Call::Fchown))?;
        }
        fchmod(file, mode_of(member)).map_err(failed(Call::Fchmod))?;
        futimens(file, &times_of(member)).map_err(failed(Call::Utimensat))
    }
}

/// Makes a name, in the place of what has it.
fn replacing(
    parent: BorrowedFd<'_>,
    name: &CStr,
    make: impl Fn() -> Result<(), KernelErrno>,
) -> Result<(), KernelErrno> {
    match make() {
        Err(KernelErrno::EXIST) => {
            remove_all(parent, name)?;
            make()
        }
        answer => answer,
    }
}

fn remove(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Failed> {
    match remove_all(parent, name) {
        Err(KernelErrno::NOENT) => Ok(()),
        answer => answer.map_err(failed(Call::Unlinkat)),
    }
}

const fn mode_of(member: &Member<'_>) -> Mode {
    Mode::from_raw_mode(member.mode as u32)
}

const fn owners_of(member: &Member<'_>) -> (Option<Uid>, Option<Gid>) {
    let (uid, gid) = (Uid::from_raw_unchecked(member.uid), Gid::from_raw_unchecked(member.gid));
    (Some(uid), Some(gid))
}

/// The time of a change; that of the last access stays.
const fn changed(seconds: i64, nanoseconds: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
    }
}

fn times_of(member: &Member<'_>) -> Timestamps {
    let Moment { seconds, nanoseconds } = member.changed;
    changed(seconds, nanoseconds.into())
}

fn changed_at(status: &Stat) -> Timestamps {
    changed(status.st_mtime, status.st_mtime_nsec as i64)
}
