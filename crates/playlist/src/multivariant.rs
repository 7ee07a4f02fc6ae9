//! Multivariant playlists: which streams there are, and which is taken.

use crate::Url;
use crate::limits::{MAX_PICTURES, MAX_SOUNDS};

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
    /// How many of those that fit.
    pub extent: Extent,
    /// No taller picture, where there is one as low.
    pub max_height: Option<u32>,
    /// No more bits per second, where there is a stream of as few.
    pub max_bandwidth_bps: Option<u64>,
    /// The language of the sound, where there is that.
    pub language: Option<String>,
}

/// How many streams are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// The best, with one sound.
    #[default]
    Best,
    /// The whole ladder: [`MAX_PICTURES`] renditions of the picture, the best first, and [`MAX_SOUNDS`] of the sound.
    Ladder,
}

/// The playlists to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Pictures, and sound where it is not apart, the best first; at least one. A place in this list is a rendition's rank.
    pub main: Vec<Url>,
    /// Sound, where it is apart, the default first.
    pub audio: Vec<Sound>,
}

/// Sound that has a playlist of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Its media playlist.
    pub url: Url,
    /// `LANGUAGE`.
    pub language: Option<String>,
}

impl Chosen {
    /// One playlist, with all there is.
    pub fn lone(url: Url) -> Self {
        Self { main: vec![url], audio: Vec::new() }
    }

    /// Whether the same playlists are followed, in whatever order: an encoder that measures its bit rates may tell others from time to
    /// time.
    pub fn is_of_same(&self, other: &Self) -> bool {
        let all = |chosen: &Self| chosen.urls().count();
        all(self) == all(other) && self.urls().all(|url| other.urls().any(|known| known == url))
    }

    /// Every playlist.
    pub fn urls(&self) -> impl Iterator<Item = &Url> {
        self.main.iter().chain(self.audio.iter().map(|sound| &sound.url))
    }
}

impl Multivariant {
    /// The streams of the highest bandwidth within `choice`; where none is, the one that is least above. Streams without
    /// pictures only where there is no other. `None` without any variant.
    pub fn choose(&self, choice: &Choice) -> Option<Chosen> {
        let most = match choice.extent {
            Extent::Best => (1, 1),
            Extent::Ladder => (MAX_PICTURES, MAX_SOUNDS),
        };
        let ladder = self.ladder(choice);
        let mut main: Vec<Url> = Vec::new();
        for variant in &ladder {
            // One picture may be listed once for each group of sound.
            if !main.contains(&variant.url) {
                main.push(variant.url.clone());
            }
        }
        let group = match choice.extent {
            Extent::Best => ladder.first()?.audio_group.as_ref(),
            Extent::Ladder => ladder.iter().find_map(|variant| variant.audio_group.as_ref()),
        };
        let mut audio = self.sounds(group, choice, &main);
        main.truncate(most.0);
        audio.truncate(most.1);
        (!main.is_empty()).then_some(Chosen { main, audio })
    }

    /// The variants within `choice`, the best first.
    fn ladder(&self, choice: &Choice) -> Vec<&Variant> {
        let fits = |variant: &&Variant| {
            let low = |max: u32| variant.height.is_none_or(|height| height <= max);
            choice.max_height.is_none_or(low)
                && choice.max_bandwidth_bps.is_none_or(|max| variant.bandwidth_bps <= max)
        };
        let pictures: Vec<_> = self.variants.iter().filter(|variant| !variant.is_sound()).collect();
        let has_pictures = !pictures.is_empty();
        let all = if has_pictures { pictures } else { self.variants.iter().collect() };
        let size = |variant: &&Variant| (variant.height.unwrap_or(0), variant.bandwidth_bps);
        let mut ladder: Vec<_> = all.iter().copied().filter(fits).collect();
        if ladder.is_empty() {
            ladder.extend(all.into_iter().min_by_key(size));
        }
        ladder.sort_by_key(|variant| std::cmp::Reverse(variant.bandwidth_bps));
        if !has_pictures {
            ladder.truncate(1);
        }
        ladder
    }

    /// The sound of a group: that of the language which is wanted, where there is that, else all. None where the first of it is
    /// in the playlists of pictures, `main`: then that is what is taken.
    fn sounds(&self, group: Option<&String>, choice: &Choice, main: &[Url]) -> Vec<Sound> {
        let mut renditions: Vec<_> = self.audio.iter().filter(|audio| Some(&audio.group) == group).collect();
        let spoken = |audio: &Rendition| choice.language.is_some() && audio.language == choice.language;
        if renditions.iter().any(|audio| spoken(audio)) {
            renditions.retain(|audio| spoken(audio));
        }
        renditions.sort_by_key(|audio| !audio.is_default);
        // Sound that is not apart is named with the variant's own playlist by some.
        let apart = |audio: &Rendition| audio.url.clone().filter(|url| !main.contains(url));
        let mut sounds: Vec<Sound> = Vec::new();
        for audio in renditions {
            match apart(audio) {
                Some(url) if sounds.iter().all(|known| known.url != url) => {
                    sounds.push(Sound { url, language: audio.language.clone() });
                }
                None if sounds.is_empty() => break,
                _ => {}
            }
        }
        sounds
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

    fn chosen(choice: Choice) -> (Vec<String>, Vec<String>) {
        let base: Url = "http://h/live/index.m3u8".parse().expect("a URL");
        let Ok(Playlist::Multivariant(list)) = Playlist::parse(TEXT.as_bytes(), &base) else {
            panic!("a multivariant playlist");
        };
        let chosen = list.choose(&choice).expect("there are variants");
        let path = |url: &Url| url.path().to_owned();
        (chosen.main.iter().map(path).collect(), chosen.audio.iter().map(|sound| path(&sound.url)).collect())
    }

    fn paths(names: &str) -> Vec<String> {
        names.split_whitespace().map(|name| format!("/live/{name}.m3u8")).collect()
    }

    fn pair(main: &str, audio: Option<&str>) -> (Vec<String>, Vec<String>) {
        (paths(main), paths(audio.unwrap_or("")))
    }

    fn ladder() -> Choice {
        Choice { extent: Extent::Ladder, ..Choice::default() }
    }

    #[test]
    fn a_ladder_is_all_that_fits_the_best_first_with_each_sound_once() {
        assert_eq!(chosen(ladder()), pair("1080 720 360", Some("en de")));
        let low = Choice { max_bandwidth_bps: Some(4_000_000), ..ladder() };
        assert_eq!(chosen(low), pair("720 360", Some("en de")));
        let german = Choice { max_height: Some(720), language: Some("de".to_owned()), ..ladder() };
        assert_eq!(chosen(german), pair("720 360", Some("de")));
        let tiny = Choice { max_height: Some(100), ..ladder() };
        assert_eq!(chosen(tiny), pair("360", None), "it has no sound apart");
    }

    #[test]
    fn of_a_ladder_without_end_so_much_is_taken() {
        let base: Url = "http://h/index.m3u8".parse().expect("a URL");
        let lines = |number: usize| {
            format!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"{number}\",URI=\"a{number}.m3u8\"\n\
                     #EXT-X-STREAM-INF:BANDWIDTH={number},AUDIO=\"a\"\n{number}.m3u8\n"
            )
        };
        let text: String = std::iter::once("#EXTM3U\n".to_owned()).chain((1..100).map(lines)).collect();
        let Ok(Playlist::Multivariant(list)) = Playlist::parse(text.as_bytes(), &base) else {
            panic!("a multivariant playlist");
        };
        let chosen = list.choose(&ladder()).expect("there are variants");
        assert_eq!((chosen.main.len(), chosen.audio.len()), (MAX_PICTURES, MAX_SOUNDS));
        assert_eq!(chosen.main[0].path(), "/99.m3u8");
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
