//! A still picture from the bytes of an image file.

use ffmpeg_sys_the_third as ffi;

use crate::decoder::Decoder;
use crate::error::Error;
use crate::frame::Frame;

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
}
