//! Which streams of a program are followed.

use media::TrackId;

use crate::limits::MAX_STREAMS;
use crate::psi::{Entry, Pmt};
use crate::stream::Elementary;
use crate::stream_type::Kind;
use crate::{Select, Warning};

/// The video's track id; audio follows from 1 on.
const VIDEO: TrackId = TrackId(0);

/// True where a stream is one of those wanted, unchanged but for what else the map says of it.
pub(crate) fn stays(stream: &Elementary, wanted: &[(&Entry, Kind)]) -> bool {
    wanted.iter().any(|(entry, kind)| is_same(stream, entry, *kind))
}

fn is_same(stream: &Elementary, entry: &Entry, kind: Kind) -> bool {
    stream.pid() == entry.pid && Kind::of(&stream.entry) == kind
}

/// The streams followed from now on: the wanted ones, those that stay as they are, the others from their beginning.
pub(crate) fn follow(mut before: Vec<Elementary>, wanted: &[(&Entry, Kind)]) -> Vec<Elementary> {
    let mut kept: Vec<Option<Elementary>> = wanted
        .iter()
        .map(|(entry, kind)| {
            let at = before.iter().position(|old| is_same(old, entry, *kind))?;
            let mut old = before.swap_remove(at);
            old.take_entry((*entry).clone());
            Some(old)
        })
        .collect();
    let mut taken: Vec<TrackId> = kept.iter().flatten().map(|stream| stream.id).collect();
    let mut streams = Vec::with_capacity(wanted.len());
    for (&(entry, kind), kept) in wanted.iter().zip(&mut kept) {
        let stream = kept.take().or_else(|| {
            let id = match kind {
                Kind::Video(_) => VIDEO,
                _ => free(&taken),
            };
            taken.push(id);
            Elementary::new(entry.clone(), id, kind)
        });
        streams.extend(stream);
    }
    streams
}

/// What of the map is wanted and can be carried: video, audio, then what goes with them; at most [`MAX_STREAMS`].
pub(crate) fn choose<'a>(
    pmt: &'a Pmt,
    select: &Select,
    warnings: &mut Vec<Warning>,
) -> Vec<(&'a Entry, Kind)> {
    let all: Vec<(&Entry, Kind)> = pmt.entries.iter().map(|entry| (entry, Kind::of(entry))).collect();
    let asked = |pid: u16, is_kind: fn(&Kind) -> bool, warnings: &mut Vec<Warning>| {
        let found = all.iter().find(|(entry, kind)| entry.pid == pid && is_kind(kind)).copied();
        if found.is_none() {
            warnings.push(Warning::NoStream { pid });
        }
        found
    };
    let is_video: fn(&Kind) -> bool = |kind| matches!(kind, Kind::Video(_));
    let is_audio: fn(&Kind) -> bool = |kind| matches!(kind, Kind::Audio(_));
    for (entry, kind) in &all {
        if let Kind::NotCarried(what) = kind {
            warnings.push(Warning::NotCarried { pid: entry.pid, what });
        }
    }
    let mut wanted = Vec::new();
    wanted.extend(match select.video_pid {
        Some(pid) => asked(pid, is_video, warnings),
        None => all.iter().find(|(_, kind)| is_video(kind)).copied(),
    });
    match &select.audio_pids {
        Some(pids) => wanted.extend(pids.iter().filter_map(|pid| asked(*pid, is_audio, warnings))),
        None => wanted.extend(all.iter().filter(|(_, kind)| is_audio(kind))),
    }
    wanted.extend(all.iter().filter(|(_, kind)| matches!(kind, Kind::Scte35 | Kind::Id3)));
    // A PID listed twice would be two streams of one.
    let mut seen = Vec::new();
    wanted.retain(|(entry, _)| {
        let new = !seen.contains(&entry.pid);
        seen.push(entry.pid);
        new
    });
    if let Some((first, _)) = wanted.get(MAX_STREAMS) {
        warnings.push(Warning::TooManyStreams { pid: first.pid });
        wanted.truncate(MAX_STREAMS);
    }
    wanted
}

fn free(taken: &[TrackId]) -> TrackId {
    (VIDEO.0 + 1..=u8::MAX).map(TrackId).find(|id| !taken.contains(id)).expect("MAX_STREAMS is under 255")
}
