//! What PID 1 of a machine mounts and makes before anything else, as tables.

use core::ffi::CStr;

use crate::input::mount_options::Attributes;

/// One mount at boot. A failure is reported and passed over: a machine comes up with what it has.
pub struct BootMount {
    /// The filesystem.
    pub filesystem: &'static CStr,
    /// Where; made when missing.
    pub target: &'static CStr,
    /// Attributes of the mount; the values are those of `MS_*` too.
    pub attributes: Attributes,
    /// Options of the filesystem.
    pub options: &'static CStr,
    /// A kernel without it, or a place that is not there, is not reported.
    pub is_optional: bool,
}

const NO_PRIVILEGE: Attributes = Attributes::NO_SUID.and(Attributes::NO_DEV);

const fn row(
    filesystem: &'static CStr,
    target: &'static CStr,
    attributes: Attributes,
    options: &'static CStr,
    is_optional: bool,
) -> BootMount {
    BootMount { filesystem, target, attributes, options, is_optional }
}

/// What every boot needs, in this order. A kernel with CONFIG_DEVTMPFS_MOUNT has mounted /dev already.
pub const FIRST_MOUNTS: [BootMount; 4] = [
    row(c"proc", c"/proc", Attributes::CLOSED, c"", false),
    row(c"sysfs", c"/sys", Attributes::CLOSED, c"", false),
    row(c"devtmpfs", c"/dev", Attributes::NO_SUID, c"mode=755", false),
    row(c"tmpfs", c"/run", NO_PRIVILEGE, c"mode=755", false),
];

/// What a machine with services needs beside that. The numbers are those of tty(4)'s group on every distribution.
pub const MORE_MOUNTS: [BootMount; 7] = [
    row(c"devpts", c"/dev/pts", NO_EXEC, c"gid=5,mode=620,ptmxmode=666", false),
    row(c"tmpfs", c"/dev/shm", NO_PRIVILEGE, c"mode=1777", false),
    row(c"mqueue", c"/dev/mqueue", Attributes::CLOSED, c"", true),
    row(c"cgroup2", c"/sys/fs/cgroup", Attributes::CLOSED, c"nsdelegate", true),
    row(c"securityfs", c"/sys/kernel/security", Attributes::CLOSED, c"", true),
    row(c"pstore", c"/sys/fs/pstore", Attributes::CLOSED, c"", true),
    row(c"efivarfs", c"/sys/firmware/efi/efivars", Attributes::CLOSED, c"", true),
];

const NO_EXEC: Attributes = Attributes::NO_SUID.and(Attributes::NO_EXEC);

/// Where /tmp cannot be written.
pub const TEMPORARY: BootMount = row(c"tmpfs", c"/tmp", NO_PRIVILEGE, c"mode=1777", true);

/// Where the kernel has no devtmpfs.
pub const MEMORY_DEV: BootMount = row(c"tmpfs", c"/dev", NO_EXEC, c"mode=755", false);

/// A character device of a /dev that the kernel has not filled. Source: devices.txt of the kernel.
pub struct DeviceNode {
    /// Where.
    pub path: &'static CStr,
    /// The driver's number.
    pub major: u8,
    /// The device's.
    pub minor: u8,
    /// Its permissions.
    pub mode: u16,
}

const fn node(path: &'static CStr, major: u8, minor: u8, mode: u16) -> DeviceNode {
    DeviceNode { path, major, minor, mode }
}

/// The least that programs expect.
pub const DEVICE_NODES: [DeviceNode; 8] = [
    node(c"/dev/console", 5, 1, 0o600),
    node(c"/dev/null", 1, 3, 0o666),
    node(c"/dev/zero", 1, 5, 0o666),
    node(c"/dev/full", 1, 7, 0o666),
    node(c"/dev/random", 1, 8, 0o666),
    node(c"/dev/urandom", 1, 9, 0o666),
    node(c"/dev/kmsg", 1, 11, 0o600),
    node(c"/dev/tty", 5, 0, 0o666),
];

/// Links in /dev: where, to what.
pub const DEVICE_LINKS: [(&CStr, &CStr); 5] = [
    (c"/dev/ptmx", c"pts/ptmx"),
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/stdin", c"fd/0"),
    (c"/dev/stdout", c"fd/1"),
    (c"/dev/stderr", c"fd/2"),
];

/// What runs when `rootlet.run=` names nothing.
pub const DEFAULT_COMMAND: &CStr = c"/bin/sh";

/// How many words `rootlet.run=` may have.
pub const WORDS: usize = 64;

/// Variables of what PID 1 starts: ours, and what it was given: by the kernel at most 32, by a container's engine as many
/// as were asked for.
pub const BOOT_ENVIRONMENT: usize = 1024;
