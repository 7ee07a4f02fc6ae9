//! What a stream holds, by its type and descriptors (ISO/IEC 13818-1 Table 2-34, ATSC A/53, SCTE 35, HLS).

use media::VideoCodec;

use crate::descriptor::{DVB_AC3, DVB_EAC3, DVB_SUBTITLES, DVB_TELETEXT};
use crate::psi::Entry;

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Video(VideoCodec),
    Audio(Audio),
    /// Splice information (SCTE 35), in sections.
    Scte35,
    /// Timed metadata as HLS has it.
    Id3,
    /// Pictures or sound that are not carried, by name.
    NotCarried(&'static str),
    /// Anything else; nothing is lost by leaving it out.
    Other,
}

/// How sound is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audio {
    Adts,
    /// Layers I to III.
    Mpeg,
    /// AC-3 or E-AC-3: each frame tells.
    Ac3,
    Opus {
        channels: u8,
    },
}

impl Kind {
    pub(crate) fn of(entry: &Entry) -> Self {
        match entry.stream_type {
            0x01 => Self::NotCarried("MPEG-1 video"),
            0x02 => Self::Video(VideoCodec::Mpeg2),
            0x03 | 0x04 => Self::Audio(Audio::Mpeg),
            0x06 => private(entry),
            0x0F => Self::Audio(Audio::Adts),
            0x10 => Self::NotCarried("MPEG-4 Part 2 video"),
            0x11 => Self::NotCarried("AAC in LATM"),
            0x15 => Self::Id3,
            0x1B => Self::Video(VideoCodec::H264),
            0x1C => Self::NotCarried("AAC without framing"),
            0x1F | 0x20 => Self::NotCarried("scalable or multiview H.264"),
            0x21 => Self::NotCarried("JPEG 2000"),
            0x24 => Self::Video(VideoCodec::H265),
            0x33 => Self::NotCarried("H.266"),
            0x42 => Self::NotCarried("AVS video"),
            0x80 => Self::NotCarried("DigiCipher video or Blu-ray LPCM"),
            0x81 | 0x87 => Self::Audio(Audio::Ac3),
            0x82 | 0x85 | 0x8A => Self::NotCarried("DTS"),
            0x83 => Self::NotCarried("Dolby TrueHD"),
            0x86 => Self::Scte35,
            0xC1 | 0xC2 | 0xCF | 0xDB => Self::NotCarried("HLS sample encryption"),
            0xD1 => Self::NotCarried("Dirac"),
            0xEA => Self::NotCarried("VC-1"),
            _ => Self::Other,
        }
    }
}

/// Private data in PES packets: descriptors tell.
fn private(entry: &Entry) -> Kind {
    let registered = entry.descriptors().find_map(|descriptor| descriptor.registration());
    let has = |tag| entry.descriptors().any(|descriptor| descriptor.tag == tag);
    match registered.as_ref() {
        Some(b"Opus") => {
            let channels = entry.descriptors().find_map(|descriptor| descriptor.opus_channels());
            return match channels {
                Some(channels @ 1..=8) => Kind::Audio(Audio::Opus { channels }),
                Some(_) => Kind::NotCarried("Opus in an unusual channel order"),
                None => Kind::NotCarried("Opus without a number of channels"),
            };
        }
        Some(b"AV01") => return Kind::Video(VideoCodec::Av1),
        Some(b"HEVC") => return Kind::Video(VideoCodec::H265),
        Some(b"AC-3" | b"EAC3") => return Kind::Audio(Audio::Ac3),
        Some(b"BSSD") => return Kind::NotCarried("SMPTE 302M"),
        Some(b"DTS1" | b"DTS2" | b"DTS3") => return Kind::NotCarried("DTS"),
        Some(b"VP09") => return Kind::NotCarried("VP9"),
        _ => {}
    }
    if has(DVB_AC3) || has(DVB_EAC3) {
        return Kind::Audio(Audio::Ac3);
    }
    if has(DVB_TELETEXT) {
        return Kind::NotCarried("teletext");
    }
    if has(DVB_SUBTITLES) {
        return Kind::NotCarried("DVB subtitles");
    }
    Kind::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_descriptors_tell_what_a_stream_holds() {
        for (stream_type, descriptors, kind) in [
            (0x1B, &b""[..], Kind::Video(VideoCodec::H264)),
            (0x24, b"", Kind::Video(VideoCodec::H265)),
            (0x02, b"", Kind::Video(VideoCodec::Mpeg2)),
            (0x06, b"\x05\x04AV01", Kind::Video(VideoCodec::Av1)),
            (0x0F, b"", Kind::Audio(Audio::Adts)),
            (0x11, b"", Kind::NotCarried("AAC in LATM")),
            (0x03, b"", Kind::Audio(Audio::Mpeg)),
            (0x04, b"", Kind::Audio(Audio::Mpeg)),
            (0x81, b"", Kind::Audio(Audio::Ac3)),
            (0x87, b"", Kind::Audio(Audio::Ac3)),
            (0x06, b"\x6A\x01\x00", Kind::Audio(Audio::Ac3)),
            (0x06, b"\x7A\x01\x00", Kind::Audio(Audio::Ac3)),
            (0x06, b"\x05\x04Opus\x7F\x02\x80\x02", Kind::Audio(Audio::Opus { channels: 2 })),
            (0x06, b"\x05\x04Opus", Kind::NotCarried("Opus without a number of channels")),
            (0x06, b"\x05\x04Opus\x7F\x02\x80\xFF", Kind::NotCarried("Opus in an unusual channel order")),
            (0x06, b"\x59\x00", Kind::NotCarried("DVB subtitles")),
            (0x06, b"", Kind::Other),
            (0x86, b"", Kind::Scte35),
            (0x15, b"", Kind::Id3),
            (0x05, b"", Kind::Other),
        ] {
            let entry = Entry { stream_type, pid: 256, descriptors: descriptors.to_vec() };
            assert_eq!(Kind::of(&entry), kind, "{stream_type:#x}");
        }
    }
}
