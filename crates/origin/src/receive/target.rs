//! What a path below a channel's publishing point means.

use manifest::TrackName;

use super::Names;
use super::refusal::Refusal;

/// What is sent to a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Headers and segments of a track.
    Track(TrackName, Cut),
    /// What the track shows when nobody publishes.
    Slate(TrackName),
    /// An MPD.
    Manifest,
    /// Something that is taken and not used: HLS playlists, which say nothing the media does not.
    Ignored,
}

/// Where segments end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A body is one segment.
    Body,
    /// A body goes on for ever: at a `styp`, or without one at the first sync sample in a new slot.
    Stream,
}

/// The file of a track's slate.
const SLATE: &str = "slate.m4s";
/// The track of flat file names that name none.
const UNNAMED: &str = "main";

/// Reads what stands after `/ingest/{channel}/`.
pub(super) fn read(path: &str, names: &Names) -> Result<Target, Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "." | "..")) || path.contains('%') || path.contains('\\') {
        return Err(Refusal::Path);
    }
    let file = parts.last().copied().unwrap_or("");
    if file.ends_with(".mpd") {
        return Ok(Target::Manifest);
    }
    if file.ends_with(".m3u8") {
        return Ok(Target::Ignored);
    }
    match parts[..] {
        [streams] if streams.starts_with("Streams(") && streams.ends_with(')') => {
            let name = &streams["Streams(".len()..streams.len() - 1];
            let name = name.trim_end_matches(".cmfv").trim_end_matches(".cmfa").trim_end_matches(".mp4");
            Ok(Target::Track(track(name)?, Cut::Stream))
        }
        [file] => {
            let name = names.track(file).or_else(|| flat(file)).ok_or(Refusal::NoTrack)?;
            Ok(Target::Track(track(&name)?, Cut::Body))
        }
        [name, SLATE] => Ok(Target::Slate(track(name)?)),
        [name, ..] => Ok(Target::Track(track(name)?, Cut::Body)),
        [] => Err(Refusal::NoTrack),
    }
}

/// A track's name from a representation's: a bare number is no name for a viewer, so `0` becomes `stream0`, which
/// is also what ffmpeg's file names say.
fn track(name: &str) -> Result<TrackName, Refusal> {
    let name = match name.bytes().all(|byte| byte.is_ascii_digit()) {
        true if !name.is_empty() => format!("stream{name}"),
        _ => name.to_owned(),
    };
    Ok(name.parse()?)
}

/// The track in a flat file name, where no MPD has told: `init-{track}.m4s`, `chunk-{track}-00001.m4s`,
/// `{track}-init.mp4`, `{track}_12.m4s`.
fn flat(file: &str) -> Option<String> {
    let (stem, _) = file.rsplit_once('.')?;
    if let Some(track) = stem.strip_prefix("init-").or_else(|| stem.strip_prefix("init_")) {
        return Some(track.to_owned());
    }
    if let Some(track) = stem.strip_suffix("-init").or_else(|| stem.strip_suffix("_init")) {
        return Some(track.to_owned());
    }
    let front = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let numbered = front.len() < stem.len();
    match front.strip_suffix(['-', '_', '.']) {
        Some(front) if numbered => {
            let track = front.strip_prefix("chunk-").unwrap_or(front);
            (!track.is_empty()).then(|| track.to_owned())
        }
        // ffmpeg's HLS muxer: `init.mp4`, `live0.m4s`.
        _ => (stem == "init" || numbered).then(|| UNNAMED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_path_is_read_without_fault(
            path in "(/|_|-|Streams\\(|\\)|init|chunk-|[0-9]{1,5}|[.]m4s|[.]mpd|[.]cmfv|\\PC){0,8}"
        ) {
            let _ = read(&path, &Names::default());
        }
    }

    fn name(path: &str) -> String {
        match read(path, &Names::default()) {
            Ok(Target::Track(name, cut)) => format!("{name} {cut:?}"),
            Ok(other) => format!("{other:?}"),
            Err(refusal) => format!("{} {refusal}", refusal.name()),
        }
    }

    #[test]
    fn paths_name_their_tracks() {
        for (path, expected) in [
            ("720p30/init.mp4", "720p30 Body"),
            ("720p30/153000000000000.m4s", "720p30 Body"),
            ("audio/deep/er/1.m4s", "audio Body"),
            ("audio/slate.m4s", "Slate(TrackName(\"audio\"))"),
            ("Streams(video)", "video Stream"),
            ("Streams(video-1.cmfv)", "video-1 Stream"),
            ("init-stream0.m4s", "stream0 Body"),
            ("chunk-stream0-00001.m4s", "stream0 Body"),
            ("chunk-0-00001.m4s", "stream0 Body"),
            ("video_init.mp4", "video Body"),
            ("video_12.m4s", "video Body"),
            ("init.mp4", "main Body"),
            ("live12.m4s", "main Body"),
            ("manifest.mpd", "Manifest"),
            ("master.m3u8", "Ignored"),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }

    #[test]
    fn paths_that_lead_out_or_nowhere_are_refused() {
        for path in ["../x/1.m4s", "a/../b", "a%2fb", "a\\b"] {
            assert!(matches!(read(path, &Names::default()), Err(Refusal::Path)), "{path}");
        }
        for path in ["", "x", "x.mp4", "Streams()", "Streams(a b)", ".x/1.m4s", "a\"b/1.m4s"] {
            assert!(read(path, &Names::default()).is_err(), "{path}");
        }
    }
}
