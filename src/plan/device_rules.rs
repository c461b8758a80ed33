//! Which devices a container may use: rules, and their program.

use heapless::Vec;

use crate::input::mount_options::Access;
use crate::input::refusal::Reason;
use crate::input::run_options::VOLUMES;

/// Stands for each number.
pub const ANY: u32 = u32::MAX;

/// What may be done with some devices.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct DeviceRule {
    /// Block devices; else character devices.
    pub block: bool,
    /// The driver's number.
    pub major: u32,
    /// The device's, or `ANY`.
    pub minor: u32,
    /// What is allowed.
    pub access: Access,
}

const fn characters(major: u32, minor: u32, access: Access) -> DeviceRule {
    DeviceRule { block: false, major, minor, access }
}

/// What every container may use, as docker has it: every node can be made, those of /dev and terminals be opened.
static DEFAULT: [DeviceRule; 11] = [
    characters(ANY, ANY, Access::MAKE),
    DeviceRule { block: true, ..characters(ANY, ANY, Access::MAKE) },
    // null, zero, full, random, urandom
    characters(1, 3, Access::ALL),
    characters(1, 5, Access::ALL),
    characters(1, 7, Access::ALL),
    characters(1, 8, Access::ALL),
    characters(1, 9, Access::ALL),
    // tty, console, ptmx
    characters(5, 0, Access::ALL),
    characters(5, 1, Access::ALL),
    characters(5, 2, Access::ALL),
    // pts
    characters(136, ANY, Access::ALL),
];

/// The rules of one container.
pub type DeviceRules = Vec<DeviceRule, { DEFAULT.len() + VOLUMES }>;

/// Adds the default to what was asked for, which takes the place of a default for the same device: it may be less.
#[inline(never)]
pub fn add_default(rules: &mut DeviceRules) {
    for rule in &DEFAULT {
        let is_same = |other: &DeviceRule| {
            (rule.block, rule.major, rule.minor) == (other.block, other.major, other.minor)
        };
        if !rules.iter().any(is_same) {
            let _ = rules.push(*rule);
        }
    }
}

/// Bytes of an instruction: `struct bpf_insn`, an 8-bit code, two registers of four bits, a 16-bit jump, a 32-bit operand.
pub const INSTRUCTION_BYTES: usize = 8;

/// Codes of the instructions that are used. Source: linux/bpf.h, linux/bpf_common.h.
mod code {
    /// Load a word of the context.
    pub const LOAD: u8 = 0x61;
    /// Copy a register; load a constant.
    pub const COPY: u8 = 0xbf;
    pub const SET: u8 = 0xb7;
    /// Mask, shift to the right.
    pub const AND: u8 = 0x57;
    pub const SHIFT: u8 = 0x77;
    /// Jump when it is not equal.
    pub const UNLESS_EQUAL: u8 = 0x55;
    /// Return register 0.
    pub const EXIT: u8 = 0x95;
}

/// Registers: the result, the context, and what is kept in others.
mod register {
    pub const RESULT: u8 = 0;
    pub const CONTEXT: u8 = 1;
    pub const KIND: u8 = 2;
    pub const ACCESS: u8 = 3;
    pub const MAJOR: u8 = 4;
    pub const MINOR: u8 = 5;
    pub const MASKED: u8 = 6;
}

/// Kinds in `struct bpf_cgroup_dev_ctx`. Source: linux/bpf.h.
const BLOCK: u32 = 1;
const CHARACTERS: u32 = 2;

/// Instructions of a rule: four comparisons of three, and the two that allow.
const RULE_INSTRUCTIONS: usize = 4 * 3 + 2;

/// Writes the program for cgroup v2 into `room`; gives its length in bytes. A device is allowed by one rule that allows
/// all that is asked for, as the device cgroup of v1 has it.
///
/// # Errors
/// `TextFull` when `room` is too small.
#[inline(never)]
pub fn compile(rules: &[DeviceRule], room: &mut [u8]) -> Result<usize, Reason> {
    use register::{ACCESS, CONTEXT, KIND, MAJOR, MINOR, RESULT};
    let mut program = Program { room, count: 0 };
    program.add(code::LOAD, KIND | CONTEXT << 4, 0, 0);
    program.add(code::LOAD, MAJOR | CONTEXT << 4, 4, 0);
    program.add(code::LOAD, MINOR | CONTEXT << 4, 8, 0);
    program.add(code::COPY, ACCESS | KIND << 4, 0, 0);
    program.add(code::SHIFT, ACCESS, 0, 16);
    program.add(code::AND, KIND, 0, 0xffff);
    for rule in rules {
        // Four comparisons under a mask: the kind, the numbers, what is asked for beyond what is allowed.
        let next = program.count + RULE_INSTRUCTIONS;
        program.compare(KIND, u32::MAX, if rule.block { BLOCK } else { CHARACTERS }, next);
        program.compare_number(MAJOR, rule.major, next);
        program.compare_number(MINOR, rule.minor, next);
        program.compare(ACCESS, !u32::from(rule.access.0), 0, next);
        program.add(code::SET, RESULT, 0, 1);
        program.add(code::EXIT, 0, 0, 0);
    }
    program.add(code::SET, RESULT, 0, 0);
    program.add(code::EXIT, 0, 0, 0);
    program.length()
}

/// A program being written.
struct Program<'r> {
    room: &'r mut [u8],
    /// Instructions so far, also those that had no room.
    count: usize,
}

impl Program<'_> {
    #[inline(never)]
    fn add(&mut self, code: u8, registers: u8, jump: i16, operand: i32) {
        let start = self.count * INSTRUCTION_BYTES;
        self.count += 1;
        let [jump_low, jump_high] = jump.to_le_bytes();
        let [a, b, c, d] = operand.to_le_bytes();
        if let Some(place) = self.room.get_mut(start..start + INSTRUCTION_BYTES) {
            let bytes = [code, registers, jump_low, jump_high, a, b, c, d];
            for (byte, value) in place.iter_mut().zip(bytes) {
                *byte = value;
            }
        }
    }

    fn compare_number(&mut self, register: u8, number: u32, next: usize) {
        let (mask, value) = if number == ANY { (0, 0) } else { (u32::MAX, number) };
        self.compare(register, mask, value, next);
    }

    /// Goes to the instruction `next` unless what is left of the register under a mask is this.
    #[inline(never)]
    fn compare(&mut self, register: u8, mask: u32, value: u32, next: usize) {
        self.add(code::COPY, register::MASKED | register << 4, 0, 0);
        self.add(code::AND, register::MASKED, 0, mask.cast_signed());
        let skipped = next - self.count - 1;
        self.add(code::UNLESS_EQUAL, register::MASKED, skipped as i16, value.cast_signed());
    }

    const fn length(&self) -> Result<usize, Reason> {
        let bytes = self.count * INSTRUCTION_BYTES;
        if bytes > self.room.len() { Err(Reason::TextFull) } else { Ok(bytes) }
    }
}

#[cfg(test)]
mod tests;
