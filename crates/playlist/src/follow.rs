//! Which segments come next, by one reading of a media playlist after the other.

use std::time::Duration;

use crate::media::{Media, Segment};

/// Segments from the end of a live playlist at which playing begins (RFC 8216 §6.3.3).
const LIVE_EDGE_SEGMENTS: usize = 3;
/// Target durations without a new segment after which a live playlist is stale.
const STALE_TARGETS: f64 = 3.0;
/// Shortest pause between two readings.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
/// Segments that were asked for and are remembered, to tell an old copy of the list from a server that counts anew.
const REMEMBERED: usize = 32;

/// Follows one media playlist.
///
/// ```text
/// Joining --a list with segments--> Following --numbers that count anew--> Joining
///                                     |  ^
///                              ENDLIST v  | a list that goes on
///                                     Over
/// ```
#[derive(Debug, Default)]
pub struct Follower {
    /// The number of the segment that comes next, once joined.
    next: Option<u64>,
    /// The latest segments that were given out: number and path.
    given: Vec<(u64, String)>,
    /// How long nothing new has come.
    unchanged: Duration,
    is_stale: bool,
    join: Join,
}

/// Where a live list is joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// Three segments from its end.
    #[default]
    Edge,
    /// At its first segment.
    First,
}

/// What a reading of the playlist means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// To fetch, in this order.
    pub wanted: Vec<Wanted>,
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// How long to wait before the playlist is read again (RFC 8216 §6.3.4).
    pub pause: Duration,
    /// Nothing comes after what is wanted.
    pub is_over: bool,
}

/// A segment to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which.
    pub segment: Segment,
    /// Its times have nothing to do with those of the segment before it: the list says so, or counts anew.
    pub is_new_line: bool,
}

/// What is wrong with a playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nothing new for three target durations.
    Stale,
    /// New segments come again.
    Fresh,
    /// So many segments left the list before they were read.
    Missed(u64),
    /// The numbers count anew: the list is another one.
    Reset,
}

impl Follower {
    /// Begins where `join` says.
    pub fn joining(join: Join) -> Self {
        Self { join, ..Self::default() }
    }

    /// Takes the playlist as it is now, `since` the reading before.
    pub fn update(&mut self, media: &Media, since: Duration) -> Update {
        let mut update = Update { is_over: media.is_over, ..Update::default() };
        let mut is_new_line = self.next.is_none();
        if self.next.is_some() && self.counts_anew(media) {
            update.notices.push(Notice::Reset);
            let (is_stale, unchanged) = (self.is_stale, self.unchanged);
            self.rewind();
            (self.is_stale, self.unchanged) = (is_stale, unchanged);
            is_new_line = true;
        }
        let end = media.first + media.segments.len() as u64;
        let next = match self.next {
            Some(next) => next,
            None if media.segments.is_empty() => {
                self.wait(media, since, &mut update);
                return update;
            }
            None if media.is_over || self.join == Join::First => media.first,
            None => end.saturating_sub(LIVE_EDGE_SEGMENTS as u64).max(media.first),
        };
        if next < media.first {
            update.notices.push(Notice::Missed(media.first - next));
        }
        // An old copy of the list ends before what has been read already.
        let end = end.max(next);
        for segment in media.segments.iter().filter(|segment| segment.number >= next) {
            let is_new_line = std::mem::take(&mut is_new_line) || segment.is_discontinuous;
            self.remember(segment);
            update.wanted.push(Wanted { segment: segment.clone(), is_new_line });
        }
        self.next = Some(end);
        self.wait(media, since, &mut update);
        update
    }

    /// The playlist could not be read, `since` the reading before.
    pub fn missed_reading(&mut self, since: Duration) {
        self.unchanged += since;
    }

    /// Begins anew with the next list, at its first segment where it is over.
    pub fn rewind(&mut self) {
        *self = Self::joining(self.join);
    }

    fn wait(&mut self, media: &Media, since: Duration, update: &mut Update) {
        let target = Duration::from_secs_f64(media.target_s);
        let is_new = !update.wanted.is_empty();
        self.unchanged = if is_new { Duration::ZERO } else { self.unchanged + since };
        if is_new && std::mem::take(&mut self.is_stale) {
            update.notices.push(Notice::Fresh);
        }
        if !self.is_stale && !media.is_over && self.unchanged > target.mul_f64(STALE_TARGETS) {
            self.is_stale = true;
            update.notices.push(Notice::Stale);
        }
        update.pause = if is_new { target } else { target / 2 }.max(SHORTEST_PAUSE);
    }

    fn remember(&mut self, segment: &Segment) {
        if self.given.len() == REMEMBERED {
            self.given.remove(0);
        }
        self.given.push((segment.number, segment.url.path().to_owned()));
    }

    /// Whether this is another list than the one that was followed: a number that was given out is another segment's now,
    /// or all the numbers lie before it and none of the segments is known. Servers change tokens in queries, so those
    /// are not compared; byte ranges of one file have all one path.
    fn counts_anew(&self, media: &Media) -> bool {
        let path_of = |number: u64| {
            let at = usize::try_from(number.checked_sub(media.first)?).ok()?;
            media.segments.get(at).map(|segment| segment.url.path())
        };
        let mut listed = self.given.iter().filter_map(|(number, path)| Some((path, path_of(*number)?)));
        if let Some((given, now)) = listed.next_back() {
            return given != now;
        }
        let end = media.first + media.segments.len() as u64;
        let known = |segment: &Segment| self.given.iter().any(|(_, path)| path == segment.url.path());
        let is_behind = self.next.is_some_and(|next| end < next);
        is_behind && !media.segments.is_empty() && !media.segments.iter().any(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Playlist, Url};

    const SECOND: Duration = Duration::from_secs(1);

    /// `4 a b c` is a list whose first segment has number 4; `|` before a name is a discontinuity, `end` is the end.
    fn list(text: &str) -> Media {
        let mut words = text.split_whitespace();
        let first = words.next().expect("a number");
        let mut lines = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for word in words {
            match (word, word.strip_prefix('|')) {
                ("end", _) => lines.push_str("#EXT-X-ENDLIST\n"),
                (_, Some(name)) => lines.push_str(&format!("#EXT-X-DISCONTINUITY\n#EXTINF:2,\n{name}.ts\n")),
                (name, None) => lines.push_str(&format!("#EXTINF:2,\n{name}.ts\n")),
            }
        }
        let base: Url = "http://h/".parse().expect("a URL");
        match Playlist::parse(lines.as_bytes(), &base) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    /// What each list makes one fetch, `|` before what begins a new line.
    fn fetched(lists: &[&str]) -> Vec<(String, Vec<Notice>)> {
        let mut follower = Follower::default();
        lists.iter().map(|text| step(&mut follower, text, SECOND)).collect()
    }

    fn step(follower: &mut Follower, text: &str, since: Duration) -> (String, Vec<Notice>) {
        let update = follower.update(&list(text), since);
        let name = |wanted: &Wanted| {
            let bar = if wanted.is_new_line { "|" } else { "" };
            format!("{bar}{}", wanted.segment.url.path().trim_start_matches('/').trim_end_matches(".ts"))
        };
        (update.wanted.iter().map(name).collect::<Vec<_>>().join(" "), update.notices)
    }

    fn quiet(text: &str) -> (String, Vec<Notice>) {
        (text.to_owned(), Vec::new())
    }

    #[test]
    fn a_live_list_begins_three_segments_from_its_end_and_goes_on_one_by_one() {
        assert_eq!(
            fetched(&["4 a b c d e", "4 a b c d e", "5 b c d e f", "7 d e f |g h"]),
            [quiet("|c d e"), quiet(""), quiet("f"), quiet("|g h")]
        );
    }

    #[test]
    fn a_live_list_is_joined_at_its_first_segment_where_that_is_asked_for() {
        let mut follower = Follower::joining(Join::First);
        assert_eq!(step(&mut follower, "4 a b c d e", SECOND), quiet("|a b c d e"));
    }

    #[test]
    fn a_list_that_is_over_begins_at_its_first_segment() {
        let mut follower = Follower::default();
        let update = follower.update(&list("0 a b c d e end"), SECOND);
        assert_eq!((update.wanted.len(), update.is_over), (5, true));
        assert_eq!(follower.update(&list("0 a b c d e end"), SECOND * 99).notices, []);
        follower.rewind();
        assert_eq!(follower.update(&list("0 a b c d e end"), SECOND).wanted.len(), 5);
    }

    #[test]
    fn segments_that_left_the_list_are_told() {
        assert_eq!(
            fetched(&["4 a b c", "9 f g h"]),
            [quiet("|a b c"), ("f g h".to_owned(), vec![Notice::Missed(2)])]
        );
    }

    #[test]
    fn an_old_copy_of_the_list_changes_nothing() {
        assert_eq!(fetched(&["4 a b c d", "3 z a b", "5 b c d e"]), [quiet("|b c d"), quiet(""), quiet("e")]);
    }

    #[test]
    fn numbers_that_count_anew_are_another_list() {
        let reset = |text: &str| (text.to_owned(), vec![Notice::Reset]);
        assert_eq!(fetched(&["40 a b c", "0 x", "0 x y"]), [quiet("|a b c"), reset("|x"), quiet("y")]);
        assert_eq!(fetched(&["4 a b c", "4 x y z w"]), [quiet("|a b c"), reset("|y z w")]);
    }

    #[test]
    fn a_list_without_news_for_three_targets_is_stale_until_some_come() {
        let mut follower = Follower::default();
        let mut told = Vec::new();
        for text in ["4 a b c", "4 a b c", "4 a b c", "4 a b c", "4 a b c d"] {
            told.push(step(&mut follower, text, SECOND * 3).1);
        }
        assert_eq!(told, [vec![], vec![], vec![], vec![Notice::Stale], vec![Notice::Fresh]]);
    }

    #[test]
    fn a_list_is_read_again_after_a_target_duration_or_half_of_one() {
        let mut follower = Follower::default();
        assert_eq!(follower.update(&list("4 a b c"), SECOND).pause, SECOND * 2);
        assert_eq!(follower.update(&list("4 a b c"), SECOND).pause, SECOND);
    }
}
