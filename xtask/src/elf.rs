//! Checks that an ELF file is fit to be shipped; cuts off what is not shipped.

use anyhow::{Context, Result, anyhow};
use object::elf::{self, FileHeader64, ProgramFlags, ProgramHeader64};
use object::read::elf::{ElfFile, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind};

use crate::arch::Arch;

type Elf64<'a> = ElfFile<'a, FileHeader64<Endianness>>;

/// Modules of core whose functions may not be in a shipped binary: formatting costs 4 kB at its
/// first use, and every panic path brings it along.
const FORBIDDEN_PATHS: &[&str] = &["core::fmt", "core::panicking"];

/// The same as they stand in a symbol that cannot be demangled: both of Rust's manglings write
/// each part of a path with its length before it.
const FORBIDDEN_FRAGMENTS: &[&str] = &["4core3fmt", "4core9panicking"];

/// A section that takes up memory when the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    pub bytes: u64,
}

/// Every reason why a stripped binary is not fit to be shipped; empty when it is fit.
pub fn violations(bytes: &[u8], arch: Arch) -> Result<Vec<String>> {
    let file = parse(bytes)?;
    let mut found = header_violations(&file, arch);
    found.extend(segment_violations(&file));
    Ok(found)
}

/// The reasons that only its twin with symbols shows. A twin without symbols proves nothing, so it is refused.
pub fn symbol_violations(bytes: &[u8]) -> Result<Vec<String>> {
    let file = parse(bytes)?;
    let mut found = Vec::new();
    let mut named = 0;
    for symbol in file.symbols() {
        let name = symbol.name().context("symbol name")?;
        if name.is_empty() {
            continue;
        }
        named += 1;
        if symbol.is_undefined() {
            found.push(format!("undefined symbol {name}"));
        }
        if let Some(readable) = forbidden_symbol(name) {
            found.push(format!("symbol {readable}"));
        }
    }
    if named == 0 {
        found.push("no symbols at all, so nothing can be checked".to_owned());
    }
    Ok(found)
}

/// The readable names of all functions and constants that have a size, each with its bytes. Tables in `.bss` are left
/// out: they take no room in the file.
pub fn parts(bytes: &[u8]) -> Result<Vec<(String, u64)>> {
    let file = parse(bytes)?;
    let mut list = Vec::new();
    for symbol in file.symbols().filter(|symbol| symbol.size() > 0) {
        let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
        if section.is_some_and(|section| section.kind() != SectionKind::UninitializedData) {
            let name = symbol.name().context("symbol name")?;
            list.push((format!("{:#}", rustc_demangle::demangle(name)), symbol.size()));
        }
    }
    Ok(list)
}

/// The symbol's readable name when it comes from a part of core that is not to be shipped.
fn forbidden_symbol(name: &str) -> Option<String> {
    let readable = format!("{:#}", rustc_demangle::demangle(name));
    let forbidden = FORBIDDEN_PATHS.iter().any(|path| readable.contains(path))
        || FORBIDDEN_FRAGMENTS.iter().any(|part| name.contains(part));
    forbidden.then_some(readable)
}

/// The sections that are loaded, in the order they have in the file.
pub fn sections(bytes: &[u8]) -> Result<Vec<Section>> {
    let file = parse(bytes)?;
    let mut list = Vec::new();
    for section in file.sections() {
        if let SectionFlags::Elf { sh_flags, .. } = section.flags()
            && sh_flags & elf::SHF_ALLOC != elf::SectionFlags(0)
        {
            let name = section.name().context("section name")?.to_owned();
            list.push(Section { name, bytes: section.size() });
        }
    }
    Ok(list)
}

/// The same program without what only tools read: the ELF header no longer points to section headers,
/// and the file ends with its last segment. The file must also reach the start of a segment that has
/// no bytes in it (`.bss` alone): older kernels map the page in which such a segment starts, and
/// clear it from there on. Where it starts with a page, of the largest size that its machine has, nothing
/// is mapped of the file, and its offset becomes 0.
pub fn without_sections(bytes: &[u8]) -> Result<Vec<u8>> {
    let file = parse(bytes)?;
    let endian = file.endian();
    let segments = file.elf_program_headers();
    let headers_start = file.elf_header().e_phoff(endian);
    let headers_end = headers_start + size_of_val(segments) as u64;
    let is_outside = |h: &ProgramHeader64<Endianness>| {
        h.p_filesz(endian) == 0 && h.p_vaddr(endian).is_multiple_of(h.p_align(endian))
    };
    let outside: Vec<bool> = segments.iter().map(is_outside).collect();
    let inside = segments.iter().filter(|h| !is_outside(h));
    let ends = inside.map(|h| h.p_offset(endian).saturating_add(h.p_filesz(endian)));
    let end = usize::try_from(ends.fold(headers_end, u64::max))?;
    let mut kept = bytes.get(..end).context("a segment ends behind the end of the file")?.to_vec();
    let (header, _) = object::from_bytes_mut::<FileHeader64<Endianness>>(&mut kept)
        .map_err(|()| anyhow!("no ELF header"))?;
    header.e_shoff.set(endian, 0);
    header.e_shnum.set(endian, 0);
    header.e_shstrndx.set(endian, elf::SHN_UNDEF);
    let table = kept.get_mut(usize::try_from(headers_start)?..).context("no program headers")?;
    let (headers, _) =
        object::slice_from_bytes_mut::<ProgramHeader64<Endianness>>(table, outside.len())
            .map_err(|()| anyhow!("no program headers"))?;
    for (header, _) in headers.iter_mut().zip(outside).filter(|(_, outside)| *outside) {
        header.p_offset.set(endian, 0);
    }
    Ok(kept)
}

/// Whether a program needs no other file to run, neither a loader nor libraries. What is no 64-bit ELF file is not static.
pub fn is_static(bytes: &[u8]) -> bool {
    let Ok(file) = parse(bytes) else { return false };
    let endian = file.endian();
    file.elf_program_headers().iter().all(|h| h.p_type(endian) != elf::PT_INTERP)
}

fn parse(bytes: &[u8]) -> Result<Elf64<'_>> {
    Elf64::parse(bytes).context("not a 64-bit ELF file")
}

fn header_violations(file: &Elf64, arch: Arch) -> Vec<String> {
    let endian = file.endian();
    let header = file.elf_header();
    let mut found = Vec::new();
    if header.e_machine(endian) != arch.elf_machine() {
        found.push(format!("{:?} instead of {}", header.e_machine(endian), arch.name()));
    }
    if header.e_type(endian) != elf::ET_EXEC {
        found.push("not linked to a fixed address (ET_EXEC)".to_owned());
    }
    // Where there is no _start the linker only warns, and writes 0.
    let entry = header.e_entry(endian);
    let is_entry = |h: &&ProgramHeader64<Endianness>| {
        let start = h.p_vaddr(endian);
        has(h.p_flags(endian), elf::PF_X)
            && (start..start.saturating_add(h.p_memsz(endian))).contains(&entry)
    };
    if !file.elf_program_headers().iter().any(|h| is_entry(&h)) {
        found.push(format!("entry point {entry:#x} is not in executable memory"));
    }
    found
}

fn segment_violations(file: &Elf64) -> Vec<String> {
    let endian = file.endian();
    let mut found = Vec::new();
    let mut stack = None;
    for header in file.elf_program_headers() {
        let flags = header.p_flags(endian);
        let kind = header.p_type(endian);
        if kind == elf::PT_INTERP {
            found.push("PT_INTERP: it asks for a dynamic loader".to_owned());
        } else if kind == elf::PT_DYNAMIC {
            found.push("PT_DYNAMIC: it is not fully static".to_owned());
        } else if kind == elf::PT_GNU_STACK {
            stack = Some(flags);
        } else if kind == elf::PT_LOAD && has(flags, elf::PF_W) && has(flags, elf::PF_X) {
            let address = header.p_vaddr(endian);
            found.push(format!("segment at {address:#x} is both writable and executable"));
        }
    }
    match stack {
        None => found.push("no GNU_STACK: the kernel would make the stack executable".to_owned()),
        Some(flags) if has(flags, elf::PF_X) => found.push("GNU_STACK is executable".to_owned()),
        Some(_) => {}
    }
    found
}

fn has(flags: ProgramFlags, wanted: ProgramFlags) -> bool {
    flags & wanted == wanted
}

#[cfg(test)]
mod tests;
