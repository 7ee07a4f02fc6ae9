//! The wall clock, for dates and logs only.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{MediaTime, Timescale, rescale_floor};

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Utc(pub i64);

impl Utc {
    /// The date of an epoch-based media time, rounded down to the microsecond.
    pub const fn of(time: MediaTime) -> Self {
        Self(rescale_floor(time.ticks, time.scale, Timescale::MICROS))
    }

    /// This date as epoch-based ticks of `scale`, rounded down.
    pub const fn ticks(self, scale: Timescale) -> i64 {
        rescale_floor(self.0, Timescale::MICROS, scale)
    }

    /// This date moved by `micros` microseconds.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Year, month, day, hour, minute, second, millisecond in the proleptic Gregorian calendar.
    pub const fn civil(self) -> (i64, u32, u32, u32, u32, u32, u32) {
        let millis = self.0.div_euclid(1_000);
        let days = millis.div_euclid(86_400_000);
        let of_day = millis.rem_euclid(86_400_000);
        // Days since 0000-03-01, counted in 400-year eras of 146,097 days.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (
            year,
            month as u32,
            day as u32,
            (of_day / 3_600_000) as u32,
            (of_day / 60_000 % 60) as u32,
            (of_day / 1_000 % 60) as u32,
            (of_day % 1_000) as u32,
        )
    }
}

impl From<SystemTime> for Utc {
    fn from(time: SystemTime) -> Self {
        let micros = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

/// RFC 3339 with milliseconds, as playlists and manifests print it.
impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, milli) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_with_milliseconds() {
        assert_eq!(Utc(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Utc(951_782_400_123_999).to_string(), "2000-02-29T00:00:00.123Z");
        assert_eq!(Utc(4_102_444_799_999_000).to_string(), "2099-12-31T23:59:59.999Z");
        assert_eq!(Utc(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }
}
