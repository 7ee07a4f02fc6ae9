//! What `channel create` reads: channels as the workflow file has them, or one as JSON.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use media::ChannelName;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::Error;

/// Far above any real file of channels; keeps a mistaken path to a video from being read whole.
const MAX_FILE_BYTES: u64 = 1 << 20;

const WRITE: &str =
    "write [[channel]] tables as in the workflow file, or a JSON object with one channel's settings";

/// A channel to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: ChannelName,
    /// Its settings in JSON.
    pub(crate) body: String,
}

/// The text of `path`; of standard input where that is `-`.
pub(crate) fn text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_string(&mut text),
        false => File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)),
    };
    match read {
        Ok(bytes) if bytes as u64 > MAX_FILE_BYTES => {
            let what = format!("it has more than {MAX_FILE_BYTES} bytes; {WRITE}");
            Err(Error::NoChannels { path: path.to_owned(), what })
        }
        Ok(_) => Ok(text),
        Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
    }
}

/// The channels in a text. One without a name gets `name`. What its settings say the API judges.
pub(crate) fn read(path: &Path, text: &str, name: Option<&ChannelName>) -> Result<Vec<Wanted>, Error> {
    let found = match text.trim_start().starts_with('{') {
        true => of_json(text, name).map(|wanted| vec![wanted]),
        false => of_toml(text, name),
    };
    found.map_err(|what| Error::NoChannels { path: path.to_owned(), what })
}

/// JSON goes out as it came: the API finds what is wrong with it, members that come twice too.
fn of_json(text: &str, name: Option<&ChannelName>) -> Result<Wanted, String> {
    let read: Json = serde_json::from_str(text).map_err(|fault| format!("it is no valid JSON: {fault}"))?;
    let name = named(read.get("name").and_then(Json::as_str), name)?;
    Ok(Wanted { name, body: text.to_owned() })
}

fn of_toml(text: &str, name: Option<&ChannelName>) -> Result<Vec<Wanted>, String> {
    let mut table: Table = text.parse().map_err(|fault| format!("it is no valid TOML: {fault}"))?;
    let tables = match table.remove("channel") {
        // One channel's settings, bare.
        None if table.contains_key("input") => vec![Value::Table(table)],
        None => return Err(format!("there is no channel in it; {WRITE}")),
        Some(Value::Array(tables)) => match table.keys().next() {
            None => tables,
            Some(other) => {
                return Err(format!(
                    "`{other}` is no channel; the API makes channels alone: leave everything but [[channel]] out"
                ));
            }
        },
        Some(_) => return Err("a channel's table is [[channel]], with two brackets".to_owned()),
    };
    if tables.is_empty() {
        return Err(format!("there is no channel in it; {WRITE}"));
    }
    if let (2.., Some(name)) = (tables.len(), name) {
        return Err(format!("--name {name} names one channel, and there are {}", tables.len()));
    }
    tables.into_iter().map(|table| wanted(table, name)).collect()
}

fn wanted(table: Value, name: Option<&ChannelName>) -> Result<Wanted, String> {
    let name = named(table.get("name").and_then(Value::as_str), name)?;
    let body = json(table).map_err(|what| format!("channel {name}: {what}"))?.to_string();
    Ok(Wanted { name, body })
}

/// The name in the file, or the one that is given.
fn named(own: Option<&str>, given: Option<&ChannelName>) -> Result<ChannelName, String> {
    match (own, given) {
        (None, None) => Err("a channel has no name: write `name`, or give --name".to_owned()),
        (None, Some(given)) => Ok(given.clone()),
        (Some(own), Some(given)) if own != given.as_str() => {
            Err(format!("--name {given} is another name than the file's, `{}`", own.escape_debug()))
        }
        (Some(own), _) => ChannelName::try_from(own.to_owned()).map_err(|fault| fault.to_string()),
    }
}

fn json(value: Value) -> Result<Json, &'static str> {
    Ok(match value {
        Value::String(text) => text.into(),
        Value::Integer(number) => number.into(),
        Value::Float(number) if number.is_finite() => number.into(),
        Value::Float(_) => return Err("no setting is infinite, or no number"),
        Value::Boolean(is) => is.into(),
        Value::Datetime(_) => return Err("no setting is a date"),
        Value::Array(list) => Json::Array(list.into_iter().map(json).collect::<Result<_, _>>()?),
        Value::Table(table) => {
            let members = table.into_iter().map(|(name, value)| Ok((name, json(value)?)));
            Json::Object(members.collect::<Result<_, &'static str>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str) -> Option<ChannelName> {
        (!name.is_empty()).then(|| ChannelName::try_from(name.to_owned()).expect("a name"))
    }

    fn found(text: &str, name: &str) -> Vec<(String, String)> {
        let wanted = read("f".as_ref(), text, given(name).as_ref()).expect(text);
        wanted.into_iter().map(|wanted| (wanted.name.as_str().to_owned(), wanted.body)).collect()
    }

    fn refused(text: &str, name: &str) -> String {
        read("f".as_ref(), text, given(name).as_ref()).expect_err(text).to_string()
    }

    fn one(name: &str, body: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), body.to_owned())]
    }

    #[test]
    fn channels_are_read_from_workflow_tables_bare_settings_and_json() {
        let table = "[[channel]]\nname = \"a\"\ninput = { rtmp = \"live/a\" }\nsegment = 2.5\n";
        let body = r#"{"input":{"rtmp":"live/a"},"name":"a","segment":2.5}"#;
        assert_eq!(found(table, ""), one("a", body));
        assert_eq!(found(table, "a"), one("a", body));
        let two = table.to_owned() + &table.replace("\"a\"", "\"b\"");
        assert_eq!(found(&two, "").iter().map(|(name, _)| name.as_str()).collect::<String>(), "ab");
        assert_eq!(
            found("input = \"test\"\nladder = [\"720p30\"]", "c"),
            one("c", r#"{"input":"test","ladder":["720p30"]}"#)
        );
        let json = " {\"input\":\"test\",\"input\":1}";
        assert_eq!(found(json, "c"), one("c", json), "the API says what is wrong with it");
    }

    #[test]
    fn what_holds_no_channel_is_refused_with_what_would() {
        for (text, name, told) in [
            ("", "", "there is no channel in it"),
            ("channel = []", "", "there is no channel in it"),
            ("[channel]\nname = \"a\"", "", "two brackets"),
            ("[[channel]]\ninput = \"test\"", "", "has no name"),
            ("{\"input\":\"test\"}", "", "has no name"),
            ("[[channel]]\nname = \"a\"", "b", "another name"),
            ("[[channel]]\nname = \"A\"", "", ""),
            ("[[channel]]\nname = \"a\"\n[[channel]]\nname = \"b\"", "a", "there are 2"),
            ("[listen]\nrtmp = \"off\"\n[[channel]]\nname = \"a\"", "", "`listen` is no channel"),
            ("[[channel]]\nname = \"a\"\nx = 2026-01-01", "", "no setting is a date"),
            ("[[channel]]\nname = \"a\"\nx = inf", "", "infinite"),
            ("{", "", "no valid JSON"),
            ("\u{0}\u{1}", "", "no valid TOML"),
        ] {
            let refusal = refused(text, name);
            assert!(refusal.starts_with("`f`: ") && refusal.contains(told), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_one_of_channels_is_not_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("film.toml");
        std::fs::write(&path, vec![b' '; MAX_FILE_BYTES as usize + 5]).expect("written");
        assert!(text(&path).expect_err("too long").to_string().contains("more than"));
        assert!(matches!(text(&folder.path().join("none")), Err(Error::Unreadable { .. })));
    }
}
