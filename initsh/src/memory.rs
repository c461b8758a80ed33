//! The region: a stack that grows up, a heap that grows down, addresses.

use core::ffi::CStr;

use crate::limits::{LEAST_BYTES, MEMORY_BYTES};

/// An offset into the region. 0 stands for nothing.
pub(crate) type At = usize;

/// Where the stack begins. Below it lie, behind 32 bytes that stay 0 (the fields of no entry), a number's digits and the
/// lists of free blocks.
const FIRST: At = FREE + 4 * CLASSES;
/// What the heap leaves to the stack, so that an error can still be told.
const WORDS_BYTES: usize = 512;
/// Where `number` writes.
const DIGITS: At = 32;
const DIGITS_BYTES: usize = 24;
/// The first free block of each class, as a number of four bytes; 0 is none.
const FREE: At = 64;

/// Blocks of the heap have 16 << class bytes, their class in the four before the address.
const CLASSES: usize = 26;
const HEAD_BYTES: usize = 4;

/// The region. What does not fit is not stored, and sets `full`: whoever is about to have an effect looks at that first.
/// This struct is small, so that what stands behind it in the shell is within reach of short instructions.
#[repr(C)]
pub(crate) struct Memory<'m> {
    /// Of a length known to the compiler: none is handed on, and looked up, wherever a byte is asked for.
    bytes: &'m mut [u8; MEMORY_BYTES],
    /// Where the stack ends.
    pub top: At,
    /// Where the heap begins.
    low: At,
    /// Something did not fit.
    pub full: bool,
}

impl<'m> Memory<'m> {
    /// A region of which so many bytes are used at most.
    pub fn new(bytes: &'m mut [u8; MEMORY_BYTES], bound: usize) -> Self {
        let low = bound.clamp(LEAST_BYTES, MEMORY_BYTES);
        Self { bytes, top: FIRST, low, full: false }
    }

    pub fn byte(&self, at: At) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub fn set_byte(&mut self, at: At, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }

    /// Four bytes as a number. Out of line, as `set_word` is, for two hundred places call it.
    #[inline(never)]
    pub fn word(&self, at: At) -> usize {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize)
    }

    #[inline(never)]
    pub fn set_word(&mut self, at: At, word: usize) {
        // The fields of no entry stay 0.
        if at >= FREE
            && let Some(place) = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut)
        {
            *place = (word as u32).to_le_bytes();
        }
    }

    /// The bytes from `at` to the end of the region: for callers that stop at a NUL, so that nobody looks for the end.
    pub fn rest(&self, at: At) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    pub fn slice(&self, at: At, length: usize) -> &[u8] {
        self.rest(at).get(..length).unwrap_or_default()
    }

    /// The string that ends before the next NUL. Most have a few bytes: a search by words would take longer.
    pub fn string(&self, at: At) -> &[u8] {
        let mut end = at;
        while self.byte(end) != 0 {
            end += 1;
        }
        self.slice(at, end - at)
    }

    pub fn c_string(&self, at: At) -> &CStr {
        CStr::from_bytes_until_nul(self.rest(at)).unwrap_or_default()
    }

    pub fn length(&self, at: At) -> usize {
        self.string(at).len()
    }

    /// How many bytes stand before this one, or before the string's end.
    #[inline(never)]
    pub fn length_to(&self, at: At, byte: u8) -> usize {
        let mut length = 0;
        loop {
            let found = self.byte(at + length);
            if found == 0 || found == byte {
                return length;
            }
            length += 1;
        }
    }

    /// The address behind the string and its NUL.
    pub fn after(&self, at: At) -> At {
        at + self.length(at) + 1
    }

    pub fn push(&mut self, byte: u8) {
        if self.top < self.low {
            self.set_byte(self.top, byte);
            self.top += 1;
        } else {
            self.full = true;
        }
    }

    #[inline(never)]
    pub fn push_word(&mut self, word: usize) {
        self.push_bytes(&(word as u32).to_le_bytes());
    }

    #[inline(never)]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()) {
            for (place, byte) in room.iter_mut().zip(bytes) {
                *place = *byte;
            }
            self.top += bytes.len();
        }
    }

    /// `length` free bytes at the top, which stay free until the top is moved.
    pub fn room(&mut self, length: usize) -> Option<&mut [u8]> {
        if length > self.low - self.top {
            self.full = true;
            return None;
        }
        self.bytes.get_mut(self.top..)?.get_mut(..length)
    }

    /// Bytes somewhere in the region.
    pub fn at_mut(&mut self, at: At, length: usize) -> Option<&mut [u8]> {
        self.bytes.get_mut(at..)?.get_mut(..length)
    }

    /// Takes the NULs out of `length` bytes; gives how many bytes are left.
    #[inline(never)]
    pub fn drop_nuls(&mut self, at: At, length: usize) -> usize {
        let mut end = at;
        for place in at..at + length {
            let byte = self.byte(place);
            if byte != 0 {
                self.set_byte(end, byte);
                end += 1;
            }
        }
        end - at
    }

    /// All free bytes, which lie between the stack and the heap; and those that are used below them.
    pub fn used_and_free(&mut self) -> (&[u8], &mut [u8]) {
        let used = self.bytes.get_mut(..self.low).unwrap_or_default();
        let (used, free) = used.split_at_mut_checked(self.top).unwrap_or_default();
        (used, free)
    }

    /// Appends blanks up to a place, if there is any room left before it.
    #[inline(never)]
    pub fn pad(&mut self, end: At) {
        while self.top < end && !self.full {
            self.push(b' ');
        }
    }

    /// Appends bytes that stand elsewhere.
    pub fn push_copy(&mut self, from: At, length: usize) {
        if self.room(length).is_some() {
            self.copy(from, self.top, length);
            self.top += length;
        }
    }

    /// Appends a string that stands elsewhere, without its NUL.
    #[inline(never)]
    pub fn push_string(&mut self, from: At) {
        self.push_copy(from, self.length(from));
    }

    /// The same with its NUL.
    #[inline(never)]
    pub fn push_whole(&mut self, from: At) {
        self.push_copy(from, self.length(from) + 1);
    }

    /// Copies forwards; the ranges may overlap where `to` lies below `from`.
    #[inline(never)]
    pub fn copy(&mut self, from: At, to: At, length: usize) {
        for offset in 0..length {
            self.set_byte(to + offset, self.byte(from + offset));
        }
    }

    /// A block of the heap, 0 where there is no room.
    pub fn allocate(&mut self, length: usize) -> At {
        let needed = length + HEAD_BYTES;
        let class = (needed.max(16) - 1).ilog2() as usize - 3;
        if class >= CLASSES {
            self.full = true;
            return 0;
        }
        let free = self.word(FREE + 4 * class);
        if free != 0 {
            let next = self.word(free);
            self.set_word(FREE + 4 * class, next);
            return free;
        }
        let size = 16 << class;
        if size + WORDS_BYTES > self.low - self.top {
            self.full = true;
            return 0;
        }
        self.low -= size;
        self.set_word(self.low, class);
        self.low + HEAD_BYTES
    }

    /// Gives a block back; 0 is none.
    pub fn release(&mut self, at: At) {
        if at != 0 {
            let list = FREE + 4 * self.word(at - HEAD_BYTES);
            let next = self.word(list);
            self.set_word(at, next);
            self.set_word(list, at);
        }
    }

    /// How many bytes a block has.
    pub fn capacity(&self, at: At) -> usize {
        if at == 0 { 0 } else { (16_usize << (self.word(at - HEAD_BYTES) & 31)) - HEAD_BYTES }
    }

    /// A copy of a string in the heap.
    #[inline(never)]
    pub fn keep(&mut self, at: At) -> At {
        let length = self.length(at) + 1;
        let block = self.allocate(length);
        if block != 0 {
            self.copy(at, block, length);
        }
        block
    }

    /// Writes a number, where the next one will overwrite it.
    pub fn number(&mut self, number: i64) -> At {
        let mut at = DIGITS + DIGITS_BYTES - 1;
        self.set_byte(at, 0);
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            self.set_byte(at, b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            at -= 1;
            self.set_byte(at, b'-');
        }
        at
    }

    #[inline(never)]
    pub fn push_number(&mut self, number: i64) {
        let at = self.number(number);
        self.push_string(at);
    }
}
