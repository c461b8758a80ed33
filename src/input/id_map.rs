//! Maps between ids inside a user namespace and outside.
//!
//! Source: user_namespaces(7), subuid(5).

use heapless::Vec;

use super::refusal::Reason;
use crate::text::number::{parse_id, parse_u64};
use crate::text::parts::parts;

/// Ranges of one map; a kernel takes 340.
pub const RANGES: usize = 24;

/// `size` ids from `inner` on inside, which are those from `outer` on outside.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct IdRange {
    /// The first id inside.
    pub inner: u32,
    /// The first id outside.
    pub outer: u32,
    /// How many: at least one, and none is 4294967295.
    pub size: u32,
}

impl IdRange {
    /// All ids, each as itself.
    pub const ALL: Self = Self { inner: 0, outer: 0, size: u32::MAX };

    /// Root inside for one id outside.
    #[must_use]
    pub const fn root(outer: u32) -> Self {
        Self { inner: 0, outer, size: 1 }
    }
}

/// The ranges of a map. No two overlap, neither inside nor outside.
pub type IdMap = Vec<IdRange, RANGES>;

/// Adds `INNER:OUTER:SIZE` to a map; `:SIZE` may be left out for one id.
///
/// # Errors
/// What is no such range, overlaps an earlier one, or is one too many.
pub fn add_range(text: &[u8], map: &mut IdMap) -> Result<(), Reason> {
    let mut fields = parts(text, b':');
    let (inner, outer) = (parse_id(fields.skip_to(0)), parse_id(fields.skip_to(0)));
    let size = if fields.rest().is_some() { parse_u64(fields.skip_to(0)) } else { Some(1) };
    let extra = fields.rest().is_some();
    let (Some(inner), Some(outer), Some(size), false) = (inner, outer, size, extra) else {
        return Err(Reason::NoIdRange);
    };
    // The last number of 32 bits is no id: it means "no change" to the kernel.
    let fits = |first: u32| u64::from(first).checked_add(size).is_some_and(|end| end < 1 << 32);
    let size = u32::try_from(size).unwrap_or(0);
    if size == 0 || !fits(inner) || !fits(outer) {
        return Err(Reason::NoIdRange);
    }
    let range = IdRange { inner, outer, size };
    let overlap = |a: u32, b: u32, size_of_b: u32| a < b.saturating_add(size_of_b);
    let clash = |one: u32, other: u32, size_of_other: u32| {
        overlap(one, other, size_of_other) && overlap(other, one, size)
    };
    let clashes = |earlier: &IdRange| {
        clash(inner, earlier.inner, earlier.size) || clash(outer, earlier.outer, earlier.size)
    };
    if map.iter().any(clashes) {
        return Err(Reason::RangesOverlap);
    }
    map.push(range).map_err(|_| Reason::TooManyRanges)
}

/// Whether an id inside has one outside.
#[must_use]
pub fn has_inner(map: &[IdRange], id: u32) -> bool {
    map.iter().any(|range| id.checked_sub(range.inner).is_some_and(|at| at < range.size))
}

/// The first range that subuid or subgid gives to a user, by name or number: its first id and their count.
#[must_use]
pub fn subordinate_range(text: &[u8], name: &[u8], uid: u32) -> Option<(u32, u32)> {
    parts(text, b'\n').find_map(|line| {
        let mut fields = parts(line, b':');
        let owner = fields.skip_to(0);
        let is_ours = (!name.is_empty() && owner == name) || parse_id(owner) == Some(uid);
        let (first, count) = (parse_id(fields.skip_to(0))?, parse_id(fields.skip_to(0))?);
        let fits = count > 0 && first.checked_add(count).is_some();
        (is_ours && fits && fields.rest().is_none()).then_some((first, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(texts: &[&str]) -> Result<IdMap, Reason> {
        let mut map = IdMap::new();
        for text in texts {
            add_range(text.as_bytes(), &mut map)?;
        }
        Ok(map)
    }

    #[test]
    fn ranges_are_strict() {
        let range = |inner, outer, size| IdRange { inner, outer, size };
        assert_eq!(map(&["0:1000:1"]).unwrap()[0], range(0, 1000, 1));
        assert_eq!(map(&["5:6"]).unwrap()[0], range(5, 6, 1));
        assert_eq!(map(&["0:0:4294967295"]).unwrap()[0], IdRange::ALL);
        let most = range(4_294_967_294, 3_000_000_000, 1);
        assert_eq!(map(&["4294967294:3000000000:1"]).unwrap()[0], most);
        for bad in [
            "",
            "0",
            "0:",
            ":0",
            "0:1:",
            "0:1:0",
            "0:1:2:3",
            "-1:0:1",
            "0:+1:1",
            "0: 1:1",
            "0:1:1 ",
            "4294967295:0:1",
            "0:4294967295:1",
            "4294967296:0:1",
            "0:0:4294967296",
            "1:0:4294967295",
            "0:1:4294967295",
            "0x1:0:1",
            "0:1:18446744073709551615",
            "0:4294967294:2",
        ] {
            assert_eq!(map(&[bad]), Err(Reason::NoIdRange), "{bad}");
        }
    }

    #[test]
    fn ranges_do_not_overlap() {
        assert!(map(&["0:1000:1", "1:100000:10", "11:1001:5"]).is_ok());
        for second in ["0:5:1", "5:1000:1", "9:2000:3", "3:990:20"] {
            assert_eq!(map(&["0:1000:10", second]), Err(Reason::RangesOverlap), "{second}");
        }
        let many: std::vec::Vec<String> = (0..25).map(|id| format!("{id}:{id}:1")).collect();
        let many: std::vec::Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(map(&many[..24]).unwrap().len(), RANGES);
        assert_eq!(map(&many), Err(Reason::TooManyRanges));
    }

    #[test]
    fn inner_ids_are_found() {
        let map = map(&["0:1000:1", "10:5000:5"]).unwrap();
        for (id, found) in [(0, true), (1, false), (9, false), (10, true), (14, true), (15, false)]
        {
            assert_eq!(has_inner(&map, id), found, "{id}");
        }
    }

    #[test]
    fn subordinate_ranges_are_by_name_or_number() {
        let text =
            b"# remark\nother:1:2\nuser:100000:65536\n1001:300000:5\nuser:7:7\nbad:x:1\nuser2:1";
        assert_eq!(subordinate_range(text, b"user", 1000), Some((100_000, 65536)));
        assert_eq!(subordinate_range(text, b"", 1001), Some((300_000, 5)));
        for (name, uid) in [("bad", 5), ("user2", 6), ("", 7), ("use", 8)] {
            assert_eq!(subordinate_range(text, name.as_bytes(), uid), None, "{name}");
        }
        assert_eq!(subordinate_range(b"u:4294967294:5", b"u", 1), None);
    }
}
