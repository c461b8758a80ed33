//! Names and messages of errno values, packed: no pointers, one walk.

use super::line::Line;
use super::packed::{Packed, packed};
use super::parts::halves;

/// An errno value as the kernel gives it, positive. Source: errno(3).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Errno(pub i32);

impl Errno {
    /// Operation not permitted.
    pub const PERM: Self = Self(1);
    /// No such file or directory.
    pub const NOENT: Self = Self(2);
    /// No such process.
    pub const SRCH: Self = Self(3);
    /// Interrupted by a signal.
    pub const INTR: Self = Self(4);
    /// Exec format error.
    pub const NOEXEC: Self = Self(8);
    /// Try again.
    pub const AGAIN: Self = Self(11);
    /// Out of memory; of clone in a pid namespace: its first process has ended.
    pub const NOMEM: Self = Self(12);
    /// Permission denied.
    pub const ACCES: Self = Self(13);
    /// Device or resource busy.
    pub const BUSY: Self = Self(16);
    /// File exists.
    pub const EXIST: Self = Self(17);
    /// No such device; for fsopen: no such filesystem.
    pub const NODEV: Self = Self(19);
    /// Not a directory.
    pub const NOTDIR: Self = Self(20);
    /// Invalid argument.
    pub const INVAL: Self = Self(22);
    /// A file is larger than we take.
    pub const FBIG: Self = Self(27);
    /// No space left on device; for mounts and namespaces: a limit was met.
    pub const NOSPC: Self = Self(28);
    /// Read-only file system.
    pub const ROFS: Self = Self(30);
    /// A number out of range.
    pub const RANGE: Self = Self(34);
    /// File name too long.
    pub const NAMETOOLONG: Self = Self(36);
    /// The kernel lacks the call.
    pub const NOSYS: Self = Self(38);
    /// Too many symbolic links on the way.
    pub const LOOP: Self = Self(40);
    /// A value does not fit.
    #[cfg(feature = "see")]
    pub const OVERFLOW: Self = Self(75);
    /// Operation not supported.
    pub const OPNOTSUPP: Self = Self(95);
    /// Network is unreachable.
    pub const NETUNREACH: Self = Self(101);
    /// Connection reset by peer.
    pub const CONNRESET: Self = Self(104);
    /// No route to host.
    pub const HOSTUNREACH: Self = Self(113);

    /// Appends `EPERM (Operation not permitted)`, or `errno 4095` for an unknown one.
    pub fn describe(self, line: &mut Line) {
        self.append(line, true);
    }

    /// Appends `Operation not permitted`, or `errno 4095` for an unknown one.
    pub fn message(self, line: &mut Line) {
        self.append(line, false);
    }

    fn append(self, line: &mut Line, with_name: bool) {
        let mut row = Line::new();
        let far = FAR.iter().position(|far| i32::from(*far) == self.0);
        let number = match far {
            Some(place) => FAR_ROW + place,
            None => usize::try_from(self.0).ok().filter(|near| *near < FAR_ROW).unwrap_or(0),
        };
        let row = TABLE.line(number).unpack(&mut row);
        let (name, message) = halves(row, b' ');
        if name.is_empty() {
            line.text("errno ").number(u64::from(self.0.unsigned_abs()));
        } else if with_name {
            line.raw(name).text(" (").raw(message).text(")");
        } else {
            line.raw(message);
        }
    }
}

/// From this line on `TABLE` has errnos with gaps between their numbers, which are in `FAR`.
const FAR_ROW: usize = 41;
const FAR: [u8; 13] = [74, 75, 95, 97, 98, 99, 101, 105, 110, 113, 116, 117, 122];

/// Line N is errno N, up to `FAR_ROW`: its name, a blank, its message. The numbers are those of x86_64 and aarch64.
/// Those that no call of ours gives (STREAMS, XENIX, most of sockets) are left out: 2.5 kB.
const TABLE: Packed = packed!(
    "\
\n\
EPERM Operation not permitted\n\
ENOENT No such file or directory\n\
ESRCH No such process\n\
EINTR Interrupted system call\n\
EIO Input/output error\n\
ENXIO No such device or address\n\
E2BIG Argument list too long\n\
ENOEXEC Exec format error\n\
EBADF Bad file descriptor\n\
ECHILD No child processes\n\
EAGAIN Resource temporarily unavailable\n\
ENOMEM Cannot allocate memory\n\
EACCES Permission denied\n\
EFAULT Bad address\n\
ENOTBLK Block device required\n\
EBUSY Device or resource busy\n\
EEXIST File exists\n\
EXDEV Invalid cross-device link\n\
ENODEV No such device\n\
ENOTDIR Not a directory\n\
EISDIR Is a directory\n\
EINVAL Invalid argument\n\
ENFILE Too many open files in system\n\
EMFILE Too many open files\n\
ENOTTY Inappropriate ioctl for device\n\
ETXTBSY Text file busy\n\
EFBIG File too large\n\
ENOSPC No space left on device\n\
\n\
EROFS Read-only file system\n\
\n\
EPIPE Broken pipe\n\
\n\
ERANGE Numerical result out of range\n\
\n\
ENAMETOOLONG File name too long\n\
\n\
ENOSYS Function not implemented\n\
ENOTEMPTY Directory not empty\n\
ELOOP Too many levels of symbolic links\n\
EBADMSG Bad message\n\
EOVERFLOW Value too large for defined data type\n\
EOPNOTSUPP Operation not supported\n\
EAFNOSUPPORT Address family not supported by protocol\n\
EADDRINUSE Address already in use\n\
EADDRNOTAVAIL Cannot assign requested address\n\
ENETUNREACH Network is unreachable\n\
ENOBUFS No buffer space available\n\
ETIMEDOUT Connection timed out\n\
EHOSTUNREACH No route to host\n\
ESTALE Stale file handle\n\
EUCLEAN Structure needs cleaning\n\
EDQUOT Disk quota exceeded"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_names_of_errno_3() {
        for (number, words) in [
            (1, "EPERM (Operation not permitted)"),
            (22, "EINVAL (Invalid argument)"),
            (34, "ERANGE (Numerical result out of range)"),
            (38, "ENOSYS (Function not implemented)"),
            (40, "ELOOP (Too many levels of symbolic links)"),
            (41, "errno 41"),
            (42, "errno 42"),
            (46, "errno 46"),
            (75, "EOVERFLOW (Value too large for defined data type)"),
            (95, "EOPNOTSUPP (Operation not supported)"),
            (74, "EBADMSG (Bad message)"),
            (97, "EAFNOSUPPORT (Address family not supported by protocol)"),
            (99, "EADDRNOTAVAIL (Cannot assign requested address)"),
            (101, "ENETUNREACH (Network is unreachable)"),
            (105, "ENOBUFS (No buffer space available)"),
            (113, "EHOSTUNREACH (No route to host)"),
            (116, "ESTALE (Stale file handle)"),
            (110, "ETIMEDOUT (Connection timed out)"),
            (122, "EDQUOT (Disk quota exceeded)"),
            (133, "errno 133"),
            (4095, "errno 4095"),
            (0, "errno 0"),
            (-1, "errno 1"),
        ] {
            let mut line = Line::new();
            Errno(number).describe(&mut line);
            assert_eq!(line.bytes(), words.as_bytes(), "errno {number}");
        }
    }
}
