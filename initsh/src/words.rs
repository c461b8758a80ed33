//! The words of a command line, split as a POSIX shell splits them.

/// Why a text cannot be split into words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordError {
    /// A quote was opened and never closed.
    Unterminated,
    /// The word is longer than the buffer.
    TooLong,
}

/// Removes the first word of `text`, blanks around it and its quotes; writes it to `buffer`. Gives its length
/// and the rest, or `None` when only blanks are left. Quoting is that of POSIX XCU 2.2: `\`, `'…'`, `"…"`.
///
/// # Errors
/// A quote without its end, or a word longer than `buffer`.
pub fn next_word<'t>(
    text: &'t [u8],
    buffer: &mut [u8],
) -> Result<Option<(usize, &'t [u8])>, WordError> {
    let mut rest = text.trim_ascii_start();
    if rest.is_empty() {
        return Ok(None);
    }
    let mut length = 0;
    // The quote that is open, or 0.
    let mut quote = 0;
    while let Some((&byte, after)) = rest.split_first() {
        if quote == 0 && byte.is_ascii_whitespace() {
            break;
        }
        rest = after;
        let mut kept = byte;
        if byte == quote {
            quote = 0;
            continue;
        } else if quote == 0 && matches!(byte, b'\'' | b'"') {
            quote = byte;
            continue;
        } else if byte == b'\\' && quote != b'\'' {
            // At the end of the text a backslash is itself; inside double quotes it escapes few.
            match rest.split_first() {
                Some((b'\n', after)) => {
                    rest = after;
                    continue;
                }
                Some((&next, after))
                    if quote == 0 || matches!(next, b'$' | b'`' | b'"' | b'\\') =>
                {
                    rest = after;
                    kept = next;
                }
                _ => {}
            }
        }
        *buffer.get_mut(length).ok_or(WordError::TooLong)? = kept;
        length += 1;
    }
    if quote == 0 { Ok(Some((length, rest))) } else { Err(WordError::Unterminated) }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn split(text: &str) -> Result<Vec<String>, WordError> {
        let mut rest = text.as_bytes();
        let mut words = Vec::new();
        let mut buffer = [0; 16];
        while let Some((length, after)) = next_word(rest, &mut buffer)? {
            words.push(String::from_utf8_lossy(&buffer[..length]).to_string());
            rest = after;
        }
        Ok(words)
    }

    #[test]
    fn words_are_those_of_a_posix_shell() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("  \t\n", &[]),
            ("a b", &["a", "b"]),
            ("  a\t b\n", &["a", "b"]),
            ("'a b' c", &["a b", "c"]),
            ("\"a b\"c", &["a bc"]),
            ("a'b'\"c\"", &["abc"]),
            ("''", &[""]),
            ("'' a", &["", "a"]),
            (r"a\ b", &["a b"]),
            (r"'a\b'", &[r"a\b"]),
            (r#""a\"b""#, &["a\"b"]),
            (r#""a\nb""#, &[r"a\nb"]),
            ("a\\\nb", &["ab"]),
            ("a\\", &["a\\"]),
            ("sh -c 'echo \"hi\"'", &["sh", "-c", "echo \"hi\""]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_open_quote_and_a_long_word_are_errors() {
        assert_eq!(split("a 'b"), Err(WordError::Unterminated));
        assert_eq!(split("\"b"), Err(WordError::Unterminated));
        assert_eq!(split("0123456789abcdefg"), Err(WordError::TooLong));
        assert_eq!(split("0123456789abcdef").unwrap(), ["0123456789abcdef"]);
    }
}
