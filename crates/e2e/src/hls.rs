//! HLS playlists as a player reads them.

use conformance::Playlist;

/// A media playlist's text as values; panics on what no player would accept.
pub fn media_playlist(text: &str) -> Playlist {
    let playlist = Playlist::parse(text).unwrap_or_else(|fault| panic!("{fault} in {text}"));
    assert!(
        playlist.segments.iter().all(|segment| segment.map.is_some()),
        "a segment without EXT-X-MAP: {text}"
    );
    playlist
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
