//! Numbers, dates and counts as CloudWatch writes them.

use media::Utc;

/// `2026-11-27T00:10:00.000+0000`.
pub(crate) fn date(at: Utc) -> String {
    at.to_string().replace('Z', "+0000")
}

/// `27/11/26 00:10:00`.
pub(crate) fn short_date(at: Utc) -> String {
    let (year, month, day, hour, minute, second, _) = at.civil();
    format!("{day:02}/{month:02}/{:02} {hour:02}:{minute:02}:{second:02}", year.rem_euclid(100))
}

/// `1 datapoint`, `2 datapoints`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `was` for one, `were` for others.
pub(crate) fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
