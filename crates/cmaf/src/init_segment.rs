//! A CMAF header (`ftyp moov`), written.

use bytes::{BufMut, Bytes, BytesMut};
use media::Track;

use crate::boxes::{elng, ftyp, hdlr, kind, labl, mdhd, mvhd, put, put_full, stsd, tkhd, trex};

/// What a track is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Its name, such as `720p30`.
    pub name: String,
    /// ISO 639-2 (`eng`) or BCP 47 (`pt-BR`); `und` where it is not known.
    pub language: String,
    /// What a person reads who chooses it, such as `English`.
    pub label: Option<String>,
    /// Its role in DASH's scheme, such as `main`.
    pub role: Option<String>,
    /// Bits per second on average.
    pub bitrate_bps: Option<u32>,
}

impl Labels {
    /// A name and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), language: "und".to_owned(), label: None, role: None, bitrate_bps: None }
    }
}

/// The track id in a file with this track alone.
pub(crate) fn file_track_id(track: &Track) -> u32 {
    u32::from(track.id.0) + 1
}

/// Writes a track's CMAF header: the same bytes for the same track and labels, at any time and on any machine.
///
/// Spec: ISO/IEC 23000-19 §7.3.1.
pub fn init_segment(track: &Track, labels: &Labels) -> Bytes {
    let id = file_track_id(track);
    let is_video = track.format.is_video();
    let mut out = BytesMut::with_capacity(1_024);
    ftyp::write(&mut out);
    put(&mut out, b"moov", |out| {
        mvhd::write(out, track.timescale, id + 1);
        put(out, b"trak", |out| {
            tkhd::write(out, id, &track.format);
            put(out, b"mdia", |out| {
                mdhd::write(out, track.timescale, &labels.language);
                let handler = if is_video { b"vide" } else { b"soun" };
                hdlr::write(out, handler, &labels.name);
                if mdhd::pack(&labels.language).is_none() {
                    elng::write(out, &labels.language);
                }
                put(out, b"minf", |out| {
                    if is_video {
                        put_full(out, b"vmhd", 0, 1, |out| out.put_u64(0));
                    } else {
                        put_full(out, b"smhd", 0, 0, |out| out.put_u32(0));
                    }
                    put(out, b"dinf", |out| {
                        put_full(out, b"dref", 0, 0, |out| {
                            out.put_u32(1);
                            put_full(out, b"url ", 0, 1, |_| {}); // in this file
                        });
                    });
                    put(out, b"stbl", |out| {
                        stsd::write(out, &track.format, labels.bitrate_bps);
                        put_full(out, b"stts", 0, 0, |out| out.put_u32(0));
                        put_full(out, b"stsc", 0, 0, |out| out.put_u32(0));
                        put_full(out, b"stsz", 0, 0, |out| out.put_u64(0));
                        put_full(out, b"stco", 0, 0, |out| out.put_u32(0));
                    });
                });
            });
            if labels.role.is_some() || labels.label.is_some() {
                put(out, b"udta", |out| {
                    if let Some(role) = &labels.role {
                        kind::write(out, role);
                    }
                    if let Some(label) = &labels.label {
                        labl::write(out, &labels.language, label);
                    }
                });
            }
        });
        put(out, b"mvex", |out| trex::write(out, id));
    });
    out.freeze()
}
