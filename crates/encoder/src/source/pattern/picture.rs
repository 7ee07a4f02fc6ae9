//! The pattern's pixels.

use std::ops::Range;

use ffmpeg::{Colour, Error, Frame};
use media::Rational;

use super::font::{self, COLUMNS, ROWS};
use super::{Pattern, frame_utc, is_flash, strip};

/// Pictures painted in turn: more than are ever on their way at once, so that their memory is used again.
const RING: usize = 14;
/// The clock's digits are this share of the height at least.
const DIGIT_SHARE: usize = 12;
/// Milliseconds in which the ball crosses the picture and comes back.
const CROSSING_MS: i64 = 8_000;

const WHITE: u8 = 235;
const BLACK: u8 = 16;
const PANEL: [u8; 3] = [30, 136, 122];
const TEXT: u8 = 225;
const FAINT: u8 = 140;
/// 75 % colour bars in BT.709: white, yellow, cyan, green, magenta, red, blue.
const BARS: [[u8; 3]; 7] = [
    [180, 128, 128],
    [168, 44, 136],
    [145, 147, 44],
    [133, 63, 52],
    [63, 193, 204],
    [51, 109, 212],
    [28, 212, 120],
];

/// Paints frames of one pattern. What never moves is painted once; each frame repaints only the clock, the ball's band,
/// the flash and the strip.
#[derive(Debug)]
pub struct Painter {
    rate: Rational,
    layout: Layout,
    /// Luma of the ball's band without the ball, one row.
    ramp: Vec<u8>,
    ring: Vec<Frame>,
    next: usize,
}

/// Where things are.
#[derive(Clone, Debug)]
struct Layout {
    width: usize,
    height: usize,
    /// Rows of the grey ramp.
    band: Range<usize>,
    /// The flash's block.
    flash: (Range<usize>, Range<usize>),
    /// Picture samples of a dot of the clock's font.
    dot: usize,
    /// Upper left corner of the clock.
    clock: (usize, usize),
    /// Upper left corner of the date.
    date: (usize, usize),
}

impl Layout {
    fn new(width: usize, height: usize) -> Self {
        let dot = height.div_ceil(DIGIT_SHARE * ROWS);
        let panel = height * 8 / 12;
        let text_width = "00:00:00.000".len() * COLUMNS * dot;
        let clock = ((width.saturating_sub(text_width)) / 2, panel + height / 24);
        let date = (clock.0, clock.1 + ROWS * dot + height / 36);
        Self {
            width,
            height,
            band: height * 7 / 12..panel,
            flash: (width * 13 / 16..width * 15 / 16, height / 8..height * 3 / 8),
            dot,
            clock,
            date,
        }
    }
}

impl Painter {
    /// A painter of `pattern`.
    pub fn new(pattern: &Pattern) -> Result<Self, Error> {
        let (width, height) = (pattern.width.max(320), pattern.height.max(180));
        let layout = Layout::new(width as usize, height as usize);
        let ramp: Vec<u8> = (0..layout.width).map(|x| (16 + x * 160 / layout.width) as u8).collect();
        let mut ring = Vec::with_capacity(RING);
        for _ in 0..RING {
            let mut frame = Frame::picture(width, height)?;
            frame.set_colour(Colour::BT709);
            paint_background(&mut frame, &layout, &ramp, &pattern.name)?;
            ring.push(frame);
        }
        Ok(Self { rate: pattern.frame_rate, layout, ramp, ring, next: 0 })
    }

    /// The picture of frame `index` of the epoch.
    pub fn paint(&mut self, index: i64) -> Result<Frame, Error> {
        let utc = frame_utc(index, self.rate);
        let millis = utc.0.div_euclid(1_000);
        let frame = &mut self.ring[self.next];
        self.next = (self.next + 1) % RING;
        let (luma, stride) = frame.plane_mut(0)?;
        let layout = &self.layout;

        // "2026-11-21T12:34:56.789Z"
        let text = utc.to_string();
        let (date, time) = text.split_at(text.find('T').unwrap_or(0));
        write(luma, stride, layout.clock, layout.dot, &time[1..13], TEXT);
        write(luma, stride, layout.date, layout.dot.div_ceil(2), &format!("{date} UTC"), FAINT);
        paint_ball(luma, stride, layout, &self.ramp, millis);
        let bright = if is_flash(index, self.rate) { WHITE } else { BLACK };
        for y in layout.flash.1.clone() {
            luma[y * stride..][layout.flash.0.clone()].fill(bright);
        }
        let strip = strip::rows(layout.height);
        let first = strip.start * stride;
        strip::draw_row(&mut luma[first..first + layout.width], millis);
        for y in strip.skip(1) {
            luma.copy_within(first..first + layout.width, y * stride);
        }
        frame.reference()
    }
}

fn paint_background(frame: &mut Frame, layout: &Layout, ramp: &[u8], name: &str) -> Result<(), Error> {
    for plane in 0..3 {
        let divisor = if plane == 0 { 1 } else { 2 };
        let (bytes, stride) = frame.plane_mut(plane)?;
        let (width, height) = (layout.width / divisor, layout.height / divisor);
        for y in 0..height {
            let row = &mut bytes[y * stride..][..width];
            let luma_y = y * divisor;
            if luma_y < layout.band.start {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = BARS[x * BARS.len() / width][plane];
                }
            } else if luma_y < layout.band.end {
                match plane {
                    0 => row.copy_from_slice(ramp),
                    _ => row.fill(128),
                }
            } else if luma_y < strip::rows(layout.height).start {
                row.fill(PANEL[plane]);
            } else {
                row.fill(128);
            }
        }
        for y in layout.flash.1.start / divisor..layout.flash.1.end / divisor {
            let columns = layout.flash.0.start / divisor..layout.flash.0.end / divisor;
            bytes[y * stride..][columns].fill(if plane == 0 { BLACK } else { 128 });
        }
    }
    let (luma, stride) = frame.plane_mut(0)?;
    let dot = layout.dot.div_ceil(2);
    let letters = "0000-00-00 UTC".len() + 2;
    let at = (layout.date.0 + letters * COLUMNS * dot, layout.date.1);
    let room = (layout.width - at.0.min(layout.width)) / (COLUMNS * dot);
    write(luma, stride, at, dot, &name.chars().take(room).collect::<String>(), TEXT);
    Ok(())
}

/// Writes `text` on the panel; what stood there before is painted over.
fn write(luma: &mut [u8], stride: usize, at: (usize, usize), dot: usize, text: &str, bright: u8) {
    for row in 0..ROWS {
        let first = (at.1 + row * dot) * stride + at.0;
        let mut x = first;
        for character in text.chars() {
            for column in 0..COLUMNS {
                let sample = if font::dot(character, column, row) { bright } else { PANEL[0] };
                luma[x..x + dot].fill(sample);
                x += dot;
            }
        }
        for repeat in 1..dot {
            luma.copy_within(first..x, first + repeat * stride);
        }
    }
}

fn paint_ball(luma: &mut [u8], stride: usize, layout: &Layout, ramp: &[u8], millis: i64) {
    let radius = layout.band.len() as i64 / 2;
    let way = layout.width as i64 - 2 * radius;
    let turn = millis.rem_euclid(CROSSING_MS);
    let along = if turn < CROSSING_MS / 2 { turn } else { CROSSING_MS - turn };
    let centre = radius + way * along / (CROSSING_MS / 2);
    for y in layout.band.clone() {
        let row = &mut luma[y * stride..][..layout.width];
        row.copy_from_slice(ramp);
        let from_middle = (y - layout.band.start) as i64 - radius;
        let half = (radius * radius - from_middle * from_middle).max(0).isqrt();
        let columns = (centre - half).max(0) as usize..(centre + half).max(0) as usize;
        row[columns.start.min(layout.width)..columns.end.min(layout.width)].fill(WHITE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::pattern::{next_frame, read_strip};
    use media::Utc;

    #[test]
    fn every_size_tells_its_time() {
        for (width, height) in [(320, 180), (640, 360), (854, 480), (1_280, 720), (1_920, 1_080), (640, 480)]
        {
            let rate = Rational::whole(30);
            let pattern = Pattern { width, height, frame_rate: rate, name: "demo".into() };
            let mut painter = Painter::new(&pattern).expect("memory");
            let first = next_frame(Utc(1_795_219_200_000_000), rate);
            for n in [0, 1, 2, 40] {
                let frame = painter.paint(first + n).expect("memory");
                let (luma, stride) = frame.plane(0);
                let millis = read_strip(luma, stride, width as usize, height as usize);
                assert_eq!(millis, Some(1_795_219_200_000 + n * 1_000 / 30), "{width}x{height}");
                let at = height as usize / 4 * stride + width as usize * 14 / 16;
                assert_eq!(luma[at], if n < 2 { WHITE } else { BLACK });
            }
            assert!(painter.layout.dot * ROWS * DIGIT_SHARE >= height as usize);
        }
    }

    #[test]
    fn pictures_still_in_use_are_not_painted_over() {
        let rate = Rational::whole(30);
        let pattern = Pattern { width: 320, height: 180, frame_rate: rate, name: String::new() };
        let mut painter = Painter::new(&pattern).expect("memory");
        let frames: Vec<_> = (0..60).map(|n| painter.paint(n).expect("memory")).collect();
        for (n, frame) in frames.iter().enumerate() {
            let (luma, stride) = frame.plane(0);
            assert_eq!(read_strip(luma, stride, 320, 180), Some(n as i64 * 1_000 / 30));
        }
    }
}
