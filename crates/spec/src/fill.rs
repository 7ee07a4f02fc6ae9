//! What a channel shows while its source is away.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::fields::Fields;

/// `[channel.fill]`: what viewers of a transcoded channel see from the first frame on that its source fails to bring.
/// The sound is silent meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// `repeat`: how long the last frame is shown again, in seconds, 0 to 3600, default 1.
    pub repeat_ms: u32,
    /// `black`: how long black follows, in seconds, 0 to 3600, default 1.
    pub black_ms: u32,
    /// `slate`: what is shown from then on, and before the source first comes.
    pub slate: Slate,
}

/// A picture that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slate {
    /// The channel's name on a dark ground: where nothing is set.
    Name,
    /// One colour, `"#rrggbb"`: red, green, blue.
    Colour([u8; 3]),
    /// A PNG, JPEG or WebP file, relative to the workflow file.
    File(PathBuf),
}

impl Default for Fill {
    fn default() -> Self {
        Self { repeat_ms: 1_000, black_ms: 1_000, slate: Slate::Name }
    }
}

impl Fill {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut fill = Self::default();
        if let Some(field) = fields.take("repeat") {
            fill.repeat_ms = (field.number(0.0..=3_600.0, "seconds")? * 1e3).round() as u32;
        }
        if let Some(field) = fields.take("black") {
            fill.black_ms = (field.number(0.0..=3_600.0, "seconds")? * 1e3).round() as u32;
        }
        if let Some(field) = fields.take("slate") {
            fill.slate = match field.string()? {
                "" => {
                    return Err(field.fault("a picture file or a colour such as \"#102030\" is wanted here"));
                }
                text if text.starts_with('#') => Slate::Colour(colour(text).ok_or_else(|| {
                    field.fault(format!(
                        "\"{text}\" is no colour: write six hexadecimal digits, such as \"#102030\""
                    ))
                })?),
                path => Slate::File(path.into()),
            };
        }
        fields.finish()?;
        Ok(fill)
    }
}

fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workflow;

    fn read(more: &str) -> Result<Fill, String> {
        let text = format!("[[channel]]\nname = \"a\"\ninput = \"test\"\n{more}\n");
        Workflow::parse(&text).map(|workflow| workflow.channels[0].fill.clone()).map_err(|f| f.to_string())
    }

    #[test]
    fn a_second_of_the_last_frame_a_second_of_black_then_the_channel_s_name() {
        assert_eq!(read(""), Ok(Fill::default()));
        let set = "[channel.fill]\nrepeat = 0.5\nblack = 0\nslate = \"#1020fF\"";
        assert_eq!(read(set), Ok(Fill { repeat_ms: 500, black_ms: 0, slate: Slate::Colour([16, 32, 255]) }));
        let file = read("fill = { slate = \"card.png\" }").expect("valid").slate;
        assert_eq!(file, Slate::File("card.png".into()));
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let refused = |more: &str| read(more).expect_err("refused");
        assert_eq!(
            refused("fill = { slate = \"#12345\" }"),
            "line 4: channel[0].fill.slate: \"#12345\" is no colour: write six hexadecimal digits, such as \"#102030\""
        );
        assert_eq!(
            refused("fill = { repeat = -1 }"),
            "line 4: channel[0].fill.repeat: -1 is out of bounds: 0 to 3600 seconds"
        );
        let passthrough =
            "[[channel]]\nname = \"a\"\ninput = { rtmp = \"l/a\" }\nladder = \"passthrough\"\nfill = {}\n";
        assert_eq!(
            Workflow::parse(passthrough).expect_err("refused").to_string(),
            "line 5: channel[0].fill: only a channel with rungs can be filled: its pictures are made here"
        );
    }
}
