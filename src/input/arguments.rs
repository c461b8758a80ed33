//! Command lines, in lexopt's shape; the help text is the table of options.

use core::ffi::CStr;

use super::refusal::{Reason, Refusal, Subject};
use crate::text::line::Line;
use crate::text::packed::Packed;
use crate::text::parts::{halves, parts};

/// The text that `--help` prints. A line such as `  -v, --volume SRC:DST  words`, `      --pid NS  words` or
/// `  -e CODE  words` declares an option; one blank behind the name means that it takes a value, two that it takes
/// none. The option of `  -m, --mount[=FILE]  words` takes a value that is attached to it, or none, as getopt_long(3)
/// has it.
#[derive(Clone, Copy)]
pub struct Manual(pub Packed);

/// One line of a manual that declares an option.
struct Declared<'a> {
    /// 0: none.
    letter: u8,
    /// Empty: none.
    long: &'a [u8],
    takes: Takes,
}

/// Whether an option has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// One that is attached to it, or none.
    #[cfg(feature = "enter")]
    Attached,
}

/// Reads one line of a manual.
fn declaration(line: &[u8]) -> Option<Declared<'_>> {
    let (head, name) = line.split_first_chunk()?;
    let (letter, name) = match head {
        b"  - " => return None,
        [b' ', b' ', b'-', letter] => (*letter, name.strip_prefix(b", --").unwrap_or(name)),
        b"    " => (0, name.strip_prefix(b"  --")?),
        _ => return None,
    };
    let (long, rest) = halves(name, b' ');
    let takes = if rest.starts_with(b" ") { Takes::Nothing } else { Takes::Value };
    #[cfg(feature = "enter")]
    if let (name, [_, ..]) = halves(long, b'[') {
        return Some(Declared { letter, long: name, takes: Takes::Attached });
    }
    Some(Declared { letter, long, takes })
}

/// An option as it was typed.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// Which of the manual's, counted from 0.
    pub index: usize,
    /// Its short name; 0 where it has none, and for an unknown long option.
    pub letter: u8,
    /// The string that it stands in.
    pub word: &'a CStr,
    /// Its value, empty where it takes none.
    pub value: &'a CStr,
    /// Where both stand, for messages.
    pub subject: Subject,
}

/// A cursor over a command line.
#[derive(Clone)]
pub struct Arguments<'a, Words> {
    rest: Words,
    /// Index of the next string in the argument vector.
    position: u32,
    /// What is left of a cluster of short options such as `-it`; empty for none.
    cluster: &'a CStr,
    /// What was read last.
    pub found: Found<'a>,
}

impl<'a, Words: Iterator<Item = &'a CStr> + Clone> Arguments<'a, Words> {
    /// Starts at the next string of `rest`, which is number `position` of the argument vector.
    #[must_use]
    #[inline(never)]
    pub const fn new(rest: Words, position: u32) -> Self {
        let subject = Subject::Command;
        let found = Found { index: 0, letter: 0, word: c"", value: c"", subject };
        Self { rest, position, cluster: c"", found }
    }

    /// All strings that were not taken yet. After `take` has answered false they are the operands; a `--` before them
    /// is gone.
    #[must_use]
    pub fn operands(&self) -> Words {
        self.rest.clone()
    }

    /// Takes the next string as an operand, whatever it is.
    #[cfg(all(feature = "boot", feature = "shell"))]
    pub fn next_operand(&mut self) -> Option<&'a CStr> {
        self.rest.next()
    }

    /// For `map_err`: refuses the option that was read last, or the command where none was.
    pub const fn refusal(&self, reason: Reason) -> Refusal {
        match self.found.subject {
            Subject::Words { first, count } => {
                Refusal::new(Subject::Words { first, count }, reason)
            }
            // Nothing has been read.
            _ => Refusal::new(Subject::Command, reason),
        }
    }

    /// Reads the next option into `found`; false at the first operand, at `--` or at the end.
    ///
    /// # Errors
    /// `UnknownOption`: `manual` does not declare it. `NoValue`: its value is missing. `UnwantedValue`: it takes none.
    pub fn take(&mut self, manual: Manual) -> Result<bool, Reason> {
        if self.cluster.is_empty() {
            let mut ahead = self.rest.clone();
            let Some(word) = ahead.next() else { return Ok(false) };
            let [b'-', name @ ..] = word.to_bytes() else { return Ok(false) };
            if name.is_empty() {
                return Ok(false);
            }
            self.rest = ahead;
            self.found.word = word;
            self.found.subject = Subject::Words { first: self.position, count: 1 };
            self.position += 1;
            if name == b"-" {
                return Ok(false);
            }
            self.cluster = tail(word, 1);
        }
        self.read(manual)?;
        Ok(true)
    }

    /// Reads a long option, or the first letter of a cluster.
    fn read(&mut self, manual: Manual) -> Result<(), Reason> {
        let cluster = core::mem::replace(&mut self.cluster, c"");
        let bytes = cluster.to_bytes();
        let (letter, long, attached) = match bytes {
            [b'-', name @ ..] if self.found.word.to_bytes().starts_with(b"--") => {
                let long = parts(name, b'=').skip_to(0);
                let end = 1 + long.len();
                (0, long, (end < bytes.len()).then(|| tail(cluster, end + 1)))
            }
            [letter, more @ ..] => (*letter, bytes, (!more.is_empty()).then(|| tail(cluster, 1))),
            [] => return Ok(()),
        };
        self.found.letter = letter;
        let takes = self.find(manual, letter, long)?;
        self.found.value = match (takes, attached) {
            #[cfg(feature = "enter")]
            (Takes::Attached, value) => value.unwrap_or_default(),
            (Takes::Value, Some(value)) => value,
            (Takes::Value, None) => {
                let value = self.rest.next().ok_or(Reason::NoValue)?;
                self.found.subject = Subject::Words { first: self.position - 1, count: 2 };
                self.position += 1;
                value
            }
            (Takes::Nothing, Some(_)) if letter == 0 => return Err(Reason::UnwantedValue),
            (Takes::Nothing, more) => {
                self.cluster = more.unwrap_or_default();
                c""
            }
        };
        Ok(())
    }

    /// Looks for an option by its letter or, where that is 0, by its name; gives whether it takes a value.
    fn find(&mut self, manual: Manual, letter: u8, long: &[u8]) -> Result<Takes, Reason> {
        let mut line = Line::new();
        self.found.index = 0;
        for packed in manual.0.lines() {
            let Some(declared) = declaration(packed.unpack(&mut line)) else { continue };
            let is_it = if letter == 0 {
                declared.long == long && !long.is_empty()
            } else {
                declared.letter == letter
            };
            if is_it {
                self.found.letter = declared.letter;
                return Ok(declared.takes);
            }
            self.found.index += 1;
        }
        Err(Reason::UnknownOption)
    }
}

/// The part of `word` from byte `at` on, still NUL-terminated.
fn tail(word: &CStr, at: usize) -> &CStr {
    let bytes = word.to_bytes_with_nul().get(at..).unwrap_or_default();
    CStr::from_bytes_with_nul(bytes).unwrap_or_default()
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
        "usage\n\n  -t, --tty           words\n  -i, --interactive   words\n  -e, --env K=V       words\n      --pid NS        words\n  -c CODE  words\n  -w  words\n"
    ));
    const LETTERS: [char; 6] = ['t', 'i', 'e', 'p', 'c', 'w'];

    /// Reads a whole command line: options as `id=value;`, then operands joined with blanks.
    fn read(words: &'static [&'static CStr]) -> Result<String, Refusal> {
        let mut arguments = Arguments::new(words.iter().copied(), 0);
        let mut seen = String::new();
        while arguments.take(MANUAL).map_err(|reason| arguments.refusal(reason))? {
            let Found { index, value, .. } = arguments.found;
            seen.push_str(&format!("{}={};", LETTERS[index], value.to_str().unwrap()));
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
            (&[c"-wc3", c"-c", c"4", c"-wt"], "w=;c=3;c=4;w=;t=;"),
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
            (&[c"-t-pid", c"x"], at(0, Reason::UnknownOption)),
        ] {
            assert_eq!(read(words), Err(refusal), "{words:?}");
        }
    }
}
