//! Whether a player's buffer lasts.

use std::time::{Duration, Instant};

/// A player that begins with so much media in its buffer, and plays it as the clock goes.
#[derive(Debug)]
pub struct Playback {
    /// It plays once this much has come.
    buffer: Duration,
    got: Duration,
    /// When what was got is played to its end, once playing.
    dry_at: Option<Instant>,
    last: Option<Instant>,
    /// Times it ran out of media.
    pub stalls: u64,
    /// For so long, together.
    pub stalled: Duration,
    /// Between two arrivals.
    pub longest_gap: Duration,
    /// When that gap ended.
    pub longest_gap_end: Option<Instant>,
}

impl Playback {
    /// A player that wants `buffer` before it plays.
    pub fn new(buffer: Duration) -> Self {
        Self {
            buffer,
            got: Duration::ZERO,
            dry_at: None,
            last: None,
            stalls: 0,
            stalled: Duration::ZERO,
            longest_gap: Duration::ZERO,
            longest_gap_end: None,
        }
    }

    /// `media` more has come.
    pub fn got(&mut self, now: Instant, media: Duration) {
        self.gap(now);
        self.last = Some(now);
        self.got += media;
        self.dry_at = match self.dry_at {
            Some(dry_at) if now > dry_at => {
                self.stall(now - dry_at);
                Some(now + media)
            }
            Some(dry_at) => Some(dry_at + media),
            None if self.got >= self.buffer => Some(now + self.got),
            None => None,
        };
    }

    /// It is switched off.
    pub fn over(&mut self, now: Instant) {
        self.gap(now);
        if let Some(dry_at) = self.dry_at.filter(|dry_at| now > *dry_at) {
            self.stall(now - dry_at);
        }
    }

    /// Media it has and has not played.
    pub fn ahead(&self, now: Instant) -> Duration {
        self.dry_at.map_or(self.got, |dry_at| dry_at.saturating_duration_since(now))
    }

    fn stall(&mut self, by: Duration) {
        self.stalls += 1;
        self.stalled += by;
    }

    fn gap(&mut self, now: Instant) {
        if let Some(gap) = self.last.map(|last| now - last).filter(|gap| *gap > self.longest_gap) {
            self.longest_gap = gap;
            self.longest_gap_end = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(buffer_s: u64, seconds: &[u64]) -> (Playback, Instant) {
        let start = Instant::now();
        let mut playback = Playback::new(Duration::from_secs(buffer_s));
        for second in seconds {
            playback.got(start + Duration::from_secs(*second), Duration::from_secs(1));
        }
        (playback, start)
    }

    #[test]
    fn a_gap_as_long_as_the_buffer_is_no_stall() {
        let (mut playback, start) = arrivals(3, &[0, 1, 2, 5, 5, 5]);
        assert_eq!((playback.stalls, playback.longest_gap), (0, Duration::from_secs(3)));
        assert_eq!(playback.ahead(start + Duration::from_secs(6)), Duration::from_secs(2));
        playback.over(start + Duration::from_secs(8));
        assert_eq!(playback.stalls, 0);
    }

    #[test]
    fn a_longer_one_is_and_it_plays_on_with_what_comes() {
        let (mut playback, start) = arrivals(3, &[0, 1, 2, 7, 8]);
        assert_eq!((playback.stalls, playback.stalled), (1, Duration::from_secs(2)));
        playback.over(start + Duration::from_secs(10));
        assert_eq!((playback.stalls, playback.stalled), (2, Duration::from_secs(3)));
    }

    #[test]
    fn nothing_stalls_before_it_plays() {
        let (playback, _) = arrivals(3, &[0, 60, 61]);
        assert_eq!(playback.stalls, 0);
    }
}
