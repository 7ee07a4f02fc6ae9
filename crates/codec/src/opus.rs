//! Opus: `dOps` as MP4 carries it and `OpusHead` as Ogg and Enhanced RTMP do.

use bytes::{BufMut, Bytes, BytesMut};
use media::{AudioCodec, AudioFormat};

/// Opus decodes to this rate, whatever was put in.
pub const SAMPLE_RATE: u32 = 48_000;
const MAGIC: &[u8; 8] = b"OpusHead";

/// Why bytes are no Opus header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// Shorter than its fixed fields or its channel mapping.
    #[error("Opus header of {0} bytes is too short")]
    Short(usize),
    /// `OpusHead` that does not begin so.
    #[error("no `OpusHead` at the start")]
    Magic,
    /// A version that this reader may not read: `dOps` is 0, `OpusHead` 1 to 15.
    #[error("Opus header version {0}")]
    Version(u8),
    /// No channels.
    #[error("Opus header with no channels")]
    NoChannels,
    /// Channel mapping family 0 carries one or two channels.
    #[error("{0} Opus channels without a channel mapping")]
    NoMapping(u8),
}

/// The format a `dOps` payload describes (Opus in ISOBMFF §4.3.2).
pub fn format_from_dops(dops: Bytes) -> Result<AudioFormat, OpusError> {
    let head = dops.first_chunk::<11>().ok_or(OpusError::Short(dops.len()))?;
    if head[0] != 0 {
        return Err(OpusError::Version(head[0]));
    }
    let channels = checked(head[1], head[10], dops.len(), 11)?;
    Ok(AudioFormat {
        codec: AudioCodec::Opus,
        sample_rate: SAMPLE_RATE,
        channels,
        config: dops,
        rfc6381: "opus".to_owned(),
    })
}

/// The format an `OpusHead` describes (RFC 7845 §5.1), with a `dOps` made of it.
pub fn format_from_head(head: &[u8]) -> Result<AudioFormat, OpusError> {
    let fixed = head.first_chunk::<19>().ok_or(OpusError::Short(head.len()))?;
    if !head.starts_with(MAGIC) {
        return Err(OpusError::Magic);
    }
    if fixed[8] == 0 || fixed[8] > 15 {
        return Err(OpusError::Version(fixed[8]));
    }
    checked(fixed[9], fixed[18], head.len(), 19)?;
    let mut dops = BytesMut::with_capacity(head.len() - 8);
    dops.put_u8(0);
    dops.put_u8(fixed[9]);
    dops.put_u16(u16::from_le_bytes([fixed[10], fixed[11]])); // pre-skip
    dops.put_u32(u32::from_le_bytes([fixed[12], fixed[13], fixed[14], fixed[15]])); // input rate
    dops.put_u16(u16::from_le_bytes([fixed[16], fixed[17]])); // gain
    dops.put_slice(&head[18..]);
    format_from_dops(dops.freeze())
}

/// Streams and coupled streams for 1 to 8 channels in mapping family 1 (RFC 7845 §5.1.1.2).
const STREAMS: [(u8, u8); 8] = [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (4, 3), (5, 3)];
/// Which decoded channel each channel of that family is.
const MAPPING: [&[u8]; 8] = [
    &[0],
    &[0, 1],
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 4, 1, 2, 3],
    &[0, 4, 1, 2, 3, 5],
    &[0, 4, 1, 2, 3, 5, 6],
    &[0, 6, 1, 2, 3, 4, 5, 7],
];

/// The format of 1 to 8 channels in the usual order, where no header but their number is told. The pre-skip is unknown
/// and said to be 0.
pub fn format_from_channels(channels: u8) -> Result<AudioFormat, OpusError> {
    let at = usize::from(channels).checked_sub(1).ok_or(OpusError::NoChannels)?;
    let (streams, coupled) = *STREAMS.get(at).ok_or(OpusError::NoMapping(channels))?;
    let mut dops = BytesMut::with_capacity(24);
    dops.put_u8(0);
    dops.put_u8(channels);
    dops.put_u16(0);
    dops.put_u32(SAMPLE_RATE);
    dops.put_u16(0);
    if channels <= 2 {
        dops.put_u8(0);
    } else {
        dops.put_slice(&[1, streams, coupled]);
        dops.put_slice(MAPPING[at]);
    }
    format_from_dops(dops.freeze())
}

/// Samples at 48 kHz in an Opus packet, from its table of contents (RFC 6716 §3.1, §3.2). `None` for a packet that breaks
/// it: at most 120 ms.
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0x3F),
    };
    Some(frame * frames).filter(|ticks| (1..=5_760).contains(ticks))
}

fn checked(channels: u8, family: u8, length: usize, fixed: usize) -> Result<u16, OpusError> {
    match (channels, family) {
        (0, _) => Err(OpusError::NoChannels),
        (1 | 2, 0) => Ok(u16::from(channels)),
        (_, 0) => Err(OpusError::NoMapping(channels)),
        _ if length < fixed + 2 + usize::from(channels) => Err(OpusError::Short(length)),
        _ => Ok(u16::from(channels)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `ffmpeg -f lavfi -i sine -c:a libopus -ac 2 -f ogg` (FFmpeg 5.1, libopus 1.3.1).
    const HEAD: &[u8] = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";

    #[test]
    fn ogg_s_header_becomes_mp4_s() {
        let format = format_from_head(HEAD).expect("a header");
        assert_eq!((format.sample_rate, format.channels), (48_000, 2));
        assert_eq!(&format.config[..], b"\0\x02\x01\x38\0\0\xbb\x80\0\0\0");
        assert_eq!(format_from_dops(format.config.clone()), Ok(format));
    }

    #[test]
    fn headers_that_hold_no_mapping_are_refused() {
        let mut six = HEAD.to_vec();
        six[9] = 6;
        assert_eq!(format_from_head(&six), Err(OpusError::NoMapping(6)));
        six[18] = 1;
        assert_eq!(format_from_head(&six), Err(OpusError::Short(19)));
        assert_eq!(format_from_head(&HEAD[..18]), Err(OpusError::Short(18)));
        assert_eq!(format_from_dops(Bytes::from_static(&[1; 11])), Err(OpusError::Version(1)));
    }

    #[test]
    fn a_number_of_channels_becomes_a_header() {
        let stereo = format_from_channels(2).expect("stereo");
        assert_eq!(&stereo.config[..], b"\0\x02\0\0\0\0\xbb\x80\0\0\0");
        let surround = format_from_channels(6).expect("5.1");
        assert_eq!(&surround.config[10..], [1, 4, 2, 0, 4, 1, 2, 3, 5]);
        assert_eq!(format_from_channels(0), Err(OpusError::NoChannels));
        assert_eq!(format_from_channels(9), Err(OpusError::NoMapping(9)));
    }

    #[test]
    fn a_packet_tells_its_length() {
        for (packet, ticks) in [
            (&[0xFC, 0][..], Some(960)), // CELT fullband 20 ms
            (&[0x78, 0], Some(960)),     // hybrid fullband 20 ms
            (&[0x18], Some(2_880)),      // SILK 60 ms
            (&[0x19], Some(5_760)),
            (&[0x1B, 3], None), // 180 ms
            (&[0xE3, 4], Some(480)),
            (&[0xE3, 0], None),
            (&[0xE3], None),
            (&[], None),
        ] {
            assert_eq!(packet_samples(packet), ticks, "{packet:x?}");
        }
    }
}
