//! The playlist of playlists.

use std::fmt::Write;

use media::Format;

use super::Style;
use crate::{Timeline, Track};

/// Language of a rendition whose header tells none (BCP 47: undetermined).
const UNDETERMINED: &str = "und";

/// The multivariant playlist, or `None` while nothing is listed.
///
/// Each video track is a variant; audio tracks are renditions of one group per codec, and every video is offered
/// with every group. A rendition is called by its label, or where it has none of its own by its track's name. Without video, each audio track is a variant. BANDWIDTH is the measured peak of a variant with
/// its dearest audio. Spec: RFC 8216bis §4.4.6.
pub fn multivariant(timeline: &Timeline) -> Option<String> {
    multivariant_in(&Style::default(), timeline)
}

/// The same in another style.
pub fn multivariant_in(style: &Style, timeline: &Timeline) -> Option<String> {
    let offered = timeline.offered();
    let mut videos: Vec<_> = offered.iter().copied().filter(|t| t.header().format.is_video()).collect();
    let mut audios: Vec<_> = offered.iter().filter(|t| !t.header().format.is_video()).collect();
    if videos.is_empty() && audios.is_empty() {
        return None;
    }
    videos.sort_by_key(|track| {
        let height = match &track.header().format {
            Format::Video(video) => video.height,
            Format::Audio(_) => 0,
        };
        (std::cmp::Reverse((height, track.average_bps())), &track.name)
    });
    style.order.sort(&mut videos);
    audios.sort_by_key(|track| (family(track).to_owned(), &track.name));

    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-INDEPENDENT-SEGMENTS\n", super::VERSION);
    if videos.is_empty() {
        for audio in audios {
            variant(&mut text, style, audio, &[], None);
        }
        return Some(text);
    }
    let groups: Vec<&[&&Track]> = audios.chunk_by(|a, b| family(a) == family(b)).collect();
    for group in &groups {
        for (index, audio) in group.iter().enumerate() {
            let label = audio.header().label.as_deref();
            let is_its_own =
                group.iter().filter(|other| other.header().label.as_deref() == label).count() == 1;
            let name = label.filter(|_| is_its_own).unwrap_or(audio.name().as_str());
            rendition(&mut text, style, audio, name, &group_id(group), index == 0);
        }
    }
    for video in videos {
        if groups.is_empty() {
            variant(&mut text, style, video, &[], None);
        }
        for group in &groups {
            variant(&mut text, style, video, group, Some(&group_id(group)));
        }
    }
    Some(text)
}

/// `mp4a`, `opus`: renditions of one group share it.
fn family(track: &Track) -> &str {
    let codecs = track.header().format.rfc6381();
    codecs.split('.').next().unwrap_or(codecs)
}

fn group_id(group: &[&&Track]) -> String {
    format!("audio-{}", group.first().map_or("none", |track| family(track)))
}

fn rendition(text: &mut String, style: &Style, audio: &Track, name: &str, group: &str, default: bool) {
    let Format::Audio(format) = &audio.header().format else {
        return;
    };
    let default = if default { "YES" } else { "NO" };
    let language = audio.header().language.as_deref().unwrap_or(UNDETERMINED);
    writeln!(
        text,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"{name}\",LANGUAGE=\"{language}\",\
         DEFAULT={default},AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{track}/{playlist}.m3u8\"",
        track = audio.name(),
        playlist = style.playlist,
        channels = format.channels,
    )
    .expect("writing to a string cannot fail");
}

fn variant(text: &mut String, style: &Style, track: &Track, audios: &[&&Track], group: Option<&str>) {
    let dearest = |rate: fn(&Track) -> u64| audios.iter().map(|t| rate(t)).max().unwrap_or(0);
    let peak = track.peak_bps() + dearest(Track::peak_bps);
    let average = track.average_bps() + dearest(Track::average_bps);
    let mut codecs = vec![track.header().format.rfc6381()];
    for audio in audios {
        let codec = audio.header().format.rfc6381();
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    write!(
        text,
        "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"",
        codecs.join(",")
    )
    .expect("writing to a string cannot fail");
    if let Format::Video(video) = &track.header().format {
        write!(text, ",RESOLUTION={}x{}", video.width, video.height)
            .expect("writing to a string cannot fail");
        if let Some(rate) = video.frame_rate {
            write!(text, ",FRAME-RATE={:.3}", rate.as_f64()).expect("writing to a string cannot fail");
        }
    }
    if let Some(group) = group {
        write!(text, ",AUDIO=\"{group}\"").expect("writing to a string cannot fail");
    }
    writeln!(text, "\n{}/{}.m3u8", track.name(), style.playlist).expect("writing to a string cannot fail");
}
