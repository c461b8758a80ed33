//! A filter's profile as a program for the kernel: classic BPF.
//!
//! The program is a tree over ranges of call numbers: it takes about as many comparisons as the number of ranges has
//! bits, where a list takes one for each call.

use crate::input::filter::{CALLS, CallSet, Comparison, Condition, Profile, Rule, Verdict};
use crate::input::refusal::Reason;

/// Instructions of the longest filter. Source: `BPF_MAXINSNS`, linux/bpf_common.h.
const INSTRUCTIONS: usize = 4096;
/// Bytes of an instruction: `struct sock_filter`, a 16-bit code, two 8-bit jumps, a 32-bit operand.
pub const INSTRUCTION_BYTES: usize = 8;

/// Codes of the instructions that are used. Source: linux/bpf_common.h.
mod code {
    /// Load a word of `struct seccomp_data`.
    pub const LOAD: u16 = 0x20;
    /// Mask it.
    pub const AND: u16 = 0x54;
    /// Jump always.
    pub const JUMP: u16 = 0x05;
    /// Jump when it is equal, greater, greater or equal.
    pub const IF_EQUAL: u16 = 0x15;
    pub const IF_GREATER: u16 = 0x25;
    pub const IF_GREATER_OR_EQUAL: u16 = 0x35;
    /// Return the operand.
    pub const RETURN: u16 = 0x06;
}

/// Places in `struct seccomp_data`. Source: linux/seccomp.h.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// From here on are x32's numbers of the same calls; no machine of ours has others as high. Source: `__X32_SYSCALL_BIT`,
/// asm/unistd.h.
const X32: u32 = 0x4000_0000;

/// A jump to the end of the rule, not known yet. No jump within a condition is as long.
const TO_NEXT_RULE: u8 = 0xff;

/// Writes the filter of `profile` for the machine `audit` into `room`; gives its length in bytes.
///
/// # Errors
/// `LongFilter` when it has more than 4096 instructions; `TextFull` when `room` is too small.
#[inline(never)]
pub fn compile(profile: &Profile<'_>, audit: u32, room: &mut [u8]) -> Result<usize, Reason> {
    let mut program = Program { room, count: 0 };
    // Another machine's calls have other numbers: 32-bit programs are killed.
    program.add(code::LOAD, MACHINE, 0, 0);
    program.add(code::IF_EQUAL, audit, 1, 0);
    program.give(Verdict::KILL_PROCESS);
    program.add(code::LOAD, NUMBER, 0, 0);
    // The default stands for all numbers above. One that makes calls would make those of x32 too, rules or not.
    if (Verdict::TRACE.0..=Verdict::ALLOW.0).contains(&profile.default.0) {
        program.add(code::IF_GREATER_OR_EQUAL, X32, 0, 1);
        program.give(Verdict::ENOSYS);
    }
    let mut leaves = Leaves::new(profile);
    let count = leaves.count;
    program.tree(&mut leaves, count);
    program.length()
}

/// Ranges of calls that are treated alike; the last number stands for all above.
struct Leaves<'p> {
    profile: &'p Profile<'p>,
    /// The first call of the next range.
    start: u16,
    /// The highest call that any rule is about.
    newest: u16,
    /// Which calls begin a range.
    starts: CallSet,
    /// How many.
    count: usize,
}

/// One range, up to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Leaf {
    /// What happens where no condition holds.
    verdict: Verdict,
    /// The one call in it that has conditions.
    conditional: Option<u16>,
}

impl<'p> Leaves<'p> {
    fn new(profile: &'p Profile<'p>) -> Self {
        let named = |number: &u16| profile.rules.iter().any(|rule| rule.calls.has(*number));
        let newest = (0..CALLS).rev().find(named).unwrap_or(0);
        let mut leaves = Self { profile, start: 0, newest, starts: CallSet::NONE, count: 0 };
        let mut before = None;
        for number in 0..CALLS {
            let leaf = leaves.leaf(number);
            // A call with conditions is a range of its own: its number is part of the leaf.
            if before.replace(leaf) != Some(leaf) {
                leaves.starts.put(number, true);
                leaves.count += 1;
            }
        }
        leaves
    }

    /// The next range; behind the last it is given again.
    fn next(&mut self) -> Leaf {
        let leaf = self.leaf(self.start);
        let next = (self.start + 1..CALLS).find(|number| self.starts.has(*number));
        self.start = next.unwrap_or(CALLS - 1);
        leaf
    }

    /// How this call is treated.
    fn leaf(&self, number: u16) -> Leaf {
        let (mut plain, mut conditional) = (None, None);
        for rule in self.profile.rules.iter().filter(|rule| rule.calls.has(number)) {
            if rule.conditions == 0 {
                plain = plain.or(Some(rule.verdict));
            } else {
                conditional = Some(number);
            }
        }
        let default = self.profile.default;
        // Newer than the profile: as on a kernel that does not have it, so that programs take another way.
        let unknown = number > self.newest && default.is_errno();
        let otherwise = if unknown { Verdict::ENOSYS } else { default };
        Leaf { verdict: plain.unwrap_or(otherwise), conditional }
    }
}

/// A filter being written.
struct Program<'r> {
    room: &'r mut [u8],
    /// Instructions so far, also those that had no room.
    count: usize,
}

impl Program<'_> {
    fn length(&self) -> Result<usize, Reason> {
        let bytes = self.count * INSTRUCTION_BYTES;
        if self.count > INSTRUCTIONS {
            return Err(Reason::LongFilter);
        }
        if bytes > self.room.len() { Err(Reason::TextFull) } else { Ok(bytes) }
    }

    /// Adds an instruction; `yes` and `no` are how many are skipped.
    #[inline(never)]
    fn add(&mut self, code: u16, operand: u32, yes: u8, no: u8) {
        self.count += 1;
        self.put(self.count - 1, code, operand, yes, no);
    }

    fn put(&mut self, index: usize, code: u16, operand: u32, yes: u8, no: u8) {
        let start = index * INSTRUCTION_BYTES;
        if let Some(place) = self.room.get_mut(start..start + INSTRUCTION_BYTES) {
            let instruction = u64::from(code)
                | u64::from(yes) << 16
                | u64::from(no) << 24
                | u64::from(operand) << 32;
            for (byte, value) in place.iter_mut().zip(instruction.to_le_bytes()) {
                *byte = value;
            }
        }
    }

    fn give(&mut self, verdict: Verdict) {
        self.add(code::RETURN, verdict.0, 0, 0);
    }

    /// Writes the next `count` leaves as a tree: the number of the call is loaded.
    fn tree(&mut self, leaves: &mut Leaves<'_>, count: usize) {
        if count < 2 {
            let leaf = leaves.next();
            return self.leaf(leaves.profile, &leaf);
        }
        let fork = self.count;
        self.count += 1;
        self.tree(leaves, count / 2);
        let pivot = u32::from(leaves.start);
        let skipped = self.count - fork - 1;
        match u8::try_from(skipped) {
            Ok(skipped) => self.put(fork, code::IF_GREATER_OR_EQUAL, pivot, skipped, 0),
            Err(_) => {
                // Too far for a conditional jump: one more instruction jumps there. All jumps within what is moved
                // are relative.
                self.make_room(fork + 1);
                self.put(fork, code::IF_GREATER_OR_EQUAL, pivot, 0, 1);
                self.put(fork + 1, code::JUMP, skipped as u32, 0, 0);
            }
        }
        self.tree(leaves, count - count / 2);
    }

    /// Moves what stands from `index` on by one instruction.
    fn make_room(&mut self, index: usize) {
        self.count += 1;
        for to in (index * INSTRUCTION_BYTES..self.count * INSTRUCTION_BYTES).rev() {
            let byte = self.room.get(to - INSTRUCTION_BYTES).copied();
            if let (Some(byte), Some(place)) = (byte, self.room.get_mut(to)) {
                *place = byte;
            }
        }
    }

    fn leaf(&mut self, profile: &Profile<'_>, leaf: &Leaf) {
        if let Some(number) = leaf.conditional {
            let with_conditions = |rule: &&Rule| rule.conditions != 0 && rule.calls.has(number);
            for rule in profile.rules.iter().filter(with_conditions) {
                self.rule(profile, rule);
            }
        }
        self.give(leaf.verdict);
    }

    /// Gives the rule's verdict where all its conditions hold, else goes on.
    fn rule(&mut self, profile: &Profile<'_>, rule: &Rule) {
        let start = self.count;
        let conditions = profile.conditions.iter().skip(rule.first_condition.into());
        for condition in conditions.take(rule.conditions.into()) {
            self.condition(condition);
        }
        self.give(rule.verdict);
        for index in start..self.count {
            let to_next = (self.count - index - 1) as u8;
            for jump in [2, 3] {
                if let Some(place) = self.room.get_mut(index * INSTRUCTION_BYTES + jump)
                    && *place == TO_NEXT_RULE
                {
                    *place = to_next;
                }
            }
        }
    }

    /// Goes on where the condition holds. Arguments have 64 bits, instructions 32: the high half decides first.
    fn condition(&mut self, condition: &Condition) {
        use code::{AND, IF_EQUAL, IF_GREATER, IF_GREATER_OR_EQUAL, LOAD};
        const NEXT: u8 = TO_NEXT_RULE;
        let low_at = ARGUMENTS + 8 * u32::from(condition.argument);
        let (low, high) = (condition.value as u32, (condition.value >> 32) as u32);
        let (low_mask, high_mask) = (condition.mask as u32, (condition.mask >> 32) as u32);
        let mut half = |at, mask, value| {
            self.add(LOAD, at, 0, 0);
            if mask != u32::MAX {
                self.add(AND, mask, 0, 0);
            }
            self.add(IF_EQUAL, value, 0, NEXT);
        };
        if condition.comparison == Comparison::Equal {
            // A half of which no bit is compared says nothing.
            if high_mask != 0 || high != 0 {
                half(low_at + 4, high_mask, high);
            }
            half(low_at, low_mask, low);
            return;
        }
        self.add(LOAD, low_at + 4, 0, 0);
        let (code, yes, no) = match condition.comparison {
            Comparison::NotEqual | Comparison::Equal => {
                self.add(IF_EQUAL, high, 0, 2);
                (IF_EQUAL, NEXT, 0)
            }
            Comparison::Greater | Comparison::GreaterOrEqual => {
                self.add(IF_GREATER, high, 3, 0);
                self.add(IF_EQUAL, high, 0, NEXT);
                let strict = condition.comparison == Comparison::Greater;
                (if strict { IF_GREATER } else { IF_GREATER_OR_EQUAL }, 0, NEXT)
            }
            Comparison::Less | Comparison::LessOrEqual => {
                self.add(IF_GREATER, high, NEXT, 0);
                self.add(IF_EQUAL, high, 0, 2);
                let strict = condition.comparison == Comparison::Less;
                (if strict { IF_GREATER_OR_EQUAL } else { IF_GREATER }, NEXT, 0)
            }
        };
        self.add(LOAD, low_at, 0, 0);
        self.add(code, low, yes, no);
    }
}
