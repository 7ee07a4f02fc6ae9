//! Laying a publisher's times onto the epoch.

use media::{Grid, MediaTime, Timescale, Utc};

/// Times this close to now count from the epoch.
const EPOCH_NEAR_US: i64 = 12 * 3_600 * 1_000_000;
/// A segment may begin this far ahead of now and of all that came before it: clocks differ.
const AHEAD_US: i64 = 60_000_000;
/// A segment may begin this far before its track's end and still follow it.
const LAP_US: i64 = 500_000;

/// What is added to a publisher's times, the same for all tracks of a publishing session.
///
/// Zero for a publisher that counts from the epoch. For others a whole number of slots, found at the session's first
/// segment so that it ends now, and never before what the channel shows already; kept for the session. A session ends
/// when a header comes again and the times after it do not follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    session_us: Option<i64>,
}

/// A segment to be placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    /// First decode time and the time after the last, as they came.
    pub(crate) start: MediaTime,
    pub(crate) duration: i64,
    /// The track's header came since its last segment.
    pub(crate) header_came: bool,
    /// End of the track, and of the farthest track, on the channel's timeline.
    pub(crate) track_end: Option<Utc>,
    pub(crate) channel_end: Option<Utc>,
}

impl Shift {
    /// The shift of this segment, in microseconds: a whole number of slots.
    pub(crate) fn place(&mut self, raw: Raw, grid: Grid, now: Utc) -> i64 {
        let start_us = raw.start.floor_to(Timescale::MICROS).ticks;
        let duration_us = MediaTime::new(raw.duration, raw.start.scale).floor_to(Timescale::MICROS).ticks;
        if (start_us - now.0).abs() < EPOCH_NEAR_US {
            self.session_us = None;
            return 0;
        }
        if let Some(session) = self.session_us {
            let placed = start_us.saturating_add(session);
            let follows = raw.track_end.is_none_or(|end| placed >= end.0 - LAP_US);
            let latest = raw.channel_end.map_or(now, |end| now.max(end));
            let ahead = placed > latest.0 + AHEAD_US;
            if !ahead && (follows || !raw.header_came) {
                return session;
            }
        }
        let slot_us = i64::from(grid.duration_ms()) * 1_000;
        let to_now = (now.0 - duration_us - start_us).div_euclid(slot_us);
        let past = raw.channel_end.map(|end| end.0 - start_us);
        let past = past.map_or(i64::MIN, |past| -(-past).div_euclid(slot_us));
        let session = to_now.max(past).saturating_mul(slot_us);
        self.session_us = Some(session);
        session
    }

    /// The shift of a segment that is coming in, where it is certain before the segment is whole.
    pub(crate) fn of_open(self, start: MediaTime, header_came: bool, now: Utc) -> Option<i64> {
        let start_us = start.floor_to(Timescale::MICROS).ticks;
        match self.session_us {
            None => ((start_us - now.0).abs() < EPOCH_NEAR_US).then_some(0),
            Some(session) => (!header_came).then_some(session),
        }
    }

    /// True while times are the publisher's own.
    pub(crate) const fn is_epoch(&self) -> bool {
        self.session_us.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Utc = Utc(1_700_000_001_500_000);
    const GRID: Grid = Grid::new(2_000);

    fn raw(start_ms: i64, header_came: bool, end: Option<i64>) -> Raw {
        Raw {
            start: MediaTime::new(start_ms, Timescale::MILLIS),
            duration: 2_000,
            header_came,
            track_end: end.map(Utc),
            channel_end: end.map(Utc),
        }
    }

    #[test]
    fn epoch_times_stay() {
        let mut shift = Shift::default();
        assert_eq!(shift.place(raw(1_699_999_998_000, true, None), GRID, NOW), 0);
        assert!(shift.is_epoch());
    }

    #[test]
    fn times_from_zero_end_about_now_and_keep_their_shift() {
        let mut shift = Shift::default();
        let first = shift.place(raw(0, true, None), GRID, NOW);
        assert_eq!(first, 1_699_999_998_000_000);
        assert!(!shift.is_epoch());
        let later = Utc(NOW.0 + 100_000_000);
        assert_eq!(shift.place(raw(100_000, false, Some(first + 100_000_000)), GRID, later), first);
    }

    #[test]
    fn times_that_start_over_after_a_header_begin_a_session_behind_what_is_shown() {
        let mut shift = Shift::default();
        let first = shift.place(raw(0, true, None), GRID, NOW);
        let end = first + 31_000_000;
        let again = shift.place(raw(0, true, Some(end)), GRID, Utc(NOW.0 + 20_000_000));
        assert_eq!(again, first + 32_000_000, "never before the end, on the grid");
        // The other track of the same publisher takes the same shift.
        assert_eq!(shift.place(raw(12, true, Some(end)), GRID, Utc(NOW.0 + 20_000_000)), again);
    }

    #[test]
    fn a_publisher_faster_than_time_keeps_its_session() {
        let mut shift = Shift::default();
        let first = shift.place(raw(0, true, None), GRID, NOW);
        for second in (2..1_000).step_by(2) {
            let end = Some(first + second * 1_000_000);
            assert_eq!(shift.place(raw(second * 1_000, false, end), GRID, NOW), first, "{second}");
        }
        let leap = shift.place(raw(5_000_000, false, Some(first + 1_000_000_000)), GRID, NOW);
        assert_eq!(leap, first + 1_000_000_000 - 5_000_000_000, "a leap begins another");
    }

    #[test]
    fn old_times_without_a_header_are_no_new_session() {
        let mut shift = Shift::default();
        let first = shift.place(raw(0, true, None), GRID, NOW);
        let end = first + 30_000_000;
        assert_eq!(shift.place(raw(4_000, false, Some(end)), GRID, Utc(NOW.0 + 30_000_000)), first);
    }
}
