//! `getopts`. XCU getopts

use crate::host::Host;
use crate::memory::At;
use crate::shell::{Run, Shell};

impl<H: Host> Shell<'_, H> {
    pub(super) fn getopts(&mut self) -> Run<i32> {
        let known = self.take_word();
        let name = self.take_word();
        if name == 0 {
            return self.fail(0, b"getopts needs options and a name");
        }
        let name = self.named(name)?;
        let all = if self.words.count > 0 { self.words } else { self.parameters };
        let value = self.value(self.symbols.optind);
        let index = if value == 0 { 0 } else { self.number_of(value)? };
        let mut index = (index as usize).max(1);
        let argument_symbol = self.own_symbol(b"OPTARG");
        let word = self.nth_word(all, index);
        let text = self.memory.string(word);
        // Other words than those of the call before may be shorter.
        if self.option_place == 0 || self.option_place >= text.len() {
            let is_option = matches!(text, [b'-', next, ..] if *next != b'-')
                || matches!(text, [b'-', b'-', _, ..]);
            if !is_option {
                index += usize::from(text == b"--");
                self.set_getopts(name, b'?', index)?;
                return Ok(1);
            }
            self.option_place = 1;
        }
        let letter = self.memory.byte(word + self.option_place);
        self.option_place += 1;
        let mut place = self.option_place;
        if self.memory.byte(word + place) == 0 {
            place = 0;
            index += 1;
        }
        let silent = self.memory.byte(known) == b':';
        let options = self.memory.string(known);
        let found = options.iter().position(|known| *known == letter && letter != b':');
        let takes = found.and_then(|place| options.get(place + 1)) == Some(&b':');
        let mut answer = letter;
        if found.is_none() {
            answer = b'?';
            self.getopts_error(silent, letter, argument_symbol, b"no such option: -")?;
        } else if takes {
            let argument = if place != 0 { word + place } else { self.nth_word(all, index) };
            index += 1;
            place = 0;
            if argument == 0 {
                index -= 1;
                answer = if silent { b':' } else { b'?' };
                self.getopts_error(silent, letter, argument_symbol, b"no argument for -")?;
            } else {
                self.assign(argument_symbol, argument)?;
            }
        } else {
            self.assign_bytes(argument_symbol, b"")?;
        }
        self.set_getopts(name, answer, index)?;
        self.option_place = place;
        Ok(0)
    }

    fn set_getopts(&mut self, symbol: At, answer: u8, index: usize) -> Run {
        self.assign_bytes(symbol, &[answer])?;
        self.assign_number(self.symbols.optind, index as i64)
    }

    fn getopts_error(&mut self, silent: bool, letter: u8, symbol: At, words: &[u8]) -> Run {
        if silent {
            return self.assign_bytes(symbol, &[letter]);
        }
        let mark = self.memory.top;
        self.begin_error();
        self.memory.push_bytes(words);
        self.memory.push(letter);
        self.end_error(mark, 0);
        self.assign(symbol, 0)
    }
}
