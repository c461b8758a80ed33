//! `ulimit`, `umask`, `times`.

use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell};

/// A limit of processes: its letter, its number for the kernel, the bytes that one unit stands for.
struct Limit {
    letter: u8,
    kind: u8,
    unit: u64,
    name: &'static [u8],
}

const LIMITS: [Limit; 13] = [
    Limit { letter: b't', kind: 0, unit: 1, name: b"time(seconds)" },
    Limit { letter: b'f', kind: 1, unit: 512, name: b"file(blocks)" },
    Limit { letter: b'd', kind: 2, unit: 1024, name: b"data(kbytes)" },
    Limit { letter: b's', kind: 3, unit: 1024, name: b"stack(kbytes)" },
    Limit { letter: b'c', kind: 4, unit: 512, name: b"coredump(blocks)" },
    Limit { letter: b'm', kind: 5, unit: 1024, name: b"memory(kbytes)" },
    Limit { letter: b'l', kind: 8, unit: 1024, name: b"locked memory(kbytes)" },
    Limit { letter: b'p', kind: 6, unit: 1, name: b"process" },
    Limit { letter: b'n', kind: 7, unit: 1, name: b"nofiles" },
    Limit { letter: b'v', kind: 9, unit: 1024, name: b"vmemory(kbytes)" },
    Limit { letter: b'w', kind: 10, unit: 1, name: b"locks" },
    Limit { letter: b'e', kind: 13, unit: 1, name: b"nice" },
    Limit { letter: b'r', kind: 14, unit: 1, name: b"rtprio" },
];

const UNLIMITED: u64 = u64::MAX;

impl<H: Host> Shell<'_, H> {
    pub(super) fn ulimit(&mut self) -> Run<i32> {
        let (mut soft, mut hard, mut all, mut which) = (false, false, false, b'f');
        loop {
            match self.option(b"HSatfdscmlpnvwer")? {
                0 => break,
                b'H' => hard = true,
                b'S' => soft = true,
                b'a' => all = true,
                letter => which = letter,
            }
        }
        if !soft && !hard {
            (soft, hard) = (true, true);
        }
        let mark = self.memory.top;
        if all {
            for limit in &LIMITS {
                self.memory.push_bytes(limit.name);
                self.memory.pad(self.memory.top + 21 - limit.name.len());
                self.push_limit(limit, soft);
            }
            return self.output(mark);
        }
        let Some(limit) = LIMITS.iter().find(|limit| limit.letter == which) else { return Ok(2) };
        if self.words.count == 0 {
            self.push_limit(limit, soft);
            return self.output(mark);
        }
        let word = self.words.at;
        let value = if self.memory.string(word) == b"unlimited" {
            UNLIMITED
        } else {
            let number = self.number_of(word)?;
            (number as u64).saturating_mul(limit.unit)
        };
        let (old_soft, old_hard) = self.host.limit(limit.kind);
        let new_soft = if soft { value } else { old_soft };
        let new_hard = if hard { value } else { old_hard };
        match self.host.set_limit(limit.kind, new_soft, new_hard) {
            Ok(()) => Ok(0),
            Err(errno) => self.fail_errno(0, b"ulimit", errno),
        }
    }

    fn push_limit(&mut self, limit: &Limit, is_soft: bool) {
        let (soft, hard) = self.host.limit(limit.kind);
        let value = if is_soft { soft } else { hard };
        if value == UNLIMITED {
            self.memory.push_bytes(b"unlimited");
        } else {
            self.memory.push_number(value.checked_div(limit.unit).unwrap_or(0) as i64);
        }
        self.memory.push(b'\n');
    }

    pub(super) fn umask_builtin(&mut self) -> Run<i32> {
        let symbolic = self.last_option(b"S")? != 0;
        let mask = self.host.umask(0);
        self.host.umask(mask);
        let mark = self.memory.top;
        if self.words.count == 0 {
            if symbolic {
                for (place, who) in b"ugo".iter().enumerate() {
                    self.memory.push_bytes(&[*who, b'=']);
                    for (bit, letter) in b"rwx".iter().enumerate() {
                        if mask >> (8 - 3 * place - bit) & 1 == 0 {
                            self.memory.push(*letter);
                        }
                    }
                    self.memory.push(if place < 2 { b',' } else { b'\n' });
                }
            } else {
                for shift in [9, 6, 3, 0] {
                    self.memory.push(b'0' + (mask >> shift & 7) as u8);
                }
                self.memory.push(b'\n');
            }
            return self.output(mark);
        }
        let word = self.words.at;
        let new = if self.memory.byte(word).is_ascii_digit() {
            self.octal_mask(word)
        } else {
            self.symbolic_mask(word, !mask & 0o777).map(|mode| !mode & 0o777)
        };
        match new {
            Some(new) => {
                self.host.umask(new);
                Ok(0)
            }
            None => self.fail(word, b"bad mask"),
        }
    }

    fn octal_mask(&self, word: At) -> Option<u32> {
        let mask = self.memory.string(word).iter().try_fold(0_u32, |sum, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit < 8 && sum < 0o10000).then_some(sum << 3 | u32::from(digit))
        })?;
        (mask <= 0o777).then_some(mask)
    }

    /// `u=rwx,g-w` and the like, applied to the permissions that are left.
    fn symbolic_mask(&self, word: At, mut mode: u32) -> Option<u32> {
        for clause in self.memory.string(word).split(|byte| *byte == b',') {
            let at = clause.iter().position(|byte| matches!(byte, b'+' | b'-' | b'='))?;
            let (who, rest) = clause.split_at_checked(at)?;
            let mut of = 0;
            for letter in who {
                of |= match letter {
                    b'u' => 0o700,
                    b'g' => 0o070,
                    b'o' => 0o007,
                    b'a' => 0o777,
                    _ => return None,
                };
            }
            if who.is_empty() {
                of = 0o777;
            }
            let (operator, letters) = rest.split_first()?;
            let mut bits = 0;
            for letter in letters {
                bits |= match letter {
                    b'r' => 0o444,
                    b'w' => 0o222,
                    b'x' => 0o111,
                    b'X' => mode & 0o111,
                    _ => return None,
                };
            }
            mode = match operator {
                b'+' => mode | bits & of,
                b'-' => mode & !(bits & of),
                _ => mode & !of | bits & of,
            };
        }
        Some(mode)
    }

    pub(super) fn times(&mut self) -> Run<i32> {
        let mark = self.memory.top;
        for (place, ticks) in self.host.times().into_iter().enumerate() {
            self.memory.push_number((ticks / 6000) as i64);
            self.memory.push(b'm');
            self.memory.push_number((ticks / 100 % 60) as i64);
            self.memory.push(b'.');
            self.memory.push(b'0' + (ticks / 10 % 10) as u8);
            self.memory.push(b'0' + (ticks % 10) as u8);
            self.memory.push_bytes(b"0000s");
            self.memory.push(if place % 2 == 0 { b' ' } else { b'\n' });
        }
        self.output(mark)
    }
}
