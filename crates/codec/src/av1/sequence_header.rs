//! The sequence header OBU (AV1 §5.5).

use media::Rational;

use super::Av1Error;
use crate::bits::{BitReader, BitsError};
use crate::{MAX_SIDE, frame_rate};

pub(super) struct SequenceHeader {
    profile: u8,
    level: u8,
    high_tier: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frame_rate: Option<Rational>,
    color: Color,
}

#[derive(Default)]
struct Color {
    high_bitdepth: bool,
    twelve_bit: bool,
    monochrome: bool,
    /// colour_primaries, transfer_characteristics, matrix_coefficients; 2 is unspecified.
    description: Option<[u8; 3]>,
    full_range: bool,
    subsampling_x: bool,
    subsampling_y: bool,
    chroma_position: u8,
}

#[derive(Default)]
struct OperatingPoint {
    level: u8,
    high_tier: bool,
}

pub(super) fn read(payload: &[u8]) -> Result<SequenceHeader, Av1Error> {
    let mut bits = BitReader::new(payload);
    let profile = bits.bits(3)?;
    if profile > 2 {
        return Err(Av1Error::Field { field: "seq_profile", value: profile });
    }
    bits.skip(1)?; // still_picture
    let reduced = bits.flag()?;
    let mut frame_rate = None;
    let mut first = OperatingPoint::default();
    if reduced {
        first.level = bits.bits(5)? as u8;
    } else {
        frame_rate = operating_points(&mut bits, &mut first)?;
    }
    let width_bits = bits.bits(4)? + 1;
    let height_bits = bits.bits(4)? + 1;
    let width = bits.bits(width_bits)? + 1;
    let height = bits.bits(height_bits)? + 1;
    for (field, value) in [("max_frame_width", width), ("max_frame_height", height)] {
        if value > MAX_SIDE {
            return Err(Av1Error::Field { field, value });
        }
    }
    if !reduced && bits.flag()? {
        bits.skip(7)?; // frame id lengths
    }
    bits.skip(3)?; // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if !reduced {
        skip_tools(&mut bits)?;
    }
    bits.skip(3)?; // enable_superres, enable_cdef, enable_restoration
    let color = color_config(&mut bits, profile)?;
    Ok(SequenceHeader {
        profile: profile as u8,
        level: first.level,
        high_tier: first.high_tier,
        width,
        height,
        frame_rate,
        color,
    })
}

/// From `timing_info_present_flag` to the last operating point: the declared frame rate, and the first point's
/// level.
fn operating_points(
    bits: &mut BitReader<'_>,
    first: &mut OperatingPoint,
) -> Result<Option<Rational>, BitsError> {
    let mut rate = None;
    let mut decoder_model_delay_bits = None;
    if bits.flag()? {
        let ticks = u64::from(bits.bits(32)?);
        let ticks_per_second = u64::from(bits.bits(32)?);
        if bits.flag()? {
            // uvlc() (§4.10.3) is ue(v).
            let ticks_per_picture = u64::from(bits.ue()?) + 1;
            let frame_ticks = ticks.saturating_mul(ticks_per_picture);
            rate = frame_rate::declared(ticks_per_second, frame_ticks);
        }
        if bits.flag()? {
            decoder_model_delay_bits = Some(bits.bits(5)? as usize + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let display_delay = bits.flag()?;
    for index in 0..=bits.bits(5)? {
        bits.skip(12)?; // operating_point_idc
        let level = bits.bits(5)? as u8;
        let high_tier = level > 7 && bits.flag()?;
        if let Some(delay_bits) = decoder_model_delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if display_delay && bits.flag()? {
            bits.skip(4)?;
        }
        if index == 0 {
            *first = OperatingPoint { level, high_tier };
        }
    }
    Ok(rate)
}

/// From `enable_interintra_compound` to `order_hint_bits_minus_1`.
fn skip_tools(bits: &mut BitReader<'_>) -> Result<(), BitsError> {
    bits.skip(4)?;
    let order_hint = bits.flag()?;
    if order_hint {
        bits.skip(2)?;
    }
    let choose_screen_content = bits.flag()?;
    let screen_content = choose_screen_content || bits.flag()?;
    if screen_content {
        let choose_integer_mv = bits.flag()?;
        if !choose_integer_mv {
            bits.skip(1)?;
        }
    }
    if order_hint {
        bits.skip(3)?;
    }
    Ok(())
}

/// color_config (§5.5.2).
fn color_config(bits: &mut BitReader<'_>, profile: u32) -> Result<Color, BitsError> {
    /// sRGB: BT.709 primaries, sRGB transfer, identity matrix.
    const SRGB: [u8; 3] = [1, 13, 0];
    let mut color = Color { high_bitdepth: bits.flag()?, ..Color::default() };
    if profile == 2 && color.high_bitdepth {
        color.twelve_bit = bits.flag()?;
    }
    color.monochrome = profile != 1 && bits.flag()?;
    if bits.flag()? {
        let mut byte = || bits.bits(8).map(|value| value as u8);
        color.description = Some([byte()?, byte()?, byte()?]);
    }
    if color.monochrome {
        color.full_range = bits.flag()?;
        (color.subsampling_x, color.subsampling_y) = (true, true);
        return Ok(color);
    }
    if color.description == Some(SRGB) {
        color.full_range = true;
        return Ok(color);
    }
    color.full_range = bits.flag()?;
    (color.subsampling_x, color.subsampling_y) = match profile {
        0 => (true, true),
        1 => (false, false),
        _ if color.twelve_bit => {
            let x = bits.flag()?;
            (x, x && bits.flag()?)
        }
        _ => (true, false),
    };
    if color.subsampling_x && color.subsampling_y {
        color.chroma_position = bits.bits(2)? as u8;
    }
    Ok(color)
}

impl SequenceHeader {
    /// The three bytes of `av1C` after marker and version.
    pub(super) fn av1c_bytes(&self) -> [u8; 3] {
        let color = &self.color;
        [
            self.profile << 5 | self.level,
            u8::from(self.high_tier) << 7
                | u8::from(color.high_bitdepth) << 6
                | u8::from(color.twelve_bit) << 5
                | u8::from(color.monochrome) << 4
                | u8::from(color.subsampling_x) << 3
                | u8::from(color.subsampling_y) << 2
                | color.chroma_position,
            0, // no initial presentation delay
        ]
    }

    /// AV1 in ISOBMFF §5: the short form, and the long one where the colour differs from its defaults.
    pub(super) fn rfc6381(&self) -> String {
        const BT709: [u8; 3] = [1, 1, 1];
        const UNSPECIFIED: [u8; 3] = [2, 2, 2];
        let color = &self.color;
        let tier = if self.high_tier { 'H' } else { 'M' };
        let depth = match (color.high_bitdepth, color.twelve_bit) {
            (_, true) => 12,
            (true, false) => 10,
            (false, false) => 8,
        };
        let short = format!("av01.{}.{:02}{tier}.{depth:02}", self.profile, self.level);
        let description = color.description.unwrap_or(BT709);
        let usual = !color.monochrome
            && color.subsampling_x
            && color.subsampling_y
            && color.chroma_position == 0
            && !color.full_range
            && (description == BT709 || description == UNSPECIFIED);
        if usual {
            return short;
        }
        let [primaries, transfer, matrix] = description;
        format!(
            "{short}.{}.{}{}{}.{primaries:02}.{transfer:02}.{matrix:02}.{}",
            u8::from(color.monochrome),
            u8::from(color.subsampling_x),
            u8::from(color.subsampling_y),
            color.chroma_position,
            u8::from(color.full_range),
        )
    }
}
