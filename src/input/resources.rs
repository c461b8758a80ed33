//! What a container may use at most. Source: docker-run(1).

use core::ffi::CStr;

use super::refusal::{Reason, Refusal, Subject};
use super::run_manual::Id;
use super::run_options::RunOptions;
use crate::text::number::parse_u64;
use crate::text::parts::{halves, parts};

/// What stands for no limit.
pub const UNLIMITED: u64 = u64::MAX;
/// Least memory that a container can be given, as docker has it.
const MEMORY_BYTES: u64 = 6 * 1024 * 1024;
/// Most that the kernel counts.
const MOST_BYTES: u64 = i64::MAX as u64;
/// Processors of the largest machine. Source: `NR_CPUS`, arch/x86/Kconfig.
const PROCESSORS: u64 = 8192;
/// Time of one processor in each period: a tenth of a second, docker's and the kernel's own period.
pub const PERIOD_US: u64 = 100_000;
/// Least quota of a period. Source: `min_cfs_quota_period`, kernel/sched/core.c.
const QUOTA_US: u64 = 1000;
/// Most processes of any kernel. Source: `PID_MAX_LIMIT`, linux/threads.h.
const PROCESSES: u64 = 4_194_304;
/// Bytes of `--cgroup-parent`: with name and file below it a path stays a line.
const PARENT_BYTES: usize = 255;

/// Kinds of limits, as a set: each has a controller of cgroups.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Controllers(pub u8);

/// Names of the controllers, one a line; line N belongs to bit N.
pub const CONTROLLERS: &[u8] = b"memory\ncpu\ncpuset\npids\ndevices\nfreezer";

impl Controllers {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// Memory, and memory with swap.
    pub const MEMORY: Self = Self(1);
    /// Processors' time.
    pub const CPU: Self = Self(2);
    /// Which processors and memory nodes.
    pub const CPUSET: Self = Self(4);
    /// How many processes.
    pub const PIDS: Self = Self(8);
    /// Which devices; a controller on v1 alone.
    pub const DEVICES: Self = Self(16);
    /// What stops processes for a while; a controller on v1 alone, for every cgroup of v2 can do it.
    pub const FREEZER: Self = Self(32);
    /// Those that count what is used, whether there is a limit or not.
    pub const COUNTING: Self = Self(Self::MEMORY.0 | Self::CPU.0 | Self::PIDS.0);
    /// Each of them alone, in the order of their names.
    pub const EACH: [Self; 6] =
        [Self::MEMORY, Self::CPU, Self::CPUSET, Self::PIDS, Self::DEVICES, Self::FREEZER];

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those that are in either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The name of a set of one.
    #[must_use]
    pub fn name(self) -> &'static [u8] {
        parts(CONTROLLERS, b'\n').skip_to(self.0.trailing_zeros() as usize)
    }
}

/// Limits that are numbers, in the order of their options and of `NUMBERS`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// `--memory`, in bytes.
    Memory,
    /// `--memory-swap`: memory and swap together.
    MemoryAndSwap,
    /// `--memory-reservation`: what it keeps when memory is short.
    Reservation,
    /// `--cpus`: microseconds in each `PERIOD_US`.
    Quota,
    /// `--cpu-shares`
    Shares,
    /// `--pids-limit`
    Processes,
}

/// What the value of an option may be.
struct Range {
    least: u64,
    most: u64,
    read: fn(&[u8]) -> Option<u64>,
    /// -1 is `UNLIMITED`.
    endless: bool,
    /// Why any other value is refused.
    reason: Reason,
}

const NUMBERS: [Range; 6] = [
    Range {
        least: MEMORY_BYTES,
        most: MOST_BYTES,
        read: parse_bytes,
        endless: false,
        reason: Reason::NoMemory,
    },
    Range {
        least: MEMORY_BYTES,
        most: MOST_BYTES,
        read: parse_bytes,
        endless: true,
        reason: Reason::NoSwap,
    },
    Range {
        least: 1,
        most: MOST_BYTES,
        read: parse_bytes,
        endless: false,
        reason: Reason::NoReservation,
    },
    Range {
        least: QUOTA_US,
        most: PROCESSORS * PERIOD_US,
        read: parse_processors,
        endless: false,
        reason: Reason::NoProcessors,
    },
    Range { least: 2, most: 262_144, read: parse_u64, endless: false, reason: Reason::NoShares },
    Range {
        least: 1,
        most: PROCESSES,
        read: parse_u64,
        endless: true,
        reason: Reason::NoProcesses,
    },
];

/// What was asked for.
#[derive(Clone, Copy)]
pub struct Resources<'a> {
    /// In the order of `Amount`; 0 where nothing was asked for.
    pub numbers: [u64; NUMBERS.len()],
    /// `--cpuset-cpus` and `--cpuset-mems`: lists of numbers and ranges.
    pub lists: [Option<&'a CStr>; 2],
    /// `--cgroup-parent`, absolute.
    pub parent: Option<&'a CStr>,
}

impl<'a> Resources<'a> {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { numbers: [0; NUMBERS.len()], lists: [None; 2], parent: None }
    }

    /// One number; 0 where it was not asked for.
    #[must_use]
    pub fn number(&self, amount: Amount) -> u64 {
        self.numbers.get(amount as usize).copied().unwrap_or(0)
    }

    /// The controllers that these limits need.
    #[must_use]
    pub const fn controllers(&self) -> Controllers {
        let [memory, _, reservation, quota, shares, processes] = self.numbers;
        let mut set = Controllers::NONE;
        if memory | reservation != 0 {
            set = set.and(Controllers::MEMORY);
        }
        if quota | shares != 0 {
            set = set.and(Controllers::CPU);
        }
        if !matches!(self.lists, [None, None]) {
            set = set.and(Controllers::CPUSET);
        }
        if processes != 0 { set.and(Controllers::PIDS) } else { set }
    }

    /// Reads the value of one option.
    ///
    /// # Errors
    /// What is no such value, or out of its range.
    #[inline(never)]
    pub fn set(&mut self, id: Id, value: &'a CStr) -> Result<(), Reason> {
        let amount = match id {
            Id::Memory => Amount::Memory,
            Id::MemorySwap => Amount::MemoryAndSwap,
            Id::MemoryReservation => Amount::Reservation,
            Id::Cpus => Amount::Quota,
            Id::CpuShares => Amount::Shares,
            Id::PidsLimit => Amount::Processes,
            _ => return self.set_text(id, value),
        };
        self.set_number(amount, value.to_bytes())
    }

    fn set_number(&mut self, amount: Amount, text: &[u8]) -> Result<(), Reason> {
        let range = NUMBERS.get(amount as usize);
        let (Some(range), Some(place)) = (range, self.numbers.get_mut(amount as usize)) else {
            return Ok(());
        };
        let number = if range.endless && text == b"-1" {
            Some(UNLIMITED)
        } else {
            (range.read)(text).filter(|number| (range.least..=range.most).contains(number))
        };
        *place = number.ok_or(range.reason)?;
        Ok(())
    }

    fn set_text(&mut self, id: Id, value: &'a CStr) -> Result<(), Reason> {
        let text = value.to_bytes();
        let (place, is_valid, reason) = match id {
            Id::CpusetCpus => (&mut self.lists[0], is_list(text), Reason::NoProcessorList),
            Id::CpusetMems => (&mut self.lists[1], is_list(text), Reason::NoProcessorList),
            _ => (&mut self.parent, is_parent(text), Reason::NoCgroupParent),
        };
        *place = Some(value);
        if is_valid { Ok(()) } else { Err(reason) }
    }

    /// What one option needs of the others.
    ///
    /// # Errors
    /// Less than `--memory` in all, more kept than may be used, a parent of nothing.
    pub const fn check(&self) -> Result<(), Refusal> {
        let [memory, both, reservation, ..] = self.numbers;
        let reason = if both != 0 && memory == 0 {
            Reason::SwapAlone
        } else if both != 0 && both < memory {
            Reason::SmallSwap
        } else if memory != 0 && reservation > memory {
            Reason::LargeReservation
        } else if self.parent.is_some() && self.controllers().0 == 0 {
            Reason::ParentAlone
        } else {
            return Ok(());
        };
        Err(Refusal::new(Subject::Command, reason))
    }
}

impl RunOptions<'_> {
    /// Whether a device is to be usable in one direction alone.
    #[must_use]
    pub fn asks_less_of_devices(&self) -> bool {
        self.lists.volumes.iter().any(|volume| volume.access.is_partial())
    }

    /// Whether anything was asked for that cannot be without a cgroup.
    #[must_use]
    pub fn takes_cgroups(&self) -> bool {
        self.resources.controllers() != Controllers::NONE || self.asks_less_of_devices()
    }
}

impl Default for Resources<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// A number of bytes, `b`, `k`, `m`, `g` or `t` behind it.
fn parse_bytes(text: &[u8]) -> Option<u64> {
    let (digits, shift) = match text.split_last()? {
        (b'b' | b'B', digits) => (digits, 0),
        (b'k' | b'K', digits) => (digits, 10),
        (b'm' | b'M', digits) => (digits, 20),
        (b'g' | b'G', digits) => (digits, 30),
        (b't' | b'T', digits) => (digits, 40),
        _ => (text, 0),
    };
    parse_u64(digits)?.checked_mul(1 << shift)
}

/// A number of processors with at most nine decimals, as docker keeps them, in microseconds of a period.
fn parse_processors(text: &[u8]) -> Option<u64> {
    const BILLION: u64 = 1_000_000_000;
    let (whole, decimals) = halves(text, b'.');
    let has_point = text.contains(&b'.');
    let whole = parse_u64(whole).filter(|whole| *whole <= PROCESSORS)?;
    let mut billionths = if has_point { parse_u64(decimals)? } else { 0 };
    for _ in decimals.len()..9 {
        billionths *= 10;
    }
    if billionths >= BILLION || decimals.len() > 9 {
        return None;
    }
    Some((whole * BILLION + billionths) / (BILLION / PERIOD_US))
}

/// Numbers and ranges with commas between. Source: cpuset(7), "List format".
fn is_list(text: &[u8]) -> bool {
    let number = |text: &[u8]| parse_u64(text).filter(|number| *number < PROCESSORS);
    parts(text, b',').all(|part| {
        let (first, last) = halves(part, b'-');
        let last = if part.contains(&b'-') { last } else { first };
        number(first).zip(number(last)).is_some_and(|(first, last)| first <= last)
    })
}

/// An absolute path of plain names, as it is written: a cgroup has no links.
fn is_parent(path: &[u8]) -> bool {
    let names = path.strip_prefix(b"/").filter(|_| path.len() <= PARENT_BYTES);
    let is_plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
    names.is_some_and(|names| parts(names, b'/').all(is_plain))
}

/// The weight of v2 that stands for shares of v1, as runc has it since 1.3.2: the power of ten whose exponent is
/// (l * l + 125 * l) / 612 - 7 / 34, l the binary logarithm of the shares, so that 2, 1024 and 262144 become
/// 1, 100 and 10000.
#[must_use]
#[inline(never)]
pub fn weight_of(shares: u64) -> u64 {
    /// The binary logarithm of ten.
    const TEN: u64 = 3_652_498_566_964;
    /// What the logarithms below may be wrong by, far less than two weights differ by.
    const ERROR: u64 = 1 << 14;
    let l = logarithm(shares);
    let wanted = product(product(l, l) + 125 * l - (126 << PLACES), TEN);
    // The smallest weight that is large enough: rounded up, without a power function.
    let (mut low, mut high) = (1, 10_000);
    while low < high {
        let middle = (low + high) / 2;
        if 612 * logarithm(middle) + ERROR >= wanted {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Binary places of logarithms.
const PLACES: u32 = 40;

fn product(one: u64, other: u64) -> u64 {
    ((u128::from(one) * u128::from(other)) >> PLACES) as u64
}

/// The binary logarithm of a number from 1 on: squared, a number has twice its logarithm.
fn logarithm(number: u64) -> u64 {
    let whole = 63_u32.saturating_sub(number.leading_zeros());
    let mut mantissa = number << (63 - whole);
    let mut logarithm = u64::from(whole);
    for _ in 0..PLACES {
        // The upper half, below 2 with 62 binary places.
        let square = ((u128::from(mantissa) * u128::from(mantissa)) >> 64) as u64;
        let carry = square >> 63;
        mantissa = square << (1 - carry);
        logarithm = logarithm << 1 | carry;
    }
    logarithm
}

#[cfg(test)]
mod tests;
