//! The container's own terminal, seen from inside.

use rustix::fs::{CWD, fstatfs};

use super::hands::Hands;
use super::link;
use super::mounts::{attach_in_dev, make_file};
use crate::plan::step::WindowSize;
use crate::plan::user_namespace::TTY_GROUP;
use crate::sys::descriptor::{self, Descriptor, OpenFlags};
use crate::sys::mount::{Depth, clone_tree};
use crate::sys::process::duplicate_to;
use crate::sys::standard;
use crate::sys::terminal;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

/// Opens a pair of the container's devpts. The slave becomes /dev/console and the standard descriptors, the
/// master goes to the supervisor. Nothing is opened through a path that the root could have made.
pub fn open(
    hands: &Hands,
    uid: u32,
    of_group: bool,
    size: Option<WindowSize>,
) -> Result<(), CallError> {
    let master = match hands.dev {
        Some(dev) => descriptor::open(dev.as_fd(), c"pts/ptmx", OpenFlags::MASTER),
        None => open_of_others(),
    };
    // Closed with all the others; the supervisor holds the master then.
    let master = master.map_err(Call::Openat.failed())?.hold();
    terminal::unlock(master.as_fd()).map_err(Call::Ioctl.failed())?;
    let slave = terminal::open_peer(master.as_fd()).map_err(Call::Ioctl.failed())?.hold();
    let user = rustix::fs::Uid::from_raw_unchecked(uid);
    let group = of_group.then_some(rustix::fs::Gid::from_raw_unchecked(TTY_GROUP));
    rustix::fs::fchown(slave, Some(user), group).map_err(Call::Fchown.failed())?;
    if let Some(size) = size {
        terminal::set_window(slave.as_fd(), (size.rows, size.columns))
            .map_err(Call::Ioctl.failed())?;
    }
    if let Some(dev) = hands.dev {
        make_file(dev, c"console")?;
        let console = clone_tree(slave.as_fd(), c"", Depth::One);
        attach_in_dev(hands, console.map_err(Call::OpenTree.failed())?.hold(), c"console")?;
    }
    link::send_terminal(&hands.link, master).map_err(Call::Sendmsg.failed())?;
    for number in 0..3 {
        duplicate_to(slave.as_fd(), number, false).map_err(Call::Dup3.failed())?;
    }
    Ok(())
}

/// Opens the master of a pair of a container that others have made, by its /dev/pts, if that is what it is called.
#[inline(never)]
fn open_of_others() -> Result<Descriptor, Errno> {
    let is_terminals = |file: &Descriptor| {
        const TERMINALS: u32 = 0x1cd1;
        fstatfs(file).is_ok_and(|found| found.f_type as u32 == TERMINALS)
    };
    let found = descriptor::open(CWD, c"/dev/pts", OpenFlags::PATH_DIRECTORY)?;
    if !is_terminals(&found) {
        return Err(Errno::NODEV);
    }
    // Something else may have been mounted over it.
    let master = descriptor::open(found.as_fd(), c"ptmx", OpenFlags::MASTER)?;
    if is_terminals(&master) { Ok(master) } else { Err(Errno::NODEV) }
}

/// Leads a new session whose controlling terminal is standard input.
pub fn take_control() -> Result<(), CallError> {
    rustix::process::setsid().map_err(Call::Setsid.failed())?;
    terminal::take_control(standard::input()).map_err(Call::Ioctl.failed())
}
