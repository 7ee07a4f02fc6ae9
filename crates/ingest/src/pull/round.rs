//! One round of following: which playlists are read side by side, and what is taken of each.
//!
//! Each playlist has a lane: those of pictures have the first [`MAX_PICTURES`] places, by rank, those of sound the places behind
//! them.

use media::TrackId;
use playlist::limits::{MAX_PICTURES, MAX_SOUNDS};
use playlist::{Chosen, Url};
use wire::rendition;

/// Places for lanes.
pub(crate) const LANES: usize = MAX_PICTURES + MAX_SOUNDS;

/// Some of the lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LaneSet(u32);

const _: () = assert!(LANES <= 32, "a bit for each lane");

impl LaneSet {
    pub(crate) const fn contains(self, lane: usize) -> bool {
        self.0 & 1 << lane != 0
    }

    /// Whether all of these are in `other`.
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Adds one; whether it was not there.
    pub(crate) const fn insert(&mut self, lane: usize) -> bool {
        let is_new = !self.contains(lane);
        self.0 |= 1 << lane;
        is_new
    }

    /// Takes one out; whether it was there.
    pub(crate) const fn remove(&mut self, lane: usize) -> bool {
        let was_there = self.contains(lane);
        self.0 &= !(1 << lane);
        was_there
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        (0..LANES).filter(move |lane| self.contains(*lane))
    }
}

impl FromIterator<usize> for LaneSet {
    fn from_iter<I: IntoIterator<Item = usize>>(lanes: I) -> Self {
        lanes.into_iter().fold(Self::default(), |mut all, lane| {
            all.insert(lane);
            all
        })
    }
}

/// What is taken of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Pictures and sound.
    All,
    Pictures,
    Sound,
}

/// One round of following.
#[derive(Debug)]
pub(crate) struct Round {
    /// Rises from round to round.
    pub(crate) number: u64,
    chosen: Chosen,
    /// Those that are there at its start, whose first segments are waited for.
    pub(crate) expected: LaneSet,
}

impl Round {
    /// `is_there`: whether a playlist can be read already.
    pub(crate) fn new(number: u64, chosen: Chosen, is_there: impl Fn(&Url) -> bool) -> Self {
        let mut round = Self { number, chosen, expected: LaneSet::default() };
        round.expected =
            round.lanes().iter().filter(|lane| round.url(*lane).is_some_and(&is_there)).collect();
        round
    }

    /// All that are followed.
    pub(crate) fn lanes(&self) -> LaneSet {
        let sounds = MAX_PICTURES..MAX_PICTURES + self.chosen.audio.len();
        (0..self.chosen.main.len()).chain(sounds).collect()
    }

    /// Whether there are several renditions, so that some can be left out.
    pub(crate) fn is_ladder(&self) -> bool {
        self.chosen.main.len() > 1 || self.chosen.audio.len() > 1
    }

    /// The playlist of a lane.
    pub(crate) fn url(&self, lane: usize) -> Option<&Url> {
        match lane.checked_sub(MAX_PICTURES) {
            None => self.chosen.main.get(lane),
            Some(sound) => self.chosen.audio.get(sound).map(|sound| &sound.url),
        }
    }

    /// The language that the list of streams gives a lane.
    pub(crate) fn language(&self, lane: usize) -> Option<&String> {
        let sound = self.chosen.audio.get(lane.checked_sub(MAX_PICTURES)?)?;
        sound.language.as_ref()
    }

    pub(crate) fn takes(&self, lane: usize) -> Takes {
        match lane {
            MAX_PICTURES.. => Takes::Sound,
            _ if self.chosen.audio.is_empty() => Takes::All,
            _ => Takes::Pictures,
        }
    }

    /// What a lane's track is called.
    pub(crate) fn track(&self, lane: usize) -> String {
        let is_picture = self.takes(lane) != Takes::Sound;
        rendition::name(track_id(lane, is_picture), is_picture)
    }

    /// What a lane's playlist is called: its path alone, since URLs may hold secrets.
    pub(crate) fn playlist(&self, lane: usize) -> &str {
        self.url(lane).map_or("", |url| url.path().trim_start_matches('/'))
    }
}

/// The id of a lane's track. All lanes of pictures have the same sound.
pub(crate) fn track_id(lane: usize, is_picture: bool) -> TrackId {
    let rank = |rank: usize| u8::try_from(rank).expect("there are few lanes");
    match (is_picture, lane.checked_sub(MAX_PICTURES)) {
        (true, _) => rendition::picture(rank(lane)),
        (false, sound) => rendition::sound(rank(sound.unwrap_or(0))),
    }
}
