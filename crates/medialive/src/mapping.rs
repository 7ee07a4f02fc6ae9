//! A MediaLive channel as a channel of the workflow file. Pure: the same settings and inputs give the same table.
//!
//! [`complete`] fills in what may be missing, [`table`] maps; every table it gives is one that `spec` takes, and everything it
//! refuses it refuses by the setting's place.

mod audio;
mod complete;
mod failover;
mod fill;
mod lenient;
mod output;
mod source;
mod video;

use std::collections::BTreeMap;

use aws::Map;
use toml::{Table, Value};

pub(crate) use complete::{ORIGIN, complete};
pub use lenient::is_lenient;
pub(crate) use output::media;

use crate::at::{At, Invalid};
use crate::endpoint::{Endpoint, Reach};

/// An input as channels use it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Feed {
    /// One, or two of a pair.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Latency of each, where it asks for one.
    pub(crate) latency_ms: Vec<Option<i64>>,
    /// Networks that may send, where its security groups say.
    pub(crate) senders: Option<Vec<String>>,
}

/// Which attachment is shown: the first, or one that the schedule switched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    First,
    Named(&'a str),
}

/// The `[[channel]]` of channel `id`. `settings` are completed; `feeds` has every attached input, by its id.
pub(crate) fn table(
    id: &str,
    settings: &Map,
    feeds: &BTreeMap<String, Feed>,
    shown: Shown<'_>,
    reach: Reach,
) -> Result<Table, Invalid> {
    let root = At::root(settings);
    let encoder = root
        .at("EncoderSettings")
        .ok_or_else(|| root.invalid("EncoderSettings", "a channel needs outputs: give it EncoderSettings"))?;
    let group = output::Group::read(id, &root, &encoder)?;
    let rungs = video::ladder(&encoder, &group)?;
    let sound = audio::Sound::read(&encoder, &group)?;
    let source = source::choose(&root, feeds, shown, &sound, reach)?;

    let mut channel = door::table([("name", group.media.as_str())]);
    let mut set = |key: &str, value: Value| channel.insert(key.to_owned(), value);
    set("input", source.input.into());
    if let Some(backup) = source.backup {
        set("backup", backup.into());
    }
    if let Some(failover) = source.failover {
        set("failover", failover.into());
    }
    set("pipelines", source.pipelines);
    set("ladder", Value::Array(rungs.tables.into_iter().map(Value::Table).collect()));
    let segment_ms = group.segment_ms(rungs.key_frame_ms)?;
    set("segment", Value::from(f64::from(segment_ms) / 1e3));
    if let Some(window_ms) = group.window_ms(segment_ms)? {
        set("window", Value::from(f64::from(window_ms) / 1e3));
    }
    set("audio_bitrate", Value::from(sound.bitrate_bps));
    if !source.audio.is_empty() {
        set("audio", Value::Array(source.audio.into_iter().map(Value::Table).collect()));
    }
    if let Some(fill) = fill::table(&encoder)? {
        set("fill", fill.into());
    }
    parse(channel.clone())
        .map_err(|fault| Invalid { path: place(&fault, &rungs.paths), message: fault.message })?;
    Ok(channel)
}

/// The table as the workflow file's reader has it.
pub(crate) fn parse(channel: Table) -> Result<spec::Workflow, spec::Fault> {
    let file = door::table([("channel", vec![Value::Table(channel)])]);
    let broken =
        |fault: toml::ser::Error| spec::Fault { line: 0, field: String::new(), message: fault.to_string() };
    spec::Workflow::parse(&toml::to_string(&file).map_err(broken)?)
}

/// The setting behind a field of the workflow file. What it complains of here was not foreseen in the mapping.
fn place(fault: &spec::Fault, rungs: &[String]) -> String {
    let field = fault.field.strip_prefix("channel[0].").unwrap_or_default();
    let name = field.split(['.', '[']).next().unwrap_or_default();
    let index = field.split(['[', ']']).nth(1).and_then(|index| index.parse::<usize>().ok()).unwrap_or(0);
    match name {
        "ladder" => {
            rungs.get(index).cloned().unwrap_or_else(|| "/encoderSettings/videoDescriptions".to_owned())
        }
        "audio" | "audio_bitrate" => "/encoderSettings/audioDescriptions".to_owned(),
        "segment" | "window" | "name" => "/encoderSettings/outputGroups/0/outputGroupSettings".to_owned(),
        "fill" => "/encoderSettings/globalConfiguration/inputLossBehavior".to_owned(),
        "failover" => "/inputAttachments/0/automaticInputFailoverSettings".to_owned(),
        _ => "/inputAttachments".to_owned(),
    }
}

#[cfg(test)]
mod any_channel;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
