//! Octal escapes of mount tables: `\040` is a blank. Source: fstab(5).

#[cfg(feature = "boot")]
use core::ffi::CStr;

#[cfg(feature = "boot")]
use super::arena::{Arena, Refused};

/// Keeps a field of a mount table as the string that it stands for.
///
/// # Errors
/// Those of the arena; `\000` is a NUL byte.
#[cfg(feature = "boot")]
pub fn unescape<'a>(field: &[u8], arena: &mut Arena<'a>) -> Result<&'a CStr, Refused> {
    let mut rest = field;
    arena.collect(&mut || take_unescaped(&mut rest))
}

/// Takes the first byte off a field.
pub fn take_unescaped(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    let (byte, after) = escaped(rest).unwrap_or((*first, after));
    *rest = after;
    Some(byte)
}

/// The byte that a backslash and three octal digits stand for, and what follows.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'\\', digits @ ..] = text else { return None };
    let (digits, rest) = digits.split_at_checked(3)?;
    let byte = super::number::parse_octal(digits)?;
    Some((u8::try_from(byte).ok()?, rest))
}

#[cfg(all(test, feature = "boot"))]
mod tests {
    use super::*;

    #[test]
    fn octal_escapes_are_bytes() {
        for (field, expected) in [
            (r"/a", Ok(c"/a")),
            (r"/a\040b\011\134", Ok(c"/a b\t\\")),
            (r"\04", Ok(c"\\04")),
            (r"\999\", Ok(c"\\999\\")),
            (r"\777", Ok(c"\\777")),
            ("", Ok(c"")),
            (r"a\000b", Err(Refused::Nul)),
            ("12345678901234567890", Err(Refused::Full)),
        ] {
            let mut buffer = [0; 16];
            assert_eq!(
                unescape(field.as_bytes(), &mut Arena::new(&mut buffer)),
                expected,
                "{field}"
            );
        }
    }
}
