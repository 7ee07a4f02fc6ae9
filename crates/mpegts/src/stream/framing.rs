//! How frames of sound tell their length and format: the header each of them begins with.

use codec::{ac3, adts, mpeg_audio};
use media::AudioFormat;

/// Which headers a stream's frames have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Adts,
    Mpeg,
    Ac3,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// Bytes of the frame with its header.
    pub(super) bytes: usize,
    /// Bytes at its front that a sample leaves out.
    pub(super) left_out: usize,
    pub(super) samples: u32,
    pub(super) sample_rate: u32,
    /// False for substreams beside the main one.
    pub(super) main: bool,
    header: Header,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Header {
    Adts(adts::Header),
    Mpeg(mpeg_audio::Header),
    Ac3(ac3::Header),
}

impl Framing {
    /// Bytes that [`Self::read`] needs.
    pub(super) const fn header_bytes(self) -> usize {
        match self {
            Self::Adts => adts::HEADER_BYTES,
            Self::Mpeg => mpeg_audio::HEADER_BYTES,
            Self::Ac3 => ac3::HEADER_BYTES,
        }
    }

    /// The first byte of every frame.
    pub(super) const fn first_byte(self) -> u8 {
        match self {
            Self::Adts | Self::Mpeg => 0xFF,
            Self::Ac3 => 0x0B,
        }
    }

    /// Reads the header at the front; the reason if there is none.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Frame, String> {
        match self {
            Self::Adts => {
                let header = adts::Header::read(bytes).map_err(|fault| fault.to_string())?;
                let sample_rate = header.format().map_err(|fault| fault.to_string())?.sample_rate;
                Ok(Frame {
                    bytes: header.frame_bytes,
                    left_out: header.header_bytes,
                    samples: header.samples,
                    sample_rate,
                    main: true,
                    header: Header::Adts(header),
                })
            }
            Self::Mpeg => {
                let header = mpeg_audio::Header::read(bytes).map_err(|fault| fault.to_string())?;
                Ok(Frame {
                    bytes: header.frame_bytes,
                    left_out: 0,
                    samples: header.samples,
                    sample_rate: header.sample_rate,
                    main: true,
                    header: Header::Mpeg(header),
                })
            }
            Self::Ac3 => {
                let header = ac3::Header::read(bytes).map_err(|fault| fault.to_string())?;
                Ok(Frame {
                    bytes: header.frame_bytes,
                    left_out: 0,
                    samples: header.samples,
                    sample_rate: header.stream.sample_rate,
                    main: header.main,
                    header: Header::Ac3(header),
                })
            }
        }
    }
}

impl Frame {
    /// True where a decoder for one takes the other: only lengths and bit rates differ.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (&self.header, &other.header) {
            (Header::Adts(a), Header::Adts(b)) => a.config == b.config,
            (Header::Mpeg(a), Header::Mpeg(b)) => {
                (a.mpeg1, a.layer, a.sample_rate, a.channels) == (b.mpeg1, b.layer, b.sample_rate, b.channels)
            }
            (Header::Ac3(a), Header::Ac3(b)) => a.stream == b.stream,
            _ => false,
        }
    }

    pub(super) fn format(&self) -> Result<AudioFormat, String> {
        match &self.header {
            Header::Adts(header) => header.format().map_err(|fault| fault.to_string()),
            Header::Mpeg(header) => Ok(header.format()),
            Header::Ac3(header) => Ok(header.format()),
        }
    }
}
