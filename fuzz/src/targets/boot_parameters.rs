//! The kernel command line, split as by the kernel, and what it asks of a boot.

use rootlet::input::boot_parameters::{BootParameters, Text};
use rootlet::input::kernel_command_line::{Parameter, parameters};

/// The next parameter, as the kernel's `next_arg` splits it off. Source: lib/cmdline.c.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    *rest = rest.trim_ascii();
    let mut quoted = false;
    let is_end = |byte: &u8| {
        quoted ^= *byte == b'"';
        byte.is_ascii_whitespace() && !quoted
    };
    let length = rest.iter().position(is_end).unwrap_or(rest.len());
    let word = &rest[..length];
    *rest = &rest[length..];
    (!word.is_empty()).then_some(word)
}

/// Whether a word has no quotes, or one pair around the whole or around its value.
fn is_plain(word: &[u8]) -> bool {
    let value = word.iter().position(|byte| *byte == b'=').map(|at| &word[at + 1..]);
    let around = |text: &[u8]| text.len() > 1 && text.starts_with(b"\"") && text.ends_with(b"\"");
    match word.iter().filter(|byte| **byte == b'"').count() {
        0 => !word.starts_with(b"="),
        2 => around(word) && !word.starts_with(b"\"=") || value.is_some_and(around),
        _ => false,
    }
}

/// What the kernel makes of a plain word.
fn cut(word: &[u8]) -> Parameter<'_> {
    let inner = if word.starts_with(b"\"") { &word[1..word.len() - 1] } else { word };
    let mut halves = inner.splitn(2, |byte| *byte == b'=');
    let (name, value) = (halves.next().unwrap_or_default(), halves.next());
    let value = value.map(|value| match value {
        [b'"', inner @ .., b'"'] => inner,
        value => value,
    });
    Parameter { name, value }
}

pub fn check(input: &[u8]) -> bool {
    let mut rest = input;
    let mut ours = parameters(input);
    while let Some(word) = next(&mut rest) {
        let found = ours.next().expect("as many as the kernel finds");
        assert!(!is_plain(word) || found == cut(word), "{}", word.escape_ascii());
    }
    assert!(ours.next().is_none(), "more than the kernel finds");
    let asked = BootParameters::read(input);
    for text in [Text::Root, Text::RootType, Text::RootFlags, Text::Init, Text::Run] {
        let text = asked.text(text).unwrap_or_default();
        assert!(text.is_empty() || parameters(input).any(|one| one.value == Some(text)));
    }
    if let Some(unknown) = asked.unknown {
        assert!(
            parameters(input).any(|one| one.name == unknown) && unknown.starts_with(b"rootlet.")
        );
    }
    asked.unknown.is_none()
}
