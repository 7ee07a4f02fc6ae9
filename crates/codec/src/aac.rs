//! AAC: the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).

use bytes::Bytes;
use media::{AudioCodec, AudioFormat};

use crate::BitsError;
use crate::bits::BitReader;

const AAC_MAIN: u32 = 1;
const AAC_LC: u32 = 2;
const AAC_SSR: u32 = 3;
const AAC_LTP: u32 = 4;
const SBR: u32 = 5;
const ER_AAC_LC: u32 = 17;
const ER_AAC_LD: u32 = 23;
const PS: u32 = 29;
const XHE_AAC: u32 = 42;
const SYNC_SBR: u32 = 0x2B7;
const SYNC_PS: u32 = 0x548;
const EXPLICIT_RATE: u32 = 15;
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Highest sample rate believed: twice the table's highest, for SBR.
const MAX_RATE: u32 = 192_000;

/// Why bytes are no AudioSpecificConfig.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AacError {
    /// An object type this reader does not know the frames of.
    #[error("MPEG-4 audio object type {0} is not AAC as carried here")]
    ObjectType(u32),
    /// A reserved sampling frequency index, or a frequency of zero or over 192 kHz.
    #[error("sampling frequency {0} is reserved or out of bounds")]
    SampleRate(u32),
    /// A reserved channel configuration, or a program with no channels.
    #[error("channel configuration {0} names no channels")]
    Channels(u32),
    /// It ends too early.
    #[error("AudioSpecificConfig: {0}")]
    Bits(#[from] BitsError),
}

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// The audio object type a player must know: 2 for AAC-LC, 5 for HE-AAC, 29 for HE-AAC v2.
    pub object_type: u8,
    /// Samples per second heard: with SBR, twice the core's.
    pub sample_rate: u32,
    /// Channels heard: with parametric stereo 2.
    pub channels: u16,
    /// Samples of one frame at `sample_rate`: 1024 for AAC-LC, 2048 with SBR.
    pub frame_samples: u32,
}

/// The format an AudioSpecificConfig describes.
pub fn format_from_asc(asc: Bytes) -> Result<AudioFormat, AacError> {
    let config = AudioSpecificConfig::read(&asc)?;
    Ok(AudioFormat {
        codec: AudioCodec::Aac,
        sample_rate: config.sample_rate,
        channels: config.channels,
        config: asc,
        rfc6381: format!("mp4a.40.{}", config.object_type),
    })
}

impl AudioSpecificConfig {
    /// Reads one. SBR and PS count where they are signalled: hierarchically (object type 5 or 29 first) or by the
    /// backward compatible extension after the core's config.
    pub fn read(asc: &[u8]) -> Result<Self, AacError> {
        let mut bits = BitReader::new(asc);
        let mut object_type = object_type(&mut bits)?;
        let core_rate = sample_rate(&mut bits)?;
        let channel_configuration = bits.bits(4)?;
        let (mut sbr, mut ps) = (matches!(object_type, SBR | PS), object_type == PS);
        let mut rate = core_rate;
        if sbr {
            rate = sample_rate(&mut bits)?;
            object_type = self::object_type(&mut bits)?;
        }
        let core = object_type;
        if !matches!(core, AAC_MAIN | AAC_LC | AAC_SSR | AAC_LTP | ER_AAC_LC | ER_AAC_LD) {
            return Err(AacError::ObjectType(core));
        }
        let short_frames = bits.flag()?; // frameLengthFlag
        if bits.flag()? {
            bits.skip(14)?; // coreCoderDelay
        }
        let extended = bits.flag()?;
        let mut channels = match channel_configuration {
            0 => program_channels(&mut bits)?,
            count @ 1..=6 => count as u16,
            7 | 12 | 14 => 8,
            11 => 7,
            other => return Err(AacError::Channels(other)),
        };
        if core >= ER_AAC_LC {
            if extended {
                bits.skip(4)?; // resilience flags, extensionFlag3
            }
            bits.skip(2)?; // epConfig
        }
        // Encoders write a lone extension after the core; a torn one is no reason to refuse the core.
        if !sbr && bits.left() >= 16 {
            let mut tail = bits.clone();
            if let Ok(Some((extension_rate, stereo))) = extension(&mut tail) {
                sbr = true;
                ps = stereo;
                rate = extension_rate;
            }
        }
        if ps && channels == 1 {
            channels = 2;
        }
        let core_samples = match (core == ER_AAC_LD, short_frames) {
            (false, false) => 1_024,
            (false, true) => 960,
            (true, false) => 512,
            (true, true) => 480,
        };
        // Downsampled SBR keeps the core's rate, and so its frame length.
        let doubled = sbr && rate == 2 * core_rate;
        Ok(Self {
            object_type: match (sbr, ps) {
                (_, true) => PS as u8,
                (true, false) => SBR as u8,
                (false, false) => core as u8,
            },
            sample_rate: rate,
            channels,
            frame_samples: if doubled { 2 * core_samples } else { core_samples },
        })
    }
}

/// The backward compatible extension: the output rate and whether there is parametric stereo.
fn extension(bits: &mut BitReader<'_>) -> Result<Option<(u32, bool)>, AacError> {
    if bits.bits(11)? != SYNC_SBR || object_type(bits)? != SBR || !bits.flag()? {
        return Ok(None);
    }
    let rate = sample_rate(bits)?;
    let stereo = bits.left() >= 12 && bits.bits(11)? == SYNC_PS && bits.flag()?;
    Ok(Some((rate, stereo)))
}

fn object_type(bits: &mut BitReader<'_>) -> Result<u32, AacError> {
    let kind = match bits.bits(5)? {
        31 => 32 + bits.bits(6)?,
        kind => kind,
    };
    match kind {
        XHE_AAC => Err(AacError::ObjectType(kind)),
        kind => Ok(kind),
    }
}

fn sample_rate(bits: &mut BitReader<'_>) -> Result<u32, AacError> {
    let index = bits.bits(4)?;
    if index != EXPLICIT_RATE {
        return RATES.get(index as usize).copied().ok_or(AacError::SampleRate(index));
    }
    match bits.bits(24)? {
        rate @ 1..=MAX_RATE => Ok(rate),
        rate => Err(AacError::SampleRate(rate)),
    }
}

/// program_config_element (§4.4.1.1), as far as it tells the channels.
fn program_channels(bits: &mut BitReader<'_>) -> Result<u16, AacError> {
    bits.skip(4 + 2 + 4)?; // instance tag, object type, sampling frequency index
    let front = bits.bits(4)?;
    let side = bits.bits(4)?;
    let back = bits.bits(4)?;
    let lfe = bits.bits(2)?;
    let associated = bits.bits(3)? as usize;
    let coupling = bits.bits(4)? as usize;
    for _ in 0..2 {
        if bits.flag()? {
            bits.skip(4)?; // mixdown element
        }
    }
    if bits.flag()? {
        bits.skip(3)?; // matrix mixdown
    }
    let mut channels = lfe as u16;
    for _ in 0..front + side + back {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.skip(4)?;
    }
    bits.skip(4 * lfe as usize + 4 * associated + 5 * coupling)?;
    bits.align();
    let comment = bits.bits(8)? as usize;
    bits.skip(8 * comment)?;
    if channels == 0 {
        return Err(AacError::Channels(0));
    }
    Ok(channels)
}

#[cfg(test)]
mod tests;
