//! What a viewer's path means.

use manifest::{HeaderId, TrackName, dash};
use media::ChannelName;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The list of channels, as a page.
    Index,
    /// The list of channels, as JSON.
    Channels,
    Time,
    Health,
    Asset(&'a str),
    /// `/{channel}` is `/{channel}/`.
    Redirect(String),
    Channel(ChannelName, ChannelFile),
}

/// A file of a channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChannelFile {
    Page,
    Multivariant,
    Mpd,
    Status,
    Media(TrackName),
    Header(TrackName, HeaderId),
    Segment(TrackName, i64),
    /// Of the segment that begins at this time, the part of this index.
    Part(TrackName, i64, usize),
    /// The segment in this slot of the grid.
    Slot(TrackName, i64),
}

/// Reads a path, without its query; `None` for what is not there.
pub(super) fn read(path: &str) -> Option<Route<'_>> {
    match path {
        "/" => return Some(Route::Index),
        "/channels.json" => return Some(Route::Channels),
        "/health" => return Some(Route::Health),
        dash::CLOCK_PATH => return Some(Route::Time),
        _ => {}
    }
    if let Some(name) = path.strip_prefix("/_/assets/") {
        return Some(Route::Asset(name));
    }
    let (channel, file) = match path.strip_prefix('/')?.split_once('/') {
        Some(split) => split,
        None => {
            let channel: ChannelName = path[1..].parse().ok()?;
            return Some(Route::Redirect(format!("/{channel}/")));
        }
    };
    let channel: ChannelName = channel.parse().ok()?;
    let file = match file {
        "" => ChannelFile::Page,
        "index.m3u8" => ChannelFile::Multivariant,
        "manifest.mpd" => ChannelFile::Mpd,
        "status.json" => ChannelFile::Status,
        _ => {
            let (track, file) = file.split_once('/')?;
            track_file(track.parse().ok()?, file)?
        }
    };
    Some(Route::Channel(channel, file))
}

pub(super) fn track_file(track: TrackName, file: &str) -> Option<ChannelFile> {
    if file == "index.m3u8" {
        return Some(ChannelFile::Media(track));
    }
    if let Some(name) = file.strip_suffix(".m4s") {
        if let Some(slot) = name.strip_prefix("slot-") {
            return Some(ChannelFile::Slot(track, canonical(slot)?));
        }
        return Some(match name.split_once('.') {
            None => ChannelFile::Segment(track, canonical(name)?),
            Some((start, index)) => ChannelFile::Part(track, canonical(start)?, canonical(index)?),
        });
    }
    let id = file.strip_prefix("init-")?.strip_suffix(".mp4")?;
    let number = HeaderId(u64::from_str_radix(id, 16).ok()?);
    (number.to_string() == id).then_some(ChannelFile::Header(track, number))
}

/// A number as it is printed: one URL for one thing, so no plus sign and no leading zeros.
pub(super) fn canonical<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_path_is_read_without_fault(path in "(/|_|demo|video|index.m3u8|init-|[0-9a-f]{1,17}|.m4s|.mp4|\\PC){0,8}") {
            let _ = read(&path);
        }
    }

    #[test]
    fn each_thing_has_one_path() {
        for (path, expected) in [
            ("/", "Index"),
            ("/demo", "Redirect(\"/demo/\")"),
            ("/_/time", "Time"),
            ("/_/assets/a-1.js", "Asset(\"a-1.js\")"),
            ("/demo/", "Channel(ChannelName(\"demo\"), Page)"),
            ("/demo/video/12.m4s", "Channel(ChannelName(\"demo\"), Segment(TrackName(\"video\"), 12))"),
            ("/demo/video/12.3.m4s", "Channel(ChannelName(\"demo\"), Part(TrackName(\"video\"), 12, 3))"),
            ("/demo/video/slot-9.m4s", "Channel(ChannelName(\"demo\"), Slot(TrackName(\"video\"), 9))"),
            (
                "/demo/video/init-00000000000000ff.mp4",
                "Channel(ChannelName(\"demo\"), Header(TrackName(\"video\"), HeaderId(255)))",
            ),
        ] {
            let route = read(path).map(|route| format!("{route:?}"));
            assert_eq!(route.as_deref(), Some(expected), "{path}");
        }
        for path in [
            "",
            "x",
            "//",
            "/../x",
            "/demo/video/012.m4s",
            "/demo/video/+12.m4s",
            "/demo/video/ff.m4s",
            "/demo/video/12.03.m4s",
            "/demo/video/12.-3.m4s",
            "/demo/video/12.3.4.m4s",
            "/demo/video/slot-09.m4s",
            "/demo/video/init-ff.mp4",
            "/demo/video/",
            "/demo/x",
            "/Demo/",
            "/demo/a/b/index.m3u8",
            "/demo/video/99999999999999999999.m4s",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
