//! A client that reads every playlist and every segment of every track through the edge.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cmaf::ReadChunk;
use conformance::{Playback, Segment, Watch};
use e2e::{Answer, Stack, hls, tracks};

use crate::continuity::Continuity;

/// Segments of each track that are kept, to be compared with what is served later.
const KEPT: usize = 40;
/// Violations that are told word by word.
const MAX_TOLD: usize = 20;

/// The client of one channel.
#[derive(Debug)]
pub struct Client<'a> {
    stack: &'a Stack,
    channel: &'a str,
    tracks: Vec<Track>,
    findings: Findings,
}

#[derive(Debug)]
struct Track {
    /// Its playlist's URI relative to the channel.
    uri: String,
    watch: Watch,
    continuity: Continuity,
    playback: Playback,
    /// The media sequence number that comes next.
    next: Option<u64>,
    header: Option<(String, Bytes)>,
    kept: VecDeque<Kept>,
}

/// A segment as it was read.
#[derive(Debug)]
struct Kept {
    number: u64,
    uri: String,
    bytes: Bytes,
    /// When it begins, in seconds since the epoch.
    start_s: f64,
    arrived: Instant,
}

/// What a client found on its way, over all tracks.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Frames, of pictures and sound, that came.
    pub frames: u64,
    /// Segments that came.
    pub segments: u64,
    /// Times a player would have stood still.
    pub stalls: u64,
    /// Longest wait between two segments of a track.
    pub longest_gap: Duration,
    /// Frames left out.
    pub missing: u64,
    /// Frames that were there before.
    pub duplicate: u64,
    /// `EXT-X-DISCONTINUITY` tags.
    pub discontinuities: u64,
    /// Segments that do not parse, or do not begin with a key frame.
    pub torn: u64,
    /// Segments with other bytes when they were read again.
    pub changed: u64,
    /// Segments that were listed and then were not there.
    pub lost: u64,
    /// Rules of the HLS draft that were broken; the first ones in words.
    pub violations: u64,
    /// In words.
    pub told: Vec<String>,
    /// Requests without the answer that was asked for; they were tried again.
    pub unanswered: u64,
}

impl Findings {
    /// Adds another client's.
    pub fn add(&mut self, other: &Self) {
        let Self { frames, segments, stalls, missing, duplicate, discontinuities, .. } = other;
        self.frames += frames;
        self.segments += segments;
        self.stalls += stalls;
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.missing += missing;
        self.duplicate += duplicate;
        self.discontinuities += discontinuities;
        self.torn += other.torn;
        self.changed += other.changed;
        self.lost += other.lost;
        self.violations += other.violations;
        self.unanswered += other.unanswered;
        self.told.extend(other.told.iter().cloned());
        self.told.truncate(MAX_TOLD);
    }

    fn tell(&mut self, what: String) {
        if self.told.len() < MAX_TOLD {
            self.told.push(what);
        }
    }
}

impl<'a> Client<'a> {
    /// A client that plays once `buffer` of media has come, of a channel that is on the air.
    pub fn new(stack: &'a Stack, channel: &'a str, buffer: Duration) -> Self {
        let multivariant = stack.get(&format!("/{channel}/index.m3u8"));
        let tracks = hls::media_playlists(multivariant.text())
            .into_iter()
            .map(|uri| Track {
                uri,
                watch: Watch::default(),
                continuity: Continuity::default(),
                playback: Playback::new(buffer),
                next: None,
                header: None,
                kept: VecDeque::new(),
            })
            .collect();
        Self { stack, channel, tracks, findings: Findings::default() }
    }

    /// Reads every playlist once, and each segment that is new.
    pub fn look(&mut self) {
        for track in &mut self.tracks {
            track.look(self.stack, self.channel, &mut self.findings);
        }
    }

    /// Reads the segments that were kept again, from the origin itself: what was listed is there, with the same bytes.
    pub fn read_again(&mut self) {
        for track in &self.tracks {
            track.read_again(self.stack, self.channel, &mut self.findings);
        }
    }

    /// When the last track had its first segment that began at `epoch_s` or later; `None` while one has none.
    pub fn first_after(&self, epoch_s: f64) -> Option<Instant> {
        let firsts = self.tracks.iter().map(|track| track.kept.iter().find(|kept| kept.start_s >= epoch_s));
        firsts.map(|first| first.map(|kept| kept.arrived)).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The smallest rung's pictures of these seconds since the epoch, whole segments, as a file.
    pub fn pictures(&self, from_s: f64, to_s: f64) -> Vec<u8> {
        let smallest = self.tracks.iter().rfind(|track| !track.uri.starts_with("audio"));
        let track = smallest.expect("a channel has pictures");
        let mut file = track.header.as_ref().map(|(_, header)| header.to_vec()).unwrap_or_default();
        for kept in track.kept.iter().filter(|kept| kept.start_s >= from_s && kept.start_s < to_s) {
            file.extend_from_slice(&kept.bytes);
        }
        file
    }

    /// What it found so far.
    pub fn findings(&self) -> Findings {
        let mut findings = self.findings.clone();
        for Track { continuity, playback, .. } in &self.tracks {
            findings.frames += continuity.frames;
            findings.missing += continuity.missing;
            findings.duplicate += continuity.duplicate;
            findings.torn += continuity.no_key;
            findings.stalls += playback.stalls;
            findings.longest_gap = findings.longest_gap.max(playback.longest_gap);
        }
        findings
    }

    /// The players are switched off; what they found.
    pub fn over(mut self) -> Findings {
        let now = Instant::now();
        for track in &mut self.tracks {
            track.playback.over(now);
        }
        self.findings()
    }
}

impl Track {
    fn look(&mut self, stack: &Stack, channel: &str, findings: &mut Findings) {
        let path = format!("/{channel}/{}", self.uri);
        let Some(answer) = whole(stack, &path) else {
            findings.unanswered += 1;
            return;
        };
        match self.watch.look(answer.text()) {
            Ok(violations) => {
                findings.violations += violations.len() as u64;
                violations.iter().for_each(|violation| findings.tell(format!("{path}: {violation}")));
            }
            Err(fault) => {
                findings.torn += 1;
                findings.tell(format!("{path}: {fault}"));
                return;
            }
        }
        let Some(playlist) = self.watch.last() else { return };
        // A player begins three segments before the end.
        let begin = playlist.next_number().saturating_sub(3).max(playlist.media_sequence);
        let next = self.next.unwrap_or(begin);
        let new: Vec<_> =
            playlist.segments.iter().filter(|segment| segment.number >= next).cloned().collect();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for segment in &new {
            match self.read(stack, folder, segment) {
                Ok((bytes, chunks)) => self.take(segment, bytes, &chunks, findings),
                Err(Unread::Unanswered) => {
                    findings.unanswered += 1;
                    return;
                }
                Err(Unread::Torn(fault)) => {
                    findings.torn += 1;
                    findings.tell(format!("{folder}/{}: {fault}", segment.uri));
                    return;
                }
            }
        }
    }

    fn read(
        &mut self,
        stack: &Stack,
        folder: &str,
        segment: &Segment,
    ) -> Result<(Bytes, Vec<ReadChunk>), Unread> {
        let map = segment.map.as_deref().unwrap_or_default();
        if self.header.as_ref().is_none_or(|(known, _)| known != map) {
            let answer = whole(stack, &format!("{folder}/{map}")).ok_or(Unread::Unanswered)?;
            self.header = Some((map.to_owned(), answer.body));
        }
        let (_, header) = self.header.as_ref().expect("it was read");
        let bytes = whole(stack, &format!("{folder}/{}", segment.uri)).ok_or(Unread::Unanswered)?.body;
        match tracks::read_chunks(header, &bytes) {
            Ok(chunks) if chunks.is_empty() => Err(Unread::Torn("nothing is in it".to_owned())),
            Ok(chunks) => Ok((bytes, chunks)),
            Err(fault) => Err(Unread::Torn(fault.to_string())),
        }
    }

    fn take(&mut self, segment: &Segment, bytes: Bytes, chunks: &[ReadChunk], findings: &mut Findings) {
        let arrived = Instant::now();
        let (missing, duplicate) = (self.continuity.missing, self.continuity.duplicate);
        self.continuity.segment(chunks);
        let missing = self.continuity.missing - missing;
        let duplicate = self.continuity.duplicate - duplicate;
        if missing + duplicate > 0 {
            let (uri, number) = (&segment.uri, segment.number);
            findings.tell(format!(
                "{}: before {uri}, number {number}: {missing} frames missing, {duplicate} twice",
                self.uri
            ));
        }
        findings.segments += 1;
        findings.discontinuities += segment.discontinuities;
        let waited = self.kept.back().map_or(Duration::ZERO, |last| arrived - last.arrived);
        if waited.as_secs_f64() > 1.8 * segment.duration {
            findings
                .tell(format!("{}: number {} came {waited:.1?} after the last", self.uri, segment.number));
        }
        self.playback.got(arrived, Duration::from_secs_f64(segment.duration));
        let ticks: u64 = chunks.iter().map(|chunk| chunk.duration).sum();
        let ticks_per_s = ticks as f64 / segment.duration;
        let start_s = chunks[0].decode_time as f64 / ticks_per_s;
        let (number, uri) = (segment.number, segment.uri.clone());
        self.kept.push_back(Kept { number, uri, bytes, start_s, arrived });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self.next = Some(number + 1);
    }

    fn read_again(&self, stack: &Stack, channel: &str, findings: &mut Findings) {
        let path = format!("/{channel}/{}", self.uri);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let playlist = stack.fetch(&stack.origin_url(&path)).filter(|answer| answer.status == 200);
        let Some(playlist) = playlist.and_then(|answer| conformance::Playlist::parse(answer.text()).ok())
        else {
            findings.unanswered += 1;
            return;
        };
        for kept in self.kept.iter().filter(|kept| kept.number >= playlist.media_sequence) {
            let listed = playlist
                .segments
                .iter()
                .any(|segment| segment.number == kept.number && segment.uri == kept.uri);
            let again = stack.fetch(&stack.origin_url(&format!("{folder}/{}", kept.uri)));
            match again {
                Some(answer) if answer.status == 200 && listed => {
                    if answer.body != kept.bytes {
                        findings.changed += 1;
                        findings.tell(format!("{folder}/{}: other bytes than before", kept.uri));
                    }
                }
                // It left the window in this moment.
                Some(answer) if answer.status == 404 && kept.number <= playlist.media_sequence + 2 => {}
                Some(answer) => {
                    findings.lost += 1;
                    findings.tell(format!("{folder}/{}: {}, listed: {listed}", kept.uri, answer.status));
                }
                None => findings.unanswered += 1,
            }
        }
    }
}

/// Why a segment that is listed was not read.
enum Unread {
    /// No answer, or not 200: it is asked for again.
    Unanswered,
    /// What came is no segment.
    Torn(String),
}

fn whole(stack: &Stack, path: &str) -> Option<Answer> {
    stack.try_get(path).filter(|answer| answer.status == 200)
}
