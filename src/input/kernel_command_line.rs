//! The kernel command line, cut into parameters. Source: bootparam(7).

/// A parameter: `NAME` or `NAME=VALUE`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Parameter<'a> {
    /// What stands before the first `=`.
    pub name: &'a [u8],
    /// What stands behind it, without quotes.
    pub value: Option<&'a [u8]>,
}

/// The parameters of a command line in their order.
#[derive(Clone, Copy)]
pub struct Parameters<'a> {
    rest: &'a [u8],
}

/// Cuts a command line. A value in double quotes may hold blanks, written as `name="a b"` or `"name=a b"`; both are as
/// the kernel's `next_arg` reads them (lib/cmdline.c).
#[must_use]
pub const fn parameters(command_line: &[u8]) -> Parameters<'_> {
    Parameters { rest: command_line }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let (word, rest) = next_word(self.rest)?;
        self.rest = rest;
        let word = unquoted(word);
        let Some(end) = word.iter().position(|byte| *byte == b'=') else {
            return Some(Parameter { name: word, value: None });
        };
        Some(Parameter { name: word.get(..end)?, value: word.get(end + 1..).map(unquoted) })
    }
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

    fn last<'a>(line: &'a str, name: &str) -> Option<Option<&'a [u8]>> {
        let named = parameters(line.as_bytes()).filter(|found| found.name == name.as_bytes());
        named.last().map(|found| found.value)
    }

    #[test]
    fn values_with_and_without_quotes() {
        for (line, expected) in [
            ("quiet rootlet.run=/bin/true ro", Some(Some("/bin/true"))),
            ("rootlet.run=\"/bin/sh -c 'echo hi'\" panic=1\n", Some(Some("/bin/sh -c 'echo hi'"))),
            ("\"rootlet.run=a b\" x", Some(Some("a b"))),
            ("rootlet.run=a rootlet.run=b", Some(Some("b"))),
            ("rootlet.run=", Some(Some(""))),
            ("rootlet.run=UUID=x", Some(Some("UUID=x"))),
            ("rootlet.run=\"UUID=x\"", Some(Some("UUID=x"))),
            ("rootlet.runner=a", None),
            ("rootlet.run", Some(None)),
            ("", None),
            ("a=\"rootlet.run=x", None),
        ] {
            let expected = expected.map(|value| value.map(str::as_bytes));
            assert_eq!(last(line, "rootlet.run"), expected, "{line:?}");
        }
    }
}
