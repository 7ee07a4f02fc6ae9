//! Multivariant playlists: which streams there are, and which is taken.

use crate::Url;

/// A multivariant playlist (RFC 8216 §4.3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multivariant {
    /// In the playlist's order.
    pub variants: Vec<Variant>,
    /// Renditions of sound, in the playlist's order.
    pub audio: Vec<Rendition>,
}

/// One variant stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub url: Url,
    /// `BANDWIDTH`, in bits per second.
    pub bandwidth_bps: u64,
    /// The picture's height, where it is told.
    pub height: Option<u32>,
    /// `CODECS`, as they are named; empty where they are not.
    pub codecs: String,
    /// The group of its renditions of sound.
    pub audio_group: Option<String>,
}

/// One rendition of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// Its group.
    pub group: String,
    /// Its media playlist; `None`: it is in the variant itself.
    pub url: Option<Url>,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// `DEFAULT=YES`.
    pub is_default: bool,
}

/// Which of the streams is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// No taller picture, where there is one as low.
    pub max_height: Option<u32>,
    /// No more bits per second, where there is a stream of as few.
    pub max_bandwidth_bps: Option<u64>,
    /// The language of the sound, where there is that.
    pub language: Option<String>,
}

/// The playlists to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Pictures, and sound where it is not apart.
    pub main: Url,
    /// Sound, where it is apart.
    pub audio: Option<Url>,
}

impl Multivariant {
    /// The stream of the highest bandwidth within `choice`; where none is, the one that is least above. Streams without
    /// pictures only where there is no other. `None` without any variant.
    pub fn choose(&self, choice: &Choice) -> Option<Chosen> {
        let fits = |variant: &&Variant| {
            let low = |max: u32| variant.height.is_none_or(|height| height <= max);
            choice.max_height.is_none_or(low)
                && choice.max_bandwidth_bps.is_none_or(|max| variant.bandwidth_bps <= max)
        };
        let pictures: Vec<_> = self.variants.iter().filter(|variant| !variant.is_sound()).collect();
        let all = if pictures.is_empty() { self.variants.iter().collect() } else { pictures };
        let size = |variant: &&Variant| (variant.height.unwrap_or(0), variant.bandwidth_bps);
        let best = all.iter().copied().filter(fits).max_by_key(|variant| variant.bandwidth_bps);
        let variant = best.or_else(|| all.into_iter().min_by_key(size))?;
        let group: Vec<_> =
            self.audio.iter().filter(|audio| Some(&audio.group) == variant.audio_group.as_ref()).collect();
        let spoken = |audio: &&&Rendition| choice.language.is_some() && audio.language == choice.language;
        let audio = group
            .iter()
            .find(spoken)
            .or_else(|| group.iter().find(|audio| audio.is_default))
            .or(group.first())
            .and_then(|audio| audio.url.clone())
            // Sound that is not apart is named with the variant's own playlist by some.
            .filter(|url| *url != variant.url);
        Some(Chosen { main: variant.url.clone(), audio })
    }
}

impl Variant {
    /// Whether it says that it has no pictures.
    fn is_sound(&self) -> bool {
        let is_sound = |codec: &str| {
            ["mp4a", "ac-3", "ec-3", "opus", "Opus", "fLaC", "mp3"]
                .iter()
                .any(|kind| codec.trim().starts_with(kind))
        };
        self.height.is_none() && !self.codecs.is_empty() && self.codecs.split(',').all(is_sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Playlist;

    const TEXT: &str = "#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"en.m3u8\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Deutsch\",LANGUAGE=\"de\",URI=\"de.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"
sound.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"a\"
720.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360
360.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=6000000,RESOLUTION=1920x1080,AUDIO=\"a\"
1080.m3u8
";

    fn chosen(choice: Choice) -> (String, Option<String>) {
        let base: Url = "http://h/live/index.m3u8".parse().expect("a URL");
        let Ok(Playlist::Multivariant(list)) = Playlist::parse(TEXT.as_bytes(), &base) else {
            panic!("a multivariant playlist");
        };
        let chosen = list.choose(&choice).expect("there are variants");
        (chosen.main.path().to_owned(), chosen.audio.map(|url| url.path().to_owned()))
    }

    fn pair(main: &str, audio: Option<&str>) -> (String, Option<String>) {
        (format!("/live/{main}.m3u8"), audio.map(|audio| format!("/live/{audio}.m3u8")))
    }

    #[test]
    fn the_highest_stream_within_the_choice_is_taken_with_its_sound() {
        assert_eq!(chosen(Choice::default()), pair("1080", Some("en")));
        assert_eq!(chosen(Choice { max_height: Some(720), ..Choice::default() }), pair("720", Some("en")));
        let choice = Choice { max_bandwidth_bps: Some(1_000_000), ..Choice::default() };
        assert_eq!(chosen(choice), pair("360", None));
        let choice = Choice { language: Some("de".to_owned()), ..Choice::default() };
        assert_eq!(chosen(choice), pair("1080", Some("de")));
    }

    #[test]
    fn where_nothing_is_small_enough_the_smallest_picture_is_taken() {
        assert_eq!(chosen(Choice { max_height: Some(100), ..Choice::default() }), pair("360", None));
    }
}
