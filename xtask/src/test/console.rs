//! Lines of a program's output as they come, an unfinished one included.

use std::time::{Duration, Instant};

/// More lines than any scenario or test binary writes: what prints in a loop must not fill the memory.
const MOST_LINES: usize = 200_000;

/// More bytes than any line has: what prints in a loop may print no newline.
const LONGEST_LINE: usize = 1 << 20;

/// Everything that was written so far.
pub struct Console {
    pub lines: Vec<String>,
    /// When each line ended, since the start.
    pub times: Vec<Duration>,
    start: Instant,
    unfinished: Vec<u8>,
    /// How many bytes of the unfinished line `on_text` has recognised, and is not shown again.
    found: usize,
}

/// There was more output than `MOST_LINES` or `LONGEST_LINE` allow.
#[derive(Debug)]
pub struct TooMuch;

impl Console {
    pub fn new(start: Instant) -> Console {
        Console { lines: Vec::new(), times: Vec::new(), start, unfinished: Vec::new(), found: 0 }
    }

    /// Takes a piece of output. `on_text` is shown each line as it grows, since a prompt is never a
    /// whole line; where it returns true, that text is not shown again. `on_line` gets whole lines.
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

    /// Finishes the last line, when nothing more comes.
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
