//! Paths cut at their slashes.

/// Where the part of `path` behind byte `start` ends: at a slash or at the end. `None` when only slashes follow.
#[must_use]
pub fn next_end(path: &[u8], start: usize) -> Option<usize> {
    let rest = path.get(start..)?;
    let name = rest.iter().position(|byte| *byte != b'/')?;
    let length = rest.get(name..)?.iter().position(|byte| *byte == b'/');
    Some(length.map_or(path.len(), |length| start + name + length))
}

/// Where the parent of the first `end` bytes of `path` ends; 0 for the root.
#[must_use]
pub fn parent_end(path: &[u8], end: usize) -> usize {
    let slash = path.get(..end).and_then(|path| path.iter().rposition(|byte| *byte == b'/'));
    let before = path.get(..slash.unwrap_or(0)).unwrap_or_default();
    before.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1)
}

/// `path` between `start` and `end` without the slashes before it.
#[must_use]
pub fn name_between(path: &[u8], start: usize, end: usize) -> &[u8] {
    let part = path.get(start..end).unwrap_or_default();
    let name = part.iter().position(|byte| *byte != b'/').unwrap_or(part.len());
    part.get(name..).unwrap_or_default()
}

/// Whether `path` lies below the directory `above`, both absolute.
#[must_use]
pub fn is_below(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_and_back_over_slashes() {
        let path = b"//a///bc/d//";
        let mut ends = vec![0];
        while let Some(end) = next_end(path, *ends.last().unwrap()) {
            ends.push(end);
        }
        assert_eq!(ends, [0, 3, 8, 10]);
        assert_eq!(name_between(path, 3, 8), b"bc");
        assert_eq!(parent_end(path, 10), 8);
        assert_eq!(parent_end(path, 8), 3);
        assert_eq!(parent_end(path, 3), 0);
        assert_eq!(parent_end(b"a", 1), 0);
    }

    #[test]
    fn below_means_below_a_slash() {
        assert!(is_below(b"/run/x", b"/run"));
        assert!(!is_below(b"/running", b"/run"));
        assert!(!is_below(b"/run", b"/run"));
    }
}
