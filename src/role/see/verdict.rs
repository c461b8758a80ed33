//! What makes a process weaker than what `rootlet run` starts by default.

use core::ffi::CStr;

use rustix::fs::{Access, AtFlags, FileType, access, fstatfs, statat};

use super::{Said, See, said};
use crate::facts::mount_table::{MountMemory, for_each_mount};
use crate::facts::processes::Process;
use crate::input::mount_info::{Field, MountRow};
use crate::sys::descriptor::{Descriptor, OpenFlags, open, open_below};
use crate::sys::directory::for_each_name;
use crate::sys::memory::List;
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};
use crate::text::parts::parts;
use crate::text::path::is_below;

/// What is said of an operand, by the line of `WORDS`.
#[derive(Clone, Copy)]
pub enum What {
    MayGain,
    NoFilter,
    Bounded,
    Inherited,
    Ambient,
    Reachable,
    Shares,
    HostsRoot,
    Socket,
    Writable,
    NotHidden,
    Device,
    Devices,
}

/// `$` stands for an operand.
const WORDS: Packed = packed!(
    "\
no_new_privs off
no seccomp filter
CAP_$ in the bounding set
CAP_$ in the inheritable set
CAP_$ in the ambient set
$ of the host reachable through fd $ of pid $
shares the host's $
/ of the host mounted at $
socket $ mounted at $
$ writable
$ not hidden
block device /dev/$ can be opened
devices can be opened on /"
);

/// What each kind of namespaces has, in their order; a default container shares clocks and users.
const SHARED: Packed = packed!("cgroup root\nIPC\nmounts\nnetwork\nprocesses\n\n\nhost name");

/// What rootlet hides (h) or makes read-only (w) below /proc and /sys; and where devices are.
const KERNELS: Packed = packed!(
    "h/proc/acpi\nh/proc/asound\nh/proc/interrupts\nh/proc/kcore\nh/proc/keys\nh/proc/latency_stats\nh/proc/scsi\nh/proc/timer_list\nw/proc/bus\nw/proc/fs\nw/proc/irq\nw/proc/sys\nw/proc/sysrq-trigger\nw/sys\nw/sys/fs/cgroup\nh/sys/firmware\nh/sys/devices/virtual/powercap\nd/dev\nr/"
);
const PLACES: usize = 19;

/// The mount that covers a place.
#[derive(Clone, Copy)]
struct Cover {
    /// Bytes of its own place.
    length: usize,
    /// The first letters of its type.
    kind: [u8; 4],
    is_read_only: bool,
    has_no_devices: bool,
}

impl Cover {
    const NONE: Self = Self { length: 0, kind: [0; 4], is_read_only: false, has_no_devices: true };

    /// Takes a mount's place, unless another one lies nearer; later ones lie above.
    #[inline(never)]
    fn offer(&mut self, place: &[u8], mount: MountRow<'_>) {
        let target = mount.text(Field::Target);
        let is_it = target == b"/" || target == place || is_below(place, target);
        if !is_it || target.len() < self.length {
            return;
        }
        let has = |field, word: &[u8]| parts(mount.text(field), b',').any(|flag| flag == word);
        self.length = target.len();
        // Types that are of interest differ in four letters; of a shorter one nothing is.
        self.kind = mount.text(Field::Kind).first_chunk().copied().unwrap_or_default();
        self.is_read_only = has(Field::Flags, b"ro") || has(Field::Options, b"ro");
        self.has_no_devices = has(Field::Flags, b"nodev");
    }

    /// It is one of the kernel's: proc, sysfs, cgroup.
    fn is_kernels(&self) -> bool {
        matches!(&self.kind, b"proc" | b"sysf" | b"cgro")
    }

    /// A tmpfs or a devtmpfs: nothing that answers slowly, or not at all.
    fn is_memory(&self) -> bool {
        matches!(&self.kind, b"tmpf" | b"devt")
    }
}

/// Adds a verdict; a NUL behind each.
#[inline(never)]
pub fn add(verdicts: &mut List<u8>, what: What, operands: &[&[u8]]) {
    let mut line = Line::new();
    let mut operands = operands.iter();
    for (nth, words) in parts(WORDS.line(what as usize).unpack(&mut line), b'$').enumerate() {
        if nth > 0 {
            verdicts.extend(operands.next().copied().unwrap_or_default());
        }
        verdicts.extend(words);
    }
    verdicts.push(0);
}

/// A namespace is the host's.
pub fn shares(verdicts: &mut List<u8>, kind: usize) {
    let mut line = Line::new();
    let words = SHARED.line(kind).unpack(&mut line);
    if !words.is_empty() {
        add(verdicts, What::Shares, &[words]);
    }
}

/// What the mounts that it sees let a process do.
#[inline(never)]
pub fn look_at_mounts(
    see: &See,
    process: &Process,
    memory: &mut MountMemory,
    verdicts: &mut List<u8>,
) -> Result<(), Said> {
    let mut hosts = Line::new();
    for_each_mount(&see.own, false, memory, &mut |mount| {
        if mount.text(Field::Target) == b"/" && mount.text(Field::Root) == b"/" {
            hosts.clear();
            hosts.raw(mount.text(Field::Device));
        }
    })
    .map_err(said)?;
    let mut covers = [Cover::NONE; PLACES];
    let mut name = Line::new();
    for_each_mount(process, false, memory, &mut |mount| {
        for (cover, place) in covers.iter_mut().zip(KERNELS.lines()) {
            cover.offer(place.unpack(&mut name).get(1..).unwrap_or_default(), mount);
        }
        let (root, target) = (mount.text(Field::Root), mount.text(Field::Target));
        if root == b"/" && mount.text(Field::Device) == hosts.bytes() {
            add(verdicts, What::HostsRoot, &[target]);
        }
        if root.ends_with(b".sock") {
            add(verdicts, What::Socket, &[root, target]);
        }
    })
    .map_err(said)?;
    for (cover, place) in covers.iter().zip(KERNELS.lines()) {
        place.unpack(&mut name);
        look_at_place(cover, &mut name, process, verdicts);
    }
    Ok(())
}

/// Says when a place is open; `name` is a row of `KERNELS`.
#[inline(never)]
fn look_at_place(cover: &Cover, name: &mut Line, process: &Process, verdicts: &mut List<u8>) {
    let (what, is_weak) = match name.bytes().first() {
        Some(b'h') => (What::NotHidden, cover.is_kernels()),
        Some(b'w') => (What::Writable, cover.is_kernels() && !cover.is_read_only),
        Some(b'r') => (What::Devices, !cover.has_no_devices),
        _ if cover.is_memory() => return look_at_devices(process, verdicts),
        _ => return,
    };
    // What the kernel does not have need not be hidden; the host's is looked at.
    let path = name.as_path().to_bytes_with_nul().get(1..).unwrap_or_default();
    let path = CStr::from_bytes_with_nul(path).unwrap_or_default();
    if is_weak && access(path, Access::EXISTS).is_ok() {
        add(verdicts, what, &[path.to_bytes()]);
    }
}

/// Looks for block devices in a /dev that is in memory, so that no filesystem of its own making is asked anything.
#[inline(never)]
fn look_at_devices(process: &Process, verdicts: &mut List<u8>) {
    let root = open(process.directory.as_fd(), c"root", OpenFlags::PATH_DIRECTORY);
    let Ok(root) = root else { return };
    let Ok(all) = open_below(root.as_fd(), c"/dev", OpenFlags::READ_DIRECTORY) else { return };
    for_each_name(&all, &mut |name| {
        let found = statat(&all, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT);
        if found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::BlockDevice)
            && open(all.as_fd(), name, OpenFlags::PATH).is_ok_and(|file| can_be_opened(&file))
        {
            add(verdicts, What::Device, &[name.to_bytes()]);
        }
        true
    });
}

/// Whether the mount that it is on lets devices be opened.
fn can_be_opened(file: &Descriptor) -> bool {
    /// `ST_NODEV`. Source: linux/statfs.h.
    const NO_DEVICES: u64 = 4;
    fstatfs(file).is_ok_and(|found| found.f_flags as u64 & NO_DEVICES == 0)
}
