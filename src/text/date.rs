//! Moments as dates of the Gregorian calendar, in UTC.

use super::line::Line;

const DAY_S: i64 = 86_400;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;

/// Appends `2026-11-29 12:28`, from seconds since 1970.
#[inline(never)]
pub fn append_date(line: &mut Line, seconds: i64) {
    let (days, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    let (year, month, day) = date_of(days);
    if year < 0 {
        line.text("-");
    }
    line.number(year.unsigned_abs());
    for (sign, number) in [("-", month), ("-", day), (" ", second / 3600), (":", second / 60 % 60)]
    {
        line.text(sign).hex_digit((number / 10) as u8).hex_digit((number % 10) as u8);
    }
}

/// Year, month and day, from days since 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    // Days from the first of January of the year 0 to 1970.
    const BEFORE: i64 = 719_528;
    let days = days + BEFORE;
    let mut year = days.div_euclid(ERA_DAYS) * 400;
    let mut day = days.rem_euclid(ERA_DAYS);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    loop {
        let length = 365 + i64::from(is_leap(year));
        if day < length {
            break;
        }
        day -= length;
        year += 1;
    }
    let mut month = 1;
    for length in b"\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f" {
        let length = i64::from(*length) + i64::from(month == 2 && is_leap(year));
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn date(seconds: i64) -> String {
        let mut line = Line::new();
        append_date(&mut line, seconds);
        String::from_utf8(line.bytes().to_vec()).unwrap()
    }

    // It asks date(1).
    #[cfg(not(miri))]
    #[test]
    fn dates_are_those_of_date() {
        let mut moments = vec![0, -1, 86_399, 951_782_400, 4_107_542_399, 1_582_934_400];
        moments.extend((0..400).map(|number| number * 86_400 * 97 - 20_000_000_000));
        let list: String = moments.iter().map(|moment| format!("@{moment}\n")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), list).unwrap();
        let mut peer = Command::new("date");
        peer.args(["-u", "+%Y-%m-%d %H:%M", "-f"]).arg(file.path());
        let told = String::from_utf8(peer.output().unwrap().stdout).unwrap();
        let ours: Vec<_> = moments.iter().map(|moment| date(*moment)).collect();
        assert_eq!(told.lines().collect::<Vec<_>>(), ours);
    }
}
