//! The sequence parameter set (H.265 §7.3.2.2) and its VUI (§E.2.1).

use media::Rational;

use super::{H265Error, NAL_SPS, unit_type};
use crate::bits::{BitReader, BitsError};
use crate::vui::Vui;
use crate::{MAX_SIDE, nal};

/// The general part of `profile_tier_level` (§7.3.3).
#[derive(Default)]
pub(super) struct ProfileTierLevel {
    pub(super) space: u8,
    pub(super) high_tier: bool,
    pub(super) idc: u8,
    pub(super) compatibility: u32,
    pub(super) constraints: [u8; 6],
    pub(super) level: u8,
}

pub(super) struct Sps {
    pub(super) profile: ProfileTierLevel,
    /// 1 to 7.
    pub(super) sub_layers: u8,
    pub(super) temporal_id_nested: bool,
    pub(super) chroma_format: u8,
    pub(super) luma_depth_minus8: u8,
    pub(super) chroma_depth_minus8: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sample_aspect: Rational,
    pub(super) frame_rate: Option<Rational>,
}

pub(super) fn read(unit: &[u8]) -> Result<Sps, H265Error> {
    match unit_type(unit) {
        Some(NAL_SPS) => {}
        Some(other) => return Err(H265Error::NotSps(other)),
        None => return Err(H265Error::NoSps),
    }
    let payload = nal::unescape(unit.get(2..).unwrap_or_default());
    let mut bits = BitReader::new(&payload);
    bits.skip(4)?; // sps_video_parameter_set_id
    let sub_layers_minus1 = bounded("sps_max_sub_layers_minus1", bits.bits(3)?, 6)?;
    let temporal_id_nested = bits.flag()?;
    let profile = profile_tier_level(&mut bits, sub_layers_minus1)?;
    bounded("sps_seq_parameter_set_id", bits.ue()?, 15)?;
    let chroma_format = bounded("chroma_format_idc", bits.ue()?, 3)?;
    let separate_planes = chroma_format == 3 && bits.flag()?;
    let coded_width = side("pic_width_in_luma_samples", bits.ue()?)?;
    let coded_height = side("pic_height_in_luma_samples", bits.ue()?)?;
    let (mut crop_x, mut crop_y) = (0, 0);
    if bits.flag()? {
        let planar = chroma_format == 0 || separate_planes;
        crop_x = cropped(&mut bits, if planar || chroma_format == 3 { 1 } else { 2 })?;
        crop_y = cropped(&mut bits, if planar || chroma_format != 1 { 1 } else { 2 })?;
    }
    let (width, height) = match (coded_width.checked_sub(crop_x), coded_height.checked_sub(crop_y)) {
        (Some(width @ 1..), Some(height @ 1..)) => (width, height),
        _ => return Err(H265Error::Field { field: "conf_win_offset", value: crop_x.max(crop_y) }),
    };
    let luma_depth_minus8 = bounded("bit_depth_luma_minus8", bits.ue()?, 8)? as u8;
    let chroma_depth_minus8 = bounded("bit_depth_chroma_minus8", bits.ue()?, 8)? as u8;
    // A decoder record needs nothing of the rest: a damaged one costs what stands after the damage, not the stream.
    let mut vui = Vui::default();
    let _ = rest(&mut bits, sub_layers_minus1, chroma_format, &mut vui);
    Ok(Sps {
        profile,
        sub_layers: sub_layers_minus1 as u8 + 1,
        temporal_id_nested,
        chroma_format: chroma_format as u8,
        luma_depth_minus8,
        chroma_depth_minus8,
        width,
        height,
        sample_aspect: vui.sample_aspect.unwrap_or(Rational::whole(1)),
        frame_rate: vui.frame_rate,
    })
}

fn profile_tier_level(
    bits: &mut BitReader<'_>,
    sub_layers_minus1: u32,
) -> Result<ProfileTierLevel, BitsError> {
    let mut general = ProfileTierLevel {
        space: bits.bits(2)? as u8,
        high_tier: bits.flag()?,
        idc: bits.bits(5)? as u8,
        compatibility: bits.bits(32)?,
        ..ProfileTierLevel::default()
    };
    for byte in &mut general.constraints {
        *byte = bits.bits(8)? as u8;
    }
    general.level = bits.bits(8)? as u8;
    let mut present = [(false, false); 6];
    for layer in &mut present[..sub_layers_minus1 as usize] {
        *layer = (bits.flag()?, bits.flag()?);
    }
    if sub_layers_minus1 > 0 {
        bits.skip(2 * (8 - sub_layers_minus1 as usize))?;
    }
    for (has_profile, has_level) in present {
        bits.skip(if has_profile { 88 } else { 0 })?;
        bits.skip(if has_level { 8 } else { 0 })?;
    }
    Ok(general)
}

/// From `log2_max_pic_order_cnt_lsb_minus4` to the VUI's timing.
fn rest(
    bits: &mut BitReader<'_>,
    sub_layers_minus1: u32,
    chroma_format: u32,
    vui: &mut Vui,
) -> Result<(), H265Error> {
    let poc_bits = bounded("log2_max_pic_order_cnt_lsb_minus4", bits.ue()?, 12)? + 4;
    let every_layer = bits.flag()?;
    for _ in 0..if every_layer { sub_layers_minus1 + 1 } else { 1 } {
        bits.ue()?;
        bits.ue()?;
        bits.ue()?;
    }
    for _ in 0..6 {
        bits.ue()?; // block and transform sizes
    }
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(bits, chroma_format)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag()? {
        bits.skip(8)?; // pcm sample depths
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    skip_short_term_sets(bits)?;
    if bits.flag()? {
        for _ in 0..bounded("num_long_term_ref_pics_sps", bits.ue()?, 32)? {
            bits.skip(poc_bits as usize + 1)?;
        }
    }
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if bits.flag()? {
        read_vui(vui, bits)?;
    }
    Ok(())
}

/// §E.2.1.
fn read_vui(vui: &mut Vui, bits: &mut BitReader<'_>) -> Result<(), BitsError> {
    vui.read_picture(bits)?;
    bits.skip(3)?; // neutral_chroma, field_seq, frame_field_info flags
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?; // default display window
        }
    }
    vui.read_timing(bits, 1)
}

fn bounded(field: &'static str, value: u32, most: u32) -> Result<u32, H265Error> {
    if value > most {
        return Err(H265Error::Field { field, value });
    }
    Ok(value)
}

fn side(field: &'static str, value: u32) -> Result<u32, H265Error> {
    if value == 0 {
        return Err(H265Error::Field { field, value });
    }
    bounded(field, value, MAX_SIDE)
}

/// Two crop offsets, in luma samples.
fn cropped(bits: &mut BitReader<'_>, unit: u32) -> Result<u32, H265Error> {
    let mut sum = 0;
    for _ in 0..2 {
        sum += bounded("conf_win_offset", bits.ue()?, MAX_SIDE)? * unit;
    }
    Ok(sum)
}

/// scaling_list_data (§7.3.4).
fn skip_scaling_lists(bits: &mut BitReader<'_>, chroma_format: u32) -> Result<(), BitsError> {
    for size in 0..4_u32 {
        // 32x32 has lists for luma only, except in 4:4:4.
        let step = if size == 3 && chroma_format != 3 { 3 } else { 1 };
        for _ in (0..6).step_by(step) {
            if !bits.flag()? {
                bits.ue()?; // copied from another list
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// num_short_term_ref_pic_sets and each st_ref_pic_set (§7.3.7).
fn skip_short_term_sets(bits: &mut BitReader<'_>) -> Result<(), H265Error> {
    /// sps_max_dec_pic_buffering_minus1 is at most 15.
    const MAX_PICTURES: u32 = 16;
    let mut previous = 0_u32;
    for index in 0..bounded("num_short_term_ref_pic_sets", bits.ue()?, 64)? {
        let mut pictures = 0;
        if index > 0 && bits.flag()? {
            bits.skip(1)?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            for _ in 0..=previous {
                let used = bits.flag()?;
                if used || bits.flag()? {
                    pictures += 1;
                }
            }
        } else {
            let before = bounded("num_negative_pics", bits.ue()?, MAX_PICTURES)?;
            let after = bounded("num_positive_pics", bits.ue()?, MAX_PICTURES)?;
            pictures = before + after;
            for _ in 0..pictures {
                bits.ue()?;
                bits.skip(1)?;
            }
        }
        previous = bounded("st_ref_pic_set", pictures, 2 * MAX_PICTURES)?;
    }
    Ok(())
}
