//! Dates as text and numbers (Smithy's `date-time`, `http-date` and `epoch-seconds`).

use media::Utc;

use crate::model::TimestampFormat;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MICROS: i64 = 1_000_000;

/// 0001-01-01 and 9999-12-31T23:59:59.999999: what four digits of year can say.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// A date as text. `Epoch` is whole seconds, or with the fraction there is, exactly.
pub(crate) fn write(date: Utc, format: TimestampFormat) -> String {
    let date = Utc(date.0.clamp(*RANGE.start(), *RANGE.end()));
    let (year, month, day, hour, minute, second, _) = date.civil();
    let micro = date.0.rem_euclid(MICROS);
    let fraction = match micro {
        0 => String::new(),
        _ if micro % 1_000 == 0 => format!(".{:03}", micro / 1_000),
        _ => format!(".{micro:06}"),
    };
    match format {
        TimestampFormat::Iso8601 => {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
        }
        TimestampFormat::HttpDate => {
            let weekday = DAYS[date.0.div_euclid(86_400 * MICROS).rem_euclid(7) as usize];
            let month = MONTHS[month as usize - 1];
            format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
        }
        TimestampFormat::Epoch => {
            let sign = if date.0 < 0 { "-" } else { "" };
            let (seconds, micro) = (date.0.unsigned_abs() / 1_000_000, date.0.unsigned_abs() % 1_000_000);
            match micro {
                0 => format!("{sign}{seconds}"),
                _ => format!("{sign}{seconds}.{}", format!("{micro:06}").trim_end_matches('0')),
            }
        }
    }
}

/// The date in text of any of the three forms (ISO 8601, HTTP's, seconds since 1970); clients take liberties with them.
pub fn read(text: &str) -> Option<Utc> {
    let text = text.trim();
    match text.as_bytes() {
        [b'A'..=b'Z', ..] => read_http_date(text),
        [_, _, _, _, b'-', ..] => read_iso(text),
        _ => from_seconds(text.parse().ok()?),
    }
}

/// Seconds since 1970, to the nearest microsecond.
pub(crate) fn from_seconds(seconds: f64) -> Option<Utc> {
    let micros = (seconds * 1e6).round();
    (micros >= *RANGE.start() as f64 && micros <= *RANGE.end() as f64)
        .then(|| bounded(micros as i64))
        .flatten()
}

/// Seconds since 1970, exactly.
pub(crate) fn from_whole_seconds(seconds: i128) -> Option<Utc> {
    bounded(i64::try_from(seconds.checked_mul(1_000_000)?).ok()?)
}

fn bounded(micros: i64) -> Option<Utc> {
    RANGE.contains(&micros).then_some(Utc(micros))
}

fn read_iso(text: &str) -> Option<Utc> {
    let number = |at: std::ops::Range<usize>| digits(text.get(at)?);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let bytes = text.as_bytes();
    if bytes.get(7) != Some(&b'-') {
        return None;
    }
    if text.len() == 10 {
        return assemble(year, month, day, 0, 0, 0, 0);
    }
    let (hour, minute) = (number(11..13)?, number(14..16)?);
    if !matches!(bytes[10], b'T' | b't' | b' ') || bytes.get(13) != Some(&b':') {
        return None;
    }
    let (second, rest) = match bytes.get(16) {
        Some(b':') => (number(17..19)?, text.get(19..)?),
        _ => (0, text.get(16..)?),
    };
    let (micro, zone) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let kept = &fraction[..length.min(6)];
            (digits(kept)? * 10_i64.pow(6 - kept.len() as u32), &fraction[length..])
        }
        None => (0, rest),
    };
    let utc = assemble(year, month, day, hour, minute, second, micro)?;
    let east_minutes = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), after @ ..] => {
            let compact: String =
                after.iter().filter(|&&byte| byte != b':').map(|&byte| byte as char).collect();
            let (hours, minutes) = (digits(compact.get(0..2)?)?, digits(compact.get(2..4).unwrap_or("00"))?);
            if compact.len() > 4 || hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    bounded(utc.0 - east_minutes * 60 * MICROS)
}

fn read_http_date(text: &str) -> Option<Utc> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let day = digits(words.next()?)?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let year = digits(words.next()?)?;
    let mut time = words.next()?.split(':');
    let (hour, minute) = (digits(time.next()?)?, digits(time.next()?)?);
    let seconds = time.next()?;
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let second = digits(second)?;
    let kept = fraction.get(..fraction.len().min(6))?;
    let micro = digits(kept)? * 10_i64.pow(6 - kept.len() as u32);
    (words.next() == Some("GMT")).then(|| assemble(year, month, day, hour, minute, second, micro)).flatten()
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn assemble(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64, micro: i64) -> Option<Utc> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970, by years that begin in March (the inverse of `Utc::civil`).
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_era = year.rem_euclid(400);
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + (153 * shifted + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + day_of_era - 719_468;
    bounded((((days * 24 + hour) * 60 + minute) * 60 + second) * MICROS + micro)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_in_every_form_that_clients_write() {
        let expected = Some(Utc(1_795_737_600_000_000));
        for text in [
            "2026-11-27T00:00:00Z",
            "2026-11-27T00:00:00.000Z",
            "2026-11-27T02:30:00+02:30",
            "2026-11-26T19:00:00-0500",
            "2026-11-27",
            "Fri, 27 Nov 2026 00:00:00 GMT",
            "1795737600",
            "1.7957376e9",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("Fri, 27 Nov 2026 00:00:00.25 GMT"), Some(Utc(1_795_737_600_250_000)));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "now",
            "2026-13-01",
            "2026-02-29",
            "2026-11-27T25:00:00Z",
            "1e300",
            "NaN",
            "Fri, 27",
            "é026-1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_written_as_the_protocols_have_them() {
        let date = Utc(1_795_737_600_250_000);
        assert_eq!(write(date, TimestampFormat::Iso8601), "2026-11-27T00:00:00.250Z");
        assert_eq!(write(date, TimestampFormat::HttpDate), "Fri, 27 Nov 2026 00:00:00 GMT");
        assert_eq!(write(date, TimestampFormat::Epoch), "1795737600.25");
        assert_eq!(write(Utc(-1), TimestampFormat::Epoch), "-0.000001");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in RANGE) {
            prop_assert_eq!(read(&write(Utc(micros), TimestampFormat::Iso8601)), Some(Utc(micros)));
        }

        #[test]
        fn any_text_is_a_date_or_none(text in ".*") {
            let _ = read(&text);
        }
    }
}
