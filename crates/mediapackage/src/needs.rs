//! What endpoints need of the workflow channel that they show.

use std::collections::BTreeMap;

use door::table;
use store::Resource;
use toml::{Table, Value};

use crate::asked::{Asked, Manifest};
use crate::{v1, v2};

/// What endpoints need of the workflow channel that they show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// How far back it has to keep media, in seconds; 0 where nobody asks.
    pub window_s: u32,
    /// How long its segments should be, in seconds, so that every endpoint's are whole multiples; 0 where nobody asks.
    pub segment_s: u32,
    /// Some list parts, so it has to have `latency = "low"`.
    pub low_latency: bool,
}

/// Where the media of a channel come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// A MediaLive channel makes them: what is asked for here gives way to its own, which takes over what that does not say itself, the
    /// window, and that there are parts. Its segments are its own.
    MediaLive,
    /// CMAF is pushed.
    Cmaf,
    /// HLS is pushed to this input, and passed through.
    Hls(Table),
}

/// Segments of a channel for which nobody asks a length, in seconds.
const SEGMENT_S: u32 = 2;
/// Longest segments of a workflow channel, in seconds.
const LONGEST_SEGMENT_S: u32 = 10;
/// Segments that a window holds at least.
const SEGMENTS: u32 = 6;
/// Shortest window, in seconds.
const SHORTEST_WINDOW_S: u32 = 12;

impl Needs {
    /// What the endpoints among `resources` need of the workflow channel of this name (`door::media_name("mp", id)`).
    pub fn of(resources: &[Resource], media_name: &str) -> Self {
        let all = v1::asked(resources).into_iter().chain(v2::asked(resources));
        all.filter(|asked| asked.channel == media_name).fold(Self::default(), |mut needs, asked| {
            needs.take(&asked);
            needs
        })
    }

    /// What these need, by the channel's name.
    pub(crate) fn by_channel(asked: &[Asked]) -> BTreeMap<String, Self> {
        let mut by_channel: BTreeMap<String, Self> = BTreeMap::new();
        asked.iter().for_each(|asked| by_channel.entry(asked.channel.clone()).or_default().take(asked));
        by_channel
    }

    fn take(&mut self, asked: &Asked) {
        let windows = asked.manifests.iter().map(|manifest| manifest.window_s + manifest.delay_s);
        self.window_s = self.window_s.max(windows.max().unwrap_or(0));
        self.segment_s = gcd(self.segment_s, asked.segment_s.unwrap_or(0));
        self.low_latency |= asked.has_parts();
    }

    /// A `[[channel]]` whose media come so.
    pub(crate) fn channel(self, name: &str, source: Source) -> Table {
        let divides = |segment_s: &u32| self.segment_s.is_multiple_of(*segment_s);
        let segment_s = match self.segment_s {
            0 => SEGMENT_S,
            _ => (1..=LONGEST_SEGMENT_S).rev().find(divides).unwrap_or(1),
        };
        let window_s = self.window_s.max(SEGMENTS * segment_s).max(SHORTEST_WINDOW_S);
        let mut table =
            table([("name", Value::from(name)), ("window", Value::from(window_s.min(Manifest::LONGEST_S)))]);
        if source != Source::MediaLive {
            table.insert("segment".to_owned(), Value::from(segment_s));
        }
        match source {
            Source::MediaLive | Source::Cmaf => {
                table.insert("input".to_owned(), Value::from("cmaf"));
            }
            Source::Hls(input) => {
                table.insert("input".to_owned(), Value::Table(input));
                table.insert("ladder".to_owned(), Value::from("passthrough"));
            }
        }
        if self.low_latency {
            table.insert("latency".to_owned(), Value::from("low"));
        }
        table
    }
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}
