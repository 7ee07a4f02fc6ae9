//! Frame rates and aspect ratios.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timescale;

/// A positive fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rational {
    num: u32,
    den: u32,
}

impl Rational {
    /// `num / den` in lowest terms; `None` when either is zero.
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// A whole number, for constants; panics on zero.
    pub const fn whole(num: u32) -> Self {
        assert!(num > 0, "a rational here is positive");
        Self { num, den: 1 }
    }

    /// The numerator, never zero.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The denominator, never zero.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// For printing only.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The timescale in which one frame of this rate is a whole number of ticks: 90 kHz where it
    /// divides, otherwise the numerator (30000 for 30000/1001, 24000 for 24000/1001).
    pub const fn frame_timescale(self) -> Timescale {
        if (90_000_u64 * self.den as u64).is_multiple_of(self.num as u64) {
            Timescale::MPEG
        } else {
            Timescale::new(self.num)
        }
    }

    /// Ticks of one frame in [`Self::frame_timescale`].
    pub const fn frame_ticks(self) -> u32 {
        (self.frame_timescale().ticks_per_second() as u64 * self.den as u64 / self.num as u64) as u32
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.den {
            1 => write!(f, "{}", self.num),
            den => write!(f, "{}/{den}", self.num),
        }
    }
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broadcast_rate_has_whole_frames() {
        for (num, den, scale, ticks) in [
            (30, 1, 90_000, 3_000),
            (25, 1, 90_000, 3_600),
            (24, 1, 90_000, 3_750),
            (60, 1, 90_000, 1_500),
            (30_000, 1_001, 90_000, 3_003),
            (60_000, 1_001, 60_000, 1_001),
            (24_000, 1_001, 24_000, 1_001),
        ] {
            let rate = Rational::new(num, den).expect("positive");
            assert_eq!(rate.frame_timescale().ticks_per_second(), scale, "{rate}");
            assert_eq!(rate.frame_ticks(), ticks, "{rate}");
        }
    }
}
