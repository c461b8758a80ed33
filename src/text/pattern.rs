//! Patterns of a shell: `*`, `?`, `[a-z]`. Source: POSIX XCU 2.14, glob(7).

/// Whether the whole of `text` matches a pattern. Only the last `*` is ever tried again, so the time is at most the
/// product of both lengths.
#[must_use]
#[inline(never)]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What stands behind the last star, and the text that it has not taken.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix(b"*") {
            again = Some((rest, text));
            pattern = rest;
            continue;
        }
        match (one(pattern, text.first().copied()), text.split_first()) {
            (Some(rest), Some((_, after))) => (pattern, text) = (rest, after),
            _ if pattern.is_empty() && text.is_empty() => return true,
            _ => {
                // The star takes one byte more.
                let Some((rest, taken)) = again else { return false };
                let Some((_, after)) = taken.split_first() else { return false };
                again = Some((rest, after));
                (pattern, text) = (rest, after);
            }
        }
    }
}

/// What follows the first element of a pattern, if that matches the byte.
fn one(pattern: &[u8], byte: Option<u8>) -> Option<&[u8]> {
    let byte = byte?;
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', set @ ..] if set.iter().skip(1).any(|byte| *byte == b']') => in_set(set, byte),
        [b'\\', quoted, rest @ ..] => (*quoted == byte).then_some(rest),
        [first, rest @ ..] => (*first == byte).then_some(rest),
        [] => None,
    }
}

/// Behind `[`: what follows the set, if the byte is in it.
fn in_set(set: &[u8], byte: u8) -> Option<&[u8]> {
    let (is_complement, mut rest) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut is_in = false;
    let mut is_first = true;
    loop {
        match rest {
            [b']', after @ ..] if !is_first => return (is_in != is_complement).then_some(after),
            [from, b'-', to, after @ ..] if *to != b']' => {
                is_in |= (*from..=*to).contains(&byte);
                rest = after;
            }
            [one, after @ ..] => {
                is_in |= *one == byte;
                rest = after;
            }
            [] => return None,
        }
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a*b*c", "aXbYbZc", true),
            ("*ab", "aab", true),
            ("?", "", false),
            ("?b", "ab", true),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]x", "dx", true),
            ("[^a-c]x", "ax", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("[]", "[]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("virtio:d00000002v*", "virtio:d00000002v00001AF4", true),
            (
                "pci:v*d*sv*sd*bc01sc08i02*",
                "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
                true,
            ),
            (
                "pci:v*d*sv*sd*bc01sc08i02*",
                "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc06i01",
                false,
            ),
            (
                "usb:v*p*d*dc*dsc*dp*ic08isc06ip50in*",
                "usb:v46F4p0001d0000dc00dsc00dp00ic08isc06ip50in00",
                true,
            ),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = "*a".repeat(200);
        let text = "b".repeat(10_000);
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
    }
}
