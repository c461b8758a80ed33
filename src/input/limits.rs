//! Limits of a program. Source: setrlimit(2), docker-run(1) "--ulimit".

use heapless::Vec;

use super::refusal::Reason;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, line_of, parts};

/// Kinds of limits; each can be set once.
pub const KINDS: usize = 16;

/// Names in the order of the kernel's numbers, which are the same on our machines.
const NAMES: &[u8] =
    b"cpu\nfsize\ndata\nstack\ncore\nrss\nnproc\nnofile\nmemlock\nas\nlocks\nsigpending\n\
msgqueue\nnice\nrtprio\nrttime";

/// The number that means no limit.
pub const UNLIMITED: u64 = u64::MAX;

/// One limit.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Limit {
    /// The kernel's number of its kind, `RLIMIT_*`.
    pub kind: u8,
    /// What holds now.
    pub soft: u64,
    /// How far a program may raise it.
    pub hard: u64,
}

impl Limit {
    /// The name of its kind.
    #[must_use]
    pub fn name(self) -> &'static [u8] {
        parts(NAMES, b'\n').skip_to(self.kind.into())
    }
}

/// Adds `NAME=SOFT[:HARD]`, each a number, `unlimited` or -1. Of several of one name the last counts.
///
/// # Errors
/// `NoLimit`: no such name, no number, a soft limit above the hard one.
pub fn add_limit(text: &[u8], limits: &mut Vec<Limit, KINDS>) -> Result<(), Reason> {
    let (name, values) = halves(text, b'=');
    let (soft, hard) = halves(values, b':');
    let kind = line_of(NAMES, name).ok_or(Reason::NoLimit)? as u8;
    let read = |value: &[u8]| match line_of(b"unlimited\n-1", value) {
        Some(_) => Some(UNLIMITED),
        None => parse_u64(value),
    };
    let soft = read(soft).ok_or(Reason::NoLimit)?;
    let hard = if values.contains(&b':') { read(hard).ok_or(Reason::NoLimit)? } else { soft };
    if soft > hard {
        return Err(Reason::NoLimit);
    }
    let limit = Limit { kind, soft, hard };
    if let Some(earlier) = limits.iter_mut().find(|earlier| earlier.kind == kind) {
        *earlier = limit;
    } else {
        // As many as there are kinds: there is room.
        let _ = limits.push(limit);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let limit = |text: &str| {
            let mut limits = Vec::new();
            add_limit(text.as_bytes(), &mut limits).ok()?;
            limits.first().map(|limit| (limit.kind, limit.soft, limit.hard))
        };
        assert_eq!(limit("nofile=64"), Some((7, 64, 64)));
        assert_eq!(limit("cpu=1:2"), Some((0, 1, 2)));
        assert_eq!(limit("rttime=5:unlimited"), Some((15, 5, u64::MAX)));
        assert_eq!(limit("core=-1"), Some((4, u64::MAX, u64::MAX)));
        for bad in [
            "",
            "=1",
            "nofile",
            "nofile=",
            "nofile=2:1",
            "files=1",
            "nofile=-2",
            "nofile=1:",
            "nofile=1:2:3",
        ] {
            assert_eq!(limit(bad), None, "{bad}");
        }
        let mut limits = Vec::new();
        for text in ["nofile=1", "cpu=2", "nofile=3"] {
            add_limit(text.as_bytes(), &mut limits).unwrap();
        }
        assert_eq!(limits.len(), 2);
        assert_eq!((limits[0].soft, limits[0].name()), (3, b"nofile".as_slice()));
    }
}
