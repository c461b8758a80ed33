//! What every container has: its filesystems, devices and links, as tables.

use core::ffi::CStr;

use super::step::{Filesystem, Kind, Link, Mask, Place};
use crate::input::mount_options::{Attributes, Parameter};

const CLOSED_READ_ONLY: Attributes = Attributes::CLOSED.and(Attributes::READ_ONLY);

const fn parameter(key: &'static CStr, value: &'static CStr) -> Parameter<'static> {
    Parameter { key, value }
}

const fn directory(path: &'static CStr) -> Mask {
    Mask { path, kind: Kind::Directory }
}

const fn file(path: &'static CStr) -> Mask {
    Mask { path, kind: Kind::File }
}

/// Hides the first of the masked directories; the others are hidden by clones of it.
pub static EMPTY: Filesystem<'static> = Filesystem {
    name: c"tmpfs",
    parameters: &[parameter(c"nr_inodes", c"1"), parameter(c"mode", c"555")],
    attributes: CLOSED_READ_ONLY,
    place: Place::Root,
    target: c"/sys/firmware",
    optional: true,
};

/// What is hidden besides, as docker does it. Its /proc/timer_stats and /proc/sched_debug are older than the kernels
/// that `run` works on.
pub static MASKS: [Mask; 9] = [
    directory(c"/proc/acpi"),
    directory(c"/proc/asound"),
    directory(c"/proc/scsi"),
    directory(c"/sys/devices/virtual/powercap"),
    file(c"/proc/interrupts"),
    file(c"/proc/kcore"),
    file(c"/proc/keys"),
    file(c"/proc/latency_stats"),
    file(c"/proc/timer_list"),
];

/// What of /proc cannot be written, as docker does it.
pub static READ_ONLY: [&CStr; 5] =
    [c"/proc/bus", c"/proc/fs", c"/proc/irq", c"/proc/sys", c"/proc/sysrq-trigger"];

/// Mounted below the root, in this order.
pub static BELOW_ROOT: [Filesystem<'static>; 4] = [
    Filesystem {
        name: c"proc",
        parameters: &[],
        attributes: Attributes::CLOSED,
        place: Place::Root,
        target: c"/proc",
        optional: false,
    },
    Filesystem {
        name: c"sysfs",
        parameters: &[],
        attributes: CLOSED_READ_ONLY,
        place: Place::Root,
        target: c"/sys",
        optional: false,
    },
    // The v2 hierarchy exists on every kernel with cgroups, mounted on the host or not.
    Filesystem {
        name: c"cgroup2",
        parameters: &[],
        attributes: CLOSED_READ_ONLY,
        place: Place::Root,
        target: c"/sys/fs/cgroup",
        optional: true,
    },
    Filesystem {
        name: c"tmpfs",
        parameters: &[parameter(c"mode", c"755")],
        attributes: Attributes::CLOSED,
        place: Place::Root,
        target: DEV,
        optional: false,
    },
];

/// Where the devices are: its descriptor is kept for what lies below.
pub const DEV: &CStr = c"/dev";

/// Mounted below /dev, each on a directory of its name. A new devpts is always an instance of its own
/// (Linux 4.7); /dev/pts alone is not nodev, since terminals are devices.
pub static BELOW_DEV: [Filesystem<'static>; 3] = [
    Filesystem {
        name: c"devpts",
        parameters: &[
            parameter(c"gid", c"5"),
            parameter(c"mode", c"620"),
            parameter(c"ptmxmode", c"666"),
        ],
        attributes: Attributes::NO_SUID.and(Attributes::NO_EXEC),
        place: Place::Dev,
        target: c"pts",
        optional: false,
    },
    Filesystem {
        name: c"mqueue",
        parameters: &[],
        attributes: Attributes::CLOSED,
        place: Place::Dev,
        target: c"mqueue",
        optional: true,
    },
    // A tmpfs's root is 01777 by itself.
    Filesystem {
        name: c"tmpfs",
        parameters: &[parameter(c"size", c"64m")],
        attributes: Attributes::CLOSED,
        place: Place::Dev,
        target: SHARED_MEMORY,
        optional: false,
    },
];

/// Holds the files of names in /etc, where /dev/shm comes to lie over it.
pub static NAMES: Filesystem<'static> = Filesystem {
    name: c"tmpfs",
    parameters: &[parameter(c"size", c"1m")],
    attributes: Attributes::CLOSED,
    place: Place::Dev,
    target: SHARED_MEMORY,
    optional: false,
};

/// The terminals of a user namespace in which their group does not exist.
pub static TERMINALS: Filesystem<'static> = Filesystem {
    parameters: &[parameter(c"mode", c"620"), parameter(c"ptmxmode", c"666")],
    ..BELOW_DEV[0]
};

/// The directory of POSIX shared memory below /dev.
pub const SHARED_MEMORY: &CStr = c"shm";

/// Devices of the host that are bound into /dev. All other mounts are nodev, so a node that is made inside
/// cannot be opened.
pub const DEVICES: [&CStr; 6] =
    [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty"];

/// Links in /dev.
pub static LINKS: [Link; 5] = [
    Link { name: c"ptmx", to: c"pts/ptmx" },
    Link { name: c"fd", to: c"/proc/self/fd" },
    Link { name: c"stdin", to: c"/proc/self/fd/0" },
    Link { name: c"stdout", to: c"/proc/self/fd/1" },
    Link { name: c"stderr", to: c"/proc/self/fd/2" },
];

/// Whether this filesystem is the /dev that devices go into.
#[must_use]
pub fn is_dev(filesystem: &Filesystem<'_>) -> bool {
    filesystem.target == DEV
}

/// Whether this filesystem is the one that masked directories are hidden with.
#[must_use]
pub fn is_mask(filesystem: &Filesystem<'_>) -> bool {
    filesystem.target == EMPTY.target
}
