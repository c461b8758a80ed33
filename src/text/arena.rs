//! Strings put together from parts, kept in one bounded buffer.

use core::ffi::CStr;

/// Hands out NUL-terminated strings from a buffer, until it is full.
pub struct Arena<'a> {
    free: &'a mut [u8],
}

/// Why a string could not be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Refused {
    /// The buffer is full.
    Full,
    /// A part holds a NUL byte.
    Nul,
}

impl<'a> Arena<'a> {
    /// An arena over the whole of `buffer`.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { free: buffer }
    }

    /// Joins `parts` and keeps the result.
    ///
    /// # Errors
    /// `Full` when the rest of the buffer is too small: nothing more can be kept then. `Nul` when a part holds a NUL byte.
    pub fn join(&mut self, parts: &[&[u8]]) -> Result<&'a CStr, Refused> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let free = core::mem::take(&mut self.free);
        let Some((taken, rest)) = free.split_at_mut_checked(length + 1) else {
            return Err(Refused::Full);
        };
        self.free = rest;
        let mut places = taken.iter_mut();
        for part in parts {
            for byte in *part {
                if let Some(place) = places.next() {
                    *place = *byte;
                }
            }
        }
        if let Some(place) = places.next() {
            *place = 0;
        }
        CStr::from_bytes_with_nul(taken).map_err(|_| Refused::Nul)
    }

    /// Keeps the bytes that `next` gives, until it gives none.
    ///
    /// # Errors
    /// `Full` when the rest of the buffer is too small: nothing more can be kept then. `Nul` when a byte is NUL.
    #[cfg(feature = "boot")]
    pub fn collect(&mut self, next: &mut dyn FnMut() -> Option<u8>) -> Result<&'a CStr, Refused> {
        let free = core::mem::take(&mut self.free);
        let mut length = 0;
        loop {
            let Some(place) = free.get_mut(length) else { return Err(Refused::Full) };
            length += 1;
            let byte = next();
            *place = byte.unwrap_or(0);
            if byte.is_none() {
                break;
            }
        }
        let (taken, rest) = free.split_at_mut_checked(length).unwrap_or_default();
        self.free = rest;
        CStr::from_bytes_with_nul(taken).map_err(|_| Refused::Nul)
    }

    /// Keeps what `write` writes at the start of the free bytes; it gives their number.
    ///
    /// # Errors
    /// Those of `write`.
    #[cfg(feature = "run")]
    pub fn keep<E>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<&'a [u8], E> {
        let length = write(self.free)?;
        let free = core::mem::take(&mut self.free);
        let (taken, rest) = free.split_at_mut_checked(length).unwrap_or_default();
        self.free = rest;
        Ok(taken)
    }

    /// Keeps what `read` reads, piece by piece, until it gives 0; `None` when the arena is full before that.
    ///
    /// # Errors
    /// The first error of `read`.
    pub fn fill<E>(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Option<&'a [u8]>, E> {
        let mut length = 0;
        loop {
            let room = self.free.get_mut(length..).unwrap_or_default();
            if room.is_empty() {
                return Ok(None);
            }
            match read(room)? {
                0 => break,
                count => length += count,
            }
        }
        let (taken, rest) =
            core::mem::take(&mut self.free).split_at_mut_checked(length).unwrap_or_default();
        self.free = rest;
        Ok(Some(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_until_full() {
        let mut buffer = [0xff; 8];
        let mut arena = Arena::new(&mut buffer);
        assert_eq!(arena.join(&[b"a", b"=", b"b"]), Ok(c"a=b"));
        assert_eq!(arena.join(&[b"abcd"]), Err(Refused::Full));
    }

    #[test]
    fn reads_until_the_end_or_until_full() {
        let mut buffer = [0; 8];
        let mut arena = Arena::new(&mut buffer);
        let mut parts = [b"ab".as_slice(), b"c", b""].into_iter();
        let mut read = |room: &mut [u8]| {
            let part = parts.next().unwrap();
            room[..part.len()].copy_from_slice(part);
            Ok::<_, ()>(part.len())
        };
        assert_eq!(arena.fill(&mut read), Ok(Some(b"abc".as_slice())));
        assert_eq!(arena.join(&[b"1234"]), Ok(c"1234"));
        assert_eq!(Arena::new(&mut [0; 4]).fill(|_| Err(5)), Err(5));
        let mut one_byte = Arena::new(&mut buffer[..1]);
        assert_eq!(one_byte.fill(|room| Ok::<_, ()>(room.len())), Ok(None));
    }

    #[test]
    fn a_nul_inside_is_refused() {
        let mut buffer = [0; 8];
        assert_eq!(Arena::new(&mut buffer).join(&[b"a\0b"]), Err(Refused::Nul));
    }
}
