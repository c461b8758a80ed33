//! Redirections. XCU 2.7.

use crate::host::{Host, Open};
use crate::memory::At;
use crate::options::NOCLOBBER;
use crate::shell::{Run, Shell};
use crate::tree::{FIELD, redirection};

/// Descriptors that redirections can change.
const DESCRIPTORS: usize = 10;
/// That nothing is open under a number.
const EBADF: i32 = 9;

const UNTOUCHED: i32 = -1;
const CLOSED: i32 = -2;

/// Where changed descriptors are kept.
pub(crate) struct Saved([i32; DESCRIPTORS]);

impl Saved {
    pub const NOTHING: Self = Self([UNTOUCHED; DESCRIPTORS]);
}

impl<H: Host> Shell<'_, H> {
    /// Performs redirections in their order. What was there before is kept if asked for, also when one fails.
    pub(crate) fn redirect(&mut self, mut list: At, mut saved: Option<&mut Saved>) -> Run {
        while list != 0 {
            let mark = self.memory.top;
            self.redirect_one(list, saved.as_deref_mut())?;
            self.memory.top = mark;
            list = self.child(list, 0);
        }
        Ok(())
    }

    fn redirect_one(&mut self, node: At, saved: Option<&mut Saved>) -> Run {
        let packed = self.memory.word(node + FIELD);
        let (kind, target) = (packed as u8, (packed >> 8) as i32);
        let word = self.child(node, 2);
        let text = self.single(word)?;
        if self.memory.full {
            return self.out_of_memory();
        }
        let copies = matches!(kind, redirection::COPY_INPUT | redirection::COPY_OUTPUT);
        let source = match kind {
            redirection::COPY_INPUT | redirection::COPY_OUTPUT => {
                let number = match self.memory.string(text) {
                    b"-" => Some(-1),
                    [digit @ b'0'..=b'9'] => Some(i32::from(digit - b'0')),
                    _ => None,
                };
                let Some(number) = number else { return self.fail(text, b"bad descriptor") };
                number
            }
            redirection::HERE | redirection::HERE_TABS => {
                let made = self.host.here_document(self.memory.string(text));
                made.or_else(|errno| self.fail_errno(0, b"here-document", errno))?
            }
            _ => self.open_target(kind, text)?,
        };
        // Opened under the very number: it was free before.
        let is_new = source == target && !copies;
        let kept = self.keep_descriptor(target, saved, is_new);
        let done = match kept {
            Ok(()) if source < 0 => {
                self.host.close(target);
                Ok(())
            }
            Ok(()) if source != target => self.host.duplicate(source, target),
            kept => kept,
        };
        if !copies && !is_new {
            self.host.close(source);
        }
        done.or_else(|errno| self.fail_errno(text, b"bad descriptor", errno))
    }

    fn open_target(&mut self, kind: u8, text: At) -> Run<i32> {
        let how = match kind {
            redirection::READ => Open::Read,
            redirection::APPEND => Open::Append,
            redirection::BOTH => Open::Both,
            redirection::WRITE if self.is_set(NOCLOBBER) => Open::New,
            _ => Open::Write,
        };
        let words: &[u8] = match how {
            Open::Read => b"cannot open",
            _ => b"cannot create",
        };
        match self.host.open(self.memory.c_string(text), how) {
            Ok(descriptor) => Ok(descriptor),
            Err(errno) => self.fail_errno(text, words, errno),
        }
    }

    /// Keeps what a descriptor is, unless that has been kept before or was nothing; gives the errno where no other
    /// number is free for it.
    fn keep_descriptor(
        &mut self,
        target: i32,
        saved: Option<&mut Saved>,
        is_new: bool,
    ) -> Result<(), i32> {
        let place = saved.and_then(|saved| saved.0.get_mut(target as usize));
        if let Some(place) = place
            && *place == UNTOUCHED
        {
            *place = match if is_new { Err(EBADF) } else { self.host.save(target) } {
                Err(EBADF) => CLOSED,
                kept => kept?,
            };
        }
        Ok(())
    }

    /// Puts back what was kept.
    pub(crate) fn restore(&mut self, saved: &Saved) {
        for (target, kept) in saved.0.iter().enumerate() {
            match *kept {
                UNTOUCHED => {}
                CLOSED => self.host.close(target as i32),
                kept => {
                    let _ = self.host.duplicate(kept, target as i32);
                    self.host.close(kept);
                }
            }
        }
    }
}
