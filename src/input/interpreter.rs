//! Which other file a program needs to be executed.

use crate::text::parts::parts;

/// Bytes of a file that tell: an ELF file names its loader near its start, a script its shell in its first line.
pub const HEAD_BYTES: usize = 4096;

/// The interpreter of a script, or the loader of an ELF file of 64 bits; nothing where none is named within the head.
/// `head` is the start of the file, filled up with NULs.
#[must_use]
pub fn needed(head: &[u8; HEAD_BYTES]) -> Option<&[u8]> {
    match head {
        [b'#', b'!', line @ ..] => {
            let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
            let line = line.get(start..)?;
            let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0));
            line.get(..end?)
        }
        [0x7f, _, _, _, 2, ..] => loader(head),
        _ => None,
    }
}

/// Bytes of an ELF file's header, behind which linkers put its table of segments. elf(5).
const HEADER_BYTES: usize = 64;
/// Where in the header the number of rows stands: the lower byte of `e_phnum`.
const COUNT_AT: usize = 56;
/// Bytes of a row: `Elf64_Phdr`.
const ROW_BYTES: usize = 56;
/// A row that begins with this type, `PT_INTERP`, has the place of the loader's name at byte 8.
const INTERPRETER: [u8; 4] = [3, 0, 0, 0];

fn loader(elf: &[u8; HEAD_BYTES]) -> Option<&[u8]> {
    // What lies behind the table may look like a row. Where the answer only explains a failure, the check is not worth
    // its code. The lower byte of the number is enough: a head holds 72 rows.
    let rows_bytes = ROW_BYTES * usize::from(elf[COUNT_AT]);
    let end = if cfg!(feature = "boot") { HEADER_BYTES + rows_bytes } else { HEAD_BYTES };
    let mut rows = elf.get(HEADER_BYTES..end)?;
    loop {
        let (row, rest) = rows.split_first_chunk::<ROW_BYTES>()?;
        if row.first_chunk() == Some(&INTERPRETER) {
            let place = u32::from_le_bytes([row[8], row[9], row[10], row[11]]);
            return Some(parts(elf.get(place as usize..)?, 0).skip_to(0));
        }
        rows = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], interpreter: Option<&str>) {
        let mut whole = [0; HEAD_BYTES];
        whole[..head.len()].copy_from_slice(head);
        assert_eq!(needed(&whole), interpreter.map(str::as_bytes), "{head:?}");
    }

    #[test]
    fn a_script_names_its_interpreter() {
        for (head, interpreter) in [
            ("#!/bin/sh\necho", Some("/bin/sh")),
            ("#! \t /usr/bin/env\tpython3\n", Some("/usr/bin/env")),
            ("#!/bin/sh", Some("/bin/sh")),
            ("#!\n", Some("")),
            ("echo", None),
            ("", None),
            ("\x7fELF", None),
        ] {
            check(head.as_bytes(), interpreter);
        }
    }

    #[test]
    fn an_elf_file_names_its_loader() {
        let mut elf = vec![0; 200];
        elf[..5].copy_from_slice(b"\x7fELF\x02");
        elf[56] = 2;
        (elf[64], elf[120], elf[128]) = (1, 3, 180);
        elf[180..190].copy_from_slice(b"/lib/ld.so");
        check(&elf, Some("/lib/ld.so"));
        // What lies behind the head, or nowhere, is not read.
        for (place, value, name) in [
            (128, 1, Some("ELF\x02")),
            (129, 255, None),
            (130, 1, None),
            (120, 4, None),
            (56, 1, None),
            (4, 1, None),
        ] {
            let mut broken = elf.clone();
            broken[place] = value;
            check(&broken, name);
        }
    }
}
