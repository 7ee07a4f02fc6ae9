//! The frame rate a stream declares.

use media::Rational;

/// Highest frame rate believed. Encoders that write variable-rate clocks declare 1,000 (RTMP's
/// milliseconds) or 90,000 (MPEG's), which say nothing about frames.
const MAX_FPS: u64 = 480;

/// `ticks_per_second / ticks_per_frame` where that is the rate of frames, `None` where it can only
/// be the rate of a clock.
pub(crate) fn declared(ticks_per_second: u64, ticks_per_frame: u64) -> Option<Rational> {
    if ticks_per_frame == 0 || ticks_per_second.div_ceil(MAX_FPS) > ticks_per_frame {
        return None;
    }
    let divisor = gcd(ticks_per_second, ticks_per_frame);
    if divisor == 0 {
        return None;
    }
    Rational::new(
        u32::try_from(ticks_per_second / divisor).ok()?,
        u32::try_from(ticks_per_frame / divisor).ok()?,
    )
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_not_taken_for_a_frame_rate() {
        assert_eq!(declared(60_000, 2_002), Rational::new(30_000, 1_001));
        assert_eq!(declared(50, 2), Rational::new(25, 1));
        assert_eq!(declared(2_000, 2), None);
        assert_eq!(declared(180_000, 2), None);
        assert_eq!(declared(0, 2), None);
        assert_eq!(declared(60, 0), None);
        assert_eq!(declared(60, u64::MAX), None);
        assert_eq!(declared(480, 1), Rational::new(480, 1));
        assert_eq!(declared(481, 1), None);
    }
}
