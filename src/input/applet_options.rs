//! Command lines with options anywhere before `--`, as in getopt_long(3).

use core::ffi::CStr;

use super::arguments::{Arguments, Manual};
use super::refusal::Reason;

/// A cursor over a command line.
#[derive(Clone)]
pub struct CommandLine<'a, Words> {
    arguments: Arguments<'a, Words>,
    /// Which options there are.
    manual: Manual,
    /// A `--` has been seen: all words are operands.
    all: bool,
}

impl<'a, Words: Iterator<Item = &'a CStr> + Clone> CommandLine<'a, Words> {
    /// Stands before the first word.
    pub const fn new(manual: Manual, words: Words) -> Self {
        Self { arguments: Arguments::new(words, 0), manual, all: false }
    }

    /// Takes options up to the next operand, and gives that. Calls `act` with the letter and the value of each option;
    /// an option without a letter has 0.
    ///
    /// # Errors
    /// The word that cannot be an option here, and why.
    #[inline(never)]
    pub fn step(
        &mut self,
        act: &mut dyn FnMut(u8, &'a CStr),
    ) -> Result<Option<&'a CStr>, (&'a CStr, Reason)> {
        while !self.all {
            let is_end = self.arguments.operands().next() == Some(c"--");
            match self.arguments.take(self.manual) {
                Err(reason) => return Err((self.arguments.found.word, reason)),
                Ok(true) => act(self.arguments.found.letter, self.arguments.found.value),
                Ok(false) if is_end => self.all = true,
                Ok(false) => break,
            }
        }
        Ok(self.arguments.next_operand())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::packed::packed;

    const MANUAL: Manual =
        Manual(packed!("usage\n\n  -a           words\n  -o LIST  words\n      --help  words\n"));

    fn seen(words: &[&'static CStr]) -> Result<String, (String, Reason)> {
        let mut seen = String::new();
        let mut act = |letter: u8, value: &CStr| {
            seen += &format!("{}={};", letter as char, value.to_str().unwrap());
        };
        let mut line = CommandLine::new(MANUAL, words.iter().copied());
        let mut operands = Vec::new();
        loop {
            match line.step(&mut act) {
                Ok(Some(operand)) => operands.push(operand.to_str().unwrap()),
                Ok(None) => break,
                Err((word, reason)) => return Err((word.to_str().unwrap().to_owned(), reason)),
            }
        }
        Ok(seen + &operands.join(" "))
    }

    #[test]
    fn options_stand_anywhere_before_two_dashes() {
        for (words, expected) in [
            (&[c"x", c"-a", c"y"] as &[&CStr], "a=;x y"),
            (&[c"-ao", c"l", c"x", c"-om", c"y"], "a=;o=l;o=m;x y"),
            (&[c"x", c"--", c"-a", c"--"], "x -a --"),
            (&[c"--", c"x", c"-a"], "x -a"),
            (&[c"-", c"-a", c"-"], "a=;- -"),
            (&[c"x", c"-o", c"--", c"--", c"-a"], "o=--;x -a"),
            (&[], ""),
        ] {
            assert_eq!(seen(words).as_deref(), Ok(expected), "{words:?}");
        }
        assert_eq!(seen(&[c"x", c"-b"]), Err(("-b".to_owned(), Reason::UnknownOption)));
        assert_eq!(seen(&[c"x", c"-o"]), Err(("-o".to_owned(), Reason::NoValue)));
    }
}
