//! `/etc/sysctl.conf`, `/etc/hostname`. Source: sysctl.conf(5), hostname(5).

use super::place::Misread;
use super::refusal::Reason;
use crate::text::parts::{halves, parts};

/// One setting of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Setting<'a> {
    /// `kernel.panic`, `net/ipv4/ip_forward`.
    pub key: &'a [u8],
    /// What is written.
    pub value: &'a [u8],
    /// A failure to set it is not reported: a `-` stands before the key.
    pub is_optional: bool,
}

/// The lines of a text that are neither empty nor a comment.
pub fn settings(text: &[u8]) -> impl Iterator<Item = Result<Setting<'_>, Misread>> {
    let lines = parts(text, b'\n').enumerate();
    lines.filter(|(_, line)| !is_comment(line)).map(|(number, line)| setting(number, line))
}

fn is_comment(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#' | b';'))
}

fn setting(number: usize, line: &[u8]) -> Result<Setting<'_>, Misread> {
    let (key, value) = halves(line, b'=');
    let (key, value) = (key.trim_ascii(), value.trim_ascii());
    let (key, is_optional) = match key.strip_prefix(b"-") {
        Some(key) => (key.trim_ascii_start(), true),
        None => (key, false),
    };
    // A key that leads out of /proc/sys is no setting.
    let (separator, up): (_, &[u8]) = if has_dots(key) { (b'.', b"//") } else { (b'/', b"..") };
    let is_path = parts(key, separator).any(|part| part == up) || key.starts_with(&[separator]);
    if key.is_empty() || is_path || value.is_empty() {
        return Err(Misread::at(number, line, line, Reason::NoSetting));
    }
    Ok(Setting { key, value, is_optional })
}

/// The path below /proc/sys of a key: where its first separator is a dot, dots and slashes change places.
pub fn setting_path(key: &[u8]) -> impl Iterator<Item = u8> {
    let has_dots = has_dots(key);
    key.iter().map(move |byte| match byte {
        b'.' if has_dots => b'/',
        b'/' if has_dots => b'.',
        byte => *byte,
    })
}

/// Whether dots stand between the parts of a key, and slashes for dots.
fn has_dots(key: &[u8]) -> bool {
    key.iter().find(|byte| matches!(**byte, b'.' | b'/')) == Some(&b'.')
}

/// The first line that is no comment, without blanks around it.
#[must_use]
pub fn first_line(text: &[u8]) -> &[u8] {
    parts(text, b'\n').find(|line| !is_comment(line)).unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_settings() {
        let text = b"# c\n; c\n\nkernel.panic = 10\n-net/ipv4/ip_forward=1\nnet.ipv4.conf.eth0/1.rp_filter=0\n\
            nothing\n= x\na= \n/etc/passwd=x\na/../b=1\na.//.b=1\n.a=1\n";
        let shown: Vec<_> = settings(text)
            .map(|found| match found {
                Ok(Setting { key, value, is_optional }) => {
                    let path: Vec<u8> = setting_path(key).collect();
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    Ok((text(&path), text(value), is_optional))
                }
                Err(misread) => Err((misread.line, misread.reason)),
            })
            .collect();
        let row = |path: &str, value: &str, optional| Ok((path.into(), value.into(), optional));
        let bad = |line| Err((line, Reason::NoSetting));
        let expected = [
            row("kernel/panic", "10", false),
            row("net/ipv4/ip_forward", "1", true),
            row("net/ipv4/conf/eth0.1/rp_filter", "0", false),
            bad(7),
            bad(8),
            bad(9),
            bad(10),
            bad(11),
            bad(12),
            bad(13),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_host_has_the_name_of_the_first_line() {
        for (text, name) in [("a\nb\n", "a"), ("# x\n\n  box  \n", "box"), ("", "")] {
            assert_eq!(first_line(text.as_bytes()), name.as_bytes());
        }
    }
}
