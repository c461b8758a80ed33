//! Deflate undone, a window at a time. RFC 1951.

use super::source::Source;
use crate::input::refusal::Reason;

/// How far back a copy reaches.
pub const WINDOW_BYTES: usize = 32 * 1024;
const WINDOW_MASK: usize = WINDOW_BYTES - 1;
/// Bits of the longest code.
const CODE_BITS: usize = 15;
/// Bytes of a table of codes: two for each value that the next `CODE_BITS` bits can have.
pub const TABLE_BYTES: usize = 2 << CODE_BITS;

/// Most literals and distances that a block may declare, and how many the fixed codes have.
const DECLARED_LITERALS: usize = 286;
const DECLARED_DISTANCES: usize = 30;
const LITERALS: usize = 288;
const DISTANCES: usize = 32;
/// The symbol that ends a block.
const BLOCK_END: u16 = 256;

/// In which order the lengths of the codes of lengths stand.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A set of codes.
struct Codes<'m> {
    /// For each value of the next bits: the symbol, and in the lower four bits the length of its code; 0 for none.
    table: &'m mut [[u8; 2]],
    /// As many bits as the longest code has: the part of the table that is in use.
    mask: usize,
}

impl Codes<'_> {
    /// Makes the table for codes of these lengths; false for a set that zlib refuses as well: more codes than their
    /// bits can tell apart, or fewer. A set of no code at all is taken, since none of it need be used, and with
    /// `may_be_incomplete` a single code of one bit.
    #[inline(never)]
    fn build(&mut self, lengths: &[u8], may_be_incomplete: bool) -> bool {
        let mut counts = [0_u16; CODE_BITS + 1];
        for length in lengths {
            if let Some(count) = counts.get_mut(usize::from(*length)) {
                *count += u16::from(*length != 0);
            }
        }
        let longest = counts.iter().rposition(|count| *count != 0).unwrap_or(0);
        self.mask = (1 << longest) - 1;
        let mut next = [0_u16; CODE_BITS + 1];
        let (mut code, mut room) = (0_u16, 1_i32);
        for (next, count) in next.iter_mut().zip(&counts).skip(1).take(longest) {
            room = room * 2 - i32::from(*count);
            if room < 0 {
                return false;
            }
            code <<= 1;
            *next = code;
            code = code.wrapping_add(*count);
        }
        if room > 0 && longest > 0 && !(may_be_incomplete && longest == 1) {
            return false;
        }
        self.table.iter_mut().take(self.mask + 1).for_each(|entry| *entry = [0; 2]);
        for (symbol, length) in (0_u16..).zip(lengths) {
            let Some(next) = next.get_mut(usize::from(*length)).filter(|_| *length != 0) else {
                continue;
            };
            // The first bit of a code comes first.
            let mut place = usize::from(next.reverse_bits() >> (16 - u32::from(*length)));
            *next += 1;
            while let Some(entry) = self.table.get_mut(place).filter(|_| place <= self.mask) {
                *entry = (symbol << 4 | u16::from(*length)).to_le_bytes();
                place += 1 << length;
            }
        }
        true
    }

    /// The symbol that the next bits begin with, and how many of them it takes; 0 for none.
    fn find(&self, bits: u64) -> (u16, u32) {
        let entry = self.table.get(bits as usize & self.mask).copied().unwrap_or_default();
        let entry = u16::from_le_bytes(entry);
        (entry >> 4, u32::from(entry & 15))
    }
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The head of a block.
    Head,
    /// So many bytes as they are.
    Stored(u16),
    /// Symbols.
    Coded,
    /// Nothing more.
    Done,
}

/// A stream of deflate on its way.
pub struct Inflate<'m> {
    window: &'m mut [u8; WINDOW_BYTES],
    literals: Codes<'m>,
    distances: Codes<'m>,
    /// Bits that were read and not used yet, the next one lowest, and how many they are.
    bits: u64,
    held: u32,
    state: State,
    /// No block follows this one.
    is_last: bool,
    /// Where in the window the next byte goes.
    position: usize,
    /// Where in the window the first byte stands that was not taken yet.
    unread: usize,
    /// The window was filled to its end once: a copy may reach all of it.
    is_full: bool,
    /// A copy that is not finished: how far back it reaches, how many bytes it still has.
    distance: usize,
    copies: usize,
    /// The first thing that was wrong. It ends `inflate`; what was made in that call is not given to anybody.
    trouble: Option<Reason>,
}

impl<'m> Inflate<'m> {
    /// Before the first byte, with room for its tables.
    pub fn new(
        window: &'m mut [u8; WINDOW_BYTES],
        literals: &'m mut [u8],
        distances: &'m mut [u8],
    ) -> Self {
        let (literals, _) = literals.as_chunks_mut();
        let (distances, _) = distances.as_chunks_mut();
        Self {
            window,
            literals: Codes { table: literals, mask: 0 },
            distances: Codes { table: distances, mask: 0 },
            bits: 0,
            held: 0,
            state: State::Head,
            is_last: false,
            position: 0,
            unread: 0,
            is_full: false,
            distance: 0,
            copies: 0,
            trouble: None,
        }
    }

    /// Begins another stream, when all bytes of the last one were taken.
    pub fn restart(&mut self) {
        self.state = State::Head;
        (self.position, self.unread, self.is_full) = (0, 0, false);
    }

    /// Whether the stream has ended.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether there are bytes to take.
    pub const fn has_unread(&self) -> bool {
        self.unread < self.position
    }

    /// The bytes to take.
    pub fn unread(&self) -> &[u8] {
        self.window.get(self.unread..self.position).unwrap_or_default()
    }

    /// Takes at most `most` of them.
    pub fn take(&mut self, most: usize) -> &[u8] {
        let start = self.unread;
        self.unread = self.position.min(start.saturating_add(most));
        self.window.get(start..self.unread).unwrap_or_default()
    }

    /// A whole byte behind the stream, which may be among the bits that were read already.
    pub fn byte_behind(&mut self, source: &mut Source<'_>) -> Option<u8> {
        self.drop_bits(self.held % 8);
        if self.held == 0 {
            return source.byte();
        }
        let byte = self.bits as u8;
        self.drop_bits(8);
        Some(byte)
    }

    /// Makes bytes until the window is full or the stream has ended. Those made before must all have been taken.
    ///
    /// # Errors
    /// This is no deflate, or it was cut.
    pub fn inflate(&mut self, source: &mut Source<'_>) -> Result<(), Reason> {
        if self.position == WINDOW_BYTES {
            (self.position, self.unread, self.is_full) = (0, 0, true);
        }
        while self.position < WINDOW_BYTES && self.trouble.is_none() {
            match self.state {
                State::Head => self.start_block(source),
                State::Stored(left) => self.copy_stored(source, left),
                State::Coded => self.decode(source),
                State::Done => break,
            }
        }
        self.trouble.map_or(Ok(()), Err)
    }

    #[inline(never)]
    fn start_block(&mut self, source: &mut Source<'_>) {
        self.is_last = self.take_bits(source, 1) == 1;
        match self.take_bits(source, 2) {
            0 => {
                self.drop_bits(self.held % 8);
                let length = self.take_bits(source, 16) as u16;
                if self.take_bits(source, 16) as u16 != !length {
                    self.fail_as_damaged();
                }
                self.state = State::Stored(length);
            }
            1 => {
                let length = |symbol| match symbol {
                    0..144 | 280.. => 8,
                    144..256 => 9,
                    _ => 7,
                };
                let lengths = core::array::from_fn::<u8, LITERALS, _>(length);
                self.build(&lengths, &[5; DISTANCES]);
            }
            2 => self.read_codes(source),
            _ => self.fail_as_damaged(),
        }
    }

    fn build(&mut self, literals: &[u8], distances: &[u8]) {
        if !self.literals.build(literals, true) || !self.distances.build(distances, true) {
            self.fail_as_damaged();
        }
        self.state = State::Coded;
    }

    /// Reads the codes that a block uses, whose lengths are coded themselves.
    fn read_codes(&mut self, source: &mut Source<'_>) {
        let literals = 257 + self.take_bits(source, 5) as usize;
        let distances = 1 + self.take_bits(source, 5) as usize;
        let own = 4 + self.take_bits(source, 4) as usize;
        let mut lengths = [0_u8; DECLARED_LITERALS + DECLARED_DISTANCES];
        for place in ORDER.iter().take(own) {
            let length = self.take_bits(source, 3) as u8;
            if let Some(place) = lengths.get_mut(usize::from(*place)) {
                *place = length;
            }
        }
        let is_sound = self.literals.build(lengths.get(..ORDER.len()).unwrap_or_default(), false);
        let lengths = lengths.get_mut(..literals + distances).unwrap_or_default();
        self.read_lengths(source, lengths);
        let (literals, distances) = lengths.split_at_checked(literals).unwrap_or_default();
        // A block whose end has no code could not end.
        let has_end = literals.get(usize::from(BLOCK_END)).is_some_and(|length| *length != 0);
        let is_declared =
            literals.len() <= DECLARED_LITERALS && distances.len() <= DECLARED_DISTANCES;
        if !is_sound || !has_end || !is_declared {
            self.fail_as_damaged();
        }
        self.build(literals, distances);
    }

    /// Reads as many lengths of codes as there is room for. A symbol is a length, or repeats the last one, or zeros; it
    /// may not repeat beyond the end.
    fn read_lengths(&mut self, source: &mut Source<'_>, lengths: &mut [u8]) {
        let mut last = None;
        let mut places = lengths.iter_mut();
        while places.len() > 0 {
            self.fill_bits(source);
            let (symbol, length) = self.literals.find(self.bits);
            self.use_code(length);
            let (value, least, bits) = match symbol {
                16 => (last, 3, 2),
                17 => (Some(0), 3, 3),
                18 => (Some(0), 11, 7),
                length => (Some(length as u8), 1, 0),
            };
            for _ in 0..least + self.take_bits(source, bits) {
                match (places.next(), value) {
                    (Some(place), Some(value)) => *place = value,
                    _ => self.fail_as_damaged(),
                }
            }
            last = value;
        }
    }

    fn copy_stored(&mut self, source: &mut Source<'_>, left: u16) {
        let mut left = left;
        while left > 0 && self.position < WINDOW_BYTES {
            let byte = self.take_bits(source, 8) as u8;
            self.put(byte);
            left -= 1;
        }
        self.state = if left > 0 { State::Stored(left) } else { self.behind_block() };
    }

    const fn behind_block(&self) -> State {
        if self.is_last { State::Done } else { State::Head }
    }

    /// Makes bytes of symbols, until the window is full or the block has ended.
    fn decode(&mut self, source: &mut Source<'_>) {
        loop {
            self.copy();
            if self.position == WINDOW_BYTES || self.trouble.is_some() {
                return;
            }
            // Enough for a length and a distance.
            self.fill_bits(source);
            let (symbol, length) = self.literals.find(self.bits);
            self.use_code(length);
            match symbol {
                ..BLOCK_END => self.put(symbol as u8),
                BLOCK_END => {
                    self.state = self.behind_block();
                    return;
                }
                _ => self.start_copy(symbol - BLOCK_END - 1),
            }
        }
    }

    /// Reads how many bytes are copied, and from how far back.
    fn start_copy(&mut self, symbol: u16) {
        self.copies = match symbol {
            28 => 258,
            _ => 3 + self.graded(symbol, 2),
        };
        let (far, length) = self.distances.find(self.bits);
        self.use_code(length);
        self.distance = 1 + self.graded(far, 1);
        let is_too_far = self.distance > self.position && !self.is_full;
        if symbol > 28 || usize::from(far) >= DECLARED_DISTANCES || is_too_far {
            self.fail_as_damaged();
        }
    }

    /// The number that a symbol and the bits behind it stand for. Symbols come in groups of 2 to the `grade`. Those of
    /// the first two groups have no bits behind them, those of each further group one bit more than the group before.
    #[inline(never)]
    fn graded(&mut self, symbol: u16, grade: u32) -> usize {
        let group = u32::from(symbol) >> grade;
        let Some(count) = group.checked_sub(1) else { return symbol.into() };
        let start = (1 << grade) + (usize::from(symbol) & ((1 << grade) - 1));
        let more = self.bits as usize & ((1 << count) - 1);
        self.drop_bits(count);
        (start << count) + more
    }

    /// Copies as much as the window has room for.
    fn copy(&mut self) {
        while self.copies > 0 && self.position < WINDOW_BYTES {
            let from = self.position.wrapping_sub(self.distance) & WINDOW_MASK;
            let byte = self.window.get(from).copied().unwrap_or_default();
            self.put(byte);
            self.copies -= 1;
        }
    }

    fn put(&mut self, byte: u8) {
        if let Some(place) = self.window.get_mut(self.position) {
            *place = byte;
            self.position += 1;
        }
    }

    /// Reads until at least 57 bits are held, or all that are left.
    #[inline(never)]
    fn fill_bits(&mut self, source: &mut Source<'_>) {
        while self.held <= 56 {
            let Some(byte) = source.byte() else { return };
            self.bits |= u64::from(byte) << self.held;
            self.held += 8;
        }
    }

    #[inline(never)]
    fn take_bits(&mut self, source: &mut Source<'_>, count: u32) -> u32 {
        if self.held < count {
            self.fill_bits(source);
        }
        let taken = self.bits as u32 & ((1 << count) - 1);
        self.drop_bits(count);
        taken
    }

    /// Uses up a code of this length, where 0 says that there is no such code.
    fn use_code(&mut self, length: u32) {
        if length == 0 {
            self.fail_as_damaged();
        }
        self.drop_bits(length);
    }

    fn drop_bits(&mut self, count: u32) {
        match self.held.checked_sub(count) {
            Some(held) => self.held = held,
            None => self.fail(Reason::ArchiveCut),
        }
        self.bits >>= count;
    }

    fn fail_as_damaged(&mut self) {
        self.fail(Reason::BadPacking);
    }

    /// Notes what is wrong, unless something was before.
    #[inline(never)]
    fn fail(&mut self, trouble: Reason) {
        self.trouble.get_or_insert(trouble);
    }
}
