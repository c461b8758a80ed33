//! System calls by name and number, for each machine.
//!
//! Source: asm/unistd.h of both machines that we are built for, up to Linux 6.18.

use super::refusal::Reason;
use crate::text::line::Line;
use crate::text::packed::{Lines, Packed, packed};

/// System calls of one machine.
pub struct Machine {
    /// `AUDIT_ARCH_*`: what a filter sees as the machine.
    pub audit: u32,
    /// The name that docker's profiles have for it.
    pub docker_name: &'static str,
    /// Names in the order of their numbers, one a line.
    names: Packed,
    /// Numbers do not go on from line to line everywhere.
    jumps: &'static [Jump],
}

/// From this line on, numbers are greater than lines by this much.
struct Jump {
    line: u16,
    by: u16,
}

/// Declares the names of a machine: as a text for constants, and packed.
macro_rules! names {
    ($text:ident $packed:ident $names:literal) => {
        pub(super) const $text: &str = $names;
        const $packed: Packed = packed!($names);
    };
}

names! { X86_64_TEXT X86_64_NAMES "\
read\nwrite\nopen\nclose\nstat\nfstat\nlstat\npoll\nlseek\nmmap\nmprotect\nmunmap\nbrk\n\
rt_sigaction\nrt_sigprocmask\nrt_sigreturn\nioctl\npread64\npwrite64\nreadv\nwritev\naccess\n\
pipe\nselect\nsched_yield\nmremap\nmsync\nmincore\nmadvise\nshmget\nshmat\nshmctl\ndup\ndup2\n\
pause\nnanosleep\ngetitimer\nalarm\nsetitimer\ngetpid\nsendfile\nsocket\nconnect\naccept\n\
sendto\nrecvfrom\nsendmsg\nrecvmsg\nshutdown\nbind\nlisten\ngetsockname\ngetpeername\n\
socketpair\nsetsockopt\ngetsockopt\nclone\nfork\nvfork\nexecve\nexit\nwait4\nkill\nuname\n\
semget\nsemop\nsemctl\nshmdt\nmsgget\nmsgsnd\nmsgrcv\nmsgctl\nfcntl\nflock\nfsync\nfdatasync\n\
truncate\nftruncate\ngetdents\ngetcwd\nchdir\nfchdir\nrename\nmkdir\nrmdir\ncreat\nlink\n\
unlink\nsymlink\nreadlink\nchmod\nfchmod\nchown\nfchown\nlchown\numask\ngettimeofday\n\
getrlimit\ngetrusage\nsysinfo\ntimes\nptrace\ngetuid\nsyslog\ngetgid\nsetuid\nsetgid\ngeteuid\n\
getegid\nsetpgid\ngetppid\ngetpgrp\nsetsid\nsetreuid\nsetregid\ngetgroups\nsetgroups\n\
setresuid\ngetresuid\nsetresgid\ngetresgid\ngetpgid\nsetfsuid\nsetfsgid\ngetsid\ncapget\n\
capset\nrt_sigpending\nrt_sigtimedwait\nrt_sigqueueinfo\nrt_sigsuspend\nsigaltstack\nutime\n\
mknod\nuselib\npersonality\nustat\nstatfs\nfstatfs\nsysfs\ngetpriority\nsetpriority\n\
sched_setparam\nsched_getparam\nsched_setscheduler\nsched_getscheduler\nsched_get_priority_max\n\
sched_get_priority_min\nsched_rr_get_interval\nmlock\nmunlock\nmlockall\nmunlockall\nvhangup\n\
modify_ldt\npivot_root\n_sysctl\nprctl\narch_prctl\nadjtimex\nsetrlimit\nchroot\nsync\nacct\n\
settimeofday\nmount\numount2\nswapon\nswapoff\nreboot\nsethostname\nsetdomainname\niopl\n\
ioperm\ncreate_module\ninit_module\ndelete_module\nget_kernel_syms\nquery_module\nquotactl\n\
nfsservctl\ngetpmsg\nputpmsg\nafs_syscall\ntuxcall\nsecurity\ngettid\nreadahead\nsetxattr\n\
lsetxattr\nfsetxattr\ngetxattr\nlgetxattr\nfgetxattr\nlistxattr\nllistxattr\nflistxattr\n\
removexattr\nlremovexattr\nfremovexattr\ntkill\ntime\nfutex\nsched_setaffinity\n\
sched_getaffinity\nset_thread_area\nio_setup\nio_destroy\nio_getevents\nio_submit\nio_cancel\n\
get_thread_area\nlookup_dcookie\nepoll_create\nepoll_ctl_old\nepoll_wait_old\nremap_file_pages\n\
getdents64\nset_tid_address\nrestart_syscall\nsemtimedop\nfadvise64\ntimer_create\n\
timer_settime\ntimer_gettime\ntimer_getoverrun\ntimer_delete\nclock_settime\nclock_gettime\n\
clock_getres\nclock_nanosleep\nexit_group\nepoll_wait\nepoll_ctl\ntgkill\nutimes\nvserver\n\
mbind\nset_mempolicy\nget_mempolicy\nmq_open\nmq_unlink\nmq_timedsend\nmq_timedreceive\n\
mq_notify\nmq_getsetattr\nkexec_load\nwaitid\nadd_key\nrequest_key\nkeyctl\nioprio_set\n\
ioprio_get\ninotify_init\ninotify_add_watch\ninotify_rm_watch\nmigrate_pages\nopenat\nmkdirat\n\
mknodat\nfchownat\nfutimesat\nnewfstatat\nunlinkat\nrenameat\nlinkat\nsymlinkat\nreadlinkat\n\
fchmodat\nfaccessat\npselect6\nppoll\nunshare\nset_robust_list\nget_robust_list\nsplice\ntee\n\
sync_file_range\nvmsplice\nmove_pages\nutimensat\nepoll_pwait\nsignalfd\ntimerfd_create\n\
eventfd\nfallocate\ntimerfd_settime\ntimerfd_gettime\naccept4\nsignalfd4\neventfd2\n\
epoll_create1\ndup3\npipe2\ninotify_init1\npreadv\npwritev\nrt_tgsigqueueinfo\nperf_event_open\n\
recvmmsg\nfanotify_init\nfanotify_mark\nprlimit64\nname_to_handle_at\nopen_by_handle_at\n\
clock_adjtime\nsyncfs\nsendmmsg\nsetns\ngetcpu\nprocess_vm_readv\nprocess_vm_writev\nkcmp\n\
finit_module\nsched_setattr\nsched_getattr\nrenameat2\nseccomp\ngetrandom\nmemfd_create\n\
kexec_file_load\nbpf\nexecveat\nuserfaultfd\nmembarrier\nmlock2\ncopy_file_range\npreadv2\n\
pwritev2\npkey_mprotect\npkey_alloc\npkey_free\nstatx\nio_pgetevents\nrseq\nuretprobe\n\
pidfd_send_signal\nio_uring_setup\nio_uring_enter\nio_uring_register\nopen_tree\nmove_mount\n\
fsopen\nfsconfig\nfsmount\nfspick\npidfd_open\nclone3\nclose_range\nopenat2\npidfd_getfd\n\
faccessat2\nprocess_madvise\nepoll_pwait2\nmount_setattr\nquotactl_fd\nlandlock_create_ruleset\n\
landlock_add_rule\nlandlock_restrict_self\nmemfd_secret\nprocess_mrelease\nfutex_waitv\n\
set_mempolicy_home_node\ncachestat\nfchmodat2\nmap_shadow_stack\nfutex_wake\nfutex_wait\n\
futex_requeue\nstatmount\nlistmount\nlsm_get_self_attr\nlsm_set_self_attr\nlsm_list_modules\n\
mseal\nsetxattrat\ngetxattrat\nlistxattrat\nremovexattrat\nopen_tree_attr\nfile_getattr\n\
file_setattr" }

names! { AARCH64_TEXT AARCH64_NAMES "\
io_setup\nio_destroy\nio_submit\nio_cancel\nio_getevents\nsetxattr\nlsetxattr\nfsetxattr\n\
getxattr\nlgetxattr\nfgetxattr\nlistxattr\nllistxattr\nflistxattr\nremovexattr\nlremovexattr\n\
fremovexattr\ngetcwd\nlookup_dcookie\neventfd2\nepoll_create1\nepoll_ctl\nepoll_pwait\ndup\n\
dup3\nfcntl\ninotify_init1\ninotify_add_watch\ninotify_rm_watch\nioctl\nioprio_set\nioprio_get\n\
flock\nmknodat\nmkdirat\nunlinkat\nsymlinkat\nlinkat\nrenameat\numount2\nmount\npivot_root\n\
nfsservctl\nstatfs\nfstatfs\ntruncate\nftruncate\nfallocate\nfaccessat\nchdir\nfchdir\nchroot\n\
fchmod\nfchmodat\nfchownat\nfchown\nopenat\nclose\nvhangup\npipe2\nquotactl\ngetdents64\nlseek\n\
read\nwrite\nreadv\nwritev\npread64\npwrite64\npreadv\npwritev\nsendfile\npselect6\nppoll\n\
signalfd4\nvmsplice\nsplice\ntee\nreadlinkat\nnewfstatat\nfstat\nsync\nfsync\nfdatasync\n\
sync_file_range\ntimerfd_create\ntimerfd_settime\ntimerfd_gettime\nutimensat\nacct\ncapget\n\
capset\npersonality\nexit\nexit_group\nwaitid\nset_tid_address\nunshare\nfutex\n\
set_robust_list\nget_robust_list\nnanosleep\ngetitimer\nsetitimer\nkexec_load\ninit_module\n\
delete_module\ntimer_create\ntimer_gettime\ntimer_getoverrun\ntimer_settime\ntimer_delete\n\
clock_settime\nclock_gettime\nclock_getres\nclock_nanosleep\nsyslog\nptrace\nsched_setparam\n\
sched_setscheduler\nsched_getscheduler\nsched_getparam\nsched_setaffinity\nsched_getaffinity\n\
sched_yield\nsched_get_priority_max\nsched_get_priority_min\nsched_rr_get_interval\n\
restart_syscall\nkill\ntkill\ntgkill\nsigaltstack\nrt_sigsuspend\nrt_sigaction\nrt_sigprocmask\n\
rt_sigpending\nrt_sigtimedwait\nrt_sigqueueinfo\nrt_sigreturn\nsetpriority\ngetpriority\n\
reboot\nsetregid\nsetgid\nsetreuid\nsetuid\nsetresuid\ngetresuid\nsetresgid\ngetresgid\n\
setfsuid\nsetfsgid\ntimes\nsetpgid\ngetpgid\ngetsid\nsetsid\ngetgroups\nsetgroups\nuname\n\
sethostname\nsetdomainname\ngetrlimit\nsetrlimit\ngetrusage\numask\nprctl\ngetcpu\n\
gettimeofday\nsettimeofday\nadjtimex\ngetpid\ngetppid\ngetuid\ngeteuid\ngetgid\ngetegid\n\
gettid\nsysinfo\nmq_open\nmq_unlink\nmq_timedsend\nmq_timedreceive\nmq_notify\nmq_getsetattr\n\
msgget\nmsgctl\nmsgrcv\nmsgsnd\nsemget\nsemctl\nsemtimedop\nsemop\nshmget\nshmctl\nshmat\n\
shmdt\nsocket\nsocketpair\nbind\nlisten\naccept\nconnect\ngetsockname\ngetpeername\nsendto\n\
recvfrom\nsetsockopt\ngetsockopt\nshutdown\nsendmsg\nrecvmsg\nreadahead\nbrk\nmunmap\nmremap\n\
add_key\nrequest_key\nkeyctl\nclone\nexecve\nmmap\nfadvise64\nswapon\nswapoff\nmprotect\nmsync\n\
mlock\nmunlock\nmlockall\nmunlockall\nmincore\nmadvise\nremap_file_pages\nmbind\nget_mempolicy\n\
set_mempolicy\nmigrate_pages\nmove_pages\nrt_tgsigqueueinfo\nperf_event_open\naccept4\n\
recvmmsg\nwait4\nprlimit64\nfanotify_init\nfanotify_mark\nname_to_handle_at\nopen_by_handle_at\n\
clock_adjtime\nsyncfs\nsetns\nsendmmsg\nprocess_vm_readv\nprocess_vm_writev\nkcmp\n\
finit_module\nsched_setattr\nsched_getattr\nrenameat2\nseccomp\ngetrandom\nmemfd_create\nbpf\n\
execveat\nuserfaultfd\nmembarrier\nmlock2\ncopy_file_range\npreadv2\npwritev2\npkey_mprotect\n\
pkey_alloc\npkey_free\nstatx\nio_pgetevents\nrseq\nkexec_file_load\npidfd_send_signal\n\
io_uring_setup\nio_uring_enter\nio_uring_register\nopen_tree\nmove_mount\nfsopen\nfsconfig\n\
fsmount\nfspick\npidfd_open\nclone3\nclose_range\nopenat2\npidfd_getfd\nfaccessat2\n\
process_madvise\nepoll_pwait2\nmount_setattr\nquotactl_fd\nlandlock_create_ruleset\n\
landlock_add_rule\nlandlock_restrict_self\nmemfd_secret\nprocess_mrelease\nfutex_waitv\n\
set_mempolicy_home_node\ncachestat\nfchmodat2\nmap_shadow_stack\nfutex_wake\nfutex_wait\n\
futex_requeue\nstatmount\nlistmount\nlsm_get_self_attr\nlsm_set_self_attr\nlsm_list_modules\n\
mseal\nsetxattrat\ngetxattrat\nlistxattrat\nremovexattrat\nopen_tree_attr\nfile_getattr\n\
file_setattr" }

/// 64-bit x86; its 32-bit calls and those of x32 are other machines.
pub const X86_64: Machine = Machine {
    audit: 0xc000_003e,
    docker_name: "amd64",
    names: X86_64_NAMES,
    jumps: &[Jump { line: 336, by: 88 }],
};

/// 64-bit ARM.
pub const AARCH64: Machine = Machine {
    audit: 0xc000_00b7,
    docker_name: "arm64",
    names: AARCH64_NAMES,
    jumps: &[Jump { line: 244, by: 16 }, Jump { line: 279, by: 145 }],
};

/// The machine that this program runs on.
#[cfg(target_arch = "x86_64")]
pub const NATIVE: Machine = X86_64;
/// The machine that this program runs on.
#[cfg(target_arch = "aarch64")]
pub const NATIVE: Machine = AARCH64;

impl Machine {
    /// Names in the order of their numbers.
    pub const fn names(&self) -> Lines {
        self.names.lines()
    }

    /// Writes the names to the start of `room`, with newlines between them; gives their length. No newline follows the
    /// last one: an empty name would be found behind it, as that of a call which this machine does not have.
    ///
    /// # Errors
    /// `TextFull` when they do not fit.
    pub fn write_names(&self, room: &mut [u8]) -> Result<usize, Reason> {
        let mut line = Line::new();
        let mut length = 0;
        for name in self.names.lines() {
            name.unpack(&mut line);
            let bytes = line.newline().bytes();
            let place = room.get_mut(length..length + bytes.len()).ok_or(Reason::TextFull)?;
            for (byte, value) in place.iter_mut().zip(bytes) {
                *byte = *value;
            }
            length += bytes.len();
        }
        Ok(length.saturating_sub(1))
    }

    /// The number of the call on this line of the names.
    #[must_use]
    pub const fn number_of_line(&self, line: u16) -> u16 {
        let mut number = line;
        let mut jump = 0;
        while jump < self.jumps.len() {
            if line >= self.jumps[jump].line {
                number = line + self.jumps[jump].by;
            }
            jump += 1;
        }
        number
    }

    /// The same for constants, from the text of the machine's names.
    pub(super) const fn constant_number(&self, text: &str, name: &[u8]) -> Option<u16> {
        let text = text.as_bytes();
        let (mut at, mut line) = (0, 0);
        while at < text.len() {
            let start = at;
            while at < text.len() && text[at] != b'\n' {
                at += 1;
            }
            if is_slice(text, start, at, name) {
                return Some(self.number_of_line(line));
            }
            at += 1;
            line += 1;
        }
        None
    }
}

/// Whether `text[start..end]` is `name`.
const fn is_slice(text: &[u8], start: usize, end: usize, name: &[u8]) -> bool {
    if end - start != name.len() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if text[start + at] != name[at] {
            return false;
        }
        at += 1;
    }
    true
}
