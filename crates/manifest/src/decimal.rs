//! Ticks as decimal seconds.

use std::fmt;

use media::Timescale;

/// Prints `ticks / scale` as decimal seconds: exact where six decimals hold it, else rounded to the nearest
/// microsecond; no trailing zeros. Never negative.
pub(crate) struct Seconds(pub(crate) i64, pub(crate) Timescale);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = media::rescale_nearest(self.0.max(0), self.1, Timescale::MICROS);
        let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_and_short() {
        for (ticks, scale, text) in [
            (180_000, 90_000, "2"),
            (182_250, 90_000, "2.025"),
            (96_256, 48_000, "2.005333"),
            (88_064, 44_100, "1.996916"),
            (1, 1_000_000, "0.000001"),
        ] {
            assert_eq!(Seconds(ticks, Timescale::new(scale)).to_string(), text);
        }
    }
}
