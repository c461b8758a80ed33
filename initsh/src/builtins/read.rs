//! `read`: a line of standard input, split into variables. XCU read

use crate::host::Host;
use crate::memory::At;
use crate::process::EINTR;
use crate::shell::{Run, Shell};

impl<H: Host> Shell<'_, H> {
    pub(super) fn read_builtin(&mut self) -> Run<i32> {
        let mut raw = false;
        loop {
            match self.option(b"rp:")? {
                0 => break,
                b'r' => raw = true,
                _ => {
                    let prompt = self.argument;
                    if self.host.is_terminal(0) {
                        let mark = self.memory.top;
                        self.memory.push_string(prompt);
                        let _ = self.write(2, mark);
                    }
                }
            }
        }
        if self.words.count == 0 {
            return self.fail(0, b"read needs a variable");
        }
        self.give_back();
        self.await_answer()?;
        let line = self.memory.top;
        // Each byte of the line stands behind one that says whether it was escaped.
        let status = self.read_line(raw);
        if self.memory.full {
            return self.out_of_memory();
        }
        let end = self.memory.top;
        let mut at = line;
        while let word @ 1.. = self.take_word() {
            let symbol = self.named(word)?;
            let value = self.memory.top;
            self.read_field(&mut at, end, self.words.count == 0);
            self.memory.push(0);
            self.assign(symbol, value)?;
            self.memory.top = value;
        }
        Ok(status)
    }

    /// Appends a line in pairs of bytes; status 1 where the file ends before the line.
    fn read_line(&mut self, raw: bool) -> i32 {
        let mut escaped = false;
        loop {
            let mut byte = [0];
            match self.host.read(0, &mut byte) {
                Ok(1..) => {}
                Err(EINTR) => continue,
                _ => return 1,
            }
            let [byte] = byte;
            if byte == 0 {
                continue;
            }
            if !escaped && byte == b'\\' && !raw {
                escaped = true;
                continue;
            }
            if byte == b'\n' {
                if !escaped {
                    return 0;
                }
            } else {
                self.memory.push(escaped.into());
                self.memory.push(byte);
            }
            escaped = false;
            if self.memory.full {
                return 1;
            }
        }
    }

    /// Whether an unescaped byte at `at` separates fields; 2 where it is no white space.
    fn separates(&self, at: At) -> u8 {
        let byte = self.memory.byte(at + 1);
        let in_ifs =
            self.ifs.get(usize::from(byte >> 5)).is_some_and(|word| word & 1 << (byte & 31) != 0);
        if !in_ifs || self.memory.byte(at) != 0 {
            return 0;
        }
        if matches!(byte, b' ' | b'\t' | b'\n') { 1 } else { 2 }
    }

    /// Appends the next field of a line; the last variable gets all that is left, but white space at its end, and
    /// but one separator if that is all that follows.
    fn read_field(&mut self, at: &mut At, end: At, is_last: bool) {
        while *at < end && self.separates(*at) == 1 {
            *at += 2;
        }
        let start = *at;
        let mut stop = start;
        while stop < end && self.separates(stop) == 0 {
            stop += 2;
        }
        let mut next = stop;
        while next < end && self.separates(next) == 1 {
            next += 2;
        }
        if next < end && self.separates(next) == 2 {
            next += 2;
            while next < end && self.separates(next) == 1 {
                next += 2;
            }
        }
        if is_last && next < end {
            stop = end;
            while stop > start && self.separates(stop - 2) == 1 {
                stop -= 2;
            }
        }
        for place in (start..stop).step_by(2) {
            let byte = self.memory.byte(place + 1);
            self.memory.push(byte);
        }
        *at = next;
    }
}
