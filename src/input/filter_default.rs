//! The filter that a container has by default: docker's, and stricter.
//!
//! Docker's list names what is allowed. This one names what is not among the calls that `system_calls` knows, which is
//! shorter; a call that is newer than those fails with ENOSYS, as it would on an older kernel. A test walks docker's
//! own file and holds every difference to a table.

use super::capability::CapabilitySet;
use super::filter::{CallSet, Comparison, Condition, Profile, Rule, Verdict};
use super::system_calls::{AARCH64, AARCH64_TEXT, Machine, X86_64, X86_64_TEXT};

/// Calls that are refused whatever the program may do. io_uring is not in docker's newer lists either.
const NEVER: &str = "\
uselib ustat sysfs pivot_root _sysctl swapon swapoff create_module get_kernel_syms query_module nfsservctl getpmsg \
putpmsg afs_syscall tuxcall security vserver kexec_load kexec_file_load add_key request_key keyctl migrate_pages \
move_pages userfaultfd uretprobe lsm_get_self_attr lsm_set_self_attr lsm_list_modules io_uring_setup io_uring_enter \
io_uring_register";

/// Calls that are allowed under a condition alone, see `CONDITIONS`, and clone3.
const CONDITIONAL: &str = "personality clone clone3";

/// Calls that come with a capability, each list behind its number.
const WITH_CAPABILITY: &[(u8, &str)] = &[
    (2, "open_by_handle_at"),
    (16, "delete_module init_module finit_module"),
    (17, "iopl ioperm"),
    (18, "chroot"),
    (19, "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev"),
    (20, "acct"),
    (
        SYS_ADMIN,
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount \
         name_to_handle_at open_tree open_tree_attr perf_event_open quotactl quotactl_fd setdomainname sethostname \
         setns syslog umount2 unshare statmount listmount",
    ),
    (22, "reboot"),
    (23, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    (25, "settimeofday clock_settime"),
    (26, "vhangup"),
    (34, "syslog"),
    (38, "perf_event_open"),
    (39, "bpf"),
];

const SYS_ADMIN: u8 = 21;

/// Room for the calls of `WITH_CAPABILITY`, with some to spare: the compiler says when they do not fit.
const PAIRS: usize = 56;

/// The default of one machine.
pub struct Defaults {
    /// Allowed to everybody.
    allowed: CallSet,
    /// A call and the capability that allows it: `capability << 9 | number`. Those behind the last are 0.
    with_capability: [u16; PAIRS],
    personality: u16,
    clone: u16,
    clone3: u16,
    socket: u16,
    ioctl: u16,
}

/// The default of 64-bit x86.
pub const X86_64_DEFAULTS: Defaults = defaults(&X86_64, X86_64_TEXT);
/// The default of 64-bit ARM.
pub const AARCH64_DEFAULTS: Defaults = defaults(&AARCH64, AARCH64_TEXT);

/// The default of the machine that this program runs on.
#[cfg(target_arch = "x86_64")]
pub static NATIVE_DEFAULTS: Defaults = X86_64_DEFAULTS;
/// The default of the machine that this program runs on.
#[cfg(target_arch = "aarch64")]
pub static NATIVE_DEFAULTS: Defaults = AARCH64_DEFAULTS;

const fn condition(argument: u8, comparison: Comparison, mask: u64, value: u64) -> Condition {
    Condition { argument, comparison, value, mask }
}

/// Namespaces that clone(2) makes. That of time has no flag there.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// Conditions of the default's rules, in their order.
static CONDITIONS: [Condition; 6] = [
    // PER_LINUX, PER_LINUX32, each with or without UNAME26; and 0xffffffff, which asks which one it is.
    condition(0, Comparison::Equal, !0x0002_0008, 0),
    condition(0, Comparison::Equal, u64::MAX, 0xffff_ffff),
    condition(0, Comparison::Equal, NEW_NAMESPACES, 0),
    // AF_VSOCK reaches the host of a virtual machine. The kernel looks at the low 32 bits alone, so a comparison of all 64,
    // as docker's file has it, would let 0x1_0000_0028 through; so also below.
    condition(0, Comparison::Equal, 0xffff_ffff, 40),
    // TIOCSTI and TIOCLINUX type into the caller's terminal.
    condition(1, Comparison::Equal, 0xffff_ffff, 0x5412),
    condition(1, Comparison::Equal, 0xffff_ffff, 0x541c),
];

/// Rules of the default.
const RULES: usize = 8;

impl Defaults {
    /// Hands the default for a program with these capabilities to `with`. It is built on the stack; not inlined, so that
    /// the room there is given back.
    #[inline(never)]
    pub fn with_profile<T>(
        &self,
        capabilities: CapabilitySet,
        with: impl FnOnce(&Profile<'_>) -> T,
    ) -> T {
        let mut allowed = self.allowed;
        for pair in self.with_capability.iter().filter(|pair| **pair != 0) {
            if capabilities.0 >> (pair >> 9) & 1 == 1 {
                allowed.put(pair & 0x1ff, true);
            }
        }
        let conditional = |number, verdict, first_condition| {
            let rule = Rule::plain(CallSet::of(number), verdict);
            Rule { first_condition, conditions: 1, ..rule }
        };
        let may_clone = capabilities.0 >> SYS_ADMIN & 1 == 1;
        let clone = if may_clone { CallSet::NONE } else { CallSet::of(self.clone) };
        let rules: [Rule; RULES] = [
            conditional(self.personality, Verdict::ALLOW, 0),
            conditional(self.personality, Verdict::ALLOW, 1),
            Rule { calls: clone, ..conditional(self.clone, Verdict::ALLOW, 2) },
            conditional(self.socket, Verdict::EPERM, 3),
            conditional(self.ioctl, Verdict::EPERM, 4),
            conditional(self.ioctl, Verdict::EPERM, 5),
            Rule::plain(allowed, Verdict::ALLOW),
            // Its flags lie in memory, where a filter cannot look; C libraries then take clone.
            Rule::plain(CallSet::of(self.clone3), Verdict::ENOSYS),
        ];
        with(&Profile { default: Verdict::EPERM, rules: &rules, conditions: &CONDITIONS })
    }
}

const fn defaults(machine: &Machine, text: &str) -> Defaults {
    let mut allowed = CallSet::NONE;
    let (mut line, mut at) = (0, 0);
    while at <= text.len() {
        if at == text.len() || text.as_bytes()[at] == b'\n' {
            allowed.put(machine.number_of_line(line), true);
            line += 1;
        }
        at += 1;
    }
    let mut pairs = Pairs { list: [0; PAIRS], count: 0 };
    pairs.take(machine, text, &mut allowed, NEVER, None);
    pairs.take(machine, text, &mut allowed, CONDITIONAL, None);
    let mut row = 0;
    while row < WITH_CAPABILITY.len() {
        let (capability, names) = WITH_CAPABILITY[row];
        pairs.take(machine, text, &mut allowed, names, Some(capability));
        row += 1;
    }
    Defaults {
        allowed,
        with_capability: pairs.list,
        personality: known(machine, text, b"personality"),
        clone: known(machine, text, b"clone"),
        clone3: known(machine, text, b"clone3"),
        socket: known(machine, text, b"socket"),
        ioctl: known(machine, text, b"ioctl"),
    }
}

const fn known(machine: &Machine, text: &str, name: &[u8]) -> u16 {
    match machine.constant_number(text, name) {
        Some(number) => number,
        None => panic!("every machine has this call"),
    }
}

struct Pairs {
    list: [u16; PAIRS],
    count: usize,
}

impl Pairs {
    /// Takes the calls of `names` out of `allowed` and notes the capability that brings them back. A name that this
    /// machine does not have is passed over.
    const fn take(
        &mut self,
        machine: &Machine,
        text: &str,
        allowed: &mut CallSet,
        names: &str,
        capability: Option<u8>,
    ) {
        let mut rest = names.as_bytes();
        while !rest.is_empty() {
            let mut end = 0;
            while end < rest.len() && rest[end] != b' ' {
                end += 1;
            }
            let (name, behind) = rest.split_at(end);
            if let Some(number) = machine.constant_number(text, name) {
                allowed.put(number, false);
                if let Some(capability) = capability {
                    self.list[self.count] = (capability as u16) << 9 | number;
                    self.count += 1;
                }
            }
            rest = if behind.is_empty() { behind } else { behind.split_at(1).1 };
        }
    }
}
