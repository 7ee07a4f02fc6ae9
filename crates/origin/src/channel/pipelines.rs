//! What publishers bring, and whether it is listed: at once where there is one, as [`super::contest`] says where two
//! pipelines make the same.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use manifest::{AnnounceError, Part, TrackName};
use media::{MediaTime, Timescale, Utc};
use wire::Measured;

use super::contest::{Contest, FULL, Kind, Offer, PIPELINES, Terms};
use super::served::Rival;
use super::{Channel, CommitError, Segment};
use crate::window::header_id;

/// A lesser segment waits this long for the other pipeline's at most, and never longer than half a segment lasts.
const PATIENCE_US: i64 = 1_000_000;
/// A pipeline that brought nothing for so many segments is waited for no more.
const ALIVE_SLOTS: i64 = 2;

/// Whose body it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pipeline(Option<u8>);

/// The publisher named a pipeline that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pipeline is 0 or 1")]
pub(crate) struct NoPipeline;

impl Pipeline {
    /// As the request's field says; the only one where there is no field.
    pub(crate) fn read(field: Option<&http::HeaderValue>) -> Result<Self, NoPipeline> {
        match field.map(http::HeaderValue::as_bytes) {
            None => Ok(Self(None)),
            Some(b"0") => Ok(Self(Some(0))),
            Some(b"1") => Ok(Self(Some(1))),
            Some(_) => Err(NoPipeline),
        }
    }

    fn index(self) -> Option<usize> {
        self.0.map(usize::from).filter(|index| *index < PIPELINES)
    }

    /// For the metric's label.
    pub(crate) const fn name(self) -> &'static str {
        match self.0 {
            None => "only",
            Some(0) => "0",
            Some(_) => "1",
        }
    }
}

/// What waits for its turn.
#[derive(Debug)]
pub(crate) enum Brought {
    Part { header: Arc<cmaf::Header>, pipeline: Pipeline, segment_start: i64, part: Part, bytes: Bytes },
    Segment(Segment),
}

impl Channel {
    /// The header to read a track's chunks with: the publisher's own, or, where it has sent none, the track's.
    pub(crate) fn header_of(&self, track: &TrackName, pipeline: Pipeline) -> Option<Arc<cmaf::Header>> {
        let own = self.state().pipeline_headers.get(&(track.clone(), pipeline)).cloned();
        own.or_else(|| self.header(track))
    }

    /// A track's header has come of a publisher; see [`Channel::announce`]. While another pipeline brings the track under
    /// another header, that one stays in force until something that needs the new one is listed.
    pub(crate) fn announced(
        self: &Arc<Self>,
        track: &TrackName,
        header: &Arc<cmaf::Header>,
        pipeline: Pipeline,
    ) -> Result<Option<i64>, AnnounceError> {
        let Some(index) = pipeline.index() else {
            return self.announce(track, header);
        };
        self.state().pipeline_headers.insert((track.clone(), pipeline), header.clone());
        let now = self.clock.now();
        let has_other = self.contests().get(track).is_some_and(|contest| contest.has_other(index, now));
        if has_other && !self.is_in_force(track, header) {
            return Ok(self.next_start(track));
        }
        self.announce(track, header)
    }

    /// A whole part of a segment that is coming in.
    pub(crate) fn bring_part(
        self: &Arc<Self>,
        track: &TrackName,
        header: &Arc<cmaf::Header>,
        pipeline: Pipeline,
        segment_start: i64,
        part: Part,
        bytes: Bytes,
    ) {
        let scale = header.track.timescale;
        let Some(index) = pipeline.index() else {
            return self.part(track, scale, pipeline, segment_start, part, bytes);
        };
        let offer = Offer {
            pipeline: index,
            start_us: micros(part.start, scale),
            end_us: micros(part.start.saturating_add(part.duration), scale),
            kind: Kind::Part,
        };
        let part = Brought::Part { header: header.clone(), pipeline, segment_start, part, bytes };
        // A part that cannot be listed is told with its segment.
        let _ = self.bring(track, offer, part);
    }

    /// A whole segment has come.
    pub(crate) fn bring_segment(
        self: &Arc<Self>,
        track: &TrackName,
        segment: Segment,
    ) -> Result<(), CommitError> {
        let Some(index) = segment.pipeline.index() else {
            return self.commit(track, segment).map(drop);
        };
        let scale = segment.header.track.timescale;
        let offer = Offer {
            pipeline: index,
            start_us: micros(segment.start, scale),
            end_us: micros(segment.start.saturating_add(segment.duration), scale),
            kind: Kind::Segment {
                score: segment.measured.as_ref().map_or(FULL, Measured::score),
                fits: self.is_in_force(track, &segment.header),
                complete: segment.measured.is_none_or(|measured| measured.missing == 0),
            },
        };
        self.bring(track, offer, Brought::Segment(segment))
    }

    /// A publisher broke off in a body.
    pub(crate) fn gone(self: &Arc<Self>, track: &TrackName, pipeline: Pipeline) {
        let Some(index) = pipeline.index() else { return };
        self.settle_contest(track, |contest, now| contest.gone(index, now));
    }

    fn bring(self: &Arc<Self>, track: &TrackName, offer: Offer, brought: Brought) -> Result<(), CommitError> {
        let now = self.clock.now();
        let mut contests = self.contests();
        let contest = contests.entry(track.clone()).or_insert_with(|| Contest::new(self.terms()));
        let own = offer;
        let given = contest.offer(offer, brought, now);
        let next_due = contest.next_due();
        let mut outcome = Ok(());
        for (offer, brought) in given {
            let listed = self.list(track, offer, brought, rival(contest, offer, now));
            // What it brought itself is the publisher's to hear of.
            match listed {
                Err(error) if offer == own => outcome = Err(error),
                Err(error) => tracing::warn!(channel = %self.name, %track, %error, "not listed"),
                Ok(()) => {}
            }
        }
        drop(contests);
        self.look_again(track, next_due, now);
        outcome
    }

    fn settle_contest(
        self: &Arc<Self>,
        track: &TrackName,
        settle: impl FnOnce(&mut Contest<Brought>, Utc) -> Vec<(Offer, Brought)>,
    ) {
        let now = self.clock.now();
        let mut contests = self.contests();
        let Some(contest) = contests.get_mut(track) else { return };
        let given = settle(contest, now);
        let next_due = contest.next_due();
        for (offer, brought) in given {
            if let Err(error) = self.list(track, offer, brought, rival(contest, offer, now)) {
                tracing::warn!(channel = %self.name, %track, %error, "not listed");
            }
        }
        drop(contests);
        self.look_again(track, next_due, now);
    }

    /// Looks again once what is held has waited long enough.
    fn look_again(self: &Arc<Self>, track: &TrackName, next_due: Option<Utc>, now: Utc) {
        let Some(due) = next_due else { return };
        let wait = Duration::from_micros(u64::try_from(due.0 - now.0).unwrap_or(0));
        let (channel, track) = (self.clone(), track.clone());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            channel.settle_contest(&track, Contest::due);
        });
    }

    fn list(
        &self,
        track: &TrackName,
        offer: Offer,
        brought: Brought,
        rival: Rival,
    ) -> Result<(), CommitError> {
        match brought {
            Brought::Part { header, pipeline, segment_start, part, bytes } => {
                let scale = header.track.timescale;
                if self.is_in_force(track, &header) || self.adopt(track, &header, Some(segment_start)) {
                    self.part(track, scale, pipeline, segment_start, part, bytes);
                }
                Ok(())
            }
            Brought::Segment(segment) => {
                if !self.is_in_force(track, &segment.header) {
                    let _ = self.adopt(track, &segment.header, None);
                }
                let (from, to) = (self.state().listed_of.get(track).copied(), segment.pipeline);
                let is_listed = self.commit(track, segment)?;
                if let (true, Some(from), Kind::Segment { score, .. }) = (is_listed, from, offer.kind)
                    && from != to
                {
                    self.tell_change(track, [from, to], score, rival);
                }
                Ok(())
            }
        }
    }

    /// Tells why viewers get the segments of pipeline `to` from now on.
    fn tell_change(&self, track: &TrackName, [from, to]: [Pipeline; 2], score: u8, rival: Rival) {
        let untold = self.state().served.changed(score, rival, self.clock.now());
        let Some(untold) = untold else { return };
        tracing::info!(
            channel = %self.name, %track, from = from.name(), to = to.name(), score, other_score = %rival, untold,
            "another pipeline is served"
        );
    }

    /// Puts another header in force. Not in the middle of the segment that is open: what is listed of it, is it.
    fn adopt(&self, track: &TrackName, header: &Arc<cmaf::Header>, segment_start: Option<i64>) -> bool {
        let open = self.state().timeline.track(track).and_then(|track| track.open().map(|open| open.start()));
        if open.is_some() && open == segment_start {
            return false;
        }
        self.announce(track, header).is_ok()
    }

    fn is_in_force(&self, track: &TrackName, header: &cmaf::Header) -> bool {
        let id = header_id(&header.raw);
        self.state().timeline.track(track).is_some_and(|track| track.next_header().id == id)
    }

    fn terms(&self) -> Terms {
        let slot_us = i64::from(self.grid.duration_ms()) * 1_000;
        let part_us = self.state().timeline.shape().part_us;
        Terms {
            parts: part_us.is_some(),
            // A leader that is late by a part and a half has missed its turn.
            patience_us: part_us.map_or((slot_us / 2).min(PATIENCE_US), |part_us| part_us * 3 / 2),
            alive_us: slot_us * ALIVE_SLOTS,
        }
    }
}

/// What the other pipeline has to offer in the place of what `offer` is.
fn rival(contest: &Contest<Brought>, offer: Offer, now: Utc) -> Rival {
    contest.other_score(offer.pipeline, now).map_or(Rival::Silent, Rival::Scores)
}

pub(super) fn micros(ticks: i64, scale: Timescale) -> i64 {
    MediaTime::new(ticks, scale).floor_to(Timescale::MICROS).ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_0_or_1_or_the_only_one() {
        let read = |text: &'static str| Pipeline::read(Some(&http::HeaderValue::from_static(text)));
        assert_eq!(Pipeline::read(None).map(Pipeline::name), Ok("only"));
        assert_eq!(read("0").map(Pipeline::name), Ok("0"));
        assert_eq!(read("1").map(Pipeline::name), Ok("1"));
        for text in ["", "2", "01", "a", "1 "] {
            assert_eq!(read(text), Err(NoPipeline), "{text}");
        }
    }
}
