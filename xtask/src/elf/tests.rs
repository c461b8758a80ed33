//! The ELF checker against hand-made headers and the machine's own programs.

use std::process::Command;

use super::*;
use crate::{layout, program};

const CODE: u32 = 5; // PF_R | PF_X
const DATA: u32 = 6; // PF_R | PF_W
const EXEC: u16 = 2;
const X86_64: u16 = 62;

/// A file of nothing but an ELF header and program headers (type, flags); every segment
/// covers 0x400000..0x401000, the entry point is 0x400010.
fn elf_file(kind: u16, machine: u16, segments: &[(u32, u32)]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    for word in [0x40_0010u64, 64, 0] {
        bytes.extend(word.to_le_bytes()); // e_entry, e_phoff, e_shoff
    }
    bytes.extend(0u32.to_le_bytes());
    for half in [64u16, 56, segments.len() as u16, 64, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for (kind, flags) in segments {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        for word in [0u64, 0x40_0000, 0x40_0000, 0, 0x1000, 0x1000] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERP: u32 = 3;
const STACK: u32 = 0x6474_e551;

/// Type and machine of a file, its segments, and parts of the violations it has.
type Row = (u16, u16, &'static [(u32, u32)], &'static [&'static str]);

#[test]
fn each_violation_is_named() {
    let rows: &[Row] = &[
        (EXEC, X86_64, &[(LOAD, CODE), (LOAD, DATA), (STACK, DATA)], &[]),
        (EXEC, 183, &[(LOAD, CODE), (STACK, DATA)], &["instead of x86_64"]),
        (3, X86_64, &[(LOAD, CODE), (STACK, DATA)], &["ET_EXEC"]),
        (EXEC, X86_64, &[(LOAD, DATA), (STACK, DATA)], &["entry point 0x400010"]),
        (EXEC, X86_64, &[(LOAD, CODE), (STACK, DATA), (INTERP, 4)], &["PT_INTERP"]),
        (EXEC, X86_64, &[(LOAD, CODE), (STACK, DATA), (DYNAMIC, 4)], &["PT_DYNAMIC"]),
        (EXEC, X86_64, &[(LOAD, 7), (STACK, DATA)], &["both writable and executable"]),
        (EXEC, X86_64, &[(LOAD, CODE)], &["no GNU_STACK"]),
        (EXEC, X86_64, &[(LOAD, CODE), (STACK, 7)], &["GNU_STACK is executable"]),
        (EXEC, X86_64, &[(LOAD, 7)], &["both writable", "no GNU_STACK"]),
    ];
    for (kind, machine, segments, expected) in rows {
        let found = violations(&elf_file(*kind, *machine, segments), Arch::X86_64).unwrap();
        assert_eq!(found.len(), expected.len(), "{found:?}, expected {expected:?}");
        for (violation, part) in found.iter().zip(*expected) {
            assert!(violation.contains(part), "{violation:?} should name {part:?}");
        }
    }
}

#[test]
fn an_entry_point_outside_the_code_is_refused() {
    for (entry, good) in [(0u64, false), (0x40_0000, true), (0x40_0fff, true), (0x40_1000, false)] {
        let mut bytes = elf_file(EXEC, X86_64, &[(LOAD, CODE), (STACK, DATA)]);
        bytes[24..32].copy_from_slice(&entry.to_le_bytes());
        let found = violations(&bytes, Arch::X86_64).unwrap();
        assert_eq!(found.is_empty(), good, "{entry:#x}: {found:?}");
    }
}

#[test]
fn a_program_of_the_distribution_is_refused_as_dynamic() {
    let bytes = std::fs::read("/bin/true").unwrap();
    assert!(!is_static(&bytes));
    let found = violations(&bytes, Arch::X86_64).unwrap().join("; ");
    assert!(found.contains("PT_INTERP") && found.contains("PT_DYNAMIC"), "{found}");
}

#[test]
fn what_is_not_elf_is_an_error() {
    assert!(violations(b"#!/bin/sh\n", Arch::X86_64).is_err());
    assert!(!is_static(b"#!/bin/sh\n"));
}

#[test]
fn sections_are_those_that_are_loaded() {
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let list = sections(&bytes).unwrap();
    let size = |name: &str| list.iter().find(|s| s.name == name).map(|s| s.bytes);
    assert!(size(".text").is_some_and(|bytes| bytes > 1000));
    assert_eq!(size(".symtab"), None);
    assert_eq!(size(".comment"), None);
}

/// How long the code of `program_with_sections` is, headers included.
const CODE_END: u64 = 0x1000;
/// How long the whole file is: 16 bytes of section names, and two section headers.
const FILE_END: u64 = CODE_END + 16 + 2 * 64;

/// A program whose two segments, code and stack, have these file offsets and sizes, and which
/// ends with its section headers.
fn program_with_sections(segments: [(u64, u64); 2]) -> Vec<u8> {
    let mut bytes = elf_file(EXEC, X86_64, &[(LOAD, CODE), (STACK, DATA)]);
    for (index, (offset, size)) in segments.into_iter().enumerate() {
        let header = &mut bytes[64 + index * 56..][..56];
        header[8..16].copy_from_slice(&offset.to_le_bytes()); // p_offset
        header[16..24].copy_from_slice(&offset.wrapping_add(0x40_0000).to_le_bytes()); // p_vaddr
        header[48..56].copy_from_slice(&0x1000_u64.to_le_bytes()); // p_align
        header[32..40].copy_from_slice(&size.to_le_bytes()); // p_filesz
    }
    bytes.resize(CODE_END as usize, 0x90);
    bytes.extend(b"\0.shstrtab\0\0\0\0\0\0");
    bytes[40..48].copy_from_slice(&(CODE_END + 16).to_le_bytes()); // e_shoff
    bytes[58..64].copy_from_slice(&[64, 0, 2, 0, 1, 0]); // e_shentsize, e_shnum, e_shstrndx
    bytes.extend([0; 64]);
    for word in [1u64 | 3 << 32, 0, 0, CODE_END, 11, 0, 1, 0] {
        bytes.extend(word.to_le_bytes()); // sh_name and SHT_STRTAB, then sh_offset and sh_size
    }
    assert_eq!(bytes.len() as u64, FILE_END);
    bytes
}

#[test]
fn a_file_without_sections_ends_with_its_segments() {
    let bytes = program_with_sections([(0, CODE_END), (0, 0)]);
    let full = parse(&bytes).unwrap();
    assert_eq!(full.sections().next().unwrap().name(), Ok(".shstrtab"));

    let kept = without_sections(&bytes).unwrap();
    let cut = parse(&kept).unwrap();
    assert_eq!(cut.sections().count(), 0);
    let mut expected = bytes[..CODE_END as usize].to_vec();
    expected[40..48].fill(0); // e_shoff
    expected[60..64].fill(0); // e_shnum, e_shstrndx
    assert!(kept == expected, "nothing else has changed");
    assert_eq!(violations(&kept, Arch::X86_64).unwrap(), [""; 0]);
    assert!(without_sections(&kept).unwrap() == kept, "cut twice is cut once");
}

#[test]
fn no_segment_is_cut() {
    const HEADERS_END: u64 = 64 + 2 * 56;
    // Offset and bytes of both segments, and where the file then ends; none when it is too short.
    let rows = [
        ([(0, 0), (0, 0)], Some(HEADERS_END)),
        ([(0, 0x300), (0, 0x200)], Some(0x300)),
        ([(0x200, 0x100), (0x310, 0)], Some(0x310)), // the page where an empty one starts
        ([(0x200, 0x100), (0x1000, 0)], Some(0x300)), // it starts with a page
        ([(0, 0x300), (CODE_END, 16)], Some(CODE_END + 16)), // not only PT_LOAD
        ([(0, FILE_END), (0, 0)], Some(FILE_END)),   // the sections are loaded too
        ([(0, FILE_END + 1), (0, 0)], None),
        ([(u64::MAX, 2), (0, 0)], None),
    ];
    for (segments, expected) in rows {
        let kept = without_sections(&program_with_sections(segments));
        assert_eq!(kept.ok().map(|bytes| bytes.len() as u64), expected, "{segments:x?}");
    }
}

#[test]
fn a_program_without_sections_runs() {
    let own = std::fs::read("/proc/self/exe").unwrap();
    let kept = without_sections(&own).unwrap();
    assert!(kept.len() < own.len());
    let folder = tempfile::tempdir().unwrap();
    let [written, path] = ["written", "program"].map(|name| folder.path().join(name));
    layout::write_atomically(&written, &kept, 0o755).unwrap();
    // A child that another test forks may still hold the file that we wrote, and no file that
    // is open for writing can be executed. cp's file is closed once cp has ended.
    program::run(Command::new("cp").args([&written, &path])).unwrap();
    let listed = program::output(Command::new(&path).arg("--list")).unwrap();
    assert!(listed.contains("a_program_without_sections_runs: test"), "{listed}");
}

#[test]
fn a_twin_without_symbols_proves_nothing() {
    let found = symbol_violations(&elf_file(EXEC, X86_64, &[(LOAD, CODE)])).unwrap();
    assert_eq!(found, ["no symbols at all, so nothing can be checked"]);
}

#[test]
fn a_program_with_std_has_forbidden_symbols() {
    let found = symbol_violations(&std::fs::read("/proc/self/exe").unwrap()).unwrap();
    for path in FORBIDDEN_PATHS {
        assert!(found.iter().any(|f| f.contains(path)), "{path} not found");
    }
    assert!(found.iter().any(|f| f.starts_with("undefined symbol")), "libc's are undefined");
}

#[test]
fn both_manglings_are_read() {
    let rows = [
        ("_ZN4core3fmt9Formatter3pad17h5d2bd2c5a4d2c1a9E", true),
        ("_ZN4core9panicking5panic17h5d2bd2c5a4d2c1a9E", true),
        ("_ZN42_$LT$u32$u20$as$u20$core..fmt..Display$GT$3fmt17h5d2bd2c5a4d2c1a9E", true),
        ("_RNvMsa_NtCsbDqzXfLQacH_4core3fmtNtB5_9Formatter3pad", true),
        ("_RNvNtCsbDqzXfLQacH_4core9panicking5panic", true),
        ("_RNvXs5_NtNtCsbDqzXfLQacH_4core3fmt3nummNtB7_7Display3fmt", true),
        ("_ZN7rootlet6report4line17h5d2bd2c5a4d2c1a9E", false),
        ("_RNvNtCs1234_7rootlet6report4line", false),
        ("memcpy", false),
        ("_start", false),
    ];
    for (name, forbidden) in rows {
        assert_eq!(forbidden_symbol(name).is_some(), forbidden, "{name}");
    }
}
