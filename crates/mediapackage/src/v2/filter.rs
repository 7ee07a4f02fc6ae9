//! Filters of v2's manifests: a delay, and which video.

use aws::Map;
use toml::Value as Toml;

use crate::asked::Manifest;
use crate::settings::{Refusal, Settings};

/// The one manifest filter that is carried out.
const VIDEO_BITRATE: &str = "video_bitrate";
/// Shortest window, in seconds; v2's own least.
const SHORTEST_WINDOW_S: u32 = 30;

/// What a filter asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) delay_s: u32,
    pub(super) more: Vec<(&'static str, Toml)>,
}

/// Reads a `FilterConfiguration`: what it asks for, and as it is carried out.
pub(super) fn read(mut from: Settings<'_>) -> Result<(Filter, Map), Refusal> {
    let longest = Manifest::LONGEST_S - SHORTEST_WINDOW_S;
    let mut filter =
        Filter { delay_s: from.whole("TimeDelaySeconds", 0..=longest)?.unwrap_or(0), ..Filter::default() };
    if let Some(text) = from.text("ManifestFilter") {
        let (least, most) = video_bitrate(text).ok_or_else(|| {
            from.refusal(
                "ManifestFilter",
                "only `video_bitrate:LOW-HIGH` is carried out here, such as `video_bitrate:0-3000000`",
            )
        })?;
        filter.more.push(("min_video_bitrate", least.into()));
        filter.more.push(("max_video_bitrate", most.into()));
    }
    Ok((filter, from.finish()?))
}

/// `video_bitrate:LOW-HIGH`, in bits per second.
fn video_bitrate(text: &str) -> Option<(u32, u32)> {
    let (name, range) = text.split_once(':')?;
    let (least, most) = range.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok())?
    };
    let (least, most): (u32, u32) = (number(least)?, number(most)?);
    (name == VIDEO_BITRATE && least <= most).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_bit_rates_is_the_one_filter() {
        assert_eq!(video_bitrate("video_bitrate:0-3000000"), Some((0, 3_000_000)));
        for text in [
            "",
            "video_bitrate",
            "video_bitrate:5-4",
            "video_bitrate:-4",
            "video_bitrate:0-99999999999",
            "video_height:1-2",
            "video_bitrate:0-1;audio_language:en",
        ] {
            assert_eq!(video_bitrate(text), None, "{text}");
        }
    }
}
