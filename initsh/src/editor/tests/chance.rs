//! Keys by chance, beside a simple editor. `INITSH_SEED` chooses others.

extern crate std;

use std::println;
use std::string::String;
use std::vec::Vec;

use super::super::{Editor, Step};
use super::{BYTES, Desk, region};
use crate::limits::LINE_BYTES;
use crate::memory::Memory;

/// Any editor is this one, slowly: letters and where the cursor is.
#[derive(Default)]
struct Plain {
    letters: Vec<char>,
    cursor: usize,
    killed: Vec<char>,
}

impl Plain {
    fn is_part(letter: char, fields: bool) -> bool {
        if fields { letter != ' ' } else { letter.is_alphanumeric() || letter == '_' }
    }

    fn word_left(&self, fields: bool) -> usize {
        let mut at = self.cursor;
        while at > 0 && !Plain::is_part(self.letters[at - 1], fields) {
            at -= 1;
        }
        while at > 0 && Plain::is_part(self.letters[at - 1], fields) {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let mut at = self.cursor;
        while at < self.letters.len() && !Plain::is_part(self.letters[at], false) {
            at += 1;
        }
        while at < self.letters.len() && Plain::is_part(self.letters[at], false) {
            at += 1;
        }
        at
    }

    fn remove(&mut self, from: usize, to: usize, keeps: bool) {
        let removed: Vec<char> = self.letters.drain(from..to).collect();
        self.cursor = from;
        if keeps && !removed.is_empty() {
            self.killed = removed;
        }
    }

    fn press(&mut self, key: &str) {
        let (cursor, length) = (self.cursor, self.letters.len());
        match key {
            "\x01" => self.cursor = 0,
            "\x05" => self.cursor = length,
            "\x02" | "\x1b[D" => self.cursor = cursor.saturating_sub(1),
            "\x06" | "\x1b[C" => self.cursor = (cursor + 1).min(length),
            "\x1bb" | "\x1b[1;5D" => self.cursor = self.word_left(false),
            "\x1bf" | "\x1b[1;5C" => self.cursor = self.word_right(),
            "\x7f" => self.remove(cursor.saturating_sub(1), cursor, false),
            "\x1b[3~" => self.remove(cursor, (cursor + 1).min(length), false),
            "\x0b" => self.remove(cursor, length, true),
            "\x15" => self.remove(0, cursor, true),
            "\x17" => self.remove(self.word_left(true), cursor, true),
            "\x1b\x7f" => self.remove(self.word_left(false), cursor, true),
            "\x1bd" => self.remove(cursor, self.word_right(), true),
            "\x19" => {
                let killed = self.killed.clone();
                self.letters.splice(cursor..cursor, killed.iter().copied());
                self.cursor += killed.len();
            }
            "\x14" => {
                let at = if cursor == length { cursor.saturating_sub(1) } else { cursor };
                if at > 0 && at < length {
                    self.letters.swap(at - 1, at);
                    self.cursor = at + 1;
                }
            }
            text => {
                self.letters.splice(cursor..cursor, text.chars());
                self.cursor += text.chars().count();
            }
        }
    }
}

/// A sequence of numbers from a seed. xorshift64
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn seed() -> u64 {
    std::env::var("INITSH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x2545_f491)
}

#[test]
fn keys_by_chance_do_what_a_simple_editor_does() {
    let keys = [
        "a",
        "b",
        "_",
        " ",
        " ",
        "/",
        ".",
        "ö",
        "語",
        "x1",
        "\x01",
        "\x05",
        "\x02",
        "\x1b[D",
        "\x06",
        "\x1b[C",
        "\x1bb",
        "\x1b[1;5D",
        "\x1bf",
        "\x1b[1;5C",
        "\x7f",
        "\x1b[3~",
        "\x0b",
        "\x15",
        "\x17",
        "\x1b\x7f",
        "\x1bd",
        "\x19",
        "\x14",
    ];
    let mut chance = Chance(seed());
    for round in 0..300 {
        let columns = 20 + chance.below(60);
        let mut bytes = region();
        let mut desk = Desk::new(&mut bytes, columns);
        let mut plain = Plain::default();
        let mut typed = String::new();
        for _ in 0..200 {
            // Often letters, or nothing would ever be there.
            let bound = if chance.below(2) == 0 { 10 } else { keys.len() };
            let key = keys[chance.below(bound)];
            if plain.letters.len() > 300 {
                break;
            }
            typed.push_str(key);
            plain.press(key);
            desk.keys(key.as_bytes());
            let mut expected: Vec<char> = plain.letters.clone();
            expected.insert(plain.cursor, '|');
            let expected: String = expected.into_iter().collect();
            assert_eq!(desk.line(), expected, "round {round}: {typed:?}");
            // On the screen stands a part of it, and the cursor where it is in it.
            let (shown, cursor) = (desk.screen.text(), desk.screen.cursor);
            let shown: Vec<char> = shown.strip_prefix("$ ").expect("the prompt").chars().collect();
            let hidden = desk.editor.hidden;
            assert_eq!(cursor - 2 + hidden, plain.cursor, "round {round}: {typed:?}");
            let part: Vec<char> =
                plain.letters[hidden..].iter().copied().take(columns - 3).collect();
            assert_eq!(shown, part, "round {round}: {typed:?}");
        }
    }
}

#[test]
fn bytes_by_chance_do_no_harm() {
    let mut chance = Chance(seed() ^ 0x5555);
    let mut lines = 0;
    for _ in 0..200 {
        let mut bytes = region();
        let mut memory = Memory::new(&mut bytes, BYTES);
        let mut editor = Editor::default();
        editor.prepare(&mut memory);
        let prompt = memory.top;
        memory.push_bytes(b"$ \0");
        let mark = memory.top;
        editor.begin(&memory, prompt);
        for _ in 0..6000 {
            // Control bytes and parts of sequences more often than others.
            let byte = match chance.below(3) {
                0 => chance.below(32) as u8,
                1 => b"[O;~ABCDHF0123456789"[chance.below(20)],
                _ => chance.below(256) as u8,
            };
            if matches!(editor.take(&mut memory, byte), Step::Line) {
                editor.remember(&mut memory);
                editor.begin(&memory, prompt);
                lines += 1;
            }
            let columns = chance.below(200);
            editor.draw(&mut memory, columns);
            assert!(!memory.full);
            assert!(memory.top - mark < 4 * LINE_BYTES, "a flood");
            memory.top = mark;
            assert!(editor.line <= editor.left && editor.left < editor.right);
            assert!(editor.right <= editor.end());
        }
    }
    println!("measured: {lines} lines");
    assert!(lines > 1000, "{lines}");
}
