//! What is asked of the values of a period.
//!
//! Spec: CloudWatch, "statistics definitions": `p95`, `tm90`, `TM(10%:90%)`, `TM(150:1000)`, `PR(:300)`, `IQM`.

use std::fmt;
use std::str::FromStr;

/// Longest text of a statistic, in bytes.
pub const MAX_BYTES: usize = 64;

/// One end of a range of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A part of the values, 0 to 1, counted from the least.
    Part(f64),
    /// A value itself.
    Value(f64),
}

/// What is asked of the values of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// How many there were.
    SampleCount,
    /// Their mean.
    Average,
    /// Their sum.
    Sum,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// The value that this part of them, 0 to 1, does not exceed.
    Percentile(f64),
    /// The mean of those within the range.
    TrimmedMean(Bound, Bound),
    /// How many are within the range.
    TrimmedCount(Bound, Bound),
    /// The sum of those within the range.
    TrimmedSum(Bound, Bound),
    /// The mean, where those outside of the range count as its ends.
    WinsorizedMean(Bound, Bound),
    /// Percent of them within a range of values.
    PercentileRank(Bound, Bound),
}

/// Why a text names no statistic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatisticFault {
    /// Nothing of that name.
    #[error(
        "there is no statistic `{0}`; there are SampleCount, Average, Sum, Minimum, Maximum, and by pattern p99, tm99, tc99, ts99, wm99, TM(10%:90%), PR(:100), IQM"
    )]
    Unknown(String),
    /// The number is out of its range.
    #[error("`{0}` needs percentages from 0 to 100, or values, the lower one first")]
    Range(String),
}

impl Statistic {
    /// Whether the API calls it simple (`Statistic`), not extended (`ExtendedStatistic`).
    pub fn is_simple(&self) -> bool {
        use Statistic::{Average, Maximum, Minimum, SampleCount, Sum};
        matches!(self, SampleCount | Average | Sum | Minimum | Maximum)
    }

    /// Whether it asks how values were distributed.
    pub fn needs_distribution(&self) -> bool {
        !self.is_simple()
    }
}

impl FromStr for Statistic {
    type Err = StatisticFault;

    fn from_str(text: &str) -> Result<Statistic, StatisticFault> {
        let unknown = || StatisticFault::Unknown(text.chars().take(MAX_BYTES).collect());
        if text.len() > MAX_BYTES || !text.is_ascii() {
            return Err(unknown());
        }
        match text {
            "SampleCount" => return Ok(Statistic::SampleCount),
            "Average" => return Ok(Statistic::Average),
            "Sum" => return Ok(Statistic::Sum),
            "Minimum" => return Ok(Statistic::Minimum),
            "Maximum" => return Ok(Statistic::Maximum),
            "IQM" => return Ok(Statistic::TrimmedMean(Bound::Part(0.25), Bound::Part(0.75))),
            _ => {}
        }
        if let Some((name, range)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            let (low, high) = range.split_once(':').ok_or_else(unknown)?;
            let (low, high) = bounds(low, high).ok_or_else(|| StatisticFault::Range(text.to_owned()))?;
            return match name {
                "TM" => Ok(Statistic::TrimmedMean(low, high)),
                "TC" => Ok(Statistic::TrimmedCount(low, high)),
                "TS" => Ok(Statistic::TrimmedSum(low, high)),
                "WM" => Ok(Statistic::WinsorizedMean(low, high)),
                "PR" if !matches!((low, high), (Bound::Part(part), _) | (_, Bound::Part(part)) if part != 0.0 && part != 1.0) => {
                    Ok(Statistic::PercentileRank(low, high))
                }
                _ => Err(unknown()),
            };
        }
        let digits = text.find(|c: char| c.is_ascii_digit()).ok_or_else(unknown)?;
        let (name, number) = text.split_at(digits);
        let number = decimal(number).ok_or_else(unknown)?;
        if number > 100.0 {
            return Err(StatisticFault::Range(text.to_owned()));
        }
        let part = number / 100.0;
        let range = (Bound::Part(0.0), Bound::Part(part));
        match name {
            "p" => Ok(Statistic::Percentile(part)),
            "tm" => Ok(Statistic::TrimmedMean(range.0, range.1)),
            "tc" => Ok(Statistic::TrimmedCount(range.0, range.1)),
            "ts" => Ok(Statistic::TrimmedSum(range.0, range.1)),
            "wm" => Ok(Statistic::WinsorizedMean(range.0, range.1)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::SampleCount => f.write_str("SampleCount"),
            Statistic::Average => f.write_str("Average"),
            Statistic::Sum => f.write_str("Sum"),
            Statistic::Minimum => f.write_str("Minimum"),
            Statistic::Maximum => f.write_str("Maximum"),
            Statistic::Percentile(part) => write!(f, "p{}", percent(*part)),
            Statistic::TrimmedMean(low, high) => range(f, "TM", low, high),
            Statistic::TrimmedCount(low, high) => range(f, "TC", low, high),
            Statistic::TrimmedSum(low, high) => range(f, "TS", low, high),
            Statistic::WinsorizedMean(low, high) => range(f, "WM", low, high),
            Statistic::PercentileRank(low, high) => range(f, "PR", low, high),
        }
    }
}

fn range(f: &mut fmt::Formatter<'_>, name: &str, low: &Bound, high: &Bound) -> fmt::Result {
    write!(f, "{name}(")?;
    match low {
        Bound::Part(part) if *part == 0.0 => {}
        Bound::Part(part) => write!(f, "{}%", percent(*part))?,
        Bound::Value(value) => write!(f, "{value}")?,
    }
    f.write_str(":")?;
    match high {
        Bound::Part(part) if *part == 1.0 => {}
        Bound::Part(part) => write!(f, "{}%", percent(*part))?,
        Bound::Value(value) => write!(f, "{value}")?,
    }
    f.write_str(")")
}

/// A part as percent, without the dust of binary fractions.
fn percent(part: f64) -> f64 {
    (part * 100.0 * 1e10).round() / 1e10
}

/// Both ends in the same kind; one of them may be left out.
fn bounds(low: &str, high: &str) -> Option<(Bound, Bound)> {
    let in_percent = low.ends_with('%') || high.ends_with('%');
    let one = |text: &str, open: f64| match (text, in_percent) {
        ("", _) => Some(Bound::Part(open)),
        (text, true) => {
            Some(decimal(text.strip_suffix('%')?)?).filter(|&n| n <= 100.0).map(|n| Bound::Part(n / 100.0))
        }
        (text, false) => signed(text).map(Bound::Value),
    };
    let (low, high) = (one(low, 0.0)?, one(high, 1.0)?);
    match (low, high) {
        (Bound::Part(low), Bound::Part(high)) if low >= high || (!in_percent) => None,
        (Bound::Value(low), Bound::Value(high)) if low >= high => None,
        ends => Some(ends),
    }
}

/// Digits, at most one point, at most ten digits after it: as the API has it.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    (digits(whole, 15) && digits(fraction, 10)).then(|| text.parse().ok()).flatten()
}

fn signed(text: &str) -> Option<f64> {
    match text.strip_prefix('-') {
        Some(rest) => decimal(rest).map(|n| -n),
        None => decimal(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_the_api_are_read() {
        let part = Bound::Part;
        for (text, statistic) in [
            ("Average", Statistic::Average),
            ("p99", Statistic::Percentile(0.99)),
            ("p99.9", Statistic::Percentile(0.9990000000000001)),
            ("p100", Statistic::Percentile(1.0)),
            ("tm90", Statistic::TrimmedMean(part(0.0), part(0.9))),
            ("TM(10%:90%)", Statistic::TrimmedMean(part(0.1), part(0.9))),
            ("TM(:95%)", Statistic::TrimmedMean(part(0.0), part(0.95))),
            ("TC(0.5:2)", Statistic::TrimmedCount(Bound::Value(0.5), Bound::Value(2.0))),
            ("WM(80%:)", Statistic::WinsorizedMean(part(0.8), part(1.0))),
            ("PR(:300)", Statistic::PercentileRank(part(0.0), Bound::Value(300.0))),
            ("IQM", Statistic::TrimmedMean(part(0.25), part(0.75))),
        ] {
            assert_eq!(text.parse(), Ok(statistic), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "average",
            "p",
            "p101",
            "px",
            "p-1",
            "p1e1",
            "tm",
            "q50",
            "TM(90%:10%)",
            "TM(:)",
            "TM(1)",
            "PR(10%:20%)",
            "p99.99999999999",
            "TM(nan:1)",
            "p9\u{301}",
        ] {
            assert!(text.parse::<Statistic>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_statistic_or_a_fault(text in "\\PC{0,80}") {
            let _ = text.parse::<Statistic>();
        }

        #[test]
        fn what_is_printed_is_read_again(name in "p|tm|tc|ts|wm", percent in 0u32..=10_000) {
            let text = format!("{name}{}", f64::from(percent) / 100.0);
            // A trimmed statistic of nothing does not exist in the general form.
            prop_assume!(name == "p" || percent > 0);
            let read: Statistic = text.parse().unwrap();
            prop_assume!(read.to_string() != "TM(:)" && !read.to_string().ends_with("(:)"));
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }
}
