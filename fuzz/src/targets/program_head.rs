//! Heads of programs: the interpreter of a script, the loader of an ELF file.

use rootlet::input::interpreter::{HEAD_BYTES, needed};

pub fn check(input: &[u8]) -> bool {
    let mut head = [0; HEAD_BYTES];
    let length = input.len().min(HEAD_BYTES);
    head[..length].copy_from_slice(&input[..length]);
    let Some(name) = needed(&head) else { return false };
    assert!(!name.contains(&0) && name.len() < HEAD_BYTES);
    let place = name.as_ptr().addr() - head.as_ptr().addr();
    assert!(place + name.len() <= HEAD_BYTES);
    if head.starts_with(b"#!") {
        assert!(!name.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n')));
    } else {
        assert_eq!(head[..5], [0x7f, head[1], head[2], head[3], 2]);
    }
    true
}
