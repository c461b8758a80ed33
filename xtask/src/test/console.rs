//! Lines of a program's output as they come, also one that is not finished yet.

use std::time::{Duration, Instant};

/// More lines than any scenario or test binary writes: a loop that prints is not kept in memory.
const MOST_LINES: usize = 200_000;

/// More than any line: a loop that prints without a newline is not kept either.
const LONGEST_LINE: usize = 1 << 20;

/// Everything that was written so far.
pub struct Console {
    pub lines: Vec<String>,
    /// When each line ended, since the start.
    pub times: Vec<Duration>,
    start: Instant,
    unfinished: Vec<u8>,
    /// How much of the unfinished line has been found by `on_text`.
    found: usize,
}

/// There is too much of it.
#[derive(Debug)]
pub struct TooMuch;

impl Console {
    pub fn new(start: Instant) -> Console {
        Console { lines: Vec::new(), times: Vec::new(), start, unfinished: Vec::new(), found: 0 }
    }

    /// Takes a piece of output. `on_text` is shown every line that grows or ends, for a prompt
    /// has no end; where it says true, that text is not shown again. `on_line` gets whole lines.
    pub fn add(
        &mut self,
        bytes: &[u8],
        mut on_text: impl FnMut(&str) -> bool,
        mut on_line: impl FnMut(&str),
    ) -> Result<(), TooMuch> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.unfinished.extend_from_slice(piece);
            let new = text(self.unfinished.get(self.found..).unwrap_or_default());
            if !new.is_empty() && on_text(&new) {
                self.found = self.unfinished.len();
            }
            if piece.ends_with(b"\n") {
                self.finish(&mut on_line);
            }
            if self.lines.len() > MOST_LINES || self.unfinished.len() > LONGEST_LINE {
                return Err(TooMuch);
            }
        }
        Ok(())
    }

    /// Makes a line of what was not finished, when nothing more comes.
    pub fn close(&mut self, mut on_line: impl FnMut(&str)) {
        if !self.unfinished.is_empty() {
            self.finish(&mut on_line);
        }
    }

    fn finish(&mut self, on_line: &mut impl FnMut(&str)) {
        let line = text(&self.unfinished);
        on_line(&line);
        self.lines.push(line);
        self.times.push(self.start.elapsed());
        self.unfinished.clear();
        self.found = 0;
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_found_once_though_its_line_goes_on() {
        let mut console = Console::new(Instant::now());
        let mut prompts = 0;
        let mut shown = Vec::new();
        for piece in ["boot\nlog", "in: ", "rootin: \n", "next\r\nlast"] {
            let on_text = |text: &str| {
                shown.push(text.to_owned());
                let found = text.contains("in: ");
                prompts += usize::from(found);
                found
            };
            console.add(piece.as_bytes(), on_text, |_| ()).unwrap();
        }
        console.close(|_| ());
        assert_eq!(console.lines, ["boot", "login: rootin: ", "next", "last"]);
        assert_eq!(console.times.len(), 4);
        assert_eq!(shown, ["boot", "log", "login: ", "rootin: ", "next", "last"]);
        assert_eq!(prompts, 2);
    }

    #[test]
    fn a_line_without_end_is_too_much() {
        let mut console = Console::new(Instant::now());
        let add = |console: &mut Console| console.add(&[b'x'; 1000], |_| false, |_| ());
        assert!((0..2000).any(|_| add(&mut console).is_err()));
    }
}
