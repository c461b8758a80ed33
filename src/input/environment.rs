//! `--env` and `--env-file`: which variables the program gets.

use core::ffi::CStr;

use crate::text::parts::parts;

/// The value of `PATH`.
pub const DEFAULT_PATH: &[u8] = match PATH.to_bytes().split_first_chunk() {
    Some((b"PATH=", value)) => value,
    _ => b"",
};

/// Where programs are searched for unless told otherwise: docker's default.
pub const PATH: &CStr = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One request for a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Variable<'a> {
    /// `KEY=VALUE`, all of it.
    Set(&'a [u8]),
    /// `KEY` alone: the caller's value, or none where the caller has none.
    Copied(&'a [u8]),
}

/// Reads `KEY=VALUE` or `KEY`; `None` when the key is empty or has blanks.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Variable<'_>> {
    let key = key(text);
    let valid = !key.is_empty() && !key.iter().any(u8::is_ascii_whitespace);
    let variable =
        if key.len() == text.len() { Variable::Copied(text) } else { Variable::Set(text) };
    valid.then_some(variable)
}

/// The part of `KEY=VALUE` before the first `=`.
#[must_use]
pub fn key(text: &[u8]) -> &[u8] {
    parts(text, b'=').skip_to(0)
}

/// One line of an `--env-file` in docker's format: a `#` at its start makes it a comment, blanks before it do not
/// count, the value is taken as it is. `None` for a line that says nothing.
#[must_use]
pub fn significant(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_start();
    (!line.is_empty() && !line.starts_with(b"#")).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file() {
        for (line, variable) in [
            ("A=1", Some(Some(Variable::Set(b"A=1")))),
            ("  B=two words\r", Some(Some(Variable::Set(b"B=two words")))),
            ("C", Some(Some(Variable::Copied(b"C")))),
            ("D=", Some(Some(Variable::Set(b"D=")))),
            ("# note", None),
            ("", None),
            ("=x", Some(None)),
            ("E F=1", Some(None)),
        ] {
            assert_eq!(significant(line.as_bytes()).map(parse), variable, "{line:?}");
        }
    }

    #[test]
    fn keys_end_at_the_first_equals_sign() {
        assert_eq!(key(b"A=b=c"), b"A");
        assert_eq!(parse(b"A=b=c"), Some(Variable::Set(b"A=b=c")));
        assert_eq!(parse(b""), None);
    }
}
