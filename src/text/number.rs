//! Numbers from and to text: strict, without sign, junk or wrap-around.

/// Writes `number` in decimal at the end of `digits`; gives the index of its first digit.
pub fn decimal(mut number: u64, digits: &mut [u8; 20]) -> usize {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    start
}

/// Reads a decimal number: digits only, at least one, no overflow.
#[must_use]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    parse_radix(text, 10)
}

/// Reads an octal number such as a mode: digits 0-7 only.
#[must_use]
pub fn parse_octal(text: &[u8]) -> Option<u32> {
    u32::try_from(parse_radix(text, 8)?).ok()
}

/// Reads a user or group id: 0 to 4294967294. The last value means "no change" to the kernel, so it is refused.
#[must_use]
pub fn parse_id(text: &[u8]) -> Option<u32> {
    let id = u32::try_from(parse_u64(text)?).ok()?;
    (id != u32::MAX).then_some(id)
}

/// Reads a number of digits below `radix`, at most 10.
#[must_use]
pub fn parse_radix(text: &[u8], radix: u64) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        (digit < radix).then_some(())?;
        number.checked_mul(radix)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strict() {
        for (text, id) in [
            ("0", Some(0)),
            ("1000", Some(1000)),
            ("4294967294", Some(4_294_967_294)),
            ("4294967295", None),
            ("4294967296", None),
            ("99999999999999999999", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1x", None),
            ("", None),
        ] {
            assert_eq!(parse_id(text.as_bytes()), id, "{text:?}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(parse_octal(b"1777"), Some(0o1777));
        assert_eq!(parse_octal(b"888"), None);
    }
}
