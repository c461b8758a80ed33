//! Command lines, in lexopt's shape; the help text is the table of options.

use core::ffi::CStr;

use super::refusal::{Reason, Refusal, Subject};
use crate::text::line::Line;
use crate::text::packed::Packed;

/// The text that `--help` prints. A line that begins `  -v, --volume SRC:DST  words` or `      --pid NS  words`
/// declares an option; one blank behind the name means that it takes a value, two that it takes none.
#[derive(Clone, Copy)]
pub struct Manual(pub Packed);

/// An option as the command line names it.
#[derive(Clone, Copy)]
enum Name<'a> {
    Short(u8),
    Long(&'a [u8]),
}

/// An option that was found.
#[derive(Clone, Copy)]
struct Found {
    /// Counted from 0 in the order of the manual.
    index: usize,
    takes_value: bool,
}

/// One line of a manual that declares an option.
struct Declared<'a> {
    short: Option<u8>,
    long: &'a [u8],
    takes_value: bool,
}

impl Manual {
    fn find(self, name: Name<'_>) -> Option<Found> {
        let mut line = Line::new();
        let mut index = 0;
        for packed in self.0.lines() {
            let Some(declared) = declaration(packed.unpack(&mut line)) else { continue };
            let is_it = match name {
                Name::Short(letter) => declared.short == Some(letter),
                Name::Long(name) => declared.long == name,
            };
            if is_it {
                return Some(Found { index, takes_value: declared.takes_value });
            }
            index += 1;
        }
        None
    }
}

/// Reads one line of a manual.
fn declaration(line: &[u8]) -> Option<Declared<'_>> {
    let (short, name) = match line {
        [b' ', b' ', b'-', letter, b',', b' ', b'-', b'-', name @ ..] => (Some(*letter), name),
        [b' ', b' ', b' ', b' ', b' ', b' ', b'-', b'-', name @ ..] => (None, name),
        _ => return None,
    };
    let end = name.iter().position(|byte| *byte == b' ')?;
    let takes_value = name.get(end + 1) != Some(&b' ');
    Some(Declared { short, long: name.get(..end)?, takes_value })
}

/// What stands next on a command line.
pub enum Argument<'a> {
    /// An option.
    Option {
        /// Which of the manual's, counted from 0.
        index: usize,
        /// Its value, empty where it takes none.
        value: &'a CStr,
        /// Where both stand, for messages.
        subject: Subject,
    },
    /// The first operand; it and all that follows are in `Arguments::operands`.
    Operands,
}

/// A cursor over a command line.
pub struct Arguments<'a, Words> {
    rest: Words,
    /// Index of the next string in the argument vector.
    position: u32,
    /// What is left of a cluster of short options such as `-it`.
    cluster: Option<&'a CStr>,
}

impl<'a, Words: Iterator<Item = &'a CStr> + Clone> Arguments<'a, Words> {
    /// Starts at the next string of `rest`, which is number `position` of the argument vector.
    #[must_use]
    pub const fn new(rest: Words, position: u32) -> Self {
        Self { rest, position, cluster: None }
    }

    /// All strings from the first operand on; a `--` before them is already gone.
    #[must_use]
    pub fn operands(&self) -> Words {
        self.rest.clone()
    }

    /// The next option, or `Operands` at the first operand, at `--` or at the end.
    ///
    /// # Errors
    /// An option that `manual` does not declare, that lacks its value, or has one that it does not take.
    pub fn take(&mut self, manual: Manual) -> Result<Argument<'a>, Refusal> {
        if let Some(letters) = self.cluster.take() {
            return self.short(letters, manual);
        }
        let mut ahead = self.rest.clone();
        let Some(word) = ahead.next() else { return Ok(Argument::Operands) };
        let bytes = word.to_bytes();
        if !bytes.starts_with(b"-") || bytes == b"-" {
            return Ok(Argument::Operands);
        }
        self.rest = ahead;
        self.position += 1;
        match bytes.get(1..) {
            Some(b"-") => Ok(Argument::Operands),
            Some([b'-', ..]) => self.long(word, manual),
            _ => self.short(tail(word, 1).unwrap_or(c""), manual),
        }
    }

    fn long(&mut self, word: &'a CStr, manual: Manual) -> Result<Argument<'a>, Refusal> {
        let bytes = word.to_bytes();
        let equals = bytes.iter().position(|byte| *byte == b'=');
        let name = bytes.get(2..equals.unwrap_or(bytes.len())).unwrap_or(&[]);
        let attached = equals.and_then(|at| tail(word, at + 1));
        let option = manual.find(Name::Long(name));
        let option = option.ok_or(self.refusal(Reason::UnknownOption))?;
        if attached.is_some() && !option.takes_value {
            return Err(self.refusal(Reason::UnwantedValue));
        }
        self.complete(option, attached)
    }

    /// Reads the first of `letters`.
    fn short(&mut self, letters: &'a CStr, manual: Manual) -> Result<Argument<'a>, Refusal> {
        // `letters` holds one at least.
        let letter = letters.to_bytes_with_nul().first().copied().unwrap_or(0);
        let option = manual.find(Name::Short(letter));
        let option = option.ok_or(self.refusal(Reason::UnknownOption))?;
        let more = tail(letters, 1).filter(|rest| !rest.is_empty());
        if !option.takes_value {
            self.cluster = more;
        }
        self.complete(option, more)
    }

    /// Adds the value, which is attached or the next string.
    fn complete(
        &mut self,
        option: Found,
        attached: Option<&'a CStr>,
    ) -> Result<Argument<'a>, Refusal> {
        let mut subject = self.subject();
        let value = match attached {
            _ if !option.takes_value => c"",
            Some(value) => value,
            None => {
                let value = self.rest.next().ok_or(self.refusal(Reason::NoValue))?;
                self.position += 1;
                subject = Subject::Words { first: self.position - 2, count: 2 };
                value
            }
        };
        Ok(Argument::Option { index: option.index, value, subject })
    }

    /// The string that was read last.
    const fn subject(&self) -> Subject {
        Subject::Words { first: self.position.saturating_sub(1), count: 1 }
    }

    const fn refusal(&self, reason: Reason) -> Refusal {
        Refusal::new(self.subject(), reason)
    }
}

/// The part of `word` from byte `at` on, still NUL-terminated.
fn tail(word: &CStr, at: usize) -> Option<&CStr> {
    CStr::from_bytes_with_nul(word.to_bytes_with_nul().get(at..)?).ok()
}

/// Names of the declared options in order, for tests that compare them with what a role does.
#[cfg(test)]
pub fn declared_names(manual: Manual) -> Vec<String> {
    let name = |line: Packed| {
        let line = line.to_string();
        declaration(line.as_bytes()).map(|option| String::from_utf8_lossy(option.long).into_owned())
    };
    manual.0.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::packed::packed;

    const MANUAL: Manual = Manual(packed!(
        "usage\n\n  -t, --tty           words\n  -i, --interactive   words\n  -e, --env K=V       words\n      --pid NS        words\n"
    ));
    const LETTERS: [char; 4] = ['t', 'i', 'e', 'p'];

    /// Reads a whole command line: options as `id=value;`, then operands joined with blanks.
    fn read(words: &'static [&'static CStr]) -> Result<String, Refusal> {
        let mut arguments = Arguments::new(words.iter().copied(), 0);
        let mut seen = String::new();
        loop {
            match arguments.take(MANUAL) {
                Ok(Argument::Option { index, value, .. }) => {
                    seen.push_str(&format!("{}={};", LETTERS[index], value.to_str().unwrap()));
                }
                Ok(Argument::Operands) => break,
                Err(refusal) => return Err(refusal),
            }
        }
        let operands: Vec<_> = arguments.operands().map(|word| word.to_str().unwrap()).collect();
        Ok(seen + &operands.join(" "))
    }

    #[test]
    fn every_spelling_of_an_option() {
        for (words, expected) in [
            (&[c"-t", c"sh"] as &[&CStr], "t=;sh"),
            (&[c"-it", c"sh"], "i=;t=;sh"),
            (&[c"-eA=1", c"sh"], "e=A=1;sh"),
            (&[c"-te", c"A=1", c"sh"], "t=;e=A=1;sh"),
            (&[c"--env", c"A=1", c"--env=B=2"], "e=A=1;e=B=2;"),
            (&[c"--pid=host", c"--", c"-t", c"--pid"], "p=host;-t --pid"),
            (&[c"sh", c"-t"], "sh -t"),
            (&[c"-"], "-"),
            (&[c"--env="], "e=;"),
            (&[], ""),
            (&[c"--"], ""),
        ] {
            assert_eq!(read(words), Ok(expected.to_string()), "{words:?}");
        }
    }

    #[test]
    fn a_wrong_option_is_named_by_its_place() {
        let at = |first, reason| Refusal::new(Subject::Words { first, count: 1 }, reason);
        for (words, refusal) in [
            (&[c"--nope"] as &[&CStr], at(0, Reason::UnknownOption)),
            (&[c"-t", c"-x"], at(1, Reason::UnknownOption)),
            (&[c"-e", c"A=1", c"-ix"], at(2, Reason::UnknownOption)),
            (&[c"--=x"], at(0, Reason::UnknownOption)),
            (&[c"-t", c"--env"], at(1, Reason::NoValue)),
            (&[c"-e"], at(0, Reason::NoValue)),
            (&[c"--tty=yes"], at(0, Reason::UnwantedValue)),
        ] {
            assert_eq!(read(words), Err(refusal), "{words:?}");
        }
    }
}
