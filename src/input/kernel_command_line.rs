//! `rootlet.run=` on the kernel command line. Source: bootparam(7).

/// The value of `name` in a kernel command line, the last one if there are several. A value in double quotes
/// may hold blanks; the kernel hands them on as `name="a b"` or `"name=a b"`.
#[must_use]
pub fn value<'a>(command_line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = command_line;
    let mut found = None;
    while let Some((word, after)) = next_word(rest) {
        rest = after;
        let word = unquoted(word);
        if let Some(value) = word.strip_prefix(name).and_then(|tail| tail.strip_prefix(b"=")) {
            found = Some(unquoted(value));
        }
    }
    found
}

/// Splits off the first word; blanks inside double quotes belong to it.
fn next_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii();
    let mut quoted = false;
    let end = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && byte.is_ascii_whitespace()
    });
    (!text.is_empty())
        .then(|| text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, b"")))
}

/// The text without a pair of double quotes around it.
fn unquoted(text: &[u8]) -> &[u8] {
    let inner = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    inner.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_and_without_quotes() {
        for (line, expected) in [
            ("quiet rootlet.run=/bin/true ro", Some("/bin/true")),
            ("rootlet.run=\"/bin/sh -c 'echo hi'\" panic=1\n", Some("/bin/sh -c 'echo hi'")),
            ("\"rootlet.run=a b\" x", Some("a b")),
            ("rootlet.run=a rootlet.run=b", Some("b")),
            ("rootlet.run=", Some("")),
            ("rootlet.runner=a", None),
            ("rootlet.run", None),
            ("", None),
            ("a=\"rootlet.run=x", None),
        ] {
            let found = value(line.as_bytes(), b"rootlet.run");
            assert_eq!(found, expected.map(str::as_bytes), "{line:?}");
        }
    }
}
