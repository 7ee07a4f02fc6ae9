//! `stsd`: the sample entry, which holds the codec's configuration (ISO/IEC 14496-12 §8.5.2, §12.1.3, §12.2.3).

use bytes::{BufMut, Bytes, BytesMut};
use media::{AudioCodec, AudioFormat, Format, VideoCodec, VideoFormat};

use super::{BoxRef, FourCc, btrt, esds, pasp, put, put_full};
use crate::ReadError;

pub(crate) struct Entry {
    pub(crate) format: Format,
    pub(crate) bitrate_bps: Option<u32>,
}

pub(crate) fn write(out: &mut BytesMut, format: &Format, bitrate_bps: Option<u32>) {
    put_full(out, b"stsd", 0, 0, |out| {
        out.put_u32(1);
        match format {
            Format::Video(video) => visual(out, video, bitrate_bps),
            Format::Audio(audio) => sound(out, audio, bitrate_bps),
        }
    });
}

fn visual(out: &mut BytesMut, video: &VideoFormat, bitrate_bps: Option<u32>) {
    let (entry, config) = match video.codec {
        VideoCodec::H264 => (b"avc1", b"avcC"),
        VideoCodec::H265 => (b"hvc1", b"hvcC"),
        VideoCodec::Av1 => (b"av01", b"av1C"),
        VideoCodec::Mpeg2 => (b"mp4v", b"esds"),
    };
    put(out, entry, |out| {
        common(out);
        out.put_slice(&[0; 16]);
        out.put_u16(video.width as u16);
        out.put_u16(video.height as u16);
        out.put_u32(0x0048_0000); // 72 dpi, as everybody says
        out.put_u32(0x0048_0000);
        out.put_u32(0);
        out.put_u16(1); // one frame a sample
        out.put_slice(&[0; 32]); // compressor name
        out.put_u16(0x0018); // colour, no alpha
        out.put_i16(-1);
        match video.codec {
            VideoCodec::Mpeg2 => {
                let bitrate_bps = bitrate_bps.unwrap_or(0);
                esds::write(out, esds::Stream::visual(&video.rfc6381), &video.config, bitrate_bps);
            }
            _ => put(out, config, |out| out.put_slice(&video.config)),
        }
        pasp::write(out, video.sample_aspect);
        if let Some(bitrate_bps) = bitrate_bps {
            btrt::write(out, bitrate_bps);
        }
    });
}

fn sound(out: &mut BytesMut, audio: &AudioFormat, bitrate_bps: Option<u32>) {
    let entry = match audio.codec {
        AudioCodec::Aac | AudioCodec::Mp2 | AudioCodec::Mp3 => b"mp4a",
        AudioCodec::Opus => b"Opus",
        AudioCodec::Ac3 => b"ac-3",
        AudioCodec::Eac3 => b"ec-3",
    };
    put(out, entry, |out| {
        common(out);
        out.put_u64(0);
        out.put_u16(audio.channels);
        out.put_u16(16); // bits a sample, by convention
        out.put_u32(0);
        // 16.16 fixed point: rates over 65,535 Hz do not fit, and the codec's config tells them.
        out.put_u32(u16::try_from(audio.sample_rate).map_or(0, |rate| u32::from(rate) << 16));
        match audio.codec {
            AudioCodec::Aac => esds::write(out, esds::Stream::AAC, &audio.config, bitrate_bps.unwrap_or(0)),
            AudioCodec::Mp2 | AudioCodec::Mp3 => {
                esds::write(out, esds::Stream::sound(&audio.rfc6381), &[], bitrate_bps.unwrap_or(0));
            }
            AudioCodec::Ac3 => put(out, b"dac3", |out| out.put_slice(&audio.config)),
            AudioCodec::Eac3 => put(out, b"dec3", |out| out.put_slice(&audio.config)),
            AudioCodec::Opus => put(out, b"dOps", |out| out.put_slice(&audio.config)),
        }
        if let Some(bitrate_bps) = bitrate_bps {
            btrt::write(out, bitrate_bps);
        }
    });
}

fn common(out: &mut BytesMut) {
    out.put_slice(&[0; 6]);
    out.put_u16(1); // data reference
}

/// Reads the first sample entry.
pub(crate) fn read(stsd: BoxRef<'_>) -> Result<Entry, ReadError> {
    let (_, _, mut fields) = stsd.full()?;
    fields.u32()?;
    let entry = fields.children().next().ok_or(ReadError::End(stsd.kind))??;
    match &entry.kind.0 {
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" => read_visual(entry),
        b"mp4a" | b"Opus" => read_sound(entry),
        _ => Err(ReadError::Codec(entry.kind)),
    }
}

fn read_visual(entry: BoxRef<'_>) -> Result<Entry, ReadError> {
    const FIXED: usize = 78;
    let mut fields = entry.fields();
    fields.bytes(FIXED)?;
    let (mut config, mut aspect, mut bitrate_bps) = (None, None, None);
    for child in fields.children() {
        let child = child?;
        match &child.kind.0 {
            b"avcC" | b"hvcC" | b"av1C" => config = Some(child),
            b"pasp" => aspect = pasp::read(child)?,
            b"btrt" => bitrate_bps = btrt::read(child)?,
            _ => {}
        }
    }
    let wanted = match &entry.kind.0 {
        b"avc1" | b"avc3" => b"avcC",
        b"hvc1" | b"hev1" => b"hvcC",
        _ => b"av1C",
    };
    let missing = ReadError::Missing { kind: FourCc(*wanted), parent: entry.kind };
    let config = config.filter(|config| config.is(wanted)).ok_or(missing)?;
    let record = Bytes::copy_from_slice(config.body);
    let mut format = match wanted {
        b"avcC" => codec::h264::format_from_avcc(record)?,
        b"hvcC" => codec::h265::format_from_hvcc(record)?,
        _ => codec::av1::format_from_av1c(record)?,
    };
    if matches!(&entry.kind.0, b"avc3" | b"hev1") {
        // The name carries the sample entry's kind: parameter sets may come in the samples.
        format.rfc6381.replace_range(..4, &entry.kind.to_string());
    }
    format.sample_aspect = aspect.unwrap_or(format.sample_aspect);
    Ok(Entry { format: Format::Video(format), bitrate_bps })
}

fn read_sound(entry: BoxRef<'_>) -> Result<Entry, ReadError> {
    const FIXED: usize = 28;
    let mut fields = entry.fields();
    fields.bytes(FIXED)?;
    let (mut config, mut bitrate_bps) = (None, None);
    for child in fields.children() {
        let child = child?;
        match &child.kind.0 {
            b"esds" | b"dOps" => config = Some(child),
            b"btrt" => bitrate_bps = btrt::read(child)?,
            _ => {}
        }
    }
    let wanted = if entry.is(b"mp4a") { b"esds" } else { b"dOps" };
    let missing = ReadError::Missing { kind: FourCc(*wanted), parent: entry.kind };
    let config = config.filter(|config| config.is(wanted)).ok_or(missing)?;
    let format = if config.is(b"esds") {
        let esds = esds::read(config)?;
        bitrate_bps = bitrate_bps.or(esds.bitrate_bps);
        codec::aac::format_from_asc(esds.config)?
    } else {
        codec::opus::format_from_dops(Bytes::copy_from_slice(config.body))?
    };
    Ok(Entry { format: Format::Audio(format), bitrate_bps })
}
