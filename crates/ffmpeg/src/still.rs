//! Still pictures: from the bytes of an image file, and to those of a JPEG.

use ffmpeg_sys_the_third as ffi;

use crate::decoder::Decoder;
use crate::encoder::{Encoder, Picture};
use crate::error::Error;
use crate::frame::{Colour, Frame};
use crate::scaler::{Placement, Scaler};

/// Most samples a still may have: 8192 × 8192.
pub const MAX_STILL_SAMPLES: i64 = 1 << 26;

impl Frame {
    /// Decodes a PNG, JPEG or WebP file's bytes. The kind is told by how they begin; a picture of more than
    /// [`MAX_STILL_SAMPLES`] is refused before memory is taken for it.
    pub fn still(file: &[u8]) -> Result<Self, Error> {
        let codec = match file {
            [0x89, b'P', b'N', b'G', ..] => ffi::AVCodecID::PNG,
            [0xFF, 0xD8, 0xFF, ..] => ffi::AVCodecID::MJPEG,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ffi::AVCodecID::WEBP,
            _ => return Err(Error::invalid("still picture")),
        };
        let mut decoder = Decoder::of_stills(codec, MAX_STILL_SAMPLES)?;
        decoder.send(file, 0, 0)?;
        if let Some(frame) = decoder.receive()? {
            return Ok(frame);
        }
        decoder.finish();
        decoder.receive()?.ok_or(Error::invalid("still picture"))
    }

    /// The picture as a JPEG file (JFIF), in its own shape with square pixels, at most `max_width` wide.
    pub fn jpeg(&self, max_width: u32) -> Result<Vec<u8>, Error> {
        let (width, height) = self.shown_size(max_width);
        let whole = Placement { x: 0, y: 0, width, height };
        // JFIF means BT.601's matrix (ITU-T T.871 §7), in full range.
        let mut picture = Scaler::new(width, height)?.scale(self, whole, Colour::SMPTE170M)?;
        picture.take_full_range()?;
        let mut encoder = Encoder::jpeg(width, height)?;
        encoder.send_picture(&picture, 0, Picture::Any)?;
        encoder.finish();
        let packet = encoder.receive()?.ok_or(Error::invalid("JPEG picture"))?;
        Ok(packet.data().to_vec())
    }

    /// Its size with square pixels, at most `max_width` wide; both even.
    fn shown_size(&self, max_width: u32) -> (u32, u32) {
        let even = |length: f64| ((length / 2.0).round() as u32 * 2).max(2);
        let (width, height) = (f64::from(self.width()), f64::from(self.height()));
        let shown = width * self.sample_aspect().as_f64();
        let scale = (f64::from(max_width) / shown).min(1.0);
        (even(shown * scale), even(height * scale))
    }

    /// Stretches the numbers of a limited-range 4:2:0 picture to all that 8 bits hold.
    fn take_full_range(&mut self) -> Result<(), Error> {
        for plane in 0..3 {
            let (zero, range, middle) = if plane == 0 { (16, 219, 0) } else { (128, 224, 128) };
            let stretched = |value: u8| (i32::from(value) - zero) * 255 / range + middle;
            let table: [u8; 256] = std::array::from_fn(|value| stretched(value as u8).clamp(0, 255) as u8);
            for value in self.plane_mut(plane)?.0 {
                *value = table[usize::from(*value)];
            }
        }
        let raw = self.raw_mut();
        raw.format = ffi::AVPixelFormat::YUVJ420P.0;
        raw.color_range = ffi::AVColorRange::JPEG;
        Ok(())
    }
}
