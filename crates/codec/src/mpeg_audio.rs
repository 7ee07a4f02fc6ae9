//! MPEG-1 and MPEG-2 audio, layers I to III (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3).

use bytes::Bytes;
use media::{AudioCodec, AudioFormat};

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 4;

/// In kbit/s by bit rate index from 1; rows are MPEG-1 layers I, II, III, MPEG-2 layer I, MPEG-2 layers II and III.
const KBPS: [[u32; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Why bytes are no MPEG audio header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MpegAudioError {
    /// Shorter than a header.
    #[error("MPEG audio header of {0} bytes, 4 are needed")]
    Short(usize),
    /// No syncword.
    #[error("no MPEG audio syncword")]
    Sync,
    /// A reserved version, layer, bit rate or sampling frequency, or a free-format frame, whose length is not told.
    #[error("MPEG audio header {0:#010x} has a reserved field or no bit rate")]
    Reserved(u32),
}

/// One frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// MPEG-1 (ISO/IEC 11172-3); otherwise MPEG-2 (13818-3), with low sampling frequencies.
    pub mpeg1: bool,
    /// 1, 2 or 3.
    pub layer: u8,
    /// Samples per second.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Bytes of the frame, header included.
    pub frame_bytes: usize,
    /// Samples of the frame.
    pub samples: u32,
}

impl Header {
    /// Reads the header at the start of `frame`.
    pub fn read(frame: &[u8]) -> Result<Self, MpegAudioError> {
        let word = frame.first_chunk::<4>().ok_or(MpegAudioError::Short(frame.len()))?;
        let word = u32::from_be_bytes(*word);
        let field = |shift: u32, width: u32| word >> shift & ((1 << width) - 1);
        if field(21, 11) != 0x7FF {
            return Err(MpegAudioError::Sync);
        }
        let reserved = MpegAudioError::Reserved(word);
        let (mpeg1, divisor) = match field(19, 2) {
            3 => (true, 1),
            2 => (false, 2),
            0 => (false, 4), // "2.5"
            _ => return Err(reserved),
        };
        let layer = 4 - field(17, 2) as usize;
        let (bitrate, rate) = (field(12, 4) as usize, field(10, 2) as usize);
        if layer == 4 || bitrate == 0 || bitrate == 15 || rate == 3 {
            return Err(reserved);
        }
        let row = if mpeg1 { layer - 1 } else { 3 + usize::from(layer > 1) };
        let bitrate_bps = KBPS[row][bitrate - 1] * 1_000;
        let sample_rate = [44_100, 48_000, 32_000][rate] / divisor;
        let samples = match (layer, mpeg1) {
            (1, _) => 384,
            (3, false) => 576,
            _ => 1_152,
        };
        let padding = field(9, 1);
        let frame_bytes = match layer {
            1 => (12 * bitrate_bps / sample_rate + padding) * 4,
            _ => samples / 8 * bitrate_bps / sample_rate + padding,
        };
        Ok(Self {
            mpeg1,
            layer: layer as u8,
            sample_rate,
            channels: if field(6, 2) == 3 { 1 } else { 2 },
            frame_bytes: frame_bytes as usize,
            samples,
        })
    }

    /// The format of the frames; there is no decoder configuration.
    pub fn format(&self) -> AudioFormat {
        AudioFormat {
            codec: if self.layer == 3 { AudioCodec::Mp3 } else { AudioCodec::Mp2 },
            sample_rate: self.sample_rate,
            channels: self.channels,
            config: Bytes::new(),
            rfc6381: if self.mpeg1 { "mp4a.6B" } else { "mp4a.69" }.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_rate_channels_and_length() {
        for (word, rate, channels, bytes, samples, name) in [
            // FFmpeg's mp2: 384 kbit/s and, padded, 192 kbit/s at 44.1 kHz.
            (0xFFFD_E400_u32, 48_000, 2, 1_152, 1_152, "mp4a.6B"),
            (0xFFFD_A2C0, 44_100, 1, 627, 1_152, "mp4a.6B"),
            // LAME: 128 kbit/s, and 64 kbit/s at 22.05 kHz.
            (0xFFFB_9064, 44_100, 2, 417, 1_152, "mp4a.6B"),
            (0xFFF3_80C4, 22_050, 1, 208, 576, "mp4a.69"),
            (0xFFFF_C400, 48_000, 2, 384, 384, "mp4a.6B"),
        ] {
            let header = Header::read(&word.to_be_bytes()).expect("a header");
            assert_eq!((header.sample_rate, header.channels), (rate, channels), "{word:#x}");
            assert_eq!((header.frame_bytes, header.samples), (bytes, samples), "{word:#x}");
            assert_eq!(header.format().rfc6381, name, "{word:#x}");
        }
    }

    #[test]
    fn reserved_fields_and_free_format_are_refused() {
        for word in [0xFFED_A000_u32, 0xFFF9_A000, 0xFFFD_F000, 0xFFFD_0000, 0xFFFD_AC00] {
            assert!(Header::read(&word.to_be_bytes()).is_err(), "{word:#x}");
        }
        assert_eq!(Header::read(&[0xFF, 0xFD]), Err(MpegAudioError::Short(2)));
    }
}
