//! Patterns, XCU 2.13. A byte behind an escape or `\` means itself.

use crate::host::Host;
use crate::memory::At;
use crate::shell::Shell;
use crate::tree::code;

impl<H: Host> Shell<'_, H> {
    pub(crate) fn matches(&self, pattern: At, text: At) -> bool {
        matches(self.memory.string(pattern), self.memory.string(text))
    }
}

/// Classes of bytes, as in `[[:digit:]]`: in a line the name, a blank, the first and the last byte of each range.
const CLASSES: &[u8] =
    b"alnum 09AZaz\nalpha AZaz\nblank \t\t  \ncntrl \0\x1f\x7f\x7f\ndigit 09\ngraph !~\n\
    lower az\nprint  ~\npunct !/:@[`{~\nspace \t\r  \nupper AZ\nxdigit 09AFaf";

#[inline(never)]
fn is_in_class(class: &[u8], byte: u8) -> bool {
    let mut lines = CLASSES.split(|byte| *byte == b'\n');
    let ranges = lines.find_map(|line| line.strip_prefix(class)?.strip_prefix(b" "));
    let ranges = ranges.unwrap_or_default().as_chunks().0;
    ranges.iter().any(|[first, last]| (*first..=*last).contains(&byte))
}

/// A byte that means itself, and what follows it.
fn literal(pattern: &[u8]) -> Option<(u8, &[u8])> {
    match pattern {
        [code::ESCAPE | b'\\', byte, rest @ ..] => Some((*byte, rest)),
        [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

/// Whether the bracket expression behind `[` has this byte, and what follows it; nothing where it has no end.
#[inline(never)]
fn bracket(mut rest: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let mut found = false;
    let negated = rest.first() == Some(&b'!');
    if negated {
        rest = rest.get(1..)?;
    }
    let mut is_first = true;
    loop {
        if let [b']', after @ ..] = rest
            && !is_first
        {
            return Some((found != negated, after));
        }
        is_first = false;
        if let [b'[', b':', class @ ..] = rest
            && let Some(end) = class.windows(2).position(|pair| pair == b":]")
        {
            found |= is_in_class(class.get(..end)?, byte);
            rest = class.get(end + 2..)?;
            continue;
        }
        let (low, after) = literal(rest)?;
        rest = after;
        let mut high = low;
        if let [b'-', end @ ..] = rest
            && !matches!(end, [] | [b']', ..])
        {
            (high, rest) = literal(end)?;
        }
        found |= (low..=high).contains(&byte);
    }
}

/// Whether the text as a whole matches. One star is remembered at a time: the last one decides.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            star = Some((rest, text));
            pattern = rest;
            continue;
        }
        let next = match (pattern, text) {
            ([], []) => return true,
            (_, []) => return false,
            ([b'?', rest @ ..], [_, after @ ..]) => Some((rest, after)),
            ([b'[', inner @ ..], [byte, after @ ..]) => match bracket(inner, *byte) {
                Some((true, rest)) => Some((rest, after)),
                Some((false, _)) => None,
                None if *byte == b'[' => Some((inner, after)),
                None => None,
            },
            (_, [byte, after @ ..]) => match literal(pattern) {
                Some((wanted, rest)) if wanted == *byte => Some((rest, after)),
                _ => None,
            },
        };
        match (next, &mut star) {
            (Some((rest, after)), _) => (pattern, text) = (rest, after),
            (None, Some((rest, at))) => {
                let Some(after) = at.get(1..) else { return false };
                *at = after;
                (pattern, text) = (*rest, after);
            }
            (None, None) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("*", "", true),
            ("a*b*c", "axxbyybc", true),
            ("a*b*c", "axxbyyb", false),
            ("?", "", false),
            ("??", "ab", true),
            ("[abc]", "b", true),
            ("[!abc]", "b", false),
            ("[^a]", "^", true),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[a-c]x", "bx", true),
            ("[[:digit:]x]", "7", true),
            ("[[:alpha:]]", "7", false),
            ("[[:space:]][[:space:]]", "\x0b\r", true),
            ("[[:blank:]]", "\r", false),
            ("[[:cntrl:]][[:cntrl:]]", "\x7f\x1f", true),
            ("[[:print:]][[:graph:]]", " ~", true),
            ("[[:graph:]]", " ", false),
            ("[[:punct:]]", "_", true),
            ("[[:punct:]]", "z", false),
            ("[[:xdigit:]]", "g", false),
            ("[[:alpha]]", "7", false),
            ("[[::]]", "a", false),
            ("[[:digit :]]", "7", false),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("\u{1}*", "*", true),
            ("[\u{1}]a]", "]", true),
            ("*a", "aaab", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
