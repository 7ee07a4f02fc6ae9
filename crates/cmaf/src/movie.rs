//! Fragmented MP4 with any number of tracks, as HLS carries it: a header read once, then segments taken apart.

use bytes::Bytes;
use media::{Sample, Track, TrackId};

use crate::boxes::{BoxHead, BoxRef, FourCc, boxes};
use crate::fragment::{Fragment, NON_SYNC};
use crate::reader::MAX_MOOV;
use crate::{Header, ReadError};

/// Most tracks looked at.
const MAX_TRACKS: usize = 16;

/// A sample without its payload, where that lies from the start of the `moof`, and its size.
type Row = (Sample, u64, u32);

/// A movie header (`moov`) and the tracks of it that can be carried.
#[derive(Clone, Debug)]
pub struct Movie {
    tracks: Vec<Header>,
}

impl Movie {
    /// Reads the header; tracks of other codecs and kinds are passed over. The tracks' ids count from 0.
    pub fn read(raw: &Bytes) -> Result<Self, ReadError> {
        let mut moov = None;
        for found in boxes(raw) {
            let found = found?;
            if found.is(b"moov") {
                moov = Some(found);
                break;
            }
        }
        let moov = moov.ok_or(ReadError::TornHeader)?;
        if moov.whole.len() as u64 > MAX_MOOV {
            return Err(ReadError::TooLarge {
                kind: moov.kind,
                size: moov.whole.len() as u64,
                bound: MAX_MOOV,
            });
        }
        let mut tracks = Vec::new();
        let mut fault = ReadError::TrackCount(0);
        for trak in moov.children() {
            let trak = trak?;
            if !trak.is(b"trak") || tracks.len() == MAX_TRACKS {
                continue;
            }
            match Header::of_track(moov, trak, Bytes::new()) {
                Ok(mut header) => {
                    header.track.id = TrackId(tracks.len() as u8);
                    tracks.push(header);
                }
                Err(why) => fault = why,
            }
        }
        if tracks.is_empty() { Err(fault) } else { Ok(Self { tracks }) }
    }

    /// Its tracks.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().map(|header| &header.track)
    }

    /// The samples of a segment, in each track's decode order; payloads share its memory. Times are as the fragments say:
    /// decode times count from nothing in particular, and an edit list is applied to composition offsets.
    pub fn samples(&self, segment: &Bytes) -> Result<Vec<Sample>, ReadError> {
        let mut samples = Vec::new();
        let mut at = 0;
        // Where the last `moof` begins, and its samples.
        let mut open: Option<(usize, Vec<Row>)> = None;
        for found in boxes(segment) {
            let found = found?;
            if found.is(b"moof") {
                open = Some((at, self.rows(found)?));
            } else if found.is(b"mdat") {
                let (moof_at, rows) = open.take().ok_or(ReadError::MdatWithoutMoof)?;
                let head = BoxHead::read(found.whole).map_or(8, |head| head.length);
                for (mut sample, place, size) in rows {
                    let start = (moof_at as u64).checked_add(place).ok_or(ReadError::DataOutside)?;
                    let end = start.checked_add(size.into()).ok_or(ReadError::DataOutside)?;
                    if start < (at + head) as u64 || end > (at + found.whole.len()) as u64 {
                        return Err(ReadError::DataOutside);
                    }
                    sample.data = segment.slice(start as usize..end as usize);
                    samples.push(sample);
                }
            }
            at += found.whole.len();
        }
        match open {
            Some(_) => Err(ReadError::Truncated(FourCc(*b"moof"))),
            None => Ok(samples),
        }
    }

    /// The samples of a `moof`.
    fn rows(&self, moof: BoxRef<'_>) -> Result<Vec<Row>, ReadError> {
        let mut rows = Vec::new();
        for traf in moof.children() {
            let traf = traf?;
            if !traf.is(b"traf") {
                continue;
            }
            let Some(header) = self.of(traf)? else {
                continue;
            };
            let edit = i32::try_from(header.edit_start).unwrap_or(0);
            let fragment = Fragment::visit_track(moof, traf, header, |dts, place, row| {
                let sample = Sample {
                    track: header.track.id,
                    dts: i64::try_from(dts).unwrap_or(i64::MAX),
                    composition_offset: row.composition_offset.saturating_sub(edit),
                    duration: Some(row.duration),
                    sync: row.flags & NON_SYNC == 0,
                    data: Bytes::new(),
                };
                rows.push((sample, place, row.size));
            })?;
            if fragment.has_base_data_offset {
                return Err(ReadError::DataOutside);
            }
        }
        Ok(rows)
    }

    fn of(&self, traf: BoxRef<'_>) -> Result<Option<&Header>, ReadError> {
        let (_, _, mut fields) = traf.need(b"tfhd")?.full()?;
        let track_id = fields.u32()?;
        Ok(self.tracks.iter().find(|header| header.track_id == track_id))
    }
}
