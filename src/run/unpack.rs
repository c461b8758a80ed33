//! An archive unpacked into the root of a container, while it streams in.
//!
//! Every place is resolved below the root's descriptor, so no link that the archive makes leads out of it, and what has
//! a place's name is removed before something else gets it.

use core::cell::Cell;
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
    Archive, Data, Kind, MEMORY_BYTES, Member, Moment, Place, Whiteout, carve, place,
};
use crate::input::refusal::Reason;
use crate::input::root_options::INPUT;
use crate::plan::step::{self, MissingPath, Slot, Unpacking};
use crate::sys::descriptor::{Descriptor, OpenFlags, create_private, open, open_below, write_all};
use crate::sys::memory::Memory;
use crate::sys::poll::{self, Entry};
use crate::sys::standard;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;

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
    let unpacker = Unpacker { hands, how, reason: Cell::new(None) };
    let done = mounts::without_umask(|| unpacker.all(memory.bytes(), &mut refill));
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
    /// Why something was refused where no call failed. Aside, so that errors are small.
    reason: Cell<Option<Reason>>,
}

type Outcome<T = ()> = Result<T, CallError>;

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
            let (member, mut data) = match archive.next_member() {
                Ok(None) => return Ok(()),
                Ok(Some(found)) => found,
                Err(reason) => {
                    let error = self.refuse(reason);
                    self.say([b"", b""], archive.at());
                    return Err(error);
                }
            };
            let unpacked = self.unpack_member(&member, &mut data, (&mut *paths.0, &mut *paths.1));
            if unpacked.is_err() {
                self.say(member.name, data.at());
                return unpacked;
            }
        }
    }

    /// Notes why something is refused.
    fn refuse(&self, reason: Reason) -> CallError {
        self.reason.set(Some(reason));
        NO_CALL
    }

    /// Sends the supervisor the name and place of what is wrong and, where no call failed, why.
    #[inline(never)]
    fn say(&self, name: [&[u8]; 2], at: u64) {
        let mut line = Line::new();
        let [first, second] = name;
        if !first.is_empty() {
            line.operand(first).text("/");
        }
        line.operand(second).text(if second.is_empty() { "byte " } else { " at byte " });
        line.number(at);
        match self.reason.get() {
            Some(reason) => line.text(" ").packed(reason.words()),
            None => line.text(": "),
        };
        link::send_note(&self.hands.link, &line);
    }

    fn root(&self) -> Outcome<BorrowedFd<'_>> {
        Ok(self.hands.tree(Slot::ROOT, Call::Openat2)?.as_fd())
    }

    #[inline(never)]
    fn unpack_member(
        &self,
        member: &Member<'_>,
        data: &mut Data<'_, '_>,
        (path, target): (&mut [u8], &mut [u8]),
    ) -> Outcome {
        let refused = |reason| self.refuse(reason);
        let place = place(member.name, path).map_err(refused)?;
        if place.name.is_empty() {
            // The root itself; a name that is only slashes and dots can be nothing else.
            return match member.kind {
                Kind::Directory => self.dress(&self.open_directory(self.root()?, c".")?, member),
                _ => Err(refused(Reason::NoMemberName)),
            };
        }
        let parent = self.parent(place.parent)?;
        // What is made in a directory is no change of it: it keeps the time that the archive gave it, or will give.
        let before = fstat(&parent).map_err(Call::Fstat.failed())?;
        match place.whiteout().map_err(refused)? {
            Whiteout::No => self.make(member, data, parent.as_fd(), place.name, target)?,
            Whiteout::Of(name) => remove(parent.as_fd(), name)?,
            // What stayed would be seen, though the image hides it.
            Whiteout::Opaque => remove_below(&self.open_directory(parent.as_fd(), c".")?)
                .map_err(Call::Unlinkat.failed())?,
            Whiteout::Other => {}
        }
        utimensat(&parent, c"", &changed_at(&before), AtFlags::EMPTY_PATH)
            .map_err(Call::Utimensat.failed())
    }

    /// The directory at a path below the root, made where it is missing.
    fn parent(&self, path: &CStr) -> Outcome<Descriptor> {
        match open_below(self.root()?, path, OpenFlags::PATH_DIRECTORY) {
            Err(Errno::NOENT) => {}
            answer => return answer.map_err(Call::Openat2.failed()),
        }
        let kind = step::Kind::Directory;
        mounts::make_path(
            self.hands,
            &MissingPath { target: path, existing: 0, kind, in_root: false },
        )?;
        open_below(self.root()?, path, OpenFlags::PATH_DIRECTORY).map_err(Call::Openat2.failed())
    }

    fn open_directory(&self, parent: BorrowedFd<'_>, name: &CStr) -> Outcome<Descriptor> {
        open(parent, name, OpenFlags::READ_DIRECTORY).map_err(Call::Openat.failed())
    }

    /// Makes a member in the place of whatever is there.
    fn make(
        &self,
        member: &Member<'_>,
        data: &mut Data<'_, '_>,
        parent: BorrowedFd<'_>,
        name: &CStr,
        target: &mut [u8],
    ) -> Outcome {
        match member.kind {
            Kind::Directory => return self.make_directory(member, parent, name),
            Kind::File => return self.make_file(member, data, parent, name),
            Kind::HardLink => return self.make_link(member, parent, name, target),
            Kind::CharacterDevice | Kind::BlockDevice if self.how.no_devices => return Ok(()),
            _ => {}
        }
        if member.kind == Kind::SymbolicLink {
            let to = Arena::new(target)
                .join(&[member.link])
                .map_err(|_| self.refuse(Reason::LongMemberName))?;
            let make = || symlinkat(to, parent, name);
            replacing(parent, name, make).map_err(Call::Symlinkat.failed())?;
        } else {
            let kind = match member.kind {
                Kind::CharacterDevice => FileType::CharacterDevice,
                Kind::BlockDevice => FileType::BlockDevice,
                _ => FileType::Fifo,
            };
            let (major, minor) = member.device;
            let (mode, device) = (mode_of(member), makedev(major, minor));
            let make = || mknodat(parent, name, kind, mode, device);
            replacing(parent, name, make).map_err(Call::Mknodat.failed())?;
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if !self.how.one_owner {
            let (uid, gid) = owners_of(member);
            chownat(parent, name, uid, gid, flags).map_err(Call::Fchownat.failed())?;
        }
        utimensat(parent, name, &times_of(member), flags).map_err(Call::Utimensat.failed())
    }

    /// A directory that is there already is the same one.
    fn make_directory(&self, member: &Member<'_>, parent: BorrowedFd<'_>, name: &CStr) -> Outcome {
        let directory = match open(parent, name, OpenFlags::READ_DIRECTORY) {
            Ok(directory) => directory,
            Err(_) => {
                let make = || mkdirat(parent, name, Mode::RWXU);
                replacing(parent, name, make).map_err(Call::Mkdirat.failed())?;
                self.open_directory(parent, name)?
            }
        };
        self.dress(&directory, member)
    }

    fn make_file(
        &self,
        member: &Member<'_>,
        data: &mut Data<'_, '_>,
        parent: BorrowedFd<'_>,
        name: &CStr,
    ) -> Outcome {
        let file = match create_private(parent, name, OpenFlags::CREATE) {
            Err(Errno::EXIST) => {
                remove(parent, name)?;
                create_private(parent, name, OpenFlags::CREATE)
            }
            answer => answer,
        };
        let file = file.map_err(Call::Openat.failed())?;
        loop {
            let bytes = data.take().map_err(|reason| self.refuse(reason))?;
            if bytes.is_empty() {
                break;
            }
            write_all(file.as_fd(), bytes).map_err(Call::Write.failed())?;
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
    ) -> Outcome {
        let Place { parent: from, name: old } =
            place([b"", member.link], target).map_err(|reason| self.refuse(reason))?;
        let from = open_below(self.root()?, from, OpenFlags::PATH_DIRECTORY);
        let from = from.map_err(Call::Openat2.failed())?;
        let make = || linkat(&from, old, parent, name, AtFlags::empty());
        replacing(parent, name, make).map_err(Call::Linkat.failed())
    }

    /// Gives an open file or directory its owner, then its mode, which a change of owners would take set-id bits from,
    /// then its time.
    fn dress(&self, file: &Descriptor, member: &Member<'_>) -> Outcome {
        if !self.how.one_owner {
            let (uid, gid) = owners_of(member);
            fchown(file, uid, gid).map_err(Call::Fchown.failed())?;
        }
        fchmod(file, mode_of(member)).map_err(Call::Fchmod.failed())?;
        futimens(file, &times_of(member)).map_err(Call::Utimensat.failed())
    }
}

/// Makes a name, in the place of what has it.
fn replacing(
    parent: BorrowedFd<'_>,
    name: &CStr,
    make: impl Fn() -> Result<(), KernelErrno>,
) -> Result<(), Errno> {
    match make() {
        Err(KernelErrno::EXIST) => {
            remove_all(parent, name)?;
            Ok(make()?)
        }
        answer => Ok(answer?),
    }
}

fn remove(parent: BorrowedFd<'_>, name: &CStr) -> Outcome {
    match remove_all(parent, name) {
        Err(Errno::NOENT) => Ok(()),
        answer => answer.map_err(Call::Unlinkat.failed()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn held(path: &Path) -> crate::sys::descriptor::Held {
        let path = CString::new(path.to_str().unwrap()).unwrap();
        open(rustix::fs::CWD, &path, OpenFlags::READ).unwrap().hold()
    }

    /// An archive whose one member hides what lower layers have in `opq`.
    fn write_opaque(path: &Path) {
        let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, "opq/.wh..wh..opq", std::io::empty()).unwrap();
        archive.finish().unwrap();
    }

    #[test]
    fn what_a_whiteout_cannot_remove_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let (root, archive) = (folder.path().join("root"), folder.path().join("x.tar"));
        write_opaque(&archive);
        let unpacked = std::thread::spawn(move || {
            // Root may remove everything.
            let user = rustix::process::Uid::from_raw(65534);
            let _ = rustix::thread::set_thread_res_uid(user, user, user);
            let sub = root.join("opq/sub");
            fs::create_dir_all(&sub).unwrap();
            fs::write(sub.join("secret"), "").unwrap();
            let (supervisor, link) = link::pair().unwrap();
            let mut hands = Hands::new(link);
            hands.keep(Slot::ROOT, held(&root));
            hands.keep(Slot::UPPER, held(&archive));
            let how = Unpacking { no_devices: true, one_owner: true };
            let mut unpack_with = |mode| {
                fs::set_permissions(&sub, PermissionsExt::from_mode(mode)).unwrap();
                hands.keep(Slot::UPPER, held(&archive));
                let unpacked = unpack(&hands, Slot::UPPER, c"x.tar", how);
                (unpacked, sub.exists())
            };
            let outcomes = (unpack_with(0o555), unpack_with(0o755));
            drop(supervisor);
            outcomes
        });
        let error = CallError { call: Call::Unlinkat, errno: Errno::ACCES };
        assert_eq!(unpacked.join().unwrap(), ((Err(error), true), (Ok(()), false)));
    }
}
