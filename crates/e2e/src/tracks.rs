//! A channel's tracks, read segment by segment from the edge as a player would, down to the samples' decode times.

use bytes::Bytes;
use cmaf::{ChunkReader, Event, ReadChunk, ReadError};
use conformance::Playlist;

use crate::hls::{media_playlist, media_playlists};
use crate::stack::Stack;

/// One track as read.
#[derive(Debug)]
pub struct ReadTrack {
    /// Its playlist's URI relative to the channel.
    pub uri: String,
    /// The playlist.
    pub playlist: Playlist,
    /// Header bytes of the first segment.
    pub header: Bytes,
    /// Segment bytes, in order.
    pub segments: Vec<Bytes>,
}

impl ReadTrack {
    /// Header and segments as one file.
    pub fn file(&self) -> Vec<u8> {
        let mut file = self.header.to_vec();
        for segment in &self.segments {
            file.extend_from_slice(segment);
        }
        file
    }
}

/// Reads every listed segment of every track of `channel`. Panics where a listed segment is missing or torn.
pub fn read_all(stack: &Stack, channel: &str) -> Vec<ReadTrack> {
    let multivariant = stack.get(&format!("/{channel}/index.m3u8"));
    media_playlists(multivariant.text()).iter().map(|uri| read(stack, channel, uri)).collect()
}

/// Reads every listed segment of one track.
pub fn read(stack: &Stack, channel: &str, uri: &str) -> ReadTrack {
    let playlist = media_playlist(stack.get(&format!("/{channel}/{uri}")).text());
    let folder = uri.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole = |name: &str| {
        let answer = stack.get(&format!("/{channel}/{folder}/{name}"));
        assert_eq!(answer.status, 200, "{channel}/{folder}/{name} is listed");
        answer.body
    };
    let first = playlist.segments.first().expect("a segment is listed");
    let header = whole(first.map.as_ref().expect("each segment has a header"));
    let segments = playlist.segments.iter().map(|segment| whole(&segment.uri)).collect();
    ReadTrack { uri: uri.to_owned(), playlist, header, segments }
}

/// Panics where a listed track of `channel` has a hole, a frame twice, or a discontinuity.
pub fn assert_whole(stack: &Stack, channel: &str) {
    for track in &read_all(stack, channel) {
        for pair in chunks(track).windows(2) {
            assert_eq!(pair[0].decode_time + pair[0].duration, pair[1].decode_time, "{}", track.uri);
        }
        assert!(track.playlist.segments.iter().all(|segment| segment.discontinuities == 0), "{}", track.uri);
    }
}

/// The chunks of every listed segment, in order; panics where a segment is torn.
pub fn chunks(track: &ReadTrack) -> Vec<ReadChunk> {
    track.segments.iter().flat_map(|segment| chunks_of(track, segment)).collect()
}

/// Decode time of each listed segment, from its bytes; panics where one does not begin with a key frame.
pub fn segment_starts(track: &ReadTrack) -> Vec<u64> {
    let start = |segment| {
        let first = chunks_of(track, segment).into_iter().next().expect("a segment has chunks");
        assert!(first.sync_first, "{}: a segment begins with a key frame", track.uri);
        first.decode_time
    };
    track.segments.iter().map(start).collect()
}

fn chunks_of(track: &ReadTrack, segment: &Bytes) -> Vec<ReadChunk> {
    read_chunks(&track.header, segment).unwrap_or_else(|fault| panic!("{}: {fault}", track.uri))
}

/// The chunks of one segment; an error where it is torn.
pub fn read_chunks(header: &Bytes, segment: &Bytes) -> Result<Vec<ReadChunk>, ReadError> {
    let mut reader = ChunkReader::new();
    reader.feed(header.clone());
    reader.feed(segment.clone());
    let mut chunks = Vec::new();
    while let Some(event) = reader.next()? {
        if let Event::Chunk(chunk) = event {
            chunks.push(chunk);
        }
    }
    reader.finish()?;
    Ok(chunks)
}
