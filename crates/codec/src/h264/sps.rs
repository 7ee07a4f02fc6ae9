//! The sequence parameter set (H.264 §7.3.2.1.1) and its VUI (§E.1.1).

use media::Rational;

use super::{H264Error, NAL_SPS, unit_type};
use crate::bits::{BitReader, BitsError};
use crate::vui::Vui;
use crate::{MAX_SIDE, nal};

pub(super) struct Sps {
    /// profile_idc, constraint flags, level_idc.
    pub(super) profile: [u8; 3],
    pub(super) chroma_format: u8,
    pub(super) luma_depth_minus8: u8,
    pub(super) chroma_depth_minus8: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sample_aspect: Rational,
    pub(super) frame_rate: Option<Rational>,
}

pub(super) fn read(unit: &[u8]) -> Result<Sps, H264Error> {
    match unit_type(unit) {
        Some(NAL_SPS) => {}
        Some(other) => return Err(H264Error::NotSps(other)),
        None => return Err(H264Error::NoSps),
    }
    let payload = nal::unescape(&unit[1..]);
    let mut bits = BitReader::new(&payload);
    let profile = [bits.bits(8)? as u8, bits.bits(8)? as u8, bits.bits(8)? as u8];
    bounded("seq_parameter_set_id", bits.ue()?, 31)?;
    let mut chroma_format = 1;
    let (mut luma_depth_minus8, mut chroma_depth_minus8) = (0, 0);
    let mut separate_planes = false;
    if has_chroma_format(profile[0]) {
        chroma_format = bounded("chroma_format_idc", bits.ue()?, 3)?;
        separate_planes = chroma_format == 3 && bits.flag()?;
        luma_depth_minus8 = bounded("bit_depth_luma_minus8", bits.ue()?, 6)?;
        chroma_depth_minus8 = bounded("bit_depth_chroma_minus8", bits.ue()?, 6)?;
        bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
        if bits.flag()? {
            skip_scaling_matrix(&mut bits, chroma_format)?;
        }
    }
    bounded("log2_max_frame_num_minus4", bits.ue()?, 12)?;
    match bounded("pic_order_cnt_type", bits.ue()?, 2)? {
        0 => {
            bounded("log2_max_pic_order_cnt_lsb_minus4", bits.ue()?, 12)?;
        }
        1 => {
            bits.skip(1)?;
            bits.se()?;
            bits.se()?;
            let cycle = "num_ref_frames_in_pic_order_cnt_cycle";
            for _ in 0..bounded(cycle, bits.ue()?, 255)? {
                bits.se()?;
            }
        }
        _ => {}
    }
    bits.ue()?; // max_num_ref_frames
    bits.skip(1)?;
    let widest = MAX_SIDE / 16;
    let width = (bounded("pic_width_in_mbs_minus1", bits.ue()?, widest - 1)? + 1) * 16;
    let map_units = bounded("pic_height_in_map_units_minus1", bits.ue()?, widest - 1)? + 1;
    let frames_only = bits.flag()?;
    let fields = if frames_only { 1 } else { 2 };
    let height = map_units * 16 * fields;
    if !frames_only {
        bits.skip(1)?; // mb_adaptive_frame_field_flag
    }
    bits.skip(1)?; // direct_8x8_inference_flag
    let (mut crop_x, mut crop_y) = (0, 0);
    if bits.flag()? {
        // Table 6-1: a crop unit is one chroma sample, and one line of each field.
        let planar = chroma_format == 0 || separate_planes;
        let unit_x = if planar || chroma_format == 3 { 1 } else { 2 };
        let unit_y = if planar || chroma_format != 1 { 1 } else { 2 } * fields;
        crop_x = cropped(&mut bits, unit_x)?;
        crop_y = cropped(&mut bits, unit_y)?;
    }
    let (width, height) = match (width.checked_sub(crop_x), height.checked_sub(crop_y)) {
        (Some(width @ 1..), Some(height @ 1..=MAX_SIDE)) => (width, height),
        _ => return Err(H264Error::Field { field: "frame_crop_offset", value: crop_x.max(crop_y) }),
    };
    let mut vui = Vui::default();
    if bits.flag()? {
        // A decoder needs nothing of the VUI: a damaged one costs what stands after the damage, not the stream.
        let _ = read_vui(&mut vui, &mut bits);
    }
    Ok(Sps {
        profile,
        chroma_format: chroma_format as u8,
        luma_depth_minus8: luma_depth_minus8 as u8,
        chroma_depth_minus8: chroma_depth_minus8 as u8,
        width,
        height,
        sample_aspect: vui.sample_aspect.unwrap_or(Rational::whole(1)),
        frame_rate: vui.frame_rate,
    })
}

/// §E.1.1; its clock ticks once a field.
fn read_vui(vui: &mut Vui, bits: &mut BitReader<'_>) -> Result<(), BitsError> {
    vui.read_picture(bits)?;
    vui.read_timing(bits, 2)
}

const fn has_chroma_format(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

fn bounded(field: &'static str, value: u32, most: u32) -> Result<u32, H264Error> {
    if value > most {
        return Err(H264Error::Field { field, value });
    }
    Ok(value)
}

/// Two crop offsets, in luma samples.
fn cropped(bits: &mut BitReader<'_>, unit: u32) -> Result<u32, H264Error> {
    let mut sum = 0;
    for _ in 0..2 {
        sum += bounded("frame_crop_offset", bits.ue()?, MAX_SIDE)? * unit;
    }
    Ok(sum)
}

fn skip_scaling_matrix(bits: &mut BitReader<'_>, chroma_format: u32) -> Result<(), H264Error> {
    let lists = if chroma_format == 3 { 12 } else { 8 };
    for list in 0..lists {
        if !bits.flag()? {
            continue;
        }
        let entries = if list < 6 { 16 } else { 64 };
        let (mut last, mut next) = (8_i32, 8_i32);
        for _ in 0..entries {
            if next != 0 {
                next = (last + bits.se()? % 256 + 256) % 256;
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Ok(())
}
