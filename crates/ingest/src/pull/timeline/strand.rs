//! What comes of one playlist.

use media::{Track, TrackId, Unwrap};

use super::line::{Number, TURN};
use crate::end_to_end::EndToEnd;
use crate::pull::round::{Round, Takes, track_id};

/// One playlist's tracks.
#[derive(Debug, Default)]
pub(super) struct Strand {
    pub(super) tracks: Vec<Carried>,
    /// The line it is on.
    pub(super) line: Number,
    pub(super) turns: Unwrap<TURN>,
    /// The latest time on that, in µs.
    pub(super) last_us: Option<i64>,
    /// Where what it brought ends on the epoch, in µs.
    pub(super) end_us: i64,
    /// How many segments went further than all before them since it brought one.
    pub(super) missed: i64,
}

/// A track of it.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) from: TrackId,
    pub(super) track: Track,
    pub(super) last: Option<i64>,
    pub(super) laid: EndToEnd,
}

impl Strand {
    /// Takes the tracks of a segment, one of each kind; whether they are others than before. Sound that is apart has no place in
    /// lanes of pictures.
    pub(super) fn take(&mut self, lane: usize, round: &Round, tracks: &[Track]) -> bool {
        let mut before = std::mem::take(&mut self.tracks);
        let told: Vec<_> = before.iter().map(|carried| carried.track.clone()).collect();
        for track in tracks {
            let is_picture = track.format.is_video();
            let is_wanted = match round.takes(lane) {
                Takes::All => true,
                Takes::Pictures => is_picture,
                Takes::Sound => !is_picture,
            };
            let id = track_id(lane, is_picture);
            if !is_wanted || self.tracks.iter().any(|carried| carried.track.id == id) {
                continue;
            }
            let (from, language) = (track.id, round.language(lane).or(track.language.as_ref()).cloned());
            let track = Track { id, language, ..track.clone() };
            let same = |old: &mut Carried| old.track.id == id && old.track.timescale == track.timescale;
            let old = before.extract_if(.., same).next();
            let (last, laid) = old.map_or_else(Default::default, |old| (old.last, old.laid));
            self.tracks.push(Carried { from, track, last, laid });
        }
        !self.tracks.iter().map(|carried| &carried.track).eq(&told)
    }

    /// Its sound, where it has some.
    pub(super) fn sound(&mut self) -> Option<&mut Carried> {
        self.tracks.iter_mut().find(|carried| !carried.track.format.is_video())
    }

    pub(super) fn has_sound(&self) -> bool {
        self.tracks.iter().any(|carried| !carried.track.format.is_video())
    }
}
