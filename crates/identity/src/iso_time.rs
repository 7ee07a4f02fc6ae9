//! Dates as text, in the two forms of ISO 8601 that requests and policies have.

use media::Utc;

const SECOND: i64 = 1_000_000;

/// `20261121T123456Z`, as a signature is dated.
pub(crate) fn parse_basic(text: &str) -> Option<Utc> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| number(&bytes[from..to]);
    utc([number(0, 4)?, number(4, 6)?, number(6, 8)?, number(9, 11)?, number(11, 13)?, number(13, 15)?])
}

pub(crate) fn basic(time: Utc) -> String {
    let (year, month, day, hour, minute, second, _) = time.civil();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `2026-11-21`, `2026-11-21T12:34:56Z`, or seconds since 1970, as a policy's conditions have them.
pub(crate) fn parse_extended(text: &str) -> Option<Utc> {
    if !text.is_empty() && text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().ok().map(|seconds| Utc(seconds * SECOND));
    }
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| number(&bytes[from..to]);
    match bytes {
        [_, _, _, _, b'-', _, _, b'-', _, _] => utc([number(0, 4)?, number(5, 7)?, number(8, 10)?, 0, 0, 0]),
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'Z'] => utc([
            number(0, 4)?,
            number(5, 7)?,
            number(8, 10)?,
            number(11, 13)?,
            number(14, 16)?,
            number(17, 19)?,
        ]),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Year, month, day, hour, minute, second, where such a moment exists.
fn utc([year, month, day, hour, minute, second]: [i64; 6]) -> Option<Utc> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 0000-03-01: leap days end a year that begins in March.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = shifted_year.div_euclid(4) - shifted_year.div_euclid(100) + shifted_year.div_euclid(400);
    let days = shifted_year * 365 + leap_days + (153 * shifted_month + 2) / 5 + day - 1 - 719_468;
    let time = Utc((days * 86_400 + hour * 3_600 + minute * 60 + second) * SECOND);
    // The 31st of February is another day.
    let (_, _, same_day, ..) = time.civil();
    (i64::from(same_day) == day).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_it_is_printed() {
        for time in [0, 951_782_400, 1_795_264_496, 4_102_444_799, 68_169_600, 5_097_599] {
            let time = Utc(time * SECOND);
            assert_eq!(parse_basic(&basic(time)), Some(time));
            let extended = time.to_string().replace(".000Z", "Z");
            assert_eq!(parse_extended(&extended), Some(time), "{extended}");
        }
        assert_eq!(parse_extended("1970-01-02"), Some(Utc(86_400 * SECOND)));
        assert_eq!(parse_extended("86400"), Some(Utc(86_400 * SECOND)));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for wrong in [
            "20260229T000000Z",
            "20260431T000000Z",
            "20261301T000000Z",
            "20260100T000000Z",
            "20260101T240000Z",
            "20260101T006000Z",
            "20260101T000060Z",
            "20260101T000000+",
            "2026010aT000000Z",
            "",
        ] {
            assert_eq!(parse_basic(wrong), None, "{wrong}");
        }
        for wrong in ["2026-02-29", "2026-1-1", "2026-01-01T00:00:00", "tomorrow", "999999999999", "-1", ""] {
            assert_eq!(parse_extended(wrong), None, "{wrong}");
        }
    }
}
