//! What PID 1 of a machine mounts before anything else, as a table.

use core::ffi::CStr;

use crate::input::mount_options::Attributes;

/// One mount at boot. Whatever fails is said and passed over: a machine comes up with what it has.
pub struct BootMount {
    /// The filesystem.
    pub filesystem: &'static CStr,
    /// Where; made when missing.
    pub target: &'static CStr,
    /// Attributes of the mount; the values are those of `MS_*` too.
    pub attributes: Attributes,
    /// Options of the filesystem.
    pub options: &'static CStr,
}

/// In this order.
pub const BOOT_MOUNTS: [BootMount; 4] = [
    BootMount {
        filesystem: c"proc",
        target: c"/proc",
        attributes: Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC),
        options: c"",
    },
    BootMount {
        filesystem: c"sysfs",
        target: c"/sys",
        attributes: Attributes::NO_SUID.and(Attributes::NO_DEV).and(Attributes::NO_EXEC),
        options: c"",
    },
    // A kernel with CONFIG_DEVTMPFS_MOUNT has done it already: EBUSY.
    BootMount {
        filesystem: c"devtmpfs",
        target: c"/dev",
        attributes: Attributes::NO_SUID,
        options: c"mode=755",
    },
    BootMount {
        filesystem: c"tmpfs",
        target: c"/run",
        attributes: Attributes::NO_SUID.and(Attributes::NO_DEV),
        options: c"mode=755",
    },
];

/// What runs when the kernel command line names nothing.
pub const DEFAULT_COMMAND: &CStr = c"/bin/sh";

/// Words that `rootlet.run=` may have.
pub const WORDS: usize = 64;

/// Variables that the kernel may hand to PID 1, and ours.
pub const BOOT_ENVIRONMENT: usize = 64;
