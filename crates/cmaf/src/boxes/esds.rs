//! `esds`: the MPEG-4 elementary stream descriptor (ISO/IEC 14496-14 §5.6, 14496-1 §7.2.6).

use bytes::{BufMut, Bytes, BytesMut};

use super::{BoxRef, Fields, put_full};
use crate::ReadError;

const ES: u8 = 3;
const DECODER_CONFIG: u8 = 4;
const DECODER_SPECIFIC: u8 = 5;
const SL_CONFIG: u8 = 6;
const MPEG4_AUDIO: u8 = 0x40;

/// What kind of stream a descriptor describes (ISO/IEC 14496-1 Tables 5 and 6).
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    object_type: u8,
    stream_type: u8,
}

impl Stream {
    /// AAC.
    pub(crate) const AAC: Self = Self { object_type: MPEG4_AUDIO, stream_type: 5 };

    /// Video by the object type in its RFC 6381 name, such as `mp4v.61`.
    pub(crate) fn visual(rfc6381: &str) -> Self {
        Self { object_type: object_type(rfc6381), stream_type: 4 }
    }

    /// Sound by the object type in its RFC 6381 name, such as `mp4a.6B`.
    pub(crate) fn sound(rfc6381: &str) -> Self {
        Self { object_type: object_type(rfc6381), stream_type: 5 }
    }
}

/// The two hexadecimal digits behind the dot; 0, which is forbidden, where there are none.
fn object_type(rfc6381: &str) -> u8 {
    rfc6381.split('.').nth(1).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

pub(crate) struct Esds {
    /// AudioSpecificConfig.
    pub(crate) config: Bytes,
    pub(crate) bitrate_bps: Option<u32>,
}

pub(crate) fn write(out: &mut BytesMut, kind: Stream, config: &[u8], bitrate_bps: u32) {
    let mut decoder = BytesMut::with_capacity(32);
    decoder.put_u8(kind.object_type);
    decoder.put_u8(kind.stream_type << 2 | 1); // not upstream
    decoder.put_slice(&[0; 3]); // bufferSizeDB
    decoder.put_u32(bitrate_bps);
    decoder.put_u32(bitrate_bps);
    if !config.is_empty() {
        descriptor(&mut decoder, DECODER_SPECIFIC, config);
    }
    let mut stream = BytesMut::with_capacity(64);
    stream.put_u16(0); // ES_ID: the track's
    stream.put_u8(0);
    descriptor(&mut stream, DECODER_CONFIG, &decoder);
    descriptor(&mut stream, SL_CONFIG, &[2]);
    put_full(out, b"esds", 0, 0, |out| descriptor(out, ES, &stream));
}

pub(crate) fn read(esds: BoxRef<'_>) -> Result<Esds, ReadError> {
    let (_, _, fields) = esds.full()?;
    let mut stream = find(fields, ES, esds)?;
    stream.u16()?;
    let flags = stream.u8()?;
    if flags & 0x80 != 0 {
        stream.u16()?; // dependsOn_ES_ID
    }
    if flags & 0x40 != 0 {
        let length = stream.u8()?;
        stream.bytes(usize::from(length))?; // URL
    }
    if flags & 0x20 != 0 {
        stream.u16()?; // OCR_ES_Id
    }
    let mut decoder = find(stream, DECODER_CONFIG, esds)?;
    let object_type = decoder.u8()?;
    if object_type != MPEG4_AUDIO {
        return Err(ReadError::Field {
            kind: esds.kind,
            field: "objectTypeIndication",
            value: u64::from(object_type),
        });
    }
    decoder.bytes(4)?;
    let highest = decoder.u32()?;
    let average = decoder.u32()?;
    let config = find(decoder, DECODER_SPECIFIC, esds)?;
    Ok(Esds {
        config: Bytes::copy_from_slice(config.rest),
        bitrate_bps: [average, highest].into_iter().find(|rate| *rate > 0),
    })
}

fn descriptor(out: &mut BytesMut, tag: u8, body: &[u8]) {
    out.put_u8(tag);
    // Seven bits a byte, most significant first; our descriptors stay below 2^14.
    if body.len() > 0x7F {
        out.put_u8((body.len() >> 7) as u8 | 0x80);
    }
    out.put_u8(body.len() as u8 & 0x7F);
    out.put_slice(body);
}

/// The body of the first descriptor with this tag.
fn find<'a>(mut fields: Fields<'a>, tag: u8, esds: BoxRef<'a>) -> Result<Fields<'a>, ReadError> {
    loop {
        let found = fields.u8()?;
        let mut length = 0;
        for _ in 0..4 {
            let byte = fields.u8()?;
            length = length << 7 | usize::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = fields.bytes(length)?;
        if found == tag {
            return Ok(Fields { kind: esds.kind, rest: body });
        }
    }
}
