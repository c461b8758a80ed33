//! A time in seconds with a fraction, as sleep(1) takes it.

/// Digits of a fraction that count.
const DIGITS: u32 = 9;

/// Nanoseconds of `10`, `0.5`, `.5m`: a number of seconds, or with `s`, `m`, `h`, `d` behind it of these; nothing for
/// any other text, or more than 64 bits hold. Digits behind the ninth decimal do not count.
#[must_use]
pub fn parse_seconds(text: &[u8]) -> Option<u64> {
    let (number, unit_s) = match text {
        [number @ .., b's'] => (number, 1),
        [number @ .., b'm'] => (number, 60),
        [number @ .., b'h'] => (number, 3600),
        [number @ .., b'd'] => (number, 86_400),
        number => (number, 1),
    };
    let (mut digits, mut sum) = (0, 0_u64);
    // How many digits still count, behind the dot.
    let mut left = None;
    for byte in number {
        let digit = byte.wrapping_sub(b'0');
        if *byte == b'.' && left.is_none() {
            left = Some(DIGITS);
            continue;
        }
        if digit > 9 {
            return None;
        }
        digits += 1;
        match &mut left {
            Some(0) => continue,
            Some(left) => *left -= 1,
            None => {}
        }
        sum = sum.checked_mul(10)?.checked_add(digit.into())?;
    }
    for _ in 0..left.unwrap_or(DIGITS) {
        sum = sum.checked_mul(10)?;
    }
    if digits == 0 { None } else { sum.checked_mul(unit_s) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_fractions_and_units() {
        for (text, nanoseconds) in [
            ("0", Some(0)),
            ("10", Some(10_000_000_000)),
            ("0.5", Some(500_000_000)),
            (".25", Some(250_000_000)),
            ("1.", Some(1_000_000_000)),
            ("1.5m", Some(90_000_000_000)),
            ("2h", Some(7_200_000_000_000)),
            ("1d", Some(86_400_000_000_000)),
            ("0.0000000019", Some(1)),
            ("", None),
            (".", None),
            ("s", None),
            ("1x", None),
            ("-1", None),
            ("1.2.3", None),
            ("1e3", None),
            ("99999999999999", None),
        ] {
            assert_eq!(parse_seconds(text.as_bytes()), nanoseconds, "{text}");
        }
    }
}
