//! Which of a source's audio tracks viewers can choose.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// One `[[channel.audio]]` of a transcoded channel: an audio rendition. It is there as long as the channel, and silent
/// where the source has no track for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioRendition {
    /// `track`: the source's audio track by its place, from 1 to 8.
    pub track: Option<u8>,
    /// `language`: ISO 639-2 (`eng`) or BCP 47 (`pt-BR`). What viewers are told; without `track` also what the source's
    /// track must say.
    pub language: Option<String>,
    /// `name`: what viewers read in their menu.
    pub name: Option<String>,
}

impl AudioRendition {
    /// Most of a channel.
    pub const MAX: usize = 8;
    const MAX_NAME: usize = 64;

    /// The source's first audio track: where nothing is set.
    pub const fn first() -> Self {
        Self { track: Some(1), language: None, name: None }
    }

    /// The name in URLs of a channel's rendition at `index`.
    pub fn track_name(index: usize) -> String {
        match index {
            0 => "audio".to_owned(),
            index => format!("audio-{}", index + 1),
        }
    }

    /// Whether a rung may not have this name.
    pub(crate) fn takes_name(name: &str) -> bool {
        (0..Self::MAX).any(|index| Self::track_name(index) == name)
    }

    /// Which of a source's audio tracks it is, of those whose languages are given in their order.
    pub fn pick<'a>(&self, mut languages: impl Iterator<Item = Option<&'a str>>) -> Option<usize> {
        match (self.track, &self.language) {
            (Some(track), _) => {
                let at = usize::from(track.saturating_sub(1));
                languages.nth(at).map(|_| at)
            }
            (None, Some(wanted)) => {
                languages.position(|language| language.is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
            }
            (None, None) => languages.next().map(|_| 0),
        }
    }

    /// Reads `[[channel.audio]]`.
    pub(crate) fn read_all(field: Field<'_>) -> Result<Vec<Self>, Fault> {
        let count = field.fault(format!("a channel has 1 to {} audio renditions", Self::MAX));
        let entries = field.list()?;
        if entries.is_empty() || entries.len() > Self::MAX {
            return Err(count);
        }
        let mut all: Vec<Self> = Vec::with_capacity(entries.len());
        for entry in entries {
            let same = entry.fault(
                "another audio rendition has this name and language: viewers could not tell them apart",
            );
            let rendition = Self::read(entry.table()?)?;
            let is_like =
                |other: &Self| (&other.name, &other.language) == (&rendition.name, &rendition.language);
            if all.iter().any(is_like) {
                return Err(same);
            }
            all.push(rendition);
        }
        Ok(all)
    }

    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let track = match fields.take("track") {
            None => None,
            Some(field) => Some(field.integer(1..=Self::MAX as i64, "in the order of the source")? as u8),
        };
        let language = match fields.take("language") {
            None => None,
            Some(field) => {
                let text = field.string()?;
                let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if !fits || !(2..=35).contains(&text.len()) {
                    return Err(
                        field.fault("a language is ISO 639-2 or BCP 47, such as \"eng\" or \"pt-BR\"")
                    );
                }
                Some(text.to_owned())
            }
        };
        let name = match fields.take("name") {
            None => None,
            Some(field) => {
                let text = field.string()?;
                let fits = text.chars().all(|c| !c.is_control() && c != '"');
                if !fits || text.is_empty() || text.len() > Self::MAX_NAME {
                    return Err(field.fault(format!(
                        "a name is 1 to {} bytes of text without quotation marks, such as \"English\"",
                        Self::MAX_NAME
                    )));
                }
                Some(text.to_owned())
            }
        };
        if track.is_none() && language.is_none() {
            return Err(fields.fault("say which of the source's tracks: `language = \"eng\"` or `track = 2`"));
        }
        fields.finish()?;
        Ok(Self { track, language, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workflow;
    use expect_test::{Expect, expect};

    fn read(more: &str) -> Result<Vec<AudioRendition>, Fault> {
        let text = format!("[[channel]]\nname = \"main\"\ninput = {{ srt = \"main\" }}\n{more}\n");
        Workflow::parse(&text).map(|mut workflow| workflow.channels.remove(0).audio)
    }

    fn check(more: &str, fault: Expect) {
        fault.assert_eq(&read(more).expect_err("refused").to_string());
    }

    #[test]
    fn languages_and_places_choose_among_a_source_s_tracks() {
        assert_eq!(read("").expect("valid"), [AudioRendition::first()]);
        let all = read(
            "[[channel.audio]]\nlanguage = \"deu\"\nname = \"Deutsch\"\n\
             [[channel.audio]]\ntrack = 3\nlanguage = \"pt-BR\"\n[[channel.audio]]\ntrack = 1",
        )
        .expect("valid");
        let pick = |languages: &[Option<&str>]| -> Vec<Option<usize>> {
            all.iter().map(|rendition| rendition.pick(languages.iter().copied())).collect()
        };
        assert_eq!(pick(&[Some("eng"), Some("DEU"), None]), [Some(1), Some(2), Some(0)]);
        assert_eq!(pick(&[None]), [None, None, Some(0)]);
        assert_eq!(pick(&[]), [None, None, None]);
        assert_eq!(AudioRendition::track_name(0), "audio");
        assert_eq!(AudioRendition::track_name(2), "audio-3");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        check(
            "[[channel.audio]]\nname = \"x\"",
            expect![[
                r#"line 4: channel[0].audio[0]: say which of the source's tracks: `language = "eng"` or `track = 2`"#
            ]],
        );
        check(
            "[[channel.audio]]\ntrack = 9",
            expect![
                "line 5: channel[0].audio[0].track: 9 is out of bounds: 1 to 8 in the order of the source"
            ],
        );
        check(
            "[[channel.audio]]\nlanguage = \"e\"",
            expect![[
                r#"line 5: channel[0].audio[0].language: a language is ISO 639-2 or BCP 47, such as "eng" or "pt-BR""#
            ]],
        );
        check(
            "[[channel.audio]]\ntrack = 1\nname = 'a\"b'",
            expect![[
                r#"line 6: channel[0].audio[0].name: a name is 1 to 64 bytes of text without quotation marks, such as "English""#
            ]],
        );
        check("audio = []", expect!["line 4: channel[0].audio: a channel has 1 to 8 audio renditions"]);
        check(
            "[[channel.audio]]\ntrack = 1\n[[channel.audio]]\ntrack = 2",
            expect![
                "line 6: channel[0].audio[1]: another audio rendition has this name and language: viewers could not tell them apart"
            ],
        );
        check(
            "ladder = \"passthrough\"\n[[channel.audio]]\ntrack = 2",
            expect![
                "line 5: channel[0].audio: only a channel with rungs makes audio renditions of its source's tracks"
            ],
        );
    }
}
