//! What a container's system call filter is to do: data.
//!
//! It comes from docker's defaults or from a file.

/// Numbers of system calls that a filter can tell apart. The last stands for all from there on; no call has it.
pub const CALLS: u16 = 512;

/// A set of system calls by number, below `CALLS`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct CallSet([u64; CALLS as usize / 64]);

impl CallSet {
    /// No call.
    pub const NONE: Self = Self([0; CALLS as usize / 64]);

    /// This call alone.
    #[must_use]
    pub const fn of(number: u16) -> Self {
        let mut set = Self::NONE;
        set.put(number, true);
        set
    }

    /// Takes a call in or out.
    pub const fn put(&mut self, number: u16, is_in: bool) {
        let word = number as usize / 64;
        let bit = 1 << (number % 64);
        if word < self.0.len() {
            self.0[word] = if is_in { self.0[word] | bit } else { self.0[word] & !bit };
        }
    }

    /// Whether the call is in the set.
    #[must_use]
    pub const fn has(&self, number: u16) -> bool {
        let word = number as usize / 64;
        word < self.0.len() && self.0[word] >> (number % 64) & 1 == 1
    }
}

/// What happens to a call: what a filter returns to the kernel. Source: seccomp(2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Verdict(pub u32);

impl Verdict {
    /// The process is killed by SIGSYS.
    pub const KILL_PROCESS: Self = Self(0x8000_0000);
    /// The thread is.
    pub const KILL_THREAD: Self = Self(0);
    /// SIGSYS, which can be handled.
    pub const TRAP: Self = Self(0x0003_0000);
    /// A tracer is asked.
    pub const TRACE: Self = Self(0x7ff0_0000);
    /// The call is made and logged.
    pub const LOG: Self = Self(0x7ffc_0000);
    /// The call is made.
    pub const ALLOW: Self = Self(0x7fff_0000);
    /// The call fails with EPERM.
    pub const EPERM: Self = Self::errno(1);
    /// The call fails as one that the kernel does not have.
    pub const ENOSYS: Self = Self::errno(38);

    /// The call fails with this errno.
    #[must_use]
    pub const fn errno(errno: u16) -> Self {
        Self(0x0005_0000 | errno as u32)
    }

    /// Whether it is some errno.
    #[must_use]
    pub const fn is_errno(self) -> bool {
        self.0 & 0xffff_0000 == 0x0005_0000
    }
}

/// How an argument is compared with a value, both without sign.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Comparison {
    /// Other than the value.
    NotEqual,
    /// Less.
    Less,
    /// Less or the same.
    LessOrEqual,
    /// The same, under the mask.
    Equal,
    /// The same or greater.
    GreaterOrEqual,
    /// Greater.
    Greater,
}

/// A condition on one argument.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Condition {
    /// Which argument, 0 to 5.
    pub argument: u8,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: u64,
    /// Bits that are compared, for `Equal`; the others compare all.
    pub mask: u64,
}

/// What happens to these calls where all conditions hold.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The calls.
    pub calls: CallSet,
    /// What happens to them.
    pub verdict: Verdict,
    /// The first of its conditions among the profile's.
    pub first_condition: u16,
    /// How many conditions it has.
    pub conditions: u8,
}

impl Rule {
    /// A rule without conditions.
    #[must_use]
    pub const fn plain(calls: CallSet, verdict: Verdict) -> Self {
        Self { calls, verdict, first_condition: 0, conditions: 0 }
    }
}

/// A whole filter. For each call the rules with conditions are tried first, in their order, then the first without.
#[derive(Clone, Copy)]
pub struct Profile<'p> {
    /// What happens to calls that no rule is about.
    pub default: Verdict,
    /// The rules.
    pub rules: &'p [Rule],
    /// Conditions of the rules.
    pub conditions: &'p [Condition],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut set = CallSet::of(0);
        set.put(511, true);
        set.put(63, true);
        set.put(63, false);
        set.put(512, true);
        let members: Vec<u16> = (0..600).filter(|number| set.has(*number)).collect();
        assert_eq!(members, [0, 511]);
    }

    #[test]
    fn verdicts_are_the_kernels() {
        assert_eq!(Verdict::EPERM.0, 0x0005_0001);
        assert!(Verdict::ENOSYS.is_errno() && !Verdict::ALLOW.is_errno());
    }
}
