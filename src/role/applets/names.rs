//! Names in memory that grows with them, sorted by their bytes.

use core::ffi::CStr;

use crate::sys::memory::List;
use crate::text::errno::Errno;
use crate::text::order::sort;

/// A list of names. One that cannot grow takes no more, and says so when it is asked.
pub struct Names {
    text: List<u8>,
    /// Where in the text each begins.
    places: List<usize>,
}

impl Names {
    /// An empty list.
    pub const fn new() -> Self {
        Self { text: List::new(), places: List::new() }
    }

    /// Appends a name.
    #[inline(never)]
    pub fn add(&mut self, name: &CStr) {
        let place = self.text.items().len();
        self.text.extend(name.to_bytes_with_nul());
        if self.whole().is_ok() {
            self.places.push(place);
        }
    }

    /// Whether all names are there.
    ///
    /// # Errors
    /// ENOMEM.
    #[inline(never)]
    pub fn whole(&self) -> Result<(), Errno> {
        let has_failed = self.text.has_failed() | self.places.has_failed();
        if has_failed { Err(Errno::NOMEM) } else { Ok(()) }
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.places.items().len()
    }

    /// The name at a place in the list.
    pub fn get(&self, index: usize) -> &CStr {
        at(self.text.items(), self.places.at(index).unwrap_or(usize::MAX))
    }

    /// Sorts them.
    #[inline(never)]
    pub fn sort(&mut self) {
        let text = self.text.items();
        sort(self.places.items_mut(), &|one, other| at(text, one) < at(text, other));
    }
}

/// The name that begins at a place of the text.
#[inline(never)]
fn at(text: &[u8], place: usize) -> &CStr {
    CStr::from_bytes_until_nul(text.get(place..).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let mut seed = 1_u64;
        for count in [0, 1, 2, 3, 10, 1000, 5000] {
            let mut names = Names::new();
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
