//! `/etc/fstab`. Source: fstab(5).

use super::place::Misread;
use super::refusal::Reason;
use crate::text::number::parse_u64;
use crate::text::parts::{Parts, parts, take_word};

/// One line; fields may have octal escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Mount<'a> {
    /// A device, `UUID=…`, or whatever the filesystem calls it.
    pub source: &'a [u8],
    /// Where; `none` for swap.
    pub target: &'a [u8],
    /// The filesystem.
    pub kind: &'a [u8],
    /// `OPTION,…`.
    pub options: &'a [u8],
    /// When it is checked: 1 first, which is for the root, 2 after that, 0 never.
    pub pass: u64,
}

/// The lines of a text, in its order.
pub struct Mounts<'a> {
    lines: Parts<'a>,
    number: usize,
}

/// Reads an fstab.
#[must_use]
pub const fn mounts(text: &[u8]) -> Mounts<'_> {
    Mounts { lines: parts(text, b'\n'), number: 0 }
}

impl<'a> Iterator for Mounts<'a> {
    type Item = Result<Mount<'a>, Misread>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?;
            self.number += 1;
            let text = line.trim_ascii();
            if !text.is_empty() && !text.starts_with(b"#") {
                return Some(mount(self.number - 1, line));
            }
        }
    }
}

#[inline(never)]
fn mount(number: usize, line: &[u8]) -> Result<Mount<'_>, Misread> {
    let misread = |part, reason| Misread::at(number, line, part, reason);
    let mut rest = line;
    let mut next = || take_word(&mut rest);
    let [source, target, kind, options, _dump, pass] =
        [next(), next(), next(), next(), next(), next()];
    if kind.is_empty() {
        return Err(misread(b"", Reason::FewMountFields));
    }
    if !target.starts_with(b"/") && kind != b"swap" && target != b"none" {
        return Err(misread(target, Reason::RelativePath));
    }
    let pass = match pass {
        b"" => 0,
        digits => parse_u64(digits).ok_or(misread(digits, Reason::NoPass))?,
    };
    Ok(Mount { source, target, kind, options, pass })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_mounts() {
        let text = b"# a comment\n\n/dev/vda1 / ext4 noatime 0 1\n  UUID=x\t/a\\040b\tauto\n\
            /dev/vdb none swap sw,pri=5 0 0 trailing\nproc proc proc\n/dev/c /c ext4 ro 0 x\n/dev/d /d\n";
        let read: Vec<_> = mounts(text).collect();
        let row = |source: &'static str,
                   target: &'static str,
                   kind: &'static str,
                   options: &'static str,
                   pass| {
            let [source, target, kind, options] =
                [source, target, kind, options].map(str::as_bytes);
            Ok(Mount { source, target, kind, options, pass })
        };
        let bad = |line, column, reason| Err(Misread { line, column, reason });
        let expected = [
            row("/dev/vda1", "/", "ext4", "noatime", 1),
            row("UUID=x", "/a\\040b", "auto", "", 0),
            row("/dev/vdb", "none", "swap", "sw,pri=5", 0),
            bad(6, 6, Reason::RelativePath),
            bad(7, 21, Reason::NoPass),
            bad(8, 10, Reason::FewMountFields),
        ];
        assert_eq!(read, expected);
    }
}
