//! Enhanced RTMP v2: what stands between the first byte of a message and the packet of track 0.

use bytes::{Buf, Bytes};

use super::{FourCc, Skipped};
use crate::limits::MAX_MODEX;

/// Packet types that video and audio share.
const MULTITRACK_VIDEO: u8 = 6;
const MULTITRACK_AUDIO: u8 = 5;
const MODEX: u8 = 7;

const ONE_TRACK: u8 = 0;
const MANY_TRACKS: u8 = 1;
const MANY_TRACKS_MANY_CODECS: u8 = 2;

/// A packet of track 0.
pub(super) struct Packet {
    pub(super) kind: u8,
    pub(super) fourcc: FourCc,
    pub(super) body: Bytes,
    /// Packets of other tracks in the same message.
    pub(super) other_tracks: u32,
}

/// Which packet type says multitrack.
#[derive(Clone, Copy)]
pub(super) enum Media {
    Video,
    Audio,
}

impl Media {
    const fn multitrack(self) -> u8 {
        match self {
            Self::Video => MULTITRACK_VIDEO,
            Self::Audio => MULTITRACK_AUDIO,
        }
    }
}

/// Passes over ModEx extensions. Returns the packet type behind them.
pub(super) fn skip_modex(mut kind: u8, body: &mut Bytes) -> Result<u8, Skipped> {
    let short = |_| Skipped::Short;
    for _ in 0..MAX_MODEX {
        if kind != MODEX {
            return Ok(kind);
        }
        let mut size = usize::from(body.try_get_u8().map_err(short)?) + 1;
        if size == 256 {
            size = usize::from(body.try_get_u16().map_err(short)?) + 1;
        }
        if body.len() < size {
            return Err(Skipped::Short);
        }
        body.advance(size);
        // Upper half: the extension's type. Nanosecond offsets, the only one so far, are finer than RTMP's clock.
        kind = body.try_get_u8().map_err(short)? & 0x0F;
    }
    Err(Skipped::PacketType(MODEX))
}

/// Reads FourCC and, where there is one, the multitrack wrapper; yields track 0's packet.
pub(super) fn track_zero(media: Media, kind: u8, mut body: Bytes) -> Result<Packet, Skipped> {
    if kind != media.multitrack() {
        return Ok(Packet { kind, fourcc: fourcc(&mut body)?, body, other_tracks: 0 });
    }
    let wrapper = body.try_get_u8().map_err(|_| Skipped::Short)?;
    let (layout, kind) = (wrapper >> 4, wrapper & 0x0F);
    if kind == media.multitrack() || layout > MANY_TRACKS_MANY_CODECS {
        return Err(Skipped::PacketType(kind));
    }
    let shared = match layout {
        ONE_TRACK | MANY_TRACKS => Some(fourcc(&mut body)?),
        _ => None,
    };
    let mut zero = None;
    let mut other_tracks = 0;
    while !body.is_empty() {
        let fourcc = match shared {
            Some(fourcc) => fourcc,
            None => fourcc(&mut body)?,
        };
        let id = body.try_get_u8().map_err(|_| Skipped::Short)?;
        let length = match layout {
            ONE_TRACK => body.len(),
            _ => body.try_get_uint(3).map_err(|_| Skipped::Short)? as usize,
        };
        if body.len() < length {
            return Err(Skipped::Short);
        }
        let packet = body.split_to(length);
        match id {
            0 if zero.is_none() => zero = Some((fourcc, packet)),
            _ => other_tracks += 1,
        }
    }
    let (fourcc, body) = zero.ok_or(Skipped::OtherTrack)?;
    Ok(Packet { kind, fourcc, body, other_tracks })
}

fn fourcc(body: &mut Bytes) -> Result<FourCc, Skipped> {
    let fourcc = *body.first_chunk::<4>().ok_or(Skipped::Short)?;
    body.advance(4);
    Ok(FourCc(fourcc))
}
