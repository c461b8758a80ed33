//! `cd` and `pwd`.

use crate::host::{Host, Look, kind};
use crate::limits::PATH_BYTES;
use crate::memory::At;
use crate::shell::{Run, Shell};
use crate::symbols::{EXPORTED, entry};

impl<H: Host> Shell<'_, H> {
    /// At the start: PWD stays what it is where it names the working directory.
    pub(crate) fn find_directory(&mut self) -> Run {
        let value = self.memory.word(self.symbols.pwd + entry::VALUE);
        if value != 0 && self.memory.byte(value) == b'/' {
            let named = self.host.status(self.memory.c_string(value), Look::Through);
            let here = self.host.status(c".", Look::Through);
            if let (Ok(named), Ok(here)) = (named, here)
                && named.identity == here.identity
            {
                return Ok(());
            }
        }
        self.set_physical()
    }

    /// Sets PWD to what the kernel says.
    fn set_physical(&mut self) -> Run {
        let mark = self.memory.top;
        let Some(room) = self.memory.room(PATH_BYTES) else { return self.out_of_memory() };
        if let Ok(length) = self.host.current_directory(room) {
            self.memory.top += length;
            self.memory.push(0);
            self.assign(self.symbols.pwd, mark)?;
        }
        self.memory.top = mark;
        Ok(())
    }

    pub(super) fn pwd(&mut self) -> Run<i32> {
        let value = self.value(self.symbols.pwd);
        let physical = self.last_option(b"LP")? == b'P' || value == 0;
        let mark = self.memory.top;
        if physical {
            let Some(room) = self.memory.room(PATH_BYTES) else { return self.out_of_memory() };
            match self.host.current_directory(room) {
                Ok(length) => self.memory.top += length.saturating_sub(1),
                Err(errno) => {
                    self.say(0, b"getcwd", errno);
                    return Ok(1);
                }
            }
        } else {
            self.memory.push_string(value);
        }
        self.memory.push(b'\n');
        self.output(mark)
    }

    pub(super) fn cd(&mut self) -> Run<i32> {
        let physical = self.last_option(b"LP")? == b'P';
        let mut target = self.take_word();
        let is_named = target != 0;
        if !is_named {
            target = self.value(self.symbols.home);
        }
        let mut shows = false;
        if target == 0 {
            return self.fail(0, b"cd: HOME is not set");
        }
        if is_named && self.memory.string(target) == b"-" {
            target = self.value(self.symbols.oldpwd);
            shows = true;
            if target == 0 {
                return self.fail(0, b"cd: OLDPWD is not set");
            }
        }
        let path = self.cd_path(target, &mut shows);
        let logical = if physical { 0 } else { self.logical_path(path) };
        let changed = self.host.change_directory(self.memory.c_string(match logical {
            0 => path,
            logical => logical,
        }));
        if let Err(errno) = changed {
            return self.fail_errno(target, b"cd", errno);
        }
        let old = self.value(self.symbols.pwd);
        if old != 0 {
            self.assign(self.symbols.oldpwd, old)?;
            self.set_flags(self.symbols.oldpwd, self.flags(self.symbols.oldpwd) | EXPORTED);
        }
        if logical == 0 {
            self.set_physical()?;
        } else {
            self.assign(self.symbols.pwd, logical)?;
        }
        self.set_flags(self.symbols.pwd, self.flags(self.symbols.pwd) | EXPORTED);
        let status = if shows { self.pwd()? } else { 0 };
        Ok(status)
    }

    /// Looks along CDPATH.
    #[inline(never)]
    fn cd_path(&mut self, target: At, shows: &mut bool) -> At {
        let symbol = self.own_symbol(b"CDPATH");
        let mut entry_at = self.value(symbol);
        let is_fixed = matches!(
            self.memory.string(target),
            [] | [b'/', ..] | b"." | b".." | [b'.', b'/', ..] | [b'.', b'.', b'/', ..]
        );
        if is_fixed || entry_at == 0 {
            return target;
        }
        loop {
            let path = self.memory.top;
            let length = self.memory.length_to(entry_at, b':');
            self.memory.push_copy(entry_at, length);
            if length > 0 {
                self.memory.push(b'/');
            }
            self.memory.push_whole(target);
            if self.kind_of(path) == kind::DIRECTORY {
                *shows |= length > 0;
                return path;
            }
            entry_at += length;
            if self.memory.byte(entry_at) == 0 {
                return target;
            }
            entry_at += 1;
        }
    }

    /// The path from the root, `.` and `..` resolved by their letters. 0 where that is not possible.
    #[inline(never)]
    fn logical_path(&mut self, path: At) -> At {
        let start = self.memory.top;
        if self.memory.byte(path) != b'/' {
            let pwd = self.value(self.symbols.pwd);
            if pwd == 0 || self.memory.byte(pwd) != b'/' {
                return 0;
            }
            self.memory.push_string(pwd);
            if self.memory.top == start + 1 {
                self.memory.top = start;
            }
        }
        let mut at = path;
        while self.memory.byte(at) != 0 {
            let length = self.memory.length_to(at, b'/');
            match self.memory.slice(at, length) {
                b"" | b"." => {}
                b".." => {
                    while self.memory.top > start {
                        self.memory.top -= 1;
                        if self.memory.byte(self.memory.top) == b'/' {
                            break;
                        }
                    }
                }
                _ => {
                    self.memory.push(b'/');
                    self.memory.push_copy(at, length);
                }
            }
            at += length;
            if self.memory.byte(at) == b'/' {
                at += 1;
            }
        }
        if self.memory.top == start {
            self.memory.push(b'/');
        }
        self.memory.push(0);
        start
    }
}
