//! Bytes that come in pieces of any length, taken in pieces of any other.

/// A stream of bytes behind a buffer. The next piece is asked for when the last one is used up.
pub struct Source<'s> {
    buffer: &'s mut [u8],
    /// The part of the buffer that was filled but not taken yet.
    start: usize,
    end: usize,
    /// How many bytes came before the buffer.
    before: u64,
    refill: &'s mut dyn FnMut(&mut [u8]) -> usize,
}

impl<'s> Source<'s> {
    /// A stream of what `refill` writes to the start of a buffer; it gives the number of bytes, and 0 at the end.
    pub fn new(buffer: &'s mut [u8], refill: &'s mut dyn FnMut(&mut [u8]) -> usize) -> Self {
        Self { buffer, start: 0, end: 0, before: 0, refill }
    }

    /// How many bytes were taken.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The next bytes, at least one and at most `most`; none at the end.
    #[inline(never)]
    pub fn take(&mut self, most: usize) -> &[u8] {
        if self.start == self.end {
            self.before += self.end as u64;
            self.start = 0;
            self.end = (self.refill)(self.buffer);
        }
        let start = self.start;
        let end = self.end.min(start.saturating_add(most));
        let taken = self.buffer.get(start..end).unwrap_or_default();
        self.start += taken.len();
        taken
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        if self.start < self.end {
            let byte = self.buffer.get(self.start).copied();
            self.start += 1;
            return byte;
        }
        self.take(1).first().copied()
    }

    /// Whether the stream begins with these bytes, which are not taken. Asked before any is taken.
    pub fn begins_with(&mut self, magic: &[u8]) -> bool {
        while self.end < magic.len() {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match (self.refill)(room) {
                0 => break,
                length => self.end += length,
            }
        }
        self.buffer.get(..self.end).unwrap_or_default().starts_with(magic)
    }
}
