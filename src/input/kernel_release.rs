//! The kernel's release string.

use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Major and minor number of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Debug))]
pub struct KernelRelease(pub u64, pub u64);

impl KernelRelease {
    /// Reads `5.14.0-anything`; a number that is missing, or too large, counts as 0.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut fields = parts(text, b'.');
        Self(leading_number(fields.skip_to(0)), leading_number(fields.skip_to(0)))
    }
}

fn leading_number(text: &[u8]) -> u64 {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    parse_u64(text.get(..end).unwrap_or(text)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_number() {
        assert_eq!(KernelRelease::parse(b"6.18.44-fc-v669"), KernelRelease(6, 18));
        assert_eq!(KernelRelease::parse(b"5.14"), KernelRelease(5, 14));
        assert_eq!(KernelRelease::parse(b"6"), KernelRelease(6, 0));
        assert!(KernelRelease::parse(b"5.9.1") < KernelRelease::parse(b"5.14.0-rc1"));
        assert!(KernelRelease::parse(b"10.0") > KernelRelease::parse(b"6.18"));
    }
}
