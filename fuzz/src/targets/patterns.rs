//! Patterns of modules and names, beside a matcher that tries every way.

use rootlet::text::pattern::matches;

use super::parts;

/// The input is a pattern, a NUL, and the text that it is compared with.
pub fn check(input: &[u8]) -> bool {
    let [pattern, text] = parts(input);
    let (pattern, text) = (&pattern[..pattern.len().min(64)], &text[..text.len().min(64)]);
    let found = matches(pattern, text);
    assert_eq!(found, expected(pattern, text));
    found
}

/// Row by row: where in the text each element of the pattern can end.
fn expected(pattern: &[u8], text: &[u8]) -> bool {
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    let mut rest = pattern;
    while !rest.is_empty() {
        let mut next = vec![false; text.len() + 1];
        if rest[0] == b'*' {
            let first = ends.iter().position(|end| *end).unwrap_or(text.len() + 1);
            next.iter_mut().skip(first).for_each(|end| *end = true);
            rest = &rest[1..];
        } else {
            let (element, length) = element(rest);
            for at in (0..text.len()).filter(|at| ends[*at]) {
                next[at + 1] = element(text[at]);
            }
            rest = &rest[length..];
        }
        ends = next;
    }
    ends[text.len()]
}

/// Which bytes the first element matches, and how many bytes of the pattern it takes.
fn element(pattern: &[u8]) -> (impl Fn(u8) -> bool, usize) {
    let mut set = [false; 256];
    let length = match pattern {
        [b'?', ..] => {
            set = [true; 256];
            1
        }
        [b'[', rest @ ..] if rest.iter().skip(1).any(|byte| *byte == b']') => {
            let length = in_brackets(rest, &mut set);
            set = if length.is_none() { [false; 256] } else { set };
            1 + length.unwrap_or(rest.len())
        }
        [b'\\', quoted, ..] => {
            set[usize::from(*quoted)] = true;
            2
        }
        [first, ..] => {
            set[usize::from(*first)] = true;
            1
        }
        [] => 0,
    };
    (move |byte: u8| set[usize::from(byte)], length)
}

/// Reads the set after a bracket; returns its length, or None where it has no end: then it matches nothing.
fn in_brackets(rest: &[u8], set: &mut [bool; 256]) -> Option<usize> {
    let is_complement = matches!(rest.first(), Some(b'!' | b'^'));
    let mut at = usize::from(is_complement);
    let start = at;
    while rest.get(at)? != &b']' || at == start {
        let range =
            rest.get(at + 1) == Some(&b'-') && rest.get(at + 2).is_some_and(|to| *to != b']');
        let to = if range { rest[at + 2] } else { rest[at] };
        (rest[at]..=to).for_each(|byte| set[usize::from(byte)] = true);
        at += if range { 3 } else { 1 };
    }
    if is_complement {
        set.iter_mut().for_each(|is_in| *is_in = !*is_in);
    }
    Some(at + 1)
}
