//! Names in memory that grows with them, sorted by their bytes.

use core::ffi::CStr;

use crate::sys::memory::Memory;
use crate::text::errno::Errno;

/// Bytes for which there is room at first.
const FIRST_BYTES: usize = 16 << 10;
/// Bytes of a place in the text.
const PLACE_BYTES: usize = 4;

/// A list of names. One that cannot grow takes no more, and says so when it is asked.
pub struct Names {
    text: Memory,
    length: usize,
    /// Where in the text each begins.
    places: Memory,
    count: usize,
    /// Whether all names are there: ENOMEM.
    pub whole: Result<(), Errno>,
}

impl Names {
    /// An empty list.
    ///
    /// # Errors
    /// ENOMEM.
    #[inline(never)]
    pub fn new() -> Result<Self, Errno> {
        let (text, places) = (Memory::new(FIRST_BYTES)?, Memory::new(FIRST_BYTES)?);
        Ok(Self { text, length: 0, places, count: 0, whole: Ok(()) })
    }

    /// Appends a name.
    #[inline(never)]
    pub fn add(&mut self, name: &CStr) {
        let bytes = name.to_bytes_with_nul();
        let end = self.length + bytes.len();
        let grown = self.text.reach(end);
        self.whole = self.whole.and(grown).and(self.places.reach((self.count + 1) * PLACE_BYTES));
        if self.whole.is_err() {
            return;
        }
        let room = self.text.bytes().get_mut(self.length..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = *byte;
        }
        set(self.places.bytes(), self.count, self.length as u32);
        self.length = end;
        self.count += 1;
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The name at a place in the list.
    pub fn get(&self, index: usize) -> &CStr {
        at(self.text.view(), get(self.places.view(), index))
    }

    /// Sorts them. A heap needs no more memory and no recursion, and takes about as long whatever their order was.
    #[inline(never)]
    pub fn sort(&mut self) {
        let (text, places) = (self.text.view(), self.places.bytes());
        let mut end = self.count;
        let mut start = end / 2;
        while end > 1 {
            if start > 0 {
                start -= 1;
            } else {
                end -= 1;
                swap(places, 0, end);
            }
            sink(text, places, start, end);
        }
    }
}

/// The name that begins at a place of the text.
fn at(text: &[u8], place: u32) -> &CStr {
    let bytes = text.get(place as usize..).unwrap_or_default();
    CStr::from_bytes_until_nul(bytes).unwrap_or_default()
}

/// Lets the name at `parent` sink to its place in the heap of the first `end`.
fn sink(text: &[u8], places: &mut [u8], mut parent: usize, end: usize) {
    loop {
        let mut child = 2 * parent + 1;
        if child >= end {
            return;
        }
        let name = |index| at(text, get(places, index));
        if child + 1 < end && name(child) < name(child + 1) {
            child += 1;
        }
        if name(parent) >= name(child) {
            return;
        }
        swap(places, parent, child);
        parent = child;
    }
}

fn swap(places: &mut [u8], one: usize, other: usize) {
    let (first, second) = (get(places, one), get(places, other));
    set(places, one, second);
    set(places, other, first);
}

fn get(places: &[u8], index: usize) -> u32 {
    let bytes = places.get(index * PLACE_BYTES..).and_then(<[u8]>::first_chunk);
    bytes.map_or(u32::MAX, |bytes| u32::from_ne_bytes(*bytes))
}

fn set(places: &mut [u8], index: usize, place: u32) {
    if let Some(bytes) = places.get_mut(index * PLACE_BYTES..).and_then(<[u8]>::first_chunk_mut) {
        *bytes = place.to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let mut seed = 1_u64;
        for count in [0, 1, 2, 3, 10, 1000, 5000] {
            let mut names = Names::new().unwrap();
            let mut expected = Vec::new();
            for _ in 0..count {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let name = CString::new(format!("{:x}", seed >> (24 + seed % 32))).unwrap();
                names.add(&name);
                expected.push(name);
            }
            expected.sort();
            names.sort();
            let sorted: Vec<_> =
                (0..names.count()).map(|index| names.get(index).to_owned()).collect();
            assert_eq!(sorted, expected, "{count}");
        }
    }
}
