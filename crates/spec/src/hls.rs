//! HLS inputs.

use std::fmt;

use playlist::{Choice, Url};

use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// A stream that is fetched by HLS: `{ hls = "https://example.org/live/index.m3u8", … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsPull {
    /// `hls`: the playlist's URL; it may carry `user:password@`, which no log shows, nor its query.
    pub url: Url,
    /// Which of its streams: `max_height`, in lines, `max_bandwidth`, in bits per second, and `language`, of the sound.
    pub choice: Choice,
    /// `at_end = "loop"`: a list that ends is played again from its start. `"wait"` where it is not set: for what is
    /// listed next.
    pub is_looped: bool,
    /// `allow_private`: it, and all it names, may lie in private networks or on this machine, default false.
    pub allow_private: bool,
}

impl HlsPull {
    /// Reads the input whose `hls` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let url = field.string()?.parse().map_err(|fault| field.fault(format!("{fault}")))?;
        let choice = choice(fields)?;
        let is_looped = match fields.take("at_end") {
            None => false,
            Some(field) => field.choice(&[("wait", false), ("loop", true)])?,
        };
        let allow_private = fields.flag("allow_private")?;
        Ok(Self { url, choice, is_looped, allow_private })
    }
}

/// Which of the streams of a playlist is wanted: `max_height`, `max_bandwidth`, `language`.
pub(crate) fn choice(fields: &mut Fields<'_>) -> Result<Choice, Fault> {
    let max_height = match fields.take("max_height") {
        None => None,
        Some(field) => Some(field.integer(16..=16_384, "lines")? as u32),
    };
    let max_bandwidth_bps = match fields.take("max_bandwidth") {
        None => None,
        Some(field) => Some(field.scaled(10_000..=1_000_000_000, "bits per second")?),
    };
    let language = match fields.take("language") {
        None => None,
        Some(field) => match field.string()? {
            text if (2..=35).contains(&text.len()) => Some(text.to_owned()),
            _ => {
                return Err(
                    field.fault("a language is wanted here, as the playlist names it, such as \"en\"")
                );
            }
        },
    };
    Ok(Choice { max_height, max_bandwidth_bps, language, ..Choice::default() })
}

/// What of a choice the operator is told.
pub(crate) fn show_choice(choice: &Choice, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(height) = choice.max_height {
        write!(f, ", at most {height} lines")?;
    }
    if let Some(bandwidth_bps) = choice.max_bandwidth_bps {
        write!(f, ", at most {} kbit/s", bandwidth_bps / 1_000)?;
    }
    match &choice.language {
        Some(language) => write!(f, ", sound in {language}"),
        None => Ok(()),
    }
}

impl fmt::Display for HlsPull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HLS from {}", self.url)?;
        show_choice(&self.choice, f)?;
        f.write_str(if self.is_looped { ", repeated" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use crate::Input;
    use crate::channel::read_input as read;

    #[test]
    fn an_hls_input_is_a_url_and_which_of_its_streams() {
        let input = read(
            "{ hls = \"https://anna:s3cret@h/live/index.m3u8?t=t0ken\", max_height = 720, max_bandwidth = \"3M\", \
             language = \"de\", at_end = \"loop\" }",
        )
        .expect("valid");
        let told = "HLS from https://h/live/index.m3u8, at most 720 lines, at most 3000 kbit/s, sound in de, repeated";
        assert_eq!(input.to_string(), told);
        let shown = format!("{input:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
        let Ok(Input::Hls(pull)) = read("{ hls = \"http://h/\", allow_private = true }") else {
            panic!("HLS")
        };
        assert!(pull.allow_private && !pull.is_looped);
    }

    #[test]
    fn other_urls_and_bounds_are_refused() {
        assert_eq!(
            read("{ hls = \"file:///etc/passwd\" }").expect_err("refused"),
            "line 3: channel[0].input.hls: a URL begins with http:// or https://"
        );
        assert_eq!(
            read("{ hls = \"http://h/\", max_height = 1 }").expect_err("refused"),
            "line 3: channel[0].input.max_height: 1 is out of bounds: 16 to 16384 lines"
        );
    }
}
