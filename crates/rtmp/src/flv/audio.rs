//! Audio messages.

use bytes::{Buf, Bytes};
use media::AudioCodec;

use super::multitrack::{self, Media};
use super::{FourCc, Skipped};

const EX_HEADER: u8 = 9;
const AAC: u8 = 10;

const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const MULTICHANNEL_CONFIG: u8 = 4;

/// An audio message's track 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// What it carries.
    pub packet: AudioPacket,
    /// Packets of other tracks in the message, which are not carried.
    pub other_tracks: u32,
}

/// What an audio message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioPacket {
    /// An AudioSpecificConfig, or an `OpusHead`.
    Config {
        /// The codec.
        codec: AudioCodec,
        /// The record.
        record: Bytes,
    },
    /// A coded frame.
    Frame {
        /// The codec.
        codec: AudioCodec,
        /// A raw AAC frame, or an Opus packet.
        data: Bytes,
    },
    /// The sequence ends.
    End,
    /// Nothing that can be carried.
    Skipped(Skipped),
}

impl Audio {
    /// Reads an audio message.
    pub fn read(body: Bytes) -> Self {
        let (packet, other_tracks) = match read(body) {
            Ok(read) => read,
            Err(Skipped::OtherTrack) => (AudioPacket::Skipped(Skipped::OtherTrack), 1),
            Err(skipped) => (AudioPacket::Skipped(skipped), 0),
        };
        Self { packet, other_tracks }
    }
}

fn read(mut body: Bytes) -> Result<(AudioPacket, u32), Skipped> {
    let first = body.try_get_u8().map_err(|_| Skipped::Short)?;
    match first >> 4 {
        EX_HEADER => {}
        AAC => {
            let codec = AudioCodec::Aac;
            let packet = match body.try_get_u8().map_err(|_| Skipped::Short)? {
                0 => AudioPacket::Config { codec, record: body },
                1 => AudioPacket::Frame { codec, data: body },
                other => AudioPacket::Skipped(Skipped::PacketType(other)),
            };
            return Ok((packet, 0));
        }
        0 | 3 => return Err(Skipped::Codec("PCM")),
        1 => return Err(Skipped::Codec("ADPCM")),
        2 | 14 => return Err(Skipped::Codec("MP3")),
        4..=6 => return Err(Skipped::Codec("Nellymoser")),
        7 | 8 => return Err(Skipped::Codec("G.711")),
        11 => return Err(Skipped::Codec("Speex")),
        _ => return Err(Skipped::Codec("audio of an unknown number")),
    }
    let kind = multitrack::skip_modex(first & 0x0F, &mut body)?;
    let packet = multitrack::track_zero(Media::Audio, kind, body)?;
    let codec = match &packet.fourcc.0 {
        b"mp4a" => AudioCodec::Aac,
        b"Opus" => AudioCodec::Opus,
        _ => return Err(Skipped::FourCc(packet.fourcc)),
    };
    let read = match packet.kind {
        SEQUENCE_START => AudioPacket::Config { codec, record: packet.body },
        CODED_FRAMES => AudioPacket::Frame { codec, data: packet.body },
        SEQUENCE_END => AudioPacket::End,
        MULTICHANNEL_CONFIG => AudioPacket::Skipped(Skipped::Description),
        other => AudioPacket::Skipped(Skipped::PacketType(other)),
    };
    Ok((read, packet.other_tracks))
}

/// The FourCCs of audio that is carried.
pub(crate) const CARRIED: [FourCc; 2] = [FourCc(*b"mp4a"), FourCc(*b"Opus")];

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: &'static [u8]) -> AudioPacket {
        Audio::read(Bytes::from_static(bytes)).packet
    }

    #[test]
    fn the_old_and_the_new_header_say_the_same() {
        let config =
            |codec, record: &'static [u8]| AudioPacket::Config { codec, record: Bytes::from_static(record) };
        let frame = |codec| AudioPacket::Frame { codec, data: Bytes::from_static(b"raw") };
        assert_eq!(packet(b"\xAF\0\x11\x90"), config(AudioCodec::Aac, b"\x11\x90"));
        assert_eq!(packet(b"\xAF\x01raw"), frame(AudioCodec::Aac));
        assert_eq!(packet(b"\x90mp4a\x11\x90"), config(AudioCodec::Aac, b"\x11\x90"));
        assert_eq!(packet(b"\x91mp4araw"), frame(AudioCodec::Aac));
        assert_eq!(packet(b"\x91Opusraw"), frame(AudioCodec::Opus));
        assert_eq!(packet(b"\x95\x01Opus\0raw"), frame(AudioCodec::Opus));
        assert_eq!(packet(b"\x97\x02\0\0\x01\x01Opusraw"), frame(AudioCodec::Opus));
    }

    #[test]
    fn what_cannot_be_carried_is_named() {
        for (bytes, name) in [
            (&b""[..], "message ends inside its header"),
            (b"\xAF", "message ends inside its header"),
            (b"\x2F\0", "codec MP3"),
            (b"\x90fLaC", "codec `fLaC`"),
            (b"\x95\x01Opus\x02raw", "a track other than 0"),
            (b"\x94mp4a", "stream description"),
            (b"\x9Amp4a", "packet type 10"),
        ] {
            match packet(bytes) {
                AudioPacket::Skipped(skipped) => assert_eq!(skipped.to_string(), name),
                other => panic!("{bytes:?} read as {other:?}"),
            }
        }
    }
}
