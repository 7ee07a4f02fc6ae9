//! A CMAF header (`ftyp moov`), read.

use bytes::Bytes;
use media::{Track, TrackId};

use crate::boxes::{BoxRef, boxes, elng, elst, hdlr, kind, labl, mdhd, stsd, tkhd, trex};
use crate::{Labels, ReadError, SampleDefaults};

/// A track's CMAF header and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Timescale and format. The id is the file's track id less one, so that ours come back as they went.
    pub track: Track,
    /// The file's own track id, which its fragments repeat.
    pub track_id: u32,
    /// Name, language, label, role and bitrate, where it tells them.
    pub labels: Labels,
    /// What samples are where a fragment does not say.
    pub defaults: SampleDefaults,
    /// The media time that the edit list presents first, in ticks: presentation on the movie's line is composition
    /// time less this. 0 without an edit list.
    pub edit_start: i64,
    /// `ftyp` and `moov` as they came.
    pub raw: Bytes,
}

impl Header {
    /// Reads a header kept from before: the bytes of [`Header::raw`] or of [`crate::init_segment`].
    pub fn read(raw: Bytes) -> Result<Self, ReadError> {
        let (mut ftyp, mut moov) = (None, None);
        for found in boxes(&raw) {
            let found = found?;
            if found.is(b"ftyp") {
                ftyp = Some(found);
            } else if found.is(b"moov") {
                moov = Some(found);
            }
        }
        match (ftyp, moov) {
            (Some(_), Some(moov)) => Self::of(moov, raw.clone()),
            _ => Err(ReadError::TornHeader),
        }
    }

    fn of(moov: BoxRef<'_>, raw: Bytes) -> Result<Self, ReadError> {
        let mut traks = moov.children().filter(|child| match child {
            Ok(child) => child.is(b"trak"),
            Err(_) => true,
        });
        let trak = traks.next().ok_or(ReadError::TrackCount(0))??;
        let more = traks.count();
        if more > 0 {
            return Err(ReadError::TrackCount(1 + more));
        }
        Self::of_track(moov, trak, raw)
    }

    /// What `moov` says of one of its tracks.
    pub(crate) fn of_track(moov: BoxRef<'_>, trak: BoxRef<'_>, raw: Bytes) -> Result<Self, ReadError> {
        let track_id = tkhd::read(trak.need(b"tkhd")?)?;
        let mdia = trak.need(b"mdia")?;
        let (timescale, mut language) = mdhd::read(mdia.need(b"mdhd")?)?;
        if let Some(found) = mdia.child(b"elng")? {
            language = elng::read(found)?;
        }
        let (_, name) = hdlr::read(mdia.need(b"hdlr")?)?;
        let stsd = mdia.need(b"minf")?.need(b"stbl")?.need(b"stsd")?;
        let entry = stsd::read(stsd)?;
        Ok(Self {
            track: Track {
                id: TrackId(u8::try_from(track_id.saturating_sub(1)).unwrap_or(u8::MAX)),
                timescale,
                format: entry.format,
                language: None,
            },
            track_id,
            labels: Labels {
                name,
                language,
                label: label(trak)?,
                role: role(trak)?,
                bitrate_bps: entry.bitrate_bps,
            },
            defaults: defaults(moov, track_id)?,
            edit_start: match trak.child(b"edts")? {
                Some(edts) => elst::read(edts.need(b"elst")?)?,
                None => 0,
            },
            raw,
        })
    }
}

fn role(trak: BoxRef<'_>) -> Result<Option<String>, ReadError> {
    let Some(udta) = trak.child(b"udta")? else {
        return Ok(None);
    };
    for child in udta.children() {
        let child = child?;
        if child.is(b"kind")
            && let Some(role) = kind::read(child)?
        {
            return Ok(Some(role));
        }
    }
    Ok(None)
}

/// The first label; one that does not read is none.
fn label(trak: BoxRef<'_>) -> Result<Option<String>, ReadError> {
    let Some(udta) = trak.child(b"udta")? else {
        return Ok(None);
    };
    let labels = udta.children().flatten().filter(|child| child.is(b"labl"));
    Ok(labels.filter_map(|child| labl::read(child).ok().flatten()).next())
}

fn defaults(moov: BoxRef<'_>, track_id: u32) -> Result<SampleDefaults, ReadError> {
    let mvex = moov.need(b"mvex")?;
    for child in mvex.children() {
        let child = child?;
        if child.is(b"trex") {
            let (id, defaults) = trex::read(child)?;
            if id == track_id {
                return Ok(defaults);
            }
        }
    }
    mvex.need(b"trex").and(Err(ReadError::WrongTrack { expected: track_id, found: 0 }))
}
