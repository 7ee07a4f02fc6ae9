//! A picture's brightness at a few places: enough to tell black and stills, at hardly any cost.

use ffmpeg_sys_the_third as ffi;

use crate::frame::Frame;

/// Places looked at: so many columns and rows.
const COLUMNS: usize = 32;
const ROWS: usize = 18;

/// Luma at 32 × 18 places, row by row, of 255: 0 is black, also where the picture is of limited range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LumaSamples(pub Vec<u8>);

impl Frame {
    /// Looks at a picture in memory; `None` for formats without luma samples of their own (RGB, palettes, hardware).
    pub fn luma_samples(&self) -> Option<LumaSamples> {
        let raw = self.raw();
        // SAFETY: reads a static table; null comes back for unknown formats.
        let descriptor = unsafe { ffi::av_pix_fmt_desc_get(ffi::AVPixelFormat(raw.format)).as_ref() }?;
        let unreadable = ffi::AV_PIX_FMT_FLAG_BE
            | ffi::AV_PIX_FMT_FLAG_PAL
            | ffi::AV_PIX_FMT_FLAG_BITSTREAM
            | ffi::AV_PIX_FMT_FLAG_HWACCEL
            | ffi::AV_PIX_FMT_FLAG_RGB
            | ffi::AV_PIX_FMT_FLAG_FLOAT;
        if descriptor.flags & unreadable as u64 != 0 || descriptor.nb_components == 0 {
            return None;
        }
        let luma = &descriptor.comp[0];
        let (plane, step, offset) = (luma.plane as usize, luma.step as usize, luma.offset as usize);
        let (width, height) = (self.width() as usize, self.height() as usize);
        let stride = usize::try_from(raw.linesize[plane]).ok()?;
        let bytes = if luma.depth + luma.shift > 8 { 2 } else { 1 };
        if raw.data[plane].is_null() || width == 0 || height == 0 || !(8..=16).contains(&luma.depth) {
            return None;
        }
        let full_range = raw.color_range == ffi::AVColorRange::JPEG
            || [ffi::AVPixelFormat::YUVJ420P.0, ffi::AVPixelFormat::YUVJ422P.0].contains(&raw.format);
        let mut samples = Vec::with_capacity(COLUMNS * ROWS);
        for row in 0..ROWS {
            let y = (row * 2 + 1) * height / (ROWS * 2);
            for column in 0..COLUMNS {
                let x = (column * 2 + 1) * width / (COLUMNS * 2);
                let at = y * stride + x * step + offset;
                // SAFETY: x and y lie within the picture, whose plane holds `height` rows of `stride` bytes, each with
                // `width` samples of `step` bytes; a sample is `bytes` long, which is at most two.
                let value = unsafe {
                    let sample = raw.data[plane].add(at);
                    match bytes {
                        1 => u16::from(*sample),
                        _ => u16::from_le_bytes([*sample, *sample.add(1)]),
                    }
                };
                let value = i32::from(value >> luma.shift >> (luma.depth - 8)) & 0xFF;
                samples.push(if full_range { value } else { ((value - 16) * 255 / 219).clamp(0, 255) } as u8);
            }
        }
        Some(LumaSamples(samples))
    }
}
