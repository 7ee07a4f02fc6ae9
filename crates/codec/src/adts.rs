//! ADTS: AAC frames that each carry their header (ISO/IEC 14496-3 §1.A.3.2).

use bytes::Bytes;
use media::AudioFormat;

use crate::BitsError;
use crate::aac::{self, AacError};
use crate::bits::BitReader;

/// Bytes of a header without its checksum: enough for [`Header::read`].
pub const HEADER_BYTES: usize = 7;
/// Samples of each raw data block.
const BLOCK_SAMPLES: u32 = 1_024;

/// Why bytes are no ADTS header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdtsError {
    /// No syncword, or a layer other than 0.
    #[error("no ADTS syncword")]
    Sync,
    /// A frame shorter than its header.
    #[error("ADTS frame of {0} bytes")]
    Length(u32),
    /// Several raw data blocks in a frame: they cannot be told apart without decoding.
    #[error("{0} raw data blocks in one ADTS frame, only 1 is carried")]
    Blocks(u32),
    /// What the header says is no AAC as carried here.
    #[error("ADTS: {0}")]
    Config(#[from] AacError),
    /// It ends too early.
    #[error("ADTS: {0}")]
    Bits(#[from] BitsError),
}

/// One frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The AudioSpecificConfig it amounts to.
    pub config: [u8; 2],
    /// Bytes of the header, with its checksum: 7 or 9.
    pub header_bytes: usize,
    /// Bytes of the frame, header included.
    pub frame_bytes: usize,
    /// Samples of the frame at the core's rate.
    pub samples: u32,
}

impl Header {
    /// Reads the header at the start of `frame`. Channels that a program config element would tell (channel
    /// configuration 0) are refused.
    pub fn read(frame: &[u8]) -> Result<Self, AdtsError> {
        let mut bits = BitReader::new(frame);
        let sync = bits.bits(12)?;
        bits.skip(1)?; // MPEG-2 or MPEG-4
        let layer = bits.bits(2)?;
        if sync != 0xFFF || layer != 0 {
            return Err(AdtsError::Sync);
        }
        let header_bytes = if bits.flag()? { 7 } else { 9 };
        let object_type = bits.bits(2)? + 1;
        let rate = bits.bits(4)?;
        bits.skip(1)?; // private
        let channels = bits.bits(3)?;
        bits.skip(4)?; // original, home, copyright
        let frame_bytes = bits.bits(13)?;
        bits.skip(11)?; // buffer fullness
        let blocks = bits.bits(2)? + 1;
        if frame_bytes <= header_bytes {
            return Err(AdtsError::Length(frame_bytes));
        }
        if channels == 0 {
            return Err(AacError::Channels(0).into());
        }
        if rate > 12 {
            return Err(AacError::SampleRate(rate).into());
        }
        if blocks > 1 {
            return Err(AdtsError::Blocks(blocks));
        }
        let config = (object_type << 11 | rate << 7 | channels << 3) as u16;
        Ok(Self {
            config: config.to_be_bytes(),
            header_bytes: header_bytes as usize,
            frame_bytes: frame_bytes as usize,
            samples: BLOCK_SAMPLES,
        })
    }

    /// The format of the frames. ADTS does not tell SBR: its rate and channels are the core's.
    pub fn format(&self) -> Result<AudioFormat, AacError> {
        aac::format_from_asc(Bytes::copy_from_slice(&self.config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AAC-LC, 44,100 Hz, stereo, 371 bytes, no checksum: FFmpeg 5.1's own.
    const HEADER: [u8; 7] = [0xFF, 0xF1, 0x50, 0x80, 0x2E, 0x7F, 0xFC];

    #[test]
    fn a_header_tells_the_config_and_the_length() {
        let header = Header::read(&HEADER).expect("a header");
        assert_eq!((header.header_bytes, header.frame_bytes, header.samples), (7, 371, 1_024));
        let format = header.format().expect("AAC-LC");
        assert_eq!((format.sample_rate, format.channels), (44_100, 2));
        assert_eq!((&format.config[..], format.rfc6381.as_str()), (&[0x12, 0x10][..], "mp4a.40.2"));
    }

    #[test]
    fn what_cannot_be_carried_is_named() {
        let with = |at: usize, byte| {
            let mut header = HEADER;
            header[at] = byte;
            Header::read(&header)
        };
        assert_eq!(with(1, 0xE1), Err(AdtsError::Sync));
        assert_eq!(with(1, 0xF3), Err(AdtsError::Sync), "layer I is MPEG audio");
        assert_eq!(with(2, 0x74), Err(AacError::SampleRate(13).into()));
        assert_eq!(with(3, 0x00), Err(AacError::Channels(0).into()));
        assert_eq!(with(4, 0x00), Err(AdtsError::Length(3)));
        assert_eq!(with(6, 0xFD), Err(AdtsError::Blocks(2)));
        assert_eq!(Header::read(&HEADER[..6]), Err(AdtsError::Bits(BitsError::End)));
    }
}
