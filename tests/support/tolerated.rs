//! What may fail without an end of the command, and why that is right.

use super::inject::{Harm, Point};

/// Calls, part of the text that each is about, the reason.
pub type Row = (&'static str, &'static str, &'static str);

/// What may fail without a word in every command: calls, part of their text, why that is right.
pub const TOLERATED: &[Row] = &[
    (
        "kill pidfd_send_signal rt_sigqueueinfo",
        "",
        "what was to be signalled may have ended by itself",
    ),
    ("unlinkat", "", "the run is over; what stays goes with the next command"),
    ("ioctl", "", "asks for a terminal that need not be there"),
    ("rt_sigtimedwait ppoll read recvmsg wait4", "", "waits again"),
    ("recvfrom:EAGAIN", "", "the supervisor is there and has said nothing"),
    ("madvise munmap", "", "pages that are not given back stay"),
    ("close", "", "the kernel closes whatever it answers"),
    ("prctl", "prctl 24 38", "a capability that the kernel may not have"),
    ("prctl", "prctl 24 39", "a capability that the kernel may not have"),
    ("prctl", "prctl 24 40", "a capability that the kernel may not have"),
    ("prctl", "prctl 24 41", "a capability that the kernel may not have"),
    ("capset", "", "with EPERM it is asked what can be kept, and that is set"),
    ("keyctl", "", "a kernel without keyrings has none to protect"),
    ("execve", "", "the next directory of PATH is tried"),
    ("writev", "", "what is noted is needed after a SIGKILL alone, and that CMD was executed"),
    ("prctl", "prctl 15", "the name of a process, for people"),
    ("openat statfs", "/run/rootlet/.mounts", "where it cannot be told, nothing has been prepared"),
    ("openat", "/dev/tty", "where it cannot be told, the caller may have a terminal"),
    ("getcwd", "", "a directory that cannot be told is needed for relative paths alone"),
    (
        "openat2",
        "",
        "what cannot be looked at in a root is taken to be missing: the step that needs it says so",
    ),
    (
        "open_tree",
        "/proc/self/exe",
        "where its mount cannot be copied, rootlet's file is copied itself",
    ),
];

/// Whether a row of a table is about it. A call may stand there with one errno, or with `KILL`, alone.
pub fn is_in(table: &[Row], point: &Point, harm: Harm) -> bool {
    let errno = match harm {
        Harm::Errno(errno) => errno,
        Harm::Kill => "KILL",
    };
    let is_it = |call: &str| match call.split_once(':') {
        Some((call, only)) => call == point.name && only == errno,
        None => call == point.name,
    };
    let has = |(calls, part, _): &Row| calls.split(' ').any(is_it) && point.text.contains(part);
    table.iter().any(has)
}
