//! The ELF checker against hand-made headers and the machine's own programs.

use super::*;

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
