//! Which errnos each system call may well answer, by its manual page.

/// Names, and what these calls may answer on a machine that is short of something or forbids it.
const PLAUSIBLE: &[(&str, &[&str])] = &[
    (
        "openat openat2",
        &["EACCES", "EIO", "EMFILE", "ENFILE", "ENOMEM", "EPERM", "ENOSPC", "EINTR"],
    ),
    ("open_tree fsopen fsmount", &["EPERM", "ENOMEM", "EMFILE", "ENFILE", "EINTR"]),
    ("fsconfig", &["EPERM", "ENOMEM", "EBUSY", "EINVAL", "ENOSPC", "EINTR"]),
    ("move_mount mount", &["EPERM", "ENOMEM", "EBUSY", "EINVAL", "ENOSPC", "EACCES"]),
    ("mount_setattr", &["EPERM", "ENOMEM", "EBUSY", "EINVAL"]),
    ("pivot_root umount2", &["EPERM", "EBUSY", "EINVAL", "ENOMEM"]),
    (
        "mkdirat mkdir mknodat symlinkat linkat renameat renameat2 link symlink",
        &["EACCES", "EPERM", "ENOSPC", "EDQUOT", "EROFS", "EIO", "ENOMEM"],
    ),
    ("unlinkat unlink rmdir", &["EACCES", "EPERM", "EBUSY", "EROFS", "EIO", "ENOMEM"]),
    (
        "newfstatat fstat statx statfs fstatfs readlinkat readlink access faccessat faccessat2",
        &["EACCES", "EIO", "ENOMEM"],
    ),
    (
        "fchmodat fchmod chmod fchown fchownat lchown utimensat",
        &["EPERM", "EROFS", "EIO", "ENOSPC"],
    ),
    ("chdir fchdir chroot", &["EACCES", "EPERM", "EIO", "ENOMEM"]),
    ("read pread64 readv getdents64", &["EIO", "EINTR", "EAGAIN", "ENOMEM"]),
    ("write pwrite64 writev", &["EIO", "EINTR", "EAGAIN", "ENOSPC", "EPIPE", "EBUSY"]),
    ("copy_file_range sendfile ftruncate fallocate", &["EIO", "ENOSPC", "EINTR", "EPERM"]),
    ("close", &["EINTR", "EIO", "ENOSPC"]),
    ("close_range", &["EMFILE", "ENOMEM"]),
    ("dup2 dup3 fcntl", &["EMFILE", "EINTR", "EPERM", "EAGAIN"]),
    ("flock", &["EINTR", "EAGAIN", "ENOMEM"]),
    ("pipe2 socket socketpair", &["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EACCES"]),
    ("bind connect", &["EACCES", "EPERM", "ENOMEM", "EAGAIN"]),
    ("sendto sendmsg", &["ENOMEM", "ENOBUFS", "EINTR", "EPERM", "EAGAIN"]),
    ("recvfrom recvmsg", &["ENOMEM", "ENOBUFS", "EINTR", "EAGAIN"]),
    ("clone clone3 fork vfork", &["EAGAIN", "ENOMEM", "EPERM", "ENOSPC"]),
    ("unshare setns", &["EPERM", "ENOMEM", "ENOSPC", "EINVAL"]),
    ("execve execveat", &["EACCES", "ENOMEM", "EIO", "EMFILE", "EPERM", "EAGAIN", "EINTR"]),
    ("rt_sigtimedwait", &["EINTR", "EAGAIN"]),
    ("ppoll poll", &["EINTR", "ENOMEM"]),
    ("kill tgkill pidfd_send_signal rt_sigqueueinfo", &["EPERM", "ESRCH", "EAGAIN"]),
    ("pidfd_open", &["EMFILE", "ENFILE", "ENOMEM", "ESRCH"]),
    (
        "signalfd4 timerfd_create eventfd2 memfd_create inotify_init1 epoll_create1",
        &["EMFILE", "ENFILE", "ENOMEM"],
    ),
    ("inotify_add_watch", &["ENOSPC", "ENOMEM", "EACCES"]),
    ("mmap mremap mprotect madvise munmap", &["ENOMEM", "EAGAIN"]),
    ("setuid setgid setgroups setresuid setresgid", &["EPERM", "EAGAIN", "ENOMEM"]),
    ("capset capget", &["EPERM", "EINVAL"]),
    ("prctl", &["EPERM", "EINVAL", "EACCES", "ENOMEM"]),
    ("seccomp", &["EACCES", "EINVAL", "ENOMEM", "EPERM"]),
    ("keyctl", &["EDQUOT", "ENOMEM", "EACCES", "ENOSYS"]),
    (
        "landlock_create_ruleset landlock_add_rule landlock_restrict_self",
        &["ENOMEM", "EMFILE", "EPERM"],
    ),
    ("bpf", &["EPERM", "ENOMEM", "EAGAIN", "ENOSPC"]),
    ("sethostname setdomainname", &["EPERM", "EINVAL"]),
    ("prlimit64 setrlimit getrlimit", &["EPERM", "EINVAL"]),
    ("setpriority sched_setaffinity sched_getaffinity sched_setscheduler", &["EPERM", "EINVAL"]),
    ("ioctl", &["EPERM", "EIO", "EINTR", "ENOMEM", "ENODEV"]),
    ("setsid setpgid", &["EPERM", "EACCES"]),
    ("setxattr fsetxattr lsetxattr getxattr fgetxattr", &["EPERM", "ENOSPC", "EIO", "ENOMEM"]),
    ("getcwd", &["ENOENT", "EACCES", "ENOMEM"]),
    ("fsync fdatasync", &["EIO", "ENOSPC", "EINTR"]),
    ("removexattr fremovexattr lremovexattr", &["EPERM", "EIO"]),
    ("getrandom", &["EINTR", "EAGAIN", "ENOSYS"]),
    ("statmount listmount", &["EPERM", "ENOMEM"]),
];

/// Calls that cannot fail when made as rootlet makes them, or whose failure could be told to nobody.
const CERTAIN: &str = "exit exit_group restart_syscall rt_sigreturn getpid getppid gettid getuid geteuid getgid getegid \
    umask rt_sigprocmask rt_sigaction uname sync getgroups lseek getrusage sysinfo getresuid getresgid set_tid_address clock_nanosleep reboot swapoff getpgid getsid brk arch_prctl clock_gettime sched_yield";

/// The errnos to try with a call about `text`; none for one that cannot fail.
///
/// # Panics
/// Where a call is in none of the tables: it needs a row.
pub fn plausible(name: &str, text: &str) -> &'static [&'static str] {
    // Made with WNOHANG after SIGCHLD it cannot fail for an own child.
    if matches!(name, "wait4" | "waitid") {
        return if text == "waits" { &["EINTR"] } else { &[] };
    }
    let has = |names: &str| names.split_whitespace().any(|known| known == name);
    match PLAUSIBLE.iter().find(|(names, _)| has(names)) {
        Some((_, errnos)) => errnos,
        None if has(CERTAIN) => &[],
        None => {
            panic!("no errnos are known for {name}: a row is missing in tests/support/errnos.rs")
        }
    }
}
