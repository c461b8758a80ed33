//! Where in a text something is wrong.

use super::refusal::Reason;

/// What is wrong with a line of a file, and where. Both numbers start at 1, as editors count.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Misread {
    /// The line.
    pub line: u32,
    /// The byte within the line.
    pub column: u32,
    /// Why.
    pub reason: Reason,
}

impl Misread {
    /// `reason` is about `part`, a piece of `line`, which is the line with index `index` from 0 on. A `part` that is no
    /// piece of it, such as `b""`, stands for its end.
    #[must_use]
    pub fn at(index: usize, line: &[u8], part: &[u8], reason: Reason) -> Self {
        let offset = part.as_ptr().addr().wrapping_sub(line.as_ptr().addr());
        let column = if offset <= line.len() { offset } else { line.len() };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        Self { line: count(index), column: count(column), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_from_one() {
        let line = b"a:b:c";
        let at = |part: &[u8]| Misread::at(2, line, part, Reason::Empty).column;
        assert_eq!([at(&line[0..1]), at(&line[2..3]), at(&line[5..])], [1, 3, 6]);
        assert_eq!(at(b""), 6);
        assert_eq!(Misread::at(2, line, line, Reason::Empty).line, 3);
    }
}
