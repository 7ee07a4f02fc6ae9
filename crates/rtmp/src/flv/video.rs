//! Video messages.

use bytes::{Buf, Bytes};
use media::VideoCodec;

use super::multitrack::{self, Media};
use super::{FourCc, Skipped};

const EX_HEADER: u8 = 0x80;
const KEY_FRAME: u8 = 1;
const COMMAND_FRAME: u8 = 5;

const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const CODED_FRAMES_X: u8 = 3;
const METADATA: u8 = 4;
const TS_SEQUENCE_START: u8 = 5;

/// A video message's track 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// What it carries.
    pub packet: VideoPacket,
    /// Packets of other tracks in the message, which are not carried.
    pub other_tracks: u32,
}

/// What a video message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoPacket {
    /// A decoder configuration record: the payload of `avcC`, `hvcC` or `av1C`.
    Config {
        /// The codec.
        codec: VideoCodec,
        /// The record.
        record: Bytes,
    },
    /// A coded picture; the message's timestamp is its decode time.
    Frame {
        /// The codec.
        codec: VideoCodec,
        /// The encoder says that a decoder can start here.
        key: bool,
        /// Presentation minus decode time, in ms.
        composition_ms: i32,
        /// Length-prefixed NAL units, or OBUs.
        data: Bytes,
    },
    /// The sequence ends.
    End,
    /// Nothing that can be carried.
    Skipped(Skipped),
}

impl Video {
    /// Reads a video message.
    pub fn read(body: Bytes) -> Self {
        let (packet, other_tracks) = match read(body) {
            Ok(read) => read,
            Err(Skipped::OtherTrack) => (VideoPacket::Skipped(Skipped::OtherTrack), 1),
            Err(skipped) => (VideoPacket::Skipped(skipped), 0),
        };
        Self { packet, other_tracks }
    }
}

fn read(mut body: Bytes) -> Result<(VideoPacket, u32), Skipped> {
    let first = body.try_get_u8().map_err(|_| Skipped::Short)?;
    let frame_type = first >> 4 & 0x07;
    if first & EX_HEADER == 0 {
        return Ok((read_legacy(frame_type, first & 0x0F, body)?, 0));
    }
    let kind = multitrack::skip_modex(first & 0x0F, &mut body)?;
    if frame_type == COMMAND_FRAME && kind != METADATA {
        return Err(Skipped::CommandFrame);
    }
    let mut packet = multitrack::track_zero(Media::Video, kind, body)?;
    let codec = match &packet.fourcc.0 {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::H265,
        b"av01" => VideoCodec::Av1,
        _ => return Err(Skipped::FourCc(packet.fourcc)),
    };
    let key = frame_type == KEY_FRAME;
    let read = match packet.kind {
        SEQUENCE_START => VideoPacket::Config { codec, record: packet.body },
        CODED_FRAMES => {
            let composition_ms = match codec {
                VideoCodec::Av1 | VideoCodec::Mpeg2 => 0,
                VideoCodec::H264 | VideoCodec::H265 => composition(&mut packet.body)?,
            };
            VideoPacket::Frame { codec, key, composition_ms, data: packet.body }
        }
        CODED_FRAMES_X => VideoPacket::Frame { codec, key, composition_ms: 0, data: packet.body },
        SEQUENCE_END => VideoPacket::End,
        METADATA | TS_SEQUENCE_START => VideoPacket::Skipped(Skipped::Description),
        other => VideoPacket::Skipped(Skipped::PacketType(other)),
    };
    Ok((read, packet.other_tracks))
}

fn read_legacy(frame_type: u8, codec: u8, mut body: Bytes) -> Result<VideoPacket, Skipped> {
    if frame_type == COMMAND_FRAME {
        return Err(Skipped::CommandFrame);
    }
    let codec = match codec {
        7 => VideoCodec::H264,
        // Not in any specification, but spoken by many Chinese encoders before Enhanced RTMP came.
        12 => VideoCodec::H265,
        2 => return Err(Skipped::Codec("Sorenson H.263")),
        3 | 6 => return Err(Skipped::Codec("Screen Video")),
        4 | 5 => return Err(Skipped::Codec("On2 VP6")),
        _ => return Err(Skipped::Codec("video of an unknown number")),
    };
    let kind = body.try_get_u8().map_err(|_| Skipped::Short)?;
    let composition_ms = composition(&mut body)?;
    Ok(match kind {
        0 => VideoPacket::Config { codec, record: body },
        1 => VideoPacket::Frame { codec, key: frame_type == KEY_FRAME, composition_ms, data: body },
        2 => VideoPacket::End,
        other => VideoPacket::Skipped(Skipped::PacketType(other)),
    })
}

/// SI24: signed, 24 bits.
fn composition(body: &mut Bytes) -> Result<i32, Skipped> {
    let unsigned = body.try_get_uint(3).map_err(|_| Skipped::Short)? as i32;
    Ok(unsigned << 8 >> 8)
}

/// The FourCCs of video that is carried.
pub(crate) const CARRIED: [FourCc; 3] = [FourCc(*b"avc1"), FourCc(*b"hvc1"), FourCc(*b"av01")];

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: &'static [u8]) -> VideoPacket {
        Video::read(Bytes::from_static(bytes)).packet
    }

    fn frame(codec: VideoCodec, key: bool, composition_ms: i32) -> VideoPacket {
        VideoPacket::Frame { codec, key, composition_ms, data: Bytes::from_static(b"nal") }
    }

    #[test]
    fn the_old_and_the_new_header_say_the_same() {
        let (h264, h265, av1) = (VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1);
        assert_eq!(packet(b"\x17\x01\0\0\x50nal"), frame(h264, true, 80));
        assert_eq!(packet(b"\x27\x01\xFF\xFF\xFFnal"), frame(h264, false, -1));
        assert_eq!(packet(b"\x1C\x01\0\0\0nal"), frame(h265, true, 0));
        assert_eq!(packet(b"\x91avc1\0\0\x50nal"), frame(h264, true, 80));
        assert_eq!(packet(b"\xA3hvc1nal"), frame(h265, false, 0));
        assert_eq!(packet(b"\x91av01nal"), frame(av1, true, 0));
        let config = VideoPacket::Config { codec: h265, record: Bytes::from_static(b"hvcC") };
        assert_eq!(packet(b"\x90hvc1hvcC"), config);
        assert_eq!(packet(b"\x17\x02\0\0\0"), VideoPacket::End);
    }

    #[test]
    fn modex_is_passed_over() {
        // Nano offset of three bytes (size 2 + 1), then CodedFramesX.
        assert_eq!(packet(b"\x97\x02\0\x01\x02\x03hvc1nal"), frame(VideoCodec::H265, true, 0));
        // An extension of 256 bytes or more says its size in 16 bits.
        let mut long = b"\x97\xFF\x01\x00".to_vec();
        long.extend([9; 257]);
        long.extend(b"\x03hvc1nal");
        assert_eq!(Video::read(long.into()).packet, frame(VideoCodec::H265, true, 0));
        assert_eq!(packet(&[0x97; 64]), VideoPacket::Skipped(Skipped::Short));
        assert_eq!(
            Video::read([&[0x97][..], &[0, 0, 7].repeat(20)].concat().into()).packet,
            VideoPacket::Skipped(Skipped::PacketType(7))
        );
    }

    #[test]
    fn of_many_tracks_only_track_zero_is_carried() {
        let one = Video::read(Bytes::from_static(b"\x96\x03avc1\0nal"));
        assert_eq!(one, Video { packet: frame(VideoCodec::H264, true, 0), other_tracks: 0 });
        let other = Video::read(Bytes::from_static(b"\x96\x03avc1\x01nal"));
        assert_eq!(other, Video { packet: VideoPacket::Skipped(Skipped::OtherTrack), other_tracks: 1 });
        let many = Video::read(Bytes::from_static(b"\x96\x13avc1\x01\0\0\x02xx\0\0\0\x03nal"));
        assert_eq!(many, Video { packet: frame(VideoCodec::H264, true, 0), other_tracks: 1 });
        let codecs = Video::read(Bytes::from_static(b"\x96\x23vp09\x01\0\0\x02xxhvc1\0\0\0\x03nal"));
        assert_eq!(codecs, Video { packet: frame(VideoCodec::H265, true, 0), other_tracks: 1 });
    }

    #[test]
    fn what_cannot_be_carried_is_named() {
        for (bytes, name) in [
            (&b""[..], "message ends inside its header"),
            (b"\x17", "message ends inside its header"),
            (b"\x17\x01\0", "message ends inside its header"),
            (b"\x12\0\0\0\0", "codec Sorenson H.263"),
            (b"\x90vp09", "codec `vp09`"),
            (b"\x90\0\x01\x02\x03", "codec `....`"),
            (b"\x52\0", "command frame"),
            (b"\xD1\0", "command frame"),
            (b"\x94hvc1", "stream description"),
            (b"\x9Fhvc1", "packet type 15"),
        ] {
            match packet(bytes) {
                VideoPacket::Skipped(skipped) => assert_eq!(skipped.to_string(), name),
                other => panic!("{bytes:?} read as {other:?}"),
            }
        }
    }
}
