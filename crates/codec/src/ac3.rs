//! AC-3 and E-AC-3 syncframes, with the `dac3` and `dec3` made of them (ETSI TS 102 366).

use bytes::Bytes;
use media::{AudioCodec, AudioFormat};

use crate::BitsError;
use crate::bits::BitReader;

/// Bytes at a frame's start that are enough for [`Header::read`].
pub const HEADER_BYTES: usize = 7;

const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// In kbit/s, by half the frame size code.
const KBPS: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// Full-bandwidth channels by `acmod`.
const CHANNELS: [u16; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
const BLOCK_SAMPLES: u32 = 256;

/// Why bytes are no AC-3 or E-AC-3 frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ac3Error {
    /// No syncword.
    #[error("no AC-3 syncword")]
    Sync,
    /// A reserved value.
    #[error("AC-3 field `{field}` is {value}")]
    Field {
        /// The standard's name of the field.
        field: &'static str,
        /// What stands there.
        value: u32,
    },
    /// It ends too early.
    #[error("AC-3: {0}")]
    Bits(#[from] BitsError),
}

/// One syncframe's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What of the bitstream information describes the stream; the same in each of its frames.
    pub stream: Stream,
    /// Bytes of the frame.
    pub frame_bytes: usize,
    /// Samples of the frame.
    pub samples: u32,
    /// The programme by itself: AC-3, or E-AC-3's first independent substream. Others add channels or programmes to
    /// it, and a decoder may leave them out.
    pub main: bool,
    /// AC-3's bit rate code, for `dac3`.
    bitrate_code: u8,
}

/// What stays the same over a stream's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// AC-3 or E-AC-3.
    pub codec: AudioCodec,
    /// Samples per second.
    pub sample_rate: u32,
    fscod: u8,
    bsid: u8,
    bsmod: u8,
    acmod: u8,
    lfe: bool,
}

impl Stream {
    /// Channels heard, the one for low frequencies included.
    pub fn channels(&self) -> u16 {
        CHANNELS[usize::from(self.acmod & 7)] + u16::from(self.lfe)
    }
}

impl Header {
    /// Reads the header at the start of `frame`.
    pub fn read(frame: &[u8]) -> Result<Self, Ac3Error> {
        let mut bits = BitReader::new(frame);
        if bits.bits(16)? != 0x0B77 {
            return Err(Ac3Error::Sync);
        }
        // bsid stands at the same place in both syntaxes.
        let mut ahead = bits.clone();
        ahead.skip(24)?;
        match ahead.bits(5)? {
            0..=10 => Self::ac3(&mut bits),
            11..=16 => Self::eac3(&mut bits),
            value => Err(Ac3Error::Field { field: "bsid", value }),
        }
    }

    /// §4.3, §4.4.1, §4.4.2.
    fn ac3(bits: &mut BitReader<'_>) -> Result<Self, Ac3Error> {
        bits.skip(16)?; // crc1
        let fscod = bits.bits(2)?;
        let size_code = bits.bits(6)?;
        let bsid = bits.bits(5)?;
        let bsmod = bits.bits(3)?;
        let acmod = bits.bits(3)?;
        if acmod & 1 == 1 && acmod != 1 {
            bits.skip(2)?; // cmixlev
        }
        if acmod & 4 == 4 {
            bits.skip(2)?; // surmixlev
        }
        if acmod == 2 {
            bits.skip(2)?; // dsurmod
        }
        let lfe = bits.flag()?;
        let rate = RATES.get(fscod as usize).copied();
        let rate = rate.ok_or(Ac3Error::Field { field: "fscod", value: fscod })?;
        let kbps = KBPS.get(size_code as usize / 2).copied();
        let kbps = kbps.ok_or(Ac3Error::Field { field: "frmsizecod", value: size_code })?;
        let words = match rate {
            48_000 => 2 * kbps,
            44_100 => 320 * kbps / 147 + (size_code & 1),
            _ => 3 * kbps,
        };
        let halvings = bsid.saturating_sub(8);
        Ok(Self {
            stream: Stream {
                codec: AudioCodec::Ac3,
                sample_rate: rate >> halvings,
                fscod: fscod as u8,
                bsid: bsid as u8,
                bsmod: bsmod as u8,
                acmod: acmod as u8,
                lfe,
            },
            frame_bytes: 2 * words as usize,
            samples: 6 * BLOCK_SAMPLES,
            main: true,
            bitrate_code: (size_code / 2) as u8,
        })
    }

    /// Annex E §E.1.2.2.
    fn eac3(bits: &mut BitReader<'_>) -> Result<Self, Ac3Error> {
        let kind = bits.bits(2)?;
        let substream = bits.bits(3)?;
        let frame_bytes = 2 * (bits.bits(11)? as usize + 1);
        let fscod = bits.bits(2)?;
        let second = bits.bits(2)?; // fscod2, or the number of blocks
        let acmod = bits.bits(3)?;
        let lfe = bits.flag()?;
        let bsid = bits.bits(5)?;
        if kind == 3 {
            return Err(Ac3Error::Field { field: "strmtyp", value: kind });
        }
        if frame_bytes <= HEADER_BYTES {
            return Err(Ac3Error::Field { field: "frmsiz", value: frame_bytes as u32 });
        }
        let (sample_rate, blocks) = match (fscod, second) {
            (3, 3) => return Err(Ac3Error::Field { field: "fscod2", value: second }),
            (3, half) => (RATES[half as usize] / 2, 6),
            (full, blocks) => (RATES[full as usize], [1, 2, 3, 6][blocks as usize]),
        };
        Ok(Self {
            stream: Stream {
                codec: AudioCodec::Eac3,
                sample_rate,
                fscod: fscod as u8,
                bsid: bsid as u8,
                bsmod: 0,
                acmod: acmod as u8,
                lfe,
            },
            frame_bytes,
            samples: blocks * BLOCK_SAMPLES,
            main: kind != 1 && substream == 0,
            bitrate_code: 0,
        })
    }

    /// The format of the stream's frames; `config` is the payload of `dac3` (§F.4) or `dec3` (§F.6).
    pub fn format(&self) -> AudioFormat {
        let Stream { codec, sample_rate, fscod, bsid, bsmod, acmod, lfe } = self.stream;
        let number = u64::from;
        let (config, rfc6381) = if codec == AudioCodec::Ac3 {
            let fields = number(fscod) << 22
                | number(bsid) << 17
                | number(bsmod) << 14
                | number(acmod) << 11
                | u64::from(lfe) << 10
                | number(self.bitrate_code) << 5;
            (Bytes::copy_from_slice(&fields.to_be_bytes()[5..]), "ac-3")
        } else {
            let kbps = self.frame_bytes as u64 * 8 * u64::from(sample_rate) / u64::from(self.samples) / 1_000;
            // One independent substream (num_ind_sub 0) and no dependent one.
            let fields = (kbps & 0x1FFF) << 27
                | number(fscod) << 22
                | number(bsid) << 17
                | number(bsmod) << 12
                | number(acmod) << 9
                | u64::from(lfe) << 8;
            (Bytes::copy_from_slice(&fields.to_be_bytes()[3..]), "ec-3")
        };
        AudioFormat {
            codec,
            sample_rate,
            channels: self.stream.channels(),
            config,
            rfc6381: rfc6381.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_frames_tell_their_stream() {
        // From FFmpeg 5.1's encoders: AC-3 5.1 at 448 kbit/s, and E-AC-3 stereo at 192 kbit/s; both 48 kHz.
        let ac3 = Header::read(&[0x0B, 0x77, 0xD0, 0xF8, 0x1E, 0x40, 0xEB]).expect("AC-3");
        assert_eq!((ac3.frame_bytes, ac3.samples, ac3.stream.channels()), (1_792, 1_536, 6));
        let format = ac3.format();
        assert_eq!((format.codec, format.sample_rate), (AudioCodec::Ac3, 48_000));
        assert_eq!((&format.config[..], format.rfc6381.as_str()), (&[0x10, 0x3D, 0xE0][..], "ac-3"));

        let eac3 = Header::read(&[0x0B, 0x77, 0x01, 0x7F, 0x34, 0x87, 0xC0]).expect("E-AC-3");
        assert_eq!((eac3.frame_bytes, eac3.samples, eac3.stream.channels()), (768, 1_536, 2));
        let format = eac3.format();
        assert_eq!(&format.config[..], [0x06, 0x00, 0x20, 0x04, 0x00]);
        assert_eq!((format.codec, format.rfc6381.as_str()), (AudioCodec::Eac3, "ec-3"));
    }

    #[test]
    fn what_is_reserved_is_named() {
        let field = |bytes: &[u8]| match Header::read(bytes) {
            Err(Ac3Error::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(&[0x0B, 0x77, 0, 0, 0xDE, 0x40, 0xE1]), "fscod");
        assert_eq!(field(&[0x0B, 0x77, 0, 0, 0x3E, 0x40, 0xE1]), "frmsizecod");
        assert_eq!(field(&[0x0B, 0x77, 0, 0, 0x1E, 0xF8, 0xE1]), "bsid");
        assert_eq!(field(&[0x0B, 0x77, 0xC1, 0x7F, 0x34, 0x87, 0xC0]), "strmtyp");
        assert_eq!(Header::read(&[0x0B, 0x78, 0, 0, 0, 0, 0]), Err(Ac3Error::Sync));
    }
}
