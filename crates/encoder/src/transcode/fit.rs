//! How a picture fits into a rung's frame.

use ffmpeg::Placement;
use media::Rational;

/// Bars thinner than this share of a side are not drawn: 854 × 480 is 16:9 as far as anybody sees.
const NO_BAR: f64 = 0.01;

/// Where a source picture lies in a frame of `width` × `height` square pixels: as large as it fits, centred.
pub(crate) fn fit(source: (u32, u32), sample_aspect: Rational, width: u32, height: u32) -> Placement {
    let shape = f64::from(source.0) * sample_aspect.as_f64() / f64::from(source.1);
    let frame = f64::from(width) / f64::from(height);
    let whole = Placement { x: 0, y: 0, width, height };
    if (shape / frame - 1.0).abs() <= NO_BAR {
        return whole;
    }
    if shape > frame {
        let inner = even(f64::from(width) / shape, height);
        Placement { y: (height - inner) / 4 * 2, height: inner, ..whole }
    } else {
        let inner = even(f64::from(height) * shape, width);
        Placement { x: (width - inner) / 4 * 2, width: inner, ..whole }
    }
}

/// Whether two frame sizes have one shape, so that one can be scaled from the other.
pub(crate) fn same_shape(one: (u32, u32), other: (u32, u32)) -> bool {
    let ratio = f64::from(one.0) * f64::from(other.1) / (f64::from(one.1) * f64::from(other.0));
    (ratio - 1.0).abs() <= NO_BAR
}

fn even(side: f64, most: u32) -> u32 {
    ((side / 2.0).round() as u32 * 2).clamp(2, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: (u32, u32), aspect: (u32, u32), frame: (u32, u32), expected: [u32; 4]) {
        let aspect = Rational::new(aspect.0, aspect.1).expect("positive");
        let placement = fit(source, aspect, frame.0, frame.1);
        let found = [placement.x, placement.y, placement.width, placement.height];
        assert_eq!(found, expected, "{source:?} at {aspect} in {frame:?}");
    }

    #[test]
    fn the_whole_picture_is_seen_in_its_own_shape() {
        check((1_280, 720), (1, 1), (854, 480), [0, 0, 854, 480]);
        check((720, 576), (64, 45), (1_024, 576), [0, 0, 1_024, 576]);
        check((720, 576), (16, 15), (1_280, 720), [160, 0, 960, 720]);
        check((1_920, 800), (1, 1), (1_280, 720), [0, 92, 1_280, 534]);
        check((1_080, 1_920), (1, 1), (1_280, 720), [436, 0, 406, 720]);
        check((16_384, 2), (1, 1), (64, 64), [0, 30, 64, 2]);
    }
}
