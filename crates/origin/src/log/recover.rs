//! Reading the log back.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use bytes::Bytes;
use manifest::{Header, HeaderId, Period, Presence, Restored, RestoredTrack, Segment, TrackName};
use media::ChannelName;

use super::writer::is_disk_fault;
use super::{Damage, EXTENSION, Record, SegmentRecord, read_records};
use crate::Error;
use crate::metrics::Metrics;
use crate::receive::header_of;

/// What the log kept of a channel.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) restored: Restored,
    /// Each track's header bytes.
    pub(crate) headers: Vec<(TrackName, HeaderId, Bytes)>,
    pub(crate) segments: Vec<(TrackName, i64, Bytes)>,
    /// Each track's slate, and the header that decodes it.
    pub(crate) slates: Vec<(TrackName, HeaderId, Bytes)>,
}

#[derive(Default)]
struct TrackRecords {
    next_number: Option<u64>,
    newest_header: Option<Arc<Header>>,
    segments: BTreeMap<u64, (SegmentRecord, Bytes)>,
}

/// Reads all files of a channel. Damage is told and passed over, as is a disk that fails; only a folder that cannot be
/// read for another reason is an error.
pub(crate) fn recover(root: &Path, channel: &ChannelName, metrics: &Metrics) -> Result<Kept, Error> {
    let folder = root.join(channel.as_str());
    let listed = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let listed = match listed {
        Ok(listed) => listed,
        // There was no room for it, or the disk fails, which is told where it is written to.
        Err(error) if error.kind() == io::ErrorKind::NotFound || is_disk_fault(&error) => {
            tracing::warn!(%channel, %error, "log: not readable; the window begins anew");
            return Ok(Kept::default());
        }
        Err(source) => return Err(Error::LogFolder { path: folder, source }),
    };
    let mut files: Vec<_> = listed
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .collect();
    files.sort();

    let mut reading = Reading::default();
    for path in files {
        let file = path.display();
        match fs::read(&path) {
            Ok(bytes) => {
                let (records, Damage { bytes, corrupt, torn }) = read_records(&bytes);
                if corrupt > 0 {
                    metrics.log_corrupt.inc_by(corrupt as u64);
                    tracing::error!(
                        event = "log_corrupt", state = "happened", %channel, %file, corrupt, bytes,
                        "records are not what was written: they are not served"
                    );
                } else if torn {
                    tracing::info!(%channel, %file, bytes, "log: a file ends in the middle of a record");
                }
                records.into_iter().for_each(|record| reading.take(record));
            }
            Err(error) => {
                metrics.log_errors.inc();
                tracing::warn!(%channel, %file, %error, "log: file not readable");
            }
        }
    }
    Ok(reading.finish(channel))
}

#[derive(Default)]
struct Reading {
    periods: BTreeMap<u64, Period>,
    target_s: u32,
    headers: HashMap<(TrackName, HeaderId), (Arc<Header>, Bytes)>,
    tracks: BTreeMap<TrackName, TrackRecords>,
    slates: BTreeMap<TrackName, (HeaderId, Bytes)>,
}

impl Reading {
    fn take(&mut self, record: Record) {
        match record {
            Record::State(state) => {
                self.target_s = self.target_s.max(state.target_s);
                self.periods.extend(state.period.map(|period| (period.number, period)));
                for (track, next) in state.next_numbers {
                    let track = self.tracks.entry(track).or_default();
                    track.next_number = track.next_number.max(Some(next));
                }
            }
            Record::Header(header, bytes) => {
                let Ok(read) = cmaf::Header::read(bytes.clone()) else {
                    return;
                };
                let described = Arc::new(header_of(&read, header.id));
                self.tracks.entry(header.track.clone()).or_default().newest_header = Some(described.clone());
                self.headers.insert((header.track, header.id), (described, bytes));
            }
            Record::Slate(slate, bytes) => {
                self.slates.insert(slate.track, (slate.id, bytes));
            }
            Record::Segment(segment, bytes) => {
                self.target_s = self.target_s.max(segment.target_s);
                self.periods.insert(segment.period.number, segment.period);
                let track = self.tracks.entry(segment.track.clone()).or_default();
                track.segments.insert(segment.number, (segment, bytes));
            }
        }
    }

    fn finish(self, channel: &ChannelName) -> Kept {
        let mut kept = Kept {
            restored: Restored {
                periods: self.periods.into_values().collect(),
                target_s: self.target_s,
                tracks: Vec::new(),
            },
            headers: self
                .headers
                .iter()
                .map(|((track, id), (_, b))| (track.clone(), *id, b.clone()))
                .collect(),
            segments: Vec::new(),
            slates: self.slates.into_iter().map(|(track, (id, bytes))| (track, id, bytes)).collect(),
        };
        for (name, records) in self.tracks {
            let Some(header) = records.newest_header else {
                continue;
            };
            let mut segments: Vec<Segment> = Vec::new();
            for (record, bytes) in records.segments.into_values() {
                let known = self.headers.get(&(name.clone(), record.header));
                let Some((header, _)) = known else { continue };
                let segment = Segment {
                    number: record.number,
                    period: record.period.number,
                    header: header.clone(),
                    start: record.start,
                    duration: record.duration,
                    bytes: bytes.len() as u64,
                    parts: Vec::new(),
                    presence: Presence::Whole,
                    published: record.published,
                };
                // A file from a restart that came to other numbers: what is newest by number counts.
                if segments.last().is_some_and(|last| !follows(last, &segment)) {
                    tracing::warn!(%channel, track = %name, number = record.number, "log: segment out of order");
                    continue;
                }
                kept.segments.push((name.clone(), record.start, bytes));
                segments.push(segment);
            }
            kept.restored.tracks.push(RestoredTrack {
                name,
                header,
                next_number: records.next_number,
                segments,
            });
        }
        kept
    }
}

fn follows(last: &Segment, next: &Segment) -> bool {
    let micros = |segment: &Segment| {
        media::MediaTime::new(segment.start, segment.timescale()).floor_to(media::Timescale::MICROS).ticks
    };
    last.period <= next.period && micros(last) < micros(next) && next.start >= 0 && next.duration > 0
}
