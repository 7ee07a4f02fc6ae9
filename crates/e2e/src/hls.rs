//! HLS playlists as a player reads them.

/// A media playlist.
#[derive(Debug, Clone, PartialEq)]
pub struct Playlist {
    /// EXT-X-MEDIA-SEQUENCE.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE, 0 where absent.
    pub discontinuity_sequence: u64,
    /// Segments in order.
    pub segments: Vec<Segment>,
}

/// One segment of a playlist.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its URI, as written.
    pub uri: String,
    /// The URI of its header, as written.
    pub map: String,
    /// EXTINF, seconds.
    pub seconds: f64,
    /// EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
}

impl Playlist {
    /// Reads a playlist; panics on what no player would accept.
    pub fn parse(text: &str) -> Self {
        assert!(text.starts_with("#EXTM3U\n"), "{text}");
        let mut playlist = Self { media_sequence: 0, discontinuity_sequence: 0, segments: Vec::new() };
        let (mut map, mut seconds, mut discontinuity) = (String::new(), 0.0, false);
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                playlist.media_sequence = value.parse().expect("a number");
            } else if let Some(value) = line.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:") {
                playlist.discontinuity_sequence = value.parse().expect("a number");
            } else if let Some(value) = line.strip_prefix("#EXT-X-MAP:URI=\"") {
                map = value.split('"').next().expect("a quoted URI").to_owned();
            } else if let Some(value) = line.strip_prefix("#EXTINF:") {
                seconds = value.trim_end_matches(',').parse().expect("seconds");
            } else if line == "#EXT-X-DISCONTINUITY" {
                discontinuity = true;
            } else if !line.starts_with('#') && !line.is_empty() {
                assert!(!map.is_empty(), "a segment without EXT-X-MAP: {text}");
                playlist.segments.push(Segment {
                    uri: line.to_owned(),
                    map: map.clone(),
                    seconds,
                    discontinuity,
                });
                discontinuity = false;
            }
        }
        playlist
    }

    /// Segments with their media sequence numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Segment)> {
        (self.media_sequence..).zip(&self.segments)
    }
}

/// URIs of the media playlists of a multivariant playlist, video first, then audio groups.
pub fn media_playlists(multivariant: &str) -> Vec<String> {
    let variants =
        multivariant.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned);
    let groups = multivariant
        .lines()
        .filter(|line| line.starts_with("#EXT-X-MEDIA:"))
        .filter_map(|line| Some(line.split_once("URI=\"")?.1.split('"').next()?.to_owned()));
    let mut all: Vec<String> = Vec::new();
    for uri in variants.chain(groups) {
        if !all.contains(&uri) {
            all.push(uri);
        }
    }
    all
}
