//! The frame rate of a track whose header tells none.

use std::sync::Arc;

use manifest::{Header, TrackName};
use media::{Format, Rational, Timescale};

use super::State;
use crate::receive::header_of;
use crate::window::header_id;

impl State {
    /// Where the header tells no frame rate, the first segment does.
    pub(super) fn measure_frame_rate(
        &mut self,
        track: &TrackName,
        header: &Arc<cmaf::Header>,
        samples: u64,
        ticks: i64,
    ) {
        let Format::Video(video) = &header.track.format else {
            return;
        };
        let id = header_id(&header.raw);
        if video.frame_rate.is_some() || self.measured.contains_key(&id) {
            return;
        }
        let Some(rate) = nearest_rate(samples, ticks, header.track.timescale) else {
            return;
        };
        self.measured.insert(id, rate);
        let mut described: Header = header_of(header, id);
        if let Format::Video(video) = &mut described.format {
            video.frame_rate = Some(rate);
        }
        // The same id: no discontinuity, and the track was announced before.
        let _ = self.timeline.announce(track, described);
    }
}

/// The usual frame rate nearest to so many frames in so many ticks, else the rate to a thousandth.
fn nearest_rate(frames: u64, ticks: i64, scale: Timescale) -> Option<Rational> {
    let measured = frames as f64 * f64::from(scale.ticks_per_second()) / ticks as f64;
    let usual = [
        (24_000, 1_001),
        (24, 1),
        (25, 1),
        (30_000, 1_001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1_001),
        (60, 1),
        (12, 1),
        (15, 1),
        (10, 1),
        (120, 1),
    ];
    let usual = usual.into_iter().filter_map(|(num, den)| Rational::new(num, den));
    let distance = |rate: &Rational| (rate.as_f64() / measured - 1.0).abs();
    let nearest = usual.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    if distance(&nearest) < 0.0005 {
        return Some(nearest);
    }
    if !(0.001..1_000.0).contains(&measured) {
        return None;
    }
    Rational::new((measured * 1_000.0).round() as u32, 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_rate_is_the_usual_one_it_means() {
        for (frames, ticks, text) in
            [(60, 180_000, "30"), (60, 180_180, "30000/1001"), (50, 180_000, "25"), (34, 180_000, "17")]
        {
            let rate = nearest_rate(frames, ticks, Timescale::MPEG).expect("a rate");
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!(nearest_rate(0, 1, Timescale::MPEG), None);
    }
}
