//! The editor on a terminal that is drawn here.

extern crate std;

mod chance;

use std::boxed::Box;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::{Editor, Step};
use crate::limits::{HISTORY_BYTES, LINE_BYTES, MEMORY_BYTES};
use crate::memory::Memory;

/// One line of a terminal, and the lines above it.
struct Screen {
    columns: usize,
    line: Vec<char>,
    cursor: usize,
    above: Vec<String>,
}

impl Screen {
    fn new(columns: usize) -> Screen {
        Screen { columns, line: Vec::new(), cursor: 0, above: Vec::new() }
    }

    fn show(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut rest = text.as_str();
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '\r' => self.cursor = 0,
                '\n' => {
                    self.above.push(self.text());
                    (self.line, self.cursor) = (Vec::new(), 0);
                }
                '\x08' => self.cursor = self.cursor.checked_sub(1).expect("behind the margin"),
                '\x1b' => {
                    let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap() + 1;
                    if &rest[..end] == "[K" {
                        self.line.truncate(self.cursor);
                    }
                    rest = &rest[end..];
                }
                letter => {
                    assert!(!letter.is_control(), "{text:?}");
                    self.line.resize(self.line.len().max(self.cursor + 1), ' ');
                    self.line[self.cursor] = letter;
                    self.cursor += 1;
                    assert!(self.cursor < self.columns, "the line wraps: {text:?}");
                }
            }
        }
    }

    fn text(&self) -> String {
        self.line.iter().collect()
    }
}

/// A whole region, of which the kernel gives what is touched.
fn region() -> Box<[u8; MEMORY_BYTES]> {
    vec![0; MEMORY_BYTES].try_into().unwrap()
}

/// The editor with what it needs, as the shell uses it.
struct Desk<'m> {
    memory: Memory<'m>,
    editor: Editor,
    screen: Screen,
}

const PROMPT: &str = "\x1b[1m$ \x1b[0m";

impl<'m> Desk<'m> {
    fn new(bytes: &'m mut [u8; MEMORY_BYTES], columns: usize) -> Desk<'m> {
        let mut memory = Memory::new(bytes, BYTES);
        let mut editor = Editor::default();
        editor.prepare(&mut memory);
        let mut desk = Desk { memory, editor, screen: Screen::new(columns) };
        desk.begin();
        desk
    }

    fn begin(&mut self) {
        let prompt = self.memory.top;
        self.memory.push_bytes(PROMPT.as_bytes());
        self.memory.push(0);
        self.editor.begin(&self.memory, prompt);
        self.editor.draw_prompt(&mut self.memory);
        self.write(prompt + PROMPT.len() + 1);
        self.draw();
    }

    fn draw(&mut self) {
        let mark = self.memory.top;
        self.editor.draw(&mut self.memory, self.screen.columns);
        self.write(mark);
    }

    fn write(&mut self, mark: usize) {
        self.screen.show(self.memory.slice(mark, self.memory.top - mark));
        self.memory.top = mark;
    }

    /// Types keys, draws, and gives what the last one asked for; each line is read as the shell does.
    fn keys(&mut self, keys: &[u8]) -> Step {
        let mut step = Step::Nothing;
        for key in keys {
            step = self.editor.take(&mut self.memory, *key);
            if step == Step::Line {
                self.draw();
                self.screen.show(b"\n");
                self.editor.remember(&mut self.memory);
                self.begin();
            }
        }
        self.draw();
        step
    }

    /// What is in the line, with `|` for the cursor.
    fn line(&self) -> String {
        let (line, left) = (self.editor.line, self.editor.left);
        let right = self.editor.right;
        let text = [
            self.memory.slice(line, left - line),
            b"|",
            self.memory.slice(right, self.editor.end() - right),
        ];
        String::from_utf8_lossy(&text.concat()).into_owned()
    }
}

const BYTES: usize = 1 << 17;

/// What is typed, and what is in the line then.
const ROWS: &[(&str, &str)] = &[
    ("", "|"),
    ("abc", "abc|"),
    ("abc\x02", "ab|c"),
    ("abc\x02\x02\x02\x02X", "X|abc"),
    ("abc\x01X\x05Y", "XabcY|"),
    ("abc\x01\x06X", "aX|bc"),
    ("abc\x7f", "ab|"),
    ("abc\x01\x7f\x08", "|abc"),
    ("abc\x02\x08X", "aX|c"),
    ("abc\x01\x04", "|bc"),
    ("abc\x01\x1b[3~", "|bc"),
    ("abc\x1b[3~", "abc|"),
    ("one two\x17", "one |"),
    ("one two  \x17\x19\x19", "one two  two  |"),
    ("ls /usr/bin\x1b\x7f", "ls /usr/|"),
    ("ls /usr/bin\x1b\x08\x19", "ls /usr/bin|"),
    ("ls /usr/bin\x17", "ls |"),
    ("one two three\x1bb\x1bb\x0b", "one |"),
    ("one two three\x1bb\x1bb\x0b\x01\x19", "two three|one "),
    ("one two\x1bb\x15", "|two"),
    ("one two\x1bb\x15\x05\x19", "twoone |"),
    ("one two\x01\x1bf", "one| two"),
    ("one two\x01\x1bf\x1bf\x1bf", "one two|"),
    ("one two\x01\x1bd", "| two"),
    ("one two\x01\x1bd\x05\x19", " twoone|"),
    ("ab\x14", "ba|"),
    ("abc\x01\x06\x14", "ba|c"),
    ("a\x14", "a|"),
    ("abc\x01\x14", "|abc"),
    ("aö\x14", "öa|"),
    ("日本語\x02\x02\x14", "本日|語"),
    ("öä\x7f", "ö|"),
    ("öä\x02\x02x", "x|öä"),
    ("öäü\x01\x06\x04", "ö|ü"),
    ("größe 2\x1bb\x1bb", "|größe 2"),
    // What terminals send.
    ("ab\x1b[Dx", "ax|b"),
    ("ab\x1bODx", "ax|b"),
    ("ab\x1b[D\x1b[Cx", "abx|"),
    ("ab\x1b[Hx", "x|ab"),
    ("ab\x1bOHx\x1bOFy", "xaby|"),
    ("ab\x1b[1~x\x1b[4~y", "xaby|"),
    ("ab\x1b[7~x\x1b[8~y", "xaby|"),
    ("one two\x1b[1;5Dx", "one x|two"),
    ("one two\x1b[1;3Dx", "one x|two"),
    ("one two\x1b[5Dx", "one x|two"),
    ("one two\x01\x1b[1;5Cx", "onex| two"),
    // What it does not know it passes over.
    ("a\x1b[15~b\x1b[Zc\x1b[200~d\x1b[?1;2ce", "abcde|"),
    ("a\x1b[[Ab\x1b[[Ec", "abc|"),
    ("a\x1b[5~b\x1b[6~c", "abc|"),
    ("a\x00\x07\x0f\x12\x13\x16\x18\x1a\x1c\x1d\x1e\x1fb", "ab|"),
    // ESC alone takes no key away, but those that mean something with Alt.
    ("a\x1bxb", "axb|"),
    ("a\x1b\x1b[Dx", "x|a"),
    ("ab\x1b\x02x", "ax|b"),
    ("ab\x1b[\x02x", "ax|b"),
];

#[test]
fn keys_do_what_they_do_everywhere() {
    for &(keys, expected) in ROWS {
        let mut bytes = region();
        let mut desk = Desk::new(&mut bytes, 80);
        assert_eq!(desk.keys(keys.as_bytes()), Step::Nothing, "{keys:?}");
        assert_eq!(desk.line(), expected, "{keys:?}");
        // The same, each byte in a read of its own.
        let mut bytes = region();
        let mut slow = Desk::new(&mut bytes, 80);
        let ascii = keys.is_ascii();
        keys.bytes().for_each(|key| {
            if ascii {
                slow.keys(&[key]);
            } else {
                slow.editor.take(&mut slow.memory, key);
            }
        });
        slow.draw();
        for desk in [desk, slow] {
            assert_eq!(desk.line(), expected, "{keys:?}");
            let before = expected.split('|').next().unwrap().chars().count();
            assert_eq!(desk.screen.text(), ["$ ", &expected.replace('|', "")].concat(), "{keys:?}");
            assert_eq!(desk.screen.cursor, 2 + before, "{keys:?}");
        }
    }
}

#[test]
fn some_keys_are_the_shells() {
    for (keys, expected) in [
        ("a\r", Step::Line),
        ("a\n", Step::Line),
        ("a\x1bOM", Step::Line),
        ("a\x1b\r", Step::Line),
        ("a\x1b[\r", Step::Line),
        ("\x04", Step::End),
        ("a\x7f\x04", Step::End),
        ("a\x01\x04\x04", Step::End),
        ("\x1b[3~", Step::Nothing),
        ("a\x03", Step::Interrupt),
        ("a\t", Step::Complete),
        ("a\x0c", Step::Clear),
    ] {
        let mut bytes = region();
        assert_eq!(Desk::new(&mut bytes, 80).keys(keys.as_bytes()), expected, "{keys:?}");
    }
}

#[test]
fn lines_come_again_as_they_were() {
    for (keys, expected) in [
        ("\x10", "|"),
        ("one\r\x10", "one|"),
        ("one\rtwo\r\x10\x10\x10", "one|"),
        ("one\rtwo\r\x10\x10\x0e", "two|"),
        // What was being typed is kept below.
        ("one\rtwo\rnew\x02\x10\x10\x0e\x0e\x0e", "new|"),
        ("one\rnew\x10x\x0e\x10", "one|"),
        ("one\r\x1b[A", "one|"),
        ("one\r\x1bOA\x1bOB", "|"),
        // Not the same twice in a row, and not what is empty.
        ("one\rtwo\rtwo\r\r\x10\x10", "one|"),
        ("one\rtwo\rone\r\x10\x10\x10", "one|"),
        // An old one can be changed and is a new one then.
        ("one\r\x10\x7f\r\x10", "on|"),
        ("one\r\x10\x7f\r\x10\x10", "one|"),
        ("größe\r\x10\x7f", "größ|"),
    ] {
        let mut bytes = region();
        let mut desk = Desk::new(&mut bytes, 80);
        desk.keys(keys.as_bytes());
        assert_eq!(desk.line(), expected, "{keys:?}");
    }
}

#[test]
fn the_oldest_lines_are_forgotten() {
    let mut bytes = region();
    let mut desk = Desk::new(&mut bytes, 80);
    let typed = |number: usize| std::format!("{number:04}").repeat(25);
    for number in 0..1000 {
        desk.keys(typed(number).as_bytes());
        desk.keys(b"\r");
    }
    let kept = HISTORY_BYTES / 101;
    for number in (1000 - kept..1000).rev() {
        desk.keys(b"\x10");
        assert_eq!(desk.line(), typed(number) + "|");
    }
    desk.keys(b"\x10");
    assert_eq!(desk.line(), typed(1000 - kept) + "|");
    // A line as long as one can be is one of them.
    desk.keys(b"\x15");
    desk.keys("x".repeat(LINE_BYTES - 1).as_bytes());
    assert!(!desk.editor.full);
    desk.keys(b"\r\x10\x10");
    assert_eq!(desk.line(), typed(999) + "|");
}

#[test]
fn a_line_has_a_bound_and_what_is_too_much_is_told() {
    let mut bytes = region();
    let mut desk = Desk::new(&mut bytes, 80);
    desk.keys("x".repeat(LINE_BYTES - 1).as_bytes());
    assert!(!desk.editor.full);
    desk.keys(b"x");
    assert!(desk.editor.full);
    desk.keys(b"\r");
    assert!(!desk.editor.full);
}

#[test]
fn long_lines_scroll_and_the_cursor_stays_in_sight() {
    let mut bytes = region();
    let mut desk = Desk::new(&mut bytes, 20);
    let text = "abcdefghijklmnopqrstuvwxyz0123456789";
    for letter in text.bytes() {
        desk.keys(&[letter]);
    }
    assert!(desk.screen.text().ends_with("789"), "{}", desk.screen.text());
    desk.keys(b"\x01");
    assert_eq!((desk.screen.text().as_str(), desk.screen.cursor), ("$ abcdefghijklmnopq", 2));
    desk.keys(b"\x05");
    // The window grows, and the whole line is there.
    desk.screen.columns = 80;
    desk.keys(b"\x02");
    assert_eq!(desk.screen.text(), ["$ ", text].concat());
    // And it gets narrow.
    desk.screen = Screen::new(20);
    desk.keys(b"\x02");
    let shown = desk.screen.text();
    let cursor = desk.screen.cursor;
    assert_eq!(shown.chars().nth(cursor), Some('8'), "{shown} {cursor}");
}
